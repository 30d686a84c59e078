"""The wallet probe: a real node, nodes that misbehave, and what was seen as the deploy began."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.probes.chain import KEY, Chain, anvil
from tests.probes.looking import look, said
from tests.probes.recorded import cases, judge_case, look_at
from tests.probes.serving import HOSTILE, Asked, Serving, answering, serving
from ultra_checklist.probes.jsonrpc import READ_ONLY

NOBODY = "0x" + "c3" * 20


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with anvil() as made:
        yield made


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving() as made:
        yield made


def options(chain: Chain, **more: Any) -> dict[str, Any]:
    return {"rpc": chain.url, "account": chain.sender, "chain_id": 1, "max_transactions": 1, **more}


@pytest.mark.parametrize("path", cases("wallet"))
def test_recorded_observations(path: Path) -> None:
    judge_case("wallet", path)


def send(chain: Chain) -> None:
    """The wallet signs something: here by the pretend market, as somebody with its key might anywhere."""
    chain.put(NOBODY, 1, 0)


def test_what_was_sent_since_the_deploy_is_counted(chain: Chain) -> None:
    wanted = options(chain)
    found, before = look_at("wallet", wanted)
    assert said(found) == ("unknown", "no-baseline")
    found, _ = look_at("wallet", wanted, before=before)
    assert said(found) == ("pass", "quiet")
    assert (found.expected.en, found.seen.en) == ("<= 1", "transactions since the deploy: 0")
    send(chain)
    assert said(look_at("wallet", wanted, before=before)[0]) == ("pass", "quiet")
    send(chain)
    found, _ = look_at("wallet", wanted, before=before)
    assert said(found) == ("fail", "transactions")
    assert found.seen.en == "transactions since the deploy: 2"
    assert chain.sender in found.remedy.en
    assert said(look_at("wallet", options(chain, max_transactions=2), before=before)[0]) == ("pass", "quiet")


def test_another_wallet_or_chain_is_no_baseline(chain: Chain) -> None:
    _, before = look_at("wallet", options(chain))
    other = options(chain, account=NOBODY)
    assert said(look_at("wallet", other, before=before)[0]) == ("unknown", "no-baseline")
    assert said(look_at("wallet", options(chain, chain_id=10), before=before)[0]) == ("fail", "wrong-chain")
    with anvil(11155111) as sepolia:
        there = options(sepolia, chain_id=11155111)
        assert said(look("wallet", there)) == ("fail", "testnet")
        assert said(look_at("wallet", {**there, "testnet": True}, before=before)[0]) == ("unknown", "no-baseline")


def test_a_node_that_knows_less_than_before_tells_nothing(chain: Chain, server: Serving) -> None:
    send(chain)
    _, before = look_at("wallet", options(chain))
    methods: list[str] = []

    def forgetful(asked: Asked) -> None:
        request = json.loads(asked.body)
        methods.append(request["method"])
        answer = httpx.post(chain.url, json=request, trust_env=False).json()
        if request["method"] == "eth_getTransactionCount":
            answer["result"] = "0x0"
        asked.reply(200, json.dumps(answer))

    server.answer = forgetful
    found, _ = look_at("wallet", options(chain, rpc=server.url), before=before)
    assert said(found) == ("unknown", "count-fell")
    both, _ = look_at("wallet", options(chain, rpc=[chain.url, server.url]), before=before)
    assert said(both) == ("unknown", "rpc-disagree")
    assert "transactions" in both.sentence.en
    assert set(methods) <= READ_ONLY
    server.answer = answering(503)
    assert said(look("wallet", options(chain, rpc=[chain.url, server.url]))) == ("unknown", "server-error")


@pytest.mark.parametrize("kind", HOSTILE)
def test_answers_that_tell_nothing(server: Serving, kind: str) -> None:
    server.answer, reason = HOSTILE[kind]
    wanted = {"rpc": f"{server.url}/v2/{KEY}", "account": NOBODY, "chain_id": 1, "max_transactions": 0}
    found = look("wallet", {**wanted, "timeout": 0.4})
    assert said(found) == ("unknown", reason)
    assert KEY not in found.model_dump_json()

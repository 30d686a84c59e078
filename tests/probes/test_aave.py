"""The aave probe: a real node with a pretend market, nodes that misbehave, and recorded observations."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.probes.chain import KEY, Chain, anvil
from tests.probes.looking import look, said
from tests.probes.recorded import cases, judge_case, look_at
from tests.probes.serving import HOSTILE, Answer, Asked, Serving, answering, serving
from ultra_checklist.model import Verdict
from ultra_checklist.probes.jsonrpc import READ_ONLY

ACCOUNT, BORROWER, NOBODY = ("0x" + digits * 20 for digits in ("a1", "b2", "c3"))


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with anvil() as made:
        made.put(ACCOUNT, 5000, 0)
        made.put(BORROWER, 5000, 2000, 2.0625)
        yield made


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving() as made:
        yield made


def options(chain: Chain, **more: Any) -> dict[str, Any]:
    return {
        "rpc": chain.url,
        "provider": chain.market,
        "account": BORROWER,
        "chain_id": 1,
        "min_health_factor": 1.5,
        "min_collateral": 1000,
        **more,
    }


def relay(chain: Chain, change: Callable[[str, Any], Any], methods: list[str] | None = None) -> Answer:
    """Another node that gives what the chain gives, but for what ``change`` makes of a method's result."""

    def answer(asked: Asked) -> None:
        request = json.loads(asked.body)
        if methods is not None:
            methods.append(request["method"])
        found = httpx.post(chain.url, json=request, trust_env=False).json()
        if "result" in found:
            found["result"] = change(request["method"], found["result"])
        asked.reply(200, json.dumps(found))

    return answer


def unchanged(_method: str, result: Any) -> Any:
    return result


def changing(method: str, change: Callable[[Any], Any]) -> Callable[[str, Any], Any]:
    return lambda asked, result: change(result) if asked == method else result


@pytest.mark.parametrize("path", cases("aave"))
def test_recorded_observations(path: Path) -> None:
    judge_case("aave", path)


def test_a_healthy_position_and_one_without_debt(chain: Chain) -> None:
    found = look("aave", options(chain))
    assert said(found) == ("pass", "healthy")
    assert found.seen.en == "HF 2.0625, collateral 5,000.00, debt 2,000.00"
    found = look("aave", options(chain, account=ACCOUNT))
    assert said(found) == ("pass", "healthy")
    assert found.seen.en == "no debt, collateral 5,000.00"


def test_limits(chain: Chain) -> None:
    found = look("aave", options(chain, min_health_factor=2.1))
    assert said(found) == ("fail", "health-factor")
    assert found.expected.en == "HF >= 2.1"
    assert said(look("aave", options(chain, min_collateral=5000.01))) == ("fail", "collateral")
    assert said(look("aave", options(chain, min_collateral=5000))) == ("pass", "healthy")


def test_a_wrong_account_does_not_look_healthy(chain: Chain) -> None:
    assert said(look("aave", options(chain, account=NOBODY))) == ("unknown", "no-position")


def test_another_chain_fails_and_a_test_network_too(chain: Chain) -> None:
    found = look("aave", options(chain, chain_id=10))
    assert said(found) == ("fail", "wrong-chain")
    assert (found.expected.en, found.seen.en) == ("10", "127.0.0.1: 1")
    with anvil(11155111) as sepolia:
        sepolia.put(BORROWER, 5000, 0)
        assert said(look("aave", options(sepolia, chain_id=11155111))) == ("fail", "testnet")
        assert said(look("aave", options(sepolia, chain_id=11155111, testnet=True))) == ("pass", "healthy")


def test_an_address_without_contract_or_with_another_one_cannot_be_told(chain: Chain, server: Serving) -> None:
    assert said(look("aave", options(chain, provider=NOBODY))) == ("unknown", "no-contract")
    server.answer = relay(chain, changing("eth_call", lambda _result: "0x"))
    assert said(look("aave", options(chain, rpc=server.url))) == ("unknown", "not-aave")
    server.answer = relay(chain, changing("eth_call", lambda _result: "0x" + "f" * 64))
    assert said(look("aave", options(chain, rpc=server.url))) == ("unknown", "not-aave")


def test_figures_that_contradict_one_another_cannot_be_told(chain: Chain, server: Serving) -> None:
    zero_debt = lambda data: data[:66] + "0" * 64 + data[130:] if len(data) > 130 else data  # noqa: E731 - one use
    server.answer = relay(chain, changing("eth_call", zero_debt))
    assert said(look("aave", options(chain, rpc=server.url))) == ("unknown", "not-aave")


def test_nodes_must_agree(chain: Chain, server: Serving) -> None:
    both = options(chain, rpc=[chain.url, server.url])
    server.answer = relay(chain, unchanged)
    assert said(look("aave", both)) == ("pass", "healthy")
    more = lambda data: data[:-1] + "7" if len(data) > 130 else data  # noqa: E731 - one use
    server.answer = relay(chain, changing("eth_call", more))
    found = look("aave", both)
    assert said(found) == ("unknown", "rpc-disagree")
    assert "health factor" in found.sentence.en
    server.answer = relay(chain, changing("eth_chainId", lambda _result: "0xa"))
    assert said(look("aave", both)) == ("unknown", "rpc-disagree")
    server.answer = answering(503)
    assert said(look("aave", both)) == ("unknown", "server-error")


def test_all_nodes_are_asked_for_the_block_that_all_know(chain: Chain, server: Serving) -> None:
    def one_behind(block: Any) -> Any:
        return block if int(block["number"], 16) < newest else {**block, "number": hex(newest - 1)}

    newest = int(chain.call("eth_blockNumber"), 16)
    server.answer = relay(chain, changing("eth_getBlockByNumber", one_behind))
    found, material = look_at("aave", options(chain, rpc=[chain.url, server.url], min_collateral=1))
    assert [p["block"] for p in json.loads(material)["observation"]["positions"]] == [newest - 1] * 2, found


def test_old_and_future_blocks_cannot_be_told(chain: Chain, server: Serving) -> None:
    def at(shift: int) -> Answer:
        moved = lambda block: {**block, "timestamp": hex(int(block["timestamp"], 16) + shift)}  # noqa: E731
        return relay(chain, changing("eth_getBlockByNumber", moved))

    server.answer = at(-3600)
    assert said(look("aave", options(chain, rpc=server.url))) == ("unknown", "stale-block")
    assert said(look("aave", options(chain, rpc=server.url, max_block_age=9999))) == ("pass", "healthy")
    server.answer = at(3600)
    assert said(look("aave", options(chain, rpc=server.url))) == ("unknown", "clock-skew")


def test_the_change_since_the_deploy_began(chain: Chain) -> None:
    wanted = options(chain, account="0x" + "d4" * 20, max_change=5)
    chain.put(wanted["account"], 5000, 2000, 2)
    found, before = look_at("aave", wanted)
    assert said(found) == ("unknown", "no-baseline")
    assert said(look_at("aave", wanted, before=before)[0]) == ("pass", "healthy")
    for collateral, debt, health, verdict in (
        (5200, 2050, 2, ("pass", "healthy")),
        (4700, 2000, 2, ("fail", "changed")),
        (5000, 2200, 2, ("fail", "changed")),
        (5000, 0, None, ("fail", "changed")),
        (0, 0, None, ("fail", "changed")),
        (0, 2000, 0, ("fail", "health-factor")),
    ):
        chain.put(wanted["account"], collateral, debt, health)
        assert said(look_at("aave", wanted, before=before)[0]) == verdict, (collateral, debt)
    assert said(look_at("aave", {**wanted, "account": BORROWER}, before=before)[0]) == ("unknown", "no-baseline")


def test_only_reading_methods_are_sent(chain: Chain, server: Serving) -> None:
    methods: list[str] = []
    server.answer = relay(chain, unchanged, methods)
    assert said(look("aave", options(chain, rpc=server.url))) == ("pass", "healthy")
    assert methods
    assert set(methods) <= READ_ONLY


@pytest.mark.parametrize("kind", HOSTILE)
def test_answers_that_tell_nothing(server: Serving, kind: str) -> None:
    server.answer, reason = HOSTILE[kind]
    found = look("aave", pretend(f"{server.url}/v2/{KEY}", timeout=0.4))
    assert said(found) == ("unknown", reason)
    assert found.remedy.en.startswith("curl ")
    assert KEY not in found.model_dump_json()


def pretend(rpc: str, **more: Any) -> dict[str, Any]:
    known = {"provider": NOBODY, "account": ACCOUNT, "chain_id": 1, "min_health_factor": 1.5, "min_collateral": 1}
    return {"rpc": rpc, **known, **more}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "limit"}}, "rate-limited"),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": f"bad key {KEY}"}}, "rpc-error"),
        ({"jsonrpc": "2.0", "id": None, "error": "no"}, "rpc-error"),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "execution reverted"}}, "not-aave"),
        ({"jsonrpc": "2.0", "id": 1}, "malformed"),
        ({"jsonrpc": "2.0", "id": 2, "result": "0x1"}, "malformed"),
        ({"jsonrpc": "2.0", "id": 1, "result": 1}, "malformed"),
        ({"jsonrpc": "2.0", "id": 1, "result": "0xzz"}, "malformed"),
        ({"jsonrpc": "2.0", "id": 1, "result": "0x" + "1" * 5000}, "malformed"),
        ({"jsonrpc": "2.0", "id": 1, "result": "0x1"}, "malformed"),
        ([], "malformed"),
        (None, "malformed"),
    ],
)
def test_answers_that_are_no_chains(server: Serving, answer: Any, reason: str) -> None:
    server.answer = answering(200, json.dumps(answer))
    found = look("aave", pretend(f"{server.url}/?apikey={KEY}"))
    assert said(found) == ("unknown", reason)
    assert KEY not in found.model_dump_json()


def test_nobody_there_cannot_be_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert said(look("aave", pretend(f"http://127.0.0.1:{port}/{KEY}"))) == ("unknown", "connection-refused")
    found = look("aave", pretend(f"http://nowhere.invalid/{KEY}"))
    assert found.outcome.value == "unknown"
    assert KEY not in found.model_dump_json()


def test_the_key_in_the_address_is_nowhere_on_record(chain: Chain) -> None:
    assert KEY in chain.url
    verdict, material = look_at("aave", {**options(chain), "rpc": "${RPC}"})
    assert said(verdict) == ("unknown", "unset-variable")
    verdict, material = look_at("aave", options(chain))
    assert KEY not in verdict.model_dump_json()
    assert KEY not in json.dumps(json.loads(material)["observation"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"rpc": "ws://127.0.0.1/"}, "http"),
        ({"rpc": []}, "at least 1"),
        ({"rpc": [f"http://u:{KEY}@127.0.0.1/"]}, "password"),
        ({"rpc": [f"http://127.0.0.1:99999/{KEY}"]}, "http"),
        ({"rpc": ["http://a/", "http://a/"]}, "twice"),
        ({"account": "0x1"}, "no address"),
        ({"account": "0x" + "0" * 40}, "no address"),
        ({"min_health_factor": 0.9}, "at least 1.0"),
        ({"min_collateral": 0}, "greater"),
    ],
)
def test_options_that_make_no_sense_are_refused(more: dict[str, Any], message: str) -> None:
    found: Verdict = look("aave", pretend(**{"rpc": "http://127.0.0.1:1/", **more}))
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en
    assert KEY not in found.model_dump_json()

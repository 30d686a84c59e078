"""What all probes of an Ethereum chain ask first: the chain that is meant, an answer of now, nodes that agree."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic, time
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Frozen, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, failed, unknown
from ultra_checklist.probes.fetch import Asker, asker, plain_address
from ultra_checklist.probes.jsonrpc import ADDRESS, REMEDY, Block, Node

AHEAD = 60
"""Seconds that a block's time may lie before our clock: sequencers run ahead a little."""
TESTNETS = frozenset({
    3, 4, 5, 42, 97, 280, 300, 420, 1337, 4002, 10200, 17000, 31337, 43113, 59140, 59141, 59902, 80001, 80002,
    84531, 84532, 421613, 421614, 534351, 560048, 11155111, 11155420,
})  # fmt: skip
"""Ids of test networks by the register of EIP-155 chains, and those that development nodes have by default."""


def _address(value: str) -> str:
    if ADDRESS.fullmatch(value) is None or int(value, 16) == 0:
        raise WrongValue(
            f"{value!r} is no address: 0x and 40 hexadecimal digits, not all zero",
            f"{value!r} はアドレスではありません（0x と 16 進数 40 桁、すべて 0 は不可）",
        )
    return value.lower()


Address = Annotated[str, AfterValidator(_address)]


class ChainOptions(Options):
    """Which chain, and by which nodes."""

    rpc: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = Field(
        min_length=1, max_length=5, description="JSON-RPC address of the chain, or a list: all must agree."
    )
    chain_id: int = Field(gt=0, description="Id of the chain.")
    testnet: bool = Field(default=False, description="true: a test network is good, as for a staging checklist.")
    max_block_age: float = Field(default=300.0, gt=0, description="Oldest good block, in seconds.")

    @field_validator("rpc")
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise WrongValue(
                "the same address twice agrees with itself only", "同じアドレスを 2 回書いても照合になりません"
            )
        return [plain_address(url) for url in value]


class AtBlock(Frozen):
    """What a node says of one block."""

    block: int
    block_hash: str
    block_time: int


class ChainSeen(Observation):
    """What the nodes said of their chain, in the order of the option."""

    account: str
    asked: int
    """Our clock, in seconds since 1970."""
    hosts: list[str]
    chain_ids: list[int]


T = TypeVar("T", bound=AtBlock)
R = TypeVar("R")
S = TypeVar("S", bound=ChainSeen)
Ask = Callable[[Node, Asker, int], Awaitable[T]]
"""Asks one node for what it says of the block of that number."""


async def at_one_block(
    options: ChainOptions, context: Context, account: str, ask: Ask[T]
) -> tuple[ChainSeen, list[T]]:
    """Every node's chain, and what all say of the oldest of their newest blocks; nothing of another chain."""
    hosts = [urlsplit(url).hostname or "" for url in options.rpc]
    until = monotonic() + options.timeout

    async def everyone(work: Callable[[Node, Asker], Awaitable[R]]) -> list[R]:
        async def one(url: str, host: str) -> R:
            async with asker(host, max(until - monotonic(), 0.001), REMEDY) as asking:
                return await work(Node(asking, url, context.redactor.text), asking)

        jobs = (one(url, host) for url, host in zip(options.rpc, hosts, strict=True))
        asked = await asyncio.gather(*jobs, return_exceptions=True)
        for answer in asked:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in asked if not isinstance(answer, BaseException)]

    async def head(node: Node, _asking: Asker) -> tuple[int, Block]:
        return await node.chain_id(), await node.block()

    heads = await everyone(head)
    seen = ChainSeen(account=account, asked=int(time()), hosts=hosts, chain_ids=[chain for chain, _ in heads])
    if set(seen.chain_ids) != {options.chain_id}:
        return seen, []
    number = min(block.number for _, block in heads)
    return seen, await everyone(lambda node, asking: ask(node, asking, number))


def before(context: Context, model: type[S], options: ChainOptions, account: str) -> S | None:
    """What was seen of the same account and chain as the deploy began; None: that is not known."""
    known = context.baseline
    if not isinstance(known, model) or known.account != account or set(known.chain_ids) != {options.chain_id}:
        return None
    return known


def doubtful(options: ChainOptions, seen: ChainSeen, said: Sequence[AtBlock]) -> Verdict | None:
    """What forbids to go on: another chain, nodes that do not agree, or an answer that is not of now."""
    return _chain(options, seen) or _agreed(said) or _present(options, seen, said)


def no_baseline(what: Words, told: Words) -> Verdict:
    """That it is not known how things were."""
    return unknown(
        "no-baseline",
        Words(
            en=f"what {what.en} was as the deploy began is not known",
            ja=f"デプロイ開始時の{what.ja}が記録されていません",
        ),
        seen=told,
        remedy=Words(en="deploy with: ultra-checklist run", ja="ultra-checklist run でデプロイしてください"),
    )


def _chain(options: ChainOptions, seen: ChainSeen) -> Verdict | None:
    wanted = options.chain_id
    told = Words.same(", ".join(f"{h}: {c}" for h, c in zip(seen.hosts, seen.chain_ids, strict=True)))
    remedy = Words(
        en="correct the RPC address or the chain's id", ja="RPC の URL またはチェーン ID を直してください"
    )
    if len(set(seen.chain_ids)) > 1:
        return _disagree(Words(en="the chain", ja="チェーン ID"), told)
    if seen.chain_ids[0] != wanted:
        return failed(
            "wrong-chain",
            Words(en="it is another chain", ja="別のチェーンです"),
            expected=Words.same(str(wanted)),
            seen=told,
            remedy=remedy,
            chain_id=seen.chain_ids[0],
        )
    if wanted in TESTNETS and not options.testnet:
        return failed(
            "testnet",
            Words(en="it is a test network", ja="テストネットです"),
            expected=Words(en="a production chain", ja="本番のチェーン"),
            seen=told,
            remedy=remedy,
            chain_id=wanted,
        )
    return None


def _agreed(said: Sequence[AtBlock]) -> Verdict | None:
    first = said[0]
    for other in said[1:]:
        for name, value in first.model_dump().items():
            if getattr(other, name) != value:
                told = f"{value} / {getattr(other, name)}"
                return _disagree(Words.same(name.replace("_", " ")), Words.same(told))
    return None


def _present(options: ChainOptions, seen: ChainSeen, said: Sequence[AtBlock]) -> Verdict | None:
    age = seen.asked - said[0].block_time
    if age < -AHEAD:
        return unknown(
            "clock-skew",
            Words(en="the newest block is of the future: a clock is wrong", ja="最新ブロックが未来の時刻です"),
            seen=Words.same(f"{-age} s"),
            remedy=Words.same("timedatectl"),
        )
    if age <= options.max_block_age:
        return None
    return unknown(
        "stale-block",
        Words(en="the newest block is old: the node lags or the chain stands", ja="最新ブロックが古すぎます"),
        expected=Words.same(f"<= {options.max_block_age:g} s"),
        seen=Words.same(f"{age} s"),
        remedy=Words(en="look at the node's state, or name another RPC", ja="ノードを確認するか、別の RPC を指定"),
    )


def _disagree(what: Words, told: Words) -> Verdict:
    return unknown(
        "rpc-disagree",
        Words(en=f"the nodes do not agree about {what.en}", ja=f"ノード間で {what.ja} が一致しません"),
        seen=told,
        remedy=Words(en="find out which node is right", ja="どのノードが正しいか確認してください"),
    )

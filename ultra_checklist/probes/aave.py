"""An Aave v3 position, read from the chain: health factor, collateral, change since the deploy began.

Protocol facts are of aave-v3-origin: ``IPoolAddressesProvider`` (getPool, getPriceOracle), ``IPool``
(getUserAccountData), ``IPriceOracleGetter`` (BASE_CURRENCY_UNIT) and ``GenericLogic``: amounts are in the oracle's
base currency, the health factor is a WAD (10**18 is 1.0, below it a position can be liquidated), and an account
without debt has the greatest uint256. A wrong account looks just as healthy, so a least collateral must be given.
Only v3 markets are read; v4 keeps positions elsewhere.
"""

import asyncio
from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal
from time import monotonic, time
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from ultra_checklist.model import Frozen, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.fetch import Asker, asker, plain_address
from ultra_checklist.probes.jsonrpc import ADDRESS, REMEDY, UINT256_MAX, Block, Node

GET_POOL, GET_PRICE_ORACLE = "0x026b1d5f", "0xfca513a8"
BASE_CURRENCY_UNIT, GET_USER_ACCOUNT_DATA = "0x8c89b64f", "0xbf92857c"
WAD = 10**18
AHEAD = 60
"""Seconds that a block's time may lie before our clock: sequencers run ahead a little."""
TESTNETS = frozenset({
    3, 4, 5, 42, 97, 280, 300, 420, 1337, 4002, 10200, 17000, 31337, 43113, 59140, 59141, 59902, 80001, 80002,
    84531, 84532, 421613, 421614, 534351, 560048, 11155111, 11155420,
})  # fmt: skip
"""Ids of test networks by the register of EIP-155 chains, and those that development nodes have by default."""


def _address(value: str) -> str:
    if ADDRESS.fullmatch(value) is None or int(value, 16) == 0:
        raise ValueError(f"{value!r} is no address: 0x and 40 hexadecimal digits, not all zero")
    return value.lower()


Address = Annotated[str, AfterValidator(_address)]


class AaveOptions(Options):
    """Which position, and how it must be."""

    rpc: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = Field(
        min_length=1, max_length=5, description="JSON-RPC address of the chain, or a list: all must agree."
    )
    provider: Address = Field(description="The market's PoolAddressesProvider; pool and oracle are asked of it.")
    account: Address = Field(description="The account whose position is meant.")
    chain_id: int = Field(gt=0, description="Id of the chain.")
    testnet: bool = Field(default=False, description="true: a test network is good, as for a staging checklist.")
    min_health_factor: float = Field(ge=1, description="Least health factor, such as 1.5; without debt it holds.")
    min_collateral: float = Field(
        gt=0, description="Least collateral in the market's base currency (mostly USD): a wrong account has none."
    )
    max_block_age: float = Field(default=300.0, gt=0, description="Oldest good block, in seconds.")
    max_change: float | None = Field(
        default=None,
        gt=0,
        description="Largest good change of collateral and of debt since the deploy began, in percent.",
    )

    @field_validator("rpc")
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise ValueError("the same address twice agrees with itself only")
        return [plain_address(url) for url in value]


class Position(Frozen):
    """An account's data in one block; amounts in the base currency's smallest unit."""

    block: int
    block_hash: str
    block_time: int
    pool: str
    oracle: str
    unit: int
    collateral: int
    debt: int
    liquidation_threshold: int
    """In basis points."""
    health_factor: int
    """Times 10**18."""


class AaveSeen(Observation):
    """What the nodes said, in the order of the option."""

    account: str
    asked: int
    """Our clock, in seconds since 1970."""
    hosts: list[str]
    chain_ids: list[int]
    positions: list[Position] = Field(default_factory=list)
    """Empty where a chain is not the one that is meant."""
    before: Position | None = None
    """The same account and chain as the deploy began; None: that was not seen."""


class AaveProbe(Probe[AaveOptions, AaveSeen]):
    """Asks the nodes, all for the same block."""

    name = "aave"
    summary = Words(
        en="an Aave v3 position: health factor, collateral, change since the deploy; chain and freshness",
        ja="Aave v3 ポジション: Health Factor・担保・デプロイ後の変化・チェーンと鮮度",
    )
    options_model: ClassVar[type[Options]] = AaveOptions
    observation_model: ClassVar[type[Observation]] = AaveSeen
    judged: ClassVar[frozenset[str]] = frozenset(
        {"min_health_factor", "min_collateral", "max_block_age", "max_change", "testnet"}
    )

    @property
    def wants_baseline(self) -> bool:
        """A change needs to know how it was."""
        return self.options.max_change is not None

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.aave_twins import twins

        return twins(self.options)

    async def observe(self, context: Context) -> AaveSeen:
        """Ask every node for its chain and newest block, then all of them for the oldest of these."""
        options = self.options
        hosts = [urlsplit(url).hostname or "" for url in options.rpc]

        until = monotonic() + options.timeout

        async def ask(url: str, host: str, block: int | None) -> tuple[int, Block] | Position:
            async with asker(host, max(until - monotonic(), 0.001), REMEDY) as asking:
                node = Node(asking, url, context.redactor.text)
                return await (_head(node) if block is None else self._position(node, asking, block))

        async def everyone(block: int | None) -> list[tuple[int, Block] | Position]:
            asked = await asyncio.gather(
                *(ask(url, host, block) for url, host in zip(options.rpc, hosts, strict=True)),
                return_exceptions=True,
            )
            for one in asked:
                if isinstance(one, BaseException):
                    raise one
            return [one for one in asked if not isinstance(one, BaseException)]

        heads = [one for one in await everyone(None) if not isinstance(one, Position)]
        seen = AaveSeen(
            account=options.account, asked=int(time()), hosts=hosts, chain_ids=[chain for chain, _ in heads]
        )
        if set(seen.chain_ids) != {options.chain_id}:
            return seen
        block = min(head.number for _, head in heads)
        positions = [one for one in await everyone(block) if isinstance(one, Position)]
        return seen.model_copy(update={"positions": positions, "before": self._before(context)})

    async def _position(self, node: Node, asking: Asker, number: int) -> Position:
        options = self.options
        block = await node.block(number)
        await self._contract(node, asking, options.provider, number)
        pool = await node.address(options.provider, GET_POOL, number)
        oracle = await node.address(options.provider, GET_PRICE_ORACLE, number)
        for contract in (pool, oracle):
            await self._contract(node, asking, contract, number)
        (unit,) = await node.words(oracle, BASE_CURRENCY_UNIT, number, 1)
        data = await node.words(pool, GET_USER_ACCOUNT_DATA, number, 6, options.account)
        collateral, debt, _available, threshold, _ltv, health = data
        # Only an account without debt has the greatest number (GenericLogic.calculateUserAccountData).
        if unit == 0 or (debt == 0) != (health == UINT256_MAX):
            raise asking.cannot("not-aave", "its figures contradict one another", "数値が互いに矛盾しています")
        return Position(
            block=number,
            block_hash=block.hash,
            block_time=block.time,
            pool=pool,
            oracle=oracle,
            unit=unit,
            collateral=collateral,
            debt=debt,
            liquidation_threshold=threshold,
            health_factor=health,
        )

    async def _contract(self, node: Node, asking: Asker, address: str, block: int) -> None:
        if not await node.has_code(address, block):
            raise asking.cannot(
                "no-contract",
                f"there is no contract at {address} on this chain",
                f"このチェーンの {address} にコントラクトがありません",
            )

    def _before(self, context: Context) -> Position | None:
        known = context.baseline
        if not isinstance(known, AaveSeen) or not known.positions or known.account != self.options.account:
            return None
        return known.positions[0] if set(known.chain_ids) == {self.options.chain_id} else None

    def judge(self, seen: AaveSeen) -> Verdict:
        """Whether it is the right chain and a present answer; then what it says."""
        doubtful = self._chain(seen) or self._agreed(seen) or self._present(seen)
        if doubtful is not None:
            return doubtful
        now = seen.positions[0]
        wrong = self._empty(seen, now) or self._health(now) or self._collateral(now) or self._changed(seen, now)
        if wrong is not None:
            return wrong
        return passed(
            "healthy",
            expected=Words.same(
                f"HF >= {self.options.min_health_factor:g}, >= {_plain(self.options.min_collateral)}"
            ),
            seen=_told(now),
            no_debt=now.debt == 0,
            pool=now.pool,
        )

    def _chain(self, seen: AaveSeen) -> Verdict | None:
        wanted = self.options.chain_id
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
        if wanted in TESTNETS and not self.options.testnet:
            return failed(
                "testnet",
                Words(en="it is a test network", ja="テストネットです"),
                expected=Words(en="a production chain", ja="本番のチェーン"),
                seen=told,
                remedy=remedy,
                chain_id=wanted,
            )
        return None

    def _agreed(self, seen: AaveSeen) -> Verdict | None:
        first = seen.positions[0]
        for other in seen.positions[1:]:
            for name, value in first.model_dump().items():
                if getattr(other, name) != value:
                    said = name.replace("_", " ")
                    return _disagree(Words.same(said), Words.same(f"{value} / {getattr(other, name)}"))
        return None

    def _present(self, seen: AaveSeen) -> Verdict | None:
        age = seen.asked - seen.positions[0].block_time
        if age < -AHEAD:
            return unknown(
                "clock-skew",
                Words(en="the newest block is of the future: a clock is wrong", ja="最新ブロックが未来の時刻です"),
                seen=Words.same(f"{-age} s"),
                remedy=Words.same("timedatectl"),
            )
        if age <= self.options.max_block_age:
            return None
        return unknown(
            "stale-block",
            Words(en="the newest block is old: the node lags or the chain stands", ja="最新ブロックが古すぎます"),
            expected=Words.same(f"<= {self.options.max_block_age:g} s"),
            seen=Words.same(f"{age} s"),
            remedy=Words(
                en="look at the node's state, or name another RPC", ja="ノードを確認するか、別の RPC を指定"
            ),
        )

    def _empty(self, seen: AaveSeen, now: Position) -> Verdict | None:
        if now.collateral or now.debt:
            return None
        if seen.before is not None and seen.before.collateral:
            return self._change(seen.before, now)
        return unknown(
            "no-position",
            Words(
                en="the account has no position in this market: another account, or another market?",
                ja="このマーケットにポジションがありません（口座またはマーケットの誤りの可能性）",
            ),
            expected=Words.same(f">= {_plain(self.options.min_collateral)}"),
            seen=Words(en="no collateral, no debt", ja="担保なし・借入なし"),
            remedy=Words(
                en="correct the account or the provider; Aave v4 positions are not read",
                ja="口座または provider を確認してください（Aave v4 は対象外）",
            ),
        )

    def _health(self, now: Position) -> Verdict | None:
        least = self.options.min_health_factor
        if now.debt == 0 or Decimal(now.health_factor) / WAD >= Decimal(str(least)):
            return None
        liquid = now.health_factor < WAD
        return failed(
            "health-factor",
            Words(en="it can be liquidated now", ja="清算可能な状態です")
            if liquid
            else Words(en="the health factor is too low", ja="Health Factor が下限を下回っています"),
            expected=Words.same(f"HF >= {least:g}"),
            seen=_told(now),
            remedy=Words(en="repay debt or add collateral", ja="返済または担保の追加を検討してください"),
            liquidatable=liquid,
        )

    def _collateral(self, now: Position) -> Verdict | None:
        least = self.options.min_collateral
        if Decimal(now.collateral) / now.unit >= Decimal(str(least)):
            return None
        return failed(
            "collateral",
            Words(en="there is too little collateral", ja="担保が下限を下回っています"),
            expected=Words.same(f">= {_plain(least)}"),
            seen=_told(now),
            remedy=Words(
                en="look whether it is the right account, and where the collateral went",
                ja="口座が正しいか、担保の移動がないか確認してください",
            ),
            low=True,
        )

    def _changed(self, seen: AaveSeen, now: Position) -> Verdict | None:
        most = self.options.max_change
        if most is None:
            return None
        before = seen.before
        if before is None:
            return unknown(
                "no-baseline",
                Words(
                    en="what the position was as the deploy began is not known",
                    ja="デプロイ開始時のポジションが記録されていません",
                ),
                seen=_told(now),
                remedy=Words(
                    en="deploy with: ultra-checklist run", ja="ultra-checklist run でデプロイしてください"
                ),
            )
        limit = Decimal(str(most)) / 100
        for was, present in ((before.collateral, now.collateral), (before.debt, now.debt)):
            old, new = Decimal(was) / before.unit, Decimal(present) / now.unit
            if abs(new - old) > limit * old:
                return self._change(before, now)
        return None

    def _change(self, before: Position, now: Position) -> Verdict:
        return failed(
            "changed",
            Words(
                en="the position has changed since the deploy began", ja="デプロイ開始時から大きく変化しています"
            ),
            expected=Words(
                en=f"within {self.options.max_change or 0:g} % of: {_told(before).en}",
                ja=f"{_told(before).ja} から ±{self.options.max_change or 0:g} % 以内",
            ),
            seen=_told(now),
            remedy=Words(en="look at the account's transactions since then", ja="それ以降の取引を確認してください"),
            changed=True,
        )


async def _head(node: Node) -> tuple[int, Block]:
    return await node.chain_id(), await node.block()


def _disagree(what: Words, told: Words) -> Verdict:
    return unknown(
        "rpc-disagree",
        Words(en=f"the nodes do not agree about {what.en}", ja=f"ノード間で {what.ja} が一致しません"),
        seen=told,
        remedy=Words(en="find out which node is right", ja="どのノードが正しいか確認してください"),
    )


def _plain(amount: Decimal | float) -> str:
    return f"{Decimal(str(amount)):,.2f}"


def _told(position: Position) -> Words:
    collateral, debt = (_plain(Decimal(n) / position.unit) for n in (position.collateral, position.debt))
    if position.debt == 0:
        return Words(en=f"no debt, collateral {collateral}", ja=f"借入なし、担保 {collateral}")
    # Never rounded up to a limit that it does not reach.
    health = f"HF {(Decimal(position.health_factor) / WAD).quantize(Decimal('0.0001'), ROUND_FLOOR):f}"
    return Words(
        en=f"{health}, collateral {collateral}, debt {debt}", ja=f"{health}、担保 {collateral}、借入 {debt}"
    )

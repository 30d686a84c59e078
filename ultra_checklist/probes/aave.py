"""An Aave v3 position, read from the chain: health factor, collateral, change since the deploy began.

Protocol facts are of aave-v3-origin: ``IPoolAddressesProvider`` (getPool, getPriceOracle), ``IPool``
(getUserAccountData), ``IPriceOracleGetter`` (BASE_CURRENCY_UNIT) and ``GenericLogic``: amounts are in the oracle's
base currency, the health factor is a WAD (10**18 is 1.0, below it a position can be liquidated), and an account
without debt has the greatest uint256. A wrong account looks just as healthy, so a least collateral must be given.
Only v3 markets are read; v4 keeps positions elsewhere.
"""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal
from typing import ClassVar

from pydantic import Field

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.chain import (
    Address,
    AtBlock,
    ChainOptions,
    ChainSeen,
    at_one_block,
    before,
    doubtful,
    no_baseline,
)
from ultra_checklist.probes.fetch import Asker
from ultra_checklist.probes.jsonrpc import UINT256_MAX, Node

GET_POOL, GET_PRICE_ORACLE = "0x026b1d5f", "0xfca513a8"
BASE_CURRENCY_UNIT, GET_USER_ACCOUNT_DATA = "0x8c89b64f", "0xbf92857c"
WAD = 10**18


class AaveOptions(ChainOptions):
    """Which position, and how it must be."""

    provider: Address = Field(description="The market's PoolAddressesProvider; pool and oracle are asked of it.")
    account: Address = Field(description="The account whose position is meant.")
    min_health_factor: float = Field(ge=1, description="Least health factor, such as 1.5; without debt it holds.")
    min_collateral: float = Field(
        gt=0, description="Least collateral in the market's base currency (mostly USD): a wrong account has none."
    )
    max_change: float | None = Field(
        default=None,
        gt=0,
        description="Largest good change of collateral and of debt since the deploy began, in percent.",
    )


class Position(AtBlock):
    """An account's data in one block; amounts in the base currency's smallest unit."""

    pool: str
    oracle: str
    unit: int
    collateral: int
    debt: int
    liquidation_threshold: int
    """In basis points."""
    health_factor: int
    """Times 10**18."""


class AaveSeen(ChainSeen):
    """What the nodes said, in the order of the option."""

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
        seen, positions = await at_one_block(self.options, context, self.options.account, self._position)
        known = before(context, AaveSeen, self.options, self.options.account)
        was = known.positions[0] if positions and known is not None and known.positions else None
        return AaveSeen(**seen.model_dump(), positions=positions, before=was)

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

    def judge(self, seen: AaveSeen) -> Verdict:
        """Whether it is the right chain and a present answer; then what it says."""
        doubt = doubtful(self.options, seen, seen.positions)
        if doubt is not None:
            return doubt
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
        was = seen.before
        if was is None:
            return no_baseline(Words(en="the position", ja="ポジション"), _told(now))
        limit = Decimal(str(most)) / 100
        for past, present in ((was.collateral, now.collateral), (was.debt, now.debt)):
            old, new = Decimal(past) / was.unit, Decimal(present) / now.unit
            if abs(new - old) > limit * old:
                return self._change(was, now)
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

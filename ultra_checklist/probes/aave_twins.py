"""Positions that are wrong in one thing: on each of them the probe ``aave`` must fail."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ultra_checklist.model import Words
from ultra_checklist.probes.aave import WAD, AaveOptions, AaveSeen, Position
from ultra_checklist.probes.base import Twin

_AT = 1_767_225_600
_UNIT = 10**8


def twins(options: AaveOptions) -> Iterator[Twin]:
    """Another chain, a low health factor, little collateral, and a position that has moved since the deploy."""
    collateral = int(Decimal(str(options.min_collateral)) * _UNIT * 4) + _UNIT
    good = Position(
        block=1, block_hash="0x1", block_time=_AT, pool="0x1", oracle="0x1", unit=_UNIT, collateral=collateral,
        debt=collateral // 4, liquidation_threshold=8000,
        health_factor=int(Decimal(str(options.min_health_factor)) * WAD) * 2,
    )  # fmt: skip

    def seen(chain: int = options.chain_id, before: Position | None = None, **now: Any) -> AaveSeen:
        position = good.model_copy(update=now)
        return AaveSeen(
            account=options.account, asked=_AT, hosts=["twin"] * len(options.rpc), before=before or position,
            chain_ids=[chain] * len(options.rpc), positions=[position] * len(options.rpc),
        )  # fmt: skip

    yield Twin(Words(en="another chain", ja="別のチェーン"), seen=seen(options.chain_id + 1))
    low = int(Decimal(str(options.min_health_factor)) * WAD) - WAD // 1000
    yield Twin(
        Words(en=f"health factor {low / WAD:g}", ja=f"Health Factor {low / WAD:g}"), seen=seen(health_factor=low)
    )
    little = int(Decimal(str(options.min_collateral)) * _UNIT) - 1
    yield Twin(Words(en="too little collateral", ja="担保不足"), seen=seen(collateral=max(little, 0), debt=1))
    if options.max_change is not None:
        grown = Decimal(str(options.max_change)) * 2
        before = good.model_copy(update={"collateral": int(collateral / (1 + grown / 100))})
        words = Words(en=f"collateral {grown:g} % more", ja=f"担保がデプロイ開始時から {grown:g} % 変化")
        yield Twin(words, seen=seen(before=before))

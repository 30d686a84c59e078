"""An OctoBot, by its web interface: alive, since when, which version, and what it has traded since the deploy.

Facts are of OctoBot's ``web_interface`` tentacle. ``GET /api/ping`` says ``"Running since 2025-01-31 10:00:00."``
in the local time of its process, ``GET /api/version`` says ``"OctoBot 2.0.1"``: JSON text, without login.
``GET /api/trades`` wants the login where one is set, and lists trades with ``symbol``, ``time`` (seconds since
1970) and ``SoR`` (Simulated or Real). By POST its neighbours cancel orders and close positions: only GET is sent.
"""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Frozen, Verdict, Words
from ultra_checklist.probes.base import (
    Context,
    Names,
    Observation,
    Options,
    Pattern,
    Probe,
    Twin,
    failed,
    passed,
    unknown,
)
from ultra_checklist.probes.fetch import Asker, asker, origin, plain_address

KEPT = 20
"""Trades kept of those that are not allowed, and of the others."""
NAMED = 3
_SINCE = re.compile(r"Running since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.?")
_NO_DEPLOY = Words(
    en="no deploy of this release has begun on record", ja="このリリースのデプロイ開始が記録されていません"
)
_RUN = Words(en="deploy with: ultra-checklist run", ja="ultra-checklist run でデプロイしてください")


class OctobotOptions(Options):
    """Which OctoBot, and how it must be. That it answers as one is always asked for."""

    url: str = Field(description="Its web interface, such as http://127.0.0.1:5001; only GET is ever sent.")
    started: Literal["before-deploy", "after-deploy"] | None = Field(
        default=None,
        description="before-deploy: it has run through the deploy; after-deploy: it has started anew since.",
    )
    timezone: str = Field(
        default="", description="Time zone of its process, such as UTC in a container.  Default: this machine's."
    )
    version: Pattern | None = Field(
        default=None, description='Regular expression for its version, such as "2\\\\.0\\\\.".'
    )
    pairs: Names = Field(
        default_factory=list,
        description="The only pairs that may have been traded since the deploy began, such as BTC/USDT or */USDT.",
    )
    max_trades: int | None = Field(default=None, ge=0, description="Most trades since the deploy began.")
    simulated: bool = Field(default=False, description="true: simulated trades count too.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers to send; they are never recorded.")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return plain_address(value)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value or "UTC")
        except (OSError, ValueError, KeyError):
            raise WrongValue(
                f"{value!r} is no time zone such as Asia/Tokyo",
                f"{value!r} は Asia/Tokyo のようなタイムゾーンではありません",
            ) from None
        return value

    @model_validator(mode="after")
    def _trades(self) -> "OctobotOptions":
        if self.simulated and not self.asks_trades:
            raise WrongValue(
                "simulated speaks of trades: add pairs or max_trades",
                "simulated は取引についての指定です。pairs または max_trades を指定してください",
            )
        return self

    @property
    def asks_trades(self) -> bool:
        """Whether trades are of interest."""
        return bool(self.pairs) or self.max_trades is not None


class Trade(Frozen):
    """A trade since the deploy began."""

    symbol: str
    time: float
    """Seconds since 1970."""
    exchange: str = ""
    simulated: bool = False


class OctobotSeen(Observation):
    """What it answered."""

    place: str
    """Scheme, host and port."""
    asked: float
    """Our clock, in seconds since 1970."""
    since: float | None = None
    """Start of its process, in seconds since 1970."""
    version: str = ""
    deploy: float | None = None
    """When the newest deploy began; None: none has."""
    trades: int | None = None
    """How many since then; None: they were not asked for."""
    strange: int = 0
    """How many of these are of no allowed pair."""
    some: list[Trade] = Field(default_factory=list)
    """Some of them, strange ones first."""


class OctobotProbe(Probe[OctobotOptions, OctobotSeen]):
    """Asks by GET."""

    name = "octobot"
    summary = Words(
        en="an OctoBot, by GET alone: alive, since when, version, trades since the deploy",
        ja="OctoBot（GET のみ）: 稼働・起動時刻・バージョン・デプロイ後のトレード",
    )
    options_model: ClassVar[type[Options]] = OctobotOptions
    observation_model: ClassVar[type[Observation]] = OctobotSeen
    judged: ClassVar[frozenset[str]] = frozenset({"started", "version", "max_trades"})

    def twins(self) -> Iterator[Twin]:
        """One for each thing that is asked; that something answers as an OctoBot can only be unknown."""
        options, deploy = self.options, 1e9
        before = options.started == "before-deploy"
        good = OctobotSeen(
            place="twin", asked=deploy + 60, since=deploy + (-60 if before else 30), deploy=deploy, trades=0
        )

        def seen(**other: Any) -> OctobotSeen:
            return good.model_copy(update=other)

        if options.started is not None:
            words = (
                Words(en="started anew since the deploy", ja="デプロイ後に再起動")
                if before
                else Words(en="running since before the deploy", ja="デプロイ前から稼働")
            )
            yield Twin(words, seen=seen(since=deploy + (30 if before else -60)))
        if options.version is not None:
            other = next(
                (text for text in ("OctoBot 0", "twin", "") if not re.search(options.version, text)), "twin"
            )
            yield Twin(Words(en="another version", ja="別のバージョン"), seen=seen(version=other))
        if options.pairs:
            trade = Trade(symbol="TWIN/NONE", time=deploy + 1)
            words = Words(en=f"a trade of {trade.symbol}", ja=f"{trade.symbol} の取引")
            strange = 0 if self._allowed(trade.symbol) else 1
            yield Twin(words, seen=seen(version="", trades=1, strange=strange, some=[trade]))
        if options.max_trades is not None:
            many = options.max_trades + 1
            yield Twin(Words(en=f"{many} trades", ja=f"取引 {many} 件"), seen=seen(trades=many))

    async def observe(self, context: Context) -> OctobotSeen:
        """Ask for ping and version, and for the trades where a deploy has begun."""
        options = self.options
        base = options.url.rstrip("/")
        deploys = context.release.deploys if context.release is not None else ()
        begun = next((mark.started for mark in reversed(deploys) if not mark.withdrawn), None)
        place = origin(base)
        remedy = 'curl -sS "$OCTOBOT_URL"/api/ping'
        asked = datetime.now(UTC).timestamp()
        async with asker(urlsplit(base).hostname or "", options.timeout, remedy, options.headers) as asking:
            since = self._since(asking, await asking.json(f"{base}/api/ping"))
            version = await asking.json(f"{base}/api/version")
            if not isinstance(version, str):
                raise _no_octobot(asking)
            trades: list[Trade] | None = None
            if options.asks_trades and begun is not None:
                listed = _trades(asking, await asking.json(f"{base}/api/trades"))
                trades = [
                    t for t in listed if t.time >= begun.timestamp() and (options.simulated or not t.simulated)
                ]
        strange = [t for t in trades or [] if options.pairs and not self._allowed(t.symbol)]
        others = [t for t in trades or [] if t not in strange]
        return OctobotSeen(
            place=place,
            asked=asked,
            since=since,
            version=context.redactor.text(version)[:100],
            deploy=begun.timestamp() if begun is not None else None,
            trades=len(trades) if trades is not None else None,
            strange=len(strange),
            some=[*strange[:KEPT], *others[:KEPT]],
        )

    def _allowed(self, symbol: str) -> bool:
        return any(fnmatchcase(symbol, pattern) for pattern in self.options.pairs)

    def _since(self, asking: Asker, raw: Any) -> float:
        found = _SINCE.fullmatch(raw.strip()) if isinstance(raw, str) else None
        if found is None:
            raise _no_octobot(asking)
        try:
            told = datetime.fromisoformat(found.group(1))
            zone = ZoneInfo(self.options.timezone) if self.options.timezone else None
            return (told.replace(tzinfo=zone) if zone is not None else told.astimezone()).timestamp()
        except (ValueError, OverflowError, OSError):
            raise _no_octobot(asking) from None

    def judge(self, seen: OctobotSeen) -> Verdict:
        """Its start, its version, and then its trades."""
        found = self._start(seen) or self._version(seen) or self._traded(seen)
        return found or passed(
            "running", seen=self._told(seen), expected=Words(en="running", ja="稼働中"), version=seen.version
        )

    def _start(self, seen: OctobotSeen) -> Verdict | None:
        wanted, since = self.options.started, seen.since
        if since is None or since > seen.asked + 60:
            return unknown(
                "clock-skew",
                Words(en="it says that it starts in the future", ja="起動時刻が未来になっています"),
                seen=self._told(seen),
                remedy=Words(en="set the option timezone, or the clocks", ja="timezone または時計を直してください"),
            )
        if wanted is None:
            return None
        if seen.deploy is None:
            return unknown("no-deploy", _NO_DEPLOY, seen=self._told(seen), remedy=_RUN)
        # Its time has whole seconds.
        before = since < math.floor(seen.deploy)
        if before == (wanted == "before-deploy"):
            return None
        return failed(
            "restarted" if wanted == "before-deploy" else "not-restarted",
            Words(en="it has started anew since the deploy began", ja="デプロイ開始後に再起動しています")
            if wanted == "before-deploy"
            else Words(
                en="it has not started anew since the deploy began", ja="デプロイ開始後に再起動していません"
            ),
            expected=Words(
                en=f"started {wanted[:-7]} {_clock(seen.deploy)}",
                ja=f"{_clock(seen.deploy)} より{'前' if wanted == 'before-deploy' else '後'}に起動",
            ),
            seen=self._told(seen),
            remedy=Words(en="look at OctoBot's log", ja="OctoBot のログを確認してください"),
            started=wanted,
        )

    def _version(self, seen: OctobotSeen) -> Verdict | None:
        wanted = self.options.version
        if wanted is None or re.search(wanted, seen.version):
            return None
        return failed(
            "other-version",
            Words(en="it is of another version", ja="バージョンが異なります"),
            expected=Words.same(wanted),
            seen=Words.same(seen.version or "-"),
            remedy=Words(en="install the version that is meant", ja="対象のバージョンを導入してください"),
            version=seen.version,
        )

    def _traded(self, seen: OctobotSeen) -> Verdict | None:
        if not self.options.asks_trades:
            return None
        if seen.trades is None:
            return unknown("no-deploy", _NO_DEPLOY, seen=self._told(seen), remedy=_RUN)
        remedy = Words.same('curl -sS "$OCTOBOT_URL"/api/trades')
        if seen.strange:
            return failed(
                "strange-pair",
                Words(en="a pair was traded that must not be", ja="許可されていないペアの取引があります"),
                expected=Words.same(", ".join(self.options.pairs)),
                seen=Words.same(_named(seen.some[: seen.strange])),
                remedy=remedy,
                symbols=sorted({t.symbol for t in seen.some[: seen.strange]}),
            )
        most = self.options.max_trades
        if most is None or seen.trades <= most:
            return None
        return failed(
            "too-many-trades",
            Words(
                en="there were too many trades since the deploy began",
                ja="デプロイ開始後の取引数が上限を超えました",
            ),
            expected=Words.same(f"<= {most}"),
            seen=Words.same(f"{seen.trades}: {_named(seen.some)}" if seen.some else str(seen.trades)),
            remedy=remedy,
            too_many=True,
        )

    def _told(self, seen: OctobotSeen) -> Words:
        since = _clock(seen.since) if seen.since is not None else "?"
        en, ja = f"{seen.version}, running since {since}", f"{seen.version}、{since} から稼働"
        if seen.trades is not None:
            en, ja = f"{en}, {seen.trades} trades since the deploy", f"{ja}、デプロイ後の取引 {seen.trades} 件"
        return Words(en=en, ja=ja)


def _trades(asking: Asker, raw: Any) -> list[Trade]:
    if not isinstance(raw, list):
        raise _no_octobot(asking)
    found: list[Trade] = []
    for one in raw:
        fields = one if isinstance(one, dict) else {}
        symbol, time = fields.get("symbol"), fields.get("time")
        if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time < 2**40:
            raise _no_octobot(asking)
        if not isinstance(symbol, str):
            raise _no_octobot(asking)
        found.append(
            Trade(
                symbol=symbol[:40],
                time=time,
                exchange=str(fields.get("exchange") or "")[:40],
                # What does not say that it is simulated is real.
                simulated=fields.get("SoR") == "Simulated",
            )
        )
    return found


def _named(trades: list[Trade]) -> str:
    """The first few of them."""
    more = ", …" if len(trades) > NAMED else ""
    return ", ".join(f"{trade.symbol} {_clock(trade.time)}" for trade in trades[:NAMED]) + more


def _no_octobot(asking: Asker) -> Exception:
    return asking.cannot("not-octobot", "it does not answer as an OctoBot", "OctoBot の応答ではありません")


def _clock(time: float) -> str:
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "?"

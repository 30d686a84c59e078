"""The time right after a deploy: addresses, alerts and a command are looked at again and again, and stay good.

Looks are samples; the judgement rests on them alone. What nobody saw is a gap, and a gap is never a pass.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Frozen, Verdict, Words
from ultra_checklist.probes.base import (
    Context,
    Observation,
    OneOrMore,
    Options,
    Probe,
    Twin,
    failed,
    passed,
    unknown,
)
from ultra_checklist.probes.fetch import Asker, asker, origin, plain_address
from ultra_checklist.probes.window import Span, Window, clock
from ultra_checklist.record import WINDOW_RUNNING

MAX_LOOKS = 1800
"""Looks in one window: fewer than the engine keeps samples."""
MAX_ALERTS = 20
NAMED = 5
"""Gaps and breaches that are named one by one."""
_ALERTS = "/api/v2/alerts?active=true&silenced=false&inhibited=false"
Address = Annotated[str, AfterValidator(plain_address)]


class WatchOptions(Options):
    """What is watched, and for how long."""

    urls: list[Address] = Field(default_factory=list, description="Addresses that must answer; they are only read.")
    status: OneOrMore = Field(default=[200], description="Good status codes of these: one, or a list.")
    alertmanager: Address | None = Field(
        default=None, description="Address of an Alertmanager in which no alert of `severity` may be active."
    )
    severity: list[str] = Field(default=["critical"], min_length=1, description="Labels `severity` that count.")
    command: list[str] = Field(
        default_factory=list,
        description="A program with arguments, without a shell, that must end with 0; run in DEPLOY_DIR.",
    )
    minutes: float = Field(default=60.0, gt=0, le=1440, description="How long, from the deploy's end.")
    every: float = Field(default=60.0, ge=1, description="Seconds from one look to the next.")
    lasting: float = Field(default=120.0, ge=0, description="Seconds for which something may be bad.")
    coverage: float = Field(default=95.0, ge=0, le=100, description="Per cent of the window that must be seen.")
    max_gap: float | None = Field(
        default=None, gt=0, description="Longest good time without a look, in seconds.  Default: 3 times `every`."
    )

    @model_validator(mode="after")
    def _asserts_something(self) -> Self:
        if not (self.urls or self.alertmanager or self.command):
            raise WrongValue(
                "nothing is watched: give urls, alertmanager or command",
                "監視する対象がありません。urls、alertmanager、command のいずれかを指定してください",
            )
        if self.minutes * 60 / self.every > MAX_LOOKS:
            raise WrongValue(
                f"more than {MAX_LOOKS} looks: a larger `every`, or fewer minutes",
                f"確認回数が {MAX_LOOKS} 回を超えます。`every` を大きくするか、時間を短くしてください",
            )
        return self

    @property
    def gap(self) -> float:
        """Seconds that may go by without a look."""
        return self.max_gap if self.max_gap is not None else 3 * self.every


class Target(Frozen):
    """One thing in one look; ``told`` is what was wrong with it."""

    name: str
    state: Literal["good", "bad", "unseen"]
    told: str = ""


class Look(Frozen):
    """Everything in one look; without targets nothing was seen, and ``reason`` says why."""

    at: datetime
    targets: tuple[Target, ...] = ()
    reason: str = ""


class WatchSeen(Observation):
    """All looks since the deploy began."""

    looks: tuple[Look, ...] = ()
    begun: datetime | None = None
    """The deploy's end; None: this is one look alone."""
    now: datetime | None = None
    zone: str = "UTC"


class Breach(Frozen):
    """Something that was bad in one look after another."""

    name: str
    span: Span
    told: str
    open: bool
    """It was bad in the last look too."""


class WatchProbe(Probe[WatchOptions, WatchSeen]):
    """Looks every so often after the deploy."""

    name = "watch"
    summary = Words(
        en="the time after the deploy: addresses, alerts, a command, looked at again and again",
        ja="デプロイ後の監視時間: アドレス・アラート・コマンドを繰り返し確認",
    )
    options_model: ClassVar[type[Options]] = WatchOptions
    observation_model: ClassVar[type[Observation]] = WatchSeen
    needs_release = True
    judged: ClassVar[frozenset[str]] = frozenset({"minutes", "lasting", "coverage", "max_gap"})

    @property
    def sample_every(self) -> float | None:
        """As the options say."""
        return self.options.every

    @property
    def sample_for(self) -> float | None:
        """Until the window is over."""
        return self.options.minutes * 60

    @property
    def programs(self) -> tuple[str, ...]:
        """The command, if there is one."""
        return tuple(self.options.command[:1])

    def twins(self) -> Iterator[Twin]:
        """Each thing that is watched, bad for the whole time."""
        options, begun = self.options, datetime(2026, 1, 1, tzinfo=UTC)
        end = begun + timedelta(minutes=options.minutes)
        alert = ["alert twin"] if options.alertmanager else []
        names = [*map(_named, options.urls), *alert, *options.command[:1]]
        for name in names:
            bad = (Target(name=name, state="bad", told="twin"),)
            seen = WatchSeen(looks=(Look(at=begun, targets=bad), Look(at=end, targets=bad)), begun=begun, now=end)
            yield Twin(Words(en=f"{name} bad all the time", ja=f"{name} が終始異常"), seen=seen)

    async def observe(self, context: Context) -> WatchSeen:
        """Look once, where this look becomes a sample; else gather the samples."""
        if context.sampling:
            targets = await self._look(context)
            return WatchSeen(looks=(Look(at=context.clock(), targets=tuple(targets)),))
        release = context.require_release()
        deploy = release.deploys[-1] if release.deploys else None
        if deploy is None or deploy.ended is None or not deploy.stands:
            raise ProbeCannotTell("no-deploy", "no deploy has ended well yet", "正常終了したデプロイがありません")
        looks = [
            Look(at=s.at, targets=s.seen.looks[0].targets)
            if isinstance(s.seen, WatchSeen) and s.seen.looks
            else Look(at=s.at, reason=s.reason)
            for s in context.samples
        ]
        return WatchSeen(looks=tuple(looks), begun=deploy.ended, now=context.clock(), zone=release.timezone)

    async def _look(self, context: Context) -> list[Target]:
        options = self.options
        jobs = [self._address(url, context) for url in options.urls]
        jobs += [self._alerts(options.alertmanager)] if options.alertmanager else []
        jobs += [self._command(context)] if options.command else []
        found = await asyncio.gather(*jobs)
        return [target for targets in found for target in targets]

    async def _address(self, url: str, context: Context) -> list[Target]:
        name = context.redactor.text(_named(url))
        try:
            async with self._asker(name) as asking:
                reply = await asking.ask(url)
        except ProbeCannotTell as error:
            return [Target(name=name, state="unseen", told=error.reason)]
        if reply.elsewhere or reply.status not in self.options.status:
            return [Target(name=name, state="bad", told=f"HTTP {reply.status}")]
        return [Target(name=name, state="good")]

    async def _alerts(self, address: str) -> list[Target]:
        """The alerts that are neither silenced nor inhibited.

        Source: Alertmanager's OpenAPI v2, ``GET /api/v2/alerts``: a list of alerts with ``labels`` and
        ``status.state`` (``active``, ``suppressed``, ``unprocessed``).
        """
        name = f"alerts of {origin(address)}"
        try:
            async with self._asker(name) as asking:
                alerts = _critical(await asking.json(address.rstrip("/") + _ALERTS), self.options.severity)
        except ProbeCannotTell as error:
            return [Target(name=name, state="unseen", told=error.reason)]
        if alerts is None:
            return [Target(name=name, state="unseen", told="no-alertmanager")]
        bad = [Target(name=f"alert {alert}", state="bad", told="active") for alert in alerts[:MAX_ALERTS]]
        return [Target(name=name, state="good"), *bad]

    async def _command(self, context: Context) -> list[Target]:
        program, *arguments = self.options.command
        name = context.redactor.text(f"command {program}")
        try:
            path = str(context.path(program)) if "/" in program else program
            done = await context.run([path, *arguments], timeout=self.options.timeout, cwd=context.base_dir)
        except ProbeCannotTell as error:
            return [Target(name=name, state="unseen", told=error.reason)]
        return [
            Target(name=name, state="bad" if done.code else "good", told=f"exit {done.code}" if done.code else "")
        ]

    def _asker(self, name: str) -> AbstractAsyncContextManager[Asker]:
        return asker(name, self.options.timeout, "")

    def judge(self, seen: WatchSeen) -> Verdict:
        """What was bad for too long, then what nobody saw, then whether the time is over."""
        if seen.begun is None or seen.now is None:
            return unknown(WINDOW_RUNNING, _ONE_LOOK, remedy=_WAIT)
        window = Window(seen.begun, self.options.minutes, seen.now)
        after = [look for look in seen.looks if look.at >= window.begun]
        # The first look after the end says whether what was bad then went on.
        within = [look for place, look in enumerate(after) if place == 0 or after[place - 1].at <= window.end]
        times = _seen_times(seen.looks)
        coverage = min((window.coverage(looks, self.options.every) for looks in times.values()), default=0.0)
        breaches = _breaches(within)
        lasted = [b for b in breaches if b.span.seconds >= self.options.lasting or (b.open and window.over)]
        if lasted:
            return self._failed(lasted, seen.zone)
        gaps = {name: window.gaps(looks, self.options.gap) for name, looks in (times or {"": []}).items()}
        if any(gaps.values()):
            return self._gaps(gaps, coverage, seen)
        told = window.told(coverage, seen.zone)
        if not window.over:
            bad = ", ".join(f"{b.name}: {b.told}" for b in breaches if b.open)
            now = Words(en=f"{told.en}; now {bad}", ja=f"{told.ja}（現在 {bad}）") if bad else told
            return unknown(WINDOW_RUNNING, _RUNNING, expected=self._wanted(), seen=now, remedy=_WAIT)
        if coverage * 100 < self.options.coverage:
            return self._too_little(coverage)
        facts = {"breaches": [b.name for b in breaches]}
        short = f"{len(breaches)} short: " + ", ".join(_said(b, seen.zone) for b in breaches[:NAMED])
        also = Words(en=f"; {short}", ja=f"、短時間の異常 {short}") if breaches else Words.same("")
        whole, per = f"{self.options.minutes:g}", f"{coverage * 100:.0f}"
        return passed(
            "watched",
            expected=self._wanted(),
            seen=Words(
                en=f"{whole} min, coverage {per} %, {len(within)} looks{also.en}",
                ja=f"{whole} 分、カバー率 {per} %、確認 {len(within)} 回{also.ja}",
            ),
            **facts,
        )

    def _wanted(self) -> Words:
        return Words(
            en=f"{self.options.minutes:g} min seen, and nothing bad for {self.options.lasting:g} s",
            ja=f"{self.options.minutes:g} 分間確認し、異常が {self.options.lasting:g} 秒続かないこと",
        )

    def _failed(self, lasted: Sequence[Breach], zone: str) -> Verdict:
        told = ", ".join(_said(b, zone) for b in lasted[:NAMED])
        more = len(lasted) - NAMED
        return failed(
            "breach",
            Words(en="something was bad for too long after the deploy", ja="デプロイ後に異常が続きました"),
            expected=self._wanted(),
            seen=Words(
                en=told + (f" and {more} more" if more > 0 else ""),
                ja=told + (f" ほか {more} 件" if more > 0 else ""),
            ),
            remedy=Words(
                en="find the cause; then roll back, deploy again, or decide Waive with the reason",
                ja="原因を調べ、ロールバック・再デプロイ、または理由を書いて「免除」を選択",
            ),
            breaches=sorted({b.name for b in lasted}),
        )

    def _gaps(self, gaps: Mapping[str, Sequence[Span]], coverage: float, seen: WatchSeen) -> Verdict:
        last = {t.name: t.told for look in seen.looks for t in look.targets if t.state == "unseen"}
        why = {look.at: look.reason for look in seen.looks if look.reason}
        named = [(name, span) for name, spans in gaps.items() for span in spans]
        told = ", ".join(_gap(name, span, last, why, seen.zone) for name, span in named[:NAMED])
        return unknown(
            "gap",
            Words(en="nobody saw how it was for longer than may be", ja="確認できなかった時間が許容を超えています"),
            expected=Words(en=f"a look every {self.options.gap:g} s", ja=f"{self.options.gap:g} 秒以内ごとの確認"),
            seen=Words(
                en=f"no look {told}; coverage {coverage * 100:.0f} %",
                ja=f"確認なし {told}、カバー率 {coverage * 100:.0f} %",
            ),
            remedy=Words(
                en="look at logs and alerts of that time, then decide Waive with what was found; "
                "the worker must run all the time",
                ja="その時間のログとアラートを確認し、結果を書いて「免除」を選択（ワーカーは動かし続けること）",
            ),
            gaps=[[name, span.start.isoformat()] for name, span in named],
        )

    def _too_little(self, coverage: float) -> Verdict:
        return unknown(
            "coverage",
            Words(en="too little of the window was seen", ja="監視時間のうち確認できた割合が不足しています"),
            expected=Words.same(f">= {self.options.coverage:g} %"),
            seen=Words.same(f"{coverage * 100:.0f} %"),
            remedy=Words(
                en="let the worker run at least as often as `every` says; for this release decide Waive",
                ja="ワーカーを `every` 以上の頻度で動かしてください。今回は「免除」を選択",
            ),
            coverage=int(coverage * 100),
        )


def _seen_times(looks: Sequence[Look]) -> dict[str, list[datetime]]:
    """When each thing was seen, be it good or bad; alerts are seen where their Alertmanager is."""
    times: dict[str, list[datetime]] = {}
    for look in looks:
        for target in look.targets:
            if target.name.startswith("alert "):
                continue
            known = times.setdefault(target.name, [])
            if target.state != "unseen":
                known.append(look.at)
    return times


def _breaches(looks: Sequence[Look]) -> list[Breach]:
    """What was bad in one look after another; what nobody saw does not end it."""
    states: dict[str, list[tuple[datetime, str, str]]] = defaultdict(list)
    bad = {t.name for look in looks for t in look.targets if t.state == "bad"}
    for look in looks:
        here = {t.name: t for t in look.targets}
        for name in sorted(bad) if look.targets else []:
            target = here.get(name)
            if target is not None and target.state != "unseen":
                states[name].append((look.at, target.state, target.told))
            elif target is None and _alerts_seen(look):
                states[name].append((look.at, "good", ""))
    found: list[Breach] = []
    for name, series in states.items():
        for state, group in groupby(series, key=lambda one: one[1]):
            part = list(group)
            if state == "bad":
                ends = part[-1] is series[-1]
                after = series[series.index(part[-1]) + 1][0] if not ends else part[-1][0]
                found.append(Breach(name=name, span=Span(start=part[0][0], end=after), told=part[-1][2], open=ends))
    return sorted(found, key=lambda breach: breach.span.start)


def _alerts_seen(look: Look) -> bool:
    return any(t.name.startswith("alerts of ") and t.state == "good" for t in look.targets)


def _critical(raw: Any, severity: Sequence[str]) -> list[str] | None:
    """Names of the active alerts that count; None: this is no Alertmanager's answer."""
    if not isinstance(raw, list):
        return None
    found: list[str] = []
    for alert in raw:
        labels = alert.get("labels") if isinstance(alert, dict) else None
        status = alert.get("status") if isinstance(alert, dict) else None
        if not isinstance(labels, dict) or not isinstance(status, dict) or "state" not in status:
            return None
        if status["state"] != "suppressed" and labels.get("severity") in severity:
            instance = f" ({labels['instance']})" if labels.get("instance") else ""
            found.append(f"{labels.get('alertname', '?')}{instance}")
    return sorted(set(found))


def _named(url: str) -> str:
    """An address without its query, which may hold keys."""
    return f"{origin(url)}{urlsplit(url).path}"


def _said(breach: Breach, zone: str) -> str:
    return f"{breach.name}: {breach.told} {breach.span.said(zone)}"


def _gap(name: str, span: Span, last: Mapping[str, str], why: Mapping[datetime, str], zone: str) -> str:
    reason = last.get(name) or next((why[at] for at in why if span.start <= at <= span.end), "")
    inside = " ".join(filter(None, (name, reason)))
    return f"{clock(span.start, zone)}–{clock(span.end, zone)}" + (f" ({inside})" if inside else "")


_ONE_LOOK = Words(en="this is one look alone", ja="1 回分の確認のみです")
_RUNNING = Words(en="the window is still running", ja="監視時間が続いています")
_WAIT = Words(en="wait until the window is over", ja="監視時間の終了を待つ")

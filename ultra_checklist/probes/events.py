"""The emergency-stop flag and its events: every edge of the metric has its event, and every event its edge.

The metric comes from Prometheus, which keeps it, or from looks at a ``/metrics`` page after the deploy; events come
from an HTTP API that answers JSON. A flag that never moved while it was seen has nothing to be compared.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, field_validator, model_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Frozen, Verdict, Words
from ultra_checklist.probes import flag
from ultra_checklist.probes.base import Context, Observation, Options, Pattern, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.fetch import asker, at_path, origin, plain_address
from ultra_checklist.probes.flag import Direction, Edge, Point
from ultra_checklist.probes.window import Span, Window
from ultra_checklist.record import WINDOW_RUNNING

MAX_EVENTS = 2_000
"""Events of one release: more of them are told, and not compared."""
NAMED = 5
_MAX_AROUND = 20_000
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_CLOCKS = 60.0
"""Seconds by which the clock of another machine that looks may differ."""
_MILLISECONDS = 1e11
"""A time beyond this many Unix seconds, in the year 5138, is one in milliseconds."""
Address = Annotated[str, AfterValidator(plain_address)]


class EventsOptions(Options):
    """Where the flag and its events are."""

    prometheus: Address | None = Field(default=None, description="Address of a Prometheus that keeps the metric.")
    metrics: Address | None = Field(
        default=None, description="Instead: a `/metrics` page, looked at every `every` seconds after the deploy."
    )
    metric: str = Field(default="emergency_stop_flag", description="The flag: 0 is off, everything else is on.")
    events: Address = Field(description="Address that answers the events as JSON.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Headers to send to `events`; they are never recorded."
    )
    items: str = Field(
        default="", description="Dotted path of the list in the answer.  Default: the answer itself."
    )
    level: str = Field(default="level", description="Dotted path of an event's level.")
    value: str = Field(default="EMERGENCY", description="The level that counts.")
    time: str = Field(
        default="created_at", description="Dotted path of an event's time: ISO 8601 with its zone, or Unix time."
    )
    on: Pattern | None = Field(
        default=None,
        description="Regular expression that an event of setting the flag matches.  Default: every event.",
    )
    off: Pattern | None = Field(default=None, description="The same for taking it back.")
    clears: bool = Field(default=True, description="false: only setting the flag has an event.")
    since: str = Field(default="", description="Query parameter that takes the time from which events are wanted.")
    tolerance: float = Field(default=60.0, ge=0, description="Seconds by which edge and event may lie apart.")
    minutes: float = Field(
        default=240.0, gt=0, le=10_080, description="How long is looked at, from the deploy's end."
    )
    every: float = Field(default=60.0, ge=1, description="Seconds between looks at `metrics`.")
    max_gap: float = Field(default=300.0, gt=0, description="Longest good seconds without a value of the metric.")

    @field_validator("metric")
    @classmethod
    def _a_name(cls, value: str) -> str:
        if _METRIC.fullmatch(value) is None:
            raise WrongValue(f"{value!r} is no name of a metric", f"{value!r} はメトリクス名ではありません")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.prometheus is None) is (self.metrics is None):
            raise WrongValue(
                "give either prometheus or metrics", "prometheus と metrics はどちらか一方を指定してください"
            )
        return self


class Event(Frozen):
    """An event of the level that counts; ``may_be`` are the edges that it can belong to."""

    at: datetime
    may_be: tuple[Direction, ...] = ("on", "off")


class EventsSeen(Observation):
    """The flag over time and the events."""

    points: tuple[Point, ...] = ()
    events: tuple[Event, ...] = ()
    begun: datetime | None = None
    """The deploy's end; None: this is one look at the metric alone."""
    now: datetime | None = None
    zone: str = "UTC"


class EventsProbe(Probe[EventsOptions, EventsSeen]):
    """Compares the edges of a flag with events."""

    name = "events"
    summary = Words(
        en="an emergency-stop flag and its events: every edge has an event, every event an edge",
        ja="緊急停止フラグとイベントの整合: フラグの変化とイベントが過不足なく対応",
    )
    options_model: ClassVar[type[Options]] = EventsOptions
    observation_model: ClassVar[type[Observation]] = EventsSeen
    needs_release = True
    judged: ClassVar[frozenset[str]] = frozenset({"clears"})

    @property
    def sample_every(self) -> float | None:
        """A page tells the value of now only, so it must be looked at again and again."""
        return self.options.every if self.options.metrics is not None else None

    @property
    def sample_for(self) -> float | None:
        """As long as the options say."""
        return self.options.minutes * 60

    def twins(self) -> Iterator[Twin]:
        """An edge that has no event, and an event that has no edge."""
        options, begun = self.options, datetime(2026, 1, 1, tzinfo=UTC)
        slack = timedelta(seconds=options.tolerance + options.max_gap)
        half = begun + timedelta(minutes=options.minutes / 2)
        now = begun + timedelta(minutes=options.minutes, seconds=options.every) + 2 * slack
        step = timedelta(seconds=options.max_gap / 2)
        # Where nobody looked an event may have had its edge: so there are points all around it.
        count = min(int(2 * slack / step) + 1, _MAX_AROUND)
        around = [half + n * step for n in range(-count, count + 1)]

        def seen(points: list[Point], events: tuple[Event, ...] = ()) -> EventsSeen:
            return EventsSeen(points=tuple(points), events=events, begun=begun, now=now)

        moved = [Point(at=at, on=at >= half) for at in around]
        yield Twin(Words(en="the flag set, and no event", ja="フラグ ON、イベントなし"), seen=seen(moved))
        still = [Point(at=at, on=False) for at in around]
        event = (Event(at=half, may_be=("on",)),)
        yield Twin(
            Words(en="an event, and the flag not set", ja="イベントあり、フラグ OFF"), seen=seen(still, event)
        )

    async def observe(self, context: Context) -> EventsSeen:
        """Look at the metric once, where this look becomes a sample; else at everything."""
        options = self.options
        if context.sampling:
            point = await flag.on_page(options.metrics or "", options.metric, context.clock(), options.timeout)
            return EventsSeen(points=(point,))
        release = context.require_release()
        deploy = release.deploys[-1] if release.deploys else None
        if deploy is None or deploy.ended is None or not deploy.stands:
            raise ProbeCannotTell("no-deploy", "no deploy has ended well yet", "正常終了したデプロイがありません")
        window = Window(deploy.ended, options.minutes, context.clock())
        if options.metrics is not None:
            points = [
                Point(at=self._dated(point.at, sample.at), on=point.on)
                for sample in context.samples
                if isinstance(sample.seen, EventsSeen)
                for point in sample.seen.points
            ]
        else:
            # What came just before and just after may belong to an event within.
            slack = timedelta(seconds=max(options.tolerance, options.max_gap))
            span = Span(start=window.begun - slack, end=min(window.now, window.end + slack))
            points = await flag.in_prometheus(options.prometheus or "", options.metric, span, options.timeout)
        events = await self._events(window)
        return EventsSeen(
            points=tuple(points),
            events=tuple(events),
            begun=deploy.ended,
            now=window.now,
            zone=release.timezone,
        )

    def _dated(self, own: datetime, asked: datetime) -> datetime:
        """When a look was: by the clock of whoever looked, unless that cannot be, for it was asked for then."""
        latest = asked + timedelta(seconds=_CLOCKS + 2 * self.options.every)
        return own if asked - timedelta(seconds=_CLOCKS) <= own <= latest else asked

    async def _events(self, window: Window) -> list[Event]:
        options, url = self.options, self.options.events
        start = window.begun - timedelta(seconds=options.tolerance)
        if options.since:
            url += ("&" if "?" in url else "?") + urlencode({options.since: start.astimezone(UTC).isoformat()})
        async with asker(
            f"events of {origin(url)}", options.timeout, f"curl -s {origin(url)}", headers=options.headers
        ) as asking:
            raw = _within(await asking.json(url), options.items)
            if not isinstance(raw, list):
                raise asking.cannot(
                    "not-events", "its answer holds no list of events", "応答にイベントの一覧がありません"
                )
            found = []
            for event in raw:
                if _within(event, options.level) != options.value:
                    continue
                at = _time(_within(event, options.time))
                if at is None:
                    raise asking.cannot(
                        "no-event-time",
                        f"an event has no time under {options.time}",
                        f"イベントに時刻 {options.time} がありません",
                    )
                if start <= at <= window.so_far.end + timedelta(seconds=options.tolerance):
                    found.append(Event(at=at, may_be=self._may_be(event)))
            if len(found) > MAX_EVENTS:
                raise asking.cannot(
                    "too-many-events", f"it has {len(found)} events", f"イベントが {len(found)} 件あります"
                )
        return sorted(found, key=lambda event: event.at)

    def _may_be(self, event: Any) -> tuple[Direction, ...]:
        text = json.dumps(event, ensure_ascii=False)
        patterns: tuple[tuple[Direction, str | None], ...] = (("on", self.options.on), ("off", self.options.off))
        return tuple(way for way, pattern in patterns if pattern is None or re.search(pattern, text))

    def judge(self, seen: EventsSeen) -> Verdict:
        """What has no counterpart, then what nobody saw, then what may still come."""
        if seen.begun is None or seen.now is None:
            return unknown(WINDOW_RUNNING, _ONE_LOOK, remedy=_LATER)
        window = Window(seen.begun, self.options.minutes, seen.now)
        points = sorted(seen.points, key=lambda point: point.at)
        gaps = window.gaps([point.at for point in points], self.options.max_gap)
        known = [edge for edge in flag.edges(points) if self.options.clears or edge.direction == "on"]
        edges = [edge for edge in known if window.begun < edge.between.end <= window.so_far.end]
        lonely_edges, lonely_events = self._lonely(known, list(seen.events))
        lonely_edges = [edge for edge in lonely_edges if edge in edges]
        lonely_events = [e for e in lonely_events if window.begun <= e.at <= window.so_far.end]
        slack = timedelta(seconds=self.options.tolerance)
        fresh = [edge for edge in lonely_edges if seen.now - edge.between.end <= slack]
        early = [
            event for event in lonely_events if seen.now - event.at <= slack + timedelta(seconds=self.options.every)
        ]
        hidden = [e for e in lonely_events if any(g.start - slack <= e.at <= g.end + slack for g in gaps)]
        missing = [edge for edge in lonely_edges if edge not in fresh]
        surplus = [event for event in lonely_events if event not in early and event not in hidden]
        if missing or surplus:
            return self._failed(missing, surplus, seen.zone)
        if gaps:
            return self._gaps(gaps, seen.zone)
        if fresh or early:
            return unknown(WINDOW_RUNNING, _MAY_COME, seen=_MAY_COME, remedy=_LATER)
        if not edges:
            return passed("never-fired", expected=_EXPECTED, seen=self._never(points))
        pairs = ", ".join(f"{_arrow(e.direction)} {Span.said(e.between, seen.zone)}" for e in edges[:NAMED])
        return passed(
            "matched",
            expected=_EXPECTED,
            seen=Words(
                en=f"{len(edges)} edges, each with its event: {pairs}",
                ja=f"変化 {len(edges)} 件すべてにイベントあり: {pairs}",
            ),
            edges=[[edge.direction, edge.between.end.isoformat()] for edge in edges],
        )

    def _never(self, points: Sequence[Point]) -> Words:
        on = any(point.on for point in points)
        return Words(
            en="it was on all the time, and never moved"
            if on
            else "not applicable: the flag was never set since the deploy",
            ja="フラグは終始 ON のままです" if on else "対象外: デプロイ後にフラグは一度も ON になっていません",
        )

    def _lonely(self, edges: Sequence[Edge], events: list[Event]) -> tuple[list[Edge], list[Event]]:
        """Edges without an event and events without an edge; each event serves one edge, the earliest that fits."""
        slack, alone = timedelta(seconds=self.options.tolerance), list[Edge]()
        for edge in edges:
            fitting = (
                e
                for e in events
                if edge.direction in e.may_be and edge.between.start - slack <= e.at <= edge.between.end + slack
            )
            event = next(fitting, None)
            if event is None:
                alone.append(edge)
            else:
                events.remove(event)
        wanted: set[Direction] = {"on", "off"} if self.options.clears else {"on"}
        return alone, [event for event in events if wanted & set(event.may_be)]

    def _failed(self, missing: Sequence[Edge], surplus: Sequence[Event], zone: str) -> Verdict:
        lines = [f"{_arrow(edge.direction)} {edge.between.said(zone)}" for edge in missing[:NAMED]]
        times = [Span(start=event.at, end=event.at).said(zone).partition("–")[0] for event in surplus[:NAMED]]
        en = [f"no event for {', '.join(lines)}"] if lines else []
        en += [f"no edge of {self.options.metric} for the event of {', '.join(times)}"] if times else []
        ja = [f"イベントなし: {', '.join(lines)}"] if lines else []
        ja += [f"{self.options.metric} の変化なし: イベント {', '.join(times)}"] if times else []
        return failed(
            "edge-without-event" if missing else "event-without-edge",
            Words(en="the flag and its events do not agree", ja="フラグとイベントが一致しません"),
            expected=_EXPECTED,
            seen=Words(en="; ".join(en), ja="、".join(ja)),
            remedy=Words(
                en="look why it was not recorded; then decide Waive with what was found",
                ja="記録されなかった原因を調べ、結果を書いて「免除」を選択",
            ),
            edges=[[edge.direction, edge.between.end.isoformat()] for edge in missing],
            events=[event.at.isoformat() for event in surplus],
        )

    def _gaps(self, gaps: Sequence[Span], zone: str) -> Verdict:
        return unknown(
            "gap",
            Words(en="there are times without a value of the metric", ja="メトリクスの値がない時間帯があります"),
            expected=Words(
                en=f"a value every {self.options.max_gap:g} s", ja=f"{self.options.max_gap:g} 秒以内ごとの値"
            ),
            seen=Words.same(f"{self.options.metric}: " + ", ".join(gap.said(zone) for gap in gaps[:NAMED])),
            remedy=Words(
                en="look at the emergency stops of that time, then decide Waive with what was found",
                ja="その時間帯の緊急停止を確認し、結果を書いて「免除」を選択",
            ),
            gaps=[gap.start.isoformat() for gap in gaps],
        )


def _within(data: Any, path: str) -> Any:
    """The value at a dotted path; without one the whole."""
    return at_path(data, path) if path else data


def _time(raw: Any) -> datetime | None:
    """A time of ISO 8601 with its zone, or of Unix seconds or milliseconds; None: neither."""
    try:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return datetime.fromtimestamp(raw / 1000 if raw > _MILLISECONDS else raw, UTC)
        found = datetime.fromisoformat(str(raw))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo is not None else None


def _arrow(direction: Direction) -> str:
    return "0→1" if direction == "on" else "1→0"


_EXPECTED = Words(en="every edge with its event, every event with its edge", ja="変化とイベントが過不足なく対応")
_ONE_LOOK = Words(en="this is one look alone", ja="1 回分の確認のみです")
_MAY_COME = Words(en="its counterpart may still come", ja="対応する記録がまだ届いていない可能性があります")
_LATER = Words(en="wait for the next look", ja="次の確認を待つ")

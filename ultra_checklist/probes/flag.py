"""A metric that is 0 or something else, over time: from Prometheus, or from a ``/metrics`` page."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import quote, urlencode

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Frozen
from ultra_checklist.probes.fetch import Asker, asker, origin
from ultra_checklist.probes.window import Span

Direction = Literal["on", "off"]
TOGETHER = timedelta(minutes=2)
"""Series that begin within this time are there from the beginning; one that begins later appears then."""


class Point(Frozen):
    """The flag at one moment."""

    at: datetime
    on: bool


class Edge(Frozen):
    """The flag moved between these two moments."""

    direction: Direction
    between: Span


def edges(points: Sequence[Point]) -> list[Edge]:
    """Where the flag moved; points in the order of time."""
    return [
        Edge(direction="on" if other.on else "off", between=Span(start=one.at, end=other.at))
        for one, other in pairwise(points)
        if one.on is not other.on
    ]


async def on_page(
    url: str,
    metric: str,
    now: datetime,
    timeout: float,  # noqa: ASYNC109 - of all that is asked, not of this call alone
) -> Point:
    """The flag as a page in Prometheus' text format has it now: on where any of its series is.

    Raises ProbeCannotTell.
    """
    from prometheus_client.parser import text_string_to_metric_families

    name, remedy = f"metrics of {origin(url)}", f"curl -s {origin(url)}/metrics | grep {metric}"
    async with asker(name, timeout, remedy) as asking:
        text = await _text(asking, url)
        try:
            samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
        except Exception:
            # The parser raises whatever the text makes it stumble over.
            raise asking.cannot(
                "not-metrics", "its answer is no page of metrics", "メトリクス形式の応答ではありません"
            ) from None
        values = [s.value for s in samples if s.name == metric and not math.isnan(s.value)]
        if not values:
            raise _absent(asking, metric)
    return Point(at=now, on=any(values))


async def in_prometheus(
    address: str,
    metric: str,
    span: Span,
    timeout: float,  # noqa: ASYNC109 - as above
) -> list[Point]:
    """The flag as Prometheus has kept it: the scraped values with their own times. Raises ProbeCannotTell.

    Source: Prometheus' HTTP API, ``/api/v1/query``: a range selector in an instant query answers a ``matrix``
    of raw values; a metric that is absent is a success without series.
    """
    base, seconds = address.rstrip("/"), max(1, math.ceil(span.seconds))
    query = urlencode({"query": f"{metric}[{seconds}s]", "time": f"{span.end.timestamp():.3f}"})
    remedy = f"curl -s '{origin(base)}/api/v1/query?query={quote(metric)}'"
    async with asker(f"Prometheus of {origin(base)}", timeout, remedy) as asking:
        raw = await asking.json(f"{base}/api/v1/query?{query}")
        try:
            if raw["status"] != "success" or raw["data"]["resultType"] != "matrix":
                raise ValueError("no matrix")
            points = list(_merged([_values(series["values"]) for series in raw["data"]["result"]]))
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            raise asking.cannot(
                "not-prometheus", "its answer is not that of Prometheus", "Prometheus の応答ではありません"
            ) from None
        if not points:
            raise _absent(asking, metric)
    return points


def _values(raw: Any) -> list[Point]:
    """The values of one series; NaN is none."""
    pairs = [(datetime.fromtimestamp(float(at), UTC), float(value)) for at, value in raw]
    return [Point(at=at, on=value != 0) for at, value in pairs if not math.isnan(value)]


def _merged(series: list[list[Point]]) -> Iterator[Point]:
    """Several series as one: the flag is on while it is on in any of those that are told at that time."""
    begun = min((points[0].at for points in series if points), default=None)
    # Series of one moment are scraped one after another: the first of them are no edges.
    last = {n: p[0].on for n, p in enumerate(series) if begun is not None and p and p[0].at - begun <= TOGETHER}
    moments = sorted((p.at, place, p.on) for place, points in enumerate(series) for p in points)
    ends = {place: points[-1].at for place, points in enumerate(series) if points}
    for at, place, on in moments:
        last[place] = on
        yield Point(at=at, on=any(on for other, on in last.items() if ends[other] >= at))


async def _text(asking: Asker, url: str) -> str:
    reply = await asking.ask(url)
    if reply.status != 200 or not reply.whole:
        reason = "too-large" if reply.status == 200 else "http-status"
        raise asking.cannot(reason, f"it answers {reply.status}", f"応答は {reply.status} です")
    return reply.body.decode(errors="replace")


def _absent(asking: Asker, metric: str) -> ProbeCannotTell:
    return asking.cannot("metric-absent", f"it has no value of {metric}", f"{metric} の値がありません")

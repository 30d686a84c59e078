"""A pretend Prometheus that scrapes the backend, keeps what it saw, and answers a few queries.

Shapes: https://prometheus.io/docs/prometheus/latest/querying/api/. Understood are selectors with ``=`` matchers,
also over a range, and the two ratios that the automation rules name, known by the functions in them: a quantile of
the response times and the share of failed requests. To every other query the answer is an empty result.
"""

import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

from ultra_checklist.demo.service import Reply, Request, Service, as_json, as_text
from ultra_checklist.demo.telemetry import quantile

SCRAPE_EVERY = 0.5
"""Seconds between two scrapes."""
KEPT = 2400
STALE = 300.0
"""Seconds after which the last sample of a metric is no answer any more, where the query says nothing else."""
MAX_POINTS = 11_000
_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
_SELECTOR = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?(?:\[(\d+)(ms|s|m|h)\])?$")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
Labels = tuple[tuple[str, str], ...]
TARGET: Mapping[str, str] = {"job": "backend", "instance": "backend"}


@dataclass(frozen=True)
class Scrape:
    """All samples of one moment, by name and labels."""

    at: float
    samples: Mapping[tuple[str, Labels], float]


class Prometheus:
    """Scrapes one target."""

    def __init__(self, scrape: Callable[[], str]) -> None:
        self._scrape = scrape
        self._seen: deque[Scrape] = deque(maxlen=KEPT)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prometheus", daemon=True)
        self.service = Service("prometheus", self._answer)

    def start(self) -> None:
        """Begin to scrape."""
        self._thread.start()

    def close(self) -> None:
        """End scraping and answering."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.service.close()

    def _run(self) -> None:
        while True:
            try:
                samples = {**parse(self._scrape()), ("up", ()): 1.0}
            except (OSError, ValueError):
                samples = {("up", ()): 0.0}
            self._seen.append(Scrape(time.time(), samples))
            if self._end.wait(SCRAPE_EVERY):
                return

    def _answer(self, request: Request) -> Reply:
        asked = {**request.query, **dict(parse_qsl(request.body.decode(errors="replace")))}
        query = asked.get("query", "").strip()
        match request.path:
            case "/-/healthy" | "/-/ready":
                return as_text("Prometheus Server is Healthy.")
            case "/api/v1/status/buildinfo":
                return as_json({"status": "success", "data": {"version": "2.42.0"}})
            case "/api/v1/query" | "/api/v1/query_range" if not query:
                return as_json({"status": "error", "errorType": "bad_data", "error": "no expression"}, 400)
            case "/api/v1/query" if query.endswith("]"):
                return _success("matrix", self._points(query, _number_of(asked, "time")))
            case "/api/v1/query":
                at, lookback = _number_of(asked, "time"), _seconds(asked.get("lookback_delta", ""))
                found = self._values(query, at, lookback)
                return _success("vector", [{"metric": m, "value": [at, _told(v)]} for m, v in found])
            case "/api/v1/query_range":
                return _success("matrix", self._range(query, asked))
        return as_json({"status": "error", "errorType": "not_found", "error": "not found"}, 404)

    def _range(self, query: str, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """The value at each step."""
        at, end = _number_of(asked, "start"), _number_of(asked, "end")
        step = max(_seconds(asked.get("step", "15s")), 0.1)
        lookback = _seconds(asked.get("lookback_delta", ""))
        series: dict[Labels, list[list[Any]]] = {}
        for _ in range(MAX_POINTS):
            if at > end:
                break
            for metric, value in self._values(query, at, lookback):
                series.setdefault(tuple(metric.items()), []).append([at, _told(value)])
            at += step
        return [{"metric": dict(labels), "values": values} for labels, values in series.items()]

    def _points(self, query: str, at: float) -> list[dict[str, Any]]:
        """The samples of a range, as they were scraped."""
        wanted = _SELECTOR.match(query)
        if wanted is None:
            return []
        since = at - float(wanted[3]) * _UNITS[wanted[4]]
        series: dict[Labels, list[list[Any]]] = {}
        for scrape in list(self._seen):
            if since < scrape.at <= at:
                for metric, value in _selected(wanted, scrape):
                    series.setdefault(tuple(metric.items()), []).append([scrape.at, _told(value)])
        return [{"metric": dict(labels), "values": values} for labels, values in series.items()]

    def _values(self, query: str, at: float, lookback: float) -> list[tuple[dict[str, str], float]]:
        seen = [scrape for scrape in list(self._seen) if at - (lookback or STALE) <= scrape.at <= at]
        if not seen:
            return []
        wanted = _SELECTOR.match(query)
        if wanted is not None:
            return _selected(wanted, seen[-1])
        value = _quantile(query, seen) if query.startswith("histogram_quantile(") else _failing(query, seen)
        return [({}, value)] if value is not None else []


def parse(text: str) -> dict[tuple[str, Labels], float]:
    """The samples of a page of metrics. Raises ValueError for what is none."""
    found: dict[tuple[str, Labels], float] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = _SAMPLE.match(line)
            if match is None:
                raise ValueError(f"no sample: {line!r}")
            found[match[1], tuple(_LABEL.findall(match[2] or ""))] = float(match[3])
    return found


def _selected(wanted: re.Match[str], scrape: Scrape) -> list[tuple[dict[str, str], float]]:
    labels = dict(_LABEL.findall(wanted[2] or ""))
    found = [
        ({"__name__": name, **TARGET, **dict(known)}, value)
        for (name, known), value in scrape.samples.items()
        if name == wanted[1]
    ]
    return [(metric, value) for metric, value in found if labels.items() <= metric.items()]


def _quantile(query: str, seen: list[Scrape]) -> float | None:
    """The quantile of what was answered between the first and the last scrape."""
    share = re.match(r"histogram_quantile\(\s*([\d.]+)", query)
    grown = _increases(seen, "http_request_duration_seconds_bucket")
    within = {float(dict(labels)["le"]): value for labels, value in grown.items()}
    count = within.pop(math.inf, 0.0)
    return quantile(float(share[1]), within, count) if share is not None and count > 0 else None


def _failing(query: str, seen: list[Scrape]) -> float | None:
    """The share of failed requests among those between the first and the last scrape."""
    name = "http_requests_total"
    if "/" not in query or name not in query:
        return None
    grown = _increases(seen, name)
    whole = sum(grown.values())
    failed = sum(value for labels, value in grown.items() if dict(labels).get("status") == "500")
    return failed / whole if whole > 0 else None


def _increases(seen: list[Scrape], metric: str) -> dict[Labels, float]:
    """By how much each series of a counter grew; where it fell, its process began anew, and counts from nothing."""
    found: dict[Labels, float] = {}
    for name, labels in seen[-1].samples:
        if name == metric:
            values = [scrape.samples[name, labels] for scrape in seen if (name, labels) in scrape.samples]
            found[labels] = sum(new - old if new >= old else new for old, new in pairwise(values))
    return found


def _number_of(asked: Mapping[str, str], name: str) -> float:
    return float(asked.get(name) or time.time())


def _seconds(text: str) -> float:
    """A duration as Prometheus takes it: seconds, or a number with its unit; 0 where it says nothing."""
    match = re.match(r"^([\d.]+)(ms|s|m|h)?$", text)
    return float(match[1]) * _UNITS[match[2] or "s"] if match is not None else 0.0


def _told(value: float) -> str:
    return "NaN" if math.isnan(value) else "+Inf" if value == math.inf else f"{value:.15g}"


def _success(kind: str, result: list[dict[str, Any]]) -> Reply:
    return as_json({"status": "success", "data": {"resultType": kind, "result": result}})

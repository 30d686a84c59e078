"""A pretend Alertmanager and a pretend Prometheus that scrapes the backend and answers a few queries.

Shapes: Alertmanager's API v2 (``gettableAlerts``) and https://prometheus.io/docs/prometheus/latest/querying/api/.
No PromQL is evaluated: a metric's name gives its newest sample, and the two ratios that the automation rules name
are known by the functions in them. For every other query the answer is an empty result, as of a real Prometheus.
"""

import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from ultra_checklist.demo.service import Reply, Request, Service, as_json, as_text
from ultra_checklist.demo.telemetry import quantile

SCRAPE_EVERY = 0.5
"""Seconds between two scrapes."""
KEPT = 2400
STALE = 300.0
"""Seconds after which the last sample of a metric is no answer any more."""
_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_NAME = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{[^}]*\})?$")


class Alertmanager:
    """Knows which alerts are active."""

    def __init__(self) -> None:
        self._alerts: list[dict[str, Any]] = []
        self.service = Service("alertmanager", self._answer)

    def fire(self, name: str, severity: str, summary: str) -> None:
        """Let an alert be active from now on."""
        now = datetime.now(UTC)
        self._alerts.append(
            {
                "labels": {"alertname": name, "severity": severity, "service": "backend"},
                "annotations": {"summary": summary},
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=1)).isoformat(),
                "updatedAt": now.isoformat(),
                "fingerprint": f"{len(self._alerts) + 1:016x}",
                "receivers": [{"name": "pretend"}],
                "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
                "generatorURL": "",
            }
        )

    def _answer(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            return as_json({"error": "this Alertmanager only lets look"}, 405)
        match request.path:
            case "/api/v2/alerts":
                return as_json(self._alerts)
            case "/api/v2/status":
                return as_json({"cluster": {"status": "disabled"}, "versionInfo": {"version": "0.25.0"}})
            case "/-/healthy" | "/-/ready":
                return as_text("OK")
        return as_json({"error": "not found"}, 404)


@dataclass(frozen=True)
class Scrape:
    """All samples of one moment, by name and labels."""

    at: float
    up: bool
    samples: dict[tuple[str, str], float]

    def total(self, name: str, label: str = "") -> float | None:
        """The sum of a metric's samples whose labels contain this text."""
        found = [value for (known, labels), value in self.samples.items() if known == name and label in labels]
        return sum(found) if found else None


class Prometheus:
    """Scrapes one target and keeps what it saw."""

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
                samples, up = parse(self._scrape()), True
            except (OSError, ValueError):
                samples, up = {}, False
            self._seen.append(Scrape(time.time(), up, samples))
            if self._end.wait(SCRAPE_EVERY):
                return

    def _answer(self, request: Request) -> Reply:
        asked = dict(request.query)
        if request.method == "POST":
            asked |= dict(parse_qsl(request.body.decode(errors="replace")))
        query = asked.get("query", "")
        match request.path:
            case "/-/healthy" | "/-/ready":
                return as_text("Prometheus Server is Healthy.")
            case "/api/v1/query" | "/api/v1/query_range" if not query:
                return as_json({"status": "error", "errorType": "bad_data", "error": "no expression"}, 400)
            case "/api/v1/query":
                at = float(asked.get("time", time.time()))
                value = self._value(query, at)
                result = [] if value is None else [{"metric": _metric(query), "value": [at, _number(value)]}]
                return _success("vector", result)
            case "/api/v1/query_range":
                values = self._range(query, asked)
                return _success("matrix", [{"metric": _metric(query), "values": values}] if values else [])
        return as_json({"status": "error", "errorType": "not_found", "error": "not found"}, 404)

    def _range(self, query: str, asked: dict[str, str]) -> list[list[Any]]:
        now = time.time()
        at, end = float(asked.get("start", now - 60)), float(asked.get("end", now))
        step = max(float(asked.get("step", "15").rstrip("s")), 0.1)
        values: list[list[Any]] = []
        while at <= end and len(values) < 11_000:
            value = self._value(query, at)
            if value is not None:
                values.append([at, _number(value)])
            at += step
        return values

    def _value(self, query: str, at: float) -> float | None:
        seen = [scrape for scrape in list(self._seen) if at - STALE <= scrape.at <= at]
        if not seen:
            return None
        newest, oldest = seen[-1], seen[0]
        text = query.replace(" ", "")
        if text.startswith("up"):
            return float(newest.up)
        if not newest.up:
            return None
        if text.startswith("histogram_quantile("):
            return _quantile(text, newest, oldest) if len(seen) > 1 else None
        if "/" in text and "http_requests_total" in text:
            return _growth(newest, oldest, '"500"', "") if len(seen) > 1 else None
        name = _NAME.match(text)
        return newest.total(name.group(1)) if name is not None else None


def parse(text: str) -> dict[tuple[str, str], float]:
    """The samples of a page of metrics. Raises ValueError for what is none."""
    found: dict[tuple[str, str], float] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = _SAMPLE.match(line)
            if match is None:
                raise ValueError(f"no sample: {line!r}")
            found[match.group(1), match.group(2) or ""] = float(match.group(3))
    return found


def _quantile(text: str, newest: Scrape, oldest: Scrape) -> float | None:
    """The quantile of what was answered between two scrapes."""
    share = float(re.findall(r"histogram_quantile\(([\d.]+)", text)[0])
    name = "http_request_duration_seconds"
    within = {
        float(labels.removeprefix('le="').rstrip('"')): value - oldest.samples.get((known, labels), 0.0)
        for (known, labels), value in newest.samples.items()
        if known == f"{name}_bucket" and "+Inf" not in labels
    }
    count = (newest.total(f"{name}_count") or 0.0) - (oldest.total(f"{name}_count") or 0.0)
    return quantile(share, within, count) if count > 0 else None


def _growth(newest: Scrape, oldest: Scrape, part: str, whole: str) -> float | None:
    """The share that some samples have in the growth of all of them."""
    name = "http_requests_total"
    ends = [scrape.total(name, label) for label in (part, whole) for scrape in (newest, oldest)]
    if None in ends:
        return None
    a, b, c, d = (value or 0.0 for value in ends)
    return (a - b) / (c - d) if c > d else math.nan


def _metric(query: str) -> dict[str, str]:
    name = _NAME.match(query)
    return {"__name__": name.group(1)} if name is not None else {}


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{value:g}" if abs(value) < 1e6 else f"{value:.3f}"


def _success(kind: str, result: list[dict[str, Any]]) -> Reply:
    return as_json({"status": "success", "data": {"resultType": kind, "result": result}})

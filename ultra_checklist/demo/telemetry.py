"""The pretend backend's figures in Prometheus's text format: traffic, errors, health factor, emergency stop.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import threading
import time
from collections.abc import Mapping
from typing import Any

PER_SECOND = 50.0
"""Requests a second that the pretend users send."""
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
USUAL = {0.05: 0.7, 0.1: 0.9, 0.25: 1.0}
"""Share of the requests that are answered within so many seconds."""
SLOW = {1.0: 0.5, 2.5: 1.0}
HEALTH_FACTOR = 1.85
MEAN = {False: 0.06, True: 1.3}
"""Seconds a request takes, usually and while it is slow."""
HISTORY = 20.0
"""Seconds of traffic that the figures of a fresh process begin with, so that ratios mean something at once."""
WORKS = 0.002
"""Share of requests that fail on a good day."""


class Traffic:
    """Counts pretend requests as time goes by; errors and slowness are those of the moment."""

    def __init__(self) -> None:
        self.started = time.time()
        self.requests = self.errors = self.seconds = 0.0
        self.within = dict.fromkeys(BOUNDS, 0.0)
        self._last = self.started - HISTORY
        self._lock = threading.Lock()

    def advance(self, control: Mapping[str, Any]) -> None:
        """Take in the time since the last look."""
        slow = bool(control.get("slow"))
        shares = SLOW if slow else USUAL
        with self._lock:
            now = time.time()
            count = max(now - self._last, 0.0) * PER_SECOND
            self._last = now
            self.requests += count
            self.errors += count * float(control.get("error_ratio", WORKS))
            self.seconds += count * MEAN[slow]
            for bound in BOUNDS:
                share = max((s for edge, s in shares.items() if edge <= bound), default=0.0)
                self.within[bound] += count * share


def render(traffic: Traffic, control: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The whole page of metrics; names in ``absent`` are left out."""
    traffic.advance(control)
    told = ",".join(f'{name}="{value}"' for name, value in labels.items())
    flag = 1 if control.get("emergency_stop") else 0
    failed = traffic.errors
    pages = {
        "http_request_duration_seconds": ("histogram", "How long requests take.", _histogram(traffic)),
        "http_requests_total": (
            "counter",
            "Requests by status.",
            [f'{{status="200"}} {traffic.requests - failed:.0f}', f'{{status="500"}} {failed:.0f}'],
        ),
        "error_rate": (
            "gauge",
            "Share of requests that fail now.",
            [f" {float(control.get('error_ratio', WORKS))}"],
        ),
        "health_factor": ("gauge", "Aave health factor.", [f" {control.get('health_factor', HEALTH_FACTOR)}"]),
        "emergency_stop_flag": ("gauge", "1 while trading is stopped.", [f" {flag}"]),
        "process_start_time_seconds": ("gauge", "When the process began.", [f" {traffic.started:.3f}"]),
        "ultra_build_info": ("gauge", "What runs.", [f"{{{told}}} 1"]),
    }
    lines: list[str] = []
    for name, (kind, text, samples) in pages.items():
        if name not in control.get("absent", ()):
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *(name + sample for sample in samples)]
    return "\n".join(lines) + "\n"


def quantile(share: float, within: Mapping[float, float], count: float) -> float:
    """The quantile of a histogram, interpolated within its bucket as Prometheus does it."""
    wanted, low, below = share * count, 0.0, 0.0
    for bound, total in sorted(within.items()):
        if total >= wanted:
            return low + (bound - low) * ((wanted - below) / (total - below) if total > below else 1.0)
        low, below = bound, total
    return math.nan if count == 0 else low


def _histogram(traffic: Traffic) -> list[str]:
    buckets = [f'_bucket{{le="{bound}"}} {traffic.within[bound]:.0f}' for bound in BOUNDS]
    total = f"{traffic.requests:.0f}"
    return [*buckets, f'_bucket{{le="+Inf"}} {total}', f"_sum {traffic.seconds:.3f}", f"_count {total}"]

"""What one connection to Notion carries: a working day of releases against its rate limit, in simulated time.

``python -m benchmarks.capacity`` prints the table of docs/scale.md. What a release costs in requests is counted on
the local Notion by a test; the pace is that of the product's own ``Pacer``.
"""

import heapq
import math
import random
import sys
from collections import deque
from dataclasses import dataclass

from ultra_checklist.notion.pacing import MINUTE, Pacer, Rate

ITEMS = 35
RENDER = ITEMS + 3
"""Requests that make a release."""
TICKS = ITEMS + 4
"""Requests that bring its verdicts, and its page's own changes; the queries that find ticks are apart."""
CLOSE = ITEMS + 13
"""Requests that end it."""
RESERVE = 30
"""Requests a minute that making and ending releases leave to ticks."""
HOURS = 10
"""People release in so many hours of a day."""
LASTS = 3600.0
"""Seconds between the making of a release and its end, in which its items are ticked."""
POLL = 1.0
"""Seconds between two looks of `sync --watch` while people work."""
ANSWER = 0.15
"""Seconds until Notion answers."""
GOOD = 5.0
"""Seconds from a tick to its verdict that nearly all (99 of 100) must keep."""
PLANS = {"180 a minute": 180, "600 a minute": 600}


@dataclass(frozen=True)
class Day:
    """A day of one connection."""

    requests: int
    busiest: int
    """Requests in its busiest minute."""
    p50: float
    p99: float
    """Seconds from a tick to its verdict."""
    unmade: float
    """Seconds that the slowest release took to be made."""


def simulate(releases: int, a_minute: int, seed: int = 1) -> Day:
    """So many releases a day over one connection with so many requests a minute."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    arrivals: list[tuple[float, str, float]] = []
    for _ in range(releases):
        made = chance.uniform(0, HOURS * 3600)
        arrivals += [(made, "bulk", made)] * RENDER + [(made + LASTS, "bulk", made + LASTS)] * CLOSE
        moments = (made + chance.uniform(0, LASTS) for _ in range(TICKS))
        arrivals += [(moment, "tick", moment) for moment in moments]
    return _Connection(Rate(requests=a_minute, seconds=MINUTE)).day(arrivals)


class _Connection:
    def __init__(self, rate: Rate) -> None:
        self._all, self._some = Pacer(rate), Pacer(rate, reserve=RESERVE)
        self._sent = list[float]()
        self._found, self._bulk = deque[float](), deque[float]()
        self._unseen = list[float]()
        self._waits, self._made = list[float](), [0.0]

    def day(self, arrivals: list[tuple[float, str, float]]) -> Day:
        heapq.heapify(arrivals)
        now, poll = 0.0, 0.0
        while arrivals or self._unseen or self._found or self._bulk:
            while arrivals and arrivals[0][0] <= now:
                _, kind, since = heapq.heappop(arrivals)
                (self._unseen if kind == "tick" else self._bulk).append(since)
            if poll <= now and self._all.rest(now) <= 0:
                self._send(now)
                self._found += self._unseen
                self._unseen = []
                poll = now + POLL + ANSWER
            while self._found and self._all.rest(now) <= 0:
                self._send(now)
                self._waits.append(now + 2 * ANSWER - self._found.popleft())
            while self._bulk and not self._found and self._some.rest(now) <= 0:
                self._send(now)
                self._made.append(now + ANSWER - self._bulk.popleft())
            now = max(now + 0.01, self._next(arrivals, now, poll))
        return self._summary()

    def _next(self, arrivals: list[tuple[float, str, float]], now: float, poll: float) -> float:
        """When something can happen next."""
        moments = [max(poll, now + self._all.rest(now))]
        moments += [arrivals[0][0]] if arrivals else []
        moments += [now + self._all.rest(now)] if self._found else []
        moments += [now + self._some.rest(now)] if self._bulk else []
        return min(moments)

    def _send(self, now: float) -> None:
        self._all.sent(now)
        self._some.sent(now)
        self._sent.append(now)

    def _summary(self) -> Day:
        waits, window, busiest = sorted(self._waits) or [0.0], deque[float](), 0
        for moment in self._sent:
            window.append(moment)
            while moment - window[0] > MINUTE - 0.001:
                window.popleft()
            busiest = max(busiest, len(window))
        p50, p99 = (waits[math.ceil(len(waits) * part / 100) - 1] for part in (50, 99))
        return Day(len(self._sent), busiest, p50, p99, max(self._made))


def most(a_minute: int) -> int:
    """Releases a day that one connection carries well, in steps of a hundred."""
    low, high = 1, a_minute // 4
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if simulate(middle * 100, a_minute).p99 <= GOOD else (low, middle)
    return low * 100


def table() -> str:
    """The table of docs/scale.md."""
    lines = ["| releases a day | requests a day | limit | connections | p50 | p99 | busiest minute |"]
    lines.append("| ---: | ---: | --- | ---: | ---: | ---: | ---: |")
    carried = {plan: most(number) for plan, number in PLANS.items()}
    for releases in (10, 1_000, 100_000):
        for plan, number in PLANS.items():
            connections = math.ceil(releases / carried[plan])
            day = simulate(math.ceil(releases / connections), number)
            total = day.requests * connections
            figures = f"{connections:,} | {day.p50:.1f} s | {day.p99:.1f} s | {day.busiest}"
            lines.append(f"| {releases:,} | {total:,} | {plan} | {figures} |")
    said = ", ".join(f"{count:,} at {plan}" for plan, count in carried.items())
    return "\n".join([*lines, "", f"One connection carries {said}."])


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")

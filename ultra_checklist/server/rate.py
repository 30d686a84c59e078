"""Notion's rate limits: how many requests a token may send, and when it may go on.

Two models, as ``--rate`` names them: ``window:180/60`` (180 requests in each window of 60 seconds, spendable
at once; developers.notion.com/reference/request-limits) and ``bucket:3/3`` (3 a second, 3 saved up at most,
as older texts say).
"""

import math
import re
from typing import Final, Protocol

_MODEL: Final = re.compile(r"(window|bucket):([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


class Limit(Protocol):
    """How many requests are let through; times are seconds of any clock that only goes forward."""

    def ask(self, token: str, now: float) -> int:
        """0 if the request may pass, which is then counted; otherwise the whole seconds to wait."""


def parse(text: str) -> Limit | None:
    """The limit that ``--rate`` names; None for ``off``. Raises ValueError for anything else."""
    if text == "off":
        return None
    if not (match := _MODEL.fullmatch(text)):
        raise ValueError(
            f"{text!r} is no rate; write window:180/60 (requests/seconds), bucket:3/3 (rate/burst) or off"
        )
    first, second = int(match[2]), int(match[3])
    return Window(first, second) if match[1] == "window" else Bucket(first, second)


class Window:
    """``most`` requests in each window of ``seconds``; a window begins with its first request."""

    def __init__(self, most: int, seconds: int) -> None:
        self._most = most
        self._seconds = seconds
        self._windows: dict[str, tuple[float, int]] = {}

    def ask(self, token: str, now: float) -> int:
        """See ``Limit``; the wait is the rest of the window."""
        began, sent = self._windows.get(token, (now, 0))
        if now >= began + self._seconds:
            began, sent = now, 0
        if sent >= self._most:
            return math.ceil(began + self._seconds - now)
        self._windows[token] = (began, sent + 1)
        return 0


class Bucket:
    """``rate`` requests a second; what is not used is saved up to ``burst``."""

    def __init__(self, rate: int, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def ask(self, token: str, now: float) -> int:
        """See ``Limit``; the wait is until the next request fits."""
        since, left = self._buckets.get(token, (now, float(self._burst)))
        left = min(self._burst, left + (now - since) * self._rate)
        passes = left >= 1
        self._buckets[token] = (now, left - 1 if passes else left)
        return 0 if passes else max(1, math.ceil((1 - left) / self._rate))

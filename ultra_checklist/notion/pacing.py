"""How fast requests go out: as fast as Notion's answers have shown that it allows.

Notion counts requests in a window of a minute, spendable at once; until September 2026 it spoke of three a
second with bursts (developers.notion.com/reference/request-limits). Nothing in its answers tells which of
the two it does, but for the 429 with its Retry-After. So requests go out freely within a window, and the
first 429 that asks for a second or two tells that it is the other.
"""

from collections import deque
from typing import Final

from ultra_checklist.model import Frozen

MINUTE: Final = 60.0
_SHORT: Final = 2.0
"""A Retry-After up to this many seconds comes from a limit by the second."""
_LEAST: Final = 10
"""Requests a minute that are tried at the least: others may have spent the window."""
_FORGET: Final = 24 * 3600.0


_SLACK: Final = 0.02
"""Seconds by which a request comes later than a limit by the second allows: the network carries some faster."""


class Rate(Frozen):
    """So many requests in so many seconds: in any of them where it is a minute, on average below that.

    A limit by the second saves up what is not used, up to as many requests (a token bucket).
    """

    requests: int = 180
    seconds: float = MINUTE
    learned: float | None = None
    """When it was learned; None: it is what the documentation says."""


class Pacer:
    """Spaces requests by a rate; ``reserve`` requests of a minute's window stay free for others."""

    def __init__(self, rate: Rate, *, reserve: int = 0) -> None:
        self.rate = rate
        self._reserve = reserve
        self._sent: deque[float] = deque()
        self._full = 0.0
        """When the bucket of a limit by the second is full again."""
        self._early = True
        """Whether others may have emptied that bucket before we began."""

    def rest(self, now: float) -> float:
        """Seconds until the next request may be sent."""
        if self.rate.learned is not None and not 0 <= now - self.rate.learned < _FORGET:
            self.rate = Rate()
        while self._sent and now - self._sent[0] >= MINUTE:
            self._sent.popleft()
        if self.rate.seconds < MINUTE:
            # A limit by the second gives back at once what others take, so nothing is reserved there.
            saved = (self.rate.requests - 1) * self._every
            return max(0.0, self._full - saved + _SLACK - now) if self._full > now else 0.0
        most = max(1, self.rate.requests - self._reserve)
        if len(self._sent) < most:
            return 0.0
        return max(0.0, self._sent[-most] + self.rate.seconds - now)

    def sent(self, now: float) -> None:
        """A request goes out."""
        self._sent.append(now)
        if self.rate.seconds < MINUTE:
            self._full = max(self._full, now) + self._every

    @property
    def _every(self) -> float:
        return self.rate.seconds / self.rate.requests

    def limited(self, now: float, wait: float) -> Rate:
        """What a 429 that asks for ``wait`` seconds teaches."""
        rate = self.rate
        if rate.learned is not None and 0 <= now - rate.learned < wait:
            # Sent beside the one that has taught: nothing goes out while Notion asks to be left alone.
            return rate
        if wait > _SHORT:
            fewer = max(_LEAST, min(len(self._sent) - 1, rate.requests))
            self.rate = Rate(requests=fewer, seconds=MINUTE, learned=now)
        elif rate.seconds >= MINUTE:
            self.rate = Rate(requests=3, seconds=1.0, learned=now)
        elif self._early and len(self._sent) <= 2 * rate.requests:
            pass
        else:
            slower = min(rate.seconds * 1.25, MINUTE / _LEAST)
            self.rate = Rate(requests=rate.requests, seconds=slower, learned=now)
        # Whatever was saved up is spent.
        self._early = False
        self._full = now + self.rate.seconds
        return self.rate

"""A stretch of time that is looked at again and again: how much of it was seen, and where nobody looked. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from ultra_checklist.model import Frozen, Words

STEP = 5
"""Minutes in which the progress of a longer window is told, and per cent in which its coverage is."""
VOUCHES = 2
"""A look speaks for so many times the distance between two looks, and no longer."""


class Span(Frozen):
    """A stretch of time."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()

    def said(self, zone: str) -> str:
        """As people of a time zone read it: ``21:03–21:17``."""
        return f"{clock(self.start, zone)}–{clock(self.end, zone)}"


@dataclass(frozen=True)
class Window:
    """A window that begins with the deploy's end, as far as it has gone by ``now``."""

    begun: datetime
    minutes: float
    now: datetime

    @property
    def end(self) -> datetime:
        """When it will have been long enough."""
        return self.begun + timedelta(minutes=self.minutes)

    @property
    def over(self) -> bool:
        """Whether it has been long enough."""
        return self.now >= self.end

    @property
    def so_far(self) -> Span:
        """What has gone by of it. A clock that was set back leaves nothing."""
        return Span(start=self.begun, end=max(self.begun, min(self.now, self.end)))

    def gaps(self, looks: Sequence[datetime], longest: float) -> list[Span]:
        """Where nobody looked for more than ``longest`` seconds; looks in the order of time."""
        return [span for span in self._between(looks) if span.seconds > longest]

    def coverage(self, looks: Sequence[datetime], every: float) -> float:
        """The part of what has gone by that looks speak for, from 0 to 1."""
        whole = self.so_far.seconds
        if whole <= 0:
            return 1.0
        if not any(at >= self.begun for at in looks):
            # However short the window is, nobody has seen anything of it.
            return 0.0
        return sum(min(span.seconds, every * VOUCHES) for span in self._between(looks)) / whole

    def _between(self, looks: Sequence[datetime]) -> list[Span]:
        """From one look to the next, clipped to what has gone by of the window."""
        start, end = self.so_far.start, self.so_far.end
        times = [start, *sorted(at for at in looks if start < at < end), end]
        return [Span(start=one, end=other) for one, other in pairwise(times) if one < other]

    def told(self, coverage: float, zone: str) -> Words:
        """How far it is, in coarse steps, so that it is news only now and then."""
        step = STEP if self.minutes > 2 * STEP else 1
        done = int(self.so_far.seconds / 60 // step * step)
        covered = int(coverage * 100 // STEP * STEP)
        whole, until = f"{self.minutes:g}", clock(self.end, zone)
        return Words(
            en=f"{done} of {whole} min, coverage {covered} %, until {until}",
            ja=f"{whole} 分中 {done} 分経過、カバー率 {covered} %、{until} まで",
        )


def clock(time: datetime, zone: str) -> str:
    """A time as people of a time zone read it."""
    return time.astimezone(ZoneInfo(zone)).strftime("%H:%M")

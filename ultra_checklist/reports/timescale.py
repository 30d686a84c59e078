"""Where moments lie on a line of some width: long quiet times are folded, so that busy ones stay readable. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

FOLD = 46.0
"""Width of a folded quiet time."""
QUIET = 1200.0
"""Seconds that a quiet time must exceed to be folded."""
_FOLDS = 7
"""How many times there is room to fold."""
_SHARE = 0.15
"""Share of what is not folded that a quiet time must have to be folded."""
_MIN = 30.0
"""Least width of a busy stretch."""
_LABEL = 58.0
"""Least distance between two labels of the axis."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True)
class Stretch:
    """A part of the line; ``folded``: nothing happened, and its width says nothing."""

    start: datetime
    end: datetime
    x: float
    width: float
    folded: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class Notch:
    """A label of the axis; ``day`` is set where the day is another than at the label before."""

    x: float
    text: str
    day: str


class Timescale:
    """From moments to places between ``left`` and ``right``."""

    def __init__(self, busy: Sequence[tuple[datetime, datetime]], left: float, right: float) -> None:
        """``busy`` are the times in which something happened; at least one."""
        self._left = left
        self.stretches = _place(_stretches(_merged(busy)), left, right)

    def x(self, moment: datetime) -> float:
        """Where a moment lies; what is outside lies at the nearer end."""
        for stretch in self.stretches:
            if moment <= stretch.end:
                into = max(0.0, (moment - stretch.start).total_seconds())
                return stretch.x + stretch.width * (into / stretch.seconds if stretch.seconds else 0.0)
        last = self.stretches[-1]
        return last.x + last.width

    def notches(self, zone: ZoneInfo) -> list[Notch]:
        """Labels at round local times, none on another."""
        found: list[Notch] = []
        day = ""
        for stretch in self.stretches:
            if stretch.folded:
                continue
            step = _step(stretch)
            for moment in _round_times(stretch, step, zone) or [stretch.start]:
                x = self.x(moment)
                if found and x - found[-1].x < _LABEL * 0.8:
                    continue
                local = moment.astimezone(zone)
                text = local.strftime("%H:%M:%S" if step < 60 and stretch.seconds else "%H:%M")
                today = local.strftime("%m-%d")
                found.append(Notch(x, text, today if today != day else ""))
                day = today
        return found


def _merged(busy: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(busy):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, max(start, end)))
    return merged


def _stretches(busy: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime, bool]]:
    """The whole time in pieces; what is folded is found again and again until what is left is even enough."""
    gaps = [(one[1], two[0]) for one, two in pairwise(busy)]
    left = (busy[-1][1] - busy[0][0]).total_seconds()
    folded: set[tuple[datetime, datetime]] = set()
    for gap in sorted(gaps, key=lambda g: g[0] - g[1])[:_FOLDS]:
        length = (gap[1] - gap[0]).total_seconds()
        if length <= QUIET or length < _SHARE * left:
            break
        folded.add(gap)
        left -= length
    pieces, start = [], busy[0][0]
    for gap in sorted(folded):
        pieces += [(start, gap[0], False), (*gap, True)]
        start = gap[1]
    return [*pieces, (start, max(busy[-1][1], start), False)]


def _place(pieces: list[tuple[datetime, datetime, bool]], left: float, right: float) -> list[Stretch]:
    folds = sum(FOLD for *_, folded in pieces if folded)
    fixed = _MIN * sum(1 for *_, folded in pieces if not folded)
    total = sum((end - start).total_seconds() for start, end, folded in pieces if not folded)
    room = max(0.0, right - left - folds - fixed)
    placed, x = [], left
    for start, end, folded in pieces:
        share = (end - start).total_seconds() / total if total else 1.0 / len(pieces)
        width = FOLD if folded else _MIN + room * share
        placed.append(Stretch(start, end, x, width, folded))
        x += width
    return placed


def _step(stretch: Stretch) -> int:
    wanted = stretch.seconds * _LABEL / stretch.width if stretch.width else 0.0
    return next((step for step in _STEPS if step >= wanted), _STEPS[-1])


def _round_times(stretch: Stretch, step: int, zone: ZoneInfo) -> list[datetime]:
    local = stretch.start.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    past = (local - midnight).total_seconds()
    moment = midnight + timedelta(seconds=-(-past // step) * step)
    times = []
    while moment <= stretch.end:
        times.append(moment)
        moment += timedelta(seconds=step)
    return times

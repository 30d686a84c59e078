"""The timeline of a release as a drawing: deploys, runs, logs, gates, and a row for each check. Pure geometry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ultra_checklist.account import Account, CheckAccount, Event
from ultra_checklist.record import RunRecord
from ultra_checklist.reports.timescale import Timescale
from ultra_checklist.reports.words import MARKS, Phrases, size

WIDTH = 900.0
LEFT = 92.0
RIGHT = WIDTH - 16.0
AXIS = 34.0
PITCH = 13.0
DENSE = 8.0
"""Height of a check's row where there are many."""
MANY = 60
MOST = 200
"""Of more checks than these only those are drawn that were ever in doubt."""
_APART = 9.0
"""Least distance between two marks of one row."""
_MOVED = 60.0
"""How far a label may stand behind what it names."""
_DOUBT = ("failed", "cannot-tell")


@dataclass(frozen=True)
class Box:
    """A rectangle; ``kind`` is its class in the style sheet."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str = ""


@dataclass(frozen=True)
class Mark:
    """A small sign at a moment."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True)
class Label:
    """A piece of text."""

    x: float
    y: float
    text: str
    kind: str
    anchor: str = "start"
    upright: bool = False
    """Written from below to above."""


@dataclass
class Picture:
    """What is drawn, from the back to the front."""

    height: float = 0.0
    bands: list[Box] = field(default_factory=list)
    lines: list[Box] = field(default_factory=list)
    bars: list[Box] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def draw(account: Account) -> Picture:
    """The picture of an account; it has at least the moment in which the release was made."""
    return _Drawing(account).picture


class _Drawing:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._say = Phrases(account)
        self._scale = Timescale(_busy(account), LEFT, RIGHT)
        self._end = max(end for _, end in _busy(account))
        self.picture = Picture()
        y = self._runs(AXIS + 8)
        y = self._gates(y) if account.gates else y
        top = y + 4
        y = self._checks(top)
        self.picture.height = y + 6
        self._axis(y)
        self._deploys(top, y)

    def _axis(self, bottom: float) -> None:
        for notch in self._scale.notches(self._say.zone):
            self.picture.lines.append(Box(notch.x, AXIS - 4, 0, bottom - AXIS + 4, "notch"))
            self.picture.labels.append(Label(notch.x, AXIS - 10, notch.text, "time", "middle"))
            if notch.day:
                self.picture.labels.append(Label(notch.x, AXIS - 23, notch.day, "day", "middle"))
        for stretch in self._scale.stretches:
            if stretch.folded:
                text = self._say.label("quiet", span=self._say.span(stretch.seconds))
                self.picture.bands.append(Box(stretch.x, AXIS - 4, stretch.width, bottom - AXIS + 4, "quiet", text))
                x = stretch.x + stretch.width / 2 + 4
                self.picture.labels.append(Label(x, AXIS + 2, self._say.span(stretch.seconds), "fold", "end", True))
        if self._account.ended is not None:
            x = self._scale.x(self._account.ended)
            self.picture.lines.append(Box(x, AXIS - 4, 0, bottom - AXIS + 4, "end"))

    def _lane(self, code: str, y: float, height: float) -> None:
        self.picture.labels.append(Label(LEFT - 10, y + 10, self._say.label(code), "lane", "end"))
        self.picture.lines.append(Box(LEFT, y + height, RIGHT - LEFT, 0, "lane"))

    def _runs(self, y: float) -> float:
        say, free = self._say, LEFT
        self._lane("lane-runs", y, 32)
        for run in self._account.runs:
            x, width = self._reach(run)
            kind = "running" if run.exit_code is None else "good" if run.exit_code == 0 else "bad"
            text = say.label("run-short", n=run.number, code=say.exit(run.ended, run.exit_code))
            text = f"⚠ {text}" if run.break_glass else text
            told = f"{say.clock(run.started)} {' '.join(run.argv)} → {say.exit(run.ended, run.exit_code)}"
            self.picture.bars.append(Box(x, y, width, 12, f"run {kind}", told))
            free = self._label_after(x, y + 25, text, free)
        for mark in say.lonely_deploys():
            x, text = self._scale.x(mark.started), say.label("deploy-n", n=mark.number)
            self.picture.marks.append(Mark(x, y + 6, "deploy", f"{say.clock(mark.started)} {text}"))
            free = self._label_after(x - 4, y + 25, text, free)
        logged = [run for run in self._account.runs if run.log]
        if not logged:
            return y + 38
        self._lane("lane-logs", y + 38, 26)
        free = LEFT
        for run in logged:
            x, width = self._reach(run)
            self.picture.bars.append(Box(x, y + 38, width, 6, "log", f"sha256:{run.log} {say.log(run)}"))
            free = self._label_after(x, y + 57, size(run.log_bytes), free)
        return y + 70

    def _reach(self, run: RunRecord) -> tuple[float, float]:
        x = self._scale.x(run.started)
        return x, max(3.0, self._scale.x(run.ended or self._end) - x)

    def _label_after(self, x: float, y: float, text: str, free: float) -> float:
        """Write a label, moved a little where one lies before it; returns where the next may begin."""
        width = sum(11.0 if ord(char) > 0x2E80 else 6.2 for char in text)
        place = min(max(x, free), RIGHT - width)
        if place < free or place - x > _MOVED:
            return free
        x = place
        self.picture.labels.append(Label(x, y, text, "said"))
        return x + width + 8

    def _gates(self, y: float) -> float:
        self._lane("lane-gates", y, 18)
        last = 0.0
        for answer in self._account.gates:
            last = max(self._scale.x(answer.at), last + _APART + 2)
            title = f"{self._say.clock(answer.at)} {answer.gate}: {self._say.label(answer.outcome)}"
            self.picture.marks.append(Mark(last, y + 7, f"gate-{answer.outcome}", title))
        return y + 24

    def _checks(self, y: float) -> float:
        shown = _pictured(self._account)
        pitch = PITCH if len(shown) <= MANY else DENSE
        for section in self._account.sections:
            checks = [check for check in section.checks if check.id in shown]
            if not checks:
                continue
            title = f"{section.number}. {section.title}"
            self.picture.labels.append(Label(LEFT, y + 12, _cut(title, 64), "section"))
            y += 17
            for check in checks:
                self._check(check, y + pitch / 2, pitch)
                y += pitch
            y += 3
        return y

    def _check(self, check: CheckAccount, y: float, pitch: float) -> None:
        self.picture.lines.append(Box(LEFT, y, RIGHT - LEFT, 0, "row"))
        if pitch == PITCH:
            text = f"{MARKS[check.standing]} {check.number}"
            self.picture.labels.append(Label(LEFT - 10, y + 4, text, f"number {check.standing}", "end"))
        ends = [phase.since for phase in check.phases[1:]] + [self._end]
        for phase, end in zip(check.phases, ends, strict=False):
            if phase.result is not None:
                x, height = self._scale.x(phase.since), 6.0 if phase.settled else 4.0
                width = max(2.0, self._scale.x(min(end, self._account.ended or end)) - x)
                title = f"{check.number} {phase.result.value} {self._say.clock(phase.since)}"
                self.picture.bars.append(
                    Box(x, y - height / 2, width, height, f"phase {phase.result.value}", title)
                )
        last = 0.0
        for event in self._account.events:
            kind = _mark(event) if event.item == check.id else ""
            if kind:
                last = max(self._scale.x(event.at), last + _APART if last else 0.0)
                told = f"{check.number} {self._say.clock(event.at)} {self._say.event(event)}"
                self.picture.marks.append(Mark(min(last, RIGHT + 10), y, kind, _cut(told, 200)))

    def _deploys(self, top: float, bottom: float) -> None:
        for mark in self._account.deploys:
            x = self._scale.x(mark.started)
            width = max(1.5, self._scale.x(mark.ended or self._end) - x)
            kind = "deployed" if mark.stands else "undeployed"
            self.picture.bands.append(
                Box(x, top, width, bottom - top, kind, self._say.label("deploy-n", n=mark.number))
            )


def _busy(account: Account) -> list[tuple[datetime, datetime]]:
    """When something happened; an open release is told up to now."""
    spans = [(event.at, event.at) for event in account.events]
    spans += [(run.started, run.ended or run.started) for run in account.runs]
    spans += [(deploy.started, deploy.ended or deploy.started) for deploy in account.deploys]
    spans += [(phase.since, phase.since) for check in account.checks for phase in check.phases]
    last = account.ended or account.made
    first = min([start for start, _ in spans], default=account.started)
    return [*spans, (last, last), (min(first, account.started), min(first, account.started))]


def _pictured(account: Account) -> set[str]:
    if len(account.checks) <= MOST:
        return {check.id for check in account.checks}
    doubted = [tick.item for tick in account.untrue_ticks]
    doubted += [check.id for check in account.checks if check.standing in _DOUBT]
    return set(list(dict.fromkeys(doubted))[:MOST])


def _mark(event: Event) -> str:
    if event.kind == "verdict":
        return f"verdict-{event.outcome}"
    return event.kind if event.kind in ("ticked", "unticked", "decided", "put-right") else ""


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def counts(events: Iterable[Event]) -> tuple[int, int]:
    """How many ticks and verdicts there are, for the picture's description."""
    kinds: Sequence[str] = [event.kind for event in events]
    return kinds.count("ticked"), kinds.count("verdict")

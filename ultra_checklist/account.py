"""The account of a release: everything a report says about it, as frozen plain data.

``recount`` makes it from manifest and journal; ``reports`` write it down. Text is in the account's language,
times are in UTC, durations in seconds.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from ultra_checklist.model import Decision, Ending, Frozen, Lang, Outcome, Result, Words
from ultra_checklist.record import DeployMark, Person, RunRecord

EventKind = Literal[
    "created", "ticked", "unticked", "verdict", "decided", "undecided", "approved", "answered", "put-right", "gate",
    "status", "deploy-started", "deploy-ended", "deploy-withdrawn", "run-started", "run-ended", "updated",
    "sealed", "changed",
]  # fmt: skip
GateOutcome = Literal["open", "closed", "cannot-tell"]
Standing = Literal[
    "passed", "confirmed", "waived", "not-applicable", "not-open", "waiting", "blocked", "open", "cannot-tell",
    "failed",
]  # fmt: skip
"""What a check amounts to: its result; without one ``open`` (nothing done yet) or ``not-open`` (not needed)."""

_UNITS = (
    (86400, Words(en="{n} d", ja="{n} 日")),
    (3600, Words(en="{n} h", ja="{n} 時間")),
    (60, Words(en="{n} min", ja="{n} 分")),
    (1, Words(en="{n} s", ja="{n} 秒")),
)


class VerdictLine(Frozen):
    """What one probe found, in the account's language."""

    probe: str
    outcome: Outcome
    reason: str = ""
    expected: str = ""
    seen: str = ""
    sentence: str = ""
    remedy: str = ""
    seconds: float = 0.0
    evidence: str = ""
    """SHA-256 of the evidence; empty where there is none."""
    host: str = ""
    """Where it was looked, if not where the release is at home."""

    @property
    def where(self) -> str:
        """The probe, and the host on which it looked."""
        return f"{self.probe} @ {self.host}" if self.host else self.probe


class DecisionAccount(Frozen):
    """What an operator decided about a check, and whether it holds."""

    decision: Decision
    note: str = ""
    until: str = ""
    by: Person | None = None
    at: datetime
    holds: bool = False


class Phase(Frozen):
    """From when on a check showed a result; None: nothing."""

    since: datetime
    result: Result | None
    settled: bool


class CheckAccount(Frozen):
    """One check with everything that was seen and said about it."""

    id: str
    number: str
    title: str
    required: bool = True
    standing: Standing = "open"
    result: Result | None = None
    result_text: str = ""
    settled: bool = False
    why: str = ""
    ticked_by: Person | None = None
    ticked_at: datetime | None = None
    ticks: int = 0
    """How many times it was ticked."""
    proved_at: datetime | None = None
    verdicts: tuple[VerdictLine, ...] = ()
    decision: DecisionAccount | None = None
    approved_by: tuple[Person, ...] = ()
    attachments: int = 0
    phases: tuple[Phase, ...] = ()


class SectionAccount(Frozen):
    """A section of the checklist."""

    id: str
    number: int
    title: str
    checks: tuple[CheckAccount, ...] = ()


class GateAnswer(Frozen):
    """What a gate said when it was asked."""

    at: datetime
    gate: str
    outcome: GateOutcome


class Event(Frozen):
    """Something that happened: ``outcome`` is a stable code, ``text`` is for people."""

    at: datetime
    kind: EventKind
    item: str = ""
    number: str = ""
    by: Person | None = None
    outcome: str = ""
    text: str = ""


class UntrueTick(Frozen):
    """A tick that a verdict contradicted."""

    item: str
    number: str
    title: str
    by: Person | None = None
    ticked_at: datetime
    contradicted_at: datetime
    until_contradicted: float
    seen: str = ""
    """What the probe found."""
    held: bool = False
    """It was true at first and stopped being so."""
    withdrawn_at: datetime | None = None
    """When the box was unticked."""
    mended_at: datetime | None = None
    """When a probe found it true; None: never."""
    until_mended: float | None = None


class Measure(Frozen):
    """A duration in two releases, in seconds; None: there is none."""

    code: Literal["until-deploy", "deploy", "whole"]
    before: float | None
    after: float | None


class Changed(Frozen):
    """Something about a check that is not the same in two releases."""

    id: str
    number: str
    title: str
    before: str
    after: str


class Comparison(Frozen):
    """What differs between the account's release and an earlier one."""

    key: str
    version: str
    attempt: int
    status_text: str
    commit: str
    """Of the other release."""
    same_commit: bool
    added: tuple[Changed, ...] = ()
    removed: tuple[Changed, ...] = ()
    reworded: tuple[Changed, ...] = ()
    results: tuple[Changed, ...] = ()
    durations: tuple[Measure, ...] = ()
    untrue_before: int = 0
    untrue_after: int = 0


class Account(Frozen):
    """A release as it is told to people and programs that were not there."""

    lang: Lang
    made: datetime
    """When this account was made."""
    product_version: str
    key: str
    title: str
    version: str
    environment: str
    attempt: int = 1
    local: bool = False
    """Kept in the built-in local Notion, not in Notion."""
    timezone: str = "UTC"
    url: str = ""
    status: str
    """A stable code: how far the release is, or how it ended."""
    status_text: str
    ending: Ending | None = None
    reason: str = ""
    """Why it was ended so."""
    commit: str = ""
    host: str = ""
    operators: tuple[Person, ...] = ()
    started: datetime
    ended: datetime | None = None
    made_of: str
    """The honesty line."""
    template: str
    template_sha256: str
    journal_head: str
    journal_lines: int
    counts: dict[Standing, int] = Field(default_factory=dict)
    sections: tuple[SectionAccount, ...] = ()
    runs: tuple[RunRecord, ...] = ()
    deploys: tuple[DeployMark, ...] = ()
    gates: tuple[GateAnswer, ...] = ()
    untrue_ticks: tuple[UntrueTick, ...] = ()
    events: tuple[Event, ...] = ()
    changed: tuple[str, ...] = ()
    """What people changed after the end."""
    against: Comparison | None = None

    @property
    def checks(self) -> tuple[CheckAccount, ...]:
        """All checks in the order of the checklist."""
        return tuple(check for section in self.sections for check in section.checks)

    def check(self, item: str) -> CheckAccount | None:
        """The check of that id, or None."""
        return next((check for check in self.checks if check.id == item), None)

    @property
    def broken_glass(self) -> tuple[RunRecord, ...]:
        """Runs for which nobody asked the gates."""
        return tuple(run for run in self.runs if run.break_glass)

    @property
    def deploy(self) -> DeployMark | None:
        """The deploy that counts: the newest that stands, else the newest."""
        standing = [deploy for deploy in self.deploys if deploy.stands] or list(self.deploys)
        return standing[-1] if standing else None


def took(started: datetime, ended: datetime | None) -> float | None:
    """Seconds from start to end, None while it has not ended; a clock that was set back gives 0."""
    return max(0.0, (ended - started).total_seconds()) if ended is not None else None


def human(seconds: float | None, lang: Lang) -> str:
    """A duration as people say it, in its two greatest units: ``2 d 3 h``, ``4 分 12 秒``; ``–`` for None."""
    if seconds is None:
        return "–"
    rest = round(seconds)
    parts: list[str] = []
    if rest < 1:
        return Words(en="< 1 s", ja="1 秒未満").say(lang)
    for size, words in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(words.say(lang, n=count) if count else "")
        if len(parts) == 2:
            break
    return " ".join(filter(None, parts))

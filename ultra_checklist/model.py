"""The nouns of the product: what a template holds, what a probe says, what a row shows.

Everything here is frozen data without I/O. Words shown to people exist in English and Japanese.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.words import NOTHING as NOTHING
from ultra_checklist.words import Lang as Lang
from ultra_checklist.words import Words as Words

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

Effect = Literal["none", "message", "write"]
WhoMayWaive = Literal["never", "approvers", "anyone"]


class Frozen(BaseModel):
    """Base of all data: immutable, complete, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Outcome(StrEnum):
    """What a probe answers. ``unknown`` is never a pass."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Verdict(Frozen):
    """A probe's judgement of one observation.

    ``reason`` is a short stable code; ``facts`` is what the judgement rests on, without times,
    durations and raw text: equal facts mean that nothing has changed.
    """

    outcome: Outcome
    reason: str
    expected: Words = NOTHING
    seen: Words = NOTHING
    sentence: Words = NOTHING
    remedy: Words = NOTHING
    facts: Mapping[str, Any] = Field(default_factory=dict)
    answer: str = ""
    """SHA-256, hex, of the code that was in a message sent: the row waits until somebody has typed it into Note."""


class Finding(Frozen):
    """A verdict with where and when it came from: one probe, run once."""

    probe: str
    verdict: Verdict
    started: datetime
    seconds: float
    host: str = ""
    """Where it looked, if not where the release is at home."""
    journal: str = ""
    """The digest of that machine's own journal after it had answered; empty: it keeps none."""
    material: bytes = Field(default=b"", exclude=True, repr=False)
    """The redacted observation, for the evidence store; empty where the probe saw nothing."""

    @property
    def source(self) -> str:
        """The probe, and where it looked if not where the release is at home."""
        return f"{self.host}: {self.probe}" if self.host else self.probe


class Result(StrEnum):
    """What a row shows. The value is a stable code; words are in ``notion.schema`` and ``states``."""

    PASSED = "passed"
    FAILED = "failed"
    CANNOT_TELL = "cannot-tell"
    WAITING = "waiting"
    BLOCKED = "blocked"
    CONFIRMED = "confirmed"
    WAIVED = "waived"
    NOT_APPLICABLE = "not-applicable"


class Decision(StrEnum):
    """What an operator may decide about a row instead of settling it."""

    WAIVE = "waive"
    NOT_APPLICABLE = "not-applicable"


class Ending(StrEnum):
    """How a release ends."""

    COMPLETE = "complete"
    ROLLED_BACK = "rolled-back"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"


class Status(StrEnum):
    """Where a release stands, as its page shows it."""

    PREPARING = "preparing"
    READY_TO_DEPLOY = "ready-to-deploy"
    DEPLOYED = "deployed"
    READY_TO_CLOSE = "ready-to-close"
    COMPLETE = "complete"
    ROLLED_BACK = "rolled-back"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"


class ProbeSpec(Frozen):
    """A probe bound to an item: options as written, variables not yet filled in."""

    probe: str
    options: Mapping[str, Any] = Field(default_factory=dict)
    line: int = 0


class When(Frozen):
    """A condition on other checks: open only if one of these failed, or a person ticks the item."""

    failed: tuple[str, ...]
    """Ids of items or sections."""


LABEL: Final = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
"""What a machine may be called."""


class RunsOn(Frozen):
    """Where an item's probes look: hosts, each a label or ``ssh://user@host``; none: where the release is at home.

    It may be given as the one host's name.
    """

    hosts: tuple[str, ...] = ()
    any: bool = False
    """A pass on one of them is enough; else all must pass."""

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: Any) -> Any:
        return {"hosts": (raw,) if raw else ()} if isinstance(raw, str) else raw

    def __bool__(self) -> bool:
        return bool(self.hosts)

    def __str__(self) -> str:
        return ", ".join(self.hosts)


class Item(Frozen):
    """One line of the checklist."""

    id: str
    title: str
    section: str
    line: int
    order: int
    probes: tuple[ProbeSpec, ...] = ()
    max_age: float | None = None
    """Seconds after which a pass is proved again; None: the engine's default."""
    required: bool = True
    until_deploy: bool = False
    after_deploy: bool = False
    when: When | None = None
    needs: tuple[str, ...] = ()
    deploys: bool = False
    approvals: int = 0
    """How many other people must approve, besides the one who ticked."""
    waive: WhoMayWaive = "anyone"
    evidence: str = ""
    """What a person must attach, in the template's words; empty: nothing."""
    runs_on: RunsOn = RunsOn()


class Section(Frozen):
    """A ``##`` heading and its items."""

    id: str
    title: str
    number: int
    line: int
    items: tuple[Item, ...] = ()


class Variable(Frozen):
    """A variable that a template declares. A secret one is never stored."""

    name: str
    default: str | None = None
    secret: bool = False
    help: str = ""
    line: int = 0


class Gate(Frozen):
    """Sections that must be settled before the guarded items may run."""

    name: str
    sections: tuple[str, ...]
    guards: tuple[str, ...] = ()


class Prose(Frozen):
    """A stretch of the document that is not an item: Markdown as written, for the page."""

    section: str
    markdown: str
    line: int


class Template(Frozen):
    """A parsed checklist. ``sha256`` is the digest of its bytes."""

    name: str
    """The front matter's ``checklist``: first part of every key."""
    title: str
    lang: Lang = "en"
    timezone: str = "UTC"
    path: str = ""
    sha256: str = ""
    sections: tuple[Section, ...] = ()
    variables: tuple[Variable, ...] = ()
    gates: tuple[Gate, ...] = ()
    operators: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    prose: tuple[Prose, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """All items in the order of the document."""
        return tuple(item for section in self.sections for item in section.items)

    def item(self, item_id: str) -> Item | None:
        """The item of that id, or None."""
        return next((item for item in self.items if item.id == item_id), None)

    def section_of(self, item: Item) -> Section:
        """The section that holds an item."""
        return next(section for section in self.sections if section.id == item.section)


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def digest(value: object) -> str:
    """SHA-256, hex, of a JSON-able value in one canonical form; equal values have equal digests."""
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()


def combine(outcomes: Sequence[Outcome]) -> Outcome:
    """What several probes say together: one fail fails, else one unknown is unknown, else pass.

    No outcome at all is unknown: nothing was looked at.
    """
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    if Outcome.UNKNOWN in outcomes or not outcomes:
        return Outcome.UNKNOWN
    return Outcome.PASS


def outcome(item: Item, findings: Sequence[Finding]) -> Outcome:
    """What findings say together: all hosts must pass, or one of them where the item says so.

    What was looked at where the release is at home must pass either way.
    """
    by_host: dict[str, list[Outcome]] = {}
    for finding in findings:
        by_host.setdefault(finding.host, []).append(finding.verdict.outcome)
    home = by_host.pop("", [])
    there = [combine(outcomes) for outcomes in by_host.values()]
    if item.runs_on.any and Outcome.PASS in there:
        there = [Outcome.PASS]
    elif item.runs_on.any and Outcome.UNKNOWN in there:
        there = [Outcome.UNKNOWN]
    return combine([*home, *there])


def parse_duration(text: object) -> float:
    """Seconds from ``500ms``, ``2s``, ``15m``, ``6h``, ``1d`` or a plain number. Raises WrongValue."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    match = _DURATION.fullmatch(str(text).strip())
    if match is None:
        raise WrongValue(
            f"{text!r} is not a duration such as 30s, 15m or 6h",
            f"{text!r} は 30s、15m、6h のような時間の指定ではありません",
        )
    return float(match.group(1)) * _UNITS[match.group(2)]

"""What is on record of a release, as plain data: ticks, proofs, decisions, deploys, runs, hooks."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from ultra_checklist.model import NOTHING, Decision, Ending, Frozen, Outcome, Result, Words

WINDOW_RUNNING = "window-running"
"""The reason of a verdict that only time can settle."""


class Person(Frozen):
    """Somebody in Notion."""

    id: str
    name: str = ""


class Approving(Frozen):
    """An Approved box that was seen set: by whom, on which facts, and for which tick."""

    by: Person | None
    """None: who set it cannot be told."""
    facts: str
    tick: int
    """Number of the tick that stood then; 0: none did."""


class Tick(Frozen):
    """A box that was ticked, first seen at ``at``; ``deploys`` is how many deploys there were then.

    ``edited`` is the row's last edit by then, as Notion tells it.
    """

    number: int
    at: datetime
    by: Person | None
    deploys: int = 0
    edited: str = ""


class ProofLine(Frozen):
    """One probe's part of a proof, as it is said to people."""

    probe: str
    outcome: Outcome
    reason: str
    expected: Words
    seen: Words
    sentence: Words
    remedy: Words
    seconds: float
    evidence: str = ""
    answer: str = ""
    """SHA-256 of the code that must be typed into Note; empty: none."""
    host: str = ""
    """Where it was looked, if not where the release is at home."""
    journal: str = ""
    """The digest of that machine's own journal after it had answered; empty: it keeps none."""


class Proof(Frozen):
    """What the probes of a check said together, for one tick, one deploy and one wording of its probes."""

    tick: int
    deploy: int
    bound_to: str
    """Digest of the item's probes as the manifest has them."""
    outcome: Outcome
    facts: str
    at: datetime
    lines: tuple[ProofLine, ...] = ()

    @property
    def window_running(self) -> bool:
        """Whether a window is still running, and nothing fails meanwhile."""
        return self.outcome is Outcome.UNKNOWN and any(line.reason == WINDOW_RUNNING for line in self.lines)

    @property
    def answers(self) -> frozenset[str]:
        """SHA-256 of the codes of all messages that were sent."""
        return frozenset(line.answer for line in self.lines if line.answer)


class Choosing(Frozen):
    """An operator's decision, bound to the facts of the moment in which it was seen."""

    decision: Decision
    note: str
    until: str
    by: Person | None
    facts: str
    at: datetime


class RunRecord(Frozen):
    """A command that was run for an item by ``ultra-checklist run``: what, by whom, where, and how it ended."""

    number: int
    item: str
    argv: tuple[str, ...] = ()
    """The command, redacted."""
    started: datetime
    ended: datetime | None = None
    """None: it runs still, or its end was never seen."""
    exit_code: int | None = None
    """As a shell would tell it: 128 + n where signal n ended it."""
    host: str = ""
    os_user: str = ""
    script: str = ""
    """The file that was run, as an absolute path."""
    script_sha256: str = ""
    script_as_pinned: bool | None = None
    """Whether that file was as the pinned commit has it; None: that could not be told."""
    commit: str = ""
    """HEAD of DEPLOY_DIR as the command began; empty where that is no checkout."""
    commit_after: str = ""
    """The same as the command had ended."""
    signals: tuple[str, ...] = ()
    """Signals that came meanwhile, such as SIGINT by a key or SIGHUP by a closed terminal."""
    log: str = ""
    """SHA-256 of the redacted log in the evidence store."""
    log_bytes: int = 0
    log_complete: bool = True
    """False: a part of the output could not be kept."""
    gates: tuple[str, ...] = ()
    """The gates that were asked and found open."""
    break_glass: str = ""
    """Why it ran although nobody asked the gates."""
    deploy: int = 0
    """Number of the deploy that it is; 0: none."""


class DeployMark(Frozen):
    """A deploy of this release: splits its time into before and after."""

    number: int
    started: datetime
    ended: datetime | None
    exit_code: int | None
    host: str
    by: Person | None = None
    withdrawn: bool = False

    @property
    def stands(self) -> bool:
        """Ended with exit 0 and not taken back."""
        return self.exit_code == 0 and not self.withdrawn


class Ticked(Frozen):
    """A tick that stands: when it was first seen, and whose it is; None: no person's."""

    at: datetime
    by: Person | None = None


class HookState(Frozen):
    """How far a hook has come with telling of the ending."""

    name: str
    failures: int = 0
    """How many times in a row it was tried and failed, each time with its attempts."""
    done: datetime | None = None
    given_up: bool = False
    why: Words = NOTHING
    """Why it failed last."""
    next: datetime | None = None
    """When it is tried again; None: at once."""

    def after(self, told: Mapping[str, Any], at: datetime) -> "HookState":
        """How far it has come when the journal tells of one more try."""
        if told["done"]:
            return HookState(name=self.name, failures=self.failures, done=at)
        kept = {key: told[key] for key in ("why", "next", "given_up")}
        return HookState.model_validate({"name": self.name, "failures": self.failures + 1, **kept})


class GateRecord(Frozen):
    """What a gate answered last."""

    gate: str
    at: datetime
    outcome: str
    """``open``, ``closed`` or ``cannot-tell``."""
    open: tuple[str, ...] = ()
    """Items that kept it closed."""
    offline: bool = False
    """Notion did not answer: the journal decided."""
    reason: str = ""
    made_of: str = ""
    head: str = ""
    """The journal's head before the answer was filed."""


class ReleaseRecord(Frozen):
    """What a probe may know of the release for which it looks."""

    key: str
    version: str
    commit: str = ""
    """The pinned commit."""
    created: datetime
    timezone: str = "UTC"
    """The team's time zone: in it times are said to people."""
    ticked: Mapping[str, Ticked] = Field(default_factory=dict)
    """The standing ticks, by item."""
    evidence: tuple[str, ...] = ()
    """SHA-256 of all evidence on which the standing proofs rest."""
    runs: tuple[RunRecord, ...] = ()
    deploys: tuple[DeployMark, ...] = ()

    def last_run(self, item: str) -> RunRecord | None:
        """The newest run of an item."""
        return next((run for run in reversed(self.runs) if run.item == item), None)


class Sought(Frozen):
    """Which other release a probe asks for: that of a bundle, or that of a version on this machine."""

    bundle: Path | None = None
    key: Path | None = None
    """File of the public key that must have signed the bundle."""
    version: str = ""
    template: str = ""
    """Empty: of any checklist."""
    environment: str = ""


class SiblingRow(Frozen):
    """A check of another release, as it was shown last."""

    id: str
    title: str = ""
    required: bool = True
    result: Result | None = None
    settled: bool = False
    note: str = ""
    """Why it was waived."""


class Sibling(Frozen):
    """What a probe may know of another release."""

    key: str
    version: str
    template: str
    environment: str
    commit: str = ""
    host: str = ""
    ending: Ending | None = None
    """None: it has not ended."""
    ended: datetime | None = None
    deployed: datetime | None = None
    """When its newest deploy that stands had ended; None: there is none."""
    made_of: str = ""
    keyid: str = ""
    """Id of the key that signed its bundle; empty: none did."""
    signer_known: bool = False
    """Whether that is the key that was given."""
    rows: tuple[SiblingRow, ...] = ()

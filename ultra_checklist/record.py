"""What is on record of a release: its runs, deploys and ticks, as plain data that probes and reports read."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from ultra_checklist.model import Frozen


class Person(Frozen):
    """Somebody in Notion."""

    id: str
    name: str = ""


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
    """The file that was run, as the command named it."""
    script_sha256: str = ""
    commit: str = ""
    """HEAD of DEPLOY_DIR as the command began; empty where that is no checkout."""
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
    last_good: str = ""
    """The commit of the last release of the same template and environment that completed here."""
    created: datetime
    operators: tuple[Person, ...] = ()
    """Everybody whose tick stands."""
    ticked: Mapping[str, datetime] = Field(default_factory=dict)
    """When each standing tick was first seen, by item."""
    runs: tuple[RunRecord, ...] = ()
    deploys: tuple[DeployMark, ...] = ()

    def last_run(self, item: str) -> RunRecord | None:
        """The newest run of an item."""
        return next((run for run in reversed(self.runs) if run.item == item), None)

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


class ReleaseRecord(Frozen):
    """What a probe may know of the release for which it looks."""

    key: str
    version: str
    commit: str = ""
    """The pinned commit."""
    created: datetime
    ticked: Mapping[str, Ticked] = Field(default_factory=dict)
    """The standing ticks, by item."""
    evidence: tuple[str, ...] = ()
    """SHA-256 of all evidence on which the standing proofs rest."""
    runs: tuple[RunRecord, ...] = ()
    deploys: tuple[DeployMark, ...] = ()

    def last_run(self, item: str) -> RunRecord | None:
        """The newest run of an item."""
        return next((run for run in reversed(self.runs) if run.item == item), None)

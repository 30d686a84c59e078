"""What a pass works with, and what it reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ultra_checklist.hooks import Hooks
from ultra_checklist.hosts.carriers import Carriers, Inbox
from ultra_checklist.machine import Machine
from ultra_checklist.manifest import now as present
from ultra_checklist.model import Item
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.rows import Row
from ultra_checklist.notion.schema import Workspace
from ultra_checklist.record import Person
from ultra_checklist.release import Release
from ultra_checklist.states import State
from ultra_checklist.words import Words


@dataclass(frozen=True)
class Change:
    """A row whose result changed, for those who watch."""

    release: str
    item: Item
    state: State
    why: str


@dataclass
class Bench:
    """What a pass works with, for all releases."""

    notion: Notion
    workspace: Workspace
    machine: Machine
    label: str = ""
    clock: Callable[[], datetime] = present
    listener: Callable[[Change], None] = lambda _change: None
    observer: Callable[[Release], None] = lambda _release: None
    """Hears of each open release after its turn, whatever came of it."""
    hooks: Hooks = field(default_factory=Hooks)
    signing_key: Path | None = None
    """The file of the private key that signs bundles; None: they are not signed."""
    authors: Mapping[str, str] = field(default_factory=dict)
    """The id of the one person who has changed a row's properties lately, by the row's id, as webhooks told."""
    carriers: Carriers = field(default_factory=Carriers)
    """How other machines are asked; without one, in no way."""
    inbox: Inbox | None = None
    """Where other machines ask this one; None: nowhere."""
    written: int = field(default=0)

    def __post_init__(self) -> None:
        """A machine with a label is not the only one, whether or not it can ask others."""
        if self.label and self.carriers.alone:
            self.carriers = Carriers(self.label)

    def person_of(self, row: Row) -> Person | None:
        """The person who edited a row; after our own write, whom the row already names; None: an integration.

        Where an integration was the last, webhooks may have told of the person before it.
        """
        if row.edited_by != self.workspace.bot_id:
            told = self.authors.get(row.page_id)
            if row.editor_is_person or told is None:
                return Person(id=row.edited_by, name=row.editor_name) if row.editor_is_person else None
            return Person(id=told)
        return Person(id=row.operator[0], name=row.operator_names[0]) if row.operator else None


@dataclass
class Report:
    """What a pass did."""

    releases: int = 0
    requests: int = 0
    writes: int = 0
    news: int = 0
    """Rows that said something which was not known, and tasks of other machines that were answered."""
    answered: int = 0
    """Of those the tasks."""
    problems: list[Words] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """Keys of the releases whose journal is not whole: their rows were put to "Can't tell"."""

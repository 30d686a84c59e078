"""The tasks of a release that stand, as a file in its folder: what was asked, whether it went out, what came back.

It saves no truth: a book that is lost or damaged makes everything be asked again.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from ultra_checklist import disk
from ultra_checklist.hosts.tasks import Answer, Occasion, Task
from ultra_checklist.model import NOTHING, Frozen, Words

FILE: Final = "tasks.json"
Place = tuple[str, str]
"""An item, and a host on which it looks."""
Key = tuple[Occasion, str, str]
"""An occasion at a place: there one task stands at most."""


class Asked(Frozen):
    """A task that stands, and how far it has come."""

    task: Task
    sent: datetime | None = None
    """When it went out last; it goes out again where nothing comes back."""
    answer: Answer | None = None
    heard: datetime | None = None
    """When the answer came."""
    trouble: Words = NOTHING
    """Why it could not be sent, or nothing could be heard."""
    remedy: Words = NOTHING
    """What to do about that."""

    within: float = 0.0
    """Of a look in passing: seconds for which its answer counts."""

    @property
    def key(self) -> Key:
        """Under which it stands."""
        return self.task.occasion, self.task.item, self.task.host


class _Book(Frozen):
    asked: tuple[Asked, ...] = Field(default_factory=tuple)


def read(folder: Path) -> tuple[Asked, ...]:
    """The tasks that stand in a release's folder; those that cannot be read are asked again."""
    try:
        return _Book.model_validate_json((folder / FILE).read_bytes()).asked
    except (OSError, ValidationError):
        return ()


def write(folder: Path, asked: Iterable[Asked]) -> None:
    """Keep these and no others. Raises StateError."""
    disk.replace(folder / FILE, _Book(asked=tuple(asked)).model_dump_json().encode())

"""What Notion showed when it was last seen, and when to look at the machine again.

The mirror saves requests; it proves nothing. Losing it costs one full comparison.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ultra_checklist import disk
from ultra_checklist.model import Frozen, digest
from ultra_checklist.notion.rows import ReleaseRow, Row


class MirrorFile(Frozen):
    """The mirror as it is stored."""

    rows: dict[str, Row] = Field(default_factory=dict)
    """The newest sight of each item's row."""
    past: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Digests of what each row said and showed before, in the minute of its newest edit."""
    written: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What the worker wrote last to each item's row, by column code."""
    tried: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What it was about to write where no answer has come: the row may show it or not."""
    page: ReleaseRow | None = None
    looks: dict[str, datetime] = Field(default_factory=dict)
    """When each item's probes are due."""
    compared: datetime | None = None
    """When all rows were last compared with the manifest."""
    looked: datetime | None = None
    """When "Last look" was last written."""
    head: str = ""
    """The hash of the journal's newest line then: a shorter journal has lost something."""


class Witness(Frozen):
    """What is known of a journal outside the release's folder: the hashes of its first line and a later one."""

    first: str
    head: str


class Mirror:
    """One release's mirror, changed in memory and stored by ``save``."""

    def __init__(self, path: Path, witness: Path) -> None:
        self._path = path
        self._witness = witness
        self._stored: str | None = None
        self.safe: Callable[[str], str] = str
        """Takes secrets out of what people have typed, before it is stored."""
        self.witness = self._read_witness()
        self.first = ""
        file = self._read()
        self.rows = dict(file.rows)
        self.past = dict(file.past)
        self.written = {item: dict(values) for item, values in file.written.items()}
        self.tried = {item: dict(values) for item, values in file.tried.items()}
        self.page = file.page
        self.looks = dict(file.looks)
        self.compared = file.compared
        self.looked = file.looked
        self.head = file.head

    def see(self, item: str, row: Row) -> None:
        """Take in a row that is newer than the one that is known."""
        known = self.rows.get(item)
        self.rows[item] = row
        if known is None or known.edited != row.edited or known.page_id != row.page_id:
            self.past.pop(item, None)
        elif known != row:
            before = [d for d in _digests(known) if d not in _digests(row)]
            self.past[item] = tuple(dict.fromkeys([*self.past.get(item, ()), *before]))

    def is_stale(self, item: str, row: Row) -> bool | None:
        """Whether a row from a query is older than what is known: its index may lag, also behind our own writes.

        None: it cannot be told, because Notion's edit times keep minutes only; read the page itself.
        """
        known = self.rows.get(item)
        if known is None or known.page_id != row.page_id or known.edited < row.edited:
            return False
        if row.edited < known.edited:
            return True
        was = set(self.past.get(item, ())) - set(_digests(known))
        return None if was.intersection(_digests(row)) else False

    def save(self) -> None:
        """Store it if something changed. Raises StateError."""
        file = MirrorFile(
            rows={item: self._safe_row(row) for item, row in self.rows.items()},
            past=self.past,
            written=self.written,
            tried=self.tried,
            page=self._safe_page(),
            looks=self.looks,
            compared=self.compared,
            looked=self.looked,
            head=self.head,
        )
        text = file.model_dump_json()
        if text != self._stored:
            disk.replace(self._path, text.encode())
            self._stored = text
        # Last, so that it never knows of a line that is not on the disk.
        seen = Witness(first=self.first, head=self.head)
        if self.first and self.head and seen != self.witness:
            disk.replace(self._witness, seen.model_dump_json().encode())
            self.witness = seen

    def _read_witness(self) -> Witness | None:
        try:
            return Witness.model_validate_json(self._witness.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _safe_row(self, row: Row) -> Row:
        return row.model_copy(update={"note": self.safe(row.note)}) if row.note else row

    def _safe_page(self) -> ReleaseRow | None:
        if self.page is None or not self.page.close_reason:
            return self.page
        return self.page.model_copy(update={"close_reason": self.safe(self.page.close_reason)})

    def _read(self) -> MirrorFile:
        try:
            file = MirrorFile.model_validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return MirrorFile()
        self._stored = file.model_dump_json()
        return file


def _digests(row: Row) -> tuple[str, str]:
    """What people say with a row, and what it shows."""
    return digest(["asked", row.asked])[:16], digest(["shown", row.shown])[:16]

"""What Notion showed when it was last seen, and when to look at the machine again.

The mirror saves requests; it proves nothing. Losing it costs one full comparison.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ultra_checklist import disk
from ultra_checklist.model import Frozen
from ultra_checklist.notion.rows import ReleaseRow, Row


class MirrorFile(Frozen):
    """The mirror as it is stored."""

    rows: dict[str, Row] = Field(default_factory=dict)
    """The newest sight of each item's row."""
    written: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What the worker wrote last to each item's row, by column code."""
    page: ReleaseRow | None = None
    looks: dict[str, datetime] = Field(default_factory=dict)
    """When each item's probes are due."""
    compared: datetime | None = None
    """When all rows were last compared with the manifest."""
    looked: datetime | None = None
    """When "Last look" was last written."""
    head: str = ""
    """The hash of the journal's newest line then: a shorter journal has lost something."""


class Mirror:
    """One release's mirror, changed in memory and stored by ``save``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stored: str | None = None
        file = self._read()
        self.rows = dict(file.rows)
        self.written = {item: dict(values) for item, values in file.written.items()}
        self.page = file.page
        self.looks = dict(file.looks)
        self.compared = file.compared
        self.looked = file.looked
        self.head = file.head

    def save(self) -> None:
        """Store it if something changed."""
        file = MirrorFile(
            rows=self.rows,
            written=self.written,
            page=self.page,
            looks=self.looks,
            compared=self.compared,
            looked=self.looked,
            head=self.head,
        )
        text = file.model_dump_json()
        if text != self._stored:
            disk.replace_json(self._path, file.model_dump(mode="json"))
            self._stored = text

    def _read(self) -> MirrorFile:
        try:
            file = MirrorFile.model_validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return MirrorFile()
        self._stored = file.model_dump_json()
        return file

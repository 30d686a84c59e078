"""The releases of this machine as a pass meets them: all known by how they stand, loaded one at a time.

A pass keeps of each row only what tells it whether a row that comes from Notion is news: ten thousand rows cost
little more memory than ten.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ultra_checklist.errors import JournalError
from ultra_checklist.history import History
from ultra_checklist.intake import is_taken_in
from ultra_checklist.manifest import Manifest, Shelf
from ultra_checklist.notion.rows import Row
from ultra_checklist.release import Release


@dataclass(frozen=True)
class Standing:
    """How a release stood when the pass began."""

    key: str
    machine: str
    """The digest of its machine."""
    open: bool
    deployed: bool
    """Whether a deploy has begun and nothing is sealed yet: probes may have to look every so often."""
    ended_at: datetime | None
    untold: bool
    """Whether it has ended and its hooks are to be told now."""


class Roster:
    """All releases here, of the local Notion or of the real one.

    ``hosts`` are the names in Notion's Host by which rows count as this machine's; ``is_due`` tells of an
    ended release whether hooks are to be told. ``damaged`` are the errors of the journals that are not whole, by
    key: those releases stand nowhere else.
    """

    def __init__(
        self,
        home: Path,
        *,
        local: bool,
        clock: Callable[[], datetime],
        hosts: frozenset[str],
        is_due: Callable[[Release], bool],
    ) -> None:
        self._shelf = Shelf(home)
        self._clock = clock
        self._is_due = is_due
        self.hosts = hosts
        self.damaged: dict[str, JournalError] = {}
        self.standings: list[Standing] = []
        self._pages: dict[str, int | None] = {}
        """Page id of each row: a fingerprint of what is known and taken in; None: there is no such thing."""
        self._ended: set[str] = set()
        self._prefixes: tuple[str, ...] = ()
        for manifest in self._shelf.all():
            if manifest.local is local:
                self._read(manifest)
        self._prefixes = tuple(f"{standing.key}/" for standing in self.standings if standing.open)

    def _read(self, manifest: Manifest) -> None:
        try:
            release = Release(self._shelf, manifest, self._clock)
        except JournalError as error:
            self.damaged[manifest.key] = error
            return
        history = release.history
        standing = Standing(
            key=manifest.key,
            machine=manifest.machine.digest,
            open=release.open,
            deployed=bool(history.deploys) and history.sealed is None,
            ended_at=history.ended_at,
            untold=not release.open and bool(history.hooks) and self._is_due(release),
        )
        self.standings.append(standing)
        if not release.open:
            self._ended.update(manifest.rows.values())
            return
        rows = release.mirror.rows
        for item, page_id in manifest.rows.items():
            self._pages[page_id] = _fingerprint_of(rows.get(item), history, item)

    def load(self, key: str) -> Release | None:
        """A release as it is now; None where its journal is not whole any more, which is noted."""
        try:
            return Release(self._shelf, self._shelf.read(key), self._clock)
        except JournalError as error:
            self.damaged[key] = error
            return None

    def may_matter(self, row: Row) -> bool:
        """Whether a row may say what is not known here, or is none that we have made."""
        if row.page_id in self._ended:
            return False
        if row.page_id not in self._pages:
            return row.host in self.hosts or row.key.startswith(self._prefixes)
        return not row.release or self._pages[row.page_id] != _fingerprint(row)

    def manifests(self) -> Iterator[Manifest]:
        """Every manifest here as it is now, of both Notions."""
        return self._shelf.all()


def _fingerprint_of(row: Row | None, history: History, item: str) -> int | None:
    return _fingerprint(row) if row is not None and is_taken_in(row, history.check(item)) else None


def _fingerprint(row: Row) -> int:
    """What makes a row news, within this process."""
    return hash((row.in_trash, row.asked, *row.shown.values()))

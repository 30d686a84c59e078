"""One release on this machine: its manifest, journal, history and mirror together."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ultra_checklist.errors import JournalError, NoManifestError, UsageError
from ultra_checklist.history import History, fold
from ultra_checklist.journal import Entry, Journal
from ultra_checklist.manifest import Manifest, Shelf, now
from ultra_checklist.mirror import Mirror
from ultra_checklist.model import Ending
from ultra_checklist.record import ReleaseRecord, Ticked
from ultra_checklist.words import Words


class Release:
    """A release as the engine works on it. Only ``record`` changes its history."""

    def __init__(self, shelf: Shelf, manifest: Manifest, clock: Callable[[], datetime] = now) -> None:
        self.shelf = shelf
        self._clock = clock
        self.manifest = manifest
        self.folder: Path = shelf.folder(manifest.key)
        self.journal = Journal(self.folder / "journal.jsonl")
        self.history: History = fold(self.journal.entries())
        self.mirror = Mirror(self.folder / "mirror.json", shelf.witness(manifest.key))
        require_whole(self.journal.entries(), self.mirror, manifest, self.folder)

    @property
    def page_in_trash(self) -> bool:
        """Whether somebody had thrown the page away when it was read last."""
        return self.mirror.page is not None and self.mirror.page.in_trash

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add one line to the journal; it is on disk, and in the history, when this returns."""
        self.record_all([(kind, data)])

    def record_all(self, lines: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Add several lines with one flush."""
        for entry in self.journal.extend(lines, time=self._clock()):
            self.history.apply(entry)
            self.mirror.head = entry.hash
            self.mirror.first = self.mirror.first or entry.hash

    def replace_manifest(self, manifest: Manifest) -> None:
        """Store a changed manifest."""
        self.shelf.write(manifest)
        self.manifest = manifest

    def on_record(self) -> ReleaseRecord:
        """What probes may know of this release."""
        checks = self.history.checks
        proofs = (check.proof for check in checks.values() if check.proof is not None)
        return ReleaseRecord(
            key=self.manifest.key,
            version=self.manifest.version,
            commit=self.manifest.commit,
            created=self.manifest.created,
            timezone=self.manifest.template.timezone,
            ticked={i: Ticked(at=c.tick.at, by=c.tick.by) for i, c in checks.items() if c.tick is not None},
            evidence=tuple(sorted({line.evidence for p in proofs for line in p.lines if line.evidence})),
            runs=tuple(self.history.runs),
            deploys=tuple(self.history.deploys),
        )

    def last_good(self) -> str:
        """Where a rollback leads: the commit of the last release that completed here, of the same kind.

        Where none has, the one at which the checkout stood before the first deploy; empty: neither is known.
        """
        before = next((run.commit for run in self.history.runs if run.deploy), "")
        return last_completed(self.shelf, self.manifest) or before

    def now(self) -> datetime:
        """The present."""
        return self._clock()

    @property
    def open(self) -> bool:
        """Whether the release has not ended."""
        return self.history.ended is None

    @property
    def zone(self) -> ZoneInfo:
        """The team's time zone."""
        return ZoneInfo(self.manifest.template.timezone)

    def clock(self, time: datetime | None) -> str:
        """A time as people of this team read it: hours and minutes."""
        return time.astimezone(self.zone).strftime("%H:%M") if time is not None else "-"


def require_whole(entries: Sequence[Entry], mirror: Mirror, manifest: Manifest, folder: Path) -> None:
    """A chain that was cut at its end still holds; mirror, witness and manifest know that there was more.

    A witness of another first line is of a journal that was moved away: this one was adopted since.
    Raises JournalError.
    """
    known = {entry.hash for entry in entries}
    mirror.first = entries[0].hash if entries else ""
    witness = mirror.witness
    seen = {mirror.head, witness.head if witness and witness.first == mirror.first else ""}
    foreign = bool(entries) and entries[0].data.get("key", manifest.key) != manifest.key
    if seen <= {*known, ""} and not foreign and (entries or not manifest.page_id):
        return
    told = _FOREIGN if foreign else _CUT
    raise JournalError(
        told.filled(path=str(folder / "journal.jsonl")),
        remedy=_MOVE.filled(folder=str(folder), version=manifest.version),
    )


def releases(
    shelf: Shelf,
    *,
    local: bool,
    clock: Callable[[], datetime] = now,
    damaged: Callable[[str, JournalError], object] | None = None,
) -> list[Release]:
    """All releases here, of the local Notion or of the real one.

    Raises JournalError for a journal that is not whole; ``damaged`` takes its key and the error instead.
    """
    found: list[Release] = []
    for manifest in shelf.all():
        if manifest.local is not local:
            continue
        try:
            found.append(Release(shelf, manifest, clock))
        except JournalError as error:
            if damaged is None:
                raise
            damaged(manifest.key, error)
    return found


def last_completed(shelf: Shelf, manifest: Manifest) -> str:
    """The commit of the newest other release of the same template and environment that completed here.

    Empty: none did. A release whose journal is not whole does not count.
    """
    completed: list[tuple[datetime, str]] = []
    for other in shelf.all():
        if _line(other) != _line(manifest) or other.key == manifest.key or not other.commit:
            continue
        with suppress(JournalError):
            history = Release(shelf, other).history
            if history.ended is Ending.COMPLETE and history.ended_at is not None:
                completed.append((history.ended_at, other.commit))
    return max(completed)[1] if completed else ""


def _line(manifest: Manifest) -> tuple[object, ...]:
    """What releases that follow one another have in common."""
    return manifest.template.name, manifest.environment, manifest.local, manifest.machine.digest


def find(
    shelf: Shelf, version: str, *, local: bool, environment: str | None = None, template: str | None = None
) -> Release:
    """The release that VERSION names: the newest attempt of it.

    Raises NoManifestError when there is none here, UsageError when several fit.
    """
    fitting = [
        m
        for m in shelf.all()
        if m.version == version
        and m.local is local
        and environment in (None, m.environment)
        and template in (None, m.template.name, Path(m.template_path).stem)
    ]
    if not fitting:
        raise NoManifestError(_NO_MANIFEST.filled(version=version), remedy=_LIST.filled(version=version))
    lines = {(m.template.name, m.environment) for m in fitting}
    if len(lines) > 1:
        listed = "\n".join(f"  {m.key}" for m in fitting)
        raise UsageError(_SEVERAL.filled(version=version, listed=listed), remedy=_CHOOSE)
    return Release(shelf, max(fitting, key=lambda m: m.attempt))


_FOREIGN = Words(en="{path}: it is the journal of another release", ja="{path}: 別のリリースのジャーナルです")
_CUT = Words(
    en="{path}: lines are missing at the end of the journal", ja="{path}: ジャーナル末尾の行が欠けています"
)
_MOVE = Words(
    en="Move the folder {folder} away, then: ultra-checklist adopt {version}",
    ja="フォルダ {folder} を移動してから実行: ultra-checklist adopt {version}",
)
_NO_MANIFEST = Words(
    en="no manifest of {version} on this machine", ja="{version} のマニフェストがこのマシンにありません"
)
_LIST = Words(
    en="ultra-checklist status lists what is here; made elsewhere: ultra-checklist adopt {version}",
    ja="一覧は ultra-checklist status。別の場所で作成したもの: ultra-checklist adopt {version}",
)
_SEVERAL = Words(
    en="{version} names several releases:\n{listed}", ja="{version} に該当するリリースが複数あります:\n{listed}"
)
_CHOOSE = Words(en="Choose one with -e and -t", ja="-e と -t で 1 つに絞ってください")

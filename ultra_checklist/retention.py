"""How long evidence stays: with every open release, and with the newest of those that have ended.

A journal stays for ever. Evidence goes only where no release that is kept names it; where it cannot be
told whether a release has ended, everything that it names is kept.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ultra_checklist import disk, samples
from ultra_checklist.errors import JournalError, NoManifestError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.manifest import Shelf
from ultra_checklist.release import Release

YOUNG = 3600.0
"""Seconds in which evidence may still be waiting for the journal line that names it."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass
class Retention:
    """What stays and what goes."""

    kept: list[str] = field(default_factory=list)
    """Keys of the releases whose evidence stays."""
    let_go: list[str] = field(default_factory=list)
    """Keys of the ended releases that are too old."""
    unclear: list[str] = field(default_factory=list)
    """Folders of releases that cannot be read: all that they name stays."""
    digests: set[str] = field(default_factory=set)
    """The evidence that stays."""


def retention(shelf: Shelf, keep: int) -> Retention:
    """Work out what stays when the ``keep`` newest ended releases of each template and environment do.

    Raises StateError where a manifest cannot be read.
    """
    found = Retention()
    ended: dict[tuple[object, ...], list[tuple[datetime, str, Path]]] = defaultdict(list)
    for journal in sorted(shelf.root.glob("*/*/*/journal.jsonl")):
        key = str(journal.parent.relative_to(shelf.root))
        try:
            release = Release(shelf, shelf.read(key))
        except (JournalError, NoManifestError):
            found.unclear.append(key)
            found.digests |= _named(journal)
            continue
        manifest, history = release.manifest, release.history
        if release.open:
            found.kept.append(key)
            found.digests |= _named(journal)
        else:
            line = (manifest.local, manifest.template.name, manifest.environment)
            ended[line].append((history.ended_at or manifest.created, key, journal))
    for releases in ended.values():
        newest_first = sorted(releases, reverse=True)
        for place, (_, key, journal) in enumerate(newest_first):
            if place < keep:
                found.kept.append(key)
                found.digests |= _named(journal)
            else:
                found.let_go.append(key)
    return found


def prune(home: Path, keep: int, *, plan: bool) -> tuple[Retention, list[Path], int]:
    """Remove what nobody keeps; with ``plan`` nothing is removed. Returns the files and their bytes.

    The caller holds the worker's lock. Raises StateError.
    """
    what = retention(Shelf(home), keep)
    gone, size = EvidenceStore(home).prune(what.digests, plan=plan, older_than=YOUNG)
    taken = [Shelf(home).folder(key) / samples.FILE for key in what.let_go]
    found = [path for path in taken if path.is_file()]
    size += sum(path.stat().st_size for path in found)
    for path in found if not plan else ():
        disk.remove(path)
    return what, [*gone, *found], size


def _named(journal: Path) -> set[str]:
    """Every digest that a journal names, whatever its lines are."""
    return set(_DIGEST.findall(journal.read_text(encoding="utf-8", errors="replace")))

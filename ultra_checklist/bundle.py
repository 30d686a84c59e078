"""The bundle of a release that has ended: journal, manifest, record, logs, evidence, and a statement about them.

The same sealed release gives the same bytes, every time.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ultra_checklist import archive, disk
from ultra_checklist.archive import Member
from ultra_checklist.dsse import Envelope, Signature, canonical
from ultra_checklist.errors import RefusedError, StateError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.history import History, fold
from ultra_checklist.journal import Entry, render
from ultra_checklist.keys import Signer
from ultra_checklist.predicate import Artefact, sealed_part, statement_of
from ultra_checklist.release import Release
from ultra_checklist.words import Words

FILE = "bundle.tar"
STATEMENT, SIGNER = "statement.dsse.json", "signer.pem"
MANIFEST, RECORD, JOURNAL = "manifest.json", "record.json", "journal.jsonl"
ORDER = (STATEMENT, SIGNER, MANIFEST, RECORD, JOURNAL)
MAX_PART = 64 << 20
"""Bytes of a log or a piece of evidence that goes in; a larger one is only named by its digest."""
ROOM = 256 << 20
"""Bytes of evidence that no longer stands at the end; the newest that fit go in, the others are named."""
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Built:
    """A bundle that was written."""

    path: Path
    sha256: str
    size: int
    keyid: str
    """Id of the key that signed it; empty: it is not signed."""


def build(release: Release, evidence: EvidenceStore, signer: Signer | None, target: Path) -> Built:
    """Write the bundle of a sealed release. Raises RefusedError before the seal, StateError when it cannot."""
    entries = sealed_part(release.journal.entries())
    if not entries:
        raise RefusedError(
            _NOT_ENDED.filled(key=release.manifest.key),
            remedy=f"ultra-checklist close {release.manifest.version} --as ...",
        )
    files = {
        MANIFEST: (release.folder / MANIFEST).read_bytes(),
        RECORD: record_text(entries[-1].data),
        JOURNAL: render(entries),
    }
    told = [Artefact(name=name, sha256=_sha256(data), size=len(data)) for name, data in files.items()]
    kept = list(_kept(fold(entries), entries, evidence))
    keyid = signer.public.keyid if signer is not None else ""
    said = canonical(statement_of(release.manifest, entries, [*told, *kept], keyid))
    front = {STATEMENT: _envelope(said, signer).encode()}
    if signer is not None:
        front[SIGNER] = signer.public.pem()
    members = [_held(name, data) for name, data in {**front, **files}.items()]
    members += [_stored(one, evidence.path(one.sha256)) for one in kept if one.included]
    meter = _Meter()
    disk.replace_from(target, meter.through(archive.write(members)))
    return Built(target, meter.hasher.hexdigest(), meter.size, keyid)


def record_text(seal: Mapping[str, Any]) -> bytes:
    """The record as a file: what the journal's seal says."""
    return json.dumps(dict(seal), ensure_ascii=False, indent=1).encode() + b"\n"


def rank(name: str) -> tuple[int, str]:
    """The place of a member in the bundle."""
    folder = ("logs", "evidence").index(name.partition("/")[0]) if "/" in name else -1
    return (len(ORDER) + folder, name) if folder >= 0 else (ORDER.index(name), name)


def parts_named(history: History, entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Name in the bundle and digest of every log and piece of evidence that the journal names, in order."""
    logs = {f"logs/run-{run.number:04}.log": run.log for run in history.runs if _is_digest(run.log)}
    evidence = sorted({digest for entry in entries for digest in _digests(entry.data)} - set(logs.values()))
    return [*sorted(logs.items()), *((f"evidence/{digest}", digest) for digest in evidence)]


def _kept(history: History, entries: Sequence[Entry], evidence: EvidenceStore) -> Iterator[Artefact]:
    """What of the logs and the evidence goes in."""
    named = parts_named(history, entries)
    standing = {
        line.evidence
        for check in history.checks.values()
        for proof in (check.proof, check.definite)
        if proof is not None
        for line in proof.lines
    }
    age = {digest: entry.seq for entry in entries for digest in _digests(entry.data)}
    sizes = {digest: _size(evidence.path(digest), digest) for _, digest in named}
    left, given_up = ROOM, set()
    for name, digest in sorted(named, key=lambda one: -age.get(one[1], 0)):
        size = sizes[digest]
        if size is not None and name.startswith("evidence/") and digest not in standing:
            left -= size
            if left < 0:
                given_up.add(digest)
    for name, digest in named:
        size = sizes[digest]
        if size is None or size > MAX_PART or digest in given_up:
            yield Artefact(name=name, sha256=digest, included=False)
        else:
            yield Artefact(name=name, sha256=digest, size=size)


def _digests(data: object) -> Iterator[str]:
    """The evidence that a journal line names, wherever in it."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            if key in ("evidence", "log") and _is_digest(value):
                yield value
            else:
                yield from _digests(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _digests(value)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= _HEX


def _size(path: Path, digest: str) -> int | None:
    """The size of a blob that is what its name says; None where there is none."""
    try:
        with path.open("rb") as file:
            hasher, size = hashlib.sha256(), 0
            while part := file.read(archive.CHUNK):
                hasher.update(part)
                size += len(part)
    except OSError:
        return None
    return size if hasher.hexdigest() == digest else None


def _envelope(payload: bytes, signer: Signer | None) -> Envelope:
    envelope = Envelope(payload)
    if signer is None:
        return envelope
    return Envelope(payload, (Signature(signer.public.keyid, signer.sign(envelope.signed)),))


def _held(name: str, data: bytes) -> Member:
    return Member(name, len(data), lambda: (data,))


def _stored(one: Artefact, path: Path) -> Member:
    """A blob that is read only while it is written, and hashed again: it must be what the statement says."""

    def parts() -> Iterable[bytes]:
        hasher, left = hashlib.sha256(), one.size or 0
        try:
            with path.open("rb") as file:
                while part := file.read(min(archive.CHUNK, left)):
                    hasher.update(part)
                    left -= len(part)
                    yield part
        except OSError as error:
            told = _UNREADABLE.filled(path=str(path), why=error.strerror or str(error))
            raise StateError(told, remedy=_RUN_AGAIN) from error
        if left or hasher.hexdigest() != one.sha256:
            raise StateError(_CHANGED.filled(path=str(path)), remedy=_RUN_AGAIN)

    return Member(one.name, one.size or 0, parts)


class _Meter:
    """Counts and hashes what goes through."""

    def __init__(self) -> None:
        self.hasher = hashlib.sha256()
        self.size = 0

    def through(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        for part in parts:
            self.hasher.update(part)
            self.size += len(part)
            yield part


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_NOT_ENDED = Words(
    en="{key} has not ended: there is nothing to bundle yet",
    ja="{key} は終了していないため、バンドルを作成できません",
)
_UNREADABLE = Words(en="{path} cannot be read: {why}", ja="{path} を読み込めません: {why}")
_CHANGED = Words(en="{path} changed while it was bundled", ja="{path} がバンドル作成中に変更されました")
_RUN_AGAIN = Words(
    en="Run the same command again: it goes on where it stopped",
    ja="同じコマンドを再実行してください（続きから実行します）",
)

"""The files of an ending: which there are, and their way into Notion, as far as it takes them.

What Notion refuses costs nothing: the whole of each file stays on this machine, and the record says where.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ultra_checklist.bench import Bench
from ultra_checklist.errors import NotionError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.model import Lang, Words
from ultra_checklist.release import Release

ONE_PART: Final = 20 << 20
"""Bytes that Notion takes in one part on any plan."""
FRESH = timedelta(minutes=50)
"""Notion drops an upload after an hour if nothing refers to it by then."""
PATIENCE = timedelta(hours=1)
"""After the seal: so long an upload that Notion does not answer is tried by each pass; then the ending goes on."""
STATEMENT: Final = ("statement.json", ".intoto.json", ".dsse.json")
"""How the name of the bundle's statement ends."""

_MARGIN = 1 << 16

Uploaded = dict[str, Any]
"""One file: name, sha256 and size of the whole, where it stays; ``id`` and ``sent``, or ``refused`` and why."""

_CUT = Words(
    en="{name}: the newest {sent} of {size} bytes; sha256 of the whole {sha256}; it stays in {where}",
    ja="{name}: 全 {size} バイト中、末尾 {sent} バイト。全体の sha256 {sha256}、保存先 {where}",
)
_REFUSED = Words(
    en="{name} was not uploaded ({refused}); sha256 {sha256}; it stays in {where}",
    ja="{name} はアップロードできませんでした（{refused}）。sha256 {sha256}、保存先 {where}",
)


@dataclass(frozen=True)
class File:
    """A file as it is uploaded: the newest part that fits."""

    name: str
    content: bytes
    sha256: str
    """Of the whole."""
    size: int
    where: str
    """Where the whole of it stays on this machine."""

    @property
    def kind(self) -> str:
        """Its content type."""
        return "application/json" if self.name.endswith(".json") else "text/plain"


class Uploads:
    """The files of one release that is sealed. ``redact`` knows its secrets."""

    def __init__(self, bench: Bench, release: Release, home: Path, redact: Callable[[str], str]) -> None:
        self._bench = bench
        self._release = release
        self._evidence = EvidenceStore(home)
        self._redact = redact
        self._limit = min(ONE_PART, bench.workspace.max_upload)

    async def run(self) -> list[Uploaded]:
        """Upload them one after the other. Raises NotionError where Notion does not answer, for an hour."""
        return [await self._one(file) for file in self._files()]

    def are_fresh(self, made: list[Uploaded]) -> bool:
        """Whether uploads that nothing refers to yet can still be attached."""
        times = [datetime.fromisoformat(file["at"]) for file in made if file.get("at")]
        now = self._bench.clock()
        return all(timedelta() <= now - time < FRESH for time in times)

    async def _one(self, file: File) -> Uploaded:
        told = {"name": file.name, "sha256": file.sha256, "size": file.size, "where": file.where}
        try:
            made = await self._bench.notion.upload(file.name, file.content, file.kind)
        except NotionError as error:
            sealed_at, now = self._release.history.ended_at, self._bench.clock()
            waited = sealed_at is not None and now - sealed_at > PATIENCE
            if error.status == 401 or not (error.permanent or error.status == 413 or waited):
                raise
            return told | {"refused": self._redact(error.message.say(self._bench.workspace.lang))[:300]}
        return told | {"id": made, "sent": len(file.content), "at": self._bench.clock().isoformat()}

    def _files(self) -> Iterator[File]:
        release, version = self._release, self._release.manifest.version
        yield self._made(f"{version}.journal.log.txt", self._journal_text().encode(), release.journal.path)
        sealed = json.dumps(dict(release.history.sealed or {}), ensure_ascii=False, indent=1).encode()
        yield self._made(f"{version}.record.json", sealed, release.journal.path)
        for run in release.history.runs:
            if run.deploy and run.log:
                yield from self._kept(f"{version}.deploy-{run.deploy}.log.txt", run.log)
        log, path = self._backend_log()
        if log:
            yield self._made(f"{version}.backend.log.txt", log, path)
        statement = _statement(release.folder / "bundle.tar")
        if statement:
            yield self._made(f"{version}.statement.json", statement, release.folder / "bundle.tar")

    def _made(self, name: str, content: bytes, where: Path) -> File:
        digest = hashlib.sha256(content).hexdigest()
        return File(name, self._newest(content), digest, len(content), str(where))

    def _kept(self, name: str, digest: str) -> Iterator[File]:
        """A file of the evidence store; a log may be larger than memory, so only its end is read."""
        path = self._evidence.path(digest)
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - self._limit))
                content = file.read(self._limit)
        except OSError:
            # It was pruned or lost: the digest in the journal still names it.
            return
        if content:
            yield File(name, content if size <= self._limit else _whole_lines(content), digest, size, str(path))

    def _newest(self, content: bytes) -> bytes:
        return content if len(content) <= self._limit else _whole_lines(content[-self._limit :])

    def _journal_text(self) -> str:
        lines = []
        for entry in self._release.journal.entries():
            time = entry.time.astimezone(self._release.zone).isoformat(timespec="seconds")
            data = json.dumps(dict(entry.data), ensure_ascii=False, sort_keys=True)
            lines.append(f"{time} {entry.seq} {entry.kind} {data} {entry.hash[:16]}")
        return "\n".join(lines) + "\n"

    def _backend_log(self) -> tuple[bytes, Path]:
        """The newest part of the backend's log, redacted; empty where none is named or readable."""
        variables = self._release.manifest.variables
        (name, folder), _ = variables.fill(["${BACKEND_LOG}", "${DEPLOY_DIR}"])
        path = Path(folder) / name
        try:
            if not name:
                return b"", path
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                # A little more than is kept goes through, so that no secret is cut where the kept part begins.
                file.seek(max(0, size - self._limit - _MARGIN))
                text = file.read(self._limit + _MARGIN).decode(errors="replace")
        except OSError:
            return b"", path
        return self._redact(text).encode(), path


def said(files: list[Uploaded], lang: Lang) -> list[str]:
    """What must be said of files that are not there as a whole."""
    lines = []
    for file in files:
        words = _REFUSED if "refused" in file else _CUT if file.get("sent", 0) < file.get("size", 0) else None
        if words is not None:
            lines.append(words.say(lang, **file))
    return lines


def attached(files: list[Uploaded]) -> list[tuple[str, str]]:
    """Upload id and name of the files that Notion has taken."""
    return [(file["id"], file["name"]) for file in files if file.get("id")]


def property_value(files: list[Uploaded]) -> list[Mapping[str, Any]]:
    """The files as a column's value."""
    return [
        {"type": "file_upload", "file_upload": {"id": upload}, "name": name} for upload, name in attached(files)
    ]


def _whole_lines(content: bytes) -> bytes:
    """Without the line that was cut, where there are others."""
    _, end, rest = content.partition(b"\n")
    return rest if end and rest else content


def _statement(bundle: Path) -> bytes:
    """The signed statement of a bundle, where one was made."""
    try:
        with tarfile.open(bundle) as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(STATEMENT):
                    file = archive.extractfile(member)
                    return file.read(ONE_PART) if file is not None else b""
    except (OSError, tarfile.TarError):
        pass
    return b""

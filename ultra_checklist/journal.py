"""A release's own record: append-only, hash-chained, flushed to disk before anything green is shown.

One JSON object a line: ``seq``, ``time``, ``kind``, ``data``, ``prev`` and ``hash``, where ``hash`` is the
SHA-256 of the line without it and ``prev`` the hash of the line before. Changing, dropping or
reordering a line breaks the chain.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ultra_checklist.errors import JournalError, StateError
from ultra_checklist.model import Frozen, digest

GENESIS = "0" * 64


class Entry(Frozen):
    """One line of a journal."""

    seq: int
    time: datetime
    kind: str
    data: Mapping[str, Any]
    prev: str
    hash: str


class Journal:
    """The journal file of one release."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: list[Entry] | None = None
        self._size = -1

    def entries(self) -> list[Entry]:
        """All lines, checked. Raises JournalError where the chain does not hold."""
        if self._entries is None or self._size != self._file_size():
            with self._locked():
                self._load()
        return list(self._entries or ())

    @property
    def head(self) -> str:
        """The hash of the newest line: a digest of the whole history."""
        entries = self.entries()
        return entries[-1].hash if entries else GENESIS

    def append(self, kind: str, data: Mapping[str, Any], *, time: datetime | None = None) -> Entry:
        """Add one line; it is on disk when this returns. Raises StateError when it cannot be written."""
        return self.extend([(kind, data)], time=time)[0]

    def extend(
        self, lines: Sequence[tuple[str, Mapping[str, Any]]], *, time: datetime | None = None
    ) -> list[Entry]:
        """Add several lines with one flush."""
        if not lines:
            return []
        try:
            with self._locked():
                self._load()
                known = self._entries if self._entries is not None else []
                fresh: list[Entry] = []
                for kind, data in lines:
                    previous = (known + fresh)[-1] if known or fresh else None
                    fresh.append(_chain(previous, kind, data, time or datetime.now(UTC)))
                self._write(fresh)
                self._entries = known + fresh
                self._size = self._file_size()
                return fresh
        except OSError as error:
            raise StateError(
                f"the journal {self.path} cannot be written: {error.strerror}",
                remedy="Free space or mend the rights of the state folder; nothing is shown green until then",
            ) from error

    def _load(self) -> None:
        size = self._file_size()
        if self._entries is not None and size == self._size:
            return
        text = self.path.read_bytes() if size else b""
        if text and not text.endswith(b"\n"):
            # A crash in the middle of a write leaves half a line: it was never acted upon.
            text = text[: text.rfind(b"\n") + 1]
            os.truncate(self.path, len(text))
        self._entries = list(_parse(text.decode(), self.path))
        self._size = len(text)

    def _write(self, entries: list[Entry]) -> None:
        made = not self.path.exists()
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.write(handle, "".join(_line(entry) + "\n" for entry in entries).encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        if made:
            _sync_folder(self.path.parent)

    def _file_size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """A short lock of the journal's own, so that a long run elsewhere does not hold up a pass."""
        handle = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _chain(previous: Entry | None, kind: str, data: Mapping[str, Any], time: datetime) -> Entry:
    body = {
        "seq": previous.seq + 1 if previous else 1,
        "time": time.astimezone(UTC).isoformat(timespec="milliseconds"),
        "kind": kind,
        "data": json.loads(json.dumps(dict(data), ensure_ascii=False, default=str)),
        "prev": previous.hash if previous else GENESIS,
    }
    return Entry.model_validate(body | {"hash": digest(body)})


def _line(entry: Entry) -> str:
    body = {
        "seq": entry.seq,
        "time": entry.time.astimezone(UTC).isoformat(timespec="milliseconds"),
        "kind": entry.kind,
        "data": entry.data,
        "prev": entry.prev,
        "hash": entry.hash,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _parse(text: str, path: Path) -> Iterator[Entry]:
    prev, seq = GENESIS, 0
    for number, line in enumerate(text.splitlines(), 1):
        try:
            raw = json.loads(line)
            claimed = raw.pop("hash")
            sound = raw["prev"] == prev and raw["seq"] == seq + 1 and digest(raw) == claimed
        except (ValueError, KeyError, TypeError, AttributeError):
            sound = False
        if not sound:
            raise JournalError(
                f"{path}:{number}: the journal was altered or is damaged: its hash chain breaks here",
                remedy="Keep the file as evidence: move the release's folder away, then: ultra-checklist adopt",
            )
        yield Entry.model_validate(raw | {"hash": claimed})
        prev, seq = claimed, raw["seq"]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

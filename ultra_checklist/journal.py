"""A release's own record: append-only, hash-chained, flushed to disk before anything green is shown.

One JSON object a line: ``seq``, ``time``, ``kind``, ``data``, ``prev`` and ``hash``, where ``hash`` is the
SHA-256 of the line without it and ``prev`` the hash of the line before. Changing, dropping or
reordering a line breaks the chain.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ultra_checklist import disk
from ultra_checklist.errors import JournalError
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
        self._named = False

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
        """Add several lines with one flush. Raises StateError, and then none of them was added."""
        if not lines:
            return []
        with self._locked():
            self._load()
            known = self._entries if self._entries is not None else []
            fresh: list[Entry] = []
            for kind, data in lines:
                previous = (known + fresh)[-1] if known or fresh else None
                fresh.append(_chain(previous, kind, data, time or datetime.now(UTC)))
            disk.append(self.path, "".join(_line(entry) + "\n" for entry in fresh).encode(), named=self._named)
            self._named = True
            self._entries = known + fresh
            self._size = self._file_size()
            return fresh

    def _load(self) -> None:
        size = self._file_size()
        if self._entries is not None and size == self._size:
            return
        text = self.path.read_bytes() if size else b""
        if text and not text.endswith(b"\n"):
            # A crash in the middle of a write leaves half a line: it was never acted upon.
            text = text[: text.rfind(b"\n") + 1]
            disk.cut(self.path, len(text))
        # A byte that is no text breaks the chain like any other change.
        self._entries = list(_parse(text.decode(errors="surrogateescape"), self.path))
        self._size = len(text)

    def _file_size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _locked(self) -> AbstractContextManager[None]:
        """A short lock of the journal's own, so that a long run elsewhere does not hold up a pass."""
        return disk.locked(self.path.with_suffix(".lock"))


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
    # Not splitlines(): people's notes may hold other separators, such as U+2028.
    for number, line in enumerate(text.split("\n")[:-1], 1):
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

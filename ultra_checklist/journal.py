"""A release's own record: append-only, hash-chained, flushed to disk before anything green is shown.

One JSON object a line: ``seq``, ``time``, ``kind``, ``data``, ``prev`` and ``hash``, where ``hash`` is the
SHA-256 of the line without it and ``prev`` the hash of the line before. Changing, dropping or
reordering a line breaks the chain.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ultra_checklist import disk
from ultra_checklist.errors import JournalError
from ultra_checklist.model import Frozen, digest
from ultra_checklist.words import Words

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
            disk.append(self.path, render(fresh), named=self._named)
            self._named = True
            self._entries = known + fresh
            self._size = self._file_size()
            return fresh

    def _load(self) -> None:
        size = self._file_size()
        if self._entries is not None and size == self._size:
            return
        text = self.path.read_bytes() if size else b""
        whole = text[: text.rfind(b"\n") + 1]
        entries = list(parse(whole, str(self.path)))
        if whole != text:
            # A crash in the middle of a write leaves half a line: it was never acted upon.
            if _is_more_than_half(text[len(whole) :]):
                raise _broken(f"{self.path}:{len(entries) + 1}")
            disk.cut(self.path, len(whole))
        self._entries = entries
        self._size = len(whole)

    def _file_size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _locked(self) -> AbstractContextManager[None]:
        """A short lock of the journal's own, so that a long run elsewhere does not hold up a pass."""
        return disk.locked(self.path.with_suffix(".lock"))


def look(path: Path) -> list[Entry]:
    """The whole lines of a journal, checked; nothing is locked, and half a line at its end is left where it is.

    Raises JournalError where the chain does not hold, OSError where the file cannot be read.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    return list(parse(text[: text.rfind(b"\n") + 1], str(path)))


def _chain(previous: Entry | None, kind: str, data: Mapping[str, Any], time: datetime) -> Entry:
    body = {
        "seq": previous.seq + 1 if previous else 1,
        "time": time.astimezone(UTC).isoformat(timespec="milliseconds"),
        "kind": kind,
        "data": json.loads(json.dumps(dict(data), ensure_ascii=False, default=str)),
        "prev": previous.hash if previous else GENESIS,
    }
    return Entry.model_validate(body | {"hash": digest(body)})


def render(entries: Iterable[Entry]) -> bytes:
    """The lines as they stand in the file: the one form that ``parse`` takes."""
    return "".join(_line(entry) + "\n" for entry in entries).encode()


def parse(text: bytes, where: str, after: Entry | None = None) -> Iterator[Entry]:
    """Read whole lines back: all, or those that follow ``after``.

    Raises JournalError, naming the line, where chain or form does not hold.
    """
    prev, seq = (after.hash, after.seq) if after is not None else (GENESIS, 0)
    for number, line in enumerate(text.split(b"\n")[:-1], seq + 1):
        try:
            raw = json.loads(line)
            # The one form: no second spelling of an escape, no blank, no key given twice.
            sound = list(raw) == _KEYS and _dump(raw).encode() == line
            claimed = raw.pop("hash")
            sound = sound and raw["prev"] == prev and raw["seq"] == seq + 1 and digest(raw) == claimed
            entry = Entry.model_validate(raw | {"hash": claimed}) if sound else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            entry = None
        if entry is None:
            raise _broken(f"{where}:{number}")
        yield entry
        prev, seq = entry.hash, entry.seq


_KEYS = ["seq", "time", "kind", "data", "prev", "hash"]


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _line(entry: Entry) -> str:
    body = {
        "seq": entry.seq,
        "time": entry.time.astimezone(UTC).isoformat(timespec="milliseconds"),
        "kind": entry.kind,
        "data": entry.data,
        "prev": entry.prev,
        "hash": entry.hash,
    }
    return _dump(body)


def _is_more_than_half(tail: bytes) -> bool:
    """Whether a whole line is followed by something that is no line's end: no crash leaves that."""
    text = tail.decode(errors="replace")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return text.startswith("{") and end < len(text)


def _broken(where: str) -> JournalError:
    return JournalError(_BROKEN.filled(where=Words.of(where)), remedy=_KEEP)


_BROKEN = Words(
    en="{where}: the journal was altered or is damaged: its hash chain breaks here",
    ja="{where}: ジャーナルが改変または破損しています（ここでハッシュの連鎖が途切れています）",
)
_KEEP = Words(
    en="Keep the file as evidence: move the release's folder away, then: ultra-checklist adopt",
    ja="ファイルを証拠として保管し、リリースのフォルダを移動してから ultra-checklist adopt を実行してください",
)

"""Log files that are rotated while one looks: what was written since a mark was made, wherever it lies by now.

A file is known again by its inode, else by its content, so that it is found renamed (``app.log.1``), packed
(``app.log.2.gz``), or copied and truncated (logrotate's ``copytruncate``). Nothing is counted twice.
"""

import bz2
import errno
import gzip
import hashlib
import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Frozen
from ultra_checklist.probes.file import cannot_look

CHUNK = 256 << 10
SAMPLE = 1024
"""Bytes at the beginning, and before the end, by which the content of a file is known again."""
MAX_FILES = 300
ATTEMPTS = 3
"""How often it is looked anew where files vanish between listing and opening."""
_DATE = r"\d{4}-?\d\d-?\d\d(?:[T_-]?\d\d[-_:]?\d\d(?:[-_:]?\d\d)?)?(?:\.\d{1,4})?|\d{9,14}"
_PACKED = r"(?P<packed>\.(?:gz|bz2|xz|zst|lz4|Z))?"
_ROTATED = (
    re.compile(rf"(?P<stem>.+)(?:\.(?P<number>\d{{1,4}})|[.-](?P<date>{_DATE})){_PACKED}"),
    re.compile(rf"(?P<stem>.+)(?:\.(?P<number>\d{{1,4}})|[.-](?P<date>{_DATE}))(?P<ext>\.[A-Za-z]+){_PACKED}"),
)
_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


class FileMark(Frozen):
    """How far a file had been written."""

    path: str
    device: int
    inode: int
    size: int
    head: str = ""
    """SHA-256 of its first bytes; empty: it was packed."""
    tail: str = ""
    """SHA-256 of the last bytes before ``size``."""
    active: bool = True
    """Not yet rotated: it must be found again."""


@dataclass(frozen=True)
class Name:
    """What a file's name says: of which log it is a part, and which."""

    group: str
    number: int = 0
    date: str = ""
    packed: str = ""

    @classmethod
    def of(cls, name: str) -> "Name":
        """Read a name such as ``app.log``, ``app.log.1``, ``app.log-20260301.gz`` or ``app.2026-03-01.log``."""
        for form in _ROTATED:
            found = form.fullmatch(name)
            if found is not None:
                parts = found.groupdict()
                group = parts["stem"] + (parts.get("ext") or "")
                return cls(group, int(parts["number"] or 0), parts["date"] or "", parts["packed"] or "")
        return cls(name)

    @property
    def rotated(self) -> bool:
        """Whether it is an older part."""
        return bool(self.number or self.date)


@dataclass
class LogFile:
    """One open file of a log."""

    path: Path
    name: Name
    file: BufferedReader
    status: os.stat_result
    check: Callable[[], None]
    """Asked between pieces whether there is time left; raises ProbeCannotTell."""
    start: int = 0
    """What was written before is known already."""
    known: bool = False
    """All of it is."""

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.status.st_dev, self.status.st_ino

    def mark(self, *, active: bool) -> FileMark:
        """How far it is written now."""
        size = self.status.st_size
        head = tail = ""
        if not self.name.packed:
            head, tail = self._sample(0, min(SAMPLE, size)), self._sample(max(0, size - SAMPLE), size)
        device, inode = self.identity
        return FileMark(
            path=str(self.path), device=device, inode=inode, size=size, head=head, tail=tail, active=active
        )

    def is_same(self, mark: FileMark) -> bool:
        """Whether its content begins with all that was there when the mark was made."""
        if self.name.packed:
            return not mark.head or self._packed_is_same(mark)
        if not mark.head or self.status.st_size < mark.size:
            return False
        here = self._sample(0, min(SAMPLE, mark.size)), self._sample(max(0, mark.size - SAMPLE), mark.size)
        return here == (mark.head, mark.tail)

    def _sample(self, start: int, end: int) -> str:
        return hashlib.sha256(os.pread(self.file.fileno(), end - start, start)).hexdigest()

    def _packed_is_same(self, mark: FileMark) -> bool:
        chunks, done, tail = self._unpacked(), 0, b""
        for chunk in chunks:
            if not done and hashlib.sha256(chunk[: min(SAMPLE, mark.size)]).hexdigest() != mark.head:
                return False
            part = chunk[: mark.size - done]
            done, tail = done + len(part), (tail + part)[-SAMPLE:]
            if done == mark.size:
                return hashlib.sha256(tail).hexdigest() == mark.tail
        return False

    def chunks(self) -> Iterator[bytes]:
        """What was written since ``start``, up to where it was when it was opened."""
        if self.known:
            return
        if self.name.packed:
            skip = self.start
            for chunk in self._unpacked():
                yield chunk[skip:]
                skip = max(0, skip - len(chunk))
            return
        place, end = self.start, self.status.st_size
        while place < end:
            chunk = os.pread(self.file.fileno(), min(CHUNK, end - place), place)
            if not chunk:
                return
            place += len(chunk)
            self.check()
            yield chunk

    def _unpacked(self) -> Iterator[bytes]:
        opener = _OPENERS.get(self.name.packed)
        if opener is None:
            raise self._not_unpacked(f"{self.name.packed} is not understood")
        self.file.seek(0)
        try:
            with opener(self.file) as unpacked:
                while chunk := unpacked.read(CHUNK):
                    self.check()
                    yield chunk
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            raise self._not_unpacked(str(error)) from error

    def _not_unpacked(self, why: str) -> ProbeCannotTell:
        return ProbeCannotTell(
            "not-readable",
            f"{self.path} cannot be unpacked: {why}",
            f"{self.path} を展開できません: {why}",
            remedy=f"ls -l {self.path.parent}",
        )


def opened(pattern: Path, stack: ExitStack, check: Callable[[], None]) -> dict[str, list[LogFile]]:
    """All files of the logs whose names fit the last part of a path, by log, the oldest part first.

    Raises ProbeCannotTell where something is there and cannot be looked at.
    """
    for _ in range(ATTEMPTS):
        try:
            return _opened(pattern, stack, check)
        except FileNotFoundError:
            continue
    raise ProbeCannotTell(
        "rotating",
        f"files of {pattern} come and go faster than they can be opened",
        f"{pattern} のファイルが頻繁に入れ替わり、開けません",
        remedy=f"ls -l {pattern.parent}",
    )


def _opened(pattern: Path, stack: ExitStack, check: Callable[[], None]) -> dict[str, list[LogFile]]:
    wanted = _names(pattern)
    # Of those that are written to first: whoever is renamed meanwhile is found again under the new name.
    wanted.sort(key=lambda name: (Name.of(name).rotated, name))
    if len(wanted) > MAX_FILES:
        raise ProbeCannotTell(
            "too-many-files",
            f"{pattern} are {len(wanted)} files, more than {MAX_FILES}",
            f"{pattern} のファイルが {len(wanted)} 個あり、上限 {MAX_FILES} を超えています",
            remedy=f"ls {pattern.parent} | wc -l",
        )
    found: dict[tuple[int, int], LogFile] = {}
    for name in wanted:
        file = _open(pattern.parent / name, stack, check)
        found.setdefault(file.identity, file)
    groups: dict[str, list[LogFile]] = {}
    for file in found.values():
        groups.setdefault(file.name.group, []).append(file)
    return {group: _in_order(files) for group, files in groups.items()}


def _names(pattern: Path) -> list[str]:
    """Names of the files that fit, and of the older parts of their logs."""
    try:
        there = os.listdir(pattern.parent)  # noqa: PTH208 - names alone are wanted
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise cannot_look(pattern.parent, error) from error
    fitting = {pattern.name} & set(there) or {name for name in there if fnmatchcase(name, pattern.name)}
    # While it is away for a moment, between two renames, its older parts still tell of it.
    groups = {Name.of(name).group for name in fitting} | {pattern.name}
    chosen = [name for name in there if name in fitting or Name.of(name).group in groups]
    # Beside what is being packed lies what it is packed from.
    return [name for name in chosen if not Name.of(name).packed or name.rpartition(".")[0] not in chosen]


def _open(path: Path, stack: ExitStack, check: Callable[[], None]) -> LogFile:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise cannot_look(path, error) from error
    file = stack.enter_context(os.fdopen(handle, "rb"))
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise cannot_look(path, OSError(errno.EINVAL, "not a regular file"))
    return LogFile(path, Name.of(path.name), file, status, check)


def _in_order(files: list[LogFile]) -> list[LogFile]:
    """The oldest part first: by number, by date, or else by when they were last written."""
    old = [file for file in files if file.name.rotated]
    if all(file.name.number for file in old):
        old.sort(key=lambda file: -file.name.number)
    elif all(file.name.date for file in old):
        old.sort(key=lambda file: file.name.date)
    else:
        old.sort(key=lambda file: (file.status.st_mtime_ns, -file.name.number, file.name.date))
    return old + [file for file in files if not file.name.rotated]


def marks(groups: dict[str, list[LogFile]]) -> list[FileMark]:
    """How far all of it is written now."""
    return [file.mark(active=file is files[-1]) for files in groups.values() for file in files]


def resume(groups: dict[str, list[LogFile]], known: list[FileMark]) -> str:
    """Let every file start where its mark was made. Gives the path of a log of which a part is gone, else ""."""
    free = [file for group in groups.values() for file in group]

    def claim(mark: FileMark, files: list[LogFile]) -> bool:
        found = next((file for file in files if file.is_same(mark)), None)
        if found is None:
            return False
        found.start, found.known = mark.size, not mark.head
        free.remove(found)
        return True

    moved = [
        mark for mark in known if not claim(mark, [f for f in free if f.identity == (mark.device, mark.inode)])
    ]
    # Their inodes are gone, or hold something else: what they held was copied or packed, if it is there at all.
    lost = [mark for mark in moved if not (mark.head and mark.size and claim(mark, list(free)))]
    return next((mark.path for mark in lost if mark.active), "")

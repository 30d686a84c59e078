"""What a job that runs by the clock has left: its log and the exit code that it wrote down."""

import contextlib
import fnmatch
import json
import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.words import LANGS, Words

TAIL = 8 << 20
"""Bytes read of the end of a file."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_UNREADABLE = Words(en="it cannot be read", ja="読み取れません")
_NO_FILE = Words(en="this is no file", ja="ファイルではありません")
_NAMES = ("exit", "exit_code", "code", "rc")


@dataclass(frozen=True)
class Left:
    """The end of a file, when it was written last, and whether that is all of it."""

    text: str
    written: datetime
    whole: bool

    def since(self, start: datetime, zone: str) -> tuple[datetime | None, list[str] | None]:
        """The first time that a line is stamped with from then on, and all lines from there.

        Without any stamp in the file all lines count, and there is no time. No lines at all: what was written
        first since then is beyond the end that was read.
        """
        lines, before = self.text.splitlines(), False
        for place, line in enumerate(lines):
            at = _stamp(line, zone)
            if at is not None and at >= start:
                return at, lines[place:] if before or self.whole else None
            before = before or at is not None
        if before:
            return None, []
        return None, lines if self.whole else None


def newest(pattern: Path) -> Path | None:
    """The file that was written last among those that match; None: there is none. Raises ProbeCannotTell."""
    found: list[tuple[float, str]] = []
    try:
        for name in fnmatch.filter([entry.name for entry in os.scandir(pattern.parent)], pattern.name):
            with contextlib.suppress(FileNotFoundError):
                found.append(((pattern.parent / name).stat().st_mtime, name))
    except (OSError, ValueError) as error:
        raise cannot("no-folder", pattern.parent, getattr(error, "strerror", None) or _UNREADABLE) from None
    return pattern.parent / max(found)[1] if found else None


def read(path: Path) -> Left | None:
    """The end of a file; None: it is not there, though its folder is. Raises ProbeCannotTell."""
    try:
        path.parent.stat()
    except (OSError, ValueError) as error:
        raise cannot("no-folder", path.parent, getattr(error, "strerror", None) or _UNREADABLE) from None
    try:
        # A pipe in its place would keep us waiting.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            told = os.fstat(handle)
            if not stat.S_ISREG(told.st_mode):
                raise cannot("no-file", path, _NO_FILE)
            file.seek(max(0, told.st_size - TAIL))
            data = file.read(TAIL)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise cannot("no-file", path, _NO_FILE) from None
    except OSError as error:
        raise cannot("denied", path, error.strerror or _UNREADABLE) from None
    return Left(data.decode(errors="replace"), datetime.fromtimestamp(told.st_mtime, UTC), told.st_size <= TAIL)


def exit_code(text: str) -> int | None:
    """The exit code in a record: a number, or JSON with it under a telling name; None: there is none."""
    try:
        raw: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(raw, dict):
        raw = next((raw[name] for name in _NAMES if name in raw), None)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def cannot(reason: str, what: object, why: Words | str) -> ProbeCannotTell:
    """An error that names a file or a command."""
    en, ja = (Words.of(why).say(lang) for lang in LANGS)
    return ProbeCannotTell(reason, f"{what}: {en}", f"{what} を確認できません: {ja}", remedy=f"ls -l {what}")


def _stamp(line: str, zone: str) -> datetime | None:
    found = _STAMP.search(line[:100])
    try:
        at = datetime.fromisoformat(found[0].replace(",", ".")) if found is not None else None
    except ValueError:
        return None
    return at.replace(tzinfo=ZoneInfo(zone)) if at is not None and at.tzinfo is None else at

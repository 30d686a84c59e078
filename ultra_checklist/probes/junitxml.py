"""Reads JUnit XML reports safely: streaming, bounded, no entity of any kind is declared or fetched.

There is no standard; what is read is what Ant, Maven Surefire, pytest, gtest and the like have in common:
``testsuites``, ``testsuite``, ``testcase`` with ``failure``, ``error`` or ``skipped`` inside, and ``property``.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic
from xml.parsers import expat

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.probes.regular import NotRegular, open_regular
from ultra_checklist.words import Words

MAX_FILE = 64 << 20
MAX_FILES = 5000
MAX_DEPTH = 50
CHUNK = 1 << 18
SHOWN = 10
"""Names kept of tests that failed."""
_COMMIT_NAME = re.compile(
    r"(?:.*[._-])?(?:git[._-]?)?(?:commit|sha1?|revision|rev)(?:[._-]?(?:id|sha|hash))?", re.IGNORECASE
)
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{7,64}(?![0-9A-Za-z])")
_SIDECARS = ("commit", "commit.txt", "COMMIT", ".commit", "git-commit")
_MAGIC = re.compile(r"[*?[]")


@dataclass
class Report:
    """What one file says; ``problem`` is why it could not be read, empty where it could."""

    path: Path
    problem: str = ""
    junit: bool | None = None
    """Whether it is a JUnit report at all; None: it ended before that could be told."""
    modified: float = 0.0
    """Seconds since 1970: its file's, or its suites' where these were earlier."""
    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    suites: set[str] = field(default_factory=set)
    commits: set[str] = field(default_factory=set)
    """What its properties name as commits."""
    bad: list[str] = field(default_factory=list)
    ran: dict[str, int] = field(default_factory=dict)
    """By pattern of a required suite: how many of its tests ran."""


class Deadline:
    """A moment after which reading is given up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = monotonic() + seconds

    def check(self) -> None:
        """Raises ProbeCannotTell when time is up."""
        if monotonic() > self._until:
            text = f"{self._seconds:g}"
            raise ProbeCannotTell(
                "timeout", f"the reports were not read within {text} s", f"レポートを {text} 秒以内に読めません"
            )


class _Refused(Exception):
    """Something that a report never holds."""


def find(path: Path, deadline: Deadline) -> tuple[Path, list[Path]]:
    """The folder in which is searched, and the files: of a file, of a folder with those below, or of a glob.

    ``**`` in a glob stands for any folders. Symbolic links to folders below are not followed.
    Raises ProbeCannotTell where a folder cannot be read, or where there are too many files.
    """
    parts = path.parts
    magic = next((n for n, part in enumerate(parts) if _MAGIC.search(part)), None)
    if magic is not None:
        root = Path(*parts[:magic])
        matches = re.compile(_translated("/".join(parts[magic:]))).fullmatch
        return root, _walk(root, deadline, lambda name: matches(name) is not None)
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise _unreadable(path, error) from None
    if not folder:
        return path.parent, [path]
    return path, _walk(path, deadline, lambda name: name.lower().endswith(".xml"))


def _walk(root: Path, deadline: Deadline, wanted: Callable[[str], bool]) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise _unreadable(Path(error.filename or root), error)

    found: list[Path] = []
    for folder, folders, files in os.walk(root, onerror=refuse):
        deadline.check()
        folders.sort()
        here = Path(folder)
        found += [here / name for name in sorted(files) if wanted((here / name).relative_to(root).as_posix())]
        if len(found) > MAX_FILES:
            raise ProbeCannotTell(
                "too-many", f"there are more than {MAX_FILES} files", f"ファイルが {MAX_FILES} 個を超えています"
            )
    return found


def _translated(pattern: str) -> str:
    """A glob as a regular expression."""
    out = ""
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^]]*\]|.", pattern):
        if piece == "**/":
            out += "(?:.*/)?"
        elif piece == "**":
            out += ".*"
        elif piece in "*?":
            out += "[^/]*" if piece == "*" else "[^/]"
        elif len(piece) > 1:
            inner = piece[1:-1].replace("\\", r"\\").replace("[", r"\[")
            out += f"[{'^' + inner[1:] if inner.startswith('!') else inner}]"
        else:
            out += re.escape(piece)
    return out


def read(path: Path, required: list[str], deadline: Deadline) -> Report:
    """Read one file. Raises ProbeCannotTell when time is up, nothing else."""
    report = Report(path)
    reader = _Reader(report, required)
    try:
        with open_regular(path) as file:
            report.modified = os.fstat(file.fileno()).st_mtime
            size = 0
            while chunk := file.read(CHUNK):
                deadline.check()
                size += len(chunk)
                if size > MAX_FILE:
                    report.problem = "too-large"
                    return report
                reader.feed(chunk)
            reader.end()
    except OSError as error:
        report.problem = "vanished" if isinstance(error, FileNotFoundError) else "unreadable"
        if isinstance(error, PermissionError):
            report.problem = "permission-denied"
        elif isinstance(error, NotRegular):
            report.problem = "not-a-file"
    except (expat.ExpatError, ValueError, LookupError):
        report.problem = "not-xml"
    except _Refused as error:
        report.problem = str(error)
    return report


class _Reader:
    """Takes what it needs out of a stream of XML and keeps nothing else."""

    def __init__(self, report: Report, required: list[str]) -> None:
        self._report = report
        self._required = required
        self._open: list[str] = []
        self._names: list[str] = []
        self._case: tuple[str, str] = ("", "")
        self._state = ""
        self._told: dict[str, dict[int, int]] = {"failures": {}, "errors": {}}
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        # What defusedxml does: without declarations nothing can be blown up or fetched.
        self._parser.EntityDeclHandler = self._refuse
        self._parser.ExternalEntityRefHandler = self._refuse
        report.ran = dict.fromkeys(required, 0)

    def feed(self, data: bytes) -> None:
        """The next piece."""
        self._parser.Parse(data, False)

    def end(self) -> None:
        """There is no more."""
        self._parser.Parse(b"", True)
        # A summary that counts more than is listed is believed.
        for name, levels in self._told.items():
            setattr(self._report, name, max(getattr(self._report, name), *levels.values(), 0))

    def _refuse(self, *_of: object) -> int:
        raise _Refused("entities")

    def _start(self, tag: str, given: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if not self._open:
            self._report.junit = tag in ("testsuites", "testsuite")
        self._open.append(tag)
        if len(self._open) > MAX_DEPTH:
            raise _Refused("too-deep")
        if not self._report.junit:
            return
        if tag in ("testsuites", "testsuite"):
            self._suite(given)
        elif tag == "testcase":
            self._case = given.get("classname", ""), given.get("name", "")
            self._state = "skipped" if given.get("status") in ("notrun", "disabled") else ""
        elif tag in ("failure", "error") and self._open[-2:-1] == ["testsuite"]:
            # Not even its tests could be begun.
            self._report.errors += 1
        elif tag in ("failure", "error", "skipped") and "testcase" in self._open[:-1]:
            self._state = max(self._state, tag, key=("", "skipped", "error", "failure").index)
        elif tag == "property" and _COMMIT_NAME.fullmatch(given.get("name", "")):
            self._report.commits.update(_HEX.findall(given.get("value", "").lower()))

    def _suite(self, given: dict[str, str]) -> None:
        name = given.get("name", "")
        self._names.append(name)
        if name:
            self._report.suites.add(name)
        if len(self._open) <= 2:
            for kind, levels in self._told.items():
                number = given.get(kind, "")
                if number.isdecimal() and len(number) < 10:
                    levels[len(self._open)] = levels.get(len(self._open), 0) + int(number)
        try:
            told = datetime.fromisoformat(given.get("timestamp", ""))
        except ValueError:
            return
        # Without a time zone it is not known which moment is meant.
        if told.tzinfo is not None:
            self._report.modified = min(self._report.modified, told.timestamp())

    def _end(self, tag: str) -> None:
        self._open.pop()
        tag = tag.rpartition(":")[2]
        if not self._report.junit:
            return
        if tag in ("testsuites", "testsuite"):
            self._names.pop()
        elif tag == "testcase":
            self._ended()

    def _ended(self) -> None:
        report, (group, name) = self._report, self._case
        report.tests += 1
        report.failures += self._state == "failure"
        report.errors += self._state == "error"
        report.skipped += self._state == "skipped"
        if self._state in ("failure", "error") and len(report.bad) < SHOWN:
            report.bad.append(f"{group}.{name}".strip(".")[:200])
        if self._state != "skipped":
            for pattern in self._required:
                if any(fnmatchcase(one, pattern) for one in (*self._names, group)):
                    report.ran[pattern] += 1


def named_commits(report: Report, root: Path) -> Iterator[tuple[str, set[str]]]:
    """By what a report may say which commit it is of, nearest first: property, sidecar, name."""
    yield "property", report.commits
    folders = [folder for folder in report.path.parents if folder == root or root in folder.parents]
    beside = [report.path.with_name(f"{report.path.name}.commit")]
    for sidecar in (*beside, *(folder / name for folder in folders for name in _SIDECARS)):
        yield "sidecar", _sidecar(sidecar)
    yield "name", set(_HEX.findall(str(report.path).lower()))


def _sidecar(path: Path) -> set[str]:
    try:
        with open_regular(path) as file:
            return set(_HEX.findall(file.read(400).decode(errors="replace").lower()))
    except OSError:
        return set()


def _unreadable(path: Path, error: OSError) -> ProbeCannotTell:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return ProbeCannotTell(
            "no-report",
            f"there is no {path}",
            f"{path} がありません",
            remedy=Words(
                en="run the tests with a JUnit report: pytest --junitxml=REPORT.xml",
                ja="JUnit レポート付きでテストを実行してください: pytest --junitxml=REPORT.xml",
            ),
        )
    reason = "permission-denied" if isinstance(error, PermissionError) else "unreadable"
    return ProbeCannotTell(
        reason,
        f"{path} cannot be read: {error.strerror}",
        f"{path} を読めません: {error.strerror}",
        remedy=f"ls -ld {path}",
    )

"""Finds exceptions, errors and fatal lines in a log as it streams by, and groups what is the same.

Stack traces of Python, JavaScript, Java and its kin, and Go are taken together with the line above them. Two of
them are the same where exception and frames are, whatever numbers, ids and messages say; two lines are the same
where they differ in numbers, ids and quoted text alone. Memory is bounded whatever the log holds.
"""

import hashlib
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from ultra_checklist.model import Frozen
from ultra_checklist.probes.loglevels import KEPT, Rules, level_named
from ultra_checklist.probes.logtime import time_of

PIECE = 64 << 10
"""Bytes of a line that are looked at together; a longer one is looked at in pieces that overlap a little."""
OVERLAP = 256
MAX_KINDS = 200
MAX_RUN = 20
"""How many of one kind in a row are timed."""
MAX_FRAMES = 40
MAX_ABSORBED = 1000
MAX_CALL = 2000
"""Characters of a line in which a frame of Go is looked for; the search takes the square of that."""

_COLORS = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")
_TRACEBACK = "Traceback (most recent call last)"
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_THROWN = re.compile(
    r"(?:Uncaught |Unhandled |Exception in thread .{1,100}? )?"
    r"(?:[\w$]+\.)*[\w$]*(?:Error|Exception|Throwable)\b(?:$|[: \[])"
)
_GROUPED = re.compile(r"[\s|]+((?:\w+\.)*\w*(?:Error|Exception|Group)\b.*)")
_FRAME = re.compile(r"\s+at \S|\s*\.\.\. \d+ more|\s*(?:Caused by|Suppressed): ")
_AT = re.compile(r"\s+at \S")
_GO_HEAD = re.compile(r"\bpanic(?: serving \S+)?: |^fatal error: ")
_GO_CALL = re.compile(r"[\w./*()\-{}\[\]·@]+\(.*\)$")
_GO_MORE = ("\t", "goroutine ", "created by ", "[signal ", "exit status ")
_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_NUMBERED = re.compile(r"[+-]?\b\w*\d\w*(?:[.,:+-]\w*\d\w*)*")
_Shape = Literal["error", "python", "frames", "go"]


class Kind(Frozen):
    """Exceptions, errors or fatal lines that are the same: one example, how many, how close together."""

    id: str
    """Fingerprint."""
    first: str
    """The first line of the first one, cut."""
    cause: str = ""
    """The exception's own line of the first one, cut."""
    where: str
    count: int
    fatal: bool = False
    spans: list[float] = Field(default_factory=list)
    """In how many seconds 2, 3, 4 … of them came at least once."""


@dataclass
class _Event:
    first: str
    at: float | None
    shape: _Shape
    fatal: bool = False
    allowed: bool = False
    cause: str = ""
    frames: list[str] = field(default_factory=list)
    absorbed: int = 0
    open: bool = True
    """Python: the exception's own line is still to come."""
    grouped: bool = False
    chained: bool = False
    """Python: another traceback belongs to it."""

    def absorb(self, text: str, rules: Rules) -> None:
        self.absorbed += 1
        self.fatal = self.fatal or rules.is_fatal(text)
        self.allowed = self.allowed or rules.is_allowed(text)

    def frame(self, text: str) -> None:
        if len(self.frames) < MAX_FRAMES:
            self.frames.append(_like(text, quotes=False))

    @property
    def id(self) -> str:
        kind = _thrown(self.cause or self.first) if self.frames else _like(self.cause or self.first)
        return hashlib.sha256("\n".join((kind, *self.frames)).encode(errors="replace")).hexdigest()[:12]


class _Tally:
    def __init__(self, event: _Event, where: str) -> None:
        self.event, self.where, self.count = event, where, 0
        self.times: deque[float] = deque(maxlen=MAX_RUN)
        self.spans: list[float] = []

    def add(self, at: float | None) -> None:
        """One more. Where lines bear no time, or times go backward, they count as of one moment."""
        self.count += 1
        last = self.times[-1] if self.times else 0.0
        now = max(last, at) if at is not None else last
        for place, earlier in enumerate(reversed(self.times)):
            span = round(now - earlier, 3)
            if place < len(self.spans):
                self.spans[place] = min(self.spans[place], span)
            else:
                self.spans.append(span)
        self.times.append(now)

    def kind(self, key: str) -> Kind:
        event = self.event
        return Kind(
            id=key, first=event.first[:KEPT], cause=event.cause[:KEPT], where=self.where, count=self.count,
            fatal=event.fatal, spans=self.spans,
        )  # fmt: skip


class Reader:
    """What was found in all streams of a source."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.lines = 0
        self.other = 0
        """Events of more kinds than are kept."""
        self._tallies: dict[tuple[bool, str, str], _Tally] = {}

    def add(self, event: _Event, where: str) -> None:
        """Count an event that is over."""
        if event.allowed:
            return
        key = (event.fatal, event.id, where)
        if key not in self._tallies:
            if sum(fatal == event.fatal for fatal, _, _ in self._tallies) >= MAX_KINDS:
                self.other += 1
                return
            self._tallies[key] = _Tally(event, where)
        self._tallies[key].add(event.at)

    def kinds(self) -> list[Kind]:
        """Fatal ones first, then by number."""
        found = [tally.kind(key) for (_, key, _), tally in self._tallies.items()]
        return sorted(found, key=lambda kind: (not kind.fatal, -kind.count, kind.id))


class Stream:
    """One stream of lines, such as a file with those it was rotated to, or what one process wrote."""

    def __init__(self, reader: Reader, where: str) -> None:
        self._reader, self._rules, self._where = reader, reader.rules, where
        self._event: _Event | None = None
        self._previous = ""
        self._stamped = ""
        self._cutter = Cutter()

    def feed(self, data: bytes) -> None:
        """The next bytes of a text."""
        whole = self._cutter.feed(data)
        if whole:
            self._block(whole)

    def finish(self) -> None:
        """No more comes: a last line without a line feed counts too."""
        rest = self._cutter.finish()
        if rest:
            self._block(rest)
        self._close()

    def _block(self, whole: bytes) -> None:
        # NULs stand where a truncated file is written on behind its old end, and between the letters of UTF-16.
        data = whole.replace(b"\0", b"").replace(b"\r\n", b"\n")
        text = data.decode(errors="replace")
        if "\x1b" in text:
            text = _COLORS.sub("", text)
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        place = 0
        for number in self._rules.candidates(data, text):
            place = self._until(lines, place, number)
            if place == number < len(lines):
                self.line(lines[place])
                place += 1
        self._until(lines, place, len(lines))

    def _until(self, lines: list[str], place: int, end: int) -> int:
        """Read on to a line: what belongs to an event one by one, the rest at once. Gives where it is then."""
        while place < end and self._event is not None:
            self.line(lines[place])
            place += 1
        if place < end:
            self._reader.lines += end - place
            self._remember(lines[end - 1])
            return end
        return place

    def line(self, text: str, at: float | None = None, severity: str = "") -> None:
        """The next line; time and level are read from it where they are not given."""
        self._reader.lines += 1
        text = text.rstrip("\r")
        if "\x1b" in text:
            text = _COLORS.sub("", text)
        if self._event is not None and self._continues(self._event, text):
            self._event.absorb(text, self._rules)
            self._event.fatal = self._event.fatal or severity in self._rules.fatal_levels
            return
        self._close()
        rules = self._rules
        if not severity and not rules.may_begin(text):
            self._remember(text)
            return
        record = _json(text)
        self._event = self._from_json(record, text, at) if record is not None else self._begun(text, at, severity)
        if self._event is not None and rules.is_allowed(text):
            self._event.allowed = True
        if record is not None:
            self._close()
        self._remember(text)

    def _remember(self, text: str) -> None:
        self._previous = text
        if text[:1].isdigit() or text[:1] in "[{":
            self._stamped = text[:KEPT]

    def _close(self) -> None:
        if self._event is not None:
            self._reader.add(self._event, self._where)
            self._event = None

    def _begun(self, text: str, at: float | None, severity: str) -> _Event | None:
        rules = self._rules
        level = severity or rules.level(text)
        fatal = bool({severity, rules.level(text)} & rules.fatal_levels) or rules.is_fatal(text)
        moment = at if at is not None else time_of(text)
        if moment is None:
            moment = time_of(self._stamped)
        event = _Event(first=text, at=moment, shape="error", fatal=fatal)
        if _TRACEBACK in text:
            event.shape, event.grouped = "python", "Group" in text
        elif _FRAME.match(text) and self._previous.strip():
            event.first = event.cause = self._previous
            event.shape = "frames"
            event.frame(text)
        elif level in ("", "ERROR") and _THROWN.match(text):
            event.shape, event.cause = "frames", text
        elif level not in ("TRACE", "DEBUG", "INFO", "NOTICE", "WARNING") and _GO_HEAD.search(text):
            event.shape, event.cause = "go", text
        elif text.startswith("goroutine ") and text.endswith("]:"):
            event.shape = "go"
        elif not fatal and level not in rules.levels:
            return None
        return event

    def _from_json(self, record: dict[str, Any], text: str, at: float | None) -> _Event | None:
        """One line of a structured log: level, message and stack by the names that common loggers write."""
        rules = self._rules
        level = level_named(_first(record, "level", "levelname", "severity", "lvl", "log.level"))
        message = str(_first(record, "message", "msg", "event") or text)
        stack = str(_first(record, "exc_info", "exception", "stack", "stack_trace", "error.stack_trace") or "")
        inner: dict[str, Any] = next(
            (record[name] for name in ("err", "error") if isinstance(record.get(name), dict)), {}
        )
        stack = stack or str(_first(inner, "stack", "stacktrace") or "")
        fatal = level in rules.fatal_levels or rules.is_fatal(text)
        if not fatal and level not in rules.levels and "\n" not in stack:
            return None
        event = _Event(first=message, at=at if at is not None else time_of(text), shape="error", fatal=fatal)
        for line in stack.splitlines():
            if self._continues(event, line):
                event.absorb(line, rules)
        return event

    def _continues(self, event: _Event, text: str) -> bool:
        """Whether a line belongs to an event; takes what the event must know of it."""
        if event.absorbed >= MAX_ABSORBED:
            return False
        blank, indented = not text.strip(), text[:1] in (" ", "\t")
        match event.shape:
            case "python":
                return _python(event, text, blank=blank, indented=indented, rules=self._rules)
            case "go":
                if not indented and _GO_CALL.match(text[:MAX_CALL]):
                    event.frame(text.split("(")[0] if not text.startswith("(") else text)
                    return True
                if text.startswith("panic: "):
                    return not event.frames
                return blank or text.startswith(_GO_MORE)
        if _TRACEBACK in text and (indented or time_of(text[:40]) is None):
            event.shape, event.open, event.grouped = "python", True, "Group" in text
            return True
        if _FRAME.match(text):
            event.shape = "frames"
            event.frame(text if _AT.match(text) else _thrown(text))
            return True
        if event.shape == "error" and not event.cause and _THROWN.match(text):
            event.shape, event.cause = "frames", text
            return True
        if text == "}" and event.shape == "frames":
            return True
        return indented and not blank and not self._rules.level(text) and time_of(text[:40]) is None


def _python(event: _Event, text: str, *, blank: bool, indented: bool, rules: Rules) -> bool:
    if _TRACEBACK in text:
        # Without the words in between it is another one that follows at once.
        more, event.chained = event.chained or (event.open and indented), False
        event.open = event.open or more
        return more
    if not event.open:
        if text.startswith(_CHAINED):
            event.chained = True
            return True
        return blank
    if indented or blank:
        inside = _GROUPED.match(text) if event.grouped else None
        if inside and not event.cause:
            event.cause = inside.group(1)
        if text.lstrip(" |").startswith('File "'):
            event.frame(text)
        return time_of(text[:40]) is None or text.lstrip(" |").startswith('File "')
    if event.grouped or time_of(text[:40]) is not None or rules.level(text):
        return False
    event.cause, event.open = text, False
    return True


class Cutter:
    """Cuts a stream of bytes where lines end; a line that is too long is cut into overlapping pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """What is whole by now, with its line feed; empty: nothing is."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        if not end and len(data) > PIECE:
            self._rest = data[-OVERLAP:]
            return data
        self._rest = data[end:]
        return data[:end]

    def finish(self) -> bytes:
        """What is left."""
        rest, self._rest = self._rest, b""
        return rest

    def lines(self, data: bytes) -> Iterator[str]:
        """The whole lines by now, as text."""
        whole = self.feed(data)
        if whole:
            yield from whole.decode(errors="replace").removesuffix("\n").split("\n")


def _json(text: str) -> dict[str, Any] | None:
    if not (text.startswith("{") and text.rstrip().endswith("}")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _first(record: dict[str, Any], *names: str) -> Any:
    return next((record[name] for name in names if record.get(name) not in (None, "")), None)


def _like(text: str, *, quotes: bool = True) -> str:
    """A line without what differs from one time to the next."""
    text = _UUID.sub("#", text[:2000])
    if quotes:
        text = _QUOTED.sub("''", text)
    return _NUMBERED.sub("#", text).strip()


def _thrown(text: str) -> str:
    """The name of what was thrown; the whole line, without what differs, where that cannot be told."""
    name = text.strip().removeprefix("Caused by: ").removeprefix("Suppressed: ").split(":")[0]
    return name if re.fullmatch(r"[\w.$ ]{1,200}", name) and not re.search(r"\d", name) else _like(text)

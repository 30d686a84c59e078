"""What counts in a log: levels as loggers write them, patterns that are fatal, patterns that may be there."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import AnyStr

KEPT = 300
"""Characters kept of a line, and looked at for its level."""
_SAME_LEVEL = {"WARN": "WARNING", "ERR": "ERROR", "CRIT": "CRITICAL", "EMERG": "EMERGENCY"}
_WORDS = (
    "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERR", "ERROR", "SEVERE", "CRIT", "CRITICAL", "FATAL",
    "ALERT", "EMERG", "EMERGENCY", "PANIC",
)  # fmt: skip
_PINO = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARNING", 50: "ERROR", 60: "FATAL"}
"""Numbers that pino and bunyan write for levels."""
SYSLOG = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG")
"""Levels by number, as in RFC 5424, 6.2.1; the journal's PRIORITY."""
_TRACES = (
    "traceback", "error", "exception", "throwable", "panic", "goroutine ", "    at ", "\tat ",
    '"level":5', '"level":6', '"level": 5', '"level": 6',
)  # fmt: skip
"""What stands in every line with which a stack trace or an error may begin, besides the names of levels."""
_OF_THE_WHOLE = re.compile(r"\\[AZ]|\(\?<!")
"""What means something else in a text of many lines than in each of them."""


@dataclass(frozen=True)
class Rules:
    """What counts."""

    levels: frozenset[str]
    fatal_levels: frozenset[str]
    fatal: tuple[re.Pattern[str], ...] = ()
    allow: tuple[re.Pattern[str], ...] = ()
    words: re.Pattern[str] = field(init=False)
    hints: tuple[bytes, ...] = field(init=False)
    """In small letters; a line in which none of them stands, and no pattern of ours, begins nothing."""
    _wide: tuple[re.Pattern[str], ...] | None = field(init=False)
    """The fatal patterns for many lines at once; None: they must be tried line by line."""

    def __post_init__(self) -> None:
        known = sorted({*_WORDS, *self.levels, *self.fatal_levels}, key=lambda word: -len(word))
        word = "|".join(re.escape(one) for one in known)
        # A bare word counts in capitals alone; "error" in running text is none, "[error]" and "level=error" are.
        pattern = (
            rf"(?<![A-Za-z])({word})(?![A-Za-z])|[\[<(]\s?((?i:{word}))\s?[\])>]"
            rf"|(?i:\b(?:level|lvl|severity)[\"']?\s?[=:]\s?[\"']?({word})\b)"
        )
        object.__setattr__(self, "words", re.compile(pattern))
        wanted = self.levels | self.fatal_levels
        names = wanted | {short for short, long in _SAME_LEVEL.items() if long in wanted}
        hints = {name.encode().lower() for name in (*names, *_TRACES)}
        shortest = sorted(h for h in hints if not any(other in h for other in hints - {h}))
        object.__setattr__(self, "hints", tuple(shortest))
        whole = any(_OF_THE_WHOLE.search(one.pattern) or one.flags & re.DOTALL for one in self.fatal)
        wide = tuple(re.compile(one.pattern, one.flags | re.MULTILINE) for one in self.fatal)
        object.__setattr__(self, "_wide", None if whole else wide)

    def level(self, text: str) -> str:
        """The level of a line: the first word in its beginning that is one; empty where none is."""
        found = self.words.search(text, 0, KEPT)
        return level_named(next(filter(None, found.groups()))) if found else ""

    def is_fatal(self, text: str) -> bool:
        """Whether a pattern says that this line is fatal."""
        return any(pattern.search(text) for pattern in self.fatal)

    def may_begin(self, text: str) -> bool:
        """Whether something that counts may begin with this line."""
        low = text.encode(errors="replace").lower()
        return any(hint in low for hint in self.hints) or self.is_fatal(text)

    def candidates(self, data: bytes, text: str) -> list[int]:
        """Numbers of the lines of a text with which something that counts may begin; ``data`` is the same."""
        if self._wide is None:
            return list(range(text.count("\n") + 1))
        found: set[int] = set()
        low = data.lower()
        for hint in self.hints:
            found.update(_lines_with(low, b"\n", partial(low.find, hint)))
        for pattern in self._wide:
            found.update(_lines_with(text, "\n", partial(_start, pattern, text)))
        return sorted(found)

    def is_allowed(self, text: str) -> bool:
        """Whether this line may be there."""
        return any(pattern.search(text) for pattern in self.allow)


def _start(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.search(text, place)
    return -1 if found is None else found.start()


def _lines_with(text: AnyStr, end: AnyStr, find: Callable[[int], int]) -> Iterator[int]:
    """Numbers of the lines in which something is found from a place on."""
    number = place = 0
    while (at := find(place)) >= 0:
        number += text.count(end, place, at)
        yield number
        place = text.find(end, at) + 1
        if not place:
            return
        number += 1


def compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    """Regular expressions, ready to use."""
    return tuple(re.compile(pattern) for pattern in patterns)


def level_named(value: object) -> str:
    """A level as we write it, from a logger's word or number; empty where it is none."""
    if isinstance(value, int):
        return _PINO.get(value, "")
    text = str(value or "").upper()
    return _SAME_LEVEL.get(text, text)

"""What counts in a log: levels as loggers write them, patterns that are fatal, patterns that may be there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

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
    "Traceback", "Error", "Exception", "Throwable", "panic", "fatal error", "goroutine ", "    at ", "\tat ",
    '"level":5', '"level":6', '"level": 5', '"level": 6',
)  # fmt: skip
"""What stands in every line with which a stack trace or an error may begin, besides the names of levels."""


@dataclass(frozen=True)
class Rules:
    """What counts."""

    levels: frozenset[str]
    fatal_levels: frozenset[str]
    fatal: tuple[re.Pattern[str], ...] = ()
    allow: tuple[re.Pattern[str], ...] = ()
    words: re.Pattern[str] = field(init=False)
    hints: tuple[str, ...] = field(init=False)

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
        hints = {form for name in names for form in (name, name.lower(), name.title())}
        object.__setattr__(self, "hints", (*hints, *_TRACES))

    def level(self, text: str) -> str:
        """The level of a line: the first word in its beginning that is one; empty where none is."""
        found = self.words.search(text, 0, KEPT)
        return level_named(next(filter(None, found.groups()))) if found else ""

    def is_fatal(self, text: str) -> bool:
        """Whether a pattern says that this line is fatal."""
        return any(pattern.search(text) for pattern in self.fatal)

    def is_allowed(self, text: str) -> bool:
        """Whether this line may be there."""
        return any(pattern.search(text) for pattern in self.allow)


def compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    """Regular expressions, ready to use."""
    return tuple(re.compile(pattern) for pattern in patterns)


def level_named(value: object) -> str:
    """A level as we write it, from a logger's word or number; empty where it is none."""
    if isinstance(value, int):
        return _PINO.get(value, "")
    text = str(value or "").upper()
    return _SAME_LEVEL.get(text, text)

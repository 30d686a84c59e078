"""Commits that an answer names: under telling keys of its JSON, else anywhere in its text. Pure."""

import re
from collections.abc import Iterator
from typing import Any

_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{7,40}(?![0-9A-Za-z])")
_KEYS = re.compile(r"(git_?)?(commit|sha|rev|revision|hash)(_?(id|sha|hash))?|version|build|release", re.IGNORECASE)


def named(data: Any, text: str) -> Iterator[str]:
    """What looks like a commit in an answer: under telling keys, else anywhere in its text as a word of its own."""
    found = list(_under_keys(data))
    yield from found
    if not found:
        # A number alone is rather a time or a count; a commit all but always has a letter too.
        yield from (word for word in _HEX.findall(text) if re.search("[0-9]", word) and re.search("[a-f]", word))


def same(found: str, wanted: str) -> bool:
    """Whether two commits, of which either may be abbreviated, are one."""
    return found.startswith(wanted) or wanted.startswith(found)


def _under_keys(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if isinstance(value, str) and _KEYS.fullmatch(key):
                yield from _HEX.findall(value.lower())
            else:
                yield from _under_keys(value)
    elif isinstance(data, list):
        for value in data:
            yield from _under_keys(value)

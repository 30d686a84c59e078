"""Changes to the lines of a text: carried out, or as a unified diff that `git apply` and `patch -p1` take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CONTEXT = 3
"""Lines around a change."""
NO_END = "\\ No newline at end of file\n"


@dataclass(frozen=True)
class Edit:
    """From ``line`` on so many old lines go, and others come. Lines are counted from 0 and bear their ends."""

    line: int
    gone: int
    fresh: tuple[str, ...]


def applied(lines: Sequence[str], edits: Sequence[Edit]) -> str:
    """The text with all edits, which are in order and do not overlap."""
    found: list[str] = []
    at = 0
    for edit in edits:
        found += [*lines[at : edit.line], *edit.fresh]
        at = edit.line + edit.gone
    return "".join([*found, *lines[at:]])


def unified(lines: Sequence[str], edits: Sequence[Edit], name: str) -> str:
    """The same as a unified diff; empty where there is no edit."""
    if not edits:
        return ""
    tab = "\t" if any(char.isspace() for char in name) else ""
    parts = [f"--- a/{name}{tab}\n", f"+++ b/{name}{tab}\n"]
    grown = 0
    for group in _groups(edits):
        first = max(0, group[0].line - CONTEXT)
        last = min(len(lines), group[-1].line + group[-1].gone + CONTEXT)
        more = sum(len(edit.fresh) - edit.gone for edit in group)
        old = _span(first, last - first)
        new = _span(first + grown, last - first + more)
        parts.append(f"@@ -{old} +{new} @@\n")
        parts += _hunk(lines, group, first, last)
        grown += more
    return "".join(parts)


def _groups(edits: Sequence[Edit]) -> Iterator[list[Edit]]:
    """Edits whose surroundings touch, together."""
    group: list[Edit] = []
    for edit in edits:
        if group and edit.line - (group[-1].line + group[-1].gone) > 2 * CONTEXT:
            yield group
            group = []
        group.append(edit)
    yield group


def _hunk(lines: Sequence[str], group: Sequence[Edit], first: int, last: int) -> Iterator[str]:
    at = first
    for edit in group:
        yield from (_marked(" ", line) for line in lines[at : edit.line])
        at = edit.line + edit.gone
        yield from (_marked("-", line) for line in lines[edit.line : at])
        yield from (_marked("+", line) for line in edit.fresh)
    yield from (_marked(" ", line) for line in lines[at:last])


def _marked(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{NO_END}"


def _span(start: int, count: int) -> str:
    """Where a hunk stands; an empty one stands behind a line."""
    return f"{start + 1 if count else start},{count}"

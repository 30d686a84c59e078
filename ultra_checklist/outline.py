"""What a Markdown document says as a checklist, a template or not: headings and lines, and where they stand.

Boxes in bulleted and numbered lists, at any depth, are its lines; where there is not one box, all bullets are that
have none below them. Lines are counted from 0, as they stand in the file.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from ultra_checklist import yamldoc
from ultra_checklist.template import plain

ASIDE = 7
"""The level of what only looks like a heading: a bold line, a short one that ends in a colon or says "if"."""
MAX_ASIDE = 60
"""Characters of such a line; a longer one is a sentence."""
_LINES = re.compile(r"[^\n]*\n|[^\n]+$")
_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_PREFIX = re.compile(r"[ \t]*(?:(?:>[ \t]?|(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$))[ \t]*)+")
_BOX = re.compile(r"\[([ xX])\](?:\s+|$)")
_MEANT = re.compile(r"[:：]$|(?:場合は?|とき|際)$|^if\b", re.IGNORECASE)
_ONLY_LINK = re.compile(r"\[[^\]]*\]\([^)]*\)\s*")


@dataclass(frozen=True)
class Heading:
    """A heading, or a line that is meant as one."""

    line: int
    end: int
    """The line behind it."""
    level: int
    title: str
    has_block: bool = False
    """A ``yaml section`` block stands below it."""
    data: dict[str, Any] = field(default_factory=dict)
    """What is in that block."""


@dataclass(frozen=True)
class Entry:
    """One line of the checklist."""

    line: int
    end: int
    """The line behind its own text."""
    title: str
    markdown: str
    """Its text with the marks, without the box."""
    head: str
    """What stands before its text in its first line, without the box."""
    box: str
    """What is in its box; empty: it has none."""
    top: int
    """Where the outermost list that it is in has the line that holds it."""
    trail: tuple[Heading, ...]
    """The headings above it, the outermost first."""
    around: tuple[str, ...] = ()
    """The titles of the lines that it is nested in."""
    fence: int | None = None
    """Where its ``yaml check`` block begins."""
    data: dict[str, Any] = field(default_factory=dict)
    """What is in that block."""

    @property
    def indent(self) -> str:
        """What stands before everything else that belongs to it."""
        return re.sub(r"[^>\s]", " ", self.head)

    @property
    def section(self) -> Heading | None:
        """The ``##`` heading above it."""
        return next((heading for heading in self.trail if heading.level == 2), None)


@dataclass(frozen=True)
class Outline:
    """A document taken apart."""

    lines: tuple[str, ...]
    """With their ends; a byte order mark is not a part of the first one."""
    bom: bool
    front: int
    """How many lines its front matter has; 0: there is none."""
    head: dict[str, Any] | None
    """What is in the front matter; None: it is none of a template's."""
    headings: tuple[Heading, ...]
    entries: tuple[Entry, ...]

    @property
    def ending(self) -> str:
        """How its lines end."""
        return "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"


@dataclass
class _Walk:
    """What one walk over the tokens collects."""

    lines: tuple[str, ...]
    headings: list[Heading] = field(default_factory=list)
    trail: list[Heading] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    """For every list item that is open the place of its entry; -1: it has none."""
    top: int = 0
    """Where the outermost one of them begins."""
    parents: set[int] = field(default_factory=set)


def read(text: str) -> Outline:
    """Take a document apart. Never raises for what is in the text."""
    from markdown_it import MarkdownIt

    body = text.removeprefix("\ufeff")
    lines = tuple(_LINES.findall(body))
    normal = body.replace("\r\n", "\n")
    front = _FRONT.match(normal)
    skipped, head = 0, None
    if front is not None:
        skipped = front.group(0).count("\n")
        data = yamldoc.load(front.group(1), 2).data
        head = data if isinstance(data, dict) and "checklist" in data else None
        normal = "\n" * skipped + normal[front.end() :]
    walk = _Walk(lines)
    tokens = MarkdownIt("commonmark").enable("table").parse(normal)
    for index, token in enumerate(tokens):
        _step(tokens, index, token, walk)
    boxes = any(entry.box for entry in walk.entries)
    kept = tuple(
        entry
        for place, entry in enumerate(walk.entries)
        if (entry.box if boxes else place not in walk.parents and not _ONLY_LINK.fullmatch(entry.markdown))
    )
    return Outline(lines, body != text, skipped, head, tuple(walk.headings), kept)


def _step(tokens: list[Any], index: int, token: Any, walk: _Walk) -> None:
    if token.type == "list_item_open":
        walk.parents.update(walk.open[-1:])
        walk.top = walk.top if walk.open else token.map[0]
        walk.open.append(-1)
        if tokens[index + 1].type == "paragraph_open":
            _entry(tokens[index + 2], walk)
    elif token.type == "list_item_close":
        walk.open.pop()
    elif token.type == "heading_open":
        _heading(tokens[index + 1], token, int(token.tag[1]), walk)
    elif token.type == "paragraph_open" and not walk.open and _is_aside(tokens[index + 1]):
        _heading(tokens[index + 1], token, ASIDE, walk)
    elif token.type == "fence":
        _fence(token, walk)


def _heading(inline: Any, token: Any, level: int, walk: _Walk) -> None:
    found = Heading(token.map[0], token.map[1], level, plain(inline))
    walk.headings.append(found)
    walk.trail = [heading for heading in walk.trail if heading.level < level or (heading.level == 2 > level)]
    walk.trail.append(found)


def _is_aside(inline: Any) -> bool:
    words = plain(inline)
    children = [child for child in inline.children or [] if child.content or child.type != "text"]
    bold = bool(children) and children[0].type == "strong_open" and children[-1].type == "strong_close"
    return 0 < len(words) <= MAX_ASIDE and (bold or _MEANT.search(words) is not None) and "\n" not in inline.content


def _entry(inline: Any, walk: _Walk) -> None:
    first = walk.lines[inline.map[0]]
    prefix = _PREFIX.match(first)
    box = _BOX.match(inline.content)
    around = tuple(walk.entries[place].title for place in walk.open if place >= 0)
    walk.open[-1] = len(walk.entries)
    walk.entries.append(
        Entry(
            line=inline.map[0],
            end=inline.map[1],
            title=_BOX.sub("", plain(inline), count=1).strip(),
            markdown=_BOX.sub("", inline.content, count=1),
            head=prefix.group(0) if prefix is not None else "",
            box=box.group(1) if box is not None else "",
            top=walk.top,
            trail=tuple(walk.trail),
            around=around,
        )
    )


def _fence(token: Any, walk: _Walk) -> None:
    """Note the configuration blocks; every other fence is prose."""
    words = token.info.split()
    if len(words) != 2 or words[0] not in ("yaml", "yml"):
        return
    data = yamldoc.load(token.content, token.map[0] + 2).data
    data = data if isinstance(data, dict) else {}
    place = walk.open[-1] if walk.open else -1
    if words[1] == "check" and place >= 0:
        walk.entries[place] = replace(walk.entries[place], fence=token.map[0], data=data)
    elif words[1] == "section" and walk.trail:
        section = next((heading for heading in walk.trail if heading.level == 2), None)
        if section is not None:
            fresh = replace(section, has_block=True, data=data)
            walk.trail = [fresh if heading is section else heading for heading in walk.trail]
            walk.headings[walk.headings.index(section)] = fresh

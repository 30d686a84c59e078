"""Helps with a template: writes missing ids in, and compares it with the team's own document."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ultra_checklist.model import Item, Template
from ultra_checklist.template import is_task, parse, plain
from ultra_checklist.words import Words

SIMILAR = 0.6
"""From this ratio on two lines are the same item in other words."""

_WORD = re.compile(r"[a-z][a-z0-9]*")
_BOX = re.compile(r"^(\s*(?:[-*+]|\d+[.)])\s+)\[[ xX]\]")
_BOX_TEXT = re.compile(r"^\[[ xX]\]\s*")
_FENCE = re.compile(r"^(\s*)```ya?ml check\s*$")


_DIFFERENCES = {
    "added": Words(en="{here}: only in the template: {ours}", ja="{here}: テンプレートにだけあります: {ours}"),
    "removed": Words(en="{there}: only in the document: {theirs}", ja="{there}: 文書にだけあります: {theirs}"),
    "moved": Words(
        en="{here}: at another place than {there}: {ours}", ja="{here}: {there} と位置が異なります: {ours}"
    ),
    "reworded": Words(
        en="{here}: reworded against {there}:\n  - {theirs}\n  + {ours}",
        ja="{here}: {there} と文言が異なります:\n  - {theirs}\n  + {ours}",
    ),
}


@dataclass(frozen=True)
class Difference:
    """One line in which a template and a document differ. A line number of 0 means: not there."""

    kind: str
    """``added`` to the template, ``removed`` from it, ``reworded`` or ``moved``."""
    item: str
    template_line: int
    document_line: int
    ours: str
    theirs: str
    template_path: str
    document_path: str

    @property
    def words(self) -> Words:
        """The difference as people read it."""
        return _DIFFERENCES[self.kind].filled(
            here=f"{self.template_path}:{self.template_line}",
            there=f"{self.document_path}:{self.document_line}",
            ours=self.ours,
            theirs=self.theirs,
        )


def fix(text: str, *, path: str) -> str:
    """The text with an id for every item that has none; nothing else changes. Raises TemplateError."""
    template = parse(text, path=path, require_ids=False)
    taken = {item.id for item in template.items if item.id}
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for item in reversed(template.items):
        if not item.id:
            fresh = _fresh_id(item, taken)
            taken.add(fresh)
            _write_id(lines, item.line - 1, fresh, ending)
    return "".join(lines)


def against(template: Template, document: str, *, path: str) -> list[Difference]:
    """How the items of a template differ from the task list of a document; white space does not count."""
    theirs = _tasks(document)
    ours = [(item.title, item.line, item.id) for item in template.items]
    matcher = SequenceMatcher(
        a=[_squeeze(t) for t, _ in theirs], b=[_squeeze(t) for t, _, _ in ours], autojunk=False
    )
    gone: list[tuple[str, int]] = []
    fresh: list[tuple[str, int, str]] = []
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag != "equal":
            gone += theirs[a1:a2]
            fresh += ours[b1:b2]
    return _pair(gone, fresh, template.path, path)


def _pair(
    gone: list[tuple[str, int]], fresh: Sequence[tuple[str, int, str]], template_path: str, path: str
) -> list[Difference]:
    """Match what is left by likeness: equal is moved, similar is reworded, the rest is added or removed."""
    found: list[Difference] = []
    rest = list(gone)
    for ours, line, item in fresh:
        best = max(rest, key=lambda entry: _likeness(ours, entry[0]), default=None)
        ratio = _likeness(ours, best[0]) if best is not None else 0.0
        if best is not None and ratio >= SIMILAR:
            rest.remove(best)
            kind = "moved" if ratio == 1.0 else "reworded"
            found.append(Difference(kind, item, line, best[1], ours, best[0], template_path, path))
        else:
            found.append(Difference("added", item, line, 0, ours, "", template_path, path))
    found += [Difference("removed", "", 0, line, "", text, template_path, path) for text, line in rest]
    return sorted(found, key=lambda d: (d.template_line or d.document_line, d.document_line))


def _tasks(document: str) -> list[tuple[str, int]]:
    """The task-list lines of a document with their line numbers."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(document.removeprefix("\ufeff"))
    found = []
    for index, token in enumerate(tokens):
        if token.type == "list_item_open" and index + 2 < len(tokens):
            inline = tokens[index + 2]
            if tokens[index + 1].type == "paragraph_open" and is_task(inline):
                found.append((_BOX_TEXT.sub("", plain(inline)), (inline.map or [0])[0] + 1))
    return found


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(a=_squeeze(one), b=_squeeze(other), autojunk=False).ratio()


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _fresh_id(item: Item, taken: set[str]) -> str:
    words = _WORD.findall(item.title.lower())
    slug = "-".join(dict.fromkeys(words))[:40].strip("-")
    # Words that YAML takes for something else than text need company.
    base = f"item-{slug}" if slug in ("true", "false", "null") else slug or f"{item.section}-{item.order}"
    number, name = 2, base
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _write_id(lines: list[str], at: int, name: str, ending: str) -> None:
    """Put an id into the item's block, or a block below the item."""
    box = _BOX.match(lines[at])
    if box is None:
        return
    indent = " " * len(box.group(1))
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _BOX.match(lines[end]):
        fence = _FENCE.match(lines[end].rstrip("\r\n"))
        if fence is not None:
            lines.insert(end + 1, f"{fence.group(1)}id: {name}{ending}")
            return
        if not lines[end].startswith(" "):
            break
        end += 1
    if not lines[end - 1].endswith(("\n", "\r")):
        lines[end - 1] += ending
    lines[end:end] = [f"{indent}```yaml check{ending}", f"{indent}id: {name}{ending}", f"{indent}```{ending}"]

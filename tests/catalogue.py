"""Everything that the package says to people, gathered from its source: each message in both languages.

Messages stand beside the code that says them, so that whoever changes one sees the other. Here they are brought
together, to be read as a whole and to be held to the same rules.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "ultra_checklist"
ISLANDS = ("server", "demo")
"""They say what Notion says, and what a pretend production says: in the language of those."""
JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff]")
GAP = "{}"


@dataclass(frozen=True)
class Message:
    """One thing that is said. Each gap is ``{}`` or ``{name}``."""

    module: str
    line: int
    en: str
    ja: str


@cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    """The modules that speak to people, by dotted name."""
    return tuple(_sources())


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in ISLANDS:
            yield ".".join(parts), ast.parse(path.read_text(encoding="utf-8"))


def messages() -> Iterator[Message]:
    """All messages in the order of the source."""
    for module, tree in sources():
        found = [message for node in ast.walk(tree) for message in _said(module, node)]
        yield from sorted(found, key=lambda message: message.line)


def text(node: ast.expr | None) -> str | None:
    """A literal text with its gaps; None: it is put together elsewhere."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(GAP if isinstance(part, ast.FormattedValue) else str(text(part)) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text(node.left), text(node.right)
        return None if left is None and right is None else (left or GAP) + (right or GAP)
    return None


def name_of(node: ast.expr) -> str:
    """The last name of what is called."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _said(module: str, node: ast.AST) -> Iterator[Message]:
    if not isinstance(node, ast.Call):
        return
    if name_of(node.func) == "Words":
        given = {word.arg: text(word.value) for word in node.keywords}
        en, ja = given.get("en"), given.get("ja")
        if en is not None and ja is not None:
            yield Message(module, node.lineno, en, ja)
        return
    told = [text(argument) for argument in node.args]
    for en, ja in pairwise(told):
        # Errors take both languages one after the other.
        if en and ja and JAPANESE.search(ja) and not JAPANESE.search(en):
            yield Message(module, node.lineno, en, ja)

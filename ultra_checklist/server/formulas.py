"""Formulas: a small part of Notion's language (formula 2.0), read once and worked out for each page.

Literals, ``prop("Name")``, ``+ - * / % ^``, comparisons, ``and or not`` (also ``&& || !``), ``a ? b : c``,
parentheses, ``x.f(y)`` for ``f(x, y)``, and the functions of ``FUNCTIONS``. What else Notion knows is taken, and
answered as ``unsupported``; what is no formula is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ultra_checklist.server.operands import FUNCTIONS, Room, Unsupported, combined, holds, number

DEEPEST: Final = 40
"""Levels of parentheses and calls; signs and calls in a row."""


class SyntaxFault(Exception):
    """It is no formula."""


Node = Callable[[Room], Any]


@dataclass(frozen=True)
class Formula:
    """A formula that was read, and the names of the properties that it asks for."""

    node: Node
    names: tuple[str, ...]

    def value(self, room: Room) -> Any:
        """Work it out. Raises Unsupported."""
        return self.node(room)


def read(text: str) -> Formula:
    """Read a formula. Raises SyntaxFault."""
    reader = _Reader(_tokens(text))
    node = reader.whole()
    return Formula(node, tuple(dict.fromkeys(reader.names)))


def understood(text: str) -> Formula | None:
    """The same of one that was stored; None: it cannot be read. An empty one is an empty text."""
    try:
        return read(text) if text.strip() else Formula(_constant(""), ())
    except SyntaxFault:
        return None


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<name>[A-Za-z_]\w*)
        |(?P<sign>==|!=|>=|<=|&&|\|\||[-+*/%^<>!?:(),.\[\]]))""",
    re.VERBOSE | re.DOTALL,
)
_END: Final = ("end", "")
_WORDS: Final = {"&&": "and", "||": "or", "!": "not"}


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise SyntaxFault(f"unexpected character at {place}")
        sign = match[match.lastgroup]
        found.append((match.lastgroup, _WORDS.get(sign, sign)))
        place = match.end()
    return [*found, _END]


class _Reader:
    """Recursive descent, one method a level: the loosest first."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self.names: list[str] = []

    def whole(self) -> Node:
        node = self._choice()
        if self._now != _END:
            raise SyntaxFault(f"unexpected {self._now[1]}")
        return node

    @property
    def _now(self) -> tuple[str, str]:
        return self._tokens[self._place]

    def _takes(self, *signs: str) -> str:
        """The next sign, if it is one of these."""
        kind, text = self._now
        if kind == "text" or text not in signs:
            return ""
        self._place += 1
        return text

    def _needs(self, sign: str) -> None:
        if not self._takes(sign):
            raise SyntaxFault(f"expected {sign}, found {self._now[1] or 'the end'}")

    def _choice(self) -> Node:
        self._depth += 1
        self._bounded(self._depth)
        node = self._chain(0)
        if self._takes("?"):
            yes = self._choice()
            self._needs(":")
            no, asked = self._choice(), node
            node = lambda room: yes(room) if holds(asked(room)) else no(room)  # noqa: E731 - a node like all others
        self._depth -= 1
        return node

    def _chain(self, level: int) -> Node:
        """Operators of one level, from left to right."""
        if level == len(_LEVELS):
            return self._sign()
        first = self._chain(level + 1)
        rest: list[tuple[str, Node]] = []
        while sign := self._takes(*_LEVELS[level]):
            rest.append((sign, self._chain(level + 1)))
        return _row(first, rest) if rest else first

    def _sign(self) -> Node:
        signs: list[str] = []
        while sign := self._takes("-", "+", "not"):
            signs.append(sign)
            self._bounded(len(signs))
        node = self._power()
        for sign in reversed(signs):
            node = _one(sign, node)
        return node

    def _power(self) -> Node:
        node = self._dotted()
        if not self._takes("^"):
            return node
        self._depth += 1
        self._bounded(self._depth)
        raised = self._sign()
        self._depth -= 1
        return _row(node, [("^", raised)])

    def _bounded(self, depth: int) -> None:
        if depth > DEEPEST:
            raise SyntaxFault("nested too deeply")

    def _dotted(self) -> Node:
        node, calls = self._atom(), 0
        while self._takes("."):
            calls += 1
            self._bounded(calls)
            kind, name = self._now
            if kind != "name":
                raise SyntaxFault("expected a function after the dot")
            self._place += 1
            self._needs("(")
            node = _call(name, [node, *self._arguments(")")])
        return node

    def _atom(self) -> Node:
        kind, text = self._now
        self._place += 1
        if kind == "number":
            return _constant(float(text))
        if kind == "text":
            return _constant(_unquoted(text))
        if text == "(":
            node = self._choice()
            self._needs(")")
            return node
        if text == "[":
            self._arguments("]")
            return _unsupported
        if kind != "name":
            raise SyntaxFault(f"unexpected {text or 'end'}")
        if text in ("true", "false"):
            return _constant(text == "true")
        if not self._takes("("):
            return _unsupported
        if text == "prop" and self._now[0] == "text":
            return self._property()
        return _call(text, self._arguments(")"))

    def _property(self) -> Node:
        name = _unquoted(self._now[1])
        self._place += 1
        self._needs(")")
        self.names.append(name)
        return lambda room: room.prop(name)

    def _arguments(self, end: str) -> list[Node]:
        found: list[Node] = []
        if self._takes(end):
            return found
        while True:
            found.append(self._choice())
            if not self._takes(","):
                self._needs(end)
                return found


_LEVELS: Final = (("or",), ("and",), ("==", "!="), (">", ">=", "<", "<="), ("+", "-"), ("*", "/", "%"))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)


def _constant(value: Any) -> Node:
    return lambda _room: value


def _unsupported(_room: Room) -> Any:
    raise Unsupported("not known here")


def _one(sign: str, node: Node) -> Node:
    if sign == "not":
        return lambda room: not holds(node(room))
    return lambda room: -number(node(room)) if sign == "-" else number(node(room))


def _row(first: Node, rest: list[tuple[str, Node]]) -> Node:
    """Values with operators of one level between them."""

    def node(room: Room) -> Any:
        value = first(room)
        for sign, part in rest:
            room.step()
            if sign not in ("and", "or"):
                value = combined(sign, value, part(room))
            elif holds(value) is (sign == "and"):
                value = holds(part(room))
            else:
                value = holds(value)
        return value

    return node


def _call(name: str, arguments: list[Node]) -> Node:
    if name in ("if", "ifs"):
        return _chosen(name, arguments)
    if name not in FUNCTIONS:
        return _unsupported
    least, most, work = FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        raise SyntaxFault(f"{name} takes another number of arguments")

    def node(room: Room) -> Any:
        room.step()
        return work(room, *(argument(room) for argument in arguments))

    return node


def _chosen(name: str, arguments: list[Node]) -> Node:
    """The first branch whose condition holds; no other one is worked out."""
    if len(arguments) < 2 or (name == "if" and len(arguments) != 3):
        raise SyntaxFault(f"{name} takes another number of arguments")
    pairs = list(zip(arguments[0::2], arguments[1::2], strict=False))
    otherwise = arguments[-1] if len(arguments) % 2 else _constant(None)

    def node(room: Room) -> Any:
        room.step()
        return next((then for asked, then in pairs if holds(asked(room))), otherwise)(room)

    return node

"""Formulas: a small part of Notion's language (formula 2.0), read once and worked out for each page.

Literals, ``prop("Name")``, ``+ - * / % ^``, comparisons, ``and or not`` (also ``&& || !``), ``a ? b : c``,
parentheses, ``x.f(y)`` for ``f(x, y)``, and the functions of ``FUNCTIONS``. What else Notion knows is taken, and
answered as ``unsupported``; what is no formula is refused.
"""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ultra_checklist.server import times

DEEPEST: Final = 40
"""Levels of parentheses and calls; signs and calls in a row."""
MOST_STEPS: Final = 20_000
LONGEST: Final = 100_000
"""Characters of a text on its way."""


class SyntaxFault(Exception):
    """It is no formula."""


class Unsupported(Exception):
    """It is one that is not worked out here, or its values do not fit together."""


@dataclass(frozen=True)
class Moment:
    """A time in milliseconds; a day has no time."""

    at: int
    day: bool = False


@dataclass
class Room:
    """What a formula is worked out from: the values of one page, and the present."""

    prop: Callable[[str], Any]
    now: int
    steps: int = 0

    def step(self) -> None:
        """Count what is worked out: formulas of formulas grow fast. Raises Unsupported when it is too much."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Unsupported("too long")


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
            node = lambda room: yes(room) if _true(asked(room)) else no(room)  # noqa: E731 - a node like all others
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
        return lambda room: not _true(node(room))
    return lambda room: -_number(node(room)) if sign == "-" else _number(node(room))


def _row(first: Node, rest: list[tuple[str, Node]]) -> Node:
    """Values with operators of one level between them."""

    def node(room: Room) -> Any:
        value = first(room)
        for sign, part in rest:
            room.step()
            if sign not in ("and", "or"):
                value = _combined(sign, value, part(room))
            elif _true(value) is (sign == "and"):
                value = _true(part(room))
            else:
                value = _true(value)
        return value

    return node


def _combined(sign: str, one: Any, other: Any) -> Any:
    if sign in ("==", "!="):
        same = type(one) is type(other) and one == other
        return same is (sign == "==")
    if sign in _ORDER:
        if one is None or other is None:
            return False
        if type(one) is not type(other) or not isinstance(one, float | Moment):
            raise Unsupported("not comparable")
        pair = (one.at, other.at) if isinstance(one, Moment) and isinstance(other, Moment) else (one, other)
        return bool(_ORDER[sign](*pair))
    if sign == "+" and (isinstance(one, str) or isinstance(other, str)):
        return _text(one, other)
    try:
        result = _ARITHMETIC[sign](_number(one), _number(other))
    except (OverflowError, ZeroDivisionError, ValueError):
        return math.nan
    return result if isinstance(result, float) else math.nan


_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_ARITHMETIC: Final[dict[str, Callable[[float, float], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
    "^": operator.pow,
}


def empty(value: Any) -> bool:
    """Whether a value counts as empty, as Notion's ``empty`` has it: 0 and an unticked box do."""
    return value is None or value in ("", 0.0, False) or value == []


def _true(value: Any) -> bool:
    return value if isinstance(value, bool) else not empty(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        return float(bool(value))
    if isinstance(value, float):
        return value
    raise Unsupported("no number")


def written(value: Any) -> str:
    """A value as text. Raises Unsupported."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, Moment):
        return times.to_minute(value.at)[: 10 if value.day else None]
    if isinstance(value, list):
        return ",".join(map(written, value))
    return str(value)


def _text(*values: Any) -> str:
    text = "".join(map(written, values))
    if len(text) > LONGEST:
        raise Unsupported("too long")
    return text


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
        return next((then for asked, then in pairs if _true(asked(room))), otherwise)(room)

    return node


_UNITS: Final = {"weeks": 7 * times.DAY, "days": times.DAY, "hours": times.HOUR, "minutes": times.MINUTE}


def _between(_room: Room, one: Any, other: Any, unit: Any) -> float | None:
    if one is None or other is None:
        return None
    if unit not in _UNITS or not isinstance(one, Moment) or not isinstance(other, Moment):
        raise Unsupported("not a unit, or no dates")
    return float(math.trunc((one.at - other.at) / _UNITS[unit]))


def _round(_room: Room, value: Any, places: Any = 0.0) -> float:
    number, digits = _number(value), _number(places)
    if not math.isfinite(number) or not 0 <= digits <= 15:
        return math.nan
    # As JavaScript rounds: a half goes up.
    scale = 10.0 ** int(digits)
    return math.floor(number * scale + 0.5) / scale


_MANY: Final = 1000
FUNCTIONS: Final[dict[str, tuple[int, int, Callable[..., Any]]]] = {
    "empty": (1, 1, lambda _room, value: empty(value)),
    "not": (1, 1, lambda _room, value: not _true(value)),
    "and": (1, _MANY, lambda _room, *values: all(map(_true, values))),
    "or": (1, _MANY, lambda _room, *values: any(map(_true, values))),
    "now": (0, 0, lambda room: Moment(room.now - room.now % times.MINUTE)),
    "today": (0, 0, lambda room: Moment(times.day_of(room.now), day=True)),
    "dateBetween": (3, 3, _between),
    "format": (1, 1, lambda _room, value: _text(value)),
    "concat": (1, _MANY, lambda _room, *values: _text(*values)),
    "round": (1, 2, _round),
}
"""Functions that are worked out here, beside ``if`` and ``ifs``: the least and most arguments, and what they do."""


UNSUPPORTED: Final[dict[str, Any]] = {"type": "unsupported", "unsupported": {}}


def operand(shown: dict[str, Any]) -> Any:
    """A property's value, as pages show it, in the form that formulas work with. Raises Unsupported."""
    kind = shown["type"]
    value = shown[kind]
    if kind in ("rollup", "formula"):
        if value["type"] in ("array", "unsupported"):
            raise Unsupported("not known here")
        return operand(value)
    if kind in ("title", "rich_text"):
        return "".join(item["plain_text"] for item in value)
    if kind == "number" and value is not None:
        return float(value)
    if kind == "date" and value:
        return Moment(times.moment_of(value["start"]), day=times.is_day(value["start"]))
    if kind in ("created_time", "last_edited_time"):
        return Moment(times.moment_of(value))
    if kind in ("select", "status"):
        return value["name"] if value else ""
    if kind in ("multi_select", "people", "files", "relation"):
        return [str(one.get("name") or one.get("id")) for one in value]
    if kind in ("checkbox", "boolean", "string", "url", "email", "phone_number") or value is None:
        return value
    raise Unsupported("not known here")


def answered(value: Any) -> dict[str, Any]:
    """A value as pages show it."""
    if isinstance(value, bool):
        return {"type": "boolean", "boolean": value}
    if isinstance(value, float):
        whole = int(value) if math.isfinite(value) and value.is_integer() else value
        return {"type": "number", "number": whole if math.isfinite(value) else None}
    if isinstance(value, Moment):
        start = times.to_minute(value.at)[: 10 if value.day else None]
        return {"type": "date", "date": {"start": start, "end": None, "time_zone": None}}
    return {"type": "string", "string": written(value) or None}

"""Values of formulas: how they are combined, and what functions make of them."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ultra_checklist.server import times

MOST_STEPS: Final = 20_000
LONGEST: Final = 100_000
"""Characters of a text on its way."""


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


def combined(sign: str, one: Any, other: Any) -> Any:
    """Two values with an operator between them; ``and`` and ``or`` are not among these. Raises Unsupported."""
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
        return text_of(one, other)
    try:
        result = _ARITHMETIC[sign](number(one), number(other))
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


def holds(value: Any) -> bool:
    """Whether a value counts as true."""
    return value if isinstance(value, bool) else not empty(value)


def number(value: Any) -> float:
    """A value as a number. Raises Unsupported."""
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


def text_of(*values: Any) -> str:
    """Values as text, one behind the other. Raises Unsupported."""
    text = "".join(map(written, values))
    if len(text) > LONGEST:
        raise Unsupported("too long")
    return text


_UNITS: Final = {"weeks": 7 * times.DAY, "days": times.DAY, "hours": times.HOUR, "minutes": times.MINUTE}


def _between(_room: Room, one: Any, other: Any, unit: Any) -> float | None:
    if one is None or other is None:
        return None
    if unit not in _UNITS or not isinstance(one, Moment) or not isinstance(other, Moment):
        raise Unsupported("not a unit, or no dates")
    return float(math.trunc((one.at - other.at) / _UNITS[unit]))


def _round(_room: Room, value: Any, places: Any = 0.0) -> float:
    amount, digits = number(value), number(places)
    if not math.isfinite(amount) or not 0 <= digits <= 15:
        return math.nan
    # As JavaScript rounds: a half goes up.
    scale = 10.0 ** int(digits)
    return math.floor(amount * scale + 0.5) / scale


_MANY: Final = 1000
FUNCTIONS: Final[dict[str, tuple[int, int, Callable[..., Any]]]] = {
    "empty": (1, 1, lambda _room, value: empty(value)),
    "not": (1, 1, lambda _room, value: not holds(value)),
    "and": (1, _MANY, lambda _room, *values: all(map(holds, values))),
    "or": (1, _MANY, lambda _room, *values: any(map(holds, values))),
    "now": (0, 0, lambda room: Moment(room.now - room.now % times.MINUTE)),
    "today": (0, 0, lambda room: Moment(times.day_of(room.now), day=True)),
    "dateBetween": (3, 3, _between),
    "format": (1, 1, lambda _room, value: text_of(value)),
    "concat": (1, _MANY, lambda _room, *values: text_of(*values)),
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

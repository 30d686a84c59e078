"""Conditions of filters, one family for each kind of property, on stored values."""

import operator
from collections.abc import Callable
from typing import Any, Final

from ultra_checklist.server import richtext, times, validation
from ultra_checklist.server.calls import Call
from ultra_checklist.server.errors import failed

Json = dict[str, Any]
Test = Callable[[Any], bool]


def parse(call: Call, kind: str, config: Json, given: Any, path: str) -> Test:
    """Check the condition of a filter and give the question to ask of a stored value."""
    content = validation.mapping(given, path)
    if len(content) != 1:
        raise failed(path, "should hold exactly one condition", content)
    ((name, value),) = content.items()
    if name in ("is_empty", "is_not_empty") and kind not in ("checkbox", "formula", "rollup"):
        if validation.boolean(value, f"{path}.{name}") is not True:
            raise failed(f"{path}.{name}", "should be `true`", value)
        wanted = name == "is_empty"
        return lambda stored: (stored in (None, "", [])) is wanted
    test = _FAMILIES[kind](call, config, name, value, f"{path}.{name}")
    if test is None:
        raise failed(f"{path}.{name}", "should be not present", value)
    return test


def _text(_call: Call, _config: Json, name: str, value: Any, path: str) -> Test | None:
    if name not in _WORDS:
        return None
    wanted = validation.string(value, path).casefold()
    test = _WORDS[name]
    return lambda stored: test(richtext.plain(stored or "").casefold(), wanted)


_WORDS: Final[dict[str, Callable[[str, str], bool]]] = {
    "equals": operator.eq,
    "does_not_equal": operator.ne,
    "contains": lambda text, wanted: wanted in text,
    "does_not_contain": lambda text, wanted: wanted not in text,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def _number(_call: Call, _config: Json, name: str, value: Any, path: str) -> Test | None:
    if name not in _AMOUNTS:
        return None
    wanted = validation.number(value, path)
    test = _AMOUNTS[name]
    if name == "does_not_equal":
        return lambda stored: stored is None or test(stored, wanted)
    return lambda stored: stored is not None and test(stored, wanted)


_AMOUNTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "equals": operator.eq,
    "does_not_equal": operator.ne,
    "greater_than": operator.gt,
    "less_than": operator.lt,
    "greater_than_or_equal_to": operator.ge,
    "less_than_or_equal_to": operator.le,
}


def _checkbox(_call: Call, _config: Json, name: str, value: Any, path: str) -> Test | None:
    if name not in ("equals", "does_not_equal"):
        return None
    wanted = validation.boolean(value, path) is (name == "equals")
    return lambda stored: bool(stored) is wanted


def _select(_call: Call, config: Json, name: str, value: Any, path: str) -> Test | None:
    if name not in ("equals", "does_not_equal"):
        return None
    chosen = options(config, value, path)
    equal = name == "equals"
    return lambda stored: (stored in chosen) is equal


def _multi_select(_call: Call, config: Json, name: str, value: Any, path: str) -> Test | None:
    if name not in ("contains", "does_not_contain"):
        return None
    chosen = options(config, value, path)
    holds = name == "contains"
    return lambda stored: (not chosen.isdisjoint(stored or ())) is holds


def options(config: Json, value: Any, path: str) -> set[str]:
    """The ids of the options that one name or several stand for; a status's group stands for its options."""
    names = validation.array(value, path) if isinstance(value, list) else [validation.string(value, path)]
    for place, name in enumerate(names):
        validation.string(name, f"{path}[{place}]" if isinstance(value, list) else path)
    chosen = {known["id"] for known in config["options"] if known["name"] in names or known["id"] in names}
    for group in config.get("groups", ()):
        if group["name"] in names and not any(known["name"] == group["name"] for known in config["options"]):
            chosen.update(group["option_ids"])
    return chosen


def _people(call: Call, config: Json, name: str, value: Any, path: str) -> Test | None:
    return _members(call, config, name, call.actor.id if value == "me" else value, path)


def _members(_call: Call, _config: Json, name: str, value: Any, path: str) -> Test | None:
    if name not in ("contains", "does_not_contain"):
        return None
    wanted = validation.identifier(value, path)
    holds = name == "contains"
    return lambda stored: (wanted in (stored or ())) is holds


def _nothing(_call: Call, _config: Json, _name: str, _value: Any, _path: str) -> Test | None:
    return None


def _date(call: Call, _config: Json, name: str, value: Any, path: str) -> Test | None:
    if name in _PERIODS:
        validation.only(validation.mapping(value, path), (), path)
        first, behind = _PERIODS[name](call.moment)
        return lambda stored: stored is not None and first <= _moment_of(stored) < behind
    if name not in _ORDER:
        return None
    # A day is compared with days, a time with minutes, which is what answers show.
    text = validation.string(value, path)
    day = text in _RELATIVE or times.is_day(times.checked_moment(text, path))
    unit = times.DAY if day else times.MINUTE
    wanted = moment(text, call.moment) // unit
    test = _ORDER[name]
    return lambda stored: stored is not None and test(_moment_of(stored) // unit, wanted)


def moment(value: str, now: int) -> int:
    """The moment that a checked date of a filter names, in milliseconds; the day of a relative one begins."""
    return _RELATIVE[value](now) if value in _RELATIVE else times.moment_of(value)


def _moment_of(stored: Any) -> int:
    return stored if isinstance(stored, int) else times.moment_of(stored["start"])


_ORDER: Final[dict[str, Callable[[int, int], bool]]] = {
    "equals": operator.eq,
    "before": operator.lt,
    "after": operator.gt,
    "on_or_before": operator.le,
    "on_or_after": operator.ge,
}
_RELATIVE: Final[dict[str, Callable[[int], int]]] = {
    "today": times.day_of,
    "tomorrow": lambda now: times.day_of(now) + times.DAY,
    "yesterday": lambda now: times.day_of(now) - times.DAY,
    "one_week_ago": lambda now: times.day_of(now) - 7 * times.DAY,
    "one_week_from_now": lambda now: times.day_of(now) + 7 * times.DAY,
    "one_month_ago": lambda now: times.months_after(now, -1),
    "one_month_from_now": lambda now: times.months_after(now, 1),
}


def _from(first: int, last: int) -> tuple[int, int]:
    return first, last + times.DAY


_PERIODS: Final[dict[str, Callable[[int], tuple[int, int]]]] = {
    "this_week": lambda now: _from(times.week_of(now), times.week_of(now) + 6 * times.DAY),
    "past_week": lambda now: _from(times.day_of(now) - 7 * times.DAY, times.day_of(now)),
    "past_month": lambda now: _from(times.months_after(now, -1), times.day_of(now)),
    "past_year": lambda now: _from(times.months_after(now, -12), times.day_of(now)),
    "next_week": lambda now: _from(times.day_of(now), times.day_of(now) + 7 * times.DAY),
    "next_month": lambda now: _from(times.day_of(now), times.months_after(now, 1)),
    "next_year": lambda now: _from(times.day_of(now), times.months_after(now, 12)),
}


def _rollup(call: Call, _config: Json, name: str, value: Any, path: str) -> Test | None:
    # A number or date is asked directly; of a list, any, every or none of its values.
    if name in ("number", "date"):
        test = parse(call, name, {}, value, path)
        return lambda stored: test(stored.get(name))
    if name not in _QUANTIFIERS:
        return None
    content = validation.mapping(value, path)
    kind = next(iter(content), "")
    validation.one_of(kind, path, _ROLLED)
    validation.only(content, (kind,), path)
    test = parse(call, kind, _named(content[kind]), content[kind], f"{path}.{kind}")
    quantifier = _QUANTIFIERS[name]
    return lambda stored: quantifier(test(_original(kind, one)) for one in stored.get("array", ()))


_ROLLED: Final = (
    *("rich_text", "number", "checkbox", "select", "multi_select"),
    *("relation", "date", "people", "files", "status"),
)
_QUANTIFIERS: Final[dict[str, Callable[[Any], bool]]] = {
    "any": any,
    "every": all,
    "none": lambda answers: not any(answers),
}


def _named(condition: Any) -> Json:
    # The options of a column that stands elsewhere: its values are told apart by name.
    given = list(condition.values()) if isinstance(condition, dict) else []
    names = [name for value in given for name in (value if isinstance(value, list) else [value])]
    return {"options": [{"id": name, "name": name} for name in names]}


def _original(kind: str, answered: Json) -> Any:
    """A rolled-up value, as pages show it, in the form that conditions ask."""
    value = answered[answered["type"]]
    if kind == "rich_text":
        return "".join(item["plain_text"] for item in value) if isinstance(value, list) else value
    if kind in ("multi_select", "people", "relation"):
        return [one.get("name" if kind == "multi_select" else "id") for one in value]
    return value["name"] if kind in ("select", "status") and value else value


def _formula(call: Call, _config: Json, name: str, value: Any, path: str) -> Test | None:
    kinds = {"string": "rich_text", "number": "number", "checkbox": "checkbox", "date": "date"}
    if name not in kinds:
        return None
    test = parse(call, kinds[name], {}, value, path)
    # A value of another type is none.
    answer = "boolean" if name == "checkbox" else name
    return lambda stored: test(stored.get(answer))


_FAMILIES: Final[dict[str, Callable[[Call, Json, str, Any, str], Test | None]]] = {
    **dict.fromkeys(("title", "rich_text", "url", "email", "phone_number"), _text),
    **dict.fromkeys(("number", "unique_id"), _number),
    **dict.fromkeys(("select", "status"), _select),
    **dict.fromkeys(("people", "created_by", "last_edited_by"), _people),
    **dict.fromkeys(("date", "created_time", "last_edited_time"), _date),
    "relation": _members,
    "checkbox": _checkbox,
    "multi_select": _multi_select,
    "files": _nothing,
    "place": _nothing,
    "rollup": _rollup,
    "formula": _formula,
}
KINDS: Final = tuple(_FAMILIES)

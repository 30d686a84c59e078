"""Conditions of filters, one family for each kind of property, on stored values."""

import operator
from collections.abc import Callable
from typing import Any, Final

from ultra_checklist.server import richtext, times, validation
from ultra_checklist.server.errors import failed, invalid

Json = dict[str, Any]
Test = Callable[[Any], bool]


def parse(kind: str, config: Json, given: Any, path: str, moment: int) -> Test:
    """Check the condition of a filter and give the question to ask of a stored value."""
    content = validation.mapping(given, path)
    if len(content) != 1:
        raise failed(path, "should hold exactly one condition", content)
    ((name, value),) = content.items()
    if name in ("is_empty", "is_not_empty") and kind != "checkbox":
        if validation.boolean(value, f"{path}.{name}") is not True:
            raise failed(f"{path}.{name}", "should be `true`", value)
        wanted = name == "is_empty"
        return lambda stored: _empty(kind, stored) is wanted
    test = _FAMILIES[kind](name, value, path, config, moment)
    if test is None:
        raise failed(f"{path}.{name}", "should be not present", value)
    return test


def _empty(kind: str, stored: Any) -> bool:
    if kind == "rollup":
        return bool(stored[stored["type"]] in (None, []))
    return stored in (None, "", [])


def _text(name: str, value: Any, path: str, _config: Json, _moment: int) -> Test | None:
    if name not in _WORDS:
        return None
    wanted = validation.string(value, f"{path}.{name}").casefold()
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


def _number(name: str, value: Any, path: str, _config: Json, _moment: int) -> Test | None:
    if name not in _AMOUNTS:
        return None
    wanted = validation.number(value, f"{path}.{name}")
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


def _checkbox(name: str, value: Any, path: str, _config: Json, _moment: int) -> Test | None:
    if name not in ("equals", "does_not_equal"):
        return None
    wanted = validation.boolean(value, f"{path}.{name}") is (name == "equals")
    return lambda stored: bool(stored) is wanted


def _select(name: str, value: Any, path: str, config: Json, _moment: int) -> Test | None:
    if name not in ("equals", "does_not_equal"):
        return None
    chosen = _options(config, value, f"{path}.{name}")
    equal = name == "equals"
    return lambda stored: (stored in chosen) is equal


def _multi_select(name: str, value: Any, path: str, config: Json, _moment: int) -> Test | None:
    if name not in ("contains", "does_not_contain"):
        return None
    chosen = _options(config, value, f"{path}.{name}")
    holds = name == "contains"
    return lambda stored: (not chosen.isdisjoint(stored or ())) is holds


def _options(config: Json, value: Any, path: str) -> set[str]:
    # One name or several; a status may also be asked for by the name of its group.
    names = validation.array(value, path) if isinstance(value, list) else [validation.string(value, path)]
    chosen = {known["id"] for known in config["options"] if known["name"] in names or known["id"] in names}
    for group in config.get("groups", ()):
        if group["name"] in names and not any(known["name"] == group["name"] for known in config["options"]):
            chosen.update(group["option_ids"])
    return chosen


def _members(name: str, value: Any, path: str, _config: Json, _moment: int) -> Test | None:
    if name not in ("contains", "does_not_contain"):
        return None
    wanted = validation.identifier(value, f"{path}.{name}")
    holds = name == "contains"
    return lambda stored: (wanted in (stored or ())) is holds


def _nothing(_name: str, _value: Any, _path: str, _config: Json, _moment: int) -> Test | None:
    return None


def _date(name: str, value: Any, path: str, _config: Json, moment: int) -> Test | None:
    if name in _PERIODS:
        validation.mapping(value, f"{path}.{name}")
        first, behind = _PERIODS[name](moment)
        return lambda stored: stored is not None and first <= _moment_of(stored) < behind
    if name not in ("equals", "before", "after", "on_or_before", "on_or_after"):
        return None
    text = times.checked_moment(value, f"{path}.{name}")
    # A day is compared with days, a time with minutes, which is what answers show.
    unit = times.DAY if times.is_day(text) else times.MINUTE
    wanted = times.moment_of(text) // unit
    test = _ORDER[name]
    return lambda stored: stored is not None and test(_moment_of(stored) // unit, wanted)


def _moment_of(stored: Any) -> int:
    return stored if isinstance(stored, int) else times.moment_of(stored["start"])


_ORDER: Final[dict[str, Callable[[int, int], bool]]] = {
    "equals": operator.eq,
    "before": operator.lt,
    "after": operator.gt,
    "on_or_before": operator.le,
    "on_or_after": operator.ge,
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


def _rollup(name: str, value: Any, path: str, _config: Json, moment: int) -> Test | None:
    if name not in ("number", "any", "every", "none"):
        return None
    if name != "number":
        raise invalid(f"{path}.{name}: this server filters roll-ups by number only.")
    test = parse("number", {}, value, f"{path}.number", moment)
    return lambda stored: test(stored["number"] if stored["type"] == "number" else None)


def _formula(name: str, value: Any, path: str, _config: Json, moment: int) -> Test | None:
    # Formulas are not computed here: their value is an empty text, whatever kind is asked for.
    kind = {"string": "rich_text", "number": "number", "checkbox": "checkbox", "date": "date"}.get(name)
    if kind is None:
        return None
    test = parse(kind, {}, value, f"{path}.{name}", moment)
    return lambda _stored: test(None)


_FAMILIES: Final[dict[str, Callable[[str, Any, str, Json, int], Test | None]]] = {
    **dict.fromkeys(("title", "rich_text", "url", "email", "phone_number"), _text),
    **dict.fromkeys(("number", "unique_id"), _number),
    **dict.fromkeys(("select", "status"), _select),
    **dict.fromkeys(("people", "relation", "created_by", "last_edited_by"), _members),
    **dict.fromkeys(("date", "created_time", "last_edited_time"), _date),
    "checkbox": _checkbox,
    "multi_select": _multi_select,
    "files": _nothing,
    "rollup": _rollup,
    "formula": _formula,
}
KINDS: Final = tuple(_FAMILIES)

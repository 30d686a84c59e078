"""Roll-ups: one value out of the values of related rows."""

import json
import statistics
from collections.abc import Callable
from typing import Any, Final

from ultra_checklist.server import times

Json = dict[str, Any]
Values = list[Any]


def value(function: str, related: list[Json]) -> Json:
    """The answered roll-up of ``related``, values as pages show them, at most 25 of them."""
    contents = [item[item["type"]] for item in related]
    if function in _LISTS:
        shown = [{key: item[key] for key in ("type", item["type"])} for item in related]
        return {"type": "array", "array": _LISTS[function](shown), "function": function}
    if function in _DATES:
        return {"type": "date", "date": _DATES[function](_moments(related)), "function": function}
    if function in _NUMBERS:
        return {"type": "number", "number": _NUMBERS[function](contents), "function": function}
    return {"type": "unsupported", "unsupported": {}, "function": function}


def empty(content: Any) -> bool:
    """Whether a value counts as empty; an unticked box and a 0 do not."""
    return content is None or content in ("", []) or content == {}


def _filled(contents: Values) -> int:
    return sum(not empty(content) for content in contents)


def _count_values(contents: Values) -> int:
    # A list of options, people or files counts with its length; a text is one value.
    return sum(
        len(content)
        if isinstance(content, list) and content and "plain_text" not in content[0]
        else int(not empty(content))
        for content in contents
    )


def _checked(contents: Values) -> int:
    return sum(content is True for content in contents)


def _share(part: int, contents: Values) -> float | None:
    return part / len(contents) if contents else None


def _numbers(contents: Values) -> list[int | float]:
    return [content for content in contents if isinstance(content, int | float) and not isinstance(content, bool)]


def _average(contents: Values) -> float | None:
    numbers = _numbers(contents)
    return sum(numbers) / len(numbers) if numbers else None


def _spread(contents: Values) -> int | float | None:
    numbers = _numbers(contents)
    return max(numbers) - min(numbers) if numbers else None


def _median(contents: Values) -> int | float | None:
    return statistics.median(_numbers(contents)) if _numbers(contents) else None


def _unique(contents: Values) -> int:
    return len({json.dumps(content, sort_keys=True) for content in contents if not empty(content)})


def _distinct(shown: list[Json]) -> list[Json]:
    filled = [one for one in shown if not empty(one[one["type"]])]
    return list({json.dumps(one, sort_keys=True): one for one in filled}.values())


def _moments(related: list[Json]) -> list[Json]:
    """Every date of the values, ends of ranges on their own, in order of time."""
    found: list[str] = []
    for item in related:
        content = item[item["type"]]
        if item["type"] == "date" and content:
            found += [content[key] for key in ("start", "end") if content[key]]
        elif item["type"] in ("created_time", "last_edited_time"):
            found.append(content)
    return [{"start": one, "end": None, "time_zone": None} for one in sorted(found, key=times.moment_of)]


def _range(moments: list[Json]) -> Json | None:
    return moments[0] | {"end": moments[-1]["start"]} if moments else None


_LISTS: Final[dict[str, Callable[[list[Json]], list[Json]]]] = {"show_original": list, "show_unique": _distinct}
_DATES: Final[dict[str, Callable[[list[Json]], Json | None]]] = {
    "earliest_date": lambda moments: moments[0] if moments else None,
    "latest_date": lambda moments: moments[-1] if moments else None,
    "date_range": _range,
}
_NUMBERS: Final[dict[str, Callable[[Values], int | float | None]]] = {
    "count": len,
    "count_values": _count_values,
    "empty": lambda contents: len(contents) - _filled(contents),
    "not_empty": _filled,
    "percent_empty": lambda contents: _share(len(contents) - _filled(contents), contents),
    "percent_not_empty": lambda contents: _share(_filled(contents), contents),
    "checked": _checked,
    "unchecked": lambda contents: len(contents) - _checked(contents),
    "percent_checked": lambda contents: _share(_checked(contents), contents),
    "percent_unchecked": lambda contents: _share(len(contents) - _checked(contents), contents),
    "sum": lambda contents: sum(_numbers(contents)),
    "average": _average,
    "min": lambda contents: min(_numbers(contents), default=None),
    "max": lambda contents: max(_numbers(contents), default=None),
    "median": _median,
    "range": _spread,
    "unique": _unique,
}
# What those for groups of a status answer is not known; they are taken, and answered as unsupported.
FUNCTIONS: Final = (*_NUMBERS, *_DATES, *_LISTS, "count_per_group", "percent_per_group")

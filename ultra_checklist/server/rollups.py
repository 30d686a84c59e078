"""Roll-ups: one value out of the values of related rows."""

from collections.abc import Callable
from typing import Any, Final

Json = dict[str, Any]
Values = list[Any]


def value(function: str, related: list[Json]) -> Json:
    """The answered roll-up of ``related``, values as pages show them, at most 25 of them."""
    if function == "show_original":
        shown = [{key: item[key] for key in ("type", item["type"])} for item in related]
        return {"type": "array", "array": shown, "function": function}
    contents = [item[item["type"]] for item in related]
    return {"type": "number", "number": _FUNCTIONS[function](contents), "function": function}


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


_FUNCTIONS: Final[dict[str, Callable[[Values], int | float | None]]] = {
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
}

"""Filters of queries: checked against the schema once, then asked of each row."""

from collections.abc import Callable
from typing import Any, Final

from ultra_checklist.server import conditions, nodes, validation
from ultra_checklist.server.errors import failed, invalid
from ultra_checklist.server.properties import Json, Property, find
from ultra_checklist.server.rows import Rows

Predicate = Callable[[Rows, nodes.Node], bool]

# "or" and "and" may stand in each other once.
DEEPEST: Final = 2
TIMESTAMPS: Final = ("created_time", "last_edited_time")


def parse(properties: list[Property], given: Any, path: str, moment: int, depth: int = 0) -> Predicate:
    """Check a filter and give the question to ask of each row; ``moment`` is now, for relative dates."""
    content = validation.mapping(given, path)
    compound = next((key for key in ("or", "and") if key in content), None)
    if compound is None:
        return _leaf(properties, content, path, moment)
    validation.only(content, (compound,), path)
    if depth >= DEEPEST:
        raise failed(f"{path}.{compound}", "should be not present", content[compound])
    parts = [
        parse(properties, part, f"{path}.{compound}[{index}]", moment, depth + 1)
        for index, part in enumerate(validation.array(content[compound], f"{path}.{compound}"))
    ]
    if compound == "or":
        return lambda rows, page: any(part(rows, page) for part in parts)
    return lambda rows, page: all(part(rows, page) for part in parts)


def _leaf(properties: list[Property], content: Json, path: str, moment: int) -> Predicate:
    if "timestamp" in content:
        kind = validation.one_of(content["timestamp"], f"{path}.timestamp", TIMESTAMPS)
        validation.only(content, ("timestamp", "type", kind), path)
        test = conditions.parse(kind, {}, content.get(kind), f"{path}.{kind}", moment)
        return lambda _rows, page: test(page.created_at if kind == "created_time" else page.edited_at)
    key = validation.string(content.get("property"), f"{path}.property")
    item = find(properties, key)
    if item is None:
        raise invalid(f"Could not find property with name or id: {key}")
    kind = item["type"]
    given = [name for name in content if name not in ("property", "type")]
    if given != [kind]:
        if len(given) == 1 and given[0] in conditions.KINDS:
            raise invalid(
                "The property type in the database does not match the property type of the filter provided: "
                f"database property {kind} does not match filter {given[0]}"
            )
        raise failed(f"{path}.{kind}", "should be defined", content.get(kind))
    test = conditions.parse(kind, item["config"], content[kind], f"{path}.{kind}", moment)
    return lambda rows, page: test(content_of(rows, page, item))


def content_of(rows: Rows, page: nodes.Node, item: Property) -> Any:
    """What a condition or a sort looks at: the stored value, or what is computed in its place."""
    kind = item["type"]
    if kind == "relation":
        return rows.related(page, item)
    if kind == "rollup":
        return rows.rollup(page, item)
    if kind == "created_time":
        return page.created_at
    if kind == "last_edited_time":
        return page.edited_at
    if kind == "created_by":
        return [page.created_by]
    if kind == "last_edited_by":
        return [page.edited_by]
    return page.data["values"].get(item["id"])

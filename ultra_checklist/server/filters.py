"""Filters of queries: checked against the schema once, then asked of each row that the index names."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ultra_checklist.server import conditions, index, nodes, times, validation
from ultra_checklist.server.calls import Call
from ultra_checklist.server.errors import failed, invalid
from ultra_checklist.server.properties import Json, Property, find
from ultra_checklist.server.rows import Rows

Predicate = Callable[[Rows, nodes.Node], bool]

# "or" and "and" may stand in each other once.
DEEPEST: Final = 2
TIMESTAMPS: Final = ("created_time", "last_edited_time")
_COLUMNS: Final = {"created_time": "created_at", "last_edited_time": "edited_at"}
_AFTER: Final = ("equals", "after", "on_or_after")


class Filter(NamedTuple):
    """A checked filter: the question to ask of each row, and what the index knows of the answer."""

    asks: Predicate
    where: index.Where | None


def parse(call: Call, source: nodes.Node, given: Any, path: str, depth: int = 0) -> Filter:
    """Check a filter of a query or view of ``source``."""
    content = validation.mapping(given, path)
    compound = next((key for key in ("or", "and") if key in content), None)
    if compound is None:
        return _leaf(call, source, content, path)
    validation.only(content, (compound,), path)
    if depth >= DEEPEST:
        raise failed(f"{path}.{compound}", "should be not present", content[compound])
    parts = [
        parse(call, source, part, f"{path}.{compound}[{place}]", depth + 1)
        for place, part in enumerate(validation.array(content[compound], f"{path}.{compound}"))
    ]
    where = index.Group(compound == "and", tuple(part.where for part in parts)) if parts else None
    if compound == "or":
        return Filter(lambda rows, page: any(part.asks(rows, page) for part in parts), where)
    return Filter(lambda rows, page: all(part.asks(rows, page) for part in parts), where)


def _leaf(call: Call, source: nodes.Node, content: Json, path: str) -> Filter:
    if "timestamp" in content:
        return _timestamp(call, source, content, path)
    key = validation.string(content.get("property"), f"{path}.property")
    item = find(source.data["properties"], key)
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
    test = conditions.parse(call, kind, item["config"], content[kind], f"{path}.{kind}")
    return Filter(lambda rows, page: test(content_of(rows, page, item)), _where(source, item, content[kind]))


def _timestamp(call: Call, source: nodes.Node, content: Json, path: str) -> Filter:
    kind = validation.one_of(content["timestamp"], f"{path}.timestamp", TIMESTAMPS)
    validation.only(content, ("timestamp", "type", kind), path)
    test = conditions.parse(call, kind, {}, content.get(kind), f"{path}.{kind}")
    ((name, value),) = content[kind].items()
    column = _COLUMNS[kind]
    where = None
    if name in _AFTER:
        wanted = conditions.moment(value, call.moment)
        where = index.since(source.id, column, wanted - wanted % times.MINUTE)
    return Filter(lambda _rows, page: test(getattr(page, column)), where)


def _where(source: nodes.Node, item: Property, content: Json) -> index.Where | None:
    """What the index knows of a condition that has been checked; None if nothing."""
    ((name, value),) = content.items()
    kind, place = item["type"], (source.id, item["id"])
    if kind == "checkbox":
        return index.holds(*place, [True]) if value is (name == "equals") else index.lacks(*place)
    if kind == "relation" and name == "contains":
        config = item["config"]
        return index.linked(config["link"], config["reverse"], validation.identifier(value, ""))
    if kind not in _INDEXED:
        return None
    if name == "is_not_empty":
        return index.filled(*place)
    if name == "is_empty":
        return index.lacks(*place)
    if name not in ("equals", "contains"):
        return None
    if kind in ("select", "status", "multi_select"):
        return index.holds(*place, sorted(conditions.options(item["config"], value, "")))
    # An empty text is nothing that is stored.
    return index.holds(*place, [value]) if kind in _EXACT and name == "equals" and value != "" else None


_EXACT: Final = ("title", "rich_text", "url", "email", "phone_number", "number", "unique_id")
_INDEXED: Final = (*_EXACT, "select", "status", "multi_select", "people", "files", "date", "place")


def content_of(rows: Rows, page: nodes.Node, item: Property) -> Any:
    """What a condition or a sort looks at: the stored value, or what is computed in its place."""
    kind = item["type"]
    if kind == "relation":
        return rows.related(page, item)
    if kind == "rollup":
        return rows.rollup(page, item)
    if kind == "formula":
        return rows.formula(page, item)
    if kind == "created_time":
        return page.created_at
    if kind == "last_edited_time":
        return page.edited_at
    if kind == "created_by":
        return [page.created_by]
    if kind == "last_edited_by":
        return [page.edited_by]
    return page.data["values"].get(item["id"])

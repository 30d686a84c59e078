"""Queries of a data source: filter, sort, and one page of the result at a time."""

import re
from collections.abc import Callable
from typing import Any, Final

from ultra_checklist.server import filters, nodes, pages, richtext, times, validation
from ultra_checklist.server.calls import Call, Json, listing, page_size
from ultra_checklist.server.errors import failed, invalid
from ultra_checklist.server.faults import draw
from ultra_checklist.server.properties import Property, find
from ultra_checklist.server.rows import Rows

DEEPEST_RESULT: Final = 10_000
DIRECTIONS: Final = ("ascending", "descending")
_KEYS: Final = (
    "filter",
    "sorts",
    "start_cursor",
    "page_size",
    "result_type",
    "in_trash",
    "is_archived",
    "archived",
)


def query(call: Call) -> Json:
    """POST /v1/data_sources/{data_source_id}/query."""
    validation.only(call.body, _KEYS)
    source = nodes.find(call.connection, call.identifier("data_source_id"), "data_source")
    properties = source.data["properties"]
    size = page_size(call.body.get("page_size"), "body.page_size")
    validation.one_of(call.body.get("result_type", "page"), "body.result_type", ("page", "data_source"))
    only = pages.wanted(call, properties)
    given = call.body.get("filter")
    asked = filters.parse(call, source, given, "body.filter") if given is not None else None
    sorts = parse_sorts(properties, call.body.get("sorts"), "body.sorts")
    start, first = _cursor(call, source)
    most = min(size, DEEPEST_RESULT - start) + 1
    if call.body.get("result_type") == "data_source":
        shown: list[nodes.Node] = []
    elif asked is None and not sorts and call.shuffle is None and (first or start == 0):
        shown = nodes.some_rows(call.connection, source.id, _trashed(call), first.position if first else 0, most)
    else:
        found = _sorted(call, source, _matching(call, source, asked), sorts)
        if call.shuffle is None or sorts:
            start = next((place for place, page in enumerate(found) if first and page.id == first.id), start)
        else:
            found.sort(key=lambda page: draw(call.shuffle, page.id))
        shown = found[start : start + most]
    return _page(call, source, shown, start, size, only)


def matching(call: Call, source: nodes.Node, asked: list[filters.Filter], sorts: Any) -> list[str]:
    """The ids of the rows that fit all filters, in the order of sorts that were checked before."""
    found = nodes.rows(call.connection, source.id, False, None)
    rows = Rows(call, source, found)
    fitting = [page for page in found if all(one.asks(rows, page) for one in asked)]
    keys = parse_sorts(source.data["properties"], sorts, "sorts")
    return [page.id for page in _sorted(call, source, fitting, keys)][:DEEPEST_RESULT]


def _matching(call: Call, source: nodes.Node, asked: filters.Filter | None) -> list[nodes.Node]:
    found = nodes.rows(call.connection, source.id, _trashed(call), asked.where if asked else None)
    if asked is None:
        return found
    rows = Rows(call, source, found)
    return [page for page in found if asked.asks(rows, page)]


def _page(
    call: Call, source: nodes.Node, found: list[nodes.Node], start: int, size: int, only: set[str] | None
) -> Json:
    # One more than asked for has been fetched, to know whether there is more.
    shown, following = found[:size], found[size:]
    cut = start + len(shown) >= DEEPEST_RESULT and bool(following)
    cursor = None
    if following and not cut:
        cursor = f"s:{source.id}:{following[0].id}:{start + size}"
    reader = Rows(call, source, shown)
    answer = listing("page_or_data_source", [pages.shown(call, reader, page, only) for page in shown], cursor)
    if cut:
        answer["request_status"] = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    return answer


def _trashed(call: Call) -> bool:
    return any(
        validation.boolean(call.body[key], f"body.{key}")
        for key in ("in_trash", "is_archived", "archived")
        if key in call.body
    )


def _cursor(call: Call, source: nodes.Node) -> tuple[int, nodes.Node | None]:
    # The cursor names the row to go on with; if that is gone or no longer fits the filter, its place decides.
    cursor = call.body.get("start_cursor")
    if cursor is None:
        return 0, None
    parts = validation.string(cursor, "body.start_cursor").split(":")
    if len(parts) != 4 or parts[:2] != ["s", source.id] or not re.fullmatch("[0-9]{1,5}", parts[3]):
        raise invalid(f"The start_cursor provided is invalid: {cursor}")
    first = nodes.get(call.connection, parts[2])
    return min(int(parts[3]), DEEPEST_RESULT), first if first and first.parent_id == source.id else None


Key = Callable[[Rows, nodes.Node], Any]


def parse_sorts(properties: list[Property], given: Any, path: str) -> list[tuple[Key, bool]]:
    """Check the sorts of a query or view: a key for each, and whether it descends."""
    if given is None:
        return []
    return [
        _sort(properties, validation.mapping(sort, f"{path}[{index}]"), f"{path}[{index}]")
        for index, sort in enumerate(validation.array(given, path))
    ]


def _sort(properties: list[Property], given: Json, path: str) -> tuple[Key, bool]:
    direction = given.get("direction", "ascending")
    descending = validation.one_of(direction, f"{path}.direction", DIRECTIONS) == "descending"
    if "timestamp" in given:
        kind = validation.one_of(given["timestamp"], f"{path}.timestamp", filters.TIMESTAMPS)
        return lambda _rows, page: page.created_at if kind == "created_time" else page.edited_at, descending
    if "property" not in given:
        raise failed(f"{path}.property", "should be defined", None)
    item = find(properties, validation.string(given["property"], f"{path}.property"))
    if item is None:
        raise invalid(f"Could not find sort property with name or id: {given['property']}")
    places = {known["id"]: place for place, known in enumerate(item["config"].get("options", ()))}
    return lambda rows, page: _comparable(item, filters.content_of(rows, page, item), places), descending


def _comparable(item: Property, stored: Any, places: dict[str, int]) -> Any:
    kind = item["type"]
    if kind == "checkbox":
        return bool(stored)
    if kind == "rollup":
        date = stored.get("date")
        return times.moment_of(date["start"]) if date else stored.get("number")
    if kind == "formula":
        date = stored.get("date")
        value = times.moment_of(date["start"]) if date else stored[stored["type"]]
        # Values of one formula may differ in type; each type is sorted for itself.
        return None if value in (None, {}) else (stored["type"], value)
    if stored in (None, "", []):
        return None
    if kind in ("title", "rich_text"):
        return richtext.plain(stored).casefold()
    if kind in ("select", "status"):
        return places.get(stored)
    if kind == "multi_select":
        return [places.get(one, -1) for one in stored]
    if kind == "date":
        return times.moment_of(stored["start"])
    if kind == "files":
        return [one["name"] for one in stored]
    return stored


def _sorted(
    call: Call, source: nodes.Node, found: list[nodes.Node], sorts: list[tuple[Key, bool]]
) -> list[nodes.Node]:
    # What has no value comes last in both directions.
    rows = Rows(call, source, found)
    for key, descending in reversed(sorts):
        keyed = [(key(rows, page), page) for page in found]
        valued = sorted(
            (pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0], reverse=descending
        )
        found = [page for _, page in valued] + [page for value, page in keyed if value is None]
    return found

"""Search: pages and data sources by a part of their title."""

from typing import Final

from ultra_checklist.server import data_sources, nodes, pages, validation
from ultra_checklist.server.calls import Call, Json, cut, listing, page_size
from ultra_checklist.server.errors import invalid

KINDS: Final = ("page", "data_source")


def search(call: Call) -> Json:
    """POST /v1/search; the last edited comes first unless the sort says otherwise."""
    call.only("query", "filter", "sort", "start_cursor", "page_size")
    wanted = validation.string(call.body.get("query", ""), "body.query").casefold()
    found = [
        node
        for kind in _kinds(call)
        for node in nodes.of_kind(call.connection, kind)
        if node.in_trash is _trashed(call) and wanted in node.title.casefold()
    ]
    found.sort(key=lambda node: (node.edited_at, node.id), reverse=not _ascending(call))
    size = page_size(call.body.get("page_size"), "body.page_size")
    shown, cursor = cut(found, lambda node: node.id, call.body.get("start_cursor"), size)
    results = [
        pages.answered(call, node) if node.kind == "page" else data_sources.answered(call, node) for node in shown
    ]
    return listing("page_or_data_source", results, cursor)


def _kinds(call: Call) -> tuple[str, ...]:
    given = validation.mapping(call.body.get("filter", {}), "body.filter")
    if not given:
        return KINDS
    validation.only(given, ("property", "value", "in_trash"), "body.filter")
    if "property" not in given and "value" not in given:
        return KINDS
    validation.one_of(given.get("property"), "body.filter.property", ("object",))
    return (validation.one_of(given.get("value"), "body.filter.value", KINDS),)


def _trashed(call: Call) -> bool:
    return validation.boolean(call.body.get("filter", {}).get("in_trash", False), "body.filter.in_trash")


def _ascending(call: Call) -> bool:
    given = validation.mapping(call.body.get("sort", {}), "body.sort")
    if not given:
        return False
    if given == {"property": "relevance"}:
        return False
    if given.get("timestamp", "last_edited_time") != "last_edited_time":
        raise invalid('body.sort.timestamp should be "last_edited_time" when sorting by timestamp.')
    directions = ("ascending", "descending")
    return validation.one_of(given.get("direction", "descending"), "body.sort.direction", directions) == "ascending"

"""What a view shows, kept for a quarter of an hour.

See https://developers.notion.com/guides/data-apis/working-with-views.
"""

from typing import Final

from ultra_checklist.server import filters, nodes, query, times, validation
from ultra_checklist.server.calls import Call, Json, cut, listing, page_size, paged
from ultra_checklist.server.errors import not_found

LIFE: Final = times.HOUR // 4


def create(call: Call) -> Json:
    """POST /v1/views/{view_id}/queries: the view's rows as they are now, by its own filter and sorts."""
    call.only("page_size")
    size = page_size(call.body.get("page_size"), "body.page_size")
    view = nodes.find(call.connection, call.identifier("view_id"), "view")
    found = _rows(call, view)
    made = nodes.Node(
        id=nodes.new_id(),
        kind="view_query",
        parent_kind="view",
        parent_id=view.id,
        data={"rows": found},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    nodes.insert(call.connection, made)
    shown, cursor = cut(found, str, None, size)
    return {
        "object": "view_query",
        "id": made.id,
        "view_id": view.id,
        "expires_at": times.to_milliseconds(call.moment + LIFE),
        "total_count": len(found),
        "results": [{"object": "page", "id": identifier} for identifier in shown],
        "next_cursor": cursor,
        "has_more": cursor is not None,
    }


def _rows(call: Call, view: nodes.Node) -> list[str]:
    source = nodes.find(call.connection, view.data["data_source"], "data_source")
    given, quick = view.data.get("filter"), view.data.get("quick_filters") or {}
    conditions = [
        *([given] if given else []),
        *({"property": name, **condition} for name, condition in quick.items() if condition),
    ]
    parsed = [filters.parse(call, source, condition, "filter") for condition in conditions]
    return query.matching(call, source, parsed, view.data.get("sorts"))


def results(call: Call) -> Json:
    """GET /v1/views/{view_id}/queries/{query_id}."""
    rows = [str(identifier) for identifier in _find(call).data["rows"]]
    shown, cursor = paged(call, rows, str)
    return listing("page", [{"object": "page", "id": identifier} for identifier in shown], cursor)


def delete(call: Call) -> Json:
    """DELETE /v1/views/{view_id}/queries/{query_id}."""
    found = _find(call)
    nodes.delete(call.connection, found.id)
    return {"object": "view_query", "id": found.id, "deleted": True}


def _find(call: Call) -> nodes.Node:
    view, identifier = call.identifier("view_id"), validation.identifier(call.path["query_id"], "path.query_id")
    found = nodes.find(call.connection, identifier, "view_query")
    if found.parent_id != view or call.moment >= found.created_at + LIFE:
        raise not_found("view_query", identifier)
    return found

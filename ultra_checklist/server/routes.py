"""Which call goes to which handler, and which of them only read."""

import re
from typing import Final, Literal, NamedTuple

from ultra_checklist.server import (
    async_tasks,
    blocks,
    comments,
    custom_emojis,
    data_sources,
    databases,
    meeting_notes,
    page_markdown,
    pages,
    plan,
    query,
    search,
    uploads,
    users,
    view_queries,
    views,
)
from ultra_checklist.server.calls import Handler
from ultra_checklist.server.errors import ApiError


class Route(NamedTuple):
    """A method and a path.

    ``writes`` says whether the call needs the file's write lock, ``needs`` what the caller must be capable of,
    ``lags`` which of the lags that can be asked for delays what it sees.
    """

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    writes: bool
    multipart: bool
    needs: str
    lags: Literal["query", "search"] | None


_LAGS: Final[dict[Handler, Literal["query", "search"]]] = {query.query: "query", search.search: "search"}
_NEEDS: Final = {"GET": plan.READ, "POST": plan.INSERT, "PATCH": plan.UPDATE, "DELETE": plan.UPDATE}


def _route(
    method: str,
    path: str,
    handler: Handler,
    *,
    reads: bool = False,
    multipart: bool = False,
    needs: str | None = None,
) -> Route:
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
    if needs is None:
        needs = plan.READ if reads else _NEEDS[method]
    return Route(method, pattern, handler, method != "GET" and not reads, multipart, needs, _LAGS.get(handler))


_ROUTES: Final = (
    _route("GET", "users/me", users.me, needs=""),
    _route("GET", "users", users.index, needs=plan.USERS),
    _route("GET", "users/{user_id}", users.retrieve, needs=""),
    _route("POST", "pages", pages.create),
    _route("GET", "pages/{page_id}", pages.retrieve),
    _route("PATCH", "pages/{page_id}", pages.update),
    _route("POST", "pages/{page_id}/move", pages.move, needs=plan.UPDATE),
    _route("GET", "pages/{page_id}/properties/{property_id}", pages.retrieve_property),
    _route("GET", "pages/{page_id}/markdown", page_markdown.retrieve),
    _route("PATCH", "pages/{page_id}/markdown", page_markdown.update),
    _route("GET", "async_tasks/{task_id}", async_tasks.retrieve),
    _route("POST", "databases", databases.create),
    _route("GET", "databases/{database_id}", databases.retrieve),
    _route("PATCH", "databases/{database_id}", databases.update),
    _route("POST", "data_sources", data_sources.create),
    _route("GET", "data_sources/{data_source_id}", data_sources.retrieve),
    _route("PATCH", "data_sources/{data_source_id}", data_sources.update),
    _route("POST", "data_sources/{data_source_id}/query", query.query, reads=True),
    _route("GET", "data_sources/{data_source_id}/templates", data_sources.templates),
    _route("POST", "blocks/meeting_notes", meeting_notes.create),
    _route("POST", "blocks/meeting_notes/query", meeting_notes.query, reads=True),
    _route("GET", "blocks/{block_id}", blocks.retrieve),
    _route("PATCH", "blocks/{block_id}", blocks.update),
    _route("DELETE", "blocks/{block_id}", blocks.delete),
    _route("GET", "blocks/{block_id}/children", blocks.children),
    _route("PATCH", "blocks/{block_id}/children", blocks.append, needs=plan.INSERT),
    _route("POST", "views", views.create),
    _route("GET", "views", views.index),
    _route("GET", "views/{view_id}", views.retrieve),
    _route("PATCH", "views/{view_id}", views.update),
    _route("DELETE", "views/{view_id}", views.delete),
    _route("POST", "views/{view_id}/queries", view_queries.create, needs=plan.READ),
    _route("GET", "views/{view_id}/queries/{query_id}", view_queries.results),
    _route("DELETE", "views/{view_id}/queries/{query_id}", view_queries.delete, needs=plan.READ),
    _route("POST", "file_uploads", uploads.create),
    _route("GET", "file_uploads", uploads.index),
    _route("GET", "file_uploads/{file_upload_id}", uploads.retrieve),
    _route("POST", "file_uploads/{file_upload_id}/send", uploads.send, multipart=True),
    _route("POST", "file_uploads/{file_upload_id}/complete", uploads.complete),
    _route("POST", "search", search.search, reads=True),
    _route("POST", "comments", comments.create, needs=plan.INSERT_COMMENTS),
    _route("GET", "comments", comments.index, needs=plan.READ_COMMENTS),
    _route("GET", "comments/{comment_id}", comments.retrieve, needs=plan.READ_COMMENTS),
    _route("PATCH", "comments/{comment_id}", comments.update, needs=plan.INSERT_COMMENTS),
    _route("DELETE", "comments/{comment_id}", comments.delete, needs=plan.INSERT_COMMENTS),
    _route("GET", "custom_emojis", custom_emojis.index),
)


def match(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a path below ``/v1/`` and the values in it; Notion's 400 if there is none."""
    for route in _ROUTES:
        if route.method == method and (found := route.pattern.fullmatch(path)):
            return route, found.groupdict()
    raise ApiError(400, "invalid_request_url", "Invalid request URL.")

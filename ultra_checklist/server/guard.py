"""What stands before everything: who may ask, what every answer carries, and the request log."""

import json
import os
import time
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ultra_checklist.server.errors import ApiError

# Names that can only mean this machine; the last is what in-process transports call it.
HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1", "notion.local"})
_NOTES: Final = ("fault", "retry_after", "carried_out", "id", "columns")
"""What the log says of a request besides, where there is something to say."""
_OWN_SITES: Final = frozenset({"same-origin", "none"})


class Guard:
    """Refuses requests that web pages of others cause, dates every answer, and logs every request.

    A page in the same browser could otherwise send requests to loopback, or reach it by a name of its own
    that it lets point to 127.0.0.1; hence the lists of hosts and origins. No CORS header is ever sent.
    """

    def __init__(self, app: ASGIApp, request_log: Path | None = None) -> None:
        self._app = app
        self._log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The state of an application's life is shared; what a request leaves behind is its own.
        state: dict[str, Any] = dict(scope.get("state", {}))
        scope["state"] = state
        state["started"] = datetime.now(UTC), time.perf_counter()

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["date"] = formatdate(usegmt=True)
                headers["x-content-type-options"] = "nosniff"
                headers["cache-control"] = "no-store"
                # Before the answer leaves, so that whoever has an answer finds its line.
                self._note(scope, state, message["status"])
            await send(message)

        refusal = refused(scope)
        if refusal:
            error = ApiError(403, "restricted_resource", refusal)
            await JSONResponse(error.body(), 403)(scope, receive, dated)
        else:
            await self._app(scope, receive, dated)
            self._note(scope, state, None)

    def _note(self, scope: Scope, state: dict[str, Any], status: int | None) -> None:
        # Once a request; one without an answer, whose connection was cut, has no status.
        if self._log is not None and not state.get("noted"):
            state["noted"] = True
            _write(self._log, _line(scope, state, status))


def refused(scope: Scope) -> str:
    """Why a request is refused; empty if it is not."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if _name(host) not in HOSTS:
        return f"Host {host!r} is not a name of this machine; use http://127.0.0.1 and the port of this server."
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        return f"Requests from the web page of another origin ({origin!r}) are refused."
    site = headers.get("sec-fetch-site")
    if site is None or site in _OWN_SITES or _is_navigation(scope, headers):
        return ""
    return f"Requests from the web page of another site (Sec-Fetch-Site: {site!r}) are refused."


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_navigation(scope: Scope, headers: Headers) -> bool:
    # A link to the board may be clicked anywhere: it opens a page of ours and changes nothing.
    return (
        scope["method"] == "GET"
        and (scope["path"] == "/" or scope["path"].startswith("/p/"))
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _line(scope: Scope, state: dict[str, Any], status: int | None) -> str:
    started, begun = state["started"]
    path = scope.get("raw_path") or scope["path"].encode()
    # The query of a link to a file is its signature, which opens the file to whoever reads it.
    query = b"" if path.startswith(b"/files/") else scope["query_string"]
    return json.dumps(
        {
            "time": started.isoformat(timespec="milliseconds"),
            "method": scope["method"],
            "path": (path + (b"?" + query if query else b"")).decode("ascii", "replace"),
            "status": status,
            "body": state.get("body"),
            "actor": state.get("actor"),
            "agent": Headers(scope=scope).get("user-agent"),
            **{name: state[name] for name in _NOTES if state.get(name) is not None},
            "ms": round((time.perf_counter() - begun) * 1000, 1),
        },
        ensure_ascii=False,
    )


def _write(path: Path, line: str) -> None:
    # One write a line, so that several processes may share the file.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode("utf-8", "surrogatepass") + b"\n")
    finally:
        os.close(descriptor)

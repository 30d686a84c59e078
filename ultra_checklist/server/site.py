"""What is not Notion's API: the board's files, the names of persons, and the contents of uploads."""

import hmac
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ultra_checklist.server import media, nodes, times, users
from ultra_checklist.server.store import Store

BOARD: Final = Path(__file__).parent / "board"
CONTENT_SECURITY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_BOARD_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".woff2": "font/woff2",
}
# What a browser cannot run; everything else is handed out as plain text or bytes.
_HARMLESS: Final = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")
_TEXTS: Final = ("text/", "application/json", "image/svg+xml")


class Site:
    """The routes beside ``/v1/``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/", self.page),
            Route("/p/{anything:path}", self.page),
            Route("/board/people", self.people),
            Route("/board/{name}", self.file),
            Route("/files/{identifier}/{name:path}", self.download),
        ]

    async def page(self, _request: Request) -> Response:
        """The board; what it shows is up to the address."""
        return _board_file("board.html")

    async def file(self, request: Request) -> Response:
        """One of the board's files."""
        return _board_file(request.path_params["name"])

    async def people(self, _request: Request) -> Response:
        """The names of all persons who have called, for the board to choose from."""
        with self._store.transaction(write=False) as connection:
            everybody = users.everybody(connection).values()
        return JSONResponse([user.name for user in everybody if user.kind == "person"])

    async def download(self, request: Request) -> Response:
        """The content of an upload, for whoever holds a link that has not expired."""
        identifier = request.path_params["identifier"]
        expires = request.query_params.get("expires", "")
        wanted = media.signature(self._store.secret, identifier, int(expires)) if expires.isdecimal() else ""
        if not wanted or not hmac.compare_digest(wanted.encode(), request.query_params.get("sig", "").encode()):
            return PlainTextResponse("The link's signature is wrong; read the page again for a new link.", 403)
        if times.now() >= int(expires):
            return PlainTextResponse("The link has expired; read the page again for a new link.", 403)
        with self._store.transaction(write=False) as connection:
            upload = nodes.get(connection, identifier)
            row = connection.execute("SELECT content FROM contents WHERE id = ?", (identifier,)).fetchone()
        if upload is None or row is None:
            return PlainTextResponse("There is no such file.", 404)
        return Response(row[0], headers=_download_headers(upload))


def _download_headers(upload: nodes.Node) -> dict[str, str]:
    kind = str(upload.data["content_type"])
    if kind.startswith(_TEXTS):
        kind = "text/plain; charset=utf-8"
    elif kind not in _HARMLESS:
        kind = "application/octet-stream"
    return {
        "content-type": kind,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(upload.title, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
    }


def _board_file(name: str) -> Response:
    path = BOARD / name
    kind = _BOARD_TYPES.get(path.suffix)
    if kind is None or path.parent != BOARD or not path.is_file():
        return PlainTextResponse(f"The board has no file {name}.", 404)
    headers = {"content-type": kind, "referrer-policy": "no-referrer"}
    if kind.startswith("text/html"):
        headers["content-security-policy"] = CONTENT_SECURITY
    return Response(path.read_bytes(), headers=headers)

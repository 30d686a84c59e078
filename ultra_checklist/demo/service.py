"""A small HTTP service of the pretend world: on loopback or a unix socket, remembering what it was asked.

Standard library only. Each service has one answering function and, while somebody sabotages it, a fault that
answers first.
"""

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEPT = 2000
"""Requests that a service remembers."""
MAX_BODY = 1 << 20
"""Bytes of a request's body that are read."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    """What a service was asked."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What a service answers."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"


Answer = Callable[[Request], Reply]
Fault = Callable[[Request], Reply | None]
"""A sabotage: its answer, or None where it leaves the request alone."""


def as_json(body: Any, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(body, ensure_ascii=False).encode())


def as_text(body: str, status: int = 200) -> Reply:
    """A plain text answer."""
    return Reply(status, body.encode(), "text/plain; charset=utf-8")


class Service:
    """Serves from the moment it is made until it is closed."""

    def __init__(self, name: str, answer: Answer, *, port: int = 0, socket_path: Path | None = None) -> None:
        self.name = name
        self.fault: Fault | None = None
        self.heard: deque[Request] = deque(maxlen=KEPT)
        self._answer = answer
        self.open = True
        self._server = _Unix(str(socket_path), self) if socket_path is not None else _Loopback(port, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        if isinstance(self._server, _Unix):
            return f"unix://{self._server.path}"
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def port(self) -> int:
        """Its port; 0 on a unix socket."""
        return self._server.server_port

    def reply(self, request: Request) -> Reply:
        """Remember the request and answer it."""
        self.heard.append(request)
        spoilt = self.fault(request) if self.fault is not None else None
        return spoilt if spoilt is not None else self._answer(request)

    def fail(self, status: int, text: str = "pretend trouble", *, path: str = "") -> None:
        """Answer every request, or those whose path ends so, with this from now on."""
        self.fault = lambda request: as_text(text, status) if request.path.endswith(path) else None

    def close(self) -> None:
        """Take no connection any more and drop those that are kept alive: whoever asks is refused."""
        if self.open:
            self.open = False
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class _Loopback(ThreadingHTTPServer):
    daemon_threads = True
    service: Service

    def __init__(self, port: int, service: Service) -> None:
        self.service = service
        super().__init__((LOOPBACK, port), _Handler)


class _Unix(ThreadingHTTPServer):
    daemon_threads = True
    address_family = socket.AF_UNIX
    service: Service

    def __init__(self, path: str, service: Service) -> None:
        self.service = service
        self.path = path
        super().__init__(("unix", 0), _Handler)

    def server_bind(self) -> None:
        """Bind to the file; there is no host name to ask for."""
        self.socket.bind(self.path)
        self.server_name, self.server_port = "localhost", 0

    def get_request(self) -> tuple[Any, Any]:
        """Give the peer an address, as the handler expects one."""
        connection, _ = self.socket.accept()
        return connection, ("unix", 0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Loopback | _Unix
    timeout = 30

    def _take(self) -> None:
        if not self.server.service.open:
            self.close_connection = True
            return
        address = urlsplit(self.path)
        length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY)
        request = Request(
            method=self.command,
            path=address.path,
            query=dict(parse_qsl(address.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            at=datetime.now(UTC),
        )
        reply = self.server.service.reply(request)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _take  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep stderr quiet: the service remembers what it was asked."""

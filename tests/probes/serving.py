"""A small HTTP server on loopback that answers any method as the test says, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Asked"], None]


class Asked(BaseHTTPRequestHandler):
    """One request; ``body`` is what came with it."""

    server: "Serving"
    body: bytes = b""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        self.server.answer(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any  # noqa: N815 - as the base looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass

    def reply(self, status: int, body: str | bytes = "", **headers: str) -> None:
        """Answer this."""
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class Serving(ThreadingHTTPServer):
    """``release`` lets slow answers go."""

    daemon_threads = True
    answer: Answer

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.release = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on purpose is no error of the test."""


@contextmanager
def serving() -> Iterator[Serving]:
    """A server that runs."""
    with Serving() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.release.set()
        made.shutdown()
        thread.join()


def answering(status: int, body: str | bytes = "", **headers: str) -> Answer:
    """Always the same answer."""
    return lambda asked: asked.reply(status, body, **headers)


def nothing_in_time(asked: Asked) -> None:
    """Accepts and keeps silent."""
    asked.server.release.wait()


def dripping(asked: Asked) -> None:
    """Begins an answer that never ends."""
    asked.send_response(200)
    asked.send_header("Content-Length", "100")
    asked.end_headers()
    asked.wfile.write(b"[")
    asked.wfile.flush()
    asked.server.release.wait()


def cut_off(asked: Asked) -> None:
    """Ends before what was promised has come."""
    asked.send_response(200)
    asked.send_header("Content-Length", "100")
    asked.end_headers()
    asked.wfile.write(b"[1")


def no_http(asked: Asked) -> None:
    """Speaks another protocol."""
    asked.wfile.write(b"SSH-2.0-OpenSSH\r\n")


HOSTILE: dict[str, tuple[Answer, str]] = {
    "silent": (nothing_in_time, "timeout"),
    "dripping": (dripping, "timeout"),
    "cut": (cut_off, "no-answer"),
    "no-http": (no_http, "no-answer"),
    "401": (answering(401), "denied"),
    "403": (answering(403), "denied"),
    "404": (answering(404), "http-status"),
    "429": (answering(429), "rate-limited"),
    "500": (answering(500), "server-error"),
    "503": (answering(503, "<html>"), "server-error"),
    "login": (answering(302, Location="/login?next=secret"), "redirect"),
    "html": (answering(200, "<!DOCTYPE html><p>hello"), "not-json"),
    "text": (answering(200, "hello"), "not-json"),
    "empty": (answering(200), "not-json"),
    "no-utf8": (answering(200, b'"\xff\xfe"'), "not-json"),
    "huge": (answering(200, b" " * (3 << 20)), "too-large"),
    "deep": (answering(200, "[" * 100_000), "not-json"),
    "packed": (answering(200, b"\x1f\x8b\x08", Content_Encoding="gzip"), "not-json"),
}
"""Answers that tell nothing, with the reason that each must give."""


def as_json(value: Any) -> str:
    """JSON text."""
    return json.dumps(value)

"""Listens for Notion's webhooks on the loopback: they wake a watching worker and tell who has changed a row.

Notion signs each body with the verification token that it sent first, when the subscription was made
(https://developers.notion.com/reference/webhooks). What is not signed so is not heard. Notion calls public
addresses alone, so that a tunnel or proxy of the team's own leads here.
"""

import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ultra_checklist import disk
from ultra_checklist.errors import UsageError, cause
from ultra_checklist.sending import sign
from ultra_checklist.words import Words

HOST: Final = "127.0.0.1"
LARGEST: Final = 1 << 20
"""Bytes of one webhook that are read."""
KEPT: Final = 900.0
"""Seconds for which it is remembered who has changed a row."""
TOKEN_FILE: Final = "webhook-token"  # noqa: S105 - a file's name
_TIMEOUT: Final = 10.0


class Listener:
    """What has come in by webhooks; ``wake`` is called, from another thread, for each one that is sound.

    ``told`` hears, from there too, that the verification token has come.
    """

    def __init__(self, home: Path, wake: Callable[[], object], told: Callable[[Words], object]) -> None:
        self._path = home / TOKEN_FILE
        self._wake = wake
        self._told = told
        self._lock = threading.Lock()
        self._authors: dict[str, tuple[str, float]] = {}

    def authors(self) -> dict[str, str]:
        """The id of the one person who has changed each page's properties lately, by the page's id."""
        with self._lock:
            now = time.monotonic()
            self._authors = {page: one for page, one in self._authors.items() if now - one[1] < KEPT}
            return {page: user for page, (user, _) in self._authors.items()}

    def hear(self, body: bytes, signature: str) -> int:
        """Take in one webhook; returns the status to answer with."""
        try:
            event = json.loads(body)
        except (ValueError, RecursionError):
            return 400
        if not isinstance(event, dict):
            return 400
        if isinstance(event.get("verification_token"), str):
            return self._verify(event["verification_token"])
        token = self._token()
        if not token or not hmac.compare_digest(sign(body, token).encode(), signature.encode(errors="replace")):
            return 401
        self._note(event)
        self._wake()
        return 200

    def _verify(self, token: str) -> int:
        # The first to come is Notion; whoever comes later with another one is not, until the file is deleted.
        with self._lock:
            known = self._token()
            if known:
                return 200 if hmac.compare_digest(known.encode(), token.encode()) else 409
            disk.replace(self._path, token.encode())
        self._told(_TOKEN.filled(path=str(self._path)))
        return 200

    def _token(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _note(self, event: dict[str, Any]) -> None:
        entity, authors = event.get("entity"), event.get("authors")
        if event.get("type") != "page.properties_updated" or not isinstance(entity, dict):
            return
        people = [a for a in authors if isinstance(a, dict)] if isinstance(authors, list) else []
        with self._lock:
            # Where several have changed it, nobody can tell who did what.
            if len(people) == 1 and people[0].get("type") == "person":
                self._authors[str(entity.get("id"))] = (str(people[0].get("id")), time.monotonic())
            else:
                self._authors.pop(str(entity.get("id")), None)


@contextmanager
def listening(listener: Listener, port: int) -> Iterator[str]:
    """Hear webhooks on a port of the loopback, 0 for a free one, until the block ends; gives the address.

    Raises UsageError where the port cannot be had.
    """

    class Handler(_Handler):
        hear = staticmethod(listener.hear)

    try:
        server = http.server.ThreadingHTTPServer((HOST, port), Handler)
    except (OSError, OverflowError) as error:
        told = _NO_PORT.filled(port=str(port), why=cause(error))
        raise UsageError(told, remedy=_OTHER_PORT) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="webhooks", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = _TIMEOUT
    hear: Callable[[bytes, str], int]

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length") or ""
        if not length.isdecimal() or int(length) > LARGEST:
            self._answer(413)
            return
        self._answer(self.hear(self.rfile.read(int(length)), self.headers.get("X-Notion-Signature") or ""))

    def _answer(self, status: int) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Say nothing: what matters is told by the passes."""


_TOKEN = Words(
    en="Notion's verification token for webhooks has come: paste it into Notion from {path}",
    ja="Notion の Webhook 検証トークンを受信しました。{path} の内容を Notion に貼り付けてください",
)
_NO_PORT = Words(
    en="--webhook {port} cannot be listened on: {why}", ja="--webhook {port} で待ち受けできません: {why}"
)
_OTHER_PORT = Words(en="Choose another port", ja="別のポートを指定してください")

"""A proxy between a command and the local Notion that lets a test act at any request."""

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Proxy:
    """Passes requests on and counts them; ``act(number, when)`` is called before and after each is carried out.

    Where it returns True the answer never comes.
    """

    def __init__(self, target: str, act: Callable[[int, str], bool] = lambda _number, _when: False) -> None:
        self.act = act
        self.count = 0
        self.date = ""
        """What the answers say is the time; empty: what the target says."""
        self._lock = threading.Lock()
        address = urlsplit(target).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                with proxy._lock:
                    proxy.count += 1
                    number = proxy.count
                if proxy.act(number, "before"):
                    self.close_connection = True
                    return
                connection = http.client.HTTPConnection(address)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                connection.request(self.command, self.path, body, headers | {"host": address})
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                if proxy.act(number, "after"):
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name in ("content-type", "date", "retry-after"):
                    if answer.headers[name]:
                        other = proxy.date if name == "date" else ""
                        self.send_header(name, other or answer.headers[name])
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = pass_on  # noqa: N815 - the base class's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # Killed commands do not say goodbye.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

"""A small HTTP server on a free port of the loopback: ``/ok`` is 200, everything else 500."""

import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers at once and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Good or bad, as the path says."""
        self.send_response(200 if self.path == "/ok" else 500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """Takes it calmly when a client hangs up."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


server = Server(("127.0.0.1", 0), Handler)
sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
sys.stdout.flush()
server.serve_forever()

"""The pretend production's backend: answers which commit it runs. Standard library only.

It reads its commit once, when it starts; the deploy script sends SIGHUP to make it start anew.
"""

import argparse
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType


class Backend(ThreadingHTTPServer):
    """A server that knows its release file."""

    daemon_threads = True

    def __init__(self, port: int, run_folder: Path) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self._run_folder = run_folder
        self.release: dict[str, str] = {}
        self.start_anew()

    def start_anew(self) -> None:
        """Take on the release that was deployed last, and say so in the log."""
        version, commit = (self._run_folder / "release").read_text(encoding="utf-8").split()
        self.release = {"version": version, "commit": commit}
        self.log(f"INFO backend started version={version} commit={commit}")

    @property
    def broken(self) -> bool:
        """Whether somebody sabotaged this version of it: it then answers 500."""
        marker = self._run_folder / "broken"
        return marker.exists() and marker.read_text(encoding="utf-8") == self.release["version"]

    def log(self, line: str) -> None:
        """Append a line to the backend's log."""
        with (self._run_folder / "backend.log").open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class Answer(BaseHTTPRequestHandler):
    """One read-only answer for every path."""

    server: Backend

    def do_GET(self) -> None:
        """Say how we are and which commit runs."""
        status = 500 if self.server.broken else 200
        word = "error" if self.server.broken else "ok"
        body = {"status": word, "service": "ultra-autotrade-backend", **self.server.release}
        content = json.dumps(body).encode()
        self.server.log(f"{'ERROR' if status == 500 else 'INFO'} GET {self.path} {status}")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep stderr quiet: the backend has a log of its own."""


def main() -> None:
    """Serve until SIGTERM; write the process id and the port into the run folder once connections are taken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run_folder", type=Path)
    arguments = parser.parse_args()
    backend = Backend(0, arguments.run_folder)

    def anew(_number: int, _frame: FrameType | None) -> None:
        backend.start_anew()

    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGHUP, anew)
    signal.signal(signal.SIGTERM, leave)
    (arguments.run_folder / "pid").write_text(str(os.getpid()))
    print(f"ready {backend.server_address[1]}", flush=True)  # noqa: T201 - whoever started us waits for this line
    with backend:
        backend.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()

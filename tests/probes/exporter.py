"""A small exporter on loopback that tells what a test says, and a real Prometheus that scrapes it."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

TEXT = "text/plain; version=0.0.4"


class Exporter(ThreadingHTTPServer):
    """Answers every request with ``page``; keeps what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.page: str | bytes = ""
        self.status, self.kind = 200, TEXT
        self.headers: dict[str, str] = {}
        self.length: int | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.held: threading.Event | None = None

    def tell(self, page: str | bytes, status: int = 200, kind: str = TEXT, **headers: str) -> None:
        """What it says from now on."""
        self.page, self.status, self.kind, self.headers = page, status, kind, headers


class _Handler(BaseHTTPRequestHandler):
    server: Exporter

    def do_GET(self) -> None:
        said = self.server
        said.asked.append((self.path, dict(self.headers)))
        if said.held is not None:
            said.held.wait()
        body = said.page.encode() if isinstance(said.page, str) else said.page
        self.send_response(said.status)
        for name, value in {"Content-Type": said.kind, **said.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if said.length is None else said.length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@contextmanager
def exporting() -> Iterator[Exporter]:
    """An exporter that runs."""
    with Exporter() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield made
        finally:
            if made.held is not None:
                made.held.set()
            made.shutdown()
            thread.join()


class Prometheus:
    """A server that runs, and what it knows."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        with urlopen(f"{self.url}/api/v1/query?{urlencode({'query': query})}") as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    def wait(self, query: str, seconds: float = 60) -> None:
        """Until a query gives something."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.ask(query):
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, f"Prometheus never knew {query}"
            time.sleep(0.05)


@contextmanager
def prometheus(folder: Path, exporter: Exporter) -> Iterator[Prometheus]:
    """A real Prometheus that scrapes the exporter each second."""
    program = shutil.which("prometheus")
    if program is None:
        assert not os.environ.get("CI"), "prometheus is needed"
        pytest.skip("prometheus is not here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = exporter.url.removeprefix("http://")
    job = {
        "job_name": "app",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [{"targets": [target]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
    command = [
        program, f"--config.file={folder}/prometheus.yml", f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={folder}/data", "--log.level=warn",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        made = Prometheus(f"http://127.0.0.1:{port}")
        made.wait('up{job="app"} == 1')
        yield made
    finally:
        process.terminate()
        process.wait()

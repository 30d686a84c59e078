"""A server of its own for the whole test run, and an application in this process for each test."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette

from ultra_checklist.server.app import create_app

Json = dict[str, Any]
WORKSPACE = "00000000-0000-4000-8000-000000000001"
BOT = "00000000-0000-4000-8000-0000000000b0"


def text(words: str) -> list[Json]:
    return [{"type": "text", "text": {"content": words}}]


@dataclass(frozen=True)
class Notion:
    """Speaks to an application in this process, as the integration or as a person."""

    app: Starlette
    token: str = "ntn_local"
    version: str = "2026-03-11"

    def person(self, name: str) -> "Notion":
        return Notion(self.app, f"ntn_person_{quote(name)}", self.version)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers: Json = {"Authorization": f"Bearer {self.token}", "Notion-Version": self.version}
        headers |= options.pop("headers", {})
        headers = {name: value for name, value in headers.items() if value is not None}

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://notion.local") as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(go())

    def call(self, method: str, path: str, body: Json | None = None, **options: Any) -> Json:
        answer = self.send(method, f"/v1/{path}", json=body, **options)
        assert answer.status_code == 200, answer.text
        return cast("Json", answer.json())

    def get(self, path: str, **params: Any) -> Json:
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Json) -> Json:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Json) -> Json:
        return self.call("PATCH", path, body)

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> Json:
        """The body of an answer that must be an error."""
        answer = self.send(method, f"/v1/{path}", json=body, **options)
        assert answer.status_code >= 400, answer.text
        return cast("Json", answer.json())

    def database(self, **properties: Json) -> str:
        """The data source of a new database; its title property is ``Name``."""
        schema = {"Name": {"title": {}}, **properties}
        body = {
            "parent": {"type": "page_id", "page_id": WORKSPACE},
            "title": text("Things"),
            "initial_data_source": {"properties": schema},
        }
        return str(self.post("databases", body)["data_sources"][0]["id"])

    def row(self, source: str, name: str, **properties: Json) -> Json:
        values = {"Name": {"title": text(name)}, **properties}
        return self.post("pages", {"parent": {"data_source_id": source}, "properties": values})

    def found(self, source: str, given: Json | None = None, **body: Any) -> list[str]:
        """The titles that a query finds."""
        if given is not None:
            body["filter"] = given
        results = self.post(f"data_sources/{source}/query", body)["results"]
        return ["".join(part["plain_text"] for part in row["properties"]["Name"]["title"]) for row in results]


@pytest.fixture
def notion(tmp_path: Path) -> Iterator[Notion]:
    app = create_app(tmp_path / "notion.db")
    yield Notion(app)
    app.state.store.close()


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    url: str
    log: Path
    process: subprocess.Popen[str]

    def logged(self) -> list[Json]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


def start(folder: Path, *, port: int = 0) -> Server:
    log = folder / "requests.jsonl"
    command = [sys.executable, "-m", "ultra_checklist.server", "--port", str(port)]
    command += ["--db", str(folder / "notion.db"), "--request-log", str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready http://127.0.0.1:"), line
    return Server(line.split()[1], log, process)


def stop(server: Server, number: int = signal.SIGTERM) -> tuple[int, str, str]:
    """End the server by a signal: its exit code and what it still wrote."""
    os.kill(server.process.pid, number)
    rest, errors = server.process.communicate(timeout=30)
    return server.process.returncode, rest, errors


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("server"))
    yield running
    assert stop(running)[0] == 0

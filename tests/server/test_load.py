"""Eight clients at once: no answer is an error of the server, and no update of anybody is lost."""

import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.server.conftest import WORKSPACE, start, stop, text

HEADERS = {"Authorization": "Bearer ntn_local", "Notion-Version": "2026-03-11"}
CLIENTS = 8
REQUESTS = 10_000
SHARED = 5


class Client:
    """Writes a column of its own in rows that all share, and rows of its own; knows what must be there."""

    def __init__(self, url: str, number: int, source: str, rows: list[str]) -> None:
        self.http = httpx.Client(base_url=url, headers=HEADERS, timeout=60)
        self.column = f"Client {number}"
        self.source = source
        self.rows = rows
        self.rng = random.Random(number)
        self.written: dict[str, int] = {}
        self.own: dict[str, int] = {}
        self.blocks: list[str] = []
        self.sent = 0

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.http.request(method, f"/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        self.sent += 1
        return dict(answer.json())

    def step(self, number: int) -> None:
        kind = self.rng.choices(
            ("share", "new", "change", "query", "read", "append", "trash"), (5, 2, 3, 1, 4, 2, 1)
        )[0]
        if kind == "share":
            row = self.rng.choice(self.rows)
            answer = self.call("PATCH", f"pages/{row}", {"properties": {self.column: {"number": number}}})
            assert answer["properties"][self.column]["number"] == number
            self.written[row] = number
        elif kind == "new" or not self.own:
            properties = {"Name": {"title": text(self.column)}, self.column: {"number": number}}
            body = {"parent": {"data_source_id": self.source}, "properties": properties}
            self.own[self.call("POST", "pages", body)["id"]] = number
        elif kind == "append":
            paragraph = {"paragraph": {"rich_text": text(f"{self.column} {number}")}}
            page = self.rng.choice(self.rows)
            self.blocks.append(
                self.call("PATCH", f"blocks/{page}/children", {"children": [paragraph]})["results"][0]["id"]
            )
        elif kind == "query":
            ours = {"property": self.column, "number": {"equals": self.rng.choice(list(self.own.values()))}}
            assert self.call("POST", f"data_sources/{self.source}/query", {"filter": ours, "page_size": 5})[
                "results"
            ]
        else:
            self.of_own(kind, number)

    def of_own(self, kind: str, number: int) -> None:
        row = self.rng.choice(list(self.own))
        if kind == "change":
            self.call("PATCH", f"pages/{row}", {"properties": {self.column: {"number": number}}})
            self.own[row] = number
        elif kind == "read":
            assert self.call("GET", f"pages/{row}")["properties"][self.column]["number"] == self.own[row]
        else:
            for trash in (True, False):
                self.call("PATCH", f"pages/{row}", {"in_trash": trash})

    def run(self) -> "Client":
        with self.http:
            number = 0
            while self.sent < REQUESTS // CLIENTS:
                number += 1
                self.step(number)
        return self


def test_eight_clients_lose_nothing(tmp_path: Path) -> None:
    server = start(tmp_path)
    with httpx.Client(base_url=server.url, headers=HEADERS, timeout=60) as http:
        schema: dict[str, Any] = {
            "Name": {"title": {}},
            **{f"Client {number}": {"number": {}} for number in range(CLIENTS)},
        }
        parent = {"type": "page_id", "page_id": WORKSPACE}
        made = http.post("/v1/databases", json={"parent": parent, "initial_data_source": {"properties": schema}})
        source = made.json()["data_sources"][0]["id"]
        row = {"parent": {"data_source_id": source}, "properties": {"Name": {"title": text("shared")}}}
        rows = [http.post("/v1/pages", json=row).json()["id"] for _ in range(SHARED)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = list(pool.map(lambda n: Client(server.url, n, source, rows).run(), range(CLIENTS)))
        assert sum(client.sent for client in clients) >= REQUESTS
        for shared in rows:
            values = http.get(f"/v1/pages/{shared}").json()["properties"]
            wanted = {client.column: client.written.get(shared) for client in clients}
            assert {name: values[name]["number"] for name in wanted} == wanted
    assert stop(server) == (0, "", "")
    connection = sqlite3.connect(tmp_path / "notion.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    stored = {one for (one,) in connection.execute("SELECT id FROM nodes")}
    positions = connection.execute(
        "SELECT COUNT(*) - COUNT(DISTINCT parent_id || ':' || position) FROM nodes WHERE kind = 'block'"
    ).fetchone()
    connection.close()
    for client in clients:
        assert stored.issuperset([*client.own, *client.blocks])
    assert positions == (0,)

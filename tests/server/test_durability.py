"""Killed at any moment, the file is sound and holds every write that was acknowledged."""

import os
import random
import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.server.conftest import WORKSPACE, start, stop, text

HEADERS = {"Authorization": "Bearer ntn_local", "Notion-Version": "2026-03-11"}
BURSTS = int(os.environ.get("DURABILITY_BURSTS", "1000"))
WRITERS = 3
KILL_AFTER = (1, 60)


class Witness:
    """What the server has acknowledged: titles of pages, and contents of uploads."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.bursts = 0
        self._lock = threading.Lock()

    def burst(self, url: str, number: int) -> None:
        """One page made, renamed and given a file, noted step by step as the answers come in."""
        with httpx.Client(base_url=url, headers=HEADERS, timeout=30) as client:
            parent = {"page_id": WORKSPACE}
            made = client.post("/v1/pages", json={"parent": parent, "properties": {"title": text(f"a{number}")}})
            page = self._acknowledged(made)["id"]
            self._note(page, f"a{number}")
            body = {"properties": {"title": text(f"b{number}")}}
            self._acknowledged(client.patch(f"/v1/pages/{page}", json=body))
            self._note(page, f"b{number}")
            upload = self._acknowledged(client.post("/v1/file_uploads", json={"filename": "a.txt"}))["id"]
            content = f"content {number}".encode()
            files = {"file": ("a.txt", content, "text/plain")}
            self._acknowledged(client.post(f"/v1/file_uploads/{upload}/send", files=files))
            with self._lock:
                self.files[upload] = content

    def _acknowledged(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def _note(self, page: str, title: str) -> None:
        with self._lock:
            self.titles[page] = title

    def count(self) -> int:
        with self._lock:
            self.bursts += 1
            return self.bursts


def run_until_killed(folder: Path, witness: Witness, rng: random.Random) -> None:
    server = start(folder)
    killing = witness.bursts + rng.randint(*KILL_AFTER)
    dead = threading.Event()

    def writer() -> None:
        while not dead.is_set():
            number = witness.count()
            if number == killing:
                # The others are in the midst of their bursts.
                os.kill(server.process.pid, signal.SIGKILL)
                dead.set()
            try:
                witness.burst(server.url, number)
            except httpx.TransportError:
                return

    with ThreadPoolExecutor(WRITERS) as pool:
        for future in [pool.submit(writer) for _ in range(WRITERS)]:
            future.result()
    server.process.communicate(timeout=30)
    assert server.process.returncode == -signal.SIGKILL


def check(path: Path, witness: Witness) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    titles = dict(connection.execute("SELECT id, title FROM nodes WHERE kind = 'page'"))
    contents = dict(connection.execute("SELECT id, content FROM contents"))
    connection.close()
    for page, title in witness.titles.items():
        # A rename whose answer was lost may have been made.
        assert titles[page] in (title, title.replace("a", "b")), page
    assert {upload: contents.get(upload) for upload in witness.files} == witness.files


def test_no_acknowledged_write_is_lost_by_kill_9(tmp_path: Path) -> None:
    rng = random.Random(20)
    witness, kills = Witness(), 0
    while witness.bursts < BURSTS:
        run_until_killed(tmp_path, witness, rng)
        kills += 1
        check(tmp_path / "notion.db", witness)
    assert kills > BURSTS // KILL_AFTER[1]
    assert len(witness.files) > BURSTS // 2
    server = start(tmp_path)
    page, title = next(reversed(witness.titles.items()))
    shown = httpx.get(f"{server.url}/v1/pages/{page}", headers=HEADERS).json()
    assert shown["properties"]["title"]["title"][0]["plain_text"] in (title, title.replace("a", "b"))
    assert stop(server) == (0, "", "")


def test_a_second_server_on_the_same_file_sees_every_write(tmp_path: Path) -> None:
    first, second = start(tmp_path), start(tmp_path)
    body = {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("shared")}}
    page = httpx.post(f"{first.url}/v1/pages", json=body, headers=HEADERS).json()["id"]
    assert httpx.get(f"{second.url}/v1/pages/{page}", headers=HEADERS).status_code == 200
    for server in (first, second):
        assert stop(server) == (0, "", "")

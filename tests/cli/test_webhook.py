"""``sync --watch --webhook``: a worker that passes once an hour by itself is woken by each tick; nobody else wakes it."""

import hashlib
import hmac
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.shell import COMMAND, SMALL, Served, free_port, serving
from ultra_checklist.webhook import KEPT, LARGEST, TOKEN_FILE, Listener, listening
from ultra_checklist.words import Words

HOURLY = "3600"


@contextmanager
def watching(served: Served, port: int) -> Iterator["subprocess.Popen[str]"]:
    command = [*COMMAND, "sync", "--watch", HOURLY, "--webhook", str(port), "--log-format", "json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=served.full_environment(),
        cwd=served.folder,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def until(process: "subprocess.Popen[str]", holds: str) -> str:
    """The line of the worker that holds a text; a worker that never says it is ended after a while."""
    timer = threading.Timer(60, process.kill)
    timer.start()
    said = []
    try:
        for line in process.stderr or ():
            said.append(line)
            if holds in line:
                return line
    finally:
        timer.cancel()
    raise AssertionError(f"{holds!r} was never said, but {said}")


def test_a_tick_wakes_a_worker_that_sleeps_for_an_hour(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, "--webhook", f"http://127.0.0.1:{port}/notion") as served:
        served.ok("init")
        (served.folder / "small.md").write_text(SMALL, encoding="utf-8")
        served.ok("new", "v1", "-t", "small.md")
        served.ok("sync")
        with watching(served, port) as worker:
            until(worker, "verification token")
            served.tick("there")
            assert json.loads(until(worker, '"there"'))["result"] == "passed"
    token = (served.home / TOKEN_FILE).read_text(encoding="utf-8")
    assert token.startswith("secret_")
    assert (served.home / TOKEN_FILE).stat().st_mode & 0o777 == 0o600


def test_webhook_without_watch_is_refused(served: Served) -> None:
    done = served.run("sync", "--webhook", "0")
    assert (done.returncode, "--webhook needs --watch" in done.stderr) == (2, True)


def test_a_port_that_is_taken_is_told(served: Served) -> None:
    served.ok("init")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = served.run("sync", "--watch", "1", "--webhook", port)
    assert done.returncode == 2
    assert f"--webhook {port} cannot be listened on" in done.stderr


TOKEN = "secret_abc"
CHANGED = {
    "type": "page.properties_updated",
    "entity": {"id": "p1", "type": "page"},
    "authors": [{"id": "u1", "type": "person"}],
}


class Heard:
    """A listener of a test, which counts how often it wakes and is told."""

    def __init__(self, home: Path) -> None:
        self.woken: list[None] = []
        self.told: list[Words] = []
        self.listener = Listener(home, lambda: self.woken.append(None), self.told.append)

    def send(self, event: Any, token: str = TOKEN) -> int:
        body = json.dumps(event).encode()
        return self.listener.hear(body, "sha256=" + hmac.new(token.encode(), body, hashlib.sha256).hexdigest())


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    found = Heard(tmp_path)
    assert found.listener.hear(json.dumps({"verification_token": TOKEN}).encode(), "") == 200
    return found


def test_only_what_notion_has_signed_is_heard(heard: Heard) -> None:
    assert heard.send(CHANGED, token="another") == 401
    assert heard.listener.hear(json.dumps(CHANGED).encode(), "") == 401
    assert heard.listener.hear(json.dumps(CHANGED).encode(), "sha256=\udcff") == 401
    assert (heard.woken, heard.listener.authors()) == ([], {})
    assert heard.send(CHANGED) == 200
    assert (len(heard.woken), heard.listener.authors()) == (1, {"p1": "u1"})


def test_before_a_token_has_come_nothing_is_heard(tmp_path: Path) -> None:
    found = Heard(tmp_path)
    assert found.send(CHANGED, token="") == 401
    assert found.woken == []


def test_a_second_token_changes_nothing(heard: Heard, tmp_path: Path) -> None:
    assert heard.listener.hear(b'{"verification_token": "secret_other"}', "") == 409
    assert heard.listener.hear(json.dumps({"verification_token": TOKEN}).encode(), "") == 200
    assert (tmp_path / TOKEN_FILE).read_text(encoding="utf-8") == TOKEN
    assert len(heard.told) == 1


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_event_is_refused(heard: Heard, body: bytes) -> None:
    assert heard.listener.hear(body, "") == 400
    assert heard.woken == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "page.properties_updated"},
        {**CHANGED, "authors": None},
        {**CHANGED, "authors": [1]},
        {**CHANGED, "authors": [{"id": "u1", "type": "bot"}]},
        {**CHANGED, "authors": [*CHANGED["authors"], {"id": "u2", "type": "person"}]},
        {**CHANGED, "type": "page.content_updated"},
        {**CHANGED, "entity": "p1"},
    ],
)
def test_an_author_is_known_where_there_is_one_person(heard: Heard, event: Any) -> None:
    assert heard.send(event) == 200
    assert heard.listener.authors() == {}
    assert len(heard.woken) == 1


def test_several_authors_take_back_what_one_was_said_to_have_done(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard.send(CHANGED)
    heard.send({**CHANGED, "authors": [*CHANGED["authors"], {"id": "b", "type": "bot"}]})
    assert heard.listener.authors() == {}
    heard.send(CHANGED)
    now = __import__("time").monotonic()
    monkeypatch.setattr("ultra_checklist.webhook.time.monotonic", lambda: now + KEPT + 1)
    assert heard.listener.authors() == {}


def test_over_http_a_body_has_a_length_and_a_limit(heard: Heard) -> None:
    with listening(heard.listener, 0) as url:
        assert httpx.post(url, content=b"x").status_code == 400
        assert httpx.post(url, content=iter([b"x"])).status_code == 413
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=30) as client:
            client.sendall(f"POST / HTTP/1.1\r\nContent-Length: {LARGEST + 1}\r\n\r\n".encode())
            assert b" 413 " in client.recv(1000)
        assert httpx.get(url).status_code == 501
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)

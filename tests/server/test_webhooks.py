"""Webhooks of the local Notion: verified, signed, gathered, sent again; what happened comes as Notion names it."""

import hashlib
import hmac
import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.conftest import WORKSPACE, Json, text
from tests.shell import COMMAND

DONE = {"Done": {"checkbox": True}}


class Receiver(http.server.ThreadingHTTPServer):
    """Takes webhooks; ``refuse`` says to how many more of a kind it answers with 500."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.came = threading.Condition()
        self.events: list[Json] = []
        self.refused: list[Json] = []
        self.refuse: dict[str, int] = {}
        self.token = ""
        self.bad: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def wait(self, kind: str, holds: Callable[[Json], bool] = lambda _event: True) -> Json:
        """The first event of a kind for which that holds."""

        def found() -> Json | None:
            return next((e for e in self.events if e["type"] == kind and holds(e)), None)

        with self.came:
            assert self.came.wait_for(lambda: found() is not None, timeout=30), [e["type"] for e in self.events]
            event = found()
        assert event is not None
        return event


class Hook(http.server.BaseHTTPRequestHandler):
    """One webhook."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event, left = json.loads(body), 0
        with self.server.came:
            if "verification_token" in event:
                self.server.token = event["verification_token"]
            else:
                digest = hmac.new(self.server.token.encode(), body, hashlib.sha256).hexdigest()
                if self.headers["X-Notion-Signature"] != f"sha256={digest}":
                    self.server.bad.append(event["type"])
                left = self.server.refuse.get(event["type"], 0)
                self.server.refuse[event["type"]] = max(0, left - 1)
                (self.server.refused if left else self.server.events).append(event)
            self.send_response(500 if left else 200)
            self.server.came.notify_all()
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
    assert server.bad == []


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[httpx.Client]:
    command = [*COMMAND, "serve", "--port", "0", "--db", str(folder / "notion.db"), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            headers = {"Authorization": "Bearer ntn_local", "Notion-Version": "2026-03-11"}
            with httpx.Client(base_url=f"{line.split()[1]}/v1/", headers=headers) as client:
                yield client
        finally:
            process.terminate()


def made(client: httpx.Client, method: str, path: str, body: Any = None, person: str = "") -> Json:
    headers = {"Authorization": f"Bearer ntn_person_{person}"} if person else {}
    answer = client.request(method, path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def source_of(client: httpx.Client) -> str:
    body = {
        "parent": {"type": "page_id", "page_id": WORKSPACE},
        "initial_data_source": {"properties": {"Name": {"title": {}}, "Done": {"checkbox": {}}}},
    }
    return str(made(client, "POST", "databases", body)["data_sources"][0]["id"])


def test_a_tick_comes_with_its_author_and_what_was_changed(tmp_path: Path, receiver: Receiver) -> None:
    with serving(tmp_path, "--webhook", receiver.url) as client:
        source = source_of(client)
        properties = {"Name": {"title": text("Row")}}
        row = made(client, "POST", "pages", {"parent": {"data_source_id": source}, "properties": properties})["id"]
        created = receiver.wait("page.created", lambda event: event["entity"]["id"] == row)
        assert created["data"]["parent"]["data_source_id"] == source
        ada = made(client, "GET", "users/me", person="Ada")["id"]
        made(client, "PATCH", f"pages/{row}", {"properties": DONE}, person="Ada")
        ticked = receiver.wait("page.properties_updated", lambda event: event["entity"]["id"] == row)
        schema = made(client, "GET", f"data_sources/{source}")["properties"]
    assert ticked["authors"] == [{"id": ada, "type": "person"}]
    assert ticked["data"]["updated_properties"] == [schema["Done"]["id"]]
    assert ticked["attempt_number"] == 1
    assert receiver.token.startswith("secret_")


def test_one_that_fails_is_sent_again_until_it_is_taken(tmp_path: Path, receiver: Receiver) -> None:
    with serving(tmp_path, "--webhook", receiver.url) as client:
        source = source_of(client)
        receiver.wait("data_source.created")
        receiver.refuse["data_source.schema_updated"] = 2
        made(client, "PATCH", f"data_sources/{source}", {"properties": {"Note": {"rich_text": {}}}})
        event = receiver.wait("data_source.schema_updated")
    assert [one["attempt_number"] for one in receiver.refused] == [1, 2]
    assert event["attempt_number"] == 3
    assert len({one["id"] for one in [*receiver.refused, event]}) == 1
    (change,) = event["data"]["updated_properties"]
    assert (change["name"], change["action"]) == ("Note", "created")


def test_what_comes_close_together_is_one_event(tmp_path: Path, receiver: Receiver) -> None:
    with serving(tmp_path, "--webhook", receiver.url) as client:
        page = made(client, "POST", "pages", {"parent": {"page_id": WORKSPACE}})["id"]
        block = {"children": [{"paragraph": {"rich_text": text("x")}}]}
        made(client, "PATCH", f"blocks/{page}/children", block)
        made(client, "PATCH", f"blocks/{page}/children", block, person="Ada")
        event = receiver.wait("page.content_updated", lambda event: event["entity"]["id"] == page)
        ids = [one["id"] for one in made(client, "GET", f"blocks/{page}/children")["results"]]
    assert [one["id"] for one in event["data"]["updated_blocks"]] == ids
    assert [author["type"] for author in event["authors"]] == ["bot", "person"]


def test_every_kind_of_event(tmp_path: Path, receiver: Receiver) -> None:
    with serving(tmp_path, "--webhook", receiver.url) as client:
        source = source_of(client)
        home = made(client, "POST", "pages", {"parent": {"page_id": WORKSPACE}})["id"]
        page = made(client, "POST", "pages", {"parent": {"page_id": WORKSPACE}})["id"]
        for change in ({"is_locked": True}, {"is_locked": False}, {"in_trash": True}, {"in_trash": False}):
            made(client, "PATCH", f"pages/{page}", change)
        made(client, "POST", f"pages/{page}/move", {"parent": {"page_id": home}})
        relation = {"Up": {"relation": {"data_source_id": source, "single_property": {}}}}
        made(client, "PATCH", f"data_sources/{source}", {"properties": relation})
        rows = [
            made(client, "POST", "pages", {"parent": {"data_source_id": source}, "properties": {}})["id"]
            for _ in range(2)
        ]
        made(client, "PATCH", f"pages/{rows[0]}", {"properties": {"Up": {"relation": [{"id": rows[1]}]}}})
        comment = made(client, "POST", "comments", {"parent": {"page_id": page}, "rich_text": text("?")})["id"]
        made(client, "PATCH", f"comments/{comment}", {"markdown": "**!**"})
        made(client, "DELETE", f"comments/{comment}")
        made(client, "POST", "file_uploads", {"filename": "a.txt"})
        database = made(client, "GET", f"data_sources/{source}")["parent"]["database_id"]
        view = {"database_id": database, "data_source_id": source, "name": "V", "type": "list"}
        identifier = made(client, "POST", "views", view)["id"]
        made(client, "PATCH", f"views/{identifier}", {"name": "W"})
        made(client, "DELETE", f"views/{identifier}")
        made(client, "PATCH", f"databases/{database}", {"in_trash": True})
        receiver.wait("page.properties_updated", lambda event: event["entity"]["id"] == rows[0])
        wanted = [
            *("page.created", "page.locked", "page.unlocked", "page.deleted", "page.undeleted", "page.moved"),
            *("database.created", "data_source.created", "data_source.schema_updated", "database.deleted"),
            *("data_source.content_updated", "comment.created", "comment.updated", "comment.deleted"),
            *("file_upload.created", "view.created", "view.updated", "view.deleted"),
        ]
        found = {kind: receiver.wait(kind) for kind in wanted}
    assert found["view.updated"]["data"]["updated_fields"] == ["name"]
    assert found["comment.created"]["data"]["page_id"] == page
    base = {"id", "timestamp", "workspace_id", "workspace_name", "subscription_id", "integration_id", "authors"}
    for event in found.values():
        assert set(event) == {*base, "attempt_number", "api_version", "entity", "type", "data"}


def test_a_call_that_fails_is_no_event(tmp_path: Path, receiver: Receiver) -> None:
    with serving(tmp_path, "--webhook", receiver.url) as client:
        bad = {"parent": {"page_id": WORKSPACE}, "children": [{"paragraph": {"rich_text": text("x" * 2001)}}]}
        assert client.post("pages", json=bad).status_code == 400
        good = made(client, "POST", "pages", {"parent": {"page_id": WORKSPACE}})["id"]
        receiver.wait("page.created")
    assert {event["entity"]["id"] for event in receiver.events} == {good}


@pytest.mark.parametrize("address", ["https://127.0.0.1/x", "http://192.0.2.1/", "http://example.org/", "nonsense"])
def test_webhooks_stay_on_this_machine(tmp_path: Path, address: str) -> None:
    command = [*COMMAND, "serve", "--port", "0", "--db", str(tmp_path / "notion.db"), "--webhook", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "this machine alone" in done.stderr
    assert not (tmp_path / "notion.db").exists()

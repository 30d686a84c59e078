"""What the workspace's plan and the integration's capabilities allow."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import WORKSPACE, Notion, text
from ultra_checklist.server import plan
from ultra_checklist.server.app import create_app

Make = Callable[..., Notion]
PAGE = {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("x")}}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    apps = []

    def made(**allowed: Any) -> Notion:
        apps.append(create_app(tmp_path / "notion.db", workspace=plan.Workspace(**allowed)))
        return Notion(apps[-1])

    yield made
    for app in apps:
        app.state.store.close()


CALLS = {
    plan.READ: ("GET", f"pages/{WORKSPACE}", None),
    plan.UPDATE: ("PATCH", f"pages/{WORKSPACE}", {"properties": {"title": text("New")}}),
    plan.INSERT: ("POST", "pages", PAGE),
    plan.READ_COMMENTS: ("GET", f"comments?block_id={WORKSPACE}", None),
    plan.INSERT_COMMENTS: ("POST", "comments", {"parent": {"page_id": WORKSPACE}, "rich_text": text("x")}),
    plan.USERS: ("GET", "users", None),
}


@pytest.mark.parametrize("taken", sorted(plan.CAPABILITIES))
def test_without_a_capability_its_calls_alone_are_refused(make: Make, taken: str) -> None:
    notion = make(capabilities=plan.CAPABILITIES - {taken})
    for needed, (method, path, body) in CALLS.items():
        answer = notion.send(method, f"/v1/{path}", json=body)
        if needed != taken:
            assert answer.status_code == 200, answer.text
            continue
        error = answer.json()
        assert (error["status"], error["code"]) == (403, "restricted_resource")
        assert error["message"] == "API token does not have access to this resource."
        assert notion.person("Hanako").send(method, f"/v1/{path}", json=body).status_code == 200


def test_without_user_information_users_are_ids(make: Make) -> None:
    notion = make(capabilities=plan.CAPABILITIES - {plan.USERS})
    person = notion.person("Hanako").get("users/me")
    source = notion.database(Who={"people": {}}, By={"created_by": {}})
    row = notion.row(source, "x", Who={"people": [{"id": person["id"]}]})
    assert row["properties"]["Who"]["people"] == [{"object": "user", "id": person["id"]}]
    assert row["properties"]["By"]["created_by"]["type"] == "bot"
    error = notion.refused("GET", f"users/{person['id']}")
    assert error["code"] == "object_not_found"
    assert "capabilities to read user information" in error["message"]
    assert notion.get("users/me")["type"] == "bot"


def test_the_limit_of_blocks(make: Make) -> None:
    notion = make(block_limit=3)
    first = notion.post("pages", PAGE)
    notion.post("pages", PAGE)
    error = notion.refused("POST", "pages", PAGE)
    assert (error["status"], error["code"]) == (403, "restricted_resource")
    assert len(notion.get(f"blocks/{WORKSPACE}/children")["results"]) == 2
    notion.patch(f"pages/{first['id']}", {"in_trash": True})
    notion.post("pages", PAGE)


def test_multi_part_uploads_are_for_paid_plans(make: Make) -> None:
    asked = {"mode": "multi_part", "filename": "a.txt", "number_of_parts": 2}
    assert "not available on this workspace's plan" in make().refused("POST", "file_uploads", asked)["message"]
    paid = make(plan=plan.PLANS["plus"])
    assert paid.get("users/me")["bot"]["workspace_limits"] == {"max_file_upload_size_in_bytes": 5 * 2**30}
    assert paid.post("file_uploads", asked)["number_of_parts"] == {"total": 2, "sent": 0}


def test_a_file_in_parts(make: Make) -> None:
    notion = make(plan=plan.PLANS["plus"])
    upload = notion.post("file_uploads", {"mode": "multi_part", "filename": "a.txt", "number_of_parts": 2})
    here = f"file_uploads/{upload['id']}"
    assert upload["complete_url"].endswith(f"/v1/{here}/complete")
    head, tail = b"a" * (5 * plan.MIB), b"tail"

    def send(number: str, content: bytes) -> dict[str, Any]:
        files, data = {"file": ("a.txt", content, "text/plain")}, {"part_number": number}
        return notion.call("POST", f"{here}/send", files=files, data=data)

    assert send("2", tail)["number_of_parts"] == {"total": 2, "sent": 1}
    assert "has 1 of 2 parts" in notion.refused("POST", f"{here}/complete")["message"]
    send("1", b"too small")
    assert "Part 1 is smaller" in notion.refused("POST", f"{here}/complete")["message"]
    answer = send("1", head)
    assert (answer["status"], answer["number_of_parts"]) == ("pending", {"total": 2, "sent": 2})
    done = notion.post(f"{here}/complete", {})
    assert (done["status"], done["content_length"]) == ("uploaded", len(head) + len(tail))
    assert "upload_url" not in done
    block = {"file": {"type": "file_upload", "file_upload": {"id": upload["id"]}}}
    (shown,) = notion.patch(f"blocks/{WORKSPACE}/children", {"children": [block]})["results"]
    path = shown["file"]["file"]["url"].removeprefix("http://127.0.0.1:8642")
    assert notion.send("GET", path).content == head + tail
    assert "status `uploaded`" in notion.refused("POST", f"{here}/complete")["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"mode": "multi_part", "filename": "a.txt"}, "number_of_parts should be defined"),
        ({"mode": "multi_part", "number_of_parts": 2}, "filename should be defined"),
        ({"mode": "multi_part", "filename": "a.txt", "number_of_parts": 1001}, "from `1` to `1000`"),
        ({"mode": "multi_part", "filename": "a.txt", "number_of_parts": 1.5}, "a whole number"),
        ({"filename": "a.txt", "number_of_parts": 2}, "number_of_parts should be not present"),
    ],
)
def test_multi_part_uploads_that_are_refused(make: Make, body: dict[str, Any], message: str) -> None:
    notion = make(plan=plan.PLANS["plus"])
    assert message in notion.refused("POST", "file_uploads", body)["message"]


@pytest.mark.parametrize("number", [None, "0", "3", "x", "99999999999999999999"])
def test_a_part_says_which_one_it_is(make: Make, number: str | None) -> None:
    notion = make(plan=plan.PLANS["plus"])
    upload = notion.post("file_uploads", {"mode": "multi_part", "filename": "a.txt", "number_of_parts": 2})
    files, data = {"file": ("a.txt", b"x", "text/plain")}, {"part_number": number} if number else {}
    error = notion.refused("POST", f"file_uploads/{upload['id']}/send", files=files, data=data)
    assert "body.part_number should be a number from `1` to `2`" in error["message"]

"""The order of the checks and the bodies of errors."""

import uuid
from typing import Any

import pytest

from tests.server.conftest import BOT, WORKSPACE, Notion, text


def test_the_url_comes_before_everything(notion: Notion) -> None:
    answer = notion.send("POST", "/v1/nothing", content=b"{", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 400
    body = answer.json()
    assert str(uuid.UUID(body.pop("request_id")))
    assert body == {
        "object": "error",
        "status": 400,
        "code": "invalid_request_url",
        "message": "Invalid request URL.",
    }


def test_a_wrong_method_is_a_wrong_url(notion: Notion) -> None:
    assert notion.refused("DELETE", f"pages/{WORKSPACE}")["code"] == "invalid_request_url"


@pytest.mark.parametrize("content", [b"{", b"\xff", b"NaN", b"[" * 100_000, b'{"query": "\\ud800"}'])
def test_json_comes_before_the_token(notion: Notion, content: bytes) -> None:
    answer = notion.send("POST", "/v1/search", content=content, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert answer.json()["message"] == "Error parsing JSON body."


@pytest.mark.parametrize("token", ["ntn_other", "secret_x", "ntn_person_", "ntn_person_%00", "ntn_person_%FF"])
def test_the_token_comes_before_the_version(notion: Notion, token: str) -> None:
    error = notion.refused("GET", "users/me", headers={"Authorization": f"Bearer {token}", "Notion-Version": "1"})
    assert (error["status"], error["code"], error["message"]) == (401, "unauthorized", "API token is invalid.")


def test_a_token_of_another_form(notion: Notion) -> None:
    error = notion.refused("GET", "users/me", headers={"Authorization": "Basic eDp5"})
    assert error["message"] == 'Authorization header must use the format "Bearer <token>".'


def test_the_version_is_needed_and_checked(notion: Notion) -> None:
    bare = notion.refused("GET", "users/me", headers={"Notion-Version": None})
    assert (bare["code"], bare["message"]) == (
        "missing_version",
        "Notion-Version header failed validation: Notion-Version header should be defined, "
        "instead was `undefined`.",
    )
    old = notion.refused("GET", "users/me", headers={"Notion-Version": "2022-06-28"})
    assert 'instead was `"2022-06-28"`.' in old["message"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "pages/12345678-1234-1234-1234-123456789abc",
            "path failed validation: path.page_id should be a valid uuid, instead was "
            '`"12345678-1234-1234-1234-123456789abc"`.',
        ),
        (
            "pages/7855b161f63e4683b7c78ca6e97ee266",
            "Could not find page with ID: 7855b161-f63e-4683-b7c7-8ca6e97ee266. Make sure the relevant pages and "
            'databases are shared with your integration "Ultra Checklist".',
        ),
        (
            "blocks/00000000-0000-0000-0000-000000000000",
            "Could not find block with ID: 00000000-0000-0000-0000-000000000000. Make sure the relevant pages and "
            'databases are shared with your integration "Ultra Checklist".',
        ),
        (
            "users/745e79dd-3e43-40de-9d51-39357c1c428f",
            "Could not find user with ID: 745e79dd-3e43-40de-9d51-39357c1c428f. Make sure your integration has "
            "capabilities to read user information. With those capabilities, only members and guests in the "
            "integration's workspace are visible.",
        ),
    ],
)
def test_ids_are_checked_then_looked_up(notion: Notion, path: str, message: str) -> None:
    error = notion.refused("GET", path)
    assert error["message"] == message
    if error["status"] == 404:
        assert error["additional_data"] == {"integration_id": BOT}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "body failed validation: body should be an object, instead was `[]`."),
        ({"colour": "red"}, 'body failed validation: body.colour should be not present, instead was `"red"`.'),
        (
            {"children": [{"paragraph": {"rich_text": text("x" * 2001)}}]},
            "body failed validation: body.children[0].paragraph.rich_text[0].text.content.length should be "
            "≤ `2000`, instead was `2001`.",
        ),
        (
            {"children": [{"divider": {}}] * 101},
            "body failed validation: body.children.length should be ≤ `100`, instead was `101`.",
        ),
        ({"children": "x"}, 'body failed validation: body.children should be an array, instead was `"x"`.'),
        ({"archived": True}, "body failed validation: body.archived should be not present, instead was `true`."),
    ],
)
def test_bodies_are_checked_in_notions_words(notion: Notion, body: Any, message: str) -> None:
    if isinstance(body, dict):
        body = {"parent": {"page_id": WORKSPACE}, **body}
    error = notion.refused("POST", "pages", body)
    assert (error["status"], error["code"], error["message"]) == (400, "validation_error", message)


def test_too_large_a_body_is_refused(notion: Notion) -> None:
    assert notion.send("POST", "/v1/search", content=b" " * 600_000).status_code == 413


def test_a_refused_call_changes_nothing(notion: Notion) -> None:
    source = notion.database(Kind={"select": {"options": []}})
    values = {"Name": {"title": text("x")}, "Kind": {"select": {"name": "new"}}, "Nope": {"number": 1}}
    notion.refused("POST", "pages", {"parent": {"data_source_id": source}, "properties": values})
    notion.refused(
        "POST",
        "pages",
        {
            "parent": {"data_source_id": source},
            "properties": {"Name": {"title": []}, "Kind": {"select": {"name": "new"}}},
            "children": [{"what": {}}],
        },
    )
    assert notion.found(source) == []
    schema = notion.get(f"data_sources/{source}")["properties"]
    assert schema["Kind"]["select"]["options"] == []


def test_the_older_version_says_archived_too(notion: Notion) -> None:
    older = Notion(notion.app, version="2025-09-03")
    page = older.get(f"pages/{WORKSPACE}")
    assert (page["in_trash"], page["archived"]) == (False, False)
    assert "archived" not in notion.get(f"pages/{WORKSPACE}")
    made = older.post("pages", {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("old")}})
    gone = older.patch(f"pages/{made['id']}", {"archived": True})
    assert (gone["in_trash"], gone["archived"]) == (True, True)
    assert all("archived" in item for item in older.post("search", {})["results"])

"""What holds at Notion's public API at both versions, spoken to with plain HTTP."""

import dataclasses
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.contract.api import Api, Json, text

NOBODY = "12345678-1234-4234-8234-123456789abc"
SCHEMA: Json = {
    "Name": {"title": {}},
    "Done": {"checkbox": {}},
    "Order": {"number": {}},
    "Result": {"select": {"options": [{"name": "Passed", "color": "green"}]}},
    "Note": {"rich_text": {}},
    "When": {"date": {}},
    "Files": {"files": {}},
}


@pytest.fixture
def source(api: Api) -> str:
    return api.new_source(SCHEMA)


def titled(words: str) -> Json:
    return {"Name": {"title": [text(words)]}}


def found(api: Api, source: str, **body: Any) -> list[str]:
    results = api.post(f"data_sources/{source}/query", body)["results"]
    return ["".join(part["plain_text"] for part in row["properties"]["Name"]["title"]) for row in results]


def paragraph(words: str) -> Json:
    return {"paragraph": {"rich_text": [text(words)]}}


def words(api: Api, parent: str) -> list[str]:
    blocks = api.get(f"blocks/{parent}/children")["results"]
    return ["".join(part["plain_text"] for part in block["paragraph"]["rich_text"]) for block in blocks]


# --- errors


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("GET", "pages/x", None, 'path failed validation: path.page_id should be a valid uuid, instead was `"x"`.'),
        (
            "GET",
            "pages/12345678-1234-1234-1234-123456789abc",
            None,
            "path failed validation: path.page_id should be a valid uuid, "
            'instead was `"12345678-1234-1234-1234-123456789abc"`.',
        ),
        (
            "PATCH",
            "blocks/{page}/children",
            {"children": [{"paragraph": {"rich_text": [text("x" * 2001)]}}]},
            "body failed validation: body.children[0].paragraph.rich_text[0].text.content.length "
            "should be ≤ `2000`, instead was `2001`.",
        ),
        (
            "PATCH",
            "blocks/{page}/children",
            {"children": [{"divider": {}}] * 101},
            "body failed validation: body.children.length should be ≤ `100`, instead was `101`.",
        ),
        (
            "PATCH",
            "blocks/{page}/children",
            {},
            "body failed validation: body.children should be defined, instead was `undefined`.",
        ),
        (
            "PATCH",
            "data_sources/{source}",
            {"properties": {"Result": {"select": {"options": [{"name": "High, really"}]}}}},
            "Invalid select option, commas not allowed: High, really",
        ),
        (
            "POST",
            "data_sources/{source}/query",
            {"filter": {"property": "Nobody", "checkbox": {"equals": True}}},
            "Could not find property with name or id: Nobody",
        ),
        (
            "POST",
            "data_sources/{source}/query",
            {"sorts": [{"property": "Nobody", "direction": "ascending"}]},
            "Could not find sort property with name or id: Nobody",
        ),
        (
            "POST",
            "data_sources/{source}/query",
            {"filter": {"property": "Order", "rich_text": {"equals": "x"}}},
            "The property type in the database does not match the property type of the filter provided: "
            "database property number does not match filter rich_text",
        ),
        ("PATCH", "pages/{row}", {"properties": {"Foo": {"number": 1}}}, "Foo is not a property that exists."),
        (
            "PATCH",
            "pages/{row}",
            {"properties": {"Order": {"checkbox": True}}},
            "Order is expected to be number.",
        ),
        (
            "GET",
            "blocks/{page}/children?start_cursor=bogus",
            None,
            "query failed validation: query.start_cursor should be a valid uuid or `undefined`, "
            'instead was `"bogus"`.',
        ),
    ],
)
def test_what_is_wrong_is_said_in_known_words(
    api: Api, source: str, method: str, path: str, body: Any, message: str
) -> None:
    page, row = api.new_page()["id"], api.row(source, **titled("x"))["id"]
    error = api.refused(method, path.format(page=page, source=source, row=row), body)
    assert (error["object"], error["status"], error["code"]) == ("error", 400, "validation_error")
    assert error["message"] == message
    assert str(uuid.UUID(error["request_id"])) == error["request_id"]


def test_url_json_token_and_version_are_checked_in_that_order(api: Api) -> None:
    nothing = dataclasses.replace(api, token="wrong", version="2000-01-01")

    def code(method: str, path: str, **options: Any) -> tuple[int, str]:
        answer = nothing.send(method, path, **options)
        return answer.status_code, answer.json()["code"]

    json_type = {"Content-Type": "application/json"}
    assert code("GET", "nowhere") == (400, "invalid_request_url")
    assert code("DELETE", "users/me") == (400, "invalid_request_url")
    assert code("POST", "pages", content=b"{", headers=json_type) == (400, "invalid_json")
    assert code("POST", "pages", content=b"{}", headers=json_type) == (401, "unauthorized")
    error = dataclasses.replace(nothing, token=api.token).refused("GET", "users/me")
    assert (error["status"], error["code"]) == (400, "validation_error")


def test_what_is_not_shared_is_not_found(api: Api) -> None:
    for kind, path in (
        ("page", "pages"),
        ("block", "blocks"),
        ("database", "databases"),
        ("data_source", "data_sources"),
    ):
        error = api.refused("GET", f"{path}/{NOBODY}")
        assert (error["status"], error["code"]) == (404, "object_not_found")
        assert error["message"].startswith(f"Could not find {kind} with ID: {NOBODY}. Make sure the relevant pages")
        assert set(error["additional_data"]) == {"integration_id"}


# --- pages, databases, data sources


def test_a_page_lives_and_goes_to_the_trash(api: Api) -> None:
    page = api.new_page("Alive")
    assert page["id"].count("-") == 4
    assert api.get(f"pages/{page['id'].replace('-', '')}")["id"] == page["id"]
    assert page["created_time"].endswith(":00.000Z")
    trash = api.patch(f"pages/{page['id']}", {"in_trash": True})
    assert (trash["in_trash"], trash["is_archived"]) == (True, True)
    assert api.get(f"pages/{page['id']}")["in_trash"] is True
    assert api.patch(f"pages/{page['id']}", {"in_trash": False})["in_trash"] is False


def test_the_older_version_says_archived_as_well(api: Api) -> None:
    page = api.new_page()
    older = api.version < "2026-03-11"
    assert ("archived" in page) is older
    answer = api.send("PATCH", f"pages/{page['id']}", {"archived": True})
    assert answer.status_code == (200 if older else 400)
    assert api.get(f"pages/{page['id']}")["in_trash"] is older


def test_a_database_holds_a_data_source_of_its_id_s_own(api: Api) -> None:
    source = api.new_source(SCHEMA)
    answer = api.get(f"data_sources/{source}")
    database = api.get(f"databases/{answer['parent']['database_id']}")
    assert [one["id"] for one in database["data_sources"]] == [source]
    assert "properties" not in database
    assert {name: item["type"] for name, item in answer["properties"].items()} == {
        name: next(iter(item)) for name, item in SCHEMA.items()
    }
    assert database["created_time"].endswith("+00:00")
    block = api.get(f"blocks/{database['id']}")
    assert (block["id"], block["type"]) == (database["id"], "child_database")


def test_a_schema_changes_property_by_property(api: Api, source: str) -> None:
    changes: Json = {"Order": {"name": "Place"}, "Note": None, "New": {"url": {}}}
    answer = api.patch(f"data_sources/{source}", {"properties": changes})
    assert {"Place", "New"} <= answer["properties"].keys()
    assert not {"Order", "Note"} & answer["properties"].keys()


def test_values_are_written_and_read(api: Api, source: str) -> None:
    given: Json = {
        **titled("All"),
        "Done": {"checkbox": True},
        "Order": {"number": 1.5},
        "Result": {"select": {"name": "Failed"}},
        "Note": {"rich_text": [text("See "), text("this", link={"url": "https://example.com/"})]},
        "When": {"date": {"start": "2026-07-04T10:11:12+09:00"}},
    }
    row = api.row(source, **given)
    values = api.get(f"pages/{row['id']}")["properties"]
    assert values["Done"]["checkbox"] is True
    assert values["Order"]["number"] == 1.5
    assert values["Result"]["select"]["name"] == "Failed"
    assert values["Note"]["rich_text"][1]["href"] == "https://example.com/"
    assert values["When"]["date"] == {"start": "2026-07-04T10:11:00.000+09:00", "end": None, "time_zone": None}
    options = api.get(f"data_sources/{source}")["properties"]["Result"]["select"]["options"]
    assert [one["name"] for one in options] == ["Passed", "Failed"]
    cleared = api.patch(
        f"pages/{row['id']}", {"properties": {"Order": {"number": None}, "Note": {"rich_text": []}}}
    )
    assert cleared["properties"]["Order"]["number"] is None
    assert cleared["properties"]["Note"]["rich_text"] == []
    assert cleared["properties"]["Done"]["checkbox"] is True


def test_a_query_filters_sorts_and_pages(api: Api, source: str) -> None:
    for number in range(5):
        api.row(source, **titled(f"Row {number}"), Order={"number": number}, Done={"checkbox": number % 2 == 0})
    done = {"property": "Done", "checkbox": {"equals": True}}
    sorts = [{"property": "Order", "direction": "descending"}]
    assert found(api, source, filter=done, sorts=sorts) == ["Row 4", "Row 2", "Row 0"]
    either = {"or": [done, {"property": "Order", "number": {"less_than": 2}}]}
    assert found(api, source, filter=either, sorts=sorts) == ["Row 4", "Row 2", "Row 1", "Row 0"]
    first = api.post(f"data_sources/{source}/query", {"page_size": 3, "sorts": sorts})
    assert (first["type"], first["has_more"], len(first["results"])) == ("page_or_data_source", True, 3)
    assert found(api, source, sorts=sorts, start_cursor=first["next_cursor"]) == ["Row 1", "Row 0"]
    order = api.get(f"data_sources/{source}")["properties"]["Order"]["id"]
    answer = api.call("POST", f"data_sources/{source}/query?filter_properties[]={order}", {"page_size": 1})
    assert list(answer["results"][0]["properties"]) == ["Order"]


def test_the_property_endpoint(api: Api, source: str) -> None:
    row = api.row(source, **titled("Item"), Order={"number": 3})
    number = api.get(f"pages/{row['id']}/properties/{row['properties']['Order']['id']}")
    assert (number["object"], number["type"], number["number"]) == ("property_item", "number", 3)
    title = api.get(f"pages/{row['id']}/properties/title")
    assert (title["object"], title["type"]) == ("list", "property_item")
    assert title["results"][0]["title"]["plain_text"] == "Item"


def test_relations_are_seen_from_both_sides_and_rolled_up(api: Api, source: str) -> None:
    dual = {"data_source_id": source, "dual_property": {"synced_property_name": "Back"}}
    other = api.new_source({"Name": {"title": {}}, "To": {"relation": dual}})
    row = api.row(source, **titled("Target"), Order={"number": 7})
    linked = api.row(other, **titled("From"), To={"relation": [{"id": row["id"]}]})
    assert linked["properties"]["To"]["relation"] == [{"id": row["id"]}]
    assert linked["properties"]["To"]["has_more"] is False
    assert api.get(f"pages/{row['id']}")["properties"]["Back"]["relation"] == [{"id": linked["id"]}]
    rollup = {"function": "sum", "relation_property_name": "To", "rollup_property_name": "Order"}
    api.patch(f"data_sources/{other}", {"properties": {"Sum": {"rollup": rollup}}})
    value = api.get(f"pages/{linked['id']}")["properties"]["Sum"]["rollup"]
    assert value == {"type": "number", "number": 7, "function": "sum"}


# --- blocks, comments, files, views, search


def test_blocks_are_appended_changed_and_deleted(api: Api) -> None:
    page = api.new_page()["id"]
    first = api.patch(f"blocks/{page}/children", {"children": [paragraph("one"), paragraph("three")]})["results"]
    after: Json = {"position": {"type": "after_block", "after_block": {"id": first[0]["id"]}}}
    if api.version < "2026-03-11":
        after = {"after": first[0]["id"]}
    api.patch(f"blocks/{page}/children", {"children": [paragraph("two")], **after})
    assert words(api, page) == ["one", "two", "three"]
    api.patch(f"blocks/{first[1]['id']}", paragraph("four"))
    gone = api.call("DELETE", f"blocks/{first[0]['id']}")
    assert gone["in_trash"] is True
    assert words(api, page) == ["two", "four"]
    error = api.refused("PATCH", f"blocks/{first[1]['id']}", {"heading_1": {"rich_text": []}})
    assert error["code"] == "validation_error"


def test_the_newer_version_takes_no_flat_after(notion: Api) -> None:
    page = notion.new_page()["id"]
    body = {"children": [paragraph("x")], "after": NOBODY}
    error = notion.refused("PATCH", f"blocks/{page}/children", body)
    assert "body.after should be not present" in error["message"]


def test_comments_belong_to_a_discussion(api: Api) -> None:
    page = api.new_page()["id"]
    first = api.post("comments", {"parent": {"page_id": page}, "rich_text": [text("Why?")]})
    api.post("comments", {"discussion_id": first["discussion_id"], "rich_text": [text("Because.")]})
    shown = api.get("comments", block_id=page)["results"]
    assert [one["rich_text"][0]["plain_text"] for one in shown] == ["Why?", "Because."]


def test_a_file_is_uploaded_attached_and_read(api: Api, source: str, small_file: Path) -> None:
    content = small_file.read_bytes()
    upload = api.upload(small_file.name, content, "text/plain")
    file = {"type": "file_upload", "file_upload": {"id": upload}, "name": small_file.name}
    row = api.row(source, **titled("With a file"), Files={"files": [file]})
    (shown,) = row["properties"]["Files"]["files"]
    assert (shown["name"], shown["type"]) == (small_file.name, "file")
    assert api.http.get(shown["file"]["url"]).content == content
    assert api.get(f"file_uploads/{upload}")["expiry_time"] is None


def test_views_are_made_changed_and_deleted(api: Api, source: str) -> None:
    database = api.get(f"data_sources/{source}")["parent"]["database_id"]
    done = {"property": "Done", "checkbox": {"equals": True}}
    body = {"database_id": database, "data_source_id": source, "name": "Done", "type": "table", "filter": done}
    view = api.post("views", body)
    assert (view["object"], view["type"], view["name"]) == ("view", "table", "Done")
    assert {one["id"] for one in api.get("views", database_id=database)["results"]} >= {view["id"]}
    assert api.patch(f"views/{view['id']}", {"name": "Finished"})["name"] == "Finished"
    gone = api.call("DELETE", f"views/{view['id']}")
    assert set(gone) == {"object", "id", "parent", "type", "request_id"}


def test_users_are_told_apart(api: Api) -> None:
    me = api.get("users/me")
    assert (me["object"], me["type"]) == ("user", "bot")
    assert me["bot"]["workspace_limits"]["max_file_upload_size_in_bytes"] >= 5 * 2**20
    same = api.get(f"users/{me['id']}")
    assert same | {"request_id": ""} == me | {"request_id": ""}
    assert {one["type"] for one in api.get("users")["results"]} <= {"person", "bot"}


def test_a_search_has_its_shape(api: Api) -> None:
    answer = api.post("search", {"filter": {"property": "object", "value": "page"}, "page_size": 1})
    assert (answer["object"], answer["type"]) == ("list", "page_or_data_source")
    assert len(answer["results"]) <= 1
    error = api.refused("POST", "search", {"filter": {"property": "object", "value": "database"}})
    assert error["code"] == "validation_error"

"""Databases, data sources and their schemas."""

import re
from typing import Any

import pytest

from tests.server.conftest import WORKSPACE, Notion, text

DATABASE_KEYS = {
    *("object", "id", "title", "description", "parent", "is_inline", "in_trash", "is_locked", "created_time"),
    *("last_edited_time", "data_sources", "icon", "cover", "url", "public_url", "request_id"),
}
SOURCE_KEYS = {
    *("object", "id", "cover", "icon", "created_time", "created_by", "last_edited_by", "last_edited_time"),
    *("title", "description", "is_inline", "properties", "parent", "database_parent", "url", "public_url"),
    *("in_trash", "request_id"),
}


def make(notion: Notion, **body: Any) -> dict[str, Any]:
    return notion.post("databases", {"parent": {"page_id": WORKSPACE}, **body})


def test_a_database_has_one_data_source_and_one_view(notion: Notion) -> None:
    database = make(notion, title=text("Plain"), is_inline=True)
    assert set(database) == DATABASE_KEYS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", database["created_time"])
    assert database["data_sources"] == [{"id": database["data_sources"][0]["id"], "name": "Plain"}]
    source = notion.get(f"data_sources/{database['data_sources'][0]['id']}")
    assert set(source) == SOURCE_KEYS
    assert source["properties"] == {
        "Name": {"id": "title", "name": "Name", "description": None, "type": "title", "title": {}}
    }
    assert source["created_time"].endswith(":00.000Z")
    assert source["is_inline"] is True
    assert source["parent"] == {"type": "database_id", "database_id": database["id"]}
    (view,) = notion.get("views", database_id=database["id"])["results"]
    view = notion.get(f"views/{view['id']}")
    assert (view["name"], view["type"]) == ("Default view", "table")


def test_a_database_stands_in_its_page_under_its_own_id(notion: Notion) -> None:
    database = make(notion, title=text("Here"))
    block = notion.get(f"blocks/{database['id']}")
    assert (block["type"], block["child_database"]) == ("child_database", {"title": "Here"})
    assert block["has_children"] is False
    gone = notion.call("DELETE", f"blocks/{database['id']}")
    assert gone["in_trash"] is True
    assert notion.get(f"databases/{database['id']}")["in_trash"] is True
    assert notion.get(f"blocks/{WORKSPACE}/children")["results"] == []
    assert notion.patch(f"databases/{database['id']}", {"in_trash": False})["in_trash"] is False


def test_a_database_is_renamed_locked_and_moved(notion: Notion) -> None:
    database = make(notion)
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("home")}})
    changed = notion.patch(
        f"databases/{database['id']}",
        {"title": text("New"), "is_locked": True, "icon": {"emoji": "🚀"}, "parent": {"page_id": page["id"]}},
    )
    assert changed["title"][0]["plain_text"] == "New"
    assert (changed["is_locked"], changed["parent"]["page_id"]) == (True, page["id"])
    assert changed["icon"] == {"type": "emoji", "emoji": "🚀"}
    assert notion.get(f"blocks/{page['id']}/children")["results"][0]["id"] == database["id"]


def test_property_ids_are_short_and_quoted(notion: Notion) -> None:
    source = notion.database(**{f"Column {number}": {"rich_text": {}} for number in range(40)})
    ids = [item["id"] for item in notion.get(f"data_sources/{source}")["properties"].values()]
    assert len(set(ids)) == 41
    assert all(re.fullmatch(r"(?:[\w.!~*'()-]|%[0-9A-F]{2})+", one) for one in ids)
    assert any("%" in one for one in ids)
    assert ids[-1] == "title"


def test_the_schema_changes_property_by_property(notion: Notion) -> None:
    source = notion.database(Old={"number": {}}, Gone={"checkbox": {}})
    notion.row(source, "x", Old={"number": 3})
    old = notion.get(f"data_sources/{source}")["properties"]["Old"]["id"]
    changes = {
        old: {"name": "New"},
        "Gone": None,
        "Added": {"url": {}, "description": "where"},
        "title": {"name": "Check"},
    }
    after = notion.patch(f"data_sources/{source}", {"properties": changes, "title": text("Renamed")})
    assert sorted(after["properties"]) == ["Added", "Check", "New"]
    assert after["properties"]["New"]["id"] == old
    assert after["properties"]["Added"]["description"] == "where"
    (row,) = notion.post(f"data_sources/{source}/query", {})["results"]
    assert row["properties"]["New"]["number"] == 3
    assert notion.get(f"databases/{after['parent']['database_id']}")["data_sources"][0]["name"] == "Renamed"


def test_options_are_replaced_and_keep_their_ids(notion: Notion) -> None:
    options = [{"name": "A", "color": "red"}, {"name": "B"}]
    source = notion.database(Pick={"select": {"options": options}})
    row = notion.row(source, "x", Pick={"select": {"name": "B"}})
    before = notion.get(f"data_sources/{source}")["properties"]["Pick"]["select"]["options"]
    assert [(one["name"], one["color"], one["description"]) for one in before] == [
        ("A", "red", None),
        ("B", "default", None),
    ]
    wanted = [{"id": before[0]["id"], "name": "renames are ignored"}, {"name": "C", "color": "blue"}]
    after = notion.patch(f"data_sources/{source}", {"properties": {"Pick": {"select": {"options": wanted}}}})[
        "properties"
    ]["Pick"]["select"]["options"]
    assert after[0] == before[0]
    assert [one["name"] for one in after] == ["A", "C"]
    assert notion.get(f"pages/{row['id']}")["properties"]["Pick"]["select"] is None
    recoloured = {"properties": {"Pick": {"select": {"options": [{"name": "A", "color": "green"}]}}}}
    error = notion.refused("PATCH", f"data_sources/{source}", recoloured)
    assert error["message"] == "Cannot update color of select with name: A."


def test_a_status_comes_with_groups(notion: Notion) -> None:
    source = notion.database(State={"status": {}})
    status = notion.get(f"data_sources/{source}")["properties"]["State"]["status"]
    assert [group["name"] for group in status["groups"]] == ["To-do", "In progress", "Complete"]
    assert [option["name"] for option in status["options"]] == ["Not started", "In progress", "Done"]
    row = notion.row(source, "x")
    assert row["properties"]["State"]["status"]["name"] == "Not started"
    error = notion.refused("PATCH", f"pages/{row['id']}", {"properties": {"State": {"status": {"name": "No"}}}})
    assert "Invalid status option" in error["message"]
    assert notion.found(source, {"property": "State", "status": {"equals": "To-do"}}) == ["x"]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"A": {"number": {}}}, "Title is not provided"),
        ({"A": {"title": {}}, "B": {"title": {}}}, "Only one title is allowed"),
        (
            {"A": {"title": {}}, "B": {"select": {"options": [{"name": "x, y"}]}}},
            "Invalid select option, commas not allowed: x, y",
        ),
        (
            {"A": {"title": {}}, "B": {"select": {"options": [{"name": "x"}, {"name": "X"}]}}},
            "Select option names must be unique: X is given twice.",
        ),
        ({"A": {"title": {}}, "B": {}}, "B is not a property that exists."),
    ],
)
def test_schemas_that_are_refused(notion: Notion, schema: dict[str, Any], message: str) -> None:
    body = {"parent": {"page_id": WORKSPACE}, "initial_data_source": {"properties": schema}}
    assert notion.refused("POST", "databases", body)["message"] == message


def test_the_title_can_neither_go_nor_change(notion: Notion) -> None:
    source = notion.database()
    changes: list[dict[str, Any] | None] = [None, {"number": {}}]
    for change in changes:
        assert notion.refused("PATCH", f"data_sources/{source}", {"properties": {"Name": change}})["status"] == 400


def test_a_type_changes_and_its_values_go(notion: Notion) -> None:
    source = notion.database(Size={"number": {}})
    notion.row(source, "x", Size={"number": 1})
    notion.patch(f"data_sources/{source}", {"properties": {"Size": {"rich_text": {}}}})
    (row,) = notion.post(f"data_sources/{source}/query", {})["results"]
    assert row["properties"]["Size"]["rich_text"] == []


def test_a_second_data_source(notion: Notion) -> None:
    database = make(notion, title=text("Two"))
    body = {"parent": {"database_id": database["id"]}, "title": text("Other"), "properties": {"T": {"title": {}}}}
    other = notion.post("data_sources", body)
    names = [one["name"] for one in notion.get(f"databases/{database['id']}")["data_sources"]]
    assert names == ["Two", "Other"]
    notion.patch(f"data_sources/{other['id']}", {"in_trash": True})
    assert len(notion.get(f"databases/{database['id']}")["data_sources"]) == 1

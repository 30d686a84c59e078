import re
from typing import Any
from urllib.parse import unquote

import pytest

from tests.server.conftest import WORKSPACE, Notion, text

PAGE_KEYS = {
    *("object", "id", "created_time", "last_edited_time", "created_by", "last_edited_by", "cover", "icon"),
    *("parent", "in_trash", "is_archived", "is_locked", "properties", "url", "public_url", "request_id"),
}
EVERYTHING: dict[str, Any] = {
    "Text": {"rich_text": {}},
    "Number": {"number": {"format": "percent"}},
    "Box": {"checkbox": {}},
    "Pick": {"select": {}},
    "Picks": {"multi_select": {"options": [{"name": "a"}]}},
    "Date": {"date": {}},
    "Files": {"files": {}},
    "Url": {"url": {}},
    "Mail": {"email": {}},
    "Phone": {"phone_number": {}},
    "Made": {"created_time": {}},
    "Maker": {"created_by": {}},
    "Edited": {"last_edited_time": {}},
    "Editor": {"last_edited_by": {}},
    "ID": {"unique_id": {"prefix": "CHK"}},
    "Sum": {"formula": {"expression": "1 + 1"}},
}


def value(page: dict[str, Any], name: str) -> Any:
    item = page["properties"][name]
    return item[item["type"]]


def write(notion: Notion, page: str, **properties: Any) -> dict[str, Any]:
    return notion.patch(f"pages/{page}", {"properties": properties})


def test_the_workspace_page(notion: Notion) -> None:
    page = notion.get(f"pages/{WORKSPACE}")
    assert set(page) == PAGE_KEYS
    assert page["parent"] == {"type": "workspace", "workspace": True}
    assert notion.refused("PATCH", f"pages/{WORKSPACE}", {"in_trash": True})["status"] == 400
    assert notion.refused("DELETE", f"blocks/{WORKSPACE}")["status"] == 400


def test_a_page_under_a_page(notion: Notion) -> None:
    body = {"parent": {"page_id": WORKSPACE.replace("-", "")}, "properties": {"title": text("リリース v1.4.0")}}
    page = notion.post("pages", body)
    assert set(page) == PAGE_KEYS
    assert page["parent"] == {"type": "page_id", "page_id": WORKSPACE}
    assert page["created_time"].endswith(":00.000Z")
    assert re.fullmatch(r"http://127\.0\.0\.1:8642/p/v1-4-0-[0-9a-f]{32}", page["url"])
    block = notion.get(f"blocks/{page['id']}")
    assert (block["type"], block["child_page"]["title"]) == ("child_page", "リリース v1.4.0")
    assert notion.get(f"blocks/{WORKSPACE}")["has_children"] is True


def test_a_row_without_values_has_them_all_empty(notion: Notion) -> None:
    source = notion.database(**EVERYTHING)
    row = notion.post("pages", {"parent": {"type": "data_source_id", "data_source_id": source}})
    assert row["parent"]["type"] == "data_source_id"
    assert set(row["parent"]) == {"type", "data_source_id", "database_id"}
    empty: dict[str, Any] = {
        "Name": [],
        "Text": [],
        "Number": None,
        "Box": False,
        "Pick": None,
        "Picks": [],
        "Date": None,
    }
    empty |= {"Files": [], "Url": None, "Mail": None, "Phone": None, "Sum": {"type": "number", "number": 2}}
    assert {name: value(row, name) for name in empty} == empty
    assert value(row, "ID") == {"prefix": "CHK", "number": 1}
    assert value(row, "Made") == row["created_time"]
    assert value(row, "Maker")["type"] == "bot"
    assert re.fullmatch(r"http://127\.0\.0\.1:8642/p/[0-9a-f]{32}", row["url"])


def test_values_read_back_as_written(notion: Notion) -> None:
    source = notion.database(**EVERYTHING)
    external = {"name": "log", "type": "external", "external": {"url": "https://example.com/a.txt"}}
    row = notion.row(
        source,
        "x",
        Text={"type": "rich_text", "rich_text": [{"text": {"content": "a"}, "annotations": {"bold": True}}]},
        Number={"number": 0},
        Box={"checkbox": True},
        Pick={"select": {"name": "new"}},
        Picks={"multi_select": [{"name": "A"}, {"name": "b"}]},
        Date={"date": {"start": "2026-07-04", "end": "2026-07-05"}},
        Files={"files": [external]},
        Url={"url": "https://example.com"},
        Mail={"email": "a@example.com"},
        Phone={"phone_number": "+81 3"},
    )
    assert value(row, "Text")[0]["annotations"]["bold"] is True
    assert (value(row, "Number"), value(row, "Box")) == (0, True)
    assert set(value(row, "Pick")) == {"id", "name", "color"}
    assert [one["name"] for one in value(row, "Picks")] == ["a", "b"]
    assert value(row, "Date") == {"start": "2026-07-04", "end": "2026-07-05", "time_zone": None}
    assert value(row, "Files") == [external]
    assert value(row, "Phone") == "+81 3"
    same = notion.get(f"pages/{row['id']}")["properties"]
    assert same == row["properties"]
    cleared = {"Text": {"rich_text": []}, "Number": {"number": None}, "Pick": {"select": None}}
    after = write(notion, row["id"], **cleared, Date={"date": None}, Files={"files": []})
    assert [value(after, name) for name in (*cleared, "Date", "Files")] == [[], None, None, None, []]


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"start": "1981-11-23T07:02:33", "time_zone": "UTC"}, "1981-11-23T07:02:00.000+00:00"),
        ({"start": "2026-07-04T12:00:59+09:00"}, "2026-07-04T12:00:00.000+09:00"),
        ({"start": "2026-07-04T12:00:00", "time_zone": "Asia/Tokyo"}, "2026-07-04T12:00:00.000+09:00"),
        ({"start": "2026-07-04T12:00:00Z"}, "2026-07-04T12:00:00.000+00:00"),
    ],
)
def test_times_keep_their_minutes(notion: Notion, given: dict[str, str], start: str) -> None:
    source = notion.database(Date={"date": {}})
    row = notion.row(source, "x", Date={"date": given})
    assert value(row, "Date") == {"start": start, "end": None, "time_zone": None}


def test_properties_are_found_by_id_too(notion: Notion) -> None:
    source = notion.database(Done={"checkbox": {}})
    row = notion.row(source, "x")
    quoted = row["properties"]["Done"]["id"]
    assert value(write(notion, row["id"], **{quoted: {"checkbox": True}}), "Done") is True
    assert value(write(notion, row["id"], **{unquote(quoted): {"checkbox": False}}), "Done") is False
    only = notion.get(f"pages/{row['id']}", filter_properties=["title", quoted])["properties"]
    assert set(only) == {"Name", "Done"}
    assert set(notion.get(f"pages/{row['id']}", **{"filter_properties[]": "Done"})["properties"]) == {"Done"}
    assert notion.refused("GET", f"pages/{row['id']}?filter_properties=No")["status"] == 400


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Foo": {"number": 1}}, "Foo is not a property that exists."),
        (
            {"Foo": {"number": 1}, "Pick": {"checkbox": True}},
            "Foo is not a property that exists. Pick is expected to be select.",
        ),
        ({"Pick": {"select": {"name": "High, really"}}}, "Invalid select option, commas not allowed: High, really"),
        (
            {"Box": {"checkbox": "yes"}},
            'body failed validation: body.properties.Box.checkbox should be a boolean, instead was `"yes"`.',
        ),
        (
            {"Number": {"number": "1"}},
            'body failed validation: body.properties.Number.number should be a number, instead was `"1"`.',
        ),
        (
            {"Text": {"rich_text": [{"text": {"content": "😀" * 1001}}]}},
            "body failed validation: body.properties.Text.rich_text[0].text.content.length should be ≤ `2000`, "
            "instead was `2002`.",
        ),
        (
            {"Picks": {"multi_select": [{"name": str(number)} for number in range(101)]}},
            "body failed validation: body.properties.Picks.multi_select.length should be ≤ `100`, "
            "instead was `101`.",
        ),
        (
            {"Date": {"date": {"start": "tomorrow"}}},
            "body failed validation: body.properties.Date.date.start should be a valid ISO 8601 date string, "
            'instead was `"tomorrow"`.',
        ),
        ({"Sum": {"formula": {}}}, "Sum is computed: a formula property cannot be written."),
    ],
)
def test_values_that_are_refused(notion: Notion, properties: dict[str, Any], message: str) -> None:
    source = notion.database(**EVERYTHING)
    body = {"parent": {"data_source_id": source}, "properties": properties}
    error = notion.refused("POST", "pages", body)
    assert (error["code"], error["message"]) == ("validation_error", message)


def test_the_trash_and_back(notion: Notion) -> None:
    source = notion.database(Done={"checkbox": {}})
    row = notion.row(source, "x")
    gone = notion.patch(f"pages/{row['id']}", {"in_trash": True})
    assert (gone["in_trash"], gone["is_archived"]) == (True, True)
    assert notion.found(source) == []
    assert notion.found(source, in_trash=True) == ["x"]
    error = notion.refused("PATCH", f"pages/{row['id']}", {"properties": {"Done": {"checkbox": True}}})
    assert error["message"] == "Can't edit block that is archived. You must unarchive the block before editing."
    back = notion.patch(f"pages/{row['id']}", {"in_trash": False, "properties": {"Done": {"checkbox": True}}})
    assert (back["in_trash"], value(back, "Done")) == (False, True)


def test_icons_covers_and_locks(notion: Notion) -> None:
    body = {"parent": {"page_id": WORKSPACE}, "icon": {"type": "emoji", "emoji": "✅"}}
    page = notion.post("pages", body)
    assert page["icon"] == {"type": "emoji", "emoji": "✅"}
    snake = {"type": "external", "external": {"url": "https://www.notion.so/icons/snake_purple.svg"}}
    cover = {"type": "external", "external": {"url": "https://example.com/a.jpg"}}
    after = notion.patch(f"pages/{page['id']}", {"icon": snake, "cover": cover, "is_locked": True})
    assert after["icon"] == {"type": "icon", "icon": {"name": "snake", "color": "purple"}}
    assert (after["cover"], after["is_locked"]) == (cover, True)
    assert notion.patch(f"pages/{page['id']}", {"icon": None})["icon"] is None


def test_property_items(notion: Notion) -> None:
    source = notion.database(Done={"checkbox": {}}, Text={"rich_text": {}})
    long = [{"text": {"content": str(number), "link": {"url": "https://e.org"}}} for number in range(30)]
    row = notion.row(source, "x", Text={"rich_text": long})
    done = notion.get(f"pages/{row['id']}/properties/{row['properties']['Done']['id']}")
    assert {key: done[key] for key in ("object", "type", "checkbox")} == {
        "object": "property_item",
        "type": "checkbox",
        "checkbox": False,
    }
    first = notion.get(f"pages/{row['id']}/properties/Text", page_size=20)
    rest = notion.send("GET", first["property_item"]["next_url"].replace("127.0.0.1:8642", "notion.local")).json()
    items = first["results"] + rest["results"]
    assert [item["rich_text"]["plain_text"] for item in items] == [str(number) for number in range(30)]
    assert (rest["has_more"], rest["property_item"]["rich_text"]) == (False, {})
    assert notion.refused("GET", f"pages/{row['id']}/properties/No")["status"] == 400


def test_moving_a_page(notion: Notion) -> None:
    source, other = notion.database(Done={"checkbox": {}}), notion.database()
    row = notion.row(source, "x", Done={"checkbox": True})
    moved = notion.post(f"pages/{row['id']}/move", {"parent": {"data_source_id": other}})
    assert moved["parent"]["data_source_id"] == other
    assert (notion.found(source), notion.found(other)) == ([], ["x"])
    home = notion.post("pages", {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("home")}})
    under = notion.post(f"pages/{row['id']}/move", {"parent": {"type": "page_id", "page_id": home["id"]}})
    assert set(under["properties"]) == {"title"}
    assert notion.get(f"blocks/{home['id']}/children")["results"][0]["id"] == row["id"]
    error = notion.refused("POST", f"pages/{home['id']}/move", {"parent": {"page_id": row["id"]}})
    assert error["message"] == "A page cannot be moved into itself."


def test_a_place_and_a_button(notion: Notion) -> None:
    source = notion.database(Where={"place": {}}, Press={"button": {}})
    row = notion.row(source, "x", Where={"place": {"lat": 52.52, "lon": 13.4, "address": "Berlin"}})
    assert row["properties"]["Where"]["place"] == {
        "lat": 52.52,
        "lon": 13.4,
        "name": None,
        "address": "Berlin",
        "aws_place_id": None,
        "google_place_id": None,
    }
    assert row["properties"]["Press"]["button"] == {}
    assert notion.found(source, {"property": "Where", "place": {"is_not_empty": True}}) == ["x"]
    for wrong in ({"lat": 1}, {"lat": "1", "lon": 2}, {"lat": 1, "lon": 2, "altitude": 3}):
        body = {"properties": {"Where": {"place": wrong}}}
        assert "body.properties.Where.place" in notion.refused("PATCH", f"pages/{row['id']}", body)["message"]
    notion.refused("PATCH", f"pages/{row['id']}", {"properties": {"Press": {"button": {}}}})


def test_a_database_stands_for_its_only_data_source(notion: Notion) -> None:
    source = notion.database()
    database = notion.get(f"data_sources/{source}")["parent"]["database_id"]
    row = notion.post("pages", {"parent": {"database_id": database}, "properties": {"Name": {"title": text("x")}}})
    assert row["parent"]["data_source_id"] == source
    notion.post("data_sources", {"parent": {"database_id": database}, "properties": {"Name": {"title": {}}}})
    error = notion.refused("POST", "pages", {"parent": {"database_id": database}, "properties": {}})
    assert "has 2 data sources" in error["message"]

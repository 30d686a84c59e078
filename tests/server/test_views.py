from typing import Any

import pytest

from tests.server.conftest import WORKSPACE, Notion, text

VIEW_KEYS = {
    *("object", "id", "parent", "data_source_id", "name", "type", "created_time", "created_by"),
    *("last_edited_time", "last_edited_by", "url", "filter", "sorts", "quick_filters", "configuration"),
    "request_id",
}


@pytest.fixture
def source(notion: Notion) -> str:
    return notion.database(Result={"select": {"options": [{"name": "Passed"}]}}, Order={"number": {}})


def test_a_linked_view_is_made_on_a_page(notion: Notion, source: str) -> None:
    page = notion.post(
        "pages",
        {"parent": {"page_id": WORKSPACE}, "children": [{"divider": {}}, {"quote": {"rich_text": []}}]},
    )
    first = notion.get(f"blocks/{page['id']}/children")["results"][0]
    asked: dict[str, Any] = {"property": "Result", "select": {"equals": "Passed"}}
    view = notion.post(
        "views",
        {
            "data_source_id": source,
            "name": "Checks",
            "type": "table",
            "filter": asked,
            "sorts": [{"property": "Order", "direction": "ascending"}],
            "configuration": {
                "type": "table",
                "group_by": {"type": "select", "property_id": "Result", "sort": {"type": "manual"}},
            },
            "create_database": {
                "parent": {"type": "page_id", "page_id": page["id"]},
                "position": {"type": "after_block", "block_id": first["id"]},
            },
        },
    )
    assert set(view) == VIEW_KEYS
    assert (view["filter"], view["sorts"][0]["property"]) == (asked, "Order")
    assert view["configuration"]["group_by"]["property_name"] == "Result"
    linked = notion.get(f"databases/{view['parent']['database_id']}")
    assert [one["id"] for one in linked["data_sources"]] == [source]
    assert view["url"] == f"{linked['url']}?v={view['id'].replace('-', '')}"
    body = notion.get(f"blocks/{page['id']}/children")["results"]
    assert [block["type"] for block in body] == ["divider", "child_database", "quote"]
    assert body[1]["id"] == linked["id"]
    own = notion.get("views", database_id=linked["id"])["results"]
    assert own == [{"object": "view", "id": view["id"]}]
    assert len(notion.get("views", data_source_id=source)["results"]) == 2
    notion.call("DELETE", f"blocks/{linked['id']}")
    assert notion.get(f"data_sources/{source}")["in_trash"] is False


def test_a_board_needs_groups(notion: Notion, source: str) -> None:
    database = notion.get(f"data_sources/{source}")["parent"]["database_id"]
    body = {"data_source_id": source, "database_id": database, "name": "Board", "type": "board"}
    assert "group_by" in notion.refused("POST", "views", body)["message"]
    group = {"type": "select", "property_id": "Result", "sort": {"type": "manual"}}
    board = notion.post("views", {**body, "configuration": {"type": "board", "group_by": group}})
    schema = notion.get(f"data_sources/{source}")["properties"]
    assert board["configuration"]["group_by"]["property_id"] == schema["Result"]["id"]
    assert board["parent"] == {"type": "database_id", "database_id": database}


def test_a_view_is_changed_and_deleted(notion: Notion, source: str) -> None:
    database = notion.get(f"data_sources/{source}")["parent"]["database_id"]
    body = {"data_source_id": source, "database_id": database, "name": "One", "type": "list"}
    view = notion.post("views", body)
    sorts = [{"timestamp": "created_time", "direction": "descending"}]
    changed = notion.patch(f"views/{view['id']}", {"name": "Two", "sorts": sorts, "filter": None})
    assert (changed["name"], changed["sorts"], changed["filter"]) == ("Two", sorts, None)
    gone = notion.call("DELETE", f"views/{view['id']}")
    assert set(gone) == {"object", "id", "parent", "type", "request_id"}
    assert notion.refused("GET", f"views/{view['id']}")["status"] == 404
    (last,) = notion.get("views", database_id=database)["results"]
    assert notion.refused("DELETE", f"views/{last['id']}")["status"] == 400


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"database_id": None}, "Exactly one of database_id, view_id or create_database must be provided."),
        ({"filter": {"property": "No", "number": {}}}, "Could not find property with name or id: No"),
        ({"sorts": [{"property": "No"}]}, "Could not find sort property with name or id: No"),
        (
            {"configuration": {"type": "table", "properties": [{"property_id": "No"}]}},
            "Could not find property with name or id: No",
        ),
        (
            {"configuration": {"type": "board"}},
            'body failed validation: body.configuration.type should be `"table"`, instead was `"board"`.',
        ),
    ],
)
def test_views_that_are_refused(notion: Notion, source: str, change: dict[str, Any], message: str) -> None:
    database = notion.get(f"data_sources/{source}")["parent"]["database_id"]
    body = {"data_source_id": source, "database_id": database, "name": "x", "type": "table", **change}
    assert notion.refused("POST", "views", body)["message"] == message


def test_a_view_shows_a_data_source_of_its_database(notion: Notion, source: str) -> None:
    other = notion.post("databases", {"parent": {"page_id": WORKSPACE}, "title": text("Other")})
    body = {"data_source_id": source, "database_id": other["id"], "name": "x", "type": "table"}
    assert "does not belong to database" in notion.refused("POST", "views", body)["message"]

"""No body, however wrong, makes the server fail: it is taken or refused."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.server.conftest import WORKSPACE, Notion, text

JUNK: tuple[Any, ...] = (None, True, 0, -1, 1e300, "", "x", [], [None], ["x"], [[]], {}, {"x": 1}, {"type": []})


def mutations(body: Any) -> Iterator[Any]:
    """Each of the bodies that differ from ``body`` in one place."""
    yield from JUNK
    if isinstance(body, dict):
        for key, value in body.items():
            yield {name: item for name, item in body.items() if name != key}
            for inner in mutations(value):
                yield {**body, key: inner}
    if isinstance(body, list):
        for index, value in enumerate(body):
            for inner in mutations(value):
                changed = copy.copy(body)
                changed[index] = inner
                yield changed


def schema_of(other: str) -> dict[str, Any]:
    rollup = {"function": "count", "relation_property_name": "Rel", "rollup_property_name": "Name"}
    dual = {"synced_property_name": "Back"}
    return {
        "Rel": {"relation": {"data_source_id": other, "type": "dual_property", "dual_property": dual}},
        "Roll": {"rollup": rollup},
        "Pick": {"type": "select", "select": {"options": [{"name": "a", "color": "red", "description": "d"}]}},
        "State": {"status": {"options": [{"name": "b", "group": "Complete"}]}},
        "Number": {"number": {"format": "number"}},
        "ID": {"unique_id": {"prefix": "P"}},
        "Sum": {"formula": {"expression": "1"}},
        "Text": {"rich_text": {}, "description": "d"},
        "Files": {"files": {}},
        "Until": {"date": {}},
        "Who": {"people": {}},
    }


def values_of(row: str) -> dict[str, Any]:
    return {
        "Rel": {"relation": [{"id": row}]},
        "Pick": {"type": "select", "select": {"name": "a", "color": "red"}},
        "Text": {"rich_text": [{"type": "text", "text": {"content": "x", "link": {"url": "u"}}}]},
        "Until": {"date": {"start": "2026-07-04", "end": None, "time_zone": "Asia/Tokyo"}},
        "Who": {"people": [{"id": row}]},
        "Files": {"files": [{"name": "f", "type": "file", "file": {"url": "https://e.org/files/x/y"}}]},
    }


def blocks_of(row: str) -> list[dict[str, Any]]:
    looks = {"bold": True, "color": "red"}
    return [
        {"type": "callout", "callout": {"rich_text": [{"text": {"content": "x"}, "annotations": looks}]}},
        {"to_do": {"rich_text": [{"mention": {"page": {"id": row}}}], "checked": True}},
        {"table": {"table_width": 1, "children": [{"table_row": {"cells": [[]]}}]}},
        {"file": {"type": "external", "external": {"url": "https://e.org"}, "name": "n", "caption": []}},
    ]


FILTER = {
    "or": [
        {"property": "Pick", "select": {"equals": ["a"]}},
        {"and": [{"timestamp": "created_time", "created_time": {"on_or_after": "2026-07-04"}}]},
        {"property": "Roll", "rollup": {"number": {"greater_than": 1}}},
        {"property": "Until", "date": {"past_week": {}}},
    ]
}
SORTS = [{"property": "Roll", "direction": "ascending"}, {"timestamp": "created_time"}]
HOME: dict[str, Any] = {"parent": {"type": "page_id", "page_id": WORKSPACE}, "position": None}


def view_of(source: str) -> dict[str, Any]:
    group = {"type": "select", "property_id": "Pick", "sort": {"type": "manual"}}
    return {
        "data_source_id": source,
        "name": "v",
        "type": "board",
        "filter": FILTER,
        "configuration": {"type": "board", "group_by": group, "properties": [{"property_id": "Pick"}]},
        "create_database": HOME,
    }


def calls_of(notion: Notion, source: str, other: str) -> list[tuple[str, str, Any]]:
    row, page = notion.row(other, "x")["id"], notion.row(source, "page")["id"]
    schema, values = schema_of(other), values_of(row)
    database = notion.get(f"data_sources/{source}")["parent"]["database_id"]
    view = notion.get("views", database_id=database)["results"][0]["id"]
    board = {"database_id": database, "data_source_id": source, "name": "b", "type": "dashboard"}
    dashboard = notion.post("views", board)["id"]
    widget = {"view_id": dashboard, "data_source_id": source, "name": "w", "type": "list"}
    comment = notion.post("comments", {"parent": {"page_id": page}, "rich_text": text("x")})["id"]
    update = {"old_str": "x", "new_str": "- y", "replace_all_matches": True}
    condition = {"property": "title", "filter": {"operator": "string_is", "value": {"type": "exact", "value": "x"}}}
    external = {"mode": "external_url", "external_url": "https://e.org/a.txt", "filename": "a.txt"}
    upload = {"mode": "single_part", "filename": "a.txt", "content_type": "text/plain"}
    cover = {"external": {"url": "u"}}
    return [
        (
            "POST",
            "databases",
            {"parent": HOME["parent"], "title": text("x"), "initial_data_source": {"properties": schema}},
        ),
        ("POST", "pages", {"parent": {"data_source_id": source}, "properties": values, "icon": {"emoji": "x"}}),
        ("POST", "pages", {"parent": {"page_id": WORKSPACE}, "children": blocks_of(row)}),
        ("PATCH", f"pages/{page}", {"properties": values, "is_locked": True, "cover": cover}),
        ("POST", f"data_sources/{source}/query", {"filter": FILTER, "sorts": SORTS, "page_size": 3}),
        ("POST", "views", view_of(source)),
        ("PATCH", f"blocks/{page}/children", {"children": [], "position": {"type": "start", "after_block": {}}}),
        ("POST", "search", {"query": "x", "filter": {"property": "object", "value": "page"}, "sort": {}}),
        ("POST", "comments", {"parent": {"page_id": page}, "rich_text": text("x"), "discussion_id": "x"}),
        ("POST", "file_uploads", upload),
        ("POST", f"pages/{row}/move", {"parent": HOME["parent"]}),
        (
            "POST",
            "pages",
            {
                "parent": {"page_id": WORKSPACE},
                "markdown": '# x\n- **y** {color="red"}\n\t> z',
                "position": {"type": "after_block", "after_block": {"id": row}},
                "template": {"type": "none"},
                "allow_async": True,
            },
        ),
        (
            "PATCH",
            f"pages/{page}/markdown",
            {"type": "update_content", "update_content": {"content_updates": [update]}, "allow_async": False},
        ),
        (
            "PATCH",
            f"pages/{page}/markdown",
            {"type": "replace_content", "replace_content": {"new_str": "x", "allow_deleting_content": True}},
        ),
        (
            "PATCH",
            f"pages/{page}/markdown",
            {"type": "insert_content", "insert_content": {"content": "x", "position": {"type": "end"}}},
        ),
        ("POST", f"views/{view}/queries", {"page_size": 1}),
        ("PATCH", f"views/{view}", {"quick_filters": {"Pick": {"select": {"equals": "a"}}, "Who": None}}),
        ("POST", "views", {**widget, "placement": {"type": "new_row", "row_index": 0}}),
        ("POST", "views", {**widget, "view_id": view, "position": {"type": "after_view", "view_id": view}}),
        ("PATCH", f"comments/{comment}", {"markdown": "**x**"}),
        (
            "POST",
            "comments",
            {
                "parent": {"page_id": page},
                "markdown": "x",
                "display_name": {"type": "custom", "custom": {"name": "n"}},
                "attachments": [],
            },
        ),
        ("POST", "file_uploads", external),
        (
            "POST",
            "blocks/meeting_notes",
            {
                "title": "t",
                "language": "ja",
                "options": {"kickoff_summary": True},
                "source": {"type": "file_upload", "file_upload_id": row},
                "parent": {"type": "page_id", "page_id": page},
            },
        ),
        (
            "POST",
            "blocks/meeting_notes/query",
            {
                "filter": {"operator": "and", "filters": [condition]},
                "sort": [{"property": "title", "direction": "ascending"}],
                "limit": 3,
            },
        ),
        ("PATCH", f"data_sources/{source}", {"properties": {**schema, "Who": {"name": "W"}}, "title": text("x")}),
    ]


def test_no_body_makes_it_fail(notion: Notion) -> None:
    other = notion.database()
    source = notion.database(**schema_of(other))
    tried = 0
    for method, path, body in calls_of(notion, source, other):
        for wrong in mutations(body):
            answer = notion.send(method, f"/v1/{path}", json=wrong)
            assert answer.status_code in (200, 202, 400, 404), (method, path, wrong, answer.text)
            tried += 1
    assert tried > 1000
    for kind in ("page", "data_source"):
        assert notion.post("search", {"filter": {"property": "object", "value": kind}})["results"]
    assert notion.get(f"data_sources/{source}")["id"] == source

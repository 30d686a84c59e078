from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.server.conftest import BOT, Notion, text

SCHEMA: dict[str, Any] = {
    "Text": {"rich_text": {}},
    "Number": {"number": {}},
    "Done": {"checkbox": {}},
    "Result": {"select": {"options": [{"name": "Passed"}, {"name": "Failed"}]}},
    "Tags": {"multi_select": {"options": []}},
    "Until": {"date": {}},
    "Files": {"files": {}},
    "Link": {"url": {}},
    "ID": {"unique_id": {"prefix": None}},
    "Sum": {"formula": {"expression": "1"}},
    "Editor": {"last_edited_by": {}},
    "Edited": {"last_edited_time": {}},
}
PASSED, FAILED = {"select": {"name": "Passed"}}, {"select": {"name": "Failed"}}


@pytest.fixture
def source(notion: Notion) -> str:
    source = notion.database(**SCHEMA)
    day = {"date": {"start": "2026-07-04"}}
    time = {"date": {"start": "2026-07-05T12:00:00Z"}}
    link = {"url": "https://example.com/log"}
    file = {"files": [{"name": "f", "external": {"url": "https://example.com"}}]}
    notion.row(source, "a", Text={"rich_text": text("Hello World")}, Number={"number": 1}, Done={"checkbox": True})
    notion.row(source, "b", Number={"number": 2}, Result=PASSED, Until=day, Files=file)
    notion.row(source, "c", Done={"checkbox": True}, Result=FAILED, Until=time, Link=link)
    notion.row(source, "d", Number={"number": 0}, Tags={"multi_select": [{"name": "x"}, {"name": "y"}]})
    return source


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"property": "Name", "title": {"equals": "a"}}, "a"),
        ({"property": "title", "title": {"does_not_equal": "a"}}, "bcd"),
        ({"property": "Text", "rich_text": {"contains": "world"}}, "a"),
        ({"property": "Text", "rich_text": {"does_not_contain": "world"}}, "bcd"),
        ({"property": "Text", "rich_text": {"starts_with": "Hello"}}, "a"),
        ({"property": "Text", "rich_text": {"ends_with": "Hello"}}, ""),
        ({"property": "Text", "rich_text": {"is_empty": True}}, "bcd"),
        ({"property": "Text", "rich_text": {"is_not_empty": True}}, "a"),
        ({"property": "Link", "url": {"contains": "LOG"}}, "c"),
        ({"property": "Number", "number": {"equals": 0}}, "d"),
        ({"property": "Number", "number": {"does_not_equal": 1}}, "bcd"),
        ({"property": "Number", "number": {"greater_than": 0}}, "ab"),
        ({"property": "Number", "number": {"less_than_or_equal_to": 1}}, "ad"),
        ({"property": "Number", "number": {"is_empty": True}}, "c"),
        ({"property": "Done", "checkbox": {"equals": True}}, "ac"),
        ({"property": "Done", "checkbox": {"does_not_equal": True}}, "bd"),
        ({"property": "Result", "select": {"equals": "Passed"}}, "b"),
        ({"property": "Result", "select": {"equals": ["Passed", "Failed"]}}, "bc"),
        ({"property": "Result", "select": {"does_not_equal": "Passed"}}, "acd"),
        ({"property": "Result", "select": {"is_empty": True}}, "ad"),
        ({"property": "Tags", "multi_select": {"contains": "x"}}, "d"),
        ({"property": "Tags", "multi_select": {"does_not_contain": "x"}}, "abc"),
        ({"property": "Tags", "multi_select": {"is_not_empty": True}}, "d"),
        ({"property": "Until", "date": {"equals": "2026-07-05"}}, "c"),
        ({"property": "Until", "date": {"before": "2026-07-05"}}, "b"),
        ({"property": "Until", "date": {"on_or_before": "2026-07-05"}}, "bc"),
        ({"property": "Until", "date": {"after": "2026-07-05T11:59:00Z"}}, "c"),
        ({"property": "Until", "date": {"on_or_after": "2026-07-05T21:01:00+09:00"}}, ""),
        ({"property": "Until", "date": {"is_empty": True}}, "ad"),
        ({"property": "Files", "files": {"is_not_empty": True}}, "b"),
        ({"property": "ID", "unique_id": {"greater_than": 2}}, "cd"),
        ({"property": "Sum", "formula": {"string": {"is_empty": True}}}, "abcd"),
        ({"property": "Editor", "last_edited_by": {"contains": BOT}}, "abcd"),
        ({"timestamp": "created_time", "created_time": {"this_week": {}}}, "abcd"),
        ({"timestamp": "last_edited_time", "last_edited_time": {"past_month": {}}}, "abcd"),
        ({"timestamp": "created_time", "created_time": {"before": "2026-01-01"}}, ""),
        ({"property": "Edited", "last_edited_time": {"on_or_after": "2026-01-01"}}, "abcd"),
        ({"timestamp": "created_time", "created_time": {"on_or_after": "today"}}, "abcd"),
        ({"timestamp": "created_time", "created_time": {"on_or_before": "yesterday"}}, ""),
        ({"timestamp": "created_time", "created_time": {"before": "one_month_from_now"}}, "abcd"),
        ({"timestamp": "created_time", "created_time": {"after": "one_week_ago"}}, "abcd"),
        ({"property": "Editor", "last_edited_by": {"contains": "me"}}, "abcd"),
        ({"and": []}, "abcd"),
        (
            {
                "or": [
                    {
                        "and": [
                            {"property": "Done", "checkbox": {"equals": True}},
                            {"property": "Result", "select": {"is_empty": True}},
                        ]
                    },
                    {
                        "and": [
                            {"property": "Done", "checkbox": {"equals": False}},
                            {"property": "Result", "select": {"is_not_empty": True}},
                        ]
                    },
                    {"property": "Tags", "multi_select": {"contains": "y"}},
                ]
            },
            "abd",
        ),
    ],
)
def test_filters(notion: Notion, source: str, given: dict[str, Any], found: str) -> None:
    assert "".join(notion.found(source, given)) == found


def test_the_shown_time_of_last_edit_finds_its_row(notion: Notion, source: str) -> None:
    (row,) = notion.post(f"data_sources/{source}/query", {"page_size": 1})["results"]
    shown = row["last_edited_time"]
    edited = {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": shown}}
    assert notion.found(source, edited) == list("abcd")
    later = (datetime.fromisoformat(shown) + timedelta(minutes=5)).astimezone(UTC).isoformat()
    edited["last_edited_time"] = {"on_or_after": later}
    assert notion.found(source, edited) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"filter": {"property": "No", "number": {"equals": 1}}},
            "Could not find property with name or id: No",
        ),
        (
            {"filter": {"property": "Number", "rich_text": {"equals": "1"}}},
            "The property type in the database does not match the property type of the filter provided: "
            "database property number does not match filter rich_text",
        ),
        ({"sorts": [{"property": "No"}]}, "Could not find sort property with name or id: No"),
        (
            {"filter": {"property": "Number", "number": {"equals": "1"}}},
            'body failed validation: body.filter.number.equals should be a number, instead was `"1"`.',
        ),
        (
            {"filter": {"property": "Number", "number": {"contains": 1}}},
            "body failed validation: body.filter.number.contains should be not present, instead was `1`.",
        ),
        (
            {"filter": {"and": [{"or": [{"and": []}]}]}},
            "body failed validation: body.filter.and[0].or[0].and should be not present, instead was `[]`.",
        ),
        ({"page_size": 101}, "body failed validation: body.page_size should be ≤ `100`, instead was `101`."),
        ({"start_cursor": "x"}, "The start_cursor provided is invalid: x"),
        ({"limit": 1}, "body failed validation: body.limit should be not present, instead was `1`."),
    ],
)
def test_queries_that_are_refused(notion: Notion, source: str, body: dict[str, Any], message: str) -> None:
    error = notion.refused("POST", f"data_sources/{source}/query", body)
    assert (error["status"], error["code"], error["message"]) == (400, "validation_error", message)


@pytest.mark.parametrize(
    ("sorts", "found"),
    [
        ([{"property": "Number", "direction": "ascending"}], "dabc"),
        ([{"property": "Number", "direction": "descending"}], "badc"),
        ([{"property": "Result", "direction": "ascending"}], "bcad"),
        ([{"property": "Done"}, {"property": "Name", "direction": "descending"}], "dbca"),
        ([{"property": "Until", "direction": "descending"}], "cbad"),
        ([{"timestamp": "created_time", "direction": "descending"}, {"property": "Name"}], None),
    ],
)
def test_sorts_put_what_is_empty_last(
    notion: Notion, source: str, sorts: list[dict[str, str]], found: str | None
) -> None:
    names = notion.found(source, sorts=sorts)
    assert "".join(names) == found if found else sorted(names) == list("abcd")


def test_pages_of_a_result_fit_together(notion: Notion) -> None:
    source = notion.database(Done={"checkbox": {}})
    ids = [notion.row(source, str(number))["id"] for number in range(7)]
    answer = notion.post(f"data_sources/{source}/query", {"page_size": 3})
    assert set(answer) == {
        *("object", "results", "next_cursor", "has_more", "type", "page_or_data_source", "request_id"),
    }
    seen = [row["id"] for row in answer["results"]]
    # The row at which the next page begins drops out of the filter, and nothing else is skipped.
    notion.patch(f"pages/{ids[3]}", {"in_trash": True})
    while answer["has_more"]:
        body = {"page_size": 3, "start_cursor": answer["next_cursor"]}
        answer = notion.post(f"data_sources/{source}/query", body)
        seen += [row["id"] for row in answer["results"]]
    assert seen == [one for one in ids if one != ids[3]]


def test_only_the_wanted_properties_are_answered(notion: Notion, source: str) -> None:
    answer = notion.call(
        "POST", f"data_sources/{source}/query", {}, params={"filter_properties": ["Done", "title"]}
    )
    assert {frozenset(row["properties"]) for row in answer["results"]} == {frozenset({"Done", "Name"})}


def test_results_end_at_ten_thousand(notion: Notion) -> None:
    source = notion.database(Order={"number": {}})
    first = notion.row(source, "row", Order={"number": 0})
    with notion.app.state.store.transaction(write=True) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10002) "
            "INSERT INTO nodes SELECT printf('00000000-0000-4000-8000-%012d', 1000000 + i), kind, parent_kind, "
            "parent_id, i, title, data, created_at, edited_at, created_by, edited_by, 0 "
            "FROM nodes, n WHERE id = ?",
            (first["id"],),
        )
    answer = notion.post(f"data_sources/{source}/query", {})
    count = len(answer["results"])
    while answer["has_more"]:
        answer = notion.post(f"data_sources/{source}/query", {"start_cursor": answer["next_cursor"]})
        count += len(answer["results"])
        if count == 200:
            _skip_to(answer, 9_900)
            count = 9_900
    assert count == 10_000
    assert answer["request_status"] == {
        "type": "incomplete",
        "incomplete_reason": "query_result_limit_reached",
    }


def _skip_to(answer: dict[str, Any], place: int) -> None:
    # A row that is gone: then the cursor's place decides.
    head = answer["next_cursor"].split(":")[:2]
    answer["next_cursor"] = ":".join([*head, "00000000-0000-4000-8000-000000000000", str(place)])

"""View queries, dashboards, quick filters, comments, meeting notes, imported files, custom emojis, templates."""

from pathlib import Path

import pytest

from tests.server.conftest import WORKSPACE, Json, Notion, text
from ultra_checklist.server.app import create_app
from ultra_checklist.server.plan import Workspace
from ultra_checklist.server.view_queries import LIFE

DONE = {"property": "Done", "checkbox": {"equals": True}}


def filled(notion: Notion) -> tuple[str, str]:
    """A data source with five rows, three of them done, and its database."""
    source = notion.database(Done={"checkbox": {}}, Order={"number": {}}, Kind={"select": {}})
    for number in range(5):
        notion.row(source, str(number), Done={"checkbox": number % 2 == 0}, Order={"number": -number})
    return source, str(notion.get(f"data_sources/{source}")["parent"]["database_id"])


def view(notion: Notion, source: str, database: str, kind: str = "table", **more: object) -> Json:
    body = {"database_id": database, "data_source_id": source, "name": "V", "type": kind}
    return notion.post("views", body | more)


def titles(notion: Notion, found: list[Json]) -> list[str]:
    pages = (notion.get(f"pages/{one['id']}") for one in found)
    return [page["properties"]["Name"]["title"][0]["plain_text"] for page in pages]


def test_a_view_is_asked_once_and_paged_as_it_was(notion: Notion) -> None:
    source, database = filled(notion)
    sorts = [{"property": "Order", "direction": "ascending"}]
    made = view(notion, source, database, filter=DONE, sorts=sorts)["id"]
    query = notion.post(f"views/{made}/queries", {"page_size": 2})
    assert (query["object"], query["view_id"], query["total_count"], query["has_more"]) == (
        "view_query",
        made,
        3,
        True,
    )
    assert titles(notion, query["results"]) == ["4", "2"]
    notion.row(source, "late", Done={"checkbox": True})
    rest = notion.get(f"views/{made}/queries/{query['id']}", start_cursor=query["next_cursor"])
    assert titles(notion, rest["results"]) == ["0"]
    assert notion.call("DELETE", f"views/{made}/queries/{query['id']}")["deleted"] is True
    assert notion.refused("GET", f"views/{made}/queries/{query['id']}")["status"] == 404


def test_a_view_s_query_ends_after_a_quarter_of_an_hour(notion: Notion) -> None:
    source, database = filled(notion)
    made = view(notion, source, database)["id"]
    query = notion.post(f"views/{made}/queries", {})["id"]
    other = view(notion, source, database)["id"]
    assert notion.refused("GET", f"views/{other}/queries/{query}")["status"] == 404
    with notion.app.state.store.transaction(write=True) as connection:
        connection.execute("UPDATE nodes SET created_at = created_at - ? WHERE id = ?", (LIFE, query))
    assert notion.refused("GET", f"views/{made}/queries/{query}")["code"] == "object_not_found"


def test_quick_filters_narrow_a_view_and_are_taken_away_by_null(notion: Notion) -> None:
    source, database = filled(notion)
    made = view(notion, source, database, quick_filters={"Done": {"checkbox": {"equals": True}}})
    (key,) = made["quick_filters"]
    assert key == notion.get(f"data_sources/{source}")["properties"]["Done"]["id"]
    assert notion.post(f"views/{made['id']}/queries", {})["total_count"] == 3
    both = {"Order": {"number": {"less_than": -1}}}
    notion.patch(f"views/{made['id']}", {"quick_filters": both})
    assert notion.post(f"views/{made['id']}/queries", {})["total_count"] == 2
    notion.patch(f"views/{made['id']}", {"quick_filters": {"Done": None}})
    assert notion.post(f"views/{made['id']}/queries", {})["total_count"] == 3
    for wrong in ({"Nobody": {"checkbox": {"equals": True}}}, {"Done": {"number": {"equals": 1}}}, {"Done": 1}):
        body = {"quick_filters": wrong}
        assert notion.refused("PATCH", f"views/{made['id']}", body)["code"] == "validation_error"


def test_views_stand_where_they_are_wanted(notion: Notion) -> None:
    source, database = filled(notion)
    (first,) = [one["id"] for one in notion.get("views", database_id=database)["results"]]
    start = view(notion, source, database, position={"type": "start"})["id"]
    after = view(notion, source, database, position={"type": "after_view", "view_id": start})["id"]
    end = view(notion, source, database, position={"type": "end"})["id"]
    assert [one["id"] for one in notion.get("views", database_id=database)["results"]] == [start, after, first, end]


def test_a_dashboard_holds_views_in_rows(notion: Notion) -> None:
    source, database = filled(notion)
    dashboard = view(notion, source, database, "dashboard")["id"]
    widgets: list[str] = []
    for placement in (
        {"type": "new_row"},
        {"type": "existing_row", "row_index": 0},
        {"type": "new_row", "row_index": 0},
    ):
        body = {"view_id": dashboard, "data_source_id": source, "name": "W", "type": "list", "placement": placement}
        made = notion.post("views", body)
        assert made["dashboard_view_id"] == dashboard
        widgets.append(made["id"])

    def rows() -> list[list[str]]:
        shown = notion.get(f"views/{dashboard}")["configuration"]
        assert shown["type"] == "dashboard"
        return [[widget["view_id"] for widget in row["widgets"]] for row in shown["rows"]]

    assert rows() == [[widgets[2]], [widgets[0], widgets[1]]]
    assert len(notion.get("views", database_id=database)["results"]) == 2
    notion.call("DELETE", f"views/{widgets[2]}")
    assert rows() == [[widgets[0], widgets[1]]]
    wrong = {"view_id": dashboard, "data_source_id": source, "name": "W", "type": "list"}
    for placement in ({"type": "existing_row", "row_index": 7}, {"type": "somewhere"}):
        assert notion.refused("POST", "views", wrong | {"placement": placement})["code"] == "validation_error"
    notion.call("DELETE", f"views/{dashboard}")
    assert notion.refused("GET", f"views/{widgets[0]}")["status"] == 404


def test_comments_are_changed_by_whoever_wrote_them(notion: Notion) -> None:
    ada = notion.person("Ada")
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}})["id"]
    custom = {"type": "custom", "custom": {"name": "Gate"}}
    mine = notion.post("comments", {"parent": {"page_id": page}, "markdown": "**No**.", "display_name": custom})
    assert mine["display_name"] == {"type": "custom", "resolved_name": "Gate"}
    hers = ada.post("comments", {"discussion_id": mine["discussion_id"], "rich_text": text("Why?")})
    assert hers["display_name"] == {"type": "user", "resolved_name": "Ada"}
    assert notion.patch(f"comments/{mine['id']}", {"rich_text": text("Yes")})["rich_text"][0]["plain_text"] == "Yes"
    for method, body in (("PATCH", {"markdown": "x"}), ("DELETE", None)):
        assert notion.refused(method, f"comments/{hers['id']}", body)["code"] == "restricted_resource"
    both = {"markdown": "x", "rich_text": text("x")}
    assert notion.refused("PATCH", f"comments/{mine['id']}", both)["status"] == 400
    assert notion.call("DELETE", f"comments/{mine['id']}")["id"] == mine["id"]
    assert [one["id"] for one in notion.get("comments", block_id=page)["results"]] == [hers["id"]]


def test_a_comment_may_carry_files(notion: Notion) -> None:
    upload = notion.post("file_uploads", {"filename": "a.png", "content_type": "image/png"})["id"]
    notion.call("POST", f"file_uploads/{upload}/send", files={"file": ("a.png", b"\x89PNG", "image/png")})
    body = {
        "parent": {"page_id": WORKSPACE},
        "rich_text": text("look"),
        "attachments": [{"file_upload_id": upload}],
    }
    (attached,) = notion.post("comments", body)["attachments"]
    assert attached["category"] == "image"
    assert "/files/" in attached["file"]["url"]


def test_what_comes_from_an_address_is_not_fetched(notion: Notion) -> None:
    body = {"mode": "external_url", "external_url": "https://example.invalid/a.txt", "filename": "a.txt"}
    made = notion.post("file_uploads", body)
    assert (made["status"], "upload_url" in made) == ("pending", False)
    found = notion.get(f"file_uploads/{made['id']}")
    while found["status"] == "pending":
        found = notion.get(f"file_uploads/{made['id']}")
    assert found["file_import_result"]["type"] == "success"
    block = {"file": {"type": "file_upload", "file_upload": {"id": made["id"]}}}
    answer = notion.patch(f"blocks/{WORKSPACE}/children", {"children": [block]})
    url = answer["results"][0]["file"]["file"]["url"]
    assert notion.send("GET", url[url.index("/files/") :]).text == "https://example.invalid/a.txt"
    for wrong in ({"external_url": "http://example.org/a.txt"}, {"external_url": "x"}, {"filename": None}):
        assert notion.refused("POST", "file_uploads", body | wrong)["code"] == "validation_error"


def test_meeting_notes_are_made_and_found(notion: Notion) -> None:
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}})["id"]
    for title in ("Retro", "Plan"):
        body = {"mode": "external_url", "external_url": "https://example.invalid/a.mp3", "filename": "a.mp3"}
        recording = notion.post("file_uploads", body)["id"]
        while notion.get(f"file_uploads/{recording}")["status"] == "pending":
            pass
        source = {"type": "file_upload", "file_upload_id": recording}
        made = notion.post(
            "blocks/meeting_notes",
            {"title": title, "source": source, "parent": {"type": "page_id", "page_id": page}},
        )
        assert made["meeting_notes"]["title"][0]["plain_text"] == title
    sort = [{"property": "title", "direction": "ascending"}]
    found = notion.post("blocks/meeting_notes/query", {"sort": sort, "limit": 1})
    assert [one["meeting_notes"]["title"][0]["plain_text"] for one in found["results"]] == ["Plan"]
    assert found["has_more"] is True
    condition = {"operator": "string_contains", "value": {"type": "exact", "value": "retr"}}
    given = {"operator": "and", "filters": [{"property": "title", "filter": condition}]}
    (only,) = notion.post("blocks/meeting_notes/query", {"filter": given})["results"]
    assert notion.get(f"blocks/{only['id']}")["type"] == "meeting_notes"
    wrong = {"source": {"type": "block", "block_id": only["id"]}}
    assert notion.refused("POST", "blocks/meeting_notes", wrong)["code"] == "validation_error"


def test_custom_emojis_are_those_of_the_workspace(tmp_path: Path) -> None:
    emojis = (("party", "https://example.org/p.png"), ("ship", "https://example.org/s.png"))
    app = create_app(tmp_path / "notion.db", workspace=Workspace(emojis=emojis))
    notion = Notion(app)
    listed = notion.get("custom_emojis", page_size=1)
    assert ([one["name"] for one in listed["results"]], listed["has_more"]) == (["party"], True)
    rest = notion.get("custom_emojis", start_cursor=listed["next_cursor"])
    assert [one["name"] for one in rest["results"]] == ["ship"]
    assert [one["url"] for one in notion.get("custom_emojis", name="ship")["results"]] == [emojis[1][1]]
    assert set(listed) == {"object", "type", "results", "has_more", "next_cursor", "request_id"}
    app.state.store.close()


def test_there_are_no_templates_and_none_can_be_used(notion: Notion) -> None:
    source, _ = filled(notion)
    assert notion.get(f"data_sources/{source}/templates")["templates"] == []
    parent = {"parent": {"data_source_id": source}}
    assert notion.refused("POST", "pages", parent | {"template": {"type": "default"}})["status"] == 400
    template = {"type": "template_id", "template_id": source}
    assert notion.refused("POST", "pages", parent | {"template": template})["status"] == 404


def test_a_data_source_moves_to_another_database(notion: Notion) -> None:
    source, _ = filled(notion)
    _, database = filled(notion)
    moved = notion.patch(f"data_sources/{source}", {"parent": {"database_id": database}})
    assert moved["parent"]["database_id"] == database
    assert source in [one["id"] for one in notion.get(f"databases/{database}")["data_sources"]]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_writes_answer_with_the_properties_that_are_asked_for(notion: Notion, method: str) -> None:
    source, _ = filled(notion)
    body: Json = {"properties": {"Done": {"checkbox": True}}}
    path = "pages" if method == "POST" else f"pages/{notion.row(source, 'x')['id']}"
    if method == "POST":
        body["parent"] = {"data_source_id": source}
    answer = notion.call(method, f"{path}?filter_properties=Done&filter_properties=title", body)
    assert set(answer["properties"]) == {"Done", "Name"}


def test_a_page_s_content_is_erased(notion: Notion) -> None:
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}, "markdown": "a\nb"})["id"]
    notion.patch(f"pages/{page}", {"erase_content": True})
    assert notion.get(f"blocks/{page}/children")["results"] == []

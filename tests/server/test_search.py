"""Search and comments."""

from tests.server.conftest import BOT, WORKSPACE, Notion, text


def test_search_looks_at_titles(notion: Notion) -> None:
    source = notion.database()
    notion.row(source, "Release v1")
    notion.row(source, "release v2")
    gone = notion.row(source, "release v3")
    notion.patch(f"pages/{gone['id']}", {"in_trash": True})
    found = notion.post("search", {"query": "RELEASE", "filter": {"property": "object", "value": "page"}})
    assert {page["object"] for page in found["results"]} == {"page"}
    assert len(found["results"]) == 2
    sources = notion.post("search", {"filter": {"property": "object", "value": "data_source"}})
    assert [one["id"] for one in sources["results"]] == [source]
    first = notion.post("search", {"page_size": 1})
    rest = notion.post("search", {"start_cursor": first["next_cursor"]})
    assert len(first["results"] + rest["results"]) == 4
    assert first["type"] == "page_or_data_source"
    wrong = {"filter": {"property": "object", "value": "database"}}
    assert notion.refused("POST", "search", wrong)["message"] == (
        'body failed validation: body.filter.value should be `"page"` or `"data_source"`, instead was `"database"`.'
    )
    sort = {"sort": {"timestamp": "created_time", "direction": "ascending"}}
    assert "last_edited_time" in notion.refused("POST", "search", sort)["message"]


def test_comments_of_a_page_are_one_discussion(notion: Notion) -> None:
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}})["id"]
    first = notion.post("comments", {"parent": {"page_id": page}, "rich_text": text("one")})
    sato = notion.person("Sato")
    second = sato.post("comments", {"discussion_id": first["discussion_id"], "rich_text": text("two")})
    third = notion.post("comments", {"parent": {"page_id": page}, "rich_text": text("three")})
    assert first["discussion_id"] == second["discussion_id"] == third["discussion_id"]
    assert first["created_by"] == {"object": "user", "id": BOT}
    assert first["display_name"] == {"type": "integration", "resolved_name": "Ultra Checklist"}
    assert second["display_name"] == {"type": "user", "resolved_name": "Sato"}
    listed = notion.get("comments", block_id=page)
    assert [one["id"] for one in listed["results"]] == [first["id"], second["id"], third["id"]]
    assert (listed["type"], listed["comment"]) == ("comment", {})


def test_comments_on_blocks_begin_their_own(notion: Notion) -> None:
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}, "children": [{"divider": {}}]})["id"]
    (block,) = notion.get(f"blocks/{page}/children")["results"]
    made = [
        notion.post("comments", {"parent": {"block_id": block["id"]}, "rich_text": text("x")}) for _ in range(2)
    ]
    assert made[0]["parent"] == {"type": "block_id", "block_id": block["id"]}
    assert made[0]["discussion_id"] != made[1]["discussion_id"]
    assert notion.get(f"blocks/{page}/children")["results"][0]["has_children"] is False
    assert notion.refused("POST", "comments", {"rich_text": text("x")})["status"] == 400
    assert notion.refused("GET", "comments")["status"] == 400


def test_what_lies_in_the_trash_is_found_on_demand(notion: Notion) -> None:
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("Gone")}})
    notion.patch(f"pages/{page['id']}", {"in_trash": True})
    assert notion.post("search", {"query": "Gone"})["results"] == []
    found = notion.post(
        "search", {"query": "Gone", "filter": {"in_trash": True}, "sort": {"property": "relevance"}}
    )
    assert [one["id"] for one in found["results"]] == [page["id"]]

from typing import Any

import pytest

from tests.server.conftest import WORKSPACE, Notion, text

BLOCK_KEYS = {
    *("object", "id", "parent", "created_time", "last_edited_time", "created_by", "last_edited_by"),
    *("has_children", "in_trash", "type"),
}
LINK = {"external": {"url": "https://example.com/a.png"}}


@pytest.fixture
def page(notion: Notion) -> str:
    return str(notion.post("pages", {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("p")}})["id"])


def add(notion: Notion, parent: str, *blocks: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    answer = notion.patch(f"blocks/{parent}/children", {"children": list(blocks), **body})
    return list(answer["results"])


def paragraph(words: str, *children: dict[str, Any]) -> dict[str, Any]:
    nested = {"children": list(children)} if children else {}
    return {"type": "paragraph", "paragraph": {"rich_text": text(words), **nested}}


def words(notion: Notion, parent: str) -> list[str]:
    results = notion.get(f"blocks/{parent}/children")["results"]
    return [block["paragraph"]["rich_text"][0]["plain_text"] for block in results]


@pytest.mark.parametrize(
    ("kind", "given", "keys"),
    [
        ("paragraph", {"rich_text": []}, {"rich_text", "icon", "color"}),
        ("heading_1", {"rich_text": [], "is_toggleable": True}, {"rich_text", "is_toggleable", "color"}),
        ("heading_4", {"rich_text": [], "color": "red_background"}, {"rich_text", "is_toggleable", "color"}),
        ("to_do", {"rich_text": [], "checked": True}, {"rich_text", "checked", "color"}),
        ("toggle", {"rich_text": []}, {"rich_text", "color"}),
        ("quote", {"rich_text": []}, {"rich_text", "color"}),
        ("bulleted_list_item", {"rich_text": []}, {"rich_text", "color"}),
        ("numbered_list_item", {"rich_text": []}, {"rich_text", "color"}),
        ("callout", {"rich_text": []}, {"rich_text", "icon", "color"}),
        ("code", {"rich_text": [], "language": "bash"}, {"caption", "rich_text", "language"}),
        ("divider", {}, set()),
        ("breadcrumb", {}, set()),
        ("tab", {}, set()),
        ("table_of_contents", {}, {"color"}),
        ("template", {"rich_text": []}, {"rich_text"}),
        ("synced_block", {"synced_from": None}, {"synced_from"}),
        ("link_to_page", {"type": "page_id", "page_id": WORKSPACE}, {"type", "page_id"}),
        ("bookmark", {"url": "https://example.com"}, {"caption", "url"}),
        ("equation", {"expression": "E=mc^2"}, {"expression"}),
        ("image", LINK, {"caption", "type", "external"}),
        ("pdf", LINK, {"caption", "type", "external"}),
        ("file", {**LINK, "name": "a"}, {"caption", "type", "external", "name"}),
    ],
)
def test_each_type_reads_back(notion: Notion, page: str, kind: str, given: dict[str, Any], keys: set[str]) -> None:
    (block,) = add(notion, page, {"object": "block", "type": kind, kind: given})
    assert set(block) == {*BLOCK_KEYS, kind}
    assert set(block[kind]) == keys
    for key, value in given.items():
        assert block[kind][key] == value
    assert block["created_time"].endswith(":00.000Z")
    same = notion.get(f"blocks/{block['id']}")
    assert {key: same[key] for key in block} == block


def test_children_are_nested_two_levels_deep(notion: Notion, page: str) -> None:
    (block,) = add(notion, page, paragraph("1", paragraph("2", paragraph("3"))))
    assert block["has_children"] is True
    assert "children" not in block["paragraph"]
    (second,) = notion.get(f"blocks/{block['id']}/children")["results"]
    assert second["parent"] == {"type": "block_id", "block_id": block["id"]}
    assert words(notion, second["id"]) == ["3"]
    body = {"children": [paragraph("1", paragraph("2", paragraph("3", paragraph("4"))))]}
    error = notion.refused("PATCH", f"blocks/{page}/children", body)
    path = "body.children[0].paragraph.children[0].paragraph.children[0].paragraph.children"
    assert error["message"].startswith(f"body failed validation: {path} should be not present")


def test_a_page_is_made_with_its_body(notion: Notion) -> None:
    body = {"parent": {"page_id": WORKSPACE}, "children": [paragraph(str(number)) for number in range(100)]}
    page = notion.post("pages", body)
    first = notion.get(f"blocks/{page['id']}/children", page_size=60)
    assert first["next_cursor"]
    rest = notion.get(f"blocks/{page['id']}/children", start_cursor=first["next_cursor"])
    assert len(first["results"] + rest["results"]) == 100
    assert (rest["type"], rest["block"]) == ("block", {})
    error = notion.refused("GET", f"blocks/{page['id']}/children?start_cursor=bogus")
    assert error["message"] == (
        'query failed validation: query.start_cursor should be a valid uuid or `undefined`, instead was `"bogus"`.'
    )


def test_positions(notion: Notion, page: str) -> None:
    first, _ = add(notion, page, paragraph("a"), paragraph("d"))
    after = {"type": "after_block", "after_block": {"id": first["id"]}}
    answer = add(notion, page, paragraph("b"), paragraph("c"), position=after)
    assert len(answer) == 3
    add(notion, page, paragraph("0"), position={"type": "start"})
    add(notion, page, paragraph("e"), position={"type": "end"})
    assert words(notion, page) == list("0abcde")
    assert (
        notion.refused("PATCH", f"blocks/{page}/children", {"children": [], "after": first["id"]})["status"] == 400
    )
    older = Notion(notion.app, version="2025-09-03")
    add(older, page, paragraph("A"), after=first["id"])
    assert words(notion, page) == list("0aAbcde")
    stranger = {"type": "after_block", "after_block": {"id": page}}
    assert (
        notion.refused("PATCH", f"blocks/{WORKSPACE}/children", {"children": [], "position": after})["status"]
        == 400
    )
    assert (
        notion.refused("PATCH", f"blocks/{page}/children", {"children": [], "position": stranger})["status"] == 400
    )


def test_tables(notion: Notion, page: str) -> None:
    rows = [{"table_row": {"cells": [text("a"), text("b")]}}, {"table_row": {"cells": [[], []]}}]
    table = {"table_width": 2, "has_column_header": True, "children": rows}
    (block,) = add(notion, page, {"table": table})
    assert block["table"] == {"table_width": 2, "has_column_header": True, "has_row_header": False}
    shown = notion.get(f"blocks/{block['id']}/children")["results"]
    assert shown[0]["table_row"]["cells"][1][0]["plain_text"] == "b"
    add(notion, block["id"], {"table_row": {"cells": [text("c"), []]}})
    assert len(notion.get(f"blocks/{block['id']}/children")["results"]) == 3
    wrongs: list[dict[str, Any]] = [
        {"table": {"table_width": 2}},
        {"table": {"table_width": 1, "children": rows}},
        {"table_row": {"cells": []}},
    ]
    for wrong in wrongs:
        assert notion.refused("PATCH", f"blocks/{page}/children", {"children": [wrong]})["status"] == 400


def test_a_block_is_changed_and_deleted(notion: Notion, page: str) -> None:
    (block,) = add(notion, page, {"to_do": {"rich_text": text("tick me")}})
    sato = notion.person("Sato")
    ticked = sato.patch(f"blocks/{block['id']}", {"to_do": {"checked": True}})
    assert ticked["to_do"]["checked"] is True
    assert ticked["to_do"]["rich_text"][0]["plain_text"] == "tick me"
    assert ticked["last_edited_by"]["id"] == sato.get("users/me")["id"]
    error = notion.refused("PATCH", f"blocks/{block['id']}", {"quote": {"rich_text": []}})
    assert error["message"] == "Expected block type to_do in request body"
    gone = notion.call("DELETE", f"blocks/{block['id']}")
    assert gone["in_trash"] is True
    assert notion.get(f"blocks/{block['id']}")["in_trash"] is True
    assert notion.get(f"blocks/{page}/children")["results"] == []
    assert notion.refused("PATCH", f"blocks/{block['id']}", {"to_do": {}})["status"] == 400
    notion.patch(f"blocks/{block['id']}", {"in_trash": False})
    assert len(notion.get(f"blocks/{page}/children")["results"]) == 1


def test_an_unknown_type_lists_the_alternatives(notion: Notion, page: str) -> None:
    error = notion.refused("PATCH", f"blocks/{page}/children", {"children": [{"what": {}}]})
    first, second, *_ = error["message"].splitlines()
    assert first == "body failed validation. Fix one:"
    assert second == "body.children[0].embed should be defined, instead was `undefined`."


def test_what_has_no_body_takes_no_children(notion: Notion, page: str) -> None:
    divider, folded = add(notion, page, {"divider": {}}, {"heading_2": {"rich_text": [], "is_toggleable": True}})
    error = notion.refused("PATCH", f"blocks/{divider['id']}/children", {"children": [paragraph("x")]})
    assert error["message"] == "Block does not support children."
    add(notion, folded["id"], paragraph("x"))
    flat = {"heading_2": {"rich_text": [], "children": [paragraph("x")]}}
    assert notion.refused("PATCH", f"blocks/{page}/children", {"children": [flat]})["status"] == 400


def test_rich_text_in_its_kinds(notion: Notion, page: str) -> None:
    given = [
        {"type": "text", "text": {"content": "see ", "link": None}, "plain_text": "ignored"},
        {"text": {"content": "this", "link": {"type": "url", "url": "https://example.com"}}},
        {"type": "equation", "equation": {"expression": "x"}, "annotations": {"color": "blue"}},
        {"mention": {"page": {"id": page}}},
        {"mention": {"type": "date", "date": {"start": "2026-07-04"}}},
        {"text": {"content": ""}},
    ]
    (block,) = add(notion, page, {"paragraph": {"rich_text": given}})
    shown = block["paragraph"]["rich_text"]
    assert [item["plain_text"] for item in shown] == ["see ", "this", "x", "p", "2026-07-04"]
    assert [item["href"] for item in shown[:2]] == [None, "https://example.com"]
    assert shown[2]["annotations"]["color"] == "blue"
    assert all(set(item) == {"type", item["type"], "annotations", "plain_text", "href"} for item in shown)


def test_columns_stand_in_a_list_of_columns(notion: Notion, page: str) -> None:
    columns = [{"column": {"width_ratio": 0.5, "children": [paragraph("in")]}}, {"column": {}}]
    (columns_list,) = add(notion, page, {"column_list": {"children": columns}})
    assert (columns_list["column_list"], columns_list["has_children"]) == ({}, True)
    first, second = notion.get(f"blocks/{columns_list['id']}/children")["results"]
    assert (first["column"], second["column"]) == ({"width_ratio": 0.5}, {})
    assert words(notion, first["id"]) == ["in"]
    refused = [
        {"column": {}},
        {"column_list": {}},
        {"column_list": {"children": [paragraph("x")]}},
        {"column_list": {"children": [{"column": {"width_ratio": 2}}]}},
        {"link_to_page": {}},
        {"link_to_page": {"page_id": "7855b161-f63e-4683-b7c7-8ca6e97ee266"}},
        {"synced_block": {"synced_from": {}}},
    ]
    for block in refused:
        notion.refused("PATCH", f"blocks/{page}/children", {"children": [block]})
    (copy,) = add(notion, page, {"synced_block": {"synced_from": {"block_id": first["id"]}}})
    assert copy["synced_block"]["synced_from"] == {"type": "block_id", "block_id": first["id"]}

"""Pages as Notion's Markdown: both ways, changed by text, with blocks that stay the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.conftest import WORKSPACE, Json, Notion, text
from ultra_checklist.server import inline_markdown, richtext

WHOLE = """# Kickoff {color="blue"}
## Folded {toggle="true" color="red_bg"}
	inside
#### Small
Plain **bold** *it* ~~gone~~ `code` [link](https://example.org/a) $e=mc^2$ end
<span color="green">green</span> and <span underline="true">under</span> {color="gray_bg"}
	child of text
<empty-block/>
- one
	- two
		three
- [x] done
- [ ] open {color="red"}
1. first
2. second
> quote<br>more
<details color="yellow">
<summary>Fold **me**</summary>
	hidden
	- deeper
</details>
<callout icon="🎯" color="blue_bg">
	Ship by **Friday**.
	- a list
</callout>
```python
def greet(name):
	return f"Hello, {name}! <b> *not* {x}"

```
$$
x^2
y
$$
<table header-row="true">
	<tr>
		<td>Status</td>
		<td>**Who**</td>
	</tr>
	<tr>
		<td>a \\| b</td>
		<td></td>
	</tr>
</table>
---
<columns>
	<column>
		left
	</column>
	<column>
		right
		- more
	</column>
</columns>
![A *cat*](https://example.org/cat.png)
<video src="https://example.org/v.mp4">Film</video>
<table_of_contents color="gray"/>"""


def page(notion: Notion, markdown: str, **more: Any) -> str:
    body = {"parent": {"page_id": WORKSPACE}, "properties": {"title": {"title": text("P")}}, "markdown": markdown}
    return str(notion.post("pages", body | more)["id"])


def children(notion: Notion, block: str) -> list[Json]:
    return list(notion.get(f"blocks/{block}/children")["results"])


def markdown_of(notion: Notion, identifier: str) -> str:
    return str(notion.get(f"pages/{identifier}/markdown")["markdown"])


def test_what_is_written_reads_back_the_same(notion: Notion) -> None:
    made = page(notion, WHOLE)
    answer = notion.get(f"pages/{made}/markdown")
    assert answer["markdown"] == WHOLE
    assert (answer["object"], answer["id"], answer["truncated"]) == ("page_markdown", made, False)
    assert answer["unknown_block_ids"] == []


def test_markdown_becomes_blocks(notion: Notion) -> None:
    blocks = children(notion, page(notion, WHOLE))
    kinds = [block["type"] for block in blocks]
    assert kinds[:7] == [
        "heading_1",
        "heading_2",
        "heading_4",
        "paragraph",
        "paragraph",
        "paragraph",
        "bulleted_list_item",
    ]
    by_kind = {block["type"]: block for block in blocks}
    assert by_kind["heading_2"]["heading_2"]["is_toggleable"]
    assert by_kind["code"]["code"]["language"] == "python"
    assert by_kind["to_do"]["to_do"]["color"] == "red"
    assert by_kind["callout"]["callout"]["icon"] == {"type": "emoji", "emoji": "🎯"}
    assert by_kind["equation"]["equation"]["expression"] == "x^2\ny"
    assert len(children(notion, by_kind["column_list"]["id"])) == 2
    looks = [item["annotations"] for item in blocks[3]["paragraph"]["rich_text"] if item["type"] == "text"]
    assert sum(look["bold"] for look in looks) == sum(look["code"] for look in looks) == 1


def test_github_s_markdown_is_understood_too(notion: Notion) -> None:
    made = page(notion, "###### Deep\n\n* star\n+ plus\n2) two\n\n| a | b |\n|---|:-:|\n| 1 | x \\| y |\n\n***\n")
    kinds = [block["type"] for block in children(notion, made)]
    lists = ["bulleted_list_item", "bulleted_list_item", "numbered_list_item"]
    assert kinds == ["heading_4", *lists, "table", "divider"]
    rows = children(notion, children(notion, made)[4]["id"])
    assert [cell[0]["plain_text"] for cell in rows[1]["table_row"]["cells"]] == ["1", "x | y"]


def test_what_markdown_cannot_say_is_told_by_its_id(notion: Notion) -> None:
    made = page(notion, "before")
    bookmark = {"bookmark": {"url": "https://example.org"}}
    (block, *_) = notion.patch(f"blocks/{made}/children", {"children": [bookmark]})["results"]
    answer = notion.get(f"pages/{made}/markdown")
    assert answer["unknown_block_ids"] == [block["id"]]
    assert answer["markdown"].splitlines()[1].startswith('<unknown url="')
    update(notion, made, "update_content", {"content_updates": [{"old_str": "before", "new_str": "after"}]})
    assert [child["id"] for child in children(notion, made)][1] == block["id"]


def update(notion: Notion, identifier: str, kind: str, change: Json, **more: Any) -> Json:
    return notion.patch(f"pages/{identifier}/markdown", {"type": kind, kind: change, **more})


def test_blocks_that_stay_the_same_keep_their_ids(notion: Notion) -> None:
    made = page(notion, "one\n- two\n\tinside\nthree")
    before = children(notion, made)
    changes = [{"old_str": "one", "new_str": "ONE"}, {"old_str": "three", "new_str": "three\nfour"}]
    answer = update(notion, made, "update_content", {"content_updates": changes})
    assert answer["markdown"] == "ONE\n- two\n\tinside\nthree\nfour"
    after = children(notion, made)
    assert [block["id"] for block in after[1:3]] == [block["id"] for block in before[1:3]]
    assert notion.get(f"blocks/{before[0]['id']}")["in_trash"] is True


def test_the_four_ways_to_change(notion: Notion) -> None:
    made = page(notion, "alpha\nbeta\ngamma\nbeta")
    update(notion, made, "insert_content", {"content": "first", "position": {"type": "start"}})
    update(notion, made, "insert_content", {"content": "last"})
    update(notion, made, "insert_content", {"content": "after", "after": "al...pha"})
    assert markdown_of(notion, made) == "first\nalpha\nafter\nbeta\ngamma\nbeta\nlast"
    changed = {"content_updates": [{"old_str": "beta", "new_str": "B", "replace_all_matches": True}]}
    update(notion, made, "update_content", changed)
    update(notion, made, "replace_content_range", {"content": "middle", "content_range": "alpha...gamma"})
    assert markdown_of(notion, made) == "first\nmiddle\nB\nlast"
    update(notion, made, "replace_content", {"new_str": "all new"})
    assert markdown_of(notion, made) == "all new"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("update_content", {"content_updates": [{"old_str": "nowhere", "new_str": ""}]}),
        ("update_content", {"content_updates": [{"old_str": "", "new_str": ""}]}),
        ("update_content", {}),
        ("insert_content", {"content": "x", "after": "nowhere...else"}),
        ("insert_content", {"content": "x", "position": {"type": "middle"}}),
        ("replace_content_range", {"content": "x", "content_range": "one...nowhere"}),
        ("replace_content", {"new_str": 1}),
        (
            "replace_content",
            {"new_str": '<page url="https://example.org/p/12345678123442348234123456789abc">x</page>'},
        ),
        ("delete_content", {}),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing(notion: Notion, kind: str, change: Json) -> None:
    made = page(notion, "one\ntwo")
    refused = notion.refused("PATCH", f"pages/{made}/markdown", {"type": kind, kind: change})
    assert (refused["status"], refused["code"]) == (400, "validation_error")
    assert markdown_of(notion, made) == "one\ntwo"


def test_pages_below_are_kept_unless_their_loss_is_allowed(notion: Notion) -> None:
    made = page(notion, "text")
    below = notion.post("pages", {"parent": {"page_id": made}, "properties": {"title": {"title": text("Below")}}})[
        "id"
    ]
    assert markdown_of(notion, made).splitlines()[1].endswith(">Below</page>")
    body = {"type": "replace_content", "replace_content": {"new_str": "nothing"}}
    assert below in notion.refused("PATCH", f"pages/{made}/markdown", body)["message"]
    kept = markdown_of(notion, made).splitlines()[1]
    update(notion, made, "replace_content", {"new_str": f"{kept}\nmoved up"})
    assert children(notion, made)[0]["id"] == below
    update(notion, made, "replace_content", {"new_str": "nothing", "allow_deleting_content": True})
    assert notion.get(f"pages/{below}")["in_trash"] is True


def test_what_may_be_done_later_is_answered_by_a_task(notion: Notion) -> None:
    made = page(notion, "one")
    body = {"type": "replace_content", "replace_content": {"new_str": "two"}, "allow_async": True}
    answer = notion.send("PATCH", f"/v1/pages/{made}/markdown", json=body)
    task = answer.json()
    assert (answer.status_code, task["object"], task["status"]) == (202, "async_task", "queued")
    assert task["status_url"].endswith(f"/v1/async_tasks/{task['id']}")
    done = notion.get(f"async_tasks/{task['id']}")
    assert (done["status"], done["result"]["markdown"]) == ("succeeded", "two")
    assert notion.refused("GET", "async_tasks/task_0")["status"] == 404


def test_a_page_is_made_in_one_way_only(notion: Notion) -> None:
    body = {"parent": {"page_id": WORKSPACE}, "markdown": "a", "children": []}
    assert notion.refused("POST", "pages", body)["code"] == "validation_error"
    content = {"parent": {"page_id": WORKSPACE}, "content": [{"paragraph": {"rich_text": text("x")}}]}
    made = notion.post("pages", content | {"template": {"type": "none"}})["id"]
    assert markdown_of(notion, made) == "x"
    default = {"parent": {"page_id": WORKSPACE}, "template": {"type": "default"}}
    assert notion.refused("POST", "pages", default)["status"] == 400


def test_a_page_is_put_where_it_is_wanted(notion: Notion) -> None:
    made = page(notion, "one\ntwo")
    first = children(notion, made)[0]["id"]
    positions: list[Json] = [
        {"type": "page_start"},
        {"type": "after_block", "after_block": {"id": first}},
        {"type": "page_end"},
    ]
    for name, position in zip("abc", positions, strict=True):
        body = {"parent": {"page_id": made}, "properties": {"title": {"title": text(name)}}, "position": position}
        notion.post("pages", body)
    shown = [block.get("child_page", {}).get("title", "-") for block in children(notion, made)]
    assert shown == ["a", "-", "b", "-", "c"]


def test_mentions_come_back(notion: Notion) -> None:
    person = notion.person("Ada").get("users/me")["id"]
    target = page(notion, "there").replace("-", "")
    line = (
        f'<mention-user url="user://{person}">Ada</mention-user> on <mention-date start="2026-07-04"/>: '
        f'<mention-page url="http://127.0.0.1:8642/p/{target}">P</mention-page>'
    )
    made = page(notion, line)
    assert markdown_of(notion, made) == line
    kinds = [item["type"] for item in children(notion, made)[0]["paragraph"]["rich_text"]]
    assert kinds == ["mention", "text", "mention", "text", "mention"]


ITEMS = st.lists(
    st.tuples(
        st.text(
            st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from("*~`$[]<>{}|^\\\n _-#"), min_size=1
        ),
        st.sets(st.sampled_from(["bold", "italic", "strikethrough", "underline"])),
        st.sampled_from(["default", "red", "blue_background"]),
    ),
    max_size=5,
)


@settings(max_examples=500, deadline=None)
@given(ITEMS)
def test_any_rich_text_survives_the_way_there_and_back(given_items: list[tuple[str, set[str], str]]) -> None:
    items = []
    for words, marks, color in given_items:
        look = {**richtext.PLAIN, **dict.fromkeys(marks, True), "color": color}
        items.append(
            {"type": "text", "text": {"content": words, "link": None}, "annotations": look, "plain_text": words}
        )
    read = inline_markdown.read(inline_markdown.written(items, "http://localhost"))

    def letters(found: list[Json]) -> list[tuple[str, Json]]:
        return [
            (letter, {**richtext.PLAIN, **item.get("annotations", {})})
            for item in found
            for letter in item["text"]["content"]
        ]

    assert letters(read) == letters(items)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab\t\n #-*>|`$<>[](){}="/1.x'), max_size=200))
def test_any_text_is_read_and_stands_still_from_then_on(tmp_path_factory: Any, markdown: str) -> None:
    notion = _shared(tmp_path_factory)
    answer = notion.send("POST", "/v1/pages", json={"parent": {"page_id": WORKSPACE}, "markdown": markdown})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        once = markdown_of(notion, answer.json()["id"])
        assert markdown_of(notion, page(notion, once)) == once


_APPS: list[Notion] = []


def _shared(tmp_path_factory: Any) -> Notion:
    if not _APPS:
        from ultra_checklist.server.app import create_app

        _APPS.append(Notion(create_app(tmp_path_factory.mktemp("markdown") / "notion.db")))
    return _APPS[0]

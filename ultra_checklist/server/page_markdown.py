"""Pages as Markdown: read whole, changed by text, with the blocks kept that stay as they are."""

import difflib
from typing import Any, Final

from ultra_checklist.server import async_tasks, block_types, blocks, markdown, nodes, validation
from ultra_checklist.server.calls import Call, Json
from ultra_checklist.server.errors import MISSING, invalid

_OPERATIONS: Final = ("insert_content", "replace_content_range", "update_content", "replace_content")
LONGEST: Final = 400_000
"""Characters of Markdown in one request; the size of its body bounds it too."""
_REFERENCES: Final = ("page", "database")
_STAND_IN: Final = "stand_in"


def retrieve(call: Call) -> Json:
    """GET /v1/pages/{page_id}/markdown; a block is taken too, and shows what it holds."""
    return _answered(call, blocks.find(call, call.identifier("page_id")))


def update(call: Call) -> Json:
    """PATCH /v1/pages/{page_id}/markdown."""
    call.only("type", "allow_async", *_OPERATIONS)
    page = nodes.editable(nodes.find(call.connection, call.identifier("page_id"), "page"))
    kind = validation.one_of(call.body.get("type", MISSING), "body.type", _OPERATIONS)
    given = validation.mapping(call.body.get(kind, MISSING), f"body.{kind}")
    present, _ = _written(call, page)
    text = _EDITS[kind](present, given, f"body.{kind}")
    allowed = validation.boolean(given.get("allow_deleting_content", False), f"body.{kind}.allow_deleting_content")
    replace(call, page, text, allow_deleting=allowed)
    page.edited_at, page.edited_by = call.moment, call.actor.id
    nodes.save(call.connection, page)
    return async_tasks.answered(call, "pages.update_markdown", _answered(call, page))


def replace(call: Call, page: nodes.Node, text: str, *, allow_deleting: bool = False) -> None:
    """Make ``text`` the body of a page; blocks that stay the same keep their ids.

    Pages and databases below it go into the trash only with ``allow_deleting``.
    """
    before = blocks.visible(call, page)
    old = [_line(call, node) for node in before]
    last = nodes.last_position(call.connection, page.id)
    made = _make_all(call, page, markdown.read(text))
    fresh = [_line(call, node) for node in made]
    kept: dict[int, nodes.Node] = {}
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, fresh, autojunk=False).get_opcodes():
        if tag == "equal":
            kept |= {j1 + place: before[i1 + place] for place in range(i2 - i1)}
            standing = {node.id for node in before}
            for node in made[j1:j2]:
                if node.id not in standing:
                    _forget(call, node)
    body = [kept.get(place, node) for place, node in enumerate(made)]
    there = {node.id for node in body}
    for place, node in enumerate(made):
        if place not in kept and node.kind == "block":
            there |= _settled(call, node)
    gone = [node for node in before if node.id not in there]
    lost = [node for node in gone if node.kind != "block"]
    if lost and not allow_deleting:
        told = ", ".join(f"{node.kind} {node.id}" for node in lost)
        raise invalid(f"This would delete child content: {told}. Set allow_deleting_content to true to allow it.")
    for node in gone:
        node.in_trash = True
        nodes.save(call.connection, node)
    for place, node in enumerate(body, last + len(made) + 1):
        node.position = place
        nodes.save(call.connection, node)


def _make_all(call: Call, parent: nodes.Node, given: list[Json]) -> list[nodes.Node]:
    return [node for block in given if (node := _make(call, parent, block)) is not None]


def _make(call: Call, parent: nodes.Node, block: Json) -> nodes.Node | None:
    kind = block["type"]
    if kind in (*_REFERENCES, "unknown"):
        # What stands there already is named by its link; one that does not is no part of this page.
        node = nodes.get(call.connection, block["id"]) if block["id"] else None
        if node is None or node.in_trash or _page_of(call, node.parent_id) != _page_of(call, parent.id):
            raise invalid(f"<{kind}> should name what stands in this page by its url, instead was {block['id']!r}.")
        return node if node.parent_id == parent.id else nodes.insert(call.connection, _stand_in(call, parent, node))
    if kind in block_types.ONLY_IN.values() and not block.get("children"):
        return None
    node = blocks.new(call, parent, kind, block["body"], "body.markdown")
    nodes.insert(call.connection, node)
    if kind in block_types.NESTING and (kind not in block_types.HEADINGS or node.data["body"]["is_toggleable"]):
        _make_all(call, node, block.get("children", []))
    elif block.get("children"):
        raise invalid(f"body failed validation: body.markdown: a {kind} does not hold other blocks.")
    return node


def _page_of(call: Call, identifier: str) -> str:
    """The page that is, or in whose body stands, what has this id."""
    above = nodes.get(call.connection, identifier)
    while above is not None and above.kind == "block":
        above = nodes.get(call.connection, above.parent_id)
    return above.id if above is not None else ""


def _stand_in(call: Call, parent: nodes.Node, node: nodes.Node) -> nodes.Node:
    """What keeps the place of something that may move there, until it is known what stays as it is."""
    return nodes.Node(
        id=nodes.new_id(),
        kind="block",
        parent_kind=parent.kind,
        parent_id=parent.id,
        data={"type": _STAND_IN, "body": {}, "for": node.id},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )


def _settled(call: Call, node: nodes.Node) -> set[str]:
    """Move what stand-ins below a block stand for to their places; the ids of what has moved."""
    moved: set[str] = set()
    for child in nodes.children(call.connection, node.id):
        if child.kind == "block" and child.data["type"] == _STAND_IN:
            found = nodes.find(call.connection, child.data["for"], *nodes.BODY_KINDS)
            found.parent_kind, found.parent_id, found.position = node.kind, node.id, child.position
            nodes.delete(call.connection, child.id)
            nodes.save(call.connection, found)
            moved.add(found.id)
        elif child.kind == "block":
            moved |= _settled(call, child)
    return moved


def _forget(call: Call, node: nodes.Node) -> None:
    for child in nodes.children(call.connection, node.id):
        _forget(call, child)
    nodes.delete(call.connection, node.id)


def _line(call: Call, node: nodes.Node) -> str:
    return markdown.Written(call.base_url).text(_tree(call, [node]))


def _tree(call: Call, found: list[nodes.Node]) -> list[Json]:
    found = [_meant(call, node) for node in found]
    answered = blocks.answered_all(call, found)
    for node, block in zip(found, answered, strict=True):
        if node.kind == "block" and block["has_children"]:
            block["children"] = _tree(call, blocks.visible(call, node))
    return answered


def _meant(call: Call, node: nodes.Node) -> nodes.Node:
    return nodes.find(call.connection, node.data["for"], *nodes.BODY_KINDS) if "for" in node.data else node


def _written(call: Call, node: nodes.Node) -> tuple[str, list[str]]:
    writer = markdown.Written(call.base_url)
    return writer.text(_tree(call, blocks.visible(call, node))), writer.unknown


def _answered(call: Call, node: nodes.Node) -> Json:
    text, unknown = _written(call, node)
    return {
        "object": "page_markdown",
        "id": node.id,
        "markdown": text,
        "truncated": False,
        "unknown_block_ids": unknown,
    }


def _insert(present: str, given: Json, path: str) -> str:
    validation.only(given, ("content", "after", "position"), path)
    content = _text(given.get("content", MISSING), f"{path}.content")
    if "after" in given:
        _, end = _range(present, _text(given["after"], f"{path}.after"), f"{path}.after")
        line = present.find("\n", end)
        place = len(present) if line < 0 else line
        return f"{present[:place]}\n{content}{present[place:]}"
    position = validation.mapping(given.get("position", {"type": "end"}), f"{path}.position")
    kind = validation.one_of(position.get("type", MISSING), f"{path}.position.type", ("start", "end"))
    return f"{content}\n{present}" if kind == "start" else f"{present}\n{content}"


def _replace_range(present: str, given: Json, path: str) -> str:
    validation.only(given, ("content", "content_range", "allow_deleting_content"), path)
    content = _text(given.get("content", MISSING), f"{path}.content")
    wanted = _text(given.get("content_range", MISSING), f"{path}.content_range")
    start, end = _range(present, wanted, f"{path}.content_range")
    return present[:start] + content + present[end:]


def _update(present: str, given: Json, path: str) -> str:
    validation.only(given, ("content_updates", "allow_deleting_content"), path)
    text = present
    for number, one in enumerate(
        validation.array(given.get("content_updates", MISSING), f"{path}.content_updates")
    ):
        at = f"{path}.content_updates[{number}]"
        change = validation.mapping(one, at)
        validation.only(change, ("old_str", "new_str", "replace_all_matches"), at)
        old, new = (_text(change.get(key, MISSING), f"{at}.{key}") for key in ("old_str", "new_str"))
        everywhere = validation.boolean(change.get("replace_all_matches", False), f"{at}.replace_all_matches")
        if not old or old not in text:
            raise invalid(f"{at}.old_str was not found in the page's content.")
        text = text.replace(old, new) if everywhere else text.replace(old, new, 1)
        _text(text, at)
    return text


def _replace_all(_present: str, given: Json, path: str) -> str:
    validation.only(given, ("new_str", "allow_deleting_content"), path)
    return _text(given.get("new_str", MISSING), f"{path}.new_str")


_EDITS: Final = {
    "insert_content": _insert,
    "replace_content_range": _replace_range,
    "update_content": _update,
    "replace_content": _replace_all,
}


def _range(present: str, wanted: str, path: str) -> tuple[int, int]:
    """Where the text lies that ``start...end`` names by its beginning and its end."""
    begins, dots, ends = wanted.partition("...")
    start = present.find(begins) if begins else -1
    end = present.find(ends, start + len(begins)) if dots and ends else start + len(begins)
    if start < 0 or end < 0:
        raise invalid(f"{path} was not found in the page's content.")
    return start, end + (len(ends) if dots else 0)


def _text(value: Any, path: str) -> str:
    return validation.string(value, path, LONGEST)

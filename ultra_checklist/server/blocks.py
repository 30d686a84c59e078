"""Blocks: the bodies of pages, in which pages and databases stand as blocks with their own ids."""

from typing import Any, Final

from ultra_checklist.server import block_types, nodes, places, times, users, validation
from ultra_checklist.server.calls import Call, Json, listing, paged
from ultra_checklist.server.errors import MISSING, ApiError, failed, invalid

MOST_BLOCKS: Final = 1000
DEEPEST: Final = 2


def find(call: Call, identifier: str) -> nodes.Node:
    """A block, page or database by id."""
    return nodes.find(call.connection, identifier, *nodes.BODY_KINDS)


def retrieve(call: Call) -> Json:
    """GET /v1/blocks/{block_id}."""
    return answered_all(call, [find(call, call.identifier("block_id"))])[0]


def children(call: Call) -> Json:
    """GET /v1/blocks/{block_id}/children."""
    parent = find(call, call.identifier("block_id"))
    cursor = call.option("start_cursor")
    if cursor is not None:
        try:
            validation.identifier(cursor, "query.start_cursor")
        except ApiError:
            raise failed("query.start_cursor", "should be a valid uuid or `undefined`", cursor) from None
    shown, following = paged(call, visible(call, parent), lambda node: node.id)
    return listing("block", answered_all(call, list(shown)), following)


def visible(call: Call, parent: nodes.Node) -> list[nodes.Node]:
    """What stands in the body of a page or block; a database has no body."""
    if parent.kind == "database":
        return []
    return [
        node
        for node in nodes.children(call.connection, parent.id)
        if node.kind in nodes.BODY_KINDS and not node.in_trash
    ]


def append(call: Call) -> Json:
    """PATCH /v1/blocks/{block_id}/children; answers with the new blocks and those that follow them."""
    call.only("children", "position", *(["after"] if call.legacy else []))
    parent = nodes.editable(find(call, call.identifier("block_id")))
    if parent.kind == "database" or (parent.kind == "block" and parent.data["type"] not in block_types.NESTING):
        raise invalid("Block does not support children.")
    given = call.body.get("children", MISSING)
    count = len(validation.array(given, "body.children"))
    after = _position(call, parent)
    if after is None:
        after = nodes.last_position(call.connection, parent.id)
    else:
        nodes.make_room(call.connection, parent.id, after, count)
    add_children(call, parent, given, "body.children", after)
    standing = nodes.some_of_body(call.connection, parent.id, after, validation.MOST_ITEMS)
    return listing("block", answered_all(call, standing))


def _position(call: Call, parent: nodes.Node) -> int | None:
    # None is the end; otherwise the position behind which the new blocks go.
    after = call.body.get("after")
    if "position" in call.body:
        given = validation.mapping(call.body["position"], "body.position")
        kind = validation.one_of(given.get("type"), "body.position.type", ("start", "end", "after_block"))
        if kind == "start":
            return 0
        if kind == "end":
            return None
        block = validation.mapping(given.get("after_block"), "body.position.after_block")
        after = validation.identifier(block.get("id"), "body.position.after_block.id")
    if after is None:
        return None
    return position_of(call, parent, validation.identifier(after, "body.after"))


def position_of(call: Call, parent: nodes.Node, identifier: str) -> int:
    """The position of a block under ``parent``; refused if it stands elsewhere."""
    node = find(call, identifier)
    if node.parent_id != parent.id:
        raise invalid(f"Block to append children after should be a child of the parent block: {identifier}")
    return node.position


def add_children(call: Call, parent: nodes.Node, given: Any, path: str, after: int | None = None) -> None:
    """Add the blocks of a request to the body of ``parent``; room behind ``after`` has been made."""
    total = _add(call, parent, given, path, 0, after)
    if total > MOST_BLOCKS:
        raise failed(path, f"should hold at most `{MOST_BLOCKS}` blocks with all nested ones", total)


def _add(call: Call, parent: nodes.Node, given: Any, path: str, depth: int, after: int | None) -> int:
    blocks = validation.array(given, path)
    position = nodes.last_position(call.connection, parent.id) if after is None else after
    total = len(blocks)
    for index, block in enumerate(blocks):
        at = f"{path}[{index}]"
        content = validation.mapping(block, at)
        kind = block_types.type_of(content, at)
        validation.only(content, ("object", "type", kind), at)
        node = new(call, parent, kind, content[kind], f"{at}.{kind}")
        node.position = position + 1 + index
        nodes.insert(call.connection, node)
        total += _nested(call, node, content[kind], f"{at}.{kind}.children", depth)
    return total


def new(call: Call, parent: nodes.Node, kind: str, given: Any, path: str) -> nodes.Node:
    """A block below ``parent`` that is not stored yet."""
    home = parent.data["type"] if parent.kind == "block" else parent.kind
    for held, holder in block_types.ONLY_IN.items():
        if (kind == held) != (home == holder):
            raise invalid(f"body failed validation: {path}: a {holder} holds {held} blocks, and nothing else does.")
    body = block_types.body(call, kind, given, path)
    if kind == "table_row" and len(body["cells"]) != parent.data["body"]["table_width"]:
        raise invalid("Number of cells in table row must match the table width of the parent table")
    return nodes.Node(
        id=nodes.new_id(),
        kind="block",
        parent_kind=parent.kind,
        parent_id=parent.id,
        data={"type": kind, "body": body},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )


def _nested(call: Call, node: nodes.Node, content: Json, path: str, depth: int) -> int:
    kind = node.data["type"]
    if kind in block_types.ONLY_IN.values() and not content.get("children"):
        raise failed(path, "should be defined", content.get("children", MISSING))
    if not content.get("children"):
        return 0
    foldable = kind not in block_types.HEADINGS or node.data["body"]["is_toggleable"]
    if kind not in block_types.NESTING or not foldable or depth >= DEEPEST:
        raise failed(path, "should be not present", content["children"])
    return _add(call, node, content["children"], path, depth + 1, None)


def update(call: Call) -> Json:
    """PATCH /v1/blocks/{block_id}: its body, or its going in and out of the trash."""
    node = find(call, call.identifier("block_id"))
    kind = node.data["type"] if node.kind == "block" else f"child_{node.kind}"
    call.only("object", "type", "in_trash", *block_types.TYPES, "child_page", "child_database")
    trash = call.trash()
    if trash is None:
        nodes.editable(node)
    content = {key: value for key, value in call.body.items() if key in block_types.TYPES}
    if content:
        if node.kind != "block" or set(content) != {kind}:
            raise invalid(f"Expected block type {kind} in request body")
        node.data["body"] = block_types.body(call, kind, content[kind], f"body.{kind}", node.data["body"])
    return _saved(call, node, node.in_trash if trash is None else trash)


def delete(call: Call) -> Json:
    """DELETE /v1/blocks/{block_id}: into the trash."""
    node = nodes.editable(find(call, call.identifier("block_id")))
    if node.parent_kind == "workspace":
        raise invalid("Archiving workspace level pages via API not supported.")
    return _saved(call, node, True)


def _saved(call: Call, node: nodes.Node, trash: bool) -> Json:
    node.in_trash = trash
    node.edited_at, node.edited_by = call.moment, call.actor.id
    nodes.save(call.connection, node)
    return answered_all(call, [node])[0]


def answered_all(call: Call, found: list[nodes.Node]) -> list[Json]:
    """Blocks as Notion answers them."""
    filled = nodes.with_body(call.connection, (node.id for node in found))
    return [_answered(call, node, node.id in filled) for node in found]


def _answered(call: Call, node: nodes.Node, filled: bool) -> Json:
    kind = node.data["type"] if node.kind == "block" else f"child_{node.kind}"
    source = places.source_of(call, node)
    body = block_types.answered(call, node) if node.kind == "block" else {kind: {"title": node.title}}
    return {
        "object": "block",
        "id": node.id,
        "parent": places.parent_of(node, source),
        "created_time": times.to_minute(node.created_at),
        "last_edited_time": times.to_minute(node.edited_at),
        "created_by": users.partial(node.created_by),
        "last_edited_by": users.partial(node.edited_by),
        "has_children": filled,
        "in_trash": node.in_trash,
        "type": kind,
        **body,
    }

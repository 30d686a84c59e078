"""Comments on pages and blocks."""

from ultra_checklist.server import nodes, places, richtext, times, users, validation
from ultra_checklist.server.calls import Call, Json, listing, paged
from ultra_checklist.server.errors import MISSING, failed, not_found


def create(call: Call) -> Json:
    """POST /v1/comments: on a page or block, or in a discussion that has begun."""
    call.only("parent", "discussion_id", "rich_text")
    text = richtext.parse(call.connection, call.body.get("rich_text", MISSING), "body.rich_text")
    if "discussion_id" in call.body:
        discussion = validation.identifier(call.body["discussion_id"], "body.discussion_id")
        begun = _begun(call, discussion)
        kind, parent = begun.parent_kind, begun.parent_id
    else:
        node = _target(call)
        kind, parent = node.kind, node.id
        discussion = _discussion(call, node)
    comment = nodes.Node(
        id=nodes.new_id(),
        kind="comment",
        parent_kind=kind,
        parent_id=parent,
        data={"discussion": discussion, "text": text},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    return answered(call, nodes.insert(call.connection, comment))


def _target(call: Call) -> nodes.Node:
    parent = validation.mapping(call.body.get("parent", MISSING), "body.parent")
    for kind in ("page", "block"):
        if f"{kind}_id" in parent:
            identifier = validation.identifier(parent[f"{kind}_id"], f"body.parent.{kind}_id")
            return nodes.editable(nodes.find(call.connection, identifier, kind))
    raise failed("body.parent.page_id", "should be defined", MISSING)


def _discussion(call: Call, node: nodes.Node) -> str:
    # The comments at the head of a page are one discussion; on a block each comment begins its own.
    if node.kind == "page":
        for comment in _on(call, node.id):
            return str(comment.data["discussion"])
    return nodes.new_id()


def _begun(call: Call, discussion: str) -> nodes.Node:
    for comment in nodes.of_kind(call.connection, "comment"):
        if comment.data["discussion"] == discussion:
            return comment
    raise not_found("discussion", discussion)


def _on(call: Call, identifier: str) -> list[nodes.Node]:
    return [node for node in nodes.children(call.connection, identifier) if node.kind == "comment"]


def index(call: Call) -> Json:
    """GET /v1/comments?block_id=."""
    identifier = validation.identifier(call.option("block_id") or MISSING, "query.block_id")
    nodes.find(call.connection, identifier, "block", "page")
    shown, cursor = paged(call, _on(call, identifier), lambda comment: comment.id)
    return listing("comment", [answered(call, comment) for comment in shown], cursor)


def answered(call: Call, comment: nodes.Node) -> Json:
    """A comment as Notion answers it."""
    author = users.everybody(call.connection)[comment.created_by]
    return {
        "object": "comment",
        "id": comment.id,
        "parent": places.parent_of(comment),
        "discussion_id": comment.data["discussion"],
        "created_time": times.to_minute(comment.created_at),
        "last_edited_time": times.to_minute(comment.edited_at),
        "created_by": users.partial(comment.created_by),
        "rich_text": richtext.unpack(comment.data["text"]),
        "display_name": {
            "type": "integration" if author.kind == "bot" else "user",
            "resolved_name": author.name,
        },
    }

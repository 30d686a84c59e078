"""Comments on pages and blocks."""

from typing import Any, Final

from ultra_checklist.server import inline_markdown, media, nodes, places, richtext, times, users, validation
from ultra_checklist.server.calls import Call, Json, listing, paged
from ultra_checklist.server.errors import MISSING, ApiError, failed, not_found

_MOST_FILES: Final = 3
_CATEGORIES: Final = ("audio", "image", "video")


def create(call: Call) -> Json:
    """POST /v1/comments: on a page or block, or in a discussion that has begun."""
    call.only("parent", "discussion_id", "rich_text", "markdown", "display_name", "attachments")
    text = _text(call)
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
        data={"discussion": discussion, "text": text, "name": _name(call), "attachments": _attachments(call)},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    return answered(call, nodes.insert(call.connection, comment))


def _text(call: Call) -> richtext.Stored:
    if "markdown" in call.body and "rich_text" in call.body:
        raise failed("body.markdown", "should be not present", call.body["markdown"])
    if "markdown" in call.body:
        given: Any = inline_markdown.read(validation.string(call.body["markdown"], "body.markdown"))
    else:
        given = call.body.get("rich_text", MISSING)
    return richtext.parse(call.connection, given, "body.rich_text")


def _name(call: Call) -> str:
    """Under which name an integration speaks; empty: its own."""
    if "display_name" not in call.body:
        return ""
    given = validation.mapping(call.body["display_name"], "body.display_name")
    kind = validation.one_of(
        given.get("type", MISSING), "body.display_name.type", ("integration", "user", "custom")
    )
    if kind != "custom":
        return ""
    custom = validation.mapping(given.get("custom", MISSING), "body.display_name.custom")
    return validation.string(custom.get("name", MISSING), "body.display_name.custom.name", richtext.LONGEST_TEXT)


def _attachments(call: Call) -> list[Json]:
    found = []
    for place, one in enumerate(
        validation.array(call.body.get("attachments", []), "body.attachments", _MOST_FILES)
    ):
        path = f"body.attachments[{place}]"
        given = validation.mapping(one, path)
        identifier = validation.identifier(given.get("file_upload_id", MISSING), f"{path}.file_upload_id")
        stored = media.attach(call, identifier)
        content_type = str(nodes.find(call.connection, identifier, "file_upload").data.get("content_type") or "")
        kind = content_type.partition("/")[0]
        known = {"application/pdf": "pdf"}.get(content_type, kind if kind in _CATEGORIES else "productivity")
        found.append({"category": known, "file": stored})
    return found


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


def retrieve(call: Call) -> Json:
    """GET /v1/comments/{comment_id}."""
    return answered(call, _find(call))


def update(call: Call) -> Json:
    """PATCH /v1/comments/{comment_id}: its text; only whoever has written it may."""
    call.only("rich_text", "markdown")
    comment = _own(call)
    comment.data["text"] = _text(call)
    comment.edited_at, comment.edited_by = call.moment, call.actor.id
    nodes.save(call.connection, comment)
    return answered(call, comment)


def delete(call: Call) -> Json:
    """DELETE /v1/comments/{comment_id}; answers with what it was."""
    comment = _own(call)
    nodes.delete(call.connection, comment.id)
    return answered(call, comment)


def _find(call: Call) -> nodes.Node:
    return nodes.find(call.connection, call.identifier("comment_id"), "comment")


def _own(call: Call) -> nodes.Node:
    comment = _find(call)
    if comment.created_by != call.actor.id:
        raise ApiError(403, "restricted_resource", "Only comments that this integration has made can be changed.")
    return comment


def answered(call: Call, comment: nodes.Node) -> Json:
    """A comment as Notion answers it."""
    author = users.everybody(call.connection)[comment.created_by]
    attachments = [
        {"category": one["category"], "file": media.answered(call, one["file"])["file"]}
        for one in comment.data.get("attachments", ())
    ]
    name = comment.data.get("name", "")
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
            "type": "custom" if name else "integration" if author.kind == "bot" else "user",
            "resolved_name": name or author.name,
        },
        **({"attachments": attachments} if attachments else {}),
    }

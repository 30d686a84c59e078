"""Meeting notes: blocks that wait for a transcript, which nobody makes here; made, and found again."""

from typing import Any, Final

from ultra_checklist.server import block_types, blocks, media, nodes, richtext, validation
from ultra_checklist.server.calls import LARGEST_PAGE, Call, Json
from ultra_checklist.server.errors import MISSING, failed, invalid

KIND: Final = "meeting_notes"
_LANGUAGES: Final = (
    *("auto", "en", "zh-CN", "zh-TW", "es", "fr", "de", "ja", "ko", "pt", "ru", "th", "vi", "id", "da", "fi", "no"),
    *("nl", "it", "sv", "ar", "he", "pl"),
)
_PROPERTIES: Final = ("title", "attendees", "created_time", "created_by", "last_edited_time", "last_edited_by")
_OPERATORS: Final = ("and", "or")


def create(call: Call) -> Json:
    """POST /v1/blocks/meeting_notes: from an uploaded recording, on a page; or beside a block that holds one."""
    call.only("title", "language", "options", "source", "parent")
    title = validation.optional(call.body.get("title"), "body.title", richtext.LONGEST_TEXT) or ""
    validation.one_of(call.body.get("language", "auto"), "body.language", _LANGUAGES)
    options = validation.mapping(call.body.get("options", {}), "body.options")
    validation.only(options, ("kickoff_summary",), "body.options")
    page = _page(call)
    node = nodes.Node(
        id=nodes.new_id(),
        kind="block",
        parent_kind=page.kind,
        parent_id=page.id,
        data={"type": KIND, "body": {"title": title, "status": "transcription_not_started"}},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    nodes.insert(call.connection, node)
    return blocks.answered_all(call, [node])[0]


def _page(call: Call) -> nodes.Node:
    source = validation.mapping(call.body.get("source", MISSING), "body.source")
    kind = validation.one_of(source.get("type", MISSING), "body.source.type", ("file_upload", "block"))
    if kind == "file_upload":
        identifier = validation.identifier(source.get("file_upload_id", MISSING), "body.source.file_upload_id")
        parent = validation.mapping(call.body.get("parent", MISSING), "body.parent")
        page = validation.identifier(parent.get("page_id", MISSING), "body.parent.page_id")
        found = nodes.editable(nodes.find(call.connection, page, "page"))
        media.attach(call, identifier)
        return found
    if "parent" in call.body:
        raise failed("body.parent", "should be not present", call.body["parent"])
    block = validation.identifier(source.get("block_id", MISSING), "body.source.block_id")
    node = nodes.editable(nodes.find(call.connection, block, "block"))
    if node.data["type"] not in block_types.FILES:
        raise invalid(f"Block {block} holds no recording.")
    return nodes.find(call.connection, node.parent_id, *nodes.BODY_KINDS)


def query(call: Call) -> Json:
    """POST /v1/blocks/meeting_notes/query; filters on the title are asked, all others are checked alone."""
    call.only("filter", "sort", "limit")
    limit = int(validation.number(call.body.get("limit", LARGEST_PAGE), "body.limit"))
    if not 1 <= limit <= LARGEST_PAGE:
        raise failed("body.limit", f"should be a number from `1` to `{LARGEST_PAGE}`", limit)
    found = [
        node for node in nodes.of_kind(call.connection, "block") if node.data["type"] == KIND and not node.in_trash
    ]
    if "filter" in call.body:
        found = [node for node in found if _fits(node, call.body["filter"], "body.filter", 0)]
    for number, one in reversed(list(enumerate(validation.array(call.body.get("sort", []), "body.sort")))):
        given = validation.mapping(one, f"body.sort[{number}]")
        prop = validation.one_of(given.get("property", MISSING), f"body.sort[{number}].property", _PROPERTIES)
        directions = ("ascending", "descending")
        direction = validation.one_of(given.get("direction", MISSING), f"body.sort[{number}].direction", directions)
        found.sort(key=lambda node, prop=prop: _value(node, prop), reverse=direction == "descending")  # type: ignore[misc] # mypy knows no default of a lambda
    return {"results": blocks.answered_all(call, found[:limit]), "has_more": len(found) > limit}


def _fits(node: nodes.Node, given: Any, path: str, depth: int) -> bool:
    content = validation.mapping(given, path)
    if "filters" in content or "operator" in content:
        every = validation.one_of(content.get("operator", MISSING), f"{path}.operator", _OPERATORS) == "and"
        parts = validation.array(content.get("filters", []), f"{path}.filters")
        if depth > len(_OPERATORS):
            raise failed(f"{path}.filters", "should be not present", parts)
        answers = [_fits(node, part, f"{path}.filters[{n}]", depth + 1) for n, part in enumerate(parts)]
        return all(answers) if every or not answers else any(answers)
    prop = validation.one_of(content.get("property", MISSING), f"{path}.property", _PROPERTIES)
    condition = validation.mapping(content.get("filter", MISSING), f"{path}.filter")
    operator = validation.string(condition.get("operator", MISSING), f"{path}.filter.operator")
    if prop != "title":
        return True
    value = condition.get("value")
    wanted = str(value.get("value", "") if isinstance(value, dict) else "").casefold()
    title = str(node.data["body"]["title"]).casefold()
    tests = {"string_is": title == wanted, "string_contains": wanted in title, "is_empty": not title}
    return tests.get(operator, True)


def _value(node: nodes.Node, prop: str) -> Any:
    values = {
        "title": node.data["body"]["title"],
        "created_time": node.created_at,
        "created_by": node.created_by,
        "last_edited_time": node.edited_at,
        "last_edited_by": node.edited_by,
    }
    return values.get(prop, "")

"""The bodies of blocks: what each type takes, and what it reads back as."""

from collections.abc import Callable
from typing import Any, Final

from ultra_checklist.server import media, nodes, richtext, validation
from ultra_checklist.server.calls import Call
from ultra_checklist.server.errors import MISSING, failed, invalid

Json = dict[str, Any]

HEADINGS: Final = ("heading_1", "heading_2", "heading_3", "heading_4")
_TEXTS: Final = ("toggle", "quote", "bulleted_list_item", "numbered_list_item")
FILES: Final = ("file", "image", "pdf", "video", "audio")
# The order is the one in which Notion's validator lists the alternatives.
TYPES: Final = (
    *("embed", "bookmark", "image", "video", "pdf", "file", "audio", "code", "equation", "divider"),
    *("breadcrumb", "tab", "table_of_contents", "link_to_page", "table_row", "table", "column_list", "column"),
    *(*HEADINGS, "paragraph", "bulleted_list_item", "numbered_list_item", "quote", "to_do", "toggle"),
    *("template", "callout", "synced_block"),
)
NESTING: Final = (
    *("paragraph", "to_do", "callout", "table", "template", "synced_block", "tab", "column_list", "column"),
    *(*HEADINGS, *_TEXTS),
)
# What may stand in these, and nowhere else.
ONLY_IN: Final = {"table_row": "table", "column": "column_list"}


def type_of(given: Json, path: str) -> str:
    """The type of a block of a request; refused with every alternative named if there is none."""
    kind = given.get("type") or next((key for key in TYPES if key in given), None)
    if kind in TYPES and kind in given:
        return str(kind)
    if kind in ("child_page", "child_database"):
        raise invalid(f"body failed validation: {path}: a {kind} is made by creating the page or database.")
    lines = "\n".join(f"{path}.{known} should be defined, instead was `undefined`." for known in TYPES)
    raise invalid(f"body failed validation. Fix one:\n{lines}")


def body(call: Call, kind: str, given: Any, path: str, before: Json | None = None) -> Json:
    """Check the body of a block and give its stored form; what is left out stays as ``before``."""
    content = dict(validation.mapping(given, path))
    content.pop("children", None)
    parse = _PARSERS[kind]
    stored = dict(before) if before is not None else dict(_DEFAULTS.get(kind, {}))
    for key, value in content.items():
        if key not in parse:
            if kind == "link_to_page" and key == "type":
                continue
            if kind in FILES and key in ("type", "external", "file_upload", "file"):
                continue
            raise failed(f"{path}.{key}", "should be not present", value)
        stored[key] = parse[key](call, value, f"{path}.{key}")
    if kind in FILES and (before is None or any(key in content for key in ("external", "file_upload", "file"))):
        source = media.reference(call, content, path)
        stored["source"] = source
        if kind == "file":
            stored.setdefault("name", source.get("filename") or source.get("external", "").rpartition("/")[2])
    if kind == "link_to_page":
        stored = _link(call, content, path)
    for key in _NEEDED.get(kind, ()):
        if key not in stored:
            raise failed(f"{path}.{key}", "should be defined", None)
    return stored


def answered(call: Call, node: nodes.Node) -> Json:
    """The body of a block as Notion answers it."""
    kind, stored = node.data["type"], node.data["body"]
    answer: Json = {}
    for key, value in stored.items():
        if kind == "link_to_page":
            answer = {"type": key, key: value}
        elif key == "source":
            answer.update(media.answered(call, value))
        elif key in ("rich_text", "caption", "title"):
            answer[key] = richtext.unpack(value)
        elif key == "cells":
            answer[key] = [richtext.unpack(cell) for cell in value]
        else:
            answer[key] = media.icon(call, value) if key == "icon" else value
    return {kind: answer}


Parser = Callable[[Call, Any, str], Any]


def _rich(call: Call, value: Any, path: str) -> richtext.Stored:
    return richtext.parse(call.connection, value, path)


def _flag(_call: Call, value: Any, path: str) -> bool:
    return validation.boolean(value, path)


def _color(_call: Call, value: Any, path: str) -> str:
    return validation.one_of(value, path, richtext.BLOCK_COLORS)


def _words(_call: Call, value: Any, path: str) -> str:
    return validation.string(value, path, richtext.LONGEST_TEXT)


def _width(_call: Call, value: Any, path: str) -> int:
    width = int(validation.number(value, path))
    if width < 1:
        raise failed(path, "should be ≥ `1`", value)
    return width


def _cells(call: Call, value: Any, path: str) -> list[richtext.Stored]:
    cells = validation.array(value, path)
    return [_rich(call, cell, f"{path}[{index}]") for index, cell in enumerate(cells)]


def _ratio(_call: Call, value: Any, path: str) -> int | float:
    ratio = validation.number(value, path)
    if not 0 < ratio <= 1:
        raise failed(path, "should be > `0` and ≤ `1`", value)
    return ratio


def _origin(call: Call, value: Any, path: str) -> Json | None:
    if value is None:
        return None
    given = validation.mapping(value, path)
    block = validation.identifier(given.get("block_id", MISSING), f"{path}.block_id")
    nodes.find(call.connection, block, "block")
    return {"type": "block_id", "block_id": block}


_LINKED: Final = ("page_id", "database_id", "comment_id")


def _link(call: Call, given: Json, path: str) -> Json:
    named = [key for key in _LINKED if key in given]
    if len(named) != 1:
        raise failed(f"{path}.page_id", "should be defined", MISSING)
    identifier = validation.identifier(given[named[0]], f"{path}.{named[0]}")
    nodes.find(call.connection, identifier, named[0].removesuffix("_id"))
    return {named[0]: identifier}


def _any(_call: Call, value: Any, _path: str) -> Any:
    return value


_TEXT: Final[dict[str, Parser]] = {"rich_text": _rich, "color": _color}
_HEADED: Final[dict[str, Parser]] = {**_TEXT, "is_toggleable": _flag}
_CAPTION: Final[dict[str, Parser]] = {"caption": _rich}
_LINK: Final[dict[str, Parser]] = {**_CAPTION, "url": _words}
_PLAIN: Final[Json] = {"rich_text": "", "color": "default"}
_HEADING: Final[Json] = {"rich_text": "", "is_toggleable": False, "color": "default"}
_BARE: Final[Json] = {"caption": ""}
_PARSERS: Final[dict[str, dict[str, Parser]]] = {
    **dict.fromkeys(_TEXTS, _TEXT),
    **dict.fromkeys(HEADINGS, _HEADED),
    **dict.fromkeys(("bookmark", "embed"), _LINK),
    **dict.fromkeys(FILES, _CAPTION),
    "file": {**_CAPTION, "name": _words},
    "paragraph": {**_TEXT, "icon": media.parse_icon},
    "to_do": {**_TEXT, "checked": _flag},
    "callout": {**_TEXT, "icon": media.parse_icon},
    "code": {"caption": _rich, "rich_text": _rich, "language": _words},
    "equation": {"expression": _words},
    "divider": {},
    "breadcrumb": {},
    "tab": {},
    "table_of_contents": {"color": _color},
    "link_to_page": dict.fromkeys(_LINKED, _any),
    "column_list": {},
    "column": {"width_ratio": _ratio},
    "template": {"rich_text": _rich},
    "synced_block": {"synced_from": _origin},
    "table": {"table_width": _width, "has_column_header": _flag, "has_row_header": _flag},
    "table_row": {"cells": _cells},
}
_DEFAULTS: Final[dict[str, Json]] = {
    **dict.fromkeys(_TEXTS, _PLAIN),
    **dict.fromkeys(HEADINGS, _HEADING),
    **dict.fromkeys(("bookmark", "embed", *FILES), _BARE),
    "paragraph": {"rich_text": "", "icon": None, "color": "default"},
    "to_do": {"rich_text": "", "checked": False, "color": "default"},
    "callout": {"rich_text": "", "icon": {"type": "emoji", "emoji": "💡"}, "color": "default"},
    "code": {"caption": "", "rich_text": "", "language": "plain text"},
    "table_of_contents": {"color": "default"},
    "table": {"has_column_header": False, "has_row_header": False},
    "template": {"rich_text": ""},
    "synced_block": {"synced_from": None},
}
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys((*_TEXTS, *HEADINGS, "paragraph", "to_do", "callout", "code", "template"), ("rich_text",)),
    **dict.fromkeys(("bookmark", "embed"), ("url",)),
    "equation": ("expression",),
    "table": ("table_width",),
    "table_row": ("cells",),
}

"""Rich text: from what clients send to what Notion answers; plain texts are stored as bare strings."""

import sqlite3
from typing import Any, Final

from ultra_checklist.server import nodes, times, users, validation
from ultra_checklist.server.errors import failed

Json = dict[str, Any]
Stored = str | list[Json]

LONGEST_TEXT: Final = 2000
LONGEST_EQUATION: Final = 1000
PLAIN: Final = {
    "bold": False,
    "italic": False,
    "strikethrough": False,
    "underline": False,
    "code": False,
    "color": "default",
}
_HUES = ("gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red")
COLORS: Final = ("default", *_HUES)
BLOCK_COLORS: Final = (*COLORS, *(f"{hue}_background" for hue in ("default", *_HUES)))


def parse(connection: sqlite3.Connection, value: Any, path: str) -> Stored:
    """Check rich text of a request and give its stored form."""
    items = [
        _item(connection, item, f"{path}[{index}]") for index, item in enumerate(validation.array(value, path))
    ]
    return pack([item for item in items if item["plain_text"]])


def pack(items: list[Json]) -> Stored:
    """The stored form: a bare string if one plain text is all there is."""
    if not items:
        return ""
    if len(items) == 1 and items[0] == text(items[0]["plain_text"]):
        return str(items[0]["plain_text"])
    return items


def unpack(stored: Stored) -> list[Json]:
    """The answered form of stored rich text."""
    if isinstance(stored, str):
        return [text(stored)] if stored else []
    return stored


def plain(stored: Stored) -> str:
    """The text without its looks."""
    return stored if isinstance(stored, str) else "".join(item["plain_text"] for item in stored)


def text(content: str, link: str | None = None) -> Json:
    """One plain text item."""
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": link} if link else None},
        "annotations": dict(PLAIN),
        "plain_text": content,
        "href": link,
    }


def _item(connection: sqlite3.Connection, value: Any, path: str) -> Json:
    given = validation.mapping(value, path)
    kind = given.get("type") or next((key for key in ("text", "mention", "equation") if key in given), "text")
    validation.one_of(kind, f"{path}.type", ("text", "mention", "equation"))
    content = validation.mapping(given.get(kind), f"{path}.{kind}")
    item = (
        _text(content, f"{path}.text")
        if kind == "text"
        else _equation(content, f"{path}.equation")
        if kind == "equation"
        else _mention(connection, content, f"{path}.mention")
    )
    item["annotations"] = _annotations(given.get("annotations"), f"{path}.annotations")
    return item


def _text(content: Json, path: str) -> Json:
    words = validation.string(content.get("content"), f"{path}.content", LONGEST_TEXT)
    link = content.get("link")
    url = None
    if link is not None:
        link = validation.mapping(link, f"{path}.link")
        url = validation.string(link.get("url"), f"{path}.link.url", LONGEST_TEXT)
    return text(words, url)


def _equation(content: Json, path: str) -> Json:
    expression = validation.string(content.get("expression"), f"{path}.expression", LONGEST_EQUATION)
    return {
        "type": "equation",
        "equation": {"expression": expression},
        "annotations": {},
        "plain_text": expression,
        "href": None,
    }


def _mention(connection: sqlite3.Connection, content: Json, path: str) -> Json:
    kind = content.get("type") or next((key for key in ("user", "page", "database", "date") if key in content), "")
    validation.one_of(kind, f"{path}.type", ("user", "page", "database", "date"))
    target = content.get(kind)
    mention: Json
    if kind == "date":
        mention = times.date_value(target, f"{path}.date")
        words = mention["start"] + (f" → {mention['end']}" if mention["end"] else "")
    else:
        reference = validation.mapping(target, f"{path}.{kind}")
        identifier = validation.identifier(reference.get("id"), f"{path}.{kind}.id")
        mention, words = _mentioned(connection, kind, identifier, f"{path}.{kind}.id")
    return {
        "type": "mention",
        "mention": {"type": kind, kind: mention},
        "annotations": {},
        "plain_text": words,
        "href": None,
    }


def _mentioned(connection: sqlite3.Connection, kind: str, identifier: str, path: str) -> tuple[Json, str]:
    if kind == "user":
        user = users.everybody(connection).get(identifier)
        if user is None:
            raise failed(path, "should be the id of a user of this workspace", identifier)
        return users.full(user), f"@{user.name}"
    node = nodes.find(connection, identifier, kind)
    return {"id": identifier}, node.title or "Untitled"


def _annotations(value: Any, path: str) -> Json:
    looks = dict(PLAIN)
    if value is None:
        return looks
    given = validation.mapping(value, path)
    validation.only(given, looks, path)
    for key, wanted in given.items():
        if key == "color":
            looks[key] = validation.one_of(wanted, f"{path}.color", BLOCK_COLORS)
        else:
            looks[key] = validation.boolean(wanted, f"{path}.{key}")
    return looks

"""Properties of a data source: what one is, how it is found, and its options.

Stored: a list of ``{id, name, type, description, config}``; ids are short and unquoted, as in ``:?vz``.
"""

import secrets
from typing import Any, Final
from urllib.parse import quote

from ultra_checklist.server import nodes, validation
from ultra_checklist.server.errors import failed, invalid

Json = dict[str, Any]
Property = dict[str, Any]

SIMPLE: Final = (
    *("title", "rich_text", "checkbox", "date", "people", "files", "url", "email", "phone_number"),
    *("created_time", "last_edited_time", "created_by", "last_edited_by", "place", "button"),
)
TYPES: Final = (
    *SIMPLE,
    *("number", "select", "multi_select", "status", "relation", "rollup", "unique_id", "formula"),
)
_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:;<=>?@[\\]^_`{|}~"


def quoted(identifier: str) -> str:
    """A property id as answers carry it."""
    return quote(identifier, safe="-_.!~*'()")


def find(properties: list[Property], key: str) -> Property | None:
    """The property with this id, quoted or not, or this name."""
    for item in properties:
        if key in (item["id"], quoted(item["id"])):
            return item
    return next((item for item in properties if item["name"] == key), None)


def ordered(properties: list[Property]) -> list[Property]:
    """In the order of Notion's answers: by id, the title last."""
    return sorted(properties, key=lambda item: (item["id"] == "title", item["id"]))


def new_property(properties: list[Property], name: str, kind: str) -> Property:
    """A property with a fresh id, not yet configured."""
    if len(name) == 0:
        raise invalid("Property names should not be empty.")
    if any(item["name"] == name for item in properties):
        raise invalid(f"Cannot create new property with name {name}: a property with this name exists.")
    taken = {item["id"] for item in properties}
    identifier = "title" if kind == "title" else ""
    # A letter-only id could be mistaken for another property's name.
    while not identifier or identifier.isalpha() != (kind == "title") or identifier in taken:
        identifier = "".join(secrets.choice(_ID_LETTERS) for _ in range(4))
    return {"id": identifier, "name": name, "type": kind, "description": None, "config": {}}


def option(name: str, color: str = "default", description: str | None = None) -> Json:
    """A fresh option of a select, multi-select or status property."""
    return {"id": nodes.new_id(), "name": name, "color": color, "description": description}


def option_name(value: Any, path: str) -> str:
    """A name an option may have: not empty, no comma, at most 100 characters."""
    name = validation.string(value, path, 100)
    if "," in name:
        raise invalid(f"Invalid select option, commas not allowed: {name}")
    if not name:
        raise failed(path, "should be a non-empty string", name)
    return name

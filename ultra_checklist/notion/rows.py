"""A row of Notion as plain data, and plain data as Notion's property values. Pure, both ways."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import unquote

from ultra_checklist.errors import UsageError
from ultra_checklist.model import Frozen
from ultra_checklist.notion.schema import (
    CHECK_COLUMNS,
    CHECKS_TITLE,
    COLUMN_MISSING,
    INIT_REPAIRS,
    RELEASE_COLUMNS,
    Column,
    Workspace,
    option_code,
)
from ultra_checklist.words import joined

MAX_TEXT = 2000
"""Characters that Notion takes in one piece of text; counted in UTF-16 units to be on the safe side."""

_CHECKS = {column.code: column for column in CHECK_COLUMNS}
_RELEASES = {column.code: column for column in RELEASE_COLUMNS}
OPERATORS = frozenset(c.code for c in (*CHECK_COLUMNS, *RELEASE_COLUMNS) if c.owner == "operator")
"""Codes of the columns that belong to people: never written after creation."""


class Row(Frozen):
    """A row of the checks as it was last seen. Times keep minutes only, as Notion does."""

    page_id: str
    key: str = ""
    title: str = ""
    release: tuple[str, ...] = ()
    done: bool = False
    decision: str = ""
    note: str = ""
    until: str = ""
    approved: bool = False
    attachments: tuple[str, ...] = ()
    result: str = ""
    why: str = ""
    evidence: str = ""
    checked_at: str = ""
    operator: tuple[str, ...] = ()
    operator_names: tuple[str, ...] = ()
    section: str = ""
    order: float | None = None
    settled: bool = False
    live: bool = False
    host: str = ""
    icon: str = ""
    edited: str = ""
    edited_by: str = ""
    editor_name: str = ""
    editor_is_person: bool = False
    created: str = ""
    in_trash: bool = False

    @property
    def asked(self) -> tuple[Any, ...]:
        """What people say with this row: all that an operator owns."""
        return (self.done, self.decision, self.note, self.until, self.approved, self.attachments)

    @property
    def shown(self) -> dict[str, Any]:
        """What the worker shows with this row: all that it owns."""
        return {code: getattr(self, code) for code in WORKERS}


WORKERS = ("title", "release", "result", "why", "evidence", "checked_at", "operator", "section", "order",
           "settled", "live", "host", "key", "icon")  # fmt: skip


class ReleaseRow(Frozen):
    """A release's page as it was last seen."""

    page_id: str
    key: str = ""
    title: str = ""
    status: str = ""
    commit: str = ""
    template: str = ""
    environment: str = ""
    made_of: str = ""
    close: str = ""
    close_reason: str = ""
    edited: str = ""
    edited_by: str = ""
    url: str = ""
    in_trash: bool = False


def parse_row(page: Mapping[str, Any], workspace: Workspace) -> Row:
    """A page of the checks' data source as a Row. Raises UsageError when somebody has deleted a column."""
    _require_columns(page, workspace)
    values = _values(page, workspace.check_ids, _CHECKS)
    editor = values.pop("editor", {})
    return Row(
        page_id=page["id"],
        icon=_icon(page),
        created=page["created_time"],
        operator_names=tuple(name for _, name in values.get("operator", ())),
        editor_name=str(editor.get("name") or ""),
        editor_is_person=editor.get("type") == "person",
        **values | {"operator": tuple(user for user, _ in values.get("operator", ()))},
        **_edited(page),
    )


def _require_columns(page: Mapping[str, Any], workspace: Workspace) -> None:
    """A row without one of our columns says nothing: a box that is gone is not an empty box."""
    there = {_unquoted(prop["id"]) for prop in page["properties"].values()}
    missing = [code for code, known in workspace.check_ids.items() if known not in there]
    if missing:
        names = ", ".join(repr(_CHECKS[code].name.say(workspace.lang)) for code in missing)
        problem = COLUMN_MISSING.filled(names=names)
        raise UsageError(joined((CHECKS_TITLE.say(workspace.lang), problem), ": "), remedy=INIT_REPAIRS)


def parse_release(page: Mapping[str, Any], workspace: Workspace) -> ReleaseRow:
    """A page of the releases' data source as a ReleaseRow."""
    values = _values(page, workspace.release_ids, _RELEASES)
    kept = {code: value for code, value in values.items() if code in ReleaseRow.model_fields}
    return ReleaseRow(page_id=page["id"], url=page["url"], **kept, **_edited(page))


def check_properties(values: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Property values for a checks' row by property id; ``values`` go by column code."""
    return _properties(values, workspace, workspace.check_ids, _CHECKS)


def release_properties(values: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Property values for a release's page by property id."""
    return _properties(values, workspace, workspace.release_ids, _RELEASES)


def minute(time: datetime | None) -> str:
    """A time as Notion keeps it in a date: UTC, minutes."""
    if time is None:
        return ""
    return time.astimezone(UTC).replace(second=0, microsecond=0).isoformat(timespec="milliseconds")


def rich_text(text: str) -> list[dict[str, Any]]:
    """Text in pieces that Notion takes, never splitting a surrogate pair."""
    pieces: list[str] = []
    rest = text
    while rest:
        size = MAX_TEXT if len(rest.encode("utf-16-le")) // 2 > MAX_TEXT else len(rest)
        while len(rest[:size].encode("utf-16-le")) // 2 > MAX_TEXT:
            size -= 1
        pieces.append(rest[:size])
        rest = rest[size:]
    return [{"type": "text", "text": {"content": piece}} for piece in pieces]


def plain(items: list[Mapping[str, Any]]) -> str:
    """The plain text of rich text."""
    return "".join(item.get("plain_text") or item.get("text", {}).get("content", "") for item in items)


def _edited(page: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "edited": page["last_edited_time"],
        "edited_by": page["last_edited_by"]["id"],
        "in_trash": bool(page["in_trash"]),
    }


@cache
def _unquoted(identifier: str) -> str:
    """A property id as it is pinned; there are a few dozen of them, in every row."""
    return unquote(identifier)


def _icon(page: Mapping[str, Any]) -> str:
    icon = page.get("icon") or {}
    return str(icon.get("emoji", "")) if icon.get("type") == "emoji" else ""


def _values(page: Mapping[str, Any], ids: Mapping[str, str], columns: Mapping[str, Column]) -> dict[str, Any]:
    codes = {property_id: code for code, property_id in ids.items()}
    found: dict[str, Any] = {}
    for prop in page["properties"].values():
        code = codes.get(_unquoted(prop["id"]))
        if code is not None and columns[code].kind == prop["type"] and prop["type"] in _READ:
            found[code] = _READ[prop["type"]](prop[prop["type"]], columns[code])
    return found


def _read_select(raw: Any, column: Column) -> str:
    return option_code(column.options or {}, raw["name"]) if raw else ""


def _read_date(raw: Any, _column: Column) -> str:
    if not raw:
        return ""
    text = str(raw["start"])
    return text if len(text) == len("2026-01-01") else minute(datetime.fromisoformat(text))


_READ: Mapping[str, Any] = {
    "title": lambda raw, _: plain(raw),
    "rich_text": lambda raw, _: plain(raw),
    "checkbox": lambda raw, _: bool(raw),
    "number": lambda raw, _: raw,
    "select": _read_select,
    "date": _read_date,
    "people": lambda raw, _: tuple((person["id"], str(person.get("name") or "")) for person in raw),
    "last_edited_by": lambda raw, _: raw or {},
    "files": lambda raw, _: tuple(str(file.get("name", "")) for file in raw),
    "relation": lambda raw, _: tuple(item["id"] for item in raw),
}


def _properties(
    values: Mapping[str, Any], workspace: Workspace, ids: Mapping[str, str], columns: Mapping[str, Column]
) -> dict[str, Any]:
    return {ids[code]: _write(columns[code], value, workspace) for code, value in values.items() if code in ids}


def _write(column: Column, value: Any, workspace: Workspace) -> dict[str, Any]:
    match column.kind:
        case "title" | "rich_text":
            return {column.kind: rich_text(value)}
        case "select":
            options = {str(code): words.say(workspace.lang) for code, words in (column.options or {}).items()}
            return {"select": {"name": options[value]} if value else None}
        case "date":
            return {"date": {"start": value} if value else None}
        case "people":
            return {"people": [{"object": "user", "id": person} for person in value]}
        case "relation":
            return {"relation": [{"id": page} for page in value]}
        case "files":
            return {"files": list(value)}
        case kind:
            return {kind: value}

"""A small model of Notion: what the product uses of it, written anew from Notion's documentation.

It keeps every version of every page, so that queries can lag. It has no sockets, no files and no clock of its own.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

Json = dict[str, Any]
BOT = "00000000-0000-4000-8000-0000000000b0"
RELEASES, CHECKS = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000c"
EMPTY: dict[str, Any] = {
    "title": [], "rich_text": [], "checkbox": False, "select": None, "date": None, "people": [], "files": [],
    "number": None, "relation": [],
}  # fmt: skip
OPTIONS = "Passed|Failed|Can't tell|Waiting|Blocked|Confirmed|Waived|Not applicable"


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Version:
    """A page as it was from a moment on."""

    at: datetime
    values: Json
    in_trash: bool
    icon: str
    edited_by: str
    parent: str


@dataclass
class Page:
    """A page with its past."""

    id: str
    created: datetime
    versions: list[Version]
    blocks: list[Json] = field(default_factory=list)
    ticks: list[datetime] = field(default_factory=list)
    """When its box was ticked."""

    @property
    def now(self) -> Version:
        return self.versions[-1]

    def at(self, moment: datetime) -> Version | None:
        """The version that an index as of this moment shows."""
        return next((version for version in reversed(self.versions) if version.at <= moment), None)

    @property
    def born(self) -> str:
        """The key that it was made with."""
        return plain(self.versions[0].values.get("key", []))

    def text(self, column: str) -> str:
        """The plain text of a column, now."""
        return plain(self.now.values.get(column, []))


def plain(pieces: list[Json]) -> str:
    """Rich text as text."""
    return "".join(piece["text"]["content"] for piece in pieces)


def rich(text: str) -> list[Json]:
    """Text as rich text."""
    return [{"type": "text", "text": {"content": text}, "plain_text": text}] if text else []


class Model:
    """Notion. ``columns`` gives each data source's columns: id to kind; a column's name is its id at first."""

    def __init__(self, columns: dict[str, dict[str, str]], now: Callable[[], datetime]) -> None:
        self.columns = copy.deepcopy(columns)
        self.width = {source: len(ids) for source, ids in columns.items()}
        """How many columns there were at first."""
        self.names: dict[str, dict[str, str]] = {s: {c: c for c in ids} for s, ids in columns.items()}
        self.now = now
        self.pages: dict[str, Page] = {}
        self.uploads: dict[str, str] = {}
        self.people: dict[str, str] = {}
        self.lag: Callable[[], float] = lambda: 0.0
        self.cut_at: int | None = None
        """Answers of queries are cut short at this many rows, and say so."""
        self._count = 0
        self._seen: dict[int, _Shown] = {}
        """Answers by the version that they show; versions are kept for ever."""

    # --- what people do, and tests

    def person(self, name: str) -> str:
        """The id of a person."""
        return self.people.setdefault(name, str(UUID(int=0xFACE0000 + len(self.people), version=4)))

    def edit(self, page: Page, who: str, values: Json | None = None, **more: Any) -> None:
        """A new version of a page."""
        old = page.now
        fresh = old.values | {k: v for k, v in (values or {}).items() if k in old.values}
        if who != BOT and fresh == old.values and all(getattr(old, k) == v for k, v in more.items()):
            return
        if fresh.get("done") and not old.values.get("done"):
            page.ticks.append(self.now())
        page.versions.append(
            Version(
                at=self.now(),
                values=fresh,
                in_trash=more.get("in_trash", old.in_trash),
                icon=more.get("icon", old.icon),
                edited_by=who,
                parent=more.get("parent", old.parent),
            )
        )

    def duplicate(self, page: Page, who: str) -> Page:
        """What "Duplicate" in Notion's menu makes."""
        made = self._add(page.now.parent, copy.deepcopy(page.now.values), page.now.icon, who)
        # The copy's box is ticked like the original's; nobody has ticked it anew.
        made.ticks += page.ticks
        return made

    def delete_column(self, source: str, column: str) -> str:
        """Delete a column; the rows lose its values. Returns its kind."""
        return self.columns[source].pop(column)

    def restore_column(self, source: str, column: str, kind: str) -> None:
        """Take a column out of the trash, with its values."""
        self.columns[source][column] = kind
        for page in self.pages.values():
            if page.now.parent == source:
                page.now.values.setdefault(column, copy.copy(EMPTY[kind]))

    def rows(self, source: str = CHECKS) -> list[Page]:
        """The pages of a data source, in order of creation."""
        return [page for page in self.pages.values() if page.now.parent == source]

    # --- the API

    def handle(self, method: str, path: str, body: Any) -> Json:
        """Answer one request of the integration. Raises Refused."""
        match (method, path.strip("/").split("/")):
            case ("POST", ["pages"]):
                return self._create(body)
            case ("GET", ["pages", page]):
                return self._shown(self._page(page))
            case ("PATCH", ["pages", page]):
                return self._update(self._page(page), body)
            case ("GET", ["data_sources", source]):
                return {"object": "data_source", "id": source, "properties": self._schema(source)}
            case ("POST", ["data_sources", source, "query"]):
                return self._query(source, body)
            case ("POST", ["views"]):
                return self._view(body)
            case ("PATCH", ["blocks", block]):
                return self._change_block(block, body)
            case ("GET", ["blocks", page, "children"]):
                return {"results": self._page(page).blocks, "has_more": False, "next_cursor": None}
            case ("PATCH", ["blocks", page, "children"]):
                return self._append(self._page(page), body["children"])
            case ("POST", ["file_uploads"]):
                return self._upload(self._new_id(), "pending")
            case ("GET", ["file_uploads", upload]):
                return self._upload(upload, self.uploads[upload])
            case ("POST", ["file_uploads", upload, "send"]):
                return self._upload(upload, "uploaded")
        raise Refused(400, "invalid_request_url", f"Invalid request URL: {method} {path}")

    def _page(self, identifier: str) -> Page:
        if identifier not in self.pages:
            raise Refused(404, "object_not_found", f"Could not find page with ID: {identifier}.")
        return self.pages[identifier]

    def _new_id(self) -> str:
        self._count += 1
        return str(UUID(int=0xABC << 96 | self._count * 7919, version=4))

    def _add(self, parent: str, values: Json, icon: str, who: str) -> Page:
        version = Version(self.now(), values, False, icon, who, parent)
        page = Page(self._new_id(), self.now(), [version])
        self.pages[page.id] = page
        return page

    def _create(self, body: Json) -> Json:
        source = body["parent"]["data_source_id"]
        given = self._values(source, body["properties"])
        empty = {c: copy.copy(EMPTY[kind]) for c, kind in self.columns[source].items() if kind in EMPTY}
        page = self._add(source, empty | given, body.get("icon", {}).get("emoji", ""), BOT)
        page.blocks += [{"id": self._new_id(), **child} for child in body.get("children", ())]
        return self._shown(page)

    def _update(self, page: Page, body: Json) -> Json:
        if page.now.in_trash and body.get("in_trash") is not False:
            raise Refused(
                400, "validation_error", "Can't edit block that is archived. You must unarchive the block."
            )
        values = self._values(page.now.parent, body.get("properties", {}))
        more = {"in_trash": body["in_trash"]} if "in_trash" in body else {}
        if body.get("icon"):
            more["icon"] = body["icon"]["emoji"]
        self.edit(page, BOT, values, **more)
        return self._shown(page)

    def _values(self, source: str, properties: Json) -> Json:
        known = self.columns.get(source, {})
        by_name = {name: column for column, name in self.names.get(source, {}).items() if column in known}
        found: Json = {}
        for given, value in properties.items():
            column = given if given in known else by_name.get(given)
            if column is None:
                raise Refused(400, "validation_error", f"{given} is not a property that exists.")
            raw = copy.deepcopy(value[known[column]])
            if known[column] in ("title", "rich_text"):
                raw = [piece | {"plain_text": piece["text"]["content"]} for piece in raw]
            found[column] = raw
        return found

    def _append(self, page: Page, children: list[Json]) -> Json:
        made = [{"id": self._new_id(), **child} for child in children]
        page.blocks += made
        return {"results": made}

    def _change_block(self, identifier: str, body: Json) -> Json:
        for page in self.pages.values():
            for place, block in enumerate(page.blocks):
                if block["id"] == identifier:
                    page.blocks[place] = block | {kind: value for kind, value in body.items() if kind != "type"}
                    return page.blocks[place]
        raise Refused(404, "object_not_found", f"Could not find block with ID: {identifier}.")

    def _view(self, body: Json) -> Json:
        page = self._page(body["create_database"]["parent"]["page_id"])
        page.blocks.append({"id": self._new_id(), "type": "child_database", "child_database": {"title": ""}})
        return {"object": "view", "id": self._new_id()}

    def _upload(self, identifier: str, status: str) -> Json:
        self.uploads[identifier] = status
        return {"object": "file_upload", "id": identifier, "status": status}

    # --- answers

    def _schema(self, source: str) -> Json:
        names = self.names[source]
        return {
            names[c]: {"id": quote(c), "type": kind, "name": names[c]} for c, kind in self.columns[source].items()
        }

    def _user(self, identifier: str) -> Json:
        name = next((name for name, known in self.people.items() if known == identifier), "Ultra Checklist")
        return {"object": "user", "id": identifier, "name": name, "type": "bot" if identifier == BOT else "person"}

    def _shown(self, page: Page, version: Version | None = None) -> Json:
        now = version or page.now
        schema = tuple(self.names.get(now.parent, {}).items()), tuple(self.columns.get(now.parent, ()))
        shown = self._seen.get(id(now))
        if shown is None or shown.schema != schema:
            shown = self._seen[id(now)] = _Shown(self._show(page, now), schema)
        return shown

    def _show(self, page: Page, now: Version) -> Json:
        known = self.columns.get(now.parent, {})
        properties: Json = {}
        for column, kind in known.items():
            if kind == "last_edited_by":
                value: Any = self._user(now.edited_by)
            elif kind == "people":
                value = [self._user(person["id"]) for person in now.values.get(column, [])]
            else:
                value = now.values.get(column, EMPTY.get(kind))
            properties[self.names[now.parent][column]] = {"id": _quoted(column), "type": kind, kind: value}
        return {
            "object": "page",
            "id": page.id,
            "created_time": _floored(page.created),
            "last_edited_time": _floored(now.at),
            "created_by": {"object": "user", "id": page.versions[0].edited_by},
            "last_edited_by": {"object": "user", "id": now.edited_by},
            "in_trash": now.in_trash,
            "icon": {"type": "emoji", "emoji": now.icon} if now.icon else None,
            "parent": {"type": "data_source_id", "data_source_id": now.parent},
            "properties": properties,
            "url": f"https://notion.example/{page.id}",
        }

    def _query(self, source: str, body: Json) -> Json:
        for column in _columns_of(body.get("filter") or {}):
            if column not in self.columns[source]:
                raise Refused(400, "validation_error", f"Could not find property with name or id: {column}")
        seen = self.now() - timedelta(seconds=self.lag())
        found = [(page, version) for page in self.pages.values() if (version := page.at(seen)) is not None]
        found = [(p, v) for p, v in found if v.parent == source and not v.in_trash]
        if body.get("filter"):
            found = [(page, version) for page, version in found if _matches(version, body["filter"])]
        start = int(body.get("start_cursor") or 0)
        some = found[start : start + body["page_size"]]
        more = start + len(some) < len(found)
        answer: Json = {
            "object": "list",
            "results": [self._shown(page, version) for page, version in some],
            "has_more": more,
            "next_cursor": str(start + len(some)) if more else None,
        }
        if self.cut_at is not None and len(found) > self.cut_at:
            answer |= {"results": answer["results"][: self.cut_at], "has_more": False, "next_cursor": None}
            answer["request_status"] = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
        return answer


_JSON = json.JSONEncoder(ensure_ascii=False)


class _Shown(dict[str, Any]):
    """A page as it is answered, and as bytes: the same pages are asked for over and over."""

    def __init__(self, page: Json, schema: object) -> None:
        super().__init__(page)
        self.schema = schema
        self.encoded = _JSON.encode(page)


def encoded(answer: Json) -> bytes:
    """An answer as bytes."""
    if isinstance(answer, _Shown):
        return answer.encoded.encode()
    if answer.get("object") == "list":
        pages = ", ".join(page.encoded for page in answer["results"])
        rest = _JSON.encode({name: value for name, value in answer.items() if name != "results"})
        return f'{rest[:-1]}, "results": [{pages}]}}'.encode()
    return _JSON.encode(answer).encode()


@cache
def _quoted(column: str) -> str:
    return quote(column)


def _floored(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:00.000Z")


def _columns_of(given: Json) -> Iterator[str]:
    for part in given.get("and", []) + given.get("or", []):
        yield from _columns_of(part)
    if "property" in given:
        yield given["property"]


def _matches(version: Version, given: Json) -> bool:
    if "and" in given:
        return all(_matches(version, part) for part in given["and"])
    if "or" in given:
        return any(_matches(version, part) for part in given["or"])
    if "timestamp" in given:
        # Notion compares the minute that it shows.
        start = datetime.fromisoformat(given["last_edited_time"]["on_or_after"])
        return bool(version.at.replace(second=0, microsecond=0) >= start)
    kind, condition = next((k, v) for k, v in given.items() if k != "property")
    value = version.values.get(given["property"])
    match (kind, *condition.items()):
        case ("checkbox", ("equals", wanted)):
            return bool(value) == bool(wanted)
        case ("select" | "rich_text", ("is_empty", _)):
            return not value
        case ("select" | "rich_text", ("is_not_empty", _)):
            return bool(value)
        case ("rich_text", ("equals", wanted)):
            return plain(value or []) == str(wanted)
        case ("rich_text", ("starts_with", wanted)):
            return plain(value or []).startswith(str(wanted))
        case ("relation", ("contains", wanted)):
            return any(item["id"] == wanted for item in value or [])
    raise AssertionError(f"the model knows no filter {given}")

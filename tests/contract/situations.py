"""Situations that shapes were recorded in, built anew from the shapes: what must stand in a workspace, and the call.

Nothing is known of a recording but its shape, so its values are made up: a property for each shape of its
type, a row for each shape of a page, a block for each shape of a block.
"""

import dataclasses
import re
import uuid
from collections.abc import Callable
from typing import Any, Final

from tests.contract.api import Api, Json, text

URL: Final = "https://example.com/robots.txt"
_COMPUTED: Final = (
    *("created_time", "created_by", "last_edited_time", "last_edited_by"),
    *("rollup", "formula", "unique_id", "button"),
)


def build(api: Api, recorded: Json) -> Json:
    """Build the situation of a shape file and give the answer to its call."""
    key = (recorded["method"], re.sub(r"\{\w+\}", "{}", recorded["path"]))
    return _SITUATIONS[key](api, recorded["answer"], recorded)


# --- rich text, icons


def _rich(api: Api, shapes: list[Json]) -> list[Json]:
    return [_item(api, shape) for shape in shapes]


def _item(api: Api, shape: Json) -> Json:
    kind = shape["type"].removeprefix("=")
    if kind == "equation":
        return {"type": kind, kind: {"expression": "E=mc^2"}}
    if kind == "mention":
        target = shape["mention"]["type"].removeprefix("=")
        assert target == "user"
        return {"type": kind, kind: {"type": "user", "user": {"id": _person(api)}}}
    return text(api.words, link={"url": URL}) if isinstance(shape["text"]["link"], dict) else text(api.words)


def _person(api: Api) -> str:
    for user in api.get("users")["results"]:
        if user["type"] == "person":
            return str(user["id"])
    raise LookupError("the workspace has no person")


def _icon(shape: Json) -> Json:
    kind = shape["type"].removeprefix("=")
    contents: Json = {
        "emoji": "🐍",
        "external": {"url": URL},
        "icon": {"name": "snake", "color": "purple"},
        "custom_emoji": {"id": "00000000-0000-4000-8000-00000000e001", "name": "custom", "url": URL},
    }
    return {"type": kind, kind: contents[kind]}


def _looks(shape: Json) -> Json:
    return {key: _icon(shape[key]) for key in ("icon", "cover") if isinstance(shape.get(key), dict)}


# --- blocks


def _kind(shape: Json) -> str:
    return str(shape["type"].removeprefix("="))


def _body(api: Api, shape: Json) -> Json:
    """A block of a request whose answer will have this shape."""
    kind = _kind(shape)
    given: Json = {}
    for key, part in shape[kind].items():
        if key in ("rich_text", "caption"):
            given[key] = _rich(api, part)
        elif key == "cells":
            given[key] = [_rich(api, cell) for cell in part]
        elif key == "icon":
            given[key] = _icon(part) if isinstance(part, dict) else None
        elif key == "external":
            given |= {"type": "external", "external": {"url": URL}}
        elif key == "file":
            given |= {"type": "file_upload", "file_upload": {"id": _upload(api, kind)}}
        elif key in _BODIES:
            given[key] = _BODIES[key]
    if kind == "synced_block":
        original: Json = {"synced_from": None, "children": [{"paragraph": {"rich_text": []}}]}
        given = original
        if isinstance(shape[kind]["synced_from"], dict):
            block = _append(api, api.new_page()["id"], [{"synced_block": original}])[0]["id"]
            given = {"synced_from": {"block_id": block}}
    if kind == "link_to_page":
        given = {"type": "page_id", "page_id": api.page}
    if kind == "table":
        row: Json = {"table_row": {"cells": [[], []]}}
        given |= {"table_width": 2, "children": [row, row]}
    if kind == "column_list":
        paragraph: Json = {"paragraph": {"rich_text": []}}
        given = {"children": [{"column": {"children": [paragraph]}}] * 2}
    return {"object": "block", "type": kind, kind: given}


def _upload(api: Api, kind: str) -> str:
    name, media = ("robots.txt", "text/plain") if kind == "file" else ("dot.png", "image/png")
    return api.upload(name, b"It is the name that counts.", media)


_BODIES: Final[Json] = {
    "url": URL,
    "name": "robots.txt",
    "expression": "E=mc^2",
    "language": "sql",
    "checked": True,
}


def _place_block(api: Api, page: str, shape: Json) -> str:
    """A new block of this shape on a page, or within a block of it; its id."""
    kind = _kind(shape)
    if kind == "child_database":
        body = {"parent": {"type": "page_id", "page_id": page}, "title": [text("Database")]}
        return str(api.post("databases", body)["id"])
    if kind == "child_page":
        return str(api.post("pages", {"parent": {"page_id": page}, "properties": {"title": [text("Page")]}})["id"])
    home = _home(api, page, [shape])
    if kind in ("table_row", "column"):
        return str(api.get(f"blocks/{home}/children")["results"][0]["id"])
    return str(_append(api, home, [_body(api, shape)])[0]["id"])


def _append(api: Api, parent: str, blocks: list[Json]) -> list[Json]:
    return list(api.patch(f"blocks/{parent}/children", {"children": blocks})["results"])


def _home(api: Api, page: str, shapes: list[Json]) -> str:
    """Where blocks of these shapes stand: on the page, or within a new block of it."""
    if "page_id" in shapes[0]["parent"]:
        return page
    kinds = {_kind(shape) for shape in shapes}
    if kinds == {"table_row"}:
        cells = [[text("words")] for _ in range(2)]
        row = {"table_row": {"cells": cells if shapes[0]["table_row"]["cells"] != [[]] else [[], []]}}
        holder: Json = {"table": {"table_width": 2, "children": [row, row]}}
    elif kinds == {"column"}:
        columns = [{"width_ratio": 0.5, "children": [{"paragraph": {"rich_text": []}}]} for _ in range(2)]
        if "width_ratio" not in shapes[0]["column"]:
            for column in columns:
                del column["width_ratio"]
        holder = {"column_list": {"children": [{"column": column} for column in columns]}}
    else:
        holder = {"toggle": {"rich_text": [text("words")]}}
    return str(_append(api, page, [holder])[0]["id"])


def _get_block(api: Api, shape: Json, _recorded: Json) -> Json:
    return api.get(f"blocks/{_place_block(api, api.new_page()['id'], shape)}")


def _delete_block(api: Api, shape: Json, _recorded: Json) -> Json:
    return api.call("DELETE", f"blocks/{_place_block(api, api.new_page()['id'], shape)}")


def _patch_block(api: Api, shape: Json, _recorded: Json) -> Json:
    block = _place_block(api, api.new_page()["id"], shape)
    kind = _kind(shape)
    return api.patch(f"blocks/{block}", {kind: _body(api, shape)[kind]})


def _children(api: Api, shape: Json, _recorded: Json) -> Json:
    page = api.new_page()["id"]
    shapes = shape["results"]
    home = _home(api, page, shapes)
    if _kind(shapes[0]) not in ("table_row", "column"):
        for one in shapes:
            if home == page:
                _place_block(api, page, one)
            else:
                _append(api, home, [_body(api, one)])
    return api.get(f"blocks/{home}/children")


def _append_children(api: Api, shape: Json, _recorded: Json) -> Json:
    page = api.new_page()["id"]
    home = _home(api, page, shape["results"])
    blocks = [_body(api, one) for one in shape["results"]]
    return api.patch(f"blocks/{home}/children", {"children": blocks})


# --- comments


def _commented(api: Api, shape: Json) -> tuple[str, str]:
    """What a comment of this shape stands on: the kind of its parent, and the id."""
    page = api.new_page()["id"]
    if "page_id" in shape["parent"]:
        return "page_id", page
    return "block_id", str(_append(api, page, [{"paragraph": {"rich_text": [text("words")]}}])[0]["id"])


def _comment(api: Api, shape: Json, recorded: Json) -> Json:
    key, home = _commented(api, shape)
    body: Json = {"parent": {key: home}, "rich_text": [text("words")]}
    if "discussion_id" in recorded["body"]:
        begun = api.post("comments", body)
        body = {"discussion_id": begun["discussion_id"], "rich_text": [text("words")]}
    return api.post("comments", body)


def _comments(api: Api, shape: Json, _recorded: Json) -> Json:
    key, home = _commented(api, shape["results"][0])
    for one in shape["results"]:
        author = api
        if one["display_name"]["type"] == "=user":
            author = Api(api.http, "ntn_person_Hanako", api.version, api.page)
        author.post("comments", {"parent": {key: home}, "rich_text": [text("words")]})
    return api.get("comments", block_id=home)


# --- schemas


class Schema:
    """Properties of a data source with a name each, one for every shape of a type."""

    def __init__(self, api: Api, shapes: list[Json]) -> None:
        self._api = api
        self.names: dict[str, list[str]] = {}
        self.other = ""
        numbers: dict[str, int] = {}
        for properties in shapes:
            for label, found in properties.items():
                numbers[label] = max(numbers.get(label, 0), len(found))
        self.config: Json = {}
        needs_other = numbers.keys() & {"<relation>", "<rollup>"}
        if needs_other:
            self.other = api.new_source({"Number": {"number": {}}, "Date": {"date": {}}})
            moment = {"date": {"start": "2026-07-04"}}
            self.target = api.row(self.other, Name={"title": [text("Target")]}, Number={"number": 42}, Date=moment)[
                "id"
            ]
        # Roll-ups look at relations, so those come first.
        for label in sorted(numbers, key=lambda label: label == "<rollup>"):
            self._add(label.strip("<>"), numbers[label], [one[label] for one in shapes if label in one])
        self.source = api.new_source(self.config, api.words)

    def _add(self, kind: str, number: int, shapes: list[list[Json]]) -> None:
        every = next(found for found in shapes if len(found) == number)
        for place, shape in enumerate(every):
            name = f"{kind} {place}"
            self.names.setdefault(kind, []).append(name)
            self.config[name] = {kind: self._configuration(kind, shape)}
            if shape.get("description") == "string":
                self.config[name]["description"] = "What it is for."

    def _configuration(self, kind: str, shape: Json) -> Json:
        given: Any = shape.get(kind)
        if kind in ("select", "multi_select"):
            empty = isinstance(given, dict) and given.get("options") == []
            return {} if empty else {"options": [{"name": "Done", "color": "green"}]}
        if kind == "status":
            groups = given.get("groups", ()) if isinstance(given, dict) else ()
            alone = any(group["option_ids"] == [] for group in groups)
            return {"options": [{"name": "Done", "color": "green"}]} if alone else {}
        if kind == "unique_id":
            return {"prefix": "TASK"} if given["prefix"] == "string" else {}
        if kind == "formula":
            return {"expression": _expression(given)}
        if kind == "relation":
            dual = isinstance(given, dict) and "dual_property" in given
            way: Json = {"dual_property": {}} if dual else {"single_property": {}}
            return {"data_source_id": self.other, **way}
        if kind == "rollup":
            return self._rollup(given)
        return {}

    def _rollup(self, shape: Json) -> Json:
        function, target = "count", "Name"
        if shape.get("type") == "=date":
            function, target = "latest_date", "Date"
        elif shape.get("type") == "=array":
            function, target = "show_original", "Name"
            if shape["array"]:
                kinds = {"=title": "Name", "=number": "Number", "=date": "Date"}
                target = kinds[shape["array"][0]["type"]]
        return {
            "function": function,
            "relation_property_name": self.names["relation"][0],
            "rollup_property_name": target,
        }

    def values(self, properties: Json) -> Json:
        """Values of a row whose answer will have these shapes."""
        given: Json = {}
        for kind, names in self.names.items():
            found = properties[f"<{kind}>"]
            if kind in _COMPUTED:
                continue
            for place, name in enumerate(names):
                shape = found[min(place, len(found) - 1)]
                given[name] = {kind: self._value(kind, shape[kind])}
        return given

    def _value(self, kind: str, shape: Any) -> Any:
        if shape == "null" or shape == []:
            return [] if isinstance(shape, list) else None
        if kind in ("title", "rich_text"):
            return _rich(self._api, shape)
        if kind == "relation":
            return [{"id": self.target}]
        if kind == "people":
            return [{"id": _person(self._api)}]
        return _VALUES[kind]


def _expression(shape: Json) -> str:
    """A formula whose value has this shape."""
    kind = shape.get("type", "=number").removeprefix("=")
    text_ = '""' if shape.get("string") == "null" else '"words"'
    return {"string": text_, "boolean": "1 == 1", "number": "1 + 1", "date": "today()"}[kind]


_VALUES: Final[Json] = {
    "checkbox": True,
    "number": 42,
    "url": URL,
    "email": "person@example.com",
    "phone_number": "+81 3 0000 0000",
    "select": {"name": "Done"},
    "status": {"name": "Done"},
    "multi_select": [{"name": "Done"}],
    "date": {"start": "2026-07-04"},
    "files": [{"name": "robots.txt", "external": {"url": URL}}],
    "place": {"lat": 52.52, "lon": 13.405, "address": "Berlin", "aws_place_id": "a", "google_place_id": "g"},
}


# --- data sources and databases


def _source(api: Api, shape: Json) -> str:
    schema = Schema(api, [shape["properties"]])
    if shape["description"]:
        database = api.get(f"data_sources/{schema.source}")["parent"]["database_id"]
        api.patch(f"databases/{database}", {"description": [text("words")]})
    if _looks(shape):
        api.patch(f"data_sources/{schema.source}", {"icon": _icon(shape["icon"])})
    return schema.source


def _get_source(api: Api, shape: Json, _recorded: Json) -> Json:
    return api.get(f"data_sources/{_source(api, shape)}")


def _patch_source(api: Api, shape: Json, _recorded: Json) -> Json:
    return api.patch(f"data_sources/{_source(api, shape)}", {"title": [text("words")]})


def _post_source(api: Api, _shape: Json, _recorded: Json) -> Json:
    database = api.get(f"data_sources/{api.new_source({})}")["parent"]["database_id"]
    body = {"parent": {"database_id": database}, "properties": {"Name": {"title": {}}}, "title": [text("words")]}
    return api.post("data_sources", body)


def _new_database(api: Api, shape: Json) -> Json:
    body = {"parent": {"type": "page_id", "page_id": api.page}, **_looks(shape)}
    return api.post("databases", body | {key: [text("words")] for key in ("title", "description") if shape[key]})


def _post_database(api: Api, shape: Json, _recorded: Json) -> Json:
    return _new_database(api, shape)


def _get_database(api: Api, shape: Json, _recorded: Json) -> Json:
    return api.get(f"databases/{_new_database(api, shape)['id']}")


def _patch_database(api: Api, shape: Json, _recorded: Json) -> Json:
    given = {key: [text("words")] for key in ("title", "description") if shape[key]}
    return api.patch(f"databases/{_new_database(api, shape)['id']}", given)


# --- pages and queries


def _new_page(api: Api, shape: Json) -> Json:
    if "data_source_id" in shape["parent"]:
        schema = Schema(api, [shape["properties"]])
        parent, properties = {"data_source_id": schema.source}, schema.values(shape["properties"])
    else:
        parent, properties = {"page_id": api.page}, {"title": {"title": [text(api.words)]}}
    return api.post("pages", {"parent": parent, "properties": properties, **_looks(shape)})


def _post_page(api: Api, shape: Json, _recorded: Json) -> Json:
    return _new_page(api, shape)


def _get_page(api: Api, shape: Json, recorded: Json) -> Json:
    if recorded["status"] == 400:
        return api.refused("GET", "pages/12345678-1234-1234-1234-123456789abc")
    if recorded["status"] == 404:
        return api.refused("GET", "pages/12345678-1234-4234-8234-123456789abc")
    if "workspace" in shape["parent"]:
        page = api.page
        while "page_id" in (parent := api.get(f"pages/{page}")["parent"]):
            page = parent["page_id"]
        return api.get(f"pages/{page}")
    return api.get(f"pages/{_new_page(api, shape)['id']}")


def _patch_page(api: Api, shape: Json, recorded: Json) -> Json:
    page = _new_page(api, shape)
    body = _looks(shape) if recorded["body"] != ["properties"] else {"properties": _same(page)}
    return api.patch(f"pages/{page['id']}", body)


def _same(page: Json) -> Json:
    # The title is a property that every page has.
    return {
        name: {"title": [text("words")]} for name, item in page["properties"].items() if item["type"] == "title"
    }


def _property_item(api: Api, shape: Json, _recorded: Json) -> Json:
    kind = shape["property_item"]["type"] if "property_item" in shape else shape["type"]
    kind = kind.removeprefix("=")
    if kind == "formula":
        source = api.new_source({"It": {"formula": {"expression": _expression(shape["formula"])}}})
    else:
        source = api.new_source({"It": {kind: {}}})
    value = [text("words")] if kind in ("title", "rich_text") else {"name": "Done"}
    given = {} if kind in _COMPUTED else {"It": {kind: value}}
    page = api.post("pages", {"parent": {"data_source_id": source}, "properties": given})
    return api.get(f"pages/{page['id']}/properties/{page['properties']['It']['id']}")


def _query(api: Api, shape: Json, _recorded: Json) -> Json:
    schema = Schema(api, [row["properties"] for row in shape["results"]])
    for row in shape["results"]:
        body = {"parent": {"data_source_id": schema.source}, "properties": schema.values(row["properties"])}
        api.post("pages", body | _looks(row))
    return api.post(f"data_sources/{schema.source}/query", {"page_size": 100})


def _search(api: Api, shape: Json, recorded: Json) -> Json:
    # Of all that the workspace holds, only what this search is to find has these words in its title.
    speaker = dataclasses.replace(api, words=f"words {uuid.uuid4().hex}")
    for one in shape["results"]:
        if one["object"] == "=page":
            _new_page(speaker, one)
        else:
            _source(speaker, one)
    kind = "page" if shape["results"][0]["object"] == "=page" else "data_source"
    given = {"query": speaker.words, "filter": {"property": "object", "value": kind}}
    return api.post(
        "search", {key: given[key] for key in recorded["body"] if key in given} | {"query": speaker.words}
    )


# --- users


def _users(api: Api, _shape: Json, _recorded: Json) -> Json:
    return api.get("users")


def _user(api: Api, _shape: Json, recorded: Json) -> Json:
    if recorded["status"] == 404:
        return api.refused("GET", "users/12345678-1234-4234-8234-123456789abc")
    return api.get(f"users/{api.get('users/me')['id']}")


def _me(api: Api, _shape: Json, _recorded: Json) -> Json:
    return api.get("users/me")


_SITUATIONS: Final[dict[tuple[str, str], Callable[[Api, Json, Json], Json]]] = {
    ("GET", "blocks/{}"): _get_block,
    ("PATCH", "blocks/{}"): _patch_block,
    ("DELETE", "blocks/{}"): _delete_block,
    ("GET", "blocks/{}/children"): _children,
    ("PATCH", "blocks/{}/children"): _append_children,
    ("GET", "comments"): _comments,
    ("POST", "comments"): _comment,
    ("GET", "data_sources/{}"): _get_source,
    ("PATCH", "data_sources/{}"): _patch_source,
    ("POST", "data_sources"): _post_source,
    ("POST", "data_sources/{}/query"): _query,
    ("GET", "databases/{}"): _get_database,
    ("PATCH", "databases/{}"): _patch_database,
    ("POST", "databases"): _post_database,
    ("GET", "pages/{}"): _get_page,
    ("PATCH", "pages/{}"): _patch_page,
    ("POST", "pages"): _post_page,
    ("GET", "pages/{}/properties/{}"): _property_item,
    ("POST", "search"): _search,
    ("GET", "users"): _users,
    ("GET", "users/{}"): _user,
    ("GET", "users/me"): _me,
}

"""Values of properties on their way in: from a page write to the stored form.

Stored in a page: ``{property id: value}``; texts packed, options, people and relations by id, relations as
links of their own, nothing for what is computed.
"""

from collections.abc import Callable
from typing import Any, Final

from ultra_checklist.server import media, nodes, relations, richtext, times, users, validation
from ultra_checklist.server.calls import Call
from ultra_checklist.server.errors import MISSING, failed, invalid
from ultra_checklist.server.properties import TYPES, Json, Property, find, option, option_name

PAGE_TITLE: Final[Property] = {
    "id": "title",
    "name": "title",
    "type": "title",
    "description": None,
    "config": {},
}
COMPUTED: Final = (
    *("created_time", "created_by", "last_edited_time", "last_edited_by", "rollup", "formula", "unique_id"),
    "button",
)
LONGEST: Final = {"url": 2000, "email": 200, "phone_number": 200}


def write(call: Call, page: nodes.Node, source: nodes.Node | None, given: Any) -> None:
    """Write the ``properties`` of a request into ``page``; ``source`` is its data source, if it is a row.

    Nothing is written if one of them is wrong. A new name of a select adds its option to the schema.
    """
    wanted = validation.mapping(given, "body.properties")
    properties = source.data["properties"] if source else [PAGE_TITLE]
    pairs = _matched(properties, wanted)
    known = _options(properties)
    stored = page.data.setdefault("values", {})
    for item, name, value in pairs:
        call.columns[item["name"]] = name
        path = f"body.properties.{name}.{item['type']}"
        parsed = _parse(call, item, value, path)
        if item["type"] == "relation":
            relations.write(call.connection, page.id, item, parsed)
        elif parsed is None or parsed is False or parsed in ("", []):
            stored.pop(item["id"], None)
        else:
            stored[item["id"]] = parsed
    page.title = richtext.plain(stored.get("title", ""))
    if source and _options(properties) != known:
        nodes.save(call.connection, source)


def _options(properties: list[Property]) -> int:
    return sum(len(item["config"].get("options", ())) for item in properties)


def _matched(properties: list[Property], wanted: Json) -> list[tuple[Property, str, Any]]:
    pairs: list[tuple[Property, str, Any]] = []
    problems: list[str] = []
    for name, given in wanted.items():
        item = find(properties, name)
        if item is None:
            problems.append(f"{name} is not a property that exists.")
            continue
        kind = item["type"]
        if kind == "title" and isinstance(given, list):
            given = {"title": given}
        content = validation.mapping(given, f"body.properties.{name}")
        if kind not in content or content.get("type", kind) != kind:
            if "type" in content or any(key in content for key in TYPES):
                problems.append(f"{name} is expected to be {kind}.")
            else:
                raise failed(f"body.properties.{name}.{kind}", "should be defined", content.get(kind))
            continue
        if kind in COMPUTED:
            problems.append(f"{name} is computed: a {kind} property cannot be written.")
            continue
        pairs.append((item, name, content[kind]))
    if problems:
        raise invalid(" ".join(problems))
    return pairs


def _parse(call: Call, item: Property, value: Any, path: str) -> Any:
    kind = item["type"]
    if kind in ("title", "rich_text"):
        return richtext.parse(call.connection, value, path)
    if kind == "checkbox":
        return validation.boolean(value, path)
    if kind in ("multi_select", "people", "files", "relation"):
        return _LISTS[kind](call, item, validation.array(value, path), path)
    if value is None:
        return _default(item)
    if kind == "number":
        return validation.number(value, path)
    if kind == "date":
        return times.date_value(value, path)
    if kind in ("select", "status"):
        return _chosen(item, value, path)
    if kind == "place":
        return _place(value, path)
    return validation.string(value, path, LONGEST[kind])


def _default(item: Property) -> Any:
    return item["config"]["options"][0]["id"] if item["type"] == "status" else None


def _chosen(item: Property, value: Any, path: str) -> str:
    # By id or by name; names differ by more than case. Only selects take new names.
    given = validation.mapping(value, path)
    options = item["config"]["options"]
    if "id" in given and any(known["id"] == given["id"] for known in options):
        return str(given["id"])
    name = option_name(given.get("name"), f"{path}.name")
    for known in options:
        if known["name"].casefold() == name.casefold():
            return str(known["id"])
    if item["type"] == "status":
        raise invalid(f'Invalid status option. Status option "{name}" does not exist".')
    color = validation.one_of(given.get("color", "default"), f"{path}.color", richtext.COLORS)
    fresh = option(name, color)
    options.append(fresh)
    return str(fresh["id"])


_PLACE: Final = ("name", "address", "aws_place_id", "google_place_id")


def _place(value: Any, path: str) -> Json:
    given = validation.mapping(value, path)
    validation.only(given, ("lat", "lon", *_PLACE), path)
    place: Json = {key: validation.number(given.get(key, MISSING), f"{path}.{key}") for key in ("lat", "lon")}
    return place | {key: validation.optional(given.get(key), f"{path}.{key}") for key in _PLACE}


def _several(_call: Call, item: Property, given: list[Any], path: str) -> list[str]:
    return list(dict.fromkeys(_chosen(item, value, f"{path}[{index}]") for index, value in enumerate(given)))


def _people(call: Call, _item: Property, given: list[Any], path: str) -> list[str]:
    everybody = users.everybody(call.connection)
    identifiers = _identifiers(given, path)
    for index, identifier in enumerate(identifiers):
        if identifier not in everybody:
            raise failed(f"{path}[{index}].id", "should be the id of a user of this workspace", identifier)
    return list(dict.fromkeys(identifiers))


def _related(_call: Call, _item: Property, given: list[Any], path: str) -> list[str]:
    return list(dict.fromkeys(_identifiers(given, path)))


def _identifiers(given: list[Any], path: str) -> list[str]:
    return [
        validation.identifier(validation.mapping(value, f"{path}[{index}]").get("id"), f"{path}[{index}].id")
        for index, value in enumerate(given)
    ]


def _files(call: Call, _item: Property, given: list[Any], path: str) -> list[Json]:
    files: list[Json] = []
    for index, value in enumerate(given):
        at = f"{path}[{index}]"
        content = validation.mapping(value, at)
        stored = media.reference(call, content, at)
        default = stored.get("filename") or stored.get("external", "")
        name = validation.string(content.get("name", default[-100:]), f"{at}.name", 100)
        files.append({**stored, "name": name})
    return files


_LISTS: Final[dict[str, Callable[[Call, Property, list[Any], str], Any]]] = {
    "multi_select": _several,
    "people": _people,
    "files": _files,
    "relation": _related,
}


def creation(page: nodes.Node, source: nodes.Node) -> bool:
    """Give a new row its status and its number; whether the schema changed by that."""
    stored = page.data.setdefault("values", {})
    numbered = False
    for item in source.data["properties"]:
        if item["type"] == "status":
            stored.setdefault(item["id"], _default(item))
        elif item["type"] == "unique_id":
            item["config"]["last"] += 1
            stored[item["id"]] = item["config"]["last"]
            numbered = True
    return numbered

"""The schema of a data source: property configurations, as sent, stored and answered."""

import sqlite3
from typing import Any

from ultra_checklist.server import formulas, nodes, relations, richtext, rollups, validation
from ultra_checklist.server.calls import Call
from ultra_checklist.server.errors import failed, invalid
from ultra_checklist.server.properties import (
    TYPES,
    Json,
    Property,
    find,
    new_property,
    option,
    option_name,
    ordered,
    quoted,
)

_STATUS = (
    ("Not started", "default", "To-do"),
    ("In progress", "blue", "In progress"),
    ("Done", "green", "Complete"),
)
_GROUPS = (("To-do", "gray"), ("In progress", "blue"), ("Complete", "green"))


def turn(kind: str) -> int:
    """When a property of this type is made: roll-ups look at relations, formulas at everything."""
    return {"rollup": 1, "formula": 2}.get(kind, 0)


def kind_of(given: Json, path: str) -> str:
    """The type a configuration speaks of; an empty text if none."""
    kind = given.get("type") or next((key for key in TYPES if key in given), "")
    if kind and kind not in TYPES:
        raise failed(f"{path}.type", "should be a property type that this server knows", kind)
    return str(kind)


def create(call: Call, source: nodes.Node, given: Any, path: str) -> None:
    """Fill a new data source's schema from ``{name: configuration}``; a missing schema gives ``Name``."""
    wanted = validation.mapping(given, path) if given else {"Name": {"title": {}}}
    kinds = {
        name: kind_of(validation.mapping(item, f"{path}.{name}"), f"{path}.{name}") for name, item in wanted.items()
    }
    if list(kinds.values()).count("title") != 1:
        raise invalid("Title is not provided" if "title" not in kinds.values() else "Only one title is allowed")
    for name in sorted(wanted, key=lambda name: turn(kinds[name])):
        add(call, source, name, wanted[name], f"{path}.{name}")


def add(call: Call, source: nodes.Node, name: str, given: Json, path: str) -> None:
    """Add one property to the schema of ``source`` (and, for a dual relation, to the other side's)."""
    properties = source.data["properties"]
    kind = kind_of(given, path)
    if not kind:
        raise invalid(f"{name} is not a property that exists.")
    if kind == "title" and any(item["type"] == "title" for item in properties):
        raise invalid("Only one title is allowed")
    item = new_property(properties, name, kind)
    item["description"] = validation.optional(given.get("description"), f"{path}.description")
    properties.append(item)
    configure(call, source, item, given.get(kind, {}), f"{path}.{kind}")


def configure(call: Call, source: nodes.Node, item: Property, given: Any, path: str) -> None:
    """Set the configuration of a property from what a request gives for its type."""
    config = validation.mapping(given, path)
    kind = item["type"]
    if kind == "number":
        item["config"] = {"format": validation.string(config.get("format", "number"), f"{path}.format")}
    elif kind in ("select", "multi_select"):
        item["config"]["options"] = _options(item, config.get("options", []), f"{path}.options")
    elif kind == "status":
        _status(item, config, path)
    elif kind == "relation":
        relations.configure(call, source, item, config, path)
    elif kind == "rollup":
        item["config"] = _rollup(call.connection, source, config, path)
    elif kind == "unique_id":
        prefix = validation.optional(config.get("prefix"), f"{path}.prefix")
        item["config"] = {"prefix": prefix, "last": item["config"].get("last", 0)}
    elif kind == "formula":
        item["config"] = _formula(source, config, f"{path}.expression")


def _options(item: Property, given: Any, path: str) -> list[Json]:
    # The list replaces the one before: what is left out is deleted, ids and names are matched, and a name
    # given with an id does not rename.
    before = item["config"].get("options", [])
    options: list[Json] = []
    for index, wanted in enumerate(validation.array(given, path)):
        at = f"{path}[{index}]"
        wanted = validation.mapping(wanted, at)
        known = next((old for old in before if wanted.get("id") == old["id"]), None) or next(
            (old for old in before if wanted.get("name") == old["name"]), None
        )
        color = validation.one_of(
            wanted.get("color", known["color"] if known else "default"), f"{at}.color", richtext.COLORS
        )
        if known is None:
            description = validation.optional(wanted.get("description"), f"{at}.description")
            known = option(option_name(wanted.get("name"), f"{at}.name"), color, description)
        elif known["color"] != color:
            raise invalid(f"Cannot update color of select with name: {known['name']}.")
        if any(other["name"].casefold() == known["name"].casefold() for other in options):
            raise invalid(f"Select option names must be unique: {known['name']} is given twice.")
        options.append(known)
    return options


def _status(item: Property, config: Json, path: str) -> None:
    if "options" in config or not item["config"]:
        wanted = config.get("options") or [
            {"name": name, "color": color, "group": group} for name, color, group in _STATUS
        ]
        options = _options(item, wanted, f"{path}.options")
        placed = {given.get("name"): given.get("group", "To-do") for given in wanted}
        item["config"] = {
            "options": options,
            "groups": [
                {
                    "id": nodes.new_id(),
                    "name": name,
                    "color": color,
                    "option_ids": [known["id"] for known in options if placed.get(known["name"], "To-do") == name],
                }
                for name, color in _GROUPS
            ],
        }


def _rollup(connection: sqlite3.Connection, source: nodes.Node, config: Json, path: str) -> Json:
    function = validation.one_of(config.get("function"), f"{path}.function", rollups.FUNCTIONS)
    key = config.get("relation_property_id") or config.get("relation_property_name")
    relation = find(source.data["properties"], validation.string(key, f"{path}.relation_property_name"))
    if relation is None or relation["type"] != "relation":
        raise invalid(f"Could not find relation property with name or id: {key}")
    other = nodes.find(connection, relation["config"]["data_source"], "data_source")
    properties = source.data["properties"] if other.id == source.id else other.data["properties"]
    key = config.get("rollup_property_id") or config.get("rollup_property_name")
    target = find(properties, validation.string(key, f"{path}.rollup_property_name"))
    if target is None or target["type"] == "rollup":
        raise invalid(f"Could not find property with name or id to roll up: {key}")
    return {"function": function, "relation": relation["id"], "target": target["id"], "data_source": other.id}


def _formula(source: nodes.Node, config: Json, path: str) -> Json:
    # What it asks for is kept by id, so that it stands when a property gets another name.
    expression = validation.string(config.get("expression", ""), path)
    names: dict[str, str] = {}
    try:
        asked = formulas.read(expression).names if expression.strip() else ()
    except formulas.SyntaxFault as fault:
        raise invalid(f"{path}: invalid formula: {fault}.") from None
    for name in asked:
        known = find(source.data["properties"], name)
        if known is None:
            raise invalid(f"{path}: invalid formula: undefined property {name}.")
        names[name] = known["id"]
    return {"expression": expression, "names": names}


def answered(connection: sqlite3.Connection, properties: list[Property]) -> Json:
    """The ``properties`` of a data source's answer."""
    return {
        item["name"]: {
            "id": quoted(item["id"]),
            "name": item["name"],
            "description": item["description"],
            "type": item["type"],
            item["type"]: _answered(connection, properties, item),
        }
        for item in ordered(properties)
    }


def _answered(connection: sqlite3.Connection, properties: list[Property], item: Property) -> Json:
    config = item["config"]
    if item["type"] == "relation":
        return relations.answered(connection, item)
    if item["type"] == "unique_id":
        return {"prefix": config["prefix"]}
    if item["type"] == "formula":
        return {"expression": config["expression"]}
    if item["type"] != "rollup":
        return dict(config)
    relation = find(properties, config["relation"])
    other = nodes.find(connection, config["data_source"], "data_source")
    target = find(other.data["properties"], config["target"])
    return {
        "rollup_property_name": target["name"] if target else "",
        "relation_property_name": relation["name"] if relation else "",
        "rollup_property_id": config["target"],
        "relation_property_id": config["relation"],
        "function": config["function"],
    }

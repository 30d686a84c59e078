"""Relations: links between rows, one-way or seen from both sides."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from ultra_checklist.server import nodes, properties, validation
from ultra_checklist.server.calls import Call
from ultra_checklist.server.errors import invalid, not_found

Json = dict[str, Any]

# What a page's answer and a roll-up look at; the rest is behind the property endpoint.
SHOWN = 25


def configure(call: Call, source: nodes.Node, item: properties.Property, config: Json, path: str) -> None:
    """Point a relation at a data source; a dual one gets its synced property over there."""
    identifier = validation.identifier(config.get("data_source_id"), f"{path}.data_source_id")
    other = source if identifier == source.id else nodes.find(call.connection, identifier, "data_source")
    kind = config.get("type") or ("dual_property" if "dual_property" in config else "single_property")
    validation.one_of(kind, f"{path}.type", ("single_property", "dual_property"))
    before = item["config"]
    if before and before["data_source"] != other.id:
        _unlink(call.connection, before["link"])
    if before.get("synced") and (kind == "single_property" or before["data_source"] != other.id):
        drop_synced(call, source, item)
    link = before["link"] if before.get("data_source") == other.id else nodes.new_id()
    reverse = bool(before) and before["link"] == link and before["reverse"]
    synced = before.get("synced") if before.get("data_source") == other.id and kind == "dual_property" else None
    item["config"] = {"data_source": other.id, "link": link, "reverse": reverse, "synced": synced}
    if kind == "dual_property" and synced is None:
        _add_synced(call, source, other, item, config.get("dual_property") or {})


def _add_synced(call: Call, source: nodes.Node, other: nodes.Node, item: properties.Property, wanted: Json) -> None:
    name = wanted.get("synced_property_name") or f"Related to {source.title} ({item['name']})"
    twin = properties.new_property(other.data["properties"], name, "relation")
    config = item["config"]
    twin["config"] = {
        "data_source": source.id,
        "link": config["link"],
        "reverse": not config["reverse"],
        "synced": item["id"],
    }
    other.data["properties"].append(twin)
    config["synced"] = twin["id"]
    if other is not source:
        nodes.save(call.connection, other)


def drop_synced(call: Call, source: nodes.Node, item: properties.Property) -> None:
    """Remove the other side of a dual relation."""
    config = item["config"]
    own = config["data_source"] == source.id
    other = source if own else nodes.find(call.connection, config["data_source"], "data_source")
    other.data["properties"][:] = [
        known
        for known in other.data["properties"]
        if not (known["id"] == config["synced"] and known["type"] == "relation")
    ]
    config["synced"] = None
    if not own:
        nodes.save(call.connection, other)


def remove(call: Call, source: nodes.Node, item: properties.Property) -> None:
    """Forget the links of a relation that is being removed, and its other side."""
    if item["config"]["synced"]:
        drop_synced(call, source, item)
    _unlink(call.connection, item["config"]["link"])


def _unlink(connection: sqlite3.Connection, link: str) -> None:
    connection.execute("DELETE FROM links WHERE link = ?", (link,))


def answered(connection: sqlite3.Connection, item: properties.Property) -> Json:
    """The configuration of a relation as a data source's answer shows it."""
    config = item["config"]
    other = nodes.find(connection, config["data_source"], "data_source")
    answer: Json = {"database_id": other.parent_id, "data_source_id": other.id}
    if not config["synced"]:
        return {**answer, "type": "single_property", "single_property": {}}
    twin = properties.find(other.data["properties"], config["synced"])
    return {
        **answer,
        "type": "dual_property",
        "dual_property": {
            "synced_property_name": twin["name"] if twin else "",
            "synced_property_id": properties.quoted(config["synced"]),
        },
    }


def write(connection: sqlite3.Connection, page: str, item: properties.Property, targets: list[str]) -> None:
    """Replace what ``page`` is related to; neither side's time of last edit moves."""
    config = item["config"]
    found = nodes.find_all(connection, targets)
    for target in targets:
        if target not in found or found[target].kind != "page":
            raise not_found("page", target)
        if found[target].parent_id != config["data_source"]:
            raise invalid(
                f"{item['name']}: page {target} is not in the related data source {config['data_source']}."
            )
    if config["reverse"]:
        connection.execute("DELETE FROM links WHERE link = ? AND target = ?", (config["link"], page))
        pairs = [(config["link"], target, page) for target in targets]
    else:
        connection.execute("DELETE FROM links WHERE link = ? AND source = ?", (config["link"], page))
        pairs = [(config["link"], page, target) for target in targets]
    connection.executemany("INSERT OR IGNORE INTO links (link, source, target) VALUES (?, ?, ?)", pairs)


def read(connection: sqlite3.Connection, item: properties.Property, pages: Iterable[str]) -> dict[str, list[str]]:
    """What each of ``pages`` is related to, in the order of linking, without rows in the trash."""
    config = item["config"]
    query = (
        "SELECT l.target, l.source FROM links l JOIN nodes n ON n.id = l.source WHERE l.link = ? "
        "AND l.target IN (SELECT value FROM json_each(?)) AND n.in_trash = 0 ORDER BY l.seq"
        if config["reverse"]
        else "SELECT l.source, l.target FROM links l JOIN nodes n ON n.id = l.target WHERE l.link = ? "
        "AND l.source IN (SELECT value FROM json_each(?)) AND n.in_trash = 0 ORDER BY l.seq"
    )
    related: dict[str, list[str]] = {}
    for page, other in connection.execute(query, (config["link"], json.dumps(list(pages)))):
        related.setdefault(page, []).append(other)
    return related

"""What happened to the workspace in one call, as the events of webhooks.

Names and contents: https://developers.notion.com/reference/webhooks-events-delivery.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ultra_checklist.server import nodes
from ultra_checklist.server.calls import Json
from ultra_checklist.server.properties import quoted
from ultra_checklist.server.store import WORKSPACE_ID

# A temporary table and its triggers belong to one connection and never reach the file.
_WATCH: Final = (
    "CREATE TEMP TABLE changed (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, node TEXT, link TEXT)",
    """
    CREATE TEMP TRIGGER changed_by_write BEFORE INSERT ON main.nodes BEGIN
        INSERT INTO changed (id, node) VALUES (NEW.id, (
            SELECT json_array(id, kind, parent_kind, parent_id, position, title, data,
                created_at, edited_at, created_by, edited_by, in_trash)
            FROM nodes WHERE id = NEW.id));
    END
    """,
    """
    CREATE TEMP TRIGGER changed_by_delete BEFORE DELETE ON main.nodes BEGIN
        INSERT INTO changed (id, node) VALUES (OLD.id, json_array(
            OLD.id, OLD.kind, OLD.parent_kind, OLD.parent_id, OLD.position, OLD.title, OLD.data,
            OLD.created_at, OLD.edited_at, OLD.created_by, OLD.edited_by, OLD.in_trash));
    END
    """,
    """
    CREATE TEMP TRIGGER changed_by_link AFTER INSERT ON main.links BEGIN
        INSERT INTO changed (id, link) VALUES (NEW.source, NEW.link), (NEW.target, NEW.link);
    END
    """,
    """
    CREATE TEMP TRIGGER changed_by_unlink AFTER DELETE ON main.links BEGIN
        INSERT INTO changed (id, link) VALUES (OLD.source, OLD.link), (OLD.target, OLD.link);
    END
    """,
)


@dataclass(frozen=True)
class Event:
    """Something that subscribers are told; ``data`` holds lists that later events of the same kind add to."""

    type: str
    entity: str
    kind: str
    """The kind of the entity."""
    author: str
    data: Json


def watch(connection: sqlite3.Connection) -> None:
    """Remember from now on what changes on this connection."""
    for statement in _WATCH:
        connection.execute(statement)


def happened(connection: sqlite3.Connection, author: str) -> list[Event]:
    """What has changed since this was asked last, by ``author``."""
    rows = connection.execute("SELECT id, node, link FROM changed ORDER BY seq").fetchall()
    if not rows:
        return []
    connection.execute("DELETE FROM changed")
    before: dict[str, nodes.Node | None] = {}
    links: dict[str, set[str]] = {}
    for identifier, node, link in rows:
        if link is not None:
            links.setdefault(identifier, set()).add(link)
        else:
            before.setdefault(identifier, nodes.from_row(tuple(json.loads(node))) if node is not None else None)
    told: list[Told] = []
    for identifier, old in before.items():
        told += _changes(connection, old, nodes.get(connection, identifier))
    for identifier, changed in links.items():
        if before.get(identifier, ()) is not None:
            told += _related(connection, nodes.get(connection, identifier), changed)
    return [Event(kind, entity.id, entity.kind, author, data) for kind, entity, data in told]


Told = tuple[str, nodes.Node, Json]


def _changes(connection: sqlite3.Connection, old: nodes.Node | None, new: nodes.Node | None) -> Iterator[Told]:
    node = new or old
    if node is None:
        return
    if node.kind in ("page", "database", "data_source"):
        yield from _of_container(connection, node.kind, old, new)
    elif node.kind == "block":
        yield from _of_block(connection, node)
    elif node.kind in ("comment", "view"):
        done = "created" if old is None else "deleted" if new is None else "updated"
        yield f"{node.kind}.{done}", node, _where(connection, node) | _more(old, new)
    elif node.kind == "file_upload":
        if old is None:
            yield "file_upload.created", node, {}
        elif old.data["status"] == "pending" and node.data["status"] == "uploaded":
            yield "file_upload.completed", node, {}


def _of_container(
    connection: sqlite3.Connection, kind: str, old: nodes.Node | None, new: nodes.Node | None
) -> Iterator[Told]:
    node = new or old
    if node is None or new is None:
        return
    parent = {"parent": _parent(connection, node)}
    if old is None:
        yield f"{kind}.created", node, parent
        if kind == "page" and node.parent_kind == "data_source":
            source = nodes.find(connection, node.parent_id, "data_source")
            block = {"updated_blocks": [{"id": node.id, "type": "page"}]}
            yield "data_source.content_updated", source, {"parent": _parent(connection, source), **block}
        return
    if old.in_trash != new.in_trash:
        yield f"{kind}.{'deleted' if new.in_trash else 'undeleted'}", node, parent
    if old.parent_id != new.parent_id:
        yield f"{kind}.moved", node, parent
    if kind == "page":
        locked = bool(new.data.get("is_locked"))
        if locked != bool(old.data.get("is_locked")):
            yield f"page.{'locked' if locked else 'unlocked'}", node, parent
        changed = _differing(old.data["values"], new.data["values"])
        if changed:
            yield (
                "page.properties_updated",
                node,
                {**parent, "updated_properties": [quoted(key) for key in changed]},
            )
    elif kind == "data_source" and (properties := _schema_changes(old, new)):
        yield "data_source.schema_updated", node, {**parent, "updated_properties": properties}


def _related(connection: sqlite3.Connection, page: nodes.Node | None, links: set[str]) -> Iterator[Told]:
    """A page whose relations have changed: those are links of their own, seen from both ends."""
    if page is None or page.parent_kind != "data_source":
        return
    source = nodes.find(connection, page.parent_id, "data_source")
    changed = [quoted(item["id"]) for item in source.data["properties"] if item["config"].get("link") in links]
    if changed:
        yield "page.properties_updated", page, {"parent": _parent(connection, page), "updated_properties": changed}


def _of_block(connection: sqlite3.Connection, block: nodes.Node) -> Iterator[Told]:
    page: nodes.Node | None = block
    while page is not None and page.kind == "block":
        page = nodes.get(connection, page.parent_id)
    if page is not None and page.kind == "page":
        told = {"parent": _parent(connection, page), "updated_blocks": [{"id": block.id, "type": "block"}]}
        yield "page.content_updated", page, told


def _where(connection: sqlite3.Connection, node: nodes.Node) -> Json:
    if node.kind == "view":
        return {"parent": _parent(connection, node)}
    above = nodes.get(connection, node.parent_id)
    while above is not None and above.kind == "block":
        above = nodes.get(connection, above.parent_id)
    return {"parent": {"id": node.parent_id, "type": node.parent_kind}, "page_id": above.id if above else None}


def _more(old: nodes.Node | None, new: nodes.Node | None) -> Json:
    node = new or old
    if node is None or node.kind != "view" or new is None:
        return {}
    if old is None:
        return {"view_type": node.data["type"]}
    names = [key for key in ("filter", "sorts", "configuration") if old.data.get(key) != new.data.get(key)]
    return {"updated_fields": [*(["name"] if old.title != new.title else []), *names]}


def _parent(connection: sqlite3.Connection, node: nodes.Node) -> Json:
    if node.parent_kind == "workspace":
        return {"id": WORKSPACE_ID, "type": "space"}
    if node.parent_kind == "data_source":
        source = nodes.get(connection, node.parent_id)
        return {
            "id": source.parent_id if source else node.parent_id,
            "type": "database",
            "data_source_id": node.parent_id,
        }
    return {"id": node.parent_id, "type": node.parent_kind}


def _differing(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return sorted(key for key in {*old, *new} if old.get(key) != new.get(key))


def _schema_changes(old: nodes.Node, new: nodes.Node) -> list[Json]:
    before, after = ({item["id"]: item for item in node.data["properties"]} for node in (old, new))
    found: list[Json] = []
    for key in sorted({*before, *after}, key=str):
        if before.get(key) == after.get(key):
            continue
        action = "created" if key not in before else "deleted" if key not in after else "updated"
        name = (after.get(key) or before[key])["name"]
        found.append({"id": quoted(key), "name": name, "action": action})
    return found

"""Data sources: a schema and its rows."""

from typing import Any

from ultra_checklist.server import media, nodes, places, relations, richtext, schema, times, users, validation
from ultra_checklist.server.calls import Call, Json, page_size
from ultra_checklist.server.errors import MISSING, invalid
from ultra_checklist.server.properties import Property, find


def add(call: Call, database: nodes.Node, properties: Any, path: str, title: richtext.Stored) -> nodes.Node:
    """A new data source in ``database`` with the schema of a request."""
    source = nodes.Node(
        id=nodes.new_id(),
        kind="data_source",
        parent_kind="database",
        parent_id=database.id,
        title=richtext.plain(title),
        data={"title": title, "properties": [], "icon": database.data.get("icon")},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    schema.create(call, source, properties, path)
    return nodes.insert(call.connection, source)


def of_database(call: Call, database: nodes.Node) -> list[nodes.Node]:
    """The data sources a database holds, in order."""
    return [
        node
        for node in nodes.children(call.connection, database.id)
        if node.kind == "data_source" and not node.in_trash
    ]


def create(call: Call) -> Json:
    """POST /v1/data_sources: one more in a database that exists."""
    call.only("parent", "properties", "title", "icon")
    parent = validation.mapping(call.body.get("parent"), "body.parent")
    identifier = validation.identifier(parent.get("database_id"), "body.parent.database_id")
    database = nodes.editable(nodes.find(call.connection, identifier, "database"))
    title = richtext.parse(call.connection, call.body.get("title", []), "body.title")
    source = add(call, database, call.body.get("properties"), "body.properties", title)
    if "parent" in call.body:
        parent = validation.mapping(call.body["parent"], "body.parent")
        identifier = validation.identifier(parent.get("database_id", MISSING), "body.parent.database_id")
        database = nodes.editable(nodes.find(call.connection, identifier, "database"))
        source.parent_id, source.position = database.id, nodes.last_position(call.connection, database.id) + 1
    if "icon" in call.body:
        source.data["icon"] = media.parse_icon(call, call.body["icon"], "body.icon")
        nodes.save(call.connection, source)
    return answered(call, source)


def retrieve(call: Call) -> Json:
    """GET /v1/data_sources/{data_source_id}."""
    return answered(call, nodes.find(call.connection, call.identifier("data_source_id"), "data_source"))


def update(call: Call) -> Json:
    """PATCH /v1/data_sources/{data_source_id}: title, icon, trash, and the schema property by property."""
    call.only("properties", "title", "icon", "in_trash", "parent")
    source = nodes.find(call.connection, call.identifier("data_source_id"), "data_source")
    trash = call.trash()
    if trash is None:
        nodes.editable(source)
    else:
        source.in_trash = trash
    if "title" in call.body:
        source.data["title"] = richtext.parse(call.connection, call.body["title"], "body.title")
        source.title = richtext.plain(source.data["title"])
    if "parent" in call.body:
        parent = validation.mapping(call.body["parent"], "body.parent")
        identifier = validation.identifier(parent.get("database_id", MISSING), "body.parent.database_id")
        database = nodes.editable(nodes.find(call.connection, identifier, "database"))
        source.parent_id, source.position = database.id, nodes.last_position(call.connection, database.id) + 1
    if "icon" in call.body:
        source.data["icon"] = media.parse_icon(call, call.body["icon"], "body.icon")
    changes = validation.mapping(call.body.get("properties", {}), "body.properties")
    for key in sorted(changes, key=lambda key: _turn(changes[key])):
        _change(call, source, key, changes[key])
    source.edited_at, source.edited_by = call.moment, call.actor.id
    nodes.save(call.connection, source)
    return answered(call, source)


def templates(call: Call) -> Json:
    """GET /v1/data_sources/{data_source_id}/templates: none, for they are made in Notion's own app alone."""
    nodes.find(call.connection, call.identifier("data_source_id"), "data_source")
    page_size(call.option("page_size"), "query.page_size")
    return {"templates": [], "has_more": False, "next_cursor": None}


def _turn(given: Any) -> int:
    return max(map(schema.turn, given), default=0) if isinstance(given, dict) else 0


def _change(call: Call, source: nodes.Node, key: str, given: Any) -> None:
    properties = source.data["properties"]
    path = f"body.properties.{key}"
    item = find(properties, key)
    if item is None:
        if given is None:
            raise invalid(f"{key} is not a property that exists.")
        content = validation.mapping(given, path)
        schema.add(call, source, content.get("name", key), content, path)
        return
    if given is None:
        _remove(call, source, item)
        return
    content = validation.mapping(given, path)
    kind = schema.kind_of(content, path)
    if "name" in content:
        _rename(properties, item, validation.string(content["name"], f"{path}.name"))
    if "description" in content:
        item["description"] = validation.optional(content["description"], f"{path}.description")
    if kind and kind != item["type"]:
        _retype(call, source, item, kind)
    if kind and kind in content:
        schema.configure(call, source, item, content[kind], f"{path}.{kind}")


def _remove(call: Call, source: nodes.Node, item: Property) -> None:
    if item["type"] == "title":
        raise invalid("Cannot delete title property")
    if item["type"] == "relation":
        relations.remove(call, source, item)
    properties = source.data["properties"]
    properties[:] = [known for known in properties if known["id"] != item["id"]]


def _rename(properties: list[Property], item: Property, name: str) -> None:
    if not name or any(known["name"] == name and known is not item for known in properties):
        raise invalid(f"Cannot rename property {item['name']}: the name `{name}` is empty or taken.")
    item["name"] = name


def _retype(call: Call, source: nodes.Node, item: Property, kind: str) -> None:
    # Notion converts what it can; here the values of the old type are simply gone.
    if "title" in (kind, item["type"]):
        raise invalid("Cannot change the type of the title property")
    if item["type"] == "relation":
        relations.remove(call, source, item)
    for row in nodes.children(call.connection, source.id):
        if row.data.get("values", {}).pop(item["id"], None) is not None:
            nodes.save(call.connection, row)
    item["type"], item["config"] = kind, {}


def answered(call: Call, source: nodes.Node) -> Json:
    """A data source as Notion answers it."""
    database = nodes.find(call.connection, source.parent_id, "database")
    return {
        "object": "data_source",
        "id": source.id,
        "cover": media.icon(call, database.data.get("cover")),
        "icon": media.icon(call, source.data.get("icon")),
        "created_time": times.to_minute(source.created_at),
        "created_by": users.partial(source.created_by),
        "last_edited_by": users.partial(source.edited_by),
        "last_edited_time": times.to_minute(source.edited_at),
        "title": richtext.unpack(source.data["title"]),
        "description": richtext.unpack(database.data["description"]),
        "is_inline": database.data.get("is_inline", False),
        "properties": schema.answered(call.connection, source.data["properties"]),
        "parent": places.parent_of(source),
        "database_parent": places.parent_of(database),
        "url": places.url(call, database),
        "public_url": None,
        "in_trash": source.in_trash,
    }

"""Databases: containers of data sources that stand as blocks in pages."""

from ultra_checklist.server import (
    containers,
    data_sources,
    media,
    nodes,
    places,
    richtext,
    times,
    validation,
    views,
)
from ultra_checklist.server.calls import Call, Json


def create(call: Call) -> Json:
    """POST /v1/databases: with one data source and one table view."""
    call.only("parent", "title", "description", "is_inline", "initial_data_source", "icon", "cover")
    parent = containers.page_parent(call, call.body.get("parent"), "body.parent")
    initial = validation.mapping(call.body.get("initial_data_source", {}), "body.initial_data_source")
    validation.only(initial, ("properties",), "body.initial_data_source")
    database = containers.new(call, parent)
    _describe(call, database)
    nodes.insert(call.connection, database)
    source = data_sources.add(
        call, database, initial.get("properties"), "body.initial_data_source.properties", database.data["title"]
    )
    views.add(call, database, source, "Default view", "table")
    return answered(call, database)


def _describe(call: Call, database: nodes.Node) -> None:
    for key in ("title", "description"):
        if key in call.body:
            database.data[key] = richtext.parse(call.connection, call.body[key], f"body.{key}")
    for key in ("is_inline", "is_locked"):
        if key in call.body:
            database.data[key] = validation.boolean(call.body[key], f"body.{key}")
    for key in ("icon", "cover"):
        if key in call.body:
            database.data[key] = media.parse_icon(call, call.body[key], f"body.{key}")
    database.title = richtext.plain(database.data["title"])


def retrieve(call: Call) -> Json:
    """GET /v1/databases/{database_id}."""
    return answered(call, nodes.find(call.connection, call.identifier("database_id"), "database"))


def update(call: Call) -> Json:
    """PATCH /v1/databases/{database_id}; with ``parent`` the database moves to another page."""
    call.only("parent", "title", "description", "is_inline", "icon", "cover", "in_trash", "is_locked")
    database = nodes.find(call.connection, call.identifier("database_id"), "database")
    trash = call.trash()
    if trash is None:
        nodes.editable(database)
    elif trash != database.in_trash:
        database.in_trash, database.edited_at = trash, call.moment
    _describe(call, database)
    if "parent" in call.body:
        parent = containers.page_parent(call, call.body["parent"], "body.parent")
        database.parent_kind, database.parent_id = parent.kind, parent.id
        database.position = nodes.last_position(call.connection, parent.id) + 1
    database.edited_by = call.actor.id
    nodes.save(call.connection, database)
    return answered(call, database)


def answered(call: Call, database: nodes.Node) -> Json:
    """A database as Notion answers it; a linked one names the data source it shows."""
    data = database.data
    sources = (
        [nodes.find(call.connection, data["linked"], "data_source")]
        if "linked" in data
        else data_sources.of_database(call, database)
    )
    return {
        "object": "database",
        "id": database.id,
        "title": richtext.unpack(data["title"]),
        "description": richtext.unpack(data["description"]),
        "parent": places.parent_of(database),
        "is_inline": data.get("is_inline", False),
        "in_trash": database.in_trash,
        "is_locked": data.get("is_locked", False),
        "created_time": times.to_offset(database.created_at),
        "last_edited_time": times.to_offset(database.edited_at),
        "data_sources": [{"id": source.id, "name": source.title} for source in sources],
        "icon": media.icon(call, data.get("icon")),
        "cover": media.icon(call, data.get("cover")),
        "url": places.url(call, database),
        "public_url": None,
    }

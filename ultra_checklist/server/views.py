"""Views of data sources: stored as given, checked against the schema."""

from typing import Any, Final

from ultra_checklist.server import containers, filters, nodes, places, query, times, users, validation
from ultra_checklist.server.calls import Call, Json, listing, paged
from ultra_checklist.server.errors import failed, invalid
from ultra_checklist.server.properties import Property, find, quoted

KINDS: Final = ("table", "board", "list", "calendar", "timeline", "gallery", "form", "chart", "map", "dashboard")
_HOMES: Final = ("database_id", "view_id", "create_database")
_STORED: Final = ("filter", "sorts", "quick_filters", "configuration")


def add(
    call: Call, database: nodes.Node, source: nodes.Node, name: str, kind: str, data: Json | None = None
) -> nodes.Node:
    """A new view in ``database`` of ``source``."""
    view = nodes.Node(
        id=nodes.new_id(),
        kind="view",
        parent_kind="database",
        parent_id=database.id,
        title=name,
        data={"type": kind, "data_source": source.id, **(data or {})},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    return nodes.insert(call.connection, view)


def create(call: Call) -> Json:
    """POST /v1/views: in a database, or in a new linked database on a page."""
    call.only("data_source_id", "name", "type", "position", *_HOMES, *_STORED)
    identifier = validation.identifier(call.body.get("data_source_id"), "body.data_source_id")
    source = nodes.editable(nodes.find(call.connection, identifier, "data_source"))
    name = validation.string(call.body.get("name"), "body.name")
    kind = validation.one_of(call.body.get("type"), "body.type", KINDS)
    data = _parse(call, source, kind)
    if kind == "board" and "group_by" not in data.get("configuration", {}):
        raise failed("body.configuration.group_by", "should be defined", None)
    return answered(call, add(call, _home(call, source), source, name, kind, data))


def _home(call: Call, source: nodes.Node) -> nodes.Node:
    given = [key for key in _HOMES if call.body.get(key) is not None]
    if len(given) != 1:
        raise invalid("Exactly one of database_id, view_id or create_database must be provided.")
    if given[0] == "create_database":
        return containers.add_linked(call, source, call.body["create_database"], "body.create_database")
    identifier = validation.identifier(call.body[given[0]], f"body.{given[0]}")
    if given[0] == "view_id":
        identifier = nodes.find(call.connection, identifier, "view").parent_id
    database = nodes.editable(nodes.find(call.connection, identifier, "database"))
    if source.parent_id != database.id and database.data.get("linked") != source.id:
        raise invalid(f"Data source {source.id} does not belong to database {database.id}.")
    return database


def _parse(call: Call, source: nodes.Node, kind: str) -> Json:
    properties = source.data["properties"]
    data: Json = {key: call.body[key] for key in _STORED if key in call.body}
    if data.get("filter") is not None:
        filters.parse(call, source, data["filter"], "body.filter")
    query.parse_sorts(properties, data.get("sorts"), "body.sorts")
    if "configuration" in data:
        configuration = validation.mapping(data["configuration"], "body.configuration")
        validation.one_of(configuration.get("type", kind), "body.configuration.type", (kind,))
        data["configuration"] = _checked(properties, configuration)
    return data


def _checked(properties: list[Property], configuration: Json) -> Json:
    # Wherever a configuration names a property, the property is looked up and named by its id.
    checked: Json = {}
    for key, value in configuration.items():
        if isinstance(value, dict):
            checked[key] = _checked(properties, value)
        elif isinstance(value, list):
            checked[key] = [_checked(properties, one) if isinstance(one, dict) else one for one in value]
        else:
            checked[key] = value
        if key == "property_id" and value is not None:
            item = find(properties, str(value))
            if item is None:
                raise invalid(f"Could not find property with name or id: {value}")
            checked |= {"property_id": quoted(item["id"]), "property_name": item["name"]}
    return checked


def index(call: Call) -> Json:
    """GET /v1/views: of a database, or of a data source wherever it is shown."""
    database, source = call.option("database_id"), call.option("data_source_id")
    if database is not None:
        identifier = validation.identifier(database, "query.database_id")
        parent = nodes.find(call.connection, identifier, "database")
        found = [node for node in nodes.children(call.connection, parent.id) if node.kind == "view"]
    elif source is not None:
        identifier = validation.identifier(source, "query.data_source_id")
        nodes.find(call.connection, identifier, "data_source")
        found = [node for node in nodes.of_kind(call.connection, "view") if node.data["data_source"] == identifier]
    else:
        raise failed("query.database_id", "should be defined", None)
    shown, cursor = paged(call, found, lambda view: view.id)
    return listing("view", [{"object": "view", "id": view.id} for view in shown], cursor)


def retrieve(call: Call) -> Json:
    """GET /v1/views/{view_id}."""
    return answered(call, nodes.find(call.connection, call.identifier("view_id"), "view"))


def update(call: Call) -> Json:
    """PATCH /v1/views/{view_id}: its name, filter, sorts and configuration, but not its type."""
    call.only("name", *_STORED)
    view = nodes.find(call.connection, call.identifier("view_id"), "view")
    source = nodes.find(call.connection, view.data["data_source"], "data_source")
    data = _parse(call, source, view.data["type"])
    if "configuration" in data:
        data["configuration"] = view.data.get("configuration", {}) | data["configuration"]
    view.data |= data
    if "name" in call.body:
        view.title = validation.string(call.body["name"], "body.name")
    view.edited_at, view.edited_by = call.moment, call.actor.id
    nodes.save(call.connection, view)
    return answered(call, view)


def delete(call: Call) -> Json:
    """DELETE /v1/views/{view_id}; the last view of a database stays."""
    view = nodes.find(call.connection, call.identifier("view_id"), "view")
    siblings = [node for node in nodes.children(call.connection, view.parent_id) if node.kind == "view"]
    if len(siblings) == 1:
        raise invalid("Cannot delete the last view of a database.")
    nodes.delete(call.connection, view.id)
    return {"object": "view", "id": view.id, "parent": places.parent_of(view), "type": view.data["type"]}


def answered(call: Call, view: nodes.Node) -> Json:
    """A view as Notion answers it."""
    data: dict[str, Any] = view.data
    database = nodes.find(call.connection, view.parent_id, "database")
    return {
        "object": "view",
        "id": view.id,
        "parent": places.parent_of(view),
        "data_source_id": data["data_source"],
        "name": view.title,
        "type": data["type"],
        "created_time": times.to_offset(view.created_at),
        "created_by": users.partial(view.created_by),
        "last_edited_time": times.to_offset(view.edited_at),
        "last_edited_by": users.partial(view.edited_by),
        "url": f"{places.url(call, database)}?v={view.hex}",
        "filter": data.get("filter"),
        "sorts": data.get("sorts"),
        "quick_filters": data.get("quick_filters"),
        "configuration": {"type": data["type"], **data.get("configuration", {})},
    }

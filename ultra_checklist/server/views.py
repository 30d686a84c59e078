"""Views of data sources: stored as given, checked against the schema."""

from typing import Any, Final

from ultra_checklist.server import containers, dashboards, filters, nodes, places, query, times, users, validation
from ultra_checklist.server.calls import Call, Json, listing, paged
from ultra_checklist.server.errors import MISSING, failed, invalid
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
    call.only("data_source_id", "name", "type", "position", "placement", *_HOMES, *_STORED)
    identifier = validation.identifier(call.body.get("data_source_id"), "body.data_source_id")
    source = nodes.editable(nodes.find(call.connection, identifier, "data_source"))
    name = validation.string(call.body.get("name"), "body.name")
    kind = validation.one_of(call.body.get("type"), "body.type", KINDS)
    data = _parse(call, source, kind)
    if kind == "board" and "group_by" not in data.get("configuration", {}):
        raise failed("body.configuration.group_by", "should be defined", None)
    database, dashboard = _home(call, source)
    view = add(call, database, source, name, kind, data)
    if dashboard is not None:
        dashboards.place(call, dashboard, view)
    elif "position" in call.body:
        _put(call, database, view)
    return answered(call, view)


def _put(call: Call, database: nodes.Node, view: nodes.Node) -> None:
    given = validation.mapping(call.body["position"], "body.position")
    kind = validation.one_of(given.get("type", MISSING), "body.position.type", ("start", "end", "after_view"))
    tabs = [tab for tab in _tabs(call, database.id) if tab.id != view.id]
    index = 0 if kind == "start" else len(tabs)
    if kind == "after_view":
        after = validation.identifier(given.get("view_id", MISSING), "body.position.view_id")
        index = next((place + 1 for place, tab in enumerate(tabs) if tab.id == after), -1)
        if index < 0:
            raise failed("body.position.view_id", "should be a view of the same database", after)
    tabs.insert(index, view)
    last = nodes.last_position(call.connection, database.id)
    for place, tab in enumerate(tabs, last + 1):
        tab.position = place
        nodes.save(call.connection, tab)


def _tabs(call: Call, database: str) -> list[nodes.Node]:
    """The views of a database in their order; widgets of dashboards are none of its own."""
    found = (node for node in nodes.children(call.connection, database) if node.kind == "view")
    return [node for node in found if "dashboard" not in node.data]


def _home(call: Call, source: nodes.Node) -> tuple[nodes.Node, nodes.Node | None]:
    """The database in which the view is made, and the dashboard, where it becomes a widget."""
    given = [key for key in _HOMES if call.body.get(key) is not None]
    if len(given) != 1:
        raise invalid("Exactly one of database_id, view_id or create_database must be provided.")
    if given[0] == "create_database":
        return containers.add_linked(call, source, call.body["create_database"], "body.create_database"), None
    identifier = validation.identifier(call.body[given[0]], f"body.{given[0]}")
    dashboard = None
    if given[0] == "view_id":
        named = nodes.find(call.connection, identifier, "view")
        identifier, dashboard = named.parent_id, dashboards.of_request(call, named)
    database = nodes.editable(nodes.find(call.connection, identifier, "database"))
    # A widget may show a data source of any database.
    own = source.parent_id == database.id or database.data.get("linked") == source.id
    if not own and dashboard is None:
        raise invalid(f"Data source {source.id} does not belong to database {database.id}.")
    return database, dashboard


def _parse(call: Call, source: nodes.Node, kind: str) -> Json:
    properties = source.data["properties"]
    data: Json = {key: call.body[key] for key in _STORED if key in call.body}
    if data.get("filter") is not None:
        filters.parse(call, source, data["filter"], "body.filter")
    query.parse_sorts(properties, data.get("sorts"), "body.sorts")
    if data.get("quick_filters") is not None:
        data["quick_filters"] = _quick(call, source, data["quick_filters"])
    if "configuration" in data:
        configuration = validation.mapping(data["configuration"], "body.configuration")
        validation.one_of(configuration.get("type", kind), "body.configuration.type", (kind,))
        data["configuration"] = _checked(properties, configuration)
    return data


def _quick(call: Call, source: nodes.Node, given: Any) -> Json:
    """Conditions by the id of their property; null takes one away."""
    found: Json = {}
    for key, condition in validation.mapping(given, "body.quick_filters").items():
        item = find(source.data["properties"], key)
        if item is None:
            raise invalid(f"Could not find property with name or id: {key}")
        if condition:
            content = validation.mapping(condition, f"body.quick_filters.{key}")
            filters.parse(call, source, {"property": item["id"], **content}, f"body.quick_filters.{key}")
        found[quoted(item["id"])] = condition
    return found


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
        found = _tabs(call, parent.id)
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
    if data.get("quick_filters") is not None:
        kept = (view.data.get("quick_filters") or {}) | data["quick_filters"]
        data["quick_filters"] = {key: condition for key, condition in kept.items() if condition is not None}
    view.data |= data
    if "name" in call.body:
        view.title = validation.string(call.body["name"], "body.name")
    view.edited_at, view.edited_by = call.moment, call.actor.id
    nodes.save(call.connection, view)
    return answered(call, view)


def delete(call: Call) -> Json:
    """DELETE /v1/views/{view_id}; the last view of a database stays."""
    view = nodes.find(call.connection, call.identifier("view_id"), "view")
    if "dashboard" in view.data:
        dashboards.take_out(call, view)
    elif len(_tabs(call, view.parent_id)) == 1:
        raise invalid("Cannot delete the last view of a database.")
    for widget in dashboards.widgets(call, view):
        nodes.delete(call.connection, widget.id)
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
        "configuration": dashboards.answered(view)
        if data["type"] == "dashboard"
        else {"type": data["type"], **data.get("configuration", {})},
        **({"dashboard_view_id": data["dashboard"]} if "dashboard" in data else {}),
    }

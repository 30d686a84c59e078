"""Pages: standing under other pages, or rows of a data source."""

from typing import Final

from ultra_checklist.server import (
    async_tasks,
    blocks,
    media,
    nodes,
    page_markdown,
    places,
    times,
    users,
    validation,
    values,
)
from ultra_checklist.server.calls import Call, Json, cut, listing, page_size
from ultra_checklist.server.errors import MISSING, failed, invalid, not_found
from ultra_checklist.server.properties import Property, find, quoted
from ultra_checklist.server.rows import Rows

PARENTS: Final = ("page_id", "database_id", "data_source_id")
_LISTED: Final = ("title", "rich_text", "people", "relation", "rollup")


def create(call: Call) -> Json:
    """POST /v1/pages."""
    call.only(
        *("parent", "properties", "children", "content", "markdown", "icon", "cover"),
        *("template", "position", "allow_async"),
    )
    parent = _parent(call)
    body = _body(call)
    page = nodes.Node(
        id=nodes.new_id(),
        kind="page",
        parent_kind=parent.kind,
        parent_id=parent.id,
        data={"values": {}},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )
    source = parent if parent.kind == "data_source" else None
    if source and values.creation(page, source):
        nodes.save(call.connection, source)
    values.write(call, page, source, call.body.get("properties", {}))
    _decorate(call, page)
    _put(call, parent, page)
    nodes.insert(call.connection, page)
    if body == "markdown":
        page_markdown.replace(call, page, validation.string(call.body[body], "body.markdown"))
    elif body:
        blocks.add_children(call, page, call.body[body], f"body.{body}")
    return async_tasks.answered(call, "pages.create", answered(call, page))


def _body(call: Call) -> str:
    """How the request gives the page's content; empty: not at all."""
    given = [key for key in ("children", "content", "markdown") if key in call.body]
    if len(given) > 1:
        raise invalid(f"body failed validation: only one of {' and '.join(given)} may be given.")
    _template(call)
    return given[0] if given else ""


def _template(call: Call) -> None:
    """Refuse a template that is not there: they are made in Notion's own app alone, so that there are none here."""
    if "template" not in call.body:
        return
    template = validation.mapping(call.body["template"], "body.template")
    kind = template.get("type", MISSING)
    validation.one_of(kind, "body.template.type", ("none", "default", "template_id"))
    if kind == "template_id":
        raise not_found("page", validation.identifier(template.get(kind, MISSING), "body.template.template_id"))
    if kind == "default":
        raise invalid("The parent data source has no default template.")


def _put(call: Call, parent: nodes.Node, page: nodes.Node) -> None:
    """Where in the body of its parent a new page stands; without a wish at its end."""
    if "position" not in call.body:
        return
    given = validation.mapping(call.body["position"], "body.position")
    kinds = ("after_block", "page_start", "page_end")
    kind = validation.one_of(given.get("type", MISSING), "body.position.type", kinds)
    if parent.kind != "page":
        raise failed("body.position", "should be not present", given)
    if kind == "page_end":
        return
    after = 0
    if kind == "after_block":
        block = validation.mapping(given.get("after_block", MISSING), "body.position.after_block")
        identifier = validation.identifier(block.get("id", MISSING), "body.position.after_block.id")
        after = blocks.position_of(call, parent, identifier)
    nodes.make_room(call.connection, parent.id, after, 1)
    page.position = after + 1


def _parent(call: Call) -> nodes.Node:
    given = validation.mapping(call.body.get("parent"), "body.parent")
    kind = given.get("type") or next((key for key in PARENTS if key in given), "")
    validation.one_of(kind, "body.parent.type", PARENTS)
    identifier = validation.identifier(given.get(kind), f"body.parent.{kind}")
    parent = nodes.editable(nodes.find(call.connection, identifier, kind.removesuffix("_id")))
    return parent if parent.kind != "database" else _only_source(call, parent)


def _only_source(call: Call, database: nodes.Node) -> nodes.Node:
    sources = [node for node in nodes.children(call.connection, database.id) if node.kind == "data_source"]
    if len(sources) != 1:
        raise invalid(f"Database {database.id} has {len(sources)} data sources; name one by data_source_id.")
    return nodes.editable(sources[0])


def _decorate(call: Call, page: nodes.Node) -> None:
    for key in ("icon", "cover"):
        if key in call.body:
            page.data[key] = media.parse_icon(call, call.body[key], f"body.{key}")
    if "is_locked" in call.body:
        page.data["is_locked"] = validation.boolean(call.body["is_locked"], "body.is_locked")


def retrieve(call: Call) -> Json:
    """GET /v1/pages/{page_id}."""
    return answered(call, nodes.find(call.connection, call.identifier("page_id"), "page"))


def update(call: Call) -> Json:
    """PATCH /v1/pages/{page_id}."""
    call.only("properties", "icon", "cover", "is_locked", "in_trash", "template", "erase_content")
    page = nodes.find(call.connection, call.identifier("page_id"), "page")
    trash = call.trash()
    if trash is None or (trash and page.in_trash):
        nodes.editable(page)
    if trash is not None:
        page.in_trash = _trashable(page, trash)
    _template(call)
    if validation.boolean(call.body.get("erase_content", False), "body.erase_content"):
        page_markdown.replace(call, page, "", allow_deleting=True)
    if "properties" in call.body:
        values.write(call, page, places.source_of(call, page), call.body["properties"])
    _decorate(call, page)
    page.edited_at, page.edited_by = call.moment, call.actor.id
    nodes.save(call.connection, page)
    return answered(call, page)


def _trashable(page: nodes.Node, trash: bool) -> bool:
    if trash and page.parent_kind == "workspace":
        raise invalid("Archiving workspace level pages via API not supported.")
    return trash


def move(call: Call) -> Json:
    """POST /v1/pages/{page_id}/move; of a row's values only the title moves along to another data source."""
    call.only("parent")
    page = nodes.editable(nodes.find(call.connection, call.identifier("page_id"), "page"))
    parent = _parent(call)
    above: nodes.Node | None = parent
    while above is not None:
        if above.id == page.id:
            raise invalid("A page cannot be moved into itself.")
        above = nodes.get(call.connection, above.parent_id)
    if parent.id != page.parent_id:
        title = page.data["values"].get("title")
        page.data["values"] = {"title": title} if title else {}
        if parent.kind == "data_source" and values.creation(page, parent):
            nodes.save(call.connection, parent)
    page.parent_kind, page.parent_id = parent.kind, parent.id
    page.position = nodes.last_position(call.connection, parent.id) + 1
    page.edited_at, page.edited_by = call.moment, call.actor.id
    nodes.save(call.connection, page)
    return answered(call, page)


def reader(call: Call, page: nodes.Node) -> Rows:
    """Reads the values of one page; outside a data source the title is all there is."""
    source = places.source_of(call, page)
    if source is None:
        source = nodes.Node("", "data_source", "", "", data={"properties": [values.PAGE_TITLE]})
    return Rows(call, source, [page])


def answered(call: Call, page: nodes.Node) -> Json:
    """A page as Notion answers it, cut down to ``filter_properties`` of the query string if given."""
    rows = reader(call, page)
    return shown(call, rows, page, wanted(call, rows.properties))


def wanted(call: Call, properties: list[Property]) -> set[str] | None:
    """The property ids that ``filter_properties`` names, by id or name; None if all are wanted."""
    keys = call.options("filter_properties")
    if not keys:
        return None
    found: set[str] = set()
    for key in keys:
        item = find(properties, key)
        if item is None:
            raise invalid(f"Could not find property with name or id: {key}")
        found.add(item["id"])
    return found


def shown(call: Call, rows: Rows, page: nodes.Node, only: set[str] | None) -> Json:
    """A page as Notion answers it, values read through ``rows``."""
    return {
        "object": "page",
        "id": page.id,
        "created_time": times.to_minute(page.created_at),
        "last_edited_time": times.to_minute(page.edited_at),
        "created_by": users.partial(page.created_by),
        "last_edited_by": users.partial(page.edited_by),
        "cover": media.icon(call, page.data.get("cover")),
        "icon": media.icon(call, page.data.get("icon")),
        "parent": places.parent_of(page, rows.source),
        "in_trash": page.in_trash,
        "is_archived": page.in_trash,
        "is_locked": page.data.get("is_locked", False),
        "properties": rows.answered(page, only),
        "url": places.url(call, page),
        "public_url": None,
    }


def retrieve_property(call: Call) -> Json:
    """GET /v1/pages/{page_id}/properties/{property_id}: one item, or a list of items for list types."""
    page = nodes.find(call.connection, call.identifier("page_id"), "page")
    rows = reader(call, page)
    item = find(rows.properties, call.path["property_id"])
    if item is None:
        raise invalid(f"Could not find property with name or id: {call.path['property_id']}")
    kind, identifier = item["type"], quoted(item["id"])
    value = rows.value(page, item)
    if kind not in _LISTED:
        return {"object": "property_item", "type": kind, "id": identifier, kind: value[kind]}
    contents = _contents(rows, page, item, value)
    size = page_size(call.option("page_size"), "query.page_size")
    numbers, cursor = cut(range(len(contents)), str, call.option("start_cursor"), size)
    results = [{"object": "property_item", "type": kind, "id": identifier, **contents[index]} for index in numbers]
    answer = listing("property_item", results, cursor)
    following = f"{call.base_url}/v1/pages/{page.id}/properties/{identifier}?start_cursor={cursor}"
    answer["property_item"] = {
        "id": identifier,
        "next_url": following if cursor else None,
        "type": kind,
        kind: value[kind] if kind == "rollup" else {},
    }
    return answer


def _contents(rows: Rows, page: nodes.Node, item: Property, value: Json) -> list[Json]:
    kind = item["type"]
    if kind == "rollup":
        return list(value[kind].get("array", []))
    if kind == "relation":
        return [{"type": kind, kind: {"id": one}} for one in rows.related(page, item)]
    return [{"type": kind, kind: one} for one in value[kind]]

"""New databases on a page: those with a data source of their own, and those that show another's."""

from typing import Any

from ultra_checklist.server import nodes, validation
from ultra_checklist.server.calls import Call
from ultra_checklist.server.errors import invalid


def page_parent(call: Call, value: Any, path: str) -> nodes.Node:
    """The page that a parent object of a request names."""
    given = validation.mapping(value, path)
    identifier = validation.identifier(given.get("page_id"), f"{path}.page_id")
    return nodes.editable(nodes.find(call.connection, identifier, "page"))


def new(call: Call, parent: nodes.Node) -> nodes.Node:
    """An empty database under a page, not yet stored."""
    return nodes.Node(
        id=nodes.new_id(),
        kind="database",
        parent_kind=parent.kind,
        parent_id=parent.id,
        data={"title": "", "description": ""},
        created_at=call.moment,
        edited_at=call.moment,
        created_by=call.actor.id,
        edited_by=call.actor.id,
    )


def add_linked(call: Call, source: nodes.Node, value: Any, path: str) -> nodes.Node:
    """A new linked database for ``source`` on a page: what ``create_database`` of a view asks for."""
    given = validation.mapping(value, path)
    validation.only(given, ("parent", "position"), path)
    parent = page_parent(call, given.get("parent"), f"{path}.parent")
    database = new(call, parent)
    database.data |= {"title": source.data["title"], "linked": source.id, "is_inline": True}
    database.title = source.title
    if given.get("position") is not None:
        position = validation.mapping(given["position"], f"{path}.position")
        block = validation.identifier(position.get("block_id"), f"{path}.position.block_id")
        after = nodes.find(call.connection, block, *nodes.BODY_KINDS)
        if after.parent_id != parent.id:
            raise invalid(f"{path}.position.block_id: block {block} does not stand on page {parent.id}.")
        nodes.make_room(call.connection, parent.id, after.position, 1)
        database.position = after.position + 1
    return nodes.insert(call.connection, database)

"""Where things stand: parents, the data source of a row, and links to the board."""

import re

from ultra_checklist.server import nodes
from ultra_checklist.server.calls import Call, Json


def source_of(call: Call, page: nodes.Node) -> nodes.Node | None:
    """The data source a page is a row of, if it is one."""
    if page.parent_kind != "data_source":
        return None
    return nodes.find(call.connection, page.parent_id, "data_source")


def parent_of(node: nodes.Node, source: nodes.Node | None = None) -> Json:
    """A ``parent`` object; a row also names the database of its data source."""
    if node.parent_kind == "workspace":
        return {"type": "workspace", "workspace": True}
    kind = f"{node.parent_kind}_id"
    answer: Json = {"type": kind, kind: node.parent_id}
    if source is not None and node.parent_kind == "data_source":
        answer["database_id"] = source.parent_id
    return answer


def url(call: Call, node: nodes.Node) -> str:
    """The link that opens a page or database on the board."""
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", node.title[:80]).strip("-") if node.kind == "page" else ""
    return f"{call.base_url}/p/{slug}-{node.hex}" if slug else f"{call.base_url}/p/{node.hex}"

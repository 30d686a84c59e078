"""Nodes: everything in the workspace that has an id, a parent, an author and a time."""

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ultra_checklist.server import index
from ultra_checklist.server.errors import invalid, not_found

_COLUMNS = (
    "id, kind, parent_kind, parent_id, position, title, data, "
    "created_at, edited_at, created_by, edited_by, in_trash"
)
_BY_ID = f"SELECT {_COLUMNS} FROM nodes WHERE id = ?"  # noqa: S608 a constant
_BY_IDS = f"SELECT {_COLUMNS} FROM nodes WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 a constant
_BY_PARENT = f"SELECT {_COLUMNS} FROM nodes WHERE parent_id = ? ORDER BY position"  # noqa: S608 a constant
_BY_KIND = f"SELECT {_COLUMNS} FROM nodes WHERE kind = ? ORDER BY created_at, id"  # noqa: S608 a constant
_SOME_OF_BODY = (
    f"SELECT {_COLUMNS} FROM nodes WHERE parent_id = ? AND position > ? "  # noqa: S608 a constant
    "AND kind IN ('block', 'page', 'database') AND in_trash = 0 ORDER BY position LIMIT ?"
)
_SOME_ROWS = (
    f"SELECT {_COLUMNS} FROM nodes WHERE parent_id = ? AND position >= ? AND kind = 'page' "  # noqa: S608 a constant
    "AND in_trash = ? ORDER BY position LIMIT ?"
)

# What may stand in the body of a page, and so in the list of a block's children.
BODY_KINDS = ("block", "page", "database")

ARCHIVED = "Can't edit block that is archived. You must unarchive the block before editing."


@dataclass(slots=True)
class Node:
    """One object; ``data`` is its own JSON, ``title`` its plain title, times are milliseconds."""

    id: str
    kind: str
    parent_kind: str
    parent_id: str
    position: int = 0
    title: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    created_at: int = 0
    edited_at: int = 0
    created_by: str = ""
    edited_by: str = ""
    in_trash: bool = False

    @property
    def hex(self) -> str:
        """The id without dashes, as links carry it."""
        return self.id.replace("-", "")


def new_id() -> str:
    """A fresh UUID."""
    return str(uuid.uuid4())


def get(connection: sqlite3.Connection, identifier: str) -> Node | None:
    """The node with this id, whatever its kind."""
    row = connection.execute(_BY_ID, (identifier,)).fetchone()
    return from_row(row) if row else None


def find(connection: sqlite3.Connection, identifier: str, *kinds: str, called: str = "") -> Node:
    """The node with this id and one of these kinds; 404 otherwise, naming it ``called``."""
    node = get(connection, identifier)
    if node is None or node.kind not in kinds:
        raise not_found(called or kinds[0], identifier)
    return node


def editable(node: Node) -> Node:
    """The same node; refused if it lies in the trash."""
    if node.in_trash:
        raise invalid(ARCHIVED)
    return node


def find_all(connection: sqlite3.Connection, identifiers: Iterable[str]) -> dict[str, Node]:
    """Those of the nodes that exist, by id."""
    rows = connection.execute(_BY_IDS, (json.dumps(list(identifiers)),))
    return {node.id: node for node in map(from_row, rows)}


def children(connection: sqlite3.Connection, parent: str) -> list[Node]:
    """Every node under ``parent``, in order, those in the trash included."""
    return [from_row(row) for row in connection.execute(_BY_PARENT, (parent,))]


def rows(connection: sqlite3.Connection, source: str, trashed: bool, where: index.Where | None) -> list[Node]:
    """The rows of a data source in or out of the trash, in order; ``where`` leaves out what cannot match."""
    listed = index.listing(connection, where) if where is not None else None
    if listed is not None:
        # The plus signs keep SQLite from walking an index of its own choice: the rows are named already.
        text, values = f"p.id IN ({listed[0]}) AND +p.parent_id = ? AND +p.kind = 'page'", [*listed[1], source]
    else:
        condition, more = index.probe(where) if where is not None else ("1", ())
        text, values = f"p.parent_id = ? AND p.kind = 'page' AND {condition}", [source, *more]
    query = f"SELECT {_COLUMNS} FROM nodes p WHERE {text} AND p.in_trash = ?"  # noqa: S608 built from constants
    found = connection.execute(query, [*values, int(trashed)])
    return sorted((from_row(row) for row in found), key=lambda node: node.position)


def some_of_body(connection: sqlite3.Connection, parent: str, after: int, most: int) -> list[Node]:
    """At most ``most`` of what stands in the body of ``parent`` behind position ``after``, in order."""
    return [from_row(row) for row in connection.execute(_SOME_OF_BODY, (parent, after, most))]


def some_rows(connection: sqlite3.Connection, source: str, trashed: bool, start: int, most: int) -> list[Node]:
    """At most ``most`` rows of a data source, in order, from position ``start`` on."""
    found = connection.execute(_SOME_ROWS, (source, start, int(trashed), most))
    return [from_row(row) for row in found]


def of_kind(connection: sqlite3.Connection, kind: str) -> list[Node]:
    """Every node of one kind, oldest first."""
    return [from_row(row) for row in connection.execute(_BY_KIND, (kind,))]


def with_body(connection: sqlite3.Connection, identifiers: Iterable[str]) -> set[str]:
    """Those of the nodes that have something in their body."""
    rows = connection.execute(
        "SELECT DISTINCT parent_id FROM nodes WHERE parent_id IN (SELECT value FROM json_each(?)) "
        "AND kind IN ('block', 'page', 'database') AND parent_kind IN ('block', 'page') AND in_trash = 0",
        (json.dumps(list(identifiers)),),
    )
    return {row[0] for row in rows}


def body_count(connection: sqlite3.Connection) -> int:
    """How many pages, databases and blocks there are outside the trash."""
    query = "SELECT COUNT(*) FROM nodes WHERE kind IN ('block', 'page', 'database') AND in_trash = 0"
    return int(connection.execute(query).fetchone()[0])


def last_position(connection: sqlite3.Connection, parent: str) -> int:
    """The position of the last node under ``parent``; 0 if there is none."""
    row = connection.execute(
        "SELECT position FROM nodes WHERE parent_id = ? ORDER BY position DESC LIMIT 1", (parent,)
    ).fetchone()
    return int(row[0]) if row else 0


def make_room(connection: sqlite3.Connection, parent: str, after: int, count: int) -> None:
    """Shift what lies behind position ``after`` by ``count``."""
    connection.execute(
        "UPDATE nodes SET position = position + ? WHERE parent_id = ? AND position > ?",
        (count, parent, after),
    )


def insert(connection: sqlite3.Connection, node: Node) -> Node:
    """Add a node; without a position it becomes the last under its parent."""
    if node.position == 0:
        node.position = last_position(connection, node.parent_id) + 1
    connection.execute("INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(node))
    _index(connection, node)
    return node


def save(connection: sqlite3.Connection, node: Node) -> None:
    """Write a changed node back."""
    connection.execute("REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(node))
    _index(connection, node)


def _index(connection: sqlite3.Connection, node: Node) -> None:
    if node.kind == "page" and node.parent_kind == "data_source":
        index.store(connection, node.parent_id, node.id, node.data["values"])
    elif node.kind == "page":
        index.forget(connection, node.id)


def delete(connection: sqlite3.Connection, identifier: str) -> None:
    """Remove a node for good; only views are ever removed."""
    connection.execute("DELETE FROM nodes WHERE id = ?", (identifier,))


def from_row(row: tuple[Any, ...]) -> Node:
    """The node of a row of the table, columns in their order."""
    node = Node(*row)
    node.data = json.loads(row[6])
    node.in_trash = bool(row[11])
    return node


def _row(node: Node) -> tuple[Any, ...]:
    return (
        node.id,
        node.kind,
        node.parent_kind,
        node.parent_id,
        node.position,
        node.title,
        json.dumps(node.data, ensure_ascii=False, separators=(",", ":")),
        node.created_at,
        node.edited_at,
        node.created_by,
        node.edited_by,
        int(node.in_trash),
    )

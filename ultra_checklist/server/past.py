"""The recent past of pages, for answers that lag behind: kept in memory, by the process that writes."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Final

from ultra_checklist.server import index, nodes, times

# How far the past goes back, in milliseconds.
LONGEST: Final = 5 * times.MINUTE
# A temporary table and trigger belong to one connection and never reach the file.
_KEEP = (
    "CREATE TEMP TABLE past (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, id TEXT NOT NULL, node TEXT)",
    """
    CREATE TEMP TRIGGER keep_past BEFORE INSERT ON main.nodes WHEN NEW.kind = 'page' BEGIN
        INSERT INTO past (at, id, node) VALUES (moment(), NEW.id, (
            SELECT json_array(id, kind, parent_kind, parent_id, position, title, data,
                created_at, edited_at, created_by, edited_by, in_trash)
            FROM nodes WHERE id = NEW.id));
    END
    """,
)


def keep(connection: sqlite3.Connection) -> None:
    """Remember from now on what pages were before each change on this connection."""
    connection.create_function("moment", 0, _moment)
    for statement in _KEEP:
        connection.execute(statement)


def _moment() -> int:
    return times.now()


@contextlib.contextmanager
def at(connection: sqlite3.Connection, moment: int) -> Iterator[sqlite3.Connection]:
    """The pages as they were at ``moment``, within a transaction that is taken back at the end.

    Relations are links of their own, and are shown as they are.
    """
    connection.execute("DELETE FROM past WHERE at <= ?", (times.now() - LONGEST,))
    connection.execute("BEGIN IMMEDIATE")
    try:
        # The first change since then has kept what was there at the time.
        first = "SELECT id, node FROM past WHERE seq IN (SELECT MIN(seq) FROM past WHERE at > ? GROUP BY id)"
        for identifier, node in connection.execute(first, (moment,)).fetchall():
            if node is None:
                connection.execute("DELETE FROM nodes WHERE id = ?", (identifier,))
                index.forget(connection, identifier)
            else:
                nodes.save(connection, nodes.from_row(tuple(json.loads(node))))
        yield connection
    finally:
        connection.execute("ROLLBACK")

"""The SQLite file: tables of nodes, relation links, file contents, and an index of row values."""

import contextlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ultra_checklist.server import index, past, times
from ultra_checklist.server.errors import INTEGRATION_ID, INTEGRATION_NAME

WORKSPACE_PAGE_ID: Final = "00000000-0000-4000-8000-000000000001"
WORKSPACE_ID: Final = "00000000-0000-4000-8000-0000000000f0"
FORMAT: Final = 2

# Pages, databases, data sources, blocks, views, comments and uploads differ in their JSON alone, so that
# parenthood, order, trash, times and authors exist once. A link belongs to a relation property; the two
# sides of a dual relation read the same links in opposite directions.
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE nodes (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, parent_kind TEXT NOT NULL, parent_id TEXT NOT NULL,
    position INTEGER NOT NULL, title TEXT NOT NULL, data TEXT NOT NULL,
    created_at INTEGER NOT NULL, edited_at INTEGER NOT NULL,
    created_by TEXT NOT NULL, edited_by TEXT NOT NULL, in_trash INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX nodes_by_parent ON nodes (parent_id, position);
CREATE INDEX nodes_by_kind ON nodes (kind, created_at);
CREATE TABLE links (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, link TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL,
    UNIQUE (link, source, target)
);
CREATE INDEX links_by_target ON links (link, target);
CREATE TABLE contents (id TEXT PRIMARY KEY, content BLOB NOT NULL);
"""
_INDEX = """
CREATE INDEX nodes_by_edit ON nodes (parent_id, edited_at);
CREATE INDEX nodes_by_creation ON nodes (parent_id, created_at);
CREATE TABLE cells (
    source TEXT NOT NULL, property TEXT NOT NULL, value NOT NULL, page TEXT NOT NULL,
    PRIMARY KEY (source, property, value, page)
) WITHOUT ROWID;
CREATE INDEX cells_by_page ON cells (page);
"""


class Store:
    """One connection to one file; several processes may hold a store on the same file.

    Raises ``sqlite3.Error`` if the file cannot be opened, and ``ValueError`` if it is of another format.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            with self.transaction(write=True) as connection:
                _prepare(connection, path)
                self.secret = _secret(connection)
        except BaseException:
            self._connection.close()
            raise

    @contextlib.contextmanager
    def transaction(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """One transaction; a writing one takes the file's write lock at once, so it never fails half-way."""
        with self._lock:
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, to be used within a transaction alone."""
        return self._connection

    def keep_past(self) -> None:
        """Remember from now on what pages were before each change, for ``past``."""
        with self._lock:
            past.keep(self._connection)

    @contextlib.contextmanager
    def past(self, moment: int) -> Iterator[sqlite3.Connection]:
        """Pages as they were at ``moment``; whatever is written is taken back."""
        with self._lock, past.at(self._connection, moment) as connection:
            yield connection

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        with self._lock:
            self._connection.close()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found == FORMAT:
        return
    if found == 1:
        _run(connection, _INDEX)
        for identifier, parent, data in connection.execute(
            "SELECT id, parent_id, data FROM nodes WHERE kind = 'page' AND parent_kind = 'data_source'"
        ).fetchall():
            index.store(connection, parent, identifier, json.loads(data)["values"])
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        return
    if found != 0:
        raise ValueError(
            f"{path} was written by another version of the local Notion (format {found}, this one reads "
            f"{FORMAT}); use that version or another file."
        )
    _run(connection, _SCHEMA + _INDEX)
    moment = times.now()
    connection.execute("INSERT INTO meta VALUES ('secret', ?)", (secrets.token_hex(32),))
    connection.execute("INSERT INTO users VALUES (?, ?, 'bot')", (INTEGRATION_ID, INTEGRATION_NAME))
    connection.execute(
        "INSERT INTO nodes VALUES (?, 'page', 'workspace', '', 0, 'Workspace', ?, ?, ?, ?, ?, 0)",
        (
            WORKSPACE_PAGE_ID,
            '{"values":{"title":"Workspace"}}',
            moment,
            moment,
            INTEGRATION_ID,
            INTEGRATION_ID,
        ),
    )
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _run(connection: sqlite3.Connection, statements: str) -> None:
    # One by one: ``executescript`` would end the transaction first.
    for statement in statements.split(";"):
        if statement.strip():
            connection.execute(statement)


def _secret(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
    return bytes.fromhex(row[0])

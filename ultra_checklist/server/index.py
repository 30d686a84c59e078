"""The index of row values: which rows a filter may match, found without reading every row.

An index only narrows down: whoever asks it still puts the whole question to each row that it names.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Texts are indexed by their beginning, without regard to case; "not empty" asks for any entry at all.
PREFIX: Final = 100
_CAP: Final = 1000
Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition: ``probe`` tells of a row ``p.id`` whether it may match, ``listing`` selects all such ids."""

    probe: str
    probe_values: Values
    listing: str = ""
    listing_values: Values = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that all or any hold; None stands for one the index knows nothing of."""

    every: bool
    parts: "tuple[Where | None, ...]"


Where = Leaf | Group


def entries(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The entries of a page's stored values: property ids with what a filter may ask for."""
    for identifier, stored in values.items():
        parts = stored if isinstance(stored, list) else [stored]
        if parts and isinstance(parts[0], dict) and "plain_text" in parts[0]:
            parts = ["".join(item["plain_text"] for item in parts)]
        for key in {_key(part) for part in parts}:
            yield identifier, key


def _key(part: Any) -> Any:
    if isinstance(part, str):
        return part.casefold()[:PREFIX]
    if isinstance(part, dict):
        return ""
    # SQLite's integers have 64 bits; beyond them a double is what Notion keeps as well.
    return float(part) if isinstance(part, int) and abs(part) >= 2**63 else part


def store(connection: sqlite3.Connection, source: str, page: str, values: Mapping[str, Any]) -> None:
    """Replace the entries of a row of the data source ``source``."""
    forget(connection, page)
    rows = [(source, identifier, key, page) for identifier, key in entries(values)]
    connection.executemany("INSERT OR IGNORE INTO cells VALUES (?, ?, ?, ?)", rows)


def forget(connection: sqlite3.Connection, page: str) -> None:
    """Remove the entries of a page."""
    connection.execute("DELETE FROM cells WHERE page = ?", (page,))


_OF_PROPERTY: Final = "SELECT page AS id FROM cells WHERE source = ? AND property = ?"
_AT_PAGE: Final = "EXISTS (SELECT 1 FROM cells c WHERE c.page = p.id AND c.source = ? AND c.property = ?"


def holds(source: str, identifier: str, wanted: list[Any]) -> Leaf:
    """Rows with one of these values."""
    keys = [_key(one) for one in wanted]
    choice = f" IN ({', '.join('?' * len(keys))})"
    values = (source, identifier, *keys)
    return Leaf(f"{_AT_PAGE} AND c.value{choice})", values, f"{_OF_PROPERTY} AND value{choice}", values)


def filled(source: str, identifier: str) -> Leaf:
    """Rows with any value."""
    return Leaf(f"{_AT_PAGE})", (source, identifier), f"{_OF_PROPERTY}", (source, identifier))


def lacks(source: str, identifier: str) -> Leaf:
    """Rows without a value; these cannot be listed, only probed."""
    return Leaf(f"NOT {_AT_PAGE})", (source, identifier))


def linked(link: str, reverse: bool, other: str) -> Leaf:
    """Rows with a link of a relation to ``other``."""
    own, far = ("target", "source") if reverse else ("source", "target")
    listing = f"SELECT {own} AS id FROM links WHERE link = ? AND {far} = ?"  # noqa: S608 two constants
    return Leaf(f"p.id IN ({listing})", (link, other), listing, (link, other))


def since(source: str, column: str, moment: int) -> Leaf:
    """Rows created or edited at ``moment`` or later."""
    return Leaf(
        f"p.{column} >= ?",
        (moment,),
        f"SELECT id FROM nodes WHERE parent_id = ? AND {column} >= ?",  # noqa: S608 a constant
        (source, moment),
    )


def probe(where: Where) -> tuple[str, Values]:
    """An SQL condition on ``nodes p`` that every row that may match meets."""
    if isinstance(where, Leaf):
        return where.probe, where.probe_values
    known = [probe(part) for part in where.parts if part is not None]
    if not known or (not where.every and len(known) < len(where.parts)):
        return "1", ()
    glue = " AND " if where.every else " OR "
    return f"({glue.join(text for text, _ in known)})", tuple(value for _, values in known for value in values)


def listing(connection: sqlite3.Connection, where: Where) -> tuple[str, Values] | None:
    """A SELECT of the ids of all rows that may match; None if the index cannot list them."""
    if isinstance(where, Leaf):
        return (where.listing, where.listing_values) if where.listing else None
    found = [listing(connection, part) if part is not None else None for part in where.parts]
    known = [one for one in found if one is not None]
    if where.every:
        if not known:
            return None
        text, values = min(known, key=lambda one: _size(connection, *one)) if len(known) > 1 else known[0]
        condition, more = probe(where)
        return (
            f"SELECT p.id AS id FROM nodes p WHERE p.id IN ({text}) AND {condition}",  # noqa: S608 built from constants
            values + more,
        )
    if not known or len(known) < len(where.parts):
        return None
    return " UNION ".join(text for text, _ in known), tuple(value for _, values in known for value in values)


def _size(connection: sqlite3.Connection, text: str, values: Values) -> int:
    # Up to a cap: whether a list is long is all that matters.
    query = f"SELECT COUNT(*) FROM (SELECT 1 FROM ({text}) LIMIT {_CAP})"  # noqa: S608 built from constants
    return int(connection.execute(query, values).fetchone()[0])

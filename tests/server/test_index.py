"""The index only narrows down: with it and without it queries find the same rows, and old files get one."""

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import WORKSPACE, Notion, text
from ultra_checklist.server import index
from ultra_checklist.server.app import create_app

OPTIONS = ("Pass", "Fail", "None yet")
SCHEMA: dict[str, Any] = {
    "Done": {"checkbox": {}},
    "Result": {"select": {"options": [{"name": name} for name in OPTIONS]}},
    "Tags": {"multi_select": {"options": [{"name": name} for name in OPTIONS]}},
    "Order": {"number": {}},
    "Note": {"rich_text": {}},
    "When": {"date": {}},
}


def values(rng: random.Random) -> dict[str, Any]:
    return {
        "Done": {"checkbox": rng.random() < 0.5},
        "Result": {"select": rng.choice([None, *({"name": name} for name in OPTIONS)])},
        "Tags": {"multi_select": [{"name": name} for name in rng.sample(OPTIONS, rng.randrange(3))]},
        "Order": {"number": rng.choice([None, 0, 1, 2.5, 2**70])},
        "Note": {"rich_text": text(rng.choice(["", "Straße", "STRASSE", "long " * 40]))},
        "When": {"date": rng.choice([None, {"start": "2026-07-04"}])},
    }


def leaf(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        [
            {"property": "Done", "checkbox": {rng.choice(["equals", "does_not_equal"]): rng.random() < 0.5}},
            {"property": "Result", "select": {"equals": rng.choice([*OPTIONS, "Unknown", ["Pass", "Fail"], []])}},
            {"property": "Result", "select": {rng.choice(["is_empty", "is_not_empty"]): True}},
            {"property": "Tags", "multi_select": {"contains": rng.choice(OPTIONS)}},
            {"property": "Tags", "multi_select": {rng.choice(["is_empty", "is_not_empty"]): True}},
            {"property": "Order", "number": {rng.choice(["equals", "greater_than"]): rng.choice([0, 1, 2**70])}},
            {"property": "Note", "rich_text": {"equals": rng.choice(["", "strasse", "long " * 40])}},
            {"property": "Note", "rich_text": {"contains": "ss"}},
            {"property": "When", "date": {rng.choice(["is_empty", "is_not_empty"]): True}},
            {"timestamp": "created_time", "created_time": {"on_or_after": rng.choice(["today", "2100-01-01"])}},
        ]
    )


def condition(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    if depth == 2 or rng.random() < 0.3:
        return leaf(rng)
    return {rng.choice(["and", "or"]): [condition(rng, depth + 1) for _ in range(rng.randrange(1, 4))]}


@pytest.fixture
def source(notion: Notion) -> str:
    rng = random.Random(7)
    made = notion.database(**SCHEMA)
    for number in range(40):
        notion.row(made, str(number), **values(rng))
    return made


def test_the_index_changes_no_answer(notion: Notion, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(11)
    asked = [condition(rng) for _ in range(200)]
    found = [notion.found(source, one) for one in asked]
    monkeypatch.setattr(index, "listing", lambda _connection, _where: None)
    monkeypatch.setattr(index, "probe", lambda _where: ("1", ()))
    assert found == [notion.found(source, one) for one in asked]
    assert sum(0 < len(one) < 40 for one in found) > 20


def test_entries_follow_every_edit(notion: Notion, source: str) -> None:
    row = notion.row(source, "it", Note={"rich_text": text("before")})
    before = {"property": "Note", "rich_text": {"equals": "before"}}
    assert notion.found(source, before) == ["it"]
    notion.patch(f"pages/{row['id']}", {"properties": {"Note": {"rich_text": text("after")}}})
    assert notion.found(source, before) == []
    assert notion.found(source, {"property": "Note", "rich_text": {"equals": "after"}}) == ["it"]
    other = notion.database(Note={"rich_text": {}})
    notion.post(f"pages/{row['id']}/move", {"parent": {"data_source_id": other}})
    assert notion.found(source, {"property": "Note", "rich_text": {"equals": "after"}}) == []


def test_rows_that_the_index_names_are_all_that_is_read(notion: Notion, source: str) -> None:
    seen: list[str] = []
    connection = notion.app.state.store._connection
    connection.set_trace_callback(seen.append)
    notion.found(source, {"and": [{"property": "Done", "checkbox": {"equals": True}}]})
    connection.set_trace_callback(None)
    (query,) = [one for one in seen if "FROM nodes p" in one and "COUNT" not in one]
    plan = "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "SEARCH p USING PRIMARY KEY (id=?)" in plan
    assert "SEARCH cells USING PRIMARY KEY (source=? AND property=? AND value=?)" in plan
    assert "SCAN p" not in plan


def test_a_file_of_the_first_format_gets_the_index(tmp_path: Path) -> None:
    path = tmp_path / "notion.db"
    app = create_app(path)
    notion = Notion(app)
    made = notion.database(**SCHEMA)
    notion.row(made, "kept", Result={"select": {"name": "Pass"}})
    app.state.store.close()
    connection = sqlite3.connect(path)
    for statement in ("TABLE cells", "INDEX nodes_by_edit", "INDEX nodes_by_creation"):
        connection.execute(f"DROP {statement}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    app = create_app(path)
    assert Notion(app).found(made, {"property": "Result", "select": {"equals": "Pass"}}) == ["kept"]
    assert Notion(app).get(f"pages/{WORKSPACE}")["id"] == WORKSPACE
    app.state.store.close()
    connection = sqlite3.connect(path)
    (data,) = connection.execute("SELECT data FROM nodes WHERE title = 'kept'").fetchone()
    assert json.loads(data)["values"]
    connection.close()

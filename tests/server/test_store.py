import sqlite3
from pathlib import Path

import pytest

from ultra_checklist.server.app import create_app
from ultra_checklist.server.store import Store


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "n.db")
    with pytest.raises(RuntimeError), store.transaction(write=True) as connection:
        connection.execute("DELETE FROM nodes")
        raise RuntimeError
    with store.transaction(write=False) as connection:
        assert connection.execute("SELECT count(*) FROM nodes").fetchone() == (1,)
    store.close()
    store.close()


def test_the_file_is_in_wal_mode(tmp_path: Path) -> None:
    store = Store(tmp_path / "n.db")
    with store.transaction(write=False) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ValueError, match=r"newer\.db was written by another version"):
        create_app(newer)
    text = tmp_path / "text.db"
    text.write_text("no database at all, but long enough to be looked at " * 30, encoding="utf-8")
    with pytest.raises(sqlite3.DatabaseError):
        create_app(text)
    with pytest.raises(sqlite3.OperationalError):
        create_app(tmp_path / "missing" / "n.db")

"""The journal: a chain that shows every change, and that a crash cannot break."""

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from ultra_checklist.errors import JournalError, StateError
from ultra_checklist.journal import GENESIS, Journal


def test_lines_are_chained_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    assert journal.head == GENESIS
    one = journal.append("ticked", {"item": "項目", "n": 1})
    two = journal.append("proved", {"item": "a"})
    assert (one.prev, two.prev, two.seq) == (GENESIS, one.hash, 2)
    again = Journal(path).entries()
    assert [(e.kind, dict(e.data)) for e in again] == [
        ("ticked", {"item": "項目", "n": 1}),
        ("proved", {"item": "a"}),
    ]
    assert Journal(path).head == two.hash
    assert path.stat().st_mode & 0o777 == 0o600


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


@pytest.mark.parametrize("kind", ["edit", "drop", "swap", "copy", "forge", "garbage"])
def test_any_change_is_noticed_with_its_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    for n in range(4):
        journal.append("ticked", {"n": n})
    text = lines(path)
    match kind:
        case "edit":
            text[1] = text[1].replace('"n":1', '"n":7')
        case "drop":
            del text[1]
        case "swap":
            text[1], text[2] = text[2], text[1]
        case "copy":
            text.insert(2, text[1])
        case "forge":
            raw = json.loads(text[1])
            text[1] = json.dumps(raw | {"data": {"n": 9}}, separators=(",", ":")) + "\n"
        case _:
            text[1] = "not json\n"
    path.write_text("".join(text), encoding="utf-8")
    with pytest.raises(JournalError, match=r"j\.jsonl:[23]: "):
        Journal(path).entries()


def test_half_a_line_left_by_a_crash_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal(path)
    journal.append("a", {})
    with path.open("a") as file:
        file.write('{"seq":2,"half')
    fresh = Journal(path)
    fresh.append("b", {})
    assert [entry.kind for entry in Journal(path).entries()] == ["a", "b"]


def append_many(path: str) -> None:
    journal = Journal(Path(path))
    for n in range(25):
        journal.append("x", {"n": n})


def test_several_processes_keep_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(append_many, [str(path)] * 4))
    assert len(Journal(path).entries()) == 100


def test_a_journal_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "none" / "j.jsonl")
    with pytest.raises(StateError, match="cannot be written"):
        journal.append("a", {})


def test_separators_in_peoples_notes_do_not_break_the_chain(tmp_path: Path) -> None:
    """U+2028, U+0085 and the like are no ends of lines here."""
    note = "a\u2028b\u2029c\x85d\x0be\x1cf"
    Journal(tmp_path / "journal.jsonl").append("decided", {"item": "x", "note": note})
    assert Journal(tmp_path / "journal.jsonl").entries()[0].data["note"] == note


def test_a_byte_that_is_no_text_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).append("ticked", {"item": "項目"})
    raw = path.read_bytes()
    for place in range(len(raw) - 1):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 0x80]) + raw[place + 1 :])
        with pytest.raises(JournalError):
            Journal(path).entries()

"""The journal: a chain that shows every change, and that a crash cannot break."""

import itertools
import json
import random
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.lab import Lab
from tests.sealed import ended, mixed
from ultra_checklist.errors import JournalError, StateError
from ultra_checklist.journal import GENESIS, Journal, parse
from ultra_checklist.manifest import Manifest
from ultra_checklist.release import Release


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


@pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b", "a\x85b", "a\x0bb\x0c", "\x1c\x1d\x1e", "a\r\nb", "\x00"])
def test_whatever_separates_lines_elsewhere_breaks_none_here(tmp_path: Path, text: str) -> None:
    Journal(tmp_path / "j.jsonl").append("decided", {"note": text})
    assert [entry.data["note"] for entry in Journal(tmp_path / "j.jsonl").entries()] == [text]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"n":1', '"n": 1'),
        ('"n":1', '"n":1.0'),
        ('"n":1', '"n":1,"n":1'),
        ('"t":"\\u001f"', '"t":"\\u001F"'),
        ('"t":"\\u001f"', '"\\u0074":"\\u001f"'),
        ('{"seq":1,"time"', '{"time":"","seq":1,"time"'),
        ("}\n", "} \n"),
        ("}\n", "}\r\n"),
        ("}\n", "}\n\n"),
    ],
)
def test_another_spelling_of_the_same_line_is_a_change(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path).append("a", {"n": 1, "t": "\x1f"})
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())
    with pytest.raises(JournalError):
        Journal(path).entries()


@pytest.mark.parametrize("part", range(4))
def test_every_flipped_byte_of_two_hundred_lines_is_noticed(tmp_path: Path, part: int) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path).extend([("ticked", {"item": "項目", "n": n}) for n in range(200)])
    entries, text = Journal(path).entries(), lines(path)
    data, rng = path.read_bytes(), random.Random(part)
    starts = [0, *itertools.accumulate(len(line.encode()) for line in text)]
    for number in range(part * 50, part * 50 + 50):
        before = entries[number - 1] if number else None
        for place in range(starts[number], starts[number + 1]):
            changed = bytearray(data)
            changed[place] ^= 1 << rng.randrange(8)
            if place % 64 == 0 or place == len(data) - 1:
                path.write_bytes(changed)
                with pytest.raises(JournalError):
                    Journal(path).entries()
            else:
                # The lines before are as they were: only what follows them is read again.
                with pytest.raises(JournalError):
                    list(parse(bytes(changed[starts[number] :]), "j", before))


def test_a_last_line_whose_end_was_altered_is_no_half_line(tmp_path: Path) -> None:
    """Half a line is dropped, because a crash leaves it; a whole one with another end is not a crash's."""
    path = tmp_path / "j.jsonl"
    Journal(path).extend([("a", {"n": n}) for n in range(3)])
    data = path.read_bytes()
    for end in range(256):
        if end != ord("\n"):
            path.write_bytes(data[:-1] + bytes([end]))
            with pytest.raises(JournalError, match=r"j\.jsonl:3: "):
                Journal(path).entries()


# The state folder: a chain that was cut at a line's end still holds, and others must know that there was more.


@pytest.mark.parametrize("seed", range(4))
def test_changes_of_a_journal_in_the_state_folder_are_noticed(lab: Lab, tmp_path: Path, seed: int) -> None:
    """10,000 changes in four runs: lines dropped, doubled, moved, cut off, spliced; half of them without the mirror."""
    ended(lab, tmp_path)
    ended(lab, tmp_path, "v1.1.0")
    release = lab.release()
    path, mirror = release.journal.path, release.folder / "mirror.json"
    own, kept = path.read_bytes(), mirror.read_bytes()
    foreign = lab.release("v1.1.0").journal.path.read_bytes().splitlines(keepends=True)
    rng, unnoticed = random.Random(seed), []
    for number in range(2500):
        changed = b"".join(mixed(own.splitlines(keepends=True), foreign, rng))
        if changed == own:
            continue
        path.write_bytes(changed)
        mirror.write_bytes(kept)
        if number % 2:
            mirror.unlink()
        try:
            Release(lab.shelf, release.manifest)
        except JournalError:
            continue
        unnoticed.append(number)
    assert unnoticed == []


def test_a_release_folder_of_before_is_told_from_the_present_one(lab: Lab, tmp_path: Path) -> None:
    """Journal and mirror fit each other, and both are old: what is kept beside the folder knows."""
    ended(lab, tmp_path)
    folder = lab.release().folder
    shutil.copytree(folder, tmp_path / "before")
    lab.release().record("changed", {"what": "x"})
    changed = lab.release()
    changed.record("changed", {"what": "y"})
    changed.mirror.save()
    shutil.rmtree(folder)
    (tmp_path / "before").rename(folder)
    with pytest.raises(JournalError, match="lines are missing"):
        lab.release()


def test_a_release_that_was_moved_away_may_be_made_again(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    lab.release().folder.rename(tmp_path / "away")
    lab.shelf.write(_begun(tmp_path / "away"))
    again = lab.release()
    again.record("adopted", {"key": again.manifest.key})
    assert [entry.kind for entry in lab.release().journal.entries()] == ["adopted"]


def _begun(folder: Path) -> Manifest:
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    return manifest.model_copy(update={"page_id": "", "page_url": "", "rows": {}})


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

"""Evidence: private, whole, found again by its digest, and gone only when nobody needs it."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.lab import Lab, item, template
from tests.shell import Shell
from ultra_checklist import disk, retention
from ultra_checklist.errors import StateError
from ultra_checklist.evidence import MAX_BLOB, Blob, EvidenceStore
from ultra_checklist.model import ProbeSpec


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path)


class Failing(disk.System):
    """A disk that takes so many bytes, then refuses with an error."""

    def __init__(self, room: int, number: int, *, sync: bool = False) -> None:
        self._room, self._number, self._sync = room, number, sync

    def write(self, handle: int, data: bytes) -> int:
        if self._room <= 0 and not self._sync:
            raise OSError(self._number, os.strerror(self._number))
        taken = super().write(handle, data if self._sync else data[: self._room])
        self._room -= taken
        return taken

    def fsync(self, handle: int) -> None:
        if self._sync:
            raise OSError(self._number, os.strerror(self._number))
        super().fsync(handle)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_files_and_folders_are_the_owners_alone_whatever_the_umask(store: EvidenceStore, mask: int) -> None:
    before = os.umask(mask)
    try:
        digest = store.put(b"seen")
        writer = store.writer()
        writer.write(b"log")
        logged = writer.commit()
    finally:
        os.umask(before)
    for name in (digest, logged.digest):
        path = store.path(name)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert store.root.stat().st_mode & 0o777 == 0o700


def test_altered_evidence_is_an_error(store: EvidenceStore) -> None:
    digest = store.put(b"seen")
    store.path(digest).write_bytes(b"sEen")
    with pytest.raises(StateError, match="was altered"):
        store.get(digest)


def test_evidence_that_is_not_there_is_said_to_be_missing(store: EvidenceStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.get("0" * 64)
    with pytest.raises(StateError, match="no digest"):
        store.get("../../etc/passwd")


def test_a_link_in_place_of_evidence_is_not_followed(store: EvidenceStore, tmp_path: Path) -> None:
    digest = store.put(b"seen")
    other = tmp_path / "other"
    other.write_bytes(b"seen")
    store.path(digest).unlink()
    store.path(digest).symlink_to(other)
    with pytest.raises(StateError, match="cannot be read"):
        store.get(digest)


@pytest.mark.parametrize("deep", [False, True])
def test_a_folder_that_is_a_link_is_refused(store: EvidenceStore, tmp_path: Path, deep: bool) -> None:
    digest = hashlib.sha256(b"seen").hexdigest()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = store.path(digest).parent if deep else store.root
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(StateError, match="symbolic link"):
        store.put(b"seen")
    writer = store.writer()
    writer.write(b"seen")
    assert writer.commit() == Blob("", 0, complete=False)
    assert list(elsewhere.iterdir()) == []


def test_evidence_is_capped_and_says_so(store: EvidenceStore) -> None:
    data = store.get(store.put(b"x" * (MAX_BLOB + 5)))
    assert data == b"x" * MAX_BLOB + f"\n[cut: {MAX_BLOB + 5} bytes]\n".encode()


def test_a_stream_is_stored_under_the_digest_of_what_came(store: EvidenceStore) -> None:
    writer = store.writer()
    for piece in (b"one\n", b"", b"two\n"):
        writer.write(piece)
    blob = writer.commit()
    assert blob == Blob(hashlib.sha256(b"one\ntwo\n").hexdigest(), 8, complete=True)
    assert store.get(blob.digest) == b"one\ntwo\n"
    with store.open(blob.digest) as file:
        assert file.read(3) == b"one"
    assert list(store.leftovers()) == []


def test_a_stream_beyond_its_cap_is_kept_up_to_there_and_is_incomplete(store: EvidenceStore) -> None:
    writer = store.writer(cap=10)
    for _ in range(3):
        writer.write(b"12345678")
    blob = writer.commit()
    assert (blob.size, blob.complete, store.get(blob.digest)) == (10, False, b"1234567812")
    assert "10 bytes" in writer.trouble


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_disk_does_not_disturb_the_stream(
    store: EvidenceStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(disk, "system", Failing(11, number))
    writer = store.writer()
    for _ in range(4):
        writer.write(b"12345678")
    blob = writer.commit()
    assert (blob.size, blob.complete) == (11, False)
    assert store.get(blob.digest) == b"12345678123"
    assert os.strerror(number) in writer.trouble


def test_what_never_reached_the_disk_has_no_digest(store: EvidenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "system", Failing(0, errno.EIO, sync=True))
    writer = store.writer()
    writer.write(b"seen")
    assert writer.commit() == Blob("", 0, complete=False)
    assert list(store.blobs()) == []


def test_an_aborted_stream_leaves_nothing(store: EvidenceStore) -> None:
    writer = store.writer()
    writer.write(b"seen")
    writer.abort()
    writer.abort()
    assert list(store.root.rglob("*")) == []
    assert writer.commit() == Blob("", 0, complete=False)


def test_what_a_killed_writer_left_is_found_but_not_that_of_a_living_one(
    store: EvidenceStore, tmp_path: Path
) -> None:
    code = (
        "import os, sys, pathlib; from ultra_checklist.evidence import EvidenceStore;"
        "w = EvidenceStore(pathlib.Path(sys.argv[1])).writer(); w.write(b'half'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    living = store.writer()
    living.write(b"still going")
    gone, size = store.prune(set())
    assert [path.name.startswith(".stream.") for path in gone] == [True]
    assert size == 4
    assert store.get(living.commit().digest) == b"still going"


def probed(name: str, text: str) -> object:
    return item(name, probes=(ProbeSpec(probe="command", options={"run": ["echo", text]}, line=1),))


@pytest.fixture
def history(lab: Lab) -> Iterator[Lab]:
    """Three releases that have ended, and one that is open; all prove one thing of their own, and one together."""
    for number in range(1, 5):
        version = f"v{number}.0.0"
        lab.new(template(probed("own", f"own {number}"), probed("shared", "shared"), text="t"), version)  # type: ignore[arg-type]
        for name in ("own", "shared"):
            page = lab.release(version).manifest.rows[name]
            lab.call("PATCH", f"pages/{page}", {"properties": {"Done": {"checkbox": True}}}, who="Sato")
        lab.close_after = 0.0 if number < 4 else 1e9
        for _ in range(3):
            lab.sync(1)
    assert [lab.release(f"v{n}.0.0").open for n in range(1, 5)] == [False, False, False, True]
    past = (lab.now - timedelta(days=1)).timestamp()
    for path in EvidenceStore(lab.home).blobs():
        os.utime(path, (past, past))
    yield lab


def evidence_of(lab: Lab, version: str) -> dict[str, str]:
    checks = lab.release(version).history.checks
    return {name: check.proof.lines[0].evidence for name, check in checks.items() if check.proof is not None}


def test_prune_keeps_open_releases_the_newest_ended_ones_and_what_they_share(history: Lab) -> None:
    store = EvidenceStore(history.home)
    journals = {p: p.read_bytes() for p in history.home.glob("releases/*/*/*/journal.jsonl")}
    before = {path.name for path in store.blobs()}
    what, planned, _ = retention.prune(history.home, 1, plan=True)
    assert {path.name for path in store.blobs()} == before
    _, gone, size = retention.prune(history.home, 1, plan=False)
    assert gone == planned
    assert size > 0
    assert [key.rpartition("/")[2] for key in sorted(what.let_go)] == ["v1.0.0", "v2.0.0"]
    expected = {evidence_of(history, v)["own"] for v in ("v1.0.0", "v2.0.0")}
    assert before - {path.name for path in store.blobs()} == expected
    assert b"shared" in store.get(evidence_of(history, "v4.0.0")["shared"])
    assert {p: p.read_bytes() for p in journals} == journals
    assert retention.prune(history.home, 1, plan=False)[1] == []


def test_prune_never_takes_what_an_unreadable_release_names(history: Lab) -> None:
    journal = history.release("v1.0.0").folder / "journal.jsonl"
    own = evidence_of(history, "v1.0.0")["own"]
    journal.write_bytes(
        journal.read_bytes()
        .replace(b'"kind": "ticked"', b'"kind": "tickee"', 1)
        .replace(b'"kind":"ticked"', b'"kind":"tickee"', 1)
    )
    what, gone, _ = retention.prune(history.home, 0, plan=False)
    assert [key.rpartition("/")[2] for key in what.unclear] == ["v1.0.0"]
    assert own not in {path.name for path in gone}


def test_young_evidence_may_be_waiting_for_its_journal_line(history: Lab) -> None:
    digest = EvidenceStore(history.home).put(b"just seen")
    _, gone, _ = retention.prune(history.home, 5, plan=False)
    assert digest not in {path.name for path in gone}


def test_the_command_names_what_it_would_remove_and_then_removes_it(shell: Shell) -> None:
    shell.ok("lint", "staging_release")
    store = EvidenceStore(shell.home)
    old = store.path(store.put(b"nobody names me"))
    os.utime(old, (1, 1))
    planned = shell.run("prune", "--keep", "3", "--plan")
    assert (planned.returncode, planned.stdout) == (0, f"{old.relative_to(shell.home)}\n")
    assert "nothing was" in planned.stderr
    assert old.is_file()
    assert shell.ok("prune", "--keep", "3") == planned.stdout
    assert not old.exists()
    assert shell.ok("prune", "--keep", "3") == ""


@pytest.mark.parametrize("arguments", [(), ("--keep", "-1"), ("--keep", "many")])
def test_the_command_wants_a_number(shell: Shell, arguments: tuple[str, ...]) -> None:
    done = shell.run("prune", *arguments)
    assert done.returncode == 2
    assert "--keep" in done.stderr


def test_the_command_says_when_a_link_stands_in_the_way(shell: Shell) -> None:
    shell.home.mkdir(mode=0o700)
    (shell.home / "evidence").symlink_to(shell.folder)
    done = shell.run("prune", "--keep", "1")
    assert done.returncode == 2
    assert "symbolic link" in done.stderr
    assert json.dumps(done.stdout) == '""'

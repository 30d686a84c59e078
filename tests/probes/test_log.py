"""The log probe on real files that are really rotated, and its judgement of recorded observations."""

import bz2
import gzip
import json
import lzma
import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.probes.baselines import Watched
from tests.probes.casebook import cases, judged
from tests.probes.looking import look, said
from ultra_checklist.model import Verdict
from ultra_checklist.redact import MARK

OLD = "2026-03-01 09:00:00 INFO started\n2026-03-01 09:00:01 CRITICAL long ago\n"
FINE = "2026-03-01 10:00:00 INFO served\n"
FATAL = "2026-03-01 10:00:00 CRITICAL no money\n"


def errors(*seconds: int) -> str:
    return "".join(f"2026-03-01 10:{s // 60:02d}:{s % 60:02d} ERROR order {s} lost\n" for s in seconds)


class Log:
    """A log file, and the probe that watches it."""

    def __init__(self, folder: Path, name: str = "app.log", pattern: str = "", **options: Any) -> None:
        self.path = folder / name
        self.watched = Watched("log", {"file": str(folder / (pattern or name)), **options})

    def write(self, text: str | bytes) -> None:
        with self.path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    def rotate(self, keep: int = 5, packed: int = 99) -> None:
        """As logrotate does: ``keep`` old parts, those from number ``packed`` on packed."""
        for number in range(keep, 0, -1):
            for name in (f"{self.path}.{number}", f"{self.path}.{number}.gz"):
                if Path(name).exists():
                    if number == keep:
                        Path(name).unlink()
                    else:
                        Path(name).rename(name.replace(f".log.{number}", f".log.{number + 1}"))
        self.path.rename(f"{self.path}.1")
        for number in range(packed, keep + 1):
            plain = Path(f"{self.path}.{number}")
            if plain.exists():
                with plain.open("rb") as read, gzip.open(f"{plain}.gz", "wb") as write:
                    shutil.copyfileobj(read, write)
                plain.unlink()
        self.path.touch()

    def judge(self, **options: Any) -> Verdict:
        return self.watched.judge(**options)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    made = Log(tmp_path)
    made.write(OLD)
    made.watched.begin()
    return made


def test_what_was_there_before_the_deploy_does_not_count(log: Log) -> None:
    log.write(FINE)
    found = log.judge()
    assert said(found) == ("pass", "clean")
    assert found.seen.en == "1 lines, 0 errors"


def test_the_same_again_and_again_fails(log: Log) -> None:
    log.write(FINE + errors(1, 2, 3))
    found = log.judge()
    assert said(found) == ("fail", "repeated")
    assert found.seen.en == f"3x 2026-03-01 10:00:01 ERROR order 1 lost ({log.path})"
    assert found.expected.en == "fewer than 3 of a kind within 60 s"
    assert found.remedy.en == f"less +G {log.path}"
    assert said(log.judge(consecutive=4)) == ("pass", "clean")
    assert said(log.judge(within=1)) == ("pass", "clean")
    assert said(log.judge(max_total=2, consecutive=4)) == ("fail", "too-many")
    assert said(log.judge(consecutive=1)) == ("fail", "repeated")


def test_one_now_and_then_does_not(log: Log) -> None:
    log.write(errors(0, 100, 200))
    found = log.judge()
    assert said(found) == ("pass", "clean")
    assert found.seen.en.startswith("3 lines, 3 errors: 3x 2026-03-01 10:00:00 ERROR order 0 lost")


def test_one_fatal_line_fails(log: Log) -> None:
    log.write(FINE + FATAL)
    assert said(log.judge()) == ("fail", "fatal")
    assert said(log.judge(allow=["no money"])) == ("pass", "clean")
    assert said(log.judge(fatal=["served"], fatal_levels=[])) == ("fail", "fatal")


def test_facts_are_the_same_while_nothing_new_comes(log: Log) -> None:
    log.write(errors(0, 100))
    first = log.judge()
    log.write(FINE + errors(300))
    assert log.judge().facts == first.facts
    assert first.facts["kinds"]


def test_a_silent_log_tells_nothing(log: Log) -> None:
    assert said(log.judge()) == ("unknown", "silent")
    assert said(log.judge(min_lines=0)) == ("pass", "clean")
    log.write(FINE)
    assert said(log.judge(min_lines=2)) == ("unknown", "silent")


def test_without_a_look_as_the_deploy_began_nothing_is_told(log: Log) -> None:
    log.watched.baseline = None
    log.write(FINE)
    assert said(log.judge()) == ("unknown", "no-baseline")
    assert said(look("log", {"file": str(log.path)})) == ("unknown", "no-baseline")


def test_what_is_not_covered_yet_waits(log: Log) -> None:
    log.write(FINE)
    found = log.judge(cover=3600)
    assert said(found) == ("unknown", "window-running")
    assert found.seen.en == "0 of 60 min, nothing so far"
    log.write(FATAL)
    assert said(log.judge(cover=3600)) == ("fail", "fatal")


@pytest.mark.parametrize("packed", [1, 2, 99])
@pytest.mark.parametrize("times", [1, 2, 4])
def test_rotated_files_are_followed_and_nothing_counts_twice(log: Log, times: int, packed: int) -> None:
    for number in range(times):
        log.write(errors(number * 1000))
        log.rotate(packed=packed)
    log.write(FINE)
    found = log.judge()
    assert said(found) == ("pass", "clean")
    assert found.seen.en.startswith(f"{times + 1} lines, {times} errors")


def test_what_is_repeated_over_a_rotation_is_still_repeated(log: Log) -> None:
    log.write(errors(1, 2))
    log.rotate(packed=1)
    log.write(errors(3))
    assert said(log.judge()) == ("fail", "repeated")


def test_what_was_rotated_away_cannot_be_told(log: Log) -> None:
    log.write(FINE)
    for _ in range(2):
        log.rotate(keep=1)
        log.write(FINE)
    found = log.judge()
    assert said(found) == ("unknown", "rotated-away")
    assert str(log.path) in found.sentence.en
    log.write(FATAL)
    assert said(log.judge()) == ("fail", "fatal")


def test_a_copy_and_truncation_is_followed(log: Log) -> None:
    log.write(errors(1))
    shutil.copyfile(log.path, f"{log.path}.1")
    os.truncate(log.path, 0)
    log.write(errors(2000))
    found = log.judge()
    assert said(found) == ("pass", "clean")
    assert found.seen.en.startswith("2 lines, 2 errors")


@pytest.mark.parametrize("more", [1, 500])
def test_a_truncation_without_a_copy_cannot_be_told(log: Log, more: int) -> None:
    os.truncate(log.path, 0)
    log.write(FINE * more)
    assert said(log.judge()) == ("unknown", "rotated-away")


def test_a_writer_that_goes_on_behind_the_hole(log: Log) -> None:
    shutil.copyfile(log.path, f"{log.path}.1")
    os.truncate(log.path, 0)
    os.truncate(log.path, 1 << 20)
    log.write(FATAL)
    assert said(log.judge()) == ("fail", "fatal")


@pytest.mark.parametrize(
    ("name", "opener"),
    [
        ("app.log-20260301.gz", gzip.open),
        ("app.log.2026-03-01", open),
        ("app.2026-03-01.log.xz", lzma.open),
        ("app.1.log.bz2", bz2.open),
    ],
)
def test_other_names_of_old_parts(log: Log, name: str, opener: Any) -> None:
    log.write(errors(1))
    with log.path.open("rb") as read, opener(log.path.parent / name, "wb") as write:
        shutil.copyfileobj(read, write)
    log.path.unlink()
    log.write(FINE)
    assert log.judge().seen.en.startswith("2 lines, 1 errors")


def test_while_it_is_packed_it_is_read_once(log: Log) -> None:
    log.write(errors(1))
    log.rotate()
    Path(f"{log.path}.1.gz").write_bytes(b"\x1f\x8b\x08 half of it")
    log.write(FINE)
    assert log.judge().seen.en.startswith("2 lines, 1 errors")


@pytest.mark.parametrize(
    ("name", "content"), [("app.log.1.gz", b"\x1f\x8b\x08 broken"), ("app.log.1.zst", b"\x28\xb5")]
)
def test_what_cannot_be_unpacked_cannot_be_told(log: Log, name: str, content: bytes) -> None:
    log.write(FINE)
    (log.path.parent / name).write_bytes(content)
    assert said(log.judge()) == ("unknown", "not-readable")


def test_old_parts_of_before_the_deploy_are_not_read(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for name, content in (
        ("app.log.1", OLD.encode()),
        ("app.log.2.gz", gzip.compress(OLD.encode())),
        ("app.log.3.zst", b"?"),
    ):
        (tmp_path / name).write_bytes(content)
    log.write("")
    log.watched.begin()
    log.rotate(packed=2)
    log.write(FINE)
    assert said(log.judge()) == ("pass", "clean")
    (tmp_path / "app.log.3.gz").unlink()
    assert said(log.judge()) == ("pass", "clean")


def test_a_log_that_begins_with_the_deploy_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.watched.begin()
    assert said(log.judge()) == ("unknown", "missing")
    log.write(FATAL)
    assert said(log.judge()) == ("fail", "fatal")


def test_a_pattern_of_many_logs(tmp_path: Path) -> None:
    log = Log(tmp_path, "worker-1.log", "worker-*.log")
    log.write(OLD)
    (tmp_path / "other.log").write_text(FATAL)
    log.watched.begin()
    (tmp_path / "worker-2.log").write_text(errors(1))
    log.write(errors(3000))
    assert log.judge().seen.en.startswith("2 lines, 2 errors")
    log.rotate()
    (tmp_path / "worker-2.log").write_text(errors(1, 2, 3))
    found = log.judge()
    assert said(found) == ("fail", "repeated")
    assert "worker-2.log" in found.seen.en


def test_a_log_that_vanishes_cannot_be_told(log: Log) -> None:
    log.path.unlink()
    assert said(log.judge()) == ("unknown", "missing")
    log.path.mkdir()
    assert said(log.judge())[0] == "unknown"
    log.path.rmdir()
    os.mkfifo(log.path)
    assert said(log.judge()) == ("unknown", "not-readable")
    shutil.rmtree(log.path.parent)
    assert said(log.judge()) == ("unknown", "missing")


def test_a_link_in_a_circle_cannot_be_told(log: Log) -> None:
    log.path.unlink()
    log.path.symlink_to(log.path)
    assert said(log.judge()) == ("unknown", "not-readable")


def test_what_may_not_be_read_cannot_be_told(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(FINE)
    real = os.open

    def refusing(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if str(path).endswith("app.log"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refusing)
    found = log.judge()
    assert said(found) == ("unknown", "permission-denied")
    assert found.remedy.en.startswith("ls -ld")


def test_secrets_do_not_come_along(log: Log) -> None:
    log.write(
        "2026-03-01 10:00:00 CRITICAL login with password=hunter2hunter2 and ntn_" + "a1B2" * 12 + " failed\n"
    )
    found = log.watched.look()
    assert said(found.verdict) == ("fail", "fatal")
    for text in (found.verdict.model_dump_json(), found.material.decode()):
        assert "hunter2" not in text
        assert "a1B2a1B2" not in text
    assert MARK in found.verdict.seen.en


def test_little_is_kept_of_much(log: Log) -> None:
    log.write("".join(f"ERROR {'x' * 5000} {n}\n" for n in range(2000)) + FATAL)
    assert len(log.watched.look().material) < 20_000


def test_a_large_log_takes_little_memory(log: Log) -> None:
    block = (FINE * 30_000).encode()
    with log.path.open("ab") as file:
        for _ in range(64):
            file.write(block)
    log.write(FATAL)
    tracemalloc.start()
    try:
        found = log.judge()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert said(found) == ("fail", "fatal")
    assert log.path.stat().st_size > 60_000_000
    assert most < 16_000_000


def test_time_runs_out(log: Log) -> None:
    log.write(FINE * 200_000)
    assert said(log.judge(timeout=0.0001)) == ("unknown", "timeout")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one source"),
        ({"file": "a", "unit": "b"}, "one source"),
        ({"file": "a", "user": True}, "belong to `unit`"),
        ({"file": "/var/*/a.log"}, "last part"),
        ({"file": "a", "fatal": ["("]}, "regular expression"),
        ({"file": "a", "consecutive": 0}, "at least 1"),
        ({"unit": "--all"}, "no name"),
        ({"container": "-f"}, "no name"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    found = look("log", options)
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en


RECORDED = cases("log")


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_observations(name: str) -> None:
    case = RECORDED[name]
    found = judged("log", case)
    assert said(found) == (case["outcome"], case["reason"])
    if case["outcome"] == "fail":
        assert all(words.en and words.ja for words in (found.expected, found.seen, found.sentence, found.remedy))


def test_there_are_recorded_observations() -> None:
    assert len(RECORDED) >= 8
    assert json.dumps(RECORDED)

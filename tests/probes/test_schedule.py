"""Jobs that run by the clock: recorded observations, real files and crontabs, real timers of systemd."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from tests.probes.components import CannotStartError, give_up
from tests.probes.looking import look, said
from tests.probes.recorded import cases, judge_case, look_at
from tests.probes.systemd_user import UserManager, running_user_manager
from ultra_checklist.model import Verdict
from ultra_checklist.probes import joblog
from ultra_checklist.probes.cron import in_table, last_due, machine_zone, next_due, plain_expression
from ultra_checklist.probes.schedule import ScheduleOptions
from ultra_checklist.record import DeployMark, ReleaseRecord

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 5, 2, 9, 0, tzinfo=TOKYO)
EVERY = "* * * * *"


@pytest.mark.parametrize("path", cases("schedule"))
def test_recorded(path: Path) -> None:
    judge_case("schedule", path)


def test_it_says_when_it_will_be_due() -> None:
    verdict = judge_case("schedule", Path(__file__).parent / "cases/schedule/weekly-not-yet-due.json")
    assert verdict.seen.en == "next 05-08 07:00"
    assert "05-08 07:00" in verdict.seen.ja


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cron": EVERY},
        {"log": "x"},
        {"cron": "61 * * * *", "log": "x"},
        {"cron": "* * * *", "log": "x"},
        {"cron": "* * * * * *", "log": "x"},
        {"cron": "@reboot", "log": "x"},
        {"crontab": "-", "log": "x"},
        {"crontab": "-", "job": "x"},
        {"crontab": "-", "job": "x", "timer": "x.timer"},
        {"timer": "x.service"},
        {"timer": "-x;y.timer"},
        {"cron": EVERY, "log": "x", "timezone": "Mars/Olympus"},
        {"cron": EVERY, "log": "x", "errors": "("},
        {"cron": EVERY, "log": "x", "grace": 0},
    ],
)  # fmt: skip
def test_what_asserts_nothing_or_has_no_form_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScheduleOptions.model_validate(options)


# --- cron ---


def test_due_times_are_those_of_cron() -> None:
    assert last_due("0 7 * * *", NOW) == datetime(2026, 5, 2, 7, tzinfo=TOKYO)
    assert next_due("0 7 * * *", NOW) == datetime(2026, 5, 3, 7, tzinfo=TOKYO)
    assert last_due(plain_expression("@weekly"), NOW) == datetime(2026, 4, 26, 0, tzinfo=TOKYO)
    assert next_due("0 7 1 * 1", NOW) == datetime(2026, 5, 4, 7, tzinfo=TOKYO), "day of month or day of week"
    assert next_due("0 0 30 2 *", NOW) is None
    assert last_due("0 0 30 2 *", NOW) is None


def test_a_clock_change_loses_no_run() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert last_due("30 2 * * *", datetime(2026, 3, 29, 12, tzinfo=berlin)) is not None
    assert next_due("0 7 * * *", datetime(2026, 10, 25, 1, tzinfo=berlin)) == datetime(
        2026, 10, 25, 7, tzinfo=berlin
    )


TABLE = """
# 0 7 * * * root scripts/monitor.sh daily
SHELL=/bin/sh
JOB = "monitor.sh daily"
0 7 * * *  root  /srv/scripts/monitor.sh daily >> /var/log/daily.log 2>&1
@weekly /srv/scripts/monitor.sh weekly
61 7 * * * root /srv/scripts/monitor.sh broken
@reboot /srv/scripts/monitor.sh reboot
short
"""


@pytest.mark.parametrize(
    ("job", "found"),
    [
        (r"monitor\.sh daily", ["0 7 * * *"]),
        (r"monitor\.sh weekly", ["0 0 * * 0"]),
        ("broken", []),
        ("reboot", []),
        ("short", []),
        ("nothing", []),
    ],
)  # fmt: skip
def test_the_lines_of_a_table(job: str, found: list[str]) -> None:
    assert in_table(TABLE, job) == found


def test_this_machine_has_a_zone() -> None:
    assert ZoneInfo(machine_zone()).key == machine_zone()


# --- logs and records ---


def job(tmp_path: Path, **options: Any) -> Verdict:
    return look("schedule", {"cron": EVERY, "timeout": 5, **options}, tmp_path)


def stamped(seconds: float, text: str) -> str:
    return f"{(datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec='seconds')} {text}\n"


def test_a_fresh_log_without_errors_is_a_run(tmp_path: Path) -> None:
    (tmp_path / "daily-1.log").write_text("ERROR of an older run, in a file of its own\n")
    os.utime(tmp_path / "daily-1.log", (1, 1))
    (tmp_path / "daily-2.log").write_text("all good\n")
    assert said(job(tmp_path, log="daily-*.log")) == ("pass", "on-time")


def test_an_error_in_the_last_run_is_found_and_one_before_it_is_not(tmp_path: Path) -> None:
    log = tmp_path / "daily.log"
    log.write_text(stamped(9000, "ERROR long ago") + "Traceback long ago\n" + stamped(20, "begins"))
    assert said(job(tmp_path, log="daily.log")) == ("pass", "on-time")
    with log.open("a") as file:
        file.write("Traceback (most recent call last)\n")
    verdict = job(tmp_path, log="daily.log")
    assert said(verdict) == ("fail", "not-clean")
    assert "most recent call last" in verdict.seen.en
    assert said(job(tmp_path, log="daily.log", errors="PANIC")) == ("pass", "on-time")


def test_a_log_that_was_not_written_to_is_no_run(tmp_path: Path) -> None:
    log = tmp_path / "daily.log"
    log.write_text("old\n")
    os.utime(log, (1, 1))
    hourly = {"cron": "0 * * * *", "grace": 0.001, "log": "daily.log"}
    assert said(job(tmp_path, **hourly)) == ("fail", "missed")
    assert said(job(tmp_path, **{**hourly, "log": "none.log"})) == ("fail", "missed")


@pytest.mark.parametrize(
    ("content", "outcome", "reason"),
    [
        ("0", "pass", "on-time"),
        ('{"exit": 0}', "pass", "on-time"),
        ('{"rc": 2}', "fail", "not-clean"),
        ("1\n", "fail", "not-clean"),
        ("", "unknown", "no-exit-code"),
        ("fine", "unknown", "no-exit-code"),
        ("true", "unknown", "no-exit-code"),
        ('{"exit": "0"}', "unknown", "no-exit-code"),
        ("[" * 100_000, "unknown", "no-exit-code"),
        ("\udcff\udcfe", "unknown", "no-exit-code"),
    ],
)  # fmt: skip
def test_an_exit_code_is_read(tmp_path: Path, content: str, outcome: str, reason: str) -> None:
    (tmp_path / "rc").write_bytes(content.encode(errors="surrogateescape"))
    assert said(job(tmp_path, record="rc")) == (outcome, reason)


def test_a_record_alone_does_not_stand_for_a_log_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "rc").write_text("0")
    assert said(job(tmp_path, cron="0 * * * *", grace=0.001, record="rc", log="daily.log")) == ("fail", "missed")


def test_what_cannot_be_read_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in {
        "nowhere/x.log": "no-folder",
        "folder": "no-file",
        "pipe": "no-file",
        "a\0b": "no-folder",
        "x" * 300: "denied",
    }.items():
        assert said(job(tmp_path, record=name))[0] != "pass"
        if name != "a\0b":
            assert said(job(tmp_path, record=name)) == ("unknown", reason)
    assert said(job(tmp_path, log="nowhere/*.log")) == ("unknown", "no-folder")
    assert said(job(tmp_path, record="loop")) == ("unknown", "denied")
    (tmp_path / "big.log").write_text("no stamp\n" * 100)
    monkeypatch.setattr(joblog, "TAIL", 50)
    assert said(job(tmp_path, log="big.log")) == ("unknown", "log-too-large")


def test_bytes_that_are_no_text_are_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "daily.log").write_bytes(b"\xff\xfe\x00 fine\n")
    assert said(job(tmp_path, log="daily.log")) == ("pass", "on-time")
    (tmp_path / "daily.log").write_bytes(b"\xff\xfe\x00 ERROR\n")
    assert said(job(tmp_path, log="daily.log")) == ("fail", "not-clean")


def test_without_deploy_dir_a_relative_path_cannot_be_told() -> None:
    assert said(look("schedule", {"cron": EVERY, "log": "daily.log"})) == ("unknown", "unset-variable")


def test_what_was_due_before_the_deploy_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "daily.log").write_text("fine\n")
    now = datetime.now(UTC)
    deploy = DeployMark(number=1, started=now, ended=now, exit_code=0, host="web-1")
    release = ReleaseRecord(key="k", version="v", created=now, deploys=(deploy,))
    options = {"cron": "0 0 1 1 *", "log": "daily.log"}
    verdict, _ = look_at("schedule", options, release=release, base=tmp_path)
    assert said(verdict) == ("unknown", "not-yet-due")
    assert "01-01 00:00" in verdict.seen.en


# --- crontabs ---


def test_the_expression_comes_from_the_table_and_must_be_the_one_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "daily.log").write_text("fine\n")
    table = {"cron": None, "crontab": "table", "job": "monitor.sh daily", "log": "daily.log"}
    (tmp_path / "table").write_text("* * * * * root monitor.sh daily\n")
    assert said(job(tmp_path, **table)) == ("pass", "on-time")
    assert said(job(tmp_path, **{**table, "cron": "0 7 * * *"})) == ("fail", "other-schedule")
    (tmp_path / "table").write_text("#* * * * * root monitor.sh daily\n")
    assert said(job(tmp_path, **table)) == ("fail", "not-armed")
    (tmp_path / "table").unlink()
    assert said(job(tmp_path, **table)) == ("fail", "not-armed")
    assert said(job(tmp_path, **{**table, "crontab": "nowhere/table"})) == ("unknown", "no-folder")


@pytest.mark.parametrize(
    ("script", "outcome", "reason"),
    [
        ("echo '* * * * * monitor.sh daily'", "pass", "on-time"),
        ("echo no crontab for root >&2; exit 1", "fail", "not-armed"),
        ("echo 'must be privileged' >&2; exit 1", "unknown", "no-crontab"),
        ("sleep 60", "unknown", "timeout"),
        ("printf '\\377\\376'", "fail", "not-armed"),
    ],
)  # fmt: skip
def test_the_table_of_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, outcome: str, reason: str
) -> None:
    (tmp_path / "daily.log").write_text("fine\n")
    program = tmp_path / "crontab"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    options = {"cron": None, "crontab": "-", "job": "monitor.sh daily", "log": "daily.log", "timeout": 0.5}
    assert said(job(tmp_path, **options)) == (outcome, reason)


def test_without_crontab_nothing_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert said(job(tmp_path, cron=None, crontab="-", job="x", log="x.log")) == ("unknown", "not-started")
    assert said(job(tmp_path, cron=None, timer="x.timer")) == ("unknown", "not-started")


# --- timers ---


@pytest.fixture(scope="module")
def manager() -> Iterator[UserManager]:
    """A real manager of user units, for this module."""
    try:
        with running_user_manager() as made:
            yield made
    except CannotStartError as error:
        give_up(error)


@pytest.fixture
def here(manager: UserManager, monkeypatch: pytest.MonkeyPatch) -> UserManager:
    for name in ("XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, manager.environment[name])
    return manager


def timer(manager: UserManager, name: str, command: str, when: str = "OnActiveSec=0\nOnCalendar=yearly") -> str:
    manager.add(f"{name}.service", f"[Service]\nType=oneshot\nExecStart={command}\n")
    manager.add(f"{name}.timer", f"[Timer]\nAccuracySec=1us\n{when}\n")
    return f"{name}.timer"


def run_once(manager: UserManager, unit: str) -> None:
    manager.systemctl("start", unit)
    manager.until(unit, lambda found: found["LastTriggerUSec"])
    manager.until(unit.replace(".timer", ".service"), lambda found: found["ExecMainExitTimestampMonotonic"] != "0")


def test_a_timer_that_ran_well_and_is_armed_passes(here: UserManager, tmp_path: Path) -> None:
    unit = timer(here, "uc-good", "/bin/true")
    run_once(here, unit)
    verdict = look("schedule", {"timer": unit, "user": True}, tmp_path)
    assert said(verdict) == ("pass", "on-time")
    assert "next 01-01" in verdict.seen.en


def test_a_timer_whose_service_failed_fails(here: UserManager, tmp_path: Path) -> None:
    unit = timer(here, "uc-bad", "/bin/sh -c 'exit 3'")
    run_once(here, unit)
    verdict = look("schedule", {"timer": unit, "user": True}, tmp_path)
    assert said(verdict) == ("fail", "not-clean")
    assert "exit 3" in verdict.seen.en


def test_a_timer_that_is_off_or_not_there_is_not_armed(here: UserManager, tmp_path: Path) -> None:
    unit = timer(here, "uc-off", "/bin/true")
    assert said(look("schedule", {"timer": unit, "user": True}, tmp_path)) == ("fail", "not-armed")
    assert said(look("schedule", {"timer": "uc-none.timer", "user": True}, tmp_path)) == ("fail", "not-armed")


def test_a_timer_that_has_not_come_yet_is_told_with_its_time(here: UserManager, tmp_path: Path) -> None:
    unit = timer(here, "uc-later", "/bin/true", when="OnCalendar=yearly")
    here.systemctl("start", unit)
    verdict = look("schedule", {"timer": unit, "user": True}, tmp_path)
    assert said(verdict) == ("unknown", "not-yet-due")
    assert "01-01" in verdict.seen.en


def test_a_run_that_goes_on_is_waited_for(here: UserManager, tmp_path: Path) -> None:
    unit = timer(here, "uc-long", "/bin/sleep 60")
    here.systemctl("start", unit)
    here.until("uc-long.service", lambda found: found["ActiveState"] == "activating")
    assert said(look("schedule", {"timer": unit, "user": True}, tmp_path)) == ("unknown", "window-running")
    here.systemctl("stop", unit, "uc-long.service")


def test_without_systemd_nothing_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    verdict = look("schedule", {"timer": "monitor.timer", "user": True}, tmp_path)
    assert said(verdict) == ("unknown", "no-systemd")

"""The worker as those see it who do not stand beside it: log lines, heartbeat, metrics; across runs of the command."""

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.shell import COMMAND, SMALL, Served, Shell
from ultra_checklist.logbook import Done, Figures, Logbook, LogbookFile, recovered, repeated

SECRET = "9f2c" * 8


@dataclass
class Monitor:
    """A monitor of healthchecks.io's kind."""

    url: str
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    status: int = 200

    def take(self) -> list[tuple[str, str, str]]:
        heard, self.heard = self.heard, []
        return heard


@contextmanager
def monitoring() -> Iterator[Monitor]:
    made: list[Monitor] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (known,) = made
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            known.heard.append((self.command, self.path, body))
            self.send_response(known.status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"OK")

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *_: Any) -> None:
            """Not into the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.append(Monitor(f"http://127.0.0.1:{server.server_port}/ping/{SECRET}"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with monitoring() as made:
        yield made


@pytest.fixture
def small(served: Served) -> Served:
    (served.folder / "small.md").write_text(SMALL)
    served.ok("init")
    served.ok("new", "v1.0.0", "-t", "small.md")
    return served


def closed_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def logbook(shell: Shell) -> Path:
    return shell.home / "logbook.json"


def later(shell: Shell, **by: float) -> None:
    """As if everything that was said had been said longer ago."""
    known = LogbookFile.model_validate_json(logbook(shell).read_text())
    troubles = {
        key: one.model_copy(update={"said": one.said - timedelta(**by)}) for key, one in known.troubles.items()
    }
    logbook(shell).write_text(known.model_copy(update={"troubles": troubles}).model_dump_json())


def test_every_pass_is_a_start_and_an_end(small: Served, monitor: Monitor) -> None:
    beat = {"ULTRA_CHECKLIST_HEARTBEAT_URL": monitor.url + "?a=b"}
    where = f"/ping/{SECRET}"
    small.ok("sync", **beat)
    assert monitor.take() == [("GET", f"{where}/start?a=b", ""), ("GET", f"{where}?a=b", "")]
    away = small.run("sync", NOTION_BASE_URL=closed_port(), **beat)
    assert away.returncode == 3
    start, fail = monitor.take()
    assert start == ("GET", f"{where}/start?a=b", "")
    assert fail[:2] == ("POST", f"{where}/fail?a=b")
    assert "127.0.0.1" in fail[2]
    assert len(fail[2]) <= 400
    assert small.run("sync", NOTION_TOKEN="", **beat).returncode == 2
    assert [heard[:2] for heard in monitor.take()] == [("POST", f"{where}/fail?a=b")]


def test_a_monitor_that_is_away_changes_nothing_and_is_a_remark_once(small: Served, monitor: Monitor) -> None:
    away = {"ULTRA_CHECKLIST_HEARTBEAT_URL": f"{closed_port()}/{SECRET}"}
    first, second = small.run("sync", **away), small.run("sync", **away)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "the heartbeat was not taken: connection-refused" in first.stderr
    assert SECRET not in first.stderr
    assert second.stderr == ""
    back = small.run("sync", ULTRA_CHECKLIST_HEARTBEAT_URL=monitor.url)
    assert "the heartbeat works again after 2 failures" in back.stderr
    monitor.status = 404
    refused = small.run("sync", ULTRA_CHECKLIST_HEARTBEAT_URL=monitor.url)
    assert "HTTP 404" in refused.stderr
    assert refused.returncode == 0


def test_a_watching_worker_beats_once_a_minute(small: Served, monitor: Monitor) -> None:
    environment = small.full_environment() | {"ULTRA_CHECKLIST_HEARTBEAT_URL": monitor.url}
    command = [*COMMAND, "sync", "--watch", "0.2"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            give_up = datetime.now(UTC) + timedelta(seconds=60)
            while not _passes(small) >= 3:
                assert process.poll() is None
                assert datetime.now(UTC) < give_up
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert [path.rpartition("/")[2] for _, path, _ in monitor.heard] == ["start", SECRET]


def _passes(shell: Shell) -> int:
    try:
        return sum(LogbookFile.model_validate_json(logbook(shell).read_text()).passes.values())
    except FileNotFoundError:
        return 0


def test_an_error_that_stays_is_said_once_and_then_hourly_and_then_that_it_is_over(small: Served) -> None:
    away = {"NOTION_BASE_URL": closed_port()}
    first = small.run("sync", **away)
    assert first.returncode == 3
    assert "cannot be reached" in first.stderr
    for _ in range(5):
        quiet = small.run("sync", **away)
        assert (quiet.returncode, quiet.stderr) == (3, "")
    later(small, hours=1)
    again = small.run("sync", **away)
    assert "error: " in again.stderr
    assert "7 times since " in again.stderr
    assert small.run("sync", **away).stderr == ""
    back = small.run("sync")
    assert "works again after 8 failures since " in back.stderr
    assert small.run("sync").stderr == ""
    assert logbook(small).stat().st_mode & 0o777 == 0o600


def test_what_is_not_set_up_is_said_once_too(shell: Shell) -> None:
    first = shell.run("sync", "--local")
    assert (first.returncode, "ultra-checklist init --local" in first.stderr) == (2, True)
    second = shell.run("sync", "--local")
    assert (second.returncode, second.stderr) == (2, "")
    shell.ok("init", "--local")
    assert "復旧しました" in shell.run("sync", "--local", "--lang", "ja").stderr


def test_as_json_every_line_is_an_object(small: Served) -> None:
    assert small.run("sync", "--log-format", "json").stderr == ""
    small.tick("there")
    small.tick("word")
    done = small.run("sync", "--log-format", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["item"], line["result"]) for line in lines if line["event"] == "check"] == [
        ("there", "passed"),
        ("word", "confirmed"),
    ]
    told = lines[-1]
    assert told["event"] == "pass"
    assert {name: told[name] for name in ("releases", "writes", "verdicts", "problems", "closed")} == {
        "releases": 1, "writes": told["writes"], "verdicts": {"pass": 1}, "problems": [], "closed": [],
    }  # fmt: skip
    assert told["writes"] >= 2
    assert told["seconds"] > 0
    assert datetime.fromisoformat(told["time"]).tzinfo is not None
    url = closed_port()
    away = small.run("sync", "--log-format", "json", NOTION_BASE_URL=url)
    (error,) = (json.loads(line) for line in away.stderr.splitlines())
    assert (error["event"], error["kind"], error["count"]) == ("error", "NotionError", 1)
    assert url in error["message"]
    assert error["remedy"]
    (back,) = (json.loads(line) for line in small.run("sync", "--log-format", "json").stderr.splitlines())
    assert (back["event"], back["about"], back["count"]) == ("recovered", "pass", 1)


def test_a_secret_leaves_by_no_line(small: Served) -> None:
    token = "ntn_" + "k3" * 20
    url = f"{closed_port()}/{token}"
    for form in ("text", "json"):
        (small.home / "logbook.json").unlink(missing_ok=True)
        done = small.run("sync", "--log-format", form, NOTION_BASE_URL=url, NOTION_TOKEN=token)
        assert done.returncode == 3
        assert done.stderr
        assert token not in done.stderr


def families(path: Path) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name.removeprefix("ultra_checklist_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_metrics_count_across_runs_and_failing_passes(small: Served) -> None:
    path = small.folder / "node exporter"
    path.mkdir()
    path /= "ultra.prom"
    given = {"ULTRA_CHECKLIST_METRICS_FILE": str(path)}
    small.ok("sync", **given)
    small.tick("there")
    small.ok("sync", **given)
    assert small.run("sync", NOTION_BASE_URL=closed_port(), **given).returncode == 3
    found = families(path)
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == ["ultra.prom"]
    assert {o: found["passes_total", (("outcome", o),)] for o in ("idle", "worked", "failed")} == {
        "idle": 1, "worked": 1, "failed": 1,
    }  # fmt: skip
    assert found["verdicts_total", (("outcome", "pass"),)] == 1
    assert found["requests_total", ()] >= 4
    key = "small/production/v1.0.0"
    checks = {labels[1][1]: value for (name, labels), value in found.items() if name == "release_checks"}
    assert checks["passed"] == 1
    assert checks["open"] == 2
    assert found["release_due_checks", (("release", key),)] == 0
    assert found["open_releases", ()] == 1
    assert found["last_success_timestamp_seconds", ()] < found["last_pass_timestamp_seconds", ()]
    if shutil.which("promtool") is None:
        assert not os.environ.get("CI"), "promtool is needed"
        return
    with path.open() as content:
        checked = subprocess.run(["promtool", "check", "metrics"], stdin=content, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_metrics_that_cannot_be_written_are_a_remark_once(small: Served) -> None:
    given = {"ULTRA_CHECKLIST_METRICS_FILE": "nowhere/x.prom"}
    first, second = small.run("sync", **given), small.run("sync", **given)
    assert (first.returncode, second.returncode) == (0, 0)
    assert str(small.home / "nowhere" / "x.prom") in first.stderr
    assert second.stderr == ""


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_problems_are_the_same_whatever_time_they_name(tmp_path: Path) -> None:
    clock = Clock()
    book = Logbook(tmp_path, clock)
    assert book.trouble("problem", "hook slack failed, tried again at 10:01")[1]
    assert not book.trouble("problem", "hook slack failed, tried again at 10:06")[1]
    assert book.trouble("problem", "hook line failed, tried again at 10:06")[1]
    book.save()
    clock.now += timedelta(minutes=59)
    book = Logbook(tmp_path, clock)
    assert not book.trouble("problem", "hook slack failed, tried again at 11:06")[1]
    clock.now += timedelta(minutes=2)
    trouble, news = book.trouble("problem", "hook slack failed, tried again at 11:08")
    assert (trouble.count, news) == (4, True)
    assert repeated(trouble).en.startswith("4 times since 2026-11-24 ")
    clock.now += timedelta(days=2)
    assert book.trouble("problem", "hook slack failed, tried again at 11:08")[0].count == 1


def test_a_clock_that_was_set_back_silences_nothing(tmp_path: Path) -> None:
    clock = Clock()
    book = Logbook(tmp_path, clock)
    book.trouble("pass", "away")
    clock.now -= timedelta(days=400)
    assert book.trouble("pass", "away")[1]


def test_several_errors_of_one_outage_are_over_together(tmp_path: Path) -> None:
    clock = Clock()
    book = Logbook(tmp_path, clock)
    for what in ("away", "away", "slow"):
        book.trouble("pass", what)
        clock.now += timedelta(minutes=1)
    over = book.over("pass")
    assert over is not None
    assert recovered(over).en.startswith("works again after 3 failures since 2026-11-24 ")
    assert book.over("pass") is None


def test_a_logbook_that_is_damaged_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "logbook.json").write_text('{"passes": {"idle": ')
    book = Logbook(tmp_path, Clock())
    book.passed(Done(outcome="idle", at=Clock().now, seconds=1, releases={"a/b": Figures(due=1)}))
    book.save()
    assert Logbook(tmp_path, Clock()).file.passes == {"idle": 1}


def test_labels_are_escaped() -> None:
    from ultra_checklist.exposition import text

    key = 'a"b\\c\nd\x1b'
    done = LogbookFile(releases={key: Figures(results={"passed": 2}, due=3)})
    values = {
        sample.labels["release"]: sample.value
        for family in text_string_to_metric_families(text(done))
        for sample in family.samples
        if sample.name == "ultra_checklist_release_due_checks"
    }
    assert values == {'a"b\\c d␛': 3}

"""The time after a deploy, looked at again and again: recorded looks, real servers, a real Alertmanager."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from pydantic import ValidationError

from tests.lab import Lab, item, template
from tests.probes.components import CannotStartError, give_up
from tests.probes.recorded import cases, judge_case
from tests.probes.serving import HOSTILE, Answer, Serving, answering, nothing_in_time, serving
from tests.test_release_time import begin, end
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.model import ProbeSpec
from ultra_checklist.probes.watch import WatchOptions, _critical
from ultra_checklist.probes.window import Window

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("path", cases("watch"))
def test_recorded(path: Path) -> None:
    judge_case("watch", path)


def test_words_go_in_steps() -> None:
    said = {Window(T0, 60, T0 + timedelta(minutes=m)).told(1.0, "Asia/Tokyo").en for m in (40, 41, 43, 44.9)}
    assert said == {"40 of 60 min, coverage 100 %, until 22:00"}
    assert (
        Window(T0, 60, T0 + timedelta(minutes=45)).told(0.97, "UTC").en
        == "45 of 60 min, coverage 95 %, until 13:00"
    )
    assert "60 分中 45 分" in Window(T0, 60, T0 + timedelta(minutes=45)).told(0.97, "UTC").ja


def test_what_fails_is_named_with_its_time_in_the_teams_zone() -> None:
    verdict = judge_case("watch", Path(__file__).parent / "cases/watch/bad-for-long.json")
    assert verdict.seen.en == "http://127.0.0.1:8000/health: HTTP 503 21:05–21:08"
    verdict = judge_case("watch", Path(__file__).parent / "cases/watch/worker-silent.json")
    assert "no look 21:05–21:12" in verdict.seen.en


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"urls": ["ftp://x"]},
        {"urls": ["http://user:secret@x"]},
        {"alertmanager": "nowhere"},
        {"urls": ["http://x"], "minutes": 0},
        {"urls": ["http://x"], "minutes": 1440, "every": 1},
        {"urls": ["http://x"], "severity": []},
        {"urls": ["http://x"], "nonsense": 1},
    ],
)  # fmt: skip
def test_a_watch_that_asserts_nothing_or_too_much_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        WatchOptions.model_validate(options)
    assert "secret" not in str(error.value.errors(include_input=False))


# --- in a release ---


def opened(lab: Lab, **options: Any) -> None:
    watch = ProbeSpec(probe="watch", options={"minutes": 3, "timeout": 0.5, **options})
    lab.new(
        template(
            item("deploy-script", section="deploy", order=1, deploys=True, probes=(ProbeSpec(probe="run"),)),
            item("watch", section="after", order=2, after_deploy=True, probes=(watch,)),
        )
    )
    begin(lab)
    end(lab, 0)
    lab.person("Sato", "watch", done=True)


def looks(lab: Lab) -> list[list[tuple[str, str, str]]]:
    lines = (lab.release().folder / "samples.jsonl").read_text().splitlines()
    found = []
    for line in lines:
        seen = json.loads(line)["seen"]
        targets = seen["looks"][0]["targets"] if seen else []
        found.append([(t["name"], t["state"], t["told"]) for t in targets])
    return found


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving() as made:
        made.answer = answering(200, "ok")
        yield made


def test_a_quiet_window_passes_and_its_looks_are_the_evidence(lab: Lab, server: Serving) -> None:
    opened(lab, urls=[f"{server.url}/health?key=hidden-hidden"])
    lab.sync()
    row = lab.row("watch")
    assert row.result == "waiting"
    assert "0 of 3 min" in row.why
    for _ in range(4):
        lab.sync(minutes=1)
    row = lab.row("watch")
    assert (row.result, row.settled) == ("passed", True)
    asked = len(server.asked)
    lab.sync(minutes=16)
    assert lab.row("watch").result == "passed"
    assert len(server.asked) == asked, "the window is over: nothing is looked at any more"
    proof = lab.release().history.check("watch").proof
    assert proof is not None
    seen = EvidenceStore(lab.home).get(proof.lines[0].evidence)
    assert len(json.loads(seen)["observation"]["looks"]) == 5
    assert b"hidden-hidden" not in (lab.release().folder / "samples.jsonl").read_bytes()


def test_a_backend_that_breaks_for_long_fails_the_watch(lab: Lab, server: Serving) -> None:
    opened(lab, urls=[server.url], minutes=20)
    lab.sync()
    server.answer = answering(503)
    lab.sync(minutes=1)
    assert "now" in lab.row("watch").why
    lab.sync(minutes=1)
    lab.sync(minutes=1)
    row = lab.row("watch")
    assert row.result == "failed"
    assert "HTTP 503" in row.why


def test_an_address_that_nobody_answers_is_a_gap(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    opened(lab, urls=[f"http://127.0.0.1:{port}"], minutes=6)
    for _ in range(5):
        lab.sync(minutes=1)
    row = lab.row("watch")
    assert row.result == "cannot-tell"
    assert "connection-refused" in row.why


@pytest.mark.parametrize(("answer", "reason"), HOSTILE.values(), ids=list(HOSTILE))
def test_an_alertmanager_that_tells_nothing_is_not_seen(
    lab: Lab, server: Serving, answer: Answer, reason: str
) -> None:
    server.answer = answer
    opened(lab, alertmanager=server.url)
    lab.sync()
    assert looks(lab) == [[(f"alerts of {server.url}", "unseen", reason)]]


@pytest.mark.parametrize("body", ["{}", "[1]", '[{"labels": {}}]', '[{"labels": 3, "status": {}}]', '"x"', "null"])
def test_json_of_something_else_is_not_seen(lab: Lab, server: Serving, body: str) -> None:
    server.answer = answering(200, body)
    opened(lab, alertmanager=server.url)
    lab.sync()
    assert looks(lab)[0][0][1:] == ("unseen", "no-alertmanager")


def test_a_redirect_of_a_watched_address_is_bad_and_a_silent_one_is_not_seen(lab: Lab, server: Serving) -> None:
    server.answer = answering(302, Location="http://elsewhere.invalid/login?token=x")
    opened(lab, urls=[server.url])
    lab.sync()
    server.answer = nothing_in_time
    lab.sync(minutes=1)
    server.release.set()
    assert [targets[0][1:] for targets in looks(lab)] == [("bad", "HTTP 302"), ("unseen", "timeout")]


def test_a_command_is_good_bad_or_not_seen(lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "health.sh"
    script.write_text(f"#!/bin/sh\nexit $(cat {tmp_path}/code)\n")
    script.chmod(0o700)
    (tmp_path / "code").write_text("0")
    opened(lab, command=[str(script)])
    lab.sync()
    (tmp_path / "code").write_text("3")
    lab.sync(minutes=1)
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    lab.sync(minutes=1)
    script.unlink()
    lab.sync(minutes=1)
    assert [targets[0][1:] for targets in looks(lab)] == [
        ("good", ""), ("bad", "exit 3"), ("unseen", "timeout"), ("unseen", "not-started"),
    ]  # fmt: skip


def test_suppressed_and_lesser_alerts_do_not_count() -> None:
    def alert(state: str, **labels: str) -> dict[str, Any]:
        return {"labels": labels, "status": {"state": state}}

    raw = [
        alert("active", alertname="Down", severity="critical", instance="web-1"),
        alert("active", alertname="Down", severity="critical", instance="web-1", shard="2"),
        alert("suppressed", alertname="Known", severity="critical"),
        alert("active", alertname="Slow", severity="warning"),
        alert("unprocessed", alertname="New", severity="critical"),
    ]
    assert _critical(raw, ["critical"]) == ["Down (web-1)", "New"]


# --- a real Alertmanager ---


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        give_up(CannotStartError("prometheus-alertmanager is not installed"))
    folder = tmp_path_factory.mktemp("alertmanager")
    (folder / "am.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [
        program,
        f"--config.file={folder}/am.yml",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
        f"--storage.path={folder}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    try:
        limit = time.monotonic() + 20
        while not is_ready(url):
            if time.monotonic() > limit or process.poll() is not None:
                give_up(CannotStartError((folder / "log").read_text()))
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/-/ready", timeout=1):
            return True
    except OSError:
        return False


def post(url: str, alerts: list[dict[str, Any]]) -> None:
    body = json.dumps(alerts).encode()
    with urlopen(Request(f"{url}/api/v2/alerts", body, {"Content-Type": "application/json"}), timeout=5):
        pass


def test_active_critical_alerts_of_a_real_alertmanager_are_seen(lab: Lab, alertmanager: str) -> None:
    opened(lab, alertmanager=f"{alertmanager}/")
    lab.sync()
    assert looks(lab)[-1] == [(f"alerts of {alertmanager}", "good", "")]
    post(
        alertmanager,
        [
            {"labels": {"alertname": "BackendDown", "severity": "critical", "instance": "web-1"}},
            {"labels": {"alertname": "Slow", "severity": "warning"}},
        ],
    )
    limit = time.monotonic() + 20
    while len(looks(lab)[-1]) < 2 and time.monotonic() < limit:
        lab.sync(minutes=1)
    assert ("alert BackendDown (web-1)", "bad", "active") in looks(lab)[-1]
    assert not [name for name, _, _ in looks(lab)[-1] if "Slow" in name]

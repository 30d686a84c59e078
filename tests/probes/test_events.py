"""The emergency-stop flag and its events: recorded edges, real servers, a real Prometheus."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from pydantic import ValidationError

from tests.lab import Lab, item, template
from tests.probes.components import CannotStartError, give_up
from tests.probes.recorded import cases, judge_case, look_at
from tests.probes.serving import HOSTILE, Answer, Asked, Serving, answering, serving
from tests.test_release_time import begin, end
from ultra_checklist.model import ProbeSpec
from ultra_checklist.probes.events import EventsOptions, _time
from ultra_checklist.probes.flag import _merged, _values, edges
from ultra_checklist.record import DeployMark, ReleaseRecord

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("path", cases("events"))
def test_recorded(path: Path) -> None:
    judge_case("events", path)


def test_never_fired_is_said_to_be_not_applicable_and_on_all_the_time_is_not() -> None:
    folder = Path(__file__).parent / "cases/events"
    assert "not applicable" in judge_case("events", folder / "never-fired.json").seen.en
    assert "対象外" in judge_case("events", folder / "never-fired.json").seen.ja
    assert "not applicable" not in judge_case("events", folder / "on-all-the-time.json").seen.en


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prometheus": "http://x", "metrics": "http://x"},
        {"prometheus": "http://user:secret@x"},
        {"prometheus": "http://x", "metric": 'a{b="c"}'},
        {"prometheus": "http://x", "on": "("},
        {"metrics": "http://x", "every": 0},
    ],
)  # fmt: skip
def test_what_cannot_be_looked_at_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        EventsOptions.model_validate({"events": "http://x", **options})
    assert "secret" not in str(error.value.errors(include_input=False))


def released(begun: datetime = T0) -> ReleaseRecord:
    deploy = DeployMark(number=1, started=begun, ended=begun, exit_code=0, host="web-1")
    return ReleaseRecord(key="k", version="v", created=begun, deploys=(deploy,))


def series(*pairs: tuple[float, str]) -> str:
    values = [[at, value] for at, value in pairs]
    found = [{"metric": {}, "values": values}] if values else []
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": found}})


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving() as made:
        yield made


def both(metric: Answer, events: Answer) -> Answer:
    return lambda asked: (events if asked.path.startswith("/events") else metric)(asked)


def now_series(*on: bool) -> str:
    start = time.time() - 60 * len(on)
    return series(*((start + 60 * n, "1" if flag else "0") for n, flag in enumerate(on)))


def options(server: Serving, **more: Any) -> dict[str, Any]:
    return {"prometheus": server.url, "events": f"{server.url}/events?key=hidden-hidden", "timeout": 1, **more}


QUIET = [False] * 10


def ten_minutes_ago() -> ReleaseRecord:
    return released(datetime.now(UTC) - timedelta(minutes=9))


@pytest.mark.parametrize(("answer", "reason"), HOSTILE.values(), ids=list(HOSTILE))
def test_events_that_cannot_be_read_are_no_pass(server: Serving, answer: Answer, reason: str) -> None:
    server.answer = both(answering(200, now_series(*QUIET)), answer)
    verdict, material = look_at("events", options(server, timeout=0.5), release=ten_minutes_ago())
    assert (verdict.outcome.value, verdict.reason, material) == ("unknown", reason, b"")
    assert "hidden-hidden" not in verdict.model_dump_json()
    assert verdict.remedy.en


@pytest.mark.parametrize(("answer", "reason"), HOSTILE.values(), ids=list(HOSTILE))
def test_a_prometheus_that_cannot_be_read_is_no_pass(server: Serving, answer: Answer, reason: str) -> None:
    server.answer = both(answer, answering(200, "[]"))
    verdict, _ = look_at("events", options(server, timeout=0.5), release=ten_minutes_ago())
    assert (verdict.outcome.value, verdict.reason) == ("unknown", reason)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (series(), "metric-absent"),
        (series((time.time(), "NaN")), "metric-absent"),
        ("[]", "not-prometheus"),
        ("{}", "not-prometheus"),
        ('{"status": "error"}', "not-prometheus"),
        ('{"status": "success", "data": {"resultType": "vector", "result": []}}', "not-prometheus"),
        ('{"status": "success", "data": {"resultType": "matrix", "result": [{"values": [[1]]}]}}', "not-prometheus"),
        ('{"status": "success", "data": {"resultType": "matrix", "result": [{"values": [[1e99, "0"]]}]}}', "not-prometheus"),
        ('{"status": "success", "data": {"resultType": "matrix", "result": 3}}', "not-prometheus"),
    ],
)  # fmt: skip
def test_what_prometheus_has_not_is_not_seen(server: Serving, body: str, reason: str) -> None:
    server.answer = both(answering(200, body), answering(200, "[]"))
    verdict, _ = look_at("events", options(server), release=ten_minutes_ago())
    assert (verdict.outcome.value, verdict.reason) == ("unknown", reason)


@pytest.mark.parametrize(
    ("body", "more", "reason"),
    [
        ('{"items": []}', {}, "not-events"),
        ("[]", {"items": "data.events"}, "not-events"),
        ('[{"level": "EMERGENCY"}]', {}, "no-event-time"),
        ('[{"level": "EMERGENCY", "created_at": "yesterday"}]', {}, "no-event-time"),
        ('[{"level": "EMERGENCY", "created_at": "2026-05-01T12:00:00"}]', {}, "no-event-time"),
        ('[{"level": "EMERGENCY", "created_at": 1e300}]', {}, "no-event-time"),
    ],
)  # fmt: skip
def test_events_of_another_form_are_not_seen(server: Serving, body: str, more: dict[str, Any], reason: str) -> None:
    server.answer = both(answering(200, now_series(*QUIET)), answering(200, body))
    verdict, _ = look_at("events", options(server, **more), release=ten_minutes_ago())
    assert (verdict.outcome.value, verdict.reason) == ("unknown", reason)


def test_other_levels_and_other_times_do_not_count_and_the_api_is_asked_for_the_time(server: Serving) -> None:
    now = datetime.now(UTC)
    events = {
        "data": [
            {"severity": "INFO", "t": now.isoformat()},
            {"severity": "EMERGENCY", "t": (now - timedelta(days=3)).isoformat()},
            7,
        ]
    }
    server.answer = both(answering(200, now_series(*QUIET)), answering(200, json.dumps(events)))
    verdict, _ = look_at(
        "events",
        options(server, items="data", level="severity", time="t", since="from", headers={"X-Key": "hidden-hidden"}),
        release=ten_minutes_ago(),
    )
    assert (verdict.outcome.value, verdict.reason) == ("pass", "never-fired")
    _, path, headers = next(asked for asked in server.asked if asked[1].startswith("/events"))
    asked = parse_qs(urlsplit(path).query)
    assert datetime.fromisoformat(asked["from"][0]) < now - timedelta(minutes=9)
    assert headers["X-Key"] == "hidden-hidden"


def test_without_a_deploy_there_is_nothing_to_compare(server: Serving) -> None:
    release = ReleaseRecord(key="k", version="v", created=T0)
    assert look_at("events", options(server), release=release)[0].reason == "no-deploy"


def test_times_are_read_in_their_forms() -> None:
    assert _time("2026-05-01T12:00:00Z") == _time("2026-05-01T21:00:00+09:00") == T0
    assert _time(T0.timestamp()) == _time(T0.timestamp() * 1000) == T0
    odd: list[Any] = [None, True, "", [], {}, float("nan")]
    assert [_time(raw) for raw in odd] == [None] * 6


def test_several_series_are_one_flag_and_their_first_values_no_edges() -> None:
    start = T0.timestamp()
    quiet = _values([[start, "0"], [start + 60, "0"], [start + 120, "0"]])
    loud = _values([[start + 3, "1"], [start + 63, "1"], [start + 123, "0"]])
    later = _values([[start + 600, "0"], [start + 660, "1"]])
    assert [(edge.direction, edge.between.end.timestamp() - start) for edge in edges(list(_merged([quiet, loud, later])))] == [
        ("off", 123.0), ("on", 660.0),
    ]  # fmt: skip


# --- a page of metrics, sampled ---


PAGE = "# TYPE emergency_stop_flag gauge\nemergency_stop_flag {}\nother 3\n"


def opened(lab: Lab, server: Serving, **more: Any) -> None:
    probe = ProbeSpec(
        probe="events",
        options={"metrics": f"{server.url}/metrics", "events": f"{server.url}/events", "timeout": 0.5, **more},
    )
    lab.new(
        template(
            item("deploy-script", section="deploy", order=1, deploys=True, probes=(ProbeSpec(probe="run"),)),
            item("stop", section="after", order=2, after_deploy=True, probes=(probe,)),
        )
    )
    begin(lab)
    end(lab, 0)
    lab.person("Sato", "stop", done=True)


def test_a_page_is_sampled_and_its_edges_are_compared(lab: Lab, server: Serving) -> None:
    server.answer = both(answering(200, PAGE.format(0)), answering(200, "[]"))
    opened(lab, server)
    lab.sync()
    assert lab.row("stop").result == "passed"
    assert "not applicable" in lab.row("stop").why
    server.answer = both(answering(200, PAGE.format(1)), answering(200, "[]"))
    for _ in range(4):
        lab.sync(minutes=1)
    lab.sync(minutes=16)
    assert lab.row("stop").result == "failed"
    assert "no event for 0→1" in lab.row("stop").why


@pytest.mark.parametrize(
    ("body", "reason"),
    [("<html>", "not-metrics"), ("other 3\n", "metric-absent"), ("", "metric-absent"), ("a{ 1", "not-metrics"),
     ("emergency_stop_flag NaN\n", "metric-absent"), ("\x00\x01", "not-metrics"), ("x" * (2 << 20), "too-large")],
)  # fmt: skip
def test_a_page_that_tells_nothing_is_a_gap(lab: Lab, server: Serving, body: str, reason: str) -> None:
    server.answer = both(answering(200, body), answering(200, "[]"))
    opened(lab, server)
    lab.sync()
    lines = [json.loads(line) for line in (lab.release().folder / "samples.jsonl").read_text().splitlines()]
    assert [(line["seen"], line["reason"]) for line in lines] == [(None, reason)]


# --- a real Prometheus ---


@pytest.fixture(scope="module")
def flagged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Serving]]:
    """A Prometheus that scrapes a flag; both are there until the module ends."""
    program = shutil.which("prometheus")
    if program is None:
        give_up(CannotStartError("prometheus is not installed"))
    folder = tmp_path_factory.mktemp("prometheus")
    with serving() as backend:
        backend.answer = answering(200, PAGE.format(0), Content_Type="text/plain")
        target = backend.url.removeprefix("http://")
        (folder / "p.yml").write_text(
            "scrape_configs: [{job_name: b, scrape_interval: 1s, static_configs: [{targets: ['"
            + target
            + "']}]}]\n"
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        command = [program, f"--config.file={folder}/p.yml", f"--web.listen-address={address}",
                   f"--storage.tsdb.path={folder}/data", "--log.level=warn"]  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        try:
            yield f"http://{address}", backend
        finally:
            process.terminate()
            process.wait()


def kept(url: str) -> list[str]:
    """The values that Prometheus has of the flag."""
    try:
        with urlopen(f"{url}/api/v1/query?query=emergency_stop_flag[1h]", timeout=2) as answer:
            found = json.load(answer)["data"]["result"]
    except OSError:
        return []
    return [value for one in found for _, value in one["values"]]


def until(url: str, pattern: list[str]) -> None:
    limit = time.monotonic() + 40
    while [value for value, _ in groupby(kept(url))] != pattern:
        if time.monotonic() > limit:
            give_up(CannotStartError(f"prometheus has not scraped: {kept(url)}"))
        time.sleep(0.1)


def test_a_real_prometheus_keeps_the_edges(flagged: tuple[str, Serving]) -> None:
    url, backend = flagged
    until(url, ["0"])
    begun = datetime.now(UTC)
    backend.answer = answering(200, PAGE.format(1), Content_Type="text/plain")
    until(url, ["0", "1"])
    raised = datetime.now(UTC)

    def events(asked: Asked) -> None:
        asked.reply(200, json.dumps([{"level": "EMERGENCY", "created_at": raised.isoformat()}]))

    with serving() as api:
        api.answer = events
        settings = {"prometheus": url, "events": api.url, "tolerance": 10, "max_gap": 30}
        verdict, _ = look_at("events", settings, release=released(begun))
        assert (verdict.outcome.value, verdict.reason) == ("pass", "matched")
        verdict, _ = look_at("events", {**settings, "metric": "no_such_flag"}, release=released(begun))
        assert (verdict.outcome.value, verdict.reason) == ("unknown", "metric-absent")

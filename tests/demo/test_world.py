"""The pretend production: a backend that is really deployed, and services that speak their protocols."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ultra_checklist.demo.chain import ACCOUNT, ORACLE, POOL, PROVIDER, WAD
from ultra_checklist.demo.container import image_of
from ultra_checklist.demo.monitor import HISTORY, next_minute
from ultra_checklist.demo.prometheus import Prometheus, parse
from ultra_checklist.demo.repository import NEW, OLD
from ultra_checklist.demo.sinks import LINE_TO
from ultra_checklist.demo.world import WINDOWS, World, fetch, pretend_production
from ultra_checklist.template import load

TEMPLATE = Path(__file__).parent.parent.parent / "templates" / "production_release.md"
ELSEWHERE = {
    "BACKEND_UNIT": "there is no systemd to look at",
    "STAGING_FINGERPRINTS": "made by the product",
    "STAGING_RELEASE": "made by the product",
    "NEWS_SOURCE": "made in Notion",
    "NEWS_TOKEN": "of Notion",
}
"""Variables that the world alone cannot give, with the reason."""


def ask(
    url: str, *, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


def health(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fetch(world.url))
    return found


def rpc(world: World, method: str, *params: Any, node: int = 0) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer = json.loads(ask(world.nodes[node].service.url, method="POST", body=body)[1])
    return answer.get("result", answer.get("error"))


def test_the_deploy_replaces_the_process_and_leaves_the_checkout_clean(world: World) -> None:
    old, new = world.git("rev-parse", OLD), world.git("rev-parse", NEW)
    before, pid, container = health(world), world.container.state.pid, world.container.state.id
    assert before["commit"] == old
    assert world.environment_file.stat().st_mode & 0o777 == 0o600
    done = subprocess.run(world.deploying(), capture_output=True, text=True, check=True)
    after = health(world)
    assert (after["commit"], after["environment"]) == (new, "production")
    assert after["started_at"] > before["started_at"]
    assert world.container.state.pid not in (0, pid)
    assert world.container.state.id != container
    assert not Path(f"/proc/{pid}").exists()
    assert b"APP_ENV=production\0" in Path(f"/proc/{world.container.state.pid}/environ").read_bytes()
    assert world.git("rev-parse", "HEAD") == new
    assert world.git("status", "--porcelain") == ""
    assert NEW in done.stdout


def test_a_push_to_main_moves_the_branch_alone(world: World) -> None:
    before = world.git("rev-parse", "origin/main")
    world.push_to_main()
    assert world.git("rev-parse", "origin/main") != before
    assert world.git("rev-parse", NEW) == before


def test_all_that_it_started_ends_with_it(tmp_path: Path) -> None:
    with pretend_production(tmp_path / "world") as world:
        pids = [world.container.state.pid, world.staging.state.pid]
        urls = [service.url for service in world.services if service.port]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    for url in urls:
        with pytest.raises(urllib.error.URLError):
            ask(url)


def test_the_backends_end_even_when_their_world_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ultra_checklist.demo.world import pretend_production\n"
        "with pretend_production(Path(sys.argv[1])) as world:\n"
        "    print(world.container.state.pid, world.staging.state.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "world")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        pids = process.stdout.readline().split()
        process.kill()
    assert len(pids) == 2
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_it_gives_every_variable_of_the_template_and_listens_on_loopback_alone(shared: World) -> None:
    declared = {v.name: v for v in load(TEMPLATE).variables}
    given = {**shared.variables, **shared.secrets}
    wanted = {name for name, variable in declared.items() if variable.default is None}
    assert wanted - given.keys() - ELSEWHERE.keys() == set()
    assert given.keys() - declared.keys() == set()
    assert {name for name in shared.secrets if not declared[name].secret} == set()
    addresses = [value for value in given.values() if "://" in value]
    assert len(addresses) > 10
    assert [value for value in addresses if not value.startswith("http://127.0.0.1:")] == []
    assert WINDOWS.keys() <= declared.keys()


def test_the_backend_measures_counts_and_files_events(shared: World) -> None:
    metrics = parse(fetch(shared.variables["METRICS_URL"]))
    names = {name for name, _ in metrics}
    assert {"http_request_duration_seconds_bucket", "error_rate", "health_factor", "emergency_stop_flag"} <= names
    assert metrics["emergency_stop_flag", ()] == 0
    count = metrics["http_request_duration_seconds_count", ()]
    assert metrics["http_request_duration_seconds_bucket", (("le", "+Inf"),)] == count
    events = json.loads(fetch(shared.variables["EVENTS_URL"]))["events"]
    assert events[0].keys() == {"timestamp", "level", "type", "message"}
    assert json.loads(fetch(shared.variables["EVENTS_URL"] + "?level=EMERGENCY"))["events"] == []
    assert json.loads(fetch(f"{shared.container.url}/counts"))["requests"] > 0
    assert ask(shared.url, method="POST", body={})[0] == 405
    log = shared.run_folder / "backend.log"
    size = log.stat().st_size
    wait_until(lambda: log.stat().st_size > size)


def test_prometheus_answers_what_it_has_scraped(shared: World) -> None:
    url = shared.prometheus.service.url

    def value(query: str) -> list[Any]:
        answer = json.loads(ask(f"{url}/api/v1/query?query={quote(query)}")[1])
        assert answer["status"] == "success"
        found: list[Any] = answer["data"]["result"]
        return found

    wait_until(lambda: value("health_factor"))
    assert value("health_factor")[0]["value"][1] == "1.85"
    assert value("up")[0]["value"][1] == "1"
    assert value("nothing_of_that_name") == []
    assert [found["metric"]["status"] for found in value('http_requests_total{status="500"}')] == ["500"]
    assert len(value("http_requests_total")) == 2
    points = value("health_factor[5000ms]")[0]["values"]
    assert {told for _, told in points} == {"1.85"}
    quantile = "histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))"
    wait_until(lambda: value(quantile))
    assert 0 < float(value(quantile)[0]["value"][1]) < 0.5
    ratio = 'sum(rate(http_requests_total{status="500"}[5m])) / sum(rate(http_requests_total[5m]))'
    assert float(value(ratio)[0]["value"][1]) < 0.01
    now = time.time()
    ranged = json.loads(ask(f"{url}/api/v1/query_range?query=up&start={now - 5}&end={now}&step=1")[1])
    assert ranged["data"]["resultType"] == "matrix"
    assert ask(f"{url}/api/v1/query")[0] == 400


def test_a_counter_that_begins_anew_goes_on_in_ratios() -> None:
    def page(good: int, bad: int) -> str:
        return f'http_requests_total{{status="200"}} {good}\nhttp_requests_total{{status="500"}} {bad}\n'

    last = page(80, 20)
    pages = iter([page(9000, 100), page(9090, 110), page(30, 10), last])
    prometheus = Prometheus(lambda: next(pages, last))
    prometheus.start()
    try:
        ratio = 'sum(rate(http_requests_total{status="500"}[5m])) / sum(rate(http_requests_total[5m]))'
        url = f"{prometheus.service.url}/api/v1/query?query={quote(ratio)}"

        def value() -> list[str]:
            return [found["value"][1] for found in json.loads(fetch(url))["data"]["result"]]

        # 100 requests, then a new process: 40, then 60 more.
        wait_until(lambda: value() == ["0.15"])
    finally:
        prometheus.close()


def test_alerts_are_listed_as_alertmanager_lists_them(world: World) -> None:
    url = f"{world.alertmanager.service.url}/api/v2/alerts"
    assert json.loads(fetch(url)) == []
    world.alertmanager.fire("Trouble", "critical", "it burns")
    (alert,) = json.loads(fetch(url))
    assert (alert["labels"]["alertname"], alert["status"]["state"]) == ("Trouble", "active")
    assert ask(url, method="POST", body=[])[0] == 405


def test_two_nodes_know_one_market(shared: World) -> None:
    head = rpc(shared, "eth_getBlockByNumber", "latest", False)
    assert abs(int(head["timestamp"], 16) - time.time()) < 60
    assert rpc(shared, "eth_getBlockByNumber", head["number"], False, node=1) == head
    assert rpc(shared, "eth_chainId") == "0x1"
    for contract in (PROVIDER, POOL, ORACLE):
        assert rpc(shared, "eth_getCode", contract, head["number"]) != "0x"
    assert rpc(shared, "eth_getCode", ACCOUNT, head["number"]) == "0x"

    def call(contract: str, data: str) -> list[int]:
        raw = rpc(shared, "eth_call", {"to": contract, "data": data}, head["number"]).removeprefix("0x")
        return [int(raw[n : n + 64], 16) for n in range(0, len(raw), 64)]

    assert call(PROVIDER, "0x026b1d5f") == [int(POOL, 16)]
    assert call(PROVIDER, "0xfca513a8") == [int(ORACLE, 16)]
    assert call(ORACLE, "0x8c89b64f") == [10**8]
    data = call(POOL, "0xbf92857c" + ACCOUNT.removeprefix("0x").rjust(64, "0"))
    assert len(data) == 6
    assert 1.8 < data[5] / WAD < 1.9
    assert call(POOL, "0xbf92857c" + "1".rjust(64, "0")) == [0, 0, 0, 0, 0, 2**256 - 1]


def test_what_does_more_than_look_is_refused_and_on_record(world: World) -> None:
    assert rpc(world, "eth_sendRawTransaction", "0x00")["code"] == -32601
    assert ask(f"{world.octobot.service.url}/api/orders", method="POST", body={})[0] == 405
    assert [(v.method, v.path) for v in world.violations] == [("POST", "/"), ("POST", "/api/orders")]


def test_octobot_says_since_when_it_runs_and_what_it_traded(shared: World) -> None:
    url = shared.octobot.service.url
    assert json.loads(fetch(f"{url}/api/ping")).startswith("Running since ")
    assert json.loads(fetch(f"{url}/api/version")).startswith("OctoBot ")
    assert {trade["symbol"] for trade in json.loads(fetch(f"{url}/api/trades"))} == {"BTC/USDT", "ETH/USDT"}


def test_the_sinks_keep_what_they_get_and_the_code_in_it(world: World) -> None:
    assert ask(world.slack.url, method="POST", body={"text": "a test <b> code: ABCD"}) == (200, "ok")
    assert ask(world.slack.service.url + "/services/other", method="POST", body={"text": "x"})[0] == 404
    assert ask(world.webhook.url, method="POST", body={"text": "read NOTE and type\nEFGH"})[0] == 204
    line, headers = world.line.service.url, {"Authorization": f"Bearer {world.line.token}"}
    push = {"to": LINE_TO, "messages": [{"type": "text", "text": "type IJKL."}]}
    used = json.loads(ask(f"{line}/v2/bot/message/quota/consumption", headers=headers)[1])["totalUsage"]
    assert ask(f"{line}/v2/bot/message/validate/push", method="POST", body=push, headers=headers) == (200, "{}")
    assert ask(f"{line}/v2/bot/info", headers=headers)[0] == 200
    assert ask(f"{line}/v2/bot/info")[0] == 401
    retried = {**headers, "X-Line-Retry-Key": "123e4567-e89b-12d3-a456-426614174000"}
    assert ask(f"{line}/v2/bot/message/push", method="POST", body=push, headers=retried)[0] == 200
    assert ask(f"{line}/v2/bot/message/push", method="POST", body=push, headers=retried)[0] == 409
    assert json.loads(ask(f"{line}/v2/bot/message/quota/consumption", headers=headers)[1])["totalUsage"] == used + 1
    assert [(m.channel, m.code) for m in world.messages] == [
        ("Slack", "ABCD"),
        ("Webhook", "EFGH"),
        ("LINE", "IJKL"),
    ]


def test_the_docker_api_tells_of_the_real_process(world: World) -> None:
    import docker

    client = docker.DockerClient(base_url=world.docker.service.url)
    try:
        assert client.ping()
        (container,) = client.containers.list(filters={"name": "ultra-backend"})
        wait_until(lambda: client.api.inspect_container("ultra-backend")["State"]["Health"]["Status"] == "healthy")
        state = client.api.inspect_container(str(container.id))
        assert state["State"]["Pid"] == world.container.state.pid
        assert (state["State"]["Status"], state["RestartCount"]) == ("running", 0)
        assert state["Image"] == image_of(world.git("rev-parse", OLD))
        assert container.image is not None
        assert container.image.id == state["Image"]
        assert "APP_ENV=production" in state["Config"]["Env"]
        os.kill(world.container.state.pid, signal.SIGKILL)
        wait_until(lambda: client.api.inspect_container("ultra-backend")["RestartCount"] == 1)
        with pytest.raises(docker.errors.NotFound):
            client.containers.get("another")
        with pytest.raises(docker.errors.APIError):
            container.restart()
        assert [v.method for v in world.violations] == ["POST"]
        assert client.containers.list(filters={"label": "com.docker.compose.project=other"}) == []
    finally:
        client.close()


def test_staging_runs_the_new_version_since_yesterday(shared: World) -> None:
    found = json.loads(fetch(shared.variables["STAGING_URL"]))
    assert (found["commit"], found["environment"]) == (shared.git("rev-parse", NEW), "staging")
    assert datetime.now(UTC) - datetime.fromisoformat(found["started_at"]) > timedelta(hours=24)


def test_the_reports_of_the_tests_are_those_of_the_commit(shared: World) -> None:
    commit = shared.git("rev-parse", NEW)
    suites = [ElementTree.fromstring(path.read_text())[0] for path in sorted(shared.junit.glob("*.xml"))]  # noqa: S314 - our own text
    assert [suite.get("name") for suite in suites] == ["e2e", "integration", "unit"]
    for suite in suites:
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert [p.get("value") for p in suite.iter("property")] == [commit]


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2026-11-25T17:59:00+00:00", "2026-11-25T18:00:00+00:00"),
        ("2026-11-25T17:59:59.999+00:00", "2026-11-25T18:00:00+00:00"),
    ],
)
def test_jobs_are_due_at_the_next_full_minute(at: str, due: str) -> None:
    assert next_minute(datetime.fromisoformat(at)) == datetime.fromisoformat(due)


def test_the_jobs_have_run_in_the_days_before(shared: World) -> None:
    for kind, (step, count) in HISTORY.items():
        lines = (shared.monitor.folder / f"{kind}.log").read_text().splitlines()[: 3 * count]
        times = [datetime.fromisoformat(line.split()[0]) for line in lines if line.endswith("start")]
        assert {b - a for a, b in pairwise(times)} == {step}
        assert sum(line.endswith("end exit=0") for line in lines) == count


def test_a_job_runs_when_it_is_due(shared: World) -> None:
    log = shared.monitor.folder / "daily.log"
    size = log.stat().st_size
    wait_until(lambda: log.stat().st_size > size, 70)
    assert log.read_text().splitlines()[-1].endswith("monitor daily: end exit=0")

"""The metrics probe on a real Prometheus, and on answers that a real one does not give."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.probes.baselines import Watched
from tests.probes.exporter import Exporter, Prometheus, exporting, prometheus
from tests.probes.looking import look, said
from ultra_checklist.model import Verdict
from ultra_checklist.record import DeployMark, ReleaseRecord

PAGE = """\
# TYPE error_rate gauge
error_rate{{kind="web"}} 0.02
error_rate{{kind="bot"}} 0.5
# TYPE latency histogram
latency_bucket{{le="0.1"}} 90
latency_bucket{{le="1"}} 100
latency_bucket{{le="+Inf"}} 100
latency_count 100
latency_sum 5
orders_total {orders}
not_a_number NaN
old_gauge 1 {old}
"""


class World:
    """An exporter and the Prometheus that scrapes it."""

    def __init__(self, exporter: Exporter, server: Prometheus) -> None:
        self.exporter, self.server = exporter, server
        self.old = int((time.time() - 60) * 1000)

    def orders(self, number: int) -> None:
        """Count on, and wait until Prometheus knows."""
        self.exporter.tell(PAGE.format(orders=number, old=self.old))
        self.server.wait(f"orders_total == {number}")

    def judge(self, *rules: dict[str, Any], **options: Any) -> Verdict:
        return look("metrics", {"prometheus": self.server.url, "rules": list(rules), **options})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with exporting() as exporter, prometheus(tmp_path_factory.mktemp("p"), exporter) as server:
        made = World(exporter, server)
        made.orders(10)
        yield made


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ({"metric": "error_rate", "max": 0.5}, ("pass", "within-limits")),
        ({"metric": "error_rate", "max": 0.1}, ("fail", "beyond-limit")),
        ({"metric": "error_rate", "labels": {"kind": "web"}, "max": 0.1}, ("pass", "within-limits")),
        ({"metric": "error_rate", "labels": {"kind": 'a"b\\'}, "max": 0.1}, ("unknown", "absent")),
        ({"expr": "histogram_quantile(0.95, sum by (le) (latency_bucket))", "max": 0.6}, ("pass", "within-limits")),
        ({"expr": "histogram_quantile(0.95, sum by (le) (latency_bucket))", "max": 0.5}, ("fail", "beyond-limit")),
        ({"expr": "nothing", "max": 1}, ("unknown", "absent")),
        ({"expr": "nothing", "max": 1, "absent": 0}, ("pass", "within-limits")),
        ({"expr": "nothing or vector(3)", "max": 1}, ("fail", "beyond-limit")),
        ({"expr": "1 + 1", "equals": 2}, ("pass", "within-limits")),
        ({"expr": "0 / 0 * error_rate", "max": 1}, ("unknown", "not-a-number")),
        ({"expr": "1 / 0", "max": 1}, ("unknown", "not-a-number")),
        ({"metric": "not_a_number", "max": 1}, ("unknown", "not-a-number")),
        ({"expr": "error_rate{", "max": 1}, ("unknown", "bad-query")),
        ({"expr": "error_rate[5m]", "max": 1}, ("unknown", "bad-query")),
        ({"expr": "error_rate * on () group_left () error_rate", "max": 1}, ("unknown", "bad-query")),
        ({"expr": '"text"', "max": 1}, ("unknown", "not-prometheus")),
        ({"expr": "vector(1)", "max": 1, "for": 600}, ("pass", "within-limits")),
        ({"expr": "vector(2)", "max": 1, "for": 600}, ("fail", "beyond-limit")),
        (
            {"expr": "vector(time() % 60 < bool 20)", "max": 0, "for": 600, "tolerate": 60},
            ("pass", "within-limits"),
        ),
        ({"expr": "vector(time() % 60 < bool 20)", "max": 0, "for": 600, "tolerate": 5}, ("fail", "beyond-limit")),
        ({"expr": "error_rate", "max": 1, "for": 3600}, ("unknown", "coverage")),
        ({"expr": "0 / vector(0)", "max": 1, "for": 600}, ("unknown", "not-a-number")),
        ({"expr": "nothing", "max": 1, "for": 600}, ("unknown", "absent")),
    ],
)
def test_rules(world: World, rule: dict[str, Any], verdict: tuple[str, str]) -> None:
    assert said(world.judge(rule)) == verdict


def test_the_remedy_asks_the_same(world: World) -> None:
    found = world.judge({"metric": "error_rate", "max": 0.1})
    assert found.remedy.en == f"curl -sG {world.server.url}/api/v1/query --data-urlencode 'query=error_rate'"
    assert 'kind="bot"' in found.seen.en


def test_a_stale_sample_cannot_be_told(world: World) -> None:
    rule = {"metric": "old_gauge", "equals": 1}
    assert said(world.judge(rule)) == ("pass", "within-limits")
    assert said(world.judge(rule, max_staleness=30)) == ("unknown", "stale")


def test_only_the_time_since_the_deploy_counts(world: World) -> None:
    watched = Watched(
        "metrics",
        {"prometheus": world.server.url, "rules": [{"expr": "vector(time() < bool 1e9)", "max": 0, "for": 3600}]},
    )
    began = datetime.now(UTC)
    mark = DeployMark(number=1, started=began, ended=began, exit_code=0, host="web-1")
    watched.release = ReleaseRecord(key="k", version="v1", created=began, deploys=(mark,))
    found = watched.judge()
    assert said(found) == ("unknown", "window-running")
    assert found.seen.en == "0 of 60 min, within limits"
    watched.release = watched.release.model_copy(update={"deploys": (mark.model_copy(update={"withdrawn": True}),)})
    assert said(watched.judge()) == ("pass", "within-limits")


def test_an_increase_since_the_deploy(world: World) -> None:
    rules = [{"metric": "orders_total", "increase_max": 4}]
    watched = Watched("metrics", {"prometheus": world.server.url, "rules": rules})
    assert said(watched.judge()) == ("unknown", "no-baseline")
    world.orders(10)
    watched.begin()
    world.orders(13)
    assert said(watched.judge()) == ("pass", "within-limits")
    world.orders(1)
    world.orders(3)
    found = watched.judge()
    assert said(found) == ("fail", "grown"), "three, and another three after it began anew"
    assert found.seen.en.endswith("+6")


ANSWERS: list[tuple[Any, int, str]] = [
    ({"status": "success", "data": {"resultType": "vector", "result": []}}, 200, "absent"),
    (
        {"status": "success", "warnings": ["store is away"], "data": {"resultType": "vector", "result": []}},
        200,
        "partial",
    ),
    ({"status": "success"}, 200, "not-prometheus"),
    ({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}, 200, "not-prometheus"),
    (
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "x"]}]}},
        200,
        "not-prometheus",
    ),
    (
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, None]}]}},
        200,
        "not-prometheus",
    ),
    ({"status": "success", "data": {"resultType": "streams", "result": []}}, 200, "not-prometheus"),
    ({"status": "error", "errorType": "timeout", "error": "query timed out"}, 503, "server-error"),
    ({"status": "error", "errorType": "execution", "error": "too many samples"}, 422, "bad-query"),
    ([], 200, "not-prometheus"),
    ("<html>Log in</html>", 200, "not-prometheus"),
    ("<html>Log in</html>", 401, "denied"),
    ("<html>Bad gateway</html>", 502, "server-error"),
    ("", 429, "rate-limited"),
    ('{"status": "suc', 200, "not-prometheus"),
    ("[" * 100_000, 200, "not-prometheus"),
]


@pytest.mark.parametrize(("answer", "status", "reason"), ANSWERS)
@pytest.mark.parametrize(
    "rule", [{"expr": "up", "max": 1}, {"expr": "up", "max": 1, "for": 60}, {"metric": "up", "max": 1}]
)
def test_answers_that_tell_nothing(answer: Any, status: int, reason: str, rule: dict[str, Any]) -> None:
    with exporting() as exporter:
        exporter.tell(
            answer if isinstance(answer, str) else json.dumps(answer), status=status, kind="application/json"
        )
        found = look("metrics", {"prometheus": exporter.url, "rules": [rule]})
    wanted = "not-prometheus" if reason == "absent" and "for" in rule else reason
    assert said(found) == ("unknown", wanted)
    assert found.remedy.en


def test_notes_on_a_query_are_no_warnings() -> None:
    result = {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}
    with exporting() as exporter:
        exporter.tell(json.dumps({"status": "success", "warnings": ["PromQL info: no counter"], "data": result}))
        found = look("metrics", {"prometheus": f"{exporter.url}/base/", "rules": [{"expr": "up", "max": 1}]})
        assert said(found) == ("pass", "within-limits")
        assert exporter.asked[0][0].startswith("/base/api/v1/query?query=up&")

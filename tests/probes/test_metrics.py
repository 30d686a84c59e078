"""The metrics probe on a page of an exporter, and its judgement of recorded observations."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.probes.baselines import Watched
from tests.probes.casebook import cases, judged
from tests.probes.exporter import Exporter, exporting
from tests.probes.looking import look, said
from ultra_checklist.model import Verdict

PAGE = """\
# HELP error_rate Failed requests.
# TYPE error_rate gauge
error_rate{job="web"} 0.02
error_rate{job="bot"} 0.5
# TYPE orders counter
orders_total{kind="buy"} 7
orders_total{kind="sell"} 3
emergency_stop_flag 0
not_a_number NaN
endless +Inf
process_start_time_seconds 1.7e9
"""


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with exporting() as made:
        made.tell(PAGE)
        yield made


def judge(exporter: Exporter, *rules: dict[str, Any], **options: Any) -> Verdict:
    return look("metrics", {"scrape": f"{exporter.url}/metrics", "rules": list(rules), **options})


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ({"metric": "error_rate", "max": 0.5}, ("pass", "within-limits")),
        ({"metric": "error_rate", "max": 0.1}, ("fail", "beyond-limit")),
        ({"metric": "error_rate", "labels": {"job": "web"}, "max": 0.1}, ("pass", "within-limits")),
        ({"metric": "error_rate", "labels": {"job": "other"}, "max": 0.1}, ("unknown", "absent")),
        ({"metric": "emergency_stop_flag", "equals": 0}, ("pass", "within-limits")),
        ({"metric": "emergency_stop_flag", "equals": 1}, ("fail", "beyond-limit")),
        ({"metric": "orders_total", "min": 4}, ("fail", "beyond-limit")),
        ({"metric": "orders", "min": 4}, ("unknown", "absent")),
        ({"metric": "orders", "min": 4, "absent": 5}, ("pass", "within-limits")),
        ({"metric": "orders", "min": 4, "absent": 3}, ("fail", "beyond-limit")),
        ({"metric": "not_a_number", "max": 1}, ("unknown", "not-a-number")),
        ({"metric": "endless", "max": 1}, ("unknown", "not-a-number")),
        ({"metric": "orders_total", "increase_max": 4}, ("unknown", "no-baseline")),
    ],
)
def test_rules(exporter: Exporter, rule: dict[str, Any], verdict: tuple[str, str]) -> None:
    assert said(judge(exporter, rule)) == verdict


def test_what_fails_is_told(exporter: Exporter) -> None:
    found = judge(exporter, {"metric": "emergency_stop_flag", "equals": 0}, {"metric": "error_rate", "max": 0.1})
    assert found.expected.en == "error_rate <= 0.1"
    assert found.seen.en == '{job="bot"} 0.5'
    assert exporter.url in found.remedy.en
    assert found.facts == {"rule": "error_rate"}


def test_what_fails_goes_before_what_cannot_be_told(exporter: Exporter) -> None:
    absent, wrong = {"metric": "nothing", "max": 1}, {"metric": "error_rate", "max": 0.1}
    assert said(judge(exporter, absent, wrong)) == ("fail", "beyond-limit")
    assert said(judge(exporter, absent, {"metric": "error_rate", "max": 1})) == ("unknown", "absent")


@pytest.mark.parametrize(
    ("page", "kind", "verdict"),
    [
        ("", "text/plain", ("unknown", "absent")),
        ("<html><body>Log in</body></html>\n", "text/html", ("unknown", "not-metrics")),
        ("<html>\n", "text/plain", ("unknown", "not-metrics")),
        ('{"up": 1}\n', "application/json", ("unknown", "not-metrics")),
        ("up 1\n", "text/html", ("unknown", "not-metrics")),
        ("up 1", "text/plain", ("unknown", "not-metrics")),
        ("up\n", "text/plain", ("unknown", "not-metrics")),
        ("up one\n", "text/plain", ("unknown", "not-metrics")),
        ('up{a="b} 1\n', "text/plain", ("unknown", "not-metrics")),
        (b"up 1\n\xff\xfe 2\n", "text/plain", ("unknown", "not-text")),
        (
            "# TYPE up gauge\nup 1\n# EOF\n",
            "application/openmetrics-text; version=1.0.0",
            ("pass", "within-limits"),
        ),
        ("# TYPE up gauge\nup 1\n", "application/openmetrics-text; version=1.0.0", ("unknown", "not-metrics")),
        ("up 1\r\n", "text/plain", ("pass", "within-limits")),
        ("up 1\nup 0\n", "text/plain", ("fail", "beyond-limit")),
    ],
)
def test_pages(exporter: Exporter, page: str | bytes, kind: str, verdict: tuple[str, str]) -> None:
    exporter.tell(page, kind=kind)
    assert said(judge(exporter, {"metric": "up", "equals": 1})) == verdict


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "denied"), (403, "denied"), (404, "not-found"), (429, "rate-limited"), (500, "server-error"),
     (503, "server-error"), (204, "http-status"), (302, "redirect")],
)  # fmt: skip
def test_other_answers_cannot_be_told(exporter: Exporter, status: int, reason: str) -> None:
    exporter.tell("" if status == 204 else PAGE, status=status, **({"Location": "/login"} if status == 302 else {}))
    found = judge(exporter, {"metric": "emergency_stop_flag", "equals": 0})
    assert said(found) == ("unknown", reason)
    assert found.remedy.en.startswith("curl ")


def test_a_page_that_is_cut_or_too_large_cannot_be_told(exporter: Exporter) -> None:
    rule = {"metric": "emergency_stop_flag", "equals": 0}
    exporter.length = len(PAGE) + 100
    assert said(judge(exporter, rule, timeout=2))[0] == "unknown"
    exporter.length = None
    exporter.tell("# x\n" * (5 << 20) + PAGE)
    assert said(judge(exporter, rule)) == ("unknown", "too-large")
    exporter.tell("".join(f'emergency_stop_flag{{n="{n}"}} 0\n' for n in range(200)))
    assert said(judge(exporter, rule)) == ("unknown", "too-many-series")


def test_nobody_who_answers_cannot_be_told(exporter: Exporter) -> None:
    rule = {"metric": "emergency_stop_flag", "equals": 0}
    exporter.held = threading.Event()
    assert said(judge(exporter, rule, timeout=0.3)) == ("unknown", "timeout")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = look("metrics", {"scrape": f"http://127.0.0.1:{port}/", "rules": [rule]})
    assert said(found) == ("unknown", "connection-refused")
    assert said(look("metrics", {"scrape": "http://nowhere.invalid/", "rules": [rule]}))[0] == "unknown"
    assert (
        said(look("metrics", {"scrape": exporter.url.replace("http", "https"), "rules": [rule], "timeout": 2}))[0]
        == "unknown"
    )


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(-10, ("pass", "within-limits")), (-3600, ("unknown", "stale")), (3600, ("unknown", "clock-skew"))],
)
def test_the_age_of_a_sample(exporter: Exporter, seconds: int, verdict: tuple[str, str]) -> None:
    exporter.tell(f"up 1 {int((time.time() + seconds) * 1000)}\n")
    assert said(judge(exporter, {"metric": "up", "equals": 1})) == verdict


def test_an_increase_since_the_deploy(exporter: Exporter) -> None:
    watched = Watched("metrics", {"scrape": exporter.url, "rules": [{"metric": "orders_total", "increase_max": 4}]})
    watched.begin()
    assert said(watched.judge()) == ("pass", "within-limits")
    exporter.tell(PAGE.replace('"sell"} 3', '"sell"} 8'))
    found = watched.judge()
    assert said(found) == ("fail", "grown")
    assert found.seen.en == '{kind="sell"} +5'
    exporter.tell(PAGE + 'orders_total{kind="new"} 5\n')
    assert said(watched.judge()) == ("fail", "grown"), "what was not there before began at nothing"
    exporter.tell(PAGE.replace('"buy"} 7', '"buy"} 4'))
    assert said(watched.judge()) == ("pass", "within-limits"), "it fell: the process began anew"
    exporter.tell(PAGE.replace("1.7e9", "1.8e9"))
    assert said(watched.judge()) == ("fail", "grown"), "another process has counted all of it"
    exporter.tell("up 1\n")
    assert said(watched.judge()) == ("unknown", "absent")


def test_a_baseline_that_was_not_seen_is_no_zero(exporter: Exporter) -> None:
    watched = Watched("metrics", {"scrape": exporter.url, "rules": [{"metric": "orders_total", "increase_max": 4}]})
    exporter.status = 503
    watched.begin()
    exporter.status = 200
    assert said(watched.judge()) == ("unknown", "no-baseline")
    watched = Watched(
        "metrics", {"scrape": exporter.url, "rules": [{"metric": "nothing", "increase_max": 4, "absent": 0}]}
    )
    assert said(watched.judge()) == ("unknown", "no-baseline")
    watched.begin()
    assert said(watched.judge()) == ("pass", "within-limits")


def test_no_secret_of_the_address_is_told(exporter: Exporter) -> None:
    secret = "hunter2hunter2"
    url = f"{exporter.url}/hooks/{secret}?token={secret}"
    options = {"scrape": url, "rules": [{"metric": "error_rate", "max": 0.1}], "headers": {"X-Key": secret}}
    for status in (200, 500):
        exporter.status = status
        found = Watched("metrics", options).look()
        assert secret not in found.verdict.model_dump_json()
        assert secret not in json.dumps(json.loads(found.material or b"{}").get("observation"))
    path, headers = exporter.asked[0]
    assert (path, headers["X-Key"]) == (f"/hooks/{secret}?token={secret}", secret)


def test_nothing_of_the_environment_is_used(exporter: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert said(judge(exporter, {"metric": "emergency_stop_flag", "equals": 0}))[0] == "pass"


RULE = {"metric": "up", "max": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": [RULE]}, "one source"),
        ({"scrape": "http://a/", "prometheus": "http://a/", "rules": [RULE]}, "one source"),
        ({"scrape": "http://a/", "rules": []}, "at least 1"),
        ({"scrape": "ftp://a/", "rules": [RULE]}, "http"),
        ({"scrape": "http://", "rules": [RULE]}, "http"),
        ({"scrape": "http://user:pw@a/", "rules": [RULE]}, "password"),
        ({"prometheus": "http://a/?x=1", "rules": [RULE]}, "ends before"),
        ({"scrape": "http://a/", "rules": [{"expr": "up", "max": 1}]}, "need `prometheus`"),
        ({"scrape": "http://a/", "rules": [{**RULE, "for": 60}]}, "need `prometheus`"),
        ({"scrape": "http://a/", "rules": [{"metric": "up"}]}, "asserts nothing"),
        ({"scrape": "http://a/", "rules": [{"max": 1}]}, "metric and expr"),
        ({"scrape": "http://a/", "rules": [{"metric": "up{a='b'}", "max": 1}]}, "no name"),
        ({"prometheus": "http://a/", "rules": [{"expr": "up", "increase_max": 1}]}, "belong to `metric`"),
        ({"prometheus": "http://a/", "rules": [{"metric": "up", "increase_max": 1, "for": 9}]}, "no `for`"),
        ({"prometheus": "http://a/", "rules": [{"expr": "up", "max": 1, "for": 9, "tolerate": 9}]}, "part of"),
        ({"prometheus": "http://a/", "rules": [{"expr": "up", "max": 1}], "max_staleness": 60}, "300 s old"),
        ({"scrape": "http://a/", "rules": [{"metric": "up", "maximum": 1}]}, "no such key"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    found = look("metrics", options)
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en
    assert "pw" not in found.sentence.en


RECORDED = cases("metrics")


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_observations(name: str) -> None:
    case = RECORDED[name]
    found = judged("metrics", case)
    assert said(found) == (case["outcome"], case["reason"])
    if case["outcome"] == "fail":
        assert all(words.en and words.ja for words in (found.expected, found.seen, found.sentence, found.remedy))


def test_there_are_recorded_observations() -> None:
    assert len(RECORDED) >= 8

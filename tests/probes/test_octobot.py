"""The octobot probe against a small web interface that answers as OctoBot's does."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.probes.looking import look, said
from tests.probes.recorded import cases, judge_case, look_at
from tests.probes.serving import HOSTILE, Answer, Asked, Serving, answering, serving
from ultra_checklist.record import DeployMark, ReleaseRecord

NOW = datetime.now(UTC).replace(microsecond=0)
SECRET = "pA5sPhrAse-of-the-bot"


@pytest.fixture
def server() -> Iterator[Serving]:
    """Whatever it is asked, only GET may have come in the end."""
    with serving() as made:
        yield made
        assert {method for method, _, _ in made.asked} <= {"GET"}


def bot(since: datetime, *trades: dict[str, Any], version: str = "OctoBot 2.0.1", login: bool = False) -> Answer:
    """A bot whose process lives in UTC."""

    def answer(asked: Asked) -> None:
        match asked.path:
            case "/api/ping":
                asked.reply(200, json.dumps(f"Running since {since:%Y-%m-%d %H:%M:%S}."), Content_Type="text/html")
            case "/api/version":
                asked.reply(200, json.dumps(version), Content_Type="text/html")
            case "/api/trades" if login:
                asked.reply(302, Location="/login?next=%2Fapi%2Ftrades")
            case "/api/trades":
                asked.reply(200, json.dumps(trades), Content_Type="application/json")
            case _:
                asked.reply(404, "<html>")

    return answer


def trade(symbol: str, at: datetime, kind: str = "Real") -> dict[str, Any]:
    return {"symbol": symbol, "time": at.timestamp(), "SoR": kind, "exchange": "binance", "amount": 0.1, "price": 2}


def release(*deploys: datetime, withdrawn: bool = False) -> ReleaseRecord:
    marks = tuple(
        DeployMark(number=n, started=at, ended=None, exit_code=None, host="web-1", withdrawn=withdrawn)
        for n, at in enumerate(deploys, 1)
    )
    return ReleaseRecord(key="a/b/c", version="c", created=NOW, deploys=marks)


def hours(count: float) -> datetime:
    return NOW - timedelta(hours=count)


@pytest.mark.parametrize("path", cases("octobot"))
def test_recorded_observations(path: Path) -> None:
    judge_case("octobot", path)


def test_alive_and_its_version(server: Serving) -> None:
    server.answer = bot(hours(3))
    wanted = {"url": f"{server.url}/", "timezone": "UTC"}
    found = look("octobot", wanted)
    assert said(found) == ("pass", "running")
    assert found.seen.en == f"OctoBot 2.0.1, running since {hours(3):%Y-%m-%d %H:%M:%S} UTC"
    assert said(look("octobot", {**wanted, "version": r"2\.0\."})) == ("pass", "running")
    assert said(look("octobot", {**wanted, "version": r"3\.0\."})) == ("fail", "other-version")
    assert {path for _, path, _ in server.asked} == {"/api/ping", "/api/version"}


def test_its_start_is_told_in_its_own_time_zone(server: Serving) -> None:
    server.answer = bot(hours(3).astimezone(ZoneInfo("Asia/Tokyo")))
    wanted = {"url": server.url, "started": "after-deploy"}
    tokyo, _ = look_at("octobot", {**wanted, "timezone": "Asia/Tokyo"}, release=release(hours(4)))
    assert said(tokyo) == ("pass", "running")
    assert said(look("octobot", {**wanted, "timezone": "UTC"})) == ("unknown", "clock-skew")


@pytest.mark.parametrize(
    ("since", "wanted", "verdict"),
    [
        (3, "before-deploy", ("pass", "running")),
        (1, "before-deploy", ("fail", "restarted")),
        (1, "after-deploy", ("pass", "running")),
        (2, "after-deploy", ("pass", "running")),
        (3, "after-deploy", ("fail", "not-restarted")),
    ],
)
def test_alive_since_before_or_after_the_deploy(
    server: Serving, since: float, wanted: str, verdict: tuple[str, str]
) -> None:
    server.answer = bot(hours(since))
    options = {"url": server.url, "timezone": "UTC", "started": wanted}
    assert said(look_at("octobot", options, release=release(hours(9), hours(2)))[0]) == verdict
    for nothing in (None, release(), release(hours(2), withdrawn=True)):
        assert said(look_at("octobot", options, release=nothing)[0]) == ("unknown", "no-deploy")


@pytest.mark.parametrize(
    ("trades", "options", "verdict"),
    [
        ([], {"max_trades": 0}, ("pass", "running")),
        ([("BTC/USDT", 1)], {"max_trades": 1}, ("pass", "running")),
        ([("BTC/USDT", 1), ("BTC/USDT", 1.5)], {"max_trades": 1}, ("fail", "too-many-trades")),
        ([("BTC/USDT", 1), ("BTC/USDT", 3)], {"max_trades": 1}, ("pass", "running")),
        ([("BTC/USDT", 1)], {"pairs": ["BTC/USDT"]}, ("pass", "running")),
        ([("ETH/USDT", 1)], {"pairs": ["BTC/*", "*/USDT"]}, ("pass", "running")),
        ([("BTC/USDT", 1), ("DOGE/USDT", 1)], {"pairs": ["BTC/USDT"]}, ("fail", "strange-pair")),
        ([("btc/usdt", 1)], {"pairs": ["BTC/USDT"]}, ("fail", "strange-pair")),
        ([("DOGE/USDT", 3)], {"pairs": ["BTC/USDT"]}, ("pass", "running")),
    ],
)
def test_trades_since_the_deploy(
    server: Serving, trades: list[tuple[str, float]], options: dict[str, Any], verdict: tuple[str, str]
) -> None:
    server.answer = bot(hours(3), *(trade(symbol, hours(age)) for symbol, age in trades))
    found, _ = look_at("octobot", {"url": server.url, "timezone": "UTC", **options}, release=release(hours(2)))
    assert said(found) == verdict


def test_simulated_trades_count_where_it_is_said(server: Serving) -> None:
    server.answer = bot(hours(3), trade("DOGE/USDT", hours(1), "Simulated"))
    options = {"url": server.url, "timezone": "UTC", "pairs": ["BTC/USDT"]}
    assert said(look_at("octobot", options, release=release(hours(2)))[0]) == ("pass", "running")
    found, _ = look_at("octobot", {**options, "simulated": True}, release=release(hours(2)))
    assert said(found) == ("fail", "strange-pair")
    assert "DOGE/USDT" in found.seen.en


def test_trades_without_a_deploy_cannot_be_told(server: Serving) -> None:
    server.answer = bot(hours(3), trade("BTC/USDT", hours(1)))
    assert said(look("octobot", {"url": server.url, "timezone": "UTC", "max_trades": 9})) == (
        "unknown",
        "no-deploy",
    )


def test_trades_behind_a_login_cannot_be_told(server: Serving) -> None:
    server.answer = bot(hours(3), login=True)
    options = {"url": server.url, "timezone": "UTC", "max_trades": 9}
    found, _ = look_at("octobot", options, release=release(hours(2)))
    assert said(found) == ("unknown", "redirect")
    assert "next=" not in found.model_dump_json()
    assert said(look("octobot", {"url": server.url, "timezone": "UTC"})) == ("pass", "running")


@pytest.mark.parametrize("kind", HOSTILE)
def test_answers_that_tell_nothing(server: Serving, kind: str) -> None:
    server.answer, reason = HOSTILE[kind]
    headers = {"Cookie": f"session={SECRET}"}
    found = look("octobot", {"url": f"{server.url}/{SECRET}", "timeout": 0.4, "headers": headers})
    assert said(found) == ("unknown", reason)
    assert found.remedy.en
    assert SECRET not in found.model_dump_json()


@pytest.mark.parametrize(
    "body",
    [
        '"pong"',
        "{}",
        "null",
        '"Running since 2025-99-01 10:00:00."',
        '"Running since 0001-01-01 00:00:00."',
        '"Running since yesterday"',
        "[1]",
    ],
)
def test_another_service_is_no_octobot(server: Serving, body: str) -> None:
    server.answer = answering(200, body)
    assert said(look("octobot", {"url": server.url}))[0] == "unknown"


@pytest.mark.parametrize(
    "trades",
    [{}, [1], [{"symbol": "A/B"}], [{"symbol": "A/B", "time": "today"}], [{"symbol": "A/B", "time": True}],
     [{"time": 1}], [{"symbol": "A/B", "time": float("nan")}], [{"symbol": "A/B", "time": 1e300}]],
)  # fmt: skip
def test_trades_of_another_form_cannot_be_told(server: Serving, trades: Any) -> None:
    def answer(asked: Asked) -> None:
        if asked.path == "/api/trades":
            asked.reply(200, json.dumps(trades))
        else:
            bot(hours(3))(asked)

    server.answer = answer
    options = {"url": server.url, "timezone": "UTC", "max_trades": 9}
    assert said(look_at("octobot", options, release=release(hours(2)))[0]) == ("unknown", "not-octobot")


def test_nobody_there_cannot_be_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert said(look("octobot", {"url": f"http://127.0.0.1:{port}"})) == ("unknown", "connection-refused")


def test_headers_are_sent_and_never_recorded(server: Serving) -> None:
    server.answer = bot(hours(3))
    options = {"url": server.url, "timezone": "UTC", "headers": {"Cookie": f"session={SECRET}"}}
    found, material = look_at("octobot", options)
    assert server.asked[0][2]["Cookie"] == f"session={SECRET}"
    assert SECRET not in found.model_dump_json()
    assert SECRET not in json.dumps(json.loads(material)["observation"])
    for bad in ("line\nbreak", "é" + SECRET):
        found = look("octobot", {**options, "headers": {"X-Secret": bad}})
        assert found.outcome.value == "unknown"
        assert SECRET not in found.model_dump_json()


@pytest.mark.parametrize(
    "more",
    [{"url": "octobot:5001"}, {"timezone": "Tokyo"}, {"timezone": "../etc/passwd"}, {"version": "("},
     {"max_trades": -1}, {"simulated": True}, {"started": "now"}],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(more: dict[str, Any]) -> None:
    assert said(look("octobot", {"url": "http://127.0.0.1:1", **more})) == ("unknown", "bad-options")

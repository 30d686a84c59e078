"""The notion-flow probe on the real local Notion, with a small real backend."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import keeps_its_promises
from tests.probes.looking import said
from tests.probes.notion_desk import DONE, TOKEN, Desk, backend, desk_at, setting
from tests.probes.outside import RELEASE, Outside, Reply, cases, everything, judged, listening
from tests.shell import Served, serving
from ultra_checklist import plugins
from ultra_checklist.model import Item, ProbeSpec
from ultra_checklist.notion import client
from ultra_checklist.probes import notion_record
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Value, Variables

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def notion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("notion")) as made:
        yield made
    keeps_its_promises(made.log)


@pytest.fixture
def desk(notion: Served) -> Iterator[Desk]:
    with desk_at(notion) as made:
        yield made


@pytest.fixture
def trades() -> Iterator[Outside]:
    with listening() as server:
        server.replies = [Reply(200, b'{"data": {"trades": [{"id": 1}, {"id": 2}]}}')]
        yield server


@pytest.mark.parametrize("case", cases("notion-flow"))
def test_recorded_flows(case: dict[str, Any]) -> None:
    verdict = judged("notion-flow", case)
    assert said(verdict) == (case["outcome"], case["reason"])
    for text in case.get("says", ()):
        assert text in f"{verdict.sentence.en} {verdict.remedy.en} {verdict.seen.en}"
    assert case["outcome"] == "pass" or (verdict.sentence.en and verdict.remedy.en and verdict.remedy.ja)


def test_a_record_goes_through_and_away(desk: Desk, trades: Outside) -> None:
    watched: dict[str, Any] = {
        "trades_url": trades.url + "/trades",
        "trades_path": "data.trades",
        "headers": {"X-Api": "${FLOW_TOKEN}"},
    }
    with backend(desk, DONE) as behind:
        found = desk.run(**watched, values={"Status": "New", "Note": "made by a test", "Count": 3, "Seen": True})
    assert said(found.verdict) == ("pass", "effect-seen")
    assert "2 trades as before; the record is in the trash" in found.verdict.seen.en
    (made,) = desk.between.made
    assert made.json["properties"]["Title"]["title"][0]["text"]["content"].startswith("[release test] v1.4.0 uc-")
    assert made.json["properties"]["Status"] == {"select": {"name": "New"}}
    (page,) = behind.treated
    assert desk.between.trashed == [f"/v1/pages/{page}"]
    assert desk.page(page)["in_trash"] is True
    assert desk.rows() == []
    assert trades.lines == [("GET", "/trades")] * 2
    assert {asked.headers["x-api"] for asked in trades.asked} == {TOKEN}
    assert plugins.load(plugins.PROBES, "notion-flow").effect == "write"


def test_the_token_is_in_a_header_alone(desk: Desk) -> None:
    with backend(desk, DONE):
        found = desk.run()
    assert {asked.headers["authorization"] for asked in desk.between.asked} == {f"Bearer {TOKEN}"}
    assert {asked.headers["notion-version"] for asked in desk.between.asked} == {client.NOTION_VERSION}
    assert all(TOKEN not in asked.path and TOKEN.encode() not in asked.body for asked in desk.between.asked)
    assert TOKEN not in everything(found)
    assert json.loads(found.material)["observation"]["cleaned"] is True


@pytest.mark.parametrize(
    ("treat", "options"),
    [
        (setting("Seen", {"checkbox": True}), {"property": "Seen", "value": True, "values": {}}),
        (setting("Stage", {"status": {"name": "Done"}}), {"property": "Stage", "value": "Done", "values": {}}),
        (setting("Status", {"select": {"name": "Sent"}}), {"property": "Status", "value": "Sent"}),
    ],
)
def test_what_a_backend_may_set(desk: Desk, treat: Any, options: dict[str, Any]) -> None:
    with backend(desk, treat):
        assert said(desk.run(**options).verdict) == ("pass", "effect-seen")
    assert len(desk.between.made) == 1
    assert desk.rows() == []


@pytest.mark.parametrize("path", ["/news", "/news/{record}"])
def test_a_backend_that_names_the_record(desk: Desk, path: str) -> None:
    known: list[str] = []

    def treat(_desk: Desk, page: Any) -> None:
        known.append(page["id"])

    def answer(asked: Any) -> Reply:
        wanted = asked.path.removeprefix("/news").strip("/")
        if wanted and wanted not in known:
            return Reply(404, json.dumps({"detail": f"no news {wanted}"}).encode())
        return Reply(200, json.dumps({"news": [{"notion": one.replace("-", "")} for one in known]}).encode())

    with listening() as api, backend(desk, treat):
        api.answer = answer
        found = desk.run(effect_url=api.url + path)
        assert {method for method, _ in api.lines} == {"GET"}
    assert said(found.verdict) == ("pass", "effect-seen")
    assert desk.rows() == []


def test_a_backend_that_does_nothing_fails_and_is_cleaned_up(desk: Desk) -> None:
    found = desk.run(within=0.3)
    assert said(found.verdict) == ("fail", "no-effect")
    assert (found.verdict.expected.en, found.verdict.seen.en) == ("Status = Done within 0.3 s", "Status = New")
    assert len(desk.between.made) == 1
    assert desk.rows() == []


@pytest.mark.parametrize("after", [b"[1, 2, 3]", b"[1, 3]", b"[]"])
def test_trades_that_appear_fail_whatever_else_there_is(desk: Desk, trades: Outside, after: bytes) -> None:
    trades.replies = [Reply(200, b"[1, 2]"), Reply(200, after)]
    with backend(desk, DONE):
        found = desk.run(trades_url=trades.url)
    assert said(found.verdict) == ("fail", "traded")
    assert desk.rows() == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b"oops"),
        Reply(401, b"{}"),
        Reply(302, b"", {"Location": "http://127.0.0.2/"}),
        Reply(200, b"<html>Log in</html>"),
        Reply(200, b'{"trades": [1, 2'),
        Reply(200, b'{"other": 1}'),
        Reply(200, b"[" * 5000),
        Reply(200, b"\xff\xff"),
        Reply(200, b"1" * (2 << 20)),
        Reply(raw=b"SSH-2.0\r\n"),
    ],
)
def test_trades_that_cannot_be_counted(desk: Desk, trades: Outside, reply: Reply) -> None:
    good = Reply(200, b'{"trades": 7}')
    trades.replies = [reply]
    found = desk.run(trades_url=trades.url, trades_path="trades")
    assert said(found.verdict) == ("unknown", "trades-unknown")
    assert desk.between.asked == []
    trades.replies = [good, reply]
    with backend(desk, DONE):
        found = desk.run(trades_url=trades.url, trades_path="trades")
    assert said(found.verdict) == ("unknown", "trades-unknown")
    assert len(desk.between.made) == 1
    assert desk.rows() == []


def test_a_record_with_the_awaited_value_from_the_start_shows_nothing(desk: Desk) -> None:
    found = desk.run(property="Seen", value=False, values={})
    assert said(found.verdict) == ("unknown", "no-change-to-see")
    assert desk.rows() == []


def test_somebody_who_trashes_the_record_meanwhile(desk: Desk) -> None:
    def treat(desk: Desk, page: Any) -> None:
        desk.served.call("PATCH", f"pages/{page['id']}", {"in_trash": True}, who="Sato")

    with backend(desk, treat):
        found = desk.run()
    assert said(found.verdict) == ("unknown", "record-gone")
    assert json.loads(found.material)["observation"]["cleaned"] is True


def _killed_while_waiting(desk: Desk, tick: int) -> None:
    """Run the probe in a process of its own and kill it once the record is there."""
    code = (
        "import json, sys; from tests.probes.outside import prove; o, s, t = json.loads(sys.argv[1]); "
        "prove('notion-flow', o, secrets=s, tick=t, item='flow')"
    )
    given = json.dumps([desk.options(), {"FLOW_TOKEN": TOKEN}, tick])
    with subprocess.Popen([sys.executable, "-c", code, given], cwd=ROOT) as process:
        deadline = time.monotonic() + 60
        while not desk.rows() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)


def test_after_a_kill_the_record_is_found_and_not_made_twice(desk: Desk) -> None:
    _killed_while_waiting(desk, 1)
    (left,) = desk.rows()
    with backend(desk, DONE) as behind:
        found = desk.run(tick=1)
    assert said(found.verdict) == ("pass", "effect-seen")
    assert behind.treated == [left["id"]]
    assert len(desk.between.made) == 1
    assert desk.rows() == []


def test_what_an_earlier_tick_left_is_cleaned_up_and_nothing_else(desk: Desk) -> None:
    _killed_while_waiting(desk, 1)
    (left,) = desk.rows()
    parent = {"type": "data_source_id", "data_source_id": desk.source}
    foreign = {
        "parent": parent,
        "properties": {"Title": {"title": [{"text": {"content": "[release test] uc-news"}}]}},
    }
    kept = desk.served.call("POST", "pages", foreign, who="Sato")["id"]
    with backend(desk, DONE):
        found = desk.run(tick=2)
    assert said(found.verdict) == ("pass", "effect-seen")
    assert [page["id"] for page in desk.rows()] == [kept]
    assert desk.page(left["id"])["in_trash"] is True
    assert json.loads(found.material)["observation"]["older"] == 1


def test_a_pass_that_runs_out_of_time_cleans_up(desk: Desk) -> None:
    values = {"FLOW_TOKEN": Value(value=TOKEN, origin="file", secret=True)}
    runner = Runner(Variables(values=values), record=lambda: RELEASE, tick=lambda _item: 1, longest=1.5)
    spec = ProbeSpec(probe="notion-flow", options=desk.options())
    item = Item(id="flow", title="x", section="s", line=1, order=1, probes=(spec,))
    (finding,) = asyncio.run(runner.prove(item))
    assert said(finding.verdict) == ("unknown", "timeout")
    assert len(desk.between.made) == 1
    assert desk.rows() == []


def test_nothing_is_made_without_a_tick(desk: Desk) -> None:
    assert said(desk.run(tick=0).verdict) == ("unknown", "not-ticked")
    assert desk.between.asked == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"property": "", "value": None}, "say what to wait for"),
        ({"effect_url": "http://127.0.0.1/x", "property": "Status", "value": "Done"}, "say what to wait for"),
        ({"value": None}, "belong together"),
        ({"values": {"Status": "Done"}}, "from the start"),
        ({"within": 40}, "longer than within"),
        ({"data_source": "news"}, "no id"),
        ({"data_source": "../pages/1"}, "no id"),
        ({"trades_url": "http://user:topsecret@127.0.0.1/"}, "plain"),
        ({"base_url": "ftp://127.0.0.1/"}, "plain"),
    ],
)
def test_options_that_make_no_sense_are_refused(desk: Desk, options: dict[str, Any], message: str) -> None:
    found = desk.run(**options).verdict
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en
    assert "topsecret" not in found.model_dump_json()
    assert desk.between.asked == []


def test_the_version_of_notions_api_is_ours() -> None:
    assert notion_record.NOTION_VERSION == client.NOTION_VERSION

"""Misbehaving on demand: every fault as a client sees it, and the same seed twice."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.server.conftest import WORKSPACE, Notion, text
from ultra_checklist.server import faults, rate, times
from ultra_checklist.server.app import create_app
from ultra_checklist.server.misbehaviour import Misbehaviour, of

Json = dict[str, Any]
Make = Callable[..., Notion]
PAGE: Json = {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("Made")}}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A local Notion that misbehaves as a script says."""
    apps: list[Starlette] = []

    def made(*rules: Json, **script: Any) -> Notion:
        wrong = Misbehaviour(script=faults.Script.model_validate({"rules": list(rules), **script}))
        apps.append(create_app(tmp_path / f"notion{len(apps)}.db", misbehaviour=wrong))
        return Notion(apps[-1])

    yield made
    for app in apps:
        app.state.store.close()


def made_pages(notion: Notion) -> int:
    # Asked as a person, whom no fault meets.
    return len(notion.person("Hanako").get(f"blocks/{WORKSPACE}/children")["results"])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("service_overload", 529, "service_overload"),
        ("conflict", 409, "conflict_error"),
        ("internal_server_error", 500, "internal_server_error"),
        ("service_unavailable", 503, "service_unavailable"),
        ("database_connection_unavailable", 503, "database_connection_unavailable"),
        ("gateway_timeout", 504, "gateway_timeout"),
    ],
)
def test_errors_leave_nothing_behind(make: Make, fault: str, status: int, code: str) -> None:
    notion = make({"fault": fault, "method": "POST"})
    answer = notion.send("POST", "/v1/pages", json=PAGE)
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (status, status, code)
    assert answer.json()["request_id"]
    assert made_pages(notion) == 0


@pytest.mark.parametrize("fault", sorted(faults.MAY_COMMIT - {"dropped"}))
def test_errors_that_come_after_the_write(make: Make, fault: str) -> None:
    notion = make({"fault": fault, "method": "POST", "committed": True})
    assert notion.send("POST", "/v1/pages", json=PAGE).status_code >= 500
    assert made_pages(notion) == 1


@pytest.mark.parametrize(
    "reason",
    [
        "public_api_request_rate_limit",
        "public_api_space_request_rate_limit",
        "public_api_endpoint_rate_limit",
        "public_api_request_blocked",
    ],
)
def test_rate_limits_with_every_reason(make: Make, reason: str) -> None:
    notion = make({"fault": "rate_limited", "reason": reason, "retry_after": 300, "times": 1})
    answer = notion.send("GET", "/v1/users/me")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert answer.headers["retry-after"] == "300"
    assert answer.json()["additional_data"] == {"rate_limit_reason": reason, "retry_after": "300"}
    assert notion.send("GET", "/v1/users/me").status_code == 200


def test_a_gateway_answers_in_html(make: Make) -> None:
    answer = make({"fault": "bad_gateway"}).send("GET", "/v1/users/me")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert "<h1>502 Bad Gateway</h1>" in answer.text


def test_a_saved_change_names_what_it_saved(make: Make) -> None:
    notion = make({"fault": "change_was_saved", "writes": True})
    answer = notion.send("POST", "/v1/pages", json=PAGE)
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert answer.json()["message"].startswith("The change was saved, but the response could not be built in time.")
    data = answer.json()["additional_data"]
    assert {"from", "elapsed_ms", "deadline_ms", "retry_guidance"} < set(data)
    person = notion.person("Hanako")
    assert person.get(f"pages/{data['committed_resource_id']}")["id"] == data["committed_resource_id"]
    blocks: Json = {"children": [{"divider": {}}, {"divider": {}}]}
    data = notion.send("PATCH", f"/v1/blocks/{WORKSPACE}/children", json=blocks).json()["additional_data"]
    listed = person.get(f"blocks/{WORKSPACE}/children")["results"]
    assert data["committed_child_ids"] == [block["id"] for block in listed[1:]]


def test_half_an_answer_is_no_json(make: Make) -> None:
    notion = make({"fault": "truncated_json", "method": "POST"})
    answer = notion.send("POST", "/v1/pages", json=PAGE)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert made_pages(notion) == 1


def test_in_process_a_dropped_connection_is_an_error(make: Make) -> None:
    notion = make({"fault": "dropped"})
    with pytest.raises(ConnectionAbortedError):
        notion.send("GET", "/v1/users/me")


def test_bad_requests_stay_bad(make: Make) -> None:
    notion = make({"fault": "conflict"})
    assert notion.send("GET", "/v1/nowhere").json()["code"] == "invalid_request_url"
    assert notion.send("GET", "/v1/users/me", headers={"Authorization": "Bearer x"}).status_code == 401


def test_rules_look_at_what_they_say(make: Make) -> None:
    notion = make(
        {"fault": "conflict", "path": "/v1/pages/*", "method": "PATCH", "nth": 2},
        {"fault": "service_overload", "path": "/v1/users*", "every": 3},
        {"fault": "gateway_timeout", "actor": "person"},
    )
    page = notion.post("pages", PAGE)["id"]
    body = {"properties": {"title": text("New")}}
    assert [notion.send("PATCH", f"/v1/pages/{page}", json=body).status_code for _ in range(4)] == [
        200,
        409,
        200,
        200,
    ]
    assert [notion.send("GET", "/v1/users").status_code for _ in range(6)] == [200, 200, 529, 200, 200, 529]
    assert notion.person("Hanako").send("GET", "/v1/users").status_code == 504


def test_the_same_seed_gives_the_same_faults(make: Make) -> None:
    rules = ({"fault": "conflict", "probability": 0.3}, {"fault": "service_overload", "probability": 0.2})

    def statuses(seed: int) -> list[int]:
        notion = make(*rules, seed=seed)
        return [notion.send("GET", "/v1/users/me").status_code for _ in range(60)]

    first = statuses(7)
    assert first == statuses(7)
    assert first != statuses(8)
    assert {200, 409, 529} == set(first)


def test_what_happens_beside_it_does_not_change_a_rule(make: Make) -> None:
    rule = {"fault": "conflict", "probability": 0.4, "path": "/v1/users/me"}
    alone, among = make(rule, seed=3), make(rule, seed=3)
    wanted = [alone.send("GET", "/v1/users/me").status_code for _ in range(20)]
    found = []
    for _ in range(20):
        among.get("users")
        found.append(among.send("GET", "/v1/users/me").status_code)
    assert found == wanted


def test_queries_and_searches_lag_behind(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    notion = make(lag_ms={"query": 2000, "search": 5000})
    clock = [times.now()]
    monkeypatch.setattr(times, "now", lambda: clock[0])
    source = notion.database(Done={"checkbox": {}})
    row = notion.row(source, "old")
    done = {"property": "Done", "checkbox": {"equals": True}}
    clock[0] += 10_000
    assert notion.found(source) == ["old"]
    notion.patch(
        f"pages/{row['id']}", {"properties": {"Done": {"checkbox": True}, "Name": {"title": text("changed")}}}
    )
    new = notion.row(source, "new", Done={"checkbox": True})
    clock[0] += 1999
    assert notion.get(f"pages/{row['id']}")["properties"]["Done"]["checkbox"] is True
    assert notion.get(f"pages/{new['id']}")["id"] == new["id"]
    assert (notion.found(source), notion.found(source, done)) == (["old"], [])
    clock[0] += 1
    assert notion.found(source, done) == ["changed", "new"]
    pages = {"property": "object", "value": "page"}
    assert notion.post("search", {"query": "new", "filter": pages})["results"] == []
    clock[0] += 3000
    assert len(notion.post("search", {"query": "new", "filter": pages})["results"]) == 1
    assert notion.get(f"pages/{row['id']}")["properties"]["Name"]["title"][0]["plain_text"] == "changed"


def test_rows_that_nobody_sorts_come_shuffled(make: Make) -> None:
    def orders(seed: int) -> list[list[str]]:
        notion = make(shuffle=True, seed=seed)
        source = notion.database()
        for number in range(12):
            notion.row(source, f"{number:02}")
        sorts = [{"property": "Name", "direction": "ascending"}]
        assert notion.found(source, sorts=sorts) == [f"{number:02}" for number in range(12)]
        return [notion.found(source) for _ in range(3)]

    found = orders(1)
    assert all(sorted(one) == [f"{number:02}" for number in range(12)] for one in found)
    assert len({tuple(one) for one in found}) == 3


def test_a_schema_changes_under_the_client_s_feet(make: Make) -> None:
    notion = make(
        {
            "fault": "schema_changed",
            "path": "/v1/pages",
            "nth": 2,
            "data_source": "Things",
            "properties": {"Done": {"name": "Erledigt"}, "Note": None},
        }
    )
    source = notion.database(Done={"checkbox": {}}, Note={"rich_text": {}})
    notion.row(source, "a", Done={"checkbox": True})
    body = {"parent": {"data_source_id": source}, "properties": {"Done": {"checkbox": True}}}
    assert notion.refused("POST", "pages", body)["message"] == "Done is not a property that exists."
    answer = notion.get(f"data_sources/{source}")
    assert set(answer["properties"]) == {"Name", "Erledigt"}
    editor = notion.get(f"users/{answer['last_edited_by']['id']}")
    assert (editor["type"], editor["name"]) == ("person", "Somebody")


@pytest.mark.parametrize("model", ["window:3/60", "bucket:1/3"])
def test_the_rate_is_limited_for_the_integration(tmp_path: Path, model: str) -> None:
    clock = [1000.0]
    app = create_app(tmp_path / "n.db", misbehaviour=Misbehaviour(limit=rate.parse(model), clock=lambda: clock[0]))
    notion = Notion(app)
    assert [notion.send("GET", "/v1/users/me").status_code for _ in range(3)] == [200] * 3
    answer = notion.send("GET", "/v1/users/me")
    assert answer.status_code == 429
    assert answer.json()["additional_data"]["rate_limit_reason"] == "public_api_request_rate_limit"
    assert notion.person("Hanako").send("GET", "/v1/users/me").status_code == 200
    clock[0] += int(answer.headers["retry-after"])
    assert notion.send("GET", "/v1/users/me").status_code == 200
    app.state.store.close()


def test_a_window_opens_again_as_a_whole() -> None:
    window = rate.parse("window:2/60")
    assert window is not None
    assert [window.ask("a", 0), window.ask("a", 10), window.ask("a", 20)] == [0, 0, 40]
    assert window.ask("b", 20) == 0
    assert [window.ask("a", 59.5), window.ask("a", 60), window.ask("a", 61), window.ask("a", 62)] == [1, 0, 0, 58]


def test_a_bucket_fills_drop_by_drop() -> None:
    bucket = rate.parse("bucket:2/4")
    assert bucket is not None
    assert [bucket.ask("a", 0) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert [bucket.ask("a", 0.5), bucket.ask("a", 0.5)] == [0, 1]
    assert [bucket.ask("a", 100) for _ in range(5)] == [0, 0, 0, 0, 1]


def test_answers_are_delayed(tmp_path: Path) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    wrong = of("100-200", None, None)
    wrong.sleep = sleep
    app = create_app(tmp_path / "n.db", misbehaviour=wrong)
    for _ in range(5):
        Notion(app).get("users/me")
    Notion(app).person("Hanako").get("users/me")
    assert len(slept) == 5
    assert all(0.1 <= one <= 0.2 for one in slept)
    assert len(set(slept)) > 1
    app.state.store.close()


def test_a_slow_body_comes_in_pieces(tmp_path: Path) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    script = faults.Script.model_validate({"rules": [{"fault": "slow_body", "over_ms": 2000}]})
    app = create_app(tmp_path / "n.db", misbehaviour=Misbehaviour(script=script, sleep=sleep))

    async def pieces() -> list[bytes]:
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": "Bearer ntn_local", "Notion-Version": "2026-03-11"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://notion.local", headers=headers
        ) as client:
            return [piece async for piece in (await client.get("/v1/users/me")).aiter_bytes(16)]

    assert json.loads(b"".join(asyncio.run(pieces())))["type"] == "bot"
    assert len(slept) > 10
    assert sum(slept) == pytest.approx(2.0)
    app.state.store.close()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ('{"seeds": 1}', "seeds: Extra inputs are not permitted"),
        ('{"rules": [{}]}', "rules.0.fault: Field required"),
        ('{"rules": [{"fault": "flood"}]}', "rules.0.fault: Input should be 'rate_limited'"),
        ('{"rules": [{"fault": "conflict", "probability": 2}]}', "rules.0.probability"),
        ('{"rules": [{"fault": "conflict", "nth": 0}]}', "rules.0.nth"),
        ('{"rules": [{"fault": "conflict", "retry_after": 3}]}', "retry_after goes with rate_limited"),
        ('{"rules": [{"fault": "rate_limited", "retry_after": 301}]}', "rules.0.retry_after"),
        ('{"rules": [{"fault": "conflict", "committed": true}]}', "committed goes with bad_gateway"),
        ('{"rules": [{"fault": "schema_changed"}]}', "schema_changed needs data_source"),
        ('{"lag_ms": {"query": -1}}', "lag_ms.query"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="--faults: ") as caught:
        of(None, None, path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("option", "text"), [("--rate", "3/3"), ("--rate", "window:0/1"), ("--latency", "-5")])
def test_wrong_options_are_refused(option: str, text: str) -> None:
    given = {"--rate": (None, text), "--latency": (text, None)}[option]
    with pytest.raises(ValueError, match=f"{option}: .* write "):
        of(*given, None)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        of(None, None, tmp_path / "none.json")

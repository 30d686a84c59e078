"""The notion-flow probe where Notion fails, answers strangely, or loses answers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.probes.looking import said
from tests.probes.notion_desk import DONE, TOKEN, Desk, backend, desk_at
from tests.probes.outside import Asked, Reply, closed_port, prove
from tests.shell import Served, serving
from ultra_checklist.probes import notion_record


@pytest.fixture(scope="module")
def notion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("notion")) as made:
        yield made


@pytest.fixture
def desk(notion: Served) -> Iterator[Desk]:
    with desk_at(notion) as made:
        yield made


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts in a row follow each other all but at once, and one request may take a second."""
    monkeypatch.setattr(notion_record, "PAUSE", 0.01)
    monkeypatch.setattr(notion_record, "ONE_REQUEST", 1.0)


def error(status: int, code: str, **more: str) -> Reply:
    body = {"object": "error", "status": status, "code": code, "message": f"{code} for {TOKEN}"}
    return Reply(status, json.dumps(body).encode(), more)


STRANGE = [
    (error(401, "unauthorized"), "unauthorized"),
    (error(403, "restricted_resource"), "not-allowed"),
    (error(404, "object_not_found"), "not-found"),
    (error(400, "validation_error"), "invalid"),
    (error(429, "rate_limited", **{"Retry-After": "300"}), "rate-limited"),
    (error(429, "rate_limited", **{"Retry-After": "soon"}), "rate-limited"),
    (error(503, "service_unavailable"), "server-error"),
    (error(409, "conflict_error"), "conflict"),
    (Reply(200, b"<html>Log in</html>"), "unexpected-answer"),
    (Reply(200, b'{"object": "data_so'), "unexpected-answer"),
    (Reply(200, b"[]"), "unexpected-answer"),
    (Reply(200, b"[" * 5000), "unexpected-answer"),
    (Reply(200, b"\xff\xfe\xfd"), "unexpected-answer"),
    (Reply(200, b'"' + b"x" * (2 << 20) + b'"'), "unexpected-answer"),
    (Reply(302, b"", {"Location": "http://127.0.0.2/"}), "refused"),
    (Reply(raw=b"SSH-2.0-OpenSSH\r\n"), "no-answer"),
    (Reply(raw=b""), "no-answer"),
    (Reply(hang=True), "timeout"),
]


@pytest.mark.parametrize(("reply", "reason"), STRANGE)
@pytest.mark.parametrize("path", ["/v1/data_sources/{source}", "/v1/data_sources/{source}/query"])
def test_where_notion_cannot_be_seen_nothing_is_made(desk: Desk, path: str, reply: Reply, reason: str) -> None:
    wanted = path.replace("{source}", desk.source)
    desk.between.instead = lambda asked: reply if asked.path == wanted else None
    found = desk.run().verdict
    assert said(found) == ("unknown", reason)
    assert "nothing was made" in found.sentence.en
    assert TOKEN not in found.model_dump_json()
    assert desk.between.made == []
    assert sum(asked.path == wanted for asked in desk.between.asked) <= 3


def test_nobody_there_and_json_of_somebody_else(desk: Desk) -> None:
    gone = desk.options(base_url=f"http://127.0.0.1:{closed_port()}")
    found = prove("notion-flow", gone, secrets={"FLOW_TOKEN": TOKEN}).verdict
    assert said(found) == ("unknown", "connection-refused")
    for body in (b"{}", b'{"properties": []}', b'{"properties": {"Title": 1}}', b'{"properties": {"Title": {}}}'):
        desk.between.instead = lambda _asked, body=body: Reply(200, body)  # type: ignore[misc]
        assert desk.run().verdict.outcome == "unknown"
    assert desk.between.made == []


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"property": "State"}, "State"),
        ({"property": "Note"}, "Note"),
        ({"property": "Seen", "value": "yes"}, "Seen"),
        ({"property": "Status", "value": True}, "Status"),
        ({"property": "Stage", "value": "Never heard of"}, "Stage"),
        ({"title_property": "Name"}, "Name"),
        ({"title_property": "Note"}, "Note"),
        ({"values": {"Missing": "x"}}, "Missing"),
    ],
)
def test_a_schema_that_does_not_fit_makes_nothing(desk: Desk, options: dict[str, Any], name: str) -> None:
    found = desk.run(**options).verdict
    assert said(found) == ("unknown", "bad-property")
    assert name in found.sentence.en
    assert desk.between.made == []


def test_a_lost_answer_is_read_back_and_nothing_is_made_twice(desk: Desk) -> None:
    desk.between.lost = lambda asked: asked in desk.between.made
    with backend(desk, DONE):
        found = desk.run()
    assert said(found.verdict) == ("pass", "effect-seen")
    assert len(desk.between.made) == 1
    assert desk.rows() == []


@pytest.mark.parametrize(
    "reply", [Reply(raw=b""), error(500, "internal_server_error"), Reply(200, b"<html>"), Reply(hang=True)]
)
def test_a_create_that_never_arrived_is_not_sent_again(desk: Desk, reply: Reply) -> None:
    desk.between.instead = lambda asked: reply if asked.path == "/v1/pages" else None
    found = desk.run(within=0.3).verdict
    assert found.outcome == "unknown"
    assert "may still be there" in found.sentence.en
    assert "[release test] v1.4.0 uc-" in found.remedy.en
    assert len(desk.between.made) == 1


@pytest.mark.parametrize(
    "reply", [error(429, "rate_limited", **{"Retry-After": "0"}), error(409, "conflict_error")]
)
def test_a_create_that_was_surely_not_done_is_sent_again(desk: Desk, reply: Reply) -> None:
    desk.between.instead = lambda asked: (
        reply if asked.path == "/v1/pages" and len(desk.between.made) == 1 else None
    )
    with backend(desk, DONE):
        found = desk.run()
    assert said(found.verdict) == ("pass", "effect-seen")
    assert len(desk.between.made) == 2
    assert desk.rows() == []


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_create_leaves_nothing_behind(desk: Desk, status: int) -> None:
    desk.between.instead = lambda asked: error(status, "no") if asked.path == "/v1/pages" else None
    found = desk.run().verdict
    assert found.outcome == "unknown"
    assert "could not be made" in found.sentence.en
    assert "still be there" not in found.sentence.en
    assert desk.between.trashed == []


def test_notion_that_goes_away_while_we_wait_cannot_be_told(desk: Desk) -> None:
    def away(asked: Asked) -> Reply | None:
        return error(503, "service_unavailable") if desk.between.made and asked.method == "GET" else None

    desk.between.instead = away
    found = desk.run(within=0.5)
    assert said(found.verdict) == ("unknown", "server-error")
    assert json.loads(found.material)["observation"]["cleaned"] is True
    assert desk.rows() == []


def test_notion_that_comes_back_in_time_is_enough(desk: Desk) -> None:
    failing = [error(503, "service_unavailable"), Reply(raw=b""), error(429, "rate_limited"), Reply(200, b"<html>")]

    def shaky(asked: Asked) -> Reply | None:
        return failing.pop() if failing and asked.path.startswith("/v1/pages/") else None

    desk.between.instead = shaky
    with backend(desk, DONE):
        assert said(desk.run().verdict) == ("pass", "effect-seen")
    assert failing == []
    assert desk.rows() == []


def _trash(reply: Reply, reading: Reply | None = None) -> Callable[[Desk], None]:
    def prepare(desk: Desk) -> None:
        def instead(asked: Asked) -> Reply | None:
            if asked.method == "PATCH":
                return reply
            return reading if desk.between.trashed and asked.method == "GET" else None

        desk.between.instead = instead

    return prepare


@pytest.mark.parametrize(
    ("prepare", "verdict"),
    [
        (_trash(error(403, "restricted_resource")), ("fail", "left-behind")),
        (_trash(error(503, "service_unavailable")), ("fail", "left-behind")),
        (_trash(Reply(raw=b""), error(503, "service_unavailable")), ("unknown", "cleanup-unknown")),
        (_trash(error(401, "unauthorized"), error(401, "unauthorized")), ("unknown", "cleanup-unknown")),
    ],
)
def test_a_record_that_stays_behind_is_named(
    desk: Desk, prepare: Callable[[Desk], None], verdict: tuple[str, str]
) -> None:
    prepare(desk)
    with backend(desk, DONE):
        found = desk.run().verdict
    assert said(found) == verdict
    assert "[release test] v1.4.0 uc-" in found.remedy.en
    assert len(desk.rows()) == 1


def test_a_failure_also_says_what_stays_behind(desk: Desk) -> None:
    _trash(error(403, "restricted_resource"))(desk)
    found = desk.run(within=0.2).verdict
    assert said(found) == ("fail", "no-effect")
    assert "could not be moved to the trash" in found.sentence.en
    assert "by hand" in found.remedy.en


def test_a_trash_whose_answer_is_lost_is_read_back(desk: Desk) -> None:
    desk.between.lost = lambda asked: asked.method == "PATCH"
    with backend(desk, DONE):
        assert said(desk.run().verdict) == ("pass", "effect-seen")
    assert desk.rows() == []


def test_an_error_that_says_what_it_has_made(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    rules = [{"fault": "change_was_saved", "method": "POST", "path": "/v1/pages", "times": 1}]
    faults.write_text(json.dumps({"seed": 1, "rules": rules}))
    with serving(tmp_path, "--faults", str(faults)) as served, desk_at(served) as desk, backend(desk, DONE):
        found = desk.run()
    assert said(found.verdict) == ("pass", "effect-seen")
    assert len(desk.between.made) == 1

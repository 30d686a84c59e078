"""The line probe against a pretend Messaging API on loopback."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.probes.looking import said
from tests.probes.outside import (
    Asked,
    Outside,
    Reply,
    cases,
    closed_port,
    code_of,
    everything,
    judged,
    listening,
    prove,
)
from ultra_checklist.model import Finding

VALIDATE = ("POST", "/v2/bot/message/validate/push")
QUOTA = ("GET", "/v2/bot/message/quota")
CONSUMPTION = ("GET", "/v2/bot/message/quota/consumption")
PUSH = ("POST", "/v2/bot/message/push")
ALL = [VALIDATE, QUOTA, CONSUMPTION, PUSH]
TOKEN = "lineChannelToken0123456789/+abc="
TO = "U4af4980629"


class Line(Outside):
    """Answers like LINE: a retry key is carried out once. ``instead`` is asked first."""

    def __init__(self) -> None:
        super().__init__()
        self.quota: Any = {"type": "limited", "value": 200}
        self.used: Any = {"totalUsage": 42}
        self.delivered: dict[str, Any] = {}
        self.instead: Callable[[Asked], Reply | None] = lambda _asked: None
        self.answer = self._line

    def _line(self, asked: Asked) -> Reply:
        given = self.instead(asked)
        if given is not None:
            return given
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _json({"message": "Authentication failed."}, 401)
        match (asked.method, asked.path):
            case ("POST", "/v2/bot/message/validate/push"):
                return _json({}) if set(asked.json) == {"messages"} else _json({"message": "invalid"}, 400)
            case ("GET", "/v2/bot/message/quota"):
                return _json(self.quota)
            case ("GET", "/v2/bot/message/quota/consumption"):
                return _json(self.used)
            case ("POST", "/v2/bot/message/push"):
                return self.deliver(asked)
        return _json({"message": "Not found"}, 404)

    def deliver(self, asked: Asked) -> Reply:
        key = asked.headers["x-line-retry-key"]
        if key in self.delivered:
            return _json({"message": "The retry key is already accepted"}, 409)
        self.delivered[key] = asked.json
        return _json({"sentMessages": [{"id": "461230966842064897", "quoteToken": "q"}]})


def _json(data: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(data).encode(), {"x-line-request-id": "5e1f9e54-3fee-4d8a-8b8a-0d5cf5c5c5c5"})


@pytest.fixture
def line() -> Iterator[Line]:
    with listening(Line) as server:
        assert isinstance(server, Line)
        yield server


def send(line: Outside, token: str = TOKEN, tick: int = 1, **options: Any) -> Finding:
    given = {"token": "${TOKEN}", "to": TO, "base_url": line.url, **options}
    return prove("line", given, secrets={"TOKEN": token}, tick=tick)


@pytest.mark.parametrize("case", cases("line"))
def test_recorded_answers(case: dict[str, Any]) -> None:
    verdict = judged("line", case)
    assert said(verdict) == (case["outcome"], case["reason"])
    assert bool(verdict.answer) is (case["outcome"] == "pass")


def test_it_asks_first_and_pushes_once(line: Line) -> None:
    found = send(line)
    assert said(found.verdict) == ("pass", "accepted")
    assert found.verdict.seen.en == "200, 158 of 200 messages were left"
    assert line.lines == ALL
    (pushed,) = line.delivered.values()
    assert pushed["to"] == TO
    (message,) = pushed["messages"]
    assert message["type"] == "text"
    assert f"code {code_of(found.verdict)} " in message["text"]
    assert "please ignore" in message["text"]
    assert line.asked[0].json["messages"] == pushed["messages"]
    assert {asked.headers["authorization"] for asked in line.asked} == {f"Bearer {TOKEN}"}
    assert [i for i, asked in enumerate(line.asked) if "x-line-retry-key" in asked.headers] == [3]
    assert all(TOKEN not in asked.path and TOKEN.encode() not in asked.body for asked in line.asked)


def test_neither_code_nor_token_is_kept_or_shown(line: Line) -> None:
    def echo(asked: Asked) -> Reply | None:
        if asked.path == PUSH[1]:
            return Reply(400, asked.body + TOKEN.encode())
        return None

    found = send(line)
    assert code_of(found.verdict) not in json.loads(found.material)["observation"].values()
    assert TOKEN not in everything(found)
    line.instead = echo
    found = send(line, tick=2)
    assert said(found.verdict) == ("fail", "refused")
    text = line.asked[-1].json["messages"][0]["text"]
    assert text.split("type the code ")[1][:4] not in everything(found)
    assert TOKEN not in everything(found)


def test_the_retry_key_is_that_of_the_tick_and_the_receiver(line: Line) -> None:
    send(line)
    repeat = send(line)
    assert said(repeat.verdict) == ("unknown", "sent-before")
    assert len(line.delivered) == 1
    assert said(send(line, tick=2).verdict) == ("pass", "accepted")
    assert said(send(line, to="C123").verdict) == ("pass", "accepted")
    assert len(line.delivered) == 3
    assert [str(UUID(key)) for key in line.delivered] == list(line.delivered)


@pytest.mark.parametrize("lost", [Reply(raw=b""), Reply(500, b'{"message":"oops"}'), Reply(hang=True)])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_is_asked_for_again_with_the_same_key(line: Line, lost: Reply, arrived: bool) -> None:
    def once(asked: Asked) -> Reply | None:
        if asked.path != PUSH[1] or line.lines.count(PUSH) > 1:
            return None
        if arrived:
            line.deliver(asked)
        return lost

    line.instead = once
    found = send(line, timeout=3)
    assert said(found.verdict) == ("pass", "accepted")
    assert line.lines == [*ALL, PUSH]
    assert len(line.delivered) == 1
    assert line.asked[3].body == line.asked[4].body
    assert code_of(found.verdict) in line.asked[3].json["messages"][0]["text"]


def test_no_more_than_two_pushes(line: Line) -> None:
    line.instead = lambda asked: Reply(503, b"{}") if asked.path == PUSH[1] else None
    found = send(line).verdict
    assert said(found) == ("unknown", "server-error")
    assert found.remedy.en.startswith("look whether it arrived")
    assert line.lines == [*ALL, PUSH]


@pytest.mark.parametrize(
    ("quota", "used", "options", "verdict", "told"),
    [
        ({"type": "limited", "value": 200}, 200, {}, ("fail", "quota-used-up"), "200/200 used"),
        ({"type": "limited", "value": 200}, 230, {}, ("fail", "quota-used-up"), "230/200 used"),
        ({"type": "limited", "value": 200}, 199, {}, ("pass", "accepted"), "200, 1 of 200 messages were left"),
        ({"type": "limited", "value": 200}, 195, {"min_left": 10}, ("fail", "quota-used-up"), "195/200 used"),
        ({"type": "none"}, 12345, {}, ("pass", "accepted"), "200, no limit this month"),
        ({"type": "limited", "value": 0}, 0, {}, ("fail", "quota-used-up"), "0/0 used"),
    ],
)
def test_the_quota(
    line: Line, quota: Any, used: int, options: dict[str, Any], verdict: tuple[str, str], told: str
) -> None:
    line.quota, line.used = quota, {"totalUsage": used}
    found = send(line, **options).verdict
    assert said(found) == verdict
    assert found.seen.en == told
    assert (PUSH in line.lines) is (verdict[0] == "pass")


@pytest.mark.parametrize(
    "quota", [{}, [], {"type": "limited"}, {"type": "limited", "value": "many"}, {"type": "limited", "value": True}]
)
def test_a_quota_that_cannot_be_read_sends_nothing(line: Line, quota: Any) -> None:
    line.quota = quota
    assert said(send(line).verdict) == ("unknown", "unexpected-answer")
    assert line.lines == [VALIDATE, QUOTA]


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (_json({"message": "Authentication failed."}, 401), ("unknown", "not-allowed")),
        (
            _json({"message": "Access to this API is not available for your account"}, 403),
            ("unknown", "not-allowed"),
        ),
        (
            _json({"message": "The API rate limit has been exceeded. Try again later."}, 429),
            ("unknown", "rate-limited"),
        ),
        (Reply(500, b"oops"), ("unknown", "server-error")),
        (Reply(200, b"<html>Log in</html>"), ("unknown", "unexpected-answer")),
        (Reply(200, b'{"type": "lim'), ("unknown", "unexpected-answer")),
        (Reply(200, b"[" * 3000), ("unknown", "unexpected-answer")),
        (Reply(200, b"\xff\xff"), ("unknown", "unexpected-answer")),
        (Reply(200, b"x" * 300_000), ("unknown", "unexpected-answer")),
        (Reply(raw=b"SSH-2.0\r\n"), ("unknown", "no-answer")),
        (Reply(302, b"", {"Location": "http://127.0.0.2/"}), ("fail", "redirect")),
    ],
)
@pytest.mark.parametrize("stage", [QUOTA, CONSUMPTION])
def test_trouble_before_the_push_sends_nothing(
    line: Line, stage: tuple[str, str], reply: Reply, verdict: tuple[str, str]
) -> None:
    line.instead = lambda asked: reply if asked.path == stage[1] else None
    found = send(line).verdict
    assert said(found) == verdict
    assert line.lines == ALL[: ALL.index(stage) + 1]
    assert "look whether it arrived" not in found.remedy.en


def test_a_wrong_token_and_an_invalid_message_send_nothing(line: Line) -> None:
    assert said(send(line, token="anotherTokenOfSomebody").verdict) == ("unknown", "not-allowed")
    line.instead = lambda asked: _json({"message": "bad"}, 400) if asked.path == VALIDATE[1] else None
    assert said(send(line).verdict) == ("fail", "invalid")
    assert line.lines == [VALIDATE, VALIDATE]


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (_json({"message": "You have reached your monthly limit."}, 429), ("fail", "quota-used-up")),
        (_json({"message": "The property, 'to', in the request body is invalid"}, 400), ("fail", "refused")),
        (_json({"message": "Failed to send messages"}, 400), ("fail", "refused")),
        (Reply(200, b"<html>ok</html>"), ("unknown", "unexpected-answer")),
    ],
)
def test_what_a_push_may_answer(line: Line, reply: Reply, verdict: tuple[str, str]) -> None:
    line.instead = lambda asked: reply if asked.path == PUSH[1] else None
    assert said(send(line).verdict) == verdict
    assert line.lines == ALL


def test_time_is_up_before_the_push(line: Line) -> None:
    line.instead = lambda asked: Reply(hang=True) if asked.path == CONSUMPTION[1] else None
    found = send(line, timeout=0.5).verdict
    assert said(found) == ("unknown", "timeout")
    assert found.remedy.en == "untick and tick to send it again"
    assert PUSH not in line.lines


def test_nobody_there_bad_options_and_no_tick(line: Line) -> None:
    gone = {"token": TOKEN, "to": TO, "base_url": f"http://127.0.0.1:{closed_port()}"}
    assert said(prove("line", gone).verdict) == ("unknown", "connection-refused")
    for token in ("no\nheader", "日本語"):
        assert said(send(line, token=token).verdict) == ("unknown", "not-sendable")
    for bad in ({"base_url": "api.line.me"}, {"base_url": "http://u:p@h"}, {"to": ""}, {"min_left": 0}):
        assert said(prove("line", gone | bad).verdict) == ("unknown", "bad-options")
    assert said(send(line, tick=0).verdict) == ("unknown", "not-ticked")
    assert line.asked == []

"""The webhook probe against a real server on loopback."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest

from tests.probes.looking import said
from tests.probes.outside import (
    RELEASE,
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

PATH = "/in/4f9d2c7b8a1e?token=q1w2e3r4t5"
SECRETS = {"SIGNING": "shared secret of both"}


@pytest.fixture
def receiver() -> Iterator[Outside]:
    with listening() as server:
        yield server


def options(receiver: Outside, **more: Any) -> dict[str, Any]:
    return {"url": receiver.url + PATH, **more}


@pytest.mark.parametrize("case", cases("webhook"))
def test_recorded_answers(case: dict[str, Any]) -> None:
    verdict = judged("webhook", case)
    assert said(verdict) == (case["outcome"], case["reason"])
    assert bool(verdict.answer) is (case["outcome"] == "pass")


def test_one_signed_message_goes_out(receiver: Outside) -> None:
    receiver.replies = [Reply(202, b"queued")]
    found = prove("webhook", options(receiver, secret="${SIGNING}"), secrets=SECRETS).verdict
    assert said(found) == ("pass", "accepted")
    assert receiver.lines == [("POST", PATH)]
    (asked,) = receiver.asked
    payload = asked.json
    code = code_of(found)
    assert payload["code"] == code
    assert code in payload["text"]
    assert "please ignore" in payload["text"]
    assert {name: payload[name] for name in ("event", "release", "version", "item")} == {
        "event": "test", "release": RELEASE.key, "version": "v1.4.0", "item": "smoke",
    }  # fmt: skip
    wanted = hmac.new(SECRETS["SIGNING"].encode(), asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["x-ultra-checklist-signature"] == f"sha256={wanted}"
    assert asked.headers["content-type"].startswith("application/json")
    assert SECRETS["SIGNING"] not in asked.body.decode()


def test_without_a_secret_nothing_is_signed(receiver: Outside) -> None:
    prove("webhook", options(receiver))
    assert "x-ultra-checklist-signature" not in receiver.asked[0].headers


def test_the_idempotency_key_is_that_of_release_item_and_tick(receiver: Outside) -> None:
    again = RELEASE.model_copy(update={"created": RELEASE.created.replace(hour=13)})
    for more in ({}, {}, {"tick": 2}, {"item": "other"}, {"release": again}):
        prove("webhook", options(receiver), **more)
    keys = [asked.headers["idempotency-key"] for asked in receiver.asked]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert [asked.json["idempotency_key"] for asked in receiver.asked] == keys


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (Reply(204, b""), ("pass", "accepted")),
        (Reply(200, b"<html>anything</html>"), ("pass", "accepted")),
        (Reply(400, b"no"), ("fail", "refused")),
        (Reply(404, b"no"), ("fail", "refused")),
        (Reply(410, b"no"), ("fail", "refused")),
        (Reply(307, b"", {"Location": "/elsewhere"}), ("fail", "redirect")),
        (Reply(401, b"no"), ("unknown", "not-allowed")),
        (Reply(403, b"no"), ("unknown", "not-allowed")),
        (Reply(408, b"no"), ("unknown", "server-error")),
        (Reply(429, b"no"), ("unknown", "rate-limited")),
        (Reply(502, b"\xff\xfe"), ("unknown", "server-error")),
        (Reply(raw=b"nonsense\r\n\r\n"), ("unknown", "no-answer")),
    ],
)
def test_what_answers_mean_and_nothing_is_sent_twice(
    receiver: Outside, reply: Reply, verdict: tuple[str, str]
) -> None:
    receiver.replies = [reply]
    found = prove("webhook", options(receiver)).verdict
    assert said(found) == verdict
    assert bool(found.answer) is (verdict[0] == "pass")
    assert receiver.lines == [("POST", PATH)]


def test_a_server_that_sends_back_what_it_got_betrays_nothing(receiver: Outside) -> None:
    def echo(asked: Asked) -> Reply:
        return Reply(422, b"you sent " + asked.body + b" to " + asked.path.encode())

    receiver.answer = echo
    secrets = SECRETS | {"HOOK": receiver.url + PATH}
    found = prove("webhook", {"url": "${HOOK}", "secret": "${SIGNING}"}, secrets=secrets)
    assert said(found.verdict) == ("fail", "refused")
    told = everything(found)
    assert receiver.asked[0].json["code"] not in told
    for secret in ("4f9d2c7b8a1e", "q1w2e3r4t5", SECRETS["SIGNING"]):
        assert secret not in told


def test_a_body_that_never_ends_is_cut(receiver: Outside) -> None:
    receiver.replies = [Reply(200, b"x" * (3 << 20))]
    assert said(prove("webhook", options(receiver)).verdict) == ("pass", "accepted")


def test_no_answer_in_time_and_nobody_there(receiver: Outside) -> None:
    receiver.replies = [Reply(hang=True)]
    assert said(prove("webhook", options(receiver, timeout=0.3)).verdict) == ("unknown", "timeout")
    gone = prove("webhook", {"url": f"http://127.0.0.1:{closed_port()}/"})
    assert said(gone.verdict) == ("unknown", "connection-refused")


def test_nothing_goes_out_without_a_tick(receiver: Outside) -> None:
    assert said(prove("webhook", options(receiver), tick=0).verdict) == ("unknown", "not-ticked")
    assert receiver.asked == []

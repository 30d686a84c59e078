"""The slack probe against a real server on loopback."""

import json
import string
from collections.abc import Iterator
from typing import Any

import pytest

from tests.probes.looking import said
from tests.probes.outside import (
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
from ultra_checklist import plugins
from ultra_checklist.model import Finding

PATH = "/services/T0AAAAAAA/B0BBBBBBB/cCdDeEfFgGhHiIjJkKlLmMnN"


@pytest.fixture
def slack() -> Iterator[Outside]:
    with listening() as server:
        yield server


def send(slack: Outside, *replies: Reply, **options: Any) -> Finding:
    slack.replies = list(replies) or [Reply()]
    return prove("slack", {"url": "${HOOK}", **options}, secrets={"HOOK": slack.url + PATH})


@pytest.mark.parametrize("case", cases("slack"))
def test_recorded_answers(case: dict[str, Any]) -> None:
    verdict = judged("slack", case)
    assert said(verdict) == (case["outcome"], case["reason"])
    assert bool(verdict.answer) is (case["outcome"] == "pass")
    assert case["outcome"] == "pass" or (verdict.remedy.en and verdict.remedy.ja and verdict.sentence.ja)


def test_one_message_says_what_it_is_and_carries_the_code(slack: Outside) -> None:
    found = send(slack)
    assert said(found.verdict) == ("pass", "accepted")
    assert slack.lines == [("POST", PATH)]
    body = slack.asked[0].json
    code = code_of(found.verdict)
    assert len(code) == 4
    assert set(code) <= set(string.ascii_uppercase)
    assert f"code {code} " in body["text"]
    assert "Release test, please ignore" in body["text"]
    assert "v1.4.0 (prod/production/v1.4.0)" in body["text"]
    assert "Note of the check smoke" in body["text"]
    assert (body["mrkdwn"], body["link_names"]) == (False, False)
    assert plugins.load(plugins.PROBES, "slack").effect == "message"


def test_every_message_has_a_code_of_its_own(slack: Outside) -> None:
    assert len({send(slack).verdict.answer for _ in range(5)}) > 1


def test_neither_the_code_nor_the_address_is_kept_or_shown(slack: Outside) -> None:
    def echo(asked: Any) -> Reply:
        return Reply(400, b"bad: " + asked.body + PATH.encode())

    kept = send(slack)
    slack.answer = echo
    echoed = prove("slack", {"url": slack.url + PATH})
    assert said(echoed.verdict) == ("fail", "refused")
    for finding in (kept, echoed):
        # What is written literally into a template is there anyway: what the probe itself says is looked at.
        told = everything(finding).replace(f'"url": "{slack.url}{PATH}"', "")
        assert PATH not in told
        assert "cCdDeEfFgGhHiIjJkKlLmMnN" not in told
    text = slack.asked[1].json["text"]
    code = text.split("type the code ")[1][:4]
    assert code not in everything(echoed)
    assert f'"code_sha256": "{kept.verdict.answer}"' in kept.material.decode()
    assert code_of(kept.verdict) not in json.dumps(json.loads(kept.material)["observation"]["said"])


def test_without_a_tick_or_a_release_nothing_goes_out(slack: Outside) -> None:
    for more, reason in (({"tick": 0}, "not-ticked"), ({"release": None}, "no-release")):
        found = prove("slack", {"url": slack.url + PATH}, **more)
        assert said(found.verdict) == ("unknown", reason)
    assert slack.asked == []


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (Reply(404, b"no_service"), ("fail", "no-service")),
        (Reply(403, b"action_prohibited"), ("fail", "action-prohibited")),
        (Reply(403, b"<html>proxy</html>"), ("unknown", "not-allowed")),
        (Reply(500, b"rollup_error"), ("unknown", "server-error")),
        (Reply(429, b"rate_limited", {"Retry-After": "30"}), ("unknown", "rate-limited")),
        (Reply(200, b"<html>Log in</html>"), ("unknown", "unexpected-answer")),
        (Reply(200, b"ok" + b" x" * 100_000), ("unknown", "unexpected-answer")),
        (Reply(200, b"\xff\xfe\xff"), ("unknown", "unexpected-answer")),
        (Reply(200, b""), ("unknown", "unexpected-answer")),
        (Reply(302, b"", {"Location": "https://example.com/"}), ("fail", "redirect")),
        (Reply(raw=b"SSH-2.0-OpenSSH\r\n"), ("unknown", "no-answer")),
        (Reply(raw=b""), ("unknown", "no-answer")),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok"), ("unknown", "no-answer")),
    ],
)
def test_what_answers_mean_and_nothing_is_sent_twice(
    slack: Outside, reply: Reply, verdict: tuple[str, str]
) -> None:
    found = send(slack, reply)
    assert said(found.verdict) == verdict
    assert found.verdict.answer == ""
    assert slack.lines == [("POST", PATH)]


def test_no_answer_in_time_may_have_been_sent(slack: Outside) -> None:
    found = send(slack, Reply(hang=True), timeout=0.3).verdict
    assert said(found) == ("unknown", "timeout")
    assert found.remedy.en.startswith("look whether it arrived")


def test_where_nobody_listens_nothing_was_sent() -> None:
    found = prove("slack", {"url": f"http://127.0.0.1:{closed_port()}{PATH}"})
    assert said(found.verdict) == ("unknown", "connection-refused")
    assert found.verdict.remedy.en == "untick and tick to send it again"
    assert PATH not in found.verdict.model_dump_json()


def test_a_host_without_an_address_is_told_without_it() -> None:
    found = prove("slack", {"url": "http://hooks.nowhere.invalid" + PATH}).verdict
    assert found.outcome == "unknown"
    assert "nowhere" not in found.model_dump_json()


@pytest.mark.parametrize("url", ["hooks.example/T0/secretsecret", "ftp://h/secretsecret", "http:///secretsecret"])
def test_an_address_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    found = prove("slack", {"url": url}).verdict
    assert said(found) == ("unknown", "bad-options")
    assert "secretsecret" not in found.model_dump_json()


def test_no_proxy_of_the_environment_is_used(slack: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    assert said(send(slack).verdict) == ("pass", "accepted")

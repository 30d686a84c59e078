"""Who is told of what while a release runs: once, in one message a pass and channel, whatever becomes of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import families
from tests.lab import Lab, item, template
from tests.standings import Story
from tests.test_hooks import Receiver, settings
from tests.test_release_time import begin, end
from ultra_checklist import overview as overviews
from ultra_checklist.config import load
from ultra_checklist.errors import HookFailed, SettingsError
from ultra_checklist.hooks import Hooks
from ultra_checklist.model import ProbeSpec
from ultra_checklist.notices import TELLING, TOLD, TRIES, Told
from ultra_checklist.overview import overview
from ultra_checklist.server import plan
from ultra_checklist.server.app import create_app


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def notifying(lab: Lab, channels: str, **more: str) -> None:
    lab.hooks = Hooks(settings(NOTIFY=channels, **more))


def by_webhook(lab: Lab, receiver: Receiver, **more: str) -> None:
    notifying(lab, "webhook", HOOK_WEBHOOK_URL=receiver.url, **more)


def news(receiver: Receiver) -> list[list[str]]:
    """The kinds of news of every message."""
    return [[one["event"] for one in json.loads(body).get("news", ())] for _, _, body in receiver.got]


def comments(lab: Lab, item_id: str = "") -> list[Any]:
    """The comments on a row, or on the release's page."""
    manifest = lab.release().manifest
    page = manifest.rows[item_id] if item_id else manifest.page_id
    found: list[Any] = lab.call("GET", f"comments?block_id={page}")["results"]
    return found


def said(comment: Any) -> str:
    return "".join(piece["plain_text"] for piece in comment["rich_text"])


def files(folder: Path, *names: str) -> list[Any]:
    """Checks that fail until their file is there."""
    return [
        item(name, order=n, probes=(ProbeSpec(probe="file", options={"path": str(folder / name), "exists": True}),))
        for n, name in enumerate(names)
    ]


# --- contradicted ticks


def test_whoever_ticked_what_is_not_so_is_told_on_the_row_and_once(lab: Lab, tmp_path: Path) -> None:
    notifying(lab, "comment")
    lab.new(template(*files(tmp_path, "a")))
    lab.sync()
    lab.person("Sato", "a", done=True)
    done = lab.sync(minutes=1)
    assert (done.requests, done.problems) == (1 + 1 + 1, []), "the query, the row, the comment"
    (comment,) = comments(lab, "a")
    mention = comment["rich_text"][0]["mention"]["user"]
    assert mention["id"] == lab.row("a").operator[0]
    assert "@Sato" in said(comment)
    assert "1.1 a is ticked (ticked by Sato), and fails:" in said(comment)
    assert comments(lab) == []
    assert [lab.sync(minutes=1).requests for _ in range(3)] == [1, 1, 1]
    assert len(comments(lab, "a")) == 1


def test_the_same_fact_is_told_once_and_another_tick_is_another_fact(lab: Lab, tmp_path: Path) -> None:
    notifying(lab, "comment")
    lab.new(template(*files(tmp_path, "a")))
    lab.person("Sato", "a", done=True)
    lab.sync(minutes=1)
    (tmp_path / "a").write_text("x")
    lab.sync(minutes=1)
    assert lab.row("a").result == "passed"
    (tmp_path / "a").unlink()
    lab.sync(minutes=20)
    assert lab.row("a").result == "failed"
    assert len(comments(lab, "a")) == 1, "the same tick and the same verdict"
    lab.person("Suzuki", "a", done=False)
    lab.sync(minutes=1)
    lab.person("Suzuki", "a", done=True)
    lab.sync(minutes=1)
    assert ["Sato" in said(one) for one in comments(lab, "a")] == [True, False]


def test_what_passed_and_turned_red_says_so(lab: Lab, tmp_path: Path) -> None:
    notifying(lab, "comment")
    (tmp_path / "a").write_text("x")
    lab.new(template(*files(tmp_path, "a")))
    lab.person("Sato", "a", done=True)
    lab.sync(minutes=1)
    assert comments(lab, "a") == []
    (tmp_path / "a").unlink()
    lab.sync(minutes=20)
    assert "a (ticked by Sato) passed, and fails now:" in said(comments(lab, "a")[0])


def test_several_are_told_in_one_comment_on_the_page(lab: Lab, tmp_path: Path) -> None:
    notifying(lab, "comment")
    lab.new(template(*files(tmp_path, "a", "b")))
    lab.sync()
    lab.person("Sato", "a", done=True)
    lab.person("Suzuki", "b", done=True)
    assert lab.sync(minutes=1).requests == 1 + 2 + 1
    (comment,) = comments(lab)
    assert [line.split()[0] for line in said(comment).splitlines()] == ["@Sato", "@Suzuki"]


def test_nothing_is_sent_without_the_setting_or_for_other_kinds(
    lab: Lab, tmp_path: Path, receiver: Receiver
) -> None:
    lab.new(template(*files(tmp_path, "a", "b")))
    lab.person("Sato", "a", done=True)
    lab.sync(minutes=1)
    by_webhook(lab, receiver, NOTIFY_EVENTS="gate, deploy")
    lab.person("Sato", "b", done=True)
    lab.sync(minutes=1)
    assert receiver.got == []
    assert not [entry for entry in lab.release().journal.entries() if entry.kind in (TELLING, TOLD)]
    by_webhook(lab, receiver)
    lab.sync(minutes=1)
    assert news(receiver) == [["contradicted", "contradicted"]], "what is so still is news to a new channel"


# --- gates, deploys, gaps, the way back


def test_a_gate_is_told_when_it_opens_and_a_deploy_as_it_begins_and_ends(
    lab: Lab, tmp_path: Path, receiver: Receiver
) -> None:
    by_webhook(lab, receiver)
    lab.new(template(item("ship", deploys=True, probes=(ProbeSpec(probe="run"),)), *files(tmp_path, "a")))
    release = lab.release()
    release._clock = lambda: lab.now
    for outcome in ("closed", "open", "open"):
        release.record("gate", {"gate": "deploy", "outcome": outcome})
    release.mirror.save()
    lab.sync()
    assert news(receiver) == [["gate"]]
    begin(lab)
    lab.sync()
    end(lab, 3)
    lab.sync()
    lab.sync(minutes=1)
    assert news(receiver) == [["gate"], ["deploy"], ["deploy"]]
    texts = [json.loads(body)["news"][0]["text"] for _, _, body in receiver.got]
    assert texts[0].startswith("gate deploy opened at ")
    assert texts[1].startswith("deploy 1 began at ")
    assert texts[2].startswith("deploy 1 ended with exit code 3 at ")


def test_what_happened_long_ago_is_no_news(lab: Lab, tmp_path: Path, receiver: Receiver) -> None:
    lab.new(template(*files(tmp_path, "a")))
    release = lab.release()
    release.record("gate", {"gate": "deploy", "outcome": "open"})
    release.mirror.save()
    lab.sync(minutes=90)
    by_webhook(lab, receiver)
    lab.sync(minutes=1)
    assert receiver.got == []


def test_a_gap_is_told(lab: Lab, tmp_path: Path, receiver: Receiver) -> None:
    meter = tmp_path / "meter"
    meter.write_text("blind")
    by_webhook(lab, receiver)
    with families.installed():
        probe = ProbeSpec(probe="meter", options={"path": str(meter)})
        lab.new(template(item("watched", probes=(probe,))))
        lab.person("Sato", "watched", done=True)
        lab.sync(minutes=1)
        lab.sync(minutes=1)
    assert news(receiver) == [["gap"]]
    assert "1.1 watched: nobody looked for a while: nobody looked" in receiver.got[0][2].decode()


def test_a_failure_after_the_deploy_comes_with_the_way_back(
    lab: Lab, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(lab, tmp_path)
    story.deployed()
    notifying(lab, "slack", HOOK_SLACK_URL=receiver.url, NOTIFY_EVENTS="contradicted,rollback")
    (story.production / "running").write_text("")
    story.tick("鈴木", "running")
    text = json.loads(receiver.got[0][2])["text"]
    assert text.splitlines()[0] == "v1.0.0 (production)"
    assert "4.1 running is ticked (ticked by 鈴木), and fails:" in text
    assert "last good commit: dddddddddddd" in text
    assert f"roll back: ultra-checklist run v1.0.0 rollback -- scripts/deploy.sh {'d' * 40}" in text
    assert "then close: ultra-checklist close v1.0.0 --as rolled-back" in text
    monkeypatch.setattr(overviews, "this_machine", lambda: lab.machine)
    card = overview(story.release, "en")["rollback"]
    assert card["command"] in text
    lab.sync(minutes=1)
    assert len(receiver.got) == 1


def test_the_end_is_told_by_the_hook_alone(lab: Lab, tmp_path: Path, receiver: Receiver) -> None:
    by_webhook(lab, receiver)
    Story(lab, tmp_path).ended()
    kinds = [json.loads(body)["event"] for _, _, body in receiver.got]
    assert kinds.count("closed") == 1
    assert kinds[-1] == "closed"
    before = len(kinds)
    lab.sync(minutes=30)
    assert len(receiver.got) == before


# --- channels that are out of order


def test_without_the_right_to_comment_it_is_said_once_and_nothing_else_changes(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    rights = plan.CAPABILITIES - {plan.INSERT_COMMENTS}
    workspace = plan.Workspace(plan.PLANS["free"], rights, None)
    notifying(lab, "comment")
    lab.new(template(*files(tmp_path, "a", "b")))
    lab.app = create_app(tmp_path / "notion.db", request_log=lab.log, workspace=workspace)
    lab.person("Sato", "a", done=True)
    done = lab.sync(minutes=1)
    assert [problem.en for problem in done.problems] == [
        f"{lab.release().manifest.key}: notifications: comment failed (the integration may not comment: give it the "
        "capability Insert comments)"
    ]
    assert lab.row("a").result == "failed"
    assert any("Insert comments" in note for note in overview(lab.release(), "en")["notes"])
    lab.person("Sato", "b", done=True)
    assert lab.sync(minutes=1).problems == [], "said before"
    assert lab.row("b").result == "failed"
    lab.app = create_app(tmp_path / "notion.db", request_log=lab.log)
    lab.sync(minutes=10)
    assert len(comments(lab)) == 1, "nobody had got it, and now both are told"
    assert not any("comment" in note for note in overview(lab.release(), "en")["notes"])


def test_what_never_left_is_tried_again_a_few_times(lab: Lab, tmp_path: Path, receiver: Receiver) -> None:
    notifying(lab, "webhook", HOOK_WEBHOOK_URL="http://127.0.0.1:9/nobody")
    lab.new(template(*files(tmp_path, "a")))
    lab.person("Sato", "a", done=True)
    problems = [lab.sync(minutes=1).problems for _ in range(4)]
    assert len(problems[0]) == 1
    assert "127.0.0.1" not in problems[0][0].en + problems[0][0].ja, "an address may be a secret"
    assert problems[1:] == [[], [], []]
    assert lab.row("a").result == "failed"
    by_webhook(lab, receiver)
    lab.sync(minutes=6)
    lab.sync(minutes=6)
    assert news(receiver) == [["contradicted"]]


def test_it_is_given_up_after_some_tries(lab: Lab, tmp_path: Path) -> None:
    notifying(lab, "webhook", HOOK_WEBHOOK_URL="http://127.0.0.1:9/nobody")
    lab.new(template(*files(tmp_path, "a")))
    lab.person("Sato", "a", done=True)
    for _ in range(TRIES + 3):
        lab.sync(minutes=6)
    assert [entry.kind for entry in lab.release().journal.entries()].count(TELLING) == TRIES


@pytest.mark.parametrize("answer", [(500, b"oops", {}), (503, b"", {})])
def test_after_an_answer_that_leaves_it_open_it_is_not_sent_again(
    lab: Lab, tmp_path: Path, receiver: Receiver, answer: Any
) -> None:
    by_webhook(lab, receiver)
    receiver.answers.append(answer)
    lab.new(template(*files(tmp_path, "a")))
    lab.person("Sato", "a", done=True)
    for _ in range(4):
        lab.sync(minutes=10)
    assert len(receiver.got) == 1


def test_a_comment_whose_answer_is_lost_is_not_sent_again(lab: Lab, tmp_path: Path) -> None:
    from ultra_checklist.server import misbehaviour

    faults = tmp_path / "faults.json"
    rule = {"fault": "change_was_saved", "method": "POST", "path": "/v1/comments", "times": 1}
    faults.write_text(json.dumps({"rules": [rule]}))
    notifying(lab, "comment")
    lab.new(template(*files(tmp_path, "a")))
    lab.app = create_app(
        tmp_path / "notion.db", request_log=lab.log, misbehaviour=misbehaviour.of(None, None, faults)
    )
    lab.person("Sato", "a", done=True)
    assert len(lab.sync(minutes=1).problems) == 1
    for _ in range(3):
        lab.sync(minutes=10)
    assert len(comments(lab, "a")) == 1


class Killed(BaseException):
    """The process is no more."""


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_pass_that_is_killed_at_the_send_never_sends_twice(
    lab: Lab, tmp_path: Path, receiver: Receiver, place: str
) -> None:
    by_webhook(lab, receiver)
    deliver: Callable[..., Any] = lab.hooks.deliver

    async def cut_off(*arguments: Any) -> None:
        if place == "after":
            await deliver(*arguments)
        raise Killed

    lab.new(template(*files(tmp_path, "a")))
    lab.person("Sato", "a", done=True)
    lab.hooks.deliver = cut_off  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        lab.sync(minutes=1)
    by_webhook(lab, receiver)
    for _ in range(3):
        lab.sync(minutes=10)
    assert len(receiver.got) == (1 if place == "after" else 0)
    assert lab.row("a").result == "failed"


def test_a_hook_that_raises_anything_holds_up_nothing(lab: Lab, tmp_path: Path) -> None:
    notifying(lab, "command", HOOK_COMMAND="/nowhere/at/all")
    lab.new(template(*files(tmp_path, "a")))
    lab.person("Sato", "a", done=True)
    done = lab.sync(minutes=1)
    assert len(done.problems) == 1
    assert lab.row("a").result == "failed"


# --- what people typed, and secrets


def test_what_people_typed_mentions_nobody_and_secrets_are_not_told(
    lab: Lab, tmp_path: Path, receiver: Receiver
) -> None:
    lab.secrets = ["s3cret-of-production"]
    name = "<!channel> @here \u202eback\x1b[31m s3cret-of-production"
    notifying(lab, "slack,webhook,comment", HOOK_SLACK_URL=receiver.url, HOOK_WEBHOOK_URL=receiver.url + "/2")
    probe = ProbeSpec(probe="file", options={"path": str(tmp_path / name), "exists": True})
    lab.new(template(item("a", probes=(probe,))))
    lab.person("<!here> s3cret-of-production", "a", done=True)
    lab.sync(minutes=1)
    texts = {path: body.decode() for path, _, body in receiver.got}
    slack = json.loads(texts["/hook"])["text"]
    assert "1.1 a is ticked (ticked by &lt;!here&gt; [redacted]), and fails:" in slack
    (comment,) = comments(lab, "a")
    own = "".join(piece["plain_text"] for piece in comment["rich_text"] if piece["type"] == "text")
    for text in (slack, own, texts["/hook/2"]):
        assert "s3cret" not in text
        assert "\x1b" not in text
    for sign in ("<", "@", "\u202e"):
        assert sign not in slack
    assert "\u202e" not in own


# --- settings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"NOTIFY": "slack"}, "slack: neither comment nor a hook"),
        ({"NOTIFY": "comment, smoke-signal"}, "smoke-signal"),
        ({"NOTIFY_EVENTS": "everything"}, "only these are known: contradicted, gate"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(environ={f"ULTRA_CHECKLIST_{name}": value for name, value in values.items()})


def test_channels_are_hooks_of_this_machine_or_comments() -> None:
    given = settings(NOTIFY=" comment,slack,,comment", HOOK_SLACK_URL="http://127.0.0.1:9")
    assert given.channels == ("comment", "slack")
    assert settings().channels == ()


def test_a_refusal_is_known_not_to_have_arrived() -> None:
    from ultra_checklist.notify.base import refused

    assert [refused(status, "").unsent for status in (400, 404, 429, 500, 302)] == [True, True, True, False, False]
    assert HookFailed("x", "x").unsent is False
    assert Told().why is None

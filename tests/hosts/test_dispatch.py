"""What becomes of a check that looks elsewhere when messages are lost, late, doubled, or nobody answers."""

import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.hosts.post import KEY, Team, checklist
from tests.probes.serving import answering, serving
from ultra_checklist.hosts.tasks import OtherVersion, SealBroken, opened_batch, pack, seal
from ultra_checklist.model import Result, Template
from ultra_checklist.template import load

BOTH = "{all: [web, db]}"
EITHER = "{any: [web, db]}"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path, "web", "db")


def start(team: Team, **runs_on: str) -> Template:
    path = checklist(team.folder, **runs_on)
    team.give(path)
    template = load(path)
    team.new(template, MARK="/nonexistent")
    return template


def result(team: Team, item: str) -> str:
    return team.row(item).result


def test_a_pass_is_of_the_machine_that_was_asked(team: Team) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    assert result(team, "x") == ""
    team.work("web")
    team.sync()
    assert result(team, "x") == Result.PASSED
    (line,) = team.release().history.check("x").proof.lines  # type: ignore[union-attr] # there is one
    assert (line.host, line.probe) == ("web", "file")
    assert team.release().on_record().evidence


def test_an_answer_to_an_older_tick_is_no_answer(team: Team) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    team.work("web")
    team.mark("web", "bad\n")
    team.person("Sato", "x", done=False)
    team.sync()
    team.person("Sato", "x", done=True)
    # The old answer, a pass, comes only now.
    team.sync()
    assert result(team, "x") == ""
    team.work("web")
    team.sync()
    assert result(team, "x") == Result.FAILED


def test_an_answer_from_before_a_deploy_is_none_after_it(team: Team) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    team.work("web")
    team.release().record(
        "deploy", {"number": 1, "started": team.now.isoformat(), "ended": None, "exit_code": None, "host": "home"}
    )
    team.sync()
    assert result(team, "x") == ""


def test_what_is_lost_is_sent_again_and_silence_is_told(team: Team) -> None:
    start(team, x="web")
    team.post.loses = True
    team.person("Sato", "x", done=True)
    team.sync()
    team.sync(minutes=2)
    assert (result(team, "x"), len(team.post.sent)) == ("", 0)
    team.post.loses = False
    team.sync(minutes=2)
    assert result(team, "x") == Result.CANNOT_TELL
    assert "web: has not answered since" in team.row("x").why
    assert len(team.post.sent) == 1
    team.work("web")
    team.sync(minutes=1)
    assert result(team, "x") == Result.PASSED


def test_an_answer_that_lay_about_for_longer_than_max_age_is_asked_for_again(team: Team) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    team.work("web")
    team.mark("web", "bad\n")
    team.now += timedelta(minutes=16)
    team.sync()
    assert result(team, "x") != Result.PASSED
    team.work("web")
    team.sync()
    assert result(team, "x") == Result.FAILED


def test_a_pass_ages_where_nobody_looks_again(team: Team) -> None:
    start(team, x="web")
    assert team.ticked("x", "web") == Result.PASSED
    team.sync(minutes=16)
    assert result(team, "x") == Result.PASSED
    team.sync(minutes=4)
    assert result(team, "x") == Result.CANNOT_TELL
    assert "last definite: Passed" in team.row("x").why


def test_a_post_that_is_away_is_told_at_once(team: Team) -> None:
    start(team, x="web")
    team.post.away = True
    team.person("Sato", "x", done=True)
    team.sync()
    assert result(team, "x") == Result.CANNOT_TELL
    assert "the post is closed" in team.row("x").why
    team.post.away = False
    team.sync()
    team.work("web")
    team.sync()
    assert result(team, "x") == Result.PASSED


def test_all_must_pass_and_of_any_one_is_enough(team: Team) -> None:
    start(team, both=BOTH, either=EITHER)
    team.mark("db", "bad\n")
    for item in ("both", "either"):
        team.person("Sato", item, done=True)
    team.sync()
    team.work("web")
    team.sync()
    assert (result(team, "both"), result(team, "either")) == ("", Result.PASSED)
    team.work("db")
    team.sync()
    assert (result(team, "both"), result(team, "either")) == (Result.FAILED, Result.PASSED)
    assert "db: " in team.row("both").why
    assert "web: Passed" in team.row("both").why


def test_a_silent_host_among_several_is_named(team: Team) -> None:
    start(team, both=BOTH)
    team.ticked("both", "web")
    team.sync(minutes=4)
    assert result(team, "both") == Result.CANNOT_TELL
    assert "db: has not answered" in team.row("both").why
    # What web said has been taken in: it looks again.
    team.sync()
    team.work("web", "db")
    team.sync()
    assert result(team, "both") == Result.PASSED


def test_a_task_that_comes_twice_runs_once(team: Team) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    team.work("web")
    team.mark("web", "bad\n")
    team.work("web")
    first, second = team.post.answered
    assert first == second
    # Also after a restart: what was answered is on disk.
    team.hire("web")
    team.work("web")
    assert team.post.answered[-1] == first


def test_a_seal_of_another_key_opens_nothing(team: Team) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    ((_, text),) = team.post.sent
    with pytest.raises(SealBroken):
        opened_batch(text, b"x" * 32)
    with pytest.raises(SealBroken):
        opened_batch(text.replace('"tasks"', '"answers"'), KEY)
    for broken in ("", "{}", "[]", "null", text[:-9], text.replace("a", "b"), '{"tasks": 1, "mac": 2}', "[" * 9999):
        with pytest.raises(SealBroken):
            opened_batch(broken, KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"template": "0" * 64},
        {"host": "db"},
        {"release": "../../etc"},
        {"release": "/etc"},
        {"environment": "../x"},
        {"version": "a b"},
    ],
)
def test_an_agent_refuses_what_its_own_template_does_not_say(team: Team, change: dict[str, str]) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    ((_, text),) = team.post.sent
    batch = opened_batch(text, KEY).model_copy(update=change)
    team.post.sent = [("web", seal("tasks", batch, KEY))]
    team.work("web")
    team.sync()
    assert result(team, "x") in ("", Result.CANNOT_TELL)
    assert not list(team.folder.glob("etc*"))


def test_an_agent_refuses_an_item_that_is_not_there_or_not_its_own(team: Team) -> None:
    start(team, x="web", y="db")
    team.person("Sato", "x", done=True)
    team.sync()
    ((_, text),) = team.post.sent
    batch = opened_batch(text, KEY)
    for item in ("y", "z"):
        (task,) = batch.tasks
        wrong = batch.model_copy(update={"tasks": (task.model_copy(update={"item": item}),)})
        team.post.sent = [("web", seal("tasks", wrong, KEY))]
        team.work("web")
    team.sync()
    assert result(team, "x") == Result.CANNOT_TELL
    assert "has no item" in team.row("x").why


def messages(team: Team, url: str) -> None:
    """A release whose one item sends a message to this address, ticked and asked for."""
    path = checklist(team.folder, f"webhook: {{url: {url}}}", x="web")
    team.give(path)
    team.new(load(path))
    team.person("Sato", "x", done=True)
    team.sync()


def test_a_message_goes_out_once_whatever_comes_twice(team: Team) -> None:
    with serving() as there:
        there.answer = answering(200)
        messages(team, there.url)
        team.work("web")
        team.work("web")
        # Another machine of the same name, to which the message came too.
        team.hire("web", "spare")
        team.work("web")
        assert len(there.asked) == 1
        team.sync()
        assert result(team, "x") == Result.WAITING
        # Nothing is sent again, by whatever makes the machine look again.
        team.sync(minutes=20)
        team.work("web")
        team.sync()
        assert len(there.asked) == 1


def test_a_message_that_may_have_gone_out_is_not_sent_again(team: Team) -> None:
    with serving() as there:
        there.answer = answering(200)
        messages(team, there.url)
        ((_, text),) = team.post.sent
        # The machine died after it had taken the task.
        (task,) = opened_batch(text, KEY).tasks
        assert team.claim(task.id)
        team.work("web")
        team.sync()
        assert (result(team, "x"), there.asked) == (Result.CANNOT_TELL, [])
        assert "may have been sent" in team.row("x").why
        team.person("Sato", "x", done=False)
        team.sync()
        team.person("Sato", "x", done=True)
        team.sync()
        team.work("web")
        team.sync()
        assert (result(team, "x"), len(there.asked)) == (Result.WAITING, 1)


def test_what_was_unticked_meanwhile_is_not_asked_for(team: Team) -> None:
    start(team, x="web", y="web")
    team.post.away = True
    team.person("Sato", "x", done=True)
    team.sync()
    team.person("Sato", "x", done=False)
    team.person("Sato", "y", done=True)
    team.post.away = False
    team.sync()
    asked = [task.item for _, text in team.post.sent for task in opened_batch(text, KEY).tasks]
    assert asked == ["y"]


def test_a_variable_that_is_not_set_there_is_to_be_set_there(team: Team) -> None:
    start(team, x="web")
    file = team.folder / "web" / "environments" / "production.env"
    file.write_text("", encoding="utf-8")
    team.ticked("x", "web")
    assert f"write MARK=... into {file}" in team.row("x").why


def test_a_clock_that_is_wrong_makes_nothing_green(team: Team) -> None:
    start(team, x="web")
    for ahead, told in ((180, "180 s ahead of"), (-180, "180 s behind"), (30, "")):
        team.ahead["web"] = timedelta(seconds=ahead)
        team.person("Sato", "x", done=False)
        team.sync()
        assert team.ticked("x", "web") == (Result.CANNOT_TELL if told else Result.PASSED)
        assert told in team.row("x").why


def test_a_failure_is_told_though_another_machine_is_silent(team: Team) -> None:
    start(team, both=BOTH)
    team.mark("web", "bad\n")
    assert team.ticked("both", "web") == Result.FAILED


def test_a_proof_is_as_old_as_the_question(team: Team) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    asked = team.now
    team.work("web")
    team.sync(minutes=14)
    proof = team.release().history.check("x").proof
    assert proof is not None
    assert abs((proof.at - asked).total_seconds()) < 1
    # The same again says no more.
    team.sync(minutes=2)
    again = team.now
    team.work("web")
    team.sync(minutes=1)
    proof = team.release().history.check("x").proof
    assert proof is not None
    assert abs((proof.at - again).total_seconds()) < 1


def test_what_another_machine_says_of_our_secrets_is_not_kept(team: Team) -> None:
    canary = "canary-home-7f3a91c2d5"
    team.secrets = [canary]
    start(team, x="web")
    team.mark("web", f"bad {canary}\n")
    assert team.ticked("x", "web") == Result.FAILED
    kept = b"".join(file.read_bytes() for file in team.home.rglob("*") if file.is_file())
    assert canary.encode() not in kept
    assert canary not in team.row("x").why


def test_another_version_is_told_from_another_key(team: Team) -> None:
    start(team, x="web")
    team.person("Sato", "x", done=True)
    team.sync()
    ((_, text),) = team.post.sent
    batch = opened_batch(text, KEY).model_dump(mode="json") | {"of_a_later_version": True}
    body = pack(json.dumps(batch).encode())
    mac = hmac.new(KEY, f"tasks\0{body}".encode(), hashlib.sha256).hexdigest()
    with pytest.raises(OtherVersion):
        opened_batch(json.dumps({"mac": mac, "tasks": body}), KEY)


def test_a_failure_beside_a_slow_machine_stays_the_same_failure(team: Team) -> None:
    start(team, both=BOTH)
    team.mark("web", "bad\n")
    team.ticked("both", "web")
    seen = set[str]()
    for _ in range(4):
        team.work("web", "db")
        team.sync(minutes=1)
        team.work("web")
        team.sync(minutes=0.1)
        proof = team.release().history.check("both").proof
        assert proof is not None
        seen.add(proof.facts)
        assert result(team, "both") == Result.FAILED
    assert len(seen) == 1


def test_a_post_that_was_away_once_is_no_reason_later(team: Team) -> None:
    start(team, x="web")
    team.ticked("x", "web")
    team.sync(minutes=16)
    # It was asked again; then nothing could be heard, and then there was no answer yet.
    team.post.away = True
    team.sync(minutes=0.5)
    team.post.away = False
    team.work("web")
    team.sync(minutes=0.5)
    assert result(team, "x") == Result.PASSED


def test_a_clock_that_is_wrong_says_nothing_of_what_was_sent(team: Team) -> None:
    with serving() as there:
        there.answer = answering(200)
        team.ahead["web"] = timedelta(minutes=5)
        messages(team, there.url)
        team.work("web")
        team.sync()
        assert result(team, "x") == Result.WAITING


def test_what_a_machine_says_of_why_it_cannot_be_asked_is_cleaned_too(team: Team) -> None:
    canary = "canary-home-7f3a91c2d5"
    team.secrets = [canary]
    start(team, x="web")
    team.post.away = True
    team.post.why = f"refused {canary}"
    team.person("Sato", "x", done=True)
    team.sync()
    assert "refused" in team.row("x").why
    assert canary not in team.row("x").why
    kept = b"".join(file.read_bytes() for file in team.home.rglob("*") if file.is_file())
    assert canary.encode() not in kept

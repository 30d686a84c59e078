"""What other machines see as a deploy begins and in passing after it: asked for from home, kept at home."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import families
from tests.hosts.post import KEY, Team
from tests.test_release_time import end
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.guarded import Guarded
from ultra_checklist.hosts.tasks import Answer, Answers, Found, opened_batch, seal
from ultra_checklist.model import Finding, ProbeSpec, Result, RunsOn, Template
from ultra_checklist.notion.client import Notion
from ultra_checklist.probes.base import passed
from ultra_checklist.prove import Prover
from ultra_checklist.record import RunRecord
from ultra_checklist.samples import FILE, SampleFile, Taken
from ultra_checklist.template import load

LIST = """---
checklist: try
title: Try
lang: en
vars:
  MARK: {help: a file}
gates:
  deploy: {sections: [before]}
---

## 1. Before
```yaml section
id: before
until: deploy
runs_on: web
```
- [ ] Deployed
  ```yaml check
  id: deployed
  deploys: true
  probes:
    - run: {}
  ```

## 2. After
```yaml section
id: after
after: deploy
runs_on: web
```
- [ ] Quiet
  ```yaml check
  id: quiet
  probes:
    - log: {file: "${MARK}", consecutive: 1, max_total: 0}
  ```
"""


@pytest.fixture(autouse=True)
def _families() -> Iterator[None]:
    with families.installed():
        yield


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path, "web", "db")


def start(team: Team, text: str = LIST) -> Template:
    """A release; what the variable is, only the other machines know."""
    path = team.folder / "try.md"
    path.write_text(text, encoding="utf-8")
    team.give(path)
    made = load(path)
    team.new(made)
    return made


def deploys(team: Team, *workers: str, code: int = 0) -> RunRecord:
    """A deploy as `run` files it, while these machines work, and its end."""

    async def begin(notion: Notion) -> RunRecord:
        release = team.release()
        prover = Prover(
            release, team.home, clock=lambda: team.now, carriers=team.bench(notion).carriers, patience=5.0
        )
        deployed = release.manifest.template.item("deployed")
        assert deployed is not None
        guarded = Guarded(release, deployed, team.home, prover, ["true"])
        beginning = asyncio.create_task(guarded.begin([]))
        while not beginning.done():
            await asyncio.sleep(0)
            await team.works(*workers)
        return await beginning

    record = team.run(begin)
    end(team, code)
    return record


def baselines(team: Team) -> list[dict[str, Any]]:
    return [dict(entry.data) for entry in team.release().journal.entries() if entry.kind == "baseline"]


def test_what_looks_at_the_record_looks_at_home_whatever_the_section_says(team: Team) -> None:
    made = start(team)
    assert made.item("deployed").runs_on == RunsOn()  # type: ignore[union-attr] # it is there
    assert made.item("quiet").runs_on == RunsOn(hosts=("web",))  # type: ignore[union-attr] # it is there


def test_only_what_was_logged_there_since_the_deploy_counts(team: Team) -> None:
    start(team)
    team.mark("web", "ERROR old\n")
    deploys(team, "web")
    (known,) = baselines(team)
    assert (known["item"], known["host"], known["deploy"]) == ("quiet", "web", 1)
    assert EvidenceStore(team.home).get(known["evidence"])
    team.mark("web", "ERROR old\nINFO new\n")
    assert team.ticked("quiet", "web") == Result.PASSED, team.row("quiet").why
    team.mark("web", "ERROR old\nINFO new\nERROR new\n")
    team.sync(minutes=30)
    team.work("web")
    team.sync()
    assert team.row("quiet").result == Result.FAILED


def test_who_did_not_answer_before_the_deploy_cannot_tell_after_it(team: Team) -> None:
    start(team)
    team.post.away = True
    deploys(team)
    team.post.away = False
    assert baselines(team) == []
    assert team.ticked("quiet", "web") == Result.CANNOT_TELL
    assert "deploy" in team.row("quiet").why


def test_an_answer_that_comes_after_the_beginning_is_dropped(team: Team) -> None:
    start(team)
    team.post.away = True
    deploys(team)
    team.post.away = False
    team.work("web")
    team.sync()
    assert baselines(team) == []


def test_the_next_deploy_asks_anew(team: Team) -> None:
    start(team)
    team.mark("web", "ERROR one\n")
    deploys(team, "web", code=1)
    team.mark("web", "ERROR one\nERROR two\n")
    deploys(team, "web")
    assert [known["deploy"] for known in baselines(team)] == [1, 2]
    team.mark("web", "ERROR one\nERROR two\nINFO\n")
    assert team.ticked("quiet", "web") == Result.PASSED


def watched(team: Team, *hosts: str, wanted: int = 2) -> None:
    """A release with a probe that looks every minute after the deploy, begun and ended."""
    spec = ProbeSpec(probe="meter", options={"path": "${MARK}", "wanted": wanted})
    text = LIST.replace('log: {file: "${MARK}", consecutive: 1, max_total: 0}', f"meter: {dict(spec.options)}")
    start(team, text.replace("runs_on: web\n", f"runs_on: {{all: [{', '.join(hosts)}]}}\n"))
    for host in hosts:
        team.mark(host, f"{host} is up")
    deploys(team)


def taken(team: Team) -> list[Taken]:
    return SampleFile(team.release().folder / FILE).read()


def test_machines_look_in_passing_and_each_is_judged_by_what_it_has_seen(team: Team) -> None:
    watched(team, "web", "db")
    for _ in range(3):
        team.sync(minutes=1)
        team.work("web", "db")
    team.sync(minutes=1)
    assert {(t.host, t.seen["text"]) for t in taken(team)} == {("web", "web is up"), ("db", "db is up")}
    assert [t.host for t in taken(team)].count("web") == 3
    assert team.ticked("quiet", "web", "db") == Result.PASSED
    assert "web: " in team.row("quiet").why
    assert "db is up db is up" in team.row("quiet").why


def test_a_look_counts_as_of_when_it_was_asked_for(team: Team) -> None:
    watched(team, "web")
    team.sync(minutes=1)
    asked = team.now
    team.work("web")
    team.sync(minutes=1)
    assert [t.at for t in taken(team)] == [asked]


def test_a_look_that_comes_too_late_is_none(team: Team) -> None:
    watched(team, "web")
    team.sync(minutes=1)
    first = list(team.post.sent)
    team.sync(minutes=10)
    again = [text for text in team.post.sent if text not in first]
    team.post.sent = first
    team.work("web")
    team.sync(minutes=0.1)
    assert taken(team) == []
    team.post.sent = again
    team.work("web")
    team.sync(minutes=0.1)
    assert len(taken(team)) == 1


def test_a_machine_that_cannot_be_asked_leaves_gaps(team: Team) -> None:
    watched(team, "web")
    team.post.away = True
    team.sync(minutes=1)
    team.post.away = False
    assert [(t.seen, t.reason) for t in taken(team)] == [(None, "host-silent")]


def test_who_refuses_has_not_seen_and_says_why(team: Team) -> None:
    watched(team, "web")
    (team.folder / "web" / "templates" / "try.md").unlink()
    team.hire("web")
    team.sync(minutes=1)
    team.work("web")
    team.sync(minutes=1)
    assert [(t.seen, t.reason) for t in taken(team)] == [(None, "refused")]


def test_looks_of_another_deploy_are_not_taken_in(team: Team) -> None:
    watched(team, "web")
    team.sync(minutes=1)
    deploys(team)
    team.work("web")
    team.sync(minutes=1)
    assert [t for t in taken(team) if t.deploy == 1] == []


def test_looks_in_passing_are_on_no_record_of_the_machine(team: Team) -> None:
    watched(team, "web")
    team.sync(minutes=1)
    team.work("web")
    journals = [path.read_text() for path in (team.folder / "web" / "agent").rglob("journal.jsonl")]
    assert journals in ([], [""])


def test_an_item_that_was_seen_before_is_sent_with_what_was_seen(team: Team) -> None:
    start(team)
    deploys(team, "web")
    team.person("Sato", "quiet", done=True)
    team.sync()
    (task,) = opened_batch(team.post.sent[-1][1], KEY).tasks
    assert (task.occasion, [one.probe for one in task.past.before]) == ("tick", [0])
    assert task.past.before[0].material not in (team.release().folder / "tasks.json").read_text()


def test_a_window_is_over_by_the_clock_at_home(team: Team) -> None:
    probe = "watch: {command: ['true'], minutes: 1.5, every: 30}"
    start(team, LIST.replace('log: {file: "${MARK}", consecutive: 1, max_total: 0}', probe))
    deploys(team)
    team.ahead["web"] = timedelta(seconds=50)
    for _ in range(2):
        team.sync(minutes=0.5)
        team.work("web")
    assert team.ticked("quiet", "web") == Result.WAITING, team.row("quiet").why
    for _ in range(2):
        team.sync(minutes=0.5)
        team.work("web")
    team.sync()
    team.work("web")
    team.sync()
    assert team.row("quiet").result == Result.PASSED, team.row("quiet").why


def test_a_look_that_comes_long_after_the_window_is_none(team: Team) -> None:
    watched(team, "web")
    team.sync(minutes=1)
    team.sync(minutes=180)
    team.work("web")
    team.sync()
    first = team.now
    assert all(t.at >= first for t in taken(team))


BROKEN = (b"{}", b"[]", b"x", b'{"observation": 3}', b'{"observation": {"text": "\\ud800"}}', b"[" * 99_999)


@pytest.mark.parametrize("material", BROKEN, ids=range(len(BROKEN)))
def test_what_a_machine_says_that_nobody_can_read_is_a_gap(team: Team, material: bytes) -> None:
    watched(team, "web")
    team.sync(minutes=1)
    ((_, text),) = team.post.sent
    (task,) = opened_batch(text, KEY).tasks
    finding = Finding(probe="meter", verdict=passed("x"), started=team.now, seconds=0.0, material=material)
    answer = Answer(task=task.id, found=(Found.of(finding, 0),))
    said = Answers(release="r", host="web", machine="m", head="", answers=(answer,))
    team.post.answered = [seal("answers", said, KEY)]
    team.sync(minutes=0.5)
    assert [(t.seen, t.reason) for t in taken(team)] == [(None, "x")]

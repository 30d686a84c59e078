"""Two thousand stories of faults, kills and people; what plays them is itself put to the test."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab
from tests.simulation import mutants, world
from tests.simulation.model import CHECKS, rich
from tests.simulation.play import play
from tests.simulation.shrink import shrink
from tests.simulation.stage import WORKSPACE, Stage
from tests.simulation.story import Story, generate
from tests.simulation.virtual import Process, current
from tests.simulation.wire import FAULTS
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.rows import Row, parse_row

STORIES = int(os.environ.get("STORIES", "2000"))
CHUNK = 100
KEPT = Path(__file__).parent / "kept"


@pytest.mark.parametrize("first", range(0, STORIES, CHUNK))
def test_no_story_breaks_a_promise(first: int) -> None:
    broken = {seed: play(generate(str(seed))).violation for seed in range(first, min(first + CHUNK, STORIES))}
    assert {seed: violation for seed, violation in broken.items() if violation} == {}


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_no_story_that_broke_one_once_does_so_again(path: Path) -> None:
    assert play(Story.load(path.read_text(encoding="utf-8"))).violation == ""


def test_the_same_seed_plays_to_the_same_bytes_whatever_the_hashes() -> None:
    code = "from tests.simulation.play import play; from tests.simulation.story import generate; "
    code += "print([play(generate(str(seed))).digest for seed in range(6)])"
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 6 * 64


def test_a_story_survives_being_written_down() -> None:
    story = generate("7")
    assert Story.load(story.dump()) == story


def test_stories_meet_every_fault() -> None:
    met: set[str] = set()
    for seed in range(600):
        met |= set(play(generate(f"faults {seed}")).faults)
        if met == set(FAULTS):
            break
    assert met == set(FAULTS)


def test_a_story_that_breaks_a_promise_shrinks_to_a_short_one() -> None:
    with mutants.MUTANTS["unknown is a pass"]():
        found = mutants.hunt("unknown is a pass", 300)
        assert found is not None
        story = generate(str(found[0]))
        short = shrink(story)
        assert play(short).violation
        assert len(short.steps) < len(story.steps)
        assert len(short.steps) <= 6


@pytest.mark.parametrize("name", ["Done in a PATCH", "no fsync of files", "unknown is a pass", "no breaker"])
def test_some_bugs_on_purpose_are_caught(name: str) -> None:
    assert mutants.hunt(name, 400) is not None


class _Both:
    """The same release on the model and on the strict local Notion."""

    def __init__(self, stage: Stage, lab: Lab) -> None:
        self.stage, self.lab = stage, lab
        self.host = stage.hosts["web-1"]
        stage.run(lambda: stage.new(self.host, "v1"))
        lab.new(stage.checklist, "v1")

    def person(self, item: str, **values: Any) -> None:
        row = self.stage.row(item, "v1")
        assert row is not None
        self.stage.person("Sato", row, **values)
        shaped = {
            name: {"rich_text": rich(v)} if isinstance(v, str) else _PROPERTY[name](v) for name, v in values.items()
        }
        self._patch(item, {"properties": {_NAMES[name]: value for name, value in shaped.items()}})

    def trash(self, item: str) -> None:
        row = self.stage.row(item, "v1")
        assert row is not None
        self.stage.model.edit(row, self.stage.model.person("Sato"), in_trash=True)
        self._patch(item, {"in_trash": True})

    def _patch(self, item: str, body: Any) -> None:
        self.lab.call("PATCH", f"pages/{self.lab.release('v1').manifest.rows[item]}", body, who="Sato")

    def sync(self, minutes: float = 0.0) -> None:
        self.host.offset += timedelta(minutes=minutes)
        self.stage.run(lambda: self.stage.sync(self.host))
        self.lab.sync(minutes=minutes)
        ours = {row.key: _visible(row) for row in self._ours()}
        theirs = {row.key: _visible(row) for row in self._theirs()}
        assert ours == theirs

    def _ours(self) -> list[Row]:
        pages = [self.stage.model.handle("GET", f"/pages/{page.id}", None) for page in self.stage.model.rows()]
        return [parse_row(page, WORKSPACE) for page in pages if not page["in_trash"]]

    def _theirs(self) -> list[Row]:
        found = self.lab.call("POST", f"data_sources/{self.lab.workspace.checks}/query", {})["results"]
        return [parse_row(page, self.lab.workspace) for page in found]


_NAMES = {
    "done": "Done",
    "note": "Note",
    "decision": "Decision",
    "title": "Check",
    "result": "Result",
    "key": "Key",
}
_PROPERTY = {
    "done": lambda value: {"checkbox": value},
    "decision": lambda value: {"select": value},
    "result": lambda value: {"select": value},
}


def _visible(row: Row) -> tuple[Any, ...]:
    return (
        row.title,
        row.done,
        row.decision,
        row.note,
        row.result,
        row.why,
        row.settled,
        row.live,
        row.section,
        row.icon,
    )


def test_the_engine_finds_the_model_and_the_local_notion_alike(tmp_path: Path) -> None:
    """The model is small; what the engine sees of it is what the strict local Notion shows."""
    items = generate("agree").checklist()
    with world.installed(), Stage("agree", items) as stage:
        lab = Lab(tmp_path)
        current.set(Process(stage.hosts["web-1"], "the lab"))
        both = _Both(stage, lab)
        both.sync()
        for item in stage.items:
            both.person(item.id, done=True)
            both.sync()
        both.person("a", done=False)
        both.person("e", result={"name": "Failed"}, note="why not")
        both.sync()
        both.trash("a")
        both.sync(minutes=16)
        both.person("a", decision={"name": "Waive"})
        both.sync()
        both.person("a", note="because of the rain", key="lost")
        both.sync()


def test_two_hosts_and_two_processes_do_not_meet() -> None:
    with Stage("locks", ()) as stage:
        host = stage.hosts["web-1"]

        async def idle(notion: Notion) -> str:
            return str((await notion.get(f"data_sources/{CHECKS}"))["id"])

        done = stage.run(lambda: stage.command(host, "look", idle))
        assert (done.dead, done.killed) == (True, False)
        assert stage.told == [f"look-1: {CHECKS}"]

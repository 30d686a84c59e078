"""Random releases, random troubles: a gate opens only where a judge who shares no code with it agrees.

The judge reads the rows as Notion's API gives them, the journal as bytes, and the files that probes look at.
"""

import json
import random
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.gates import KEY, Trouble, kept, meet, troubles
from tests.lab import Lab, item, template
from ultra_checklist import disk
from ultra_checklist.model import Item, ProbeSpec, When

SEEDS = 120
PEOPLE = ("Sato", "Suzuki")


class World:
    """A release made up from a seed, its files, and people who do things to it."""

    def __init__(self, lab: Lab, folder: Path, seed: int) -> None:
        self.lab, self.folder = lab, folder
        self.rng = random.Random(f"gate {seed}")
        self.items = self._items()
        self.unseen = False
        self.modes: dict[str, Path] = {}
        for one in self.items:
            if one.probes:
                path = self.modes[one.id] = folder / one.id
                path.write_text("A=b\n")
                path.chmod(0o600)
        lab.new(template(*self.items, gate=("one",)))

    def _items(self) -> tuple[Item, ...]:
        rng, names = self.rng, [f"i{n}" for n in range(self.rng.randrange(1, 5))]
        found = []
        for order, name in enumerate(names):
            probe = ProbeSpec(probe="file", options={"path": str(self.folder / name), "mode": "0600"})
            others = [other for other in names if other != name]
            found.append(
                item(
                    name,
                    section=rng.choice(("one", "one", "two")) if order else "one",
                    order=order,
                    probes=(probe,) if rng.random() < 0.6 else (),
                    required=rng.random() < 0.85 or not order,
                    until_deploy=rng.random() < 0.2,
                    needs=(rng.choice(others),) if others and rng.random() < 0.2 else (),
                    when=When(failed=(rng.choice(others),)) if others and rng.random() < 0.15 else None,
                    waive=rng.choice(("anyone", "anyone", "never")),
                    evidence="a picture" if rng.random() < 0.05 else "",
                    approvals=int(rng.random() < 0.1),
                    max_age=rng.choice((None, None, 60.0, 1e6)),
                )
            )
        return (*found, item("deploy", section="later", order=9, deploys=True))

    def live(self) -> None:
        """People and machine go their ways; the worker looks now and then."""
        rng = self.rng
        for one in self.items[:-1]:
            if rng.random() < 0.8:
                self.lab.person(rng.choice(PEOPLE), one.id, done=True)
        for _ in range(rng.randrange(0, 7)):
            self._something()
            if rng.random() < 0.6:
                self.lab.sync(minutes=rng.choice((0.1, 1, 5, 16)))
        self.lab.sync(minutes=1)
        if rng.random() < 0.5:
            # What no pass has seen: without Notion nobody can know of it.
            self.unseen = True
            self._something()
        # The gate's own looks can be told from those before by their time.
        self.lab.now += timedelta(seconds=1)

    def _something(self) -> None:
        rng, lab = self.rng, self.lab
        name, who = rng.choice(self.items[:-1]).id, rng.choice(PEOPLE)
        if lab.call("GET", f"pages/{lab.release().manifest.rows[name]}")["in_trash"]:
            # Nobody can write there.
            return
        match rng.randrange(10):
            case 0 | 1:
                lab.person(who, name, done=rng.random() < 0.7)
            case 2:
                note = rng.choice(("text:agreed", "text:"))
                lab.person(who, name, decision=rng.choice(("Waive", "Not applicable", None)), note=note)
            case 3:
                lab.person(who, name, approved=rng.random() < 0.8)
            case 4 | 5 if self.modes:
                rng.choice(list(self.modes.values())).chmod(rng.choice((0o600, 0o600, 0o644)))
            case 6:
                lab.person("", name, done=True)
            case 7:
                lab.person("Mallory", name, Result=rng.choice(("Passed", "Failed")), Settled=True)
            case 8:
                page_id = lab.release().manifest.rows[name]
                lab.call("PATCH", f"pages/{page_id}", {"in_trash": rng.random() < 0.7}, who="Mallory")
            case _:
                if rng.random() < 0.3:
                    lab.person(who, "deploy", done=rng.random() < 0.8)


class Judge:
    """Says what speaks against an open gate."""

    def __init__(self, world: World) -> None:
        lab, self.world = world.lab, world
        raw = (lab.home / "releases" / KEY / "journal.jsonl").read_text().split("\n")[:-1]
        self.lines = [json.loads(line) for line in raw]
        found = lab.call("POST", f"data_sources/{lab.workspace.checks}/query", {})["results"]
        self.rows: dict[str, list[Any]] = {}
        for page in found:
            key = page["properties"]["Key"]["rich_text"]
            if key:
                self.rows.setdefault(key[0]["plain_text"].rpartition("/")[2], []).append(page)
        self.deployed = self._last("deploy", None) > self._last("deploy-withdrawn", None)

    def against(self) -> list[str]:
        """Ids of the required checks of the gate's section that are not settled."""
        asked = [one for one in self.world.items if one.section == "one" and one.required]
        return [one.id for one in asked if not self._settled(one, ())]

    def _last(self, kind: str, name: str | None) -> int:
        own = (n for n, line in enumerate(self.lines) if line["kind"] == kind)
        return max((n for n in own if name in (None, self.lines[n]["data"].get("item"))), default=-1)

    def _settled(self, one: Item, trail: tuple[str, ...]) -> bool:
        rows = self.rows.get(one.id, [])
        if len(rows) != 1 or rows[0]["in_trash"] or one.id in trail:
            return False
        said = rows[0]["properties"]
        if self._decided(one, said):
            return True
        if one.until_deploy and self._frozen(one):
            return True
        if not said["Done"]["checkbox"]:
            return one.when is not None and not any(self._failed(name) for name in one.when.failed)
        if self._last("ticked", one.id) < self._last("unticked", one.id):
            return False
        if one.until_deploy and self.deployed:
            return False
        by_need = {other.id: other for other in self.world.items}
        if not all(self._settled(by_need[need], (*trail, one.id)) for need in one.needs):
            return False
        return (
            self._true(one)
            and not (one.evidence and not said["Attachments"]["files"])
            and self._seconded(one, said)
        )

    def _true(self, one: Item) -> bool:
        """The machine is as it should be, and was found so; or a person has said it."""
        if not one.probes:
            ticked = self._last("ticked", one.id)
            return ticked >= 0 and self.lines[ticked]["data"]["by"] is not None
        proved = self._last("proved", one.id)
        passed = proved > self._last("ticked", one.id) and self.lines[proved]["data"]["outcome"] == "pass"
        asked = datetime.fromisoformat(self.lines[-1]["time"])
        looks = [datetime.fromisoformat(line["time"]) for line in self.lines if self._is_look(line, one.id)]
        if not passed or not looks or (asked - looks[-1]).total_seconds() >= (one.max_age or 900):
            return False
        # A look of before the question may have been true then; one of now is true.
        return looks[-1] < asked or self._mode(one.id) == 0o600

    @staticmethod
    def _is_look(line: dict[str, Any], name: str) -> bool:
        again = line["kind"] == "proved-again" and name in line["data"]["items"]
        return again or (line["kind"] == "proved" and line["data"]["item"] == name)

    def _mode(self, name: str) -> int:
        return self.world.modes[name].stat().st_mode & 0o777

    def _failed(self, name: str) -> bool:
        shown = self._last("shown", name)
        return shown >= 0 and self.lines[shown]["data"]["result"] == "failed"

    def _frozen(self, one: Item) -> bool:
        deploy = next((n for n, line in enumerate(self.lines) if line["kind"] == "deploy"), None)
        if deploy is None:
            return False
        shown = [
            line["data"]["settled"]
            for line in self.lines[: self._last("deploy", None)]
            if line["kind"] == "shown" and line["data"]["item"] == one.id
        ]
        return bool(shown) and any(shown)

    @staticmethod
    def _decided(one: Item, said: Any) -> bool:
        until = said["Until"]["date"]
        fresh = not until or date.fromisoformat(until["start"][:10]) >= date(2026, 1, 1)
        note = "".join(piece["plain_text"] for piece in said["Note"]["rich_text"]).strip()
        return bool(said["Decision"]["select"] and note and fresh and one.waive != "never")

    def _seconded(self, one: Item, said: Any) -> bool:
        if not one.approvals:
            return True
        line = self._last("approved", one.id)
        by = self.lines[line]["data"]["by"] if line >= 0 else None
        ticked = self.lines[self._last("ticked", one.id)]["data"]["by"]
        return bool(said["Approved"]["checkbox"] and by and ticked and by["id"] != ticked["id"])


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.System, "fsync", lambda _self, _handle: None)


CHUNKS = 8


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_gate_opens_only_where_the_judge_agrees(tmp_path: Path, chunk: int) -> None:
    said: Counter[int] = Counter()
    wrong: list[str] = []
    for seed in range(chunk, SEEDS, CHUNKS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        world = World(Lab(folder), folder, seed)
        world.live()
        named = troubles()
        names = ["nothing", "nothing", *world.rng.sample(sorted(named), 4)]
        for name in names:
            with kept(world.lab):
                said[_one(world, name, named[name], f"seed {seed}, {name}", wrong)] += 1
    assert wrong == []
    # A sweep in which no gate opens, or none stays shut, would show nothing.
    assert said[0] >= 5
    assert said[1] >= 5
    assert said[3] >= 5


def _one(world: World, name: str, trouble: Trouble, where: str, wrong: list[str]) -> int:
    answer = meet(world.lab, trouble)
    if answer.exit_code == 0:
        against = Judge(world).against()
        if against and not (answer.offline and world.unseen):
            wrong.append(f"{where}: open, and the judge says open are {against}")
        if trouble.code is not None:
            wrong.append(f"{where}: open in spite of trouble")
    elif name == "nothing" and answer.exit_code == 3:
        wrong.append(f"{where}: nothing is wrong, and yet: {answer.reason.en}")
    return answer.exit_code

"""A story: which checklist, and what happens. Plain data, so that it can be shrunk, kept and played again."""

import json
import random
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.simulation.oracle import Fact
from tests.simulation.wire import FAULTS
from ultra_checklist.model import Item, ProbeSpec, When

Step = dict[str, Any]
VERSION = "v1"
PEOPLE = ("Sato", "Suzuki")

FACTS = {
    fact.id: fact
    for fact in (
        Fact("a", switch="a", until=True, gated=True),
        Fact("b", until=True, gated=True),
        Fact("c", switch="c", gated=True),
        Fact("m", switch="m", sends=True, gated=True),
        Fact("n", needs="c", gated=True),
        Fact("d", deploys=True),
        Fact("e", switch="e", after=True),
        Fact("f", after=True),
        Fact("s", switch="s", sends=True, after=True),
        Fact("r", opens=False),
    )
}
_SECTIONS = {"a": "pre", "b": "pre", "c": "env", "m": "env", "n": "env", "d": "dep", "r": "back"}


def item_of(fact: Fact, order: int, *, by_run: bool = False) -> Item:
    """The item of a checklist of which the oracle knows this; a deploy is known by its tick, or was ``by_run``."""
    probe = "message" if fact.sends else "switch"
    probes = (ProbeSpec(probe=probe, options={"switch": fact.switch}),) if fact.switch else ()
    if fact.deploys and by_run:
        probes = (ProbeSpec(probe="run", options={}),)
    return Item(
        id=fact.id,
        title=f"{fact.id} です",
        section=_SECTIONS.get(fact.id, "post"),
        line=1,
        order=order,
        until_deploy=fact.until,
        after_deploy=fact.after,
        deploys=fact.deploys,
        needs=(fact.needs,) if fact.needs else (),
        when=None if fact.opens else When(failed=("post",)),
        probes=probes,
    )


@dataclass
class Story:
    """What is played. ``seed`` decides all that the steps leave open: latencies, and which request meets a fault."""

    seed: str
    items: tuple[str, ...]
    steps: list[Step] = field(default_factory=list)
    close_after: float = 1e9
    by_run: bool = False
    """The deploy is a script that is run by ``run``, not a person's word."""

    def facts(self) -> dict[str, Fact]:
        """What the oracle knows of the checklist."""
        return {item: FACTS[item] for item in self.items}

    def checklist(self) -> tuple[Item, ...]:
        """The items."""
        return tuple(item_of(FACTS[item], order, by_run=self.by_run) for order, item in enumerate(self.items))

    def dump(self) -> str:
        """The story as JSON, a step a line."""
        steps = ",\n  ".join(json.dumps(step, ensure_ascii=False) for step in self.steps)
        head = {k: v for k, v in asdict(self).items() if k != "steps"}
        return json.dumps(head)[:-1] + f', "steps": [\n  {steps}\n]}}'

    @classmethod
    def load(cls, text: str) -> "Story":
        """The story that ``dump`` wrote."""
        raw = json.loads(text)
        return cls(raw["seed"], tuple(raw["items"]), raw["steps"], raw["close_after"], raw["by_run"])


def generate(seed: str, length: int = 12) -> Story:
    """A story of so many steps."""
    return _Author(seed).write(length)


class _Author:
    """Makes a story up."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._rng = random.Random(f"{seed} story")

    def write(self, length: int) -> Story:
        rng = self._rng
        items = [item for item in FACTS if rng.random() < 0.55 or item in ("a", "e")]
        if "n" in items and "c" not in items:
            items.remove("n")
        if any(FACTS[item].after or FACTS[item].until for item in items) and "d" not in items:
            items.append("d")
        self._items = tuple(sorted(items, key=list(FACTS).index))
        # People come back to the same few items: what matters happens to one of them twice.
        self._focus = rng.sample(self._items, min(3, len(self._items)))
        if "d" in self._items and "d" not in self._focus and rng.random() < 0.6:
            self._focus.append("d")
        close_after = rng.choice((1e9, 1e9, 1e9, 600.0, 0.0))
        self._by_run = "d" in self._items and rng.random() < 0.3
        steps: list[Step] = []
        if rng.random() < 0.3:
            steps.append(self._faults())
        if rng.random() < 0.3:
            steps.append({"do": "lag", "seconds": rng.choice((1, 5, 20, 60))})
        steps.append(self._process("new"))
        for _ in range(length):
            steps += self._something()
        return Story(self._seed, self._items, steps, close_after, self._by_run)

    def _something(self) -> list[Step]:
        rng = self._rng
        draw = rng.random()
        if draw < 0.04:
            # What a watch does: one look after another, at a fresh tick.
            item = rng.choice([i for i in self._items if FACTS[i].sends] or self._items)
            again: list[Step] = [{"do": "sync", "host": "web-1"}, {"do": "wait", "minutes": 0.03}]
            return [{"do": "tick", "item": item, "who": "Sato"}, {"do": "wait", "minutes": 0.5}, *again * 4]
        if draw < 0.06 and "d" in self._items:
            look: list[Step] = [{"do": "wait", "minutes": 1}, {"do": "sync", "host": "web-1"}]
            toggles: list[Step] = [{"do": kind, "item": "d", "who": "Sato"} for kind in ("tick", "untick", "tick")]
            return [step for toggle in toggles for step in (toggle, *look)]
        if draw < 0.08:
            # Somebody changes their mind while the worker writes what it has found.
            item, mind = self._item(), rng.choice(("tick", "untick"))
            begin: Step = {"do": "untick" if mind == "tick" else "tick", "item": item, "who": "Sato"}
            change = [rng.randrange(2, 5), {"do": mind, "item": item, "who": rng.choice(PEOPLE)}]
            passes: list[Step] = [
                {"do": "sync", "host": "web-1"},
                {"do": "wait", "minutes": rng.choice((0, 0.2, 1))},
            ]
            return [begin, passes[0] | {"during": [change]}, passes[1], passes[0]]
        if draw < 0.11 and "d" in self._items:
            return self._drill()
        if draw < 0.13 and "d" in self._items:
            return self._whole_release()
        if draw < 0.14:
            return self._copied()
        if draw < 0.15:
            return self._killed_intake()
        if draw < 0.38:
            return [{"do": "wait", "minutes": rng.choice((0, 0, 0.2, 1, 1, 1, 6, 20, 90))}, self._process("sync")]
        if draw < 0.80:
            return [self._people()]
        if draw < 0.90:
            switch = rng.choice([FACTS[i].switch for i in self._items if FACTS[i].switch])
            value = rng.choice(("pass", "pass", "fail", "fail", "unknown", "crash", "hang"))
            return [{"do": "world", "switch": switch, "value": value}]
        return [self._trouble()]

    def _drill(self) -> list[Step]:
        """Everything before the deploy is ticked, the gate is asked, and perhaps the deploy is run."""
        rng = self._rng
        before = [item for item in self._items if FACTS[item].gated]
        ticks: list[Step] = [{"do": "tick", "item": item, "who": rng.choice(PEOPLE)} for item in before]
        wait: Step = {"do": "wait", "minutes": rng.choice((0, 1, 1, 20))}
        if rng.random() < 0.5:
            ticks += [{"do": "sync", "host": "web-1"}, wait]
        return [*ticks, self._process("run" if self._by_run and rng.random() < 0.7 else "gate")]

    def _copied(self) -> list[Step]:
        """A row that was ticked is copied, and unticked then: nothing of the copy's tick may be taken for news."""
        rng = self._rng
        sending = [item for item in self._items if FACTS[item].sends]
        item = rng.choice(sending) if sending and rng.random() < 0.7 else self._item()
        look: Step = {"do": "sync", "host": "web-1"}
        change: Step = {"do": rng.choice(("untick", "untick", "trash", "note")), "item": item, "who": "Suzuki"}
        change |= {"text": "ok"} if change["do"] == "note" else {}
        copy = [rng.randrange(1, 4), {"do": "duplicate", "item": item, "who": rng.choice(PEOPLE)}]
        during = [copy, [rng.randrange(4, 10), change]]
        return [{"do": "tick", "item": item, "who": "Sato"}, look, look | {"during": during}, look]

    def _killed_intake(self) -> list[Step]:
        """A pass is killed about when it has taken something in; before the next one, that is taken back."""
        rng = self._rng
        item, look = self._item(), {"do": "sync", "host": "web-1"}
        tick: Step = {"do": "tick", "item": item, "who": "Sato"}
        # Too late for the query of one pass, so that the next one takes it in.
        late: list[Step] = [tick] if rng.random() < 0.3 else [look | {"during": [[rng.randrange(8, 13), tick]]}]
        killed: Step = look | {"kill": rng.randrange(12, 40)}
        wait: Step = {"do": "wait", "minutes": rng.choice((0, 1, 1))}
        return [*late, killed, tick | {"do": "untick"}, look, wait, look]

    def _whole_release(self) -> list[Step]:
        """The main road, from the first tick to the end."""
        rng = self._rng
        look = [self._process("sync"), {"do": "wait", "minutes": rng.choice((0.2, 1, 1, 12))}]
        steps = [step for step in self._drill() if step["do"] == "tick"]
        if self._by_run:
            steps += [self._process("run") | {"code": 0}]
        steps += [*look, {"do": "tick", "item": "d", "who": "Sato"}, *look]
        after = [item for item in self._items if FACTS[item].after]
        steps += [{"do": "tick", "item": item, "who": rng.choice(PEOPLE)} for item in after]
        end: list[Step] = [{"do": "wish", "ending": "Complete", "reason": "", "who": "Sato"}]
        if rng.random() < 0.6:
            end = [self._process("close") | {"as": "complete"}]
        return [*steps, *look, *end, *look]

    def _trouble(self) -> Step:
        rng = self._rng
        match rng.randrange(10):
            case 9:
                return {"do": "throw", "who": "Sato"}
            case 8:
                ending = rng.choice(("Complete", "Aborted", "Rolled back", ""))
                return {"do": "wish", "ending": ending, "reason": rng.choice(("", "because")), "who": "Suzuki"}
            case 0 | 1:
                return self._faults()
            case 2:
                return {"do": "lag", "seconds": rng.choice((0, 3, 20, 60))}
            case 3:
                return {"do": "clock", "seconds": rng.choice((-3600, 3600, 0))}
            case 4:
                return {"do": "disk", "state": rng.choice(("full", "errors", "ok", "ok"))}
            case 5:
                return {"do": "power"}
            case 6:
                return {"do": "cut", "rows": rng.choice((2, 3, 5))}
            case _:
                return self._process("close") | {"as": rng.choice(("aborted", "complete", "rolled-back"))}

    def _faults(self) -> Step:
        rng = self._rng
        rates = {name: rng.choice((0.02, 0.05, 0.2)) for name in rng.sample(FAULTS, rng.randrange(0, 4))}
        if rng.random() < 0.1:
            rates = {rng.choice(("500", "dropped", "refused-connection", "429")): 1.0}
        return {"do": "faults", "rates": rates}

    def _process(self, kind: str) -> Step:
        rng = self._rng
        away = kind in ("sync", "gate") and rng.random() < 0.08
        step: Step = {"do": kind, "host": "laptop" if away else "web-1"}
        if rng.random() < 0.2:
            step["kill"] = int(2 ** rng.uniform(0, 8 if kind == "new" else 6.5))
        if kind == "run":
            step |= {"code": rng.choice((0, 0, 0, 7)), "ungated": rng.random() < 0.4}
        if kind in ("sync", "run") and rng.random() < 0.1:
            step["beside"] = rng.choice(("web-1", "laptop"))
        if rng.random() < 0.35:
            step["during"] = [[rng.randrange(1, 12), self._people()] for _ in range(rng.randrange(1, 3))]
        return step

    def _item(self) -> str:
        return self._rng.choice(self._focus if self._rng.random() < 0.7 else self._items)

    def _people(self) -> Step:
        rng = self._rng
        step: Step = {"do": "", "item": self._item(), "who": rng.choice(PEOPLE)}
        match rng.choices(range(12), (40, 12, 6, 4, 6, 3, 4, 4, 3, 4, 2, 2))[0]:
            case 0:
                return step | {"do": "tick"}
            case 1:
                return step | {"do": "untick"}
            case 2 if step["item"] == "d" and self._by_run:
                # A waiver of the deploy would say that somebody has deployed by hand: a story of its own.
                return step | {"do": "tick"}
            case 2:
                return step | {"do": "decide", "decision": rng.choice(("Waive", "Not applicable"))}
            case 3:
                return step | {"do": "undecide"}
            case 4:
                return step | {"do": "note", "text": rng.choice(("ok", "because of the rain", ""))}
            case 5:
                return step | {"do": "title", "text": "something else"}
            case 6:
                return step | {"do": "forge", "result": rng.choice(("Passed", "Failed", "Confirmed", ""))}
            case 7:
                return step | {"do": "trash"}
            case 8:
                return step | {"do": "move", "how": rng.choice(("relation", "away", "key"))}
            case 9:
                return step | {"do": "duplicate"}
            case 10:
                return step | {"do": "rename", "column": rng.choice(("done", "result", "why", "note"))}
            case _:
                return step | {"do": "delete", "column": rng.choice(("done", "result", "why", "settled"))}

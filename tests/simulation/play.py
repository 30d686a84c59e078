"""Plays a story on a stage, with the oracle listening, and lets everything come to rest at the end."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.simulation import world
from tests.simulation.model import CHECKS, RELEASES, Page, rich
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.stage import Stage
from tests.simulation.story import VERSION, Step, Story
from tests.simulation.virtual import Host, Process

REST = 27 * 3600.0
"""Seconds after which everything that is looked at rarely was looked at again, also after jumps of the clock."""
PASSES = 16
"""Passes in which everything must have come to rest."""


@dataclass
class Outcome:
    """What a story came to."""

    story: Story
    violation: str = ""
    steps: int = 0
    requests: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    trace: str = ""

    @property
    def digest(self) -> str:
        """Of all that happened: the same story gives the same."""
        return hashlib.sha256(self.trace.encode()).hexdigest()


class Player:
    """Plays one story."""

    def __init__(self, story: Story, stage: Stage) -> None:
        self.story = story
        self.stage = stage
        self.target = stage.hosts["web-1"]
        self.oracle = Oracle(
            stage.model,
            world.LEDGER,
            story.facts(),
            self.target.home,
            stage.storage.durable,
            stage.loop.time,
            by_run=story.by_run,
        )
        stage.wire.listeners.append(self.oracle)
        self.lag = 0.0
        self._calm_since = 0.0
        self._deleted: dict[str, str] = {}
        stage.model.lag = lambda: stage.wire.rng.uniform(0, self.lag) if self.lag else 0.0
        self.processes: list[Process] = []
        self.finished = False
        """The release's page is complete."""

    def play(self) -> None:
        """All steps, then the rest. Raises Violation."""
        for step in self.story.steps:
            self._do(step)
            self.oracle.always()
        self._rest()

    def _do(self, step: Step) -> None:
        doer: Callable[[Step], object] = getattr(self, f"_{step['do']}")
        doer(step)

    # --- commands

    def _new(self, step: Step) -> None:
        self._command(step, lambda host, kill: self.stage.new(host, VERSION, kill_at=kill))

    def _sync(self, step: Step) -> None:
        self._command(step, lambda host, kill: self.stage.sync(host, kill_at=kill))

    def _close(self, step: Step) -> None:
        if (self.target.home / "releases").exists():
            self._command(step, lambda host, kill: self.stage.close(host, VERSION, step["as"], kill_at=kill))

    def _gate(self, step: Step) -> None:
        self._at_the_gate(step, lambda host, kill: self.stage.gate(host, VERSION, kill_at=kill), "open")

    def _run(self, step: Step) -> None:
        def deploy(host: Host, kill: int | None) -> Any:
            return self.stage.deploy(host, VERSION, step["code"], ungated=step["ungated"], kill_at=kill)

        self._at_the_gate(step, deploy, "" if step["ungated"] else "exit")

    def _at_the_gate(self, step: Step, start: Callable[[Host, int | None], Any], open_says: str) -> None:
        """Something that asks a gate; ``open_says`` is how its words begin when it was open, empty: not asked."""
        began, told = self.stage.loop.time(), len(self.stage.told)
        if not (self.stage.hosts[step["host"]].home / "releases").exists():
            return
        self._command(step, start)
        name, _, words = next(said for said in self.stage.told[told:] if said.startswith(step["do"])).partition(
            ": "
        )
        if open_says and words.startswith(open_says):
            met = any(x.by.name == name and (x.fault or x.status != 200) for x in self.stage.wire.log)
            self.oracle.opened(VERSION, step["host"], began, troubled=met)

    def _command(self, step: Step, start: Callable[[Host, int | None], Any]) -> None:
        stage, host = self.stage, self.stage.hosts[step["host"]]
        told = len(stage.told)
        self.oracle.before(VERSION)
        stage.wire.pending = [(n, lambda s=s: self._do(s)) for n, s in step.get("during", ())]  # type: ignore[misc] # a lambda with a default
        ticked = [p.id for p in stage.model.rows() if p.now.values.get("done") and p.now.values["live"]]
        forged, unfounded = self.oracle.forged(), self.oracle.unfounded()
        calm = self._calm(host) and self.finished and "kill" not in step and "during" not in step

        async def both() -> list[Process]:
            jobs = [asyncio.create_task(start(host, step.get("kill")))]
            if "beside" in step:
                jobs.append(asyncio.create_task(stage.sync(stage.hosts[step["beside"]])))
            return [await job for job in jobs]

        ended = stage.run(both)
        for _, act in stage.wire.pending:
            act()
        stage.wire.pending = []
        self.processes += ended
        if step["do"] == "new":
            self.finished = stage.told[told].endswith("done")
        if any(process.dead and process.killed for process in ended) or host.disk_full or host.disk_errors:
            self.oracle.forgetful.add(host.name)
        ours = next(said for said in stage.told[told:] if said.startswith(f"{ended[0].name}:"))
        if step["do"] == "sync" and host is self.target and calm and ours.endswith("writes"):
            self.oracle.answered(ticked)
            if forged & self.oracle.forged():
                raise Violation("a forged verdict stays after a pass")
            if unfounded & self.oracle.unfounded():
                raise Violation("a verdict without a tick stays after a pass")

    def _calm(self, host: Host) -> bool:
        """Whether nothing disturbs a pass that begins now."""
        quiet_disk = not host.disk_full and not host.disk_errors
        lagging = self.lag or self.stage.loop.moment - self._calm_since < 61
        return quiet_disk and not self.stage.wire.rates and not lagging and not self._deleted

    # --- the world

    def _wait(self, step: Step) -> None:
        self.stage.loop.moment += step["minutes"] * 60

    def _world(self, step: Step) -> None:
        self.target.world[step["switch"]] = step["value"]

    def _clock(self, step: Step) -> None:
        self.target.offset = timedelta(seconds=step["seconds"])

    def _faults(self, step: Step) -> None:
        self.stage.wire.rates = step["rates"]

    def _lag(self, step: Step) -> None:
        self.lag = step["seconds"]
        self._calm_since = self.stage.loop.moment

    def _cut(self, step: Step) -> None:
        """Notion cuts its next answers short, and says so."""
        self.stage.model.cut_at = step["rows"]

    def _disk(self, step: Step) -> None:
        self.target.disk_full = step["state"] == "full"
        self.target.disk_errors = 0.1 if step["state"] == "errors" else 0.0

    def _power(self, _step: Step) -> None:
        self.stage.storage.power_cut(self.target)
        self.oracle.forgetful.add(self.target.name)

    # --- people

    def _row(self, step: Step) -> Page | None:
        return self.stage.row(step["item"], VERSION)

    def _edit(self, step: Step, **values: Any) -> None:
        page = self._row(step)
        if page is not None:
            self.stage.person(step["who"], page, **values)

    def _tick(self, step: Step) -> None:
        self._edit(step, done=True)

    def _untick(self, step: Step) -> None:
        self._edit(step, done=False)

    def _decide(self, step: Step) -> None:
        self._edit(step, decision={"name": step["decision"]}, note=f"{step['who']} says so")

    def _undecide(self, step: Step) -> None:
        self._edit(step, decision=None)

    def _note(self, step: Step) -> None:
        self._edit(step, note=step["text"])

    def _title(self, step: Step) -> None:
        self._edit(step, title=step["text"])

    def _forge(self, step: Step) -> None:
        result = {"name": step["result"]} if step["result"] else None
        self._edit(step, result=result, settled=step["result"] == "Passed", why="trust me")

    def _trash(self, step: Step) -> None:
        page = self._row(step)
        if page is not None:
            self.stage.model.edit(page, self.stage.model.person(step["who"]), in_trash=True)

    def _move(self, step: Step) -> None:
        page = self._row(step)
        if page is None:
            return
        who = self.stage.model.person(step["who"])
        if step["how"] == "away":
            self.stage.model.edit(page, who, parent="00000000-0000-4000-8000-0000000000ee")
        elif step["how"] == "key":
            self.stage.model.edit(page, who, {"key": rich("lost")})
        else:
            self.stage.model.edit(page, who, {"relation": [], "release": []})

    def _duplicate(self, step: Step) -> None:
        page = self._row(step)
        if page is not None:
            self.stage.model.duplicate(page, self.stage.model.person(step["who"]))

    def _wish(self, step: Step) -> None:
        """Somebody chooses an ending on the page."""
        for page in self.stage.model.rows(RELEASES):
            if page.born.endswith(f"/{VERSION}"):
                chosen = {"name": step["ending"]} if step["ending"] else None
                self.stage.person(step["who"], page, close=chosen, close_reason=step["reason"])

    def _throw(self, step: Step) -> None:
        """Somebody throws the release's page away, or takes it back."""
        for page in self.stage.model.rows(RELEASES):
            if page.born.endswith(f"/{VERSION}"):
                who = self.stage.model.person(step["who"])
                self.stage.model.edit(page, who, in_trash=not page.now.in_trash)

    def _rename(self, step: Step) -> None:
        self.stage.model.names[CHECKS][step["column"]] = f"{step['column']} (new name)"

    def _delete(self, step: Step) -> None:
        if step["column"] not in self._deleted:
            self._deleted[step["column"]] = self.stage.model.delete_column(CHECKS, step["column"])

    # --- the end

    def _rest(self) -> None:
        """No more trouble: everything must come to rest, be right, and stay as it is."""
        stage = self.stage
        stage.wire.rates = {}
        self._disk({"state": "ok"})
        self.lag = 0.0
        stage.model.cut_at = None
        for page in stage.model.rows(RELEASES):
            if page.now.in_trash and not self.oracle.closed(page):
                stage.model.edit(page, stage.model.person("Sato"), in_trash=False)
        for column, kind in self._deleted.items():
            stage.model.restore_column(CHECKS, column, kind)
        self._deleted = {}
        stage.loop.moment += REST
        self._new({"do": "new", "host": "web-1"})
        if not stage.told[-1].endswith("done"):
            self._new({"do": "new", "host": "web-1"})
        if not stage.told[-1].endswith("done") and "RefusedError" not in stage.told[-1]:
            raise Violation(f"the page cannot be finished: {stage.told[-1]}")
        silent = 0
        for _ in range(PASSES):
            stage.loop.moment += 70
            self._sync({"do": "sync", "host": "web-1"})
            self.oracle.always()
            silent = silent + 1 if stage.told[-1].endswith(" 0 writes") else 0
            if silent == 2:
                break
        else:
            raise Violation(f"it does not come to rest: {stage.told[-3:]}")
        pages = stage.model.rows(RELEASES)
        # One that ended while its page was in the trash has nobody who looks after its rows any more.
        pages = [page for page in pages if not page.now.in_trash and not self.oracle.ended_unseen(page)]
        versions = {page.text("key").split("/")[2] for page in pages}
        for version in versions:
            self.oracle.quiet(version, self.target.world)
        self.oracle.told()


def play(story: Story) -> Outcome:
    """Play a story from the beginning to the end."""
    outcome = Outcome(story)
    with world.installed(), Stage(story.seed, story.checklist(), close_after=story.close_after) as stage:
        player = Player(story, stage)
        try:
            player.play()
        except Violation as violation:
            outcome.violation = str(violation)
        except Exception as error:
            outcome.violation = f"{type(error).__name__}: {error}"
        outcome.steps = sum(process.steps for process in player.processes)
        outcome.requests = len(stage.wire.log)
        for seen in stage.wire.log:
            if seen.fault:
                outcome.faults[seen.fault] = outcome.faults.get(seen.fault, 0) + 1
        outcome.trace = _trace(stage)
    return outcome


def _trace(stage: Stage) -> str:
    lines = [f"{x.sent:.3f} {x.by.name} {x.method} {x.path} {x.body} {x.fault} {x.status}" for x in stage.wire.log]
    lines += stage.told
    lines += [f"{page.id} {page.now}" for page in stage.model.pages.values()]
    return "\n".join(lines)

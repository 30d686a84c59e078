"""Where a story plays: hosts, a model of Notion, commands as processes, people as method calls."""

import asyncio
import itertools
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.lab import template
from tests.simulation import world
from tests.simulation.model import CHECKS, OPTIONS, RELEASES, Model, Page, rich
from tests.simulation.storage import Storage
from tests.simulation.virtual import BEGIN, Host, Killed, Process, VirtualLoop, current
from tests.simulation.wire import Wire
from ultra_checklist import disk, guarded
from ultra_checklist.admission import admit
from ultra_checklist.announce import Announcer
from ultra_checklist.answer import GateAnswer
from ultra_checklist.bench import Bench
from ultra_checklist.close import Closer
from ultra_checklist.compare import compare
from ultra_checklist.config import Settings
from ultra_checklist.errors import CannotTellError, NotionError, RefusedError, StateError, UltraChecklistError
from ultra_checklist.gate import Gatekeeper
from ultra_checklist.guarded import Guarded
from ultra_checklist.hooks import Hooks
from ultra_checklist.lifecycle import Order, create
from ultra_checklist.machine import Machine
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Ending, Item, Template
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.schema import CHECK_COLUMNS, RELEASE_COLUMNS, Workspace
from ultra_checklist.prove import Prover
from ultra_checklist.reconcile import Reconciler
from ultra_checklist.release import Release, find
from ultra_checklist.sync import Pass
from ultra_checklist.variables import Variables
from ultra_checklist.worker import Busy, hold

DEADLINE = 240.0
COLUMNS = {
    RELEASES: {c.code: c.kind for c in RELEASE_COLUMNS},
    CHECKS: {c.code: c.kind for c in CHECK_COLUMNS},
}
WORKSPACE = Workspace(
    lang="en",
    bot_id="00000000-0000-4000-8000-0000000000b0",
    parent_page="00000000-0000-4000-8000-000000000001",
    releases_database="00000000-0000-4000-8000-00000000000b",
    releases=RELEASES,
    checks_database="00000000-0000-4000-8000-00000000000d",
    checks=CHECKS,
    release_ids={code: code for code in COLUMNS[RELEASES]},
    check_ids={code: code for code in COLUMNS[CHECKS]},
)


class Stage:
    """One story's world. Use it with ``with``."""

    def __init__(
        self, seed: str, items: tuple[Item, ...], *, close_after: float = 1e9, hooks: str = "bell"
    ) -> None:
        self.loop = VirtualLoop()
        self.folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_fast()))
        self.model = Model(COLUMNS, lambda: BEGIN + timedelta(seconds=self.loop.moment))
        self.wire = Wire(self.model, random.Random(f"{seed} wire"))
        self.storage = Storage(random.Random(f"{seed} disk"))
        self.hosts = {name: self._host(name) for name in ("web-1", "laptop")}
        self.items = items
        self.checklist: Template = template(*items, gate=("pre", "env"), guards=("d",))
        self.close_after = close_after
        self.hooks = Hooks(Settings(ULTRA_CHECKLIST_HOOK_PLUGINS=hooks))
        self.told: list[str] = []
        """What commands said when they ended."""
        self._script = patch.object(guarded, "Session", world.Script)
        self._names = itertools.count(1)
        self._deleted: dict[str, str] = {}

    def _host(self, name: str) -> Host:
        home = self.folder / name
        home.mkdir(mode=0o700)
        return Host(name, home, self.loop)

    def __enter__(self) -> "Stage":
        world.LEDGER.clear()
        self._system, disk.system = disk.system, self.storage
        self._script.start()
        asyncio.set_event_loop(self.loop)
        return self

    def __exit__(self, *_: object) -> None:
        disk.system = self._system
        self._script.stop()
        asyncio.set_event_loop(None)
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- commands

    def run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Let something happen in virtual time."""

        async def inside() -> Any:
            return await work()

        return self.loop.run_until_complete(inside())

    async def command(
        self, host: Host, name: str, work: Callable[[Notion], Awaitable[Any]], *, kill_at: int | None = None
    ) -> Process:
        """Run a command as a process of its own; whatever becomes of it is noted."""
        process = Process(host, f"{name}-{next(self._names)}", kill_at)
        current.set(process)
        notion: Notion | None = None
        try:
            notion = Notion(
                "ntn_local_simulation",
                "http://notion.simulated",
                transport=self.wire,
                steady=host.steady,
                memory=host.home / "gateway.json",
                reserve=30 if name == "new" else 0,
            )
            done = await work(notion)
            self.told.append(f"{process.name}: {'killed' if process.killed else done or 'done'}")
        except Killed:
            self.told.append(f"{process.name}: killed")
        except UltraChecklistError as error:
            process.failed = isinstance(error, StateError)
            self.told.append(f"{process.name}: {type(error).__name__}: {error}")
        finally:
            if process.killed:
                await self._bury()
            process.die()
        return process

    async def _bury(self) -> None:
        """Let what a killed process had begun come to nothing."""
        own = asyncio.current_task()
        for task in asyncio.all_tasks():
            if task is not own and task.get_coro() is not None and not task.done():
                await asyncio.sleep(0)

    def bench(self, host: Host, notion: Notion) -> Bench:
        return Bench(notion, WORKSPACE, _machine(host), clock=host.now, hooks=self.hooks)

    async def new(self, host: Host, version: str, *, kill_at: int | None = None) -> Process:
        """Make a release's page."""
        order = Order(version, "production", self.checklist, "text", Variables(), "c" * 40, "", False)

        async def work(notion: Notion) -> None:
            with hold(host.home, wait=False, name="making"):
                await create(
                    order,
                    notion=notion,
                    workspace=WORKSPACE,
                    shelf=Shelf(host.home),
                    machine=_machine(host),
                    supersede=None,
                    queued=True,
                    progress=lambda _done, _all: None,
                    clock=host.now,
                )

        return await self.command(host, "new", work, kill_at=kill_at)

    async def sync(self, host: Host, *, kill_at: int | None = None) -> Process:
        """One pass of the worker."""

        async def work(notion: Notion) -> str:
            try:
                with hold(host.home, wait=False):
                    found = Pass(
                        self.bench(host, notion), host.home, close_after=self.close_after, seconds=DEADLINE
                    )
                    report = await found.run()
            except Busy:
                return "busy"
            return f"{report.requests} requests, {report.writes} writes"

        return await self.command(host, "sync", work, kill_at=kill_at)

    async def close(self, host: Host, version: str, ending: str, *, kill_at: int | None = None) -> Process:
        """End a release from the command line."""

        async def work(notion: Notion) -> str:
            with hold(host.home, wait=False):
                bench, release = self.bench(host, notion), self.release(host, version)
                reconciler = Reconciler(bench, release, Prover(release, host.home, clock=host.now))
                announcer = Announcer(bench, release, reconciler.redact)
                if not release.open:
                    await announcer.run()
                    return "has ended"
                closer = Closer(bench, release, reconciler, host.home)
                if release.history.sealed is not None:
                    await closer.finish()
                    await announcer.run()
                    return "finished"
                await reconciler.run(await compare(notion, WORKSPACE, release))
                if not await closer.close(Ending(ending), "because"):
                    return "open checks"
                await announcer.run()
                return "closed"

        return await self.command(host, "close", work, kill_at=kill_at)

    async def gate(self, host: Host, version: str, *, kill_at: int | None = None) -> Process:
        """Ask the gate before the deploy."""

        async def work(notion: Notion) -> str:
            return (await self._ask(host, notion, version)).outcome.value

        return await self.command(host, "gate", work, kill_at=kill_at)

    async def _ask(self, host: Host, notion: Notion, version: str) -> GateAnswer:
        key = self.release(host, version).manifest.key
        keeper = Gatekeeper(self.bench(host, notion), host.home, key, wait=5.0, seconds=DEADLINE)
        return await keeper.ask(self.checklist.gates[0])

    async def deploy(
        self, host: Host, version: str, code: int, *, ungated: bool, kill_at: int | None = None
    ) -> Process:
        """Run the deploy's script: asked for at the gate, or with the glass broken. It ends with this code."""

        async def work(notion: Notion) -> str:
            async def ask() -> None:
                if ungated:
                    await self._take_in(host, notion)
                elif not (await self._ask(host, notion, version)).is_open:
                    raise RefusedError("not open")

            async def begin(release: Release) -> Guarded:
                item = next(item for item in self.items if item.deploys)
                begun = Guarded(release, item, host.home, Prover(release, host.home, clock=host.now), ["true"])
                await begun.begin([] if ungated else ["deploy"], "because" if ungated else "")
                return begun

            try:
                begun = await admit(lambda: self.release(host, version), host.home, ask, begin, wait=False)
            except RefusedError as error:
                return str(error)
            running = world.Deploy(host.name, self.loop.time())
            world.LEDGER.deploys.append(running)
            # A pass may come meanwhile: the worker's lock is free.
            await asyncio.sleep(90.0)
            current.get().step("the script has ended")
            running.ended, running.code = self.loop.time(), code
            begun.run(lambda _output: None, {"code": str(code)})
            running.filed = True
            return f"exit {code}"

        return await self.command(host, "run", work, kill_at=kill_at)

    async def _take_in(self, host: Host, notion: Notion) -> None:
        try:
            with hold(host.home, wait=False):
                await Pass(self.bench(host, notion), host.home, close_after=1e9, seconds=DEADLINE).run()
        except (CannotTellError, NotionError):
            pass

    def release(self, host: Host, version: str) -> Release:
        found = find(Shelf(host.home), version, local=False)
        return Release(found.shelf, found.manifest, host.now)

    # --- people

    def row(self, item: str, version: str = "v1") -> Page | None:
        """The oldest row of an item that is not in the trash."""
        rows = [page for page in self.model.rows() if page.born == f"try/production/{version}/{item}"]
        return next((page for page in rows if not page.now.in_trash), None)

    def person(self, who: str, page: Page, **values: Any) -> None:
        """Somebody edits a page; text columns take text."""
        kinds = self.model.columns.get(page.now.parent, COLUMNS[CHECKS])
        there = {column: value for column, value in values.items() if column in kinds}
        shaped = {c: rich(v) if kinds[c] in ("title", "rich_text") else v for c, v in there.items()}
        self.model.edit(page, self.model.person(who), shaped)


def _machine(host: Host) -> Machine:
    return Machine(digest=("a" if host.name == "web-1" else "b") * 32, name=host.name)


def _fast() -> str | None:
    """Where files cost nothing: memory, where the system has it."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


__all__ = ["OPTIONS", "Stage"]

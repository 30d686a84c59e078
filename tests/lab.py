"""A small laboratory: the engine on the real local Notion in-process, people who use its API, a clock to turn."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from ultra_checklist.bench import Bench, Report
from ultra_checklist.hooks import Hooks
from ultra_checklist.lifecycle import Opened, Order, create
from ultra_checklist.machine import Machine
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Gate, Item, Section, Template
from ultra_checklist.notion.client import NOTION_VERSION, Notion
from ultra_checklist.notion.rows import Row, parse_release, parse_row
from ultra_checklist.notion.schema import Workspace
from ultra_checklist.notion.workspace import Databases
from ultra_checklist.prove import Prover
from ultra_checklist.reconcile import Reconciler
from ultra_checklist.release import Release, find
from ultra_checklist.server.app import create_app
from ultra_checklist.sync import Pass
from ultra_checklist.variables import Value, Variables

PAGE = "00000000-0000-4000-8000-000000000001"
URL = "http://notion.local"
HERE = Machine(digest="a" * 32, name="web-1")
ELSEWHERE = Machine(digest="b" * 32, name="laptop")
T = TypeVar("T")


def template(
    *items: Item, gate: tuple[str, ...] = (), guards: tuple[str, ...] = (), text: str = "text"
) -> Template:
    """A checklist of these items, in sections as the items say."""
    names = list(dict.fromkeys(item.section for item in items))
    sections = tuple(
        Section(id=name, title=name, number=n, line=n, items=tuple(item for item in items if item.section == name))
        for n, name in enumerate(names, 1)
    )
    gates = (Gate(name="deploy", sections=gate, guards=guards),) if gate else ()
    return Template(name="try", title="Try", path="/nowhere/try.md", sha256=text, sections=sections, gates=gates)


def item(item_id: str, *, section: str = "one", order: int = 0, **more: Any) -> Item:
    """An item whose text is its id."""
    return Item(id=item_id, title=f"{item_id} です", section=section, line=1, order=order, **more)


class Lab:
    """One workspace, one state folder, one worker."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "state"
        self.home.mkdir(mode=0o700)
        self.log = folder / "requests.jsonl"
        self.app = create_app(folder / "notion.db", request_log=self.log)
        self.machine = HERE
        self.now = datetime.now(UTC)
        self.close_after = 1e9
        self.hooks = Hooks()
        self.secrets: list[str] = []
        self.workspace: Workspace = self.run(self._init)

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.home)

    def run(self, work: Callable[[Notion], Coroutine[Any, Any, T]]) -> T:
        """Run something with a connection as the integration."""

        async def inside() -> T:
            transport = httpx.ASGITransport(app=self.app)
            async with Notion("ntn_local_test", URL, transport=transport) as notion:
                return await work(notion)

        return asyncio.run(inside())

    async def _init(self, notion: Notion) -> Workspace:
        return await Databases(notion, PAGE, "en", None).prepare(local=False)

    def bench(self, notion: Notion) -> Bench:
        return Bench(notion, self.workspace, self.machine, clock=lambda: self.now, hooks=self.hooks)

    def new(self, checklist: Template, version: str = "v1.0.0", **variables: str) -> Opened:
        """Make a release."""
        values = {name: Value(value=value, origin="--var") for name, value in variables.items()}
        order = Order(
            version, "production", checklist, checklist.sha256, Variables(values=values), "c" * 40, "", False
        )
        return self.make(order)

    def make(self, order: Order) -> Opened:
        """Make what was ordered."""

        async def work(notion: Notion) -> Opened:
            return await create(
                order,
                notion=notion,
                workspace=self.workspace,
                shelf=self.shelf,
                machine=self.machine,
                supersede=None,
                queued=False,
                progress=lambda _done, _all: None,
            )

        return self.run(work)

    def sync(self, minutes: float = 0.0) -> Report:
        """One pass, some minutes later."""
        self.now += timedelta(minutes=minutes)

        async def one(notion: Notion) -> Report:
            bench = self.bench(notion)
            return await Pass(bench, self.home, secrets=self.secrets, close_after=self.close_after).run()

        return self.run(one)

    def release(self, version: str = "v1.0.0") -> Release:
        return find(self.shelf, version, local=False)

    def reconciler(self, notion: Notion, release: Release) -> Reconciler:
        return Reconciler(self.bench(notion), release, Prover(release, self.home))

    def row(self, item_id: str, version: str = "v1.0.0") -> Row:
        """The row as Notion has it."""
        page_id = self.release(version).manifest.rows[item_id]
        return parse_row(self.call("GET", f"pages/{page_id}"), self.workspace)

    def page(self, version: str = "v1.0.0") -> Any:
        page_id = self.release(version).manifest.page_id
        return parse_release(self.call("GET", f"pages/{page_id}"), self.workspace)

    def person(self, who: str, item_id: str, **values: Any) -> None:
        """Somebody edits a row: ``done=True``, ``decision="Waive"``, ``note="..."``, ``Result="Passed"``."""
        properties = {name.replace("_", " ").capitalize(): _property(value) for name, value in values.items()}
        page_id = self.release().manifest.rows[item_id]
        self.call("PATCH", f"pages/{page_id}", {"properties": properties}, who=who)

    def call(self, method: str, path: str, body: Any = None, who: str = "") -> Any:
        """One request, as a person or as the integration."""
        token = f"ntn_person_{quote(who)}" if who else "ntn_local_test"

        async def inside() -> Any:
            transport = httpx.ASGITransport(app=self.app)
            headers = {"Authorization": f"Bearer {token}", "Notion-Version": NOTION_VERSION}
            async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as http:
                answer = await http.request(method, f"/v1/{path}", json=body)
                answer.raise_for_status()
                return answer.json()

        return asyncio.run(inside())

    def requests(self) -> list[dict[str, Any]]:
        """The request log so far."""
        return [json.loads(line) for line in self.log.read_text().split("\n") if line]


def _property(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"checkbox": value}
    if value is None:
        return {"select": None}
    kind, _, text = str(value).partition(":")
    match kind:
        case "text":
            return {"rich_text": [{"text": {"content": text}}] if text else []}
        case "date":
            return {"date": {"start": text}}
        case _:
            return {"select": {"name": str(value)}}

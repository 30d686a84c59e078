"""Asks other machines for one release: who has been asked what, what has come back, and who keeps silent.

A task is on disk before it goes out. An answer counts only for the task that stands: the item's tick, deploy
and wording of now; what comes later than that is dropped. Nothing here needs another machine's clock.
"""

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from ultra_checklist import disk
from ultra_checklist.duty import MAX_AGE
from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.hosts.carriers import NOBODY, Carrier, Carriers
from ultra_checklist.hosts.tasks import Answer, Batch, SealBroken, Task
from ultra_checklist.manifest import bound_to
from ultra_checklist.model import NOTHING, Finding, Frozen, Item, Outcome, Words, combine
from ultra_checklist.probes.base import unknown
from ultra_checklist.record import ReleaseRecord
from ultra_checklist.release import Release
from ultra_checklist.traits import has_effect, longest

FILE: Final = "tasks.json"
POLL: Final = (0.5, 4.0)
"""Seconds between two looks for answers while somebody waits: at first, and at most."""


class Asked(Frozen):
    """A task that stands, and how far it has come."""

    task: Task
    sent: datetime | None = None
    """When it went out last; it goes out again where nothing comes back."""
    answer: Answer | None = None
    trouble: Words = NOTHING
    """Why it could not be sent, or nothing could be heard."""


class Book(Frozen):
    """All tasks of a release that stand."""

    asked: tuple[Asked, ...] = Field(default_factory=tuple)


class Dispatcher:
    """The tasks of one release."""

    def __init__(self, release: Release, carriers: Carriers, patience: float | None = None) -> None:
        self._release = release
        self._carriers = carriers
        self._patience = patience
        """Seconds to wait for answers; None: as long as each carrier mostly takes."""
        self._path = release.folder / FILE
        self._book: dict[tuple[str, str], Asked] = {}
        self._commit = ""
        self._record: ReleaseRecord | None = None

    def away(self, item: Item) -> list[str]:
        """The hosts of an item that are other machines."""
        return [host for host in item.runs_on.hosts if not self._carriers.is_here(host)]

    def asks(self, item: Item) -> bool:
        """Whether another machine was asked for this tick of an item, and what it said was not taken in yet."""
        tick = self._release.history.check(item.id).ticks
        return any((a.task.item, a.task.tick) == (item.id, tick) for a in _read(self._path).asked)

    async def look(self, items: Iterable[Item], commit: str | None = None) -> dict[str, list[Finding] | None]:
        """What the other machines of these items found; None: they were asked, and may still answer.

        ``commit`` stands in for the release's own.
        """
        self._commit = self._release.manifest.commit if commit is None else commit
        self._record = self._release.on_record().model_copy(update={"evidence": (), "runs": ()})
        wanted = {(item.id, host): item for item in items for host in self.away(item)}
        self._book = {(a.task.item, a.task.host): a for a in _read(self._path).asked if self._is_ticked(a.task)}
        for (item_id, host), item in wanted.items():
            known = self._book.get((item_id, host))
            if known is None or not self._stands(known, item):
                self._book[item_id, host] = Asked(task=self._task(item, host))
        self._save()
        await self._send({host for _, host in wanted})
        await self._hear(set(wanted))
        found: dict[str, list[Finding] | None] = {}
        for item in {item.id: item for item in wanted.values()}.values():
            found[item.id] = self._result(item)
        self._save()
        return found

    def silence(self, item: Item) -> list[Finding]:
        """What is said of those hosts of an item that were asked last and have not answered yet."""
        asked = [self._book.get((item.id, host)) for host in self.away(item)]
        return [self._silent(a) for a in asked if a is not None and a.answer is None]

    def _is_ticked(self, task: Task) -> bool:
        """Whether the tick of a task stands still."""
        tick = self._release.history.check(task.item).tick
        return tick is not None and tick.number == task.tick

    def _task(self, item: Item, host: str) -> Task:
        history = self._release.history
        return Task(
            id=uuid.uuid4().hex,
            host=host,
            item=item.id,
            tick=history.check(item.id).ticks,
            deploy=len(history.deploys),
            bound_to=bound_to(self._release.manifest, item),
            commit=self._commit,
            issued=self._release.now(),
        )

    def _stands(self, asked: Asked, item: Item) -> bool:
        """Whether a task is about the present, and so young that what comes back to it still is."""
        task, fresh = asked.task, self._task(item, asked.task.host)
        if has_effect(item):
            # Once a tick, whatever happens meanwhile.
            return task.tick == fresh.tick
        same = all(getattr(task, name) == getattr(fresh, name) for name in ("tick", "deploy", "bound_to", "commit"))
        oldest = timedelta(seconds=(MAX_AGE if item.max_age is None else item.max_age) + longest(item))
        # A clock that was set back says nothing about how old anything is.
        return same and timedelta() <= fresh.issued - task.issued < oldest

    def _message(self, host: str) -> Batch:
        manifest = self._release.manifest
        tasks = [a.task for (_, at), a in self._book.items() if at == host and a.answer is None]
        whole = Batch(
            release=manifest.key,
            version=manifest.version,
            environment=manifest.environment,
            template=manifest.template.sha256,
            host=host,
            record=self._record,
        )
        return whole.only(tasks)

    async def _send(self, hosts: Iterable[str]) -> None:
        now = self._release.now()

        async def one(host: str) -> None:
            fresh = {a.task.id for (_, at), a in self._book.items() if at == host and self._is_to_go(a, now)}
            if not fresh:
                return
            trouble, out = NOTHING, set[str]()
            carrier = self._carriers.of(host)
            try:
                if carrier is None:
                    raise _no_way(host)
                out |= set(await carrier.send(self._message(host), fresh))
            except ProbeCannotTell as error:
                trouble = error.message
            for key, asked in self._book.items():
                if asked.task.id in fresh:
                    sent = now if asked.task.id in out else asked.sent
                    self._book[key] = asked.model_copy(update={"sent": sent, "trouble": trouble})

        await asyncio.gather(*(one(host) for host in sorted(hosts)))
        self._save()

    async def _hear(self, wanted: set[tuple[str, str]]) -> None:
        """Take in answers until all are there, or nobody waits any longer."""
        loop = asyncio.get_running_loop()
        began, (pause, longest_pause) = loop.time(), POLL
        while True:
            open_hosts = {host for item, host in wanted if self._waits(item, host)}
            by_carrier: dict[Carrier, list[str]] = {}
            for host in sorted(open_hosts):
                carrier = self._carriers.of(host)
                if carrier is not None:
                    by_carrier.setdefault(carrier, []).append(host)
            if not by_carrier:
                return
            await asyncio.gather(*(self._collect(carrier, hosts) for carrier, hosts in by_carrier.items()))
            rest = {host for item, host in wanted if self._waits(item, host)}
            if not rest or loop.time() - began >= max(map(self._wait_for, rest)):
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest_pause)

    def _waits(self, item: str, host: str) -> bool:
        asked = self._book[item, host]
        return asked.sent is not None and asked.answer is None

    def _wait_for(self, host: str) -> float:
        carrier = self._carriers.of(host)
        if carrier is None or carrier.patience is None:
            return 0.0
        return carrier.patience if self._patience is None else self._patience

    async def _collect(self, carrier: Carrier, hosts: Sequence[str]) -> None:
        try:
            heard = await carrier.collect([self._message(host) for host in hosts])
        except ProbeCannotTell as error:
            for key, asked in self._book.items():
                if key[1] in hosts and asked.answer is None:
                    self._book[key] = asked.model_copy(update={"trouble": error.message})
            return
        # Where one task is answered twice, the first answer is of the machine that has run it.
        told = {(a.host, answer.task): answer for a in reversed(heard) for answer in reversed(a.answers)}
        for key, asked in self._book.items():
            answer = told.get((key[1], asked.task.id))
            if answer is not None and asked.answer is None:
                self._book[key] = asked.model_copy(update={"answer": answer, "trouble": NOTHING})

    def _result(self, item: Item) -> list[Finding] | None:
        hosts = self.away(item)
        asked = {host: self._book[item.id, host] for host in hosts}
        heard = {host: _findings(a) for host, a in asked.items() if a.answer is not None}
        silent = {host: a for host, a in asked.items() if a.answer is None}
        enough = item.runs_on.any and any(_passes(found) for found in heard.values())
        if silent and not enough:
            now = self._release.now()
            # A clock that was set back says nothing about how long somebody has been silent.
            late = [a for a in silent.values() if not timedelta() <= now - a.task.issued < self._silence(a)]
            stuck = [a for a in silent.values() if a.trouble != NOTHING]
            if len({a.task.id for a in [*late, *stuck]}) < len(silent):
                return None
            heard |= {host: [self._silent(a)] for host, a in silent.items()}
        for host in hosts:
            # Who keeps silent is still asked: a late answer to the same question is an answer.
            if host not in silent or enough:
                self._book.pop((item.id, host), None)
        return [finding for host in hosts for finding in heard.get(host, ())]

    def _is_to_go(self, asked: Asked, now: datetime) -> bool:
        """Whether a task was never sent, or so long ago that it may have been lost."""
        lost = asked.sent is None or not timedelta() <= now - asked.sent < self._silence(asked)
        return asked.answer is None and lost

    def _silence(self, asked: Asked) -> timedelta:
        """After how long without an answer whoever was asked is silent."""
        item = self._release.manifest.template.item(asked.task.item)
        return self._carriers.silence + timedelta(seconds=longest(item) if item is not None else 0.0)

    def _silent(self, asked: Asked) -> Finding:
        since = self._release.clock(asked.task.issued)
        return _unheard(asked, asked.trouble if asked.trouble != NOTHING else _SILENT.filled(since=since))

    def _save(self) -> None:
        disk.replace(self._path, Book(asked=tuple(self._book.values())).model_dump_json().encode())


def outcome(item: Item, findings: Sequence[Finding]) -> Outcome:
    """What findings say together: all hosts must pass, or one of them where the item says so.

    What was looked at where the release is at home must pass either way.
    """
    by_host: dict[str, list[Outcome]] = {}
    for finding in findings:
        by_host.setdefault(finding.host, []).append(finding.verdict.outcome)
    home = by_host.pop("", [])
    there = [combine(outcomes) for outcomes in by_host.values()]
    if item.runs_on.any and Outcome.PASS in there:
        there = [Outcome.PASS]
    elif item.runs_on.any and Outcome.UNKNOWN in there:
        there = [Outcome.UNKNOWN]
    return combine([*home, *there])


def _findings(asked: Asked) -> list[Finding]:
    host, answer = asked.task.host, asked.answer
    found: list[Finding] = []
    for one in answer.found if answer is not None else ():
        try:
            found.append(one.finding(host))
        except SealBroken:
            found.append(one.model_copy(update={"material": ""}).finding(host))
    return found or [_unheard(asked, _EMPTY)]


def _unheard(asked: Asked, why: Words) -> Finding:
    """In place of what a host would have found."""
    host = asked.task.host
    verdict = unknown("host-silent", why, remedy=_LOOK_THERE.filled(host=host))
    return Finding(probe=NOBODY, verdict=verdict, started=asked.task.issued, seconds=0.0, host=host)


def _passes(found: Sequence[Finding]) -> bool:
    return combine([finding.verdict.outcome for finding in found]) is Outcome.PASS


def _read(path: Path) -> Book:
    """The tasks that stand; those that cannot be read are asked again."""
    try:
        return Book.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return Book()


def _no_way(host: str) -> ProbeCannotTell:
    told = _NO_WAY.filled(host=host)
    return ProbeCannotTell("no-carrier", told.en, told.ja, remedy=_SET_UP)


_SILENT = Words(en="has not answered since {since}", ja="{since} 以降応答がありません")
_EMPTY = Words(en="has looked at nothing", ja="何も確認していません")
_LOOK_THERE = Words(
    en="Look whether its worker or agent runs: ultra-checklist doctor, on {host}",
    ja="ワーカーまたはエージェントの動作を確認してください: {host} で ultra-checklist doctor",
)
_NO_WAY = Words(en="{host} cannot be asked from here", ja="ここから {host} に問い合わせる手段がありません")
_SET_UP = Words(
    en="Set ULTRA_CHECKLIST_HOST on each machine and run `ultra-checklist init` there, or name a broker",
    ja="各マシンに ULTRA_CHECKLIST_HOST を設定し `ultra-checklist init` を実行するか、ブローカーを指定してください",
)

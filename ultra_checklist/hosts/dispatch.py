"""Asks other machines for one release: who has been asked what, what has come back, and who keeps silent.

A task is on disk before it goes out. An answer counts only for the task that stands: the item's tick, deploy
and wording of now; what comes later than that is dropped. Nothing here needs another machine's clock.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ultra_checklist.duty import MAX_AGE
from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.hosts.book import Asked, Key, Place, read, write
from ultra_checklist.hosts.carriers import NOBODY, Carrier, Carriers
from ultra_checklist.hosts.tasks import Batch, Found, Occasion, Past, SealBroken, Task
from ultra_checklist.manifest import bound_to
from ultra_checklist.model import NOTHING, Finding, Item, Outcome, Words, combine
from ultra_checklist.probes.base import unknown
from ultra_checklist.record import ReleaseRecord
from ultra_checklist.release import Release
from ultra_checklist.traits import has_effect, longest

POLL: Final = (0.5, 4.0)
"""Seconds between two looks for answers while somebody waits: at first, and at most."""


@dataclass(frozen=True)
class Heard:
    """What came of a look in passing, or of one before a deploy."""

    issued: datetime
    """When it was asked for, by the clock at home: it looked no earlier."""
    found: tuple[Found, ...] = ()
    """Empty: it could not look, or could not be asked."""


class Dispatcher:
    """The tasks of one release. ``past`` says what an item's probes have seen on a host until now."""

    def __init__(
        self,
        release: Release,
        carriers: Carriers,
        patience: float | None = None,
        past: Callable[[Item, str], Past] = lambda _item, _host: Past(),
    ) -> None:
        self._release = release
        self._carriers = carriers
        self._past = past
        self._patience = patience
        """Seconds to wait for answers; None: as long as each carrier mostly takes."""
        self._folder = release.folder
        self._book: dict[Key, Asked] = {}
        self._commit = ""
        self._deploy = 0
        self._record: ReleaseRecord | None = None

    def away(self, item: Item) -> list[str]:
        """The hosts of an item that are other machines."""
        return [host for host in item.runs_on.hosts if not self._carriers.is_here(host)]

    def asks(self, item: Item) -> bool:
        """Whether another machine was asked for this tick of an item, and what it said was not taken in yet."""
        tick = self._release.history.check(item.id).ticks
        tasks = (asked.task for asked in read(self._folder))
        return any((t.occasion, t.item, t.tick) == ("tick", item.id, tick) for t in tasks)

    async def look(self, items: Iterable[Item], commit: str | None = None) -> dict[str, list[Finding] | None]:
        """What the other machines of these items found; None: they were asked, and may still answer.

        ``commit`` stands in for the release's own.
        """
        wanted = {(item.id, host): item for item in items for host in self.away(item)}
        await self._exchange("tick", wanted, commit)
        found = {item.id: self._result(item) for item in {item.id: item for item in wanted.values()}.values()}
        self._save()
        return found

    async def before(self, places: Mapping[Place, Item], deploy: int) -> dict[Place, tuple[Found, ...]]:
        """What is seen on other machines as a deploy of that number is about to begin.

        Who does not answer while it is waited for has not seen it: what comes later is dropped.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._exchange("deploy", places, deploy=deploy)
        found = {}
        for item, host in places:
            asked = self._book.pop(("deploy", item, host))
            found[item, host] = asked.answer.found if asked.answer is not None else ()
        self._save()
        return found

    async def sample(self, places: Mapping[Place, Item]) -> dict[Place, Heard]:
        """Ask for looks in passing at these places; returns what has come of them by now."""
        if not places:
            return {}
        await self._exchange("sample", places)
        return self._passed()

    async def passing(self) -> dict[Place, Heard]:
        """What has come of the looks in passing that were asked for earlier, without waiting for more."""
        asked = [a for a in read(self._folder) if a.task.occasion == "sample" and self._matters(a.task)]
        if not asked:
            return {}
        self._open(None)
        await self._hear({a.key for a in asked}, wait=False)
        return self._passed()

    def _passed(self) -> dict[Place, Heard]:
        """Looks in passing that were answered, or cannot be: they need not be remembered any longer."""
        found: dict[Place, Heard] = {}
        for key, asked in list(self._book.items()):
            if key[0] == "sample" and asked.over:
                del self._book[key]
                found[key[1:]] = Heard(asked.task.issued, asked.answer.found if asked.answer is not None else ())
        self._save()
        return found

    def silence(self, item: Item) -> list[Finding]:
        """What is said of those hosts of an item that were asked last and have not answered yet."""
        asked = [self._book.get(("tick", item.id, host)) for host in self.away(item)]
        return [self._silent(a) for a in asked if a is not None and a.answer is None]

    async def _exchange(
        self, occasion: Occasion, places: Mapping[Place, Item], commit: str | None = None, deploy: int | None = None
    ) -> None:
        """Ask at these places, unless a task stands there, and take in what is answered."""
        self._open(commit, deploy)
        for (item_id, host), item in places.items():
            known = self._book.get((occasion, item_id, host))
            if known is None or not self._stands(known, item):
                self._book[occasion, item_id, host] = Asked(task=self._task(occasion, item, host))
        self._save()
        await self._send({host for _, host in places})
        await self._hear({(occasion, item, host) for item, host in places})

    def _open(self, commit: str | None, deploy: int | None = None) -> None:
        """Read the tasks that stand, and what there is to tell of the release."""
        self._commit = self._release.manifest.commit if commit is None else commit
        self._deploy = len(self._release.history.deploys) if deploy is None else deploy
        self._record = self._release.on_record().model_copy(update={"evidence": (), "runs": ()})
        self._book = {a.key: a for a in read(self._folder) if self._matters(a.task)}

    def _matters(self, task: Task) -> bool:
        """Whether a task's occasion is still there."""
        if task.occasion == "sample":
            return task.deploy == len(self._release.history.deploys)
        tick = self._release.history.check(task.item).tick
        return task.occasion == "tick" and tick is not None and tick.number == task.tick

    def _task(self, occasion: Occasion, item: Item, host: str) -> Task:
        return Task(
            id=uuid.uuid4().hex,
            occasion=occasion,
            host=host,
            item=item.id,
            tick=self._release.history.check(item.id).ticks if occasion == "tick" else 0,
            deploy=self._deploy,
            bound_to=bound_to(self._release.manifest, item),
            commit=self._commit,
            issued=self._release.now(),
        )

    def _stands(self, asked: Asked, item: Item) -> bool:
        """Whether a task is about the present, and so young that what comes back to it still is."""
        task, fresh = asked.task, self._task(asked.task.occasion, item, asked.task.host)
        if task.occasion == "tick" and has_effect(item):
            # Once a tick, whatever happens meanwhile.
            return task.tick == fresh.tick
        same = all(getattr(task, name) == getattr(fresh, name) for name in ("tick", "deploy", "bound_to", "commit"))
        oldest = timedelta(seconds=(MAX_AGE if item.max_age is None else item.max_age) + longest(item))
        if task.occasion == "sample":
            # It counts as of when it was asked for: a look that comes much later would be of another time.
            oldest = self._silence(asked)
        # A clock that was set back says nothing about how old anything is.
        return same and timedelta() <= fresh.issued - task.issued < oldest

    def _message(self, host: str) -> Batch:
        manifest = self._release.manifest
        tasks = [self._told(a.task) for (_, _, at), a in self._book.items() if at == host and a.answer is None]
        whole = Batch(
            release=manifest.key,
            version=manifest.version,
            environment=manifest.environment,
            template=manifest.template.sha256,
            host=host,
            at=self._release.now(),
            record=self._record,
        )
        return whole.only(tasks)

    def _told(self, task: Task) -> Task:
        """A task with what its probes have seen there: only that is sent, and not kept."""
        item = self._release.manifest.template.item(task.item)
        if task.occasion != "tick" or item is None:
            return task
        return task.model_copy(update={"past": self._past(item, task.host)})

    async def _send(self, hosts: Iterable[str]) -> None:
        now = self._release.now()

        async def one(host: str) -> None:
            fresh = {a.task.id for (_, _, at), a in self._book.items() if at == host and self._is_to_go(a, now)}
            if not fresh:
                return
            trouble, out = _FINE, set[str]()
            carrier = self._carriers.of(host)
            try:
                if carrier is None:
                    raise _no_way(host)
                out |= set(await carrier.send(self._message(host), fresh))
            except ProbeCannotTell as error:
                trouble = _told(error)
            for key, asked in self._book.items():
                if asked.task.id in fresh:
                    sent = now if asked.task.id in out else asked.sent
                    self._book[key] = asked.model_copy(update={"sent": sent} | trouble)

        await asyncio.gather(*(one(host) for host in sorted(hosts)))
        self._save()

    async def _hear(self, wanted: set[Key], *, wait: bool = True) -> None:
        """Take in answers until all are there, or nobody waits any longer."""
        loop = asyncio.get_running_loop()
        began, (pause, longest_pause) = loop.time(), POLL
        while True:
            open_hosts = {key[2] for key in wanted if self._waits(key)}
            by_carrier: dict[Carrier, list[str]] = {}
            for host in sorted(open_hosts):
                carrier = self._carriers.of(host)
                if carrier is not None:
                    by_carrier.setdefault(carrier, []).append(host)
            if not by_carrier:
                return
            await asyncio.gather(*(self._collect(carrier, hosts) for carrier, hosts in by_carrier.items()))
            rest = {key[2] for key in wanted if self._waits(key)}
            if not (rest and wait) or loop.time() - began >= max(map(self._wait_for, rest)):
                return
            if self._patience and pause == POLL[0]:
                self._carriers.waiting(sorted(rest))
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest_pause)

    def _waits(self, key: Key) -> bool:
        asked = self._book[key]
        return asked.sent is not None and asked.answer is None

    def _wait_for(self, host: str) -> float:
        carrier = self._carriers.of(host)
        if carrier is None or carrier.patience is None:
            return 0.0
        return carrier.patience if self._patience is None else self._patience

    async def _collect(self, carrier: Carrier, hosts: Sequence[str]) -> None:
        try:
            heard, troubles = await carrier.collect([self._message(host) for host in hosts])
        except ProbeCannotTell as error:
            heard, troubles = [], dict.fromkeys(hosts, error)
        # Where one task is answered twice, the first answer is of the machine that has run it.
        told = {
            (a.host, answer.task): answer.model_copy(update={"head": a.head})
            for a in reversed(heard)
            for answer in reversed(a.answers)
        }
        for key, asked in self._book.items():
            answer, trouble = told.get((key[2], asked.task.id)), troubles.get(key[2])
            if asked.answer is None and answer is not None:
                self._book[key] = asked.model_copy(update={"answer": answer} | _FINE)
            elif asked.answer is None and trouble is not None:
                self._book[key] = asked.model_copy(update=_told(trouble))

    def _result(self, item: Item) -> list[Finding] | None:
        hosts = self.away(item)
        asked = {host: self._book["tick", item.id, host] for host in hosts}
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
                self._book.pop(("tick", item.id, host), None)
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
        if asked.trouble != NOTHING:
            return _unheard(asked, asked.trouble, asked.remedy)
        since = self._release.clock(asked.task.issued)
        return _unheard(asked, _SILENT.filled(since=since), _LOOK_THERE.filled(host=asked.task.host))

    def _save(self) -> None:
        write(self._folder, self._book.values())


def _findings(asked: Asked) -> list[Finding]:
    host, answer = asked.task.host, asked.answer
    head = answer.head if answer is not None else ""
    found: list[Finding] = []
    for one in answer.found if answer is not None else ():
        try:
            found.append(one.finding(host, head))
        except SealBroken:
            found.append(one.model_copy(update={"material": ""}).finding(host, head))
    return found or [_unheard(asked, _EMPTY, NOTHING)]


_FINE: Final = {"trouble": NOTHING, "remedy": NOTHING}


def _told(error: ProbeCannotTell) -> dict[str, Words]:
    return {"trouble": error.message, "remedy": error.remedy}


def _unheard(asked: Asked, why: Words, remedy: Words) -> Finding:
    """In place of what a host would have found."""
    host = asked.task.host
    verdict = unknown("host-silent", why, remedy=remedy)
    return Finding(probe=NOBODY, verdict=verdict, started=asked.task.issued, seconds=0.0, host=host)


def _passes(found: Sequence[Finding]) -> bool:
    return combine([finding.verdict.outcome for finding in found]) is Outcome.PASS


def _no_way(host: str) -> ProbeCannotTell:
    told = _NO_WAY.filled(host=host)
    return ProbeCannotTell("no-carrier", told.en, told.ja, remedy=SET_UP)


_SILENT = Words(en="has not answered since {since}", ja="{since} 以降応答がありません")
_EMPTY = Words(en="has looked at nothing", ja="何も確認していません")
_LOOK_THERE = Words(
    en="Look whether its worker or agent runs: ultra-checklist doctor, on {host}",
    ja="ワーカーまたはエージェントの動作を確認してください: {host} で ultra-checklist doctor",
)
_NO_WAY = Words(en="{host} cannot be asked from here", ja="ここから {host} に問い合わせる手段がありません")
SET_UP = Words(
    en="Set ULTRA_CHECKLIST_HOST on each machine and run `ultra-checklist init` there, or name a broker",
    ja="各マシンに ULTRA_CHECKLIST_HOST を設定し `ultra-checklist init` を実行するか、ブローカーを指定してください",
)

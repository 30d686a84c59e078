"""Asks other machines for one release: who has been asked what, what has come back, and who keeps silent.

A task is on disk before it goes out. An answer counts only for the task that stands: the item's tick, deploy
and wording of now; what comes later than that is dropped. Nothing here needs another machine's clock.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ultra_checklist.duty import MAX_AGE
from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.hosts import arrivals
from ultra_checklist.hosts.book import Asked, Key, Place, read, write
from ultra_checklist.hosts.carriers import Carrier, Carriers
from ultra_checklist.hosts.tasks import Batch, Occasion, Past, Task
from ultra_checklist.manifest import bound_to
from ultra_checklist.model import NOTHING, Finding, Item, Outcome, Words, combine
from ultra_checklist.record import ReleaseRecord
from ultra_checklist.release import Release
from ultra_checklist.situations import current_proof
from ultra_checklist.traits import has_effect, longest

POLL: Final = (0.5, 4.0)
"""Seconds between two looks for answers while somebody waits: at first, and at most."""


@dataclass(frozen=True)
class Heard:
    """What came of a look in passing, or of one before a deploy."""

    issued: datetime
    """When it was asked for, by the clock at home: it looked no earlier."""
    found: tuple[tuple[int, Finding], ...] = ()
    """With the place among the item's probes, -1 where it speaks of all. Empty: nobody looked."""
    trouble: Words = NOTHING
    """Why it could not be asked."""


class Dispatcher:
    """The tasks of one release.

    ``past`` says what an item's probes have seen on a host until now, ``clean`` takes out what is secret here.
    """

    def __init__(
        self,
        release: Release,
        carriers: Carriers,
        patience: float | None = None,
        past: Callable[[Item, str], Past] = lambda _item, _host: Past(),
        clean: arrivals.Clean = lambda finding: finding,
    ) -> None:
        self._release = release
        self._carriers = carriers
        self._past = past
        self._clean = clean
        self.looked: dict[str, datetime] = {}
        """By item: since when what was found last on other machines is true, for it was asked for then."""
        self._patience = patience
        """Seconds to wait for answers; None: as long as each carrier mostly takes."""
        self._folder = release.folder
        self._book: dict[Key, Asked] = {}
        self._commit = ""
        self._deploy = 0
        self._record: ReleaseRecord | None = None

    def away(self, item: Item) -> list[str]:
        """The hosts of an item that are other machines."""
        return self._carriers.away(item.runs_on)

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
        self.looked = {}
        await self._exchange("tick", wanted, commit)
        found = {item.id: self._result(item) for item in {item.id: item for item in wanted.values()}.values()}
        self._save()
        return found

    async def before(self, places: Mapping[Place, Item], deploy: int) -> dict[Place, Heard]:
        """What is seen on other machines as a deploy of that number is about to begin.

        Who does not answer while it is waited for has not seen it: what comes later is dropped.
        """
        await _at_most(self._patience, self._exchange("deploy", places, deploy=deploy))
        found = {place: self._taken(self._book.pop(("deploy", *place))) for place in places}
        self._save()
        return found

    async def sample(
        self, places: Mapping[Place, Item], within: Mapping[Place, float], seconds: float | None
    ) -> dict[Place, Heard]:
        """Ask for looks in passing at these places, in so many ``seconds``; returns what has come of them by then.

        An answer counts ``within`` so many seconds: a look that comes later would be of another time.
        """
        if not places:
            return {}
        await _at_most(seconds, self._exchange("sample", places, within=within))
        return self._passed()

    async def passing(self, seconds: float | None) -> dict[Place, Heard]:
        """What has come of the looks in passing that were asked for earlier, without waiting for more."""
        self._open(None)
        self._forget()
        asked = {key for key in self._book if key[0] == "sample"}
        if not asked:
            return {}
        await _at_most(seconds, self._hear(asked, wait=False))
        self._forget()
        return self._passed()

    def _forget(self) -> None:
        """Looks in passing that nobody waits for any longer."""
        for key, asked in list(self._book.items()):
            item = self._release.manifest.template.item(asked.task.item)
            if key[0] == "sample" and (item is None or not self._stands(asked, item)):
                del self._book[key]

    def _passed(self) -> dict[Place, Heard]:
        """Looks in passing that were answered, or cannot be: they need not be remembered any longer."""
        over = [key for key, asked in self._book.items() if key[0] == "sample" and self._is_over(asked)]
        found = {key[1:]: self._taken(self._book.pop(key)) for key in over}
        self._save()
        return found

    def _is_over(self, asked: Asked) -> bool:
        """Whether nothing more is to be waited for: it was answered, or could not be asked."""
        carrier = self._carriers.of(asked.task.host)
        at_once = carrier is None or carrier.patience is None
        return asked.answer is not None or (asked.trouble != NOTHING and (at_once or asked.sent is None))

    def _taken(self, asked: Asked) -> Heard:
        found = asked.answer.found if asked.answer is not None else ()
        arrived = ((one.place, arrivals.arrived(asked, one, self._clean, dated=False)) for one in found)
        return Heard(asked.task.issued, tuple(arrived), asked.trouble)

    def silence(self, item: Item) -> list[Finding]:
        """What is said of those hosts of an item that were asked last and have not answered yet."""
        asked = [self._book.get(("tick", item.id, host)) for host in self.away(item)]
        return [self._silent(a) for a in asked if a is not None and a.answer is None]

    async def _exchange(
        self,
        occasion: Occasion,
        places: Mapping[Place, Item],
        commit: str | None = None,
        *,
        deploy: int | None = None,
        within: Mapping[Place, float] | None = None,
    ) -> None:
        """Ask at these places, unless a task stands there, and take in what is answered."""
        self._open(commit, deploy)
        for (item_id, host), item in places.items():
            known = self._book.get((occasion, item_id, host))
            if known is None or not self._stands(known, item):
                seconds = (within or {}).get((item_id, host), 0.0)
                self._book[occasion, item_id, host] = Asked(task=self._task(occasion, item, host), within=seconds)
        self._save()
        await self._send({host for _, host in places})
        await self._hear({(occasion, item, host) for item, host in places})

    def _open(self, commit: str | None, deploy: int | None = None) -> None:
        """Read the tasks that stand, and what there is to tell of the release."""
        self._commit = self._release.manifest.commit if commit is None else commit
        self._deploy = len(self._release.history.deploys) if deploy is None else deploy
        self._record = told_of(self._release)
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
            oldest = timedelta(seconds=asked.within)
        # A clock that was set back says nothing about how old anything is.
        return same and timedelta() <= fresh.issued - task.issued < oldest

    def _message(self, host: str, *, told: bool = True) -> Batch:
        """All that stands for a host; ``told``: with what its probes have seen there."""
        manifest = self._release.manifest
        tasks = [a.task for (_, _, at), a in self._book.items() if at == host and a.answer is None]
        if told:
            tasks = list(map(self._told, tasks))
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
            trouble, out = None, set[str]()
            try:
                out |= set(await self._carriers.require(host).send(self._message(host), fresh))
            except ProbeCannotTell as error:
                trouble = error
            for key, asked in self._book.items():
                if asked.task.id in fresh:
                    sent = now if asked.task.id in out else asked.sent
                    self._book[key] = asked.model_copy(
                        update={"sent": sent} | arrivals.trouble(asked, trouble, self._clean)
                    )

        await asyncio.gather(*(one(host) for host in sorted(hosts)))
        self._save()

    async def _hear(self, wanted: set[Key], *, wait: bool = True) -> None:
        """Take in answers until all are there, or nobody waits any longer."""
        at_once: dict[str, Carrier] = {}
        others: dict[Carrier, list[str]] = {}
        for host in sorted({key[2] for key in wanted if self._waits(key)}):
            carrier = self._carriers.of(host)
            if carrier is not None and carrier.patience is None:
                at_once[host] = carrier
            elif carrier is not None:
                others.setdefault(carrier, []).append(host)
        # Who answers while it is asked is asked once, and holds up nobody.
        await asyncio.gather(
            *(self._collect(carrier, [host]) for host, carrier in at_once.items()),
            *(self._poll(carrier, hosts, wanted, wait=wait) for carrier, hosts in others.items()),
        )

    async def _poll(self, carrier: Carrier, hosts: Sequence[str], wanted: set[Key], *, wait: bool) -> None:
        """Look for answers until all are there, or nobody waits any longer."""
        loop = asyncio.get_running_loop()
        began, (pause, longest_pause) = loop.time(), POLL
        patience = (carrier.patience if self._patience is None else self._patience) or 0.0
        rest = set(hosts)
        while True:
            await self._collect(carrier, sorted(rest))
            rest = {key[2] for key in wanted if key[2] in hosts and self._waits(key)}
            if not (rest and wait) or loop.time() - began >= patience:
                return
            if self._patience and pause == POLL[0]:
                self._carriers.waiting(sorted(rest))
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest_pause)

    def _waits(self, key: Key) -> bool:
        asked = self._book[key]
        return asked.sent is not None and asked.answer is None

    async def _collect(self, carrier: Carrier, hosts: Sequence[str]) -> None:
        try:
            looks = carrier.patience is None
            heard, troubles = await carrier.collect([self._message(host, told=looks) for host in hosts])
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
            if asked.answer is not None or key[2] not in hosts:
                continue
            if answer is not None:
                asked = asked.model_copy(update={"answer": answer, "heard": self._release.now()})
            if answer is not None or trouble is not None or asked.sent is not None:
                self._book[key] = asked.model_copy(update=arrivals.trouble(asked, trouble, self._clean))

    def _result(self, item: Item) -> list[Finding] | None:
        hosts, now = self.away(item), self._release.now()
        asked = {host: self._book["tick", item.id, host] for host in hosts}
        # What was sent does not rest on a clock.
        dated = not has_effect(item)
        answered = [host for host, a in asked.items() if a.answer is not None]
        heard = {host: arrivals.findings(asked[host], self._clean, dated=dated) for host in answered}
        silent = {host: a for host, a in asked.items() if a.answer is None}
        said = {_together(found) for found in heard.values()}
        enough = item.runs_on.any and Outcome.PASS in said
        # That one has failed is news, whatever the others will say; to say so again waits for all.
        decided = enough or (not item.runs_on.any and Outcome.FAIL in said and not self._has_failed(item))
        if silent and not decided:
            # A clock that was set back says nothing about how long somebody has been silent.
            late = [a for a in silent.values() if not timedelta() <= now - a.task.issued < self._silence(a)]
            stuck = [a for a in silent.values() if a.trouble != NOTHING]
            if len({a.task.id for a in [*late, *stuck]}) < len(silent):
                return None
        if not enough:
            heard |= {host: [self._silent(a)] for host, a in silent.items()}
        self.looked[item.id] = min(asked[host].task.issued for host in (heard if enough else hosts))
        for host in hosts:
            # Who keeps silent is still asked: a late answer to the same question is an answer.
            if host not in silent or enough:
                self._book.pop(("tick", item.id, host), None)
        return [finding for host in hosts for finding in heard.get(host, ())]

    def _has_failed(self, item: Item) -> bool:
        """Whether that this item fails is known, of this tick, deploy and wording."""
        proof = current_proof(self._release.manifest, self._release.history, item)
        return proof is not None and proof.outcome is Outcome.FAIL

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
            return arrivals.unheard(asked, asked.trouble, asked.remedy)
        since = self._release.clock(asked.task.issued)
        return arrivals.unheard(asked, _SILENT.filled(since=since), _LOOK_THERE.filled(host=asked.task.host))

    def _save(self) -> None:
        write(self._folder, self._book.values())


async def _at_most(seconds: float | None, work: Coroutine[Any, Any, None]) -> None:
    """Do as much as can be done in so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work


def told_of(release: Release) -> ReleaseRecord:
    """What other machines are told of a release."""
    return release.on_record().model_copy(update={"evidence": (), "runs": ()})


def _together(found: Sequence[Finding]) -> Outcome:
    return combine([finding.verdict.outcome for finding in found])


_SILENT = Words(en="has not answered since {since}", ja="{since} 以降応答がありません")
_LOOK_THERE = Words(
    en="Look whether its worker or agent runs: ultra-checklist doctor, on {host}",
    ja="ワーカーまたはエージェントの動作を確認してください: {host} で ultra-checklist doctor",
)

"""Runs a checklist's probes here and now, for ``check``: without release time, ticks and Notion."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ultra_checklist import plugins
from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.errors import PluginError, ProbeCannotTell
from ultra_checklist.hosts.carriers import NOBODY, SSH, Carriers
from ultra_checklist.model import NOTHING, Finding, Item, ProbeSpec, Template, Words
from ultra_checklist.probes.base import unknown
from ultra_checklist.runner import Runner
from ultra_checklist.siblings import Siblings
from ultra_checklist.traits import looks_at_home, placed
from ultra_checklist.variables import Variables

if TYPE_CHECKING:
    from ultra_checklist.hosts.errand import Errand
    from ultra_checklist.hosts.tasks import Answers, Found
    from ultra_checklist.prove import Prover
    from ultra_checklist.release import Release

Runs = Callable[[Item, ProbeSpec], bool]
SendErrand = Callable[["Errand"], Coroutine[Any, Any, "Answers"]]


async def check(
    template: Template,
    variables: Variables,
    chosen: Iterable[str],
    *,
    secrets: Iterable[str] = (),
    release: "Release | None" = None,
    siblings: Siblings | None = None,
    with_effects: Iterable[str] = (),
    carriers: Carriers | None = None,
    over_ssh: SendErrand | None = None,
) -> Checked:
    """Run every probe of the chosen items, all items where none is chosen.

    Probes that send or write something are skipped, but for those of the items ``with_effects``: they do it now, as
    for a tick of its own. Probes that look at a release's record are skipped where there is no ``release``. Other
    releases are found by ``siblings`` then. Which machines are others, ``carriers`` tell: those with an address are
    asked by ``over_ssh``, of those with a label is said that they look for themselves.
    """
    sending = frozenset(with_effects)
    wanted = set(chosen)
    if wanted:
        wanted |= sending
    items = [item for item in template.items if not wanted or item.id in wanted]
    prover: Prover | None = None
    if release is None:
        public = " ".join(item.title for item in template.items)
        runner = Runner(variables, secrets=secrets, public_text=public, sibling=siblings, material=False)
    else:
        from ultra_checklist import prove

        # What was seen before and since the deploy is known to the release's own prover.
        prover = prove.Prover(release, release.shelf.root.parent, secrets, occasion=_occasion)
        runner = prover.runner

    def runs(item: Item, spec: ProbeSpec) -> bool:
        try:
            family = plugins.load(plugins.PROBES, spec.probe)
        except PluginError:
            return True
        return (release is not None or not family.needs_release) and (family.effect == "none" or item.id in sending)

    known = carriers or Carriers()
    found = await runner.run(
        items, lambda item, spec: runs(item, spec) and (known.looks_here(item.runs_on) or looks_at_home(spec))
    )
    visits = _Visits(template, variables, runs, prover, over_ssh, runner)
    told = await visits.make({item.id: known.away(item.runs_on) for item in items})
    near = {item.id: [placed(item, f, known.is_here) for f in found[item.id]] for item in items}
    checked = (CheckedItem(item, (*near[item.id], *told[item.id])) for item in items)
    return Checked(template, tuple(checked), variables)


class _Visits:
    """Looks at items on other machines."""

    def __init__(
        self,
        template: Template,
        variables: Variables,
        runs: Runs,
        prover: "Prover | None",
        send: SendErrand | None,
        runner: Runner,
    ) -> None:
        self._template, self._variables, self._runs = template, variables, runs
        self._prover, self._send, self._runner, self._at = prover, send, runner, runner.now()

    async def make(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, list[Finding]]:
        """What these items' hosts say, by item, in the order in which the item names them."""
        hosts = list(dict.fromkeys(host for named in wanted.values() for host in named))
        told = await asyncio.gather(
            *(self._ask(host, [item for item, named in wanted.items() if host in named]) for host in hosts)
        )
        by_host = dict(zip(hosts, told, strict=True))
        return {item: [f for host in named for f in by_host[host].get(item, ())] for item, named in wanted.items()}

    async def _ask(self, host: str, items: Sequence[str]) -> dict[str, list[Finding]]:
        if self._send is None or not host.startswith(SSH):
            return {item: [self._unheard(host, "not-here", _ELSEWHERE, _THERE)] for item in items}
        errand = self._errand(host, items)
        try:
            answers = await self._send(errand)
        except ProbeCannotTell as error:
            return {item: [self._unheard(host, error.reason, error.message, error.remedy)] for item in items}
        told = {answer.task: answer.found for answer in answers.answers}
        looks = {item.id for item in errand.template.items if item.probes}
        return {
            task.item: [self._arrived(host, one) for one in told.get(task.id, ())]
            or [self._unheard(host, "host-silent", _NOTHING_SEEN, NOTHING)]
            for task in errand.batch.tasks
            if task.item in looks
        }

    def _arrived(self, host: str, found: "Found") -> Finding:
        from ultra_checklist.hosts.tasks import SealBroken

        try:
            return self._runner.clean(found.finding(host))
        except SealBroken:
            return self._unheard(host, "host-silent", _NOTHING_SEEN, NOTHING)

    def _errand(self, host: str, items: Sequence[str]) -> "Errand":
        from ultra_checklist.hosts.errand import Errand
        from ultra_checklist.hosts.tasks import Batch, Past, Task

        commit = self._variables.get("COMMIT") or ""
        tasks = tuple(
            Task(
                id=uuid.uuid4().hex,
                host=host,
                item=item.id,
                tick=0,
                deploy=0,
                bound_to="",
                commit=commit,
                issued=self._at,
                past=self._prover.past(item, host) if self._prover is not None else Past(),
            )
            for item in self._template.items
            if item.id in items
        )
        batch = Batch(
            release="-",
            version="-",
            environment="-",
            template=self._template.sha256,
            host=host,
            at=self._at,
            record=self._prover.told() if self._prover is not None else None,
        ).only(tasks)
        return Errand(batch=batch, template=self._what_runs(), variables=self._variables.public())

    def _what_runs(self) -> Template:
        """The checklist with those probes alone that are to run."""

        def left(item: Item) -> Item:
            return item.model_copy(update={"probes": tuple(p for p in item.probes if self._runs(item, p))})

        sections = (s.model_copy(update={"items": tuple(map(left, s.items))}) for s in self._template.sections)
        return self._template.model_copy(update={"sections": tuple(sections)})

    def _unheard(self, host: str, reason: str, why: Words, remedy: Words) -> Finding:
        verdict = unknown(reason, why.filled(host=host), remedy=remedy.filled(host=host))
        return self._runner.clean(Finding(probe=NOBODY, verdict=verdict, started=self._at, seconds=0.0, host=host))


def _occasion(_item: str) -> int:
    """What stands for a tick here: no person's tick has such a number, and no two calls have the same."""
    return time.time_ns()


_NOTHING_SEEN = Words(en="{host} has looked at nothing", ja="{host} は何も確認していません")
_ELSEWHERE = Words(en="it looks on {host}, not here", ja="このマシンではなく {host} で確認する項目です")
_THERE = Words(
    en="Run the same command on {host}; in a release its worker or agent is asked",
    ja="{host} で同じコマンドを実行してください（リリースではそこのワーカーに問い合わせます）",
)

"""Proves checks of one release: runs what is due and puts verdicts into the journal, evidence first."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ultra_checklist import samples
from ultra_checklist.errors import StateError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.hosts.book import Place
from ultra_checklist.hosts.carriers import Carriers
from ultra_checklist.hosts.dispatch import Dispatcher, Heard, told_of
from ultra_checklist.hosts.tasks import Before, Past, pack
from ultra_checklist.manifest import bound_to, now
from ultra_checklist.model import NOTHING, Finding, Item, ProbeSpec, Words, digest, outcome
from ultra_checklist.origins import with_secrets
from ultra_checklist.probes.base import unknown
from ultra_checklist.record import Proof, ProofLine, ReleaseRecord
from ultra_checklist.release import Release
from ultra_checklist.runner import Runner, Sampled, maybe_sent, summary
from ultra_checklist.samples import SampleFile, Taken
from ultra_checklist.siblings import Siblings
from ultra_checklist.situations import current_proof
from ultra_checklist.traits import has_effect, looks_at_home, placed
from ultra_checklist.variables import Variables

LATE = 2.0
"""So many times the time between two samples another machine may take to answer: later it is a gap."""
EARLY = 0.9
"""The part of the time between two samples after which the next may be taken."""


class Prover:
    """Runs probes for a release and records what they say; a probe may take ``longest`` seconds at most.

    Other machines are asked through ``carriers``, and waited for ``patience`` seconds.
    """

    def __init__(
        self,
        release: Release,
        home: Path,
        secrets: Iterable[str] = (),
        clock: Callable[[], datetime] = now,
        longest: float | None = None,
        occasion: Callable[[str], int] | None = None,
        *,
        carriers: Carriers | None = None,
        patience: float | None = None,
    ) -> None:
        self._release = release
        self._clock = clock
        self._carriers = carriers or Carriers()
        self._dispatcher = Dispatcher(
            release, self._carriers, patience, self.past, lambda finding: self.runner.clean(finding)
        )
        self.pending: frozenset[str] = frozenset()
        """Items of which other machines were asked that may still answer."""
        self.silent: dict[str, Words] = {}
        """Hosts that did not tell how things were before the deploy that has begun last, and why."""
        self._evidence = EvidenceStore(home)
        self._samples = SampleFile(release.folder / samples.FILE)
        manifest = release.manifest
        variables = with_secrets(manifest.variables, manifest.template, home, manifest.environment)

        def runner(known: Variables) -> Runner:
            return Runner(
                known,
                secrets=secrets,
                public_text=manifest.template_text,
                clock=clock,
                longest=longest,
                record=release.on_record,
                blob=self._evidence.path,
                last_good=release.last_good,
                sibling=Siblings(release.shelf, local=manifest.local, own=manifest),
                baseline=self._baseline,
                tick=occasion or self._tick,
                samples=self._taken,
            )

        secrets = tuple(secrets)
        self._variables, self._runner = variables, runner
        self.runner = runner(variables)
        release.mirror.safe = self.runner.redactor.text

    async def prove(self, items: Iterable[Item]) -> list[str]:
        """Run the probes of these items and record the proofs; returns the ids whose facts changed.

        Probes with an effect run once a tick: the intent is on disk before they do, so that after a crash
        between the two nothing is sent again; what came of it cannot be told then.
        """
        wanted = list(items)
        spent = [item for item in wanted if self._spent(item) and not self._dispatcher.asks(item)]
        fresh = [item for item in wanted if item not in spent and (self._tick(item.id) or not has_effect(item))]
        sending = [{"item": i.id, "tick": self._tick(i.id)} for i in fresh if has_effect(i)]
        self._release.record_all([("sending", data) for data in sending])
        found = await self._look(fresh, self.runner)
        again: list[str] = []
        changed = [item for item, findings in found.items() if self._record(item, findings, again)]
        if again:
            looked = {item: at for item in again if (at := self._looked(item))}
            self._release.record("proved-again", {"items": again} | ({"looked": looked} if looked else {}))
        for item in spent:
            self._may_have_been_sent(item)
        return changed

    async def _look(self, items: list[Item], runner: Runner, commit: str | None = None) -> dict[str, list[Finding]]:
        """What is found here and on other machines; without the items of which others may still answer."""
        away = [item for item in items if self._dispatcher.away(item)]
        told = await self._dispatcher.look(away, commit) if away else {}
        self.pending = frozenset(item for item, found in told.items() if found is None)
        near = [item for item in items if item.id not in self.pending]
        found = await runner.run(near, self._is_near)
        return {
            item.id: [
                *(placed(item, f, self._carriers.is_here) for f in found[item.id]),
                *(told.get(item.id) or ()),
            ]
            for item in near
        }

    def _looked(self, item: str) -> str:
        """Since when what was found on other machines is true; empty: it was looked at here alone."""
        at = self._dispatcher.looked.get(item)
        return at.isoformat(timespec="milliseconds") if at is not None else ""

    def _is_here(self, item: Item) -> bool:
        return self._carriers.looks_here(item.runs_on)

    def _is_near(self, item: Item, spec: ProbeSpec) -> bool:
        """Whether a probe of this item looks on this machine."""
        return self._is_here(item) or looks_at_home(spec)

    async def baselines(self, deploy: int) -> list[tuple[str, dict[str, Any]]]:
        """Look at what must be known of the moment in which a deploy begins; gives lines for the journal.

        What cannot be seen then is not known later, and said to be.
        """
        items = self._release.manifest.items
        away = {
            (item.id, host): item
            for item in items
            if self.runner.wants_baseline(item)
            for host in self._dispatcher.away(item)
        }
        lines: list[tuple[str, dict[str, Any]]] = []

        def add(item: str, place: int, host: str, material: bytes) -> None:
            if material:
                known = {"item": item, "probe": place, "deploy": deploy, "evidence": self._evidence.put(material)}
                lines.append(("baseline", known | ({"host": host} if host else {})))

        told = await self._dispatcher.before(away, deploy) if away else {}
        self.silent = {host: _unseen(heard) for (_, host), heard in told.items() if _unseen(heard) != NOTHING}
        for item, place, finding in await self.runner.baselines(filter(self._is_here, items)):
            add(item, place, "", finding.material)
        for (item, host), heard in told.items():
            for place, finding in heard.found:
                add(item, place, host, finding.material)
        return lines

    def _baseline(self, item: str, place: int, host: str = "") -> bytes | None:
        """What a probe saw as the newest deploy began."""
        history = self._release.history
        deploy, digest = history.baselines.get((item, place, host), (0, ""))
        if not digest or deploy != len(history.deploys):
            return None
        try:
            return self._evidence.get(digest)
        except (OSError, StateError):
            return None

    def told(self) -> ReleaseRecord:
        """What other machines are told of the release."""
        return told_of(self._release)

    def past(self, item: Item, host: str) -> Past:
        """What the probes of an item have seen on another machine."""
        before = ((place, self._baseline(item.id, place, host)) for place in range(len(item.probes)))
        known = tuple(Before(probe=place, material=pack(material)) for place, material in before if material)
        samples = tuple(taken for taken in self._current(item) if taken.host == host)
        return Past(before=known, samples=samples)

    async def sample(self, items: Iterable[Item], seconds: float | None = None) -> None:
        """Let those probes look that must do so every so often once a deploy has begun, where it is time again.

        Ticked or not; all of them together in so many seconds. Raises StateError.
        """
        deploy, present = self._release.history.deploy, self._clock()
        if deploy is None or deploy.withdrawn:
            return
        chosen, away = list(items), self._dispatcher.away
        here = self.runner.sampled(filter(self._is_here, chosen))
        there = self.runner.sampled(filter(away, chosen), elsewhere=True)
        if not (here or there):
            return
        known = {(taken.item, taken.probe, taken.host): taken.at for taken in self._current()}
        near = [this for this in here if self._is_due(this, known.get((this.item.id, this.place, "")), present)]
        found, far = await asyncio.gather(
            self.runner.sample(near, seconds), self._sample_far(there, known, present, seconds)
        )
        seen = [self._sample(this, finding) for this, finding in zip(near, found, strict=True)]
        self._samples.add(len(self._release.history.deploys), [*seen, *far])

    async def _sample_far(
        self,
        there: list[Sampled],
        known: Mapping[tuple[str, int, str], datetime],
        present: datetime,
        seconds: float | None,
    ) -> list[Taken]:
        """The same on other machines: what has come of earlier looks, and of those for which it is time again."""
        if not there:
            return []
        half = None if seconds is None else seconds / 2
        taken = self._heard(there, await self._dispatcher.passing(half))
        known = {**known, **{(t.item, t.probe, t.host): t.at for t in taken}}
        far: dict[Place, Item] = {}
        within: dict[Place, float] = {}
        for this in there:
            for host in self._dispatcher.away(this.item):
                place = this.item.id, host
                within[place] = min(within.get(place, LATE * this.every), LATE * this.every)
                if self._is_due(this, known.get((this.item.id, this.place, host)), present):
                    far[place] = this.item
        return taken + self._heard(there, await self._dispatcher.sample(far, within, half))

    def _is_due(self, this: Sampled, last: datetime | None, present: datetime) -> bool:
        deploy = self._release.history.deploy
        return deploy is not None and _is_time(this, last, present) and not _is_over(this, deploy.ended, present)

    def _heard(self, sampled: Iterable[Sampled], heard: Mapping[Place, Heard]) -> list[Taken]:
        """Samples of other machines."""
        return [
            self._sample(this, _of(this, one), host)
            for this in sampled
            for (item, host), one in heard.items()
            if item == this.item.id
        ]

    def _sample(self, this: Sampled, finding: Finding, host: str = "") -> Taken:
        seen = json.loads(finding.material)["observation"] if finding.material else None
        return Taken(
            item=this.item.id,
            probe=this.place,
            bound_to=bound_to(self._release.manifest, this.item),
            host=host,
            deploy=len(self._release.history.deploys),
            at=finding.started,
            seen=seen,
            reason="" if finding.material else finding.verdict.reason,
        )

    def _current(self, *items: Item) -> list[Taken]:
        """The samples since the newest deploy began, under the options of now; of all items where none is named."""
        manifest, history, known = self._release.manifest, self._release.history, self._samples.read()
        if not known:
            return []
        bound = {item.id: bound_to(manifest, item) for item in items or manifest.items if item.probes}
        began = history.deploy.started if history.deploy is not None else manifest.created
        return [
            taken
            for taken in known
            if taken.deploy == len(history.deploys)
            and taken.at >= began
            and taken.bound_to == bound.get(taken.item, "")
        ]

    def _taken(self, item: str, place: int) -> list[Taken]:
        return [taken for taken in self._current() if (taken.item, taken.probe, taken.host) == (item, place, "")]

    async def prove_against(self, items: Iterable[Item], commit: str) -> dict[str, list[ProofLine]]:
        """What the probes of these items say with another COMMIT; evidence is kept, no proof is recorded."""
        runner = self._runner(self._variables.with_commit(commit, "the last release that completed"))
        wanted = list(items)
        found = await self._look(wanted, runner, commit)
        silent = [item for item in wanted if item.id in self.pending]
        found |= {item.id: self._dispatcher.silence(item) for item in silent}
        return {
            item: [_line(f, self._evidence.put(f.material) if f.material else "") for f in findings]
            for item, findings in found.items()
        }

    def _tick(self, item_id: str) -> int:
        tick = self._release.history.check(item_id).tick
        return tick.number if tick is not None else 0

    def _spent(self, item: Item) -> bool:
        """Whether the one run that this tick allows has begun already."""
        return has_effect(item) and 0 < self._tick(item.id) <= self._release.history.check(item.id).sending

    def _may_have_been_sent(self, item: Item) -> None:
        """Say so where the run that had begun left no proof, or one that a deploy or an edit has voided."""
        check = self._release.history.check(item.id)
        if current_proof(self._release.manifest, self._release.history, item) is None:
            verdict = maybe_sent(check.sending)
            finding = Finding(probe=item.probes[0].probe, verdict=verdict, started=self._clock(), seconds=0.0)
            self._record(item.id, [finding], [])

    def _record(self, item_id: str, findings: list[Finding], again: list[str]) -> bool:
        """Record a proof; where its facts are those of the last one, the item's id goes into ``again``."""
        item = self._release.manifest.template.item(item_id)
        check = self._release.history.check(item_id)
        if item is None or check.tick is None:
            return False
        facts = digest(summary(findings))
        deploy = len(self._release.history.deploys)
        bound = bound_to(self._release.manifest, item)
        old = check.proof
        if (
            old is not None
            and (old.facts, old.tick, old.deploy, old.bound_to)
            == (
                facts,
                check.tick.number,
                deploy,
                bound,
            )
            and _says_the_same(old, findings)
        ):
            again.append(item_id)
            return False
        # The evidence is on disk before the journal says so, and the journal before anything is shown.
        lines = [
            _line(finding, self._evidence.put(finding.material) if finding.material else "") for finding in findings
        ]
        looked = self._looked(item_id)
        proof = {
            "item": item_id,
            "tick": check.tick.number,
            "deploy": deploy,
            "bound_to": bound,
            "outcome": outcome(item, findings),
            "facts": facts,
            "lines": [line.model_dump(mode="json") for line in lines],
        } | ({"looked": looked} if looked else {})
        self._release.record("proved", proof)
        return True


def _unseen(heard: Heard) -> Words:
    """Why nothing is known of how things were; nothing where it is."""
    if any(finding.material for _, finding in heard.found):
        return NOTHING
    told = next((finding.verdict.sentence for _, finding in heard.found), heard.trouble)
    return told if told != NOTHING else _NO_ANSWER


def _of(this: Sampled, heard: Heard) -> Finding:
    """What a host says of one probe: as of the moment in which it was asked, for its clock may be another."""
    # Who refuses says so once for all probes of the item.
    found = next((finding for place, finding in heard.found if place in (this.place, -1)), None)
    if found is None:
        verdict = unknown("host-silent", heard.trouble if heard.trouble != NOTHING else _NO_ANSWER)
        found = Finding(
            probe=this.item.probes[this.place].probe, verdict=verdict, started=heard.issued, seconds=0.0
        )
    return found.model_copy(update={"started": heard.issued})


def _is_time(this: Sampled, last: datetime | None, now: datetime) -> bool:
    """Whether it is to look again; a pass that comes a little early is not to double the distance."""
    return last is None or not 0 <= (now - last).total_seconds() < this.every * EARLY


def _is_over(this: Sampled, ended: datetime | None, now: datetime) -> bool:
    """Whether it has looked for long enough; one more look comes after the end, so that the window is whole."""
    return this.lasts is not None and ended is not None and (now - ended).total_seconds() > this.lasts + this.every


def _says_the_same(old: Proof, findings: list[Finding]) -> bool:
    """Whether a window that still runs tells no more than before: how far it is, is no fact to be bound to."""
    told = [finding.verdict.seen for finding in findings]
    return not old.window_running or told == [line.seen for line in old.lines]


def _line(finding: Finding, evidence: str) -> ProofLine:
    verdict = finding.verdict
    return ProofLine(
        probe=finding.probe,
        outcome=verdict.outcome,
        reason=verdict.reason,
        expected=verdict.expected,
        seen=verdict.seen,
        sentence=verdict.sentence,
        remedy=verdict.remedy,
        seconds=finding.seconds,
        evidence=evidence,
        answer=verdict.answer,
        host=finding.host,
        journal=finding.journal,
    )


_NO_ANSWER = Words(en="no answer", ja="応答がありません")

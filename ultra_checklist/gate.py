"""Asks a gate: may what it guards begin? Fails closed: whatever goes wrong on the way, the answer is not open.

With Notion: all rows are compared with the manifest, what people did is taken in, what is older than its
max_age is proved again on the spot, and the rows are written, as a pass does. Without Notion the journal
decides, as long as people's words in it are young enough. Either way the answer is worked out from what then
lies on the disk, and is on the disk itself before it is given.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from ultra_checklist.answer import Asked, GateAnswer, Openness, decide, required, to_look_at
from ultra_checklist.compare import compare
from ultra_checklist.errors import CannotTellError, DeadlineError, NotionError, UltraChecklistError
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Gate, Item, Words
from ultra_checklist.notion.schema import STATUS_WORDS
from ultra_checklist.prove import Prover, has_effect
from ultra_checklist.reconcile import Bench, Reconciler
from ultra_checklist.release import Release
from ultra_checklist.situations import View, evaluate
from ultra_checklist.standing import ReleasePage
from ultra_checklist.states import Look, Place, State
from ultra_checklist.whose import filled
from ultra_checklist.worker import hold_within

WAIT = 60.0
"""Seconds that a gate waits for a pass that is running."""
_ALTERATIONS = ("put-right", "repaired", "copies")
_HARMLESS = {"title"}
"""Columns whose edit voids nothing."""


class Gatekeeper:
    """Asks the gates of one release.

    It waits ``wait`` seconds for a running pass; all of it may take ``seconds``, half of which Notion may use.
    """

    def __init__(
        self,
        bench: Bench,
        home: Path,
        key: str,
        *,
        secrets: Iterable[str] = (),
        wait: float = WAIT,
        seconds: float | None = None,
    ) -> None:
        self._bench = bench
        self._home = home
        self._shelf = Shelf(home)
        self._key = key
        self._secrets = tuple(secrets)
        self._wait = wait
        self._seconds = seconds
        self._began = bench.clock()

    async def ask(self, gate: Gate) -> GateAnswer:
        """The answer of a gate, filed in the journal.

        An error of ours is an answer too, "cannot tell". What is not foreseen is raised.
        """
        self._began = self._bench.clock()
        try:
            async with hold_within(self._home, self._wait):
                return await self._ask(gate)
        except UltraChecklistError as error:
            told = self._answer(gate, Openness.CANNOT_TELL, Words.same(error.message))
            return self._filed_somehow(told.model_copy(update={"remedy": error.remedy}))

    async def _ask(self, gate: Gate) -> GateAnswer:
        release = self._load()
        ended = release.history.sealed
        if ended is not None or not release.open:
            # Its journal is sealed: the answer is given, and not filed.
            how = str(ended["ending"]) if ended is not None else str(release.history.ended)
            words = next(words for code, words in STATUS_WORDS.items() if code.value == how)
            told = self._answer(gate, Openness.CLOSED, filled(_ENDED, {"how": words}))
            return told.model_copy(update={"head": release.journal.head})
        self._require_fit(release, gate)
        known, offline, trouble = len(release.journal.entries()), False, CannotTellError("")
        try:
            await self._with_notion(release, gate)
        except CannotTellError as error:
            if not isinstance(error, NotionError | DeadlineError) or getattr(error, "permanent", False):
                raise
            offline, trouble = True, error
        if offline:
            release = self._load()
            await self._alone(release, gate)
        answer = decide(self._asked(self._load(), gate, offline=offline, since=known))
        if offline and answer.outcome is Openness.CANNOT_TELL:
            answer = answer.model_copy(update={"remedy": f"{trouble.message}; {trouble.remedy}"})
        return self._filed(answer)

    async def _with_notion(self, release: Release, gate: Gate) -> None:
        """Compare, take in, look at the machine where that is due, and show it: as a pass does."""
        bench = self._bench
        bench.notion.begin(None if self._seconds is None else self._seconds / 2)
        reconciler = self._reconciler(release)
        states = await reconciler.run(await compare(bench.notion, bench.workspace, release))
        due = self._due(release, gate, states)
        if due:
            await reconciler.prove_all(due)
            states = await reconciler.run({})
        await ReleasePage(bench, release).show(reconciler.view(), states)
        release.mirror.save()

    async def _alone(self, release: Release, gate: Gate) -> None:
        """Look at the machine where that is due; Notion is told by a later pass."""
        reconciler = self._reconciler(release)
        due = self._due(release, gate, evaluate(reconciler.view()))
        if due:
            await reconciler.prove_all(due)
        release.mirror.save()

    def _due(self, release: Release, gate: Gate, states: Mapping[str, State]) -> list[Item]:
        asked = self._asked(release, gate, offline=False, since=0)
        return [item for item in to_look_at(asked) if states[item.id].look is not Look.NEVER]

    def _reconciler(self, release: Release) -> Reconciler:
        longest = None if self._seconds is None else self._seconds / 2
        return Reconciler(
            self._bench, release, Prover(release, self._home, self._secrets, self._bench.clock, longest)
        )

    def _asked(self, release: Release, gate: Gate, *, offline: bool, since: int) -> Asked:
        now, entries = self._bench.clock(), release.journal.entries()
        altered = {
            entry.data["item"]: str(entry.data.get("what", entry.kind))
            for entry in entries[since:]
            if since and entry.kind in _ALTERATIONS and not set(entry.data.get("columns", "?")) <= _HARMLESS
        }
        view = View(release.manifest, release.history, release.mirror.rows, now, Place.HERE, self._bench.label)
        return Asked(
            gate=gate,
            view=view,
            here=self._bench.machine,
            began=self._began,
            compared=release.mirror.compared,
            offline=offline,
            clock_back=bool(entries) and entries[-1].time > now,
            once=frozenset(item.id for item in release.manifest.items if has_effect(item)),
            altered=altered,
        )

    def _load(self) -> Release:
        return Release(self._shelf, self._shelf.read(self._key), self._bench.clock)

    def _require_fit(self, release: Release, gate: Gate) -> None:
        """Raises CannotTellError where this machine cannot answer for the release."""
        manifest, here = release.manifest, self._bench.machine
        if manifest.machine.digest != here.digest:
            target, other = manifest.machine.told_from(here)
            raise CannotTellError(
                f"{manifest.key} belongs to {target}, this is {other}", remedy=f"Ask the gate on {target}"
            )
        missing = [item.id for item in required(manifest, gate) if item.id not in manifest.rows]
        if missing or not manifest.page_id:
            raise CannotTellError(
                f"the page of {manifest.key} is unfinished", remedy=f"ultra-checklist new {manifest.version}"
            )

    def _answer(self, gate: Gate, outcome: Openness, reason: Words) -> GateAnswer:
        return GateAnswer(gate=gate.name, key=self._key, outcome=outcome, reason=reason, at=self._bench.clock())

    def _filed(self, answer: GateAnswer) -> GateAnswer:
        """The answer, once it is in the journal. Raises StateError where it cannot be."""
        release = self._load()
        release.record(
            "gate",
            {
                "gate": answer.gate,
                "outcome": answer.outcome.value,
                "open": [check.id for check in answer.open],
                "offline": answer.offline,
            },
        )
        return answer.model_copy(update={"head": release.journal.head})

    def _filed_somehow(self, answer: GateAnswer) -> GateAnswer:
        """An answer that is not open is given also where it cannot be filed."""
        with contextlib.suppress(UltraChecklistError):
            return self._filed(answer)
        return answer


_ENDED = Words(en="the release has ended: {how}", ja="リリースは終了しています: {how}")

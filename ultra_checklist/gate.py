"""Asks a gate: may what it guards begin? Fails closed: whatever goes wrong on the way, the answer is not open.

With Notion: all rows are compared with the manifest, what people did is taken in, what is older than its
max_age is proved again on the spot, and the rows are written, as a pass does. Without Notion the journal
decides, as long as people's words in it are young enough. Either way the answer is worked out from what then
lies on the disk, and is on the disk itself before it is given.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ultra_checklist.answer import NO_CHECKS, Asked, GateAnswer, Openness, decide, required, to_look_at
from ultra_checklist.bench import Bench
from ultra_checklist.compare import compare
from ultra_checklist.errors import CannotTellError, DeadlineError, NotionError, UltraChecklistError
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Gate, Words
from ultra_checklist.notion.schema import STATUS_WORDS
from ultra_checklist.prove import Prover
from ultra_checklist.reconcile import Reconciler
from ultra_checklist.release import Release
from ultra_checklist.situations import View
from ultra_checklist.standing import ReleasePage
from ultra_checklist.states import Place
from ultra_checklist.traits import has_effect
from ultra_checklist.words import joined
from ultra_checklist.worker import WAIT, hold_within

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
            told = self._answer(gate, Openness.CANNOT_TELL, error.message)
            return self._filed_if_possible(told.model_copy(update={"remedy": error.remedy}))

    async def _ask(self, gate: Gate) -> GateAnswer:
        release = self._load()
        ended = release.history.sealed
        if ended is not None or not release.open:
            # Its journal is sealed: the answer is given, and not filed.
            how = str(ended["ending"]) if ended is not None else str(release.history.ended)
            words = next(words for code, words in STATUS_WORDS.items() if code.value == how)
            told = self._answer(gate, Openness.CLOSED, _ENDED.filled(how=words))
            return told.model_copy(update={"head": release.journal.head})
        self._require_fit(release, gate)
        known = len(release.journal.entries())
        trouble = await self._with_notion(release, gate)
        if trouble is not None:
            release = self._load()
            await self._alone(release, gate)
        # Another command may have added to the journal meanwhile: what counts is what lies there now.
        answer = decide(self._asked(self._load(), gate, offline=trouble is not None, since=known))
        if trouble is not None and answer.outcome is Openness.CANNOT_TELL:
            answer = answer.model_copy(update={"remedy": joined((trouble.message, trouble.remedy), "; ")})
        return self._filed(answer)

    def _load(self) -> Release:
        return Release(self._shelf, self._shelf.read(self._key), self._bench.clock)

    def _require_fit(self, release: Release, gate: Gate) -> None:
        """Refuse where this machine cannot judge the release. Raises CannotTellError."""
        manifest = release.manifest
        if self._place(release) is not Place.HERE:
            target, here = manifest.machine.told_from(self._bench.machine)
            told = _ELSEWHERE.filled(key=manifest.key, target=target, here=here)
            raise CannotTellError(told, remedy=_ASK_THERE.filled(target=target))
        if not manifest.page_id or len(manifest.rows) < len(manifest.items):
            raise CannotTellError(_UNFINISHED.filled(key=manifest.key), remedy=_FINISH)
        if gate not in manifest.template.gates:
            raise CannotTellError(_NO_GATE.filled(key=manifest.key, gate=repr(gate.name)), remedy=_UPDATED)
        if not required(manifest, gate):
            raise CannotTellError(NO_CHECKS, remedy=_MEND_GATES)

    async def _with_notion(self, release: Release, gate: Gate) -> NotionError | DeadlineError | None:
        """Bring release and rows up to now; returns what kept Notion from answering.

        Raises NotionError where Notion has refused for good, CannotTellError where people do not keep still.
        """
        bench = self._bench
        bench.notion.begin(None if self._seconds is None else self._seconds / 2)
        reconciler = Reconciler(bench, release, self._prover(release))
        trouble: NotionError | DeadlineError | None = None
        try:
            rows = await compare(bench.notion, bench.workspace, release)
            self._make_due(release, gate)
            try:
                states = await reconciler.run(rows)
            except NotionError as error:
                if not error.permanent or error.status == 401:
                    raise
                # A row that Notion refuses to change was trashed or moved since.
                states = await reconciler.run(await compare(bench.notion, bench.workspace, release))
            if not release.page_in_trash:
                await ReleasePage(bench, release).show(reconciler.view(), states)
            release.mirror.save()
        except NotionError as error:
            if error.permanent:
                raise
            trouble = error
        except DeadlineError as error:
            trouble = error
        if reconciler.unread:
            raise CannotTellError(_RESTLESS.filled(items=", ".join(sorted(reconciler.unread))), remedy=_AGAIN)
        if trouble is None and release.page_in_trash:
            raise CannotTellError(_IN_TRASH.filled(key=release.manifest.key), remedy=_RESTORE)
        return trouble

    async def _alone(self, release: Release, gate: Gate) -> None:
        """Look at the machine without a word to Notion; the next pass tells it."""
        self._make_due(release, gate)
        await Reconciler(self._bench, release, self._prover(release)).prove()
        release.mirror.save()

    def _make_due(self, release: Release, gate: Gate) -> None:
        for item in to_look_at(self._asked(release, gate)):
            release.mirror.looks.pop(item.id, None)

    def _prover(self, release: Release) -> Prover:
        longest = None if self._seconds is None else self._seconds / 4
        return Prover(
            release,
            self._home,
            self._secrets,
            self._bench.clock,
            longest,
            carriers=self._bench.carriers,
            patience=self._wait,
        )

    def _place(self, release: Release) -> Place:
        here = release.manifest.machine.digest == self._bench.machine.digest
        return Place.HERE if here else Place.WRONG_MACHINE

    def _asked(self, release: Release, gate: Gate, *, offline: bool = False, since: int | None = None) -> Asked:
        bench, entries = self._bench, release.journal.entries()
        altered: dict[str, str] = {}
        for entry in entries[len(entries) if since is None else since :]:
            columns = entry.data.get("columns")
            if entry.kind in _ALTERATIONS and (columns is None or set(columns) - _HARMLESS):
                altered[entry.data["item"]] = str(entry.data.get("what") or entry.kind)
        now = bench.clock()
        return Asked(
            gate=gate,
            view=View(
                release.manifest,
                release.history,
                release.mirror.rows,
                now,
                self._place(release),
                bench.carriers.is_out_of_reach,
            ),
            here=bench.machine,
            began=self._began,
            compared=release.mirror.compared,
            offline=offline,
            clock_back=bool(entries) and entries[-1].time > now,
            once={item.id for item in release.manifest.items if has_effect(item)},
            altered=altered,
        )

    def _answer(self, gate: Gate, outcome: Openness, reason: Words) -> GateAnswer:
        return GateAnswer(gate=gate.name, key=self._key, outcome=outcome, reason=reason, at=self._bench.clock())

    def _filed(self, answer: GateAnswer) -> GateAnswer:
        """Put an answer into the journal. Raises StateError, and then it is not given."""
        release = self._load()
        release.record("gate", _line(answer, release.journal.head))
        release.mirror.save()
        return answer.model_copy(update={"head": release.journal.head})

    def _filed_if_possible(self, answer: GateAnswer) -> GateAnswer:
        """Put an answer that lets nothing through into the journal, where that can be."""
        with contextlib.suppress(UltraChecklistError):
            release = self._load()
            if release.open and self._place(release) is Place.HERE:
                release.record("gate", _line(answer, release.journal.head))
                return answer.model_copy(update={"head": release.journal.head})
        return answer


def _line(answer: GateAnswer, head: str) -> dict[str, Any]:
    """An answer as the journal keeps it."""
    return {
        "gate": answer.gate,
        "outcome": answer.outcome.value,
        "open": [check.id for check in answer.open],
        "offline": answer.offline,
        "reason": answer.reason.en,
        "made_of": answer.made_of.en,
        "head": head,
    }


_ENDED = Words(en="the release has ended: {how}", ja="リリースは終了しています: {how}")


_ELSEWHERE = Words(
    en="{key} belongs to {target}, this is {here}", ja="{key} の対象マシンは {target} です（ここは {here}）"
)
_ASK_THERE = Words(en="Ask the gate on {target}", ja="{target} でゲートを実行してください")
_UNFINISHED = Words(en="the page of {key} is unfinished", ja="{key} のページが作成途中です")
_FINISH = Words(en="Run the same `ultra-checklist new` again", ja="同じ `ultra-checklist new` を再実行してください")
_NO_GATE = Words(en="{key} has no gate {gate} any more", ja="{key} のゲート {gate} はなくなりました")
_UPDATED = Words(en="Ask again: its template was updated", ja="再実行してください（テンプレートが更新されました）")
_MEND_GATES = Words(
    en="Mend `gates` in the template, then: ultra-checklist update",
    ja="テンプレートの `gates` を修正し、ultra-checklist update を実行してください",
)
_RESTLESS = Words(
    en="people changed rows while the gate was asked: {items}",
    ja="ゲートの確認中に行が変更されました: {items}",
)
_AGAIN = Words(en="Ask again", ja="再実行してください")
_IN_TRASH = Words(en="the page of {key} is in Notion's trash", ja="{key} のページが Notion のゴミ箱にあります")
_RESTORE = Words(en="Restore the page, then ask again", ja="ページを復元してから再実行してください")

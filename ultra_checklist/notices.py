"""What is worth a message while a release runs: each piece of news with names of its own, so that it is told once.

Pure. A name is made of facts alone: for a contradicted tick those of tick and verdict, for a gate its answer.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ultra_checklist.chronicle import numbers
from ultra_checklist.journal import Entry
from ultra_checklist.machine import Machine
from ultra_checklist.model import NOTHING, Frozen, Item, Lang, Outcome, Result, Words, digest
from ultra_checklist.plan import RowPlanner
from ultra_checklist.record import Person
from ultra_checklist.retreat import Retreat
from ultra_checklist.situations import View, current_proof, zone_of
from ultra_checklist.states import State

TELLING: Final = "telling"
"""The journal's line before a message is sent: from then on it may have been."""
TOLD: Final = "told-of"
"""The line that says what came of it."""
GAP = "gap"
"""The reason of a verdict about a time in which nobody looked."""
FRESH = timedelta(hours=1)
"""What happened longer ago is no news any more."""
TRIES = 5
PAUSE = timedelta(minutes=5)
"""Between two tries, where nobody had got the message for certain."""

_FAILS = Words(
    en="{number} {item} is ticked{by}, and fails: {why}",
    ja="{number} {item} は{by}チェック済みですが不合格です: {why}",
)
_NO_MORE = Words(
    en="{number} {item}{by} passed, and fails now: {why}",
    ja="{number} {item}{by} は合格後に不合格になりました: {why}",
)
_TICKED_BY = Words(en=" (ticked by {name})", ja="（{name}）")
_GATE = Words(en="gate {gate} opened at {time}", ja="ゲート {gate} が開きました（{time}）")
_BEGUN = Words(en="deploy {number} began at {time}", ja="デプロイ {number} を開始しました（{time}）")
_ENDED = Words(
    en="deploy {number} ended with exit code {code} at {time}",
    ja="デプロイ {number} が終了コード {code} で終了しました（{time}）",
)
_GAP = Words(
    en="{number} {item}: nobody looked for a while: {why}", ja="{number} {item} の監視に空白があります: {why}"
)
_CARD = Words(
    en="after the deploy failed: {items}; last good commit: {commit}\nroll back: {command}\nthen close: {close}",
    ja="デプロイ後の不合格: {items}、直前の正常コミット: {commit}\nロールバック: {command}\nその後の終了: {close}",
)
_BY_HAND = Words(en="by hand", ja="手動")
_NOT_KNOWN = Words(en="not known", ja="不明")


class Notice(Frozen):
    """One piece of news. It is told once, whichever of its names is known already."""

    names: tuple[str, ...]
    event: str
    text: Words
    item: str = ""
    number: str = ""
    at: datetime
    by: Person | None = None
    """Whose tick it is about."""


@dataclass
class Told:
    """What one channel was told, as the journal has it."""

    tried: dict[str, datetime] = field(default_factory=dict)
    """When it was last about to be told of what."""
    tries: dict[str, int] = field(default_factory=dict)
    unsent: set[str] = field(default_factory=set)
    """Of what nobody was told for certain."""
    why: Words | None = None
    """Why it failed last; None: it has not."""

    def wants(self, notice: Notice, now: datetime) -> bool:
        """Whether it is to be told: never of the same twice, unless nobody has got it for certain."""
        for name in self.tried.keys() & notice.names:
            # A clock that was set back must not put the next try off.
            too_early = timedelta() <= now - self.tried[name] < PAUSE
            if name not in self.unsent or self.tries[name] >= TRIES or too_early:
                return False
        return True


def told(entries: Iterable[Entry]) -> dict[str, Told]:
    """What each channel was told."""
    found: dict[str, Told] = {}
    for entry in entries:
        if entry.kind not in (TELLING, TOLD):
            continue
        channel, names = found.setdefault(entry.data["channel"], Told()), entry.data["names"]
        if entry.kind == TELLING:
            channel.unsent.difference_update(names)
            for name in names:
                channel.tried[name] = entry.time
                channel.tries[name] = channel.tries.get(name, 0) + 1
        else:
            channel.why = None if entry.data["done"] else Words(**entry.data["why"])
            channel.unsent.update(names if entry.data["unsent"] else ())
    return found


@dataclass(frozen=True)
class Newsroom:
    """Finds the news of one release at one moment."""

    view: View
    states: Mapping[str, State]
    entries: Sequence[Entry]
    card: Retreat | None
    here: Machine

    def notices(self, events: Collection[str]) -> list[Notice]:
        """The news of these kinds."""
        kinds = {
            "contradicted": self._contradicted,
            "rollback": self._rollback,
            "gap": self._gaps,
            "gate": self._gates,
            "deploy": self._deploys,
        }
        return [notice for kind, find in kinds.items() if kind in events for notice in find()]

    def _contradicted(self) -> Iterator[Notice]:
        held = self._held()
        for item in self.view.manifest.items:
            if self.states[item.id].result is Result.FAILED:
                yield from self._of_check("contradicted", item, _NO_MORE if item.id in held else _FAILS)

    def _gaps(self) -> Iterator[Notice]:
        for item in self.view.manifest.items:
            proof = current_proof(self.view.manifest, self.view.history, item)
            gap = proof is not None and any(line.reason == GAP for line in proof.lines)
            if gap and self.states[item.id].result is Result.CANNOT_TELL:
                yield from self._of_check("gap", item, _GAP)

    def _of_check(self, event: str, item: Item, words: Words) -> Iterator[Notice]:
        """News of a tick and its verdict: of the same facts once, and once for as long as it stays so."""
        check = self.view.history.check(item.id)
        proof, tick = current_proof(self.view.manifest, self.view.history, item), check.tick
        if proof is None or tick is None:
            return
        about = [event, item.id, tick.number, proof.deploy]
        by = _TICKED_BY.filled(name=tick.by.name or tick.by.id) if tick.by is not None else NOTHING
        number = numbers(self.view.manifest)[item.id]
        yield Notice(
            names=(digest([*about, proof.facts]), digest([*about, str(check.shown_at)])),
            event=event,
            text=words.filled(number=number, item=item.id, by=by, why=self._why(item)),
            item=item.id,
            number=number,
            at=check.shown_at or proof.at,
            by=tick.by,
        )

    def _rollback(self) -> Iterator[Notice]:
        card, deploy = self.card, self.view.history.deploy
        if card is None or deploy is None:
            return
        known = numbers(self.view.manifest)
        good = f"{card.commit[:12]} ({card.version})" if card.version else card.commit[:12]
        text = _CARD.filled(
            items=", ".join(f"{known[item]} {item}" for item in card.failed),
            commit=good or _NOT_KNOWN,
            command=card.command or _BY_HAND,
            close=card.close,
        )
        yield Notice(names=(digest(["rollback", deploy.number]),), event="rollback", text=text, at=self.view.now)

    def _gates(self) -> Iterator[Notice]:
        """Gates that have opened lately, and were not open before."""
        was: dict[str, str] = {}
        for entry in self.entries:
            if entry.kind != "gate":
                continue
            gate, outcome = str(entry.data["gate"]), str(entry.data["outcome"])
            if outcome == "open" != was.get(gate) and self._is_fresh(entry.time):
                text = _GATE.filled(gate=gate, time=self._clock(entry.time))
                yield Notice(names=(digest(["gate", entry.hash]),), event="gate", text=text, at=entry.time)
            was[gate] = outcome

    def _deploys(self) -> Iterator[Notice]:
        """Deploys that have begun lately, and after that, that they have ended."""
        for deploy in self.view.history.deploys:
            at = deploy.ended or deploy.started
            if deploy.withdrawn or not self._is_fresh(at):
                continue
            words, stage = (_BEGUN, "begun") if deploy.ended is None else (_ENDED, "ended")
            text = words.filled(number=str(deploy.number), code=str(deploy.exit_code), time=self._clock(at))
            yield Notice(names=(digest(["deploy", deploy.number, stage]),), event="deploy", text=text, at=at)

    def _held(self) -> set[str]:
        """Items that have passed for the tick and the deploy of now."""
        held: set[str] = set()
        for entry in self.entries:
            if entry.kind == "ticked":
                held.discard(entry.data["item"])
            elif entry.kind == "deploy":
                held.difference_update(entry.data.get("voids", ()))
            elif entry.kind == "proved" and entry.data["outcome"] == Outcome.PASS:
                held.add(entry.data["item"])
        return held

    def _why(self, item: Item) -> Words:
        def say(lang: Lang) -> str:
            return str(RowPlanner(self.view, self.states, lang, self.here).wanted(item, None)["why"])

        return Words(en=say("en"), ja=say("ja"))

    def _is_fresh(self, time: datetime) -> bool:
        return abs(self.view.now - time) < FRESH

    def _clock(self, time: datetime) -> str:
        return time.astimezone(zone_of(self.view)).strftime("%H:%M")

"""A gate's answer: what it needs, whether that is known freshly enough, and what is open. Pure.

Open is said in one place, at the end of ``decide``, after everything that speaks against it was tried.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ultra_checklist.duty import MAX_AGE
from ultra_checklist.machine import Machine
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import NOTHING, Frozen, Gate, Item, Lang, Result, Words
from ultra_checklist.plan import RowPlanner
from ultra_checklist.situations import View, current_proof, evaluate
from ultra_checklist.standing import count
from ultra_checklist.states import Look, State
from ultra_checklist.whose import turn_of


class Openness(StrEnum):
    """What a gate says. Only ``open`` lets anything through."""

    OPEN = "open"
    CLOSED = "closed"
    CANNOT_TELL = "cannot-tell"


class OpenCheck(Frozen):
    """A check that keeps a gate closed: why, whose it is, what to do."""

    id: str
    number: str
    title: str
    section: str
    result: Result | None
    why: Words
    whose: Words
    todo: Words


class GateAnswer(Frozen):
    """What a gate said, when, and on what that rests."""

    gate: str
    key: str
    outcome: Openness
    reason: Words
    at: datetime
    made_of: Words = NOTHING
    """The honesty line of the gate's checks."""
    checks: int = 0
    """How many checks the gate asks for."""
    open: tuple[OpenCheck, ...] = ()
    frozen: tuple[str, ...] = ()
    """Checks that count as they were when the deploy started."""
    offline: bool = False
    """Notion did not answer: decided from the journal."""
    remedy: Words = NOTHING
    head: str = ""
    """Hash of the journal's newest line: the one that files this answer, where it could be filed."""

    @property
    def is_open(self) -> bool:
        """Whether what it guards may begin."""
        return self.outcome is Openness.OPEN

    @property
    def exit_code(self) -> int:
        """0 only when open."""
        return {Openness.OPEN: 0, Openness.CLOSED: 1}.get(self.outcome, 3)


@dataclass(frozen=True)
class Asked:
    """A question to a gate, and what happened while it was worked out."""

    gate: Gate
    view: View
    here: Machine
    began: datetime
    compared: datetime | None = None
    """When the rows that people's words stand in were last compared with the manifest."""
    offline: bool = False
    clock_back: bool = False
    """The journal's newest line is later than now."""
    once: Collection[str] = ()
    """Items whose probes look once a tick: their proofs do not age."""
    altered: Mapping[str, str] = field(default_factory=dict)
    """What had been altered by hand and was put right while this was asked, by item."""


def required(manifest: Manifest, gate: Gate) -> list[Item]:
    """The checks that must be settled for a gate to open."""
    return [item for item in manifest.items if item.section in gate.sections and item.required]


def needed(manifest: Manifest, gate: Gate) -> list[Item]:
    """The same with all those on which their states depend, through ``needs`` and ``when``."""
    wanted = {item.id for item in required(manifest, gate)}
    size = 0
    while size != len(wanted):
        size = len(wanted)
        wanted |= {other for item in manifest.items if item.id in wanted for other in _depends(manifest, item)}
    return [item for item in manifest.items if item.id in wanted]


def _depends(manifest: Manifest, item: Item) -> Iterator[str]:
    yield from item.needs
    if item.when is not None:
        yield from (i.id for i in manifest.items if i.id in item.when.failed or i.section in item.when.failed)


def max_age(item: Item) -> timedelta:
    """How long the machine is believed at a gate: never the longer time of quiet hours."""
    return timedelta(seconds=MAX_AGE if item.max_age is None else item.max_age)


def to_look_at(asked: Asked) -> list[Item]:
    """The needed checks at which the machine must be looked now: not passed, or too long ago."""
    view, found = asked.view, []
    for item in needed(view.manifest, asked.gate):
        proof = current_proof(view.manifest, view.history, item)
        passed = proof is not None and proof.outcome == "pass"
        if item.probes and not (passed and proof is not None and _young(asked, item, proof.at, asked.began)):
            found.append(item)
    return found


def _young(asked: Asked, item: Item, at: datetime, now: datetime) -> bool:
    """Whether a look then was within max_age of the question; a time to come is no age."""
    return not asked.clock_back and at <= now and asked.began - at < max_age(item)


def decide(asked: Asked) -> GateAnswer:
    """The answer, from what is known now."""
    view, gate = asked.view, asked.gate
    states = evaluate(view)
    wanted = required(view.manifest, gate)
    base = GateAnswer(
        gate=gate.name,
        key=view.manifest.key,
        outcome=Openness.CANNOT_TELL,
        reason=NOTHING,
        at=view.now,
        made_of=_made_of(asked, states),
        checks=len(wanted),
        frozen=tuple(item.id for item in wanted if states[item.id].rule == 7 and states[item.id].settled),
        offline=asked.offline,
    )
    if asked.offline and not _words_are_young(asked):
        return base.model_copy(update={"reason": _words_too_old(asked)})
    still = tuple(_open(asked, states, item) for item in wanted if not _settled(asked, states, item))
    if still:
        reason = _SOME_OPEN.filled(n=str(len(still)), all=str(len(wanted)))
        return base.model_copy(update={"outcome": Openness.CLOSED, "reason": reason, "open": still})
    old = [item.id for item in needed(view.manifest, gate) if not _known(asked, states[item.id], item)]
    if old or not wanted:
        reason = _TOO_OLD.filled(items=", ".join(old)) if old else NO_CHECKS
        return base.model_copy(update={"reason": reason})
    return base.model_copy(update={"outcome": Openness.OPEN, "reason": _ALL_SETTLED})


def _settled(asked: Asked, states: Mapping[str, State], item: Item) -> bool:
    return states[item.id].settled and item.id not in asked.altered


def _known(asked: Asked, state: State, item: Item) -> bool:
    """Whether what a state rests on was looked at within max_age, where it rests on a look at all."""
    proof = current_proof(asked.view.manifest, asked.view.history, item)
    if not item.probes or state.look is Look.NEVER or item.id in asked.once:
        return True
    return proof is not None and asked.began - proof.at < max_age(item) and proof.at <= asked.view.now


def _words_are_young(asked: Asked) -> bool:
    return (
        asked.compared is not None
        and not asked.clock_back
        and asked.compared <= asked.view.now
        and asked.began - asked.compared < _words_age(asked)
    )


def _words_age(asked: Asked) -> timedelta:
    """How long people's words are believed without a look at Notion.

    A longer max_age of a check says how long the machine stays as it is, not how long people do.
    """
    ages = [max_age(item) for item in needed(asked.view.manifest, asked.gate)]
    return min([timedelta(seconds=MAX_AGE), *ages])


def _words_too_old(asked: Asked) -> Words:
    age, compared = _words_age(asked), asked.compared
    when = "-" if compared is None else compared.isoformat(timespec="seconds")
    gaps = {"when": when, "minutes": f"{age.total_seconds() / 60:g}"}
    words = _CLOCK_BACK if asked.clock_back else _NEVER_READ if compared is None else _WORDS_OLD
    return words.filled(**gaps)


def _open(asked: Asked, states: Mapping[str, State], item: Item) -> OpenCheck:
    view, state = asked.view, states[item.id]
    if item.id in asked.altered:
        state = State(state.rule, state.result, False, "altered")
    check = view.history.check(item.id)
    section = view.manifest.template.section_of(item)
    proof = current_proof(view.manifest, view.history, item)
    turn = turn_of(view.manifest, item, state, check, proof)
    return OpenCheck(
        id=item.id,
        number=f"{section.number}.{[i.id for i in section.items].index(item.id) + 1}",
        title=item.title,
        section=item.section,
        result=state.result,
        why=_why(asked, states, item),
        whose=turn.whose,
        todo=turn.todo,
    )


def _why(asked: Asked, states: Mapping[str, State], item: Item) -> Words:
    if item.id in asked.altered:
        return _ALTERED.filled(what=asked.altered[item.id])

    def say(lang: Lang) -> str:
        return str(RowPlanner(asked.view, states, lang, asked.here).wanted(item, None)["why"])

    return Words(en=say("en"), ja=say("ja"))


def _made_of(asked: Asked, states: Mapping[str, State]) -> Words:
    """The honesty line of the gate's sections."""
    template = asked.view.manifest.template
    sections = tuple(section for section in template.sections if section.id in asked.gate.sections)
    part = asked.view.manifest.model_copy(update={"template": template.model_copy(update={"sections": sections})})
    own = {item.id: states[item.id] for item in part.items}
    counted = count(replace(asked.view, manifest=part), own)
    return Words(en=counted.line("en"), ja=counted.line("ja"))


NO_CHECKS = Words(
    en="its sections hold no required check: such a gate asks nothing",
    ja="ゲートのセクションに必須の項目がないため、何も確認できません",
)
_ALL_SETTLED = Words(en="every check that it asks for is settled", ja="必要な項目はすべて済んでいます")
_SOME_OPEN = Words(en="{n} of {all} checks are open", ja="{all} 項目中 {n} 項目が未了です")
_TOO_OLD = Words(
    en="not looked at within max_age: {items}", ja="max_age 以内に確認できていない項目があります: {items}"
)
_WORDS_OLD = Words(
    en="Notion did not answer, and what people say there was last read at {when}, more than {minutes} min ago",
    ja="Notion が応答しません。担当者の入力を最後に読んだのは {when} で、{minutes} 分以上前です",
)
_NEVER_READ = Words(
    en="Notion did not answer, and what people say there was never read as a whole",
    ja="Notion が応答しません。担当者の入力をまだ一度もすべて読んでいません",
)
_CLOCK_BACK = Words(
    en="Notion did not answer, and this machine's clock was set back: nobody can say how old anything is",
    ja="Notion が応答せず、このマシンの時計が戻されているため、情報の古さが分かりません",
)
_ALTERED = Words(en="put right just now: {what}", ja="いま修正しました: {what}")

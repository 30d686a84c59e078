"""From a journal's lines to the story of a release: its events, and the ticks that verdicts contradicted. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from ultra_checklist.account import Event, EventKind, GateAnswer, GateOutcome, Phase, UntrueTick, took
from ultra_checklist.journal import Entry
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Lang, Outcome, Result, Status
from ultra_checklist.notion.schema import DECISION_WORDS, STATUS_WORDS
from ultra_checklist.record import Person, ProofLine

_GATE_OUTCOMES: Mapping[str, GateOutcome] = {code: code for code in get_args(GateOutcome)}


@dataclass
class _Tick:
    """A box that is ticked, and what was found of it so far."""

    at: datetime
    by: Person | None
    outcome: Outcome | None = None
    passed: bool = False


@dataclass
class Chronicle:
    """The story so far."""

    manifest: Manifest
    lang: Lang
    events: list[Event] = field(default_factory=list)
    gates: list[GateAnswer] = field(default_factory=list)
    untrue: list[UntrueTick] = field(default_factory=list)
    phases: dict[str, list[Phase]] = field(default_factory=dict)
    _ticks: dict[str, _Tick] = field(default_factory=dict)
    _numbers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = numbers(self.manifest)

    def take(self, entry: Entry) -> None:
        """Take one line in. Kinds that this version does not know are not told."""
        handler = _HANDLERS.get(entry.kind)
        if handler is not None:
            handler(self, entry)

    def tell(self, kind: EventKind, entry: Entry, *, outcome: str = "", text: str = "", at: str = "") -> None:
        """Add an event; ``at`` is its own time where the line was written later."""
        item = str(entry.data.get("item", ""))
        event = Event(
            at=datetime.fromisoformat(at) if at else entry.time,
            kind=kind,
            item=item,
            number=self._numbers.get(item, ""),
            by=person(entry.data.get("by")),
            outcome=outcome,
            text=text,
        )
        self.events.append(event)

    def tick(self, entry: Entry) -> None:
        """A box was ticked."""
        self._ticks[entry.data["item"]] = _Tick(entry.time, person(entry.data.get("by")))
        self.tell("ticked", entry)

    def untick(self, entry: Entry) -> None:
        """A box was unticked: what was contradicted is withdrawn."""
        item = entry.data["item"]
        self._ticks.pop(item, None)
        self._amend(item, lambda told: {"withdrawn_at": told.withdrawn_at or entry.time})
        self.tell("unticked", entry)

    def proof(self, entry: Entry) -> None:
        """Probes have spoken: news where the outcome is another than before."""
        item, outcome = entry.data["item"], Outcome(entry.data["outcome"])
        tick = self._ticks.get(item)
        if tick is None:
            return
        seen = self._seen(entry.data, outcome)
        if tick.outcome is not outcome:
            self.tell("verdict", entry, outcome=outcome.value, text=seen)
        if outcome is Outcome.PASS:
            at = entry.time
            self._amend(item, lambda t: {"mended_at": at, "until_mended": took(t.contradicted_at, at)})
        if outcome is Outcome.FAIL and not self._is_contradicted(item, tick):
            self._contradict(item, tick, entry.time, seen)
        tick.outcome, tick.passed = outcome, tick.passed or outcome is Outcome.PASS

    def show(self, entry: Entry) -> None:
        """A row shows something else."""
        result = Result(entry.data["result"]) if entry.data["result"] else None
        phases = self.phases.setdefault(entry.data["item"], [])
        if not phases or (phases[-1].result, phases[-1].settled) != (result, entry.data["settled"]):
            phases.append(Phase(since=entry.time, result=result, settled=entry.data["settled"]))

    def gate(self, entry: Entry) -> None:
        """A gate was asked."""
        # An answer that this version does not know is no "open".
        known: GateOutcome = _GATE_OUTCOMES.get(str(entry.data.get("outcome")), "cannot-tell")
        self.gates.append(GateAnswer(at=entry.time, gate=str(entry.data.get("gate", "")), outcome=known))
        self.tell("gate", entry, outcome=known, text=str(entry.data.get("gate", "")))

    def deploy(self, entry: Entry) -> None:
        """A deploy began, or its tick says that it was done."""
        data = entry.data
        self.tell("deploy-started", entry, text=str(data["number"]), at=data["started"])
        if data.get("ended") and data["ended"] != data["started"]:
            self.tell("deploy-ended", entry, outcome=str(data.get("exit_code")), at=data["ended"])

    def _seen(self, data: Mapping[str, Any], outcome: Outcome) -> str:
        lines = [ProofLine.model_validate(line) for line in data.get("lines", ())]
        told = (said(line, self.lang) for line in lines if line.outcome is outcome)
        return "; ".join(dict.fromkeys(filter(None, told)))

    def _is_contradicted(self, item: str, tick: _Tick) -> bool:
        return any(t.item == item and t.ticked_at == tick.at and t.mended_at is None for t in self.untrue)

    def _contradict(self, item: str, tick: _Tick, at: datetime, seen: str) -> None:
        found = self.manifest.template.item(item)
        told = UntrueTick(
            item=item,
            number=self._numbers.get(item, ""),
            title=found.title if found is not None else item,
            by=tick.by,
            ticked_at=tick.at,
            contradicted_at=at,
            until_contradicted=took(tick.at, at) or 0.0,
            seen=seen,
            held=tick.passed,
        )
        self.untrue.append(told)

    def _amend(self, item: str, update: Callable[[UntrueTick], Mapping[str, Any]]) -> None:
        """Say more of an item's contradicted ticks that are not mended yet."""
        for place, told in enumerate(self.untrue):
            if told.item == item and told.mended_at is None:
                self.untrue[place] = told.model_copy(update=update(told))


def chronicle(manifest: Manifest, entries: Iterable[Entry], lang: Lang) -> Chronicle:
    """The story that a journal's lines tell, in order of time."""
    told = Chronicle(manifest, lang)
    for entry in entries:
        told.take(entry)
    told.events.sort(key=lambda event: event.at)
    return told


def numbers(manifest: Manifest) -> dict[str, str]:
    """The number of each item as people name it, such as ``4.2``."""
    return {
        item.id: f"{section.number}.{place}"
        for section in manifest.template.sections
        for place, item in enumerate(section.items, 1)
    }


def person(raw: Any) -> Person | None:
    """Somebody as a journal's line has them."""
    return Person.model_validate(raw) if raw else None


def said(line: ProofLine, lang: Lang) -> str:
    """What a probe saw, in few words, and where if not at home."""
    told = line.sentence.say(lang) or line.seen.say(lang)
    return f"{line.host}: {told}" if line.host and told else told


def _simple(
    kind: EventKind, text: Callable[[Chronicle, Mapping[str, Any]], str]
) -> Callable[[Chronicle, Entry], None]:
    return lambda told, entry: told.tell(kind, entry, text=text(told, entry.data))


def _run_ended(told: Chronicle, entry: Entry) -> None:
    told.tell("run-ended", entry, outcome=str(entry.data.get("exit_code")), text=str(entry.data["number"]))


def _deploy_ended(told: Chronicle, entry: Entry) -> None:
    told.tell("deploy-ended", entry, outcome=str(entry.data["exit_code"]), text=str(entry.data["number"]))


def _decided(told: Chronicle, entry: Entry) -> None:
    words = {code.value: words.say(told.lang) for code, words in DECISION_WORDS.items()}
    choice = str(entry.data["decision"])
    told.tell("decided", entry, outcome=choice, text=f"{words.get(choice, choice)}: {entry.data['note']}")


def _approved(told: Chronicle, entry: Entry) -> None:
    told.tell("approved", entry, outcome="yes" if entry.data.get("by") else "taken-back")


def _status(told: Chronicle, entry: Entry) -> None:
    status = Status(entry.data["status"])
    told.tell("status", entry, outcome=status.value, text=STATUS_WORDS[status].say(told.lang))


def _sealed(told: Chronicle, entry: Entry) -> None:
    ending = Status(entry.data["ending"])
    words = (STATUS_WORDS[ending].say(told.lang), str(entry.data.get("reason", "")))
    told.tell("sealed", entry, outcome=ending.value, text=": ".join(filter(None, words)))


_HANDLERS: Mapping[str, Callable[[Chronicle, Entry], None]] = {
    "created": _simple("created", lambda _told, data: str(data.get("commit", ""))[:12]),
    "ticked": Chronicle.tick,
    "unticked": Chronicle.untick,
    "proved": Chronicle.proof,
    "shown": Chronicle.show,
    "gate": Chronicle.gate,
    "deploy": Chronicle.deploy,
    "deploy-ended": _deploy_ended,
    "deploy-withdrawn": _simple("deploy-withdrawn", lambda _told, data: str(data.get("number", ""))),
    "run-started": _simple("run-started", lambda _told, data: " ".join(data.get("argv", ()))),
    "run-ended": _run_ended,
    "decided": _decided,
    "undecided": _simple("undecided", lambda _told, _data: ""),
    "approved": _approved,
    "answered": _simple("answered", lambda _told, data: str(len(data["answers"]))),
    "put-right": _simple("put-right", lambda _told, data: str(data["what"])),
    "updated": _simple("updated", lambda _told, data: ", ".join(data["changed"])),
    "status": _status,
    "sealed": _sealed,
    "changed": _simple("changed", lambda _told, data: str(data["what"])),
}

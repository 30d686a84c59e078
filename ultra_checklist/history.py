"""What a journal's lines add up to: ticks, proofs, decisions, deploys, the ending.

``History`` is a fold: the same lines always give the same history, and nothing else decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ultra_checklist.check_history import CheckHistory
from ultra_checklist.journal import Entry
from ultra_checklist.model import Ending, Frozen, Outcome, Result, Status
from ultra_checklist.record import (
    Approving,
    Choosing,
    DeployMark,
    GateRecord,
    HookState,
    Person,
    Proof,
    RunRecord,
    Tick,
)
from ultra_checklist.states import Shown


class News(Frozen):
    """Something of which the page is told, with the journal's digest of that moment."""

    seq: int
    kind: str
    time: datetime
    data: Mapping[str, Any]
    hash: str


@dataclass
class History:
    """The present of a release."""

    checks: dict[str, CheckHistory] = field(default_factory=dict)
    deploys: list[DeployMark] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    baselines: dict[tuple[str, int, str], tuple[int, str]] = field(default_factory=dict)
    """By item, place among its probes, host (empty: at home): as which deploy began it looked, and its evidence."""
    gates: dict[str, GateRecord] = field(default_factory=dict)
    """The last answer of each gate, by name."""
    status: Status = Status.PREPARING
    ready_at: datetime | None = None
    """Since when everything has been settled; None while something is open."""
    sealed: Mapping[str, Any] | None = None
    """The ending with its summary, from the moment it is decided."""
    steps: dict[str, Any] = field(default_factory=dict)
    """Steps of the beginning and of the ending that are done, by name."""
    intended: set[str] = field(default_factory=set)
    """Items whose rows may have been made in Notion: it was about to be asked for them."""
    ended: Ending | None = None
    news: list[News] = field(default_factory=list)
    """Of what the page has not been told yet."""
    changed: list[str] = field(default_factory=list)
    """What people changed after the end."""
    ended_at: datetime | None = None
    hooks: dict[str, HookState] = field(default_factory=dict)
    """The hooks that are to be told of the ending."""
    hooks_told: str = ""
    """What the page says about them."""
    refused: Mapping[str, Any] | None = None
    """The ending that was asked for on the page last and could not be done: which, with what reason, and why."""
    refused_at: datetime | None = None

    def check(self, item: str) -> CheckHistory:
        """The history of one check, empty for one that has none."""
        return self.checks.setdefault(item, CheckHistory())

    @property
    def deploy(self) -> DeployMark | None:
        """The newest deploy."""
        return self.deploys[-1] if self.deploys else None

    @property
    def people(self) -> list[Person]:
        """Everybody whose tick stands, in the order of their first tick."""
        ticks = sorted((c.tick for c in self.checks.values() if c.tick is not None), key=lambda t: t.at)
        return list({t.by.id: t.by for t in ticks if t.by is not None}.values())

    def apply(self, entry: Entry) -> None:
        """Take one line in. Kinds that this version does not know change nothing."""
        handler = _HANDLERS.get(entry.kind)
        if handler is not None:
            handler(self, entry)
        if "edited" in entry.data:
            check = self.check(entry.data["item"])
            check.edited = max(check.edited, entry.data["edited"])


def fold(entries: Iterable[Entry]) -> History:
    """The history that some lines add up to."""
    history = History()
    for entry in entries:
        history.apply(entry)
    return history


def _person(raw: Mapping[str, Any] | None) -> Person | None:
    return Person.model_validate(raw) if raw else None


def _ticked(history: History, entry: Entry) -> None:
    check = history.check(entry.data["item"])
    check.ticks += 1
    check.tick = Tick(
        number=check.ticks,
        at=entry.time,
        by=_person(entry.data.get("by")),
        deploys=entry.data.get("deploys", 0),
        edited=entry.data.get("edited", ""),
    )
    for item in entry.data.get("late", ()):
        later = history.check(item)
        if later.tick is not None:
            later.tick = later.tick.model_copy(update={"deploys": len(history.deploys) + 1})
    check.proof = check.definite = None
    check.failures = 0
    check.put_right = ""
    check.was = None
    check.answered = frozenset()


def _unticked(history: History, entry: Entry) -> None:
    check = history.check(entry.data["item"])
    check.tick = None
    if check.frozen is None or not check.frozen.settled:
        check.proof = check.definite = None
    check.failures = 0
    check.put_right = ""
    check.was, check.was_at = check.shown.result, entry.time


def _approved(history: History, entry: Entry) -> None:
    check, by = history.check(entry.data["item"]), _person(entry.data.get("by"))
    check.approved = entry.data.get("set", by is not None)
    others = [] if by is None else [a for a in check.approvals if a.by is not None and a.by.id != by.id]
    if check.approved:
        tick = entry.data.get("tick", check.ticks)
        others.append(Approving(by=by, facts=entry.data.get("facts", ""), tick=tick))
    check.approvals = tuple(others)


def _proved(history: History, entry: Entry) -> None:
    check = history.check(entry.data["item"])
    at = _looked(entry, entry.data.get("looked"))
    proof = Proof.model_validate({k: v for k, v in entry.data.items() if k not in ("item", "looked")} | {"at": at})
    _take(check, proof)


def _proved_again(history: History, entry: Entry) -> None:
    # One item a line, until 0.1.
    for item in entry.data.get("items") or [entry.data["item"]]:
        check = history.check(item)
        if check.proof is not None:
            at = _looked(entry, entry.data.get("looked", {}).get(item))
            _take(check, check.proof.model_copy(update={"at": at}))


def _looked(entry: Entry, since: str | None) -> datetime:
    """When a proof was true: what other machines say, from when they were asked."""
    return min(entry.time, datetime.fromisoformat(since)) if since else entry.time


def _answered(history: History, entry: Entry) -> None:
    check = history.check(entry.data["item"])
    check.answered |= frozenset(entry.data["answers"])


def _sending(history: History, entry: Entry) -> None:
    history.check(entry.data["item"]).sending = entry.data["tick"]


def _copies(history: History, entry: Entry) -> None:
    check = history.check(entry.data["item"])
    check.copies, check.away = entry.data["count"], ""


def _putting_away(history: History, entry: Entry) -> None:
    history.check(entry.data["item"]).away = entry.data["page"]


def _copy_speaks(history: History, entry: Entry) -> None:
    # Nobody knows whether the tick that was copied is the one that has been acted on already.
    check = history.check(entry.data["item"])
    check.sending = max(check.sending, entry.data["tick"])


def _take(check: CheckHistory, proof: Proof) -> None:
    changed = check.proof is None or check.proof.facts != proof.facts
    check.proof = proof
    if proof.outcome is not Outcome.UNKNOWN:
        check.definite = proof
    # A window that still runs is no failure: nothing is backed off from.
    check.failures = 0 if proof.outcome is Outcome.PASS or proof.window_running else check.failures + 1
    if changed:
        check.put_right = ""


def _decided(history: History, entry: Entry) -> None:
    raw = {k: v for k, v in entry.data.items() if k not in ("item", "edited")}
    history.check(entry.data["item"]).choosing = Choosing.model_validate(raw | {"at": entry.time})


def _undecided(history: History, entry: Entry) -> None:
    history.check(entry.data["item"]).choosing = None


def _shown(history: History, entry: Entry) -> None:
    check = history.check(entry.data["item"])
    result = entry.data["result"]
    check.shown = Shown(Result(result) if result else None, entry.data["settled"])
    check.shown_at = entry.time


def _deployed(history: History, entry: Entry) -> None:
    mark = {k: v for k, v in entry.data.items() if k in DeployMark.model_fields}
    history.deploys.append(DeployMark.model_validate(mark))
    for item in entry.data.get("freezes", ()):
        check = history.check(item)
        if check.frozen is None or not check.frozen.settled:
            check.frozen, check.frozen_at = check.shown, entry.time
    for item in entry.data.get("voids", ()):
        check = history.check(item)
        check.proof = check.definite = None
        check.failures = 0


def _deploy_withdrawn(history: History, _entry: Entry) -> None:
    if history.deploys:
        history.deploys[-1] = history.deploys[-1].model_copy(update={"withdrawn": True})


def _deploy_ended(history: History, entry: Entry) -> None:
    ended = {"ended": entry.time, "exit_code": entry.data["exit_code"]}
    for place, mark in enumerate(history.deploys):
        if mark.number == entry.data["number"]:
            history.deploys[place] = mark.model_copy(update=ended)


def _run_started(history: History, entry: Entry) -> None:
    history.runs.append(RunRecord.model_validate({**entry.data, "started": entry.time}))


def _run_ended(history: History, entry: Entry) -> None:
    for place, run in enumerate(history.runs):
        if run.number == entry.data["number"]:
            known = run.model_dump() | {**entry.data, "ended": entry.time}
            history.runs[place] = RunRecord.model_validate(known)
    _news(history, entry)


def _baseline(history: History, entry: Entry) -> None:
    data = entry.data
    history.baselines[data["item"], data["probe"], data.get("host", "")] = data["deploy"], data["evidence"]


def _news(history: History, entry: Entry) -> None:
    history.news.append(News(seq=entry.seq, kind=entry.kind, time=entry.time, data=entry.data, hash=entry.hash))


def _told(history: History, entry: Entry) -> None:
    history.news = [news for news in history.news if news.seq != entry.data["seq"]]


def _gate(history: History, entry: Entry) -> None:
    raw = {k: v for k, v in entry.data.items() if k in GateRecord.model_fields}
    history.gates[entry.data["gate"]] = GateRecord.model_validate(raw | {"at": entry.time})
    if entry.data["outcome"] == "open":
        _news(history, entry)


def _put_right(history: History, entry: Entry) -> None:
    history.check(entry.data["item"]).put_right = entry.data["what"]


def _repaired(history: History, entry: Entry) -> None:
    check = history.check(entry.data["item"])
    check.lost, check.away = entry.data.get("lost", ""), ""


def _updated(history: History, entry: Entry) -> None:
    for item in entry.data["changed"]:
        check = history.check(item)
        check.proof = check.definite = check.choosing = check.frozen = None
        check.failures = 0


def _status(history: History, entry: Entry) -> None:
    history.status = Status(entry.data["status"])
    if history.status is not Status.READY_TO_CLOSE:
        history.ready_at = None
    elif history.ready_at is None:
        history.ready_at = entry.time


def _sealed(history: History, entry: Entry) -> None:
    history.sealed = entry.data
    history.ended_at = entry.time


def _step(history: History, entry: Entry) -> None:
    history.steps[entry.data["step"]] = entry.data.get("result")


def _rows_intended(history: History, entry: Entry) -> None:
    history.intended.update(entry.data["items"])


def _rows_absent(history: History, entry: Entry) -> None:
    history.intended.difference_update(entry.data["items"])


def _changed(history: History, entry: Entry) -> None:
    history.changed.append(entry.data["what"])


def _closed(history: History, entry: Entry) -> None:
    history.ended = Ending(entry.data["ending"])
    history.hooks = {name: HookState(name=name) for name in entry.data.get("hooks", ())}


def _hook(history: History, entry: Entry) -> None:
    name = entry.data["hook"]
    history.hooks[name] = history.hooks.get(name, HookState(name=name)).after(entry.data, entry.time)


def _hooks_told(history: History, entry: Entry) -> None:
    history.hooks_told = entry.data["text"]


def _close_refused(history: History, entry: Entry) -> None:
    history.refused, history.refused_at = entry.data, entry.time


_HANDLERS = {
    "ticked": _ticked,
    "unticked": _unticked,
    "approved": _approved,
    "proved": _proved,
    "proved-again": _proved_again,
    "answered": _answered,
    "sending": _sending,
    "copies": _copies,
    "putting-away": _putting_away,
    "copy-speaks": _copy_speaks,
    "decided": _decided,
    "undecided": _undecided,
    "shown": _shown,
    "deploy": _deployed,
    "deploy-ended": _deploy_ended,
    "deploy-withdrawn": _deploy_withdrawn,
    "told": _told,
    "baseline": _baseline,
    "run-started": _run_started,
    "run-ended": _run_ended,
    "gate": _gate,
    "put-right": _put_right,
    "repaired": _repaired,
    "updated": _updated,
    "status": _status,
    "sealed": _sealed,
    "step": _step,
    "rows-intended": _rows_intended,
    "rows-absent": _rows_absent,
    "closed": _closed,
    "hook": _hook,
    "hooks-told": _hooks_told,
    "close-refused": _close_refused,
    "changed": _changed,
}

"""What people did, from rows to journal lines: ticks, decisions, approvals, and edits that are put right."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ultra_checklist.check_history import CheckHistory
from ultra_checklist.history import History
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Decision, Item, Result
from ultra_checklist.notion.rows import WORKERS, Row
from ultra_checklist.record import Person
from ultra_checklist.situations import View, current_proof, facts_now, may_tick
from ultra_checklist.states import State

Line = tuple[str, dict[str, Any]]
_CODE = re.compile(r"(?<![A-Za-z])[A-Za-z]{4}(?![A-Za-z])")
_NOT_SAID = ("checked_at", "icon", "order", "release", "host")
"""Columns whose repair needs no words."""


def lines_of(
    view: View,
    item: Item,
    row: Row,
    by: Person | None,
    written: Sequence[Mapping[str, Any]],
    *,
    ours: bool,
    redact: Callable[[str], str] = str,
) -> list[Line]:
    """What is new in a row, as lines for the journal.

    ``by`` is who edited it last, None where that was an integration; ``ours`` says that it was this
    product's own; ``written`` is what the worker wrote there last, and what it may have written since;
    ``redact`` takes secrets out of what was typed over it.
    """
    check = view.history.check(item.id)
    # After our own write the row names who ticked it; who else decided or approved is not known then.
    chose = None if ours and row.done else by
    ticked = _tick(view, item, row, by, check)
    decided, approved = _decision(view, item, row, chose, check), _approval(view, item, row, chose, check)
    if bool(ticked) + bool(decided) + bool(approved) > 1:
        # Only the last editor is known. Where it matters who it was, it cannot be told who did which.
        approved = _by_nobody(approved)
        decided = _by_nobody(decided) if _is_restricted(view, item) else decided
    lines = [*ticked, *decided, *approved]
    if not ours and written:
        lines += _forgery(item, row, by, written, redact)
    return [(kind, data | {"edited": row.edited} if "item" in data else data) for kind, data in lines]


def answers_seen(view: View, person_of: Callable[[Row], Person | None]) -> list[Line]:
    """The codes of test messages that people have typed into Note, as lines for the journal."""
    lines: list[Line] = []
    for item in view.manifest.items:
        check, row = view.history.check(item.id), view.rows.get(item.id)
        wanted = check.unanswered(current_proof(view.manifest, view.history, item))
        seen = sorted(wanted & _codes(row.note)) if row is not None and wanted else []
        if row is not None and seen:
            lines.append(("answered", {"item": item.id, "answers": seen, "by": _dump(person_of(row))}))
    return lines


def _codes(note: str) -> frozenset[str]:
    """SHA-256 of every word of four letters, in capitals; full-width letters of a Japanese keyboard count too."""
    import unicodedata

    words = _CODE.findall(unicodedata.normalize("NFKC", note))
    return frozenset(hashlib.sha256(word.upper().encode()).hexdigest() for word in words)


def is_taken_in(row: Row, check: CheckHistory) -> bool:
    """Whether the journal says already what people say with this row."""
    bound = check.choosing
    said = (bound.decision.value, bound.note, bound.until) if bound is not None else None
    chosen = (row.decision, row.note, row.until) if _decides(row) else None
    return row.done == (check.tick is not None) and chosen == said and row.approved is check.approved


def _decides(row: Row) -> bool:
    return row.decision in set(Decision) and bool(row.note.strip())


def deploy_line(view: View, item: Item, machine: str) -> Line:
    """The mark of a deploy that is known by a person's word alone: they say that it ended with exit 0."""
    check = view.history.check(item.id)
    by = check.tick.by if check.tick is not None else check.choosing.by if check.choosing is not None else None
    begun = deploy_begun(view.manifest, view.history, view.now, machine)
    return "deploy", begun | {"ended": begun["started"], "exit_code": 0, "by": _dump(by)}


def deploy_begun(manifest: Manifest, history: History, now: datetime, machine: str) -> dict[str, Any]:
    """The mark of a deploy that begins now: what comes before it is frozen, what comes after it is void."""
    return {
        "number": len(history.deploys) + 1,
        "started": now.isoformat(timespec="milliseconds"),
        "ended": None,
        "exit_code": None,
        "host": machine,
        "by": None,
        "freezes": [i.id for i in manifest.items if i.until_deploy],
        "voids": [i.id for i in manifest.items if i.after_deploy],
    }


def deploy_pending(view: View, states: Mapping[str, State]) -> Item | None:
    """The deploying item, when a person's word says that it was deployed and no deploy stands."""
    item = next((i for i in view.manifest.items if i.deploys), None)
    if item is None or (view.history.deploy is not None and view.history.deploy.stands):
        return None
    # Where probes prove the deploy its tick is no mark; whoever deployed by hand waives it, with the reason.
    tick = view.history.check(item.id).tick
    ticked = tick is not None and may_tick(view.manifest.template, tick.by)
    said = ticked if marked_by_tick(item) else states[item.id].result is Result.WAIVED
    return item if said else None


def marked_by_tick(item: Item) -> bool:
    """Whether the tick of a deploying item is the deploy's mark: there is no probe that knows better."""
    return item.deploys and not item.probes


def _tick(view: View, item: Item, row: Row, by: Person | None, check: CheckHistory) -> list[Line]:
    if row.done and check.tick is None:
        # Ticks seen together with the deploy's own tick may have been made after it: where Notion's clock
        # says so, for those that must come before it.
        coming = _coming_deploy(view)
        late = coming is not None and (item.after_deploy or (item.until_deploy and row.edited > coming.edited))
        deploys = len(view.history.deploys) + int(late)
        if item.after_deploy and view.history.deploy is not None and view.history.deploy.ended is None:
            # While the deploy runs nobody has seen what comes after it.
            deploys -= 1
        late_ones = _ticked_after(view, item, row, by)
        data = {"item": item.id, "by": _dump(by), "deploys": deploys}
        return [("ticked", data | ({"late": late_ones} if late_ones else {}))]
    if not row.done and check.tick is not None:
        lines: list[Line] = [("unticked", {"item": item.id, "by": _dump(by)})]
        deploy = view.history.deploy
        if marked_by_tick(item) and deploy is not None and not deploy.withdrawn:
            lines.append(("deploy-withdrawn", {"number": deploy.number, "by": _dump(by)}))
        return lines
    return []


def _ticked_after(view: View, item: Item, row: Row, by: Person | None) -> list[str]:
    """Items that had to be ticked before this deploy, and by Notion's clock were ticked after it.

    They were taken in first where the deploying row was hidden, as by the trash.
    """
    deploy = view.history.deploy
    if not marked_by_tick(item) or not may_tick(view.manifest.template, by):
        return []
    if deploy is not None and not deploy.withdrawn:
        return []
    ticks = ((i.id, view.history.check(i.id).tick) for i in view.manifest.items if i.until_deploy)
    return [name for name, tick in ticks if tick is not None and tick.edited > row.edited]


def _coming_deploy(view: View) -> Row | None:
    """The row of the deploying item, when it is ticked and its deploy has no mark yet."""
    item = next((i for i in view.manifest.items if marked_by_tick(i)), None)
    row = view.rows.get(item.id) if item is not None else None
    if row is not None and not may_tick(view.manifest.template, _ticker(view, row)):
        return None
    deploy = view.history.deploy
    return row if row is not None and row.done and (deploy is None or deploy.withdrawn) else None


def _ticker(view: View, row: Row) -> Person | None:
    """Who ticked the deploying item: as the journal knows it, else the row's last editor."""
    known = next((i for i in view.manifest.items if i.deploys), None)
    tick = view.history.check(known.id).tick if known is not None else None
    if tick is not None:
        return tick.by
    return Person(id=row.edited_by, name=row.editor_name) if row.editor_is_person else None


def _decision(view: View, item: Item, row: Row, by: Person | None, check: CheckHistory) -> list[Line]:
    now = (row.decision, row.note, row.until)
    bound = check.choosing
    if not _decides(row):
        if bound is None:
            return []
        lines: list[Line] = [("undecided", {"item": item.id, "by": _dump(by)})]
        return [*lines, *_deploy_taken_back(view, item, by)]
    if bound is not None and (bound.decision.value, bound.note, bound.until) == now:
        return []
    data = {"decision": row.decision, "note": row.note, "until": row.until, "by": _dump(by)}
    return [("decided", {"item": item.id, **data, "facts": facts_now(view, item)})]


def _deploy_taken_back(view: View, item: Item, by: Person | None) -> list[Line]:
    """The end of a mark that rests on a waiver alone, when the waiver is taken back."""
    deploy = view.history.deploy
    by_hand = deploy is not None and all(run.deploy != deploy.number for run in view.history.runs)
    if not item.deploys or marked_by_tick(item) or deploy is None or deploy.withdrawn or not by_hand:
        return []
    return [("deploy-withdrawn", {"number": deploy.number, "by": _dump(by)})]


def _approval(view: View, item: Item, row: Row, by: Person | None, check: CheckHistory) -> list[Line]:
    if row.approved is check.approved:
        return []
    data: dict[str, Any] = {"item": item.id, "by": _dump(by), "set": row.approved}
    if row.approved:
        tick = check.tick.number if check.tick is not None else 0
        data |= {"facts": facts_now(view, item), "tick": tick}
    return [("approved", data)]


def _by_nobody(lines: list[Line]) -> list[Line]:
    return [(kind, data | {"by": None}) for kind, data in lines]


def _is_restricted(view: View, item: Item) -> bool:
    """Whether not everybody may decide about an item."""
    return item.waive == "approvers" or bool(view.manifest.template.operators)


def _forgery(
    item: Item, row: Row, by: Person | None, written: Sequence[Mapping[str, Any]], redact: Callable[[str], str]
) -> list[Line]:
    changed = [c for c in WORKERS if all(c in w and _plain(getattr(row, c)) != _plain(w[c]) for w in written)]
    said = [code for code in changed if code not in _NOT_SAID]
    if not said:
        return []
    who = (by.name or by.id) if by is not None else "an integration"
    what = ", ".join(f"{code} = {_short(redact(str(_plain(getattr(row, code)))))}" for code in said)
    return [("put-right", {"item": item.id, "what": f"{what} ({who})", "columns": said, "by": _dump(by)})]


def _dump(person: Person | None) -> dict[str, str] | None:
    return person.model_dump() if person is not None else None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"

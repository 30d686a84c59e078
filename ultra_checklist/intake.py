"""What people did, from rows to journal lines: ticks, decisions, approvals, and edits that are put right."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ultra_checklist.history import CheckHistory
from ultra_checklist.model import Decision, Item
from ultra_checklist.notion.rows import WORKERS, Row
from ultra_checklist.record import Person
from ultra_checklist.situations import View, facts_now

Line = tuple[str, dict[str, Any]]
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
    lines = [*_tick(view, item, row, by, check), *_decision(view, item, row, chose, check)]
    lines += _approval(view, item, row, chose, check)
    if not ours and written:
        lines += _forgery(item, row, by, written, redact)
    return [(kind, data | {"edited": row.edited} if "item" in data else data) for kind, data in lines]


def deploy_line(view: View, item: Item, machine: str) -> Line:
    """The mark of a deploy that is known by its tick alone: whoever ticked says it ended with exit 0."""
    tick = view.history.check(item.id).tick
    at = view.now.isoformat(timespec="milliseconds")
    return "deploy", {
        "number": len(view.history.deploys) + 1,
        "started": at,
        "ended": at,
        "exit_code": 0,
        "host": machine,
        "by": _dump(tick.by if tick is not None else None),
        "freezes": [i.id for i in view.manifest.items if i.until_deploy],
        "voids": [i.id for i in view.manifest.items if i.after_deploy],
    }


def deploy_pending(view: View) -> Item | None:
    """The deploying item, when it is ticked and its deploy has no mark yet."""
    item = next((i for i in view.manifest.items if i.deploys), None)
    if item is None or view.history.check(item.id).tick is None:
        return None
    deploy = view.history.deploy
    return item if deploy is None or deploy.withdrawn else None


def _tick(view: View, item: Item, row: Row, by: Person | None, check: CheckHistory) -> list[Line]:
    if row.done and check.tick is None:
        # Ticks seen together with the deploy's own tick may have been made after it: where Notion's clock
        # says so, for those that must come before it.
        coming = _coming_deploy(view)
        late = coming is not None and (item.after_deploy or (item.until_deploy and row.edited > coming.edited))
        deploys = len(view.history.deploys) + int(late)
        return [("ticked", {"item": item.id, "by": _dump(by), "deploys": deploys})]
    if not row.done and check.tick is not None:
        lines: list[Line] = [("unticked", {"item": item.id, "by": _dump(by)})]
        deploy = view.history.deploy
        if item.deploys and deploy is not None and not deploy.withdrawn:
            lines.append(("deploy-withdrawn", {"number": deploy.number, "by": _dump(by)}))
        return lines
    return []


def _coming_deploy(view: View) -> Row | None:
    """The row of the deploying item, when it is ticked and its deploy has no mark yet."""
    item = next((i for i in view.manifest.items if i.deploys), None)
    row = view.rows.get(item.id) if item is not None else None
    deploy = view.history.deploy
    return row if row is not None and row.done and (deploy is None or deploy.withdrawn) else None


def _decision(view: View, item: Item, row: Row, by: Person | None, check: CheckHistory) -> list[Line]:
    made = row.decision in set(Decision) and bool(row.note.strip())
    now = (row.decision, row.note, row.until)
    bound = check.choosing
    if not made:
        return [("undecided", {"item": item.id, "by": _dump(by)})] if bound is not None else []
    if bound is not None and (bound.decision.value, bound.note, bound.until) == now:
        return []
    data = {"decision": row.decision, "note": row.note, "until": row.until, "by": _dump(by)}
    return [("decided", {"item": item.id, **data, "facts": facts_now(view, item)})]


def _approval(view: View, item: Item, row: Row, by: Person | None, check: CheckHistory) -> list[Line]:
    if row.approved and check.approved_by is None and by is not None:
        return [("approved", {"item": item.id, "by": _dump(by), "facts": facts_now(view, item)})]
    if not row.approved and check.approved_by is not None:
        return [("approved", {"item": item.id, "by": None})]
    return []


def _forgery(
    item: Item, row: Row, by: Person | None, written: Sequence[Mapping[str, Any]], redact: Callable[[str], str]
) -> list[Line]:
    changed = [c for c in WORKERS if all(c in w and _plain(getattr(row, c)) != _plain(w[c]) for w in written)]
    said = [code for code in changed if code not in _NOT_SAID]
    if not said:
        return []
    who = (by.name or by.id) if by is not None else "an integration"
    what = ", ".join(f"{code} = {_short(redact(str(_plain(getattr(row, code)))))}" for code in said)
    return [("put-right", {"item": item.id, "what": f"{what} ({who})", "by": _dump(by)})]


def _dump(person: Person | None) -> dict[str, str] | None:
    return person.model_dump() if person is not None else None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"

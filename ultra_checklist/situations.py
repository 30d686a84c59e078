"""From a release's history and its rows to the situation of every check, and so to every state. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ultra_checklist.check_history import CheckHistory
from ultra_checklist.history import History
from ultra_checklist.manifest import Manifest, bound_to
from ultra_checklist.model import Decision, Item, Result, Template
from ultra_checklist.notion.rows import Row
from ultra_checklist.record import Person, Proof
from ultra_checklist.states import NOTHING_SHOWN, Approval, Choice, Place, Situation, State, decide

_CHOICES = {Decision.WAIVE: Choice.WAIVED, Decision.NOT_APPLICABLE: Choice.NOT_APPLICABLE}
NO_ROW = Row(page_id="")


@dataclass(frozen=True)
class View:
    """What the states of a release are worked out from."""

    manifest: Manifest
    history: History
    rows: Mapping[str, Row]
    now: datetime
    place: Place = Place.HERE
    out_of_reach: Callable[[str], bool] = lambda _host: False
    """Whether a host is another machine, and cannot be asked from here."""
    last_good: Callable[[], str] = str
    """Asked where a rollback leads: a commit, or nothing."""


def evaluate(view: View) -> dict[str, State]:
    """The state of every check. Conditions between checks are followed until nothing changes."""
    states: dict[str, State] = {}
    for _ in range(len(view.manifest.items) + 1):
        fresh = {item.id: decide(situation(view, item, states)) for item in view.manifest.items}
        if fresh == states:
            break
        states = fresh
    return states


def situation(view: View, item: Item, others: Mapping[str, State]) -> Situation:
    """Everything that the table looks at, of one check."""
    history, row = view.history, view.rows.get(item.id, NO_ROW)
    check = history.check(item.id)
    proof = current_proof(view.manifest, view.history, item)
    deploy, by = history.deploy, check.tick.by if check.tick is not None else None
    lacking = _lacking(view, item, check, row, proof)
    ended = history.ended is not None or history.sealed is not None
    return Situation(
        ended=ended,
        open=_is_open(view.manifest, item, check, row, others),
        place=_place(view, item),
        choice=_choice(view, item, check, row, proof),
        until_deploy=item.until_deploy,
        after_deploy=item.after_deploy,
        deploy_started=(deploy is not None and not deploy.withdrawn) or _ticked_after_all(item, check, history),
        deployed=deploy is not None and deploy.stands,
        before=check.shown if ended else check.frozen or NOTHING_SHOWN,
        # Where this worker may not judge, nothing is taken in, so the row itself says whether it claims something.
        ticked=check.tick is not None or (view.place is not Place.HERE and row.done),
        ticked_late=_ticked_late(item, check, len(history.deploys)),
        needs_settled=all(need in others and others[need].settled for need in item.needs),
        has_probes=bool(item.probes),
        person_known=by is not None,
        person_allowed=may_tick(view.manifest.template, by),
        attachment_missing=bool(item.evidence) and not row.attachments,
        second_person_missing=lacking is not None,
        approval=lacking or Approval.MISSING,
        window_running=proof is not None and proof.window_running,
        answer_missing=bool(check.unanswered(proof)),
        outcome=proof.outcome if proof is not None else None,
    )


def current_proof(manifest: Manifest, history: History, item: Item) -> Proof | None:
    """The proof that speaks of this tick, this deploy and this wording of the item; None: not looked yet."""
    check = history.check(item.id)
    proof = check.proof
    if proof is None or check.tick is None or proof.tick != check.tick.number:
        return None
    if proof.bound_to != bound_to(manifest, item):
        return None
    if item.after_deploy and proof.deploy != len(history.deploys):
        return None
    return proof


def facts_now(view: View, item: Item) -> str:
    """Digest of the facts that a decision made now is bound to; empty: never looked at."""
    proof = current_proof(view.manifest, view.history, item)
    return proof.facts if proof is not None else ""


def may_tick(template: Template, by: Person | None) -> bool:
    """Whether whoever ticked may: where the template lists operators, one of them."""
    return not template.operators or _listed(by, template.operators)


def _is_open(manifest: Manifest, item: Item, check: CheckHistory, row: Row, others: Mapping[str, State]) -> bool:
    if item.when is None or check.tick is not None or row.decision:
        return True
    return bool(failing(manifest, item, others))


def failing(manifest: Manifest, item: Item, others: Mapping[str, State]) -> list[Item]:
    """What an item with a condition waits for, and has failed: it opens the item."""
    if item.when is None:
        return []
    named = set(item.when.failed)
    watched = (i for i in manifest.items if i.id != item.id and (i.id in named or i.section in named))
    return [i for i in watched if i.id in others and others[i.id].result is Result.FAILED]


def _place(view: View, item: Item) -> Place:
    if view.place is Place.HERE and view.history.check(item.id).copies > 1:
        return Place.DOUBLED
    if view.place is Place.HERE and any(map(view.out_of_reach, item.runs_on.hosts)):
        return Place.OTHER_LABEL
    return view.place


def _ticked_after_all(item: Item, check: CheckHistory, history: History) -> bool:
    """Whether a tick that had to come before the deploy was made after one that has no mark yet."""
    return item.until_deploy and check.tick is not None and check.tick.deploys > len(history.deploys)


def _ticked_late(item: Item, check: CheckHistory, deploys: int) -> bool:
    if check.tick is None:
        return False
    return check.tick.deploys > 0 if item.until_deploy else check.tick.deploys < deploys


def _lacking(view: View, item: Item, check: CheckHistory, row: Row, proof: Proof | None) -> Approval | None:
    """What is missing of the approvals that an item asks for; None: nothing."""
    if item.approvals == 0:
        return None
    tick, newest = check.tick, check.approvals[-1] if check.approvals else None
    if not row.approved or newest is None or tick is None:
        return Approval.MISSING
    if newest.by is None or tick.by is None:
        return Approval.UNCLEAR
    if newest.by.id == tick.by.id:
        return Approval.SAME_PERSON
    allowed = view.manifest.template.approvers
    if allowed and not _listed(newest.by, allowed):
        return Approval.NOT_ALLOWED
    valid = check.approvers(proof.facts if proof is not None else "")
    if newest.by not in valid:
        return Approval.OTHER_FACTS
    enough = [person for person in valid if not allowed or _listed(person, allowed)]
    return None if len(enough) >= item.approvals else Approval.MORE


def _listed(person: Person | None, ids: tuple[str, ...]) -> bool:
    """Whether a list of user ids names a person; ids are written with dashes or without."""
    return person is not None and _plain_id(person.id) in map(_plain_id, ids)


def _plain_id(text: str) -> str:
    return text.replace("-", "").lower()


def _choice(view: View, item: Item, check: CheckHistory, row: Row, proof: Proof | None) -> Choice:
    if not row.decision:
        return Choice.NONE
    if item.waive == "never" or row.decision not in set(Decision):
        return Choice.NOT_ALLOWED
    if not row.note.strip() or check.choosing is None:
        return Choice.NO_NOTE
    if row.until and date.fromisoformat(row.until[:10]) < view.now.astimezone(zone_of(view)).date():
        return Choice.EXPIRED
    if check.choosing.by is None:
        return Choice.UNCLEAR
    if not _may_decide(view.manifest.template, item, check.choosing.by):
        return Choice.WRONG_PERSON
    if check.choosing.facts != (proof.facts if proof is not None else ""):
        return Choice.OTHER_FACTS
    return _CHOICES[Decision(row.decision)]


def _may_decide(template: Template, item: Item, by: Person) -> bool:
    if item.waive == "approvers":
        return _listed(by, template.approvers)
    return may_tick(template, by) or _listed(by, template.approvers)


def zone_of(view: View) -> ZoneInfo:
    """The time zone of the release's team."""
    return ZoneInfo(view.manifest.template.timezone)

"""The heart: from what is known of a check to what its row shows. Pure, and complete.

The numbered rules are tried from the top; the first that fits decides. Rules 4 to 6 (a person's
decision) need to know what the rules after them would say, so those are worked out first.
"""

from dataclasses import dataclass
from enum import StrEnum

from ultra_checklist.model import Outcome, Result


class Place(StrEnum):
    """Whether this worker may judge the row at all."""

    HERE = "here"
    OTHER_LABEL = "other-label"
    NO_MANIFEST = "no-manifest"
    WRONG_MACHINE = "wrong-machine"
    DOUBLED = "doubled"
    """Several rows in which people have entered something claim to be this check: which of them speaks?"""


class Choice(StrEnum):
    """What an operator's decision amounts to: none, one of two that hold, or why it does not hold."""

    NONE = "none"
    WAIVED = "waived"
    NOT_APPLICABLE = "not-applicable"
    NO_NOTE = "no-note"
    NOT_ALLOWED = "not-allowed"
    EXPIRED = "expired"
    WRONG_PERSON = "wrong-person"
    OTHER_FACTS = "other-facts"
    UNCLEAR = "unclear-person"
    """Who decided cannot be told: an integration was the last to edit, or several things came in one look."""


class Approval(StrEnum):
    """What is missing where an item asks for approvals; the value is the code of its sentence."""

    MISSING = "second-person-missing"
    MORE = "approvals-missing"
    SAME_PERSON = "approved-by-the-same"
    NOT_ALLOWED = "approval-not-allowed"
    OTHER_FACTS = "approval-other-facts"
    UNCLEAR = "approval-unclear"
    """Who approved cannot be told, because it came in one look with something else."""


class Look(StrEnum):
    """When the machine is looked at again."""

    NEVER = "never"
    NOW = "now"
    BACK_OFF = "back-off"
    MAX_AGE = "max-age"


@dataclass(frozen=True)
class Shown:
    """A result with whether it settles the check."""

    result: Result | None
    settled: bool


NOTHING_SHOWN = Shown(None, False)


@dataclass(frozen=True)
class Situation:
    """All that the table looks at, of one check at one moment."""

    ended: bool = False
    """The release has ended; ``before`` is what was sealed."""
    open: bool = True
    """The item's ``when`` holds, or it has none."""
    place: Place = Place.HERE
    choice: Choice = Choice.NONE
    until_deploy: bool = False
    after_deploy: bool = False
    deploy_started: bool = False
    """A deploy has begun and was not taken back."""
    deployed: bool = False
    """The newest deploy has ended with exit 0 and was not taken back."""
    before: Shown = NOTHING_SHOWN
    """What was shown when the release was sealed, or when the deploy started."""
    ticked: bool = False
    ticked_late: bool = False
    """``until``: the tick came after the deploy had started; ``after``: before the newest deploy."""
    needs_settled: bool = True
    has_probes: bool = False
    person_known: bool = True
    """The tick is known to be a person's, not an integration's."""
    person_allowed: bool = True
    """The template's ``operators`` name whoever ticked, or name nobody."""
    attachment_missing: bool = False
    second_person_missing: bool = False
    approval: Approval = Approval.MISSING
    """Where the second person is missing: in which way."""
    window_running: bool = False
    """A probe waits for time to go by, and none fails."""
    answer_missing: bool = False
    """A message was sent with a code that nobody has typed into Note yet."""
    outcome: Outcome | None = None
    """What the probes say together for this tick and deploy; None: not looked yet."""


@dataclass(frozen=True)
class State:
    """What the row shows, whether the check is settled, why (a stable code), and when to look again."""

    rule: int
    result: Result | None
    settled: bool
    why: str
    look: Look = Look.NEVER


_CHOSEN = {Choice.WAIVED: Result.WAIVED, Choice.NOT_APPLICABLE: Result.NOT_APPLICABLE}


def decide(now: Situation) -> State:
    """Apply the table to one check."""
    if now.ended:
        return State(1, now.before.result, now.before.settled, "sealed")
    if not now.open:
        return State(2, None, True, "not-open")
    if now.place is not Place.HERE:
        claims = now.ticked or now.choice is not Choice.NONE
        untouched = now.place is Place.OTHER_LABEL or not claims
        return State(3, None if untouched else Result.CANNOT_TELL, False, now.place.value)
    below = _without_choice(now)
    if now.choice is Choice.NONE:
        return below
    if below.result is Result.PASSED:
        return State(4, Result.PASSED, True, "nothing-to-waive", below.look)
    if now.choice not in _CHOSEN:
        # Only silence becomes Waiting: a verdict that stands says more than the unfinished decision.
        return State(5, below.result or Result.WAITING, False, now.choice.value, below.look)
    # What was never looked at stays so; a waiver of a finding ends when the facts change, so they are watched.
    look = Look.MAX_AGE if now.outcome is not None and below.look is not Look.NEVER else Look.NEVER
    return State(6, _CHOSEN[now.choice], True, now.choice.value, look)


def _without_choice(now: Situation) -> State:
    """Rules 7 to 14: what the row says of itself."""
    if now.until_deploy and (now.deploy_started or (now.before.settled and now.before.result is not None)):
        why = "ticked-late" if now.ticked and now.ticked_late and not now.before.settled else "frozen"
        return State(7, now.before.result, now.before.settled, why)
    if not now.ticked:
        return State(8, None, False, "not-ticked")
    if now.after_deploy and not now.deployed:
        return State(9, Result.BLOCKED, False, "before-deploy")
    if not now.needs_settled:
        return State(9, Result.BLOCKED, False, "needs")
    if not now.has_probes:
        return _a_persons_word(now)
    if now.window_running:
        return State(11, Result.WAITING, False, "window", Look.BACK_OFF)
    return _proved(now)


def _a_persons_word(now: Situation) -> State:
    if now.after_deploy and now.ticked_late:
        return State(10, Result.WAITING, False, "word-before-deploy")
    if not now.person_known:
        return State(10, Result.WAITING, False, "no-person")
    missing = _missing(now)
    if missing:
        return State(10, Result.WAITING, False, missing)
    return State(10, Result.CONFIRMED, True, "confirmed")


def _proved(now: Situation) -> State:
    if now.outcome is None:
        return State(13, None, False, "not-looked-yet", Look.NOW)
    if now.outcome is Outcome.FAIL:
        return State(12, Result.FAILED, False, "failed", Look.BACK_OFF)
    if now.outcome is Outcome.UNKNOWN:
        return State(13, Result.CANNOT_TELL, False, "unknown", Look.BACK_OFF)
    missing = _missing(now)
    if missing:
        return State(14, Result.WAITING, False, missing, Look.MAX_AGE)
    return State(14, Result.PASSED, True, "passed", Look.MAX_AGE)


def _missing(now: Situation) -> str:
    """What people still owe to a tick that is otherwise good; empty: nothing."""
    if not now.person_allowed:
        return "not-an-operator" if now.person_known else "no-person"
    if now.answer_missing:
        return "answer-missing"
    if now.attachment_missing:
        return "attachment-missing"
    return now.approval.value if now.second_person_missing else ""

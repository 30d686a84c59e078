"""What the journal's lines add up to for one check."""

from dataclasses import dataclass
from datetime import datetime

from ultra_checklist.model import Result
from ultra_checklist.record import Approving, Choosing, Person, Proof, Tick
from ultra_checklist.states import NOTHING_SHOWN, Shown


@dataclass
class CheckHistory:
    """All that the journal knows of one check."""

    tick: Tick | None = None
    ticks: int = 0
    edited: str = ""
    """When the row had last been edited, in Notion's minutes, as something was taken in from it."""
    approved: bool = False
    """The Approved box was set when it was seen last."""
    approvals: tuple[Approving, ...] = ()
    """Who has approved, newest last, each person once; taking the box out takes one's own back."""
    proof: Proof | None = None
    definite: Proof | None = None
    """The last proof that was not "cannot tell"."""
    failures: int = 0
    """How many looks in a row were not a pass: the back-off grows with it."""
    answered: frozenset[str] = frozenset()
    """Digests of the codes of test messages that were seen in Note since the tick."""
    choosing: Choosing | None = None
    shown: Shown = NOTHING_SHOWN
    shown_at: datetime | None = None
    was: Result | None = None
    """What the row showed when it was unticked."""
    was_at: datetime | None = None
    frozen: Shown | None = None
    frozen_at: datetime | None = None
    sending: int = 0
    """The newest tick for which a probe with an effect was started."""
    copies: int = 1
    """How many rows in Notion claim to be this check, each with entries of its own."""
    away: str = ""
    """Id of a copy that was about to go into the trash; somebody may have written in it in that moment."""
    lost: str = ""
    """Id of the page that was found missing last, before its row was made again."""
    put_right: str = ""
    """What a person had typed into the worker's columns, and who; cleared by the next tick or proof."""

    def unanswered(self, proof: Proof | None) -> frozenset[str]:
        """Digests of the codes that a proof has sent and that nobody has typed into Note yet."""
        return (proof.answers if proof is not None else frozenset()) - self.answered

    @property
    def approved_by(self) -> tuple[Person, ...]:
        """Those whose approval speaks of the standing tick and the newest proof."""
        return tuple(self.approvers(self.proof.facts if self.proof is not None else ""))

    def approvers(self, facts: str) -> list[Person]:
        """Those whose approval speaks of the standing tick and of these facts, without whoever ticked."""
        tick = self.tick
        if tick is None or tick.by is None:
            return []
        valid = (a.by for a in self.approvals if a.by is not None and (a.tick, a.facts) == (tick.number, facts))
        return [person for person in valid if person.id != tick.by.id]

"""A checklist that was looked at once, without ticks and release time: what reports are made of. Pure."""

from dataclasses import dataclass

from ultra_checklist.model import Finding, Item, Outcome, Template, combine, outcome
from ultra_checklist.variables import Variables


@dataclass(frozen=True)
class CheckedItem:
    """One item with what its probes found; no findings: there is no probe, a person must look."""

    item: Item
    findings: tuple[Finding, ...]

    @property
    def result(self) -> str:
        """``pass``, ``fail``, ``unknown``; ``manual`` without probes; ``skipped`` where none of them was run."""
        if not self.item.probes:
            return "manual"
        return outcome(self.item, self.findings).value if self.findings else "skipped"


@dataclass(frozen=True)
class Checked:
    """A checklist that was looked at."""

    template: Template
    items: tuple[CheckedItem, ...]
    variables: Variables


def outcome_of(checked: Checked) -> Outcome:
    """What all items say together; items that were not looked at say nothing."""
    outcomes = [Outcome(item.result) for item in checked.items if item.findings]
    return combine(outcomes) if outcomes else Outcome.PASS

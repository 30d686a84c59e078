"""Runs a checklist's probes here and now, for ``check``: without release time, ticks and Notion."""

from collections.abc import Iterable
from dataclasses import dataclass

from ultra_checklist.model import Finding, Item, Outcome, Template, combine
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Variables


@dataclass(frozen=True)
class CheckedItem:
    """One item with what its probes found; no findings: there is no probe, a person must look."""

    item: Item
    findings: tuple[Finding, ...]

    @property
    def result(self) -> str:
        """``pass``, ``fail``, ``unknown``, or ``manual`` for an item without probes."""
        return combine([f.verdict.outcome for f in self.findings]).value if self.item.probes else "manual"


@dataclass(frozen=True)
class Checked:
    """A checklist that was looked at."""

    template: Template
    items: tuple[CheckedItem, ...]
    variables: Variables


async def check(
    template: Template, variables: Variables, chosen: Iterable[str], *, secrets: Iterable[str] = ()
) -> Checked:
    """Run every probe of the chosen items, all items where none is chosen."""
    wanted = set(chosen)
    items = [item for item in template.items if not wanted or item.id in wanted]
    runner = Runner(variables, secrets=secrets, public_text=" ".join(item.title for item in template.items))
    found = await runner.run(items)
    return Checked(template, tuple(CheckedItem(item, tuple(found[item.id])) for item in items), variables)


def outcome_of(checked: Checked) -> Outcome:
    """What all items say together; items without probes say nothing."""
    outcomes = [Outcome(item.result) for item in checked.items if item.item.probes]
    return combine(outcomes) if outcomes else Outcome.PASS

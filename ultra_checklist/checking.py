"""Runs a checklist's probes here and now, for ``check``: without release time, ticks and Notion."""

from collections.abc import Iterable

from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.model import Template
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Variables


async def check(
    template: Template, variables: Variables, chosen: Iterable[str], *, secrets: Iterable[str] = ()
) -> Checked:
    """Run every probe of the chosen items, all items where none is chosen."""
    wanted = set(chosen)
    items = [item for item in template.items if not wanted or item.id in wanted]
    runner = Runner(variables, secrets=secrets, public_text=" ".join(item.title for item in template.items))
    found = await runner.run(items)
    return Checked(template, tuple(CheckedItem(item, tuple(found[item.id])) for item in items), variables)

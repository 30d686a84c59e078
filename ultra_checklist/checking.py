"""Runs a checklist's probes here and now, for ``check``: without release time, ticks and Notion."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ultra_checklist import plugins
from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.errors import PluginError
from ultra_checklist.model import Item, ProbeSpec, Template
from ultra_checklist.runner import Runner
from ultra_checklist.siblings import Siblings
from ultra_checklist.variables import Variables

if TYPE_CHECKING:
    from ultra_checklist.release import Release


async def check(
    template: Template,
    variables: Variables,
    chosen: Iterable[str],
    *,
    secrets: Iterable[str] = (),
    release: "Release | None" = None,
    siblings: Siblings | None = None,
    with_effects: Iterable[str] = (),
) -> Checked:
    """Run every probe of the chosen items, all items where none is chosen.

    Probes that send or write something are skipped, but for those of the items ``with_effects``: they do it now, as
    for a tick of its own. Probes that look at a release's record are skipped where there is no ``release``. Other
    releases are found by ``siblings`` then.
    """
    sending = frozenset(with_effects)
    wanted = set(chosen)
    if wanted:
        wanted |= sending
    items = [item for item in template.items if not wanted or item.id in wanted]
    if release is None:
        public = " ".join(item.title for item in template.items)
        runner = Runner(variables, secrets=secrets, public_text=public, sibling=siblings, material=False)
    else:
        from ultra_checklist.prove import Prover

        # What was seen before and since the deploy is known to the release's own prover.
        runner = Prover(release, release.shelf.root.parent, secrets, occasion=_occasion).runner

    def runs(item: Item, spec: ProbeSpec) -> bool:
        try:
            family = plugins.load(plugins.PROBES, spec.probe)
        except PluginError:
            return True
        return (release is not None or not family.needs_release) and (family.effect == "none" or item.id in sending)

    found = await runner.run(items, runs)
    return Checked(template, tuple(CheckedItem(item, tuple(found[item.id])) for item in items), variables)


def _occasion(_item: str) -> int:
    """What stands for a tick here: no person's tick has such a number, and no two calls have the same."""
    return time.time_ns()

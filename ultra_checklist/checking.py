"""Runs a checklist's probes here and now, for ``check``: without release time, ticks and Notion."""

from collections.abc import Iterable

from ultra_checklist import plugins
from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.errors import PluginError
from ultra_checklist.model import Item, ProbeSpec, Template
from ultra_checklist.prove import Prover
from ultra_checklist.release import Release
from ultra_checklist.runner import Runner
from ultra_checklist.siblings import Siblings
from ultra_checklist.variables import Variables


async def check(
    template: Template,
    variables: Variables,
    chosen: Iterable[str],
    *,
    secrets: Iterable[str] = (),
    release: Release | None = None,
    siblings: Siblings | None = None,
) -> Checked:
    """Run every probe of the chosen items, all items where none is chosen.

    Probes that look at a release's record are skipped where there is no ``release``.
    Other releases are found by ``siblings`` then.
    """
    wanted = set(chosen)
    items = [item for item in template.items if not wanted or item.id in wanted]
    if release is None:
        public = " ".join(item.title for item in template.items)
        runner = Runner(variables, secrets=secrets, public_text=public, sibling=siblings)
    else:
        # What was seen before and since the deploy is known to the release's own prover.
        runner = Prover(release, release.shelf.root.parent, secrets).runner
    found = await runner.run(_runnable(item, release) for item in items)
    return Checked(template, tuple(CheckedItem(item, tuple(found[item.id])) for item in items), variables)


def _runnable(item: Item, release: Release | None) -> Item:
    """The item with those of its probes that can be run here."""
    if release is not None:
        return item
    return item.model_copy(update={"probes": tuple(spec for spec in item.probes if not _needs_release(spec))})


def _needs_release(spec: ProbeSpec) -> bool:
    try:
        return bool(plugins.load(plugins.PROBES, spec.probe).needs_release)
    except PluginError:
        return False

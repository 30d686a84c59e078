"""Runs a checklist's probes here and now, for ``check``: without release time, ticks and Notion."""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from ultra_checklist import plugins
from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.errors import PluginError
from ultra_checklist.hosts.carriers import NOBODY, Carriers
from ultra_checklist.model import Finding, Item, ProbeSpec, Template
from ultra_checklist.probes.base import unknown
from ultra_checklist.runner import Runner
from ultra_checklist.siblings import Siblings
from ultra_checklist.variables import Variables
from ultra_checklist.words import Words

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
    carriers: Carriers | None = None,
) -> Checked:
    """Run every probe of the chosen items, all items where none is chosen.

    Probes that send or write something are skipped, but for those of the items ``with_effects``: they do it now, as
    for a tick of its own. Probes that look at a release's record are skipped where there is no ``release``. Other
    releases are found by ``siblings`` then. Of what looks on other machines alone, as ``carriers`` tells, that is
    said.
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

    known = carriers or Carriers()
    away = {item.id: str(item.runs_on) for item in items if item.runs_on and not known.any_here(item.runs_on.hosts)}
    found = await runner.run([item for item in items if item.id not in away], runs)
    found |= {item: [_not_here(host, runner.now())] for item, host in away.items()}
    return Checked(template, tuple(CheckedItem(item, tuple(found[item.id])) for item in items), variables)


def _not_here(host: str, at: datetime) -> Finding:
    verdict = unknown("not-here", _ELSEWHERE.filled(host=host), remedy=_THERE.filled(host=host))
    return Finding(probe=NOBODY, verdict=verdict, started=at, seconds=0.0, host=host)


def _occasion(_item: str) -> int:
    """What stands for a tick here: no person's tick has such a number, and no two calls have the same."""
    return time.time_ns()


_ELSEWHERE = Words(en="it looks on {host}, not here", ja="このマシンではなく {host} で確認する項目です")
_THERE = Words(
    en="Run the same command on {host}; in a release its worker or agent is asked",
    ja="{host} で同じコマンドを実行してください（リリースではそこのワーカーに問い合わせます）",
)

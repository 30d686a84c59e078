"""Lets a probe look twice, as the engine does: as a deploy begins, and later with what was seen then."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ultra_checklist.model import Finding, Item, ProbeSpec, Verdict
from ultra_checklist.record import ReleaseRecord
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Value, Variables


class Watched:
    """One probe bound to one item, the evidence of its baseline, and a release where one is told."""

    def __init__(self, probe: str, options: Mapping[str, Any], base: Path | None = None) -> None:
        self.item = Item(
            id="x", title="x", section="s", line=1, order=1, probes=(ProbeSpec(probe=probe, options=options),)
        )
        self._base = base
        self.baseline: bytes | None = None
        self.release: ReleaseRecord | None = None

    def begin(self) -> Finding:
        """The deploy begins. Gives what was found; its observation, redacted, is what is known later."""
        found = asyncio.run(self._runner().baselines([self.item]))
        (_, _, finding) = found[0]
        self.baseline = finding.material or None
        return finding

    def judge(self, **options: Any) -> Verdict:
        """Look now; ``options`` may differ from those of the baseline."""
        return self.look(**options).verdict

    def look(self, **options: Any) -> Finding:
        """The same with all that is kept of it."""
        (spec,) = self.item.probes
        changed = spec.model_copy(update={"options": {**spec.options, **options}})
        item = self.item.model_copy(update={"probes": (changed,)})
        (finding,) = asyncio.run(self._runner().prove(item))
        return finding

    def seen(self, **options: Any) -> dict[str, Any]:
        """The observation of a look, as it is kept."""
        kept: dict[str, Any] = json.loads(self.look(**options).material)["observation"]
        return kept

    def _runner(self) -> Runner:
        values = {"DEPLOY_DIR": Value(value=str(self._base), origin="--var")} if self._base is not None else {}
        return Runner(
            Variables(values=values),
            record=lambda: self.release,
            baseline=lambda _item, place: self.baseline if place >= 0 else None,
        )

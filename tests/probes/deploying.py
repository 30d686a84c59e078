"""A probe before, during and after a deploy, as the product runs it: with baselines and a record."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ultra_checklist.model import Item, ProbeSpec, Verdict
from ultra_checklist.record import DeployMark, ReleaseRecord
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Variables


class Deploying:
    """One release, one item, one probe."""

    def __init__(self, probe: str, options: Mapping[str, Any]) -> None:
        spec = ProbeSpec(probe=probe, options=options)
        self.item = Item(id="backend-running", title="x", section="s", line=1, order=1, probes=(spec,))
        self.release = ReleaseRecord(key="p/production/v1", version="v1", created=datetime.now(UTC))
        self.before: bytes | None = None
        self.material = b""
        """What was kept as evidence of the last look."""

    def begins(self, at: datetime | None = None, *, blind: bool = False) -> None:
        """A deploy begins; ``blind``: what was then is not kept."""
        ((_, _, finding),) = asyncio.run(self._runner().baselines([self.item]))
        self.before = None if blind else finding.material or None
        started = at or datetime.now(UTC)
        mark = DeployMark(number=1, started=started, ended=None, exit_code=None, host="web-1")
        self.release = self.release.model_copy(update={"deploys": (mark,)})

    def look(self) -> Verdict:
        (finding,) = asyncio.run(self._runner().prove(self.item))
        self.material = finding.material
        return finding.verdict

    def _runner(self) -> Runner:
        return Runner(Variables(), record=lambda: self.release, baseline=lambda _item, _place: self.before)

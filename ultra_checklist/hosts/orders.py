"""What tasks make a runner do, be it an agent's or one over ssh, and what they tell it of the release.

A host keeps nothing of what its probes saw earlier: that comes along with the task, from where it is on record.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ultra_checklist.hosts.tasks import Batch, Found, SealBroken, Task, unpack
from ultra_checklist.model import Finding, Item
from ultra_checklist.runner import Runner
from ultra_checklist.samples import Taken
from ultra_checklist.traits import looks_away
from ultra_checklist.variables import Variables


class Orders:
    """Some tasks of a batch with their items; all of them are for one commit."""

    def __init__(self, batch: Batch, chosen: Sequence[tuple[Task, Item]]) -> None:
        self._batch = batch
        self._chosen = chosen
        self._ticked = {item.id: task for task, item in chosen if task.occasion == "tick"}

    def runner(self, variables: Variables, public_text: str, **more: Any) -> Runner:
        """A runner that knows what the tasks tell; ``more`` is what it knows of its own machine."""
        return Runner(
            variables,
            public_text=public_text,
            record=lambda: self._batch.record,
            tick=lambda item: self._ticked[item].tick if item in self._ticked else 0,
            baseline=self._before,
            samples=self._samples,
            # A window is over by the clock at home, and no sooner than this was written.
            present=lambda: self._batch.at,
            **more,
        )

    async def run(self, runner: Runner) -> dict[str, list[tuple[Found, Finding]]]:
        """What the probes find, by the task's id, ready to travel and as it is."""
        found: dict[str, list[tuple[Found, Finding]]] = {}
        ticked = await runner.run(self._items("tick"), looks_away)
        before = await runner.baselines(self._items("deploy"))
        wanted = runner.sampled(self._items("sample"))
        seen = list(zip(wanted, await runner.sample(wanted), strict=True))
        for task, item in self._chosen:
            placed = {
                "tick": [(-1, finding) for finding in ticked.get(item.id, ())],
                "deploy": [(place, finding) for of, place, finding in before if of == item.id],
                "sample": [(this.place, finding) for this, finding in seen if this.item.id == item.id],
            }[task.occasion]
            found[task.id] = [(Found.of(finding, place), finding) for place, finding in placed]
        return found

    def _items(self, occasion: str) -> list[Item]:
        return list({item.id: item for task, item in self._chosen if task.occasion == occasion}.values())

    def _before(self, item: str, place: int) -> bytes | None:
        task = self._ticked.get(item)
        for before in task.past.before if task is not None else ():
            if before.probe == place:
                try:
                    return unpack(before.material)
                except SealBroken:
                    return None
        return None

    def _samples(self, item: str, place: int) -> Iterable[Taken]:
        task = self._ticked.get(item)
        return [taken for taken in task.past.samples if taken.probe == place] if task is not None else []

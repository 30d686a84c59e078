"""Where a release stands, and its page in Notion: status, operators, honesty line, last look."""

from collections.abc import Mapping
from datetime import timedelta

from ultra_checklist.asked import MARK, asked, waits_for
from ultra_checklist.bench import Bench
from ultra_checklist.duty import is_quiet
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Result, Status
from ultra_checklist.notion.rows import minute, parse_release, release_properties
from ultra_checklist.plan import Values
from ultra_checklist.release import Release
from ultra_checklist.situations import View
from ultra_checklist.states import Place, State
from ultra_checklist.tally import Tally, tally

LOOK_EVERY = timedelta(minutes=10)
"""How often "Last look" is written when nothing else is."""
LOOK_QUIET = timedelta(days=1)
"""The same while nobody has touched the release for an hour."""


def status_of(view: View, states: Mapping[str, State]) -> Status:
    """The status that the states add up to, before any ending."""
    if may_close(states, view.manifest):
        return Status.READY_TO_CLOSE
    deploy = view.history.deploy
    if deploy is not None and deploy.stands:
        return Status.DEPLOYED
    gate = next((gate for gate in view.manifest.template.gates if gate.name == "deploy"), None)
    if gate is not None and _settled(view, states, gate.sections):
        return Status.READY_TO_DEPLOY
    return Status.PREPARING


def _settled(view: View, states: Mapping[str, State], sections: tuple[str, ...]) -> bool:
    return all(states[i.id].settled for i in view.manifest.items if i.section in sections and i.required)


def may_close(states: Mapping[str, State], manifest: Manifest) -> bool:
    """Whether every required check is settled."""
    return all(states[item.id].settled for item in manifest.items if item.required)


def deciders(view: View, states: Mapping[str, State]) -> list[str]:
    """The names of those who waived something."""
    waived = (view.history.check(item).choosing for item, s in states.items() if s.result is Result.WAIVED)
    return [(c.by.name or c.by.id) for c in waived if c is not None and c.by is not None]


def count(view: View, states: Mapping[str, State]) -> Tally:
    """What the release rests on."""
    ungated = [run.break_glass for run in view.history.runs if run.break_glass]
    return tally(view.manifest, states, view.rows, deciders(view, states), ungated)


class ReleasePage:
    """The release's own page, written when its status changes, and now and then to show that we look."""

    def __init__(self, bench: Bench, release: Release) -> None:
        self._bench = bench
        self._release = release

    async def show(self, view: View, states: Mapping[str, State]) -> None:
        """Write the page if its status changed, or if nothing was written there for ten minutes."""
        release, now = self._release, self._bench.clock()
        if view.place is not Place.HERE or release.history.sealed is not None:
            return
        status = status_of(view, states)
        if status is not release.history.status:
            release.record("status", {"status": status.value})
        page, looked = release.mirror.page, release.mirror.looked or release.manifest.created
        waiting = waits_for(asked(page), release.manifest, release.history, states, self._bench.workspace.lang)
        told = page is not None and page.status == status.value and page.made_of.partition(MARK)[2] == waiting
        # Where somebody has chosen an ending that waits, what they do about it is not to wait a day.
        every = LOOK_QUIET if is_quiet(release.history, now) and asked(page) is None else LOOK_EVERY
        # A clock that was set back must not put the next look off.
        if told and timedelta() <= now - looked < every:
            return
        await self.write(self._values(view, states, status, waiting))
        release.mirror.looked = now

    async def write(self, values: Values) -> None:
        """Write columns of the page and remember what Notion answered."""
        body = {"properties": release_properties(values, self._bench.workspace)}
        self._bench.written += 1
        answer = await self._bench.notion.patch(f"pages/{self._release.manifest.page_id}", body)
        self._release.mirror.page = parse_release(answer, self._bench.workspace)

    def _values(self, view: View, states: Mapping[str, State], status: Status, waiting: str) -> Values:
        lang, history = self._bench.workspace.lang, view.history
        values: Values = {
            "status": status.value,
            "made_of": count(view, states).line(lang) + (MARK + waiting if waiting else ""),
            "operator": tuple(person.id for person in history.people)[:100],
            "last_look": minute(view.now),
        }
        first = min((c.tick.at for c in history.checks.values() if c.tick is not None), default=None)
        if first is not None:
            values["started"] = minute(first)
        return values

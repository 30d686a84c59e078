"""When the machine is looked at again: what is due now, and what will be. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ultra_checklist.check_history import CheckHistory
from ultra_checklist.history import History
from ultra_checklist.model import Item, Outcome
from ultra_checklist.states import Look, State

MAX_AGE = 15 * 60.0
"""Seconds for which a pass is believed while people work on the release."""
QUIET_AGE = 6 * 3600.0
"""The same while nobody has touched the release for an hour and no deploy has started."""
QUIET_AFTER = timedelta(hours=1)
FREE_LOOKS = 10
"""Failing looks that are repeated at every pass, before the back-off begins."""
BACK_OFF = (30.0, 60.0, 120.0, 300.0)
WINDOW_LOOK = 60.0
"""Seconds after which a window that still runs is judged again."""


def due(
    items: Iterable[Item], states: Mapping[str, State], looks: Mapping[str, datetime], now: datetime
) -> list[Item]:
    """The items whose probes must run now."""
    return [item for item in items if item.probes and _is_due(states[item.id], looks.get(item.id), now)]


def next_look(item: Item, check: CheckHistory, history: History, now: datetime) -> datetime:
    """When the probes of an item that was just proved are due again."""
    if check.proof is None:
        return now
    if check.proof.outcome is Outcome.PASS:
        age = timedelta(seconds=_max_age(item, history, now))
        # What other machines say has been on its way for a while.
        on_its_way = any(line.host for line in check.proof.lines) and timedelta() <= now - check.proof.at < age
        return (check.proof.at if on_its_way else now) + age
    if check.proof.window_running:
        return now + timedelta(seconds=WINDOW_LOOK)
    step = check.failures - FREE_LOOKS
    wait = 0.0 if step <= 0 else BACK_OFF[min(step, len(BACK_OFF)) - 1]
    return now + timedelta(seconds=wait)


def _is_due(state: State, look: datetime | None, now: datetime) -> bool:
    if state.look is Look.NEVER:
        return False
    return state.look is Look.NOW or look is None or look <= now


def is_quiet(history: History, now: datetime) -> bool:
    """Whether nobody has touched the release for an hour, and no deploy has started."""
    newest = max((c.tick.at for c in history.checks.values() if c.tick is not None), default=None)
    return not history.deploys and (newest is None or not timedelta() <= now - newest < QUIET_AFTER)


def _max_age(item: Item, history: History, now: datetime) -> float:
    if item.max_age is not None:
        return item.max_age
    return QUIET_AGE if is_quiet(history, now) else MAX_AGE

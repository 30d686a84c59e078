"""When a request is sent again, and when Notion is left alone. Pure: no I/O and no clock of its own.

Times are seconds of a clock that only goes forward and is the same for all processes of this machine.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import Field

from ultra_checklist.model import Frozen
from ultra_checklist.notion.pacing import Rate

ATTEMPTS: Final = 3
"""How often one request is sent at most."""
BREAK_AT: Final = 5
"""Failures in a row after which Notion is left alone but for one request a pass."""
BUDGET: Final = 20.0
"""Repeats that one pass may spend, of those turned away and of those that failed, each apart."""
REFUND: Final = 0.1
"""What an answer gives back: one repeat for ten answers, as gRPC's retry throttling does (gRFC A6)."""
_BACK_OFF: Final = (0.5, 2.0)


class Trouble(StrEnum):
    """What a request without a usable answer means."""

    PERMANENT = "permanent"
    """Refused, and it would be refused again."""
    LIMITED = "limited"
    """Turned away before anything was done: too many requests, or an overload."""
    UNDONE = "undone"
    """Nothing was done: never sent, or rolled back."""
    UNSURE = "unsure"
    """It may have been done."""


@dataclass(frozen=True)
class Failure:
    """One attempt that brought no usable answer."""

    trouble: Trouble
    wait: float | None = None
    """Seconds that Notion asks for (Retry-After), None where it asks for nothing."""
    blocked: bool = False
    """Notion has blocked the integration: not to be tried again."""


class Memory(Frozen):
    """What must outlive a process: how long to leave Notion alone, and what was learned of its rate."""

    until: float = 0.0
    """No request before this time."""
    waits: float = 0.0
    """How long that wait was when it began: after a restart of the machine its clock begins anew."""
    failures: int = 0
    """Failures in a row."""
    rate: Rate = Field(default_factory=Rate)


class Retries:
    """Decides for one process; a pass begins with ``begin``."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.begin()

    def begin(self) -> None:
        """A new pass: fresh budgets, and one trial request where Notion had stopped to answer."""
        self._budgets = {Trouble.LIMITED: BUDGET, Trouble.UNSURE: BUDGET}
        self._trial = self.broken

    @property
    def broken(self) -> bool:
        """Whether Notion has failed so often in a row that it is left alone."""
        return self.memory.failures >= BREAK_AT

    def may_send(self) -> bool:
        """Whether a request may go out now; where Notion had stopped to answer, only one may, in a pass."""
        if not self.broken:
            return True
        allowed, self._trial = self._trial, False
        return allowed

    def rest(self, now: float) -> float:
        """Seconds until the next request may be sent."""
        return min(max(0.0, self.memory.until - now), self.memory.waits)

    def answered(self) -> None:
        """Notion has answered."""
        if self.memory.failures:
            self._learn(failures=0)
        for trouble, left in self._budgets.items():
            self._budgets[trouble] = min(BUDGET, left + REFUND)

    def failed(self, failure: Failure, now: float, *, attempt: int, repeatable: bool) -> float | None:
        """Seconds to wait before the request is sent again; None: it is given up.

        ``repeatable`` says that doing it twice is doing it once.
        """
        if failure.wait is not None:
            until = max(now + self.rest(now), now + failure.wait)
            self._learn(until=until, waits=until - now)
        self._count(failure, repeatable)
        if failure.trouble is Trouble.PERMANENT or attempt >= ATTEMPTS or self.broken:
            return None
        if failure.trouble is Trouble.UNSURE and not repeatable:
            return None
        kind = Trouble.LIMITED if failure.trouble is Trouble.LIMITED else Trouble.UNSURE
        if self._budgets[kind] < 1:
            return None
        self._budgets[kind] -= 1
        return max(failure.wait or 0.0, 0.0 if failure.wait is not None else _BACK_OFF[attempt - 1])

    def _count(self, failure: Failure, repeatable: bool) -> None:
        """What is not repeatable and unsure is looked for afterwards: that look tells whether Notion answers."""
        if failure.blocked:
            self._learn(failures=max(BREAK_AT, self.memory.failures))
        elif failure.trouble is Trouble.UNDONE or (failure.trouble is Trouble.UNSURE and repeatable):
            self._learn(failures=self.memory.failures + 1)
        elif failure.trouble is Trouble.PERMANENT and self.memory.failures:
            self._learn(failures=0)

    def limited(self, rate: Rate) -> None:
        """Remember a rate that was learned."""
        self._learn(rate=rate)

    def _learn(self, **changes: object) -> None:
        self.memory = self.memory.model_copy(update=changes)

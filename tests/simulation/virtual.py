"""Time that passes only when nobody has anything to do, and processes that can be killed at any step."""

import asyncio
import selectors
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGIN = datetime(2026, 11, 24, 9, 0, 17, tzinfo=UTC)
"""When every story begins."""


class Killed(BaseException):
    """SIGKILL: the process does nothing from now on."""


class _Skip(selectors.DefaultSelector):
    """Instead of waiting for the next timer, go there."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        self.loop.moment += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps from timer to timer."""

    def __init__(self) -> None:
        self.moment = 0.0
        skip = _Skip()
        super().__init__(skip)
        skip.loop = self

    def time(self) -> float:
        return self.moment


def run(main: Coroutine[Any, Any, Any], loop: VirtualLoop) -> Any:
    """Run a coroutine to its end in virtual time."""
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)


@dataclass
class Host:
    """A machine with a state folder, a disk that may fail and a clock that may be wrong."""

    name: str
    home: Path
    loop: VirtualLoop
    offset: timedelta = timedelta()
    disk_full: bool = False
    disk_errors: float = 0.0
    """Probability of EIO, a write."""
    world: dict[str, str] = field(default_factory=dict)
    """What probes would find here, by switch."""
    locks: dict[Path, "Process"] = field(default_factory=dict)

    def now(self) -> datetime:
        """The time by this machine's clock."""
        return BEGIN + timedelta(seconds=self.loop.moment) + self.offset

    def steady(self) -> float:
        """Seconds since this machine started."""
        return 1000.0 + self.loop.moment


@dataclass
class Process:
    """One run of a command. Every contact with the outside is a step; it dies before or after one of them."""

    host: Host
    name: str
    kill_at: int | None = None
    steps: int = 0
    dead: bool = False
    killed: bool = False
    failed: bool = False
    """It ended because its state folder could not be written."""
    trail: list[str] = field(default_factory=list)

    def step(self, what: str) -> None:
        """Count a step. Raises Killed when this is the one, and for ever after."""
        if self.dead:
            raise Killed
        self.steps += 1
        self.trail.append(what)
        if self.steps == self.kill_at:
            self.killed = True
            self.die()
            raise Killed

    def die(self) -> None:
        """Stop for good; the system frees the locks."""
        self.dead = True
        for path in [path for path, holder in self.host.locks.items() if holder is self]:
            del self.host.locks[path]


current: ContextVar[Process] = ContextVar("process")

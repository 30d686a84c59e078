"""Probes that look at a simulated machine, and send to a simulated outside."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

from tests.simulation.virtual import current
from ultra_checklist import plugins
from ultra_checklist.errors import HookFailed, ProbeCannotTell
from ultra_checklist.model import Effect, Outcome, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe
from ultra_checklist.terminal import Ended


@dataclass(frozen=True)
class Run:
    """A probe that ran to its end, or that sent something."""

    host: str
    switch: str
    started: float
    ended: float
    outcome: str


@dataclass
class Deploy:
    """The deploy's script that ran on a machine."""

    host: str
    started: float
    ended: float | None = None
    code: int | None = None
    """Its exit code; None: whoever ran it was killed meanwhile."""
    filed: bool = False
    """Whoever ran it has lived to file that."""


@dataclass
class Ledger:
    """All that probes and scripts did, as the outside saw it."""

    runs: list[Run] = field(default_factory=list)
    sent: list[tuple[str, float]] = field(default_factory=list)
    """Switch and time of each message that left."""
    told: list[tuple[str, str]] = field(default_factory=list)
    """Name and idempotency key of each hook that was run to its end."""
    deploys: list[Deploy] = field(default_factory=list)

    def clear(self) -> None:
        """Nothing has happened yet."""
        for happened in (self.runs, self.sent, self.told, self.deploys):
            happened.clear()


LEDGER = Ledger()


class SwitchOptions(Options):
    switch: str


class Switch(Observation):
    position: str


class SwitchProbe(Probe[SwitchOptions, Switch]):
    """Looks at a switch of the machine that it runs on: pass, fail, unknown, crash or hang."""

    name: ClassVar[str] = "switch"
    summary: ClassVar[Words] = Words.same("a simulated switch")
    options_model: ClassVar[type[Options]] = SwitchOptions
    observation_model: ClassVar[type[Observation]] = Switch

    async def observe(self, context: Context) -> Switch:
        host = current.get().host
        started = host.loop.time()
        await asyncio.sleep(0.2)
        position = host.world.get(self.options.switch, "pass")
        if position == "hang":
            await asyncio.sleep(3600.0)
        current.get().step(f"probe {self.options.switch}")
        LEDGER.runs.append(Run(host.name, self.options.switch, started, host.loop.time(), position))
        if position == "unknown":
            raise ProbeCannotTell("dark", "it is dark", "暗い")
        if position == "crash":
            raise ZeroDivisionError
        return Switch(position=position)

    def judge(self, seen: Switch) -> Verdict:
        outcome = Outcome.PASS if seen.position == "pass" else Outcome.FAIL
        return Verdict(outcome=outcome, reason=seen.position, facts={"position": seen.position})


class MessageProbe(SwitchProbe):
    """Sends a message; the switch says whether it arrived."""

    name: ClassVar[str] = "message"
    effect: ClassVar[Effect] = "message"

    async def observe(self, context: Context) -> Switch:
        current.get().step(f"before send {self.options.switch}")
        LEDGER.sent.append((self.options.switch, current.get().host.loop.time()))
        return await super().observe(context)


class Script:
    """Stands in for the pseudo-terminal: the script says a word and ends with the code of its environment."""

    def __init__(
        self, argv: Sequence[str], take: Callable[[bytes], object], *, environment: Mapping[str, str], **_more: Any
    ) -> None:
        self._argv = argv
        self._take = take
        self._code = int(environment["code"])

    def run(self) -> Ended:
        """Run it to its end."""
        self._take(b"done\n")
        return Ended(self._code)


async def _sink(name: str, payload: dict[str, Any]) -> None:
    """A hook: somebody out there takes a message; a switch of the machine says whether they do."""
    process = current.get()
    process.step(f"before hook {name}")
    await asyncio.sleep(0.3)
    if process.host.world.get(f"hook {name}", "pass") != "pass":
        raise HookFailed("nobody there", "誰もいません")
    LEDGER.told.append((name, payload["idempotency_key"]))
    process.step(f"after hook {name}")


async def bell(payload: dict[str, Any]) -> None:
    """A hook of the simulated outside."""
    await _sink("bell", payload)


async def horn(payload: dict[str, Any]) -> None:
    """Another one."""
    await _sink("horn", payload)


@contextmanager
def installed() -> Iterator[None]:
    """The simulated families are there while this holds."""
    known = plugins.names(plugins.PROBES)
    hooks = plugins.names(plugins.HOOKS)
    here = {"switch": "SwitchProbe", "message": "MessageProbe"}
    for name in ("bell", "horn"):
        hooks[name] = EntryPoint(name, f"{__name__}:{name}", plugins.HOOKS)
    for name, family in here.items():
        known[name] = EntryPoint(name, f"{__name__}:{family}", plugins.PROBES)
    try:
        yield
    finally:
        for name in here:
            del known[name]
        for name in ("bell", "horn"):
            del hooks[name]

"""Probe families for tests of the engine: one that looks again and again, one that sends a message with a code."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

from ultra_checklist import plugins
from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Effect, Outcome, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, passed, unknown


class MeterOptions(Options):
    path: str
    every: float = 60.0
    lasts: float | None = None
    wanted: int = 2


class Told(Observation):
    text: str
    past: tuple[str, ...] = ()
    at: tuple[datetime, ...] = ()


class MeterProbe(Probe[MeterOptions, Told]):
    """Reads a file; passes once it has been read so many times. Words in steps of two."""

    name: ClassVar[str] = "meter"
    summary: ClassVar[Words] = Words.same("a file that is read again and again")
    options_model: ClassVar[type[Options]] = MeterOptions
    observation_model: ClassVar[type[Observation]] = Told

    @property
    def sample_every(self) -> float | None:
        return self.options.every

    @property
    def sample_for(self) -> float | None:
        return self.options.lasts

    async def observe(self, context: Context) -> Told:
        path = Path(self.options.path)
        if not path.exists():
            raise ProbeCannotTell("gone", "it is gone", "ありません")
        text = path.read_text()
        if text == "hang":
            await asyncio.sleep(3600)
        past = tuple(s.seen.text if isinstance(s.seen, Told) else s.reason for s in context.samples)
        return Told(text=text, past=past, at=tuple(s.at for s in context.samples))

    def judge(self, seen: Told) -> Verdict:
        if seen.text == "broken":
            return Verdict(outcome=Outcome.FAIL, reason="broken")
        if seen.text == "blind":
            return unknown("gap", Words.same("nobody looked"))
        if len(seen.past) >= self.options.wanted:
            return passed("read", seen=Words.same(" ".join(seen.past)))
        steps = len(seen.past) // 2 * 2
        return unknown(
            "window-running", Words.same("it runs"), seen=Words.same(f"{steps} of {self.options.wanted}")
        )


class SenderOptions(Options):
    path: str
    codes: list[str]


class Sent(Observation):
    code: str
    number: int


class SenderProbe(Probe[SenderOptions, Sent]):
    """Appends the next of its codes to a file."""

    name: ClassVar[str] = "sender"
    summary: ClassVar[Words] = Words.same("a message with a code")
    options_model: ClassVar[type[Options]] = SenderOptions
    observation_model: ClassVar[type[Observation]] = Sent
    effect: ClassVar[Effect] = "message"

    async def observe(self, context: Context) -> Sent:
        path = context.path(self.options.path)
        sent = path.read_text().split() if path.exists() else []
        code = self.options.codes[len(sent)]
        path.write_text(" ".join([*sent, code]))
        return Sent(code=hashlib.sha256(code.encode()).hexdigest(), number=len(sent) + 1)

    def judge(self, seen: Sent) -> Verdict:
        verdict = passed("accepted", seen=Words.same(f"message {seen.number} accepted"))
        return verdict.model_copy(update={"answer": seen.code})


@contextmanager
def installed() -> Iterator[None]:
    """The families are there while this holds."""
    known = plugins.names(plugins.PROBES)
    here = {"meter": "MeterProbe", "sender": "SenderProbe"}
    known |= {name: EntryPoint(name, f"{__name__}:{family}", plugins.PROBES) for name, family in here.items()}
    try:
        yield
    finally:
        for name in here:
            del known[name]

"""Logs in which something is wrong since the deploy began: on each of them the probe ``log`` must fail.

They are files, whatever the options read: how lines are read and counted is the same for all sources.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultra_checklist.model import Words
from ultra_checklist.probes.base import Context, Probe, Stage, Twin
from ultra_checklist.probes.loglines import Kind

if TYPE_CHECKING:
    from ultra_checklist.probes.log import LogProbe

_STAMP = "2026-01-01 00:00:00,000"
_TRACE = f"""{_STAMP} ERROR twin: it failed
Traceback (most recent call last):
  File "/srv/twin.py", line 1, in work
    raise RuntimeError("twin")
RuntimeError: twin
"""


def twins(probe: "LogProbe") -> Iterator[Twin]:
    """The same stack trace again and again, a fatal line, and too many errors of many kinds."""
    from ultra_checklist.probes.log import LogSeen

    options = probe.options
    words = Words(
        en=f"a stack trace {options.consecutive} times", ja=f"同じスタックトレース {options.consecutive} 回"
    )
    yield Twin(words, stage=_at(probe, _TRACE * options.consecutive))
    if options.fatal_levels:
        level = options.fatal_levels[0].upper()
        yield Twin(Words.same(f"{level} twin"), stage=_at(probe, f"{_STAMP} {level} twin\n"))
    most = options.max_total + 1
    kind = Kind(id="twin", first="ERROR twin", where="twin", count=most)
    seen = LogSeen(where="twin", at=1.0, since=0.0, lines=most, kinds=[kind])
    yield Twin(Words(en=f"{most} errors far apart", ja=f"間隔の空いたエラー {most} 件"), seen=seen)


def _at(probe: "LogProbe", text: str) -> Stage:
    """A stage: a log that was one line long as the deploy began, and to which this was written since."""

    @asynccontextmanager
    async def stage(folder: Path, context: Context) -> AsyncIterator[tuple[Probe[Any, Any], Context]]:
        path = folder / "twin.log"
        path.write_text(f"{_STAMP} INFO twin: started\n")
        there = probe.like(file=str(path), unit=None, container=None, user=False, journal="")
        before = await there.observe(context)
        with path.open("a") as file:
            file.write(text)
        yield there, replace(context, baseline=before)

    return stage

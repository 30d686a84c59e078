"""What other machines have found, as it may be kept here: without our secrets, no pass where the clock is wrong."""

from collections.abc import Callable
from typing import Final

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.hosts.book import Asked
from ultra_checklist.hosts.carriers import NOBODY
from ultra_checklist.hosts.tasks import Found, SealBroken
from ultra_checklist.model import NOTHING, Finding, Outcome, Words
from ultra_checklist.probes.base import unknown

CLOCKS: Final = 60.0
"""Seconds by which another machine's clock may differ: its logs and files are compared with deploys of ours."""
Clean = Callable[[Finding], Finding]


def findings(asked: Asked, clean: Clean, *, dated: bool) -> list[Finding]:
    """All that a host has answered to a task."""
    found = asked.answer.found if asked.answer is not None else ()
    return [arrived(asked, one, clean, dated=dated) for one in found] or [unheard(asked, _EMPTY, NOTHING)]


def arrived(asked: Asked, found: Found, clean: Clean, *, dated: bool) -> Finding:
    """One finding; ``clean`` takes out what is secret here. ``dated``: it rests on that machine's clock."""
    head = asked.answer.head if asked.answer is not None else ""
    try:
        finding = found.finding(asked.task.host, head)
    except SealBroken:
        finding = found.model_copy(update={"material": ""}).finding(asked.task.host, head)
    off = _off(asked, found) if dated else 0.0
    if off and finding.verdict.outcome is Outcome.PASS:
        told = _CLOCK.filled(seconds=f"{abs(off):.0f}", way=_AHEAD if off > 0 else _BEHIND)
        finding = finding.model_copy(update={"verdict": unknown("clock-differs", told, remedy=_SET_CLOCK)})
    return clean(finding)


def trouble(asked: Asked, error: ProbeCannotTell | None, clean: Clean) -> dict[str, Words]:
    """What is kept of why a host could not be asked; other machines have their words in it."""
    if error is None:
        return {"trouble": NOTHING, "remedy": NOTHING}
    told = clean(unheard(asked, error.message, error.remedy)).verdict
    return {"trouble": told.sentence, "remedy": told.remedy}


def unheard(asked: Asked, why: Words, remedy: Words) -> Finding:
    """In place of what a host would have found."""
    host = asked.task.host
    verdict = unknown("host-silent", why, remedy=remedy)
    return Finding(probe=NOBODY, verdict=verdict, started=asked.task.issued, seconds=0.0, host=host)


def _off(asked: Asked, found: Found) -> float:
    """Seconds by which a host's clock is ahead, below 0 behind; 0: not by more than it may be.

    It has looked after it was asked, and before its answer came.
    """
    ahead = (found.started - (asked.heard or asked.task.issued)).total_seconds()
    behind = (asked.task.issued - found.started).total_seconds()
    return ahead if ahead > CLOCKS else -behind if behind > CLOCKS else 0.0


_CLOCK = Words(
    en="its clock is {seconds} s {way} this machine's", ja="時計がこのマシンより {seconds} 秒{way}います"
)
_AHEAD = Words(en="ahead of", ja="進んで")
_BEHIND = Words(en="behind", ja="遅れて")
_SET_CLOCK = Words(
    en="sudo timedatectl set-ntp true, and see: timedatectl",
    ja="sudo timedatectl set-ntp true を実行し、timedatectl で確認してください",
)
_EMPTY = Words(en="has looked at nothing", ja="何も確認していません")

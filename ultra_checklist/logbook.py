"""What outlives one pass of the worker: counters, and which errors were said when. Truth stays in the journals.

An error that stays is said once, then once an hour with how often it came; then once that it is over.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from ultra_checklist import disk
from ultra_checklist.errors import NotionError, UltraChecklistError
from ultra_checklist.model import Frozen, digest
from ultra_checklist.words import Words

AGAIN = timedelta(hours=1)
FORGOTTEN = timedelta(days=1)
"""What was not seen for so long is news when it comes again."""
Group = Literal["pass", "problem", "heartbeat", "metrics"]
Outcome = Literal["idle", "worked", "failed"]
_VARYING = re.compile(r"\d{4}-\d{2}-\d{2}T?|\d{1,2}:\d{2}(:\d{2})?|\d+(?= (times|s\b))|(?<=（)\d+(?= 回)")


class Trouble(Frozen):
    """An error since it came first."""

    group: Group
    since: datetime
    seen: datetime
    said: datetime
    count: int


class Figures(Frozen):
    """An open release in numbers."""

    results: dict[str, int] = Field(default_factory=dict)
    """Checks by result; ``open``: they have none."""
    due: int = 0
    """Checks whose probes are due."""


class Done(Frozen):
    """A pass in numbers."""

    outcome: Outcome
    at: datetime
    seconds: float
    requests: int = 0
    limited: int = 0
    """Requests that were turned away because there were too many."""
    writes: int = 0
    verdicts: dict[str, int] = Field(default_factory=dict)
    releases: dict[str, Figures] | None = None
    """Open releases by key; None: they could not be looked at."""


class LogbookFile(Frozen):
    """The logbook as it is stored."""

    passes: dict[str, int] = Field(default_factory=dict)
    requests: int = 0
    limited: int = 0
    writes: int = 0
    verdicts: dict[str, int] = Field(default_factory=dict)
    last: Done | None = None
    succeeded: datetime | None = None
    releases: dict[str, Figures] = Field(default_factory=dict)
    troubles: dict[str, Trouble] = Field(default_factory=dict)


def read(home: Path, *, local: bool) -> LogbookFile:
    """What the worker of a state folder has noted; nothing where it has not looked yet."""
    try:
        return LogbookFile.model_validate_json(path_of(home, local=local).read_bytes())
    except (OSError, ValidationError):
        return LogbookFile()


def path_of(home: Path, *, local: bool) -> Path:
    """Where it lies: the local Notion has its own."""
    return home / ("logbook-local.json" if local else "logbook.json")


class Logbook:
    """The logbook of one state folder; changed in memory, stored by ``save``."""

    def __init__(self, home: Path, clock: Callable[[], datetime], *, local: bool = False) -> None:
        self._home = home
        self._local = local
        self._clock = clock
        self.file = read(home, local=local)

    def again(self) -> None:
        """Read it again: another process may have passed meanwhile."""
        self.file = read(self._home, local=self._local)

    def save(self) -> None:
        """Store it. Raises StateError."""
        disk.replace(path_of(self._home, local=self._local), self.file.model_dump_json().encode())

    def passed(self, done: Done) -> None:
        """A pass has ended."""
        file = self.file
        self.file = file.model_copy(
            update={
                "passes": _added(file.passes, {done.outcome: 1}),
                "requests": file.requests + done.requests,
                "limited": file.limited + done.limited,
                "writes": file.writes + done.writes,
                "verdicts": _added(file.verdicts, done.verdicts),
                "last": done,
                "succeeded": file.succeeded if done.outcome == "failed" else done.at,
                "releases": file.releases if done.releases is None else done.releases,
            }
        )

    def trouble(self, group: Group, what: str) -> tuple[Trouble, bool]:
        """Something went wrong: since when and how often, and whether that is to be said now."""
        now, key = self._clock(), digest([group, _VARYING.sub("#", what)])[:16]
        known = self.file.troubles.get(key)
        # A clock that was set back must not silence anything.
        if known is None or not timedelta() <= now - known.seen < FORGOTTEN:
            found, news = Trouble(group=group, since=now, seen=now, said=now, count=1), True
        else:
            news = not timedelta() <= now - known.said < AGAIN
            update = {"seen": now, "count": known.count + 1, "said": now if news else known.said}
            found = known.model_copy(update=update)
        self._set({**self.file.troubles, key: found})
        return found, news

    def over(self, group: Group) -> Trouble | None:
        """All is well with what the group is about: what had been wrong, if anything."""
        ours = [trouble for trouble in self.file.troubles.values() if trouble.group == group]
        self._set({key: one for key, one in self.file.troubles.items() if one.group != group})
        if not ours:
            return None
        return ours[0].model_copy(
            update={"since": min(one.since for one in ours), "count": sum(one.count for one in ours)}
        )

    def _set(self, troubles: Mapping[str, Trouble]) -> None:
        now = self._clock()
        kept = {key: one for key, one in troubles.items() if now - one.seen < FORGOTTEN}
        self.file = self.file.model_copy(update={"troubles": kept})


def told_apart(error: UltraChecklistError) -> str:
    """What makes an error another one: of Notion its answer, whatever was asked."""
    kind = type(error).__name__
    return f"{kind} {error.status} {error.code}" if isinstance(error, NotionError) else f"{kind} {error.message.en}"


def since(trouble: Trouble) -> str:
    """The time of the first one, as people at this machine read it."""
    return trouble.since.astimezone().strftime("%Y-%m-%d %H:%M")


def repeated(trouble: Trouble) -> Words:
    """That it is not the first one."""
    return _REPEATED.filled(n=str(trouble.count), since=since(trouble))


def recovered(trouble: Trouble) -> Words:
    """That it is over."""
    count = _FAILURE if trouble.count == 1 else _FAILURES.filled(n=str(trouble.count))
    return _RECOVERED[trouble.group].filled(n=count, since=since(trouble))


def _added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {key: counts.get(key, 0) + more.get(key, 0) for key in sorted({*counts, *more})}


_REPEATED = Words(en="{n} times since {since}", ja="{since} 以降 {n} 回目")
_FAILURE = Words(en="1 failure", ja="1 回")
_FAILURES = Words(en="{n} failures", ja="{n} 回")
_RECOVERED: Mapping[str, Words] = {
    "pass": Words(en="works again after {n} since {since}", ja="復旧しました（{since} 以降 {n}失敗していました）"),
    "heartbeat": Words(
        en="the heartbeat works again after {n} since {since}",
        ja="ハートビートが復旧しました（{since} 以降 {n}失敗していました）",
    ),
    "metrics": Words(
        en="the metrics file can be written again after {n} since {since}",
        ja="メトリクスファイルに再び書き込めました（{since} 以降 {n}失敗していました）",
    ),
}

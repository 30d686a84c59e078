"""One pass of the worker: one query over all open releases, then each release is reconciled.

A pass in which nothing changed is one request and no write.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from ultra_checklist import disk
from ultra_checklist.bench import Bench, Report
from ultra_checklist.errors import NotionError
from ultra_checklist.model import Frozen
from ultra_checklist.notion.client import Json
from ultra_checklist.notion.rows import Row, parse_row
from ultra_checklist.release import Release
from ultra_checklist.roster import Roster

if TYPE_CHECKING:
    from ultra_checklist.turn import Turn

_SENDING = 20
"""Turns of the loop in which a question is sent; where it is not by then, it waits for some milliseconds."""
OVERLAP = timedelta(minutes=5)
"""Notion floors edit times to the minute, and its index may lag: look back this far."""


class Since(Frozen):
    """What the last pass has seen of Notion."""

    seen: datetime | None = None
    """Notion's clock at the query of the last pass that was worked off."""
    open: tuple[str, ...] = Field(default_factory=tuple)
    """Keys of the releases that were open then."""


class Pass:
    """One look at everything. ``only`` restricts it to one release's key; it may last so many ``seconds``."""

    def __init__(
        self,
        bench: Bench,
        home: Path,
        *,
        secrets: Iterable[str] = (),
        close_after: float = 600.0,
        only: str | None = None,
        seconds: float | None = None,
    ) -> None:
        self._bench = bench
        self._home = home
        self._secrets = tuple(secrets)
        self._close_after = close_after
        self._only = only
        self._seconds = seconds
        self._path = home / ("since-local.json" if bench.workspace.local else "since.json")

    async def run(self) -> Report:
        """Do the pass; what was done stands, whatever comes.

        Raises NotionError when Notion cannot be reached, DeadlineError when time ran out, UsageError naming
        the column that somebody deleted.
        """
        self._bench.notion.begin(self._seconds)
        try:
            return await self._run()
        except NotionError as error:
            if error.status == 400:
                from ultra_checklist.turn import name_missing_columns

                await name_missing_columns(self._bench)
            raise

    async def _run(self) -> Report:
        bench = self._bench
        first_request = bench.notion.requests
        hosts = frozenset({"", bench.label or bench.machine.name})
        local = bench.workspace.local
        roster = Roster(self._home, local=local, clock=bench.clock, hosts=hosts, is_due=self._is_due)
        keys = [one.key for one in roster.standings if one.open and self._only in (None, one.key)]
        report = Report(releases=len(keys), damaged=list(roster.damaged))
        if any(one.deployed for one in roster.standings if one.key in keys):
            await self._turn(roster, keys, report).sample()
        since = self._since()
        (changed, seen), _ = await asyncio.gather(self._changed(since, keys, roster), _ready())
        report.news = len(changed)
        still_open = await self._turn(roster, keys, report).take(changed)
        if bench.inbox is not None and self._only is None:
            given = await bench.inbox.run()
            report.answered = given.answers
            report.news += given.answers
            report.problems += given.problems
        if seen is not None and self._only is None:
            disk.replace(self._path, Since(seen=seen, open=still_open).model_dump_json().encode())
        report.requests, report.writes = bench.notion.requests - first_request, bench.written
        return report

    def _is_due(self, release: Release) -> bool:
        from ultra_checklist.announce import is_due

        return is_due(self._bench, release)

    def _turn(self, roster: Roster, keys: Sequence[str], report: Report) -> "Turn":
        from ultra_checklist.turn import Turn

        return Turn(
            self._bench,
            self._home,
            roster,
            keys,
            report,
            secrets=self._secrets,
            close_after=self._close_after,
            only=self._only,
            seconds=self._seconds,
        )

    async def _changed(
        self, since: Since, keys: Sequence[str], roster: Roster
    ) -> tuple[dict[str, Row], datetime | None]:
        """Rows that may say something new, by page id, and Notion's clock when they were asked for."""
        bench = self._bench
        found: dict[str, Row] = {}
        seen: datetime | None = None
        async for page in bench.notion.query(bench.workspace.checks, filter=self._filter(since, keys)):
            seen = seen or bench.notion.server_time
            row = parse_row(page, bench.workspace)
            if roster.may_matter(row):
                found[row.page_id] = row
        return found, seen or bench.notion.server_time

    def _filter(self, since: Since, keys: Sequence[str]) -> Json:
        """The one query: what was edited lately, and every row on which people wait for us."""
        ids = self._bench.workspace.check_ids
        live = {"property": ids["live"], "checkbox": {"equals": True}}
        lost = not set(keys).issuperset(since.open) if self._only is None else False
        if since.seen is None or lost:
            return live
        done = {"property": ids["done"], "checkbox": {"equals": True}}
        not_done = {"property": ids["done"], "checkbox": {"equals": False}}
        decided = {"property": ids["decision"], "select": {"is_not_empty": True}}
        undecided = {"property": ids["decision"], "select": {"is_empty": True}}
        no_result = {"property": ids["result"], "select": {"is_empty": True}}
        result = {"property": ids["result"], "select": {"is_not_empty": True}}
        noted = {"property": ids["note"], "rich_text": {"is_not_empty": True}}
        unsettled = {"property": ids["settled"], "checkbox": {"equals": False}}
        start = (since.seen - OVERLAP).replace(microsecond=0).isoformat()
        return {
            "or": [
                {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": start}},
                {"and": [live, done, no_result]},
                {"and": [live, not_done, undecided, result]},
                {"and": [live, decided, noted, unsettled]},
            ]
        }

    def _since(self) -> Since:
        try:
            return Since.model_validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return Since()


async def _ready() -> None:
    """Import what comes after the answer as soon as the question is on its way, instead of waiting for both."""
    for _ in range(_SENDING):
        await asyncio.sleep(0)
    import_module("ultra_checklist.turn")

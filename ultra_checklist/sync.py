"""One pass of the worker: one query over all open releases, then each release is reconciled.

A pass in which nothing changed is one request and no write.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field, ValidationError

from ultra_checklist import disk
from ultra_checklist.close import Closer
from ultra_checklist.compare import compare
from ultra_checklist.errors import JournalError, NotionError
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Ending, Frozen, Result
from ultra_checklist.notion import schema
from ultra_checklist.notion.client import Json
from ultra_checklist.notion.rows import Row, check_properties, missing_columns, parse_row
from ultra_checklist.prove import Prover
from ultra_checklist.reconcile import Bench, Reconciler
from ultra_checklist.release import Release, open_releases
from ultra_checklist.standing import ReleasePage, may_close
from ultra_checklist.states import Place, State
from ultra_checklist.why import say

OVERLAP = timedelta(minutes=5)
"""Notion floors edit times to the minute, and its index may lag: look back this far."""
COMPARE_EVERY = timedelta(minutes=15)


class Since(Frozen):
    """What the last pass has seen of Notion."""

    seen: datetime | None = None
    """Notion's clock at the query of the last pass that was worked off."""
    open: tuple[str, ...] = Field(default_factory=tuple)
    """Keys of the releases that were open then."""


@dataclass
class Report:
    """What a pass did."""

    releases: int = 0
    requests: int = 0
    writes: int = 0
    problems: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """Keys of the releases whose journal is not whole: their rows were put to "Can't tell"."""


class Pass:
    """One look at everything. ``only`` restricts it to one release's key."""

    def __init__(
        self,
        bench: Bench,
        home: Path,
        *,
        secrets: Iterable[str] = (),
        close_after: float = 600.0,
        only: str | None = None,
    ) -> None:
        self._bench = bench
        self._home = home
        self._secrets = tuple(secrets)
        self._close_after = close_after
        self._only = only
        self._path = home / ("since-local.json" if bench.workspace.local else "since.json")
        self.releases: list[Release] = []
        self._damaged: dict[str, JournalError] = {}

    async def run(self) -> Report:
        """Do the pass; what was done stands, whatever comes.

        Raises NotionError when Notion cannot be reached, UsageError naming the column that somebody deleted.
        """
        try:
            return await self._run()
        except NotionError as error:
            if error.status == 400:
                await self._name_missing_columns()
            raise

    async def _run(self) -> Report:
        bench = self._bench
        first_request = bench.notion.requests
        shelf = Shelf(self._home)
        self.releases = [
            r
            for r in open_releases(
                shelf,
                local=bench.workspace.local,
                clock=bench.clock,
                damaged=self._damaged.__setitem__,
            )
            if self._only in (None, r.manifest.key)
        ]
        since = self._since()
        changed, seen = await self._changed(since)
        report = Report(releases=len(self.releases))
        report.damaged += self._damaged
        report.problems += [f"{error.message}; {error.remedy}" for error in self._damaged.values()]
        for release in self.releases:
            await self._one(release, changed, report)
        await self._strangers(changed, shelf)
        if seen is not None and self._only is None:
            keys = tuple(r.manifest.key for r in self.releases if r.open)
            disk.replace_json(self._path, Since(seen=seen, open=keys).model_dump(mode="json"))
        report.requests, report.writes = bench.notion.requests - first_request, bench.written
        return report

    async def _one(self, release: Release, changed: Mapping[str, Row], report: Report) -> None:
        bench, mirror = self._bench, release.mirror
        if not release.manifest.page_id or len(release.manifest.rows) < len(release.manifest.items):
            report.problems.append(f"{release.manifest.key}: its page is unfinished; run `new` again to finish it")
            return
        prefix = f"{release.manifest.key}/"
        rows = {
            key.removeprefix(prefix): row
            for key, row in changed.items()
            if key.startswith(prefix) and key.removeprefix(prefix) in release.manifest.rows
        }
        rows = {item: row for item, row in rows.items() if _differs(mirror.rows.get(item), row)}
        now = bench.clock()
        complete = all(item in mirror.rows for item in release.manifest.rows)
        if not complete or mirror.compared is None or now - mirror.compared >= COMPARE_EVERY:
            rows = await compare(bench.notion, bench.workspace, release)
            mirror.compared = now
        prover = Prover(release, self._home, self._secrets)
        reconciler = Reconciler(bench, release, prover)
        states = await reconciler.run(rows)
        page = ReleasePage(bench, release)
        await page.show(reconciler.view(), states)
        await self._maybe_close(release, reconciler, states, report)
        mirror.save()

    async def _maybe_close(
        self, release: Release, reconciler: Reconciler, states: Mapping[str, State], report: Report
    ) -> None:
        if reconciler.place is not Place.HERE:
            return
        asked = release.mirror.page.close if release.mirror.page is not None else ""
        ending = Ending(asked) if asked in set(Ending) else None
        closer = Closer(self._bench, release, reconciler, self._home)
        if release.history.sealed is not None:
            await closer.finish()
        elif ending is not None and (ending is not Ending.COMPLETE or may_close(states, release.manifest)):
            reason = release.mirror.page.close_reason if release.mirror.page is not None else ""
            await closer.close(ending, reason)
        elif release.history.ready_at is not None:
            waited = (self._bench.clock() - release.history.ready_at).total_seconds()
            if waited >= self._close_after:
                await closer.close(Ending.COMPLETE, "")
        if not release.open:
            report.closed.append(release.manifest.key)

    async def _changed(self, since: Since) -> tuple[dict[str, Row], datetime | None]:
        """Rows that people may have touched, by key, and Notion's clock when they were asked for."""
        bench = self._bench
        found: dict[str, Row] = {}
        seen: datetime | None = None
        async for page in bench.notion.query(bench.workspace.checks, filter=self._filter(since)):
            seen = seen or bench.notion.server_time
            if missing_columns(page, bench.workspace):
                await self._name_missing_columns()
            row = parse_row(page, bench.workspace)
            found[row.key] = row
        return found, seen or bench.notion.server_time

    async def _name_missing_columns(self) -> None:
        """A refused request mostly means that a column is gone: say which. Raises UsageError."""
        workspace = self._bench.workspace
        for source, columns, ids, title in (
            (workspace.checks, schema.CHECK_COLUMNS, workspace.check_ids, schema.CHECKS_TITLE),
            (workspace.releases, schema.RELEASE_COLUMNS, workspace.release_ids, schema.RELEASES_TITLE),
        ):
            answer = await self._bench.notion.get(f"data_sources/{source}")
            found = schema.match(columns, answer["properties"], ids)
            found.require(title.say(workspace.lang), workspace.lang)

    def _filter(self, since: Since) -> Json:
        """The one query: what was edited lately, and every row on which people wait for us."""
        ids = self._bench.workspace.check_ids
        live = {"property": ids["live"], "checkbox": {"equals": True}}
        keys = {r.manifest.key for r in self.releases}
        lost = not keys.issuperset(since.open) if self._only is None else False
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

    async def _strangers(self, changed: Mapping[str, Row], shelf: Shelf) -> None:
        """Rows of this machine whose release has no manifest or no sound journal here: nobody can stand by them."""
        bench = self._bench
        known = {manifest.key for manifest in shelf.all()} - self._damaged.keys()
        here = {"", bench.label or bench.machine.name}
        for key, row in changed.items():
            release_key = key.rpartition("/")[0]
            claims = row.done or bool(row.decision) or bool(row.result)
            if release_key in known or not row.live or row.in_trash or row.host not in here or not claims:
                continue
            version = release_key.rpartition("/")[2]
            reason = "damaged-journal" if release_key in self._damaged else "no-manifest"
            why = say(reason, bench.workspace.lang, version=version)
            values = {"result": Result.CANNOT_TELL.value, "settled": False, "why": why}
            if any(getattr(row, code) != value for code, value in values.items()):
                bench.written += 1
                body = {"properties": check_properties(values, bench.workspace)}
                await bench.notion.patch(f"pages/{row.page_id}", body)

    def _since(self) -> Since:
        try:
            return Since.model_validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return Since()


def _differs(known: Row | None, row: Row) -> bool:
    return known is None or known.asked != row.asked or known.shown != row.shown or known.in_trash != row.in_trash

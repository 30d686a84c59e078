"""Carries a plan out in Notion: each thing is made once, also when an answer was lost or we were killed.

Notion knows no idempotency key. So the intent is in the journal before the request goes out, every
page carries our Key, and after an unknown answer, or a crash, we look for the Key before trying again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ultra_checklist.errors import NotionError
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Item
from ultra_checklist.notion.client import READ_BACK_BLOCKS, Notion
from ultra_checklist.notion.failures import UnknownOutcome
from ultra_checklist.notion.retry import ATTEMPTS
from ultra_checklist.notion.rows import (
    ReleaseRow,
    Row,
    check_properties,
    parse_release,
    parse_row,
    release_properties,
)
from ultra_checklist.notion.schema import Workspace
from ultra_checklist.plan import ReleasePlan, Values, linked_view
from ultra_checklist.release import Release
from ultra_checklist.words import Words

BATCH = 12
"""Rows that are made side by side before what is known of them is stored."""

Progress = Callable[[int, int], None]


class Creation:
    """Makes a release's page, view and rows, or finishes what an earlier run began."""

    def __init__(
        self,
        notion: Notion,
        workspace: Workspace,
        release: Release,
        plan: ReleasePlan,
        *,
        progress: Progress = lambda _done, _all: None,
    ) -> None:
        self._notion = notion
        self._workspace = workspace
        self._release = release
        self._plan = plan
        self._progress = progress
        self._spent: Counter[str] = Counter()
        """How often each row was asked for without an answer."""

    @property
    def _manifest(self) -> Manifest:
        return self._release.manifest

    async def run(self, *, fresh: bool) -> int:
        """Make what is missing; returns how many things were written.

        ``fresh`` says that the caller has just looked for the release's key and found nothing.
        Raises NotionError when something may be missing still; the next run goes on from there.
        """
        written = 0
        if not self._manifest.page_id:
            written += await self._page()
        written += await self._view()
        written += await self._rows()
        self._release.mirror.compared = self._manifest.created if fresh else self._release.mirror.compared
        self._release.mirror.save()
        return written

    async def _page(self) -> int:
        found = None
        if "page-intended" in self._release.history.steps:
            # A run that was killed may have sent it, and Notion's index may not show it yet.
            found = await self._notion.look_for(self._page_there)
        self._release.record("step", {"step": "page-intended"})
        made = found is None
        if found is None:
            body = {
                "parent": {"type": "data_source_id", "data_source_id": self._workspace.releases},
                "icon": {"type": "emoji", "emoji": "🚀"},
                "properties": release_properties(self._plan.page, self._workspace),
                "children": self._plan.children,
            }
            answer = await self._notion.create_once("pages", body, self._page_there)
            found = answer if isinstance(answer, ReleaseRow) else parse_release(answer, self._workspace)
        self._release.mirror.page = found
        update = {"page_id": found.page_id, "page_url": found.url}
        self._release.replace_manifest(self._manifest.model_copy(update=update))
        return int(made)

    async def _page_there(self) -> ReleaseRow | None:
        return await find_release(self._notion, self._workspace, self._manifest.key)

    async def _view(self) -> int:
        steps = self._release.history.steps
        if "view" in steps:
            return 0
        if "view-intended" in steps and await self._view_there():
            self._release.record("step", {"step": "view"})
            return 0
        self._release.record("step", {"step": "view-intended"})
        body = linked_view(self._workspace, self._manifest.page_id)
        await self._notion.create_once("views", body, self._view_there, delays=READ_BACK_BLOCKS)
        self._release.record("step", {"step": "view"})
        return 1

    async def _view_there(self) -> bool | None:
        """Whether the page has its linked view: a database of its own among its blocks."""
        children = self._notion.children(self._manifest.page_id)
        return True if any([child["type"] == "child_database" async for child in children]) else None

    async def _rows(self) -> int:
        """Make the rows that are not there; those that an earlier try may have made are looked for first."""
        written, lost = 0, NotionError(_NOT_SHOWN, remedy=_RUN_AGAIN)
        while any(self._spent[item.id] < ATTEMPTS for item in self._missing()):
            intended = self._release.history.intended
            sure = [i for i in self._missing() if i.id not in intended and self._spent[i.id] < ATTEMPTS]
            written += len(sure)
            lost = await self._make(sure) or lost
            if not self._missing() or await self._notion.look_for(self._all_there):
                return written
            absent = [item.id for item in self._missing()]
            self._release.record("rows-absent", {"items": absent})
        if not self._missing():
            return written
        told = _ROWS_MISSING.filled(n=str(len(self._missing())), why=lost.message)
        raise NotionError(told, remedy=_RUN_AGAIN)

    async def _make(self, missing: list[Item]) -> UnknownOutcome | None:
        """Make rows, a handful at a time; returns the newest error of those whose answer was lost."""
        lost: UnknownOutcome | None = None
        total = len(self._manifest.items)
        for start in range(0, len(missing), BATCH):
            self._progress(total - len(missing) + start, total)
            batch = missing[start : start + BATCH]
            self._release.record("rows-intended", {"items": [item.id for item in batch]})
            answers = await asyncio.gather(*(self._row(item) for item in batch), return_exceptions=True)
            self._keep()
            lost_here = [answer for answer in answers if isinstance(answer, UnknownOutcome)]
            for answer in answers:
                if isinstance(answer, BaseException) and answer not in lost_here:
                    raise answer
            if lost_here:
                lost = lost_here[-1]
                # Also tells whether Notion answers at all, before more is sent.
                await self._all_there()
        self._progress(total, total)
        return lost

    async def _row(self, item: Item) -> None:
        body = row_body(self._values(item), self._workspace)
        try:
            made = await self._notion.create("pages", body, spent=self._spent[item.id])
        except UnknownOutcome as error:
            self._spent[item.id] = error.attempts
            raise
        self._adopt(parse_row(made, self._workspace))
        self._release.mirror.written[item.id] = self._values(item)

    def _missing(self) -> list[Item]:
        return [item for item in self._manifest.items if item.id not in self._manifest.rows]

    async def _all_there(self) -> bool | None:
        """Take in the rows that Notion has; None while one is missing."""
        for row in await rows_of(self._notion, self._workspace, self._manifest.page_id, self._manifest.key):
            self._adopt(row)
        self._keep()
        return None if self._missing() else True

    def _keep(self) -> None:
        """Store which rows are known, so that no later run has to look for them."""
        self._release.replace_manifest(self._manifest)

    def _values(self, item: Item) -> Values:
        return self._plan.rows[item.id] | {"release": (self._manifest.page_id,)}

    def _adopt(self, row: Row) -> None:
        prefix = f"{self._manifest.key}/"
        item = row.key.removeprefix(prefix)
        if row.key.startswith(prefix) and item not in self._manifest.rows:
            rows = dict(self._manifest.rows) | {item: row.page_id}
            self._release.manifest = self._manifest.model_copy(update={"rows": rows})
            self._release.mirror.see(item, row)


def row_body(values: Values, workspace: Workspace) -> dict[str, Any]:
    """The request that makes a row of the checks."""
    icon = values.get("icon")
    return {
        "parent": {"type": "data_source_id", "data_source_id": workspace.checks},
        "properties": check_properties({k: v for k, v in values.items() if k != "icon"}, workspace),
        **({"icon": {"type": "emoji", "emoji": icon}} if icon else {}),
    }


async def make_row(notion: Notion, workspace: Workspace, values: Values) -> Row:
    """Make one row of the checks, found by its key when the answer is lost."""
    body = row_body(values, workspace)
    made = await notion.create_once("pages", body, lambda: find_row(notion, workspace, values["key"]))
    return made if isinstance(made, Row) else parse_row(made, workspace)


async def find_row(notion: Notion, workspace: Workspace, key: str) -> Row | None:
    """The row with a key."""
    same = {"property": workspace.check_ids["key"], "rich_text": {"equals": key}}
    return first([parse_row(p, workspace) async for p in notion.query(workspace.checks, filter=same)])


def first(rows: Iterable[Row]) -> Row | None:
    """Of equal rows the one to keep: a ticked one, else one that says something, else the oldest, then by id."""
    kept = sorted(rows, key=lambda row: (not row.done, not any(row.asked), row.created, row.page_id))
    return kept[0] if kept else None


async def find_release(notion: Notion, workspace: Workspace, key: str) -> ReleaseRow | None:
    """The page of a release by its key; the oldest, should there be several."""
    same = {"property": workspace.release_ids["key"], "rich_text": {"equals": key}}
    pages = [page async for page in notion.query(workspace.releases, filter=same)]
    pages.sort(key=lambda page: (page["created_time"], page["id"]))
    return parse_release(pages[0], workspace) if pages else None


async def rows_of(notion: Notion, workspace: Workspace, page_id: str, key: str) -> list[Row]:
    """All rows that point at a release, or bear its key although somebody has made them point elsewhere."""
    ids = workspace.check_ids
    pointing = {"property": ids["release"], "relation": {"contains": page_id}}
    named = {"property": ids["key"], "rich_text": {"starts_with": f"{key}/"}}
    found = notion.query(workspace.checks, filter={"or": [pointing, named]})
    return [parse_row(page, workspace) async for page in found]


_NOT_SHOWN = Words(en="Notion does not show them", ja="Notion に表示されません")
_ROWS_MISSING = Words(en="{n} rows could not be made: {why}", ja="{n} 行を作成できませんでした: {why}")
_RUN_AGAIN = Words(
    en="Run the same command again: what was done is found again and not done twice",
    ja="同じコマンドを再実行してください（作成済みのものは重複しません）",
)

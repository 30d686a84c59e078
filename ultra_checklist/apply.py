"""Carries a plan out in Notion: each thing is made once, also when an answer was lost or we were killed.

Notion knows no idempotency key. So the intent is in the journal before the request goes out, every
page carries our Key, and after an unknown answer, or a crash, we look for the Key before trying again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from ultra_checklist.errors import NotionError
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Item
from ultra_checklist.notion.client import Notion, UnknownOutcome
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

READ_BACK = (0.0, 1.0, 3.0)
"""Seconds between looks for something whose creation got no answer: Notion's index may lag."""

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
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._notion = notion
        self._workspace = workspace
        self._release = release
        self._plan = plan
        self._progress = progress
        self._sleep = sleep

    @property
    def _manifest(self) -> Manifest:
        return self._release.manifest

    async def run(self, *, fresh: bool) -> int:
        """Make what is missing; returns how many things were written.

        ``fresh`` says that the caller has just looked for the release's key and found nothing.
        """
        written = 0
        if not self._manifest.page_id:
            found = None if fresh else await find_release(self._notion, self._workspace, self._manifest.key)
            written += int(found is None)
            await self._page(found)
        written += await self._view()
        written += await self._rows(look=not fresh)
        self._release.mirror.compared = self._manifest.created if fresh else self._release.mirror.compared
        self._release.mirror.save()
        return written

    async def _page(self, found: ReleaseRow | None) -> None:
        if found is None:
            self._release.record("step", {"step": "page-intended"})
            body = {
                "parent": {"type": "data_source_id", "data_source_id": self._workspace.releases},
                "icon": {"type": "emoji", "emoji": "🚀"},
                "properties": release_properties(self._plan.page, self._workspace),
                "children": self._plan.children,
            }
            key = self._manifest.key
            made = await self._once("pages", body, lambda: find_release(self._notion, self._workspace, key))
            found = made if isinstance(made, ReleaseRow) else parse_release(made, self._workspace)
        self._release.mirror.page = found
        update = {"page_id": found.page_id, "page_url": found.url}
        self._release.replace_manifest(self._manifest.model_copy(update=update))

    async def _view(self) -> int:
        steps = self._release.history.steps
        if "view" in steps:
            return 0
        if "view-intended" in steps and await self._view_there():
            self._release.record("step", {"step": "view"})
            return 0
        self._release.record("step", {"step": "view-intended"})
        await self._once("views", linked_view(self._workspace, self._manifest.page_id), self._view_there)
        self._release.record("step", {"step": "view"})
        return 1

    async def _view_there(self) -> bool | None:
        """Whether the page has its linked view: a database of its own among its blocks."""
        children = self._notion.children(self._manifest.page_id)
        return True if any([child["type"] == "child_database" async for child in children]) else None

    async def _rows(self, *, look: bool) -> int:
        missing = [item for item in self._manifest.items if item.id not in self._manifest.rows]
        if not missing:
            return 0
        if look:
            for row in await rows_of(self._notion, self._workspace, self._manifest.page_id):
                self._adopt(row)
            self._keep()
        missing = [item for item in missing if item.id not in self._manifest.rows]
        done = len(self._manifest.items) - len(missing)
        self._progress(done, len(self._manifest.items))
        for start in range(0, len(missing), 8):
            # A handful at a time, so that a crash leaves little to look for.
            batch = missing[start : start + 8]
            try:
                await asyncio.gather(*(self._row(item) for item in batch))
            finally:
                self._keep()
            done += len(batch)
            self._progress(done, len(self._manifest.items))
        return len(missing)

    async def _row(self, item: Item) -> None:
        values = self._values(item)
        self._adopt(await make_row(self._notion, self._workspace, values, self._sleep))
        self._release.mirror.written[item.id] = values

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
            self._release.mirror.rows[item] = row

    async def _once(self, path: str, body: dict[str, Any], look: Callable[[], Awaitable[Any]]) -> Any:
        return await create_once(self._notion, path, body, look, self._sleep)


async def create_once(
    notion: Notion,
    path: str,
    body: dict[str, Any],
    look: Callable[[], Awaitable[Any]],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Any:
    """Create, and after an unknown answer look for it before the next try.

    Returns Notion's answer, or what ``look`` found. Raises NotionError when it stays unknown.
    """
    for attempt in range(len(READ_BACK)):
        try:
            return await notion.create(path, body)
        except UnknownOutcome:
            for wait in READ_BACK:
                await sleep(wait)
                found = await look()
                if found is not None:
                    return found
            if attempt == len(READ_BACK) - 1:
                raise
    raise NotionError(f"POST {path}: gave up", remedy="Run the same command again")


async def make_row(
    notion: Notion,
    workspace: Workspace,
    values: Values,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Row:
    """Make one row of the checks, found by its key when the answer is lost."""
    icon = values.get("icon")
    body = {
        "parent": {"type": "data_source_id", "data_source_id": workspace.checks},
        "properties": check_properties({k: v for k, v in values.items() if k != "icon"}, workspace),
        **({"icon": {"type": "emoji", "emoji": icon}} if icon else {}),
    }

    async def look() -> Row | None:
        same = {"property": workspace.check_ids["key"], "rich_text": {"equals": values["key"]}}
        return first([parse_row(p, workspace) async for p in notion.query(workspace.checks, filter=same)])

    made = await create_once(notion, "pages", body, look, sleep)
    return made if isinstance(made, Row) else parse_row(made, workspace)


def first(rows: Iterable[Row]) -> Row | None:
    """Of equal rows the one to keep: a ticked one, else the oldest, then by id."""
    kept = sorted(rows, key=lambda row: (not row.done, row.created, row.page_id))
    return kept[0] if kept else None


async def find_release(notion: Notion, workspace: Workspace, key: str) -> ReleaseRow | None:
    """The page of a release by its key; the oldest, should there be several."""
    same = {"property": workspace.release_ids["key"], "rich_text": {"equals": key}}
    pages = [page async for page in notion.query(workspace.releases, filter=same)]
    pages.sort(key=lambda page: (page["created_time"], page["id"]))
    return parse_release(pages[0], workspace) if pages else None


async def rows_of(notion: Notion, workspace: Workspace, page_id: str) -> list[Row]:
    """All rows that point at a release."""
    own = {"property": workspace.check_ids["release"], "relation": {"contains": page_id}}
    return [parse_row(page, workspace) async for page in notion.query(workspace.checks, filter=own)]

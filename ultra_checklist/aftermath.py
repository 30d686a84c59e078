"""Edits of a release that has ended: its seal stays, and for seven days what was changed is named on its page."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ultra_checklist import disk
from ultra_checklist.bench import Bench
from ultra_checklist.model import Frozen, Words
from ultra_checklist.notion import blocks
from ultra_checklist.notion.client import READ_BACK_BLOCKS, Json
from ultra_checklist.notion.rows import ReleaseRow, Row, parse_release, parse_row, plain
from ultra_checklist.reconcile import without_secrets
from ultra_checklist.redact import Redactor
from ultra_checklist.release import Release
from ultra_checklist.roster import Roster

WATCHED = timedelta(days=7)
EVERY = timedelta(hours=1)
"""How often one query looks: for rows and for pages in turn."""
OVERLAP = timedelta(minutes=5)

_CHANGED = Words(
    en="Changed after the end (the record above stays valid): {what}",
    ja="終了後に変更されました（上の記録は変わりません）: {what}",
)
_NEWS = Words(en="{key}: changed after the end: {what}", ja="{key}: 終了後に変更されました: {what}")
_ROW = ("title", "done", "decision", "note", "until", "approved", "attachments", "result", "why", "settled", "live")
_PAGE = ("title", "status", "commit", "close", "close_reason")


class Looked(Frozen):
    """When it was last looked for changes: by this machine's clock, and by Notion's for each of the two."""

    at: datetime | None = None
    rows: datetime | None = None
    pages: datetime | None = None
    pages_next: bool = False


class Aftermath:
    """Looks after the releases of this machine that have ended lately."""

    def __init__(self, bench: Bench, home: Path, roster: Roster, redactor: Callable[[Release], Redactor]) -> None:
        self._redactor = redactor
        self._bench = bench
        self._roster = roster
        self._seen: datetime | None = None
        self._path = home / ("ended-local.json" if bench.workspace.local else "ended.json")

    async def look(self) -> list[Words]:
        """Ask Notion what was changed, where that is due; returns what was found, in words."""
        looked, now = self._looked(), self._bench.clock()
        if looked.at is not None and timedelta() <= now - looked.at < EVERY:
            return []
        ended = self._ended(now)
        if not ended:
            return []
        if looked.pages_next:
            found = await self._pages(ended, looked.pages or now - WATCHED)
            done = looked.model_copy(update={"at": now, "pages": self._seen or now, "pages_next": False})
        else:
            found = await self._rows(ended, looked.rows or now - WATCHED)
            done = looked.model_copy(update={"at": now, "rows": self._seen or now, "pages_next": True})
        disk.replace(self._path, done.model_dump_json().encode())
        return found

    def _ended(self, now: datetime) -> list[Release]:
        machine = self._bench.machine.digest
        late = [
            one.key
            for one in self._roster.standings
            if one.machine == machine and one.ended_at is not None and now - one.ended_at < WATCHED
        ]
        return [release for release in map(self._roster.load, late) if release is not None]

    async def _rows(self, ended: list[Release], since: datetime) -> list[Words]:
        owner = {page: (release, item) for release in ended for item, page in release.manifest.rows.items()}
        found = []
        async for page in self._query(self._bench.workspace.checks, since):
            if page["id"] not in owner:
                continue
            release, item = owner[page["id"]]
            row, known = parse_row(page, self._bench.workspace), release.mirror.rows.get(item)
            if known is None or release.mirror.is_stale(item, row):
                continue
            if release.mirror.is_stale(item, row) is None:
                row = parse_row(await self._bench.notion.get(f"pages/{row.page_id}"), self._bench.workspace)
            changes = _differences(known, row, _ROW)
            if changes:
                row = without_secrets(row, self._redactor(release), "title", "why")
                changes = _differences(known, row, _ROW, self._redactor(release))
            if changes:
                who = row.editor_name or row.edited_by
                found.append(await self._flag(release, f"{item}: {changes} ({who})"))
                release.mirror.see(item, row)
                release.mirror.save()
        return found

    async def _pages(self, ended: list[Release], since: datetime) -> list[Words]:
        owner = {release.manifest.page_id: release for release in ended}
        found = []
        async for page in self._query(self._bench.workspace.releases, since):
            release = owner.get(page["id"])
            if release is None or release.mirror.page is None:
                continue
            now = parse_release(page, self._bench.workspace)
            changes = _differences(release.mirror.page, now, _PAGE)
            if changes:
                redactor = self._redactor(release)
                now = now.model_copy(update={"close_reason": redactor.text(now.close_reason)})
                changes = _differences(release.mirror.page, now, _PAGE, redactor)
            if changes and now.edited >= release.mirror.page.edited:
                found.append(await self._flag(release, changes))
                release.mirror.page = now
                release.mirror.save()
        return found

    async def _query(self, source: str, since: datetime) -> AsyncIterator[Json]:
        """What was edited since; remembers Notion's clock at the question."""
        first = True
        async for page in self._bench.notion.query(source, filter=_edited(since)):
            if first:
                self._seen, first = self._bench.notion.server_time, False
            yield page
        if first:
            self._seen = self._bench.notion.server_time

    async def _flag(self, release: Release, what: str) -> Words:
        """Name a change in the journal and on the page, once."""
        text = _CHANGED.say(self._bench.workspace.lang, what=what)[:1900]
        page = release.manifest.page_id

        async def there() -> Json | None:
            async for child in self._bench.notion.children(page):
                if child["type"] == "callout" and plain(child["callout"]["rich_text"]) == text:
                    return child
            return None

        if what not in release.history.changed:
            release.record("changed", {"what": what})
        if await there() is None:
            self._bench.written += 1
            body = {"children": [blocks.callout(text, "⚠️")]}
            await self._bench.notion.create_once(f"blocks/{page}/children", body, there, delays=READ_BACK_BLOCKS)
        return _NEWS.filled(key=release.manifest.key, what=what)

    def _looked(self) -> Looked:
        try:
            return Looked.model_validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return Looked()


def _edited(since: datetime) -> Json:
    start = (since - OVERLAP).replace(microsecond=0).isoformat()
    return {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": start}}


def _differences(
    before: Row | ReleaseRow, after: Row | ReleaseRow, columns: tuple[str, ...], redactor: Redactor | None = None
) -> str:
    clean = str if redactor is None else redactor.text
    old: Mapping[str, Any] = before.model_dump()
    new = after.model_dump()
    said = {c: [_short(clean(_said(values[c]))) for values in (old, new)] for c in columns if old[c] != new[c]}
    return ", ".join(f"{code}: {was} → {now}" for code, (was, now) in said.items())


def _said(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"

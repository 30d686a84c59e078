"""A full comparison of a release's rows with its manifest: missing, trashed, moved and doubled rows.

Nothing that is wrong here stays settled in silence: it is put right and named in the journal.
"""

from collections.abc import Mapping
from contextlib import suppress

from ultra_checklist.apply import find_row, first, make_row, rows_of
from ultra_checklist.errors import NotionNotFound, RefusedError
from ultra_checklist.model import Result
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.rows import Row, check_properties, parse_release, parse_row
from ultra_checklist.notion.schema import Workspace
from ultra_checklist.plan import new_rows
from ultra_checklist.release import Release
from ultra_checklist.why import say
from ultra_checklist.words import Words

_LAST_EDIT = ("edited", "edited_by", "editor_name", "editor_is_person")


async def compare(notion: Notion, workspace: Workspace, release: Release) -> dict[str, Row]:
    """Read the page and all rows, mend what is missing or doubled, and return the rows by item.

    Raises RefusedError for a release whose page was not made yet.
    """
    if not release.manifest.page_id:
        manifest = release.manifest
        raise RefusedError(_NO_PAGE.filled(key=manifest.key), remedy=_FINISH.filled(version=manifest.version))
    page = await notion.get(f"pages/{release.manifest.page_id}")
    release.mirror.page = parse_release(page, workspace)
    items = {page_id: item_id for item_id, page_id in release.manifest.rows.items()}
    by_item: dict[str, list[Row]] = {}
    prefix = f"{release.manifest.key}/"
    for row in await rows_of(notion, workspace, release.manifest.page_id, release.manifest.key):
        if row.page_id in items or row.key.startswith(prefix):
            by_item.setdefault(items.get(row.page_id, row.key.removeprefix(prefix)), []).append(row)
    for page_id, item_id in items.items():
        found, away = by_item.get(item_id, []), release.history.check(item_id).away
        if away or [row.page_id for row in found] != [page_id]:
            # It was trashed, moved or copied, or the index lags: only the pages themselves know.
            ids = {row.page_id for row in found} | {page_id, away} - {""}
            by_item[item_id] = await _read(notion, workspace, ids)
    rows: dict[str, Row] = {}
    for item in release.manifest.items:
        found = by_item.get(item.id, [])
        if not found and item.id not in release.manifest.rows:
            # Making the page was given up before this row: that is for `new` to finish.
            continue
        rows[item.id] = await _one_of(notion, workspace, release, item.id, found)
    _remember(release, rows)
    release.mirror.compared = release.now()
    return rows


async def _read(notion: Notion, workspace: Workspace, page_ids: set[str]) -> list[Row]:
    """Rows as they are now, without those that are gone or were moved elsewhere."""
    found = []
    for page_id in sorted(page_ids):
        with suppress(NotionNotFound):
            page = await notion.get(f"pages/{page_id}")
            if page["parent"].get("data_source_id") == workspace.checks:
                found.append(parse_row(page, workspace))
    return found


async def _one_of(notion: Notion, workspace: Workspace, release: Release, item_id: str, found: list[Row]) -> Row:
    """The one row of an item: taken out of the trash, chosen among copies, or made anew."""
    living = [row for row in found if not row.in_trash]
    ours = release.manifest.rows.get(item_id)
    kept = first(row for row in living if row.page_id == ours and row.done) or first(living)
    if kept is not None:
        check = release.history.check(item_id)
        # A process was killed between putting it away and seeing that somebody had just written there.
        owed = [r for r in found if r.in_trash and r.page_id == check.away and _says_more(r, kept)]
        living += [await _put_back(notion, workspace, row) for row in owed]
        if kept.page_id != ours and kept.done and check.tick is None and 0 < check.sending <= check.ticks:
            release.record("copy-speaks", {"item": item_id, "tick": check.ticks + 1})
        await _clear_copies(notion, workspace, release, item_id, kept, living)
        return kept
    if found:
        release.record("repaired", {"item": item_id, "what": "the row was taken out of the trash"})
        back = await _put_back(notion, workspace, found[0])
        # Ours was the last edit now; who ticked it, and until when, is known by the one before.
        return back.model_copy(update={name: getattr(found[0], name) for name in _LAST_EDIT})
    values, lost = new_rows(release.manifest, workspace.lang)[item_id], release.manifest.rows[item_id]
    if release.history.check(item_id).lost == lost:
        # A process that was killed may have made it again, and Notion's index may not show it yet.
        there: Row | None = await notion.look_for(lambda: find_row(notion, workspace, values["key"]))
        if there is not None:
            return there
    what = "the row was missing and was made again"
    release.record("repaired", {"item": item_id, "what": what, "lost": lost})
    return await make_row(notion, workspace, values)


async def _clear_copies(
    notion: Notion, workspace: Workspace, release: Release, item_id: str, kept: Row, living: list[Row]
) -> None:
    """Put copies that say nothing of their own into the trash; the others stay, and none of them is believed."""
    rivals = []
    for seen in living:
        if seen.page_id == kept.page_id:
            continue
        if _says_more(seen, kept):
            rivals.append(seen)
            continue
        release.record("putting-away", {"item": item_id, "page": seen.page_id})
        copy = await _put_away(notion, workspace, seen, kept)
        if copy is not None:
            rivals.append(copy)
        else:
            release.record("repaired", {"item": item_id, "what": "a copy of the row was put into the trash"})
    check = release.history.check(item_id)
    if check.copies != 1 + len(rivals) or check.away:
        release.record("copies", {"item": item_id, "count": 1 + len(rivals)})
    doubt = {"result": Result.CANNOT_TELL.value, "settled": False, "why": say("doubled", workspace.lang)}
    for copy in rivals:
        if any(getattr(copy, code) != value for code, value in doubt.items()):
            await notion.patch(f"pages/{copy.page_id}", {"properties": check_properties(doubt, workspace)})


def _says_more(copy: Row, kept: Row) -> bool:
    """Whether people have entered something there that the other row does not say."""
    return copy.done or (any(copy.asked) and copy.asked != kept.asked)


async def _put_away(notion: Notion, workspace: Workspace, copy: Row, kept: Row) -> Row | None:
    """Put a copy into the trash; returns it where somebody has entered something meanwhile, and it stays."""
    now = parse_row(await notion.patch(f"pages/{copy.page_id}", {"in_trash": True}), workspace)
    if not _says_more(now, kept):
        return None
    return await _put_back(notion, workspace, copy)


async def _put_back(notion: Notion, workspace: Workspace, row: Row) -> Row:
    return parse_row(await notion.patch(f"pages/{row.page_id}", {"in_trash": False}), workspace)


def _remember(release: Release, rows: Mapping[str, Row]) -> None:
    ids = {item: row.page_id for item, row in rows.items()}
    if ids != dict(release.manifest.rows):
        release.replace_manifest(release.manifest.model_copy(update={"rows": ids}))


_NO_PAGE = Words(en="{key} has no page in Notion yet", ja="{key} のページが Notion にまだありません")
_FINISH = Words(
    en="Finish it: run `ultra-checklist new {version}` again",
    ja="`ultra-checklist new {version}` を再実行して作成を完了してください",
)

"""The databases: there, shared, not in the trash, with the columns and options that the worker writes."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from ultra_checklist.doctor.connection import Line
from ultra_checklist.doctor.diagnosis import Diagnosis, remark, skipped, well, wrong
from ultra_checklist.errors import NotionError, NotionNotFound
from ultra_checklist.notion import clicks
from ultra_checklist.notion.hosts import HOST_COLUMNS, HOSTS_TITLE
from ultra_checklist.notion.schema import (
    CHECK_COLUMNS,
    CHECKS_TITLE,
    COLUMN_MISSING,
    COLUMN_WRONG,
    INIT_REPAIRS,
    NOT_SET_UP,
    RELEASE_COLUMNS,
    RELEASES_TITLE,
    Column,
    Workspace,
    match,
)
from ultra_checklist.words import Words, joined

NAMES: Final = (
    "releases-database",
    "releases-columns",
    "checks-database",
    "checks-columns",
    "hosts-database",
    "hosts-columns",
)


def not_set_up(local: bool) -> list[Diagnosis]:
    """Where ``init`` has not run yet."""
    command = "ultra-checklist init --local" if local else "ultra-checklist init --parent PAGE"
    return [wrong(NAMES[0], NOT_SET_UP, command), *skipped(NAMES[1:], NAMES[0])]


async def look(line: Line, workspace: Workspace, *, labels: bool) -> list[Diagnosis]:
    """The databases, one after the other; that of hosts where machines with ``labels`` ask by it. Raises Silent."""
    w = workspace
    found = await _both(line, w, "releases", RELEASES_TITLE, (w.releases_database, w.releases), w.release_ids)
    found += await _both(line, w, "checks", CHECKS_TITLE, (w.checks_database, w.checks), w.check_ids)
    if not labels:
        return [*found, *(well(name, _ONE_MACHINE) for name in NAMES[4:])]
    if not w.hosts:
        return [*found, wrong(NAMES[4], _NO_HOSTS, "ultra-checklist init"), *skipped(NAMES[5:], NAMES[4])]
    return found + await _both(line, w, "hosts", HOSTS_TITLE, (w.hosts_database, w.hosts), w.host_ids)


async def _both(
    line: Line, workspace: Workspace, kind: str, title: Words, place: tuple[str, str], known: Mapping[str, str]
) -> list[Diagnosis]:
    """One database and its columns."""
    name, (database, source) = f"{kind}-database", place
    there = await _database(line, name, title.say(workspace.lang), database)
    if there.result != "ok":
        return [there, *skipped((f"{kind}-columns",), name)]
    properties = (await line.get(f"data_sources/{source}"))["properties"]
    return [there, columns_of(f"{kind}-columns", _COLUMNS_OF[kind], properties, known)]


async def _database(line: Line, name: str, called: str, database: str) -> Diagnosis:
    try:
        there = await line.get(f"databases/{database}")
    except NotionNotFound:
        return wrong(name, _GONE.filled(name=called), clicks.SHARE)
    except NotionError as error:
        return wrong(name, error.message, error.remedy)
    if there["in_trash"]:
        return wrong(name, _IN_TRASH.filled(name=called), _RESTORE)
    return well(name, _THERE.filled(name=called))


def columns_of(
    name: str, columns: tuple[Column, ...], properties: Mapping[str, Any], known: Mapping[str, str]
) -> Diagnosis:
    """Columns go by id, so a new name is fine; what is missing, of another kind, or without an option is named."""
    found = match(columns, properties, known)
    wrongs = [COLUMN_WRONG.filled(name=c.name, kind=kind, expected=c.kind) for c, kind in found.wrong]
    if wrongs:
        return wrong(name, joined(wrongs, "; "), _CHANGE_BACK)
    if found.missing:
        names = joined([c.name for c in found.missing], ", ")
        return wrong(name, COLUMN_MISSING.filled(names=names), INIT_REPAIRS)
    lost = _lost_options(columns, {unquote(p["id"]): p for p in properties.values()}, found.ids)
    if lost:
        return remark(name, joined(lost, "; "), _ADD_OPTION)
    return well(name, _COLUMNS.filled(n=str(len(columns))))


def _lost_options(columns: tuple[Column, ...], by_id: Mapping[str, Any], ids: Mapping[str, str]) -> list[Words]:
    lost: list[Words] = []
    for column in columns:
        if column.options is None:
            continue
        there = {option["name"] for option in by_id[ids[column.code]]["select"]["options"]}
        gone = [words for words in column.options.values() if not there & {words.en, words.ja}]
        if gone:
            lost.append(_OPTION.filled(column=column.name, names=joined(gone, ", ")))
    return lost


_COLUMNS_OF: Final = {"releases": RELEASE_COLUMNS, "checks": CHECK_COLUMNS, "hosts": HOST_COLUMNS}
_ONE_MACHINE = Words(
    en="not needed: ULTRA_CHECKLIST_HOST is not set, or there is a broker",
    ja="不要（ULTRA_CHECKLIST_HOST が未設定、またはブローカーを使用）",
)
_NO_HOSTS = Words(
    en="this machine has a label, and there is no table of hosts",
    ja="このマシンにラベルがありますが、ホストの表がありません",
)
_GONE = Words(
    en="the database {name} is gone, or not shared with the integration",
    ja="データベース {name} が存在しないか、インテグレーションに共有されていません",
)
_IN_TRASH = Words(
    en="the database {name} is in Notion's trash", ja="データベース {name} が Notion のごみ箱にあります"
)
_RESTORE = Words(
    en="Restore it from Notion's trash, or: ultra-checklist init",
    ja="Notion のごみ箱から復元するか: ultra-checklist init",
)
_THERE = Words(en="{name}: there and shared", ja="{name}: 共有済み")
_CHANGE_BACK = Words(
    en="In Notion give the column its kind back; or delete it, then: ultra-checklist init",
    ja="Notion で列の種類を元に戻すか、列を削除して ultra-checklist init を実行してください",
)
_OPTION = Words(en="column {column} has no option {names}", ja="列 {column} に選択肢 {names} がありません")
_ADD_OPTION = Words(
    en="In Notion add the option to the column by that name (unlock the database first)",
    ja="Notion でデータベースのロックを解除し、同じ名前の選択肢を追加してください",
)
_COLUMNS = Words(en="all {n} columns as they should be", ja="{n} 列すべて正常")

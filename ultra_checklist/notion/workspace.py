"""Finds, makes and mends the databases below a parent page."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from ultra_checklist.errors import NotionError, UsageError
from ultra_checklist.model import Lang, Words
from ultra_checklist.notion.client import READ_BACK_BLOCKS, Json, Notion
from ultra_checklist.notion.hosts import HOST_COLUMNS, HOSTS_TITLE
from ultra_checklist.notion.rows import rich_text
from ultra_checklist.notion.schema import (
    CHECK_COLUMNS,
    CHECKS_TITLE,
    RELEASE_COLUMNS,
    RELEASES_TITLE,
    Column,
    Match,
    Workspace,
    match,
    own_columns,
    property_schema,
    relation_schema,
    rollup_schema,
)
from ultra_checklist.notion.silence import formula

_NEEDS_SOMEBODY = Words(en="Needs somebody", ja="要対応")
_BY_RESULT = Words(en="By result", ja="結果別")
_VIEWS = 2
"""How many views are there at most while one of ours may be missing: Notion's own, and one of ours."""


class Databases:
    """The two databases in the making. ``done`` lists what was made or mended, for people."""

    def __init__(self, notion: Notion, parent: str, lang: Lang, pinned: Workspace | None) -> None:
        self._notion = notion
        self._parent = parent
        self._lang = lang
        self._pinned = pinned
        self.done: list[Words] = []

    async def prepare(self, *, local: bool, hosts: bool = False) -> Workspace:
        """Find or make both databases with all their columns, and with ``hosts`` the table of hosts.

        Raises UsageError when the parent holds two candidates, or a column has another type than ours.
        """
        me = await self._notion.get("users/me")
        await self._notion.get(f"pages/{self._parent}")
        self._lang = await self._language_there() or self._lang
        releases_db, releases = await self._database(RELEASES_TITLE, RELEASE_COLUMNS, "📦")
        checks_db, checks = await self._database(CHECKS_TITLE, CHECK_COLUMNS, "☑️")
        check_ids = await self._checks_columns(checks, releases)
        release_ids = await self._release_columns(releases, checks, check_ids)
        hosts_db, hosts_source, host_ids = await self._hosts(wanted=hosts)
        workspace = Workspace(
            lang=self._lang,
            bot_id=me["id"],
            parent_page=self._parent,
            releases_database=releases_db,
            releases=releases,
            checks_database=checks_db,
            checks=checks,
            release_ids=release_ids,
            check_ids=check_ids,
            hosts_database=hosts_db,
            hosts=hosts_source,
            host_ids=host_ids,
            max_upload=_limit(me),
            local=local,
        )
        await self._views(workspace)
        return workspace

    async def _hosts(self, *, wanted: bool) -> tuple[str, str, dict[str, str]]:
        """The table of hosts: its database, data source and columns; nothing where nobody wants or has it."""
        pinned = self._pinned
        if not wanted and (pinned is None or not pinned.hosts):
            return "", "", {}
        database, source = await self._database(HOSTS_TITLE, HOST_COLUMNS, "🖥️")
        known = pinned.host_ids if pinned is not None else {}
        found = await self._match(source, HOST_COLUMNS, known)
        missing = {c.name.say(self._lang): property_schema(c, self._lang) for c in found.missing}
        return database, source, await self._mend(source, HOST_COLUMNS, found, missing)

    async def are_there(self) -> bool:
        """Whether an earlier ``init`` has made the databases below this page."""
        return await self._language_there() is not None

    async def _language_there(self) -> Lang | None:
        """The language of databases that are there already: it was fixed when they were made."""
        if self._pinned is not None:
            return self._pinned.lang
        titles = {
            child["child_database"]["title"]
            async for child in self._notion.children(self._parent)
            if child["type"] == "child_database"
        }
        both: tuple[Lang, ...] = ("en", "ja")
        return next((lang for lang in both if {RELEASES_TITLE.say(lang), CHECKS_TITLE.say(lang)} <= titles), None)

    async def _database(self, title: Words, columns: tuple[Column, ...], icon: str) -> tuple[str, str]:
        """The database's id and its data source's id; made when it is not there."""
        found = await self._find(title)
        if found is None:
            body = {
                "parent": {"type": "page_id", "page_id": self._parent},
                "title": rich_text(title.say(self._lang)),
                "icon": {"type": "emoji", "emoji": icon},
                "initial_data_source": {"properties": own_columns(columns, self._lang)},
            }
            found = await self._notion.create_once(
                "databases", body, lambda: self._find(title), delays=READ_BACK_BLOCKS
            )
            self.done.append(_MADE_DATABASE.filled(title=repr(title.say(self._lang))))
        if not found["is_locked"]:
            found = await self._notion.patch(f"databases/{found['id']}", {"is_locked": True})
        return str(found["id"]), str(found["data_sources"][0]["id"])

    async def _find(self, title: Words) -> Json | None:
        pinned = self._pinned
        if pinned is not None and pinned.parent_page == self._parent:
            known = {
                RELEASES_TITLE: pinned.releases_database,
                CHECKS_TITLE: pinned.checks_database,
                HOSTS_TITLE: pinned.hosts_database,
            }[title]
            database = await self._notion.get(f"databases/{known}") if known else {"in_trash": True}
            if not database["in_trash"]:
                return database
        names = (title.en, title.ja)
        ids = [
            child["id"]
            async for child in self._notion.children(self._parent)
            if child["type"] == "child_database" and child["child_database"]["title"] in names
        ]
        if len(ids) > 1:
            told = _SEVERAL.filled(n=str(len(ids)), title=repr(title.say(self._lang)))
            raise UsageError(told, remedy=_RENAME)
        return await self._notion.get(f"databases/{ids[0]}") if ids else None

    async def _checks_columns(self, checks: str, releases: str) -> dict[str, str]:
        known = self._pinned.check_ids if self._pinned is not None else {}
        found = await self._match(checks, CHECK_COLUMNS, known)
        wanted = {
            c.name.say(self._lang): relation_schema(releases)
            if c.kind == "relation"
            else property_schema(c, self._lang)
            for c in found.missing
        }
        return await self._mend(checks, CHECK_COLUMNS, found, wanted)

    async def _release_columns(self, releases: str, checks: str, check_ids: dict[str, str]) -> dict[str, str]:
        known = self._pinned.release_ids if self._pinned is not None else {}
        properties = (await self._notion.get(f"data_sources/{releases}"))["properties"]
        found = match(RELEASE_COLUMNS, properties, known)
        by_id = {unquote(prop["id"]): name for name, prop in properties.items()}
        there = {code: by_id[one] for code, one in found.ids.items()}
        wanted: dict[str, Any] = {}
        spare: dict[str, Any] = {}
        for column in found.missing:
            name = column.name.say(self._lang)
            if column.kind == "rollup":
                relation = await self._relation_to(releases, checks)
                wanted[name] = rollup_schema(relation, check_ids[column.rolls_up])
            elif column.spare:
                spare[name] = formula({c.code: c.name.say(self._lang) for c in RELEASE_COLUMNS} | there, self._lang)
            else:
                wanted[name] = property_schema(column, self._lang)
        return await self._mend(releases, RELEASE_COLUMNS, found, wanted, spare)

    async def _relation_to(self, releases: str, checks: str) -> str:
        """The id of the releases' side of the relation, which Notion made by itself."""
        source = await self._notion.get(f"data_sources/{releases}")
        for prop in source["properties"].values():
            if prop["type"] == "relation" and prop["relation"].get("data_source_id") == checks:
                return str(prop["id"])
        raise UsageError(_ONE_SIDED, remedy=_DELETE_RELATION)

    async def _match(self, source: str, columns: tuple[Column, ...], known: dict[str, str]) -> Match:
        answer = await self._notion.get(f"data_sources/{source}")
        return match(columns, answer["properties"], known)

    async def _mend(
        self,
        source: str,
        columns: tuple[Column, ...],
        found: Match,
        wanted: dict[str, Any],
        spare: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, str]:
        """Add the ``wanted`` columns, and those that can be done without if Notion takes them."""
        if found.wrong:
            found.require("the database", self._lang)
        if not wanted and not spare:
            return found.ids
        try:
            answer = await self._notion.patch(f"data_sources/{source}", {"properties": {**wanted, **spare}})
        except NotionError as error:
            if not spare or error.status != 400:
                raise
            self.done.append(_NOT_ADDED.filled(names=", ".join(spare), why=error.message))
            return await self._mend(source, columns, found, wanted)
        self.done.append(_ADDED.filled(names=", ".join([*wanted, *spare])))
        return match(columns, answer["properties"], found.ids).require("the database", self._lang)

    async def _views(self, workspace: Workspace) -> None:
        """Two views of the checks, made once: what needs somebody, and a board by result."""
        there = await self._view_names(workspace)
        ids = workspace.check_ids
        target = {"data_source_id": workspace.checks, "database_id": workspace.checks_database}
        open_rows = [
            {"property": ids["live"], "checkbox": {"equals": True}},
            {"property": ids["settled"], "checkbox": {"equals": False}},
        ]
        by_order = [{"property": ids["order"], "direction": "ascending"}]
        somebody: Json = target | {"type": "table", "filter": {"and": open_rows}, "sorts": by_order}
        somebody["name"] = _NEEDS_SOMEBODY.say(self._lang)
        group = {"type": "select", "property_id": ids["result"], "sort": {"type": "manual"}}
        board: Json = target | {"type": "board", "configuration": {"type": "board", "group_by": group}}
        live = {"filter": {"property": ids["live"], "checkbox": {"equals": True}}, "sorts": by_order}
        board |= live | {"name": _BY_RESULT.say(self._lang)}
        for view in (somebody, board):
            if view["name"] not in there:
                await self._view(workspace, view)
                self.done.append(_MADE_VIEW.filled(name=repr(view["name"])))

    async def _view(self, workspace: Workspace, body: Json) -> None:
        async def look() -> bool | None:
            return True if body["name"] in await self._view_names(workspace) else None

        await self._notion.create_once("views", body, look, delays=READ_BACK_BLOCKS)

    async def _view_names(self, workspace: Workspace) -> set[str]:
        """The names of our two views, as far as they are there; a workspace that has more views has them."""
        listed = (await self._notion.get("views", {"database_id": workspace.checks_database}))["results"]
        if len(listed) > _VIEWS:
            return {_NEEDS_SOMEBODY.say(self._lang), _BY_RESULT.say(self._lang)}
        # The first one came with the database.
        return {str((await self._notion.get(f"views/{view['id']}"))["name"]) for view in listed[1:]}


def _limit(me: Json) -> int:
    limits = me.get("bot", {}).get("workspace_limits") or {}
    return int(limits.get("max_file_upload_size_in_bytes") or 5 * 1024 * 1024)


_SEVERAL = Words(
    en="the parent page holds {n} databases called {title}",
    ja="親ページに {title} という名前のデータベースが {n} 個あります",
)
_RENAME = Words(
    en="Rename or delete the one that is not this product's, then run init again",
    ja="本製品のものでないほうの名前を変えるか削除し、init を再実行してください",
)
_ONE_SIDED = Words(
    en="the relation between the two databases has lost its other side",
    ja="2 つのデータベース間のリレーションが片側だけになっています",
)
_DELETE_RELATION = Words(
    en="Delete the column Release of the checks in Notion, then run init again",
    ja="Notion でデータベース「チェック」の列「リリース」を削除し、init を再実行してください",
)
_MADE_DATABASE = Words(en="made the database {title}", ja="データベース {title} を作成しました")
_ADDED = Words(en="added columns: {names}", ja="列を追加しました: {names}")
_NOT_ADDED = Words(
    en="without the column {names}, which only shows: {why}",
    ja="表示専用の列 {names} は追加できませんでした: {why}",
)
_MADE_VIEW = Words(en="made the view {name}", ja="ビュー {name} を作成しました")

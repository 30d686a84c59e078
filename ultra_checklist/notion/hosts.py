"""The table of hosts: how machines that share nothing but Notion leave each other word. One row a host and release.

``tasks`` is written by the machine where the release is at home alone, ``answers`` by the host alone: neither can
overwrite the other. Both are sealed; whoever types something there says nothing.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from ultra_checklist.model import Frozen, Words
from ultra_checklist.notion.client import Json, Notion
from ultra_checklist.notion.rows import minute, plain, rich_text
from ultra_checklist.notion.schema import Column, Workspace

HOSTS_TITLE = Words(en="Hosts", ja="ホスト")
HOST_COLUMNS = (
    Column("title", "title", Words(en="Host and release", ja="ホストとリリース")),
    Column("host", "rich_text", Words(en="Host", ja="ホスト")),
    Column("release", "rich_text", Words(en="Release", ja="リリース")),
    Column("last_look", "date", Words(en="Last look", ja="最終確認")),
    Column("said", "rich_text", Words(en="Said", ja="回答")),
    Column("tasks", "rich_text", Words(en="Tasks", ja="依頼")),
    Column("answers", "rich_text", Words(en="Answers", ja="回答データ")),
)
MOST = 190_000
"""Characters of one cell: Notion takes a hundred pieces of 2,000."""


class HostRow(Frozen):
    """One host's row for one release."""

    page_id: str
    host: str
    release: str
    tasks: str
    answers: str


async def rows(
    notion: Notion, workspace: Workspace, equal: Mapping[str, str], since: datetime | None = None
) -> AsyncIterator[HostRow]:
    """The rows in which columns equal these texts, edited ``since`` then."""
    ids = workspace.host_ids
    wanted: list[Json] = [{"property": ids[code], "rich_text": {"equals": text}} for code, text in equal.items()]
    if since is not None:
        edited = {"on_or_after": minute(since)}
        wanted.append({"timestamp": "last_edited_time", "last_edited_time": edited})
    async for page in notion.query(workspace.hosts, filter={"and": wanted}):
        if not page["in_trash"]:
            yield _row(page, ids)


async def named(notion: Notion, workspace: Workspace) -> frozenset[str]:
    """The labels of the machines on which ``init`` has run."""
    wanted = {"property": workspace.host_ids["release"], "rich_text": {"is_empty": True}}
    pages = [page async for page in notion.query(workspace.hosts, filter=wanted) if not page["in_trash"]]
    return frozenset(_row(page, workspace.host_ids).host for page in pages)


async def name(notion: Notion, workspace: Workspace, host: str) -> bool:
    """A row that says no more than that there is a machine of that label; returns whether it is new."""
    if host in await named(notion, workspace):
        return False
    await make(notion, workspace, host, "", "")
    return True


async def make(notion: Notion, workspace: Workspace, host: str, release: str, tasks: str) -> None:
    """A new row with tasks for a host."""
    ids = workspace.host_ids
    properties = {
        ids["title"]: {"title": rich_text(f"{host}: {release}" if release else host)},
        ids["host"]: {"rich_text": rich_text(host)},
        ids["release"]: {"rich_text": rich_text(release)},
        ids["tasks"]: {"rich_text": rich_text(tasks)},
    }

    async def look() -> HostRow | None:
        there = rows(notion, workspace, {"host": host, "release": release} if release else {"host": host})
        return await anext((row async for row in there if row.release == release), None)

    body = {"parent": {"type": "data_source_id", "data_source_id": workspace.hosts}, "properties": properties}
    await notion.create_once("pages", body, look)


async def put_tasks(notion: Notion, workspace: Workspace, page_id: str, tasks: str) -> None:
    """Replace the tasks of a row."""
    await _patch(notion, page_id, {workspace.host_ids["tasks"]: {"rich_text": rich_text(tasks)}})


async def put_answers(
    notion: Notion, workspace: Workspace, page_id: str, answers: str, said: str, looked: datetime
) -> None:
    """Replace a host's answers; ``said`` is what people read of them."""
    ids = workspace.host_ids
    properties = {
        ids["answers"]: {"rich_text": rich_text(answers)},
        ids["said"]: {"rich_text": rich_text(said)},
        ids["last_look"]: {"date": {"start": minute(looked)}},
    }
    await _patch(notion, page_id, properties)


async def _patch(notion: Notion, page_id: str, properties: Mapping[str, Any]) -> None:
    await notion.patch(f"pages/{page_id}", {"properties": dict(properties)})


def _row(page: Json, ids: Mapping[str, str]) -> HostRow:
    codes = {property_id: code for code, property_id in ids.items()}
    texts = {
        codes[unquote(prop["id"])]: plain(prop["rich_text"])
        for prop in page["properties"].values()
        if prop["type"] == "rich_text" and unquote(prop["id"]) in codes
    }
    return HostRow(
        page_id=page["id"], **{code: texts.get(code, "") for code in ("host", "release", "tasks", "answers")}
    )

"""Notion as the worker needs it: token, bot, clock, capabilities, and the parent page.

Nothing is written. Whether the integration may insert and update is told by asking for a change of a page that
does not exist: Notion lets capabilities decide which endpoints may be called at all, so 403 tells that one is
missing, and 404 that the change was not refused for want of one (developers.notion.com/reference/capabilities).
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from ultra_checklist.doctor import folder
from ultra_checklist.doctor.diagnosis import Diagnosis, remark, skipped, untold, well, wrong
from ultra_checklist.errors import CannotTellError, NotionError, NotionNotFound
from ultra_checklist.notion import clicks
from ultra_checklist.notion.client import Json, Notion, boot_time
from ultra_checklist.notion.retry import Memory, Retries
from ultra_checklist.notion.schema import Workspace
from ultra_checklist.words import Words

SECONDS: Final = 5.0
"""How long one request may take."""
SLOW_CLOCK: Final = 5.0
WRONG_CLOCK: Final = 60.0
"""Seconds by which this machine's clock may differ from Notion's."""
FORBIDDEN: Final = 403
NOBODY: Final = str(uuid.UUID("00000000-0000-4000-8000-00000000dead"))
"""A page that is nowhere."""
OF_TOKEN: Final = (
    "bot",
    "clock",
    clicks.READ,
    "parent-page",
    clicks.UPDATE,
    clicks.INSERT,
    clicks.USERS,
    "comments",
)
NAMES: Final = ("notion", "token", *OF_TOKEN)


class Silent(CannotTellError):
    """Notion has stopped to answer: nothing more is asked."""


@dataclass
class Line:
    """The line to Notion. After the first request without an answer no other is sent."""

    notion: Notion

    async def ask(self, call: Callable[[], Awaitable[Json]]) -> Json:
        """One answer. Raises NotionError where Notion refuses, Silent where it does not answer."""
        try:
            return await call()
        except NotionError as error:
            if not error.permanent:
                raise Silent(error.message, remedy=error.remedy) from error
            raise

    async def get(self, path: str, query: dict[str, Any] | None = None) -> Json:
        """Read an object."""
        return await self.ask(lambda: self.notion.get(path, query))


def left_alone(memory: Path) -> Diagnosis | None:
    """What is to be said where Notion has asked to be left alone; None: it may be asked."""
    try:
        known = Memory.model_validate_json(memory.read_bytes())
    except (OSError, ValidationError):
        return None
    rest = Retries(known).rest(boot_time())
    return untold("notion", _LEFT_ALONE.filled(seconds=f"{rest:.0f}"), _LATER) if rest > 0 else None


async def token(line: Line, pinned: Workspace | None) -> tuple[list[Diagnosis], Json | None]:
    """Whether Notion answers, takes the token, and sees in it whom ``init`` has seen; and what it answered."""
    before = datetime.now(UTC)
    try:
        me = await line.get("users/me")
    except Silent as error:
        return [untold("notion", error.message, error.remedy), *skipped(("token", *OF_TOKEN), "notion")], None
    except NotionError as error:
        there = well("notion", line.notion.base_url)
        return [there, wrong("token", error.message, error.remedy), *skipped(OF_TOKEN, "token")], None
    name = str(me.get("name") or me["id"])
    found = [well("notion", line.notion.base_url), well("token", _TOKEN.filled(name=name))]
    if me.get("type") == "person":
        found[1] = remark("token", _PERSON.filled(name=name), clicks.TOKEN)
    found.append(_bot(me, pinned, name))
    found.append(clock(line.notion.server_time, before, datetime.now(UTC)))
    return found, me


def _bot(me: Json, pinned: Workspace | None, name: str) -> Diagnosis:
    if pinned is None:
        return well("bot", _NOT_PINNED)
    if pinned.bot_id != me["id"]:
        return wrong("bot", _OTHER_BOT.filled(name=name), clicks.ADOPT)
    return well("bot", _SAME_BOT)


def clock(theirs: datetime | None, before: datetime, after: datetime) -> Diagnosis:
    """This machine's clock against Notion's, whose answers name whole seconds."""
    if theirs is None:
        return untold("clock", _NO_DATE)
    early = (theirs - after).total_seconds()
    late = (before - theirs).total_seconds() - 1.0
    off = max(early, late, 0.0)
    told = _OFF.filled(seconds=f"{off:.0f}", way=_BEHIND if early > late else _AHEAD)
    if off > WRONG_CLOCK:
        return wrong("clock", told, _SET_CLOCK)
    return remark("clock", told, _SET_CLOCK) if off > SLOW_CLOCK else well("clock", _ON_TIME)


async def parent(line: Line, page: str) -> list[Diagnosis]:
    """Whether the integration may read, and whether the parent page is shared with it."""
    try:
        there = await line.get(f"pages/{page}")
    except NotionNotFound:
        return [
            untold(clicks.READ, _NO_PAGE_TO_READ),
            wrong("parent-page", clicks.NOT_SHARED.filled(page=page), clicks.SHARE),
        ]
    except NotionError as error:
        if error.status != FORBIDDEN:
            return [untold(clicks.READ, error.message), wrong("parent-page", error.message, clicks.SHARE)]
        return [_missing(clicks.READ), *skipped(("parent-page",), clicks.READ)]
    found = [well(clicks.READ, _MAY)]
    if there.get("in_trash"):
        return [*found, wrong("parent-page", _PAGE_IN_TRASH, _RESTORE)]
    return [*found, well("parent-page", _SHARED)]


async def capabilities(line: Line, page: str | None, *, comments: bool) -> list[Diagnosis]:
    """Whether the integration may update, insert, know users, and comment where that is asked for."""
    properties: Json = {"properties": {}}
    made = {"parent": {"type": "page_id", "page_id": NOBODY}} | properties
    found = [
        await _may(line, clicks.UPDATE, lambda: line.notion.patch(f"pages/{NOBODY}", properties)),
        await _may(line, clicks.INSERT, lambda: line.notion.create("pages", made)),
        await _may(line, clicks.USERS, lambda: line.notion.get("users", {"page_size": 1})),
    ]
    if not comments:
        return [*found, well("comments", _NO_COMMENTS)]
    text = {"parent": {"page_id": NOBODY}, "rich_text": [{"type": "text", "text": {"content": "?"}}]}
    on = {"block_id": page or NOBODY}
    reads = await _may(line, clicks.READ_COMMENTS, lambda: line.notion.get("comments", on))
    inserts = await _may(line, clicks.INSERT_COMMENTS, lambda: line.notion.create("comments", text))
    worst = inserts if inserts.result != "ok" else reads
    return [*found, Diagnosis("comments", worst.result, worst.what, worst.remedy)]


async def _may(line: Line, capability: str, call: Callable[[], Awaitable[Json]]) -> Diagnosis:
    try:
        await line.ask(call)
    except NotionNotFound:
        return well(capability, _NOT_REFUSED)
    except NotionError as error:
        return (
            _missing(capability) if error.status == FORBIDDEN else untold(capability, error.message, error.remedy)
        )
    return well(capability, _MAY)


def _missing(capability: str) -> Diagnosis:
    told = _MISSING.filled(name=clicks.CAPABILITIES[capability])
    return wrong(capability, told, clicks.give(capability))


def plan(me: Json, pinned: Workspace | None, largest: int) -> Diagnosis:
    """How large files may be in this workspace, against what there is to send."""
    limits = me.get("bot", {}).get("workspace_limits") or {}
    limit = limits.get("max_file_upload_size_in_bytes")
    if not isinstance(limit, int):
        return untold("plan", _NO_LIMIT)
    told = _LIMIT.filled(size=folder.size(limit))
    if pinned is not None and pinned.max_upload != limit:
        changed = _OTHER_LIMIT.filled(size=folder.size(limit), was=folder.size(pinned.max_upload))
        return remark("plan", changed, "ultra-checklist init")
    if largest > limit:
        return remark("plan", _TOO_LARGE.filled(limit=told, size=folder.size(largest)), _ON_DISK)
    return well("plan", told)


_LEFT_ALONE = Words(
    en="Notion has asked to be left alone for {seconds} s more, so it was not asked",
    ja="Notion からアクセスを控えるよう求められています（残り {seconds} 秒）。問い合わせは行っていません",
)
_LATER = Words(en="Ask again then", ja="時間をおいて再実行してください")
_TOKEN = Words(en="accepted: the integration {name}", ja="有効（インテグレーション {name}）")
_PERSON = Words(
    en="it is the token of {name}, a person: ticks by that person cannot be told from the worker's writes",
    ja="{name} さん個人のトークンです。本人のチェックとワーカーの書き込みを区別できません",
)
_NOT_PINNED = Words(en="`init` will remember it", ja="`init` で記録されます")
_SAME_BOT = Words(en="the one that `init` has seen", ja="`init` のときと同じです")
_OTHER_BOT = Words(
    en="the token belongs to {name}, another integration than `init` has seen",
    ja="トークンが `init` のときとは別のインテグレーション（{name}）のものです",
)
_NO_DATE = Words(en="Notion's answer names no time", ja="Notion の応答に時刻がありません")
_OFF = Words(
    en="this machine's clock is {seconds} s {way} Notion's",
    ja="このマシンの時計は Notion より {seconds} 秒{way}います",
)
_BEHIND = Words(en="behind", ja="遅れて")
_AHEAD = Words(en="ahead of", ja="進んで")
_SET_CLOCK = Words(
    en="sudo timedatectl set-ntp true, and see: timedatectl",
    ja="sudo timedatectl set-ntp true を実行し、timedatectl で確認してください",
)
_ON_TIME = Words(en="as Notion's", ja="Notion と一致")
_NO_PAGE_TO_READ = Words(
    en="cannot be told before the parent page is shared", ja="親ページが共有されるまで判定できません"
)
_PAGE_IN_TRASH = Words(en="the parent page is in Notion's trash", ja="親ページが Notion のごみ箱にあります")
_RESTORE = Words(
    en="In Notion: Trash (sidebar) → find it → Restore", ja="Notion のサイドバー「ごみ箱」から復元してください"
)
_SHARED = Words(en="shared with the integration", ja="インテグレーションに共有済み")
_MAY = Words(en="granted", ja="許可あり")
_NOT_REFUSED = Words(
    en="not refused (asked about a page that does not exist)", ja="拒否なし（存在しないページで確認）"
)
_MISSING = Words(
    en="the integration lacks the capability '{name}'", ja="インテグレーションに機能「{name}」がありません"
)
_NO_COMMENTS = Words(
    en="not needed: ULTRA_CHECKLIST_NOTIFY names no `comment`",
    ja="不要（ULTRA_CHECKLIST_NOTIFY に `comment` の指定なし）",
)
_NO_LIMIT = Words(
    en="Notion does not tell how large files may be", ja="Notion がファイルサイズの上限を返しませんでした"
)
_LIMIT = Words(en="files up to {size}", ja="ファイルは {size} まで")
_OTHER_LIMIT = Words(
    en="files up to {size}; it was {was} when `init` looked",
    ja="ファイルは {size} まで（`init` のときは {was}）",
)
_TOO_LARGE = Words(
    en="{limit}; the largest evidence has {size}: of such a log Notion gets the newest part",
    ja="{limit}。最大の証跡は {size} あり、Notion には末尾の部分だけが添付されます",
)
_ON_DISK = Words(
    en="Nothing to do: the whole stays on this machine, and the record names its digest",
    ja="対応不要です（全体はこのマシンに残り、記録にダイジェストが載ります）",
)

"""One test record in a Notion data source: found by its key, made, read, put into the trash.

It has a small door to Notion of its own, because a probe's data source, token and address are those of the system
that is looked at. Facts: developers.notion.com, "Create a page", "Query a data source", "Trash a page", "Status
codes".
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ultra_checklist import __version__
from ultra_checklist.redact import Redactor
from ultra_checklist.sending import Answer, ask

NOTION_VERSION: Final = "2026-03-11"
ATTEMPTS: Final = 3
ONE_REQUEST: Final = 10.0
"""Seconds that one request may take."""
PAUSE: Final = 1.0
"""Seconds before the next attempt, unless Notion asks for more."""
LARGEST: Final = 1 << 20
"""Bytes of an answer."""
_LIMITED: Final = (429, 529)
_REASONS: Final = {400: "invalid", 401: "unauthorized", 403: "not-allowed", 404: "not-found", 409: "conflict"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """Notion's answer to one call. ``reason`` is empty where it is good."""

    data: Json = field(default_factory=dict)
    reason: str = ""
    said: str = ""
    """Notion's own words of an error."""
    certain: bool = True
    """False: whether it was carried out is not known."""
    pause: float = 0.0
    """Seconds that Notion asks to be left alone."""
    again: bool = False
    """Whether another attempt may help."""


class Records:
    """The calls that are needed. Times are those of the running loop's clock, in seconds."""

    def __init__(self, base_url: str, token: str, redactor: Redactor) -> None:
        self._base = base_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Notion-Version": NOTION_VERSION,
            "User-Agent": f"ultra-checklist/{__version__} (probe)",
        }
        self._token = token
        self._redactor = redactor

    async def call(
        self, method: str, path: str, body: Json | None = None, *, until: float, repeat: bool = True
    ) -> Reply:
        """One call, tried again where that may help; without ``repeat`` only where it was not done."""
        clock = asyncio.get_running_loop().time
        reply = Reply(reason="timeout")
        for attempt in range(1, ATTEMPTS + 1):
            left = until - clock()
            if left <= 0:
                break
            content = None if body is None else json.dumps(body).encode()
            answer = await ask(
                method,
                f"{self._base}/v1/{path}",
                seconds=min(left, ONE_REQUEST),
                headers=self._headers,
                body=content,
                limit=LARGEST,
            )
            reply = self._understood(answer)
            if not reply.again or not (repeat or reply.certain) or attempt == ATTEMPTS:
                break
            pause = max(reply.pause, PAUSE)
            if clock() + pause >= until:
                break
            await asyncio.sleep(pause)
        return reply

    async def find(self, source: str, title: str, prefix: str, *, until: float) -> tuple[Reply, dict[str, str]]:
        """The records whose title ends with a key that begins so: page ids by key."""
        wanted = {"filter": {"property": title, "title": {"contains": prefix}}, "page_size": 100}
        reply = await self.call("POST", f"data_sources/{source}/query", wanted, until=until)
        found: dict[str, str] = {}
        for page in _items(member(reply.data, "results")):
            pieces = _items(member(page, "properties", title, "title"))
            key = "".join(str(member(piece, "plain_text") or "") for piece in pieces).rpartition(" ")[2]
            if re.fullmatch(re.escape(prefix) + r"\d+", key) and member(page, "in_trash") is not True:
                found.setdefault(key, str(member(page, "id")))
        return reply, found

    async def trash(self, page: str, *, until: float) -> tuple[bool | None, str]:
        """Put a page into the trash, and why it is not there: True, False, or None where that is not known."""
        reply = await self.call("PATCH", f"pages/{page}", {"in_trash": True}, until=until)
        if not reply.reason and reply.data.get("in_trash") is True:
            return True, ""
        back = await self.call("GET", f"pages/{page}", until=until)
        return (None if back.reason else bool(back.data.get("in_trash"))), reply.reason or "refused"

    def _understood(self, answer: Answer) -> Reply:
        if answer.trouble:
            # What cannot be sent at all does not get better; what was not sent was not done.
            again = answer.trouble != "not-sendable"
            return Reply(reason=answer.trouble, certain=not answer.sent, again=again)
        try:
            data = answer.json()
        except ValueError:
            data = None
        status = answer.status
        if 200 <= status < 300:
            if isinstance(data, dict):
                return Reply(data)
            return Reply(reason="unexpected-answer", certain=False, again=True)
        data = data if isinstance(data, dict) else {}
        said = self._redactor.text(str(data.get("message", "")).replace(self._token, "****"))[:200]
        if status in _LIMITED:
            return Reply(data, "rate-limited", said, pause=_retry_after(answer.headers), again=True)
        if status == 409:
            return Reply(data, "conflict", said, again=True)
        if status >= 500:
            return Reply(data, "server-error", said, certain=False, pause=_retry_after(answer.headers), again=True)
        return Reply(data, _REASONS.get(status, "refused"), said)


def member(data: object, *path: str) -> Any:
    """What lies in nested objects; None where something on the way is missing or of another kind."""
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def committed(reply: Reply) -> str:
    """The id of what was made although the answer is an error, where Notion says so."""
    return str(member(reply.data, "additional_data", "committed_resource_id") or "")


def written(kind: str, value: str | bool | float) -> Json | None:
    """A value as Notion takes it for a property of that type; None: such a property is not written here."""
    match kind:
        case "select" | "status":
            return {kind: {"name": str(value)}}
        case "multi_select":
            return {kind: [{"name": str(value)}]}
        case "rich_text":
            return {kind: [{"text": {"content": str(value)}}]}
        case "date":
            return {kind: {"start": str(value)}}
        case "checkbox" | "number" | "url" | "email":
            return {kind: value}
        case _:
            return None


def read(page: Mapping[str, Any], name: str) -> str | bool | None:
    """The value of a checkbox, select or status; None: it is empty, or there is none."""
    item = member(page, "properties", name)
    kind = member(item, "type")
    if kind == "checkbox":
        return member(item, "checkbox") is True
    chosen = member(item, kind, "name") if kind in ("select", "status") else None
    return chosen if isinstance(chosen, str) else None


def _items(data: object) -> list[Any]:
    return data if isinstance(data, list) else []


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", 0.0)))
    except ValueError:
        return 0.0

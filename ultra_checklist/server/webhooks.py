"""Webhooks to one address on this machine: gathered for a moment, signed, sent again when they fail.

Notion takes subscriptions in its own app alone; here the server is started with one. As there, the first request
brings the verification token, with which all others are signed
(https://developers.notion.com/reference/webhooks).
"""

import asyncio
import hashlib
import hmac
import json
import logging
import sqlite3
import uuid
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import httpx

from ultra_checklist.server import events, times
from ultra_checklist.server.calls import VERSIONS, Json
from ultra_checklist.server.errors import INTEGRATION_ID
from ultra_checklist.server.store import WORKSPACE_ID

GATHER: Final = 0.2
"""Seconds in which events of the same kind on the same object become one."""
ATTEMPTS: Final = 8
"""How often an event is sent at most."""
_SECOND_TRY: Final = 0.5
"""Seconds before the second attempt; each later one waits twice as long."""
_TIMEOUT: Final = 10.0
_SUBSCRIPTION: Final = "00000000-0000-4000-8000-0000000000f1"
_LISTS: Final = ("updated_properties", "updated_blocks", "updated_fields")
log = logging.getLogger(__name__)


def checked(address: str) -> str:
    """The address of a subscriber. Raises ValueError for one that is not on this machine."""
    parts = urlsplit(address)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError(f"{address!r}: webhooks go to this machine alone, as in http://127.0.0.1:9000/")
    return address


def signature(token: str, body: bytes) -> str:
    """The value of X-Notion-Signature for a body."""
    return "sha256=" + hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


class Outbox:
    """Events on their way to ``address``; ``secret`` is the workspace's own, from which the token is made."""

    def __init__(self, address: str, secret: bytes) -> None:
        self._address = checked(address)
        self.token = "secret_" + hmac.new(secret, b"webhooks", hashlib.sha256).hexdigest()[:43]
        self._waiting: dict[tuple[str, str], Json] = {}
        self._news = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    def collect(self, connection: sqlite3.Connection, author: str, kind: str) -> None:
        """Take in what a call has changed; ``kind`` is the author's: person or bot."""
        for event in events.happened(connection, author):
            self._add(event, {"id": author, "type": kind})

    def _add(self, event: events.Event, author: Json) -> None:
        key = (event.type, event.entity)
        known = self._waiting.get(key)
        if known is None:
            self._waiting[key] = {
                "id": str(uuid.uuid4()),
                "timestamp": times.to_milliseconds(times.now()),
                "workspace_id": WORKSPACE_ID,
                "workspace_name": "Workspace",
                "subscription_id": _SUBSCRIPTION,
                "integration_id": INTEGRATION_ID,
                "authors": [author],
                "attempt_number": 1,
                "api_version": VERSIONS[-1],
                "entity": {"id": event.entity, "type": event.kind},
                "type": event.type,
                "data": dict(event.data),
            }
        else:
            known["authors"] += [author] if author not in known["authors"] else []
            for name in _LISTS:
                known["data"].get(name, []).extend(
                    one for one in event.data.get(name, ()) if one not in known["data"][name]
                )
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is not delivered then is lost, as it is when Notion gives up."""
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client:
            try:
                await self._deliver(client, {"verification_token": self.token}, signed=False)
                while True:
                    await self._news.wait()
                    await asyncio.sleep(GATHER)
                    self._news.clear()
                    waiting, self._waiting = self._waiting, {}
                    for event in waiting.values():
                        task = asyncio.create_task(self._deliver(client, event, signed=True))
                        self._sending.add(task)
                        task.add_done_callback(self._sending.discard)
            finally:
                for task in self._sending:
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(*self._sending, return_exceptions=True)

    async def _deliver(self, client: httpx.AsyncClient, event: Json, *, signed: bool) -> None:
        wait = _SECOND_TRY
        for attempt in range(1, ATTEMPTS + 1):
            told = event | {"attempt_number": attempt} if signed else event
            body = json.dumps(told, ensure_ascii=False).encode()
            headers = {"Content-Type": "application/json"}
            if signed:
                headers["X-Notion-Signature"] = signature(self.token, body)
            try:
                answer = await client.post(self._address, content=body, headers=headers)
                if answer.is_success:
                    return
            except httpx.HTTPError as error:
                log.info("webhook: %s", type(error).__name__)
            await asyncio.sleep(wait)
            wait *= 2
        log.warning("webhook given up after %d attempts: %s", ATTEMPTS, event.get("type", "verification"))

"""The one door to Notion: pinned version, retries, errors in our words. Only this file knows the SDK.

The SDK's own retries are switched off: it cuts Retry-After at 60 s, repeats no PATCH after a 5xx, and
two layers of retries would multiply.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self

import httpx
from notion_client import AsyncClient
from notion_client.errors import HTTPResponseError, RequestTimeoutError

from ultra_checklist.errors import NotionError, NotionNotFound

NOTION_VERSION: Final = "2026-03-11"
ATTEMPTS: Final = 3
WRITES_IN_FLIGHT: Final = 4
PAGE_SIZE: Final = 100
_BACK_OFF: Final = (0.5, 2.0)
_RATE_LIMITED: Final = (429, 529)
_NEVER_AGAIN: Final = "public_api_request_blocked"

Json = dict[str, Any]
Sleep = Callable[[float], Awaitable[object]]


class UnknownOutcome(NotionError):
    """A write that is not repeatable got no usable answer: it may or may not have happened."""

    committed: str = ""
    """The id of what was made, where Notion said so."""


class Notion:
    """Notion's API as this product uses it. Close it, or use it with ``async with``."""

    def __init__(
        self,
        token: str,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float = 60.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.server_time: datetime | None = None
        """Notion's clock as of the newest answer (its Date header)."""
        self.requests = 0
        """How many requests were sent."""
        self._sleep = sleep
        self._writes = asyncio.Semaphore(WRITES_IN_FLIGHT)
        self._http = httpx.AsyncClient(transport=transport, event_hooks={"response": [self._note]})
        # Never `async with` this client: it would silently replace the injected httpx client.
        self._sdk = AsyncClient(
            client=self._http,
            auth=token,
            base_url=self.base_url,
            notion_version=NOTION_VERSION,
            timeout_ms=int(timeout * 1000),
            retry=False,
            logger=logging.getLogger("ultra_checklist.notion"),
            log_level=logging.ERROR,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sdk.aclose()

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """Read an object."""
        return await self._send("GET", path, query=query, repeatable=True)

    async def patch(self, path: str, body: Json) -> Json:
        """Set values: doing it twice is doing it once."""
        async with self._writes:
            return await self._send("PATCH", path, body=body, repeatable=True)

    async def create(self, path: str, body: Json) -> Json:
        """Make something, or append: not repeatable. Raises UnknownOutcome when it may have happened."""
        method = "PATCH" if path.endswith("/children") else "POST"
        async with self._writes:
            return await self._send(method, path, body=body, repeatable=False)

    async def upload(self, name: str, content: bytes, content_type: str) -> str:
        """Upload a file in one part; the id that comes back can be attached."""
        made = await self.create(
            "file_uploads", {"mode": "single_part", "filename": name, "content_type": content_type}
        )
        upload_id = str(made["id"])
        form = {"file": (name, content, content_type)}
        async with self._writes:
            await self._send("POST", f"file_uploads/{upload_id}/send", form=form, repeatable=False)
        return upload_id

    async def query(
        self,
        data_source: str,
        *,
        filter: Json | None = None,  # noqa: A002 - Notion's own word
        sorts: list[Json] | None = None,
    ) -> AsyncIterator[Json]:
        """All pages that match, page by page of the answer.

        Raises NotionError when Notion says that its answer is incomplete.
        """
        body: Json = {"page_size": PAGE_SIZE}
        if filter is not None:
            body["filter"] = filter
        if sorts is not None:
            body["sorts"] = sorts
        while True:
            answer = await self._send("POST", f"data_sources/{data_source}/query", body=body, repeatable=True)
            if (answer.get("request_status") or {}).get("type") == "incomplete":
                raise NotionError(
                    "Notion cut the answer to a query short (more than 10,000 rows)",
                    remedy="Move ended releases out of the Checks database",
                )
            for page in answer["results"]:
                yield page
            if not answer["has_more"]:
                return
            body["start_cursor"] = answer["next_cursor"]

    async def children(self, block: str) -> AsyncIterator[Json]:
        """The blocks directly below a page or block."""
        query: Json = {"page_size": PAGE_SIZE}
        while True:
            answer = await self.get(f"blocks/{block}/children", query)
            for child in answer["results"]:
                yield child
            if not answer["has_more"]:
                return
            query["start_cursor"] = answer["next_cursor"]

    async def _note(self, response: httpx.Response) -> None:
        date = response.headers.get("date")
        if date:
            self.server_time = parsedate_to_datetime(date).astimezone(UTC)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool,
        query: Mapping[str, Any] | None = None,
        body: Json | None = None,
        form: Json | None = None,
    ) -> Json:
        attempt = 0
        while True:
            attempt += 1
            self.requests += 1
            try:
                answer: Json = await self._sdk.request(
                    path, method, query=dict(query) if query else None, body=body, form_data=form
                )
            except (HTTPResponseError, RequestTimeoutError, httpx.HTTPError, ValueError) as error:
                wait = self._wait(error, attempt, repeatable)
                if wait is None:
                    raise self._translated(error, f"{method} {path}", repeatable) from error
                await self._sleep(wait)
            else:
                return answer

    def _wait(self, error: Exception, attempt: int, repeatable: bool) -> float | None:
        """How many seconds to wait before the next attempt; None: no further attempt."""
        if isinstance(error, HTTPResponseError):
            reason = (error.additional_data or {}).get("rate_limit_reason")
            if attempt >= ATTEMPTS or reason == _NEVER_AGAIN:
                return None
            if error.status in _RATE_LIMITED:
                # The request was refused before anything was done, so even a create may be repeated.
                return _retry_after(error.headers)
            if error.status != 409 and (error.status < 500 or not repeatable):
                return None
            return _BACK_OFF[attempt - 1]
        never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        if attempt >= ATTEMPTS or not (repeatable or never_sent):
            return None
        return _BACK_OFF[attempt - 1]

    def _translated(self, error: Exception, what: str, repeatable: bool) -> NotionError:
        if isinstance(error, HTTPResponseError):
            return self._refused(error, what, repeatable)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return NotionError(
                f"Notion at {self.base_url} cannot be reached: {error}",
                remedy="Check the network and NOTION_BASE_URL; or use the built-in one with --local",
            )
        kind = NotionError if repeatable else UnknownOutcome
        return kind(
            f"{what}: no usable answer from Notion at {self.base_url} ({type(error).__name__})",
            remedy="Run the same command again: what was done is found again and not done twice",
        )

    def _refused(self, error: HTTPResponseError, what: str, repeatable: bool) -> NotionError:
        code, text = str(getattr(error.code, "value", error.code)), str(error)
        if error.status == 401:
            return NotionError(
                f"Notion refuses the token: {text}",
                status=401,
                code=code,
                permanent=True,
                remedy="Set NOTION_TOKEN to your integration's secret; or use the built-in Notion: --local",
            )
        if error.status == 404:
            return NotionNotFound(
                f"{what}: {text}",
                status=404,
                code=code,
                permanent=True,
                remedy="Share the page with the integration in Notion (page menu, Connections)",
            )
        if error.status >= 500 and not repeatable:
            unknown = UnknownOutcome(
                f"{what}: {text}", status=error.status, code=code, remedy="Run the same command again"
            )
            unknown.committed = str((error.additional_data or {}).get("committed_resource_id") or "")
            return unknown
        permanent = 400 <= error.status < 500 and error.status not in (409, 429)
        remedy = (
            "Run the command again later"
            if not permanent
            else "Run: ultra-checklist init, which repairs the columns"
        )
        return NotionError(f"{what}: {text}", status=error.status, code=code, permanent=permanent, remedy=remedy)


def _retry_after(headers: httpx.Headers) -> float:
    """Seconds that a Retry-After header asks for, in full (RFC 9110, section 10.2.3); 1 without one."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 1.0

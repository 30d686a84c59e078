"""The one door to Notion: pinned version, pacing, retries, errors in our words.

The SDK's own retries are switched off: it cuts Retry-After at 60 s, repeats no PATCH after a 5xx, and
two layers of retries would multiply. Notion has no idempotency key, so a create whose answer is lost is
looked for before it is sent again.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
from notion_client import AsyncClient
from pydantic import ValidationError

from ultra_checklist import __version__, disk
from ultra_checklist.errors import DeadlineError, NotionError, StateError
from ultra_checklist.notion import failures
from ultra_checklist.notion.failures import UnknownOutcome
from ultra_checklist.notion.pacing import Pacer
from ultra_checklist.notion.retry import ATTEMPTS, Memory, Retries, Trouble
from ultra_checklist.trust import trust
from ultra_checklist.words import Words

NOTION_VERSION: Final = "2026-03-11"
WRITES_IN_FLIGHT: Final = 6
PAGE_SIZE: Final = 100
INDEX_LAG: Final = 60.0
"""Seconds by which Notion's index may lag behind what was written."""
READ_BACK: Final = (0.0, 1.0, 3.0, 8.0, 20.0, 60.0)
"""Seconds between looks for something whose creation got no answer, for that lag."""
READ_BACK_BLOCKS: Final = (0.0, 1.0, 3.0)
"""The same for blocks, which are read without the index."""

Json = dict[str, Any]
Sleep = Callable[[float], Awaitable[object]]


def boot_time() -> float:
    """Seconds since this machine started: never set back, and the same for all of its processes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Notion:
    """Notion's API as this product uses it. Close it, or use it with ``async with``.

    ``memory`` is a file that keeps what outlives the process (see ``retry.Memory``); ``reserve`` is how many
    requests of a minute stay free for others; ``index_lag`` is by how many seconds queries may lag behind
    writes; ``told`` hears of waits, in seconds; ``attempts`` is how often one request is sent at most.
    """

    def __init__(
        self,
        token: str,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float = 60.0,
        sleep: Sleep = asyncio.sleep,
        steady: Callable[[], float] = boot_time,
        memory: Path | None = None,
        reserve: int = 0,
        index_lag: float = INDEX_LAG,
        told: Callable[[float], object] = lambda _seconds: None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.server_time: datetime | None = None
        """Notion's clock as of the newest answer (its Date header)."""
        self.requests = 0
        """How many requests were sent."""
        self.limited = 0
        """How many of them were turned away, because there were too many or Notion had too much to do."""
        self._sleep = sleep
        self._steady = steady
        self._memory = memory
        self._told = told
        self._attempts = attempts
        self._lag_share = index_lag / INDEX_LAG
        self._deadline: float | None = None
        self._kept = self._remembered()
        self._retries = Retries(self._kept)
        self._pacer = Pacer(self._retries.memory.rate, reserve=reserve)
        self._writes = asyncio.Semaphore(WRITES_IN_FLIGHT)
        self._run, self._passes = secrets.token_hex(4), 0
        self._http = httpx.AsyncClient(
            # A local Notion needs no authorities; for the real one httpx reads those that the environment names.
            verify=trust(self.base_url) if self.base_url.startswith("http:") else True,
            transport=transport,
            event_hooks={"request": [self._sign], "response": [self._note]},
        )
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

    def begin(self, seconds: float | None = None) -> None:
        """Begin a pass, which may last so long: fresh retry budgets, and what others have learned meanwhile."""
        self._deadline = None if seconds is None else self._steady() + seconds
        if self._memory is not None:
            self._kept = self._retries.memory = self._remembered()
            self._pacer.rate = self._kept.rate
        self._retries.begin()
        self._passes += 1

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """Read an object."""
        return await self._send("GET", path, query=query, repeatable=True)

    async def patch(self, path: str, body: Json) -> Json:
        """Set values: doing it twice is doing it once."""
        async with self._writes:
            return await self._send("PATCH", path, body=body, repeatable=True)

    async def create(self, path: str, body: Json, *, spent: int = 0) -> Json:
        """Make something, or append: not repeatable. Raises UnknownOutcome when it may have happened.

        ``spent`` is how often the same was sent before.
        """
        method = "PATCH" if path.endswith("/children") else "POST"
        async with self._writes:
            return await self._send(method, path, body=body, repeatable=False, attempt=spent)

    async def create_once(
        self,
        path: str,
        body: Json,
        look: Callable[[], Awaitable[Any]],
        *,
        delays: tuple[float, ...] = READ_BACK,
    ) -> Any:
        """Create, and where the answer is lost look for it before the next try.

        Returns Notion's answer, or what ``look`` found. Raises UnknownOutcome when it stays unknown.
        """
        spent = 0
        while True:
            try:
                return await self.create(path, body, spent=spent)
            except UnknownOutcome as error:
                if error.committed and path == "pages":
                    return await self.get(f"pages/{error.committed}")
                found = await self.look_for(look, delays)
                if found is not None:
                    return found
                spent = error.attempts
                if spent >= ATTEMPTS:
                    raise

    async def look_for(self, look: Callable[[], Awaitable[Any]], delays: tuple[float, ...] = READ_BACK) -> Any:
        """Look again and again, for as long as Notion's index may lag; None: it is not there."""
        for number, wait in enumerate(delays):
            if number and self._lag_share == 0:
                break
            await self._wait(wait * self._lag_share)
            found = await look()
            if found is not None:
                return found
        return None

    async def upload(self, name: str, content: bytes, content_type: str) -> str:
        """Upload a file in one part; the id that comes back can be attached.

        An upload that nothing refers to is seen by nobody, and Notion drops it after an hour: so where an
        answer is lost, a new one is begun.
        """
        spent = 0
        while True:
            try:
                wanted = {"mode": "single_part", "filename": name, "content_type": content_type}
                made = await self.create("file_uploads", wanted, spent=spent)
                if await self._send_file(str(made["id"]), (name, content, content_type)):
                    return str(made["id"])
                spent += 1
            except UnknownOutcome as error:
                spent = error.attempts
            if spent >= ATTEMPTS:
                raise NotionError(_NOT_UPLOADED.filled(name=name), remedy=failures.RUN_AGAIN)

    async def _send_file(self, upload_id: str, file: tuple[str, bytes, str]) -> bool:
        """Send a file's bytes; returns whether they have arrived."""
        try:
            async with self._writes:
                await self._send("POST", f"file_uploads/{upload_id}/send", form={"file": file}, repeatable=False)
        except UnknownOutcome:
            return bool((await self.get(f"file_uploads/{upload_id}"))["status"] == "uploaded")
        return True

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
                raise NotionError(_CUT_SHORT, remedy=_MOVE_ENDED)
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

    async def _sign(self, request: httpx.Request) -> None:
        """Say who asks, and in which pass: a log of requests can then be read, and checked, pass by pass."""
        request.headers["user-agent"] = f"ultra-checklist/{__version__} (run {self._run}.{self._passes})"

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
        attempt: int = 0,
    ) -> Json:
        what = f"{method} {path}"
        while True:
            attempt += 1
            await self._admitted(what)
            try:
                async with asyncio.timeout(self._left()):
                    answer: Json = await self._sdk.request(
                        path, method, query=dict(query) if query else None, body=body, form_data=form
                    )
            except TimeoutError:
                raise _too_late(_NO_ANSWER.filled(what=what)) from None
            except failures.ERRORS as error:
                wait = self._failed(error, attempt, repeatable)
                if wait is None:
                    ours = failures.translated(error, what, self.base_url, repeatable=repeatable)
                    if isinstance(ours, UnknownOutcome):
                        ours.attempts = attempt
                    raise ours from error
                await self._wait(wait)
            else:
                self._retries.answered()
                self._remember()
                return answer

    async def _admitted(self, what: str) -> None:
        """Wait until a request may go out. Raises NotionError while Notion is left alone."""
        while True:
            wait = max(self._retries.rest(self._steady()), self._pacer.rest(self._steady()))
            if wait <= 0:
                break
            await self._wait(wait)
        if not self._retries.may_send():
            times = str(self._retries.memory.failures)
            told = _NOT_SENT.filled(what=what, url=self.base_url, n=times)
            raise NotionError(told, remedy=_TRIES_AGAIN)
        self._pacer.sent(self._steady())
        self.requests += 1

    def _failed(self, error: Exception, attempt: int, repeatable: bool) -> float | None:
        failure, now = failures.failure_of(error), self._steady()
        self.limited += failure.trouble is Trouble.LIMITED
        wait = self._retries.failed(failure, now, attempt=attempt, repeatable=repeatable)
        if failure.wait is not None and failures.tells_rate(error):
            self._retries.limited(self._pacer.limited(now, failure.wait))
        self._remember()
        return None if attempt >= self._attempts else wait

    async def _wait(self, seconds: float) -> None:
        left = self._left()
        if left is not None and seconds >= left:
            raise _too_late(_LEFT_ALONE.filled(seconds=f"{seconds:.0f}"))
        if seconds > 0:
            self._told(seconds)
            await self._sleep(seconds)

    def _left(self) -> float | None:
        """Seconds until the deadline, None without one."""
        return None if self._deadline is None else max(0.0, self._deadline - self._steady())

    def _remembered(self) -> Memory:
        try:
            return Memory() if self._memory is None else Memory.model_validate_json(self._memory.read_bytes())
        except (OSError, ValidationError):
            return Memory()

    def _remember(self) -> None:
        if self._memory is None or self._retries.memory == self._kept:
            return
        self._kept = self._retries.memory
        try:
            disk.replace(self._memory, self._kept.model_dump_json().encode())
        except StateError:
            # What is lost is politeness, not truth: where the disk is full, the work itself will say so.
            self._kept = Memory()


def _too_late(what: Words) -> DeadlineError:
    return DeadlineError(_TOO_LATE.filled(what=what), remedy=_NEXT_PASS)


_NOT_UPLOADED = Words(en="{name} could not be uploaded", ja="{name} をアップロードできませんでした")
_CUT_SHORT = Words(
    en="Notion cut the answer to a query short (more than 10,000 rows)",
    ja="Notion の検索結果が途中で打ち切られました（10,000 行超）",
)
_MOVE_ENDED = Words(
    en="Move ended releases out of the Checks database",
    ja="終了したリリースの行をデータベース「チェック」の外に移動してください",
)
_NO_ANSWER = Words(en="{what}: no answer", ja="{what}: 応答なし")
_NOT_SENT = Words(
    en="{what}: not sent, because Notion at {url} failed {n} times in a row",
    ja="{what}: Notion（{url}）が {n} 回続けて失敗したため送信していません",
)
_TRIES_AGAIN = Words(
    en="Nothing to do: one request a pass tries whether Notion answers again",
    ja="対応不要です（パスごとに 1 回、応答を確認します）",
)
_LEFT_ALONE = Words(
    en="Notion is to be left alone for {seconds} s", ja="Notion へのアクセスを {seconds} 秒控える必要があります"
)
_TOO_LATE = Words(en="{what}, and this pass has no time left for it", ja="{what}（このパスの制限時間に達しました）")
_NEXT_PASS = Words(
    en="Nothing to do: the next pass goes on where this one stopped",
    ja="対応不要です（次のパスが続きから実行します）",
)

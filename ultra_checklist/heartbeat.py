"""Tells a monitor from outside that the worker lives: healthchecks.io's way, which others understand too.

``URL/start`` as a pass begins, ``URL`` as it succeeds, ``URL/fail`` with a line of text as it fails. Best effort:
what goes wrong here changes nothing of the pass.
"""

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from ultra_checklist.sending import Answer, ask

SECONDS: Final = 2.0
"""How long one request may take; there are two a pass, and the first runs while the pass does."""
EVERY: Final = 60.0
"""Seconds between two beats at the least, however often passes are made."""
LONGEST: Final = 400
"""Characters of what is said of a failure."""


class Heartbeat:
    """Beats of one worker to ``url``; an empty one: to nobody. ``steady`` is a clock that is never set back."""

    def __init__(self, url: str, steady: Callable[[], float]) -> None:
        self._url = url
        self._steady = steady
        self._last: float | None = None
        self._started: asyncio.Task[Answer] | None = None

    def begin(self) -> None:
        """A pass begins; nothing waits for that to be told."""
        self._started = asyncio.create_task(self._ask("GET", "start")) if self._is_time() else None

    async def end(self, failure: str = "") -> str | None:
        """The pass has ended, with a ``failure`` that is safe to be told, or well.

        One that failed before it could begin is told, too. Returns why that could not be told; empty: it was;
        None: it was not to be told now.
        """
        first, self._started = self._started, None
        if first is None and not (failure and self._is_time()):
            return None
        # A success that overtakes its start would begin a run that never ends.
        started = await first if first is not None else Answer(status=200)
        ended = await (self._ask("POST", "fail", failure) if failure else self._ask("GET", ""))
        return _trouble(started) or _trouble(ended)

    def _is_time(self) -> bool:
        now = self._steady()
        if not self._url or (self._last is not None and now - self._last < EVERY):
            return False
        self._last = now
        return True

    async def _ask(self, method: str, action: str, text: str = "") -> Answer:
        headers = {"content-type": "text/plain; charset=utf-8"} if text else None
        body = text[:LONGEST].encode() if text else None
        return await ask(method, _with(self._url, action), seconds=SECONDS, headers=headers, body=body)


def _with(url: str, action: str) -> str:
    """The address of an action: behind the path, before what follows a question mark."""
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/{action}" if action else parts.path
    return urlunsplit(parts._replace(path=path))


def _trouble(answer: Answer) -> str:
    """Why it was not taken."""
    if answer.trouble:
        return answer.trouble
    return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"

"""The worker: passes one at a time, once or for ever. One worker a state folder, held by flock."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

from ultra_checklist import disk
from ultra_checklist.errors import CannotTellError, DeadlineError, StateError
from ultra_checklist.words import Lang, Words

WAIT = 60.0
"""Seconds that a gate waits for a pass that is running."""
POLL = 0.1
"""Seconds between two tries for a lock that another process holds."""
AT_WORK = 300.0
"""Seconds after news for which people are taken to be at work."""
QUIET = 10.0
"""Seconds between passes at the most, while nothing happens."""


class Busy(StateError):
    """Another process holds the lock of this state folder."""


@contextmanager
def hold(home: Path, *, wait: bool, name: str = "worker") -> Iterator[None]:
    """Hold a lock of the state folder. Raises Busy when another process has it and ``wait`` is false.

    The lock belongs to the open file: a kill frees it, and a child does not inherit it.
    """
    with ExitStack() as held:
        try:
            held.enter_context(disk.locked(home / f"{name}.lock", wait=wait))
        except BlockingIOError:
            raise Busy(_BUSY, remedy=_IT_WORKS) from None
        yield


@asynccontextmanager
async def hold_within(home: Path, seconds: float) -> AsyncIterator[None]:
    """Hold the worker's lock as soon as it is free. Raises CannotTellError when it is not within ``seconds``."""
    with ExitStack() as held:
        waited = 0.0
        while True:
            try:
                held.enter_context(hold(home, wait=False))
                break
            except Busy:
                if waited >= seconds:
                    raise CannotTellError(_HELD.filled(seconds=f"{seconds:g}"), remedy=_ASK_AGAIN) from None
            await asyncio.sleep(POLL)
            waited += POLL
        yield


@contextmanager
def watchdog(seconds: float, lang: Lang = "en") -> Iterator[None]:
    """End this process when the body has not ended by then: a hung pass must not hold the lock for ever."""
    timer = threading.Timer(seconds, _give_up, (_HUNG.say(lang),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up(told: str) -> None:
    os.write(2, f"{told}\n".encode())
    os._exit(DeadlineError.exit_code)


class Pace:
    """How long to wait between passes: ``every`` seconds while people are at work, longer and longer when not."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._news: float | None = None

    def wait(self, now: float, *, news: bool) -> float:
        """Seconds until the next pass, after one that brought ``news`` or none; ``now`` is of any steady clock."""
        if news or self._news is None:
            self._news = now
        slower: float = 2.0 ** min((now - self._news) // AT_WORK, 30.0)
        return max(self._every, min(self._every * slower, QUIET))


async def watch(
    home: Path,
    one_pass: Callable[[], Awaitable[bool]],
    *,
    every: float,
    stop: asyncio.Event,
    wake: asyncio.Event | None = None,
) -> None:
    """Pass after pass until ``stop`` is set; what Notion cannot answer now is tried again at the next pass.

    ``one_pass`` tells what it does, and of errors, and returns whether it found news; ``every`` seconds are
    between two while it does, and up to ``QUIET`` when it does not (see ``Pace``). ``wake`` begins one at once.
    Between passes nobody holds the lock, so that other commands get their turn.
    """
    pace, woken = Pace(every), wake or asyncio.Event()
    while not stop.is_set():
        news = woken.is_set()
        woken.clear()
        # What cannot be told now can be at the next pass; another process's pass is as good as ours.
        with suppress(Busy, CannotTellError), hold(home, wait=False):
            news = await one_pass() or news
        await _either(stop, woken, pace.wait(time.monotonic(), news=news))


async def _either(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    """Wait so long at most, or until one of the two is set."""
    tasks = [asyncio.ensure_future(event.wait()) for event in (stop, wake)]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT end a watch after the running pass."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


_BUSY = Words(en="another pass is running with this state folder", ja="この状態フォルダで別のパスが実行中です")
_IT_WORKS = Words(en="Nothing to do: it does the work", ja="対応不要です（実行中のパスが処理します）")
_HELD = Words(
    en="another pass has held this state folder for more than {seconds} s",
    ja="別のパスがこの状態フォルダを {seconds} 秒以上使用しています",
)
_ASK_AGAIN = Words(
    en="Ask again; when it stays so, look which `ultra-checklist` hangs and end it",
    ja="再実行してください。続く場合は、停止している `ultra-checklist` を特定して終了してください",
)
_HUNG = Words(
    en="error: the pass hung and was stopped; the next one goes on where it was",
    ja="エラー: パスが応答しないため停止しました。次のパスが続きから実行します",
)

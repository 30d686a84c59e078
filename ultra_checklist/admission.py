"""The moment in which a guarded command may begin: its gates are asked, and it begins while their answer holds."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from ultra_checklist.errors import RefusedError
from ultra_checklist.release import Release
from ultra_checklist.words import Words
from ultra_checklist.worker import hold

T = TypeVar("T")

ROUNDS = 5
"""How often the gates are asked again because something happened between their answer and the beginning."""
_UNTOUCHED = ("gate",)
"""Kinds of journal lines that change nothing that a gate has answered."""


async def admit(
    reopen: Callable[[], Release],
    home: Path,
    ask: Callable[[], Awaitable[None]],
    begin: Callable[[Release], Awaitable[T]],
    *,
    wait: bool = True,
) -> T:
    """Ask, then begin under the worker's lock, unless something was filed since the answer: then ask again.

    ``reopen`` reads the release from the disk, ``ask`` raises what forbids the beginning. Raises RefusedError
    where the release has ended or gets no rest, and Busy where ``wait`` is false and a pass is running.
    """
    for _ in range(ROUNDS):
        await ask()
        known = len(_unended(reopen()).journal.entries())
        with hold(home, wait=wait):
            release = _unended(reopen())
            if all(entry.kind in _UNTOUCHED for entry in release.journal.entries()[known:]):
                return await begin(release)
    raise RefusedError(_RESTLESS, remedy=_TRY_AGAIN)


def _unended(release: Release) -> Release:
    if release.history.sealed is not None or not release.open:
        raise RefusedError(_ENDED.filled(key=release.manifest.key), remedy=_LIST)
    return release


_RESTLESS = Words(
    en="the release changes all the time, so no gate's answer holds",
    ja="リリースが変更され続けているため、ゲートの判定が確定しません",
)
_TRY_AGAIN = Words(
    en="Wait until nobody edits its rows, then run it again", ja="行の編集が落ち着いてから再実行してください"
)
_ENDED = Words(en="{key} has ended", ja="{key} は終了しています")
_LIST = Words(
    en="ultra-checklist status lists what is open", ja="進行中のリリースは ultra-checklist status で確認できます"
)

"""The ending that an operator has chosen on the page, and what it still waits for. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ultra_checklist.history import History
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Ending, Frozen, Lang, Words
from ultra_checklist.notion.rows import ReleaseRow
from ultra_checklist.notion.schema import ENDING_WORDS
from ultra_checklist.states import State

MARK = " ⚠ "
"""Stands between the honesty line and what an ending waits for."""
AGAIN = timedelta(minutes=10)
"""How often an ending that could not be done is tried again, while it stays chosen as it is."""

_NO_REASON = Words(
    en="Close: {ending} waits for a reason; write it into Close reason",
    ja="終了操作「{ending}」には理由が必要です。「終了理由」に書いてください",
)
_OPEN = Words(
    en="Close: {ending} waits until every required check is settled",
    ja="終了操作「{ending}」は必須項目がすべて確定するのを待っています",
)
_FAILS = Words(
    en="Close: {ending} is not so: {items} fails on the last good commit; finish the rollback, or choose Aborted",
    ja="終了操作「{ending}」は未達です: {items} が直前の正常コミットで不合格。"
    "ロールバックを完了するか「中止」を選んでください",
)


class Asked(Frozen):
    """An ending that was chosen, with the reason that was given."""

    ending: Ending
    reason: str


def asked(page: ReleaseRow | None) -> Asked | None:
    """The ending that is chosen on the page, None: none."""
    if page is None or page.close not in set(Ending):
        return None
    return Asked(ending=Ending(page.close), reason=page.close_reason.strip())


def waits_for(
    wish: Asked | None, manifest: Manifest, history: History, states: Mapping[str, State], lang: Lang
) -> str:
    """What a chosen ending waits for, in words; empty: nothing."""
    if wish is None or wish.ending not in ENDING_WORDS:
        return ""
    gaps = {"ending": ENDING_WORDS[wish.ending].say(lang)}
    if wish.ending is Ending.COMPLETE:
        # Not which: that changes with every tick, and would cost a request each.
        if all(states[item.id].settled for item in manifest.items if item.required):
            return ""
        words = _OPEN
    elif not wish.reason:
        words = _NO_REASON
    elif _refused(wish, history):
        words = _FAILS
        gaps["items"] = ", ".join((history.refused or {}).get("items", ()))
    else:
        return ""
    return words.say(lang, **gaps)


def may_try(wish: Asked, history: History, now: datetime) -> bool:
    """Whether an ending that was chosen is to be done now, as far as the wish itself goes."""
    if wish.ending is not Ending.COMPLETE and not wish.reason:
        return False
    if not _refused(wish, history) or history.refused_at is None:
        return True
    return not timedelta() <= now - history.refused_at < AGAIN


def _refused(wish: Asked, history: History) -> bool:
    before = history.refused or {}
    return (before.get("ending"), before.get("reason")) == (wish.ending.value, wish.reason)

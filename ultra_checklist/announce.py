"""Tells the hooks of an ending, each at least once, and shows on the page how far they have come.

The release has ended before any of them runs: a hook that fails is shown and tried again, and undoes nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from ultra_checklist.bench import Bench
from ultra_checklist.errors import HookFailed, NotionError
from ultra_checklist.hooks import about, cleaned
from ultra_checklist.model import Ending, Lang, Status, Words, digest
from ultra_checklist.notion import blocks
from ultra_checklist.notion.client import READ_BACK_BLOCKS, Json
from ultra_checklist.notion.rows import plain
from ultra_checklist.notion.schema import STATUS_WORDS
from ultra_checklist.record import HookState
from ultra_checklist.release import Release
from ultra_checklist.words import LANGS

CLOSED: Final = "closed"
"""The event: a release has ended."""
AT_ONCE = 2
"""Attempts in a row, before a later pass tries again."""
PAUSE = 1.0
"""Seconds between these."""
BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360))
LIFE = timedelta(hours=24)
"""After the ending a hook is tried for so long, then it is given up."""

HEAD = Words(en="Hooks: ", ja="フック: ")
_TO_RUN = Words(en="{name} is to run", ja="{name} は実行前")
_DONE = Words(en="{name} done {time}", ja="{name} 完了 {time}")
_FAILED = Words(en="{name} failed ({why}), tried again at {time}", ja="{name} 失敗（{why}）、{time} に再試行")
_HOOK = Words(en="{key}: hook {hook}", ja="{key}: フック {hook}")
_GIVEN_UP = Words(en="{name} given up ({why})", ja="{name} 断念（{why}）")


def said(release: Release, lang: Lang) -> list[str]:
    """One piece for each hook: how far it has come."""
    return [_piece(state, release).say(lang) for state in release.history.hooks.values()]


def line(release: Release, lang: Lang) -> str:
    """What the page says about the hooks."""
    return HEAD.say(lang) + " · ".join(said(release, lang))


def payload_of(release: Release, hook: str, event: str = CLOSED) -> dict[str, Any]:
    """What a hook is told. Its idempotency key is the same for every attempt. The release must be sealed."""
    manifest, sealed = release.manifest, dict(release.history.sealed or {})
    told = ("ending", "reason", "commit", "operators", "started", "ended", "host", "made_of", "journal")
    return {
        "event": event,
        **about(manifest),
        "rollback": sealed.get("rollback", []),
        "idempotency_key": digest([manifest.key, event, hook]),
    } | {name: sealed[name] for name in told}


def is_due(bench: Bench, release: Release) -> bool:
    """Whether something is to be done now: a hook to run, or news of one to show."""
    return bool(_due(bench, release)) or _is_news(bench, release)


class Announcer:
    """The hooks of one release that has ended. ``redact`` knows the release's secrets."""

    def __init__(self, bench: Bench, release: Release, redact: Callable[[str], str]) -> None:
        self._bench = bench
        self._release = release
        self._redact = redact

    async def run(self) -> list[Words]:
        """Run the hooks that are due and show what came of it; returns what failed, in words.

        Raises NotionError where the page cannot be written now; the next pass writes it.
        """
        due = _due(self._bench, self._release)
        for state in due:
            await self._tell(state)
        if _is_news(self._bench, self._release):
            await self._show()
        key, hooks = self._release.manifest.key, self._release.history.hooks
        failed = [hooks[state.name] for state in due if hooks[state.name].done is None]
        return [_HOOK.filled(key=key, hook=_piece(state, self._release)) for state in failed]

    async def _tell(self, state: HookState) -> None:
        payload: Mapping[str, Any] = cleaned(payload_of(self._release, state.name), self._redact)
        for attempt in range(1, AT_ONCE + 1):
            try:
                lang = self._bench.workspace.lang
                await self._bench.hooks.deliver(state.name, payload, self._headline(lang), lang)
            except HookFailed as error:
                if error.permanent or attempt == AT_ONCE:
                    self._failed(state, error)
                    return
                await asyncio.sleep(PAUSE)
            else:
                self._release.record("hook", {"hook": state.name, "event": CLOSED, "done": True})
                return

    def _failed(self, state: HookState, error: HookFailed) -> None:
        wait = BACK_OFF[min(state.failures, len(BACK_OFF) - 1)]
        again, ended = self._bench.clock() + wait, self._release.history.ended_at
        over = ended is not None and again - ended > LIFE
        why = {lang: self._redact(error.message.say(lang))[:200] for lang in LANGS}
        following = None if over else again.isoformat()
        outcome = {"done": False, "why": why, "given_up": over, "next": following}
        self._release.record("hook", {"hook": state.name, "event": CLOSED, **outcome})

    def _headline(self, lang: Lang) -> str:
        manifest, sealed = self._release.manifest, self._release.history.sealed or {}
        word = STATUS_WORDS[Status(Ending(sealed["ending"]).value)].say(lang)
        return f"{manifest.name} ({manifest.environment}): {word}"

    async def _show(self) -> None:
        """Write the line about the hooks where the record has it, or below the record."""
        text = line(self._release, self._bench.workspace.lang)
        try:
            there = await self._block()
            self._bench.written += 1
            if there is not None:
                await self._bench.notion.patch(f"blocks/{there['id']}", blocks.paragraph(text))
            else:
                page = self._release.manifest.page_id
                body = {"children": [blocks.paragraph(text)]}
                await self._bench.notion.create_once(
                    f"blocks/{page}/children", body, self._block, delays=READ_BACK_BLOCKS
                )
        except NotionError as error:
            if not error.permanent or error.status == 401:
                raise
            # The page or the line is in the trash: the journal and `status` say it all the same.
        self._release.record("hooks-told", {"text": text})

    async def _block(self) -> Json | None:
        """The paragraph that speaks of the hooks: as the record's making told it, else looked for."""
        made = self._release.history.steps.get("record")
        if isinstance(made, Mapping) and made.get("hooks"):
            return {"id": made["hooks"]}
        heads = (HEAD.en, HEAD.ja)
        async for child in self._bench.notion.children(self._release.manifest.page_id):
            if child["type"] == "paragraph" and plain(child["paragraph"]["rich_text"]).startswith(heads):
                return child
        return None


def _due(bench: Bench, release: Release) -> list[HookState]:
    now = bench.clock()
    waiting = (s for s in release.history.hooks.values() if s.done is None and not s.given_up)
    # A clock that was set back must not put the next attempt off.
    return [s for s in waiting if s.next is None or s.next <= now or s.next - now > max(BACK_OFF)]


def _is_news(bench: Bench, release: Release) -> bool:
    return bool(release.history.hooks) and release.history.hooks_told != line(release, bench.workspace.lang)


def _piece(state: HookState, release: Release) -> Words:
    words = _TO_RUN
    if state.done is not None:
        words = _DONE
    elif state.given_up:
        words = _GIVEN_UP
    elif state.failures:
        words = _FAILED
    return words.filled(name=state.name, time=_day_and_time(release, state), why=state.why)


def _day_and_time(release: Release, state: HookState) -> str:
    time: datetime | None = state.done or state.next
    return time.astimezone(release.zone).strftime("%m-%d %H:%M") if time is not None else ""

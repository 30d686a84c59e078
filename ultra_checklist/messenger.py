"""Tells people of news while a release runs: one message a pass and channel, and never twice of the same.

The intent is in the journal before anything is sent. After a kill, or an answer that leaves it open, nobody knows
whether it was: it is not sent again. What was refused, or never left, is tried again a few times. No failure here
holds up a pass or changes what a row shows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from ultra_checklist.bench import Bench
from ultra_checklist.config import COMMENT
from ultra_checklist.errors import DeadlineError, HookFailed, NotionError
from ultra_checklist.escape import shorten, visible
from ultra_checklist.hooks import about, cleaned
from ultra_checklist.model import Lang, digest
from ultra_checklist.notices import TELLING, TOLD, Newsroom, Notice, Told, told
from ultra_checklist.notion.failures import UnknownOutcome
from ultra_checklist.notion.rows import rich_text
from ultra_checklist.redact import Redactor
from ultra_checklist.release import Release
from ultra_checklist.retreat import retreat
from ultra_checklist.situations import View
from ultra_checklist.states import State
from ultra_checklist.words import Words, joined

EVENT: Final = "news"
MOST = 20
"""Pieces of news that one message holds; the rest is counted."""
LONGEST = 1000
"""Characters of one of them."""

_MORE = Words(en="and {n} more", ja="ほか {n} 件")
_FAILED = Words(en="notifications: {channel} failed ({why})", ja="通知: {channel} 失敗（{why}）")
_NO_RIGHT = Words(
    en="the integration may not comment: give it the capability Insert comments",
    ja="インテグレーションにコメントの権限がありません。「コメントの挿入」を許可してください",
)


def failures(release: Release, lang: Lang) -> list[str]:
    """What ``status`` says of channels that could not deliver last."""
    known = told(release.journal.entries())
    return [_FAILED.say(lang, channel=c, why=t.why.say(lang)) for c, t in known.items() if t.why is not None]


class Messenger:
    """The news of one open release. ``redactor`` is asked for what knows its secrets, once there is news."""

    def __init__(self, bench: Bench, release: Release, redactor: Callable[[Release], Redactor]) -> None:
        self._bench = bench
        self._release = release
        self._redactor = redactor

    async def run(self, view: View, states: Mapping[str, State]) -> list[Words]:
        """Tell every channel what it does not know yet; returns what has begun to fail. Raises StateError."""
        release, hooks = self._release, self._bench.hooks
        if not hooks.channels or release.history.sealed is not None or release.page_in_trash:
            return []
        entries = release.journal.entries()
        known, now = told(entries), self._bench.clock()
        room = Newsroom(view, states, entries, retreat(release, view, states), self._bench.machine)
        news, problems = room.notices(hooks.events), list[Words]()
        for channel in hooks.channels:
            before = known.get(channel, Told())
            due = [notice for notice in news if before.wants(notice, now)]
            why = await self._tell(channel, due) if due else None
            if why is not None and why != before.why:
                said = _FAILED.filled(channel=channel, why=why)
                problems.append(joined((release.manifest.key, said), ": "))
        return problems

    async def _tell(self, channel: str, due: Sequence[Notice]) -> Words | None:
        """One message; returns why it failed."""
        names = sorted({name for notice in due for name in notice.names})
        self._release.record(TELLING, {"channel": channel, "names": names, "events": [n.event for n in due]})
        redact, why, unsent = self._redactor(self._release).text, None, False
        try:
            if channel == COMMENT:
                await self._comment(due, redact)
            else:
                lang = self._bench.workspace.lang
                payload = cleaned(self._payload(channel, due, names, lang), redact)
                await self._bench.hooks.deliver(channel, payload, self._headline(), lang)
        except HookFailed as error:
            why, unsent = error.message, error.unsent
        except DeadlineError as error:
            why = error.message
        except NotionError as error:
            unsent = not isinstance(error, UnknownOutcome)
            why = _NO_RIGHT if error.status == 403 else error.message
        if why is not None:
            why = Words(en=redact(why.en)[:200], ja=redact(why.ja)[:200])
        outcome = {"done": why is None, "unsent": unsent, "why": asdict(why) if why is not None else None}
        self._release.record(TOLD, {"channel": channel, "names": names, **outcome})
        return why

    async def _comment(self, due: Sequence[Notice], redact: Callable[[str], str]) -> None:
        """On the row where one check is concerned, else on the release's page; whoever ticked is mentioned."""
        manifest, lang = self._release.manifest, self._bench.workspace.lang
        items = {notice.item for notice in due}
        page = manifest.rows.get(next(iter(items)), "") if len(items) == 1 else ""
        pieces: list[dict[str, Any]] = []
        for number, notice in enumerate(due[:MOST]):
            pieces += rich_text("\n") if number else []
            if notice.by is not None:
                pieces.append({"type": "mention", "mention": {"type": "user", "user": {"id": notice.by.id}}})
            said = visible(redact(notice.text.say(lang)), lines=True)
            pieces += rich_text(f"{' ' if notice.by is not None else ''}{shorten(said, LONGEST)}")
        if len(due) > MOST:
            pieces += rich_text("\n" + _MORE.say(lang, n=len(due) - MOST))
        body = {"parent": {"page_id": page or manifest.page_id}, "rich_text": pieces}
        self._bench.written += 1
        await self._bench.notion.create("comments", body)

    def _payload(self, channel: str, due: Sequence[Notice], names: Sequence[str], lang: Lang) -> dict[str, Any]:
        manifest = self._release.manifest
        news = [_plain(notice, lang) for notice in due[:MOST]]
        if len(due) > MOST:
            last = {"event": "more", "text": _MORE.say(lang, n=len(due) - MOST), "at": due[-1].at}
            news.append(last | {"item": "", "number": "", "by": None, "at": _iso(due[-1].at)})
        return {
            "event": EVENT,
            **about(manifest),
            "host": manifest.machine.name,
            "news": news,
            "idempotency_key": digest([manifest.key, EVENT, channel, *names]),
        }

    def _headline(self) -> str:
        manifest = self._release.manifest
        return f"{manifest.name} ({manifest.environment})"


def _plain(notice: Notice, lang: Lang) -> dict[str, Any]:
    by = notice.by.model_dump() if notice.by is not None else None
    said = {"event": notice.event, "item": notice.item, "number": notice.number, "by": by}
    return said | {"at": _iso(notice.at), "text": shorten(notice.text.say(lang), LONGEST)}


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="seconds")

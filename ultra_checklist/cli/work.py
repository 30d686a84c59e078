"""``sync``: the worker."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from ultra_checklist.cli.boundary import remark, report, say
from ultra_checklist.cli.completing import versions
from ultra_checklist.cli.wiring import Desk, common, desk
from ultra_checklist.words import Words, joined

WATCH_EVERY = 2.0
PATIENCE = 30.0
"""Seconds beyond its deadline after which a pass counts as hung."""

_WATCHING = Words(
    en="watching every {seconds} s; stop with Ctrl-C", ja="{seconds} 秒ごとに確認します（Ctrl-C で停止）"
)
_DONE = Words(
    en="{open} open, {requests} requests, {writes} written",
    ja="進行中 {open} 件、リクエスト {requests} 回、書き込み {writes} 件",
)
_CLOSED = Words(en="closed {key}", ja="{key} を終了しました")


@click.command()
@click.option(
    "--watch",
    is_flag=False,
    flag_value=WATCH_EVERY,
    type=click.FloatRange(min=0.2),
    metavar="[SECONDS]",
    help="Go on until stopped, one pass every so many seconds.  [default: 2]",
)
@click.option("--release", "version", metavar="VERSION", shell_complete=versions, help="Only this release.")
@common
def sync(watch: float | None, version: str | None, local: bool, env_file: Path | None, lang: str | None) -> int:
    """Look at the ticks in Notion, prove them on this machine, and write the results back.

    One pass, for cron; a pass in which nothing changed is one request. Exit code 0 means that the pass
    worked, whatever the verdicts, or that another pass is running; 3 that Notion did not answer.

    \b
    Example for crontab:
      * * * * * ultra-checklist sync
    """  # noqa: D301 - click needs the real backspace character
    at = desk(env_file, local, lang)
    at.require_notion()
    only = _key(at, version)
    if watch is not None:
        return asyncio.run(_sync(at, watch, only))
    from ultra_checklist.worker import watchdog

    with watchdog(at.settings.deadline + PATIENCE, at.lang):
        return asyncio.run(_sync(at, watch, only))


def _key(at: Desk, version: str | None) -> str | None:
    if version is None:
        return None
    from ultra_checklist.release import find

    return find(at.shelf, version, local=at.local).manifest.key


async def _sync(at: Desk, every: float | None, only: str | None) -> int:
    from ultra_checklist.errors import StateError
    from ultra_checklist.worker import Busy, hold, stop_on_signals, watch, watchdog

    async with at.notion() as notion:

        async def one_pass() -> Any:
            if every is None:
                return await at.run_pass(notion, only=only, listener=_changed)
            with watchdog(at.settings.deadline + PATIENCE, at.lang):
                return await at.run_pass(notion, only=only, listener=_changed)

        await at.find_workspace(notion)
        if every is not None:
            stop = asyncio.Event()
            stop_on_signals(stop)
            say(_WATCHING.filled(seconds=f"{every:g}"))
            await watch(at.home, one_pass, every=every, tell=_tell_if_news, complain=report, stop=stop)
            return 0
        try:
            with hold(at.home, wait=False):
                done = await one_pass()
        except Busy as busy:
            say(busy.message)
            return 0
        # Cron mails whatever is said, so a pass without news says nothing there.
        (_tell if sys.stderr.isatty() else _tell_if_news)(done)
    return StateError.exit_code if done.damaged else 0


def _changed(change: Any) -> None:
    from ultra_checklist.escape import terminal
    from ultra_checklist.notion.schema import RESULT_WORDS

    result = RESULT_WORDS[change.state.result] if change.state.result is not None else "-"
    why = f" – {terminal(change.why)}" if change.why else ""
    say(joined((f"{change.item.id}: ", result, why)))


def _tell(done: Any) -> None:
    from ultra_checklist.escape import terminal

    say(_DONE.filled(open=str(done.releases), requests=str(done.requests), writes=str(done.writes)))
    for problem in done.problems:
        remark(Words(en=terminal(problem.en), ja=terminal(problem.ja)))
    for key in done.closed:
        say(_CLOSED.filled(key=key))


def _tell_if_news(done: Any) -> None:
    if done.writes or done.problems or done.closed:
        _tell(done)

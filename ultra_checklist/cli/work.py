"""``sync``: the worker."""

import asyncio
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ultra_checklist.cli.boundary import language, line, log_as, say
from ultra_checklist.cli.completing import versions
from ultra_checklist.cli.wiring import common, desk
from ultra_checklist.desk import Desk
from ultra_checklist.errors import UltraChecklistError, UsageError
from ultra_checklist.words import Words, joined

if TYPE_CHECKING:
    from ultra_checklist.cli.observed import Observed

WATCH_EVERY = 1.0
PATIENCE = 30.0
"""Seconds beyond its deadline after which a pass counts as hung."""

_WATCHING = Words(
    en="watching every {seconds} s; stop with Ctrl-C", ja="{seconds} 秒ごとに確認します（Ctrl-C で停止）"
)
_LISTENING = Words(en="webhooks are heard on {url}", ja="{url} で Webhook を待ち受けます")
_NEEDS_WATCH = Words(en="--webhook needs --watch", ja="--webhook には --watch が必要です")
_ADD_WATCH = Words(en="Add --watch", ja="--watch を付けてください")


@click.command()
@click.option(
    "--watch",
    is_flag=False,
    flag_value=WATCH_EVERY,
    type=click.FloatRange(min=0.2),
    metavar="[SECONDS]",
    help="Go on until stopped, a pass every so many seconds; up to 10 s while nothing happens.  [default: 1]",
)
@click.option(
    "--webhook",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="With --watch: hear Notion's webhooks on this port of the loopback, and pass at once. 0 takes a free one.",
)
@click.option("--release", "version", metavar="VERSION", shell_complete=versions, help="Only this release.")
@click.option(
    "--log-format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it tells what it does: for people, or one JSON object a line.",
)
@common
def sync(
    watch: float | None,
    webhook: int | None,
    version: str | None,
    form: str,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """Look at the ticks in Notion, prove them on this machine, and write the results back.

    One pass, for cron (see `install`); a pass in which nothing changed is one request and says nothing. An error
    that stays is said once, then once an hour with how often it came. Exit code 0 means that the pass worked,
    whatever the verdicts, or that another pass is running; 3 that Notion did not answer.

    \b
    Examples:
      ultra-checklist sync
      ultra-checklist sync --watch --log-format json
    """  # noqa: D301 - click needs the real backspace character
    log_as(form)
    at = desk(env_file, local, lang)
    only = _key(at, version)
    if watch is not None:
        return asyncio.run(_sync(at, watch, only, webhook))
    if webhook is not None:
        raise UsageError(_NEEDS_WATCH, remedy=_ADD_WATCH)
    from ultra_checklist.worker import watchdog

    with watchdog(at.settings.deadline + PATIENCE, at.lang):
        return asyncio.run(_sync(at, watch, only))


def _key(at: Desk, version: str | None) -> str | None:
    if version is None:
        return None
    from ultra_checklist.release import find

    return find(at.shelf, version, local=at.local).manifest.key


async def _sync(at: Desk, every: float | None, only: str | None, webhook: int | None = None) -> int:
    from ultra_checklist.cli.observed import Observed

    observed = Observed(at, loud=every is None and sys.stderr.isatty())
    try:
        return await (_once(at, only, observed) if every is None else _watch(at, every, only, observed, webhook))
    except UltraChecklistError as error:
        await observed.failed(error)
        return error.exit_code


async def _once(at: Desk, only: str | None, observed: "Observed") -> int:
    from ultra_checklist.errors import StateError
    from ultra_checklist.worker import Busy, hold

    async with at.notion() as notion:
        await at.find_workspace(notion)
        try:
            with hold(at.home, wait=False):
                done = await observed.run(
                    notion, lambda observer: at.a_pass(notion, only=only, listener=_changed, observer=observer)
                )
        except Busy as busy:
            say(busy.message)
            return 0
    return StateError.exit_code if done.damaged else 0


async def _watch(at: Desk, every: float, only: str | None, observed: "Observed", webhook: int | None) -> int:
    from ultra_checklist.webhook import Listener, listening
    from ultra_checklist.worker import stop_on_signals, watch, watchdog

    wake, loop = asyncio.Event(), asyncio.get_running_loop()
    listener = Listener(at.home, lambda: loop.call_soon_threadsafe(wake.set), say)
    async with at.notion() as notion:

        async def one_pass() -> bool:
            with watchdog(at.settings.deadline + PATIENCE, at.lang):
                done = await observed.run(
                    notion,
                    lambda observer: at.a_pass(
                        notion, only=only, listener=_changed, observer=observer, authors=listener.authors()
                    ),
                )
                return bool(done.news or done.writes or done.closed)

        await at.find_workspace(notion)
        stop = asyncio.Event()
        stop_on_signals(stop)
        with listening(listener, webhook) if webhook is not None else nullcontext() as url:
            if url is not None:
                say(_LISTENING.filled(url=url))
            say(_WATCHING.filled(seconds=f"{every:g}"))
            await watch(at.home, one_pass, every=every, stop=stop, wake=wake)
    return 0


def _changed(change: Any) -> None:
    from ultra_checklist.escape import terminal
    from ultra_checklist.notion.schema import RESULT_WORDS

    lang, state = language(), change.state.result
    told = {"release": change.release, "item": change.item.id, "result": state.value if state is not None else None}
    if line("check", **told, why=change.why):
        return
    result = RESULT_WORDS[state].say(lang) if state is not None else "-"
    why = f" – {terminal(change.why)}" if change.why else ""
    say(joined((f"{change.item.id}: ", result, why)))

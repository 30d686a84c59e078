"""``status``: where the releases stand, once or for as long as somebody looks."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ultra_checklist import escape
from ultra_checklist.cli.boundary import go_on, say
from ultra_checklist.cli.completing import versions
from ultra_checklist.cli.wiring import chosen, common, desk
from ultra_checklist.desk import Desk
from ultra_checklist.environ import process_environment
from ultra_checklist.words import NOTHING, Words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ultra_checklist.errors import UltraChecklistError

EVERY = 2.0
UNLIMITED = 1000
"""Columns where the output is no terminal and nobody says how wide it is: lines stay whole, for `grep`."""

_NONE = Words(en="there is no release on this machine", ja="このマシンにリリースはありません")
_ANSWERS = Words(
    en="as {label} it answers what releases on other machines ask, by: ultra-checklist sync",
    ja="{label} として、ほかのマシンのリリースからの依頼に ultra-checklist sync で応答します",
)
_FIRST = Words(en="next: {command}", ja="次に: {command}")
_CANNOT_TELL = Words(en="cannot tell: {why}", ja="判定できません: {why}")
_MORE = Words(en="… {n} more lines", ja="… 他 {n} 行")
_FOOT = Words(
    en="as of {time}; looks every {seconds} s, Ctrl-C ends", ja="{time} 現在。{seconds} 秒ごとに確認、Ctrl-C で終了"
)


@click.command()
@click.argument("version", required=False, shell_complete=versions)
@chosen
@click.option("--all", "everything", is_flag=True, help="List every check, not only those that are open.")
@click.option(
    "--watch",
    is_flag=False,
    flag_value=EVERY,
    type=click.FloatRange(min=0.2),
    metavar="[SECONDS]",
    help="Go on until stopped, and show what has changed.  [default: 2]",
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@common
def status(
    version: str | None,
    template: str | None,
    environment: str | None,
    everything: bool,
    watch: float | None,
    form: str,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """Where the releases stand: what is settled, what is open and whose it is, and what to do next.

    It reads this machine's journal and asks nobody. The signs: ✔ proved, ☑ a person's word, w waived, - not
    applicable or not open, ✘ failed, ? can't tell, ~ waiting, = blocked, · open.

    With --watch a terminal is drawn again when something has changed; elsewhere each change is printed below the
    one before, with --format json as one line.

    \b
    Examples:
      ultra-checklist status v1.4.0
      ultra-checklist status v1.4.0 --watch
      ultra-checklist status --format json | jq '.[].next'
    """  # noqa: D301 - click needs the real backspace character
    at = desk(env_file, local, lang)
    look = _Look(at, version, template, environment, lang)
    if watch is not None:
        look.views(strict=version is not None)
        return _watch(look, watch, everything=everything, form=form)
    views = look.views(strict=True)
    if form == "json":
        click.echo(escape.json(json.dumps(views, ensure_ascii=False, indent=1)))
        return 0
    if not views:
        say(_NONE)
        if at.asks_by_table:
            say(_ANSWERS.filled(label=at.settings.host))
            return 0
        go_on(f"ultra-checklist new v1.0.0{' --local' if at.local else ''}")
        return 0
    console = _console()
    _print(console, _lines(views, (), console.width, at.lang, everything=everything))
    return 0


class _Look:
    """Reads the releases that were asked for."""

    def __init__(
        self, at: Desk, version: str | None, template: str | None, environment: str | None, lang: str | None
    ) -> None:
        self.at = at
        self._version, self._template, self._environment = version, template, environment
        pinned = at.pinned()
        self.lang = pinned.lang if pinned is not None and lang is None else at.lang
        self.troubles: list[UltraChecklistError] = []

    def views(self, strict: bool) -> list[dict[str, Any]]:
        """What ``status`` says; without ``strict`` what cannot be read is left out, and is in ``troubles``."""
        from ultra_checklist import logbook
        from ultra_checklist.errors import UltraChecklistError
        from ultra_checklist.overview import overview, worker_of

        self.troubles = []
        settings = self.at.settings
        try:
            shown = self._shown(None if strict else lambda _key, error: self.troubles.append(error))
            close_after = settings.close_after
            noted = logbook.read(self.at.home, local=self.at.local)
            found: list[dict[str, Any]] = []
            for release in shown:
                view = overview(release, self.lang, self.at.carriers(), close_after=close_after)
                worker, note = worker_of(release, noted, self.lang)
                found.append(view | {"worker": worker, "notes": [*([note] if note else []), *view["notes"]]})
            return found
        except UltraChecklistError as error:
            if strict:
                raise
            self.troubles.append(error)
            return []

    def _shown(self, damaged: Callable[[str, Any], object] | None) -> Sequence[Any]:
        from ultra_checklist.release import find, releases

        at = self.at
        if self._version is not None:
            given = {"environment": self._environment, "template": self._template}
            return [find(at.shelf, self._version, local=at.local, **given)]
        found = releases(at.shelf, local=at.local, damaged=damaged)
        return [r for r in found if r.open] or found[-1:]


def _lines(
    views: Sequence[dict[str, Any]],
    troubles: Sequence["UltraChecklistError"],
    width: int,
    lang: Any,
    *,
    everything: bool,
) -> list["Text"]:
    from rich.text import Text

    from ultra_checklist.cli.glance import lines

    found: list[Text] = []
    for view in views:
        found += [Text("")] if found else []
        found += lines(view, width, everything=everything)
    for error in troubles:
        found.append(Text(escape.terminal(_CANNOT_TELL.say(lang, why=error.message.say(lang))), style="yellow"))
        if error.remedy != NOTHING:
            found.append(Text("  " + escape.terminal(_FIRST.say(lang, command=error.remedy.say(lang)))))
    if not found:
        found = [Text(_NONE.say(lang))]
    return found


def _watch(look: _Look, every: float, *, everything: bool, form: str) -> int:
    """Look again and again, until Ctrl-C or SIGTERM."""
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console, lang = _console(), look.lang
    live = form == "table" and console.is_terminal and not console.is_dumb_terminal
    shown: object = None
    try:
        while True:
            views = look.views(strict=False)
            if form == "json":
                told = [{"error": e.message.say(lang), "remedy": e.remedy.say(lang)} for e in look.troubles]
                # That the worker has looked again is no change.
                now: object = [*(view | {"worker": view["worker"]["silent"]} for view in views), *told]
                if now != shown:
                    click.echo(escape.json(json.dumps([*views, *told], ensure_ascii=False)))
            else:
                found = _lines(views, look.troubles, console.width, lang, everything=everything)
                now = ([(line.plain, line.markup) for line in found], console.size if live else None)
                if now != shown:
                    foot = _FOOT.say(lang, time=f"{datetime.now().astimezone():%H:%M:%S}", seconds=f"{every:g}")
                    _draw(console, found, foot, views, lang) if live else _block(console, found, foot)
            shown = now
            sys.stdout.flush()
            time.sleep(every)
    except KeyboardInterrupt:
        return 0


def _block(console: "Console", found: Sequence["Text"], foot: str) -> None:
    """One change below the one before."""
    from rich.text import Text

    _print(console, [Text(f"--- {foot}"), *found, Text("")])


def _draw(
    console: "Console", found: Sequence["Text"], foot: str, views: Sequence[dict[str, Any]], lang: Any
) -> None:
    """The screen again from its first line; where it is too low the middle is left out, never what comes next."""
    from rich.text import Text

    from ultra_checklist.cli.glance import last

    width, lines = console.width, list(found)
    ending = [line for view in views[-1:] for line in last(view, width)]
    foots = [Text(""), Text(foot, style="bright_black")]
    rows = _rows(lines, width)
    room = console.height - _rows(foots, width)
    if rows > room:
        head: list[Text] = []
        room -= _rows(ending, width) + 1
        while lines and _rows([*head, lines[0]], width) <= room:
            head.append(lines.pop(0))
        left = len(lines) - len(ending)
        lines = [*head, Text(_MORE.say(lang, n=left), style="bright_black"), *ending]
    with console.capture() as captured:
        _print(console, [*lines, *foots])
    console.file.write("\x1b[H" + captured.get().rstrip("\n").replace("\n", "\x1b[K\n") + "\x1b[K\x1b[J")


def _rows(lines: Sequence["Text"], width: int) -> int:
    """How many rows of the screen some lines take."""
    return sum(max(1, -(-line.cell_len // max(width, 1))) for line in lines)


def _console() -> "Console":
    from rich.console import Console

    given = process_environment().get("COLUMNS", "")
    fixed = None if sys.stdout.isatty() or given.isdigit() else UNLIMITED
    return Console(file=sys.stdout, width=fixed, highlight=False, emoji=False)


def _print(console: "Console", found: Sequence["Text"]) -> None:
    for line in found:
        console.print(line, soft_wrap=True, highlight=False)

"""``demo``: a pretend production, the local Notion, its board and the worker, together on this machine."""

import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from ultra_checklist.cli.boundary import language, speak
from ultra_checklist.cli.notion import SEE_DOCS
from ultra_checklist.cli.wiring import spoken
from ultra_checklist.errors import UsageError
from ultra_checklist.model import Lang
from ultra_checklist.words import Words, nearest

PORT = 8642


@click.command()
@click.option("--auto", is_flag=True, help="Play the operator, print what happens, and exit.")
@click.option(
    "--break",
    "broken",
    multiple=True,
    metavar="ITEM[:VARIANT]",
    help="Sabotage this item first; see --list-breaks.",
)
@click.option("--list-breaks", is_flag=True, help="List every sabotage with what it does, and exit.")
@click.option(
    "--rollback", is_flag=True, help="With --auto: take a release that went wrong back, and try it again."
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the board.  [default: 8642, or a free one]")
@click.option("--folder", type=click.Path(path_type=Path), help="Build everything here and keep it.")
@click.option("--faults", type=click.Path(path_type=Path), help="Let Notion misbehave as this file says.")
@spoken
def demo(
    auto: bool,
    broken: tuple[str, ...],
    list_breaks: bool,
    rollback: bool,
    port: int | None,
    folder: Path | None,
    faults: Path | None,
    lang: str | None,
) -> int:
    """A pretend production to try everything on: no account, no server, nothing outside one folder.

    Without --auto it opens a board in which you tick the boxes yourself; Ctrl-C ends it. With --auto it
    exits with 0 when the release completed and 1 when it did not; with --rollback the second attempt counts.
    Everything listens on this machine alone and ends with the demo. Time windows of hours last seconds here.

    \b
    Examples:
      ultra-checklist demo
      ultra-checklist demo --auto
      ultra-checklist demo --auto --break env-mode
      ultra-checklist demo --auto --break aave-position:health-factor
      ultra-checklist demo --auto --break smoke-api --rollback
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.cli.stage import Stage

    speak(lang)
    words = language()
    if list_breaks:
        _list(words)
        return 0
    _known(broken)
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise UsageError(_NOT_EMPTY.filled(folder=str(folder)), remedy=_NAME_FOLDER)
    if faults is not None:
        from ultra_checklist.server import misbehaviour

        try:
            misbehaviour.of(None, None, faults)
        except ValueError as error:
            raise UsageError(str(error), remedy=SEE_DOCS) from None
    if any(name.partition(":")[0] == "rollback-done" for name in broken):
        # There is nothing to take back where nothing went wrong.
        broken, rollback = tuple(dict.fromkeys((*broken, "smoke-api"))), True
    # However it is ended, what it has started ends with it.
    signal.signal(signal.SIGTERM, _leave)
    with _place(folder) as root:
        stage = Stage(root, words, broken, _port(port, auto=auto), faults, rollback=rollback)
        return stage.run(auto=auto)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _port(asked: int | None, *, auto: bool) -> int:
    """The port asked for; else the usual one while it is free and somebody wants to find it again."""
    if asked is not None or auto:
        return asked or 0
    with socket.socket() as trial:
        return PORT if trial.connect_ex(("127.0.0.1", PORT)) != 0 else 0


def _list(lang: Lang) -> None:
    """Every act on stdout: its name, when, and what it does; the usual one of an item first."""
    from ultra_checklist.demo.sabotage import breaks

    for item, acts in breaks().items():
        for act in acts:
            click.echo(f"{item}:{act.variant:<16} {act.moment:<11} {act.en if lang == 'en' else act.ja}")


def _known(given: tuple[str, ...]) -> None:
    from ultra_checklist.demo.sabotage import breaks, chosen, names

    items = list(breaks())
    for name in given:
        if chosen(name) is None:
            item = name.partition(":")[0]
            known = [one for one in names() if one.startswith(f"{item}:")] or items
            raise UsageError(_NOTHING_TO_BREAK.filled(name=name), remedy=nearest(name, known, cutoff=0.5))


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="ultra-checklist-demo-") as name:
        yield Path(name)


_NOT_EMPTY = Words(en="--folder {folder} is not empty", ja="--folder {folder} は空ではありません")
_NAME_FOLDER = Words(en="Name a folder that does not exist yet", ja="まだ存在しないフォルダを指定してください")
_NOTHING_TO_BREAK = Words(
    en="--break {name}: nothing to break there", ja="--break {name}: 妨害できる対象がありません"
)

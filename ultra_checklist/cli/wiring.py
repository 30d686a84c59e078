"""What the commands share: their desk, their common options, and a few words."""

import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import click

from ultra_checklist import config
from ultra_checklist.cli.boundary import know, language, say, speak
from ultra_checklist.cli.completing import environments, templates
from ultra_checklist.desk import Desk
from ultra_checklist.words import Words

F = TypeVar("F", bound=Callable[..., Any])
LONG_WAIT = 3.0
"""Seconds of waiting for Notion after which a person is told."""


def _waiting(seconds: float) -> None:
    """Tell a person who waits why."""
    if seconds >= LONG_WAIT and sys.stderr.isatty():
        say(_LEFT_ALONE.filled(seconds=f"{seconds:.0f}"))


def _expecting(hosts: Collection[str]) -> None:
    """Tell for whom a command waits: it may take a minute."""
    say(_ASKED.filled(hosts=", ".join(hosts)))


def desk(env_file: Path | None, local: bool, lang: str | None) -> Desk:
    """Read the settings and make the state folder ready."""
    speak(lang)
    settings = config.load(env_file, local=local)
    at = Desk(settings, config.prepare_home(settings.home), language(), _waiting, _expecting)
    know(at.secret_values)
    return at


def spoken(function: F) -> F:
    """The option that chooses our language."""
    return click.option(
        "--lang",
        type=click.Choice(["ja", "en"]),
        help="Language of our words.  [default: your locale]",
    )(function)


def common(function: F) -> F:
    """Options that every command has."""
    options: list[Callable[[F], F]] = [
        click.option("--local", is_flag=True, help="Use the built-in local Notion."),
        click.option(
            "--env-file", type=click.Path(path_type=Path, dir_okay=False), help="Read settings from this file."
        ),
        spoken,
    ]
    for option in reversed(options):
        function = option(function)
    return function


def chosen(function: F) -> F:
    """Options that choose one of several releases."""
    told = "The release's environment."
    function = click.option("-e", "--environment", shell_complete=environments, help=told)(function)
    told = "The release's template: a path or a name."
    return click.option("-t", "--template", shell_complete=templates, help=told)(function)


_LEFT_ALONE = Words(
    en="Notion is left alone for {seconds} s; stop with Ctrl-C, nothing is lost",
    ja="Notion へのアクセスを {seconds} 秒控えます（Ctrl-C で中断でき、何も失われません）",
)
_ASKED = Words(en="waiting for the answer of: {hosts}", ja="応答を待っています: {hosts}")
WROTE = Words(en="wrote {path}", ja="{path} に書き込みました")
CANNOT_WRITE = Words(en="-o {path} cannot be written: {why}", ja="-o {path} に書き込めません: {why}")
NAME_FILE_THERE = Words(
    en="Name a file in a folder that is there", ja="存在するフォルダの中のファイルを指定してください"
)

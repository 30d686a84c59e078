"""``completion``, and what the shell is told of releases, templates and items while somebody types.

It is asked at every key: it reads names of folders, and at most one file, and imports nothing large.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from ultra_checklist.errors import UltraChecklistError

if TYPE_CHECKING:
    from pathlib import Path

    from ultra_checklist.config import Settings

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
VARIABLE = "_ULTRA_CHECKLIST_COMPLETE"
"""By this the shell's script tells that it asks."""
PROGRAM = "ultra-checklist"
_IDS = r"(?m)^[ \t]*```yaml check\n(?:.*\n)*?[ \t]*id:[ \t]*([^\s#]+)"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script by which a shell completes commands, options, releases, templates and items.

    \b
    Examples:
      ultra-checklist completion bash >> ~/.bashrc
      ultra-checklist completion zsh >> ~/.zshrc
      ultra-checklist completion fish > ~/.config/fish/completions/ultra-checklist.fish
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.cli.main import cli

    made = get_completion_class(shell)
    if made is not None:
        click.echo(made(cli, {}, PROGRAM, VARIABLE).source())


def _quiet(complete: Completer) -> Completer:
    """Whoever types wants no errors between the words: what cannot be read completes nothing."""

    @functools.wraps(complete)
    def quietly(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return complete(ctx, param, incomplete)
        except (UltraChecklistError, OSError, ValueError, KeyError, TypeError):
            return []

    return quietly


@_quiet
def versions(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Versions of the releases on this machine, newest name last."""
    found = {folder.name.partition("~")[0]: folder.parent.name for folder in _releases(ctx)}
    return [CompletionItem(name, help=where) for name, where in found.items() if name.startswith(incomplete)]


@_quiet
def templates(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names in the templates' folders; files where none fits."""
    from ultra_checklist.template_files import template_names

    names = [name for name in template_names(_settings(ctx)) if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or _files(incomplete)


def either(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Releases and templates, where both may be named."""
    found = versions(ctx, param, incomplete)
    more = templates(ctx, param, incomplete)
    return found + [item for item in more if item.type == "plain" or not found]


@_quiet
def items(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the items of the release, or of the template, that is named before."""
    given = ctx.params
    name = str(given.get("version") or given.get("name") or given.get("template") or "")
    taken = set(given.get("items") or ())
    return [CompletionItem(n) for n in _ids(ctx, name) if n.startswith(incomplete) and n not in taken]


@_quiet
def environments(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Environments that have variables, or releases, on this machine."""
    home = _settings(ctx).home
    found = {file.stem for file in home.glob("environments/*.env")}
    found |= {folder.parent.name for folder in _releases(ctx)}
    return [CompletionItem(name) for name in sorted(found) if name.startswith(incomplete)]


def _ids(ctx: click.Context, name: str) -> Iterable[str]:
    """The ids in the newest manifest of a release, else in a template's text; it is not parsed for that."""
    kept = [folder for folder in _releases(ctx) if folder.name.partition("~")[0] == name]
    if kept:
        import json

        manifest = json.loads((kept[-1] / "manifest.json").read_bytes())
        return [item["id"] for section in manifest["template"]["sections"] for item in section["items"]]
    from ultra_checklist.template_files import find_template

    settings = _settings(ctx)
    return re.findall(_IDS, find_template(name, settings, settings.environment).read_text(encoding="utf-8"))


def _releases(ctx: click.Context) -> Iterator["Path"]:
    """The folders of releases: each is named after its version, with ``~2`` for a second attempt."""
    environment = ctx.params.get("environment")
    for manifest in sorted(_settings(ctx).home.glob("releases/*/*/*/manifest.json")):
        if environment in (None, manifest.parent.parent.name):
            yield manifest.parent


def _settings(ctx: click.Context) -> "Settings":
    from ultra_checklist import config

    return config.load(ctx.params.get("env_file"), local=bool(ctx.params.get("local")))


def _files(incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]

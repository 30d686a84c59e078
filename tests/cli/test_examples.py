"""The examples of every command's help are commands that it takes."""

import importlib
import inspect
import shlex
from collections.abc import Iterator

import click
import pytest

from ultra_checklist.cli.main import COMMANDS, cli

NAME = "ultra-checklist"
AFTER = {"|", "||", "&", "&&", ";", ">", ">>", "<"}
"""From these on it is the shell's."""


def command_of(name: str) -> click.Command:
    module, _, attribute = COMMANDS[name][0].partition(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    return command


def examples(command: click.Command) -> Iterator[str]:
    """The indented lines below a line that begins with ``Example``."""
    begun = False
    for line in inspect.cleandoc(command.help or "").splitlines():
        if line.startswith("Example"):
            begun = True
        elif begun and line.startswith("  "):
            yield line.strip()
        else:
            begun = False


def arguments(line: str) -> list[str]:
    """What of a line of a shell, or of a crontab, belongs to our command."""
    lexer = shlex.shlex(line[line.index(NAME) :], posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[str] = []
    for word in lexer:
        if word in AFTER:
            break
        found.append(word)
    return found[1:]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_a_command_that_is_taken(name: str) -> None:
    command = command_of(name)
    lines = list(examples(command))
    assert lines, f"{name}: its help has no example"
    for line in lines:
        assert NAME in line
        given = arguments(line)
        assert given[0] == name, line
        with click.Context(cli, info_name=NAME) as parent:
            assert command.make_context(name, given[1:], parent=parent).params is not None


@pytest.mark.parametrize("wrong", ["check --no-such-option", "close v1 --as nonsense", "new"])
def test_a_line_that_rots_is_found(wrong: str) -> None:
    name, *rest = shlex.split(wrong)
    with click.Context(cli, info_name=NAME) as parent, pytest.raises(click.UsageError):
        command_of(name).make_context(name, rest, parent=parent)


def test_what_belongs_to_the_shell_is_left_out() -> None:
    assert arguments("* * * * * ultra-checklist sync") == ["sync"]
    assert arguments("ultra-checklist status --format json | jq '.[].next'") == ["status", "--format", "json"]
    assert arguments("ultra-checklist gate v1 && deploy") == ["gate", "v1"]

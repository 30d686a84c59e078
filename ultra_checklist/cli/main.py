"""The command line: a table of commands, each imported when it is called."""

import gc
import importlib
import sys
from typing import Any

import click

from ultra_checklist import __version__
from ultra_checklist.cli import boundary
from ultra_checklist.cli.completing import VARIABLE
from ultra_checklist.words import Words, nearest

COMMANDS = {
    "demo": ("ultra_checklist.cli.demo:demo", "A pretend production to try everything on."),
    "serve": ("ultra_checklist.cli.notion:serve", "The local Notion and its board."),
    "init": ("ultra_checklist.cli.notion:init", "Make, adopt or repair the two databases in Notion."),
    "doctor": ("ultra_checklist.cli.doctor:doctor", "Is everything here that a pass needs? Changes nothing."),
    "new": ("ultra_checklist.cli.releases:new", "Make the page of a release."),
    "update": ("ultra_checklist.cli.releases:update", "Bring a running release up to its edited template."),
    "adopt": ("ultra_checklist.cli.releases:adopt", "Take over a release that has no manifest here."),
    "gate": ("ultra_checklist.cli.gate:gate", "May it go on? Exit code 0 only when the gate is open."),
    "close": ("ultra_checklist.cli.releases:close", "End a release and record it on its page."),
    "check": ("ultra_checklist.cli.probing:check", "Run probes here and now; touches no Notion."),
    "verify": ("ultra_checklist.cli.proof:verify", "Look whether a release's bundle is what it was."),
    "sync": ("ultra_checklist.cli.work:sync", "Look at the ticks, prove them, write the results back."),
    "agent": ("ultra_checklist.cli.agent:agent", "Run probes for releases of another machine."),
    "status": ("ultra_checklist.cli.status:status", "Where the releases stand, what is open, and what is next."),
    "install": ("ultra_checklist.cli.install:install", "Let cron or systemd run the worker."),
    "run": ("ultra_checklist.cli.run:run", "Run a command for an item, gated and on record."),
    "prune": ("ultra_checklist.cli.upkeep:prune", "Remove evidence that no release needs any more."),
    "report": ("ultra_checklist.cli.report:report", "A release told to those who were not there."),
    "lint": ("ultra_checklist.cli.probing:lint", "Find the mistakes in a template."),
    "suggest": ("ultra_checklist.cli.suggest:suggest", "Propose ids and probes for a checklist, as a patch."),
    "prove": ("ultra_checklist.cli.prove:prove", "Show that every probe of a template can fail."),
    "fingerprint": (
        "ultra_checklist.cli.fingerprint:fingerprint",
        "What production compares with staging's values.",
    ),
    "probes": ("ultra_checklist.cli.probing:probes", "The probes and their options."),
    "completion": ("ultra_checklist.cli.completing:completion", "The script by which bash, zsh or fish completes."),
}

_NO_COMMAND = Words(en="there is no command {name}", ja="コマンド {name} はありません")

_GARBAGE = 20_000
"""New objects after which garbage is looked for; Python's own number is 700."""
GUARDS = {"gate": boundary.GUARD}
"""Commands whose exit code 0 is a permission."""


class Commands(click.Group):
    """A group that knows its commands by name and one line, so that help imports nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of a release's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import the command that is called."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete names of commands, again without importing them; options as ever."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(n, help=line) for n, (_, line) in COMMANDS.items() if n.startswith(incomplete)]
        return names + (click.Command.shell_complete(self, ctx, incomplete) if incomplete.startswith("-") else [])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the table from the one-liners."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Name the nearest command where there is none of that name."""
        if ctx.resilient_parsing:
            # A shell asks how to complete: nobody is told of mistakes now.
            return super().resolve_command(ctx, args)
        boundary.speak(_language(args))
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            told = _NO_COMMAND.filled(name=repr(args[0]))
            raise boundary.Wrong(told, remedy=nearest(args[0], COMMANDS), context=ctx)
        return super().resolve_command(ctx, args)


def _language(args: list[str]) -> str | None:
    """The language that is asked for, so that what is wrong with the other arguments is told in it, too."""
    given = args[: args.index("--")] if "--" in args else args
    for position, argument in enumerate(given):
        if argument == "--lang":
            return next(iter(given[position + 1 :]), None)
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
    return None


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ultra-checklist")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A release checklist in Notion whose ticks are proved by probes on the real machine."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Entry point of the console script."""
    # Importing makes thousands of objects that all stay: looking for garbage among them costs a tenth of a pass.
    gc.set_threshold(_GARBAGE)
    # httpx would import its own command line, and with that rich and pygments, where those are installed.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None: "it cannot be imported"
    # httpcore asks it at each step which loop runs, and where it is not installed looks through all folders again.
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type] # as above
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        boundary.run(
            lambda: cli.main(standalone_mode=False, complete_var=VARIABLE), GUARDS.get(name, boundary.ORDINARY)
        )
    finally:
        # As the process ends the interpreter would look for garbage several times, a tenth of a pass again.
        gc.freeze()

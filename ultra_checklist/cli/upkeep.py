"""``prune``: evidence that no release needs any more."""

from pathlib import Path

import click

from ultra_checklist.cli.boundary import say
from ultra_checklist.cli.wiring import common, desk


@click.command()
@click.option(
    "--keep",
    required=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="How many ended releases of each template and environment keep their evidence.",
)
@click.option("--plan", is_flag=True, help="Show what would be removed, and remove nothing.")
@common
def prune(keep: int, plan: bool, local: bool, env_file: Path | None, lang: str | None) -> None:
    """Remove evidence of old releases; open releases and journals are never touched.

    Prints the path of each file that goes. Evidence that a kept release names stays, whoever stored it.

    \b
    Examples:
      ultra-checklist prune --keep 20 --plan
      ultra-checklist prune --keep 20
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist import retention
    from ultra_checklist.worker import hold

    at = desk(env_file, local, lang)
    with hold(at.home, wait=True):
        what, gone, size = retention.prune(at.home, keep, plan=plan)
    for path in gone:
        click.echo(str(path.relative_to(at.home)))
    for key in what.unclear:
        say(f"note: {key} cannot be read, so everything that it names stays")
    for key in what.let_go:
        say(f"{key}: its evidence {'would go' if plan else 'has gone'}, its journal stays")
    told = f"{len(gone)} files, {size / 1024:.0f} KiB"
    say(f"{told} would be removed; nothing was" if plan else f"{told} removed")

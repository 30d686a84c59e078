"""``prune``: evidence that no release needs any more."""

from pathlib import Path

import click

from ultra_checklist.cli.boundary import remark, say
from ultra_checklist.cli.wiring import common, desk
from ultra_checklist.words import Words


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
        remark(_UNCLEAR.filled(key=key))
    for key in what.let_go:
        say((_WOULD_GO if plan else _GONE).filled(key=key))
    told = {"n": str(len(gone)), "size": f"{size / 1024:.0f}"}
    say((_WOULD_BE_REMOVED if plan else _REMOVED).filled(**told))


_UNCLEAR = Words(
    en="{key} cannot be read, so everything that it names stays",
    ja="{key} を読み込めないため、関連する証跡は残します",
)
_WOULD_GO = Words(
    en="{key}: its evidence would go, its journal stays", ja="{key}: 証跡の削除対象です（ジャーナルは残ります）"
)
_GONE = Words(
    en="{key}: its evidence has gone, its journal stays", ja="{key}: 証跡を削除しました（ジャーナルは残ります）"
)
_WOULD_BE_REMOVED = Words(
    en="{n} files, {size} KiB would be removed; nothing was",
    ja="{n} ファイル、{size} KiB が削除対象です（削除はしていません）",
)
_REMOVED = Words(en="{n} files, {size} KiB removed", ja="{n} ファイル、{size} KiB を削除しました")

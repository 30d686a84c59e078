"""``new``, ``update``, ``adopt``, ``close``: a release's beginnings and its end."""

import asyncio
from pathlib import Path
from typing import Any

import click

from ultra_checklist.cli.boundary import remark, say
from ultra_checklist.cli.completing import versions
from ultra_checklist.cli.progress import progress
from ultra_checklist.cli.wiring import chosen, common, desk
from ultra_checklist.desk import Desk
from ultra_checklist.template_files import find_template
from ultra_checklist.words import Words, joined

ENDINGS = ("complete", "rolled-back", "aborted")


def _variables(function: Any) -> Any:
    function = click.option("--commit", metavar="REF", help="The commit, tag or branch.  [default: RELEASE_REF]")(
        function
    )
    function = click.option("--var", "flags", multiple=True, metavar="K=V", help="Set a variable.")(function)
    return click.option(
        "--var-file", "files", multiple=True, type=click.Path(path_type=Path), help="Read variables from a file."
    )(function)


@click.command()
@click.argument("version", shell_complete=versions)
@chosen
@_variables
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--supersede", is_flag=True, help="End the release that is still open.")
@click.option("--queued", is_flag=True, help="Prepare beside the release that is still open.")
@common
def new(
    version: str,
    template: str | None,
    environment: str | None,
    commit: str | None,
    flags: tuple[str, ...],
    files: tuple[Path, ...],
    only_plan: bool,
    supersede: bool,
    queued: bool,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> None:
    """Make the page of a release in Notion, with a row for every item of the template.

    Everything is resolved now and stays: the template's bytes, the variables, the commit, this machine.
    Running it again writes nothing; after a crash it finishes what is missing.

    \b
    Examples:
      ultra-checklist new v1.4.0 --var DEPLOY_DIR=/srv/autotrade --var BACKEND_URL=http://127.0.0.1:8000/health
      ultra-checklist new v1.4.0 --plan
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.making import require_one

    require_one(supersede=supersede, queued=queued)
    at = desk(env_file, local, lang)
    at.require_notion()
    wanted = _order(at, version, template, environment, commit, flags, files)
    if only_plan:
        asyncio.run(_show_plan(at, wanted))
        return
    asyncio.run(_new(at, wanted, supersede=supersede, queued=queued))


def _order(
    at: Desk,
    version: str,
    template: str | None,
    environment: str | None,
    commit: str | None,
    flags: tuple[str, ...],
    files: tuple[Path, ...],
) -> Any:
    from ultra_checklist.making import order

    return order(at, version, template=template, environment=environment, commit=commit, flags=flags, files=files)


async def _show_plan(at: Desk, order: Any) -> None:
    from ultra_checklist.lifecycle import plan
    from ultra_checklist.machine import this_machine
    from ultra_checklist.variables import BUILT_IN

    workspace = at.workspace()
    async with at.notion() as notion:
        manifest, wanted = await plan(order, this_machine(), notion=notion, workspace=workspace, shelf=at.shelf)
    click.echo(f"page  {wanted.page['title']}")
    click.echo(f"key   {manifest.key}")
    click.echo(f"host  {manifest.machine.name}")
    for name in sorted({v.name for v in manifest.template.variables} | set(BUILT_IN)):
        value = order.variables.values.get(name)
        hidden = _UNSET if value is None else _SECRET if value.secret else Words.same(value.value)
        origin = f"   [{value.origin}]" if value is not None else ""
        click.echo(f"var   {name} = {hidden.say(at.lang)}{origin}")
    for item in manifest.items:
        click.echo(f"row   {wanted.rows[item.id]['section'][:2]} {item.id:24} {item.title}")
    click.echo(_PLANNED.say(at.lang, n=len(manifest.items)))


async def _new(at: Desk, wanted: Any, *, supersede: bool, queued: bool) -> None:
    from ultra_checklist.making import make

    if wanted.commit == "":
        remark(_NO_REF if wanted.variables.get("DEPLOY_DIR") else _NO_COMMIT)
    with progress() as moved:
        opened = await make(at, wanted, supersede=supersede, queued=queued, progress=moved, remark=remark)
    what = (_MADE if opened.written else _THERE).filled(key=opened.key)
    say(joined(("LOCAL: " if at.local else "", what)))
    click.echo(opened.url)


@click.command()
@click.argument("version", shell_complete=versions)
@chosen
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def update(
    version: str,
    template: str | None,
    environment: str | None,
    yes: bool,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> None:
    """Bring a running release up to its edited template, after showing the difference.

    \b
    Examples:
      ultra-checklist update v1.4.0
      ultra-checklist update v1.4.0 -t templates/production_release.md --yes
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.ending import require_open
    from ultra_checklist.lifecycle import difference
    from ultra_checklist.release import find
    from ultra_checklist.template import load

    at = desk(env_file, local, lang)
    at.require_notion()
    release = find(at.shelf, version, local=at.local, environment=environment)
    require_open(release)
    path = find_template(template, at.settings, release.manifest.environment) if template else None
    parsed = load(path or Path(release.manifest.template_path))
    found = difference(release.manifest, parsed)
    if not found:
        say(_SAME)
        return
    for sign, items in (("+", found.added), ("-", found.removed), ("~", found.changed)):
        for item in items:
            void = f"   {_VOID.say(at.lang)}" if item.id in found.reproved else ""
            click.echo(f"{sign} {item.id:24} {item.title}{void}")
    if not yes:
        click.confirm(_CHANGE.say(at.lang), abort=True, err=True)
    asyncio.run(_update(at, release, parsed))


async def _update(at: Desk, release: Any, parsed: Any) -> None:
    from ultra_checklist.lifecycle import update as bring_up
    from ultra_checklist.worker import hold

    text = Path(parsed.path).read_text(encoding="utf-8")
    with hold(at.home, wait=True):
        async with at.notion() as notion:
            await bring_up(release, parsed, text, notion=notion, workspace=at.workspace())
            await at.run_pass(notion, only=release.manifest.key)
    say(_UPDATED.filled(key=release.manifest.key))


@click.command()
@click.argument("version", shell_complete=versions)
@chosen
@_variables
@common
def adopt(
    version: str,
    template: str | None,
    environment: str | None,
    commit: str | None,
    flags: tuple[str, ...],
    files: tuple[Path, ...],
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> None:
    """Take over a release that is in Notion but has no manifest on this machine.

    Every check is proved again: what Notion shows is not believed.

    \b
    Examples:
      ultra-checklist adopt v1.4.0
    """  # noqa: D301 - click needs the real backspace character
    at = desk(env_file, local, lang)
    at.require_notion()
    wanted = _order(at, version, template, environment, commit, flags, files)
    asyncio.run(_adopt(at, wanted))


async def _adopt(at: Desk, order: Any) -> None:
    from ultra_checklist.lifecycle import adopt as take_over
    from ultra_checklist.machine import this_machine
    from ultra_checklist.worker import hold

    with hold(at.home, wait=True):
        async with at.notion() as notion:
            await at.find_workspace(notion)
            opened = await take_over(
                order, notion=notion, workspace=at.workspace(), shelf=at.shelf, machine=this_machine()
            )
    say(_ADOPTED.filled(key=opened.key))
    click.echo(opened.url)


@click.command()
@click.argument("version", shell_complete=versions)
@chosen
@click.option("--as", "ending", type=click.Choice(ENDINGS), required=True, help="How the release ends.")
@click.option("--reason", default="", help="Why it ends like this; needed unless it is complete.")
@click.option("--anyway", is_flag=True, help="Rolled back, although checks fail on the last good commit.")
@common
def close(
    version: str,
    template: str | None,
    environment: str | None,
    ending: str,
    reason: str,
    anyway: bool,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> None:
    """End a release: seal its journal, write the record on its page, tell the hooks.

    \b
    Examples:
      ultra-checklist close v1.4.0 --as complete
      ultra-checklist close v1.4.0 --as aborted --reason "the database migration was forgotten"
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.ending import end, require_reason
    from ultra_checklist.model import Ending
    from ultra_checklist.release import find

    at = desk(env_file, local, lang)
    at.require_notion()
    require_reason(Ending(ending), reason)
    release = find(at.shelf, version, local=at.local, environment=environment, template=template)
    for problem in asyncio.run(end(at, release, Ending(ending), reason, anyway=anyway)):
        remark(problem)
    say(_CLOSED.filled(key=release.manifest.key, ending=ending))
    click.echo(release.manifest.page_url)


_UNSET = Words(en="(unset)", ja="（未設定）")
_SECRET = Words(en="(secret)", ja="（秘密情報）")
_PLANNED = Words(en="{n} rows; nothing was written", ja="{n} 行。書き込みはしていません")
_NO_COMMIT = Words(
    en="no commit was pinned, because DEPLOY_DIR is not set: checks that need COMMIT cannot tell",
    ja="DEPLOY_DIR が未設定のためコミットを固定していません。COMMIT を使う項目は判定不能になります",
)
_NO_REF = Words(
    en="no commit was pinned, because neither --commit nor RELEASE_REF names one: "
    "checks that need COMMIT cannot tell",
    ja="--commit も RELEASE_REF も指定がないためコミットを固定していません。COMMIT を使う項目は判定不能になります",
)
_MADE = Words(en="made {key}", ja="{key} を作成しました")
_THERE = Words(en="{key} is there already; nothing was written", ja="{key} は作成済みです。書き込みはしていません")
_SAME = Words(
    en="the template says the same as the release; nothing was changed",
    ja="テンプレートはリリースと同じ内容です。変更はありません",
)
_VOID = Words(en="(loses its verdict)", ja="（判定は無効になります）")
_CHANGE = Words(en="Change the release?", ja="リリースを変更しますか？")
_UPDATED = Words(en="updated {key}", ja="{key} を更新しました")
_ADOPTED = Words(
    en="adopted {key}; the next pass proves every tick again",
    ja="{key} を引き継ぎました。次のパスですべてのチェックを再確認します",
)
_CLOSED = Words(en="closed {key} as {ending}", ja="{key} を終了しました（{ending}）")

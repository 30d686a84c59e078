"""``new``, ``update``, ``adopt``, ``close``: a release's beginnings and its end."""

import asyncio
from pathlib import Path
from typing import Any

import click

from ultra_checklist.cli.boundary import remark, say
from ultra_checklist.cli.completing import versions
from ultra_checklist.cli.progress import progress
from ultra_checklist.cli.wiring import RESERVE, Desk, chosen, common, desk, find_template
from ultra_checklist.errors import RefusedError, UsageError
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
    if supersede and queued:
        raise UsageError(_BOTH, remedy=_ONE_OF_TWO)
    at = desk(env_file, local, lang)
    at.require_notion()
    order = _order(at, version, template, environment, commit, flags, files)
    if only_plan:
        asyncio.run(_show_plan(at, order))
        return
    asyncio.run(_new(at, order, supersede=supersede, queued=queued))


def _order(
    at: Desk,
    version: str,
    template: str | None,
    environment: str | None,
    commit: str | None,
    flags: tuple[str, ...],
    files: tuple[Path, ...],
) -> Any:
    from ultra_checklist.lifecycle import Order
    from ultra_checklist.manifest import check_name
    from ultra_checklist.origins import pin_commit, resolve
    from ultra_checklist.template import load

    where = check_name("environment", environment or at.settings.environment)
    built_in = {"VERSION": check_name("version", version), "ENVIRONMENT": where}
    path = find_template(template, at.settings, where)
    parsed = load(path)
    variables = resolve(parsed, flags=flags, files=files, home=at.home, environment=where, built_in=built_in)
    variables, pinned = pin_commit(variables, commit)
    return Order(
        version=version,
        environment=where,
        template=parsed,
        template_text=path.read_text(encoding="utf-8"),
        variables=variables,
        commit=pinned,
        host_label=at.settings.host,
        local=at.local,
    )


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


async def _new(at: Desk, order: Any, *, supersede: bool, queued: bool) -> None:
    from ultra_checklist.lifecycle import create
    from ultra_checklist.machine import this_machine
    from ultra_checklist.worker import hold

    if order.commit == "":
        remark(_NO_COMMIT)
    workspace = at.workspace()
    # The worker goes on meanwhile: ticks on other releases do not wait for this page.
    with hold(at.home, wait=True, name="making"):
        async with at.notion(reserve=RESERVE) as notion:

            async def end(release: Any) -> None:
                with hold(at.home, wait=True):
                    reason = _SUPERSEDED.say(workspace.lang, version=order.version)
                    await end_release(at, notion, release, "superseded", reason)

            with progress() as moved:
                opened = await create(
                    order,
                    notion=notion,
                    workspace=workspace,
                    shelf=at.shelf,
                    machine=this_machine(),
                    supersede=end if supersede else None,
                    queued=queued,
                    progress=moved,
                )
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
    from ultra_checklist.lifecycle import difference
    from ultra_checklist.release import find
    from ultra_checklist.template import load

    at = desk(env_file, local, lang)
    at.require_notion()
    release = find(at.shelf, version, local=at.local, environment=environment)
    _require_open(release)
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
    order = _order(at, version, template, environment, commit, flags, files)
    asyncio.run(_adopt(at, order))


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
    from ultra_checklist.release import find

    at = desk(env_file, local, lang)
    at.require_notion()
    if ending != "complete" and not reason.strip():
        raise UsageError(_NO_REASON.filled(ending=ending), remedy=_ADD_REASON)
    release = find(at.shelf, version, local=at.local, environment=environment, template=template)
    asyncio.run(_close(at, release, ending, reason, anyway))


async def _close(at: Desk, release: Any, ending: str, reason: str, anyway: bool) -> None:
    from ultra_checklist.worker import hold

    with hold(at.home, wait=True):
        async with at.notion() as notion:
            await end_release(at, notion, release, ending, reason, anyway=anyway)
    say(_CLOSED.filled(key=release.manifest.key, ending=ending))
    click.echo(release.manifest.page_url)


async def end_release(
    at: Desk, notion: Any, release: Any, ending: str, reason: str, *, anyway: bool = False
) -> None:
    """End one release, and tell its hooks; one that has ended so already has what is left of it done.

    Raises RefusedError naming what is open when it is to be complete and is not.
    """
    from ultra_checklist.announce import Announcer, is_due
    from ultra_checklist.close import Closer
    from ultra_checklist.model import Ending
    from ultra_checklist.prove import Prover
    from ultra_checklist.reconcile import Reconciler
    from ultra_checklist.states import Place

    bench = at.bench(notion)
    reconciler = Reconciler(bench, release, Prover(release, at.home, at.secrets))
    if reconciler.place is not Place.HERE:
        manifest = release.manifest
        raise RefusedError(_ELSEWHERE.filled(key=manifest.key, host=manifest.machine.name), remedy=_CLOSE_THERE)
    closer, announcer = Closer(bench, release, reconciler, at.home), Announcer(bench, release, reconciler.redact)
    if not (release.history.ended == Ending(ending) and is_due(bench, release)):
        _require_open(release)
    if release.open and release.history.sealed is not None:
        await closer.finish()
    elif release.open:
        await at.compare(notion, release, reconciler)
        if not await closer.close(Ending(ending), reason, anyway=anyway):
            told = _NOT_COMPLETE.filled(key=release.manifest.key, items=", ".join(open_items(reconciler)))
            raise RefusedError(told, remedy=_SETTLE.filled(version=release.manifest.version))
    for problem in [*closer.problems, *await announcer.run()]:
        remark(problem)
    release.mirror.save()


def open_items(reconciler: Any) -> list[str]:
    """Ids of the required checks that are not settled."""
    from ultra_checklist.situations import evaluate

    view = reconciler.view()
    states = evaluate(view)
    return [item.id for item in view.manifest.items if item.required and not states[item.id].settled]


def _require_open(release: Any) -> None:
    if not release.open:
        told = _ENDED.filled(key=release.manifest.key, ending=release.history.ended.value)
        raise RefusedError(told, remedy=_NEW_ATTEMPT)


_BOTH = Words(en="--supersede and --queued exclude each other", ja="--supersede と --queued は同時に指定できません")
_ONE_OF_TWO = Words(en="Choose one of the two", ja="どちらか一方を指定してください")
_UNSET = Words(en="(unset)", ja="（未設定）")
_SECRET = Words(en="(secret)", ja="（秘密情報）")
_PLANNED = Words(en="{n} rows; nothing was written", ja="{n} 行。書き込みはしていません")
_NO_COMMIT = Words(
    en="no commit was pinned, because DEPLOY_DIR is not set: checks that need COMMIT cannot tell",
    ja="DEPLOY_DIR が未設定のためコミットを固定していません。COMMIT を使う項目は判定不能になります",
)
_SUPERSEDED = Words(en="{version} took its place", ja="{version} に置き換え")
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
_NO_REASON = Words(en="--as {ending} needs a reason", ja="--as {ending} には理由が必要です")
_ADD_REASON = Words(en='Add: --reason "why"', ja='追加してください: --reason "理由"')
_CLOSED = Words(en="closed {key} as {ending}", ja="{key} を終了しました（{ending}）")
_ELSEWHERE = Words(en="{key} belongs to {host}", ja="{key} の対象マシンは {host} です")
_CLOSE_THERE = Words(en="Close it on that machine", ja="そのマシンで終了してください")
_NOT_COMPLETE = Words(en="{key} is not complete: {items}", ja="{key} は完了していません: {items}")
_SETTLE = Words(
    en="Settle these (ultra-checklist status {version}), or end it --as aborted",
    ja="これらを完了するか（ultra-checklist status {version}）、--as aborted で終了してください",
)
_ENDED = Words(en="{key} has ended ({ending})", ja="{key} は終了しています（{ending}）")
_NEW_ATTEMPT = Words(
    en="Start another attempt with: ultra-checklist new", ja="新しい試行を始めるには: ultra-checklist new"
)

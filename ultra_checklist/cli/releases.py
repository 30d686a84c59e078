"""``new``, ``update``, ``adopt``, ``close``: a release's beginnings and its end."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ultra_checklist.cli.boundary import say
from ultra_checklist.cli.wiring import RESERVE, Desk, chosen, common, desk, find_template
from ultra_checklist.errors import RefusedError, UsageError

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
@click.argument("version")
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
        raise UsageError("--supersede and --queued exclude each other", remedy="Choose one of the two")
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
        shown = "(unset)" if value is None else "(secret)" if value.secret else value.value
        click.echo(f"var   {name} = {shown}" + (f"   [{value.origin}]" if value is not None else ""))
    for item in manifest.items:
        click.echo(f"row   {wanted.rows[item.id]['section'][:2]} {item.id:24} {item.title}")
    click.echo(f"{len(manifest.items)} rows; nothing was written")


async def _new(at: Desk, order: Any, *, supersede: bool, queued: bool) -> None:
    from ultra_checklist.lifecycle import create
    from ultra_checklist.machine import this_machine
    from ultra_checklist.worker import hold

    if order.commit == "":
        say("note: no commit was pinned, because DEPLOY_DIR is not set: checks that need COMMIT cannot tell")
    workspace = at.workspace()
    # The worker goes on meanwhile: ticks on other releases do not wait for this page.
    with hold(at.home, wait=True, name="making"):
        async with at.notion(reserve=RESERVE) as notion:

            async def end(release: Any) -> None:
                with hold(at.home, wait=True):
                    await end_release(at, notion, release, "superseded", f"{order.version} took its place")

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
    what = f"made {opened.key}" if opened.written else f"{opened.key} is there already; nothing was written"
    say(f"{'LOCAL: ' if at.local else ''}{what}")
    click.echo(opened.url)


@click.command()
@click.argument("version")
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
    """Bring a running release up to its edited template, after showing the difference."""
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
        say("the template says the same as the release; nothing was changed")
        return
    for sign, items in (("+", found.added), ("-", found.removed), ("~", found.changed)):
        for item in items:
            void = "   (loses its verdict)" if item.id in found.reproved else ""
            click.echo(f"{sign} {item.id:24} {item.title}{void}")
    if not yes:
        click.confirm("Change the release?", abort=True, err=True)
    asyncio.run(_update(at, release, parsed))


async def _update(at: Desk, release: Any, parsed: Any) -> None:
    from ultra_checklist.lifecycle import update as bring_up
    from ultra_checklist.worker import hold

    text = Path(parsed.path).read_text(encoding="utf-8")
    with hold(at.home, wait=True):
        async with at.notion() as notion:
            await bring_up(release, parsed, text, notion=notion, workspace=at.workspace())
            await at.run_pass(notion, only=release.manifest.key)
    say(f"updated {release.manifest.key}")


@click.command()
@click.argument("version")
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
    """
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
    say(f"adopted {opened.key}; the next pass proves every tick again")
    click.echo(opened.url)


@click.command()
@click.argument("version")
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
    """End a release: seal its journal, write the record on its page, tell the hooks."""
    from ultra_checklist.release import find

    at = desk(env_file, local, lang)
    at.require_notion()
    if ending != "complete" and not reason.strip():
        raise UsageError(f"--as {ending} needs a reason", remedy='Add: --reason "why"')
    release = find(at.shelf, version, local=at.local, environment=environment, template=template)
    asyncio.run(_close(at, release, ending, reason, anyway))


async def _close(at: Desk, release: Any, ending: str, reason: str, anyway: bool) -> None:
    from ultra_checklist.worker import hold

    with hold(at.home, wait=True):
        async with at.notion() as notion:
            await end_release(at, notion, release, ending, reason, anyway=anyway)
    say(f"closed {release.manifest.key} as {ending}")
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
        raise RefusedError(
            f"{release.manifest.key} belongs to {release.manifest.machine.name}", remedy="Close it on that machine"
        )
    closer, announcer = Closer(bench, release, reconciler, at.home), Announcer(bench, release, reconciler.redact)
    if not (release.history.ended == Ending(ending) and is_due(bench, release)):
        _require_open(release)
    if release.open and release.history.sealed is not None:
        await closer.finish()
    elif release.open:
        await at.compare(notion, release, reconciler)
        if not await closer.close(Ending(ending), reason, anyway=anyway):
            raise RefusedError(
                f"{release.manifest.key} is not complete: {', '.join(open_items(reconciler))}",
                remedy=f"Settle these (ultra-checklist status {release.manifest.version}), or end it --as aborted",
            )
    for problem in [*closer.problems, *await announcer.run()]:
        say(f"note: {problem}")
    release.mirror.save()


def open_items(reconciler: Any) -> list[str]:
    """Ids of the required checks that are not settled."""
    from ultra_checklist.situations import evaluate

    view = reconciler.view()
    states = evaluate(view)
    return [item.id for item in view.manifest.items if item.required and not states[item.id].settled]


def _require_open(release: Any) -> None:
    if not release.open:
        raise RefusedError(
            f"{release.manifest.key} has ended ({release.history.ended.value})",
            remedy="Start another attempt with: ultra-checklist new",
        )


@contextmanager
def progress() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr where a person waits; silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows")
        yield lambda done, total: bar.update(task, completed=done, total=total)

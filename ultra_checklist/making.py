"""Makes a release: gathers what it is to be made of, then its page and rows."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ultra_checklist.apply import Progress
from ultra_checklist.desk import RESERVE, Desk
from ultra_checklist.ending import end_release
from ultra_checklist.errors import UsageError
from ultra_checklist.lifecycle import Opened, Order, create
from ultra_checklist.machine import this_machine
from ultra_checklist.manifest import check_name
from ultra_checklist.model import Ending
from ultra_checklist.origins import pin_commit, resolve
from ultra_checklist.parsed import load
from ultra_checklist.release import Release
from ultra_checklist.template_files import find_template
from ultra_checklist.words import Words
from ultra_checklist.worker import hold


def require_one(*, supersede: bool, queued: bool) -> None:
    """Raises UsageError for two answers to what becomes of a release that is still open."""
    if supersede and queued:
        raise UsageError(_BOTH, remedy=_ONE_OF_TWO)


def order(
    at: Desk,
    version: str,
    *,
    template: str | None = None,
    environment: str | None = None,
    commit: str | None = None,
    flags: Sequence[str] = (),
    files: Sequence[Path] = (),
) -> Order:
    """Resolve what a release is to be made of; ``flags`` are ``NAME=value``.

    Raises UsageError for names that cannot be, templates and variables that are not there, unknown commits;
    TemplateError for mistakes in the template.
    """
    where = check_name("environment", environment or at.settings.environment)
    built_in = {"VERSION": check_name("version", version), "ENVIRONMENT": where}
    path = find_template(template, at.settings, where)
    parsed = load(path, at.home)
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


async def make(
    at: Desk,
    wanted: Order,
    *,
    supersede: bool = False,
    queued: bool = False,
    progress: Progress = lambda _done, _all: None,
    remark: Callable[[Words], object] = lambda _words: None,
) -> Opened:
    """Make what is missing of a release; ``supersede`` ends the one that is still open, ``queued`` leaves it.

    Raises RefusedError where another release of the same template and environment is open, and neither was said.
    """
    workspace = at.workspace()
    # The worker goes on meanwhile: ticks on other releases do not wait for this page.
    with hold(at.home, wait=True, name="making"):
        async with at.notion(reserve=RESERVE) as notion:

            async def end(release: Release) -> None:
                with hold(at.home, wait=True):
                    reason = _SUPERSEDED.say(workspace.lang, version=wanted.version)
                    for problem in await end_release(at, notion, release, Ending.SUPERSEDED, reason):
                        remark(problem)

            return await create(
                wanted,
                notion=notion,
                workspace=workspace,
                shelf=at.shelf,
                machine=this_machine(),
                supersede=end if supersede else None,
                queued=queued,
                progress=progress,
            )


_SUPERSEDED = Words(en="{version} took its place", ja="{version} に置き換え")
_BOTH = Words(en="--supersede and --queued exclude each other", ja="--supersede と --queued は同時に指定できません")
_ONE_OF_TWO = Words(en="Choose one of the two", ja="どちらか一方を指定してください")

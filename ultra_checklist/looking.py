"""Looks at a checklist here and now: a template with the variables given now, or a running release."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ultra_checklist.checked import Checked
from ultra_checklist.checking import check
from ultra_checklist.desk import ELSEWHERE, RUN_THERE, Desk
from ultra_checklist.errors import CannotTellError, UsageError
from ultra_checklist.machine import this_machine
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Template
from ultra_checklist.origins import pin_commit, resolve, with_secrets
from ultra_checklist.parsed import load
from ultra_checklist.siblings import Siblings
from ultra_checklist.template_files import find_template
from ultra_checklist.variables import Variables
from ultra_checklist.words import Words, nearest

if TYPE_CHECKING:
    from ultra_checklist.release import Release


@dataclass(frozen=True)
class Subject:
    """What is to be looked at."""

    template: Template
    variables: Variables
    release: "Release | None" = None
    trouble: Words | None = None
    """Why the commit could not be pinned: the probes that need it will say so, the others still run."""


def subject_of(
    at: Desk,
    name: str,
    *,
    environment: str | None = None,
    template: str | None = None,
    flags: Sequence[str] = (),
    files: Sequence[Path] = (),
) -> Subject:
    """A running release by its version, with its own checklist and variables; or a template by path or name.

    ``environment`` and ``template`` choose one of several releases of that version.

    Raises UsageError, TemplateError, NoManifestError; CannotTellError for a release of another machine.
    """
    if not Path(name).is_file() and any(m.version == name for m in at.shelf.all()):
        if flags or files:
            raise UsageError(_FIXED.filled(version=name), remedy=_LEAVE_OUT)
        from ultra_checklist.release import find

        release = find(at.shelf, name, local=at.local, environment=environment, template=template)
        manifest = release.manifest
        _require_here(manifest)
        known = with_secrets(manifest.variables, manifest.template, at.home, manifest.environment)
        return Subject(manifest.template, known, release)
    if template is not None:
        raise UsageError(_NO_RELEASE.filled(name=repr(name)), remedy=_NO_TEMPLATE)
    where = environment or at.settings.environment
    checklist = load(find_template(name, at.settings, where), at.home)
    variables = resolve(
        checklist, flags=flags, files=files, home=at.home, environment=where, built_in={"ENVIRONMENT": where}
    )
    try:
        variables, _ = pin_commit(variables, None)
    except UsageError as error:
        return Subject(checklist, variables, trouble=error.message)
    return Subject(checklist, variables)


async def look(
    at: Desk, subject: Subject, items: Sequence[str] = (), *, with_effects: Sequence[str] = ()
) -> Checked:
    """Run the probes of some items, of all where none is named; those of ``with_effects`` send and write.

    Raises UsageError for items that there are not, and for effects without a release.
    """
    require_items(subject.template, (*items, *with_effects))
    if with_effects and subject.release is None:
        raise UsageError(_NO_EFFECTS, remedy=_NAME_VERSION)
    return await check(
        subject.template,
        subject.variables,
        items,
        secrets=at.secrets,
        release=subject.release,
        siblings=Siblings(at.shelf, local=at.local),
        with_effects=with_effects,
        carriers=at.carriers(),
        over_ssh=lambda errand: at.over_ssh(shares=False).run(errand),
    )


def require_items(template: Template, items: Sequence[str]) -> None:
    """Raises UsageError for an item that the checklist does not have."""
    ids = [item.id for item in template.items]
    for item in items:
        if item not in ids:
            raise UsageError(_NO_ITEM.filled(item=repr(item)), remedy=nearest(item, ids))


def _require_here(manifest: Manifest) -> None:
    here = this_machine()
    if manifest.machine.digest != here.digest:
        target, other = manifest.machine.told_from(here)
        told = ELSEWHERE.filled(key=manifest.key, target=target, here=other)
        raise CannotTellError(_CANNOT_TELL.filled(why=told), remedy=RUN_THERE.filled(target=target))


_NO_ITEM = Words(en="the checklist has no item {item}", ja="チェックリストに項目 {item} はありません")
_NO_EFFECTS = Words(
    en="--with-effects is for a release: its messages name one",
    ja="--with-effects はリリースに対してのみ使用できます（送信内容にリリース名が入るため）",
)
_NAME_VERSION = Words(en="Name a running VERSION", ja="進行中の VERSION を指定してください")
_NO_RELEASE = Words(
    en="-t chooses among releases, and {name} is none of them",
    ja="-t はリリースの選択用ですが、{name} はリリースではありません",
)
_NO_TEMPLATE = Words(en="Leave -t out", ja="-t を省いてください")
_FIXED = Words(
    en="{version} is a running release: its variables are fixed",
    ja="{version} は進行中のリリースで、変数は固定されています",
)
_LEAVE_OUT = Words(en="Leave --var and --var-file out", ja="--var と --var-file を省いてください")
_CANNOT_TELL = Words(en="can't tell: {why}", ja="判定不能: {why}")

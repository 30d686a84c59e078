"""``check``, ``lint`` and ``probes``: useful without Notion."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from ultra_checklist import plugins
from ultra_checklist.cli.boundary import language, remark, say
from ultra_checklist.cli.completing import either, environments, items, templates
from ultra_checklist.cli.wiring import ELSEWHERE, NO_FORMAT, RUN_THERE, Desk, common, desk, find_template
from ultra_checklist.errors import UsageError, cause
from ultra_checklist.model import Outcome
from ultra_checklist.words import Words, nearest

NAGIOS_CRITICAL = 2
"""To monitoring the exit code is the verdict: 1 would only be a warning."""


@click.command()
@click.argument("template", metavar="TEMPLATE|VERSION", required=False, shell_complete=either)
@click.argument("items", nargs=-1, metavar="[ITEM]...", shell_complete=items)
@click.option("--var", "flags", multiple=True, metavar="K=V", help="Set a variable.")
@click.option(
    "--var-file", "files", multiple=True, type=click.Path(path_type=Path), help="Read variables from a file."
)
@click.option(
    "--format",
    "form",
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="table, json, junit, tap, nagios or prometheus.",
)
@click.option("-e", "--environment", shell_complete=environments, help="The environment whose variables are meant.")
@click.option(
    "--with-effects",
    multiple=True,
    metavar="ITEM",
    shell_complete=items,
    help="Of a release: send and write what this item's probes do.",
)
@click.option(
    "--replay",
    "bundle",
    metavar="BUNDLE",
    type=click.Path(path_type=Path),
    help="Judge what this bundle has recorded; looks at no machine.",
)
@common
def check(
    template: str | None,
    items: tuple[str, ...],
    flags: tuple[str, ...],
    files: tuple[Path, ...],
    form: str,
    environment: str | None,
    with_effects: tuple[str, ...],
    bundle: Path | None,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """Run probes here and now, of a template or of a running release; touches no Notion.

    Probes that send messages or write records are skipped; --with-effects has those of one item do it now.
    With --replay the observations of an ended release are judged again, by TEMPLATE's options or by its own.
    Exit code 0: nothing failed and nothing is unknown; 1: something failed (2 with --format nagios, whose
    protocol it is); 3: something is unknown.

    \b
    Examples:
      ultra-checklist check templates/production_release.md --var DEPLOY_DIR=/srv/autotrade
      ultra-checklist check v1.4.0 env-mode repo-clean
      ultra-checklist check production_release --replay v1.4.0.bundle.tar
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.checked import Checked, outcome_of

    at = desk(env_file, local, lang)
    writer = _writer(form)
    checked: Checked
    if bundle is not None:
        from ultra_checklist.cli.proof import judge_again

        checked = judge_again(at, bundle, template, environment, flags, files, items)
    elif template is None:
        raise UsageError(_NOTHING_NAMED, remedy=_NAME_ONE)
    else:
        checklist, variables, release = _source(at, template, environment, flags, files)
        known_items(checklist, (*items, *with_effects))
        if with_effects and release is None:
            raise UsageError(_NO_EFFECTS, remedy=_NAME_VERSION)
        checked = asyncio.run(_run(at, checklist, variables, items, release, with_effects))
    click.echo(writer(checked, at.lang), nl=False)
    codes = {Outcome.PASS: 0, Outcome.FAIL: NAGIOS_CRITICAL if form == "nagios" else 1, Outcome.UNKNOWN: 3}
    return codes[outcome_of(checked)]


def _writer(form: str) -> Any:
    known = plugins.names(plugins.REPORTS)
    if form not in known:
        raise UsageError(NO_FORMAT.filled(name=repr(form)), remedy=nearest(form, known))
    return plugins.load(plugins.REPORTS, form)


def _source(
    at: Desk, name: str, environment: str | None, flags: tuple[str, ...], files: tuple[Path, ...]
) -> tuple[Any, Any, Any]:
    """The checklist, the variables and the release: a running one's own, or a template's with those given now."""
    from ultra_checklist.origins import pin_commit, resolve, with_secrets
    from ultra_checklist.release import find
    from ultra_checklist.template import load

    if not Path(name).is_file() and any(m.version == name for m in at.shelf.all()):
        if flags or files:
            raise UsageError(_FIXED.filled(version=name), remedy=_LEAVE_OUT)
        release = find(at.shelf, name, local=at.local, environment=environment)
        manifest = release.manifest
        _require_here(manifest)
        known = with_secrets(manifest.variables, manifest.template, at.home, manifest.environment)
        return manifest.template, known, release
    where = environment or at.settings.environment
    path = find_template(name, at.settings, where)
    checklist = load(path)
    variables = resolve(
        checklist, flags=flags, files=files, home=at.home, environment=where, built_in={"ENVIRONMENT": where}
    )
    try:
        variables, _ = pin_commit(variables, None)
    except UsageError as error:
        # The probes that need COMMIT will say so themselves; the others still run.
        remark(error.message)
    return checklist, variables, None


def _require_here(manifest: Any) -> None:
    from ultra_checklist.errors import CannotTellError
    from ultra_checklist.machine import this_machine

    here = this_machine()
    if manifest.machine.digest != here.digest:
        target, other = manifest.machine.told_from(here)
        told = ELSEWHERE.filled(key=manifest.key, target=target, here=other)
        raise CannotTellError(_CANNOT_TELL.filled(why=told), remedy=RUN_THERE.filled(target=target))


def known_items(checklist: Any, items: tuple[str, ...]) -> None:
    """Raises UsageError for an item that the checklist does not have."""
    ids = [item.id for item in checklist.items]
    for item in items:
        if item not in ids:
            raise UsageError(_NO_ITEM.filled(item=repr(item)), remedy=nearest(item, ids))


async def _run(
    at: Desk, checklist: Any, variables: Any, items: tuple[str, ...], release: Any, with_effects: tuple[str, ...]
) -> Any:
    from ultra_checklist.checking import check as run_checks
    from ultra_checklist.siblings import Siblings

    siblings = Siblings(at.shelf, local=at.local)
    return await run_checks(
        checklist, variables, items,
        secrets=at.secrets, release=release, siblings=siblings, with_effects=with_effects,
    )  # fmt: skip


@click.command()
@click.argument("template", shell_complete=templates)
@click.option("--fix", is_flag=True, help="Write missing ids into the file.")
@click.option("--against", type=click.Path(path_type=Path), help="Compare with the team's own document.")
@common
def lint(
    template: str, fix: bool, against: Path | None, local: bool, env_file: Path | None, lang: str | None
) -> int:
    """Find the mistakes in a template, each with file and line.

    \b
    Examples:
      ultra-checklist lint templates/production_release.md --against docs/22_production_release_checklist.md
      ultra-checklist lint my_checklist.md --fix
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.lint import fix as write_ids
    from ultra_checklist.template import load

    at = desk(env_file, local, lang)
    path = find_template(template, at.settings, at.settings.environment)
    if fix:
        text = path.read_text(encoding="utf-8")
        fixed = write_ids(text, path=str(path))
        if fixed != text:
            path.write_text(fixed, encoding="utf-8")
            say(_WROTE_IDS.filled(path=str(path)))
    parsed = load(path)
    counts = {"items": str(len(parsed.items)), "sections": str(len(parsed.sections))}
    say(_NO_MISTAKES.filled(path=str(path), **counts))
    return _against(parsed, against) if against is not None else 0


def _against(parsed: Any, document: Path) -> int:
    from ultra_checklist.lint import against

    try:
        text = document.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = _AGAINST.filled(document=str(document), why=cause(error))
        raise UsageError(told, remedy=_NAME_DOCUMENT) from error
    differences = against(parsed, text, path=str(document))
    for difference in differences:
        click.echo(difference.words.say(language()))
    if not differences:
        say(_SAME_ITEMS.filled(path=str(document)))
    return 1 if differences else 0


@click.command()
@click.argument("name", required=False)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@common
def probes(name: str | None, form: str, local: bool, env_file: Path | None, lang: str | None) -> None:
    """List the probes, or one probe's options.

    \b
    Examples:
      ultra-checklist probes
      ultra-checklist probes http
    """  # noqa: D301 - click needs the real backspace character
    at = desk(env_file, local, lang)
    known = plugins.names(plugins.PROBES)
    if name is not None and name not in known:
        raise UsageError(_NO_PROBE.filled(name=repr(name)), remedy=nearest(name, known))
    families = {key: plugins.load(plugins.PROBES, key) for key in known if name in (None, key)}
    if form == "json":
        data = {
            key: {"effect": family.effect, "summary": family.summary.say(at.lang)}
            | {"options": family.options_model.model_json_schema()}
            for key, family in families.items()
        }
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
        return
    for key, family in families.items():
        click.echo(f"{key:10} {family.summary.say(at.lang)}")
    if name is not None:
        for option, spec in families[name].options_model.model_fields.items():
            default = spec.get_default(call_default_factory=True)
            told = _REQUIRED.say(at.lang) if spec.is_required() else ""
            if default not in (None, [], {}) and not spec.is_required():
                told = _DEFAULT.say(at.lang, value=default)
            click.echo(f"  {spec.alias or option:18} {spec.description or ''}" + (f" ({told})" if told else ""))


_NOTHING_NAMED = Words(en="TEMPLATE or VERSION is missing", ja="TEMPLATE または VERSION の指定がありません")
_NAME_ONE = Words(
    en="Name a template, or a running release", ja="テンプレートか、進行中のリリースを指定してください"
)
_NO_EFFECTS = Words(
    en="--with-effects is for a release: its messages name one",
    ja="--with-effects はリリースに対してのみ使用できます（送信内容にリリース名が入るため）",
)
_NAME_VERSION = Words(en="Name a running VERSION", ja="進行中の VERSION を指定してください")
_FIXED = Words(
    en="{version} is a running release: its variables are fixed",
    ja="{version} は進行中のリリースで、変数は固定されています",
)
_LEAVE_OUT = Words(en="Leave --var and --var-file out", ja="--var と --var-file を省いてください")
_CANNOT_TELL = Words(en="can't tell: {why}", ja="判定不能: {why}")
_NO_ITEM = Words(en="the checklist has no item {item}", ja="チェックリストに項目 {item} はありません")
_WROTE_IDS = Words(en="wrote missing ids into {path}", ja="不足していた id を {path} に書き込みました")
_NO_MISTAKES = Words(
    en="{path}: {items} items in {sections} sections, no mistakes",
    ja="{path}: {sections} セクション {items} 項目、誤りはありません",
)
_AGAINST = Words(en="--against {document} cannot be read: {why}", ja="--against {document} を読み込めません: {why}")
_NAME_DOCUMENT = Words(en="Name a readable Markdown file", ja="読み込める Markdown ファイルを指定してください")
_SAME_ITEMS = Words(en="{path} has the same items in the same order", ja="{path} は項目も順序も同じです")
_NO_PROBE = Words(en="there is no probe {name}", ja="プローブ {name} はありません")
_REQUIRED = Words(en="required", ja="必須")
_DEFAULT = Words(en="default {value}", ja="既定値 {value}")

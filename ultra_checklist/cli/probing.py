"""``check``, ``lint`` and ``probes``: useful without Notion."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from ultra_checklist import plugins
from ultra_checklist.cli.boundary import language, remark, say
from ultra_checklist.cli.completing import either, environments, items, templates
from ultra_checklist.cli.wiring import common, desk
from ultra_checklist.errors import UsageError, cause
from ultra_checklist.model import Outcome
from ultra_checklist.template_files import find_template
from ultra_checklist.words import Words, nearest

NAGIOS_CRITICAL = 2
"""To monitoring the exit code is the verdict: 1 would only be a warning."""


@click.command()
@click.argument("name", metavar="TEMPLATE|VERSION", required=False, shell_complete=either)
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
@click.option("-t", "--template", shell_complete=templates, help="Of several releases the one from this template.")
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
    name: str | None,
    items: tuple[str, ...],
    flags: tuple[str, ...],
    files: tuple[Path, ...],
    form: str,
    environment: str | None,
    template: str | None,
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
    from ultra_checklist.looking import look, subject_of

    at = desk(env_file, local, lang)
    writer = plugins.writer(plugins.REPORTS, form)
    checked: Checked
    if bundle is not None:
        from ultra_checklist.cli.proof import judge_again

        checked = judge_again(at, bundle, name, environment, flags, files, items)
    elif name is None:
        raise UsageError(_NOTHING_NAMED, remedy=_NAME_ONE)
    else:
        subject = subject_of(at, name, environment=environment, template=template, flags=flags, files=files)
        if subject.trouble is not None:
            remark(subject.trouble)
        found: list[Checked] = []

        async def keep() -> None:
            found.append(await look(at, subject, items, with_effects=with_effects))

        # Not as the task's result: asyncio.run, as it ends, has that written out as text, twice, for nothing.
        asyncio.run(keep())
        (checked,) = found
    click.echo(writer(checked, at.lang), nl=False)
    codes = {Outcome.PASS: 0, Outcome.FAIL: NAGIOS_CRITICAL if form == "nagios" else 1, Outcome.UNKNOWN: 3}
    return codes[outcome_of(checked)]


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

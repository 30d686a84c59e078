"""``doctor``: is everything here that a pass needs? It looks, and changes nothing."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ultra_checklist import config, escape, settings_file
from ultra_checklist.cli.boundary import clean, know, language, speak
from ultra_checklist.cli.completing import environments, templates
from ultra_checklist.cli.wiring import common
from ultra_checklist.desk import NO_TOKEN, Desk
from ultra_checklist.environ import process_environment
from ultra_checklist.errors import UltraChecklistError
from ultra_checklist.template_files import find_template
from ultra_checklist.words import Words, joined

if TYPE_CHECKING:
    from ultra_checklist.doctor.diagnosis import Diagnosis
    from ultra_checklist.doctor.releases import Subject
    from ultra_checklist.model import Template

SIGNS = {"ok": ("✓", "ok  ", "green"), "warn": ("!", "note", "yellow"), "fail": ("✗", "FAIL", "red")}
UNKNOWN = ("?", "?   ", "yellow")


@click.command()
@click.option("-t", "--template", shell_complete=templates, help="Also what this template needs: a path or a name.")
@click.option(
    "-e", "--environment", shell_complete=environments, help="The environment whose variables that template gets."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@common
def doctor(
    template: str | None,
    environment: str | None,
    form: str,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """Look whether everything is here that a pass needs, and say what to do where it is not.

    Settings, state folder, token and what it may do in Notion, the two databases and their columns, the clock,
    and what the open releases need: variables, programs, Docker. It writes nothing, neither here nor in Notion.
    Exit code 0: all is well, but for remarks; 1: something is wrong; 3: something cannot be told.

    \b
    Examples:
      ultra-checklist doctor
      ultra-checklist doctor --local -t production_release
      ultra-checklist doctor --format json | jq '.checks[] | select(.result != "ok")'
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.doctor.diagnosis import as_json, exit_code

    speak(lang)
    found = asyncio.run(_look(template, environment, local, env_file))
    if form == "json":
        click.echo(escape.json(clean(json.dumps(as_json(found, language()), ensure_ascii=False, indent=1))))
    else:
        _print(found)
    return exit_code(found)


async def _look(
    template: str | None, environment: str | None, local: bool, env_file: Path | None
) -> list["Diagnosis"]:
    """Everything, in the order in which it is told."""
    from ultra_checklist.doctor import folder
    from ultra_checklist.doctor.diagnosis import skipped, wrong

    try:
        at = Desk(settings := config.load(env_file, local=local), settings.home, language())
        found = [folder.settings_file(settings_file.read(env_file))]
    except UltraChecklistError as error:
        first = [wrong("settings", error.message, error.remedy), *skipped(("state-folder",), "settings")]
        return [*first, *_nothing_else("settings")]
    here = folder.state_folder(at.home)
    found.append(here)
    if here.result == "fail":
        return [*found, *_nothing_else("state-folder")]
    know(at.secret_values)
    found += [folder.user(at.home), folder.free_space(at.home)]
    found += await _notion(at)
    answers = all(one.result == "ok" for one in found if one.id in ("notion", "token"))
    releases, templates = _releases(at, template, environment)
    return found + releases + await _others(at, templates, answers=answers)


def _nothing_else(because: str) -> list["Diagnosis"]:
    """All that needs settings and the state folder."""
    from ultra_checklist.doctor import connection, databases, others, releases
    from ultra_checklist.doctor.diagnosis import skipped

    names = ("user", "free-space", *connection.NAMES, *databases.NAMES, "plan")
    return [*skipped(names, because), *releases.nothing_to_look_at(because), *skipped(others.NAMES, because)]


def _releases(
    at: Desk, template: str | None, environment: str | None
) -> tuple[list["Diagnosis"], list["Template"]]:
    """What is needed by the open releases, and by the template that was asked for; and those checklists."""
    from ultra_checklist.doctor import folder, releases
    from ultra_checklist.machine import this_machine

    journals, still_open = releases.journals(at.home, local=at.local)
    subjects = list(releases.subjects(at.home, still_open, this_machine(), at.settings.host))
    if template is not None:
        subjects.append(_asked_for(at, template, environment or at.settings.environment))
    environ = process_environment()
    found = [
        journals,
        releases.templates(still_open, at.settings.templates),
        *releases.needs(subjects, releases.search_path(environ), environ.get("DOCKER_HOST", "")),
        folder.running_pass(at.home),
        releases.worker(at.home, len(still_open), datetime.now(UTC), local=at.local),
    ]
    return found, [subject.template for subject in subjects]


async def _others(at: Desk, templates: list["Template"], *, answers: bool) -> list["Diagnosis"]:
    """Other machines on which these checklists look; ``answers``: Notion does."""
    from ultra_checklist.doctor import connection, others
    from ultra_checklist.doctor.diagnosis import skipped, wrong

    over_ssh = await others.over_ssh(at.over_ssh(shares=False), templates)
    wanted, pinned = others.labels_of(templates, at.settings.host), at.pinned()
    if at.settings.broker is not None:
        try:
            # Without a key nobody could tell whose messages these are.
            at.broker_key  # noqa: B018 - it raises where there is none
        except UltraChecklistError as error:
            return [*skipped(("labels",), "broker"), wrong("broker", error.message, error.remedy), over_ssh]
        return [*await others.by_broker(at.settings.broker.get_secret_value(), wanted), over_ssh]
    if not (pinned is not None and pinned.hosts):
        return [others.no_way(wanted), others.no_broker(), over_ssh]
    if not answers:
        return [*skipped(("labels",), "notion"), others.no_broker(), over_ssh]
    async with at.notion(seconds=connection.SECONDS) as notion:
        own, key = at.settings.host, at.seal_key
        labels = await others.by_table(notion, pinned, own, key, at.copies(), wanted)
    return [labels, others.no_broker(), over_ssh]


def _asked_for(at: Desk, name: str, environment: str) -> "Subject":
    """A template by path or name, with the variables that `new` would find. Raises UsageError."""
    from ultra_checklist.doctor.releases import Subject
    from ultra_checklist.origins import resolve, values_file
    from ultra_checklist.template import load

    parsed = load(find_template(name, at.settings, environment))
    known = resolve(parsed, home=at.home, environment=environment, built_in={"ENVIRONMENT": environment})
    file = str(values_file(at.home, environment))
    return Subject(name, parsed, known, file, label=at.settings.host)


async def _notion(at: Desk) -> list["Diagnosis"]:
    """What is to be said of Notion; after the first thing that stops everything the rest is not asked."""
    from ultra_checklist.doctor import connection, databases
    from ultra_checklist.doctor.diagnosis import Diagnosis, skipped, well, wrong
    from ultra_checklist.notion import clicks

    pinned, rest = at.pinned(), (*databases.NAMES, "plan")
    if not at.local and not at.settings.token and at.settings.broker is not None:
        return [well(name, _AGENT) for name in (*connection.NAMES, *rest)]
    if not at.local and not at.settings.token:
        first = wrong("token", NO_TOKEN, joined((_OR_INIT, clicks.TOKEN), " "))
        return [first, *skipped([n for n in (*connection.NAMES, *rest) if n != "token"], "token")]
    if at.local and not at.database.is_file():
        # To look at it would make it.
        told = [well(name, _BUILT_IN) for name in connection.NAMES]
        return [*told, *databases.not_set_up(local=True), well("plan", _BUILT_IN)]
    if not at.local and (pause := connection.left_alone(at.home / "gateway.json")) is not None:
        return [pause, *skipped((*connection.NAMES[1:], *rest), "notion")]
    try:
        page: str | Diagnosis = at.parent_page(None)
    except UltraChecklistError as error:
        page = wrong("parent-page", error.message, error.remedy)
    async with at.notion(seconds=connection.SECONDS) as notion:
        line = connection.Line(notion)
        found, me = await connection.token(line, pinned)
        if me is None:
            return found + skipped(rest, found[-1].because)
        try:
            await _what_it_may(at, line, page, me, found)
        except connection.Silent as error:
            found[0] = Diagnosis("notion", "unknown", error.message, error.remedy)
            seen = {one.id for one in found}
            found += skipped([name for name in (*connection.NAMES, *rest) if name not in seen], "notion")
    return found


async def _what_it_may(at: Desk, line: Any, page: "str | Diagnosis", me: Any, found: list["Diagnosis"]) -> None:
    """Add what the integration may do and how the databases are. Raises Silent where Notion stops to answer."""
    from ultra_checklist.doctor import connection, databases
    from ultra_checklist.doctor.diagnosis import skipped
    from ultra_checklist.doctor.releases import largest_evidence
    from ultra_checklist.notion import clicks

    pinned = at.pinned()
    if isinstance(page, str):
        found += await connection.parent(line, page)
    else:
        found += [*skipped((clicks.READ,), "parent-page"), page]
    may_read = found[-1].because != clicks.READ
    known = page if isinstance(page, str) else None
    wanted = config.COMMENT in at.settings.channels
    found += await connection.capabilities(line, known, comments=wanted)
    if pinned is None:
        found += databases.not_set_up(at.local)
    elif may_read:
        found += await databases.look(line, pinned, labels=at.asks_by_table)
    else:
        found += skipped(databases.NAMES, clicks.READ)
    found.append(connection.plan(me, pinned, largest_evidence(at.home)))


def _print(found: list["Diagnosis"]) -> None:
    """One line each; what was not looked at is told in one line for each reason."""
    terminal = sys.stdout.isatty()
    colored = terminal and "NO_COLOR" not in process_environment()
    width = max(len(one.id) for one in found)
    lang = language()
    left: dict[str, list[str]] = {}
    for one in found:
        if one.because:
            left.setdefault(one.because, []).append(one.id)
            continue
        sign, plain, color = SIGNS.get(one.result, UNKNOWN)
        bare = sign if terminal else plain
        mark = click.style(bare, fg=color, bold=True) if colored else bare
        click.echo(f"{mark} {one.id:{width}}  {_clean(one.what.say(lang))}")
        if one.result != "ok" and one.remedy.say(lang):
            click.echo(" " * (len(bare) + width + 3) + _remedy(one, lang))
    for because, names in left.items():
        sign, plain, _ = UNKNOWN
        mark = sign if terminal else plain
        click.echo(f"{mark} {_clean(_LEFT.say(lang, because=because, names=', '.join(names)))}")
    counts = {result: sum(one.result == result for one in found) for result in ("ok", "warn", "fail", "unknown")}
    click.echo("\n" + (_ALL_WELL if counts["ok"] == len(found) else _SUM).say(lang, **counts))


def _remedy(one: "Diagnosis", lang: Any) -> str:
    return _clean(_NEXT.say(lang, step=one.remedy.say(lang)))


def _clean(text: str) -> str:
    return escape.terminal(clean(text))


_OR_INIT = Words(en="ultra-checklist init asks for it.", ja="ultra-checklist init を実行すると入力できます。")
_AGENT = Words(
    en="not needed for an agent (no NOTION_TOKEN; ULTRA_CHECKLIST_BROKER is set)",
    ja="エージェントには不要（NOTION_TOKEN 未設定、ULTRA_CHECKLIST_BROKER 設定済み）",
)
_BUILT_IN = Words(en="the built-in local Notion", ja="内蔵のローカル Notion")
_LEFT = Words(en="not looked at, because of {because}: {names}", ja="未確認（{because} のため）: {names}")
_NEXT = Words(en="next: {step}", ja="次に: {step}")
_ALL_WELL = Words(en="all is well", ja="すべて正常です")
_SUM = Words(
    en="{ok} well, {warn} remarks, {fail} wrong, {unknown} cannot be told",
    ja="正常 {ok}、注意 {warn}、異常 {fail}、判定不能 {unknown}",
)

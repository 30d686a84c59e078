"""``gate``: may it begin? 0 only when every check that the gate asks for is settled, and known to be."""

import asyncio
from pathlib import Path
from typing import Any

import click

from ultra_checklist.cli.boundary import report, say, unexpected
from ultra_checklist.cli.wiring import Desk, chosen, common, desk
from ultra_checklist.errors import RefusedError, UltraChecklistError, UsageError
from ultra_checklist.model import Lang, Words

CANNOT_TELL = 3
_SAID = {
    "open": Words(en="OPEN", ja="開"),
    "closed": Words(en="CLOSED", ja="閉"),
    "cannot-tell": Words(en="CAN'T TELL", ja="判定不能"),
}
_HEAD = Words(en="journal", ja="ジャーナル")
_OFFLINE = Words(
    en="Notion did not answer: the journal decided", ja="Notion が応答しないため、ジャーナルで判定しました"
)
_FROZEN = Words(en="as they were when the deploy started: {items}", ja="デプロイ開始時のまま: {items}")
_WHOSE = Words(en="whose", ja="担当")
_NEXT = Words(en="next", ja="対処")


@click.command()
@click.argument("version")
@click.option("--gate", "name", metavar="NAME", help="Which gate, where the template has several.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@chosen
@common
def gate(
    version: str,
    name: str | None,
    form: str,
    template: str | None,
    environment: str | None,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """Ask a gate whether what it guards may begin: everything is compared, and looked at anew, on the spot.

    Exit code 0 only when it is open; 1 closed; 3 it cannot be told, and everything unexpected; 2 wrong usage.
    When Notion does not answer the journal decides, as long as all of it is young enough.

    \b
    Example:
      ultra-checklist gate v1.4.0 && scripts/deploy.sh
    """  # noqa: D301 - click needs the real backspace character
    try:
        return _ask(version, name, form, template, environment, local, env_file, lang)
    except UsageError:
        raise
    except UltraChecklistError as error:
        report(error)
    except Exception:
        # Whatever goes wrong here, it must not look like an open gate.
        unexpected()
    return CANNOT_TELL


def _ask(
    version: str,
    name: str | None,
    form: str,
    template: str | None,
    environment: str | None,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    from ultra_checklist.release import find

    at = desk(env_file, local, lang)
    at.require_notion()
    manifest = find(at.shelf, version, local=at.local, environment=environment, template=template).manifest
    asked = _named(manifest, name)
    answer = asyncio.run(_answer(at, manifest.key, asked))
    if form == "json":
        click.echo(answer.model_dump_json(indent=1))
    else:
        click.echo(text(answer, at.lang))
    return int(answer.exit_code)


def _named(manifest: Any, name: str | None) -> Any:
    """The gate of that name, or the only one. Raises UsageError listing them."""
    gates = {gate.name: gate for gate in manifest.template.gates}
    if name is not None and name in gates:
        return gates[name]
    if name is None and len(gates) == 1:
        return next(iter(gates.values()))
    known = f"Known: {', '.join(gates)} (--gate NAME)" if gates else "Add `gates:` to the template's front matter"
    what = f"there is no gate {name!r}" if name is not None else f"{manifest.template.name} has {len(gates)} gates"
    raise UsageError(f"{manifest.version}: {what}", remedy=known)


async def _answer(at: Desk, key: str, asked: Any) -> Any:
    from ultra_checklist.gate import Gatekeeper

    async with at.notion() as notion:
        return await keeper(at, notion, key, Gatekeeper).ask(asked)


def keeper(at: Desk, notion: Any, key: str, kind: Any) -> Any:
    """A gatekeeper with this desk's settings."""
    return kind(at.bench(notion), at.home, key, secrets=at.secrets, seconds=at.settings.deadline)


def text(answer: Any, lang: Lang) -> str:
    """What a gate says, for people: the verdict first, then what is open, whose it is, and what to do."""
    lines = [f"{answer.gate}: {_SAID[answer.outcome.value].say(lang)} – {answer.reason.say(lang)}"]
    if answer.made_of.say(lang):
        lines.append(f"  {answer.made_of.say(lang)}")
    if answer.offline:
        lines.append(f"  {_OFFLINE.say(lang)}")
    if answer.frozen:
        lines.append(f"  {_FROZEN.say(lang).replace('{items}', ', '.join(answer.frozen))}")
    for check in answer.open:
        lines.append(f"  {check.number} {check.id}: {check.title}")
        if check.why.say(lang):
            lines.append(f"      {check.why.say(lang)}")
        lines.append(f"      {_WHOSE.say(lang)}: {check.whose.say(lang)}")
        lines.append(f"      {_NEXT.say(lang)}: {check.todo.say(lang)}")
    if answer.remedy:
        lines.append(f"  {_NEXT.say(lang)}: {answer.remedy}")
    if answer.head:
        lines.append(f"  {_HEAD.say(lang)} {answer.head}")
    return "\n".join(lines)


async def require_open(at: Desk, notion: Any, key: str, gates: Any) -> None:
    """Raises RefusedError where one of the gates is not open; what keeps it closed is said before."""
    from ultra_checklist.gate import Gatekeeper

    for asked in gates:
        answer = await keeper(at, notion, key, Gatekeeper).ask(asked)
        say(text(answer, at.lang))
        if not answer.is_open:
            raise RefusedError(
                f"the gate {asked.name} is not open", remedy="Settle what is named above, then run it again"
            )

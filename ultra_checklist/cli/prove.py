"""``prove``: shows that every probe of a template is able to fail."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ultra_checklist.cli.completing import environments, items, templates
from ultra_checklist.cli.wiring import common, desk
from ultra_checklist.escape import json as escaped
from ultra_checklist.escape import terminal, visible
from ultra_checklist.model import Lang, Outcome, Words
from ultra_checklist.template_files import find_template

if TYPE_CHECKING:
    from ultra_checklist.proving import Proof, Proved, ProvedItem, Shown

_MARKS = {"can-fail": "✔", "cannot-fail": "✘", "manual": "·"}
_COLORS = {"can-fail": "green", "cannot-fail": "red", "manual": "dim"}
_WORDS = {
    "can-fail": Words(en="can fail", ja="不合格を確認"),
    "cannot-fail": Words(en="cannot fail", ja="不合格にならない"),
    "manual": Words(en="a person's word", ja="人の確認"),
}
_OUTCOMES = {
    Outcome.FAIL: Words(en="fails", ja="不合格"),
    Outcome.PASS: Words(en="PASSES", ja="合格してしまう"),
    Outcome.UNKNOWN: Words(en="CAN'T TELL", ja="判定不能"),
}
_MEANING = {
    Outcome.PASS: Words(
        en="on a bad situation it stays green: what it is asked for proves nothing",
        ja="不正な状況でも合格のままです。この条件では何も証明できません",
    ),
    Outcome.UNKNOWN: Words(
        en="it has not been seen red: on a bad situation it must fail, not be at a loss",
        ja="不合格になることを確認できません（不正な状況では判定不能ではなく不合格が必要です）",
    ),
}
_STOOD = Words(en="not set, so a placeholder stood for it", ja="未設定のため仮の値を使用")
_OF = Words(en="items", ja="項目")


@click.command()
@click.argument("template", shell_complete=templates)
@click.argument("items", nargs=-1, metavar="[ITEM]...", shell_complete=items)
@click.option("--var", "flags", multiple=True, metavar="K=V", help="Set a variable.")
@click.option(
    "--var-file", "files", multiple=True, type=click.Path(path_type=Path), help="Read variables from a file."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("-e", "--environment", shell_complete=environments, help="The environment whose variables are meant.")
@common
def prove(
    template: str,
    items: tuple[str, ...],
    flags: tuple[str, ...],
    files: tuple[Path, ...],
    form: str,
    environment: str | None,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """Show that every probe can fail: each one looks at a twin of its situation that is known to be bad.

    Nothing is sent, and nothing of production is looked at. Variables that are not set do not matter.
    Exit code 0: every probe has failed on its twins; 1: one could not fail, so its green means nothing.

    \b
    Examples:
      ultra-checklist prove templates/production_release.md
      ultra-checklist prove templates/production_release.md env-mode repo-clean
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.looking import require_items
    from ultra_checklist.origins import resolve
    from ultra_checklist.proving import prove as show_twins
    from ultra_checklist.template import load

    at = desk(env_file, local, lang)
    where = environment or at.settings.environment
    checklist = load(find_template(template, at.settings, where))
    require_items(checklist, items)
    variables = resolve(
        checklist, flags=flags, files=files, home=at.home, environment=where, built_in={"ENVIRONMENT": where}
    )
    proved = asyncio.run(show_twins(checklist, variables, items, secrets=at.secrets))
    click.echo((_json if form == "json" else _table)(proved, at.lang), nl=False)
    return 0 if proved.can_fail else 1


def _table(proved: "Proved", lang: Lang) -> str:
    from rich.console import Console

    width = shutil.get_terminal_size((200, 24)).columns
    console = Console(width=max(width, 60), highlight=False, soft_wrap=True)
    with console.capture() as captured:
        for entry in proved.items:
            _item(console, entry, lang)
        counts = {code: sum(1 for e in proved.items if e.result == code) for code in _WORDS}
        said = ", ".join(f"{n} {_WORDS[code].say(lang)}" for code, n in counts.items() if n)
        console.print(f"\n{len(proved.items)} {_OF.say(lang)} = {said}")
        if proved.placeholders:
            console.print(f"{_STOOD.say(lang)}: {', '.join(sorted(proved.placeholders))}")
    return captured.get()


def _item(console: Any, entry: "ProvedItem", lang: Lang) -> None:
    from rich.markup import escape

    color, mark, word = _COLORS[entry.result], _MARKS[entry.result], _WORDS[entry.result].say(lang)
    console.print(f"[{color}]{mark} {word:15}[/] {escape(entry.item.id):24} {escape(terminal(entry.item.title))}")
    for proof in entry.proofs:
        for line in _lines(proof, lang):
            console.print(escape(visible(line, lines=True)))


def _lines(proof: "Proof", lang: Lang) -> list[str]:
    if proof.problem is not None:
        return [f"  ✘ {proof.spec.probe}: {proof.problem.say(lang)}"]
    lines = []
    for shown in proof.shown:
        verdict = shown.verdict
        mark, said = "✔" if shown.red else "✘", _OUTCOMES[verdict.outcome].say(lang)
        lines.append(f"  {mark} {proof.spec.probe}: {shown.what.say(lang)} → {said} ({verdict.reason})")
        if not shown.red:
            meaning = _MEANING[verdict.outcome].say(lang)
            lines.append(f"      {meaning}")
            lines += [f"      {verdict.sentence.say(lang)}"] if verdict.sentence.say(lang) else []
    return lines


def _json(proved: "Proved", lang: Lang) -> str:
    data = {
        "template": proved.template.path,
        "sha256": proved.template.sha256,
        "items": [
            {
                "id": entry.item.id,
                "section": entry.item.section,
                "title": entry.item.title,
                "result": entry.result,
                "probes": [
                    {
                        "probe": proof.spec.probe,
                        "can_fail": proof.can_fail,
                        "problem": proof.problem.say(lang) if proof.problem is not None else "",
                        "twins": [_shown(shown, lang) for shown in proof.shown],
                    }
                    for proof in entry.proofs
                ],
            }
            for entry in proved.items
        ],
        "placeholders": dict(sorted(proved.placeholders.items())),
    }
    return escaped(json.dumps(data, ensure_ascii=False, indent=1)) + "\n"


def _shown(shown: "Shown", lang: Lang) -> dict[str, Any]:
    verdict = shown.verdict
    return {
        "twin": shown.what.say(lang),
        "replaced": list(shown.replaced),
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "sentence": verdict.sentence.say(lang),
        "expected": verdict.expected.say(lang),
        "seen": verdict.seen.say(lang),
        "seconds": shown.seconds,
    }

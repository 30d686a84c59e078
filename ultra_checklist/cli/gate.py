"""``gate``: may what it guards begin? For people, and for pipelines, which read the exit code."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from ultra_checklist import escape
from ultra_checklist.cli.boundary import say
from ultra_checklist.cli.completing import versions
from ultra_checklist.cli.wiring import chosen, common, desk
from ultra_checklist.desk import Desk
from ultra_checklist.errors import RefusedError
from ultra_checklist.model import Lang, Words
from ultra_checklist.worker import WAIT

LONGEST = 4000
"""Characters of a line that are shown."""
PATIENCE = 30.0
"""Seconds beyond its time after which the asking counts as hung."""

_HEADS = {
    "open": Words(en="OPEN", ja="開"),
    "closed": Words(en="CLOSED", ja="閉"),
    "cannot-tell": Words(en="CAN'T TELL", ja="判定不能"),
}
_LINE = Words(en="gate {gate} of {release}: {head}", ja="ゲート {gate}（{release}）: {head}")
_OFFLINE = Words(
    en="Notion did not answer: decided from the journal", ja="Notion が応答しないため、ジャーナルから判定"
)
_FROZEN = Words(
    en="{n} checks count as they were when the deploy started", ja="{n} 項目はデプロイ開始時の状態で数えています"
)
_NOT_OPEN = Words(en="the gate {name} is not open", ja="ゲート {name} は開いていません")
_SETTLE = Words(en="Settle what is named above, then run it again", ja="上記を完了してから再実行してください")
_LABELS = {
    "made_of": Words(en="made of", ja="内訳"),
    "journal": Words(en="journal", ja="ジャーナル"),
    "why": Words(en="why", ja="理由"),
    "whose": Words(en="whose", ja="担当"),
    "next": Words(en="next", ja="次に"),
    "note": Words(en="note", ja="注記"),
    "not_ticked": Words(en="Open", ja="未了"),
}


@click.command()
@click.argument("version", shell_complete=versions)
@click.option("--gate", "name", metavar="NAME", help="Which gate.  [default: the template's only one]")
@chosen
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--wait",
    type=click.FloatRange(min=0, max=3600),
    default=WAIT,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for a pass that is running.",
)
@common
def gate(
    version: str,
    name: str | None,
    template: str | None,
    environment: str | None,
    form: str,
    wait: float,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """May what the gate guards begin? Every required check of its sections must be settled, now.

    What is older than its max_age is proved again on the spot, and all rows are compared with the manifest.

    Exit code 0: open, and only then; 1: closed; 2: wrong usage; 3: cannot tell, and everything unexpected.

    \b
    Example of a pipeline:
      ultra-checklist gate v1.4.0 --gate deploy && scripts/deploy_production_backend.sh
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.asking import ask, gate_of
    from ultra_checklist.release import find
    from ultra_checklist.worker import watchdog

    at = desk(env_file, local, lang)
    at.require_notion()
    manifest = find(at.shelf, version, local=at.local, environment=environment, template=template).manifest
    wanted = gate_of(manifest, name)
    with watchdog(at.settings.deadline + wait + PATIENCE, at.lang):
        answer = asyncio.run(ask(at, manifest.key, wanted, wait=wait))
    pinned = at.pinned()
    words = pinned.lang if pinned is not None and lang is None else at.lang
    said = _data(answer, manifest, words)
    click.echo(json.dumps(said, ensure_ascii=False, indent=1) if form == "json" else _text(said, words))
    return int(answer.exit_code)


async def require_open(at: Desk, key: str, gates: Iterable[Any], lang: Lang) -> None:
    """Say what each gate answers. Raises RefusedError where one of them is not open."""
    from ultra_checklist.asking import ask

    manifest = at.shelf.read(key)
    for wanted in gates:
        answer = await ask(at, key, wanted)
        say(_text(_data(answer, manifest, lang), lang))
        if not answer.is_open:
            raise RefusedError(_NOT_OPEN.filled(name=wanted.name), remedy=_SETTLE)


def _data(answer: Any, manifest: Any, lang: Lang) -> dict[str, Any]:
    """An answer as programs read it."""
    return {
        "gate": answer.gate,
        "release": manifest.version,
        "key": answer.key,
        "outcome": answer.outcome.value,
        "reason": answer.reason.say(lang),
        "remedy": answer.remedy.say(lang),
        "made_of": answer.made_of.say(lang),
        "checks": answer.checks,
        "open": [_open(check, lang) for check in answer.open],
        "frozen": list(answer.frozen),
        "offline": answer.offline,
        "local": manifest.local,
        "journal": answer.head,
        "at": answer.at.isoformat(timespec="seconds"),
        "url": manifest.page_url,
    }


def _open(check: Any, lang: Lang) -> dict[str, Any]:
    from ultra_checklist.notion.schema import RESULT_WORDS

    return {
        "id": check.id,
        "number": check.number,
        "section": check.section,
        "title": check.title,
        "result": check.result.value if check.result is not None else None,
        "result_text": RESULT_WORDS[check.result].say(lang) if check.result is not None else "",
        "why": check.why.say(lang),
        "whose": check.whose.say(lang),
        "next": check.todo.say(lang),
    }


def _text(said: dict[str, Any], lang: Lang) -> str:
    """An answer as people read it, in a terminal or in the log of a pipeline. Open is one line."""
    label = {code: words.say(lang) for code, words in _LABELS.items()}
    told = _HEADS[said["outcome"]].say(lang)
    head = _LINE.say(lang, gate=said["gate"], release=said["key"], head=told)
    head += " [LOCAL]" if said["local"] else ""
    notes = [_OFFLINE.say(lang)] if said["offline"] else []
    if said["frozen"]:
        notes.append(_FROZEN.say(lang, n=len(said["frozen"])))
    if said["outcome"] == "open":
        return tame(" – ".join([head, said["made_of"], *notes, f"{label['journal']} {said['journal']}"]))
    lines = [f"{head} – {said['reason']}"]
    lines += [f"  {label[code]}: {text}" for code, text in (("next", said["remedy"]),) if text]
    lines += [f"  {label[code]}: {said[code]}" for code in ("made_of", "journal") if said[code]]
    lines += [f"  {label['note']}: {note}" for note in notes]
    for check in said["open"]:
        result = check["result_text"] or label["not_ticked"]
        lines.append(f"  {check['number']} {check['id']}: {result} – {check['title']}")
        lines += [f"      {label[code]}: {check[code]}" for code in ("why", "whose", "next") if check[code]]
    lines += [f"  {said['url']}"] if said["open"] and said["url"] else []
    return "\n".join(tame(line) for line in lines)


def tame(line: str) -> str:
    """One line that does nothing to a terminal, nor to the log of a pipeline, where ``##[`` begins a command."""
    return escape.terminal(line, LONGEST).replace("##", "# #")

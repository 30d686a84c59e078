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
from ultra_checklist.cli.wiring import Desk, chosen, common, desk
from ultra_checklist.errors import CannotTellError, RefusedError, UsageError
from ultra_checklist.model import Lang, Words
from ultra_checklist.words import nearest

WAIT = 60.0
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
_NO_GATES = Words(en="the template of {key} has no gate", ja="{key} のテンプレートにゲートがありません")
_ADD_GATE = Words(
    en="Add one under `gates` of its front matter, then: ultra-checklist update",
    ja="フロントマターの `gates` に追加し、ultra-checklist update を実行してください",
)
_SEVERAL = Words(en="{key} has several gates: {names}", ja="{key} にはゲートが複数あります: {names}")
_CHOOSE = Words(en="Choose one with --gate", ja="--gate で 1 つ指定してください")
_NO_GATE = Words(en="{key} has no gate {name}", ja="{key} にゲート {name} はありません")
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
    from ultra_checklist.release import find
    from ultra_checklist.worker import watchdog

    at = desk(env_file, local, lang)
    at.require_notion()
    manifest = find(at.shelf, version, local=at.local, environment=environment, template=template).manifest
    wanted = _gate(manifest, name)
    with watchdog(at.settings.deadline + wait + PATIENCE, at.lang):
        answer = asyncio.run(_ask(at, manifest.key, wanted, wait))
    pinned = at.pinned()
    words = pinned.lang if pinned is not None and lang is None else at.lang
    said = _data(answer, manifest, words)
    click.echo(json.dumps(said, ensure_ascii=False, indent=1) if form == "json" else _text(said, words))
    return int(answer.exit_code)


def _gate(manifest: Any, name: str | None) -> Any:
    """The gate that is meant. Raises UsageError naming those that there are."""
    gates = manifest.template.gates
    if not gates:
        raise UsageError(_NO_GATES.filled(key=manifest.key), remedy=_ADD_GATE)
    names = [gate.name for gate in gates]
    if name is None and len(gates) == 1:
        return gates[0]
    if name is None:
        raise UsageError(_SEVERAL.filled(key=manifest.key, names=", ".join(names)), remedy=_CHOOSE)
    if name not in names:
        raise UsageError(_NO_GATE.filled(key=manifest.key, name=repr(name)), remedy=nearest(name, names))
    return gates[names.index(name)]


async def _ask(at: Desk, key: str, wanted: Any, wait: float) -> Any:
    from ultra_checklist.gate import Gatekeeper

    async with at.notion() as notion:
        try:
            await at.find_workspace(notion)
            bench = at.bench(notion)
        except UsageError as error:
            # The release is there and its databases are not: that is no matter of usage.
            raise CannotTellError(error.message, remedy=error.remedy) from error
        keeper = Gatekeeper(bench, at.home, key, secrets=at.secrets, wait=wait, seconds=at.settings.deadline)
        return await keeper.ask(wanted)


async def require_open(at: Desk, key: str, gates: Iterable[Any], lang: Lang) -> None:
    """Say what each gate answers. Raises RefusedError where one of them is not open."""
    manifest = at.shelf.read(key)
    for wanted in gates:
        answer = await _ask(at, key, wanted, WAIT)
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

"""A release as one piece of plain data, for the terminal and for programs. Reads the journal, asks nobody."""

from datetime import timedelta
from typing import Any

from ultra_checklist import announce, uploads
from ultra_checklist.agenda import Agenda
from ultra_checklist.hosts.carriers import Carriers
from ultra_checklist.lifecycle import template_changed
from ultra_checklist.logbook import LogbookFile
from ultra_checklist.machine import Machine, this_machine
from ultra_checklist.manifest import Manifest
from ultra_checklist.messenger import failures
from ultra_checklist.model import Item, Lang, Words
from ultra_checklist.notion.schema import RESULT_WORDS, STATUS_WORDS
from ultra_checklist.plan import RowPlanner
from ultra_checklist.release import Release
from ultra_checklist.retreat import retreat
from ultra_checklist.situations import View, evaluate
from ultra_checklist.standing import count, status_of
from ultra_checklist.states import Place

_CHANGED = Words(
    en="template changed since this release was made; to take it over: ultra-checklist update {version}",
    ja="リリース作成後にテンプレートが変更されています。反映するには: ultra-checklist update {version}",
)
_ELSEWHERE = Words(
    en="this release belongs to {target}; this machine is {here}, so nothing can be told",
    ja="このリリースの対象は {target} です。このマシンは {here} なので判定できません",
)
_TRASHED = Words(
    en="its page is in Notion's trash: restore it, or end the release with `close`",
    ja="ページが Notion のごみ箱にあります。元に戻すか `close` でリリースを終了してください",
)
_AFTER = Words(en="changed after the end: {what}", ja="終了後の変更: {what}")
_MISSING = Words(
    en="the record is not on the page, which is in the trash or gone: {what}",
    ja="ページがごみ箱にあるか存在しないため、記録を書けませんでした: {what}",
)
SILENT_AFTER = timedelta(minutes=5)
"""A worker looks every minute at the least: one that has not for so long is dead, or cannot do its work."""
_SILENT = Words(
    en="the worker has not looked since {time}, and nothing changes until it does: `ultra-checklist install cron`",
    ja="ワーカーが {time} から確認していません。起動するまで何も変わりません: `ultra-checklist install cron`",
)
_NEVER = Words(
    en="no worker has looked since the release was made at {time}: `ultra-checklist install cron`",
    ja="{time} の作成後、ワーカーが一度も確認していません: `ultra-checklist install cron`",
)
_FAILING = Words(
    en="the worker runs, but its passes have failed since {time}: `ultra-checklist sync` says why",
    ja="ワーカーは動作していますが、{time} からパスが失敗しています。理由は `ultra-checklist sync` で確認できます",
)
_LOCAL = Words(en="LOCAL: built-in local Notion", ja="LOCAL: 内蔵のローカル Notion")


def overview(
    release: Release, lang: Lang, carriers: Carriers | None = None, *, close_after: float = 600.0
) -> dict[str, Any]:
    """Everything that ``status`` says about a release.

    ``carriers`` know the other machines, ``close_after`` is how many seconds after everything was settled it closes
    by itself.
    """
    manifest, history = release.manifest, release.history
    here = this_machine()
    place = Place.HERE if manifest.machine.digest == here.digest else Place.WRONG_MACHINE
    reach = (carriers or Carriers()).is_out_of_reach
    view = View(manifest, history, release.mirror.rows, release.now(), place, reach, release.last_good)
    states = evaluate(view)
    planner = RowPlanner(view, states, lang, here)
    ended = history.ended is not None
    status = status_of(view, states) if not ended else history.status
    standing = STATUS_WORDS[status].say(lang)
    if ended and history.ended is not None:
        standing = next(
            words.say(lang) for code, words in STATUS_WORDS.items() if code.value == history.ended.value
        )
    made_of = count(view, states).line(lang)
    plan = Agenda(release, view, states, retreat(release, view, states, lang), close_after)
    checks = [_check(plan, planner, item, lang) for item in manifest.items]
    step = plan.step()
    return {
        "release": manifest.version,
        "key": manifest.key,
        "environment": manifest.environment,
        "status": standing,
        "status_code": history.ended.value if history.ended is not None else status.value,
        "url": manifest.page_url,
        "commit": manifest.commit,
        "host": manifest.machine.name,
        "local": manifest.local,
        "template_changed": template_changed(manifest),
        "notes": _notes(release, lang, place, here),
        "made_of": str(history.sealed["made_of"]) if history.sealed is not None else made_of,
        "deploys": len(history.deploys),
        "open": [i.id for i in manifest.items if i.required and not states[i.id].settled],
        "checks": checks,
        "sections": _sections(manifest, checks),
        "rollback": plan.retreat.model_dump() | {"failed": list(plan.retreat.failed)} if plan.retreat else None,
        "next": step.todo.say(lang),
        "next_command": step.command,
        "lang": lang,
    }


def worker_of(release: Release, logbook: LogbookFile, lang: Lang) -> tuple[dict[str, Any], str]:
    """When this machine's worker looked last, and a sentence where that is too long ago; empty: all is well."""
    looked, last, now = logbook.succeeded, logbook.last, release.now()
    known = {"looked": looked.isoformat(timespec="seconds") if looked is not None else None, "silent": False}
    begun = looked if looked is not None and looked > release.manifest.created else release.manifest.created
    here = release.manifest.machine.digest == this_machine().digest
    if not release.open or not here or now - begun <= SILENT_AFTER:
        return known, ""
    since = (
        release.clock(begun)
        if now - begun < timedelta(hours=12)
        else f"{begun.astimezone(release.zone):%Y-%m-%d %H:%M}"
    )
    failing = last is not None and last.outcome == "failed" and now - last.at <= SILENT_AFTER
    said = _FAILING if failing else _SILENT if looked is not None else _NEVER
    return known | {"silent": True}, said.say(lang, time=since)


def _notes(release: Release, lang: Lang, place: Place, here: Machine) -> list[str]:
    manifest = release.manifest
    notes = [_LOCAL.say(lang)] if manifest.local else []
    if place is not Place.HERE:
        target, other = manifest.machine.told_from(here)
        notes.append(_ELSEWHERE.say(lang, target=target, here=other))
    if release.open and release.page_in_trash:
        notes.append(_TRASHED.say(lang))
    notes += [_AFTER.say(lang, what=what) for what in release.history.changed]
    steps = release.history.steps
    notes += uploads.said(list(steps.get("uploads") or ()), lang)
    missing = next((str(m) for m in map(_missing, (steps.get("record"), steps.get("page"))) if m), "")
    notes += [_MISSING.say(lang, what=missing)] if missing else []
    if any(state.done is None for state in release.history.hooks.values()):
        notes.append(announce.line(release, lang))
    notes += failures(release, lang) if release.open else []
    if release.open and template_changed(manifest):
        notes.append(_CHANGED.say(lang, version=manifest.version))
    return notes


def _missing(step: Any) -> Any:
    return step.get("missing") if isinstance(step, dict) else None


def _check(plan: Agenda, planner: RowPlanner, item: Item, lang: Lang) -> dict[str, Any]:
    release, state = plan.release, plan.states[item.id]
    check = release.history.check(item.id)
    wanted = planner.wanted(item, release.mirror.written.get(item.id))
    by = check.tick.by if check.tick is not None else check.choosing.by if check.choosing is not None else None
    hand, turn = plan.hand(item), plan.turn(item)
    return {
        "id": item.id,
        "number": plan.numbers[item.id],
        "section": item.section,
        "title": item.title,
        "ticked": check.tick is not None,
        "result": state.result.value if state.result is not None else None,
        "result_text": RESULT_WORDS[state.result].say(lang) if state.result is not None else "",
        "settled": state.settled,
        "required": item.required,
        "why": wanted["why"],
        "operator": (by.name or by.id) if by is not None else None,
        "checked_at": check.proof.at.isoformat(timespec="seconds") if check.proof is not None else None,
        "hand": hand.value if hand is not None else None,
        "whose": turn.whose.say(lang) if turn is not None else "",
        "next": turn.todo.say(lang) if turn is not None else "",
    }


def _sections(manifest: Manifest, checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each section with how many of its checks are settled."""
    found = []
    for section in manifest.template.sections:
        settled = [check["settled"] for check in checks if check["section"] == section.id]
        counts = {"settled": sum(settled), "total": len(settled)}
        found.append({"id": section.id, "number": section.number, "title": section.title, **counts})
    return found

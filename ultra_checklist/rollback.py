"""A rollback's end: what must hold after the deploy is proved again, against the last good commit."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ultra_checklist.errors import RefusedError
from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Item, Lang, Outcome, Words, combine
from ultra_checklist.record import ProofLine
from ultra_checklist.traits import has_effect
from ultra_checklist.variables import references
from ultra_checklist.words import LANGS

_NO_COMMIT = Words(
    en="no release of this checklist and environment has completed on this machine: no last good commit is known",
    ja="このマシンで完了した同じチェックリスト・環境のリリースがなく、直前の正常コミットが不明です",
)
_SAID = {
    Outcome.PASS: Words(en="{item} passes", ja="{item} 合格"),
    Outcome.FAIL: Words(en="{item} FAILS", ja="{item} 不合格"),
    Outcome.UNKNOWN: Words(en="{item} cannot be told", ja="{item} 判定不能"),
}
_AGAINST = Words(en="Proved again on the last good commit {commit}", ja="直前の正常コミット {commit} で再確認")

_NOT_BACK = Words(
    en="{key} is not rolled back: {items} fails on the last good commit {commit}",
    ja="{key} のロールバックが完了していません: 直前の正常コミット {commit} で {items} が不合格です",
)
_FINISH = Words(
    en="Finish the rollback and close again; or end it as it is: add --anyway, or --as aborted",
    ja="ロールバックを完了してから再度終了してください。このまま終了する場合は --anyway または --as aborted",
)


class RollbackFails(RefusedError):
    """What the rollback must have brought back is not so; ``items`` names the checks."""

    def __init__(self, key: str, items: tuple[str, ...], commit: str) -> None:
        told = _NOT_BACK.filled(key=key, items=", ".join(items), commit=commit[:12])
        super().__init__(told, remedy=_FINISH)
        self.items = items


def named(manifest: Manifest) -> list[Item]:
    """The checks that speak of the running commit after the deploy; none that sends or writes anything."""
    return [
        item
        for item in manifest.items
        if item.after_deploy
        and any("COMMIT" in references(dict(spec.options)) for spec in item.probes)
        and not has_effect(item)
    ]


def untold(items: Iterable[Item]) -> list[dict[str, Any]]:
    """What is on record where no last good commit is known."""
    return [
        {
            "item": item.id,
            "outcome": Outcome.UNKNOWN.value,
            "commit": "",
            "why": asdict(_NO_COMMIT),
            "lines": [],
        }
        for item in items
    ]


def told(item: str, commit: str, lines: list[ProofLine]) -> dict[str, Any]:
    """What is on record of one check that was proved again."""
    outcome = combine([line.outcome for line in lines])
    telling = [line for line in lines if line.outcome is outcome]
    why = {
        lang: "; ".join(filter(None, (_line(line, lang) for line in telling))) for lang in LANGS
    }  # both languages: the page and the messages need not speak the same one
    return {
        "item": item,
        "outcome": outcome.value,
        "commit": commit,
        "why": why,
        "lines": [line.model_dump(mode="json") for line in lines],
    }


def failing(found: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Ids of the checks that fail."""
    return tuple(one["item"] for one in found if one["outcome"] == Outcome.FAIL)


def say(found: Iterable[Mapping[str, Any]], lang: Lang) -> str:
    """The outcome in a few lines; empty where nothing was proved again."""
    lines = list(found)
    if not lines:
        return ""
    commit = next((one["commit"] for one in lines if one["commit"]), "-")
    head = _AGAINST.say(lang, commit=commit[:12])
    parts = []
    for one in lines:
        text = _SAID[Outcome(one["outcome"])].say(lang, item=one["item"])
        why = one["why"][lang]
        parts.append(f"{text}: {why}" if why else text)
    return "\n".join([f"{head}:", *parts])


def _line(line: ProofLine, lang: Lang) -> str:
    parts = []
    if line.outcome is Outcome.FAIL and line.expected.say(lang):
        parts.append(("期待 " if lang == "ja" else "expected ") + line.expected.say(lang))
    if line.seen.say(lang):
        parts.append(("実際 " if lang == "ja" else "seen ") + line.seen.say(lang))
    parts.append(line.sentence.say(lang))
    return ", ".join(filter(None, parts))

"""The record of a release as blocks of its page. Pure."""

from collections.abc import Mapping
from typing import Any

from ultra_checklist import rollback, uploads
from ultra_checklist.model import Ending, Lang, Outcome, Status, Words
from ultra_checklist.notion import blocks
from ultra_checklist.notion.schema import ENDING_WORDS, STATUS_WORDS

TITLE = Words(en="Record of the release", ja="リリース記録")
STATUS_OF = {
    Ending.COMPLETE: Status.COMPLETE,
    Ending.ROLLED_BACK: Status.ROLLED_BACK,
    Ending.ABORTED: Status.ABORTED,
    Ending.SUPERSEDED: Status.SUPERSEDED,
}
_COLUMNS = (
    Words(en="#", ja="#"),
    Words(en="Check", ja="項目"),
    Words(en="Result", ja="結果"),
    Words(en="Operator", ja="担当者"),
    Words(en="Time", ja="時刻"),
    Words(en="Why", ja="理由"),
)
_FACTS = (
    ("ending", Words(en="Ending", ja="終了")),
    ("reason", Words(en="Reason", ja="理由")),
    ("commit", Words(en="Commit", ja="コミット")),
    ("operators", Words(en="Operators", ja="担当者")),
    ("started", Words(en="Started", ja="開始")),
    ("ended", Words(en="Ended", ja="終了時刻")),
    ("host", Words(en="Host", ja="ホスト")),
    ("made_of", Words(en="Made of", ja="内訳")),
    ("journal", Words(en="Journal head", ja="ジャーナル先頭ダイジェスト")),
)


def body(sealed: Mapping[str, Any], files: list[uploads.Uploaded], hooks: str, lang: Lang) -> list[blocks.Block]:
    """Heading, what the rollback brought back, facts, table, files; at last the line about ``hooks``, if any."""
    facts = [f"{words.say(lang)}: {_fact(code, sealed, lang)}" for code, words in _FACTS if sealed.get(code)]
    found = [blocks.heading(TITLE.say(lang)), *_rollback(sealed.get("rollback", []), lang)]
    found.append(blocks.paragraph("\n".join(facts)))
    found += blocks.table([words.say(lang) for words in _COLUMNS], sealed["table"])
    found += [blocks.file_block(upload, name) for upload, name in uploads.attached(files)]
    incomplete = uploads.said(files, lang)
    if incomplete:
        found.append(blocks.paragraph("\n".join(incomplete)))
    if hooks:
        found.append(blocks.paragraph(hooks))
    return found


def _rollback(proved: list[Mapping[str, Any]], lang: Lang) -> list[blocks.Block]:
    text = rollback.say(proved, lang)
    if not text:
        return []
    outcomes = {one["outcome"] for one in proved}
    emoji = "🚨" if Outcome.FAIL in outcomes else "❓" if Outcome.UNKNOWN in outcomes else "✅"
    return [blocks.callout(text, emoji)]


def _fact(code: str, sealed: Mapping[str, Any], lang: Lang) -> str:
    value = sealed[code]
    if code == "operators":
        return ", ".join(person["name"] or person["id"] for person in value)
    if code == "ending":
        ending = Ending(value)
        return (ENDING_WORDS.get(ending) or STATUS_WORDS[STATUS_OF[ending]]).say(lang)
    return str(value)

"""A message in words, for channels that people read. What people have typed is data: it mentions nobody."""

from collections.abc import Mapping
from typing import Any

from ultra_checklist.model import Lang, Words
from ultra_checklist.sending import safe

_LINES = (
    ("made_of", Words(en="Made of", ja="内訳")),
    ("reason", Words(en="Reason", ja="理由")),
    ("commit", Words(en="Commit", ja="コミット")),
    ("operators", Words(en="Operators", ja="担当者")),
    ("started", Words(en="Started", ja="開始")),
    ("ended", Words(en="Ended", ja="終了")),
    ("host", Words(en="Host", ja="ホスト")),
    ("journal", Words(en="Journal", ja="ジャーナル")),
)
_ROLLBACK = {
    "fail": Words(en="FAILS on the last good commit: {items}", ja="直前の正常コミットでの再確認が不合格: {items}"),
    "unknown": Words(en="Cannot tell on the last good commit: {items}", ja="直前の正常コミットで判定不能: {items}"),
}
_LOCAL = Words(en="LOCAL: built-in local Notion", ja="LOCAL: 内蔵のローカル Notion")


def message(payload: Mapping[str, Any], headline: str, lang: Lang) -> str:
    """The lines of a message."""
    lines = [safe(headline)]
    for one in payload.get("news", ()):
        lines += [safe(line) for line in one["text"].split("\n")]
    for outcome, words in _ROLLBACK.items():
        items = [one["item"] for one in payload.get("rollback", ()) if one["outcome"] == outcome]
        if items:
            lines.append(words.say(lang, items=", ".join(items)))
    for name, words in _LINES:
        value = payload.get(name)
        if name == "operators":
            value = ", ".join(person["name"] or person["id"] for person in value or ())
        if value:
            lines.append(f"{words.say(lang)}: {safe(str(value))}")
    if payload.get("local"):
        lines.append(_LOCAL.say(lang))
    if payload.get("url"):
        lines.append(safe(str(payload["url"])))
    return "\n".join(lines)

"""The column that tells in Notion itself that nobody works there: a formula over Last look.

Last look is written every ten minutes while people work on a release or it is deployed, else once a day. So what is
twenty minutes old is a dead worker's for certain only while it is deployed, and what is older than a day always.
"""

from collections.abc import Mapping
from typing import Any, Final

from ultra_checklist.model import Lang, Status, Words
from ultra_checklist.notion.schema import STATUS_WORDS

AT_WORK: Final = 20
"""Minutes."""
QUIET: Final = 24 * 60 + AT_WORK
_SILENT = Words(en="⚠ silent for {minutes} min: start it", ja="⚠ {minutes} 分間応答なし。起動してください")
_PERHAPS = Words(
    en="last look {minutes} min ago; silent if ticks get no answer",
    ja="最終確認は {minutes} 分前。チェックに反応がなければ停止中",
)


def formula(names: Mapping[str, str], lang: Lang) -> dict[str, Any]:
    """The column as Notion wants it; ``names`` are those of the releases' columns, by code."""
    ended, looked, status = (f"prop({_quoted(names[code])})" for code in ("ended", "last_look", "status"))
    minutes = f'dateBetween(now(), {looked}, "minutes")'
    deployed = f"{status} == {_quoted(STATUS_WORDS[Status.DEPLOYED].say(lang))}"
    silent = f"or({minutes} > {QUIET}, {deployed})"
    said = f"if({silent}, {_said(_SILENT, minutes, lang)}, {_said(_PERHAPS, minutes, lang)})"
    nothing = f"or(not(empty({ended})), empty({looked}))"
    return {"formula": {"expression": f'if({nothing}, "", if({minutes} < {AT_WORK}, "", {said}))'}}


def _said(words: Words, minutes: str, lang: Lang) -> str:
    before, _, after = words.say(lang).partition("{minutes}")
    return f"{_quoted(before)} + format({minutes}) + {_quoted(after)}"


def _quoted(text: str) -> str:
    """A text in a formula."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

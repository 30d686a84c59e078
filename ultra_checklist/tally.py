"""The honesty line: what a release's checks rest on, in one sentence. Pure."""

from collections.abc import Iterable, Mapping

from ultra_checklist.manifest import Manifest
from ultra_checklist.model import Frozen, Lang, Result, Words
from ultra_checklist.notion.rows import Row
from ultra_checklist.situations import NO_ROW
from ultra_checklist.states import State

_PARTS = (
    ("proved", Words(en="{n} proved", ja="証明済み {n}")),
    ("attached", Words(en="{n} with evidence", ja="証跡付き {n}")),
    ("word", Words(en="{n} a person's word", ja="担当者の確認 {n}")),
    ("waived", Words(en="{n} waived", ja="免除 {n}")),
    ("not_applicable", Words(en="{n} n/a", ja="対象外 {n}")),
    ("open", Words(en="{n} open", ja="未了 {n}")),
)
_UNGATED = Words(en="NOT GATED (break-glass: {why})", ja="ゲートなしで実行（緊急: {why}）")


class Tally(Frozen):
    """How many checks rest on what."""

    total: int = 0
    proved: int = 0
    attached: int = 0
    word: int = 0
    waived: int = 0
    not_applicable: int = 0
    open: int = 0
    waived_by: tuple[str, ...] = ()
    ungated: tuple[str, ...] = ()
    """Why commands were run although nobody asked the gates."""

    def line(self, lang: Lang) -> str:
        """One sentence such as ``35 = 21 proved, 12 a person's word, 2 n/a``."""
        said = []
        for code, words in _PARTS:
            count = getattr(self, code)
            if count:
                text = words.say(lang, n=count)
                said.append(
                    text + (f" ({', '.join(self.waived_by)})" if code == "waived" and self.waived_by else "")
                )
        comma = "、" if lang == "ja" else ", "
        line = f"{self.total} = " + comma.join(said)
        return f"{line} – {_UNGATED.say(lang).replace('{why}', comma.join(self.ungated))}" if self.ungated else line


def tally(
    manifest: Manifest,
    states: Mapping[str, State],
    rows: Mapping[str, Row],
    deciders: Iterable[str] = (),
    ungated: Iterable[str] = (),
) -> Tally:
    """Count the states of a release. ``deciders`` are the names of those who waived.

    ``ungated`` are the reasons for which commands were run without asking the gates.
    """
    counts = dict.fromkeys((code for code, _ in _PARTS), 0)
    for item in manifest.items:
        counts[_rests_on(states[item.id], rows.get(item.id, NO_ROW))] += 1
    return Tally(
        total=len(manifest.items), waived_by=tuple(dict.fromkeys(deciders)), ungated=tuple(ungated), **counts
    )


def _rests_on(state: State, row: Row) -> str:
    if not state.settled:
        return "open"
    match state.result:
        case Result.PASSED:
            return "proved"
        case Result.WAIVED:
            return "waived"
        case Result.CONFIRMED:
            return "attached" if row.attachments else "word"
        case _:
            return "not_applicable"

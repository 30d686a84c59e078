"""When the lines of a checklist hold: before the deploy, after it, throughout, or when something has failed."""

import re
from dataclasses import dataclass, field
from typing import Any

from ultra_checklist.model import Lang
from ultra_checklist.outline import Entry, Heading, Outline
from ultra_checklist.wording import flat

_BEFORE = re.compile(
    r"\bbefore\b|^pre\b|pre-|prerequisite|precondition|prepar|\bready\b|readiness|technical|planning|"
    r"前提|リリース前|デプロイ前|作業前|事前|準備|技術チェック"
)
_AFTER = re.compile(
    r"\bafter|\bpost\b|post-|smoke|monitor|verif|retrospective|follow[- ]?up|直後|リリース後|デプロイ後|事後|"
    r"スモーク|モニタリング|監視|振り返り|動作確認"
)
_TROUBLE = re.compile(
    r"(?:\bif\b|in case|when).*(?:wrong|fail|problem|issue|incident|bad)|"
    r"(?:問題|障害|不具合|異常|失敗).*(?:場合|とき|時|ら)|^(?:roll ?back|ロールバック|切り戻し)$"
)
_VARIES = re.compile(r"必要に応じて|必要なら|場合|^if\b|\bif (?:needed|necessary)|as needed")
_CHECKLIST: dict[Lang, str] = {"en": "Checklist", "ja": "チェックリスト"}


@dataclass
class Part:
    """A section: one that is there, or one that is to be written."""

    title: str
    at: int
    """The line before which its block, or its heading with the block, comes."""
    heading: Heading | None
    """Its ``##`` heading; None: it has to be written."""
    fresh: bool
    """It gets a block of its own."""
    entries: list[Entry] = field(default_factory=list)
    id: str = ""
    time: str = ""
    """``until``, ``after``, or throughout."""
    deploys: bool = False
    """The line that deploys is in it."""
    has_gap: bool = False
    """A blank line has to follow what is written."""

    def written(self) -> list[str]:
        """Its lines: a heading where it has none, and its block."""
        if not self.fresh:
            return []
        head = [] if self.heading is not None else [f"## {self.title}"]
        inside = [f"id: {self.id}", *([f"{self.time}: deploy"] if self.time else [])]
        return [*head, "```yaml section", *inside, "```", *([""] if self.has_gap else [])]


def parts(outline: Outline, lang: Lang) -> list[Part]:
    """The sections of a document that have lines; for lines without a ``##`` heading above them one is made up."""
    found: dict[Any, Part] = {}
    first = next((heading for heading in outline.headings if heading.level == 1), None)
    for entry in outline.entries:
        over = entry.section
        if over is not None:
            key: Any = over.line
            made = Part(over.title, over.end, over, not over.has_block, id=str(over.data.get("id") or ""))
            made.time = next((name for name in ("until", "after") if name in over.data), "")
        else:
            near = entry.trail[-1] if entry.trail else None
            covers = near is None or (near is first and near.level == 1)
            title = _CHECKLIST[lang] if covers or near is None else near.title.rstrip(":： ")
            key = "" if covers or near is None else near.line
            made = Part(title, entry.top if covers or near is None else near.end, None, True)
            made.has_gap = covers
        found.setdefault(key, made).entries.append(entry)
    for part in found.values():
        # A block would change the time of lines that have been bound already.
        part.fresh = part.fresh and (part.heading is None or all(entry.fence is None for entry in part.entries))
    return list(found.values())


def place(sections: list[Part], outline: Outline, drafts: list[tuple[Entry, dict[str, Any]]]) -> None:
    """Write release time into sections and lines; without a line that deploys there is none."""
    deploy = next((entry for entry, keys in drafts if keys.get("deploys")), None)
    given = next((entry for entry in outline.entries if entry.data.get("deploys") is True), None)
    split = deploy or given
    if split is None:
        return
    at = next(number for number, part in enumerate(sections) if split in part.entries)
    sections[at].deploys = True
    for number, part in enumerate(sections):
        if part.fresh and number != at:
            part.time = _time(flat(part.title), behind=number > at)
    keys_of = {id(entry): keys for entry, keys in drafts}
    behind = sections[at].entries[sections[at].entries.index(split) + 1 :]
    for entry in behind:
        if id(entry) in keys_of and not sections[at].time:
            keys_of[id(entry)]["after"] = "deploy"
    _troubles(sections, keys_of)


def _time(said: str, *, behind: bool) -> str:
    if behind:
        return "" if re.search(r"before (?:the )?deploy|リリース前|デプロイ前", said) else "after"
    return "until" if _BEFORE.search(said) and not _AFTER.search(said) else ""


def _troubles(sections: list[Part], keys_of: dict[int, dict[str, Any]]) -> None:
    """Lines that are for when something has failed open by what was looked at after the deploy up to there."""
    so_far: list[str] = []
    for part in sections:
        if part.time != "after":
            continue
        trouble = _TROUBLE.search(flat(part.title)) is not None
        so_far += [part.id] if part.id and not trouble else []
        for entry in part.entries:
            above = [*(heading.title for heading in entry.trail), *entry.around]
            said = flat(entry.markdown)
            hangs = any(_TROUBLE.search(flat(title)) for title in above) or (
                _VARIES.search(said) and re.search(r"roll ?back|ロールバック|切り戻", said)
            )
            if hangs and so_far and id(entry) in keys_of:
                keys_of[id(entry)]["when"] = {"failed": list(so_far)}


def gated(sections: list[Part]) -> list[str]:
    """The sections above the one that deploys: what a gate before the deploy asks for."""
    at = next((number for number, part in enumerate(sections) if part.deploys), 0)
    return [part.id for part in sections[:at] if part.id]


def unticked(line: str, entry: Entry) -> str:
    """The first line of an item with an empty box."""
    rest = line[len(entry.head) :]
    if entry.box:
        return entry.head + "[ ]" + rest[3:]
    return f"{entry.head}[ ] {rest}"

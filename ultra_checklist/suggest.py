"""Proposes ids and probes for the lines of any Markdown checklist, as changes that make it a template.

The document's own words stay. What has an id or probes already stays as it is.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from ultra_checklist import timing
from ultra_checklist.bindings import CheckReader
from ultra_checklist.case import Case, Probe
from ultra_checklist.declarations import declared, flow
from ultra_checklist.errors import TemplateError, UsageError
from ultra_checklist.frontmatter import SLUG
from ultra_checklist.model import Lang
from ultra_checklist.naming import Names, of_checklist, of_line, of_section, of_what
from ultra_checklist.outline import Entry, Outline, read
from ultra_checklist.patch import Edit, applied, unified
from ultra_checklist.rulebook import UNDECIDED, Confidence, Decision, Rule, decide
from ultra_checklist.template import parse
from ultra_checklist.timing import Part
from ultra_checklist.variables import BUILT_IN, references
from ultra_checklist.wording import Wording, flat
from ultra_checklist.words import Words, joined
from ultra_checklist.yamldoc import Document

_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_ZONES: dict[Lang, str] = {"ja": "Asia/Tokyo", "en": "UTC"}


@dataclass(frozen=True)
class Suggestion:
    """What is proposed for one line."""

    line: int
    """In the document as it is now, counted from 1."""
    title: str
    id: str
    keys: dict[str, Any]
    """Release time: ``deploys``, ``after``, ``when``."""
    probes: tuple[Probe, ...]
    decision: Decision
    because: Words

    @property
    def confidence(self) -> Confidence:
        """How sure the words are; none where they do not decide."""
        return self.decision.rule.confidence if self.decision.rule is not None else "none"

    @property
    def families(self) -> tuple[str, ...]:
        """The families of its probes, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.probes))


@dataclass(frozen=True)
class Suggested:
    """All that is proposed for a document."""

    suggestions: tuple[Suggestion, ...] = ()
    text: str = ""
    """The document with all of it."""
    diff: str = ""
    variables: tuple[str, ...] = ()
    """Those of its variables that have no default: a person gives them a value."""
    remarks: tuple[Words, ...] = ()


@dataclass
class _Draft:
    """A line that gets something."""

    entry: Entry
    words: Wording
    case: Case
    because: Words
    decision: Decision = UNDECIDED
    id: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()


def suggest(text: str, *, path: str, stem: str, name: str) -> Suggested:
    """Propose for a document: ``stem`` is its file's name without an ending, ``name`` its path in the diff.

    Raises UsageError where there is no list, TemplateError for the mistakes of what is a template already.
    """
    outline = _readable(text, path)
    lang: Lang = "ja" if _japanese(outline) else "en"
    drafts = _decided(outline, str((outline.head or {}).get("timezone") or _ZONES[lang]))
    if not drafts:
        return Suggested(text=text)
    parts = timing.parts(outline, lang)
    remarks = _settle(outline, drafts)
    names = _taken(outline, drafts)
    for number, part in enumerate(parts, 1):
        if part.fresh:
            part.id = names.free(of_section(part.title, f"section-{number}"))
    timing.place(parts, outline, [(draft.entry, draft.keys) for draft in drafts])
    for draft in drafts:
        if draft.decision.rule is not None and draft.decision.rule.opens and "when" not in draft.keys:
            _undecide(draft, _OPENS_BY_NOTHING)
    _name(drafts, parts, names)
    edits, open_variables = _edits(outline, drafts, parts, lang, stem)
    if outline.front and outline.head is None:
        remarks.append(_FOREIGN)
    if ticked := [str(draft.entry.line + 1) for draft in drafts if draft.entry.box in ("x", "X")]:
        remarks.append(_UNTICKED.filled(lines=", ".join(ticked)))
    lines = _with_bom(outline)
    changed = applied(lines, edits)
    parse(changed, path=path)
    return Suggested(
        suggestions=tuple(
            Suggestion(d.entry.line + 1, d.entry.title, d.id, d.keys, d.probes, d.decision, d.because)
            for d in drafts
        ),
        text=changed,
        diff=unified(lines, edits, name),
        variables=open_variables,
        remarks=tuple(remarks),
    )


def _readable(text: str, path: str) -> Outline:
    if "\r" in text.replace("\r\n", ""):
        raise UsageError(_LONE_RETURN.filled(path=path), remedy=_SAVE_AGAIN)
    outline = read(text)
    if outline.head is not None:
        # A template's own mistakes are told with the lines as they are now.
        parse(text, path=path, require_ids=False)
    if not outline.entries:
        raise UsageError(_NO_LIST.filled(path=path), remedy=_WRITE_LIST)
    if empty := [entry for entry in outline.entries if not entry.title]:
        raise TemplateError([joined((f"{path}:{entry.line + 1}", _NO_TEXT), ": ") for entry in empty])
    return outline


def _japanese(outline: Outline) -> bool:
    if outline.head is not None:
        return outline.head.get("lang") == "ja"
    found = sum(1 for entry in outline.entries if _JAPANESE.search(entry.title))
    return found * 2 > len(outline.entries)


def _decided(outline: Outline, timezone: str) -> list[_Draft]:
    """The lines without an id, and what each of them means."""
    everywhere = [entry.markdown for entry in outline.entries] + [heading.title for heading in outline.headings]
    files = dict.fromkeys(file for words in everywhere for file in Wording(words).environment_files)
    mentions = flat(" ".join(everywhere))
    drafts: list[_Draft] = []
    for entry in outline.entries:
        if "id" in entry.data:
            continue
        around = " / ".join([*(heading.title for heading in entry.trail), *entry.around])
        words = Wording(entry.markdown)
        case = Case(words, around, tuple(files), mentions, timezone=timezone)
        drafts.append(_Draft(entry, words, case, _UNDECIDED))
        if "probes" not in entry.data:
            _decide(drafts[-1])
    return drafts


def _decide(draft: _Draft) -> None:
    draft.decision = decide(replace(draft.case, defaults=draft.defaults))
    rule = draft.decision.rule
    if rule is None:
        return
    draft.probes = tuple(probe for probe in draft.decision.probes if not _wrong(probe))
    words = ", ".join(draft.decision.words)
    draft.because = Words.same(words) if draft.probes or rule.deploys else _PERSON.filled(words=words)


def _wrong(probe: Probe) -> bool:
    """Whether a probe's own model refuses these options, as far as they do not depend on variables."""
    name, options = probe
    reader = CheckReader(Document(data={"id": "x", "probes": [{name: options}]}), {}, 1)
    reader.item(title="", section="", order=1, require_id=True)
    return bool(reader.problems)


def _settle(outline: Outline, drafts: list[_Draft]) -> list[Words]:
    """Choose the one line that deploys, and what hangs on it."""
    candidates = [draft for draft in drafts if draft.decision.rule is not None and draft.decision.rule.deploys]
    given = any(entry.data.get("deploys") is True for entry in outline.entries)
    deploy = None if given else max(candidates, key=lambda draft: bool(draft.probes), default=None)
    for draft in candidates:
        if draft is deploy:
            draft.keys["deploys"] = True
            draft.id = "deploy-script" if draft.probes else "deployed"
        else:
            _undecide(draft, _DEPLOYS_ELSEWHERE)
    if deploy is not None and deploy.probes:
        for draft in drafts:
            if "probes" not in draft.entry.data and draft is not deploy and draft not in candidates:
                draft.case = replace(draft.case, deploy=deploy.id)
                _decide(draft)
    if deploy is not None or given:
        return []
    waiting = [
        draft
        for draft in drafts
        if draft.probes and draft.decision.rule is not None and _since(draft.decision.rule)
    ]
    for draft in waiting:
        _undecide(draft, _NEEDS_DEPLOY)
    lines = ", ".join(str(draft.entry.line + 1) for draft in waiting)
    return [_NO_DEPLOY.filled(lines=lines)] if waiting else []


def _since(rule: Rule) -> bool:
    return rule.since or rule.family in ("run", "record")


def _undecide(draft: _Draft, why: Words) -> None:
    draft.decision, draft.because, draft.probes = UNDECIDED, why, ()
    draft.defaults.clear()


def _taken(outline: Outline, drafts: list[_Draft]) -> Names:
    """The ids that are given already."""
    taken = [str(entry.data["id"]) for entry in outline.entries if "id" in entry.data]
    taken += [str(heading.data["id"]) for heading in outline.headings if "id" in heading.data]
    return Names([*taken, *(draft.id for draft in drafts if draft.id)])


def _name(drafts: list[_Draft], parts: list[Part], names: Names) -> None:
    """Ids for the lines that have none."""
    places = {id(entry): (part, n) for part in parts for n, entry in enumerate(part.entries, 1)}
    for draft in drafts:
        part, number = places[id(draft.entry)]
        rule = draft.decision.rule
        if not draft.id:
            fallback = f"{part.id or 'item'}-{number}"
            stem = _stem(rule, draft) if rule is not None and draft.probes else of_line(draft.words, fallback)
            draft.id = names.free(stem if SLUG.fullmatch(stem) else fallback, of_what(draft.words))


def _stem(rule: Rule, draft: _Draft) -> str:
    """What a meaning is called; of the environment file it is named so."""
    about_environment = draft.probes[0][1].get("path") == "${ENV_FILE}"
    return rule.name.replace("file-", "env-") if about_environment else rule.name


def _edits(
    outline: Outline, drafts: list[_Draft], parts: list[Part], lang: Lang, stem: str
) -> tuple[list[Edit], tuple[str, ...]]:
    """All changes, in order, and the variables that are left to a person."""
    end = outline.ending
    fresh: dict[int, list[str]] = {}
    replaced: dict[int, str] = {}
    for part in parts:
        fresh.setdefault(part.at, []).extend(part.written())
    for draft in drafts:
        line, entry = draft.entry.line, draft.entry
        replaced[line] = timing.unticked(outline.lines[line], entry)
        at, indent = (
            (entry.end, entry.indent) if entry.fence is None else (entry.fence + 1, _indent_of(outline, entry))
        )
        fresh.setdefault(at, []).extend(f"{indent}{written}" for written in _block(draft))
    names, defaults = _variables(outline, drafts)
    deploy = next((draft.id for draft in drafts if draft.keys.get("deploys")), "")
    head = _front(outline, parts, declared(names, defaults, lang), lang, stem, deploy)
    for at, written in head.items():
        fresh[at] = written + fresh.get(at, [])
    last = len(outline.lines) - 1
    if last + 1 in fresh and not outline.lines[last].endswith("\n"):
        replaced[last] = replaced.get(last, outline.lines[last]) + end
    edits: list[Edit] = []
    lines = _with_bom(outline)
    for line in sorted({*fresh, *(line for line, text in replaced.items() if text != outline.lines[line])}):
        added = [written + end for written in fresh.get(line, [])]
        edits += _edits_at(lines, line, added, replaced.get(line), outline.bom)
    return edits, tuple(name for name in names if name not in defaults)


def _edits_at(lines: tuple[str, ...], line: int, added: list[str], changed: str | None, bom: bool) -> list[Edit]:
    """What comes before a line, and what the line itself becomes."""
    if line == 0 and bom and added:
        # The byte order mark stays the first thing in the file.
        first = changed if changed is not None else lines[0].removeprefix("\ufeff")
        return [Edit(0, 1, ("\ufeff" + added[0], *added[1:], first))]
    found = [Edit(line, 0, tuple(added))] if added else []
    if changed is not None and changed != lines[line]:
        found.append(Edit(line, 1, (changed,)))
    return found


def _with_bom(outline: Outline) -> tuple[str, ...]:
    return ("\ufeff" + outline.lines[0], *outline.lines[1:]) if outline.bom else outline.lines


def _indent_of(outline: Outline, entry: Entry) -> str:
    line = outline.lines[entry.fence or 0]
    return line[: len(line) - len(line.lstrip(" \t>"))]


def _block(draft: _Draft) -> list[str]:
    """The lines of an item's block; of one that is there only those that it lacks."""
    inside = [f"id: {draft.id}"]
    inside += [f"{key}: {flow(value)}" for key, value in draft.keys.items() if key not in draft.entry.data]
    if draft.probes:
        inside += ["probes:", *(f"  - {name}: {flow(options)}" for name, options in draft.probes)]
    return inside if draft.entry.fence is not None else ["```yaml check", *inside, "```"]


def _variables(outline: Outline, drafts: list[_Draft]) -> tuple[list[str], dict[str, str]]:
    """The variables that the probes need and nobody has declared, in the order of their first use."""
    there = (outline.head or {}).get("vars")
    known = {*BUILT_IN, *(there if isinstance(there, dict) else ())}
    names: dict[str, None] = {}
    defaults: dict[str, str] = {}
    for draft in drafts:
        for _, options in draft.probes:
            ordered = re.findall(r"\$\{(\w+)\}", str(options))
            names.update(dict.fromkeys(name for name in ordered if name in references(options)))
        for name, value in draft.defaults.items():
            # Two lines that name two files each keep the first: the second one is in the diff to be seen.
            defaults.setdefault(name, value)
    used = [name for name in names if name not in known]
    if drafts and used and "DEPLOY_DIR" not in names and "DEPLOY_DIR" not in known:
        used.insert(0, "DEPLOY_DIR")
    used.sort(key=lambda name: name != "DEPLOY_DIR")
    return used, {name: value for name, value in defaults.items() if name in used}


def _front(
    outline: Outline, parts: list[Part], variables: list[str], lang: Lang, stem: str, deploy: str
) -> dict[int, list[str]]:
    """The front matter, or what its ``vars`` lack."""
    indented = [f"  {line}" for line in variables]
    if outline.head is not None:
        return _more_variables(outline, indented)
    title = next((heading.title for heading in outline.headings if heading.level == 1), "") or stem
    head = ["---", f"checklist: {of_checklist(stem, title)}", f"title: {flow(title)}", f"lang: {lang}"]
    head += [f"timezone: {_ZONES[lang]}"]
    head += ["vars:", *indented] if indented else []
    if asked := timing.gated(parts):
        head += ["gates:", f"  deploy: {flow({'sections': asked, 'guards': [deploy]})}"]
    head.append("---")
    if not outline.front:
        return {0: head}
    # Front matter of something else becomes a block of code: what it says is kept, and no section.
    return {0: [*head, "```yaml"], outline.front: ["```"]}


def _more_variables(outline: Outline, indented: list[str]) -> dict[int, list[str]]:
    if not indented:
        return {}
    for number, line in enumerate(outline.lines[: outline.front]):
        if re.match(r"vars:\s*(?:#.*)?$", line):
            below = outline.lines[number + 1]
            indent = below[: len(below) - len(below.lstrip(" "))] or "  "
            return {number + 1: [indent + text.lstrip() for text in indented]}
        if line.startswith("vars:"):
            raise UsageError(_FLOW_VARS.filled(line=str(number + 1)), remedy=_ONE_A_LINE)
    return {outline.front - 1: ["vars:", *indented]}


_UNDECIDED = Words(en="a person's word: no words decide", ja="担当者の確認（判断できる語がありません）")
_PERSON = Words(en="a person's word: {words}", ja="担当者の確認: {words}")
_DEPLOYS_ELSEWHERE = Words(
    en="a person's word: another line is the deploy", ja="担当者の確認（デプロイの行は別にあります）"
)
_OPENS_BY_NOTHING = Words(
    en="a person's word: nothing is looked at after the deploy that could open it",
    ja="担当者の確認（この行を開くきっかけになる、デプロイ後の確認がありません）",
)
_NEEDS_DEPLOY = Words(
    en="a person's word: no line of the document is the deploy", ja="担当者の確認（デプロイの行がありません）"
)
_NO_DEPLOY = Words(
    en="no line says that the deploy was run, so nothing can be looked at since then (lines {lines}): "
    "write a line such as `- [ ] Run scripts/deploy.sh`, and ask again",
    ja="デプロイを実行する行がないため、デプロイ以降を見る確認は提案できません（{lines} 行目）。"
    "`- [ ] scripts/deploy.sh を実行した` のような行を書いてから、もう一度実行してください",
)
_UNTICKED = Words(
    en="boxes that are ticked become empty, as a template's are (lines {lines})",
    ja="チェック済みの欄は、テンプレートに合わせて空に戻します（{lines} 行目）",
)
_FOREIGN = Words(
    en="the front matter of something else becomes a block of code below ours: keep the original if it is needed",
    ja="別の用途のフロントマターは、コードブロックとして残します。元の用途でも使う場合は、コピーに対して実行してください",
)
_LONE_RETURN = Words(en="{path} has line ends of a lone CR", ja="{path} の改行が CR だけになっています")
_SAVE_AGAIN = Words(en="Save it with LF or CRLF", ja="改行を LF か CRLF にして保存してください")
_NO_LIST = Words(en="{path} has no list", ja="{path} にリストがありません")
_WRITE_LIST = Words(
    en="Write its lines as `- [ ] text`, or as a list", ja="各行を `- [ ] 内容` か箇条書きで書いてください"
)
_NO_TEXT = Words(en="the item has no text", ja="項目に内容がありません")
_FLOW_VARS = Words(
    en="line {line}: `vars` stands in one line, so nothing can be added to it",
    ja="{line} 行目: `vars` が 1 行で書かれているため、追記できません",
)
_ONE_A_LINE = Words(en="Write one variable a line below `vars:`", ja="`vars:` の下に 1 行に 1 つずつ書いてください")

"""A checklist in Markdown becomes a Template: sections, items, and the probes bound to them.

CommonMark with GFM task lists. Configuration stands in fenced YAML: ``yaml section`` below a heading,
``yaml check`` inside an item. All problems are found in one reading, each with file and line.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ultra_checklist import frontmatter, yamldoc
from ultra_checklist.bindings import ONLY_DEPLOY, CheckReader
from ultra_checklist.errors import TemplateError
from ultra_checklist.frontmatter import KEY, SLUG, Head, unknown
from ultra_checklist.model import Item, Prose, Section, Template
from ultra_checklist.references import check_references
from ultra_checklist.words import Words, joined

SECTION_KEYS = ("id", "until", "after", "required", "runs_on")
_BOX = re.compile(r"\[([ xX])\](?:\s+|$)")
_NUMBER = re.compile(r"(\d+)[.．:、]?\s+")
_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_WIDE = 0x2E80
"""From here on characters are written without spaces between words (CJK)."""


@dataclass
class _Draft:
    """A section in the making."""

    id: str
    title: str
    number: int
    line: int
    position: int
    defaults: dict[str, Any] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its id, or one that stands in for it."""
        return self.id or f"section-{self.position}"


@dataclass
class _Reading:
    """What one reading collects."""

    head: Head
    problems: list[tuple[int, Words]] = field(default_factory=list)
    drafts: list[_Draft] = field(default_factory=list)
    config_lines: set[int] = field(default_factory=set)
    """Lines (0-based) that are no prose: items, headings, fences."""
    require_ids: bool = True
    count: int = 0
    """How many items there are so far."""


def load(path: Path, *, require_ids: bool = True) -> Template:
    """Read a template from a file. Raises TemplateError with all its problems."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        why = error.strerror or str(error)
        raise TemplateError([_at(path, 1, _UNREADABLE.filled(why=why))]) from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise TemplateError([_at(path, line, _NO_UTF8)]) from error
    return parse(text, path=str(path), require_ids=require_ids)


def parse(text: str, *, path: str, require_ids: bool = True) -> Template:
    """Parse a template's text. Raises TemplateError with all its problems."""
    from markdown_it import MarkdownIt

    normal = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT.match(normal)
    if front is None:
        head = Head(problems=[(1, _NO_FRONT)])
        skipped = 0
    else:
        head = frontmatter.read(yamldoc.load(front.group(1), 2))
        skipped = front.group(0).count("\n")
    body = "\n" * skipped + (normal[front.end() :] if front is not None else normal)
    reading = _Reading(head=head, problems=list(head.problems), require_ids=require_ids)
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    _walk(tokens, reading)
    if not any(draft.items for draft in reading.drafts):
        reading.problems.append((1, _NO_ITEM))
    template = _template(reading, body, text, path)
    reading.problems += check_references(template, head)
    if reading.problems:
        ordered = sorted(dict.fromkeys(reading.problems), key=lambda problem: problem[0])
        raise TemplateError([_at(path, line, message) for line, message in ordered])
    return template


def plain(inline: Any) -> str:
    """The words of an inline token: marks dropped, line breaks joined as the script wants it."""
    text = ""
    for token in inline.children or []:
        if token.type in ("softbreak", "hardbreak"):
            text += "\n"
        elif token.type in ("text", "code_inline", "html_inline"):
            text += token.content
    lines = [line.strip() for line in text.split("\n")]
    joined = lines[0]
    for line in lines[1:]:
        joined += ("" if _runs_on(joined, line) else " ") + line
    return joined.strip()


def _runs_on(before: str, after: str) -> bool:
    """Whether no space belongs between two lines: between wide characters, and after wide punctuation."""
    if not before or not after or ord(before[-1]) < _WIDE:
        return False
    return ord(after[0]) >= _WIDE or before[-1] in "、。，．・：；！？）」』】"


def is_task(inline: Any) -> bool:
    """Whether a list item's first paragraph begins with a box."""
    return _BOX.match(inline.content) is not None


def _walk(tokens: list[Any], reading: _Reading) -> None:
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.type == "heading_open" and token.tag == "h2":
            _open_section(tokens[index + 1], token, reading)
        elif token.type == "list_item_open" and _first_inline(tokens, index) is not None:
            index = _read_item(tokens, index, reading)
            continue
        elif token.type == "fence":
            _loose_fence(token, reading)
        index += 1


def _open_section(inline: Any, token: Any, reading: _Reading) -> None:
    title = plain(inline)
    number = _NUMBER.match(title)
    reading.drafts.append(
        _Draft(
            id="",
            title=title[number.end() :] if number else title,
            number=int(number.group(1)) if number else len(reading.drafts) + 1,
            line=token.map[0] + 1,
            position=len(reading.drafts) + 1,
        )
    )
    reading.config_lines.update(range(*token.map))


def _first_inline(tokens: list[Any], index: int) -> Any:
    """The inline token of a task-list item, None where the list item has no box."""
    if index + 2 < len(tokens) and tokens[index + 1].type == "paragraph_open" and is_task(tokens[index + 2]):
        return tokens[index + 2]
    return None


def _read_item(tokens: list[Any], index: int, reading: _Reading) -> int:
    """Read one item and those below it, each token once; returns the index behind it."""
    opening, inline = tokens[index], tokens[index + 2]
    fences: list[Any] = []
    stop = inline.map[1]
    added = False
    at = index + 3
    while tokens[at].type != "list_item_close" or tokens[at].level != opening.level:
        token = tokens[at]
        if token.type == "list_item_open" and _first_inline(tokens, at) is not None:
            if not added:
                _add_item(opening, inline, fences, token.map[0], reading)
                added = True
            at = _read_item(tokens, at, reading)
            continue
        if token.type == "fence" and _kind(token) == "check" and not added:
            fences.append(token)
        elif token.type == "fence":
            _loose_fence(token, reading)
        if token.map is not None:
            stop = max(stop, token.map[1])
        at += 1
    if not added:
        _add_item(opening, inline, fences, stop, reading)
    return at + 1


def _add_item(opening: Any, inline: Any, fences: list[Any], stop: int, reading: _Reading) -> None:
    """Take in one item, whose own lines end before ``stop``."""
    line = inline.map[0] + 1
    reading.config_lines.update(range(opening.map[0], stop))
    if not reading.drafts:
        reading.problems.append((line, _NO_SECTION))
        return
    draft = reading.drafts[-1]
    box = _BOX.match(inline.content)
    if box is not None and box.group(1) != " ":
        reading.problems.append((line, _TICKED))
    title = _BOX.sub("", plain(inline), count=1).strip()
    if not title:
        reading.problems.append((line, _NO_TEXT))
    if len(fences) > 1:
        where = fences[1].map[0] + 1
        reading.problems.append((where, _TWO_BLOCKS))
    document = yamldoc.Document(data={}, lines={(): line})
    if fences:
        document = yamldoc.load(fences[0].content, fences[0].map[0] + 2)
    reading.count += 1
    reader = CheckReader(document, draft.defaults, line)
    item = reader.item(title=title, section=draft.id, order=reading.count, require_id=reading.require_ids)
    reading.problems += reader.problems
    draft.items.append(item)


def _loose_fence(token: Any, reading: _Reading) -> None:
    """A configuration fence outside an item: a section's, or a mistake; other fences are prose."""
    words = token.info.split()
    if len(words) < 2 or words[0] not in ("yaml", "yml"):
        return
    line = token.map[0] + 1
    reading.config_lines.update(range(*token.map))
    kind = _kind(token)
    if kind == "section":
        _read_section(token, line, reading)
    elif kind == "check":
        reading.problems.append((line, _LOOSE))
    else:
        reading.problems.append(
            (line, unknown(_BLOCK, f"yaml {' '.join(words[1:])}", ("yaml section", "yaml check")))
        )


def _kind(token: Any) -> str:
    words = token.info.split()
    return words[1] if len(words) == 2 and words[0] in ("yaml", "yml") else ""


def _read_section(token: Any, line: int, reading: _Reading) -> None:
    if not reading.drafts or reading.drafts[-1].items or reading.drafts[-1].defaults:
        reading.problems.append((line, _SECTION_PLACE))
        return
    document = yamldoc.load(token.content, token.map[0] + 2)
    reading.problems += document.problems
    draft = reading.drafts[-1]
    data = document.data
    if not isinstance(data, dict):
        reading.problems.append((line, _SECTION_MAPPING))
        return
    for key in data:
        if key not in SECTION_KEYS:
            reading.problems.append((document.line((key,)), unknown(KEY, key, SECTION_KEYS)))
    draft.id = str(data.get("id") or "")
    if not SLUG.fullmatch(draft.id):
        where = document.line(("id",))
        reading.problems.append((where, _SECTION_ID))
    draft.defaults = {key: data[key] for key in SECTION_KEYS if key in data and key != "id"} | {"": draft.id}
    for key in ("until", "after"):
        if key in data and data[key] != "deploy":
            reading.problems.append((document.line((key,)), ONLY_DEPLOY.filled(key=key, value=repr(data[key]))))


def _template(reading: _Reading, body: str, text: str, path: str) -> Template:
    head = reading.head
    sections = tuple(
        Section(id=d.name, title=d.title, number=d.number, line=d.line, items=_items_of(d)) for d in reading.drafts
    )
    return Template(
        name=head.name,
        title=head.title,
        lang=head.lang,
        timezone=head.timezone,
        path=path,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        sections=sections,
        variables=tuple(head.variables),
        gates=tuple(gate for gate, _ in head.gates),
        operators=head.operators,
        approvers=head.approvers,
        prose=_prose(reading, body),
    )


def _items_of(draft: _Draft) -> tuple[Item, ...]:
    return tuple(item.model_copy(update={"section": draft.name}) for item in draft.items)


def _prose(reading: _Reading, body: str) -> tuple[Prose, ...]:
    """Everything that is neither configuration nor item, in its order."""
    starts = [(d.line - 1, d.name) for d in reading.drafts]
    found: list[Prose] = []
    current: list[str] = []
    first = 0
    section = ""

    def flush() -> None:
        text = "\n".join(current).strip("\n")
        if text.strip():
            found.append(Prose(section=section, markdown=text, line=first + 1))
        current.clear()

    for number, line in enumerate(body.split("\n")):
        opened = next((name for start, name in starts if start == number), None)
        if opened is not None or number in reading.config_lines:
            flush()
            section = opened if opened is not None else section
            continue
        if not current:
            first = number
        current.append(line)
    flush()
    return tuple(found)


def _at(path: object, line: int, problem: Words) -> Words:
    return joined((f"{path}:{line}", problem), ": ")


_UNREADABLE = Words(en="cannot be read: {why}", ja="読み込めません: {why}")
_NO_UTF8 = Words(
    en="this is not UTF-8: save the file as UTF-8", ja="UTF-8 ではありません。UTF-8 で保存してください"
)
_NO_FRONT = Words(
    en="the file must begin with front matter: ---, `checklist: name`, ---",
    ja="先頭にフロントマターが必要です: ---、`checklist: 名前`、---",
)
_NO_ITEM = Words(
    en="there is no item: write one as `- [ ] text` below a `##` heading",
    ja="項目がありません。`##` 見出しの下に `- [ ] 内容` の形で書いてください",
)
_NO_SECTION = Words(
    en="this item stands before the first `##` heading: put it into a section",
    ja="最初の `##` 見出しより前に項目があります。セクションの中に置いてください",
)
_TICKED = Words(
    en="a template's boxes are empty: write `- [ ]`", ja="テンプレートのチェックは空にしてください: `- [ ]`"
)
_NO_TEXT = Words(en="the item has no text", ja="項目に内容がありません")
_TWO_BLOCKS = Words(
    en="an item has one `yaml check` block: join the two",
    ja="`yaml check` ブロックは 1 項目に 1 つです。まとめてください",
)
_LOOSE = Words(
    en="this `yaml check` block belongs to no item: indent it below its `- [ ]` line by two spaces",
    ja="この `yaml check` ブロックはどの項目にも属していません。`- [ ]` の行の下に 2 文字下げて書いてください",
)
_BLOCK = Words(en="block", ja="ブロック")
_SECTION_PLACE = Words(
    en="a `yaml section` block stands once, right below its `##` heading",
    ja="`yaml section` ブロックは `##` 見出しの直後に 1 つだけ書けます",
)
_SECTION_MAPPING = Words(
    en="a `yaml section` block is a mapping such as `id: smoke`",
    ja="`yaml section` ブロックは `id: smoke` のようなマッピングにしてください",
)
_SECTION_ID = Words(
    en="a section needs an id of lower-case letters, digits and dashes",
    ja="セクションには英小文字・数字・ハイフンの id が必要です",
)

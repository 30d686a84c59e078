"""Rich text as Notion's own Markdown, and back.

The format: https://developers.notion.com/guides/data-apis/enhanced-markdown.
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ultra_checklist.server import richtext

Json = dict[str, Any]

_SPECIAL: Final = re.compile(r"[\\*~`$\[\]<>{}|^]")
_BACKGROUND: Final = "_background"
_MARKS: Final = (("strikethrough", "~~"), ("bold", "**"), ("italic", "*"))
_TOKEN: Final = re.compile(
    r"\\(?P<escaped>.)"
    r"|(?P<ticks>`+)(?P<code>.+?)(?P=ticks)"
    r"|\$(?P<equation>[^\s$](?:[^$]*[^\s$])?)\$"
    r"|(?P<mark>~~|\*\*|\*)"
    r"|<br\s*/?>(?P<break>)"
    r"|<span(?P<span>(?:\s+[\w-]+=\"[^\"]*\")*)\s*>"
    r"|</span>(?P<unspan>)"
    r"|<mention-(?P<mention>user|page|database|date)(?P<mentioned>(?:\s+[\w-]+=\"[^\"]*\")*)\s*"
    r"(?:/>|>(?P<name>[^<]*)</mention-(?P=mention)>)"
    r"|\[(?P<label>(?:\\.|[^\[\]\\])*)\]\((?P<url>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"([\w-]+)=\"([^\"]*)\"")
_ID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)


def attributes(text: str) -> dict[str, str]:
    """``name="value"`` pairs."""
    return dict(_ATTRIBUTE.findall(text))


def color_of(text: str) -> str:
    """Notion's name of a colour of Markdown: there backgrounds end in ``_bg``; what is none is the default."""
    color = text.removesuffix("_bg") + _BACKGROUND if text.endswith("_bg") else text
    return color if color in richtext.BLOCK_COLORS else "default"


def color_name(color: str) -> str:
    """The name of a colour in Markdown; empty for the default."""
    return "" if color == "default" else color.replace(_BACKGROUND, "_bg")


def id_in(url: str) -> str:
    """The id at the end of a link; empty where it has none."""
    found = _ID.findall(url)
    return str(uuid.UUID(found[-1])) if found else ""


def escaped(text: str) -> str:
    """Text with all that Markdown would take for its own; lines end in ``<br>``."""
    return _SPECIAL.sub(r"\\\g<0>", text).replace("\n", "<br>")


def written(items: Iterable[Json], base_url: str) -> str:
    """Answered rich text as Markdown; links to pages and users begin with ``base_url``."""
    found, standing = list[str](), frozenset[str]()
    for item in items:
        looks = {**richtext.PLAIN, **item["annotations"]}
        text = _spanned(_content(item, base_url, code=looks["code"]), looks)
        if not text:
            continue
        marks = frozenset(name for name, _ in _MARKS if looks[name])
        link = item["type"] == "text" and item["text"]["link"]
        # Signs open and close looks where these change; a link has its own within.
        outside = frozenset[str]() if link else marks
        found.append(_signs(standing ^ outside))
        found.append(f"[{_signs(marks)}{text}{_signs(marks)}]({link['url']})" if link else text)
        standing = outside
    return "".join(found) + _signs(standing)


def _signs(names: frozenset[str]) -> str:
    return "".join(mark for name, mark in _MARKS if name in names)


def _spanned(text: str, looks: Json) -> str:
    if text and looks["underline"]:
        text = f'<span underline="true">{text}</span>'
    color = color_name(looks["color"])
    return f'<span color="{color}">{text}</span>' if text and color else text


def _content(item: Json, base_url: str, *, code: bool) -> str:
    if item["type"] == "equation":
        return f"${item['equation']['expression']}$"
    if item["type"] == "mention":
        return _mention(item, base_url)
    words = str(item["text"]["content"])
    if not code:
        return escaped(words)
    ticks = "`" * (max((len(run) for run in re.findall("`+", words)), default=0) + 1)
    return f"{ticks}{words}{ticks}"


def _mention(item: Json, base_url: str) -> str:
    kind = item["mention"]["type"]
    value = item["mention"][kind]
    if kind == "date":
        ends = f' end="{value["end"]}"' if value["end"] else ""
        return f'<mention-date start="{value["start"]}"{ends}/>'
    url = f"user://{value['id']}" if kind == "user" else f"{base_url}/p/{value['id'].replace('-', '')}"
    return f'<mention-{kind} url="{url}">{escaped(item["plain_text"].removeprefix("@"))}</mention-{kind}>'


@dataclass(frozen=True)
class _Looks:
    marks: frozenset[str] = frozenset()
    spans: tuple[dict[str, str], ...] = ()
    link: str = ""

    def annotations(self) -> Json:
        given: Json = dict.fromkeys(self.marks, True)
        for span in self.spans:
            if span.get("underline") == "true":
                given["underline"] = True
            if color_of(span.get("color", "")) != "default":
                given["color"] = color_of(span["color"])
        return given


@dataclass
class _Reader:
    text: str
    looks: _Looks = field(default_factory=_Looks)
    words: list[str] = field(default_factory=list)

    def items(self) -> Iterator[Json]:
        at = 0
        while found := _TOKEN.search(self.text, at):
            self.words.append(self.text[at : found.start()])
            at = found.end()
            if (mark := found["mark"]) is not None:
                if self._toggles(mark, at):
                    yield from self._plain()
                    self._toggle(mark)
                else:
                    self.words.append(mark)
            elif found["escaped"] is not None or found["break"] is not None:
                self.words.append(found["escaped"] or "\n")
            else:
                yield from self._plain()
                yield from self._special(found)
        self.words.append(self.text[at:])
        yield from self._plain()

    def _toggles(self, mark: str, at: int) -> bool:
        name = next(name for name, known in _MARKS if known == mark)
        return name in self.looks.marks or mark in self.text[at:]

    def _toggle(self, mark: str) -> None:
        name = next(name for name, known in _MARKS if known == mark)
        self.looks = replace(self.looks, marks=self.looks.marks ^ {name})

    def _special(self, found: re.Match[str]) -> Iterator[Json]:
        annotations = self.looks.annotations()
        if found["code"] is not None:
            yield from pieces(found["code"], annotations | {"code": True}, self.looks.link)
        elif found["equation"] is not None:
            expression = found["equation"].strip("`")
            yield {"type": "equation", "equation": {"expression": expression}, "annotations": annotations}
        elif found["span"] is not None:
            self.looks = replace(self.looks, spans=(*self.looks.spans, attributes(found["span"])))
        elif found["unspan"] is not None:
            self.looks = replace(self.looks, spans=self.looks.spans[:-1])
        elif found["mention"] is not None:
            yield {**_read_mention(found["mention"], attributes(found["mentioned"])), "annotations": annotations}
        else:
            inner = _Reader(found["label"], replace(self.looks, link=found["url"]))
            yield from inner.items()

    def _plain(self) -> Iterator[Json]:
        text, self.words = "".join(self.words), []
        yield from pieces(text, self.looks.annotations(), self.looks.link)


def pieces(text: str, annotations: Json | None = None, link: str = "") -> Iterator[Json]:
    """Text as items of a request, none longer than Notion takes."""
    rest = text
    while rest:
        size = (
            richtext.LONGEST_TEXT // 2 if len(rest.encode("utf-16-le")) // 2 > richtext.LONGEST_TEXT else len(rest)
        )
        content: Json = {"content": rest[:size], **({"link": {"url": link}} if link else {})}
        yield {"type": "text", "text": content, **({"annotations": annotations} if annotations else {})}
        rest = rest[size:]


def _read_mention(kind: str, given: dict[str, str]) -> Json:
    if kind == "date":
        start = given.get("start", "") + (f"T{given['startTime']}:00" if "startTime" in given else "")
        value: Json = {"start": start, "end": given.get("end"), "time_zone": given.get("timeZone")}
    else:
        value = {"id": id_in(given.get("url", ""))}
    return {"type": "mention", "mention": {"type": kind, kind: value}}


def read(text: str) -> list[Json]:
    """Markdown as the rich text of a request."""
    return list(_Reader(text).items())

"""The body of a page as Notion's own Markdown, and back.

The format is https://developers.notion.com/guides/data-apis/enhanced-markdown: tabs indent, tags stand for what
Markdown has no sign for. What neither knows is written as ``<unknown/>`` and told by its id.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ultra_checklist.server import inline_markdown as inline

Json = dict[str, Any]

_LISTS: Final = {"bulleted_list_item": "- ", "quote": "> "}
_TAGGED: Final = ("audio", "video", "file", "pdf")
_ROW: Final = re.compile(r"<tr[^>]*>(.*?)</tr>", re.DOTALL)
_CELL: Final = re.compile(r"<td[^>]*>(.*?)</td>", re.DOTALL)
_TAIL: Final = re.compile(r"(?:^|\s)(?<!\\)\{((?:\s*[\w-]+=\"[^\"]*\")+)\s*\}$")
_HEADING: Final = re.compile(r"(#{1,6})\s+(.*)")
_ITEM: Final = re.compile(
    r"(?:- \[(?P<box>[ xX])\]|(?P<bullet>[-*+])|(?P<number>\d+)[.)]|(?P<quote>>))(?:\s(?P<text>.*)|$)"
)
_IMAGE: Final = re.compile(r"!\[(?P<caption>(?:\\.|[^\]\\])*)\]\((?P<url>[^)\s]+)\)")
_TAG: Final = re.compile(
    r"<(?P<name>[a-z_-]+)(?P<given>(?:\s+[\w-]+=\"[^\"]*\")*)\s*(?P<shut>/?)>(?P<rest>.*)", re.DOTALL
)
_PIPES: Final = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
_FENCE: Final = re.compile(r"(`{3,})(.*)")


@dataclass
class Written:
    """Blocks as lines, and the ids of those that Markdown cannot say."""

    base_url: str
    unknown: list[str] = field(default_factory=list)

    def text(self, blocks: Iterable[Json]) -> str:
        """Answered blocks, each with its ``children``, as Markdown."""
        return "\n".join(self._lines(blocks))

    def _lines(self, blocks: Iterable[Json]) -> Iterator[str]:
        number = 0
        for block in blocks:
            number = number + 1 if block["type"] == "numbered_list_item" else 0
            yield from self._block(block, number)

    def _block(self, block: Json, number: int) -> Iterator[str]:
        kind, body, children = block["type"], block[block["type"]], block.get("children", ())
        text = inline.written(body.get("rich_text", ()), self.base_url) if isinstance(body, dict) else ""
        tail = _tail(color=inline.color_name(body.get("color", "default")))
        if kind == "paragraph":
            yield f"{text}{tail}" if text or children else "<empty-block/>"
        elif kind.startswith("heading_"):
            toggle = "true" if body["is_toggleable"] else ""
            tail = _tail(toggle=toggle, color=inline.color_name(body["color"]))
            yield f"{'#' * int(kind[-1])} {text}{tail}"
        elif kind in _LISTS:
            yield f"{_LISTS[kind]}{text}{tail}"
        elif kind == "numbered_list_item":
            yield f"{number}. {text}{tail}"
        elif kind == "to_do":
            yield f"- [{'x' if body['checked'] else ' '}] {text}{tail}"
        else:
            yield from self._special(block, kind, body, text)
            return
        yield from _indented(self._lines(children))

    def _special(self, block: Json, kind: str, body: Json, text: str) -> Iterator[str]:
        children, color = block.get("children", ()), inline.color_name(body.get("color", "default"))
        if kind == "toggle":
            yield from (f"<details{_given(color=color)}>", f"<summary>{text}</summary>")
            yield from (*_indented(self._lines(children)), "</details>")
        elif kind == "callout":
            icon = (body.get("icon") or {}).get("emoji", "")
            yield f"<callout{_given(icon=icon, color=color)}>"
            yield from (*_indented([text] if text else []), *_indented(self._lines(children)), "</callout>")
        elif kind == "code":
            yield from _code(body)
        elif kind == "equation":
            yield from ("$$", body["expression"], "$$")
        elif kind == "divider":
            yield "---"
        elif kind == "table":
            yield from self._table(body, children)
        elif kind in ("column_list", "column"):
            tag = "columns" if kind == "column_list" else "column"
            yield from (f"<{tag}>", *_indented(self._lines(children)), f"</{tag}>")
        elif kind == "image":
            yield f"![{inline.written(body['caption'], self.base_url)}]({body[body['type']]['url']})"
        elif kind in _TAGGED:
            caption = inline.written(body["caption"], self.base_url)
            yield f"<{kind}{_given(src=body[body['type']]['url'])}>{caption}</{kind}>"
        elif kind == "table_of_contents":
            yield f"<table_of_contents{_given(color=color)}/>"
        elif kind in ("child_page", "child_database"):
            tag = kind.removeprefix("child_").replace("child_", "")
            yield f"<{tag}{_given(url=self._link(block['id']))}>{inline.escaped(body['title'])}</{tag}>"
        elif kind == "synced_block":
            origin = body["synced_from"]
            tag = "synced_block_reference" if origin else "synced_block"
            url = self._link(origin["block_id"] if origin else block["id"])
            yield from (f"<{tag}{_given(url=url)}>", *_indented(self._lines(children)), f"</{tag}>")
        else:
            self.unknown.append(block["id"])
            yield f"<unknown{_given(url=self._link(block['id']), alt=kind)}/>"

    def _table(self, body: Json, rows: Iterable[Json]) -> Iterator[str]:
        header = {"header-row": body["has_column_header"], "header-column": body["has_row_header"]}
        yield f"<table{_given(**{name: 'true' for name, there in header.items() if there})}>"
        for row in rows:
            cells = (inline.written(cell, self.base_url) for cell in row["table_row"]["cells"])
            yield from _indented(["<tr>", *_indented(f"<td>{cell}</td>" for cell in cells), "</tr>"])
        yield "</table>"

    def _link(self, identifier: str) -> str:
        return f"{self.base_url}/p/{identifier.replace('-', '')}"


def _tail(**given: str) -> str:
    said = _given(**given).strip()
    return f" {{{said}}}" if said else ""


def _given(**given: str) -> str:
    return "".join(f' {name}="{value}"' for name, value in given.items() if value)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"\t{line}" for line in lines)


def _code(body: Json) -> Iterator[str]:
    content = "".join(item["plain_text"] for item in body["rich_text"])
    ticks = "`" * max(3, max((len(run) for run in re.findall("`+", content)), default=0) + 1)
    language = "" if body["language"] == "plain text" else body["language"]
    yield from (f"{ticks}{language}", *content.split("\n"), ticks)


def read(text: str) -> list[Json]:
    """Markdown as the blocks of a request, each with its ``children``; ``page``, ``database`` name what is there.

    Lines that are nothing else are text; nothing is refused.
    """
    return _Lines(text.replace("\r\n", "\n").split("\n")).blocks(0)


class _Lines:
    """Lines that are read once, from the first to the last."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def blocks(self, depth: int, end: str = "") -> list[Json]:
        """The blocks at a depth, until a line that lies less deep, or the closing tag ``end``."""
        found: list[Json] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                self._at += 1
                continue
            if end and line.strip() == end:
                self._at += 1
                break
            if not end and _depth(line) < depth:
                break
            found.append(self._block(_without(line, depth) if not end else line.strip("\t"), _depth(line)))
        return found

    def _block(self, line: str, depth: int) -> Json:
        self._at += 1
        line = line.strip("\t ") if line.startswith("\t") else line
        if fence := _FENCE.fullmatch(line):
            return self._fenced(fence[1], fence[2].strip(), depth)
        if line.strip() == "$$":
            expression = "\n".join(self._until("$$", depth))
            return _block("equation", {"expression": expression})
        if (tag := _TAG.fullmatch(line)) and (special := self._tagged(tag, depth)):
            return special
        if line.startswith("|") and self._at < len(self._lines) and _PIPES.fullmatch(self._lines[self._at].strip()):
            return self._piped(line)
        block = _one_line(line)
        if block["type"] != "divider" and (block["type"] != "image"):
            children = self.blocks(depth + 1)
            if children:
                block["children"] = children
        return block

    def _fenced(self, ticks: str, language: str, depth: int) -> Json:
        content = "\n".join(self._until(ticks, depth))
        return _block("code", {"rich_text": list(inline.pieces(content)), "language": language or "plain text"})

    def _until(self, end: str, depth: int) -> Iterator[str]:
        while self._at < len(self._lines):
            line = _without(self._lines[self._at], depth)
            self._at += 1
            if line.strip() == end:
                return
            yield line

    def _tagged(self, tag: re.Match[str], depth: int) -> Json | None:
        name, given, rest = tag["name"], inline.attributes(tag["given"]), tag["rest"]
        color = inline.color_of(given.get("color", ""))
        if name == "empty-block":
            return _block("paragraph", {"rich_text": []})
        if name == "table_of_contents":
            return _block(name, {"color": color})
        if name in ("page", "database", "unknown"):
            return {"type": name, "id": inline.id_in(given.get("url", ""))}
        if name in _TAGGED:
            source = {"type": "external", "external": {"url": given.get("src", given.get("source", ""))}}
            return _block(name, source | {"caption": inline.read(rest.removesuffix(f"</{name}>"))})
        if name == "table":
            return self._table(given, rest, depth)
        if name == "details":
            return self._details(color)
        ends = f"</{name}>"
        if name in ("callout", "columns", "column", "synced_block", "synced_block_reference"):
            inside = [_one_line(rest.removesuffix(ends))] if rest.strip() else []
            children = inside if rest.endswith(ends) else inside + self.blocks(depth + 1, ends)
            return _container(name, given, color, children)
        return None

    def _details(self, color: str) -> Json:
        title = ""
        while self._at < len(self._lines) and not self._lines[self._at].strip():
            self._at += 1
        line = self._lines[self._at].strip() if self._at < len(self._lines) else ""
        if line.startswith("<summary>"):
            title = line.removeprefix("<summary>").removesuffix("</summary>")
            self._at += 1
        block = _block("toggle", {"rich_text": inline.read(title), "color": color})
        return block | {"children": self.blocks(0, "</details>")}

    def _table(self, given: dict[str, str], rest: str, depth: int) -> Json:
        inside = rest.removesuffix("</table>")
        if not rest.endswith("</table>"):
            inside = "\n".join([rest, *self._until("</table>", depth)])
        rows = [[inline.read(cell.strip()) for cell in _CELL.findall(row)] for row in _ROW.findall(inside)]
        return _rows(rows, header=given.get("header-row") == "true", column=given.get("header-column") == "true")

    def _piped(self, line: str) -> Json:
        lines = [line]
        self._at += 1
        while self._at < len(self._lines) and self._lines[self._at].strip().startswith("|"):
            lines.append(self._lines[self._at].strip())
            self._at += 1
        rows = [re.split(r"(?<!\\)\|", one.strip().strip("|")) for one in lines]
        return _rows([[inline.read(cell.strip()) for cell in row] for row in rows], header=True, column=False)


def _rows(rows: list[list[list[Json]]], *, header: bool, column: bool) -> Json:
    width = max((len(row) for row in rows), default=1) or 1
    body = {"table_width": width, "has_column_header": header, "has_row_header": column}
    padded = ([*row, *([[]] * (width - len(row)))] for row in rows or [[]])
    return _block("table", body) | {"children": [_block("table_row", {"cells": row}) for row in padded]}


def _container(name: str, given: dict[str, str], color: str, children: list[Json]) -> Json:
    if name == "callout":
        first = children[0] if children and children[0]["type"] == "paragraph" else None
        text = first["body"]["rich_text"] if first is not None else []
        if first is not None:
            children = [*first.get("children", []), *children[1:]]
        icon = {"icon": {"type": "emoji", "emoji": given["icon"]}} if given.get("icon") else {}
        return _block("callout", {"rich_text": text, "color": color, **icon}) | {"children": children}
    if name == "columns":
        kept = [child for child in children if child["type"] == "column"]
        return _block("column_list", {}) | {"children": kept}
    if name == "column":
        return _block("column", {}) | {"children": children or [_block("paragraph", {"rich_text": []})]}
    origin = inline.id_in(given.get("url", "")) if name == "synced_block_reference" else ""
    source = {"type": "block_id", "block_id": origin} if origin else None
    return _block("synced_block", {"synced_from": source}) | {"children": children}


def _one_line(line: str) -> Json:
    line = line.strip()
    if re.fullmatch(r"-{3,}|\*{3,}|_{3,}", line):
        return _block("divider", {})
    if image := _IMAGE.fullmatch(_TAIL.sub("", line)):
        source = {"type": "external", "external": {"url": image["url"]}}
        return _block("image", source | {"caption": inline.read(image["caption"])})
    tail = _TAIL.search(line)
    given = inline.attributes(tail[1]) if tail else {}
    line = line[: tail.start()] if tail else line
    color = inline.color_of(given.get("color", ""))
    if heading := _HEADING.fullmatch(line):
        kind = f"heading_{min(len(heading[1]), 4)}"
        toggle = given.get("toggle") == "true"
        return _block(kind, {"rich_text": inline.read(heading[2]), "color": color, "is_toggleable": toggle})
    if item := _ITEM.fullmatch(line):
        body: Json = {"rich_text": inline.read(item["text"] or ""), "color": color}
        if item["box"] is not None:
            return _block("to_do", body | {"checked": item["box"] != " "})
        kind = "bulleted_list_item" if item["bullet"] else "numbered_list_item" if item["number"] else "quote"
        return _block(kind, body)
    return _block("paragraph", {"rich_text": inline.read(line), "color": color})


def _block(kind: str, body: Json) -> Json:
    return {"type": kind, "body": body}


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip("\t"))


def _without(line: str, depth: int) -> str:
    return line[min(depth, _depth(line)) :]

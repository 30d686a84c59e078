"""Markdown and plain data as Notion's blocks. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from ultra_checklist.notion.rows import MAX_TEXT, rich_text

Block = dict[str, Any]
MAX_CHILDREN = 100
_HEADINGS = {"h1": "heading_1", "h2": "heading_2"}
_LISTS = {"bullet_list_open": "bulleted_list_item", "ordered_list_open": "numbered_list_item"}


def paragraph(text: str) -> Block:
    """A paragraph of plain text."""
    return {"type": "paragraph", "paragraph": {"rich_text": rich_text(text)}}


def heading(text: str, level: int = 2) -> Block:
    """A heading of level 1 to 3."""
    return {"type": f"heading_{level}", f"heading_{level}": {"rich_text": rich_text(text)}}


def callout(text: str, emoji: str) -> Block:
    """A box with an emoji."""
    return {"type": "callout", "callout": {"rich_text": rich_text(text), "icon": {"type": "emoji", "emoji": emoji}}}


def toggle(text: str, children: Sequence[Block]) -> Block:
    """A folded block."""
    return {"type": "toggle", "toggle": {"rich_text": rich_text(text), "children": list(children)}}


def file_block(upload_id: str, name: str) -> Block:
    """An uploaded file."""
    return {"type": "file", "file": {"type": "file_upload", "file_upload": {"id": upload_id}, "name": name}}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[Block]:
    """One or more tables: Notion takes 100 rows at a time."""
    head = _table_row(header)
    body = [_table_row(row) for row in rows]
    size = MAX_CHILDREN - 1
    return [
        {
            "type": "table",
            "table": {
                "table_width": len(header),
                "has_column_header": True,
                "has_row_header": False,
                "children": [head, *body[start : start + size]],
            },
        }
        for start in range(0, max(len(body), 1), size)
    ]


def markdown(text: str) -> list[Block]:
    """The blocks of a piece of Markdown: headings, paragraphs, lists (flat), quotes, code and rules."""
    from markdown_it import MarkdownIt

    blocks: list[Block] = []
    kinds = ["paragraph"]
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "heading_open":
            kinds.append(_HEADINGS.get(token.tag, "heading_3"))
        elif token.type in _LISTS:
            kinds.append(_LISTS[token.type])
        elif token.type == "blockquote_open":
            kinds.append("quote")
        elif token.type in ("heading_close", "bullet_list_close", "ordered_list_close", "blockquote_close"):
            kinds.pop()
        elif token.type == "inline":
            blocks.append({"type": kinds[-1], kinds[-1]: {"rich_text": _inline(token.children or [])}})
        elif token.type in ("fence", "code_block"):
            blocks.append(_code(token.content))
        elif token.type == "hr":
            blocks.append({"type": "divider", "divider": {}})
    return blocks


def _table_row(cells: Sequence[str]) -> Block:
    return {"type": "table_row", "table_row": {"cells": [rich_text(cell[:MAX_TEXT]) for cell in cells]}}


def _code(text: str) -> Block:
    return {"type": "code", "code": {"rich_text": rich_text(text.rstrip("\n")), "language": "plain text"}}


def _inline(tokens: Sequence[Any]) -> list[dict[str, Any]]:
    """Inline Markdown with bold, italic and code kept; a link keeps its words, and its address in text."""
    pieces: list[dict[str, Any]] = []
    marks: set[str] = set()
    for token in tokens:
        match token.type:
            case "strong_open" | "em_open":
                marks.add("bold" if token.type == "strong_open" else "italic")
            case "strong_close" | "em_close":
                marks.discard("bold" if token.type == "strong_close" else "italic")
            case "softbreak" | "hardbreak":
                pieces += _marked("\n", marks)
            case "code_inline":
                pieces += _marked(token.content, marks | {"code"})
            case "link_close" | "link_open":
                continue
            case _:
                pieces += _marked(token.content, marks)
    return pieces[:MAX_CHILDREN]


def _marked(text: str, marks: set[str]) -> list[dict[str, Any]]:
    return [piece | {"annotations": dict.fromkeys(sorted(marks), True)} for piece in rich_text(text)]

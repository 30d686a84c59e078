"""Text of people in every sink: shown, never obeyed."""

import json
import re
import unicodedata
import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ultra_checklist import escape

ANY = st.text(st.characters(), max_size=200) | st.text(
    st.sampled_from("\x00\x07\x08\x0b\x1b[31m\x7f\x85\x9b\u200b\u202e\u2066\u2028\ufeff\ud800\udfff\uffff<>&\"'`|*_[]()!@#\\\n\r\t a1.:/"),
    max_size=60,
)  # fmt: skip


def test_escapes_and_overrides_are_shown() -> None:
    assert escape.terminal("\x1b[31mred\x07") == "␛[31mred␇"
    assert escape.terminal("txt.\u202egpj.exe") == "txt.[U+202E]gpj.exe"
    assert escape.terminal("two\nlines\ttab") == "two lines tab"
    assert escape.terminal("\x9b31m\ud800") == "[U+009B]31m[U+D800]"
    assert escape.terminal("佐藤 👩‍🚒 é") == "佐藤 👩‍🚒 é"


def test_what_is_too_long_is_cut_and_said_to_be() -> None:
    assert escape.terminal("x" * 10_000, 20) == "x" * 20 + "… (10,000)"


@given(ANY)
def test_nothing_unseen_is_left(text: str) -> None:
    for shown in (escape.terminal(text), escape.markdown(text), escape.xml(text), escape.label(text)):
        shown.encode()
        assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\ufeff]", shown)


@given(ANY)
def test_xml_parses_and_keeps_what_it_can(text: str) -> None:
    parsed = ET.fromstring(f'<a b="{escape.xml(text)}">{escape.xml(text)}</a>')  # noqa: S314 - our own text
    assert parsed.text == parsed.get("b") or not text
    if text.isprintable() and "\u00ad" not in text:
        assert (parsed.text or "") == text


@given(ANY)
@example("\ud800\udc00")
@example("\udc00\ud800")
def test_json_stays_the_same_and_shows_nothing_unseen(text: str) -> None:
    dumped = escape.json(json.dumps({"a": text}, ensure_ascii=False))
    dumped.encode()
    # JSON writes in UTF-16 units: two halves that stand side by side are one character there.
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert json.loads(dumped) == {"a": joined}
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", dumped)


@given(ANY)
def test_markdown_has_no_markup_left(text: str) -> None:
    """Rendered with tables and bare links on, a cell and a line of a list are plain text."""
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for source in (
        f"| a |\n|---|\n| {escape.markdown(text)} |",
        f"- {escape.markdown(text)}",
        escape.markdown(text),
    ):
        kinds = {child.type for token in renderer.parse(source) for child in token.children or ()}
        assert kinds <= {"text", "text_special"}, source
        blocks = {token.type for token in renderer.parse(source)}
        assert not blocks & {"html_block", "fence", "code_block", "heading_open", "hr", "ordered_list_open"}, source


@pytest.mark.parametrize("text", ["a`b", "``x``", "`", "a|b", "\x1b[0m`"])
def test_code_stays_code(text: str) -> None:
    renderer = MarkdownIt("commonmark").enable("table")
    tokens = renderer.parse(f"| a |\n|---|\n| {escape.code(text)} |")
    inner = [child for token in tokens for child in token.children or () if child.type == "code_inline"]
    assert [child.content for child in inner] == [escape.visible(text)]


def test_mentions_and_bare_addresses_are_broken() -> None:
    assert "@everyone" not in escape.markdown("@everyone")
    assert "https://" not in escape.markdown("https://evil.example")
    assert "www." not in escape.markdown("www.evil.example")


def test_a_string_of_css_cannot_end() -> None:
    assert escape.css('"; } body { x: url(//e)\n</style>').count('"') == 2
    assert "<" not in escape.css("</style>")

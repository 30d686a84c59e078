"""Whatever people type into Notion, a template or a reason is shown in every report, and obeyed by none."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.reports.story import account, stage
from tests.reports.test_golden import checked, findings
from ultra_checklist import plugins
from ultra_checklist.account import Account
from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.model import Outcome

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07 cleared",
    "invoice\u202egpj.exe \u2066isolated\u2069",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</title></style></svg><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "[click](javascript:alert(1)) ![i](https://evil.example/i.png) | cell | `code` **bold**",
    "@everyone @channel <!here> <@U123> https://evil.example www.evil.example",
    "x" * 10_000,
    "nul \x00 bell \x07 half \ud800 end",
    "]]> <!-- --> &amp; &#x3c; \" ' ",
    "line one\r\n# heading\n- list\n---\n```\nfence",
    "=cmd|' /C calc'!A0",
)
FORMATS = ("html", "markdown", "json", "junit")


class Structure(HTMLParser):
    """Which elements and attributes a document has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


@pytest.fixture(scope="module")
def innocent(tmp_path_factory: pytest.TempPathFactory) -> Account:
    return account(stage(tmp_path_factory.mktemp("state")), "v1.4.0", "en")


def poisoned(told: Account, text: str) -> Account:
    """The account with a text in every place where people's words can stand."""
    people = {"title", "name", "note", "why", "seen", "sentence", "expected", "remedy", "text", "break_glass",
              "os_user", "host", "reason", "gate", "url", "until", "argv", "script", "changed", "made_of"}  # fmt: skip

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(inner, name) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [walk(inner, key) for inner in value]
        return text if isinstance(value, str) and value and key in people else value

    return Account.model_validate(walk(told.model_dump()))


def write(form: str, told: Account) -> str:
    text: str = plugins.load(plugins.RELEASE_REPORTS, form)(told)
    return text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", FORMATS)
def test_no_report_carries_what_moves_a_terminal_or_turns_text(innocent: Account, form: str, text: str) -> None:
    written = write(form, poisoned(innocent, text))
    written.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", written)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_has_the_same_elements_whatever_is_typed(innocent: Account, text: str) -> None:
    shapes = []
    for told in (poisoned(innocent, "harmless"), poisoned(innocent, text)):
        shape = Structure()
        shape.feed(write("html", told))
        shapes.append([entry for entry in shape.found if entry[0] not in ("rect", "text")])
    assert shapes[0] == shapes[1]
    assert "script" not in {tag for tag, _ in shapes[1]}


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_has_the_same_blocks_and_no_links_whatever_is_typed(innocent: Account, text: str) -> None:
    renderer = MarkdownIt("commonmark", {"html": True}).enable("table")
    shapes = []
    for told in (poisoned(innocent, "harmless"), poisoned(innocent, text)):
        tokens = renderer.parse(write("markdown", told))
        shapes.append([token.type for token in tokens])
        inner = {child.type for token in tokens for child in token.children or ()}
        assert not inner & {"link_open", "image", "em_open"}
        raw = {child.content for token in tokens for child in token.children or () if child.type == "html_inline"}
        assert raw <= {"<br>"}
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_parses_and_has_the_same_cases(innocent: Account, text: str) -> None:
    root = ET.fromstring(write("junit", poisoned(innocent, text)))  # noqa: S314 - our own text
    assert len(list(root.iter("testcase"))) == len(innocent.checks)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_loses_nothing(innocent: Account, text: str) -> None:
    told = json.loads(write("json", poisoned(innocent, text)))
    assert told["sections"][0]["checks"][0]["title"] == text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["json", "junit", "nagios", "prometheus", "tap", "table"])
def test_a_checks_formats_stay_whole(form: str, text: str) -> None:
    template = checked().template
    item = template.items[1].model_copy(update={"title": text})
    finding = findings(item, Outcome.FAIL)[0]
    words = {name: {"en": text, "ja": text} for name in ("expected", "seen", "sentence", "remedy")}
    verdict = finding.verdict.model_validate(finding.verdict.model_dump() | words)
    entry = CheckedItem(item, (finding.model_copy(update={"verdict": verdict}),))
    written = plugins.load(plugins.REPORTS, form)(Checked(template, (entry,), checked().variables), "en")
    written.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", written)
    if form in ("nagios", "tap"):
        lines = written.splitlines()
        assert len(lines) == {"nagios": 2, "tap": 12}[form]


def test_a_bidi_override_is_shown(innocent: Account) -> None:
    for form in ("html", "junit"):
        assert "[U+202E]" in write(form, poisoned(innocent, HOSTILE[1]))

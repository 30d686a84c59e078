"""The HTML report in a real browser, on a screen and on paper."""

import subprocess
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it brings no types
from playwright.sync_api import Browser, Page

from tests.e2e.test_board import overflow
from tests.reports.story import account, stage
from ultra_checklist.account import Account
from ultra_checklist.comparison import compare
from ultra_checklist.model import Lang
from ultra_checklist.reports.html import write


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> dict[Lang, Account]:
    shelf = stage(tmp_path_factory.mktemp("state"))
    langs: tuple[Lang, ...] = ("en", "ja")
    return {lang: compare(account(shelf, "v1.4.0", lang), account(shelf, "v1.3.0", lang)) for lang in langs}


def show(
    browser: Browser, told: Account, folder: Path, *, width: int = 1280, dark: bool = False
) -> tuple[Page, list[str]]:
    """The report in a window of some width, and every address that it asked for."""
    file = folder / "report.html"
    file.write_text(write(told), encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", java_script_enabled=True
    )
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    return page, asked


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_fault_and_nothing_is_asked_for(
    browser: Browser, accounts: dict[Lang, Account], tmp_path: Path, lang: Lang, dark: bool, width: int
) -> None:
    page, asked = show(browser, accounts[lang], tmp_path, width=width, dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert asked == [page.url]
    assert overflow(page) <= 0
    # The policy of the page forbids all scripts but those of the browser's own tools.
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.context.close()


def test_a_title_without_spaces_widens_no_phone(
    browser: Browser, accounts: dict[Lang, Account], tmp_path: Path
) -> None:
    told = accounts["en"]
    first = told.sections[0]
    long = first.checks[0].model_copy(update={"title": "x" * 10_000, "why": "y" * 2000})
    sections = (first.model_copy(update={"title": "z" * 500, "checks": (long,)}), *told.sections[1:])
    page, _ = show(
        browser,
        told.model_copy(update={"sections": sections, "host": "h" * 300, "counts": {"confirmed": 1}}),
        tmp_path,
        width=390,
    )
    assert overflow(page) <= 0
    page.context.close()


def test_paper_has_every_check_its_evidence_and_every_event(
    browser: Browser, accounts: dict[Lang, Account], tmp_path: Path
) -> None:
    told = accounts["en"]
    page, _ = show(browser, told, tmp_path)
    page.emulate_media(media="print")
    for details in page.locator("details").all():
        assert details.evaluate("d => d.open") is False
        assert details.locator("dl, table").first.is_visible()
    paper = tmp_path / "report.pdf"
    page.pdf(path=paper, prefer_css_page_size=True, print_background=True)
    page.context.close()
    assert paper.read_bytes().startswith(b"%PDF")
    text = on_paper(paper)
    for check in told.checks:
        assert check.number in text
    assert text.count("sha256:eeee") == sum(1 for check in told.checks for line in check.verdicts if line.evidence)
    assert "changed after the end" in text
    assert "v1.4.0  production" in text or "v1.4.0 production" in text


def on_paper(paper: Path) -> str:
    """The text of a PDF."""
    try:
        done = subprocess.run(["pdftotext", "-layout", str(paper), "-"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("pdftotext is not installed (Debian: apt-get install poppler-utils)")
    return done.stdout

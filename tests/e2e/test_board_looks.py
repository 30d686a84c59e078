"""The board in every look, for everybody: filters, progress, print, slow scripts, many rows, axe."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it brings no types
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.e2e.conftest import SATO, row, visit
from tests.e2e.pretend import RESULTS, Pretend, Server, text

SHIFTS = """
    window.shifted = 0
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value
    }).observe({ type: "layout-shift", buffered: true })
"""


def box(page: Page, release: Pretend, number: int) -> Any:
    return row(page, release, number).get_by_role("checkbox").first


def test_sections_and_results_narrow_the_list_and_the_address_says_so(page: Page, release: Pretend) -> None:
    release.verdict(3, "不合格", "ありません")
    release.verdict(4, "合格", "", settled=True)
    visit(page, release)
    section = page.get_by_role("combobox", name="セクション")
    section.select_option(label="02 環境設定の確認 (3)")
    expect(page.locator(".row:visible")).to_have_count(3)
    page.get_by_role("combobox", name="結果").select_option(label="不合格 (1)")
    expect(page.locator(".row:visible")).to_have_count(1)
    assert "result=failed" in page.url
    page.reload()
    expect(page.locator(".row:visible")).to_have_count(1)
    section.select_option(label="01 前提条件チェック (3)")
    expect(page.get_by_text("この表示に該当する項目はありません。")).to_be_visible()
    page.get_by_role("button", name="すべて表示").click()
    expect(page.locator(".row:visible")).to_have_count(len(release.rows))
    assert "?" not in page.url


def test_a_link_to_a_result_that_no_check_has_names_it_in_the_datas_words(page: Page, release: Pretend) -> None:
    page.goto(f"{release.server.url}/p/{release.page.replace('-', '')}?result=waived")
    expect(page.get_by_text("この表示に該当する項目はありません。")).to_be_visible()
    result = page.get_by_role("combobox", name="結果")
    expect(result.locator("option:checked")).to_have_text("免除 (0)")
    release.verdict(0, "免除", "", settled=True)
    release.verdict(1, "合格", "", settled=True)
    expect(page.locator(".row:visible")).to_have_count(1)
    assert result.locator("option").all_inner_texts() == ["全結果", "合格 (1)", "免除 (1)", "結果なし (4)"]


def shares(place: Any) -> list[tuple[str, float]]:
    """The parts of a bar by kind, each as a share of its width."""
    found: list[tuple[str, float]] = place.evaluate(
        """bar => [...bar.children].map(part =>
            [part.dataset.kind ?? "", part.getBoundingClientRect().width / bar.getBoundingClientRect().width])"""
    )
    return [(kind, round(share, 1)) for kind, share in found]


def test_progress_is_told_in_words_and_drawn_in_parts(page: Page, release: Pretend) -> None:
    release.verdict(0, "合格", "", settled=True)
    release.verdict(1, "確認済み", "", settled=True)
    release.verdict(3, "不合格", "ありません")
    release.write(5, 確定={"checkbox": True})
    visit(page, release)
    told = page.locator(".overall .part")
    assert told.all_inner_texts() == ["合格 1", "確認済み 1", "対応不要 1", "不合格 1", "結果なし 2"]
    expect(page.get_by_role("progressbar", name="6 件中 3 件確定")).to_be_visible()
    expect(page.locator(".totals")).to_contain_text("未了 3")
    sections = page.locator(".section-head")
    assert sections.nth(0).locator(".part").all_inner_texts() == ["合格 1", "確認済み 1", "結果なし 1"]
    assert shares(sections.nth(0).locator(".bar")) == [("passed", 0.3), ("confirmed", 0.3), ("", 0.3)]
    assert shares(sections.nth(1).locator(".bar")) == [("unneeded", 0.3), ("failed", 0.3), ("", 0.3)]
    release.verdict(3, "合格", "", settled=True)
    expect(sections.nth(1).locator(".part").first).to_have_text("合格 1")
    assert shares(sections.nth(1).locator(".bar")) == [("passed", 0.3), ("unneeded", 0.3), ("", 0.3)]


def test_the_look_is_chosen_and_kept(page: Page, release: Pretend) -> None:
    page.emulate_media(color_scheme="light")
    visit(page, release)

    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = ground()
    for name in ("表示: 自動", "表示: ライト"):
        page.get_by_role("button", name=name).click()
    expect(page.get_by_role("button", name="表示: ダーク")).to_be_visible()
    dark = ground()
    assert dark != light
    page.reload()
    assert ground() == dark
    page.get_by_role("button", name="表示: ダーク").click()
    assert ground() == light
    page.emulate_media(color_scheme="dark")
    assert ground() == dark


def test_print_shows_the_checks_and_no_controls(page: Page, release: Pretend) -> None:
    release.verdict(3, "不合格", "ありません")
    visit(page, release)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".row:visible")).to_have_count(len(release.rows))
    expect(page.get_by_text("ありません", exact=True)).to_be_visible()
    for hidden in (".top", ".filters", ".more", ".closing"):
        expect(page.locator(hidden).first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.evaluate("getComputedStyle(document.querySelector('.row')).breakInside") == "avoid"


def test_a_sheet_of_paper_leaves_nothing_out(page: Page, release: Pretend) -> None:
    release.write(3, メモ={"rich_text": text("検証環境で確認済み")})
    release.verdict(3, "不合格", "ありません")
    release.write(4, 確認時刻={"date": {"start": page.evaluate("new Date().toISOString()")}})
    visit(page, release)
    row(page, release, 3).get_by_role("button", name="判断・メモ").click()
    page.get_by_role("button", name="不合格").click()
    expect(page.locator(".row:visible")).to_have_count(1)
    page.emulate_media(media="print")
    expect(page.locator(".row:visible")).to_have_count(len(release.rows))
    expect(row(page, release, 3).locator(".own")).to_contain_text("検証環境で確認済み")
    expect(row(page, release, 3).locator(".panel")).to_be_hidden()
    after = "node => getComputedStyle(node, '::after').content"
    today = page.evaluate("new Date().toLocaleDateString('sv-SE')")
    assert today in row(page, release, 4).locator("time").evaluate(after)
    page.emulate_media(media="screen")
    expect(page.locator(".row:visible")).to_have_count(1)


def test_nothing_moves_while_it_loads_or_looks(page: Page, release: Pretend) -> None:
    page.add_init_script(SHIFTS)
    release.verdict(3, "不合格", "ありません")
    visit(page, release)
    expect(page.get_by_text("チェックリスト本文")).to_be_visible()
    loaded = page.evaluate("window.shifted")
    release.verdict(0, "合格", "", settled=True)
    release.verdict(1, "不合格", "期待 600、実際 644。対処: chmod 600")
    for number, result in ((0, "合格"), (1, "不合格")):
        expect(row(page, release, number).locator(".pill")).to_have_text(result)
    assert loaded < 0.1
    assert page.evaluate("window.shifted") - loaded < 0.1


def test_nothing_moves_while_the_list_loads(page: Page, release: Pretend) -> None:
    page.add_init_script(SHIFTS)
    seen: list[bool] = []

    def look_and_go_on(route: Route) -> None:
        if not seen:
            expect(page.get_by_text("読み込み中…")).to_be_visible()
            seen.append(True)
        route.continue_()

    page.route("**/query", look_and_go_on)
    page.goto(release.server.url)
    expect(page.locator(".card")).to_have_count(1)
    expect(page.get_by_text("読み込み中…")).to_be_hidden()
    assert seen == [True]
    assert page.evaluate("window.shifted") < 0.1


def test_without_scripts_the_page_says_what_it_needs(browser: Browser, release: Pretend) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{release.server.url}/p/{release.page.replace('-', '')}")
    needs = page.locator("noscript p")
    expect(needs).to_be_visible()
    expect(needs).to_contain_text("このボードには JavaScript が必要です")
    expect(needs).to_contain_text("This board needs JavaScript")
    expect(page.get_by_text("Loading…")).to_be_hidden()
    context.close()


def cut(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text()[: len(answer.text()) // 2])


@pytest.mark.parametrize("module", ["board.js", "release.js", "words.js"])
def test_a_script_that_is_cut_off_leaves_words_on_the_page(page: Page, release: Pretend, module: str) -> None:
    page.route(f"**/board/{module}", cut)
    page.goto(f"{release.server.url}/p/{release.page.replace('-', '')}")
    expect(page.get_by_text("読み込み中…")).to_be_visible()
    expect(page.get_by_role("link", name="reload the page")).to_be_visible(timeout=20_000)
    page.unroute(f"**/board/{module}")
    page.get_by_role("link", name="reload the page").click()
    expect(page.locator(".row")).to_have_count(len(release.rows))


def test_a_late_script_shows_that_it_loads(page: Page, release: Pretend) -> None:
    seen: list[bool] = []

    def look_and_go_on(route: Route) -> None:
        expect(page.get_by_text("読み込み中…")).to_be_visible()
        seen.append(True)
        route.continue_()

    page.route("**/board/release.js", look_and_go_on)
    page.goto(f"{release.server.url}/p/{release.page.replace('-', '')}", wait_until="commit")
    expect(page.locator(".row")).to_have_count(len(release.rows))
    expect(page.get_by_text("読み込み中…")).to_be_hidden()
    assert seen == [True]


@pytest.mark.parametrize("clicks", [1, 2, 3])
def test_ticks_before_the_answer_are_neither_lost_nor_doubled(page: Page, release: Pretend, clicks: int) -> None:
    visit(page, release)
    held: list[Route] = []
    sent: list[bool] = []

    def hold(route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
            return
        written = cast("dict[str, Any]", route.request.post_data_json)
        sent.append(written["properties"]["実施済み"]["checkbox"])
        if len(sent) == 1:
            held.append(route)
        else:
            route.continue_()

    page.route(f"**/v1/pages/{release.rows[1]}", hold)
    with page.expect_request(lambda asked: asked.method == "PATCH"):
        box(page, release, 1).click(force=True)
    for _ in range(clicks - 1):
        box(page, release, 1).click(force=True)
    wanted = clicks % 2 == 1
    assert box(page, release, 1).is_checked() is wanted
    with page.expect_response(lambda answer: answer.url.endswith("/query")):
        pass
    assert box(page, release, 1).is_checked() is wanted, "a look in between takes nothing back"
    writes: list[str] = []
    page.on("requestfinished", lambda asked: writes.append(asked.url) if asked.method == "PATCH" else None)
    held[0].continue_()
    for _ in range(2):
        with page.expect_response(lambda answer: answer.url.endswith("/query")):
            pass
    expect(box(page, release, 1)).to_be_checked(checked=wanted)
    assert release.properties(1)["実施済み"]["checkbox"] is wanted
    assert sent == ([True] if clicks == 1 else [True, wanted])
    assert len(writes) == len(sent)


# --- many rows


@pytest.fixture
def large(server: Server, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    rows = tuple(
        (f"{number // 50 + 1:02} 節 {number // 50 + 1}", f"{number + 1}. 確認する") for number in range(500)
    )
    monkeypatch.setattr("tests.e2e.pretend.ROWS", rows)
    return Pretend(server).make()


def test_a_look_without_news_changes_nothing_on_500_rows(page: Page, large: Pretend) -> None:
    visit(page, large)
    looks = f"**/v1/data_sources/{large.checks}/query"
    for _ in range(5):
        page.wait_for_event("response", lambda answer: answer.url.endswith("/query"))
    page.evaluate(
        """() => {
            window.changes = []
            new MutationObserver((list) => window.changes.push(...list.map((one) => one.target.outerHTML?.slice(0, 80))))
                .observe(document.getElementById("main"), { subtree: true, childList: true, attributes: true, characterData: true })
        }"""
    )
    for _ in range(10):
        with page.expect_response(looks):
            pass
    assert page.evaluate("window.changes") == []
    large.verdict(400, "合格", "", settled=True)
    expect(row(page, large, 400).locator(".pill")).to_have_text("合格")
    assert 0 < len(page.evaluate("window.changes")) < 60


# --- axe


@dataclass
class Look:
    """A window of some size in some scheme."""

    scheme: Any
    width: int


LOOKS = [Look(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]


@pytest.fixture(params=LOOKS, ids=[f"{look.scheme}-{look.width}" for look in LOOKS])
def looking(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """Axe is brought into the page, which the board's own policy forbids."""
    look: Look = request.param
    viewport: Any = {"width": look.width, "height": 900}
    context = browser.new_context(
        locale="ja-JP", color_scheme=look.scheme, viewport=viewport, bypass_csp=True, reduced_motion="reduce"
    )
    context.add_init_script(f"localStorage.setItem('ultra-checklist-name', {SATO!r})")
    yield context
    context.close()


def violations(page: Page) -> list[str]:
    # Not among its defaults: targets of 24 pixels.
    rules = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    found = Axe().run(page, options=rules).response["violations"]
    return [f"{one['id']}: {json.dumps([node['html'][:200] for node in one['nodes'][:3]])}" for one in found]


def test_axe_finds_nothing(looking: BrowserContext, release: Pretend) -> None:
    for number, result in enumerate(RESULTS[: len(release.rows)]):
        release.verdict(number, result, "期待 600、実際 644", settled=number % 2 == 0)
    page = looking.new_page()
    page.goto(release.server.url)
    expect(page.get_by_text("v1.4.0 本番リリース")).to_be_visible()
    assert violations(page) == []
    visit(page, release)
    row(page, release, 3).get_by_role("button", name="判断・メモ").click()
    expect(row(page, release, 3).locator(".proof")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="キーボード操作").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="EN", exact=True).click()
    page.locator("#me").click()
    expect(page.get_by_role("dialog", name="Who are you?")).to_be_visible()
    assert violations(page) == []

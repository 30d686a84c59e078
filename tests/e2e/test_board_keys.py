"""The board by keyboard alone."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import row, visit
from tests.e2e.pretend import Pretend, text


def box(page: Page, release: Pretend, number: int) -> Any:
    return row(page, release, number).get_by_role("checkbox").first


def test_keys_lead_from_check_to_check(page: Page, release: Pretend) -> None:
    visit(page, release)
    page.keyboard.press("j")
    expect(box(page, release, 0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(box(page, release, 2)).to_be_focused()
    page.keyboard.press("k")
    expect(box(page, release, 1)).to_be_focused()
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.keyboard.press("Space")
    assert release.properties(1)["実施済み"]["checkbox"] is True
    page.keyboard.press("Enter")
    note = row(page, release, 1).get_by_label("メモ", exact=True)
    note.fill("")
    note.press_sequentially("jk ?f")
    expect(note).to_have_value("jk ?f")
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    page.keyboard.press("f")
    expect(page.get_by_role("combobox", name="セクション")).to_be_focused()


def test_the_keys_are_listed_in_both_languages(page: Page, release: Pretend) -> None:
    visit(page, release)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="キーボード操作")
    expect(dialog.get_by_text("次の項目へ")).to_be_visible()
    page.keyboard.press("j")
    assert page.evaluate("document.querySelector('.row:focus-within')") is None
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="EN", exact=True).click()
    page.get_by_role("button", name="Keys", exact=True).click()
    expect(page.get_by_role("dialog", name="Keys").get_by_text("To the next check")).to_be_visible()


def test_the_focus_stays_when_a_verdict_arrives(page: Page, release: Pretend) -> None:
    visit(page, release)
    page.keyboard.press("j")
    release.verdict(0, "不合格", "期待 600、実際 644")
    expect(row(page, release, 0).locator(".pill")).to_have_text("不合格")
    expect(box(page, release, 0)).to_be_focused()


def test_arrows_lead_too_but_not_out_of_fields(page: Page, release: Pretend) -> None:
    visit(page, release)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(box(page, release, 1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(box(page, release, 0)).to_be_focused()
    page.keyboard.press("/")
    section = page.get_by_role("combobox", name="セクション")
    expect(section).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(section).to_be_focused()


def test_enter_opens_and_folds_and_space_still_ticks(page: Page, release: Pretend) -> None:
    visit(page, release)
    page.keyboard.press("j")
    panel = row(page, release, 0).locator(".panel")
    page.keyboard.press("Enter")
    expect(panel).to_be_visible()
    expect(box(page, release, 0)).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel).to_be_hidden()
    page.keyboard.press("Enter")
    panel.get_by_label("メモ", exact=True).focus()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.keyboard.press("Space")
    assert release.properties(0)["実施済み"]["checkbox"] is True


def test_the_focus_can_be_seen(page: Page, release: Pretend) -> None:
    visit(page, release)
    page.keyboard.press("j")
    outline = row(page, release, 0).locator(".tick-box").evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("held", ["Control", "Alt", "Meta"])
def test_keys_pressed_with_others_are_left_alone(page: Page, release: Pretend, held: str) -> None:
    visit(page, release)
    for key in ("j", "?", "Enter"):
        # Real ones would lead Chromium elsewhere.
        page.evaluate(
            "([key, held]) => document.body.dispatchEvent(new KeyboardEvent('keydown', "
            "{ key, bubbles: true, [`${held.replace('Control', 'ctrl').toLowerCase()}Key`]: true }))",
            [key, held],
        )
    assert page.evaluate("document.querySelector('.row:focus-within, dialog[open]')") is None


def test_the_focus_goes_along_when_its_row_moves(page: Page, release: Pretend) -> None:
    visit(page, release)
    for _ in range(3):
        page.keyboard.press("j")
    expect(box(page, release, 2)).to_be_focused()
    release.write(0, 順序={"number": 9})
    release.write(2, セクション={"rich_text": text("02 環境設定の確認")}, 順序={"number": 8})
    expect(page.locator(".section").nth(1).locator(".row")).to_have_count(4)
    expect(box(page, release, 2)).to_be_focused()

"""The board in a real browser: what operators do there, and what they see."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.e2e.conftest import SATO, row, visit
from tests.e2e.pretend import HOSTILE, LONG, Pretend, Server, chosen, text


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def plain(items: list[Any]) -> str:
    return "".join(item["plain_text"] for item in items)


def test_the_first_visit_asks_for_a_name_and_a_tick_is_that_persons(browser: Browser, release: Pretend) -> None:
    context = browser.new_context(locale="ja-JP")
    page = context.new_page()
    page.goto(release.server.url)
    page.get_by_label("名前").fill(SATO)
    page.get_by_role("button", name="続ける").click()
    expect(page.locator("#me-name")).to_have_text(SATO)
    page.get_by_role("link", name="v1.4.0 本番リリース").click()
    box = row(page, release, 0).get_by_role("checkbox")
    with page.expect_response(lambda answer: answer.request.method == "PATCH") as answered:
        box.check()
    assert answered.value.request.post_data_json == {"properties": {"実施済み": {"checkbox": True}}}
    stored = release.row(0)
    assert stored["properties"]["実施済み"]["checkbox"] is True
    person = release.server.call("GET", f"users/{stored['last_edited_by']['id']}")
    assert (person["type"], person["name"]) == ("person", SATO)
    expect(row(page, release, 0).locator(".pill")).to_have_text("ワーカーの確認待ち…")
    context.close()


def test_a_known_person_can_be_chosen_and_changed(page: Page, release: Pretend) -> None:
    release.write(0, who="鈴木", メモ={"rich_text": text("確認中")})
    visit(page, release)
    page.get_by_role("button", name=f"{SATO} として操作中").click()
    page.get_by_role("button", name="鈴木").click()
    expect(page.locator("#me-name")).to_have_text("鈴木")
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        row(page, release, 1).get_by_role("checkbox").check()
    editor = release.server.call("GET", f"users/{release.row(1)['last_edited_by']['id']}")
    assert editor["name"] == "鈴木"


def test_verdicts_appear_without_a_reload_and_disturb_nobody(
    page: Page, release: Pretend, problems: list[str]
) -> None:
    visit(page, release)
    page.evaluate("window.sameDocument = true")
    row(page, release, 0).get_by_role("button", name="判断・メモ").click()
    note = row(page, release, 0).get_by_label("メモ", exact=True)
    note.press_sequentially("書きかけ")
    release.verdict(0, "不合格", "期待 600、実際 644。対処: chmod 600", settled=False)
    release.verdict(1, "合格", "", settled=True)
    expect(row(page, release, 0).locator(".pill")).to_have_text("不合格")
    expect(row(page, release, 1).locator(".pill")).to_have_text("合格")
    expect(row(page, release, 0).locator(".why")).to_contain_text("chmod 600")
    expect(page.locator(".section-count").first).to_have_text("3 件中 1 件確定")
    expect(note).to_be_focused()
    expect(note).to_have_value("書きかけ")
    assert page.evaluate("window.sameDocument") is True
    assert problems == []


def test_decision_note_date_and_approval_are_saved_each_alone(page: Page, release: Pretend) -> None:
    visit(page, release)
    bodies: list[Any] = []
    page.on("request", lambda sent: bodies.append(sent.post_data_json) if sent.method == "PATCH" else None)
    here = row(page, release, 3)
    here.get_by_role("button", name="判断・メモ").click()
    here.get_by_label("判断", exact=True).select_option("免除")
    here.get_by_label("メモ", exact=True).fill("検証環境で確認済み")
    here.get_by_label("期限", exact=True).fill("2026-12-01")
    here.get_by_label("承認", exact=True).check()
    expect(here.locator(".field-state").filter(has_text="保存しました")).to_have_count(4)
    assert sorted(name for body in bodies for name in body["properties"]) == ["メモ", "判断", "承認", "期限"]
    assert all(len(body["properties"]) == 1 for body in bodies)
    stored = release.properties(3)
    assert stored["判断"]["select"]["name"] == "免除"
    assert plain(stored["メモ"]["rich_text"]) == "検証環境で確認済み"
    assert stored["期限"]["date"]["start"] == "2026-12-01"
    assert stored["承認"]["checkbox"] is True
    here.get_by_role("button", name="判断・メモ").click()
    expect(here.locator(".own")).to_contain_text("検証環境で確認済み")


def test_a_file_can_be_attached_fetched_and_removed(page: Page, release: Pretend, tmp_path: Path) -> None:
    file = tmp_path / "deploy.log"
    file.write_text("デプロイ完了\n", encoding="utf-8")
    visit(page, release)
    here = row(page, release, 3)
    here.get_by_role("button", name="判断・メモ").click()
    here.locator("input[type=file]").set_input_files(file)
    link = here.locator(".panel").get_by_role("link", name="deploy.log.txt")
    expect(link).to_be_visible()
    with page.expect_download() as download:
        link.click()
    assert download.value.path().read_text(encoding="utf-8") == "デプロイ完了\n"
    here.get_by_role("button", name="deploy.log.txt を外す").click()
    expect(link).to_have_count(0)
    assert release.properties(3)["添付"]["files"] == []


def test_a_refused_tick_is_taken_back_with_a_message(page: Page, release: Pretend) -> None:
    visit(page, release)
    # The list is not read again, so the box of the deleted row still stands there.
    page.route("**/query", lambda route: route.abort())
    expect(page.locator("#connection")).to_be_visible()
    release.server.call("PATCH", f"pages/{release.rows[0]}", {"in_trash": True})
    box = row(page, release, 0).get_by_role("checkbox")
    box.click()
    expect(row(page, release, 0).get_by_role("alert")).to_contain_text("チェックを変更できませんでした")
    expect(box).not_to_be_checked()


def test_hostile_text_is_shown_as_text(page: Page, release: Pretend, problems: list[str]) -> None:
    release.verdict(0, "不合格", HOSTILE)
    visit(page, release)
    expect(row(page, release, 2).locator(".row-title")).to_contain_text(HOSTILE)
    expect(row(page, release, 0).locator(".why")).to_have_text(HOSTILE)
    expect(page.locator(".callout")).to_contain_text(HOSTILE)
    expect(page.locator(".honesty")).to_contain_text(HOSTILE)
    expect(page.locator(".prose td").last).to_have_text(HOSTILE)
    expect(page.locator("main img")).to_have_count(0)
    expect(page.get_by_text("悪いリンク")).to_be_visible()
    expect(page.locator("a[href^='javascript']")).to_have_count(0)
    assert LONG in row(page, release, 2).inner_text()
    assert overflow(page) == 0
    assert page.title().startswith("0/6 v1.4.0")
    assert problems == []


def test_the_page_below_the_checks(page: Page, release: Pretend) -> None:
    visit(page, release)
    hidden = page.get_by_text("折りたたまれた本文")
    expect(hidden).to_have_count(0)
    page.get_by_text("チェックリスト本文").click()
    expect(hidden).to_be_visible()
    expect(page.locator(".prose").get_by_role("link", name="チェック")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_without_scrolling_sideways(page: Page, release: Pretend, scheme: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme=scheme)
    page.goto(release.server.url)
    expect(page.locator(".card")).to_have_count(1)
    assert overflow(page) == 0
    visit(page, release)
    row(page, release, 0).get_by_role("button", name="判断・メモ").click()
    assert overflow(page) == 0
    box = row(page, release, 0).locator(".tick").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44


def test_a_lost_connection_is_told_and_comes_back(page: Page, release: Pretend) -> None:
    visit(page, release)
    bar = page.locator("#connection")
    expect(bar).to_be_hidden()
    release.server.stop()
    expect(bar).to_have_text("接続が切れました。再接続しています…", timeout=15_000)
    box = row(page, release, 0).get_by_role("checkbox")
    box.click()
    expect(row(page, release, 0).get_by_role("alert")).to_contain_text("サーバーが応答できませんでした")
    expect(box).not_to_be_checked()
    release.server.start()
    release.verdict(1, "合格", "", settled=True)
    expect(bar).to_be_hidden(timeout=15_000)
    expect(row(page, release, 1).locator(".pill")).to_have_text("合格")


def test_filters_keep_what_matters(page: Page, release: Pretend) -> None:
    release.verdict(0, "合格", "", settled=True)
    release.verdict(4, "不合格", "期待 600、実際 644")
    visit(page, release)
    page.get_by_role("button", name="不合格").click()
    expect(page.locator(".row:visible")).to_have_count(1)
    page.get_by_role("button", name="要対応").click()
    expect(page.locator(".row:visible")).to_have_count(5)
    page.reload()
    expect(page.locator(".row:visible")).to_have_count(5)


def test_words_follow_the_language_and_data_does_not(page: Page, release: Pretend) -> None:
    release.verdict(0, "合格", "", settled=True)
    visit(page, release)
    row(page, release, 1).get_by_role("button", name="判断・メモ").click()
    row(page, release, 1).get_by_label("メモ", exact=True).fill("書きかけ")
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.locator(".section-count").first).to_have_text("1 of 3 settled")
    expect(row(page, release, 0).locator(".pill")).to_have_text("合格")
    expect(row(page, release, 1).get_by_label("Note", exact=True)).to_have_value("書きかけ")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_the_end_is_asked_for_with_its_reason_first(page: Page, release: Pretend) -> None:
    visit(page, release)
    names: list[str] = []

    def note(sent: Request) -> None:
        if sent.method == "PATCH" and sent.post_data_json is not None:
            names.extend(sent.post_data_json["properties"])

    page.on("request", note)
    page.get_by_label("終了操作").select_option("中止")
    page.get_by_label("終了理由").fill("障害のため延期")
    page.get_by_role("button", name="終了を依頼する").click()
    expect(page.get_by_text("依頼済み: 中止")).to_be_visible()
    assert names == ["終了理由", "終了操作"]
    release.status("中止")
    expect(page.locator(".closing")).to_be_hidden()
    expect(row(page, release, 0).get_by_role("checkbox")).to_be_disabled()
    expect(page.get_by_role("button", name="要対応")).to_be_hidden()


def test_keys_alone_are_enough(page: Page, release: Pretend) -> None:
    visit(page, release)
    row(page, release, 0).get_by_role("checkbox").focus()
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(row(page, release, 0).get_by_label("判断", exact=True)).to_be_focused()
    assert release.properties(0)["実施済み"]["checkbox"] is True


def test_an_empty_workspace_says_what_to_do(page: Page, server: Server) -> None:
    page.goto(server.url)
    expect(page.get_by_text("ultra-checklist new v1.0.0 --local")).to_be_visible()


def test_the_list_is_newest_first_and_a_rows_own_link_leads_to_its_release(page: Page, release: Pretend) -> None:
    first = release.page
    release.release("v1.5.0 本番リリース")
    page.goto(release.server.url)
    expect(page.locator(".card-link")).to_have_text(["v1.5.0 本番リリース", "v1.4.0 本番リリース"])
    page.goto(f"{release.server.url}/p/{release.rows[4].replace('-', '')}")
    expect(row(page, release, 4)).to_be_in_viewport()
    assert first.replace("-", "") not in page.url
    page.goto(f"{release.server.url}/p/{'0' * 20}aaaaaaaaaaaa")
    expect(page.get_by_role("heading", name="このページはありません")).to_be_visible()


def test_a_draft_survives_a_change_by_somebody_else(page: Page, release: Pretend) -> None:
    visit(page, release)
    here = row(page, release, 0)
    here.get_by_role("button", name="判断・メモ").click()
    note = here.get_by_label("メモ", exact=True)
    note.press_sequentially("私の案")
    release.write(0, who="鈴木", メモ={"rich_text": text("別の案")}, 判断=chosen("免除"))
    expect(here.get_by_label("判断", exact=True)).to_have_value("免除")
    expect(here.locator(".field-note .field-state")).to_contain_text("別の案")
    expect(note).to_have_value("私の案")


def test_an_answer_in_words_alone_ends_the_waiting(page: Page, release: Pretend) -> None:
    visit(page, release)
    here = row(page, release, 0)
    here.get_by_role("checkbox").check()
    expect(here.locator(".pill")).to_have_text("ワーカーの確認待ち…")
    release.write(0, 理由={"rich_text": text("デプロイ開始後のチェックです")})
    expect(here.locator(".why")).to_have_text("デプロイ開始後のチェックです")
    expect(here.locator(".pill")).to_be_hidden()


def test_a_busy_server_is_asked_again(page: Page, release: Pretend) -> None:
    visit(page, release)
    busy: list[Route] = []

    def once(route: Route) -> None:
        if route.request.method == "PATCH" and not busy:
            busy.append(route)
            route.fulfill(
                status=429, headers={"Retry-After": "1"}, json={"code": "rate_limited", "message": "later"}
            )
        else:
            route.continue_()

    page.route("**/v1/pages/*", once)
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.status == 200):
        row(page, release, 0).get_by_role("checkbox").click()
    assert len(busy) == 1
    assert release.properties(0)["実施済み"]["checkbox"] is True

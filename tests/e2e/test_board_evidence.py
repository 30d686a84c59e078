"""What proves a check, on its row: evidence in place, and files whose links are older than they may be."""

import re

from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import row, visit
from tests.e2e.pretend import Pretend, text


def age_links(page: Page) -> None:
    """Hand the page links as if they had been signed long ago, except to whoever asks for one page or block."""

    def old(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r"expires=\d+", "expires=1000", answer.text()))

    page.route(re.compile(r"/(query|children)(\?|$)"), old)


def test_evidence_opens_in_place(page: Page, release: Pretend) -> None:
    release.verdict(3, "不合格", "ありません")
    excerpt = {"type": "code", "code": {"rich_text": text("stat: mode 0644"), "language": "plain text"}}
    release.server.call("PATCH", f"blocks/{release.rows[3]}/children", {"children": [excerpt]})
    visit(page, release)
    row(page, release, 3).get_by_role("button", name="判断・メモ").click()
    proof = row(page, release, 3).locator(".proof")
    expect(proof.get_by_text("stat: mode 0644")).to_be_visible()
    expect(proof.locator(".evidence-text")).to_have_text("sha256:4f2c9d1e8b7a6f5e")


def test_a_new_proof_appears_in_a_row_that_is_open(page: Page, release: Pretend) -> None:
    visit(page, release)
    here = row(page, release, 3)
    here.get_by_role("button", name="判断・メモ").click()
    expect(here.locator(".proof")).to_be_hidden()
    excerpt = {"type": "code", "code": {"rich_text": text("stat: mode 0644"), "language": "plain text"}}
    release.server.call("PATCH", f"blocks/{release.rows[3]}/children", {"children": [excerpt]})
    release.verdict(3, "不合格", "ありません")
    expect(here.locator(".proof").get_by_text("stat: mode 0644")).to_have_count(1)
    expect(here.locator(".evidence-text")).to_have_text("sha256:4f2c9d1e8b7a6f5e")


def test_a_row_opened_and_folded_in_haste_shows_its_evidence_once(page: Page, release: Pretend) -> None:
    excerpt = {"type": "code", "code": {"rich_text": text("stat: mode 0644"), "language": "plain text"}}
    release.server.call("PATCH", f"blocks/{release.rows[3]}/children", {"children": [excerpt]})
    visit(page, release)
    answers: list[str] = []
    page.on("response", lambda answer: answers.append(answer.url) if "/children" in answer.url else None)
    with page.expect_response(lambda _: len(answers) == 3):
        row(page, release, 3).locator(".more").evaluate("more => { for (let n = 0; n < 5; n += 1) more.click() }")
    expect(row(page, release, 3).get_by_text("stat: mode 0644")).to_have_count(1)


def test_an_unread_proof_is_told_and_read_the_next_time(page: Page, release: Pretend) -> None:
    excerpt = {"type": "code", "code": {"rich_text": text("stat: mode 0644"), "language": "plain text"}}
    release.server.call("PATCH", f"blocks/{release.rows[3]}/children", {"children": [excerpt]})
    visit(page, release)
    page.route("**/children*", lambda route: route.abort())
    here = row(page, release, 3)
    more = here.get_by_role("button", name="判断・メモ")
    more.click()
    told = here.locator(".proof").get_by_text("サーバーに接続できません")
    expect(told).to_be_visible()
    page.unroute("**/children*")
    more.click()
    more.click()
    expect(here.get_by_text("stat: mode 0644")).to_be_visible()
    expect(told).to_be_hidden()


def test_files_are_fetched_by_links_older_than_an_hour(page: Page, release: Pretend) -> None:
    server = release.server
    attached = {"name": "deploy.log.txt", **server.upload("deploy.log.txt", b"attached")}
    release.write(3, who="鈴木", 添付={"files": [attached]})
    bundle = {"name": "bundle.txt", **server.upload("bundle.txt", b"bundle")}
    server.call("PATCH", f"pages/{release.page}", {"properties": {"ファイル": {"files": [bundle]}}})
    block = {"type": "file", "file": {"name": "trace.txt", **server.upload("trace.txt", b"trace")}}
    server.call("PATCH", f"blocks/{release.rows[3]}/children", {"children": [block]})
    age_links(page)
    visit(page, release)
    here = row(page, release, 3)
    with page.expect_download() as fetched:
        here.locator(".own").get_by_role("link", name="deploy.log.txt").click()
    assert fetched.value.path().read_bytes() == b"attached"
    here.get_by_role("button", name="判断・メモ").click()
    trace = here.get_by_role("link", name="trace.txt")
    assert "expires=1000" in str(trace.get_attribute("href"))
    with page.expect_download() as fetched:
        trace.click()
    assert (fetched.value.suggested_filename, fetched.value.path().read_bytes()) == ("trace.txt", b"trace")
    with page.expect_download() as fetched:
        page.locator(".head").get_by_role("link", name="bundle.txt").click()
    assert fetched.value.path().read_bytes() == b"bundle"


def test_a_file_that_is_gone_says_so_in_place(page: Page, release: Pretend) -> None:
    attached = {"name": "deploy.log.txt", **release.server.upload("deploy.log.txt", b"attached")}
    release.write(3, who="鈴木", 添付={"files": [attached]})
    age_links(page)
    visit(page, release)
    link = row(page, release, 3).locator(".own").get_by_role("link", name="deploy.log.txt")
    expect(link).to_be_visible()
    page.route("**/query", lambda route: route.abort())
    expect(page.locator("#connection")).to_be_visible()
    release.write(3, who="鈴木", 添付={"files": []})
    link.click()
    expect(row(page, release, 3).get_by_role("alert")).to_contain_text("このファイルはもうありません")

"""The board says that the worker is dead, and does not cry wolf."""

from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it brings no types
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SATO, visit
from tests.e2e.pretend import Json, Pretend, chosen


def looked(release: Pretend, minutes: float, status: str) -> None:
    """As if the worker had looked so many minutes ago."""
    time = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="minutes")
    values: Json = {"最終確認": {"date": {"start": time}}, "状態": chosen(status)}
    release.server.call("PATCH", f"pages/{release.page}", {"properties": values})


def test_a_dead_worker_is_a_banner_in_both_languages(page: Page, release: Pretend, problems: list[str]) -> None:
    looked(release, 31, "デプロイ済み")
    visit(page, release)
    alarm = page.locator("main > .alarm")
    expect(alarm).to_contain_text("分間確認していません")
    assert Axe().run(page, "main").violations_count == 0
    page.get_by_role("button", name="EN", exact=True).click()
    expect(alarm).to_contain_text("The worker has not looked for 3")
    looked(release, 31, "完了")
    expect(alarm).to_be_hidden()
    assert problems == []


@pytest.mark.parametrize(("minutes", "status", "shown"), [
    (19, "デプロイ済み", False),
    (120, "準備中", False),
    (1500, "準備中", True),
    (1500, "中止", False),
])  # fmt: skip
def test_a_quiet_release_is_looked_at_once_a_day(
    page: Page, release: Pretend, minutes: float, status: str, shown: bool
) -> None:
    looked(release, minutes, status)
    visit(page, release)
    alarm, look = page.locator("main > .alarm"), page.locator(".head > .small:visible")
    expect(alarm).to_be_visible() if shown else expect(alarm).to_be_hidden()
    expect(look).to_have_count(int(not shown and status != "中止"))


def test_a_tick_without_an_answer_tells_it_at_once_and_the_list_does_too(page: Page, release: Pretend) -> None:
    looked(release, 120, "準備中")
    visit(page, release)
    expect(page.locator("main > .alarm")).to_be_hidden()
    # A clock that runs ahead: the tick was five minutes ago.
    release.write(0, SATO, 実施済み={"checkbox": True})
    page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=5))
    expect(page.locator("main > .alarm")).to_contain_text("分間確認していません")
    page.goto(release.server.url)
    expect(page.locator(".card .alarm")).to_contain_text("分間確認していません")

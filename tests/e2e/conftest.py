"""A browser, a server, and a release on it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from tests.e2e.pretend import Pretend, Server

SATO = "佐藤 花子"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # One a module and no longer: while Playwright runs, this thread has an event loop.
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        except Error as error:
            reason = f"Chromium does not start from {CHROMIUM}: {error}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        yield started
        started.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path).start()
    yield running
    running.stop()


@pytest.fixture
def release(server: Server) -> Pretend:
    return Pretend(server).make()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has been here before: its person is known, its language Japanese."""
    with_name = browser.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900})
    with_name.add_init_script(f"localStorage.setItem('ultra-checklist-name', {SATO!r})")
    yield with_name
    with_name.close()


@pytest.fixture
def problems() -> list[str]:
    """Errors that pages report; the test that looks at them says which it expects."""
    return []


@pytest.fixture
def page(context: BrowserContext, problems: list[str]) -> Page:
    opened = context.new_page()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    return opened


def visit(page: Page, release: Pretend) -> None:
    page.goto(f"{release.server.url}/p/v1-4-0-{release.page.replace('-', '')}")
    expect(page.locator(".row")).to_have_count(len(release.rows))


def row(page: Page, release: Pretend, number: int) -> Any:
    return page.locator(f"#row-{release.rows[number].replace('-', '')}")

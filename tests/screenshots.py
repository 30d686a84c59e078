"""The pictures in the documents, taken of what the product shows: ``scripts/screenshots`` writes them.

A demo in which one check fails is played to its end; then its board and its report are photographed in Chromium.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.generated import ROOT
from tests.shell import COMMAND

DOCS = ROOT / "docs"
DESK = (1280, 900)
PHONE = (390, 844)
BROKEN = "smoke-api"


@dataclass(frozen=True)
class Picture:
    """What is photographed, and how."""

    name: str
    of: str
    """``board`` or ``report``."""
    lang: str = "en"
    dark: bool = False
    size: tuple[int, int] = DESK


PICTURES = (
    Picture("board.png", "board"),
    Picture("board-ja-dark.png", "board", lang="ja", dark=True),
    Picture("board-phone.png", "board", size=PHONE),
    Picture("report.png", "report"),
    Picture("report-ja-phone.png", "report", lang="ja", size=PHONE),
)


def main() -> int:
    """Play the demo in both languages and take all pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for lang in ("en", "ja"):
            root = Path(folder) / lang
            environment = _play(root, lang)
            for picture in PICTURES:
                if picture.lang == lang:
                    _take(browser, picture, root, environment)
                    print(f"wrote docs/{picture.name}")
        browser.close()
    return 0


def _play(root: Path, lang: str) -> dict[str, str]:
    command = [*COMMAND, "demo", "--auto", "--break", BROKEN, "--folder", str(root), "--lang", lang]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        sys.exit(f"the demo ended with {done.returncode}, not as one in which a check fails:\n{done.stderr}")
    (home,) = (path.parent for path in root.rglob("settings.env"))
    return {**os.environ, "ULTRA_CHECKLIST_HOME": str(home)}


def _take(browser: Browser, picture: Picture, root: Path, environment: dict[str, str]) -> None:
    width, height = picture.size
    context = browser.new_context(
        locale="ja-JP" if picture.lang == "ja" else "en-GB",
        viewport={"width": width, "height": height},
        color_scheme="dark" if picture.dark else "light",
        timezone_id="Asia/Tokyo",
    )
    context.add_init_script("localStorage.setItem('ultra-checklist-name', '佐藤')")
    page = context.new_page()
    if picture.of == "board":
        _board(page, DOCS / picture.name, root, environment)
    else:
        _report(page, DOCS / picture.name, root, environment, picture.lang)
    context.close()


def _board(page: Page, target: Path, root: Path, environment: dict[str, str]) -> None:
    command = [*COMMAND, "serve", "--port", "0", "--db", str(root / "notion.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[1]
        page.goto(address)
        page.get_by_role("link", name="v1.4.0").first.click()
        page.locator(".row").last.wait_for()
        page.evaluate("document.fonts.ready")
        page.screenshot(path=target)
        server.terminate()


def _report(page: Page, picture: Path, root: Path, environment: dict[str, str], lang: str) -> None:
    target = root / "report.html"
    subprocess.run(
        [*COMMAND, "report", "v1.4.0", "-e", "production", "--format", "html", "-o", str(target), "--lang", lang],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    page.goto(target.as_uri())
    page.screenshot(path=picture)


if __name__ == "__main__":
    sys.exit(main())

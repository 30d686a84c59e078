"""The pictures in the documents, taken of what the product shows: ``scripts/screenshots`` writes them.

A demo in which one check fails is played to its end; then its board, its report and its status are photographed in
Chromium. ``scripts/screenshots --all FOLDER`` takes every combination of language, light and size, to be looked at.
"""

import argparse
import io
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.generated import ROOT
from tests.shell import COMMAND

DOCS = ROOT / "docs"
DESK = (1280, 900)
PHONE = (390, 844)
BROKEN = "smoke-api"
TERMINAL = """<!DOCTYPE html><style>
{stylesheet}
body {{ color: {foreground}; background: {background}; margin: 1em; width: max-content }}
pre {{ font: 15px/1.35 IPAGothic, monospace; margin: 0 }}
</style><pre>{code}</pre>"""
"""A page as a terminal: a Japanese character is as wide as two others."""


@dataclass(frozen=True)
class Picture:
    """What is photographed, and how."""

    name: str
    of: str
    """``board``, ``report`` or ``status``."""
    lang: str = "en"
    dark: bool = False
    size: tuple[int, int] = DESK


PICTURES = (
    Picture("board.png", "board"),
    Picture("board-ja-dark.png", "board", lang="ja", dark=True),
    Picture("board-phone.png", "board", size=PHONE),
    Picture("report.png", "report"),
    Picture("report-ja-phone.png", "report", lang="ja", size=PHONE),
    Picture("status.png", "status", dark=True),
)


def every() -> tuple[Picture, ...]:
    """Every combination."""
    sizes = {"desk": DESK, "phone": PHONE}
    return tuple(
        Picture(f"{of}-{lang}-{'dark' if dark else 'light'}-{size}.png", of, lang, dark, sizes[size])
        for of, lang, dark, size in itertools.product(
            ("board", "report", "status"), ("en", "ja"), (False, True), sizes
        )
    )


def main(arguments: Sequence[str]) -> int:
    """Play the demo in both languages and take the pictures."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots")
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every combination, into this folder")
    asked: Path | None = parser.parse_args(arguments).all
    pictures, target = (PICTURES, DOCS) if asked is None else (every(), asked)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for lang in ("en", "ja"):
            root = Path(folder) / lang
            environment = _play(root, lang)
            for picture in pictures:
                if picture.lang == lang:
                    _take(browser, picture, target / picture.name, root, environment)
                    print(f"wrote {target / picture.name}")
        browser.close()
    return 0


def _play(root: Path, lang: str) -> dict[str, str]:
    command = [*COMMAND, "demo", "--auto", "--break", BROKEN, "--folder", str(root), "--lang", lang]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        sys.exit(f"the demo ended with {done.returncode}, not as one in which a check fails:\n{done.stderr}")
    (home,) = (path.parent for path in root.rglob("settings.env"))
    return {**os.environ, "ULTRA_CHECKLIST_HOME": str(home)}


def _take(browser: Browser, picture: Picture, file: Path, root: Path, environment: dict[str, str]) -> None:
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
        _board(page, file, root, environment)
    elif picture.of == "report":
        _report(page, file, root, environment, picture.lang)
    else:
        _status(page, file, environment, picture)
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


def _status(page: Page, file: Path, environment: dict[str, str], picture: Picture) -> None:
    """What a terminal shows, as wide as the picture can hold."""
    columns = 44 if picture.size == PHONE else 110
    more = {"FORCE_COLOR": "1", "COLUMNS": str(columns), "TERM": "xterm-256color"}
    done = subprocess.run(
        [*COMMAND, "status", "v1.4.0", "-e", "production", "--lang", picture.lang],
        env=environment | more, check=True, capture_output=True, text=True,
    )  # fmt: skip
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(done.stdout), soft_wrap=True)
    theme = SVG_EXPORT_THEME if picture.dark else DEFAULT_TERMINAL_THEME
    page.set_content(console.export_html(theme=theme, code_format=TERMINAL))
    page.screenshot(path=file, full_page=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The whole thing: a person ticks a box in a real browser, a real worker proves it, the verdict comes by itself."""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.shell import Served


def test_a_tick_in_the_browser_is_proved(served: Served, browser: Browser, tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text("APP_ENV=production\n")
    env.chmod(0o644)
    served.ok("init", "--lang", "ja")
    address = served.ok("new", "v1.0.0", f"--var=ENV_FILE={env}").strip()
    command = [sys.executable, "-m", "ultra_checklist", "sync", "--watch", "0.3"]
    with subprocess.Popen(command, env=served.full_environment(), stderr=subprocess.DEVNULL) as watching:
        page = browser.new_page(locale="ja-JP")
        page.goto(address)
        page.locator("dialog[open] input").first.fill("佐藤")
        page.keyboard.press("Enter")
        line = page.locator("li.row", has_text="パーミッション")
        line.locator("label.tick").click()
        expect(line).to_contain_text("不合格", timeout=15_000)
        expect(line).to_contain_text("0644")
        expect(line).to_contain_text("chmod 600")
        env.chmod(0o600)
        expect(line).to_contain_text("合格", timeout=15_000)
        expect(line).not_to_contain_text("不合格", timeout=15_000)
        expect(line).to_contain_text("佐藤")
        page.close()
        watching.terminate()
        assert watching.wait(timeout=10) == 0
    assert served.row("env-mode", key="キー")["properties"]["確定"]["checkbox"] is True

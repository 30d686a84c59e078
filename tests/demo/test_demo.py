"""The demo: the pretend production is real enough, and every sabotage breaks what it says."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ultra_checklist.demo.sabotage import BREAKS
from ultra_checklist.demo.world import NEW, OLD, World, pretend_production
from ultra_checklist.template import load

TEMPLATE = Path(__file__).parent.parent.parent / "templates" / "production_release.md"


def answer(world: World) -> dict[str, str]:
    with urllib.request.urlopen(world.url) as found:
        body: dict[str, str] = json.load(found)
        return body


def test_the_deploy_brings_the_new_commit_and_leaves_the_checkout_clean(tmp_path: Path) -> None:
    with pretend_production(tmp_path) as world:
        old, new = world.git("rev-parse", OLD), world.git("rev-parse", NEW)
        assert answer(world)["commit"] == old
        assert (world.checkout / ".env.production").stat().st_mode & 0o777 == 0o600
        done = subprocess.run(world.deploying(), capture_output=True, text=True, check=True)
        assert answer(world)["commit"] == new
        assert world.git("rev-parse", "HEAD") == new
        assert world.git("status", "--porcelain") == ""
        assert NEW in done.stdout
        pid = world.backend.pid
    assert not Path(f"/proc/{pid}").exists()


def test_a_push_to_main_moves_the_branch_alone(tmp_path: Path) -> None:
    with pretend_production(tmp_path) as world:
        before = world.git("rev-parse", "origin/main")
        world.push_to_main()
        assert world.git("rev-parse", "origin/main") != before
        assert world.git("rev-parse", NEW) == before


def test_every_item_with_a_probe_can_be_broken() -> None:
    assert list(BREAKS) == [item.id for item in load(TEMPLATE).items if item.probes]


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NOTION_", "ULTRA_"))}
    return subprocess.run(
        [sys.executable, "-m", "ultra_checklist", "demo", "--auto", "--lang", "en", *arguments],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip


def test_the_story_ends_with_a_completed_release() -> None:
    done = demo()
    assert done.returncode == 0, done.stderr
    for item in load(TEMPLATE).items:
        assert item.title[:20] in done.stdout.replace("\n", "")
    assert "Status: Complete" in done.stdout
    assert "Commit: " in done.stdout
    assert "Page: http://127.0.0.1:" in done.stdout
    assert "35 = 14 proved, 19 a person's word, 2 n/a" in done.stdout


@pytest.mark.parametrize("item", BREAKS)
def test_a_sabotaged_item_stops_the_release(item: str) -> None:
    done = demo("--break", item)
    assert done.returncode == 1, done.stderr
    assert "Status: Complete" not in done.stdout
    assert f"✘ {item}: Failed" in done.stderr
    if item == "env-mode":
        assert "expected 0600, seen 0644" in done.stderr
        assert "chmod 600" in done.stderr


def test_what_went_wrong_is_rolled_back_and_completes_at_the_second_attempt() -> None:
    done = demo("--break", "smoke-api", "--rollback")
    assert done.returncode == 0, done.stderr
    assert "✘ smoke-api: Failed" in done.stderr
    first, second = done.stdout.split("Status: ")[1:]
    assert first.startswith("Rolled back")
    assert second.startswith("Complete")
    assert "Passed" in next(line for line in done.stdout.splitlines() if "必要に応じてロールバックを実行" in line)

"""The demo: what its people do, from the first tick to the last, and that every sabotage stops them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ultra_checklist.demo.sabotage import breaks, chosen, names
from ultra_checklist.template import load

TEMPLATE = Path(__file__).parent.parent.parent / "templates" / "production_release.md"
PROVED = [item.id for item in load(TEMPLATE).items if item.probes]
FEW = ("repo-clean:edited", "deploy-script:pid", *(n for n in names() if n.startswith("smoke-notion-flow:")))
"""The whole release is played for these; test_matrix.py plays the others, each on its own; `SABOTAGE=all` plays it for all."""
CHOSEN = [name for name in names() if name in FEW or os.environ.get("SABOTAGE") == "all"]
COMMAND = [sys.executable, "-m", "ultra_checklist", "demo", "--lang", "en"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("NOTION_", "ULTRA_"))}


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--auto", *arguments], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )


def test_the_story_ends_with_a_completed_release(tmp_path: Path) -> None:
    done = demo("--folder", str(tmp_path / "here"))
    assert done.returncode == 0, done.stderr
    for item in load(TEMPLATE).items:
        assert item.title[:20] in done.stdout.replace("\n", "")
    assert "Status: Complete" in done.stdout
    assert "Commit: " in done.stdout
    assert "Page: http://127.0.0.1:" in done.stdout
    words = [item for item in load(TEMPLATE).items if not item.probes and item.when is None]
    shown = sum(bool(item.evidence) for item in words)
    told = f"{shown} with evidence, {len(words) - shown} a person's word, 2 n/a"
    assert f"35 = {len(PROVED) - 1} proved, {told}" in done.stdout
    assert "WATCH_MINUTES=" in done.stderr
    bundles = sorted(path.parent.parent.parent.name for path in (tmp_path / "here" / "state").rglob("bundle.tar"))
    assert bundles == ["production-release", "staging-release"]


def test_every_item_that_is_proved_can_be_broken() -> None:
    assert [item for item in PROVED if item not in breaks()] == []
    items = [item.id for item in load(TEMPLATE).items]
    assert [item for item in breaks() if item not in items] == []
    assert list(breaks()) == sorted(breaks(), key=items.index)


@pytest.mark.parametrize("name", CHOSEN)
def test_a_sabotaged_item_stops_the_release(name: str) -> None:
    known = chosen(name)
    assert known is not None
    item, act = known
    done = demo("--break", name)
    assert done.returncode == 1, done.stderr
    assert "Status: Complete" not in done.stdout
    why = next((line for line in done.stderr.splitlines() if line.startswith(f"✘ {item}: {act.result}")), "")
    assert why, done.stderr
    assert [name for name in act.names if name not in why] == []


def test_what_went_wrong_is_rolled_back_and_completes_at_the_second_attempt() -> None:
    done = demo("--break", "smoke-api", "--rollback")
    assert done.returncode == 0, done.stderr
    assert "✘ smoke-api: Failed" in done.stderr
    first, second = done.stdout.split("Status: ")[1:]
    assert first.startswith("Rolled back")
    assert second.startswith("Complete")
    assert "Passed" in next(line for line in done.stdout.splitlines() if "必要に応じてロールバックを実行" in line)


def test_the_list_of_sabotages_names_each_once() -> None:
    done = demo("--list-breaks")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(names())
    assert len(set(names())) == len(list(names()))


@pytest.mark.parametrize("name", ["env-mode:nonsense", "nonsense", "nonsense:readable", ":readable"])
def test_a_sabotage_that_there_is_not_is_refused_with_those_that_there_are(name: str) -> None:
    done = demo("--break", name)
    assert done.returncode == 2
    assert "env-mode" in done.stderr
    assert chosen(name) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_of_it_ends_with_the_demo(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--folder", str(tmp_path / "here")],
        stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "Ctrl-C" in line:
                break
        process.send_signal(number)
        process.stderr.read()
        assert process.wait() == 0
    assert left(tmp_path) == []


def test_it_ends_in_the_midst_of_the_play_too(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--auto", "--folder", str(tmp_path / "here")],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "ticks:" in line:
                break
        process.terminate()
        process.stderr.read()
        assert process.wait() == 130
    assert left(tmp_path) == []


def left(folder: Path) -> list[str]:
    """Command lines of processes that still speak of a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found

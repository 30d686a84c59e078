"""One worker a state folder: races, kills, hung passes."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.shell import COMMAND, Served
from ultra_checklist.worker import AT_WORK, QUIET, Busy, Pace, hold, watch


def test_a_thousand_races_and_a_thousand_kills(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.races", str(tmp_path), "1000"], capture_output=True, text=True, check=False
    )
    expected = "1000 races of 8: 0 overlaps, 0 without a winner; 1000 kills: 0 stale locks\n"
    assert (done.stderr, done.stdout) == ("", expected)


def test_the_lock_is_refused_while_it_is_held(tmp_path: Path) -> None:
    with (
        hold(tmp_path, wait=False),
        pytest.raises(Busy, match="another pass is running"),
        hold(tmp_path, wait=False),
    ):
        pass
    with hold(tmp_path, wait=False), hold(tmp_path, wait=False, name="making"):
        assert (tmp_path / "making.lock").exists()


def test_a_watch_hurries_while_people_work_and_slows_down_when_they_are_gone() -> None:
    pace = Pace(1.0)
    assert pace.wait(0.0, news=False) == 1.0
    assert pace.wait(AT_WORK - 1, news=False) == 1.0
    waits = [pace.wait(AT_WORK * n, news=False) for n in range(1, 8)]
    assert waits == [2.0, 4.0, 8.0, QUIET, QUIET, QUIET, QUIET]
    assert pace.wait(1e9, news=False) == QUIET
    assert pace.wait(1e9 + 1, news=True) == 1.0
    assert pace.wait(1e9 + 2, news=False) == 1.0


def test_a_watch_that_was_asked_to_be_slow_is_never_faster() -> None:
    pace = Pace(60.0)
    assert {pace.wait(AT_WORK * n, news=False) for n in range(9)} == {60.0}


def test_a_watch_is_woken_and_stopped_at_once(tmp_path: Path) -> None:
    async def run() -> int:
        stop, wake, passes = asyncio.Event(), asyncio.Event(), list[int]()

        async def one_pass() -> bool:
            passes.append(len(passes))
            (stop if len(passes) == 5 else wake).set()
            return False

        async with asyncio.timeout(60):
            await watch(tmp_path, one_pass, every=3600.0, stop=stop, wake=wake)
        return len(passes)

    assert asyncio.run(run()) == 5


def test_what_goes_wrong_inside_is_not_taken_for_a_held_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), hold(tmp_path, wait=False):
        raise BlockingIOError


TEMPLATE = """---
checklist: small
title: Small
lang: en
---
## 1. Now
```yaml section
id: now
```
- [ ] It answers
  ```yaml check
  id: answers
  probes:
    - command: {run: [sleep, "600"], exit: 0, timeout: 900}
  ```
- [ ] A word
  ```yaml check
  id: word
  ```
"""


def test_a_hung_probe_costs_its_check_and_nothing_else(served: Served) -> None:
    """It outlives half of the pass: cannot tell. The others are judged, and the pass ends in time."""
    served.ok("init")
    (served.folder / "small.md").write_text(TEMPLATE)
    served.ok("new", "v1", "-t", "small.md")
    served.tick("answers")
    served.tick("word")
    began = time.monotonic()
    served.ok("sync", ULTRA_CHECKLIST_DEADLINE="10")
    assert time.monotonic() - began < 60
    assert (served.result("answers"), served.result("word")) == ("Can't tell", "Confirmed")


def test_a_pass_that_overruns_lets_the_next_one_go_home(served: Served) -> None:
    served.ok("init")
    (served.folder / "small.md").write_text(TEMPLATE)
    served.ok("new", "v1", "-t", "small.md")
    served.tick("answers")
    environment = served.full_environment() | {"ULTRA_CHECKLIST_DEADLINE": "30"}
    with subprocess.Popen([*COMMAND, "sync"], env=environment, cwd=served.folder) as slow:
        while (sleeping := _sleepers(slow.pid)) == []:
            assert slow.poll() is None
        second = served.run("sync")
        assert (second.returncode, second.stderr) == (0, "another pass is running with this state folder\n")
        slow.send_signal(signal.SIGKILL)
        slow.wait()
    # Its probe lives on, and holds nothing.
    third = served.run("sync", ULTRA_CHECKLIST_DEADLINE="10")
    assert third.returncode == 0
    assert served.result("answers") == "Can't tell"
    for pid in sleeping:
        os.kill(pid, signal.SIGKILL)


def _sleepers(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status, command = (entry / "status").read_text(), (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if re.search(rf"^PPid:\t{parent}$", status, re.MULTILINE) and command == b"sleep\x00600\x00":
                found.append(int(entry.name))
    return found

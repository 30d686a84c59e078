"""Several machines that share nothing but Notion: each is asked through the table of hosts, and answers for itself."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.shell import COMMAND, Served, Shell, serving

LIST = """---
checklist: fleet
title: Fleet
lang: en
gates:
  deploy: {sections: [now]}
---

## 1. Now
```yaml section
id: now
```
- [ ] Here
  ```yaml check
  id: here
  probes:
    - file: {path: "${MARK}", contains: good}
  ```
- [ ] On web-1
  ```yaml check
  id: one
  runs_on: web-1
  max_age: 1ms
  probes:
    - file: {path: "${MARK}", contains: good}
  ```
- [ ] On both
  ```yaml check
  id: both
  runs_on: {all: [web-1, web-2]}
  probes:
    - file: {path: "${MARK}", contains: good}
  ```
- [ ] On either
  ```yaml check
  id: either
  runs_on: {any: [web-1, web-2]}
  probes:
    - file: {path: "${MARK}", contains: good}
  ```
"""
VARIABLES = "vars:\n  MARK: {help: a file that says how it is}\n"


@dataclass
class Fleet:
    """The machine where the release is at home, and two more."""

    notion: Served
    machines: dict[str, Shell]

    def sync(self, *names: str) -> None:
        for name in names:
            self.machines[name].ok("sync")

    def state(self, machine: str, text: str) -> None:
        (self.machines[machine].folder / "mark").write_text(text, encoding="utf-8")

    def why(self, item: str) -> str:
        text = self.notion.row(item)["properties"]["Why"]["rich_text"]
        return "".join(part["plain_text"] for part in text)

    def results(self) -> dict[str, str]:
        return {item: self.notion.result(item) for item in ("here", "one", "both", "either")}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with serving(tmp_path) as notion:
        machines: dict[str, Shell] = {}
        for name in ("home", "web-1", "web-2"):
            folder = tmp_path / name
            (folder / "templates").mkdir(parents=True)
            (folder / "templates" / "fleet.md").write_text(
                LIST.replace("lang: en\n", f"lang: en\n{VARIABLES}", 1), encoding="utf-8"
            )
            settings = {
                **notion.environment,
                "ULTRA_CHECKLIST_HOST": name,
                "ULTRA_CHECKLIST_TEMPLATES": str(folder / "templates"),
                "ULTRA_CHECKLIST_VAR_MARK": str(folder / "mark"),
            }
            machines[name] = Shell(folder, settings)
            machines[name].ok("init")
            (folder / "mark").write_text("good\n", encoding="utf-8")
        notion.folder = tmp_path / "home"
        machines["home"].ok("new", "v1", "-t", "fleet")
        yield Fleet(notion, machines)


def test_each_machine_answers_for_itself(fleet: Fleet) -> None:
    for item in fleet.results():
        fleet.notion.tick(item)
    fleet.sync("home")
    assert fleet.results() == {"here": "Passed", "one": "", "both": "", "either": ""}
    assert fleet.why("one") == ""
    assert "asked web-1, no answer yet" in fleet.machines["home"].ok("status", "v1", "--all")
    fleet.sync("web-1", "home")
    assert fleet.results() == {"here": "Passed", "one": "Passed", "both": "", "either": "Passed"}
    fleet.sync("web-2", "home")
    assert fleet.results()["both"] == "Passed"
    assert fleet.why("one").startswith("web-1: ")


def test_a_check_over_several_hosts_tells_each(fleet: Fleet) -> None:
    fleet.state("web-2", "bad\n")
    for item in ("both", "either"):
        fleet.notion.tick(item)
    fleet.sync("home", "web-1", "web-2", "home")
    assert (fleet.notion.result("both"), fleet.notion.result("either")) == ("Failed", "Passed")
    assert "web-2: " in fleet.why("both") and "web-1: " in fleet.why("both")
    fleet.state("web-2", "good\n")
    fleet.sync("home", "web-1", "web-2", "home")
    assert fleet.notion.result("both") == "Passed"


def test_a_tick_that_is_taken_back_is_not_proved_by_what_comes_late(fleet: Fleet) -> None:
    fleet.notion.tick("one")
    fleet.sync("home", "web-1")
    fleet.state("web-1", "bad\n")
    fleet.notion.tick("one", ticked=False)
    fleet.sync("home")
    fleet.notion.tick("one")
    fleet.sync("home")
    assert fleet.notion.result("one") == ""
    fleet.sync("web-1", "home")
    assert fleet.notion.result("one") == "Failed"


@contextmanager
def watching(*machines: Shell) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Workers that go on until the block ends."""
    with ExitStack() as running:
        workers = [
            running.enter_context(
                subprocess.Popen(
                    [*COMMAND, "sync", "--watch"],
                    env=machine.full_environment(),
                    cwd=machine.folder,
                    stderr=subprocess.DEVNULL,
                )
            )
            for machine in machines
        ]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.kill()


def until(fleet: Fleet, item: str, result: str) -> None:
    for _ in range(600):
        if fleet.notion.result(item) == result:
            return
        time.sleep(0.05)
    raise AssertionError(f"{item}: {fleet.notion.result(item)!r}, {fleet.why(item)!r}")


def test_three_workers_bring_a_release_to_its_end(fleet: Fleet) -> None:
    home, one, two = fleet.machines.values()
    with watching(home, one, two) as workers:
        for item in fleet.results():
            fleet.notion.tick(item)
        until(fleet, "both", "Passed")
        # Whoever is killed goes on where it was; the others do not wait for it.
        workers[0].kill()
        workers[1].kill()
    with watching(one, two):
        # What is older than max_age is asked again, and waited for.
        home.ok("gate", "v1")
        home.ok("close", "v1", "--as", "complete")
    assert "Complete" in home.ok("status", "v1")


def test_a_gate_stays_closed_where_a_host_is_silent(fleet: Fleet) -> None:
    for item in fleet.results():
        fleet.notion.tick(item)
    fleet.sync("home", "web-1", "web-2", "home")
    assert set(fleet.results().values()) == {"Passed"}
    done = fleet.machines["home"].run("gate", "v1", "--wait", "4")
    assert done.returncode == 3
    assert "not looked at within max_age: one" in done.stdout + done.stderr


def test_what_somebody_types_into_the_table_says_nothing(fleet: Fleet) -> None:
    fleet.notion.tick("one")
    fleet.sync("home")
    workspace = json.loads((fleet.machines["home"].home / "workspace.json").read_text())
    rows = fleet.notion.call("POST", f"data_sources/{workspace['hosts']}/query", {}, who="Sato")["results"]
    (row,) = [row for row in rows if row["properties"]["Tasks"]["rich_text"]]
    for column in ("Tasks", "Answers"):
        content = {"rich_text": [{"text": {"content": '{"answers": "x", "tasks": "x", "mac": "y"}'}}]}
        fleet.notion.call("PATCH", f"pages/{row['id']}", {"properties": {column: content}}, who="Sato")
    fleet.sync("web-1", "home")
    assert fleet.notion.result("one") == ""


def test_check_looks_at_what_is_here_and_names_who_looks_for_itself(fleet: Fleet) -> None:
    fleet.state("web-1", "bad\n")
    told = json.loads(fleet.machines["web-1"].run("check", "fleet", "--format", "json").stdout)
    found = {item["id"]: [(v.get("host"), v["outcome"]) for v in item["verdicts"]] for item in told["checks"]}
    assert found["one"] == [(None, "fail")]
    assert found["both"] == [("web-1", "fail"), ("web-2", "unknown")]
    assert found["either"] == [("web-1", "fail"), ("web-2", "unknown")]
    said = fleet.machines["home"].run("check", "fleet", "one").stdout
    assert "it looks on web-1, not here" in said


def test_asking_costs_five_requests_more(fleet: Fleet) -> None:
    def counted(*ticks: str) -> int:
        """Requests of three passes: at home, where is looked, and at home again."""
        for item in ticks:
            fleet.notion.tick(item)
        before = len(fleet.notion.requests())
        fleet.sync("home", "web-1", "home")
        return len(fleet.notion.requests()) - before

    # Each looks for ticks and for what it is asked.
    assert counted() == 6
    assert counted("here") == 6 + 1
    assert counted("one") == 6 + 1 + 5
    assert fleet.notion.result("one") == "Passed"


def test_an_ending_that_needs_nobody_waits_for_nobody(fleet: Fleet) -> None:
    home = fleet.machines["home"]
    fleet.notion.tick("one")
    fleet.sync("home")
    done = home.run("close", "v1", "--as", "aborted", "--reason", "not today")
    assert done.returncode == 0
    assert "waiting for the answer" not in done.stderr


def test_for_whom_a_gate_waits_is_said(fleet: Fleet) -> None:
    fleet.notion.tick("one")
    done = fleet.machines["home"].run("gate", "v1", "--wait", "2")
    assert "waiting for the answer of: web-1" in done.stderr

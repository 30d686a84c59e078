"""The README, the tutorial and the guide do what they say: every block of commands is run, in order, as it stands."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.generated import ROOT
from tests.shell import Served, free_port, serving

NOTES = re.compile(r"^<!-- (.*?) -->$")
FENCE = re.compile(r"^(`{3,})(\w*)$")
PORTS = ("8765", "8642")


@dataclass
class Block:
    """A fenced block, with what the comment above it says about it."""

    line: int
    language: str
    text: str
    note: str = ""


@dataclass
class Ticks:
    """Boxes that the reader is asked to tick."""

    items: list[str]


def steps(path: Path) -> Iterator[Block | Ticks]:
    """What a reader does, from top to bottom."""
    note, fence, start, lines = "", "", 0, list[str]()
    language = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        opening = FENCE.match(line)
        if fence:
            if line == fence:
                yield Block(start, language, "\n".join(lines) + "\n", note)
                fence, note = "", ""
            else:
                lines.append(line)
        elif opening is not None:
            fence, language = opening.groups()
            start, lines = number, []
        elif (said := NOTES.match(line)) is not None:
            note = said[1]
            if note.startswith("tick: "):
                yield Ticks(note.removeprefix("tick: ").split())
                note = ""


@dataclass
class Reader:
    """Somebody who types what the page says."""

    page: str
    notion: Served
    folder: Path
    ports: dict[str, str]
    jobs: ExitStack
    ran: int = 0
    last: str = ""

    def environment(self) -> dict[str, str]:
        ours = self.folder / "bin"
        settings = self.notion.full_environment()
        return settings | {"PATH": f"{ours}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.folder)}

    def do(self, block: Block) -> None:
        where = f"{self.page}:{block.line}"
        if block.note.startswith("file: "):
            (self.folder / block.note.removeprefix("file: ")).write_text(self._here(block.text))
        elif block.language == "text":
            for line in block.text.splitlines():
                wanted = ".*".join(re.escape(part) for part in self._here(line).split("…"))
                assert re.search(wanted, self.last), f"{where}: {line!r} is not in\n{self.last}"
        elif block.language == "sh" and not block.note.startswith(("tested by ", "only shown")):
            self.ran += 1
            if block.note == "in the background":
                self._start(block, where)
            else:
                self._run(block, where)

    def _here(self, text: str) -> str:
        for port, free in self.ports.items():
            text = text.replace(port, free)
        return text

    def _run(self, block: Block, where: str) -> None:
        wanted = int(block.note.removeprefix("exit: ")) if block.note.startswith("exit: ") else 0
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._here(block.text)],
            cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        self.last = done.stdout + done.stderr
        assert done.returncode == wanted, f"{where}: exit {done.returncode}\n{self.last}"

    def _start(self, block: Block, where: str) -> None:
        process = subprocess.Popen(
            ["bash", "-c", self._here(re.sub(r"checklist serve\b", f"checklist serve --port {PORTS[1]}", block.text))],
            cwd=self.folder, env=self.environment() | {"PYTHONUNBUFFERED": "1", "ULTRA_CHECKLIST_LOCAL": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.jobs.callback(self._end, process)
        assert process.stdout is not None
        self.last = process.stdout.readline()
        assert self.last, f"{where}: it said nothing and ended"

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)

    def tick(self, items: list[str]) -> None:
        """Tick boxes on the board that the page has opened."""
        there = Served(self.folder, url=f"http://127.0.0.1:{self.ports[PORTS[1]]}")
        for source in there.call("POST", "search", {"filter": {"property": "object", "value": "data_source"}})[
            "results"
        ]:
            for row in there.call("POST", f"data_sources/{source['id']}/query", {}, who="Sato")["results"]:
                if "Done" not in row["properties"]:
                    continue
                key = "".join(t["plain_text"] for t in row["properties"]["Key"]["rich_text"])
                if key.rpartition("/")[2] in items:
                    there.call(
                        "PATCH", f"pages/{row['id']}", {"properties": {"Done": {"checkbox": True}}}, who="Sato"
                    )


@pytest.fixture
def jobs() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def reader(page: str, tmp_path: Path, jobs: ExitStack) -> Reader:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ultra-checklist"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ultra_checklist "$@"\n')
    program.chmod(0o755)
    notion = jobs.enter_context(serving(tmp_path))
    return Reader(page, notion, tmp_path, {port: str(free_port()) for port in PORTS}, jobs)


PRODUCTION = """---
checklist: production-release
title: Production
lang: en
gates:
  deploy: {sections: [before], guards: [deploy-script]}
---
## 1. Before
```yaml section
id: before
until: deploy
```
- [ ] All agree
  ```yaml check
  id: agreed
  ```
## 2. Deploy
- [ ] It was deployed
  ```yaml check
  id: deploy-script
  deploys: true
  probes:
    - run: {log: true}
  ```
## 3. After
```yaml section
id: after
after: deploy
```
- [ ] It was taken back
  ```yaml check
  id: rollback-done
  when: {failed: [after]}
  probes:
    - run: {}
  ```
"""


def as_the_guide_has_it(at: Reader) -> None:
    """A release of before and one that runs, and the scripts that the guide's examples name."""
    (at.folder / "templates").symlink_to(ROOT / "templates")
    (at.folder / "docs").symlink_to(ROOT / "docs")
    (at.folder / "scripts").mkdir()
    for name in ("deploy.sh", "deploy_production_backend.sh"):
        (at.folder / "scripts" / name).write_text("#!/bin/sh\necho deployed $1\n")
        (at.folder / "scripts" / name).chmod(0o755)
    (at.folder / ".env.staging").write_text("NOTION_TOKEN=one-of-staging\n")
    (at.folder / "ours.md").write_text(PRODUCTION)
    at.notion.ok("init")
    at.notion.ok("new", "v1.3.0", "-t", "ours.md")
    at.notion.ok("close", "v1.3.0", "--as", "aborted", "--reason", "not this one")
    at.notion.ok("new", "v1.4.0", "-t", "ours.md")
    row = at.notion.row("v1.4.0/agreed")
    at.notion.call("PATCH", f"pages/{row['id']}", {"properties": {"Done": {"checkbox": True}}}, who="Sato")


def with_settings_of_its_own(at: Reader) -> None:
    """The page writes settings files, and the environment wins over those."""
    at.notion.environment.clear()


PAGES = {
    "README.md": None,
    "docs/tutorial.md": None,
    "docs/guide.md": as_the_guide_has_it,
    "docs/hosts.md": with_settings_of_its_own,
}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_commands_does_what_the_page_says(page: str, tmp_path: Path, jobs: ExitStack) -> None:
    at = reader(page, tmp_path, jobs)
    prepare = PAGES[page]
    if prepare is not None:
        prepare(at)
    for step in steps(ROOT / page):
        if isinstance(step, Ticks):
            at.tick(step.items)
        else:
            at.do(step)
    assert at.ran > 0


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_here_is_run_elsewhere(page: str) -> None:
    for step in steps(ROOT / page):
        if isinstance(step, Block) and step.note.startswith("tested by "):
            assert (ROOT / step.note.removeprefix("tested by ")).is_file(), f"{page}:{step.line}"

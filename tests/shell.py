"""The command line as a person has it, for tests: real processes, a state folder, a local Notion over HTTP."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ultra_checklist.cli import boundary, main

COMMAND = [sys.executable, "-m", "ultra_checklist"]
PARENT = "00000000-0000-4000-8000-000000000001"
SMALL = """---
checklist: small
title: Small
lang: en
---
## 1. Now
```yaml section
id: now
```
- [ ] It is there
  ```yaml check
  id: there
  probes:
    - command: {run: ["true"], exit: 0}
  ```
- [ ] A word
  ```yaml check
  id: word
  ```
- [ ] Another word
  ```yaml check
  id: another
  ```
"""
"""A checklist of three items; the first one is proved by a program that is everywhere."""

GATED = SMALL.replace("lang: en\n", "lang: en\ngates:\n  deploy: {sections: [now]}\n", 1)
"""The same with a gate that asks for all of it."""


def free_port() -> int:
    """A port of the loopback that nobody holds."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def leave(arguments: Sequence[str]) -> int:
    """Run a command within this process; returns the exit code that it leaves with."""
    codes = main.GUARDS.get(arguments[0], boundary.ORDINARY)
    try:
        boundary.run(
            lambda: main.cli.main(args=list(arguments), prog_name="ultra-checklist", standalone_mode=False), codes
        )
    except SystemExit as left:
        return int(left.code or 0)


@dataclass
class Shell:
    """Runs commands with one state folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def full_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH") if name in os.environ}
        return kept | {"ULTRA_CHECKLIST_HOME": str(self.home), "LANG": "C.UTF-8"} | self.environment

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = self.full_environment() | more
        return subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, env=environment, cwd=self.folder, check=False
        )

    def ok(self, *arguments: str, **more: str) -> str:
        done = self.run(*arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout


@dataclass
class Served(Shell):
    """The same with the local Notion in a process of its own."""

    url: str = ""
    log: Path = Path()

    def call(self, method: str, path: str, body: Any = None, *, who: str = "") -> Any:
        token = f"ntn_person_{who}" if who else "ntn_local_test"
        headers = {"Authorization": f"Bearer {token}", "Notion-Version": "2026-03-11"}
        answer = httpx.request(method, f"{self.url}/v1/{path}", headers=headers, json=body, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().split("\n") if line]

    def row(self, item: str, key: str = "Key") -> Any:
        workspace = json.loads((self.home / "workspace.json").read_text())
        pages = self.call("POST", f"data_sources/{workspace['checks']}/query", {}, who="Sato")["results"]
        return next(p for p in pages if p["properties"][key]["rich_text"][0]["plain_text"].endswith(f"/{item}"))

    def set(self, item: str, properties: Mapping[str, Any], who: str = "Sato") -> None:
        self.call("PATCH", f"pages/{self.row(item)['id']}", {"properties": dict(properties)}, who=who)

    def tick(self, item: str, ticked: bool = True, who: str = "Sato") -> None:
        self.set(item, {"Done": {"checkbox": ticked}}, who)

    def result(self, item: str) -> str:
        chosen = self.row(item)["properties"]["Result"]["select"]
        return chosen["name"] if chosen else ""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@contextmanager
def serving(tmp_path: Path, *options: str) -> Iterator[Served]:
    """The local Notion as a command of its own, with more options for it."""
    log = tmp_path / "requests.jsonl"
    command = [*COMMAND, "serve", "--port", "0", "--db", str(tmp_path / "notion.db"), "--request-log", str(log)]
    command += options
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"ULTRA_CHECKLIST_HOME": str(tmp_path / "server")},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready ")
        url = line.split()[1]
        settings = {"NOTION_TOKEN": "ntn_local_test", "NOTION_BASE_URL": url, "NOTION_PARENT_PAGE_ID": PARENT}
        try:
            yield Served(tmp_path, settings, url=url, log=log)
        finally:
            process.terminate()
        assert process.wait(timeout=10) == 0

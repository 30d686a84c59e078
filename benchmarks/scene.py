"""A local Notion in a folder of its own, a template, and the commands as users call them."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.timing import Command

ROOT = Path(__file__).resolve().parent.parent
PAGE = "00000000-0000-4000-8000-000000000001"
PLAIN = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
HEAD = "---\nchecklist: bench\ntitle: Bench\nlang: en\n---\n\n## 1. Items\n```yaml section\nid: items\n```\n"


def ultra(*words: str) -> list[str]:
    """A command line of ours: the installed command."""
    return [str(Path(sys.executable).with_name("ultra-checklist")), *words]


def template(path: Path, items: int, probe: str = "file: {path: /etc/hostname}") -> Path:
    """A checklist of so many items, each with one probe."""
    lines = [
        f"- [ ] Item {number}\n  ```yaml check\n  id: item-{number}\n  probes:\n    - {probe}\n  ```\n"
        for number in range(items)
    ]
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    return path


@dataclass
class Scene:
    """A running local Notion and a state folder that is connected with it."""

    folder: Path
    url: str
    more: dict[str, str] = field(default_factory=dict)
    """Settings beside those by which it is connected."""

    @property
    def env(self) -> dict[str, str]:
        """The environment in which commands talk to it."""
        return (
            PLAIN
            | {
                "NOTION_BASE_URL": self.url,
                "NOTION_TOKEN": "ntn_local",
                "NOTION_PARENT_PAGE_ID": PAGE,
                "ULTRA_CHECKLIST_HOME": str(self.folder / "home"),
            }
            | self.more
        )

    def command(self, *words: str) -> Command:
        """A command of ours, to be timed."""
        return Command(ultra(*words), self.env, self.folder)

    def do(self, *words: str) -> None:
        """Run a command of ours that must work."""
        subprocess.run(ultra(*words), env=self.env, cwd=self.folder, check=True, capture_output=True)

    def requests(self) -> list[dict[str, Any]]:
        """All requests so far."""
        text = (self.folder / "requests.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def counted(self, *words: str) -> list[dict[str, Any]]:
        """The requests that a command makes."""
        before = len(self.requests())
        self.do(*words)
        return self.requests()[before:]

    def ask(self, method: str, path: str, body: dict[str, Any] | None, token: str = "ntn_local") -> Any:  # noqa: S107
        """One request, as the integration or as a person."""
        request = urllib.request.Request(  # noqa: S310 - loopback only
            f"{self.url}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {token}",
                "Notion-Version": "2026-03-11",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback only
            return json.load(answer)

    def source(self) -> str:
        """The id of the data source that an idle pass asks."""
        return str(json.loads((self.folder / "home" / "workspace.json").read_text(encoding="utf-8"))["checks"])

    def rows(self) -> list[dict[str, Any]]:
        """All rows of all releases."""
        source, found, cursor = self.source(), list[dict[str, Any]](), None
        while True:
            body: dict[str, Any] = {"page_size": 100} | ({"start_cursor": cursor} if cursor else {})
            answer = self.ask("POST", f"data_sources/{source}/query", body)
            found += answer["results"]
            cursor = answer["next_cursor"]
            if not cursor:
                return found


@contextmanager
def local_notion(folder: Path, latency: int = 0, rate: str = "off") -> Iterator[Scene]:
    """A local Notion on a free port of the loopback, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ultra("serve", "--port", "0", "--db", str(folder / "notion.db"), "--latency", str(latency))
    words += ["--rate", rate, "--request-log", str(folder / "requests.jsonl")]
    env = PLAIN | {"ULTRA_CHECKLIST_HOME": str(folder / "server")}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            yield Scene(folder, line.split()[1])
        finally:
            server.terminate()

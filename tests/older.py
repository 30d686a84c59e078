"""State folders as released versions left them: made once at a release, kept, and read by every later version.

``python -m tests.older`` writes ``tests/state/VERSION.tar.gz`` for this version: a state folder with its own local
Notion, an ended release, and one in the middle of its deploy. It is run when a version is released, and never again.
"""

import asyncio
import io
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from tests.shell import leave
from ultra_checklist import __version__, machine
from ultra_checklist.server.app import create_app

KEPT = Path(__file__).parent / "state"
TEMPLATE = """---
checklist: kept
title: Kept
lang: en
gates:
  deploy: {sections: [before], guards: [deployed]}
---
## 1. Before
```yaml section
id: before
until: deploy
```
- [ ] It is there
  ```yaml check
  id: there
  probes:
    - command: {run: ["true"], exit: 0}
  ```
- [ ] It is not there
  ```yaml check
  id: gone
  probes:
    - command: {run: ["false"], exit: 0}
  ```
- [ ] A word
  ```yaml check
  id: word
  ```
## 2. Deploy
```yaml section
id: deploy
```
- [ ] Deployed
  ```yaml check
  id: deployed
  deploys: true
  probes:
    - run: {}
  ```
## 3. After
```yaml section
id: after
after: deploy
```
- [ ] It answers
  ```yaml check
  id: answers
  probes:
    - command: {run: ["true"], exit: 0}
  ```
- [ ] Everybody knows
  ```yaml check
  id: told
  ```
"""
NAME, MACHINE_ID = "web-1", "0123456789abcdef0123456789abcdef"
"""The machine that the kept releases are of: every test that reads them is on it."""


@dataclass
class Kept:
    """A state folder on that machine, with commands and people."""

    home: Path

    def run(self, *arguments: str) -> tuple[int, str]:
        """A command's exit code and stdout."""
        environment = {"ULTRA_CHECKLIST_HOME": str(self.home), "ULTRA_CHECKLIST_LOCAL": "1", "LANG": "C.UTF-8"}
        out, told = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, environment), redirect_stdout(out), redirect_stderr(told):
            return leave(arguments), out.getvalue()

    def ok(self, *arguments: str) -> str:
        """A command that must end with 0."""
        code, out = self.run(*arguments)
        assert code == 0, (arguments, code, out)
        return out

    def status(self, version: str) -> Any:
        """What ``status`` knows of a release."""
        (told,) = json.loads(self.ok("status", version, "--format", "json"))
        return told

    def tick(self, version: str, item: str, ticked: bool = True) -> None:
        """Somebody ticks a row, or takes the tick back."""
        self.set(version, item, {"Done": {"checkbox": ticked}})

    def set(self, version: str, item: str, properties: dict[str, Any]) -> None:
        """Somebody edits a row."""
        checks = json.loads((self.home / "workspace-local.json").read_text())["checks"]
        wanted = {"filter": {"property": "Key", "rich_text": {"ends_with": f"/{version}/{item}"}}}
        (row,) = self._call("POST", f"data_sources/{checks}/query", wanted)["results"]
        self._call("PATCH", f"pages/{row['id']}", {"properties": properties})

    def _call(self, method: str, path: str, body: Any) -> Any:
        async def ask() -> Any:
            transport = httpx.ASGITransport(app=create_app(self.home / "local-notion.db"))
            headers = {"Authorization": "Bearer ntn_person_Sato", "Notion-Version": "2026-03-11"}
            async with httpx.AsyncClient(transport=transport, base_url="http://notion.local/v1/") as client:
                answer = await client.request(method, path, json=body, headers=headers)
                answer.raise_for_status()
                return answer.json()

        return asyncio.run(ask())


@contextmanager
def on_that_machine(folder: Path) -> Iterator[None]:
    """Be the machine that the kept releases are of."""
    identity = folder / "machine-id"
    identity.write_text(MACHINE_ID)
    with (
        mock.patch.object(machine, "_ID_FILES", (identity,)),
        mock.patch("ultra_checklist.machine.socket.gethostname", lambda: NAME),
    ):
        yield


def make(folder: Path) -> Kept:
    """A state folder with an ended release, and with one that is deployed and not yet looked at."""
    kept = Kept(folder / "home")
    template = folder / "kept.md"
    template.write_text(TEMPLATE)
    kept.ok("init")
    for version in ("v1.0.0", "v1.1.0"):
        kept.ok("new", version, "-t", str(template))
        for item in ("there", "word"):
            kept.tick(version, item)
        kept.set(version, "gone", {"Decision": {"select": {"name": "Waive"}}, "Note": _text("not this time")})
        kept.ok("sync")
        kept.ok("gate", version)
        kept.ok("run", version, "deployed", "--", "true")
        kept.tick(version, "deployed")
        kept.ok("sync")
        if version == "v1.0.0":
            for item in ("answers", "told"):
                kept.tick(version, item)
            kept.ok("sync")
            kept.ok("close", version, "--as", "complete")
    return kept


def _text(text: str) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": text}}]}


def keep() -> Path:
    """Write the state folder of this version. Raises FileExistsError where it has been kept already."""
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{__version__}.tar.gz"
    with tempfile.TemporaryDirectory() as name, on_that_machine(Path(name)):
        made = make(Path(name))
        with tarfile.open(path, "x:gz") as archive:
            archive.add(made.home, "home")
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{keep()}\n")

"""Many agents at a broker: what asking them costs the one machine that asks, against looking there itself."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from benchmarks.options import Options
from benchmarks.scene import HEAD, Scene, local_notion, ultra
from benchmarks.table import Row
from benchmarks.timing import Run, once, seconds
from benchmarks.waiting import percentile

KEY = "0123456789abcdef" * 4
PROBES = 10
"""Of each check: Notion takes so many rows a minute, whoever looks."""
PASSES = 200
"""After so many passes without an end something is wrong."""


def fleet(options: Options, folder: Path) -> list[Row]:
    """All items of a release are ticked at once; passes follow each other until all are proved."""
    agents, checks = (5, 10) if options.quick else (50, 100)
    title = f"{checks * PROBES:,} due probes on {agents} agents"
    if shutil.which("redis-server") is None:
        sys.stderr.write(f"{title}: redis-server is not installed, left out\n")
        return []
    here = played(folder / "here", checks, {})
    with broker(folder) as url:
        settings = {
            "ULTRA_CHECKLIST_BROKER": url,
            "ULTRA_CHECKLIST_AGENT_KEY": KEY,
            "ULTRA_CHECKLIST_HOST": "home",
        }
        there = folder / "there"
        text = checklist(checks, agents)
        with ExitStack() as running:
            for number in range(agents):
                running.enter_context(agent(there / f"web-{number}", f"web-{number}", text, settings))
            away = played(there, checks, settings, agents)
    cpu, local = sum(run.cpu for run in away.passes), sum(run.cpu for run in here.passes)
    shown = f"CPU {seconds(cpu)} in {len(away.passes)} passes, {max(run.rss for run in away.passes):.0f} MiB"
    against = f"the same looked at here: CPU {seconds(local)}, {here.requests:,} requests"
    waits = sorted(away.waits)
    half, most = percentile(waits, 50), percentile(waits, 99)
    more, passes = away.requests - here.requests, len(away.passes)
    told = f"p50 {seconds(half)}, p99 {seconds(most)}"
    return [
        Row("fleet", f"{title}: CPU of the machine that asks", "≤ 3 times", shown, against, cpu / local, 3),
        Row(
            "fleet", f"{title}: requests to Notion", "one more a pass", f"{away.requests:,}", against, more, passes
        ),
        Row("fleet", f"{title}: until a verdict", "≤ 60 s", told, f"here: {seconds(max(here.waits))}", most, 60),
    ]


class Played:
    """What a release came to: its passes, requests, and the seconds until each verdict."""

    def __init__(self, passes: list[Run], requests: int, waits: list[float]) -> None:
        self.passes = passes
        self.requests = requests
        self.waits = waits


def checklist(checks: int, agents: int = 0) -> str:
    """A checklist of files that are there, each on one of the agents; without agents all are looked at here."""
    lines = [
        f"- [ ] Item {number}\n  ```yaml check\n  id: item-{number}\n"
        + (f"  runs_on: web-{number % agents}\n" if agents else "")
        + "  probes:\n"
        + "    - file: {path: /etc/hostname}\n" * PROBES
        + "  ```\n"
        for number in range(checks)
    ]
    return HEAD + "".join(lines)


def played(folder: Path, checks: int, settings: dict[str, str], agents: int = 0) -> Played:
    """Make the release, tick everything, and pass until all is proved."""
    with local_notion(folder / "notion") as scene:
        scene.more.update(settings)
        (folder / "many.md").write_text(checklist(checks, agents), encoding="utf-8")
        scene.do("init")
        scene.do("new", "v1", "-t", str(folder / "many.md"))
        tick_all(scene)
        before, passes = len(scene.requests()), list[Run]()
        began = datetime.now().astimezone()
        while len(proved := verdicts(scene)) < checks:
            passes.append(once(scene.command("sync")))
            if len(passes) > PASSES:
                raise RuntimeError(f"{len(proved)} of {checks} checks are proved after {PASSES} passes")
        waits = [(moment - began).total_seconds() for moment in proved.values()]
        return Played(passes, len(scene.requests()) - before, waits)


def tick_all(scene: Scene) -> None:
    """Every box, as a person."""

    def tick(page: str) -> None:
        scene.ask("PATCH", f"pages/{page}", {"properties": {"Done": {"checkbox": True}}}, token="ntn_person_Ada")  # noqa: S106

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tick, [row["id"] for row in scene.rows()]))


def verdicts(scene: Scene) -> dict[str, datetime]:
    """When each item was proved to pass."""
    (journal,) = (scene.folder / "home" / "releases").rglob("journal.jsonl")
    lines = (json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines())
    return {
        line["data"]["item"]: datetime.fromisoformat(line["time"])
        for line in lines
        if line["kind"] == "proved" and line["data"]["outcome"] == "pass"
    }


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A Redis on the loopback that keeps nothing; its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if not any(b"Ready to accept connections" in line for line in process.stdout or ()):
                raise RuntimeError("redis-server did not start")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()


@contextmanager
def agent(folder: Path, label: str, text: str, settings: dict[str, str]) -> Iterator[None]:
    """An agent with a folder of its own, once it has said that it is there."""
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "many.md").write_text(text, encoding="utf-8")
    own = {"ULTRA_CHECKLIST_TEMPLATES": str(folder / "templates"), "ULTRA_CHECKLIST_HOME": str(folder / "home")}
    with subprocess.Popen(
        ultra("agent", "--labels", label, "--at-once", "1"),
        env=Scene(folder, "").env | settings | own,
        cwd=folder,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            if process.stderr is None or label.encode() not in process.stderr.readline():
                raise RuntimeError(f"the agent {label} did not start")
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)

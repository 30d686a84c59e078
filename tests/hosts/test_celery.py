"""Agents at a broker: a real Redis, real Celery workers, each with its own folder, variables and templates."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.probes.components import CannotStartError, give_up
from tests.shell import COMMAND, Served, Shell, free_port, serving

KEY = "5b1f2c9e7d5b1f2c9e7d5b1f2c9e7d00"
LIST = """---
checklist: many
title: Many
lang: en
vars:
  MARK: {help: a file that says how it is}
  SLOW: {help: a file that is there while a probe waits}
gates:
  deploy: {sections: [now]}
---

## 1. Now
```yaml section
id: now
```
- [ ] On web-1
  ```yaml check
  id: one
  runs_on: web-1
  probes:
    - file: {path: "${MARK}", contains: good}
  ```
- [ ] On all three
  ```yaml check
  id: all
  runs_on: {all: [web-1, web-2, db]}
  probes:
    - file: {path: "${MARK}", contains: good}
  ```
- [ ] Slow
  ```yaml check
  id: slow
  runs_on: web-2
  probes:
    - command: {run: [sh, -c, "touch ${SLOW}; while [ -e ${SLOW}.hold ]; do sleep 0.05; done"], timeout: 5}
  ```
"""


class Redis:
    """A broker on this machine that keeps what it has on disk."""

    def __init__(self, folder: Path, *addresses: str) -> None:
        if shutil.which("redis-server") is None:
            give_up(CannotStartError("redis-server is not installed"))
        self.port = free_port()
        self._command = ["redis-server", "--bind", "127.0.0.1", *addresses, "--port", str(self.port)]
        self._command += ["--dir", str(folder), "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self._command += ["--protected-mode", "no"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        for line in self._process.stdout or ():
            if b"Ready to accept connections" in line:
                return
        pytest.fail("redis-server did not start")

    def kill(self) -> None:
        """As by kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@dataclass
class Agent(Shell):
    """One agent: its folder, and its process once it was started."""

    label: str = ""
    prefix: tuple[str, ...] = ()
    """What puts it into a network of its own."""
    process: "subprocess.Popen[str] | None" = field(default=None)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*self.prefix, *COMMAND, "agent", "--labels", self.label, "--at-once", "1"],
            stderr=subprocess.PIPE,
            text=True,
            env=self.full_environment(),
            cwd=self.folder,
            start_new_session=True,
        )
        assert self.process.stderr is not None
        assert self.label in self.process.stderr.readline()

    def kill(self) -> None:
        """As by kill -9, with all of its processes."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()

    def mark(self, text: str) -> None:
        (self.folder / "mark").write_text(text, encoding="utf-8")


@dataclass
class Many:
    """One machine where the release is at home, three agents, a broker."""

    notion: Served
    agents: dict[str, Agent]
    redis: Redis

    def until(self, item: str, result: str) -> None:
        """Pass after pass, until the item shows that."""
        for _ in range(120):
            self.notion.ok("sync")
            if self.notion.result(item) == result:
                return
        raise AssertionError(f"{item}: {self.notion.result(item)!r}, {self.why(item)!r}")

    def why(self, item: str) -> str:
        text = self.notion.row(item)["properties"]["Why"]["rich_text"]
        return "".join(part["plain_text"] for part in text)


@contextmanager
def a_team(folder: Path, redis: Redis, addresses: dict[str, str]) -> Iterator[Many]:
    """Agents, not started yet, each with the address at which it finds the broker."""
    redis.start()
    common = {"ULTRA_CHECKLIST_AGENT_KEY": KEY, "ULTRA_CHECKLIST_HOST_SILENCE": "2"}
    agents: dict[str, Agent] = {}
    try:
        with serving(folder) as notion:
            for label, address in addresses.items():
                own = folder / label
                (own / "templates").mkdir(parents=True)
                (own / "templates" / "many.md").write_text(LIST, encoding="utf-8")
                settings = common | {
                    "ULTRA_CHECKLIST_BROKER": f"redis://{address}:{redis.port}/0",
                    "ULTRA_CHECKLIST_TEMPLATES": str(own / "templates"),
                    "ULTRA_CHECKLIST_VAR_MARK": str(own / "mark"),
                    "ULTRA_CHECKLIST_VAR_SLOW": str(own / "slow"),
                }
                agents[label] = Agent(own, settings, label=label)
                agents[label].mark("good\n")
            notion.environment |= common | {
                "ULTRA_CHECKLIST_BROKER": f"redis://127.0.0.1:{redis.port}/0",
                "ULTRA_CHECKLIST_VAR_MARK": "/nonexistent",
                "ULTRA_CHECKLIST_VAR_SLOW": "/nonexistent",
                "ULTRA_CHECKLIST_HOST": "home",
            }
            (folder / "many.md").write_text(LIST, encoding="utf-8")
            notion.ok("init")
            notion.ok("new", "v1", "-t", "many.md")
            yield Many(notion, agents, redis)
    finally:
        for agent in agents.values():
            agent.kill()
        redis.kill()


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Many]:
    with a_team(tmp_path, Redis(tmp_path), dict.fromkeys(("web-1", "web-2", "db"), "127.0.0.1")) as made:
        yield made


def test_agents_answer_and_need_no_notion(many: Many) -> None:
    for agent in many.agents.values():
        agent.start()
    many.notion.tick("one")
    many.notion.tick("all")
    many.until("one", "Passed")
    many.until("all", "Passed")
    many.agents["db"].mark("bad\n")
    many.notion.tick("all", ticked=False)
    many.notion.ok("sync")
    many.notion.tick("all")
    many.until("all", "Failed")
    assert "db: " in many.why("all") and "web-1: " in many.why("all")
    many.agents["db"].mark("good\n")
    many.until("all", "Passed")
    many.notion.tick("slow")
    many.until("slow", "Passed")
    many.notion.ok("gate", "v1")
    many.notion.ok("close", "v1", "--as", "complete")


def test_an_agent_that_is_killed_over_a_probe_loses_no_tick(many: Many) -> None:
    agent = many.agents["web-2"]
    agent.start()
    many.notion.tick("slow")
    slow, hold = agent.folder / "slow", agent.folder / "slow.hold"
    hold.touch()
    while not slow.exists():
        many.notion.ok("sync")
    agent.kill()
    many.notion.ok("sync")
    assert many.notion.result("slow") in ("", "Can't tell")
    hold.unlink()
    agent.start()
    many.until("slow", "Passed")


def test_a_broker_that_is_killed_makes_nothing_green_and_loses_no_tick(many: Many) -> None:
    for agent in many.agents.values():
        agent.start()
    many.redis.kill()
    many.notion.tick("all")
    many.notion.ok("sync")
    assert many.notion.result("all") == "Can't tell"
    assert "the broker does not answer" in many.why("all")
    assert many.notion.run("gate", "v1").returncode != 0
    many.redis.start()
    many.until("all", "Passed")


def test_a_worker_that_is_killed_at_home_goes_on_where_it_was(many: Many) -> None:
    for agent in many.agents.values():
        agent.start()
    many.notion.tick("slow")
    slow, hold = (many.agents["web-2"].folder / name for name in ("slow", "slow.hold"))
    hold.touch()
    environment = many.notion.full_environment()
    with subprocess.Popen([*COMMAND, "sync", "--watch"], env=environment, cwd=many.notion.folder) as worker:
        while not slow.exists():
            assert worker.poll() is None
        worker.kill()
    hold.unlink()
    many.until("slow", "Passed")


def test_messages_of_another_key_are_not_heard(many: Many) -> None:
    agent = many.agents["web-1"]
    agent.environment["ULTRA_CHECKLIST_AGENT_KEY"] = "another"
    agent.start()
    many.notion.tick("one")
    many.until("one", "Can't tell")
    assert "web-1: has not answered" in many.why("one")


def test_a_broker_without_a_key_is_refused(many: Many) -> None:
    many.notion.tick("one")
    done = many.notion.run("sync", ULTRA_CHECKLIST_AGENT_KEY="")
    assert (done.returncode, "ULTRA_CHECKLIST_AGENT_KEY" in done.stderr) == (2, True)


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotStartError(f"ip {' '.join(words)}: {done.stderr}")


def far_end(address: str) -> str:
    """The address at the other end of an agent's cable."""
    first, second, *rest = address.split(".")
    return ".".join([first, str(int(second) + 100), *rest])


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Many]:
    """The same, each agent in a network namespace of its own, at the end of a cable."""
    labels, tag = ("web-1", "web-2", "db"), os.getpid() % 10_000
    ends = {label: (f"uc{tag}{n}", f"10.{77 + n}.{tag // 256}.{tag % 256}") for n, label in enumerate(labels)}
    made: list[str] = []
    try:
        for name, address in ends.values():
            ip("netns", "add", name)
            made.append(name)
            ip("link", "add", f"{name}h", "type", "veth", "peer", "name", f"{name}g", "netns", name)
            ip("addr", "add", f"{address}/32", "dev", f"{name}h")
            ip("link", "set", f"{name}h", "up")
            far = far_end(address)
            ip("-n", name, "addr", "add", f"{far}/32", "dev", f"{name}g")
            ip("-n", name, "link", "set", f"{name}g", "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "route", "add", address, "dev", f"{name}g")
            ip("route", "add", far, "dev", f"{name}h")
        addresses = {label: address for label, (_, address) in ends.items()}
        with a_team(tmp_path, Redis(tmp_path, *addresses.values()), addresses) as team:
            for label, agent in team.agents.items():
                agent.prefix = ("ip", "netns", "exec", ends[label][0])
                agent.start()
            yield team
    except (CannotStartError, FileNotFoundError) as error:
        give_up(CannotStartError(str(error)))
    finally:
        for name in made:
            subprocess.run(["ip", "link", "del", f"{name}h"], check=False, capture_output=True)
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def test_a_network_that_is_cut_makes_nothing_green_and_heals(apart: Many) -> None:
    apart.notion.tick("all")
    apart.until("all", "Passed")
    agent = apart.agents["db"]
    cable, address = f"{agent.prefix[3]}h", agent.environment["ULTRA_CHECKLIST_BROKER"].split("/")[2].split(":")[0]
    ip("link", "set", cable, "down")
    apart.notion.tick("all", ticked=False)
    apart.notion.ok("sync")
    apart.notion.tick("all")
    apart.until("all", "Can't tell")
    assert "db: has not answered" in apart.why("all")
    ip("link", "set", cable, "up")
    # What lay over the cable went with it.
    ip("route", "add", far_end(address), "dev", cable)
    apart.until("all", "Passed")
    for item in ("one", "slow"):
        apart.notion.tick(item)
        apart.until(item, "Passed")
    apart.notion.ok("gate", "v1")
    apart.notion.ok("close", "v1", "--as", "complete")

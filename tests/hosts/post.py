"""A carrier in memory that is as bad as one can be: it loses, doubles, delays, and is away; agents answer by it."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path

from tests.lab import Lab
from ultra_checklist.bench import Bench
from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.hosts.agent import Agent, Templates
from ultra_checklist.hosts.carriers import Carriers, Collected
from ultra_checklist.hosts.tasks import Batch, opened_answers, opened_batch, seal
from ultra_checklist.notion.client import Notion

KEY = b"k" * 32
LIST = """---
checklist: try
title: Try
lang: en
vars:
  MARK: {{help: a file}}
gates:
  deploy: {{sections: [one]}}
---

## 1. One
```yaml section
id: one
```
{items}
"""
ITEM = """- [ ] {id}
  ```yaml check
  id: {id}
  runs_on: {runs_on}
  {more}
  probes:
    - {probe}
  ```
"""
LOOKS = 'file: {path: "${MARK}", contains: good}'


def checklist(folder: Path, probe: str = LOOKS, **runs_on: str) -> Path:
    """A template of items, each of which looks on the hosts that are named."""
    items = "".join(
        ITEM.format(id=name, runs_on=hosts, probe=probe, more="max_age: 15m") for name, hosts in runs_on.items()
    )
    path = folder / "try.md"
    path.write_text(LIST.format(items=items), encoding="utf-8")
    return path


class Post:
    """Holds what was sent until somebody works, and what was answered until somebody asks."""

    patience = 0.0

    def __init__(self) -> None:
        self.away = False
        self.why = "the post is closed"
        self.loses = False
        self.sent: list[tuple[str, str]] = []
        """Host and sealed batch, in the order in which they were sent."""
        self.answered: list[str] = []

    async def send(self, message: Batch, fresh: Collection[str]) -> Collection[str]:
        """Take tasks; where it loses them, nobody notices."""
        if self.away:
            raise ProbeCannotTell("away", self.why, self.why)
        wanted = message.model_copy(update={"tasks": tuple(t for t in message.tasks if t.id in fresh)})
        if not self.loses:
            self.sent.append((message.host, seal("tasks", wanted, KEY)))
        return fresh

    async def collect(self, waiting: Sequence[Batch]) -> Collected:
        """All that was ever answered: what is old and what is doubled too."""
        assert waiting
        if self.away:
            raise ProbeCannotTell("away", self.why, self.why)
        return Collected([opened_answers(text, KEY) for text in self.answered], {})


class Team(Lab):
    """A laboratory with more machines."""

    def __init__(self, folder: Path, *labels: str) -> None:
        super().__init__(folder)
        self.post = Post()
        self.folder = folder
        self.agents: dict[str, Agent] = {}
        self.claimed: set[str] = set()
        self.ahead: dict[str, timedelta] = {}
        """By how much their clocks are ahead."""
        for label in labels:
            self.hire(label)

    def hire(self, label: str, folder: str = "") -> None:
        """A machine of that name; it begins with what lies in its folder."""
        own = self.folder / (folder or label)
        (own / "templates").mkdir(parents=True, exist_ok=True)
        (own / "environments").mkdir(exist_ok=True)
        (own / "environments" / "production.env").write_text(f"MARK={own}/mark\n", encoding="utf-8")
        if not (own / "mark").exists():
            self.mark(label, "good\n")
        templates = Templates([own / "templates"], own)
        self.agents[label] = Agent(
            own,
            [label],
            templates,
            f"machine of {label}",
            claim=self.claim,
            clock=lambda: self.now + self.ahead.get(label, timedelta()),
        )

    def claim(self, task: str) -> bool:
        """The first one who asks has it."""
        first = task not in self.claimed
        self.claimed.add(task)
        return first

    def mark(self, label: str, text: str) -> None:
        (self.folder / label / "mark").write_text(text, encoding="utf-8")

    def give(self, path: Path) -> None:
        """Every machine gets a copy of the template."""
        for label in self.agents:
            (self.folder / label / "templates" / path.name).write_bytes(path.read_bytes())

    def bench(self, notion: Notion) -> Bench:
        made = super().bench(notion)
        made.carriers = Carriers("home", lambda: self.post)
        return made

    def ticked(self, item: str, *labels: str) -> str:
        """Somebody ticks; it is asked for, these agents answer, and it is taken in. What the row shows then."""
        self.person("Sato", item, done=True)
        self.sync()
        self.work(*labels)
        self.sync()
        return self.row(item).result

    def work(self, *labels: str) -> None:
        """These agents answer all that waits for them; it stays where it is, so that it comes again."""
        asyncio.run(self.works(*labels))

    async def works(self, *labels: str) -> None:
        """The same while others do something."""
        for label, text in list(self.post.sent):
            if label in labels:
                answers = await self.agents[label].answer(opened_batch(text, KEY))
                self.post.answered.append(seal("answers", answers, KEY))

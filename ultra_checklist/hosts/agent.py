"""Answers tasks on the machine that they are for: with its own copy of the template, its own variables and secrets.

What it is asked is refused unless the template that it names lies here, the template lets the item look on this
host, and the task was not seen before. Each task and each answer is a line of this machine's own journal, the task
before its probes begin: one that comes again is answered from there, and a message goes out once. Looks in passing
are on no record: what comes of them is where the release is at home.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ultra_checklist import disk, origins
from ultra_checklist.errors import StateError, TemplateError, UltraChecklistError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.hosts.orders import Orders
from ultra_checklist.hosts.tasks import Answer, Answers, Batch, Found, Task
from ultra_checklist.journal import Journal
from ultra_checklist.manifest import check_name, now
from ultra_checklist.model import Finding, Item, Template, Words
from ultra_checklist.parsed import load
from ultra_checklist.probes.base import unknown
from ultra_checklist.runner import maybe_sent
from ultra_checklist.traits import has_effect
from ultra_checklist.variables import Variables

FOLDER: Final = "agent"
_KEY: Final = re.compile(r"[\w.+~-]+(?:/[\w.+~-]+)*", re.ASCII)
_REFUSED: Final = "refused"


class Templates:
    """The templates that lie on this machine, by the digest of their bytes."""

    def __init__(self, folders: Iterable[Path], home: Path) -> None:
        self._folders = tuple(folders)
        self._home = home
        self._known: dict[str, Template] = {}

    def find(self, sha256: str) -> Template | None:
        """The template of that digest; None where there is none, or it is no sound one."""
        if sha256 not in self._known:
            found = self._read(sha256)
            if found is None:
                return None
            self._known[sha256] = found
        return self._known[sha256]

    def _read(self, sha256: str) -> Template | None:
        for folder in self._folders:
            for file in sorted(folder.glob("*.md")):
                try:
                    template = load(file, self._home)
                except TemplateError:
                    continue
                if template.sha256 == sha256:
                    return template
        return None


class Agent:
    """Runs probes that other machines ask for, each ``longest`` seconds at most; it answers to ``labels``.

    Where several machines answer to one label, ``claim`` says whether a task that sends something is this one's.
    """

    def __init__(
        self,
        home: Path,
        labels: Iterable[str],
        templates: Templates,
        machine: str,
        *,
        secrets: Iterable[str] = (),
        clock: Callable[[], datetime] = now,
        longest: float | None = None,
        claim: Callable[[str], bool] = lambda _task: True,
    ) -> None:
        self._longest = longest
        self._claim = claim
        self._home = home
        self._labels = frozenset(labels)
        self._templates = templates
        self._machine = machine
        self._secrets = tuple(secrets)
        self._clock = clock
        self._evidence = EvidenceStore(home)

    async def answer(self, batch: Batch) -> Answers:
        """Run what is asked and was not run yet. Raises StateError where it cannot be put on record."""
        template = self._template(batch)
        if isinstance(template, Words):
            told = tuple(Answer(task=task.id, found=(self._refusal(template),)) for task in batch.tasks)
            return self._answers(batch, "", told)
        folder = self._home / FOLDER / batch.release
        disk.make_folder(folder)
        journal = Journal(folder / "journal.jsonl")
        begun, said = _past(journal)
        fresh = [task for task in batch.tasks if task.id not in said]
        answers = {task.id: self._again(said[task.id]) for task in batch.tasks if task.id in said}
        answers |= await self._run(batch, template, fresh, begun, journal)
        return self._answers(batch, journal.head, tuple(answers[task.id] for task in batch.tasks))

    def _answers(self, batch: Batch, head: str, told: tuple[Answer, ...]) -> Answers:
        return Answers(release=batch.release, host=batch.host, machine=self._machine, head=head, answers=told)

    def _template(self, batch: Batch) -> Template | Words:
        """The template that a batch speaks of; or why nothing of it is run."""
        if batch.host not in self._labels:
            return _NOT_ME.filled(host=batch.host)
        try:
            check_name("version", batch.version)
            check_name("environment", batch.environment)
        except UltraChecklistError as error:
            return error.message
        if not _KEY.fullmatch(batch.release) or {".", ".."} & set(batch.release.split("/")):
            return _BAD_KEY.filled(key=repr(batch.release))
        return self._templates.find(batch.template) or _NO_TEMPLATE.filled(digest=batch.template[:16])

    async def _run(
        self, batch: Batch, template: Template, tasks: list[Task], begun: frozenset[str], journal: Journal
    ) -> Mapping[str, Answer]:
        known = {item.id: item for item in template.items}
        answers: dict[str, Answer] = {}
        wanted: list[tuple[Task, Item]] = []
        for task in tasks:
            item = known.get(task.item)
            if item is None or batch.host not in item.runs_on.hosts or task.host != batch.host:
                told = _NOT_THERE.filled(item=repr(task.item), host=batch.host)
                answers[task.id] = Answer(task=task.id, found=(self._refusal(told),))
            elif task.occasion == "tick" and has_effect(item) and (task.id in begun or not self._claim(task.id)):
                sent = self._found(item.probes[0].probe, maybe_sent(task.tick))
                answers[task.id] = Answer(task=task.id, found=(sent,))
            else:
                wanted.append((task, item))
        kept = frozenset(task.id for task in tasks if task.occasion != "sample")
        lines = [("task", task.model_dump(mode="json", exclude={"past"})) for task, _ in wanted if task.id in kept]
        journal.extend(lines, time=self._clock())
        for commit in dict.fromkeys(task.commit for task, _ in wanted):
            chosen = [(task, item) for task, item in wanted if task.commit == commit]
            answers |= await self._look(batch, template, commit, chosen)
        lines = [("answer", _line(answers[task.id])) for task in tasks if task.id in kept]
        journal.extend(lines, time=self._clock())
        return answers

    async def _look(
        self, batch: Batch, template: Template, commit: str, chosen: list[tuple[Task, Item]]
    ) -> dict[str, Answer]:
        try:
            variables = self._variables(batch, template, commit)
        except UltraChecklistError as error:
            verdict = unknown("variables", error.message, remedy=error.remedy)
            return {t.id: Answer(task=t.id, found=(self._found(_REFUSED, verdict),)) for t, _ in chosen}
        orders, file = Orders(batch, chosen), origins.values_file(self._home, batch.environment)
        runner = orders.runner(
            variables,
            " ".join(item.title for item in template.items),
            secrets=self._secrets,
            clock=self._clock,
            longest=self._longest,
            blob=self._evidence.path,
            set_it=lambda name: _WRITE.filled(file=str(file), name=name),
        )
        found = await orders.run(runner)
        for task, _ in chosen:
            if task.occasion != "sample":
                self._keep(finding for _, finding in found[task.id])
        return {task.id: Answer(task=task.id, found=tuple(f for f, _ in found[task.id])) for task, _ in chosen}

    def _variables(self, batch: Batch, template: Template, commit: str) -> Variables:
        built_in = {"VERSION": batch.version, "ENVIRONMENT": batch.environment}
        known = origins.resolve(template, home=self._home, environment=batch.environment, built_in=built_in)
        return known.with_commit(commit, "the release") if commit else known

    def _keep(self, findings: Iterable[Finding]) -> None:
        """Put evidence on this disk before anybody is told of it."""
        for finding in findings:
            if finding.material:
                self._evidence.put(finding.material)

    def _again(self, line: Mapping[str, Any]) -> Answer:
        """An answer that was given before, with its evidence from this disk."""
        found: list[Found] = []
        for raw in line["found"]:
            one = Found.model_validate(raw["found"])
            try:
                material = self._evidence.get(raw["evidence"]) if raw["evidence"] else b""
            except (OSError, StateError):
                material = b""
            found.append(one.with_material(material))
        return Answer(task=line["task"], found=tuple(found))

    def _refusal(self, why: Words) -> Found:
        return self._found(_REFUSED, unknown(_REFUSED, why, remedy=_SAME_TEMPLATE))

    def _found(self, probe: str, verdict: Any) -> Found:
        return Found(probe=probe, verdict=verdict, started=self._clock(), seconds=0.0)


def _line(answer: Answer) -> dict[str, Any]:
    found = [
        {"found": one.with_material(b"").model_dump(mode="json"), "evidence": one.evidence} for one in answer.found
    ]
    return {"task": answer.task, "found": found}


def _past(journal: Journal) -> tuple[frozenset[str], dict[str, Mapping[str, Any]]]:
    """The tasks that were begun here, and the answers that were given."""
    begun, said = set[str](), dict[str, Mapping[str, Any]]()
    for entry in journal.entries():
        if entry.kind == "task":
            begun.add(str(entry.data["id"]))
        elif entry.kind == "answer":
            said[str(entry.data["task"])] = entry.data
    return frozenset(begun), said


_NOT_ME = Words(en="this machine is not {host}", ja="このマシンは {host} ではありません")
_BAD_KEY = Words(en="{key} is no key of a release", ja="{key} はリリースのキーではありません")
_NO_TEMPLATE = Words(
    en="no template sha256:{digest} lies on this machine",
    ja="テンプレート sha256:{digest} がこのマシンにありません",
)
_NOT_THERE = Words(
    en="the template here has no item {item} that runs on {host}",
    ja="このマシンのテンプレートに、{host} で動く項目 {item} はありません",
)
_WRITE = Words(en="write {name}=... into {file}", ja="{file} に {name}=... を書いてください")
_SAME_TEMPLATE = Words(
    en="Put the release's template into ULTRA_CHECKLIST_TEMPLATES on that machine, byte for byte",
    ja="そのマシンの ULTRA_CHECKLIST_TEMPLATES に、リリースと同一のテンプレートを置いてください",
)

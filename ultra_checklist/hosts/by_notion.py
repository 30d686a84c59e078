"""Carries tasks and answers in a table in Notion: for machines that share nothing else.

A host looks when its own worker passes. Who writes the one never writes the other.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from ultra_checklist.bench import Bench
from ultra_checklist.errors import CannotTellError, ProbeCannotTell
from ultra_checklist.hosts.agent import Agent
from ultra_checklist.hosts.carriers import Collected, Given
from ultra_checklist.hosts.tasks import (
    Answers,
    Batch,
    Found,
    OtherVersion,
    Past,
    SealBroken,
    Task,
    opened_answers,
    opened_batch,
    seal,
)
from ultra_checklist.model import Outcome, Words
from ultra_checklist.notion import hosts
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.schema import Workspace
from ultra_checklist.probes.base import unknown

RECENT: Final = timedelta(days=1)
"""How long ago tasks may have been written: who gets no answer writes them again."""
AT_ONCE: Final = 40
"""Tasks of a host that lie in the table at the same time: their answers fit into one cell."""


class NotionCarrier:
    """The side where the release is at home."""

    patience = 0.0

    def __init__(self, notion: Notion, workspace: Workspace, key: bytes) -> None:
        self._notion = notion
        self._workspace = workspace
        self._key = key

    async def send(self, message: Batch, fresh: Collection[str]) -> Collection[str]:
        """Put the tasks that stand into the host's row, the ones that lie there first."""
        tasks, text = self._fitting(message, sorted(message.tasks, key=lambda task: task.id in fresh)[:AT_ONCE])
        try:
            known = [row async for row in self._rows(release=message.release, host=message.host)]
            if known:
                await hosts.put_tasks(self._notion, self._workspace, known[0].page_id, text)
            else:
                await hosts.make(self._notion, self._workspace, message.host, message.release, text)
        except CannotTellError as error:
            raise _cannot(error) from error
        return {task.id for task in tasks}

    def _fitting(self, message: Batch, tasks: list[Task]) -> tuple[list[Task], str]:
        """As many of these tasks as a cell takes, sealed; one alone may leave out what it says of the past."""
        while True:
            text = seal("tasks", message.only(tasks), self._key)
            if len(text) <= hosts.MOST:
                return tasks, text
            if len(tasks) > 1:
                tasks = tasks[: len(tasks) // 2]
            elif tasks[0].past != Past():
                tasks = [tasks[0].model_copy(update={"past": Past()})]
            else:
                raise ProbeCannotTell("too-large", _TASK_TOO_LARGE.en, _TASK_TOO_LARGE.ja)

    async def collect(self, waiting: Sequence[Batch]) -> Collected:
        """What stands in the rows of these hosts."""
        found: list[Answers] = []
        wanted = {batch.host for batch in waiting}
        try:
            for release in dict.fromkeys(batch.release for batch in waiting):
                async for row in self._rows(release=release):
                    if row.host in wanted and row.answers:
                        found += _answers(row, self._key)
        except CannotTellError as error:
            raise _cannot(error) from error
        return Collected(found, {})

    def _rows(self, **equal: str) -> AsyncIterator[hosts.HostRow]:
        return hosts.rows(self._notion, self._workspace, equal)


class NotionInbox:
    """The side of a host: what it is asked, and where its answers go."""

    def __init__(self, bench: Bench, key: bytes, agent: Agent) -> None:
        self._notion = bench.notion
        self._workspace = bench.workspace
        self._clock = bench.clock
        self._label = bench.label
        self._key = key
        self._agent = agent

    async def run(self) -> Given:
        """Answer what is new. Raises NotionError and StateError."""
        given, problems = 0, list[Words]()
        for row, batch in await asked(self._notion, self._workspace, self._label, self._key, self._clock()):
            if isinstance(batch, Words):
                problems.append(batch)
                continue
            said = {answer.task for answers in _answers(row, self._key) for answer in answers.answers}
            if {task.id for task in batch.tasks} <= said:
                continue
            answers = await self._agent.answer(batch)
            await self._put(row, answers)
            given += len(answers.answers)
        return Given(given, problems)

    async def _put(self, row: hosts.HostRow, answers: Answers) -> None:
        for shorter in (lambda found: found, _without_material, _without_words):
            told = tuple(
                answer.model_copy(update={"found": tuple(map(shorter, answer.found))}) for answer in answers.answers
            )
            text = seal("answers", answers.model_copy(update={"answers": told}), self._key)
            if len(text) <= hosts.MOST:
                break
        await hosts.put_answers(self._notion, self._workspace, row.page_id, text, _said(answers), self._clock())


async def asked(
    notion: Notion, workspace: Workspace, label: str, key: bytes, now: datetime
) -> list[tuple[hosts.HostRow, Batch | Words]]:
    """What a host was asked lately; why nothing can be done where it was not sealed by us, or is not to be read."""
    rows = hosts.rows(notion, workspace, {"host": label}, now - RECENT)
    return [(row, _batch(row, key)) async for row in rows if row.tasks]


def _batch(row: hosts.HostRow, key: bytes) -> Batch | Words:
    names = {"host": row.host, "release": row.release}
    try:
        batch = opened_batch(row.tasks, key)
    except OtherVersion:
        return _OTHER_VERSION.filled(**names)
    except SealBroken:
        return _OTHER_KEY.filled(**names)
    return batch if (batch.host, batch.release) == (row.host, row.release) else _OTHER_KEY.filled(**names)


async def have_answered(notion: Notion, workspace: Workspace, labels: Collection[str]) -> frozenset[str]:
    """Those of these labels by which a machine has ever answered."""
    found = set[str]()
    for label in labels:
        async for row in hosts.rows(notion, workspace, {"host": label}):
            if row.answers:
                found.add(label)
                break
    return frozenset(found)


def _answers(row: hosts.HostRow, key: bytes) -> list[Answers]:
    try:
        found = opened_answers(row.answers, key)
    except SealBroken:
        return []
    return [found] if (found.host, found.release) == (row.host, row.release) else []


def _without_material(found: Found) -> Found:
    """A finding whose evidence stays on its host: the table holds only so much."""
    return found.with_material(b"")


def _without_words(found: Found) -> Found:
    """In place of a finding of which not even the words fit."""
    return Found(
        probe=found.probe, verdict=unknown("too-large", _TOO_LARGE), started=found.started, seconds=found.seconds
    )


def _said(answers: Answers) -> str:
    outcomes = [answer.outcome for answer in answers.answers]
    told = {outcome: outcomes.count(outcome) for outcome in Outcome}
    counts = ", ".join(f"{count} {outcome.value}" for outcome, count in told.items() if count)
    return f"{answers.machine}: {counts or '–'}; journal {answers.head[:12]}"


def _cannot(error: CannotTellError) -> ProbeCannotTell:
    told = _NO_WORD.filled(why=error.message)
    return ProbeCannotTell("no-word", told.en, told.ja, remedy=error.remedy)


_OTHER_KEY = Words(
    en="{host}: what it is asked for {release} was refused: it is sealed with another key, or somebody typed there",
    ja="{host}: {release} の依頼を拒否しました（別の鍵で封印されているか、手で書き換えられています）",
)
_OTHER_VERSION = Words(
    en="{host}: what it is asked for {release} was written by another version of ultra-checklist",
    ja="{host}: {release} の依頼は別バージョンの ultra-checklist が作成したものです",
)
_TOO_LARGE = Words(
    en="what was found is too large for the table of hosts", ja="結果が大きすぎてホストの表に収まりません"
)
_TASK_TOO_LARGE = Words(
    en="what is known of the release is too large for the table of hosts",
    ja="リリースの記録が大きすぎてホストの表に収まりません",
)
_NO_WORD = Words(en="the table of hosts cannot be used: {why}", ja="ホストの表を使用できません: {why}")

"""What is sent to a machine over ssh with the program that does it: a batch, the checklist, and its variables.

Run there as ``python PACKAGE.pyz``: it reads an errand from stdin and writes answers to stdout, looks and writes
nothing. Probes that send or write are refused: nobody would know there whether they have been run before.
"""

import asyncio
import sys
from datetime import UTC, datetime

from ultra_checklist.hosts.orders import Orders
from ultra_checklist.hosts.tasks import Answer, Answers, Batch, Found, Task
from ultra_checklist.machine import this_machine
from ultra_checklist.model import Frozen, Item, Template, Words
from ultra_checklist.probes.base import unknown
from ultra_checklist.runner import by_flag
from ultra_checklist.traits import has_effect
from ultra_checklist.variables import Variables


class Errand(Frozen):
    """All that another machine must know to answer."""

    batch: Batch
    template: Template
    variables: Variables
    """Without secrets: those never leave the machine that they are on."""


async def run(errand: Errand) -> Answers:
    """Look at what is asked."""
    batch = errand.batch
    known = {item.id: item for item in errand.template.items}
    answers: list[Answer] = []
    for commit in dict.fromkeys(task.commit for task in batch.tasks):
        chosen = [(task, known[task.item]) for task in batch.tasks if task.commit == commit and task.item in known]
        answers += await _look(errand, commit, chosen)
    return Answers(
        release=batch.release, host=batch.host, machine=this_machine().name, head="", answers=tuple(answers)
    )


async def _look(errand: Errand, commit: str, chosen: list[tuple[Task, Item]]) -> list[Answer]:
    orders = Orders(errand.batch, [(task, item) for task, item in chosen if not has_effect(item)])
    variables = errand.variables.with_commit(commit, "the release") if commit else errand.variables
    public = " ".join(item.title for item in errand.template.items)
    secret = {variable.name for variable in errand.template.variables if variable.secret}
    runner = orders.runner(variables, public, set_it=lambda name: _SECRET if name in secret else by_flag(name))
    found = await orders.run(runner)
    return [
        Answer(task=task.id, found=tuple(f for f, _ in found[task.id]) if task.id in found else (_refused(item),))
        for task, item in chosen
    ]


def _refused(item: Item) -> Found:
    probe = item.probes[0].probe if item.probes else "-"
    return Found(probe=probe, verdict=unknown("refused", _NO_EFFECTS), started=datetime.now(UTC), seconds=0.0)


def main() -> None:
    """Answer the errand on stdin."""
    errand = Errand.model_validate_json(sys.stdin.buffer.read())
    sys.stdout.write(asyncio.run(run(errand)).model_dump_json())
    sys.stdout.flush()


_SECRET = Words(
    en="a secret is never sent over ssh: give that machine a worker or an agent with its own",
    ja="シークレットは ssh 経由で送信しません。そのマシンにワーカーまたはエージェントを置き、値を設定してください",
)
_NO_EFFECTS = Words(
    en="over ssh nothing is sent or written: give that machine a worker or an agent",
    ja="ssh 経由では送信や書き込みを行いません。そのマシンにワーカーまたはエージェントを置いてください",
)

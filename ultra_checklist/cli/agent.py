"""``agent``: run probes for releases that are at home on another machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ultra_checklist.cli.boundary import say
from ultra_checklist.cli.wiring import common, desk
from ultra_checklist.errors import SettingsError, UsageError
from ultra_checklist.model import LABEL
from ultra_checklist.words import Words

if TYPE_CHECKING:
    from ultra_checklist.hosts.tasks import Answers, Batch

_SERVING = Words(en="answers for {labels}; stop with Ctrl-C", ja="{labels} として待ち受けます（Ctrl-C で停止）")
_TOLD = Words.same("{host}: {release}/{item}: {outcome} ({reasons})")
_NO_BROKER = Words(en="ULTRA_CHECKLIST_BROKER is not set", ja="ULTRA_CHECKLIST_BROKER が未設定です")
_SET_BROKER = Words(
    en="Set it to the broker's address, such as redis://HOST:6379/0; without a broker `sync` answers",
    ja="redis://HOST:6379/0 のようなブローカーの URL を設定してください（ブローカーなしでは `sync` が応答します）",
)
_NO_LABEL = Words(en="this agent has no label", ja="このエージェントにはラベルがありません")
_BAD_LABEL = Words(en="{label} is no label", ja="{label} はラベルとして使えません")
_NAME_ONE = Words(
    en="Add --labels web-1, or set ULTRA_CHECKLIST_HOST",
    ja="--labels web-1 を付けるか、ULTRA_CHECKLIST_HOST を設定してください",
)


@click.command()
@click.option("--labels", metavar="LABEL,...", help="What it answers to.  [default: ULTRA_CHECKLIST_HOST]")
@click.option(
    "--at-once", type=click.IntRange(1, 64), default=4, show_default=True, help="Tasks that it does side by side."
)
@common
def agent(labels: str | None, at_once: int, local: bool, env_file: Path | None, lang: str | None) -> int:
    """Run probes for releases that are at home on another machine, and nothing else: it needs no Notion.

    Tasks come from the queues of its labels at ULTRA_CHECKLIST_BROKER (the extra ultra-checklist[celery]). It runs
    what its own copy of the template says, with its own variables and secrets, and refuses everything else.

    \b
    Examples:
      ultra-checklist agent --labels web-1
      ultra-checklist agent --labels web-1,canary --at-once 8
    """  # noqa: D301 - click needs the real backspace character
    at = desk(env_file, local, lang)
    named = [label for label in (labels or at.settings.host).split(",") if label]
    if not named:
        raise UsageError(_NO_LABEL, remedy=_NAME_ONE)
    wrong = [label for label in named if not LABEL.fullmatch(label)]
    if wrong:
        raise UsageError(_BAD_LABEL.filled(label=repr(wrong[0])), remedy=_NAME_ONE)
    broker = at.settings.broker
    if broker is None:
        raise SettingsError(_NO_BROKER, remedy=_SET_BROKER)
    from ultra_checklist.hosts.by_celery import claims, serve
    from ultra_checklist.machine import this_machine

    key = at.broker_key
    address = broker.get_secret_value()
    worker = at.agent(named, this_machine().name, claim=claims(address))

    async def answer(batch: "Batch") -> "Answers":
        answers = await worker.answer(batch)
        for task, told in zip(batch.tasks, answers.answers, strict=True):
            reasons = ", ".join(dict.fromkeys(found.verdict.reason for found in told.found))
            said = {"host": batch.host, "release": batch.release, "item": task.item}
            say(_TOLD.filled(**said, outcome=told.outcome.value, reasons=reasons))
        return answers

    say(_SERVING.filled(labels=", ".join(named)))
    serve(address, named, answer, key, at_once)
    return 0

"""Other machines on which items look: whether they can be asked, now and by the way that is set up."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ultra_checklist.doctor.diagnosis import Diagnosis, skipped, untold, well, wrong
from ultra_checklist.errors import NotionError, ProbeCannotTell, UltraChecklistError
from ultra_checklist.hosts.agent import Templates
from ultra_checklist.hosts.carriers import SET_UP, SSH
from ultra_checklist.model import Template
from ultra_checklist.notion import hosts
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.schema import Workspace
from ultra_checklist.words import Words, joined

if TYPE_CHECKING:
    from ultra_checklist.hosts.by_ssh import SshCarrier

NAMES: Final = ("labels", "broker", "ssh")


def labels_of(templates: Iterable[Template], own: str) -> list[str]:
    """The labels of other machines on which items look."""
    return sorted({host for host in _hosts(templates) if not host.startswith(SSH)} - {own})


def _hosts(templates: Iterable[Template]) -> set[str]:
    return {host for template in templates for item in template.items for host in item.runs_on.hosts}


def labels(wanted: Sequence[str], known: frozenset[str], nobody: Words, start: Words) -> Diagnosis:
    """Whether there is a machine for each label that items name; ``nobody`` tells that there is none."""
    absent = [label for label in wanted if label not in known]
    if absent:
        others = ", ".join(sorted(known)) or "–"
        told = nobody.filled(labels=", ".join(absent), known=others)
        return wrong("labels", told, start.filled(label=absent[0]))
    return well("labels", _ANSWERED.filled(labels=", ".join(wanted)) if wanted else _NO_LABELS)


def no_way(wanted: Sequence[str]) -> Diagnosis:
    """Where machines with labels cannot be asked at all."""
    if not wanted:
        return well("labels", _NO_LABELS)
    return wrong("labels", _NO_WAY.filled(labels=", ".join(wanted)), SET_UP)


async def by_broker(address: str, wanted: Sequence[str]) -> list[Diagnosis]:
    """Whether the broker answers, and an agent listens for each of these labels."""
    from ultra_checklist.hosts.by_celery import listening

    try:
        there = await listening(address)
    except UltraChecklistError as error:
        return [*skipped(("labels",), "broker"), wrong("broker", error.message, error.remedy)]
    told = _AGENTS.filled(labels=", ".join(sorted(there)) or "–")
    return [labels(wanted, there, _NO_AGENT, _START_AGENT), well("broker", told)]


async def by_table(
    notion: Notion, workspace: Workspace, own: str, key: bytes, copies: Templates, wanted: Sequence[str]
) -> Diagnosis:
    """Whether there are machines with these labels; and whether what this one is asked can be answered."""
    from ultra_checklist.hosts.by_notion import asked, have_answered

    try:
        for row, batch in await asked(notion, workspace, own, key, datetime.now(UTC)) if own else ():
            if isinstance(batch, Words):
                return wrong("labels", batch, _SAME_KEY)
            if copies.find(batch.template) is None:
                told = _NO_COPY.filled(digest=batch.template[:16], release=row.release)
                return wrong("labels", told, _SAME_FILE)
        known = await hosts.named(notion, workspace)
        # Who was set up by an earlier version has not said its name.
        known |= await have_answered(notion, workspace, [label for label in wanted if label not in known])
        return labels(wanted, known, _NOBODY, _START_WORKER)
    except NotionError as error:
        return untold("labels", error.message, error.remedy)


def no_broker() -> Diagnosis:
    """Where none is set."""
    return well("broker", _NO_BROKER)


async def over_ssh(carrier: "SshCarrier", templates: Iterable[Template]) -> Diagnosis:
    """Whether each machine that items look on over ssh lets us in, and has the Python that is needed."""
    addresses = sorted(host for host in _hosts(templates) if host.startswith(SSH))
    if not addresses:
        return well("ssh", _NO_SSH)
    told = await asyncio.gather(*(_trouble(carrier, host) for host in addresses))
    troubles = [error for error in told if error is not None]
    if troubles:
        return wrong("ssh", joined([error.message for error in troubles], "; "), troubles[0].remedy)
    return well("ssh", _LET_IN.filled(hosts=", ".join(addresses)))


async def _trouble(carrier: "SshCarrier", host: str) -> ProbeCannotTell | None:
    try:
        await carrier.reach(host)
    except ProbeCannotTell as error:
        return error
    return None


_NO_BROKER = Words(en="not needed: ULTRA_CHECKLIST_BROKER is not set", ja="不要（ULTRA_CHECKLIST_BROKER が未設定）")
_NO_LABELS = Words(en="no item looks on another machine with a label", ja="ラベル付きの別マシンで確認する項目なし")
_ANSWERED = Words(en="there is a machine for: {labels}", ja="応答するマシンあり: {labels}")
_NOBODY = Words(
    en="no machine is called {labels}; known: {known}",
    ja="{labels} というマシンがありません（既知: {known}）",
)
_NO_AGENT = Words(
    en="no agent listens for {labels}; known: {known}",
    ja="{labels} のエージェントが動いていません（既知: {known}）",
)
_NO_WAY = Words(
    en="items look on {labels}, and this machine cannot ask them",
    ja="{labels} で確認する項目がありますが、このマシンから問い合わせる手段がありません",
)
_START_AGENT = Words(
    en="On that machine: ultra-checklist agent --labels {label}",
    ja="該当マシンで実行: ultra-checklist agent --labels {label}",
)
_START_WORKER = Words(
    en="Mend the label, or on that machine set ULTRA_CHECKLIST_HOST={label} and run: ultra-checklist init",
    ja="ラベルを直すか、該当マシンで ULTRA_CHECKLIST_HOST={label} を設定し ultra-checklist init を実行してください",
)
_SAME_KEY = Words(
    en="Give NOTION_TOKEN, or ULTRA_CHECKLIST_AGENT_KEY where it is set, the same value on all machines, "
    "and all of them the same version",
    ja="NOTION_TOKEN（設定していれば ULTRA_CHECKLIST_AGENT_KEY）とバージョンを全マシンで揃えてください",
)
_NO_COPY = Words(
    en="{release} asks by a template sha256:{digest}, which does not lie here",
    ja="{release} のテンプレート sha256:{digest} がこのマシンにありません",
)
_SAME_FILE = Words(
    en="Copy the release's template into ULTRA_CHECKLIST_TEMPLATES, byte for byte",
    ja="リリースと同一のテンプレートを ULTRA_CHECKLIST_TEMPLATES に置いてください",
)
_AGENTS = Words(en="it answers; agents listen for: {labels}", ja="応答あり。稼働中のエージェント: {labels}")
_NO_SSH = Words(en="no item looks over ssh", ja="ssh で確認する項目なし")
_LET_IN = Words(en="logged in, and the Python there fits: {hosts}", ja="ログイン可能、Python も適合: {hosts}")

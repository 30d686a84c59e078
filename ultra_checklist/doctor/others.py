"""Other machines on which items look: whether they can be asked, now and by the way that is set up."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ultra_checklist.doctor.diagnosis import Diagnosis, well, wrong
from ultra_checklist.errors import ProbeCannotTell, UltraChecklistError
from ultra_checklist.hosts.carriers import SSH
from ultra_checklist.model import Template
from ultra_checklist.words import Words, joined

if TYPE_CHECKING:
    from ultra_checklist.hosts.by_ssh import SshCarrier

NAMES: Final = ("broker", "ssh")


def labels_of(templates: Iterable[Template], own: str) -> list[str]:
    """The labels of other machines on which items look."""
    return sorted({host for host in _hosts(templates) if not host.startswith(SSH)} - {own})


def _hosts(templates: Iterable[Template]) -> set[str]:
    return {host for template in templates for item in template.items for host in item.runs_on.hosts}


async def broker(address: str, labels: Iterable[str]) -> Diagnosis:
    """Whether the broker answers, and an agent listens for each of these labels."""
    from ultra_checklist.hosts.by_celery import listening

    try:
        there = await listening(address)
    except UltraChecklistError as error:
        return wrong("broker", error.message, error.remedy)
    absent = [label for label in labels if label not in there]
    if absent:
        told = _NO_AGENT.filled(labels=", ".join(absent))
        return wrong("broker", told, _START.filled(label=absent[0]))
    return well("broker", _AGENTS.filled(labels=", ".join(sorted(there)) or "–"))


def no_broker() -> Diagnosis:
    """Where none is set."""
    return well("broker", _NO_BROKER)


async def over_ssh(carrier: "SshCarrier", templates: Iterable[Template]) -> Diagnosis:
    """Whether each machine that items look on over ssh lets us in, and has the Python that is needed."""
    hosts = sorted(host for host in _hosts(templates) if host.startswith(SSH))
    if not hosts:
        return well("ssh", _NO_SSH)
    told = await asyncio.gather(*(_trouble(carrier, host) for host in hosts))
    troubles = [error for error in told if error is not None]
    if troubles:
        return wrong("ssh", joined([error.message for error in troubles], "; "), troubles[0].remedy)
    return well("ssh", _LET_IN.filled(hosts=", ".join(hosts)))


async def _trouble(carrier: "SshCarrier", host: str) -> ProbeCannotTell | None:
    try:
        await carrier.reach(host)
    except ProbeCannotTell as error:
        return error
    return None


_NO_BROKER = Words(en="not needed: ULTRA_CHECKLIST_BROKER is not set", ja="不要（ULTRA_CHECKLIST_BROKER が未設定）")
_NO_AGENT = Words(
    en="the broker answers, and no agent listens for {labels}",
    ja="ブローカーは応答していますが、{labels} のエージェントが動いていません",
)
_START = Words(
    en="On that machine: ultra-checklist agent --labels {label}",
    ja="該当マシンで実行: ultra-checklist agent --labels {label}",
)
_AGENTS = Words(en="it answers; agents listen for: {labels}", ja="応答あり。稼働中のエージェント: {labels}")
_NO_SSH = Words(en="no item looks over ssh", ja="ssh で確認する項目なし")
_LET_IN = Words(en="logged in, and the Python there fits: {hosts}", ja="ログイン可能、Python も適合: {hosts}")

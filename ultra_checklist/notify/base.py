"""The contract of a channel: it is made from this machine's settings, and it delivers one message or says why not.

To add a channel: one file here, one line in ``pyproject.toml``, its settings in ``config``. Other packages
register any callable in the group ``ultra_checklist.hooks``; it gets the payload.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from ultra_checklist.config import Settings
from ultra_checklist.errors import HookFailed
from ultra_checklist.model import Lang
from ultra_checklist.sending import ask

LATER = (408, 425, 429)
"""Statuses below 500 after which trying again soon may help."""


class Ended(Protocol):
    """A program that has ended."""

    @property
    def code(self) -> int:
        """Its exit code."""

    @property
    def stderr(self) -> str:
        """What it wrote there, bounded."""


@dataclass(frozen=True)
class Delivery:
    """One message to one channel: ``payload`` is plain data without secrets, ``headline`` its first line."""

    payload: Mapping[str, Any]
    headline: str
    lang: Lang
    seconds: float
    """How long it may take."""
    run: Callable[..., Awaitable[Ended]]
    """Runs a program without a shell, in a process group that is killed when time is up."""

    @property
    def body(self) -> bytes:
        """The payload as JSON; the same payload always gives the same bytes."""
        return json.dumps(dict(self.payload), ensure_ascii=False, sort_keys=True).encode()

    @property
    def key(self) -> str:
        """The idempotency key: the same for every attempt."""
        return str(self.payload["idempotency_key"])


class Channel(ABC):
    """One way to tell somebody."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The channel as this machine has it. Raises HookFailed naming the setting that is missing."""

    @abstractmethod
    async def deliver(self, delivery: Delivery) -> None:
        """Deliver once. Raises HookFailed."""


def unset(name: str) -> HookFailed:
    """A setting is missing."""
    return HookFailed(f"{name} is not set", f"{name} が未設定です", permanent=True, unsent=True)


async def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> tuple[int, str]:
    """POST JSON; returns status and the beginning of the answer. Raises HookFailed."""
    answer = await ask("POST", url, headers=headers, body=body, seconds=seconds)
    if answer.trouble == "timeout":
        raise HookFailed(f"no answer within {seconds:g} s", f"{seconds:g} 秒以内に応答なし", unsent=not answer.sent)
    if answer.trouble:
        # The address may be a secret: only the kind of the trouble is told.
        told = f"no usable answer ({answer.trouble})", f"応答を得られません（{answer.trouble}）"
        raise HookFailed(*told, unsent=not answer.sent)
    return answer.status, answer.text


def refused(status: int, text: str) -> HookFailed:
    """An answer that is no success."""
    short = " ".join(text.split())[:100]
    told = f"HTTP {status}" + (f": {short}" if short else "")
    permanent, unsent = status < 500 and status not in LATER, 400 <= status < 500
    return HookFailed(told, told, permanent=permanent, unsent=unsent)

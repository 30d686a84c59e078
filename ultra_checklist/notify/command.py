"""A program of the team's own, with the message as JSON on its stdin."""

from typing import Self

from ultra_checklist.config import Settings
from ultra_checklist.errors import HookFailed
from ultra_checklist.notify.base import Channel, Delivery, unset


class CommandChannel(Channel):
    """Runs it without a shell, with an allow-listed environment; exit code 0 is success."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        self._argv = argv

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The program and its arguments."""
        if not settings.hook_argv:
            raise unset("ULTRA_CHECKLIST_HOOK_COMMAND")
        return cls(settings.hook_argv)

    async def deliver(self, delivery: Delivery) -> None:
        """Run it once; what it says on stderr is a part of its failure."""
        ended = await delivery.run(self._argv, timeout=delivery.seconds, stdin=delivery.body)
        if ended.code != 0:
            last = ended.stderr.strip().rpartition("\n")[2][:100]
            told = f"exit {ended.code}" + (f": {last}" if last else "")
            raise HookFailed(told, told)

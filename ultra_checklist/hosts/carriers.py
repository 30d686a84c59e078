"""How other machines are reached. Few imports: every pass needs to know it, and few ask anybody."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.words import Words

if TYPE_CHECKING:
    from ultra_checklist.hosts.tasks import Answers, Batch
    from ultra_checklist.model import RunsOn

SSH: Final = "ssh://"
NOBODY: Final = "-"
"""In place of a probe's name, where a host did not say what its probes found."""


class Carrier(Protocol):
    """Brings tasks to hosts and answers back; in doubt it does so again: a task runs once all the same."""

    @property
    def patience(self) -> float | None:
        """Seconds for which a pass waits: answers mostly come within them; None: they come at once or never."""

    async def send(self, message: "Batch", fresh: Collection[str]) -> Collection[str]:
        """Hand out tasks for a host; ``message`` holds all that stand, ``fresh`` are the ids of those not sent yet.

        Returns the ids of those that are out. Raises ProbeCannotTell where that cannot be done now.
        """

    async def collect(self, waiting: "Sequence[Batch]") -> "Collected":
        """What has come back by now. Raises ProbeCannotTell where that can be told of nobody."""


class Collected(NamedTuple):
    """What has come back, and of which hosts that cannot be told, and why."""

    answers: "list[Answers]"
    troubles: Mapping[str, ProbeCannotTell]


Make = Callable[[], Carrier]


class Given(NamedTuple):
    """How many answers were given, and what could not be read."""

    answers: int
    problems: Sequence[Words]


class Inbox(Protocol):
    """Where a pass finds what other machines ask of this one."""

    async def run(self) -> "Given":
        """Answer what is new. Raises NotionError and StateError."""


class Carriers:
    """The machines as they are seen from this one, which is called ``label``; empty: it has no name.

    ``labels`` makes what carries to machines with labels, ``ssh`` what carries to addresses; None: there is no such
    way. Who has not answered for ``silence`` seconds, beside what its probes may take, is silent. ``waiting`` hears
    of whom somebody waits for.
    """

    def __init__(
        self,
        label: str = "",
        labels: Make | None = None,
        ssh: Make | None = None,
        silence: float = 180.0,
        waiting: Callable[[Collection[str]], None] = lambda _hosts: None,
    ) -> None:
        self.silence = timedelta(seconds=silence)
        self.waiting = waiting
        self._label = label
        self._ways = {False: labels, True: ssh}
        self._made: dict[bool, Carrier] = {}

    @property
    def alone(self) -> bool:
        """Whether it is the only machine: it has no name and knows no other."""
        return not self._label and not any(self._ways.values())

    def is_here(self, host: str) -> bool:
        """Whether the name of a host means this machine; one without a name is none of those."""
        return bool(self._label) and host == self._label

    def looks_here(self, runs_on: "RunsOn") -> bool:
        """Whether this machine is one of those on which is looked."""
        return not runs_on or any(map(self.is_here, runs_on.hosts))

    def away(self, runs_on: "RunsOn") -> list[str]:
        """The other machines on which is looked."""
        return [host for host in runs_on.hosts if not self.is_here(host)]

    def of(self, host: str) -> Carrier | None:
        """How another machine is reached; None: in no way."""
        by_ssh = host.startswith(SSH)
        make = self._ways[by_ssh]
        if make is not None and by_ssh not in self._made:
            self._made[by_ssh] = make()
        return self._made.get(by_ssh)

    def require(self, host: str) -> Carrier:
        """How another machine is reached. Raises ProbeCannotTell where it is in no way."""
        carrier = self.of(host)
        if carrier is None:
            told = _NO_WAY.filled(host=host)
            raise ProbeCannotTell("no-carrier", told.en, told.ja, remedy=SET_UP)
        return carrier

    def is_out_of_reach(self, host: str) -> bool:
        """Whether a host is another machine, and cannot be asked from here."""
        return not self.is_here(host) and self._ways[host.startswith(SSH)] is None


_NO_WAY = Words(en="{host} cannot be asked from here", ja="ここから {host} に問い合わせる手段がありません")
SET_UP = Words(
    en="Set ULTRA_CHECKLIST_HOST on each machine and run `ultra-checklist init` there, or name a broker",
    ja="各マシンに ULTRA_CHECKLIST_HOST を設定し `ultra-checklist init` を実行するか、ブローカーを指定してください",
)

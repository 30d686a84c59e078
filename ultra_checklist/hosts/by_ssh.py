"""Asks machines over the system's OpenSSH: they need a Python and an account, and nothing is installed there.

The first time the package goes along as one file into the account's cache; from then on an errand is one call over
a connection that is shared. Who the machine is, OpenSSH's known hosts tell: an unknown or changed key is refused.
"""

import asyncio
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from ultra_checklist import disk
from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.hosts.carriers import Collected
from ultra_checklist.hosts.errand import Errand
from ultra_checklist.hosts.parcel import NO_PYTHON, TAG, parcel
from ultra_checklist.hosts.tasks import Answers, Batch
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Words
from ultra_checklist.probes.base import Completed, Context, child_environment
from ultra_checklist.traits import longest

CONNECT: Final = 10
"""Seconds to reach a machine."""
SHARED: Final = 60
"""Seconds for which a connection stays open for the next call."""
_NO_PARCEL: Final = 97
_LONGEST: Final = 120.0
"""Seconds that a call may take: half of what a pass has."""
_SLACK: Final = 20.0
"""Seconds of a call in which nothing is looked at: to connect, to begin."""
_LARGEST: Final = 32 << 20
"""Bytes of an answer that are read."""
_LONGEST_PATH: Final = 50
"""Characters of the folder of sockets: with 41 more, and what OpenSSH adds, the system takes 107."""
_PYTHON: Final = f"$(command -v python{TAG.split()[0]} || command -v python3) || exit {NO_PYTHON}"
_TELL: Final = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_platform())"
_FOLDER: Final = '"${XDG_CACHE_HOME:-$HOME/.cache}/ultra-checklist"'


class SshCarrier:
    """Runs errands on other machines. ``config`` is a file of OpenSSH's settings; None: the user's own.

    Connections are shared, by sockets in the state folder, unless ``shares`` is false.
    """

    patience = None

    def __init__(
        self, home: Path, environment: Mapping[str, str], config: Path | None = None, *, shares: bool = True
    ) -> None:
        self._home = home
        self._shares = shares
        self._config = config
        self._context = Context(environment=child_environment(environment) | _agent(environment))

    async def send(self, message: Batch, fresh: Collection[str]) -> Collection[str]:  # noqa: ARG002 - see collect
        """Nothing goes ahead: who is asked answers at once."""
        return fresh

    async def collect(self, waiting: Sequence[Batch]) -> Collected:
        """Ask them all, side by side."""
        told = await asyncio.gather(*map(self._told, waiting))
        answers = [one for one in told if isinstance(one, Answers)]
        troubles = {b.host: e for b, e in zip(waiting, told, strict=True) if isinstance(e, ProbeCannotTell)}
        return Collected(answers, troubles)

    async def _told(self, batch: Batch) -> Answers | ProbeCannotTell:
        try:
            return await self._ask(batch)
        except ProbeCannotTell as error:
            return error

    async def reach(self, host: str) -> None:
        """Log in and look whether its Python fits. Raises ProbeCannotTell; it writes nothing there."""
        told = f'p={_PYTHON}; exec "$p" -I -S -c {shlex.quote(_TELL)}'
        done = await self._call(host, told, b"", CONNECT + _SLACK)
        tag = done.stdout.strip()
        if done.code == 0 and tag != TAG:
            done = Completed(NO_PYTHON, "", f"Python {tag}")
        if done.code:
            raise _failed(host, done)

    async def _ask(self, batch: Batch) -> Answers:
        manifest = Shelf(self._home).read(batch.release)
        return await self.run(
            Errand(batch=batch, template=manifest.template, variables=manifest.variables.public())
        )

    async def run(self, errand: Errand) -> Answers:
        """Run one errand on its host. Raises ProbeCannotTell where that cannot be done."""
        batch, packed = errand.batch, parcel()
        place = f"{_FOLDER}/{packed.name}.pyz"
        look = f'f={place}; [ -f "$f" ] || exit {_NO_PARCEL}; p={_PYTHON}; exec "$p" -I -S "$f"'
        stdin, items = errand.model_dump_json().encode(), {task.item for task in batch.tasks}
        limits = [longest(item) for item in errand.template.items if item.id in items]
        seconds = min(_LONGEST, max(limits, default=0.0) + _SLACK)
        done = await self._call(batch.host, look, stdin, seconds)
        if done.code == _NO_PARCEL:
            await self._upload(batch.host, place, packed.content)
            done = await self._call(batch.host, look, stdin, seconds)
        if done.code:
            raise _failed(batch.host, done)
        try:
            answers = Answers.model_validate_json(done.stdout)
        except ValidationError as error:
            raise _failed(batch.host, done) from error
        return answers.model_copy(update={"host": batch.host, "release": batch.release})

    async def _upload(self, host: str, place: str, content: bytes) -> None:
        put = f'umask 077; mkdir -p {_FOLDER} && t=$(mktemp {_FOLDER}/new.XXXXXX) && cat > "$t" && mv "$t" {place}'
        done = await self._call(host, put, content, _LONGEST)
        if done.code:
            raise _failed(host, done)

    async def _call(self, host: str, command: str, stdin: bytes, seconds: float) -> Completed:
        argv = ["ssh", *(["-F", str(self._config)] if self._config else [])]
        settings = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": str(CONNECT),
        } | self._sharing()
        for name, value in settings.items():
            argv += ["-o", f"{name}={value}"]
        try:
            parts = urlsplit(host)
            argv += ["-l", parts.username] if parts.username else []
            argv += ["-p", str(parts.port)] if parts.port else []
        except ValueError as error:
            raise _failed(host, Completed(1, "", str(error))) from error
        argv += ["--", parts.hostname or "", f"sh -c {shlex.quote(command)}"]
        said: dict[int, list[bytes]] = {1: [], 2: []}
        done = await self._context.run(
            argv, timeout=seconds, stdin=stdin, each=lambda stream, piece: _keep(said[stream], piece)
        )
        out, err = (b"".join(said[stream]).decode(errors="replace") for stream in (1, 2))
        return Completed(done.code, out, err)

    def _sharing(self) -> dict[str, str]:
        """One connection for all calls, where the path of its socket is short enough for the system."""
        sockets = self._home / "ssh"
        if not self._shares or len(str(sockets)) > _LONGEST_PATH:
            return {}
        disk.make_folder(sockets)
        return {"ControlMaster": "auto", "ControlPath": f"{sockets}/%C", "ControlPersist": str(SHARED)}


def _keep(pieces: list[bytes], piece: bytes) -> None:
    """Keep output as long as it is of a size that answers have."""
    if sum(map(len, pieces)) + len(piece) <= _LARGEST:
        pieces.append(piece)


def _agent(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in ("SSH_AUTH_SOCK",) if name in environment}


def _failed(host: str, done: Completed) -> ProbeCannotTell:
    lines = done.stderr.strip().splitlines()
    why = lines[-1] if lines else f"exit {done.code}"
    if done.code == NO_PYTHON:
        told = _NO_PYTHON.filled(host=host, why=why, wanted=TAG)
    else:
        told = _NOT_REACHED.filled(host=host, why=why)
    return ProbeCannotTell("ssh", told.en, told.ja, remedy=_TRY.filled(host=host))


_NOT_REACHED = Words(en="{host} cannot be asked: {why}", ja="{host} に問い合わせできません: {why}")
_NO_PYTHON = Words(
    en="{host} has {why}, and Python {wanted} is needed", ja="{host} は {why} です。Python {wanted} が必要です"
)
_TRY = Words(en="Try it by hand: ssh {host} true", ja="手動で確認してください: ssh {host} true")

"""Logs that a program tells: the systemd journal by ``journalctl``, containers by ``docker logs``.

Both are read from the newest entry that was there when the mark was made, which must come again: where it does not,
what followed it may be gone too. Formats: systemd's JOURNAL_EXPORT_FORMATS ("Journal JSON Format") and
journalctl(1); ``docker logs --timestamps`` puts RFC 3339 times of nine decimals before each line.
"""

import json
import re
import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Frozen
from ultra_checklist.probes.base import Context
from ultra_checklist.probes.loglevels import SYSLOG
from ultra_checklist.probes.loglines import Cutter, Reader, Stream

MAX_ENTRY = 4 << 20
"""Bytes of an entry of the journal that is still read."""
MAX_STREAMS = 256
"""Processes of a unit whose lines are kept apart."""
MAX_TOLD = 2000
"""Characters kept of what a program says of itself."""
_JOURNALCTL = (
    "journalctl", "--no-pager", "--output=json", "--all",
    "--output-fields=MESSAGE,PRIORITY,_PID,SYSLOG_IDENTIFIER,N_DROPPED",
)  # fmt: skip
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d)) ?")


class Entry(Frozen):
    """The newest entry of a source: a cursor of the journal, or a time and the container that wrote it."""

    at: str = ""
    """Empty: there was none."""
    container: str = ""


class Journal:
    """The entries of one unit."""

    def __init__(self, unit: str, *, user: bool, folder: str) -> None:
        self.where = unit
        self._which = [f"--directory={folder}"] if folder else ["--user"] if user else []
        self._which.append(f"--user-unit={unit}" if user else f"--unit={unit}")
        self._rest = b""
        self._damaged = False
        self._told = ""

    async def newest(self, context: Context, timeout: float) -> Entry:  # noqa: ASYNC109 - the program is killed then
        """The newest entry there is."""
        found: list[Any] = []
        await self._run(context, ["--lines=1"], timeout, found.append)
        return Entry(at=str(found[-1].get("__CURSOR", "")) if found else "")

    async def read(self, context: Context, since: Entry, reader: Reader, timeout: float) -> str:  # noqa: ASYNC109
        """Read all that followed an entry. Gives a reason where something is lost, else ""."""
        streams: dict[str, Stream] = {}
        lost = {"rotated-away"} if since.at else set()

        def entry(record: dict[str, Any]) -> None:
            if record.get("__CURSOR") == since.at:
                lost.discard("rotated-away")
                return
            if "N_DROPPED" in record:
                lost.add("messages-dropped")
            self._entry(record, reader, streams)

        await self._run(context, [f"--cursor={since.at}"] if since.at else [], timeout, entry)
        for stream in streams.values():
            stream.finish()
        if self._damaged:
            lost.add("unreadable-entry")
        return min(lost, default="")

    def _entry(self, record: dict[str, Any], reader: Reader, streams: dict[str, Stream]) -> None:
        who = str(record.get("_PID", ""))
        if who not in streams and len(streams) >= MAX_STREAMS:
            streams.pop(next(iter(streams))).finish()
        stream = streams.setdefault(who, Stream(reader, self.where))
        severity = _severity(record.get("PRIORITY"))
        at = int(record.get("__REALTIME_TIMESTAMP", 0)) / 1e6
        before = reader.lines
        for number, line in enumerate(_text(record.get("MESSAGE")).split("\n")):
            stream.line(line, at, severity if number == 0 else "")
        if who == "1" or record.get("SYSLOG_IDENTIFIER") == "systemd":
            # What systemd tells of a unit is no sign of life of the unit.
            reader.lines = before

    async def _run(self, context: Context, more: Sequence[str], timeout: float, entry: Any) -> None:  # noqa: ASYNC109
        def each(number: int, data: bytes) -> None:
            if number == 2:
                self._told = (self._told + data.decode(errors="replace"))[:MAX_TOLD]
                return
            *whole, self._rest = (self._rest + data).split(b"\n")
            for line in whole:
                self._one(line, entry)
            if len(self._rest) > MAX_ENTRY:
                self._rest, self._damaged = b"", True

        done = await context.run([*_JOURNALCTL, *self._which, *more], timeout=timeout, each=each)
        self._one(self._rest, entry)
        self._rest = b""
        self._require(done.code)

    def _one(self, line: bytes, entry: Any) -> None:
        if not line.startswith(b"{"):
            # "-- No entries --" and its kin; or the end of an entry that was too long.
            return
        try:
            entry(json.loads(line))
        except (ValueError, TypeError, RecursionError):
            # Half an entry, or one that is not as journalctl writes them.
            self._damaged = True

    def _require(self, code: int) -> None:
        told, remedy = " ".join(self._told.split()), shlex.join(["journalctl", *self._which, "-n", "20"])
        if "permission" in told.lower() or "not seeing messages" in told:
            raise ProbeCannotTell(
                "permission-denied",
                f"the journal of {self.where} may not be read by this user",
                f"このユーザーは {self.where} のジャーナルを読めません",
                remedy="sudo usermod -aG systemd-journal $USER",
            )
        if code != 0 or "corrupted" in told or "ignoring file" in told:
            raise ProbeCannotTell(
                "journal-failed",
                f"journalctl did not answer well: {told[:200] or code}",
                f"journalctl が失敗しました: {told[:200] or code}",
                remedy=remedy,
            )


class Container:
    """What one container writes to stdout and stderr."""

    def __init__(self, name: str) -> None:
        self.where = name
        self._told = ""

    async def newest(self, context: Context, timeout: float) -> Entry:  # noqa: ASYNC109 - the program is killed then
        """The newest line; none where there is no such container yet."""
        try:
            container = await self._id(context, timeout)
        except ProbeCannotTell as error:
            if error.reason == "no-such-container":
                return Entry()
            raise
        found: list[str] = []

        def stamp(_number: int, stamp: str, _text: str) -> None:
            found.append(stamp)

        await self._run(context, ["--tail=1", container], timeout, stamp)
        return Entry(at=max(found, default=""), container=container)

    async def read(self, context: Context, since: Entry, reader: Reader, timeout: float) -> str:  # noqa: ASYNC109
        """Read all that followed a line; all of it where the container is another one by now."""
        container = await self._id(context, timeout)
        mark = since.at if since.container == container else ""
        streams = {1: Stream(reader, self.where), 2: Stream(reader, self.where)}
        lost = {"rotated-away"} if mark else set()

        def line(number: int, stamp: str, text: str) -> None:
            if mark and stamp <= mark:
                lost.discard("rotated-away")
                return
            streams[number].line(text, _epoch(stamp))

        await self._run(context, [*([f"--since={mark}"] if mark else []), container], timeout, line)
        for stream in streams.values():
            stream.finish()
        return min(lost, default="")

    async def _id(self, context: Context, timeout: float) -> str:  # noqa: ASYNC109 - the program is killed then
        argv = ["docker", "inspect", "--type=container", "--format={{.Id}}", "--", self.where]
        done = await context.run(argv, timeout=timeout)
        if done.code != 0:
            raise self._cannot(done.stderr)
        return done.stdout.strip()

    async def _run(self, context: Context, more: Sequence[str], timeout: float, line: Any) -> None:  # noqa: ASYNC109
        cutters = {1: Cutter(), 2: Cutter()}
        last: dict[int, str] = {}

        def one(number: int, text: str) -> None:
            stamp = _STAMP.match(text)
            if stamp is not None:
                last[number] = stamp.group(1)
                line(number, last[number], text[stamp.end() :])
                return
            # The client's own words, or the rest of a line that was too long.
            self._told = (self._told + text + "\n")[:MAX_TOLD]
            if number in last:
                line(number, last[number], text)

        def each(number: int, data: bytes) -> None:
            for text in cutters[number].lines(data):
                one(number, text)

        self._told = ""
        done = await context.run(["docker", "logs", "--timestamps", *more], timeout=timeout, each=each)
        for number, cutter in cutters.items():
            rest = cutter.finish()
            if rest:
                one(number, rest.decode(errors="replace"))
        if done.code != 0:
            raise self._cannot(self._told)

    def _cannot(self, told: str) -> ProbeCannotTell:
        text, low = " ".join(told.split())[:200], told.lower()
        remedy = f"docker logs --tail 20 {shlex.quote(self.where)}"
        if "no such" in low:
            return ProbeCannotTell(
                "no-such-container",
                f"there is no container {self.where}",
                f"コンテナ {self.where} がありません",
                remedy="docker ps --all",
            )
        if "permission denied" in low:
            return ProbeCannotTell(
                "permission-denied",
                "the docker daemon may not be asked by this user",
                "このユーザーは docker デーモンにアクセスできません",
                remedy="sudo usermod -aG docker $USER",
            )
        if "cannot connect" in low or "is the docker daemon running" in low or "error during connect" in low:
            return ProbeCannotTell(
                "daemon-down",
                "the docker daemon does not answer",
                "docker デーモンが応答しません",
                remedy="systemctl status docker",
            )
        return ProbeCannotTell(
            "docker-failed",
            f"docker does not tell the log of {self.where}: {text}",
            f"{self.where} のログを取得できません: {text}",
            remedy=remedy,
        )


def _severity(priority: object) -> str:
    """The level of an entry from warning upward; what is lesser tells the line itself."""
    text = str(priority)
    return SYSLOG[int(text)] if text in ("0", "1", "2", "3") else ""


def _text(message: object) -> str:
    """A MESSAGE: text, bytes as numbers where it is no UTF-8 text, or several of them."""
    if isinstance(message, list):
        if all(isinstance(part, int) and 0 <= part < 256 for part in message):
            return bytes(message).decode(errors="replace")
        return "\n".join(_text(part) for part in message)
    return "" if message is None else str(message)


def _epoch(stamp: str) -> float | None:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None

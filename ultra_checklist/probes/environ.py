"""The environment of a running process, from ``/proc/PID/environ`` (proc(5)) or ``docker inspect``.

That is the environment with which it was started; what a program sets for itself later is not seen there.
Values are handed to the one who compares them and are never kept.
"""

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, model_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Frozen
from ultra_checklist.probes.base import Context, Pattern
from ultra_checklist.probes.file import read_file
from ultra_checklist.words import Words

_PROC = Path("/proc")
_MAX = 1 << 22


class ProcessSource(Frozen):
    """Which process is meant: exactly one of these."""

    pid_file: str | None = Field(default=None, min_length=1, description="A file that holds its number.")
    unit: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_][\w@:.\\-]*$", description="The systemd unit whose main process it is."
    )
    container: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][\w.-]*$", description="The docker container in which it runs."
    )
    pattern: Pattern | None = Field(
        default=None, min_length=1, description="Regular expression for its command line; all that match count."
    )

    @model_validator(mode="after")
    def _one(self) -> "ProcessSource":
        if sum(value is not None for value in (self.pid_file, self.unit, self.container, self.pattern)) != 1:
            raise WrongValue(
                "name the process by one of pid_file, unit, container or pattern",
                "プロセスは pid_file、unit、container、pattern のいずれか 1 つで指定してください",
            )
        return self


async def environments(source: ProcessSource, context: Context, timeout: float) -> list[Mapping[str, str]]:  # noqa: ASYNC109 - handed on to programs
    """The environment of each process that is meant, at least one. Raises ProbeCannotTell."""
    if source.container is not None:
        return [await _of_container(source.container, context, timeout)]
    if source.unit is not None:
        pids = [await _of_unit(source.unit, context, timeout)]
    elif source.pid_file is not None:
        pids = [_of_file(context.path(source.pid_file))]
    else:
        pids = _matching(source.pattern or "")
    return [_environ(pid) for pid in pids]


def _environ(pid: int) -> Mapping[str, str]:
    path = _PROC / str(pid) / "environ"
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise _no_process(f"process {pid} has gone", f"プロセス {pid} は終了しています", f"ps -p {pid}") from error
    except OSError as error:
        raise ProbeCannotTell(
            "process-not-readable",
            f"the environment of process {pid} may not be read: {error.strerror}",
            f"プロセス {pid} の環境変数を読み取れません: {error.strerror}",
            remedy=Words(
                en=f"run as the user of the process, or as root: sudo test -r {path}",
                ja=f"プロセスのユーザーか root で実行してください: sudo test -r {path}",
            ),
        ) from error
    fields = (entry.decode("utf-8", "surrogateescape").partition("=") for entry in raw.split(b"\0"))
    return {name: value for name, mark, value in fields if mark}


def _of_file(path: Path) -> int:
    try:
        text = read_file(path, limit=64).decode("ascii", "replace").strip()
    except OSError as error:
        raise _no_process(
            f"{path} cannot be read: {error.strerror}",
            f"{path} を読み取れません: {error.strerror}",
            f"ls -l {shlex.quote(str(path))}",
        ) from error
    if not re.fullmatch(r"[1-9]\d{0,9}", text):
        raise _no_process(
            f"{path} holds no process number", f"{path} に PID がありません", f"cat {shlex.quote(str(path))}"
        )
    return int(text)


def _matching(pattern: str) -> list[int]:
    ours = set(_ancestors())
    found: list[int] = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) in ours:
            continue
        try:
            command = (entry / "cmdline").read_bytes()[:_MAX].replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if command and re.search(pattern, command):
            found.append(int(entry.name))
    if not found:
        raise _no_process(
            f"no process has a command line like {pattern}",
            f"コマンドラインが {pattern} に一致するプロセスがありません",
            f"pgrep -af {shlex.quote(pattern)}",
        )
    return sorted(found)


def _ancestors() -> list[int]:
    """This process and those that started it: their command lines name the pattern too."""
    pid, found = os.getpid(), []
    while pid > 0:
        found.append(pid)
        try:
            # The name stands in parentheses and may hold anything; what follows is the state and the parent.
            pid = int((_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            break
    return found


async def _of_unit(unit: str, context: Context, timeout: float) -> int:  # noqa: ASYNC109 - handed on
    argv = ["systemctl", "show", "--property=MainPID", "--value", "--", unit]
    done = await context.run(argv, timeout=timeout)
    text = done.stdout.strip()
    if done.code == 0 and re.fullmatch(r"[1-9]\d{0,9}", text):
        return int(text)
    remedy = f"systemctl status {shlex.quote(unit)}"
    if done.code != 0:
        told = done.stderr.strip().partition("\n")[0][:120] or f"exit code {done.code}"
        raise ProbeCannotTell(
            "no-systemd", f"systemctl did not answer: {told}", f"systemctl が応答しません: {told}", remedy=remedy
        )
    raise _no_process(f"{unit} has no running process", f"{unit} のプロセスが動作していません", remedy)


async def _of_container(name: str, context: Context, timeout: float) -> Mapping[str, str]:  # noqa: ASYNC109 - handed on
    argv = ["docker", "inspect", "--type", "container", "--format", "{{json .Config.Env}}", name]
    done = await context.run(argv, timeout=timeout)
    remedy = f"docker inspect {shlex.quote(name)}"
    if done.code != 0 and "no such" in done.stderr.lower():
        raise _no_process(f"there is no container {name}", f"コンテナ {name} がありません", remedy)
    try:
        listed = json.loads(done.stdout) if done.code == 0 and not done.truncated else None
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        raise ProbeCannotTell(
            "no-docker", "docker did not tell its environment", "docker から環境変数を取得できません", remedy=remedy
        )
    return {name: value for name, mark, value in (str(entry).partition("=") for entry in listed) if mark}


def _no_process(en: str, ja: str, remedy: str) -> ProbeCannotTell:
    return ProbeCannotTell("no-process", en, ja, remedy=remedy)

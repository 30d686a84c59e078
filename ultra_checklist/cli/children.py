"""Our own commands as processes of the demo: each ends with it."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ultra_checklist.cli.boundary import say
from ultra_checklist.errors import CannotTellError
from ultra_checklist.words import Words


@contextmanager
def process(
    arguments: list[str], environment: dict[str, str], stderr: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """One of our own commands in a process of its own, ended when the block ends."""
    command = [sys.executable, "-m", "ultra_checklist", *arguments]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment, start_new_session=True
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=10)
        if child.poll() is None:
            child.kill()
            child.wait()
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()


def call(arguments: list[str], environment: dict[str, str]) -> str:
    """One of our own commands that must work; gives its stdout. Raises CannotTellError."""
    command = [sys.executable, "-m", "ultra_checklist", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise CannotTellError(_FAILED.filled(command=arguments[0], text=done.stderr), remedy=_REPORT)
    return done.stdout


def attempt(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """One of our own commands whose exit code is for people to read; also what it said."""
    command = [sys.executable, "-m", "ultra_checklist", *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    return done.returncode, done.stdout


def ourselves() -> str:
    """How this program is called, for people to copy."""
    own = Path(sys.argv[0])
    return str(own.absolute()) if own.name == "ultra-checklist" else f"{sys.executable} -m ultra_checklist"


def pass_on(child: subprocess.Popen[str]) -> None:
    """Pass the worker's lines on, until it ends."""
    if child.stderr is not None:
        for line in child.stderr:
            say(_WORKER.filled(line=line.rstrip()))


_FAILED = Words(en="the demo's `{command}` failed:\n{text}", ja="デモの `{command}` が失敗しました:\n{text}")
_REPORT = Words(en="Report this with its text", ja="この内容を添えて報告してください")
_WORKER = Words(en="  worker | {line}", ja="  ワーカー | {line}")

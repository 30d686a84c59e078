"""What keeps the pretend backend running, as a container runtime does: starts it, watches it, knows its health."""

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ultra_checklist.demo import control
from ultra_checklist.demo.service import LOOPBACK

CHECK_EVERY = 0.25
"""Seconds between two health checks."""
UNHEALTHY_AFTER = 3
"""Failed health checks in a row."""
NEVER = datetime(1, 1, 1, tzinfo=UTC)
_KEPT = ("PATH", "PYTHONPATH", "TMPDIR")


def image_of(commit: str) -> str:
    """The digest of the image that is built of a commit: the same commit gives the same image."""
    return f"sha256:{hashlib.sha256(f'image of {commit}'.encode()).hexdigest()}"


@dataclass(frozen=True)
class Check:
    """One health check."""

    start: datetime
    end: datetime
    code: int
    output: str


@dataclass
class State:
    """What is known of the container now."""

    id: str = ""
    version: str = ""
    commit: str = ""
    status: str = "created"
    pid: int = 0
    exit_code: int = 0
    restarts: int = 0
    created: datetime = NEVER
    started: datetime = NEVER
    finished: datetime = NEVER
    environment: Mapping[str, str] = field(default_factory=dict)
    checks: deque[Check] = field(default_factory=lambda: deque(maxlen=5))
    failing: int = 0
    healthy: bool = False

    @property
    def health(self) -> str:
        """As docker names it."""
        if self.failing >= UNHEALTHY_AFTER:
            return "unhealthy"
        return "healthy" if self.healthy else "starting"


class Container:
    """One backend process and whoever starts it anew when it ends.

    Another release in the run folder makes it another container; an end without that counts as a restart.
    """

    def __init__(self, name: str, run_folder: Path, env_file: Path, *, hours: float = 0.0) -> None:
        self.name = name
        self.run_folder = run_folder
        self.state = State()
        self.port = 0
        self._env_file = env_file
        self._hours = hours
        self._end = threading.Event()
        self._wanted = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._wanted.set()
        self._started = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"{name} {work.__name__}", daemon=True)
            for work in (self._keep_running, self._keep_checking)
        ]

    def start(self, seconds: float = 20.0) -> None:
        """Start and wait until it serves. Raises RuntimeError when it does not in time."""
        for thread in self._threads:
            thread.start()
        if not self._started.wait(seconds):
            self.close()
            raise RuntimeError(f"the pretend {self.name} did not start")

    @property
    def url(self) -> str:
        """The backend's address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def stop(self, seconds: float = 10.0) -> None:
        """Let it end and stay so; returns when it has, and kills it after some seconds, as ``docker stop`` does."""
        self._wanted.clear()
        self.restart()
        end = time.monotonic() + seconds
        while self.state.status != "exited" and self._threads[0].is_alive():
            if time.monotonic() > end and self._process is not None:
                self._process.kill()
            time.sleep(CHECK_EVERY / 5)

    def start_again(self) -> None:
        """Take a stop back."""
        self._wanted.set()

    def restart(self) -> None:
        """End the process; it comes back unless it was told to stop."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def wait_for_health(self, health: str, seconds: float = 10.0) -> None:
        """Wait until its health is that. Raises RuntimeError when it is not in time."""
        end = time.monotonic() + seconds
        while self.state.health != health:
            if time.monotonic() > end:
                raise RuntimeError(f"the pretend {self.name} did not become {health}")
            time.sleep(CHECK_EVERY / 5)

    def close(self) -> None:
        """End it for good."""
        self._end.set()
        self._wanted.set()
        self.restart()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _keep_running(self) -> None:
        pause = 0.0
        while not self._end.wait(pause):
            if not self._wanted.is_set():
                self.state.status = "exited"
            self._wanted.wait()
            if self._end.is_set():
                return
            served = self._run_once()
            pause = 0.0 if served else min(pause * 2 + 0.1, 1.0)

    def _run_once(self) -> bool:
        """Start the process and wait for its end; tells whether it had begun to serve."""
        self._begin()
        command = [sys.executable, "-m", "ultra_checklist.demo.backend", str(self.run_folder)]
        command += ["--port", str(self.port), "--hours", str(self._hours)]
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONUTF8": "1"}
        with (
            (self.run_folder / "backend.err").open("ab") as errors,
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # it ends when we do and this closes
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment | dict(self.state.environment),
                start_new_session=True,  # Ctrl-C is ours to pass on
            ) as process,
        ):
            self._process = process
            self.state.pid, self.state.started = process.pid, datetime.now(UTC)
            if self._end.is_set() or not self._wanted.is_set():
                process.terminate()
            line = process.stdout.readline() if process.stdout is not None else ""
            served = line.startswith("ready ")
            if served:
                self.port = int(line.split()[1])
                self.state.status = "running"
                self._started.set()
            code = process.wait()
        self.state.finished, self.state.exit_code, self.state.pid = datetime.now(UTC), code, 0
        self.state.status = "restarting" if self._wanted.is_set() else "exited"
        return served

    def _begin(self) -> None:
        """Another container where another release was deployed, else the old one once more."""
        version, commit = control.release(self.run_folder)
        old = self.state
        now = datetime.now(UTC)
        if (version, commit) == (old.version, old.commit):
            old.restarts += 1
            old.failing, old.healthy = 0, False
            return
        seed = f"{self.run_folder}{version}{commit}{now.isoformat()}".encode()
        self.state = State(
            hashlib.sha256(seed).hexdigest(), version, commit, created=now, environment=_values(self._env_file)
        )

    def _keep_checking(self) -> None:
        while not self._end.wait(CHECK_EVERY):
            state = self.state
            if state.status == "running":
                start = datetime.now(UTC)
                code, output = self._ask()
                state.checks.append(Check(start, datetime.now(UTC), code, output))
                state.healthy = state.healthy or code == 0
                state.failing = 0 if code == 0 else state.failing + 1

    def _ask(self) -> tuple[int, str]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/health", timeout=2) as answer:
                return 0, f"HTTP {answer.status}"
        except OSError as error:
            return 1, str(error)


def _values(env_file: Path) -> dict[str, str]:
    """NAME=VALUE lines, as ``docker run --env-file`` takes them; nothing where there is no such file."""
    if not env_file.is_file():
        return {}
    lines = (line.strip() for line in env_file.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}

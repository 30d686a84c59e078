"""A real manager of systemd user units of our own, for a session of tests, whatever this machine was booted with.

It needs root, systemd (252 was tried) and cgroups v2, mounted anywhere. ``systemctl --user`` reaches it through
XDG_RUNTIME_DIR; the machine's own managers are not touched.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.probes.components import CannotStartError, give_up

_SCRIPT = Path(__file__).with_name("user_manager.sh")


class UserManager:
    """A running manager, and units in it."""

    def __init__(self, folder: Path, cgroup: Path) -> None:
        self.runtime = folder / "run"
        self.units = folder / "home/.config/systemd/user"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(self.runtime),
        }
        self.folder = folder
        self.cgroup = cgroup
        self.process: subprocess.Popen[bytes]

    def ready(self, seconds: float = 20) -> None:
        """Wait until it answers. Raises CannotStartError with the end of its log."""
        give_up_at = time.monotonic() + seconds
        while self.systemctl("show", "--property=Version", check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                log = (self.folder / "log").read_text(errors="replace")
                raise CannotStartError(f"systemd --user does not start: {log[-800:]}")
            time.sleep(0.05)

    def systemctl(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Ask it, or tell it, something."""
        done = subprocess.run(
            ["systemctl", "--user", *arguments],
            env=self.environment | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, f"systemctl {' '.join(arguments)}: {done.stderr}"
        return done

    def add(self, name: str, text: str) -> None:
        """Write a unit and let it be read; it is not started."""
        (self.units / name).write_text(text)
        self.systemctl("daemon-reload")

    def show(self, name: str) -> dict[str, str]:
        """All properties of a unit."""
        return dict(line.partition("=")[::2] for line in self.systemctl("show", name).stdout.splitlines())

    def until(
        self, name: str, condition: Callable[[Mapping[str, str]], object], seconds: float = 20
    ) -> dict[str, str]:
        """Wait until the properties of a unit fulfil a condition, and give them."""
        give_up_at = time.monotonic() + seconds
        while True:
            found = self.show(name)
            if condition(found):
                return found
            assert time.monotonic() < give_up_at, f"{name} did not get there: {found['ActiveState']}"
            time.sleep(0.05)

    def stop(self) -> None:
        """End the manager with all its units, and leave no cgroup and no file behind."""
        # unshare takes no notice of SIGTERM.
        if self.cgroup.exists():
            (self.cgroup / "cgroup.kill").write_text("1")
        self.process.kill()
        self.process.wait()
        give_up_at = time.monotonic() + 10
        while self.cgroup.exists() and time.monotonic() < give_up_at:
            for place, _, _ in os.walk(self.cgroup, topdown=False):
                # A cgroup is busy for a moment after what was in it has ended.
                with contextlib.suppress(OSError):
                    Path(place).rmdir()
            time.sleep(0.02)
        shutil.rmtree(self.folder)


def _cgroups() -> Path:
    """Where cgroups v2 are mounted: at another place than usual where v1 is used beside it."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2" and os.access(place, os.W_OK):
            return Path(place)
    raise CannotStartError("cgroups v2 are mounted nowhere, or may not be written to")


@contextlib.contextmanager
def running_user_manager() -> Iterator[UserManager]:
    """A manager for as long as the block lasts. Raises CannotStartError."""
    if os.getuid() != 0 or not Path("/lib/systemd/systemd").exists():
        raise CannotStartError("a manager of user units needs root and: apt-get install systemd")
    cgroups = _cgroups()
    folder = Path(tempfile.mkdtemp(prefix="uc-systemd-"))
    (folder / "run").mkdir(mode=0o700)
    (folder / "home/.config/systemd/user").mkdir(parents=True)
    cgroup = cgroups / folder.name
    made = UserManager(folder, cgroup)
    with (folder / "log").open("wb") as log:
        made.process = subprocess.Popen(
            # It ends with us even if we are killed, and then takes its units with it.
            ["setpriv", "--pdeathsig", "KILL", str(_SCRIPT), str(cgroup)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=made.environment,
            start_new_session=True,
        )
    try:
        made.ready()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def systemd_user() -> Iterator[UserManager]:
    """One manager for all tests; each adds its own units."""
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(running_user_manager())
        except CannotStartError as error:
            give_up(error)
        yield made

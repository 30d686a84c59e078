"""A real Docker daemon of our own, for a session of tests: nothing of the machine's own Docker is touched.

It needs root, ``dockerd`` with containerd and runc (Debian: docker.io) and a static busybox (busybox-static).
It makes no bridge and no firewall rule, so its containers have no network, or the machine's.
"""

import contextlib
import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from tests.probes.components import CannotStartError, give_up

IMAGE = "local/busybox:1"
REVISION = "0123456789abcdef0123456789abcdef01234567"
"""The commit that the image names in its label."""
# A process may not raise its limits everywhere, and Docker's own defaults would be higher than ours are.
_FLAGS = (
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--userland-proxy=false",
    "--shutdown-timeout=1",
    "--default-ulimit=nofile=4096:4096",
    "--default-ulimit=nproc=4096:4096",
)


class Dockerd:
    """A running daemon, and containers in it."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.host = f"unix://{folder / 'docker.sock'}"
        self.folder = folder
        self.process = process
        self.client: docker.DockerClient

    def connect(self, seconds: float = 30) -> None:
        """Wait until it answers. Raises CannotStartError with the end of its log."""
        give_up_at = time.monotonic() + seconds
        while True:
            try:
                # The SDK itself leaves a socket open that it could not connect.
                with socket.socket(socket.AF_UNIX) as knocking:
                    knocking.connect(str(self.folder / "docker.sock"))
                self.client = docker.DockerClient(self.host, version="auto", timeout=60)
                return
            except (OSError, DockerException):
                if self.process.poll() is not None or time.monotonic() > give_up_at:
                    log = (self.folder / "log").read_text(errors="replace")
                    raise CannotStartError(f"dockerd does not start: {log[-800:]}") from None
            time.sleep(0.05)

    def add_image(self, name: str, revision: str = REVISION) -> str:
        """An image that has busybox and nothing else; gives its id."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add("/bin/busybox", "bin/busybox")
            for applet in ("sh", "sleep", "cat", "true", "false", "echo", "touch", "rm", "env"):
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        repository, _, tag = name.partition(":")
        self.client.api.import_image_from_data(
            packed.getvalue(),
            repository=repository,
            tag=tag,
            changes=[f"LABEL org.opencontainers.image.revision={revision}"] if revision else [],
        )
        return str(self.client.images.get(name).id)

    def run(self, name: str, command: str = "sleep 1000", image: str = IMAGE, **options: Any) -> Container:
        """Start a container; ``command`` is a shell's, as whose child nothing waits for a signal."""
        self.remove(name)
        made: Container = self.client.containers.run(
            image, ["sh", "-c", f"exec {command}"], name=name, detach=True, network_mode="none", **options
        )
        return made

    def remove(self, name: str) -> None:
        """Remove a container, if there is one of that name."""
        with contextlib.suppress(NotFound):
            self.client.containers.get(name).remove(force=True)

    def until(self, name: str, condition: Callable[[Mapping[str, Any]], object], seconds: float = 30) -> Any:
        """Wait until an inspection of a container fulfils a condition, and give it."""
        give_up_at = time.monotonic() + seconds
        while True:
            found = self.client.api.inspect_container(name)
            if condition(found):
                return found
            assert time.monotonic() < give_up_at, f"{name} did not get there: {found['State']}"
            time.sleep(0.05)

    def stop(self) -> None:
        """End all containers and the daemon, and leave no mount and no file behind."""
        if hasattr(self, "client"):
            with contextlib.suppress(DockerException):
                for container in self.client.containers.list(all=True):
                    container.remove(force=True)
            self.client.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def running_dockerd() -> Iterator[Dockerd]:
    """A daemon for as long as the block lasts. Raises CannotStartError."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    program = shutil.which("dockerd", path=path)
    if program is None or not Path("/bin/busybox").exists() or os.getuid() != 0:
        raise CannotStartError("a Docker daemon needs root and: apt-get install docker.io busybox-static")
    # A socket's path must be short, which pytest's folders are not.
    folder = Path(tempfile.mkdtemp(prefix="uc-dockerd-"))
    # containerd allows no underscore at a name's end, and chance may put one there.
    namespace = folder.name.replace("_", "0")
    (folder / "daemon.json").write_text("{}")
    own = [
        f"--config-file={folder}/daemon.json",
        f"--host=unix://{folder}/docker.sock",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/docker.pid",
        # Where the machine's own containerd is running, ours are kept apart from its containers.
        f"--containerd-namespace={namespace}",
        f"--containerd-plugins-namespace={namespace}-plugins",
    ]
    # It ends with us even if we are killed.
    argv = ["setpriv", "--pdeathsig", "TERM", program, *own, *_FLAGS]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"PATH": path}
        )
    made = Dockerd(folder, process)
    try:
        made.connect()
        made.add_image(IMAGE)
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """One daemon for all tests; each starts its own containers."""
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(running_dockerd())
        except CannotStartError as error:
            give_up(error)
        yield made

"""A real sshd on a free port of the loopback, with keys and a cache of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.probes.components import CannotStartError, give_up
from tests.shell import free_port


@dataclass
class Sshd:
    """Where it answers, and the settings by which an ssh finds it."""

    address: str
    config: Path
    cache: Path
    known_hosts: Path
    command: list[str]
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE)
        said = b""
        for line in self.process.stderr or ():
            said += line
            if b"Server listening" in line:
                return
        pytest.fail(f"sshd did not start: {said!r}")

    def kill(self) -> None:
        """End it, and the connection that is shared."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def hang_up(self, sockets: Path) -> None:
        """End the connections that are shared, as the end of the machine would."""
        port = self.address.rpartition(":")[2]
        words = ["ssh", "-F", str(self.config), "-o", f"ControlPath={sockets}/%C", "-O", "exit", "-p", port]
        subprocess.run([*words, "127.0.0.1"], check=False, capture_output=True)


def key(path: Path) -> str:
    """A new key pair; its public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text(encoding="utf-8")


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """Until the block ends. Skips, or fails in CI, where the machine has none."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(program).exists():
        give_up(CannotStartError("sshd is not installed (openssh-server)"))
    folder.mkdir()
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    host_key, user_key = key(folder / "host"), key(folder / "user")
    (folder / "authorized").write_text(user_key, encoding="utf-8")
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {host_key}", encoding="utf-8")
    cache = folder / "cache"
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPidFile none\n"
        f"SetEnv XDG_CACHE_HOME={cache}\n",
        encoding="utf-8",
    )
    config = folder / "ssh_config"
    config.write_text(
        f"Host *\n  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n"
        "  GlobalKnownHostsFile /dev/null\n",
        encoding="utf-8",
    )
    command = [program, "-D", "-e", "-f", str(folder / "sshd_config")]
    made = Sshd(f"ssh://127.0.0.1:{port}", config, cache, known, command)
    made.start()
    try:
        yield made
    finally:
        made.kill()

"""The log probe on real journal files and on a real docker daemon."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probes.baselines import Watched
from tests.probes.looking import said
from ultra_checklist.probes.loglines import Cutter

REMOTE = Path("/lib/systemd/systemd-journal-remote")
UNIT = "backend.service"


def needs(condition: bool, what: str) -> None:
    """Skip where a part is not installed; in CI that is a failure."""
    if not condition:
        assert not os.environ.get("CI"), f"{what} is needed"
        pytest.skip(f"{what} is not here")


class Journal:
    """A folder with one real journal file, and the probe that watches a unit there."""

    def __init__(self, folder: Path) -> None:
        needs(REMOTE.exists() and shutil.which("journalctl") is not None, "systemd-journal-remote")
        self.folder = folder / "journal"
        self.folder.mkdir()
        self.count = 0
        self.watched = Watched("log", {"unit": UNIT, "journal": str(self.folder)})

    def write(self, *messages: str | bytes, file: str = "a", seconds: float = 1, **fields: str) -> None:
        """Add entries, in systemd's export format."""
        data = b""
        for message in messages:
            self.count += int(seconds * 1_000_000)
            known = {
                "__REALTIME_TIMESTAMP": str(1_772_000_000_000_000 + self.count),
                "__MONOTONIC_TIMESTAMP": str(self.count), "_BOOT_ID": "0" * 31 + "1",
                "_SYSTEMD_UNIT": UNIT, "_PID": "10", "PRIORITY": "6", **fields,
            }  # fmt: skip
            raw = message if isinstance(message, bytes) else message.encode()
            data += "".join(f"{name}={value}\n" for name, value in known.items()).encode()
            data += b"MESSAGE\n" + len(raw).to_bytes(8, "little") + raw + b"\n\n"
        command = [str(REMOTE), "-o", str(self.folder / f"{file}.journal"), "-"]
        subprocess.run(command, input=data, check=True, capture_output=True)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path)
    made.write("started", "CRITICAL long ago")
    made.watched.begin()
    return made


def test_what_the_unit_says_since_the_deploy(journal: Journal) -> None:
    journal.write("served")
    journal.write("CRITICAL of another", _SYSTEMD_UNIT="other.service")
    found = journal.watched.judge()
    assert said(found) == ("pass", "clean")
    assert found.seen.en.startswith("1 lines")


def test_a_silent_unit_tells_nothing(journal: Journal) -> None:
    assert said(journal.watched.judge()) == ("unknown", "silent")
    journal.write("Started backend.", _PID="1", SYSLOG_IDENTIFIER="systemd")
    assert said(journal.watched.judge()) == ("unknown", "silent")


def test_a_trace_line_by_line_and_in_one_entry(journal: Journal) -> None:
    trace = ["Traceback (most recent call last):", '  File "/app/a.py", line 1, in f', "KeyError: 1"]
    for _ in range(3):
        for line in trace:
            journal.write(line, seconds=0.001)
            journal.write("served", _PID="11", seconds=0.001)
    found = journal.watched.judge()
    assert said(found) == ("fail", "repeated")
    assert "KeyError: 1" in found.seen.en
    assert f"--directory={journal.folder}" in found.remedy.en
    for _ in range(3):
        journal.write("\n".join(trace), _PID="12", seconds=100)
    assert journal.watched.seen()["kinds"][0]["count"] == 6


def test_priorities_count_like_levels(journal: Journal) -> None:
    journal.write("no db", PRIORITY="3")
    assert journal.watched.seen()["kinds"][0]["fatal"] is False
    journal.write("no money", PRIORITY="2")
    assert said(journal.watched.judge()) == ("fail", "fatal")


def test_bytes_and_long_entries_are_read(journal: Journal) -> None:
    journal.write(b"\xff\xfe CRITICAL \x01", "x" * 100_000 + " MARK")
    assert said(journal.watched.judge()) == ("fail", "fatal")
    assert said(journal.watched.judge(fatal_levels=[], fatal=["MARK$"])) == ("fail", "fatal")


def test_dropped_messages_cannot_be_told(journal: Journal) -> None:
    journal.write("served")
    journal.write("Suppressed 12 messages", N_DROPPED="12", OBJECT_SYSTEMD_UNIT=UNIT, _UID="0", _SYSTEMD_UNIT="j")
    assert said(journal.watched.judge()) == ("unknown", "messages-dropped")


def test_a_journal_that_was_vacuumed_cannot_be_told(journal: Journal) -> None:
    journal.write("served", file="b")
    assert said(journal.watched.judge()) == ("pass", "clean")
    (journal.folder / "a.journal").unlink()
    assert said(journal.watched.judge()) == ("unknown", "rotated-away")


def test_a_unit_that_begins_with_the_deploy(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("CRITICAL of another", _SYSTEMD_UNIT="other.service")
    journal.watched.begin()
    journal.write("served")
    assert said(journal.watched.judge()) == ("pass", "clean")


def test_a_broken_journal_cannot_be_told(journal: Journal) -> None:
    (journal.folder / "b.journal").write_bytes(os.urandom(4096))
    assert said(journal.watched.judge()) == ("unknown", "journal-failed")
    shutil.rmtree(journal.folder)
    assert said(journal.watched.judge()) == ("unknown", "journal-failed")


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("echo 'Hint: You are currently not seeing messages from other users and the system.' >&2",
         ("unknown", "permission-denied")),
        ("echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1",
         ("unknown", "permission-denied")),
        ("echo '-- No entries --'", ("unknown", "silent")),
        ("echo '{\"MESSAGE\": half'", ("unknown", "unreadable-entry")),
        ("echo '<html>'", ("unknown", "silent")),
        ("head -c 9000000 /dev/zero; echo", ("unknown", "unreadable-entry")),
        ("printf '{\"MESSAGE\":\"'; head -c 9000000 /dev/zero; echo", ("unknown", "unreadable-entry")),
        ("exec sleep 1000", ("unknown", "timeout")),
        ("exit 127", ("unknown", "journal-failed")),
        ("printf '{\"MESSAGE\":\"served\"}'", ("pass", "clean")),
        ("echo '{\"MESSAGE\":null,\"PRIORITY\":[\"3\"],\"__REALTIME_TIMESTAMP\":\"x\"}'", ("unknown", "unreadable-entry")),
        ("echo '{\"MESSAGE\":[\"served\",\"CRITICAL\"]}'", ("fail", "fatal")),
    ],
)  # fmt: skip
def test_whatever_journalctl_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, verdict: tuple[str, str]
) -> None:
    program = tmp_path / "journalctl"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    watched = Watched("log", {"unit": UNIT, "timeout": 2})
    watched.begin()
    program.write_text(f"#!/bin/sh\n{script}\n")
    assert said(watched.judge()) == verdict


def test_without_the_programs_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for options in ({"unit": UNIT}, {"container": "backend"}):
        watched = Watched("log", options)
        assert said(watched.begin().verdict) == ("unknown", "not-started")
        assert said(watched.judge()) == ("unknown", "no-baseline") or watched.baseline is None


class Docker:
    """A real daemon with one small image."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.host = folder, f"unix://{folder}/docker.sock"
        (folder / "daemon.json").write_text("{}")
        command = [
            "dockerd", f"--config-file={folder}/daemon.json", "-H", self.host, f"--data-root={folder}/data",
            f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid", "--bridge=none", "--iptables=false",
            "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--userland-proxy=false",
            "--default-ulimit=nofile=4096:4096", "--default-ulimit=nproc=4096:4096",
        ]  # fmt: skip
        with (folder / "log").open("wb") as log:
            self._daemon = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def wait(self) -> bool:
        """Whether it is up."""
        while self._daemon.poll() is None:
            if self.run("version", check=False).returncode == 0:
                return True
        return False

    def run(self, *arguments: str, check: bool = True, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["docker", "-H", self.host, *arguments], check=check, input=stdin, capture_output=True
        )

    def image(self) -> None:
        root = self.folder / "root" / "bin"
        root.mkdir(parents=True)
        shutil.copy("/bin/busybox", root)
        for name in ("sh", "sleep", "cat", "echo", "seq", "tr"):
            (root / name).symlink_to("busybox")
        packed = subprocess.run(["tar", "-C", str(root.parent), "-c", "."], check=True, capture_output=True).stdout
        self.run("import", "-", "local/busybox:1", stdin=packed)

    def say(self, name: str, script: str, last: str) -> None:
        """Write to the container's own stdout and stderr, and wait until the daemon has the last line."""
        self.run("exec", name, "sh", "-c", f"({script})")
        deadline = time.monotonic() + 20
        while last.encode() not in (told := self.run("logs", "--tail=1", name)).stdout + told.stderr:
            assert time.monotonic() < deadline

    def stop(self) -> None:
        for name in self.run("ps", "-aq", check=False).stdout.split():
            self.run("rm", "-f", name.decode(), check=False)
        self._daemon.terminate()
        self._daemon.wait()
        subprocess.run(["umount", str(self.folder / "exec/netns/default")], check=False, capture_output=True)


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    ready = (
        shutil.which("dockerd") and shutil.which("docker") and Path("/bin/busybox").exists() and os.geteuid() == 0
    )
    needs(bool(ready), "dockerd with busybox-static, as root")
    made = Docker(tmp_path_factory.mktemp("d"))
    try:
        needs(made.wait(), "a dockerd that starts")
        made.image()
        yield made
    finally:
        made.stop()


def container(docker: Docker, name: str, *more: str) -> None:
    docker.run("rm", "-f", name, check=False)
    docker.run(
        "run",
        "-d",
        "--name",
        name,
        "--network=none",
        *more,
        "local/busybox:1",
        "sh",
        "-c",
        "echo INFO up; exec sleep 1000",
    )


def test_a_containers_log(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.host)
    watched = Watched("log", {"container": "backend"})
    assert watched.begin().material, "a container that is not there yet is no error"
    assert said(watched.judge()) == ("unknown", "no-such-container")
    container(docker, "backend")
    assert said(watched.judge()) == ("pass", "clean")
    docker.say("backend", "echo CRITICAL long ago > /proc/1/fd/1", "long ago")
    watched.begin()
    assert said(watched.judge()) == ("unknown", "silent")
    docker.say("backend", "echo INFO served > /proc/1/fd/1", "served")
    found = watched.judge()
    assert said(found) == ("pass", "clean")
    assert found.seen.en.startswith("1 lines")
    docker.say("backend", "for n in 1 2 3; do echo ERROR order $n lost > /proc/1/fd/2; done", "order 3")
    assert said(watched.judge()) == ("fail", "repeated")
    container(docker, "backend")
    assert said(watched.judge()) == ("pass", "clean"), "another container has a log of its own"


def test_a_containers_log_that_was_rotated_away(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.host)
    container(docker, "small", "--log-opt=max-size=20k")
    watched = Watched("log", {"container": "small"})
    watched.begin()
    docker.say("small", "seq 5000 > /proc/1/fd/1", "5000")
    assert said(watched.judge()) == ("unknown", "rotated-away")


def test_a_containers_log_that_is_not_kept(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.host)
    container(docker, "mute", "--log-driver=none")
    watched = Watched("log", {"container": "mute"})
    assert said(watched.begin().verdict) == ("unknown", "docker-failed")


def test_a_long_line_of_a_container(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.host)
    container(docker, "long")
    watched = Watched("log", {"container": "long", "fatal": ["MARK"]})
    watched.begin()
    docker.say("long", "(seq 30000 | tr '\\n' ,; echo MARK) > /proc/1/fd/1", "MARK")
    assert said(watched.judge()) == ("fail", "fatal")


def test_a_daemon_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(shutil.which("docker") is not None, "docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    assert said(Watched("log", {"container": "backend"}).begin().verdict) == ("unknown", "daemon-down")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("permission denied while trying to connect to the Docker daemon socket", "permission-denied"),
        ("error during connect: Get http://x/: EOF", "daemon-down"),
        ("Error response from daemon: <html>login</html>", "docker-failed"),
    ],
)
def test_whatever_docker_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, reason: str) -> None:
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\necho '{told}' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert said(Watched("log", {"container": "backend"}).begin().verdict) == ("unknown", reason)


def test_lines_are_cut_where_they_end() -> None:
    cutter = Cutter()
    assert list(cutter.lines(b"a\nb")) == ["a"]
    assert list(cutter.lines(b"c\n\n")) == ["bc", ""]
    assert cutter.finish() == b""

"""What may answer at a Docker socket instead of a daemon that is well: nobody, the wrong one, too late, too much."""

import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.probes.deploying import Deploying
from tests.probes.looking import look, said

Reply = Callable[[str], bytes | None]
CONTAINER: dict[str, Any] = {
    "Id": "a" * 64,
    "Name": "/backend",
    "RestartCount": 0,
    "Image": "sha256:" + "b" * 64,
    "State": {"Status": "running", "Running": True, "StartedAt": "2026-03-01T12:00:00.123456789Z"},
    "Config": {"Env": None, "Labels": None},
}


def http(content: object, status: str = "200 OK", kind: str = "application/json") -> bytes:
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


class Pretender:
    """Listens at a socket of its own and answers each question as the test says; None: it says nothing."""

    def __init__(self, folder: Path) -> None:
        self.host = f"unix://{folder / 'd.sock'}"
        self.reply: Reply = lambda _path: None
        self.released = threading.Event()
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / "d.sock"))
        self._socket.listen()
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._answer, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            head = connection.recv(65536).decode()
            if not head:
                return
            path = head.split()[1]
            self.asked.append(path)
            answer = self.reply(path)
            if answer is None:
                self.released.wait()
                return
            try:
                connection.sendall(answer)
                if answer.endswith(b"..."):
                    while not self.released.wait(0.05):
                        connection.sendall(b" ")
            except OSError:
                return

    def close(self) -> None:
        self.released.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def pretender() -> Iterator[Pretender]:
    with tempfile.TemporaryDirectory(prefix="uc-") as folder:
        made = Pretender(Path(folder))
        yield made
        made.close()
        # Whoever was given up ends by itself.
        for thread in threading.enumerate():
            if thread.name == "docker":
                thread.join(10)
                assert not thread.is_alive()


def being(reply: Callable[[str], bytes | None]) -> Reply:
    """Answers which version it is as a daemon does, and all else as the test says."""

    def answer(path: str) -> bytes | None:
        return http({"ApiVersion": "1.41"}) if path == "/version" else reply(path)

    return answer


def always(answer: bytes | None) -> Reply:
    return lambda _path: answer


def container(**changes: Any) -> Reply:
    return being(always(http(CONTAINER | changes)))


HUGE = "[" + '"' + "x" * (9 << 20) + '"]'
CASES: dict[str, tuple[Reply, str]] = {
    "silence": (always(None), "timeout"),
    "silence later": (being(always(None)), "timeout"),
    "drops": (being(always(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n...")), "timeout"),
    "no answer": (always(b""), "no-answer"),
    "another protocol": (always(b"SSH-2.0-OpenSSH_9.2\r\n"), "no-answer"),
    "cut off": (being(always(http(CONTAINER)[:-20])), "no-answer"),
    "HTML": (always(http("<html>hello</html>", kind="text/html")), "not-docker"),
    "HTML later": (being(always(http("<html>hello</html>", kind="text/html"))), "not-docker"),
    "other JSON": (always(http([1, 2])), "not-docker"),
    "no version": (always(http({"status": "ok"})), "not-docker"),
    "old version": (always(http({"ApiVersion": "1.0"})), "no-answer"),
    "odd version": (always(http({"ApiVersion": "latest"})), "not-docker"),
    "no container": (being(always(http({"status": "ok"}))), "not-docker"),
    "no state": (container(State={}), "not-docker"),
    "odd time": (container(State=CONTAINER["State"] | {"StartedAt": "yesterday"}), "not-docker"),
    "odd count": (container(RestartCount="many"), "not-docker"),
    "not UTF-8": (being(always(http("{}").replace(b"{}", b"\xff\xfe"))), "not-docker"),
    "too large": (being(always(http(HUGE))), "too-large"),
    "elsewhere": (being(always(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n")), "no-answer"),
    "500": (being(always(http({"message": "layer does not exist"}, "500 Internal Server Error"))), "daemon-error"),
    "503": (always(http("busy", "503 Service Unavailable")), "daemon-error"),
    "429": (always(http("slow down", "429 Too Many Requests")), "daemon-error"),
    "401": (always(http("who are you?", "401 Unauthorized")), "access-refused"),
    "403": (being(always(http({"message": "denied by plugin"}, "403 Forbidden"))), "access-refused"),
}


@pytest.mark.parametrize(("reply", "reason"), CASES.values(), ids=CASES)
def test_what_cannot_be_told(pretender: Pretender, reply: Reply, reason: str) -> None:
    pretender.reply = reply
    found = look(
        "docker", {"name": "backend", "host": pretender.host, "timeout": 0.5 if reason == "timeout" else 10}
    )
    assert said(found) == ("unknown", reason)
    assert found.sentence.en.startswith(f"{pretender.host}: ")
    assert found.sentence.ja != found.sentence.en
    assert found.remedy.en == f"docker -H {pretender.host} version"


def test_a_daemon_that_is_not_there_cannot_be_told(tmp_path: Path) -> None:
    found = look("docker", {"name": "backend", "host": f"unix://{tmp_path}/no.sock"})
    assert said(found) == ("unknown", "daemon-down")
    assert found.remedy.en == "sudo systemctl start docker"
    with tempfile.TemporaryDirectory(prefix="uc-") as folder, socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(f"{folder}/d.sock")
        assert said(look("docker", {"name": "x", "host": f"unix://{folder}/d.sock"})) == ("unknown", "daemon-down")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    assert said(look("docker", {"name": "backend", "host": nobody})) == ("unknown", "daemon-down")
    assert said(look("docker", {"name": "backend", "host": "tcp://nowhere.invalid:2375"})) == ("unknown", "dns")
    assert said(look("docker", {"name": "backend", "host": f"unix://{tmp_path}"})) == ("unknown", "daemon-down")


def test_a_daemon_that_refuses_this_user_cannot_be_told(pretender: Pretender) -> None:
    ask = {"name": "backend", "host": pretender.host}
    pretender.reply = container()
    assert said(look("docker", ask)) == ("pass", "running")
    folder, user = Path(pretender.host.removeprefix("unix://")).parent, os.geteuid()
    folder.chmod(0)
    # Root may do everything, so that somebody else must ask; what is to be imported is imported by now.
    if user == 0:
        os.seteuid(65534)
    try:
        found = look("docker", ask)
    finally:
        os.seteuid(user)
        folder.chmod(0o700)
    assert said(found) == ("unknown", "permission-denied")
    assert "usermod -aG docker" in found.remedy.en


@pytest.mark.parametrize("host", ["ssh://root@web-1", "http://127.0.0.1:2375", "tcp://user:hush-hush@web-1:2375"])
def test_an_address_that_is_none_cannot_be_told(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    found = look("docker", {"name": "backend"})
    assert said(found) == ("unknown", "bad-host")
    assert "hush-hush" not in found.model_dump_json()


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as proxy, socket.socket() as free:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        proxy.setblocking(False)
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        nobody = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        assert said(look("docker", {"name": "backend", "host": nobody})) == ("unknown", "daemon-down")
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_podman_tells_of_health_in_another_way(pretender: Pretender) -> None:
    def podman(health: object, test: list[str] | None = None) -> Reply:
        state = CONTAINER["State"] | {"Health": health, "StartedAt": "2026-03-01T21:00:00.5+09:00"}
        config = {"Env": ["A=b"], "Labels": {}} | ({"Healthcheck": {"Test": test}} if test else {})
        return container(State=state, Config=config)

    ask: dict[str, Any] = {"name": "backend", "host": pretender.host}
    nothing = {"Status": "", "FailingStreak": 0, "Log": None}
    pretender.reply = podman(nothing)
    assert said(look("docker", ask)) == ("pass", "running")
    assert said(look("docker", ask | {"health": "required"})) == ("fail", "no-health-check")
    pretender.reply = podman(nothing, ["CMD-SHELL", "true"])
    assert said(look("docker", ask)) == ("unknown", "no-health")
    assert said(look("docker", ask | {"health": "optional"})) == ("pass", "running")
    pretender.reply = podman({"Status": "starting", "FailingStreak": 0, "Log": []}, ["CMD-SHELL", "true"])
    assert said(look("docker", ask)) == ("unknown", "starting")
    pretender.reply = podman({"Status": "healthy", "FailingStreak": 0, "Log": None}, ["CMD-SHELL", "true"])
    assert said(look("docker", ask | {"health": "required"})) == ("pass", "running")


@pytest.mark.parametrize("ahead", [-600, 600])
def test_a_daemon_with_another_clock_cannot_be_told(pretender: Pretender, ahead: int) -> None:
    """An old container of a daemon whose clock is ahead looks as if this deploy had started it."""

    def reply(path: str) -> bytes:
        now = datetime.now(UTC) + timedelta(seconds=ahead)
        if path.endswith("/info"):
            return http({"SystemTime": now.isoformat()})
        started = (now - timedelta(seconds=5)).isoformat()
        return http(CONTAINER | {"State": CONTAINER["State"] | {"StartedAt": started}})

    pretender.reply = being(reply)
    deploy = Deploying("docker", {"name": "backend", "host": pretender.host, "started_after_deploy": True})
    deploy.begins()
    found = deploy.look()
    assert said(found) == ("unknown", "clock-skew")
    assert found.remedy.en == "timedatectl status"


def test_only_questions_are_asked(pretender: Pretender) -> None:
    pretender.reply = container()
    assert said(look("docker", {"name": "backend", "host": pretender.host})) == ("pass", "running")
    assert pretender.asked == ["/version", "/v1.41/containers/backend/json"]

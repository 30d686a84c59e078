"""A command in a pseudo-terminal behaves as by hand, and nothing that ends us ends it."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-m", "tests.sessions"]
ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def run(tmp_path: Path, *argv: str, stdin: bytes = b"") -> tuple[Any, bytes]:
    """Run a command without a terminal of our own; what became of it, and its output."""
    done = subprocess.run(
        [*PROGRAM, str(tmp_path / "result"), *argv], input=stdin, capture_output=True, check=True, env=ENVIRONMENT
    )
    return json.loads((tmp_path / "result").read_text()), done.stdout


class Terminal:
    """The program with a terminal of its own, at whose keys the test sits."""

    def __init__(self, tmp_path: Path, *argv: str) -> None:
        self.result = tmp_path / "result"
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.execve(PROGRAM[0], [*PROGRAM, str(self.result), *argv], ENVIRONMENT)  # noqa: S606 - the program under test
        self.seen = b""

    def read_until(self, text: bytes) -> None:
        while text not in self.seen:
            self.seen += os.read(self.screen, 4096)

    def type(self, keys: bytes) -> None:
        os.write(self.screen, keys)

    def close(self) -> None:
        """Close the window: everybody in its session is told by SIGHUP."""
        os.close(self.screen)

    def ended(self) -> Any:
        os.waitpid(self.pid, 0)
        return json.loads(self.result.read_text())

    @property
    def log(self) -> bytes:
        return self.result.with_suffix(".log").read_bytes()


def test_the_command_sees_a_terminal_and_its_lines_stay_as_they_are(tmp_path: Path) -> None:
    told, output = run(tmp_path, "sh", "-c", "test -t 1 && test -t 2 && printf 'one\\ntwo\\n'")
    assert told == {"code": 0, "signals": []}
    assert output == b"one\ntwo\n"


@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_the_exit_code_is_a_shells(tmp_path: Path, command: str, code: int) -> None:
    assert run(tmp_path, "sh", "-c", command)[0]["code"] == code


def test_a_command_that_is_not_there_does_not_start(tmp_path: Path) -> None:
    assert run(tmp_path, "no-such-command")[0] == {"problem": "No such file or directory"}


def test_what_is_piped_in_is_read_directly(tmp_path: Path) -> None:
    data = bytes(range(256)) * 400
    told, output = run(tmp_path, "sh", "-c", "cat; exit 3", stdin=data)
    assert (told["code"], output) == (3, data)


def test_every_byte_of_a_long_output_arrives(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(os.urandom(5 << 20))
    assert run(tmp_path, "cat", str(big))[1] == big.read_bytes()


def test_a_signal_that_is_sent_to_us_reaches_the_command_and_is_noted(tmp_path: Path) -> None:
    script = 'trap "echo stopping; exit 9" TERM; echo up; while :; do read -t 1 x </dev/tty; done'
    with subprocess.Popen(
        [*PROGRAM, str(tmp_path / "result"), "bash", "-c", script], stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"stopping\n"
    assert json.loads((tmp_path / "result").read_text()) == {"code": 9, "signals": ["SIGTERM"]}


def test_ctrl_c_reaches_the_command_and_is_noted(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "bash", "-c", 'trap "echo cut; exit 5" INT; echo up; read x')
    terminal.read_until(b"up")
    terminal.type(b"\x03")
    terminal.read_until(b"cut")
    assert terminal.ended() == {"code": 5, "signals": ["SIGINT"]}


def test_keys_are_typed_into_the_command(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "bash", "-c", "read -p 'name? ' x; echo hello $x")
    terminal.read_until(b"name? ")
    terminal.type(b"Sato\r")
    terminal.read_until(b"hello Sato\r\n")
    assert terminal.ended()["code"] == 0
    assert terminal.log.endswith(b"hello Sato\n")


def test_our_terminal_is_as_before_afterwards(tmp_path: Path) -> None:
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    subprocess.run(
        [*PROGRAM, str(tmp_path / "result"), "true"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=ENVIRONMENT,
        check=True,
    )
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_a_closed_terminal_does_not_end_the_command(tmp_path: Path) -> None:
    door, done = tmp_path / "door", tmp_path / "done"
    os.mkfifo(door)
    script = f"echo up; read x < {door}; echo after $x; touch {done}; exit 4"
    terminal = Terminal(tmp_path, "bash", "-c", script)
    terminal.read_until(b"up")
    terminal.close()
    door.write_text("closing\n")
    told = terminal.ended()
    assert told["code"] == 4
    assert "SIGHUP" in told["signals"]
    assert done.exists()
    assert terminal.log == b"up\nafter closing\n"


def test_the_command_goes_on_though_we_are_killed(tmp_path: Path) -> None:
    door, told = tmp_path / "door", tmp_path / "told"
    os.mkfifo(door)
    os.mkfifo(told)
    terminal = Terminal(tmp_path, "bash", "-c", f"echo up; read x < {door}; echo $x > {told}")
    terminal.read_until(b"up")
    os.kill(terminal.pid, signal.SIGKILL)
    os.waitpid(terminal.pid, 0)
    door.write_text("alive\n")
    assert told.read_text() == "alive\n"
    terminal.close()


def test_a_daemon_that_the_command_leaves_behind_lives_on_and_holds_nobody_up(tmp_path: Path) -> None:
    told, output = run(tmp_path, "sh", "-c", "sleep 300 & echo $!; exit 0")
    assert told["code"] == 0
    os.kill(int(output), signal.SIGTERM)


def test_the_size_of_our_terminal_is_the_commands(tmp_path: Path) -> None:
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (33, 111))
    subprocess.run(
        [*PROGRAM, str(tmp_path / "result"), "sh", "-c", "stty size </dev/tty"],
        stdin=slave, stdout=slave, stderr=slave, env=ENVIRONMENT, check=True,
    )  # fmt: skip
    assert (tmp_path / "result.log").read_bytes() == b"33 111\n"
    os.close(master)
    os.close(slave)

"""``status --watch``: real processes, in a pipe and in a terminal, while releases come, go and break."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.shell import COMMAND, SMALL, Shell


@contextmanager
def watching(shell: Shell, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    command = [*COMMAND, "status", "--local", "--lang", "en", "--watch", "0.2", *arguments]
    with subprocess.Popen(
        command,
        env=shell.full_environment(),
        cwd=shell.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: "subprocess.Popen[str]", words: str) -> list[str]:
    """The lines up to the one that holds these words."""
    assert process.stdout is not None
    found: list[str] = []
    for line in process.stdout:
        found.append(line)
        if words in line:
            return found
    raise AssertionError(f"{words!r} did not come: {found}")


@pytest.fixture
def small(shell: Shell) -> Shell:
    (shell.folder / "small.md").write_text(SMALL)
    shell.ok("init", "--local", "--lang", "en")
    return shell


def test_it_goes_on_while_releases_come_break_and_end(small: Shell) -> None:
    with watching(small) as process:
        until(process, "there is no release on this machine")
        small.ok("new", "v1", "--local", "-t", "small.md")
        until(process, "Next: tick 3 in Notion: 1.1, 1.2, 1.3")
        journal = next(small.home.glob("releases/*/*/v1/journal.jsonl"))
        whole = journal.read_bytes()
        # Half a line, as a crash leaves it, is cut off and changes nothing; half a line in the middle is damage.
        journal.write_bytes(whole + b'{"seq":')
        journal.write_bytes(whole[:-20] + b"\n" + whole)
        until(process, "cannot tell: ")
        until(process, "next: ")
        journal.write_bytes(whole)
        until(process, "Next: tick 3 in Notion: 1.1, 1.2, 1.3")
        small.ok("close", "v1", "--local", "--as", "aborted", "--reason", "a try")
        until(process, "v1  production  Aborted")
        small.ok("new", "v2", "--local", "-t", "small.md")
        lines = until(process, "Next: tick 3 in Notion: 1.1, 1.2, 1.3")
        assert "v2  production  Preparing" in "".join(lines)
        assert "\x1b" not in "".join(lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_programs_get_a_line_for_each_change(small: Shell) -> None:
    small.ok("new", "v1", "--local", "-t", "small.md")
    with watching(small, "--format", "json") as process:
        (first,) = until(process, "v1")
        assert json.loads(first)[0]["next"] == "tick 3 in Notion: 1.1, 1.2, 1.3"
        journal = next(small.home.glob("releases/*/*/v1/journal.jsonl"))
        whole = journal.read_bytes()
        journal.write_bytes(whole[:-20] + b"\n" + whole)
        *_, broken = until(process, '"error"')
        assert json.loads(broken)[-1].keys() == {"error", "remedy"}
        journal.write_bytes(whole)
        small.ok("close", "v1", "--local", "--as", "aborted", "--reason", "a try")
        *_, second = until(process, '"status_code": "aborted"')
        assert json.loads(second)[0]["next"].startswith("nothing: the release has ended")
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_a_terminal_is_drawn_again_and_shows_what_comes_next_however_low_it_is(small: Shell) -> None:
    small.ok("new", "v1", "--local", "-t", "small.md")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 80, 0, 0))
    command = [*COMMAND, "status", "--local", "--lang", "en", "--watch", "0.2"]
    environment = small.full_environment() | {"TERM": "xterm"}
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        screen = ""
        while "Ctrl-C ends" not in screen:
            screen += os.read(ours, 65536).decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    os.close(ours)
    shown = screen[: screen.index("Ctrl-C ends")]
    assert shown.startswith("\x1b[H")
    assert "more lines" in shown
    assert "Next: tick 3 in Notion: 1.1, 1.2, 1.3" in shown
    assert shown.count("\n") <= 9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--watch", "v1"], "--watch"), (["v9", "--watch"], "no manifest of v9"), (["--watch", "0"], "0.2")],
)
def test_what_cannot_be_watched_is_refused(small: Shell, arguments: list[str], words: str) -> None:
    done = small.run("status", "--local", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""

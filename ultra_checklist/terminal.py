"""Runs one command in a pseudo-terminal: it behaves as it does by hand, and all that it says passes through us.

The command gets a session of its own, led by a keeper that lives as long as it does and ignores signals. So
nothing that ends us ends the command: when our terminal is closed (SIGHUP) it goes on, and so do the
daemons that it leaves behind. Signals that are sent to us are passed on to it. Where our own input is a
terminal its keys go to the command as they are, Ctrl-C too; a file or a pipe the command reads directly.
"""

import contextlib
import fcntl
import os
import selectors
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 65536
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
PAUSE = 0.05
"""Seconds of silence after which ``pause`` is called: a prompt, say, waits for its answer."""
QUIET, DRAIN = 0.2, 2.0
"""Seconds: after the command has ended, output of what it left behind is still taken in until it falls silent for
the first time, and for the second one at most."""
_KEYS = {b"\x03": "SIGINT", b"\x1c": "SIGQUIT"}
_STATUS = struct.Struct("i")
_SIZE = struct.Struct("HHHH")
_NO_SIZE = _SIZE.pack(24, 80, 0, 0)


class NotStarted(Exception):
    """The command could not be started; the message says why."""


@dataclass
class Ended:
    """How the command ended."""

    code: int
    """As a shell tells it: 128 + n where signal n ended it."""
    signals: list[str] = field(default_factory=list)
    """Names of the signals that came to us meanwhile: passed on or, as SIGHUP, lived through."""


class Session:
    """One command in a pseudo-terminal.

    ``take`` gets every byte that it writes, ``pause`` is called when it has fallen silent; neither must raise.
    """

    def __init__(
        self,
        argv: Sequence[str],
        take: Callable[[bytes], object],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        pause: Callable[[], object] = lambda: None,
    ) -> None:
        self._argv = list(argv)
        self._take = take
        self._pause = pause
        self._silent = True
        self._cwd = cwd
        self._environment = dict(environment)
        self._signals: list[str] = []
        self._master = -1

    def run(self) -> Ended:
        """Run it to its end. Raises NotStarted."""
        own_input = os.isatty(0)
        self._master, slave = os.openpty()
        try:
            _prepare(slave)
            keeper, status = self._start(slave, slave if own_input else 0)
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        try:
            with self._caught() as woken, _raw_keys() if own_input else contextlib.nullcontext():
                self._attend(keeper, woken, own_input)
                self._drain()
        finally:
            os.close(self._master)
        return Ended(_code(keeper, status), self._signals)

    def _start(self, slave: int, given: int) -> tuple[int, int]:
        """Fork the keeper and, by it, the command; returns the keeper and the pipe that will tell the status."""
        told, tell = os.pipe()
        status, end = os.pipe()
        keeper = os.fork()
        if keeper == 0:
            os.close(told)
            _keep(self._argv, self._cwd, self._environment, (slave, given), tell, end)
        os.close(tell)
        os.close(end)
        with os.fdopen(told, "rb") as pipe:
            problem = pipe.read()
        if problem:
            os.waitpid(keeper, 0)
            os.close(status)
            raise NotStarted(problem.decode(errors="replace"))
        return keeper, status

    def _attend(self, keeper: int, woken: int, own_input: bool) -> None:
        """Pass bytes and signals on until the command has ended."""
        ended = os.pidfd_open(keeper)
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            selector.register(self._master, selectors.EVENT_READ, self._read)
            selector.register(woken, selectors.EVENT_READ, lambda: self._signalled(woken))
            if own_input:
                selector.register(0, selectors.EVENT_READ, self._type)
            running = True
            while running:
                came = selector.select(None if self._silent else PAUSE)
                if not came:
                    self._silent = True
                    self._pause()
                for key, _ in came:
                    if key.fd == ended:
                        running = False
                    elif not key.data():
                        selector.unregister(key.fd)
        os.close(ended)

    def _drain(self) -> None:
        """Take in what was said last; something that was left behind may hold the terminal for ever."""
        end = time.monotonic() + DRAIN
        with selectors.DefaultSelector() as selector:
            selector.register(self._master, selectors.EVENT_READ)
            while time.monotonic() < end and selector.select(QUIET) and self._read():
                continue

    def _read(self) -> bool:
        """Take output in; false when nobody can write there any more (Linux says EIO)."""
        try:
            data = os.read(self._master, CHUNK)
        except OSError:
            return False
        self._silent = False
        self._take(data)
        return bool(data)

    def _type(self) -> bool:
        """Pass keys on; false when our terminal is gone."""
        with contextlib.suppress(OSError):
            keys = os.read(0, CHUNK)
            self._signals += [name for key, name in _KEYS.items() if key in keys and self._keys_are_signals()]
            return bool(keys) and os.write(self._master, keys) > 0
        return False

    def _keys_are_signals(self) -> bool:
        """Whether the command has left it to the terminal to make signals of keys."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ISIG)

    def _signalled(self, woken: int) -> bool:
        for number in os.read(woken, 64):
            if number == signal.SIGWINCH:
                _copy_size(self._master)
                continue
            self._signals.append(signal.Signals(number).name)
            if number != signal.SIGHUP:
                with contextlib.suppress(OSError):
                    # Whoever is in the foreground of the terminal: what a key would reach.
                    os.killpg(os.tcgetpgrp(self._master), number)
        return True

    @contextmanager
    def _caught(self) -> Iterator[int]:
        """Let signals wake us instead of ending us; gives the end of a pipe that says which came."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        caught = (*FORWARDED, signal.SIGHUP, signal.SIGWINCH)
        before = {number: signal.signal(number, lambda _number, _frame: None) for number in caught}
        # Somebody who stops reading us must not stop the command.
        before[signal.SIGPIPE] = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)


def _code(keeper: int, status: int) -> int:
    """The command's exit code, told by its keeper; a keeper that was killed counts as a command that was."""
    with os.fdopen(status, "rb") as pipe:
        told = pipe.read(_STATUS.size)
    os.waitpid(keeper, 0)
    if len(told) < _STATUS.size:
        return 128 + signal.SIGKILL
    code = os.waitstatus_to_exitcode(_STATUS.unpack(told)[0])
    return code if code >= 0 else 128 - code


def _keep(
    argv: list[str], cwd: Path, environment: dict[str, str], terminal: tuple[int, int], tell: int, end: int
) -> None:
    """Lead the session for as long as the command runs, tell its status, and leave. Never returns."""
    try:
        for number in (*FORWARDED, signal.SIGHUP, signal.SIGTTOU):
            signal.signal(number, signal.SIG_IGN)
        slave, given = terminal
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        command = os.fork()
        if command == 0:
            _become(argv, cwd, environment, slave, given, tell)
        _let_go((slave, end))
        os.write(end, _STATUS.pack(os.waitpid(command, 0)[1]))
        # The kernel hangs up on the group in the foreground when the leader leaves: let that be nobody else.
        os.tcsetpgrp(slave, os.getpgrp())
    finally:
        os._exit(0)


def _let_go(kept: Sequence[int]) -> None:
    """Close every file but these: whoever waits for the end of our output must not wait for the keeper."""
    for handle in (0, 1, 2):
        os.dup2(kept[0], handle)
    low = 3
    for handle in sorted(kept):
        os.closerange(low, handle)
        low = handle + 1
    os.closerange(low, max(low, 1024))


def _become(argv: list[str], cwd: Path, environment: dict[str, str], slave: int, given: int, tell: int) -> None:
    """Turn this process into the command. Never returns; tells why where it cannot."""
    try:
        os.setpgid(0, 0)
        os.tcsetpgrp(slave, os.getpgrp())
        for number in (*FORWARDED, signal.SIGHUP, signal.SIGTTOU, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(given, 0)
        os.dup2(slave, 1)
        os.dup2(slave, 2)
        # All other files of ours are closed by exec; the pipe `tell` is, and says so by that.
        os.chdir(cwd)
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - the very command that a person asked for
    except BaseException as error:
        os.write(tell, str(getattr(error, "strerror", None) or error).encode())
    finally:
        os._exit(127)


def _prepare(slave: int) -> None:
    """Leave line ends as the command writes them: our own terminal, if any, adds the carriage return."""
    mode = termios.tcgetattr(slave)
    mode[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    _copy_size(slave)


def _copy_size(handle: int) -> None:
    """Give the pseudo-terminal the size of ours."""
    size = _NO_SIZE
    for own in (1, 2, 0):
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(own, termios.TIOCGWINSZ, _NO_SIZE)
            break
    with contextlib.suppress(OSError):
        fcntl.ioctl(handle, termios.TIOCSWINSZ, size)


@contextmanager
def _raw_keys() -> Iterator[None]:
    """Let keys through as they are pressed; output is left as it was."""
    before = termios.tcgetattr(0)
    mode = termios.tcgetattr(0)
    mode[0] &= ~(termios.ICRNL | termios.IXON | termios.INLCR | termios.IGNCR | termios.BRKINT)
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    termios.tcsetattr(0, termios.TCSADRAIN, mode)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, before)

"""Run commands in turn, A B A B, and say how long each took: median and range, processor time, peak memory."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launcher.py")


class CommandFailed(Exception):
    """A command that was to be timed ended as it should not."""


@dataclass(frozen=True)
class Command:
    """What is timed; ``codes`` are the exit codes that count as done."""

    words: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    codes: tuple[int, ...] = (0,)
    before: Callable[[], None] | None = None


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds of the clock, seconds of a processor, peak memory in MiB."""

    wall: float
    cpu: float
    rss: float


@dataclass(frozen=True)
class Figure:
    """Several runs of one command."""

    runs: tuple[Run, ...]

    @property
    def median(self) -> float:
        """The median of the clock, in seconds."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def low(self) -> float:
        """The fastest run."""
        return min(run.wall for run in self.runs)

    @property
    def high(self) -> float:
        """The slowest run."""
        return max(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """The median of the processor's seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def rss(self) -> float:
        """The largest memory of any run, in MiB."""
        return max(run.rss for run in self.runs)

    def __str__(self) -> str:
        span = f"{seconds(self.median)} ({seconds(self.low)} to {seconds(self.high)})"
        return f"{span}, CPU {seconds(self.cpu)}, {self.rss:.0f} MiB"


def seconds(value: float) -> str:
    """A time in the unit in which a person reads it."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def once(command: Command) -> Run:
    """Run it once, from its start to its end."""
    if command.before is not None:
        command.before()
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_LAUNCHER), *command.words],
        env=dict(command.env),
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu, rss, code = done.stdout.split()
    if int(code) not in command.codes:
        raise CommandFailed(f"exit code {code}: {' '.join(command.words)}")
    return Run(float(wall), float(cpu), int(rss) / 1024)


def interleaved(commands: Mapping[str, Command], repeats: int) -> dict[str, Figure]:
    """Each command ``repeats`` times, one after the other in turn, after one round that does not count."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(repeats + 1):
        for name, command in commands.items():
            run = once(command)
            if number:
                runs[name].append(run)
    return {name: Figure(tuple(found)) for name, found in runs.items()}

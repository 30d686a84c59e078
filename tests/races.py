"""Races for the worker's lock, with real processes. Run as a program: it forks, which a test runner must not."""

import os
import random
import signal
import sys
import time
from pathlib import Path

from ultra_checklist.worker import Busy, hold


def contend(home: Path, log: int) -> None:
    """Try to work once; leave a mark at the beginning and at the end of the work."""
    try:
        with hold(home, wait=False):
            os.write(log, b"(")
            os.write(log, b")")
    except Busy:
        os.write(log, b"-")


def race(home: Path, workers: int) -> str:
    """Let so many processes begin at the same moment; returns their marks in order."""
    reader, log = os.pipe()
    gate, starter = os.pipe()
    children = []
    for _ in range(workers):
        child = os.fork()
        if child == 0:
            os.close(starter)
            os.read(gate, 1)
            contend(home, log)
            os._exit(0)
        children.append(child)
    os.close(gate)
    os.close(starter)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    os.close(log)
    marks = os.read(reader, 65536).decode()
    os.close(reader)
    return marks


def kill_a_holder(home: Path, rng: random.Random) -> bool:
    """Kill -9 a process that holds the lock and has a child; returns whether the lock is free at once."""
    reader, writer = os.pipe()
    holder = os.fork()
    if holder == 0:
        with hold(home, wait=False):
            # Started as programs are: it must not inherit the lock. It tells its id when it runs.
            output = [(os.POSIX_SPAWN_DUP2, writer, 1)]
            os.posix_spawn("/bin/sh", ["sh", "-c", "echo $$; exec sleep 30"], {}, file_actions=output)
            while True:
                time.sleep(1)
    child = int(os.read(reader, 64))
    for _ in range(rng.randrange(3)):
        os.sched_yield()
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    try:
        with hold(home, wait=False):
            free = True
    except Busy:
        free = False
    os.kill(child, signal.SIGKILL)
    os.close(reader)
    os.close(writer)
    return free


def main() -> None:
    """``races FOLDER ROUNDS``: prints what went wrong, and how much was tried."""
    home, rounds = Path(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    rng = random.Random(1)
    overlaps = idle = stuck = 0
    for _ in range(rounds):
        marks = race(home, 8)
        overlaps += marks.replace("-", "").replace("()", "") != ""
        idle += "(" not in marks
        stuck += not kill_a_holder(home, rng)
    print(f"{rounds} races of 8: {overlaps} overlaps, {idle} without a winner; {rounds} kills: {stuck} stale locks")  # noqa: T201


if __name__ == "__main__":
    main()

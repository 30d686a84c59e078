"""Runs one command and prints how long it took: its seconds, processor seconds, peak memory in KiB, exit code.

A process of its own, as small as Python gets: the system counts for a command at least the memory of the process
that started it (Linux, ``fs/exec.c``: the peak of the old memory is kept across ``execve``).
"""

import os
import sys
from time import perf_counter

nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
began = perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=nothing)
_, status, usage = os.wait4(child, 0)
wall = perf_counter() - began
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))  # noqa: T201 - its answer

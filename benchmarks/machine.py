"""On which machine, and with which versions, something was measured."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

PEERS = ("notion-client", "ultimate-notion", "pytest-testinfra")
VERSIONS = "import sys, importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"


def describe(peers: Path) -> list[str]:
    """A line a matter: machine, Python, peers, date."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    found = subprocess.run([str(peers), "-c", VERSIONS, *PEERS], capture_output=True, text=True, check=True)
    return [
        f"Measured {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC; load average when it began "
        f"{os.getloadavg()[0]:.2f}.",
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}.",
        f"Python {platform.python_version()}; {found.stdout.strip()}.",
    ]

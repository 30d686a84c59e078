"""What a run of the benchmarks was asked for."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """``peers`` is the Python that has the peers installed."""

    peers: Path
    quick: bool = False
    python: str = sys.executable

    @property
    def repeats(self) -> int:
        """How often each command is timed."""
        return 7

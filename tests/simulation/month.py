"""Thirty days of a worker: three open releases, a pass a minute. What does it ask, and what does it keep?

``python -m tests.simulation.month`` lives through them.
"""

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.simulation import world
from tests.simulation.stage import Stage
from tests.simulation.story import FACTS, item_of

RELEASES = ("v1", "v2", "v3")
ITEMS = ("a", "b", "c", "n", "d", "e", "f")
TICKED = ("a", "b", "c", "n")
MINUTES = 24 * 60


@dataclass(frozen=True)
class Lived:
    """What so many days have cost."""

    passes: int
    requests: int
    bytes: int
    """Of the state folder, at its largest end."""
    wrong: int
    """Passes that did not work."""


def live(days: int) -> Lived:
    """Make three releases, tick what comes before the deploy, and let the worker run."""
    items = tuple(item_of(FACTS[item], order) for order, item in enumerate(ITEMS))
    with world.installed(), Stage("month", items) as stage:
        host = stage.hosts["web-1"]
        for version in RELEASES:
            stage.run(partial(stage.new, host, version))
            for item in TICKED:
                row = stage.row(item, version)
                assert row is not None
                stage.person("Sato", row, done=True)
        passes, wrong, before = days * MINUTES, 0, len(stage.wire.log)
        for _ in range(passes):
            stage.loop.moment += 60 - stage.loop.moment % 60
            stage.run(lambda: stage.sync(host))
            wrong += not stage.told.pop().endswith("writes")
        size = sum(path.stat().st_size for path in Path(host.home).rglob("*") if path.is_file())
        return Lived(passes, len(stage.wire.log) - before, size, wrong)


def main() -> int:
    """Live through it; 1 where it costs more than one request a pass and 1 %, or keeps more than 50 MiB."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.month", description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="[default: 30]")
    given = parser.parse_args()
    lived = live(given.days)
    share = lived.requests / lived.passes
    print(
        f"{given.days} days, {lived.passes} passes, {lived.requests} requests ({share:.4f} a pass), "
        f"{lived.wrong} passes failed, state folder {lived.bytes / 2**20:.2f} MiB"
    )
    return 0 if share <= 1.01 and lived.bytes <= 50 * 2**20 and not lived.wrong else 1


if __name__ == "__main__":
    sys.exit(main())

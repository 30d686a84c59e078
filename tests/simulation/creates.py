"""Two hundred rows, made while answers are lost: each is there once, after two runs at most.

``python -m tests.simulation.creates`` plays it for many seeds.
"""

import argparse
import multiprocessing
import sys
from collections import Counter
from dataclasses import dataclass

from tests.simulation import world
from tests.simulation.stage import Stage
from tests.simulation.story import VERSION
from tests.simulation.wire import DONE_BUT_LOST
from ultra_checklist.model import Item

ROWS = 200
SHARES = (0.05, 0.5)
"""Of all writes, how many are carried out and answered with an error."""
LAGS = (0.0, 1.0, 10.0, 60.0)
"""Seconds by which queries lag at most."""


@dataclass(frozen=True)
class Made:
    """What became of one page."""

    runs: int
    """How often ``new`` was called; 0 where it was not done after two."""
    lost: int
    """Creates that were carried out and whose answer was lost."""
    doubled: int
    missing: int


def make(seed: str, share: float, lag: float, rows: int = ROWS) -> Made:
    """Make one page with so many rows."""
    items = tuple(
        Item(id=f"i{number}", title=f"Item {number}", section="all", line=number, order=number)
        for number in range(rows)
    )
    with world.installed(), Stage(f"creates {seed}", items) as stage:
        rng, host = stage.wire.rng, stage.hosts["web-1"]
        stage.wire.rates = dict.fromkeys(DONE_BUT_LOST, share / len(DONE_BUT_LOST))
        stage.wire.writes_only = True
        stage.model.lag = lambda: rng.uniform(0.0, lag) if lag else 0.0
        runs = 0
        for run in (1, 2):
            stage.run(lambda: stage.new(host, VERSION))
            if stage.told[-1].endswith("done"):
                runs = run
                break
        keys = Counter(page.text("key") for page in stage.model.rows() if not page.now.in_trash)
        lost = sum(1 for x in stage.wire.log if x.fault and x.path == "/pages" and x.carried_out)
        return Made(runs, lost, sum(keys.values()) - len(keys), rows - len(keys))


def _played(job: tuple[int, float, float]) -> tuple[float, Made]:
    seed, share, lag = job
    return share, make(str(seed), share, lag)


def main() -> int:
    """Play all seeds at each share of lost answers; 1 where a row was doubled or is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.creates", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="pages at each share  [default: 1000]")
    given = parser.parse_args()
    jobs = [(seed, share, LAGS[seed % len(LAGS)]) for share in SHARES for seed in range(given.seeds)]
    wrong = 0
    with multiprocessing.Pool() as pool:
        answers = list(pool.imap(_played, jobs, chunksize=5))
    for share in SHARES:
        made = [one for at, one in answers if at == share]
        doubled, missing = sum(one.doubled for one in made), sum(one.missing for one in made)
        runs = Counter(one.runs for one in made)
        wrong += doubled + missing + runs[0]
        print(
            f"{share:.0%} lost: {len(made)} pages, {len(made) * ROWS} rows, {sum(one.lost for one in made)} answers "
            f"lost, {doubled} doubled, {missing} missing, {runs[1]} in one run, {runs[2]} in two, {runs[0]} not done"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

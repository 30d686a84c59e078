"""Plays many stories on all cores and says what became of them: ``python -m tests.simulation --seeds 100000``."""

import argparse
import json
import multiprocessing
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.play import play
from tests.simulation.shrink import shrink
from tests.simulation.story import Story, generate

CHUNK = 25


@dataclass
class Tally:
    """What many stories came to."""

    seeds: int = 0
    steps: int = 0
    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[str, str]] = field(default_factory=list)
    """Seed and what was broken."""

    def add(self, other: "Tally") -> None:
        """Count another one in."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.requests += other.requests
        self.faults += other.faults
        self.violations += other.violations


def play_all(seeds: range) -> Tally:
    """Play the stories of some seeds."""
    tally = Tally()
    for seed in seeds:
        outcome = play(generate(str(seed)))
        tally.seeds += 1
        tally.steps += outcome.steps
        tally.requests += outcome.requests
        tally.faults.update(outcome.faults)
        if outcome.violation:
            tally.violations.append((str(seed), outcome.violation))
    return tally


def simulate(first: int, count: int, processes: int) -> Tally:
    """Play ``count`` stories, from seed ``first`` on, or as many as come before Ctrl-C."""
    total = Tally()
    chunks = [range(start, min(start + CHUNK, first + count)) for start in range(first, first + count, CHUNK)]
    with suppress(KeyboardInterrupt), multiprocessing.Pool(processes, _leave_signals) as pool:
        for number, tally in enumerate(pool.imap(play_all, chunks), 1):
            total.add(tally)
            for seed, violation in tally.violations:
                print(f"{seed}: {violation}", file=sys.stderr, flush=True)
            if sys.stderr.isatty():
                print(f"\r{total.seeds} of {count}", end="\n" if number == len(chunks) else "", file=sys.stderr)
    return total


def _leave_signals() -> None:
    """Ctrl-C is for the one that counts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> int:
    """Read the arguments, play, report; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many stories  [default: 2000]")
    parser.add_argument("--first", type=int, default=0, help="the first seed  [default: 0]")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument(
        "--seed", help="play this one, and where it breaks a promise show the shortest story that does"
    )
    parser.add_argument("--story", type=Path, help="the same with a story from a file")
    given = parser.parse_args()
    if given.seed is not None or given.story is not None:
        story = Story.load(given.story.read_text()) if given.story is not None else generate(given.seed)
        return _one(story)
    began = time.monotonic()
    tally = simulate(given.first, given.seeds, given.processes)
    seconds = time.monotonic() - began
    report = {
        "seeds": tally.seeds,
        "seconds": round(seconds, 1),
        "steps": tally.steps,
        "requests": tally.requests,
        "faults": dict(sorted(tally.faults.items())),
        "violations": len(tally.violations),
    }
    print(json.dumps(report, indent=1))
    for seed, violation in sorted(tally.violations):
        print(f"{seed}: {violation}")
    return 1 if tally.violations else 0


def _one(story: Story) -> int:
    outcome = play(story)
    if not outcome.violation:
        print(f"all promises kept; {outcome.requests} requests, {outcome.steps} steps, digest {outcome.digest}")
        return 0
    short = shrink(story)
    print(short.dump())
    print(play(short).violation)
    return 1


if __name__ == "__main__":
    sys.exit(main())

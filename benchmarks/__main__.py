"""``python -m benchmarks [--quick] [--write FILE] --peers PYTHON [ROW...]``: measure, print the table."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import checks, counting, fleet, machine, plot, rendering, scale, startup, table, waiting
from benchmarks.options import Options

TOPICS: dict[str, Callable[[Options, Path], list[table.Row]]] = {
    "startup": startup.startup,
    "idle": startup.idle,
    "requests": counting.passes,
    "render": counting.renders,
    "rendering": rendering.rendering,
    "scale": scale.scale,
    "waiting": waiting.waiting,
    "checks": checks.checks,
    "fleet": fleet.fleet,
}


def main() -> int:
    """Measure what was asked for; exit code 0 also where a number was missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure, against peers and floors.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(TOPICS)}; all without")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, under five minutes")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this document")
    parser.add_argument("--peers", type=Path, required=True, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(TOPICS):
        parser.error(f"unknown row: {', '.join(sorted(unknown))}")
    options = Options(peers=asked.peers, quick=asked.quick)
    lines, rows = machine.describe(options.peers), list[table.Row]()
    for name in asked.rows or TOPICS:
        with tempfile.TemporaryDirectory() as folder:
            for row in TOPICS[name](options, Path(folder)):
                sys.stderr.write(f"{row.title}: {row.measured}; {row.got:.2f} of {row.limit:g}: {row.verdict}\n")
                rows.append(row)
    sys.stdout.write("\n".join(lines) + "\n\n" + table.markdown(rows) + "\n")
    if asked.write:
        table.write(asked.write, lines, rows)
        asked.write.with_suffix(".svg").write_text(plot.picture(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

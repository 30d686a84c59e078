"""A program that runs a command in a pseudo-terminal and writes what became of it into a file, for tests."""

import json
import os
import sys
from pathlib import Path

from ultra_checklist.terminal import NotStarted, Session


def main() -> None:
    """``sessions RESULT COMMAND...``: output goes to stdout as long as somebody takes it, and into RESULT.log."""
    result, argv = Path(sys.argv[1]), sys.argv[2:]
    log = result.with_suffix(".log").open("wb", buffering=0)

    def take(data: bytes) -> None:
        log.write(data)
        try:
            os.write(1, data)
        except OSError:
            return

    try:
        ended = Session(argv, take, cwd=Path.cwd(), environment=os.environ).run()
    except NotStarted as error:
        told = {"problem": str(error)}
    else:
        told = {"code": ended.code, "signals": ended.signals}  # type: ignore[dict-item] # as JSON
    fresh = result.with_suffix(".new")
    fresh.write_text(json.dumps(told))
    fresh.rename(result)


if __name__ == "__main__":
    main()

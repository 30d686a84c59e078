"""The jobs that watch the pretend production by the clock: each leaves in a log how it began and how it ended.

Cron counts in minutes, so in the demo both jobs are due at every full minute. Their logs begin with what they would
have left in the days before.
"""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

CRON = {"daily": "* * * * *", "weekly": "* * * * *"}
ZONE = "Asia/Tokyo"
TOKYO = timedelta(hours=9)
HISTORY = {"daily": (timedelta(days=1), 14), "weekly": (timedelta(days=7), 4)}
"""How often the jobs ran before, and how many runs their logs begin with."""
EVERY = timedelta(minutes=1)


class Monitor:
    """Runs both jobs, in their names alone, at every full minute."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.off: set[str] = set()
        """Jobs that do not run."""
        self.failing: set[str] = set()
        """Jobs that end with an error."""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._begun = datetime.now(UTC)
        for kind in HISTORY:
            self._begin(kind)

    def turn_off(self, kind: str) -> None:
        """Let a job run no more, and not have run since this world began."""
        self.off.add(kind)
        self._begin(kind)

    def start(self) -> None:
        """Begin to run."""
        self._thread.start()

    def close(self) -> None:
        """Run no more."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._end.wait((next_minute(datetime.now(UTC)) - datetime.now(UTC)).total_seconds()):
            for kind in CRON:
                if kind not in self.off:
                    self._log(kind, datetime.now(UTC), int(kind in self.failing))

    def _begin(self, kind: str) -> None:
        """Write the log of the days before, as if nobody had touched it since."""
        step, count = HISTORY[kind]
        log = self.folder / f"{kind}.log"
        log.unlink(missing_ok=True)
        for number in range(count, 0, -1):
            self._log(kind, self._begun - number * step, 0)
        last = (self._begun - step).timestamp()
        os.utime(log, (last, last))

    def _log(self, kind: str, at: datetime, code: int) -> None:
        middle = "INFO 12 checks ok" if code == 0 else "ERROR check failed: backend does not answer"
        lines = (f"INFO monitor {kind}: start", middle, f"INFO monitor {kind}: end exit={code}")
        time = (at + TOKYO).replace(tzinfo=None).isoformat(timespec="seconds") + "+09:00"
        with (self.folder / f"{kind}.log").open("a", encoding="utf-8") as file:
            file.writelines(f"{time} {line}\n" for line in lines)


def next_minute(at: datetime) -> datetime:
    """The next full minute after a time."""
    return at.replace(second=0, microsecond=0) + EVERY

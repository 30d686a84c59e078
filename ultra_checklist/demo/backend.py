"""The pretend production's backend, a process of its own: says which commit it runs, counts, measures, logs.

It reads its release once, when it starts; a deploy is another process in its place. It ends with SIGTERM, and
when whoever started it is gone: its standard input closes then.
"""

import argparse
import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ultra_checklist.demo import control, telemetry
from ultra_checklist.demo.service import Reply, Request, Service, as_json, as_text

LOG, EVENTS, PID = "backend.log", "events.jsonl", "pid"
WORKING = 0.5
"""Seconds between the lines of an undisturbed backend."""


class Backend:
    """Answers for one release; what is set in the run folder spoils some of it."""

    def __init__(self, run_folder: Path, port: int, age: timedelta) -> None:
        self._run_folder = run_folder
        version, commit = control.release(run_folder)
        self.release = {"version": version, "commit": commit}
        self.started = datetime.now(UTC) - age
        self._traffic = telemetry.Traffic()
        self._traffic.started -= age.total_seconds()
        self._counts = {"requests": 0, "signals": 0, "trades": 0}
        self.service = Service("backend", self.answer, port=port)
        self.log("INFO", f"backend started version={version} commit={commit}")
        self.event("INFO", "backend_started", f"{version} started")

    @property
    def set(self) -> dict[str, Any]:
        """What is set for this version."""
        return control.of_version(self._run_folder, self.release["version"])

    def answer(self, request: Request) -> Reply:
        """One read-only answer for each path."""
        if request.method not in ("GET", "HEAD"):
            return as_json({"error": "read-only"}, 405)
        self._counts["requests"] += 1
        spoilt = self.set
        status = int(spoilt.get("status", 200))
        if request.path != "/metrics":
            self.log("ERROR" if status >= 500 else "INFO", f"{request.method} {request.path} {status}")
        match request.path:
            case "/metrics" if "metrics_text" in spoilt:
                return as_text(str(spoilt["metrics_text"]))
            case "/metrics":
                return as_text(telemetry.render(self._traffic, spoilt, self.release))
            case "/events" if "events_status" in spoilt:
                return as_text("pretend trouble", int(spoilt["events_status"]))
            case "/events":
                return self._events(request)
            case "/counts":
                return as_json({**self._counts, "uptime_seconds": self._uptime()}, status)
            case "/health" | "/version" | "/":
                return as_json({"status": "ok" if status == 200 else "error", **self._identity(spoilt)}, status)
        return as_json({"error": "not found"}, 404)

    def _identity(self, spoilt: dict[str, Any]) -> dict[str, Any]:
        return {
            "service": "ultra-autotrade-backend",
            **self.release,
            **spoilt.get("identity", {}),
            "started_at": self.started.isoformat(),
            "environment": os.environ.get("APP_ENV", ""),
            "uptime_seconds": self._uptime(),
        }

    def _uptime(self) -> float:
        return round((datetime.now(UTC) - self.started).total_seconds(), 3)

    def _events(self, request: Request) -> Reply:
        """The MonitoringEvents, oldest first; ``level`` and ``since`` choose among them."""
        lines = (self._run_folder / EVENTS).read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines]
        level, since = request.query.get("level"), request.query.get("since", "")
        return as_json({"events": [e for e in events if level in (None, e["level"]) and e["timestamp"] >= since]})

    def log(self, level: str, text: str) -> None:
        """Append a line to the log."""
        with (self._run_folder / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {level} {text}\n")

    def event(self, level: str, kind: str, message: str) -> None:
        """File a MonitoringEvent."""
        file_event(self._run_folder, level, kind, message)

    def work(self, end: threading.Event) -> None:
        """Do what a backend does all day: notice news, decide on nothing, say so."""
        while not end.wait(WORKING):
            self._counts["signals"] += 1
            self.log("INFO", f"signal {self._counts['signals']} evaluated: hold")
            for line in self.set.get("says", ()):
                self.log("ERROR", str(line))


def file_event(run_folder: Path, level: str, kind: str, message: str, at: datetime | None = None) -> None:
    """Append a MonitoringEvent; its time is that of now where none is given."""
    time = (at or datetime.now(UTC)).isoformat(timespec="milliseconds")
    with (run_folder / EVENTS).open("a", encoding="utf-8") as file:
        event = {"timestamp": time, "level": level, "type": kind, "message": message}
        file.write(json.dumps(event, ensure_ascii=False) + "\n")


def main() -> None:
    """Serve until SIGTERM or the end of standard input; say so, and write the process id, once it serves."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run_folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--hours", type=float, default=0.0, help="pretend to have run so long already")
    arguments = parser.parse_args()
    if (crash := control.of_version(arguments.run_folder).get("crash")) is not None:
        sys.exit(int(crash))
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: end.set())
    backend = Backend(arguments.run_folder, arguments.port, timedelta(hours=arguments.hours))
    (arguments.run_folder / PID).write_text(str(os.getpid()))
    print(f"ready {backend.service.port}", flush=True)  # noqa: T201 - whoever started us waits for this line
    threading.Thread(target=_until_alone, args=(end,), daemon=True).start()
    backend.work(end)
    backend.service.close()


def _until_alone(end: threading.Event) -> None:
    """Set the end when standard input closes; read without a buffer, whose lock would be held at the exit."""
    while os.read(0, 4096):
        continue
    end.set()


if __name__ == "__main__":
    main()

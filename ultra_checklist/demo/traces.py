"""What other programs have left behind: logs of the monitor's runs, and reports of the tests.

JUnit XML as pytest and others write it; the commit stands in a property of each suite.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr

TOKYO = timedelta(hours=9)
DAILY_AT, WEEKLY_AT = 3, 4
"""O'clock in Tokyo: daily at three, weekly on Sundays at four."""
CRON = {"daily": "0 3 * * *", "weekly": "0 4 * * 0"}
DAYS, WEEKS = 15, 4
"""How far back the logs go."""
SUITES = {"unit": 182, "integration": 41, "e2e": 12}


def due(kind: str, now: datetime) -> list[datetime]:
    """The newest runs of a job that were due, oldest first, in UTC."""
    here = now.astimezone(UTC) + TOKYO
    hour = DAILY_AT if kind == "daily" else WEEKLY_AT
    day = here.replace(hour=hour, minute=0, second=0, microsecond=0)
    days = [day - timedelta(days=n) for n in range((DAYS if kind == "daily" else WEEKS * 7) + 1)]
    fitting = [d for d in days if d <= here and (kind == "daily" or d.isoweekday() == 7)]
    return [d - TOKYO for d in reversed(fitting)]


def write_monitor_logs(folder: Path, now: datetime) -> None:
    """One log a job, each run with its beginning, its checks, and how it ended."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in CRON:
        runs = due(kind, now)
        (folder / f"{kind}.log").write_text("".join(_run(kind, at) for at in runs), encoding="utf-8")
        _touch(folder / f"{kind}.log", runs[-1] + timedelta(seconds=14))


def skip_newest(folder: Path, kind: str, now: datetime) -> None:
    """Take the newest run out of a job's log, as if the job had not run."""
    runs = due(kind, now)[:-1]
    (folder / f"{kind}.log").write_text("".join(_run(kind, at) for at in runs), encoding="utf-8")
    _touch(folder / f"{kind}.log", runs[-1] + timedelta(seconds=14))


def fail_newest(folder: Path, kind: str, now: datetime) -> None:
    """Let the newest run of a job have ended with an error."""
    runs = due(kind, now)
    good = "".join(_run(kind, at) for at in runs[:-1])
    (folder / f"{kind}.log").write_text(good + _run(kind, runs[-1], code=1), encoding="utf-8")
    _touch(folder / f"{kind}.log", runs[-1] + timedelta(seconds=14))


def _run(kind: str, at: datetime, code: int = 0) -> str:
    middle = "INFO 12 checks ok" if code == 0 else "ERROR check failed: backend does not answer"
    lines = ((2, f"INFO monitor {kind}: start"), (9, middle), (14, f"INFO monitor {kind}: end exit={code}"))
    return "".join(f"{_tokyo(at + timedelta(seconds=s))} {text}\n" for s, text in lines)


def _tokyo(at: datetime) -> str:
    return (at + TOKYO).replace(tzinfo=None).isoformat() + "+09:00"


def _touch(path: Path, at: datetime) -> None:
    os.utime(path, (at.timestamp(), at.timestamp()))


def write_junit(folder: Path, commit: str, at: datetime, *, failing: str = "") -> None:
    """One report a suite; the suite named ``failing`` has a failure in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for suite, count in SUITES.items():
        (folder / f"{suite}.xml").write_text(_suite(suite, count, commit, at, suite == failing), encoding="utf-8")


def _suite(name: str, count: int, commit: str, at: datetime, failing: bool) -> str:
    cases = [
        f'    <testcase classname="tests.{name}" name="test_{n:03}" time="0.02"/>' for n in range(count - failing)
    ]
    if failing:
        cases.append(
            f'    <testcase classname="tests.{name}" name="test_stops_in_an_emergency" time="0.02">'
            '<failure message="assert 0 == 1">assert 0 == 1</failure></testcase>'
        )
    when = at.isoformat(timespec="seconds")
    numbers = f'tests="{count}" failures="{int(failing)}" errors="0" skipped="0" time="{count * 0.02:.2f}"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            "<testsuites>",
            f'  <testsuite name={quoteattr(name)} {numbers} timestamp="{when}" hostname="ci">',
            "    <properties>",
            f'      <property name="commit" value={quoteattr(commit)}/>',
            "    </properties>",
            *cases,
            "  </testsuite>",
            "</testsuites>",
            "",
        ]
    )

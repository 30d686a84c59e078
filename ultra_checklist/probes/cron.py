"""Cron's expressions and tables: when a job was due last, when it is due next, and whether it is in the table."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ultra_checklist.errors import WrongValue

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ASSIGNMENT = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*\s*=")
_LOCALTIME = Path("/etc/localtime")


def plain_expression(text: str) -> str:
    """An expression in its five fields. Raises ValueError for what cron would not take, and for ``@reboot``."""
    from cronsim import CronSim, CronSimError

    fields = _NICKNAMES.get(text.strip().lower(), " ".join(text.split()))
    if len(fields.split(" ")) != 5:
        raise WrongValue(
            f"{text!r} is no cron expression of five fields", f"{text!r} は 5 項目の cron 式ではありません"
        )
    try:
        CronSim(fields, datetime(2000, 1, 1))  # noqa: DTZ001 - only the form is looked at
    except CronSimError as error:
        raise WrongValue(
            f"{text!r} is no cron expression: {error}", f"{text!r} は cron 式として読めません: {error}"
        ) from None
    return fields


def last_due(expression: str, now: datetime) -> datetime | None:
    """When a job was due last; ``now`` is in the zone in which cron counts. None: never."""
    return next(_due(expression, now, backwards=True), None)


def next_due(expression: str, now: datetime) -> datetime | None:
    """When it is due next. None: never."""
    return next(_due(expression, now, backwards=False), None)


def _due(expression: str, now: datetime, *, backwards: bool) -> Iterator[datetime]:
    from cronsim import CronSim, CronSimError

    try:
        yield from islice(CronSim(expression, now, reverse=backwards), 1)
    except CronSimError:
        # A day that does not come in the next fifty years, such as 30 February.
        return


def in_table(text: str, job: str) -> list[str]:
    """The expressions of the lines of a crontab that match; comments and assignments are no lines.

    Source: crontab(5). The table of a user has no user column, one in ``/etc/cron.d`` has: both are only matched.
    """
    found: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#") or _ASSIGNMENT.match(stripped):
            continue
        words = stripped.split(None, 1 if stripped.startswith("@") else 5)
        if not re.search(job, words[-1]):
            continue
        try:
            found.append(plain_expression(" ".join(words[:-1])))
        except ValueError:
            continue
    return found


def machine_zone() -> str:
    """The name of this machine's time zone, in which cron counts; UTC where that is not set."""
    try:
        name = _LOCALTIME.resolve(strict=True).as_posix().rpartition("/zoneinfo/")[2]
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return "UTC"
    return name

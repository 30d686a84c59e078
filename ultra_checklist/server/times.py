"""Times as Notion shows them; inside, a time is whole milliseconds since 1970."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ultra_checklist.server.errors import failed, invalid
from ultra_checklist.server.validation import mapping, only, string

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def now() -> int:
    """The current time in milliseconds."""
    return time.time_ns() // 1_000_000


def to_minute(moment: int) -> str:
    """``2026-07-04T09:50:00.000Z``: pages, blocks, data sources, comments and uploads lose their seconds."""
    return to_milliseconds(moment - moment % MINUTE)


def to_milliseconds(moment: int) -> str:
    """``2026-07-04T09:50:12.345Z``: the expiry of a signed link."""
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}Z"


def to_offset(moment: int) -> str:
    """``2026-07-04T09:50:12.345+00:00``: databases and views."""
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}+00:00"


def _utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment // 1000, tz=UTC)


def is_day(text: str) -> bool:
    """Whether an ISO 8601 text is a date without a time."""
    return len(text) == len("2026-07-04")


def moment_of(text: str) -> int:
    """Milliseconds of an ISO 8601 date (midnight UTC) or time (UTC unless it says otherwise)."""
    if is_day(text):
        parsed = datetime.combine(date.fromisoformat(text), datetime.min.time(), tzinfo=UTC)
    else:
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp() * 1000)


def checked_moment(value: Any, path: str) -> str:
    """An ISO 8601 date or time, unchanged; refused as Notion does otherwise."""
    text = string(value, path)
    try:
        moment_of(text)
    except ValueError:
        raise failed(path, "should be a valid ISO 8601 date string", value) from None
    return text


def date_value(value: Any, path: str) -> dict[str, Any]:
    """The value of a date property as it reads back: times keep minutes and carry their offset."""
    given = mapping(value, path)
    only(given, ("start", "end", "time_zone"), path)
    zone = _zone(given.get("time_zone"), path)
    start = _stored(checked_moment(given.get("start"), f"{path}.start"), zone)
    end = given.get("end")
    if end is not None:
        end = _stored(checked_moment(end, f"{path}.end"), zone)
        if moment_of(end) < moment_of(start):
            raise invalid(f"{path}: the end of a date range must not be before its start.")
    return {"start": start, "end": end, "time_zone": None}


def _zone(name: Any, path: str) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(string(name, f"{path}.time_zone"))
    except (ZoneInfoNotFoundError, ValueError):
        raise failed(f"{path}.time_zone", "should be a valid IANA time zone", name) from None


def _stored(text: str, zone: ZoneInfo | None) -> str:
    if is_day(text):
        return text
    parsed = datetime.fromisoformat(text).replace(second=0, microsecond=0)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone or UTC)
    return parsed.isoformat(timespec="milliseconds")


def day_of(moment: int) -> int:
    """Midnight UTC of the day of ``moment``."""
    return moment - moment % DAY


def week_of(moment: int) -> int:
    """Midnight UTC of the Monday of the week of ``moment``."""
    return day_of(moment) - _utc(moment).weekday() * DAY


def months_after(moment: int, months: int) -> int:
    """The same day some months later or earlier, the last of the month where there is none."""
    day = _utc(day_of(moment))
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    following = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last = (following - timedelta(days=1)).day
    target = datetime(year, month + 1, min(day.day, last), tzinfo=UTC)
    return int(target.timestamp() * 1000)

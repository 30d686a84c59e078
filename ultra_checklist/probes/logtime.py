"""Reads the time from a line of a log, in the forms that are common.

Only differences between two lines of one log are of use: the time zone is not looked at.
"""

import re
from calendar import timegm

HEAD = 120
"""Characters of a line in which its time is looked for."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d\d)[-/.](\d\d)[T _](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?")
_SYSLOG = re.compile(rf"\b({_MONTH}) +(\d{{1,2}}) (\d\d):(\d\d):(\d\d)(?:\.(\d{{1,9}}))?")
_WEB = re.compile(rf"(?<!\d)(\d\d)/({_MONTH})/(\d{{4}}):(\d\d):(\d\d):(\d\d)")
_EPOCH = re.compile(r'"(?:time|ts|timestamp|@timestamp)"\s*:\s*"?(\d{10}|\d{13}|\d{16}|\d{19})(\.\d+)?(?!\d)')
_CLOCK = re.compile(r"[\[(]?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?!\d)")


def time_of(text: str) -> float | None:
    """Seconds since some beginning that is the same for all lines of a log; None: the line bears no time."""
    head = text[:HEAD]
    if found := _ISO.search(head):
        year, month, day, hour, minute, second, part = found.groups()
        return _seconds(int(year), int(month), int(day), hour, minute, second, part)
    if found := _SYSLOG.search(head):
        name, day, hour, minute, second, part = found.groups()
        # Such lines do not tell the year: at its turn times go backward, and count as of one moment.
        return _seconds(2000, _MONTHS.index(name) + 1, int(day), hour, minute, second, part)
    if found := _WEB.search(head):
        day, name, year, hour, minute, second = found.groups()
        return _seconds(int(year), _MONTHS.index(name) + 1, int(day), hour, minute, second, None)
    if text.startswith("{") and (found := _EPOCH.search(text)):
        whole, part = found.groups()
        return float(whole) / float(10 ** (len(whole) - 10)) + float(part or 0)
    if found := _CLOCK.match(head):
        return _seconds(1970, 1, 1, *found.groups())
    return None


def _seconds(
    year: int, month: int, day: int, hour: str, minute: str, second: str, part: str | None
) -> float | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    whole: int = timegm((year, month, day, int(hour), int(minute), int(second)))
    return whole + float(f"0.{part or 0}")

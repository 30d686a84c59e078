"""A systemd timer and the service that it starts, as ``systemctl show`` tells them."""

import re
from datetime import UTC, datetime

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Frozen
from ultra_checklist.probes.base import Context

_STAMP = re.compile(r"(?:\w{3} )?(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC")
_TIMER = "LoadState,ActiveState,LastTriggerUSec,NextElapseUSecRealtime,NextElapseUSecMonotonic,Unit"
_SERVICE = "LoadState,ActiveState,Result,ExecMainStatus,ExecMainExitTimestamp"


class TimerSeen(Frozen):
    """What a timer was, and how its last run went."""

    loaded: str
    armed: bool
    last: datetime | None = None
    next: datetime | None = None
    """None: it has none, or one that depends on other units."""
    running: bool = False
    result: str = ""
    exit: int | None = None


async def show_timer(context: Context, unit: str, *, user: bool, seconds: float) -> TimerSeen:
    """Ask systemd. Raises ProbeCannotTell where it does not answer.

    Source: org.freedesktop.systemd1(5). For a unit that does not exist ``show`` ends with 0 and ``LoadState`` is
    ``not-found``; where systemd does not run it ends with 1 and prints nothing. Times are asked for in UTC.
    """
    timer = await _show(context, unit, _TIMER, user=user, seconds=seconds)
    if timer.get("LoadState") != "loaded":
        return TimerSeen(loaded=timer.get("LoadState", ""), armed=False)
    soon = [timer.get(name, "") for name in ("NextElapseUSecRealtime", "NextElapseUSecMonotonic")]
    service = await _show(context, timer.get("Unit", ""), _SERVICE, user=user, seconds=seconds)
    status = service.get("ExecMainStatus", "")
    running = service.get("ActiveState") in ("active", "activating", "reloading", "deactivating")
    # While its service runs a timer has no next time; it gets one when that has ended.
    coming = running or any(told not in ("", "0", "n/a", "infinity") for told in soon)
    return TimerSeen(
        loaded="loaded",
        armed=timer.get("ActiveState") == "active" and coming,
        last=_time(timer.get("LastTriggerUSec", "")),
        next=_time(soon[0]),
        running=running,
        result=service.get("Result", "") if service.get("LoadState") == "loaded" else "no-service",
        exit=int(status) if status.isdigit() else None,
    )


async def _show(context: Context, unit: str, names: str, *, user: bool, seconds: float) -> dict[str, str]:
    manager = ["--user"] if user else []
    argv = ["systemctl", *manager, "show", f"--property={names}", "--", unit]
    done = await context.run(argv, timeout=seconds, environment={"TZ": "UTC", "SYSTEMD_PAGER": ""})
    told = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    if done.code != 0 or "LoadState" not in told:
        raise ProbeCannotTell(
            "no-systemd",
            f"systemd does not answer: {done.stderr.strip()[:200] or 'no word of LoadState'}",
            f"systemd の応答がありません: {done.stderr.strip()[:200] or 'LoadState なし'}",
            remedy=f"systemctl {' '.join([*manager, 'status'])} {unit}",
        )
    return told


def _time(told: str) -> datetime | None:
    found = _STAMP.fullmatch(told.strip())
    return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC) if found else None

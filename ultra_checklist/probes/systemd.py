"""Units of systemd: active, started by this deploy, not restarted since; timers that are armed.

One ``systemctl show`` tells of all units of a probe, so that they are seen at one moment. Its properties are those
of org.freedesktop.systemd1(5). An unknown unit is told apart from a stopped one by LoadState alone.
"""

import os
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, field_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Completed, Context, Observation, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.lifetime import (
    Life,
    LifetimeOptions,
    Times,
    bad_lives,
    judge_life,
    newest_deploy,
    worst,
)

_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,InvocationID,ExecMainStatus,"
    "ActiveEnterTimestamp,LastTriggerUSec,NextElapseUSecRealtime,NextElapseUSecMonotonic"
)
_KINDS = ("service", "timer", "socket", "target", "path", "mount", "automount", "swap", "slice", "scope", "device")
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*")
_RUNNING = {
    "service": ("running",),
    "timer": ("waiting", "running"),
    "socket": ("listening", "running"),
    "path": ("waiting", "running"),
}
"""Sub-states in which units of these kinds do what they are for."""
_TIME = re.compile(r"[A-Z][a-z]{2} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) UTC")
_UNSET = ("", "0", "n/a", "infinity")


def _full(name: str) -> str:
    if _UNIT.fullmatch(name) is None:
        raise WrongValue(f"{name!r} is no name of a unit", f"{name!r} はユニット名ではありません")
    return name if name.rpartition(".")[2] in _KINDS else f"{name}.service"


class SystemdOptions(LifetimeOptions):
    """Which units, and how they must be."""

    units: Annotated[
        list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value), Field(min_length=1)
    ] = Field(description="The units: one, or a list. A name without an ending is a service's.")
    user: bool = Field(default=False, description="true: units of this user's own manager (systemctl --user).")
    substates: list[str] = Field(
        default_factory=list,
        description="Sub-states that are good, such as `exited`.  Default: running; of timers and paths waiting, "
        "of sockets listening.",
    )
    enabled: bool = Field(default=False, description="true: they are started when the machine starts.")
    triggered_within: float | None = Field(
        default=None, gt=0, description="Seconds within which each timer among them must have triggered."
    )

    @field_validator("units")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        return [_full(name) for name in value]


class UnitSeen(Observation):
    """One unit, as systemd told of it."""

    name: str
    """As it was asked for; systemd may know it by another name."""
    load: str
    active: str
    sub: str
    file: str = ""
    result: str = ""
    exit_status: int | None = None
    life: Life
    triggered: datetime | None = None
    """When a timer triggered last."""
    armed: bool | None = None
    """Whether a timer will trigger; None: it is no timer."""


class SystemdSeen(Observation):
    """All units that were asked for, at one moment."""

    units: list[UnitSeen]
    times: Times


class SystemdProbe(Probe[SystemdOptions, SystemdSeen]):
    """Asks systemd; it changes nothing."""

    name = "systemd"
    summary = Words(
        en="systemd units: active, started by the deploy, not restarted since; timers armed",
        ja="systemd ユニット: 稼働・デプロイ後の起動・自動再起動なし・タイマーの予約",
    )
    options_model: ClassVar[type[SystemdOptions]] = SystemdOptions
    observation_model: ClassVar[type[SystemdSeen]] = SystemdSeen
    starts: ClassVar[tuple[str, ...]] = ("systemctl",)
    judged: ClassVar[frozenset[str]] = frozenset({"substates", "enabled", "triggered_within", "min_uptime"})

    @property
    def wants_baseline(self) -> bool:
        """Whether something was restarted is told by how it was before."""
        return self.options.compares

    def twins(self) -> Iterator[Twin]:
        """Units that are wrong in one thing."""
        options = self.options
        (_, life, times), *lives = bad_lives(options)
        times = times.model_copy(update={"before": dict.fromkeys(options.units, (times.before or {})["twin"])})

        def seen(**other: Any) -> SystemdSeen:
            units = []
            for name in options.units:
                kind = name.rpartition(".")[2]
                timer = kind == "timer"
                sub = (options.substates or list(_RUNNING.get(kind, ("active",))))[0]
                told = {"triggered": times.now, "armed": True} if timer else {}
                good = UnitSeen(name=name, load="loaded", active="active", sub=sub, file="enabled", life=life)
                units.append(
                    good.model_copy(update=told | {k: v for k, v in other.items() if timer or k not in told})
                )
            return SystemdSeen(units=units, times=times)

        yield Twin(Words(en="no such unit", ja="ユニットなし"), seen=seen(load="not-found"))
        yield Twin(
            Words.same("failed"), seen=seen(active="failed", sub="failed", result="exit-code", exit_status=1)
        )
        if options.enabled:
            yield Twin(Words.same("disabled"), seen=seen(file="disabled"))
        timers = any(name.endswith(".timer") for name in options.units)
        if timers:
            yield Twin(
                Words(en="a timer that is not armed", ja="次回の予定なし"), seen=seen(armed=False, sub="waiting")
            )
        if timers and options.triggered_within is not None:
            yield Twin(Words(en="never triggered", ja="実行なし"), seen=seen(triggered=None))
        for what, bad, _ in lives:
            yield Twin(what, seen=seen(life=bad))

    async def observe(self, context: Context) -> SystemdSeen:
        """Ask once for all units."""
        options = self.options
        manager = "--user" if options.user else "--system"
        argv = ["systemctl", manager, "show", "--no-pager", f"--property={_PROPERTIES}", "--", *options.units]
        # Times are told in the zone of whoever asks.
        environment = {"TZ": "UTC"}
        own = f"/run/user/{os.getuid()}"
        if options.user and "XDG_RUNTIME_DIR" not in context.environment and Path(own).is_dir():
            # It is not set where no session began, as in a job of cron.
            environment["XDG_RUNTIME_DIR"] = own
        key, limit = (*argv, *environment.items()), options.timeout
        done = await context.once(key, lambda: context.run(argv, timeout=limit, environment=environment))
        now = datetime.now(UTC)
        if done.code != 0:
            raise _cannot(done, options.user)
        blocks = [block for block in re.split(r"\n\s*\n", done.stdout.strip()) if block]
        if len(blocks) != len(options.units) or done.truncated:
            raise _not_understood(f"{len(blocks)} of {len(options.units)} units")
        units = [_unit(name, block) for name, block in zip(options.units, blocks, strict=True)]
        known = context.baseline.units if isinstance(context.baseline, SystemdSeen) else None
        before = {unit.name: unit.life for unit in known} if known is not None else None
        return SystemdSeen(units=units, times=Times(now=now, deploy=newest_deploy(context), before=before))

    def judge(self, seen: SystemdSeen) -> Verdict:
        """Each unit by itself; the worst verdict counts."""
        wrong = worst([self._one(unit, seen.times) for unit in seen.units])
        if wrong is not None:
            return wrong
        told = ", ".join(f"{unit.name} {unit.active} ({unit.sub})" for unit in seen.units)
        return passed(
            "active",
            expected=Words(en="active", ja="稼働中（active）"),
            seen=Words.same(told),
            units={unit.name: {"sub": unit.sub, "invocation": unit.life.run} for unit in seen.units},
        )

    def _one(self, unit: UnitSeen, times: Times) -> Verdict | None:
        logs = Words.same(f"{_journalctl(self.options.user)} -u {shlex.quote(unit.name)} -n 50 --no-pager")
        for verdict in (
            self._loaded(unit),
            self._active(unit, logs),
            self._file(unit),
            self._timer(unit, times),
            self._life(unit, times, logs),
        ):
            if verdict is not None:
                return verdict
        return None

    def _life(self, unit: UnitSeen, times: Times, logs: Words) -> Verdict | None:
        options = self.options
        if not unit.name.endswith(".service"):
            # Only services are ever restarted by themselves.
            options = options.model_copy(update={"no_restarts": False})
        return judge_life(options, unit.name, unit.life, times, logs)

    def _loaded(self, unit: UnitSeen) -> Verdict | None:
        if unit.load == "loaded":
            return None
        name = unit.name
        told: dict[str, Any] = {"expected": Words.same("loaded"), "seen": Words.same(unit.load), "name": name}
        ask = _systemctl(self.options.user)
        if unit.load == "not-found":
            other = _systemctl(not self.options.user)
            return failed(
                "no-such-unit",
                Words(en=f"there is no unit {name}", ja=f"ユニット {name} がありません"),
                remedy=Words.same(f"{ask} list-unit-files; {other} list-unit-files"),
                **told,
            )
        if unit.load == "masked":
            words = Words(en=f"{name} is masked", ja=f"{name} は mask されています")
            return failed("masked", words, remedy=Words.same(f"{ask} unmask {shlex.quote(name)}"), **told)
        if unit.load in ("bad-setting", "error"):
            words = Words(en=f"{name} could not be loaded", ja=f"{name} を読み込めません")
            return failed(
                "bad-unit",
                words,
                remedy=Words.same(f"{ask} status {shlex.quote(name)}"),
                **told,
            )
        words = Words(en=f"whether {name} is loaded is not told", ja=f"{name} の読み込み状態を判定できません")
        status = Words.same(f"{ask} status {shlex.quote(name)}")
        return unknown("unknown-state", words, remedy=status, **told)

    def _active(self, unit: UnitSeen, logs: Words) -> Verdict | None:
        name, state = unit.name, f"{unit.active} ({unit.sub})"
        code = f", exit {unit.exit_status}" if unit.exit_status else ""
        good = self.options.substates or list(_RUNNING.get(name.rpartition(".")[2], ()))
        told: dict[str, Any] = {
            "expected": Words.same(f"active ({'/'.join(good)})" if good else "active"),
            "seen": Words.same(f"{state}, {unit.result}{code}" if unit.result not in ("", "success") else state),
            "remedy": logs,
            "name": name,
        }
        if unit.active == "activating" and unit.sub.startswith("auto-restart"):
            words = Words(
                en=f"{name} ended and is restarted again", ja=f"{name} は停止と自動再起動を繰り返しています"
            )
            return failed("restarting", words, **told)
        if unit.active == "failed" or unit.result not in ("", "success"):
            words = Words(en=f"{name} has failed: {unit.result}", ja=f"{name} は失敗しました: {unit.result}")
            return failed("failed", words, **told)
        if unit.active in ("activating", "deactivating", "reloading", "refreshing", "maintenance"):
            words = Words(en=f"{name} is changing its state", ja=f"{name} は状態遷移中です")
            return unknown("starting" if unit.active == "activating" else "changing", words, **told)
        if unit.active == "inactive":
            words = Words(en=f"{name} is not running", ja=f"{name} は停止しています")
            start = Words.same(f"{_systemctl(self.options.user)} start {shlex.quote(name)}")
            return failed("stopped", words, **told | {"remedy": start})
        if unit.active != "active":
            words = Words(en=f"the state of {name} is not known", ja=f"{name} の状態を判定できません")
            return unknown("unknown-state", words, **told)
        if good and unit.sub not in good:
            words = Words(en=f"{name} is active, but runs nothing", ja=f"{name} は active ですが動作していません")
            return failed("sub-state", words, **told)
        return None

    def _file(self, unit: UnitSeen) -> Verdict | None:
        # Some units are started because others want them, and have no [Install] section to enable.
        if not self.options.enabled or unit.file in ("enabled", "static", "alias", "indirect", "generated"):
            return None
        return failed(
            "not-enabled",
            Words(
                en=f"{unit.name} will not be started when the machine starts",
                ja=f"{unit.name} はマシンの起動時に自動起動しません",
            ),
            expected=Words.same("enabled"),
            seen=Words.same(unit.file or "-"),
            remedy=Words.same(f"{_systemctl(self.options.user)} enable {shlex.quote(unit.name)}"),
            name=unit.name,
        )

    def _timer(self, unit: UnitSeen, times: Times) -> Verdict | None:
        if unit.armed is None:
            return None
        show = Words.same(f"{_systemctl(self.options.user)} list-timers --all {shlex.quote(unit.name)}")
        # While what it has triggered is running, some timers have no next time yet.
        if not unit.armed and unit.sub != "running":
            return failed(
                "not-armed",
                Words(en=f"{unit.name} will not trigger again", ja=f"{unit.name} に次回の予定がありません"),
                expected=Words(en="a next time", ja="次回の予定"),
                seen=Words(en="none", ja="なし"),
                remedy=show,
                name=unit.name,
            )
        limit = self.options.triggered_within
        if limit is None or (unit.triggered and (times.now - unit.triggered).total_seconds() <= limit):
            return None
        at = unit.triggered.astimezone().strftime("%Y-%m-%d %H:%M:%S %z") if unit.triggered else ""
        return failed(
            "not-triggered",
            Words(en=f"{unit.name} has not triggered in time", ja=f"{unit.name} が期限内に実行されていません"),
            expected=Words(en=f"within {limit:g} s", ja=f"{limit:g} 秒以内"),
            seen=Words(en=f"last at {at}", ja=f"最終 {at}") if at else Words(en="never", ja="実行なし"),
            remedy=show,
            name=unit.name,
        )


def _unit(name: str, block: str) -> UnitSeen:
    told = dict(line.partition("=")[::2] for line in block.splitlines())
    try:
        restarts, status = told.get("NRestarts"), told.get("ExecMainStatus")
        timer = name.endswith(".timer")
        elapses = (told.get("NextElapseUSecRealtime", ""), told.get("NextElapseUSecMonotonic", ""))
        return UnitSeen(
            name=name,
            load=told["LoadState"],
            active=told["ActiveState"],
            sub=told["SubState"],
            file=told.get("UnitFileState", ""),
            result=told.get("Result", ""),
            exit_status=int(status) if status else None,
            life=Life(
                run=told.get("InvocationID", ""),
                started=_time(told["ActiveEnterTimestamp"]),
                restarts=int(restarts) if restarts else None,
            ),
            triggered=_time(told.get("LastTriggerUSec", "")) if timer else None,
            armed=any(elapse not in _UNSET for elapse in elapses) if timer else None,
        )
    except (KeyError, ValueError) as error:
        raise _not_understood(f"{name}: {error}") from error


def _time(text: str) -> datetime | None:
    if text in _UNSET:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)


def _not_understood(text: str) -> ProbeCannotTell:
    return ProbeCannotTell(
        "not-understood",
        f"what systemctl answers is not understood: {text}",
        f"systemctl の出力を解釈できません: {text}",
        remedy="systemctl --version",
    )


def _cannot(done: Completed, user: bool) -> ProbeCannotTell:
    """Why systemctl could not ask, from its words: it ends with exit code 1 for all of them."""
    said = " ".join(done.stderr.split())[:200]
    if "not been booted with systemd" in done.stderr:
        return ProbeCannotTell(
            "not-booted",
            "this machine was not booted with systemd",
            "このマシンは systemd で起動されていません",
            remedy="ps -p 1 -o comm=",
        )
    if "denied" in done.stderr.lower() or "not permitted" in done.stderr.lower():
        return ProbeCannotTell(
            "permission-denied",
            f"systemd does not answer this user: {said}",
            f"このユーザーには systemd へのアクセス権がありません: {said}",
            remedy=f"sudo {_systemctl(user)} list-units",
        )
    if "Failed to connect to bus" in done.stderr or "Transport endpoint" in done.stderr:
        return ProbeCannotTell(
            "no-bus",
            f"systemd's manager cannot be reached: {said}",
            f"systemd のマネージャーに接続できません: {said}",
            remedy='export XDG_RUNTIME_DIR=/run/user/$(id -u); sudo loginctl enable-linger "$(id -un)"'
            if user
            else "sudo systemctl status dbus",
        )
    return ProbeCannotTell(
        "systemctl-failed",
        f"systemctl ended with exit code {done.code}: {said}",
        f"systemctl が終了コード {done.code} で失敗しました: {said}",
        remedy=f"{_systemctl(user)} list-units",
    )


def _systemctl(user: bool) -> str:
    return "systemctl --user" if user else "systemctl"


def _journalctl(user: bool) -> str:
    return "journalctl --user" if user else "journalctl"

"""A job that runs by the clock: its last due run came in time and was clean, and the next one is armed."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Pattern, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.cron import in_table, last_due, machine_zone, next_due, plain_expression
from ultra_checklist.probes.joblog import cannot, exit_code, newest, read
from ultra_checklist.probes.timer import show_timer
from ultra_checklist.record import WINDOW_RUNNING

SHOWN = 3
LINE = 200
EARLY = timedelta(minutes=1)
"""A job's first line may be stamped a little before its time."""
_TIMER = re.compile(r"[A-Za-z0-9:_.@\\-]+\.timer")


class ScheduleOptions(Options):
    """When the job runs, and what its runs leave behind."""

    cron: str | None = Field(
        default=None, description="When it runs, as cron has it: five fields, or such as @daily."
    )
    crontab: str | None = Field(
        default=None,
        description="The file of the crontab that must hold it; `-`: that of this user (`crontab -l`).",
    )
    job: Pattern = Field(default="", description="Regular expression that finds its line in the crontab.")
    timer: str | None = Field(default=None, description="Instead: the systemd timer that starts it.")
    user: bool = Field(default=False, description="true: the timer is one of the user's own systemd.")
    timezone: str | None = Field(
        default=None, description="Time zone in which cron and the log count.  Default: this machine's."
    )
    log: str = Field(default="", description="Its log; of several that match such as daily-*.log the newest.")
    record: str = Field(
        default="", description="File that each run writes at its end: the exit code, or JSON with `exit`."
    )
    errors: Pattern = Field(
        default=r"\b(ERROR|CRITICAL|FATAL|Traceback)\b",
        description="Regular expression that no line of its last run may match.",
    )
    grace: float = Field(default=1800.0, gt=0, description="Seconds after its time by which a run must be seen.")

    @field_validator("cron")
    @classmethod
    def _an_expression(cls, value: str | None) -> str | None:
        return plain_expression(value) if value is not None else None

    @field_validator("timezone")
    @classmethod
    def _a_zone(cls, value: str | None) -> str | None:
        try:
            ZoneInfo(value or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise WrongValue(
                f"{value!r} is no time zone such as Asia/Tokyo",
                f"{value!r} は Asia/Tokyo のようなタイムゾーンではありません",
            ) from None
        return value

    @model_validator(mode="after")
    def _asserts_something(self) -> Self:
        if not (self.cron or self.crontab or self.timer):
            raise WrongValue(
                "when does it run? give cron, crontab or timer",
                "実行時刻がわかりません。cron、crontab、timer のいずれかを指定してください",
            )
        if self.crontab and (self.timer or not self.job):
            raise WrongValue(
                "crontab needs job, and is no timer", "crontab には job が必要で、timer とは一緒に使えません"
            )
        if self.timer is not None and _TIMER.fullmatch(self.timer) is None:
            raise WrongValue(
                f"{self.timer!r} is no name of a timer, such as monitor-daily.timer",
                f"{self.timer!r} は monitor-daily.timer のようなタイマー名ではありません",
            )
        if not (self.log or self.record or self.timer):
            raise WrongValue(
                "nothing shows that it ran: give log, record or timer",
                "実行されたことを示すものがありません。log、record、timer のいずれかを指定してください",
            )
        return self


class ScheduleSeen(Observation):
    """When it was due, whether it ran, and whether it will."""

    now: datetime
    zone: str
    since: datetime | None = None
    """The deploy's end; what was due before it does not count."""
    expression: str = ""
    armed: bool | None = None
    """Whether the next run will come; None: that is not looked at."""
    due: datetime | None = None
    """When it was due last."""
    next: datetime | None = None
    ran: datetime | None = None
    """When the run that was due is seen to have been; None: no trace of it."""
    running: bool = False
    exit: int | None = None
    result: str = ""
    errors: list[str] = Field(default_factory=list)


class ScheduleProbe(Probe[ScheduleOptions, ScheduleSeen]):
    """Looks at a job's table or timer and at what its last run has left."""

    name = "schedule"
    summary = Words(
        en="a job of cron or a systemd timer: ran when it was due, without errors, next run armed",
        ja="cron・systemd タイマーのジョブ: 予定どおりの実行・エラーなし・次回の予約",
    )
    options_model: ClassVar[type[Options]] = ScheduleOptions
    observation_model: ClassVar[type[Observation]] = ScheduleSeen
    judged: ClassVar[frozenset[str]] = frozenset({"grace"})

    @property
    def programs(self) -> tuple[str, ...]:
        """Those that tell of timers, and of this user's table."""
        return (
            *(["systemctl"] if self.options.timer else []),
            *(["crontab"] if self.options.crontab == "-" else []),
        )

    def twins(self) -> Iterator[Twin]:
        """Not armed, missed, late, and not clean."""
        options, due = self.options, datetime(2026, 1, 1, tzinfo=UTC)
        grace = timedelta(seconds=options.grace)
        good = ScheduleSeen(
            now=due + 3 * grace, zone="UTC", expression=options.cron or "", due=due, next=due, ran=due
        )

        def seen(**other: Any) -> ScheduleSeen:
            return good.model_copy(update=other)

        if options.crontab or options.timer:
            yield Twin(Words(en="no next run", ja="次回の予約なし"), seen=seen(armed=False))
        yield Twin(Words(en="no trace of a run", ja="実行の形跡なし"), seen=seen(ran=None))
        yield Twin(Words(en="a late run", ja="遅れた実行"), seen=seen(ran=due + 2 * grace))
        if options.record or options.timer:
            yield Twin(Words.same("exit 1"), seen=seen(exit=1))
        if options.log:
            yield Twin(Words(en="an error in its log", ja="ログのエラー"), seen=seen(errors=["ERROR twin"]))

    async def observe(self, context: Context) -> ScheduleSeen:
        """Read table or timer, then what the run has left."""
        options = self.options
        zone = options.timezone or machine_zone()
        now = context.clock().astimezone(ZoneInfo(zone))
        deploys = context.release.deploys if context.release is not None else ()
        since = deploys[-1].ended if deploys and deploys[-1].stands else None
        seen = ScheduleSeen(now=now, zone=zone, since=since, expression=options.cron or "")
        seen = await self._table(context, seen) if options.crontab else seen
        seen = _timed(seen)
        seen = await self._timer(context, seen) if options.timer else seen
        if seen.due is None or (seen.since is not None and seen.due < seen.since):
            return seen
        if options.log:
            seen = await asyncio.to_thread(self._log, context, seen)
        return await asyncio.to_thread(self._record, context, seen) if options.record else seen

    async def _table(self, context: Context, seen: ScheduleSeen) -> ScheduleSeen:
        where, text = self.options.crontab or "", ""
        if where == "-":
            done = await context.run(["crontab", "-l"], timeout=self.options.timeout)
            if done.code != 0 and "no crontab" not in done.stderr:
                raise cannot("no-crontab", "crontab -l", done.stderr.strip()[:LINE])
            text = done.stdout if done.code == 0 else ""
        else:
            found_there = read(context.path(where))
            text = found_there.text if found_there is not None else ""
        found = in_table(text, self.options.job)
        wanted = [one for one in found if self.options.cron in (None, one)]
        expression = (wanted or found or [seen.expression])[0]
        return seen.model_copy(update={"armed": bool(wanted), "expression": expression})

    async def _timer(self, context: Context, seen: ScheduleSeen) -> ScheduleSeen:
        options = self.options
        timer = await show_timer(context, options.timer or "", user=options.user, seconds=options.timeout)
        due = seen.due if options.cron else timer.last
        ran = timer.last if timer.last is not None and due is not None and timer.last >= due - EARLY else None
        return seen.model_copy(
            update={
                "armed": timer.armed,
                "due": due,
                "next": timer.next or seen.next,
                "ran": ran,
                "running": timer.running,
                "exit": timer.exit if ran is not None else None,
                "result": timer.result if ran is not None else "",
            }
        )

    def _log(self, context: Context, seen: ScheduleSeen) -> ScheduleSeen:
        """What the newest log says of the run that was due."""
        path = newest(context.path(self.options.log))
        found = read(path) if path is not None else None
        if path is None or found is None or seen.due is None or found.written < seen.due - EARLY:
            # Whatever else says that it ran: what it has logged was not seen.
            return seen.model_copy(update={"ran": None})
        begun, lines = found.since(seen.due - EARLY, seen.zone)
        if lines is None:
            raise cannot("log-too-large", path, _GROWN)
        pattern = re.compile(self.options.errors)
        bad = [context.redactor.text(line.strip()[:LINE]) for line in lines if pattern.search(line)]
        return seen.model_copy(update={"ran": seen.ran or begun or found.written, "errors": bad[:SHOWN]})

    def _record(self, context: Context, seen: ScheduleSeen) -> ScheduleSeen:
        path = context.path(self.options.record)
        found = read(path)
        if found is None or seen.due is None or found.written < seen.due - EARLY:
            # Without a record of its end the run is not seen to have ended.
            return seen.model_copy(update={"ran": None})
        code = exit_code(found.text)
        if code is None:
            raise cannot("no-exit-code", path, _NO_CODE)
        traced = seen.ran is not None or not (self.options.log or self.options.timer)
        return seen.model_copy(update={"ran": (seen.ran or found.written) if traced else None, "exit": code})

    def judge(self, seen: ScheduleSeen) -> Verdict:
        """Armed, then due at all, then run, in time, and clean."""
        if seen.armed is False:
            return self._not_armed(seen)
        if seen.due is None or (seen.since is not None and seen.due < seen.since):
            when = self._clock(seen.next, seen)
            return unknown(
                "not-yet-due",
                Words(
                    en=f"it has not been due yet; next: {when}",
                    ja=f"まだ実行予定時刻になっていません（次回 {when}）",
                ),
                expected=self._wanted(),
                seen=Words(en=f"next {when}", ja=f"次回 {when}"),
                remedy=Words(
                    en=f"wait until {when}, or decide with the reason",
                    ja=f"{when} まで待つ、または理由を書いて判断",
                ),
                next=seen.next.isoformat() if seen.next is not None else "",
            )
        limit = seen.due + timedelta(seconds=self.options.grace)
        if (seen.ran is None or seen.running) and seen.now <= limit:
            told = Words(
                en=f"due {self._clock(seen.due, seen)}, until {self._clock(limit, seen)}",
                ja=f"予定 {self._clock(seen.due, seen)}、期限 {self._clock(limit, seen)}",
            )
            return unknown(WINDOW_RUNNING, _STILL, expected=self._wanted(), seen=told, remedy=_WAIT)
        for verdict in (self._missed(seen, limit), self._clean(seen)):
            if verdict is not None:
                return verdict
        due, ran, coming = (self._clock(time, seen) for time in (seen.due, seen.ran, seen.next))
        return passed(
            "on-time",
            expected=self._wanted(),
            seen=Words(en=f"due {due}, ran {ran}, next {coming}", ja=f"予定 {due}、実行 {ran}、次回 {coming}"),
            exit=seen.exit,
        )

    def _wanted(self) -> Words:
        return Words(
            en=f"a clean run within {self.options.grace:g} s of its time, and the next one armed",
            ja=f"予定時刻から {self.options.grace:g} 秒以内の正常な実行と、次回の予約",
        )

    def _not_armed(self, seen: ScheduleSeen) -> Verdict:
        options = self.options
        where = options.timer or ("crontab -l" if options.crontab == "-" else options.crontab or "")
        other = bool(options.crontab and seen.expression and options.cron and seen.expression != options.cron)
        remedy = (
            f"systemctl {'--user ' if options.user else ''}enable --now {options.timer}"
            if options.timer
            else f"crontab -e   # {options.cron or '…'} {options.job}"
        )
        return failed(
            "other-schedule" if other else "not-armed",
            Words(en="no further run is armed as it should be", ja="次回の実行が正しく予約されていません"),
            expected=Words.same(options.cron or options.job or options.timer or ""),
            seen=Words.same(f"{where}: {seen.expression}")
            if other
            else Words(en=f"{where}: not there, or off", ja=f"{where}: 未登録または無効"),
            remedy=Words.same(remedy),
            expression=seen.expression,
        )

    def _missed(self, seen: ScheduleSeen, limit: datetime) -> Verdict | None:
        if seen.ran is not None and seen.ran <= limit:
            return None
        due, told = self._clock(seen.due, seen), self._clock(seen.ran, seen)
        return failed(
            "late" if seen.ran is not None else "missed",
            Words(en="it did not run when it was due", ja="予定どおりに実行されていません"),
            expected=self._wanted(),
            seen=Words(en=f"due {due}, ran {told}", ja=f"予定 {due}、実行 {told}")
            if seen.ran is not None
            else Words(en=f"due {due}, no trace of a run", ja=f"予定 {due}、実行の形跡なし"),
            remedy=_READ,
            due=seen.due.isoformat() if seen.due is not None else "",
        )

    def _clean(self, seen: ScheduleSeen) -> Verdict | None:
        bad = [f"exit {seen.exit}"] if seen.exit else []
        bad += [seen.result] if seen.result not in ("", "success") else []
        bad += seen.errors
        if not bad:
            return None
        return failed(
            "not-clean",
            Words(en="its last run was not clean", ja="直近の実行でエラーが出ています"),
            expected=self._wanted(),
            seen=Words.same(" | ".join(bad)),
            remedy=_READ,
            exit=seen.exit,
            result=seen.result,
            errors=seen.errors,
        )

    @staticmethod
    def _clock(time: datetime | None, seen: ScheduleSeen) -> str:
        return time.astimezone(ZoneInfo(seen.zone)).strftime("%m-%d %H:%M") if time is not None else "?"


def _timed(seen: ScheduleSeen) -> ScheduleSeen:
    if not seen.expression:
        return seen
    due, coming = last_due(seen.expression, seen.now), next_due(seen.expression, seen.now)
    return seen.model_copy(update={"due": due, "next": coming})


_STILL = Words(en="it was just due, and has not ended yet", ja="予定時刻になったばかりで、まだ終わっていません")
_GROWN = Words(en="it has grown too much since then", ja="その後大きくなりすぎました")
_NO_CODE = Words(en="no exit code in it", ja="終了コードがありません")
_WAIT = Words(en="wait for its end", ja="終了を待つ")
_READ = Words(en="read its log and the log of cron or systemd", ja="ジョブのログと cron・systemd のログを確認")

"""How long what is running has been running: since before the deploy, anew, or for the third time.

Shared by the families whose subjects are started by somebody else and may be started again by
themselves: containers and units. Both count restarts in the same way: dockerd's ``RestartCount`` and systemd's
``NRestarts`` grow by one when the daemon itself starts the thing again, and begin at zero when somebody starts it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pydantic import Field

from ultra_checklist.model import Outcome, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, failed, unknown

SKEW = timedelta(seconds=5)
"""By how much two clocks may differ before times of one are not compared with times of the other."""
RESOLUTION = timedelta(seconds=1)
"""Times that are told in whole seconds are cut, not rounded."""


class LifetimeOptions(Options):
    """What may be asked of the time since something was started."""

    started_after_deploy: bool = Field(
        default=False, description="true: it was started, or started anew, after the newest deploy began."
    )
    no_restarts: bool = Field(
        default=False, description="true: it has not been restarted by itself since the newest deploy began."
    )
    min_uptime: float | None = Field(
        default=None, gt=0, description="Seconds for which it must have been running without a break."
    )

    @property
    def compares(self) -> bool:
        """Whether it must be known how things were as the deploy began."""
        return self.started_after_deploy or self.no_restarts


class Life(Observation):
    """One run of something, from its start on."""

    run: str = ""
    """Another one for every start; empty: it was not started."""
    started: datetime | None = None
    restarts: int | None = None
    """How many times it was restarted by itself; None: that is not counted."""


class Times(Observation):
    """With what a life is compared."""

    now: datetime
    """When it was seen, by the clock by which it was started."""
    ahead: float = 0.0
    """Seconds by which that clock is ahead of ours; nothing where both are the same."""
    deploy: datetime | None = None
    """When the newest deploy began, by our clock."""
    before: dict[str, Life] | None = None
    """The lives as that deploy began; None: that was not seen."""


def newest_deploy(context: Context) -> datetime | None:
    """When the newest deploy that was not taken back began; None: there is none, or no release."""
    deploys = context.release.deploys if context.release is not None else ()
    return next((mark.started for mark in reversed(deploys) if not mark.withdrawn), None)


def judge_life(
    options: LifetimeOptions, name: str, life: Life, times: Times, remedy: Words, *, key: str = ""
) -> Verdict | None:
    """What is wrong with a life; None: nothing that the options ask for.

    ``key`` is what it has in ``times.before`` where that is not its name.
    """
    before = (times.before or {}).get(key or name)
    for verdict in (
        _clock(options, name, life, times, remedy),
        _record(options, name, times),
        _started(options, name, life, times, before, remedy),
        _restarts(options, name, life, before, remedy),
        _uptime(options, name, life, times),
    ):
        if verdict is not None:
            return verdict
    return None


def bad_lives(options: LifetimeOptions) -> Iterator[tuple[Words, Life, Times]]:
    """Lives that are wrong in one thing, with what they are compared with; the first is as it should be.

    They are those of something that was known as ``twin`` when the deploy began.
    """
    deploy = datetime(2026, 1, 1, tzinfo=UTC)
    started = deploy + timedelta(minutes=1)
    before = Life(run="before", started=deploy - timedelta(days=1), restarts=0)
    life = Life(run="after", started=started, restarts=0)
    now = started + timedelta(seconds=options.min_uptime or 0.0)
    times = Times(now=now, deploy=deploy, before={"twin": before})
    yield Words(en="as it should be", ja="正常"), life, times
    if options.started_after_deploy:
        yield Words(en="running since before the deploy", ja="デプロイ前から稼働"), before, times
    if options.no_restarts:
        again = life.model_copy(update={"restarts": 3})
        yield Words(en="3 restarts since the deploy", ja="デプロイ後に自動再起動 3 回"), again, times


def _record(options: LifetimeOptions, name: str, times: Times) -> Verdict | None:
    """What must be known of the deploy, and is not."""
    with_run = Words(en="deploy with: ultra-checklist run", ja="ultra-checklist run でデプロイしてください")
    if options.compares and times.deploy is None:
        return unknown(
            "no-deploy",
            Words(en="no deploy of this release is on record", ja="このリリースのデプロイが記録されていません"),
            remedy=with_run,
        )
    if options.compares and times.before is None:
        return unknown(
            "no-baseline",
            Words(
                en=f"how {name} was as the deploy began is not known",
                ja=f"デプロイ開始時の {name} の状態が記録されていません",
            ),
            remedy=with_run,
            name=name,
        )
    return None


def _clock(options: LifetimeOptions, name: str, life: Life, times: Times, remedy: Words) -> Verdict | None:
    if not (options.started_after_deploy or options.min_uptime):
        return None
    if life.started is None:
        return unknown(
            "no-start",
            Words(en=f"when {name} was started is not told", ja=f"{name} の起動時刻が得られません"),
            remedy=remedy,
            name=name,
        )
    if abs(times.ahead) <= SKEW.total_seconds() and life.started <= times.now + SKEW:
        return None
    return unknown(
        "clock-skew",
        Words(
            en=f"the clocks differ, so when {name} was started cannot be compared",
            ja=f"時計がずれているため {name} の起動時刻を比較できません",
        ),
        expected=Words.same(f"<= {SKEW.total_seconds():g} s"),
        remedy=Words.same("timedatectl status"),
        name=name,
    )


def _started(
    options: LifetimeOptions, name: str, life: Life, times: Times, before: Life | None, remedy: Words
) -> Verdict | None:
    if not options.started_after_deploy or life.started is None or times.deploy is None:
        return None
    ours = life.started - timedelta(seconds=times.ahead)
    same = before is not None and before.run == life.run
    early = ours + RESOLUTION < times.deploy
    if not same and not early:
        return None
    if before is not None and not same:
        # Since the deploy began it has become another run, and yet its time is older: a clock was set.
        return unknown(
            "clock-skew",
            Words(
                en=f"{name} was started anew, but at a time before the deploy: a clock was set",
                ja=f"{name} は再起動されていますが、起動時刻がデプロイ開始より前です（時計の変更）",
            ),
            remedy=Words.same("timedatectl status"),
            name=name,
        )
    return failed(
        "not-restarted",
        Words(
            en=f"{name} still runs as it did before the deploy",
            ja=f"{name} はデプロイ前に起動されたまま動作しています",
        ),
        expected=Words(
            en=f"started after {_told(times.deploy)}", ja=f"{_told(times.deploy)} より後に起動されていること"
        ),
        seen=Words(en=f"started {_told(ours)}", ja=f"{_told(ours)} に起動"),
        remedy=remedy,
        name=name,
    )


def _restarts(
    options: LifetimeOptions, name: str, life: Life, before: Life | None, remedy: Words
) -> Verdict | None:
    if not options.no_restarts:
        return None
    if life.restarts is None:
        return unknown(
            "no-restart-count",
            Words(en=f"how often {name} was restarted is not told", ja=f"{name} の再起動回数が得られません"),
            remedy=remedy,
            name=name,
        )
    # The count begins anew with every start by somebody. The same run as before was never restarted since;
    # another one was, unless its count is zero: then it was somebody who started it, such as the deploy.
    if life.restarts == 0 or (before is not None and before.run == life.run):
        return None
    more = life.restarts
    if before is not None and before.restarts is not None and before.restarts < more:
        more -= before.restarts
    return failed(
        "restarted",
        Words(
            en=f"{name} has been restarted by itself since the deploy began: does it crash?",
            ja=f"{name} はデプロイ開始後に自動再起動しています（クラッシュの可能性）",
        ),
        expected=Words(en="no restart", ja="再起動なし"),
        seen=Words(en=f"at least {more} restarts", ja=f"少なくとも {more} 回の再起動"),
        remedy=remedy,
        name=name,
    )


def _uptime(options: LifetimeOptions, name: str, life: Life, times: Times) -> Verdict | None:
    if options.min_uptime is None or life.started is None:
        return None
    seconds = max(0.0, (times.now - life.started).total_seconds())
    if seconds >= options.min_uptime:
        return None
    return unknown(
        "window-running",
        Words(en=f"{name} has not been running long enough yet", ja=f"{name} の稼働時間がまだ基準に達していません"),
        expected=Words(en=f"running for {options.min_uptime:g} s", ja=f"{options.min_uptime:g} 秒以上の稼働"),
        seen=Words(
            en=f"{name}: {seconds:.0f} of {options.min_uptime:g} s",
            ja=f"{name}: {options.min_uptime:g} 秒中 {seconds:.0f} 秒",
        ),
        remedy=Words(en="wait: it is looked at again by itself", ja="お待ちください（自動で再確認します）"),
        name=name,
    )


def worst(verdicts: list[Verdict | None]) -> Verdict | None:
    """Of several verdicts a failure, else what cannot be told, else a window that still runs; None: all is well."""
    found = [verdict for verdict in verdicts if verdict is not None]
    return min(found, key=lambda v: (v.outcome is not Outcome.FAIL, v.reason == "window-running"), default=None)


def _told(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")

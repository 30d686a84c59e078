"""A pass as those see it who do not stand beside it: its log lines, its heartbeat, its metrics."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ultra_checklist import escape
from ultra_checklist.cli import boundary
from ultra_checklist.desk import Desk
from ultra_checklist.errors import StateError, UltraChecklistError, cause
from ultra_checklist.logbook import (
    Done,
    Figures,
    Group,
    Logbook,
    Outcome,
    Trouble,
    recovered,
    repeated,
    told_apart,
)
from ultra_checklist.words import Words, joined


class Observed:
    """The passes of one command. With ``loud`` every error and every pass is told: a person looks on."""

    def __init__(self, at: Desk, *, loud: bool) -> None:
        from ultra_checklist.heartbeat import Heartbeat

        self._at = at
        self._loud = loud
        self._book = Logbook(at.home, _now, local=at.local)
        url = at.settings.heartbeat_url
        self._beat = Heartbeat(url.get_secret_value() if url is not None else "", time.monotonic)
        self._began = time.monotonic()
        self._counted = (0, 0)
        self.told: BaseException | None = None
        """The error that was told last."""

    async def run(self, notion: Any, make: Callable[[Callable[[Any], None]], Any]) -> Any:
        """Make a pass and tell of it; returns its report. What it raises was told.

        ``make`` is given what the pass has to show each release to.
        """
        self._book.again()
        began = _now()
        self._began, self._counted = time.monotonic(), (notion.requests, notion.limited)
        self._beat.begin()
        try:
            seen = _Seen(began, self._at)
            report = await make(seen).run()
        except Exception as error:
            self._counted = (notion.requests - self._counted[0], notion.limited - self._counted[1])
            await self.failed(error)
            raise
        limited, self._counted = notion.limited - self._counted[1], (0, 0)
        await self._passed(report, seen, limited)
        return report

    async def failed(self, error: Exception) -> None:
        """Tell of a pass that could not be made. What nobody foresaw is left to the boundary to be told."""
        if self.told is error:
            return
        self.told = error
        foreseen = isinstance(error, UltraChecklistError)
        if isinstance(error, UltraChecklistError):
            trouble, news = self._book.trouble("pass", told_apart(error))
            if news or self._loud:
                _report(error, trouble)
        requests, limited = self._counted
        done = Done(outcome="failed", at=_now(), seconds=self._seconds(), requests=requests, limited=limited)
        self._book.passed(done)
        said = str(error) if foreseen else type(error).__name__
        await self._outside(boundary.clean(said) or type(error).__name__)

    async def _passed(self, report: Any, seen: "_Seen", limited: int) -> None:
        outcome: Outcome = "worked" if report.writes or report.answered or report.closed else "idle"
        done = Done(
            outcome=outcome,
            at=_now(),
            seconds=self._seconds(),
            requests=report.requests,
            limited=limited,
            writes=report.writes,
            verdicts=dict(seen.verdicts),
            releases=seen.figures,
        )
        self._recovered("pass")
        self._tell(report, done)
        self._book.passed(done)
        damaged = ", ".join(report.damaged)
        await self._outside(boundary.clean(_DAMAGED.filled(keys=damaged).en) if damaged else "")

    def _tell(self, report: Any, done: Done) -> None:
        """What a pass did; one that did nothing is not worth a line, for cron would mail it."""
        problems: list[Words] = []
        for problem in report.problems:
            trouble, news = self._book.trouble("problem", problem.en)
            if trouble.count > 1:
                problem = joined((problem, repeated(trouble)), " – ")
            if news or self._loud:
                problems.append(Words(en=escape.terminal(problem.en), ja=escape.terminal(problem.ja)))
        if not (report.writes or report.answered or problems or report.closed or self._loud):
            return
        lang = boundary.language()
        told = {
            "releases": report.releases,
            "requests": report.requests,
            "writes": report.writes,
            "answered": report.answered,
            "verdicts": done.verdicts,
            "problems": [problem.say(lang) for problem in problems],
            "closed": list(report.closed),
            "seconds": done.seconds,
        }
        if boundary.line("pass", **told):
            return
        counts = {"open": report.releases, "requests": report.requests, "writes": report.writes}
        boundary.say(_DONE.filled(**{name: str(count) for name, count in counts.items()}))
        if report.answered:
            boundary.say(_ANSWERED.filled(count=str(report.answered)))
        for problem in problems:
            boundary.remark(problem)
        for key in report.closed:
            boundary.say(_CLOSED.filled(key=key))

    async def _outside(self, failure: str) -> None:
        """Beat, and write what monitors read; what goes wrong there is a remark."""
        beat = await self._beat.end(failure)
        if beat is not None:
            self._remark("heartbeat", _NO_BEAT.filled(why=beat) if beat else None)
        path = self._at.settings.metrics_file
        if path is not None:
            from ultra_checklist import exposition

            try:
                exposition.write(path, exposition.text(self._book.file))
                self._remark("metrics", None)
            except OSError as error:
                told = _NO_METRICS.filled(path=str(path), why=cause(error))
                self._remark("metrics", told)
        try:
            self._book.save()
        except StateError as error:
            # The counters are gone; what the pass itself has to store says whether that matters.
            boundary.remark(error.message)

    def _remark(self, group: Group, wrong: Words | None) -> None:
        if wrong is None:
            self._recovered(group)
            return
        trouble, news = self._book.trouble(group, wrong.en)
        if news or self._loud:
            boundary.remark(joined((wrong, repeated(trouble)), " – ") if trouble.count > 1 else wrong)

    def _recovered(self, group: Group) -> None:
        before = self._book.over(group)
        if before is not None:
            _line_or_say("recovered", recovered(before), before, about=group)

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 3)


class _Seen:
    """What is told of the releases of this machine, one after the other: verdicts since the pass began, figures."""

    def __init__(self, began: datetime, at: Desk) -> None:
        self._since = began.replace(microsecond=began.microsecond // 1000 * 1000)
        self._carriers = at.carriers()
        self.verdicts: Counter[str] = Counter()
        # Every state is worked out for them: only for those who read them.
        self.figures: dict[str, Figures] | None = {} if at.settings.metrics_file is not None else None

    def __call__(self, release: Any) -> None:
        from ultra_checklist.figures import figures, verdicts
        from ultra_checklist.machine import this_machine

        manifest = release.manifest
        if manifest.machine.digest != this_machine().digest:
            return
        self.verdicts += verdicts(release, self._since)
        if self.figures is not None and release.open:
            self.figures[manifest.key] = figures(release, self._carriers)


def _report(error: UltraChecklistError, trouble: Trouble) -> None:
    if boundary.error_line(error, **_counted(trouble)):
        return
    boundary.report(error)
    if trouble.count > 1:
        boundary.remark(repeated(trouble))


def _line_or_say(event: str, words: Words, trouble: Trouble, **more: str) -> None:
    told = {"message": words.say(boundary.language()), **more}
    if not boundary.line(event, **told, **_counted(trouble)):
        boundary.say(words)


def _counted(trouble: Trouble) -> dict[str, Any]:
    return {"count": trouble.count, "since": trouble.since.isoformat(timespec="seconds")}


def _now() -> datetime:
    return datetime.now(UTC)


_ANSWERED = Words(en="answered {count} tasks of other machines", ja="ほかのマシンからの依頼に {count} 件回答")
_DONE = Words(
    en="{open} open, {requests} requests, {writes} written",
    ja="進行中 {open} 件、リクエスト {requests} 回、書き込み {writes} 件",
)
_CLOSED = Words(en="closed {key}", ja="{key} を終了しました")
_DAMAGED = Words(en="damaged journal: {keys}", ja="破損したジャーナル: {keys}")
_NO_BEAT = Words(en="the heartbeat was not taken: {why}", ja="ハートビートを送信できませんでした: {why}")
_NO_METRICS = Words(
    en="the metrics file {path} cannot be written: {why}",
    ja="メトリクスファイル {path} に書き込めません: {why}",
)

"""A log since the deploy began: no exception or error again and again, nothing fatal.

Read are a file with those it was rotated to, the systemd journal of a unit, or the log of a container, from where
it was when the deploy began. Of what is found only examples are kept, and how often they came.
"""

import asyncio
import shlex
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Pattern, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.file import cannot_look
from ultra_checklist.probes.logfiles import FileMark, marks, opened, resume
from ultra_checklist.probes.loglevels import Rules, compiled
from ultra_checklist.probes.loglines import MAX_RUN, Kind, Reader, Stream
from ultra_checklist.probes.logsources import Container, Entry, Journal

SHOWN = 200
_LOST = {
    "rotated-away": (
        "a part of what was written since the deploy began is gone: rotated away or truncated",
        "デプロイ開始以降のログの一部が失われています（ローテーションまたは切り詰め）",
    ),
    "messages-dropped": (
        "journald has dropped messages of the unit (rate limit)",
        "journald がレート制限でメッセージを破棄しました",
    ),
    "unreadable-entry": ("entries of the journal cannot be read", "ジャーナルに読めないエントリがあります"),
}


class LogOptions(Options):
    """Which log, and what must not be in it."""

    timeout: float = Field(default=60.0, gt=0, le=3600, description="Seconds after which the answer is unknown.")
    file: str | None = Field(
        default=None, min_length=1, description="The file; its last part may be a pattern such as `*.log`."
    )
    unit: str | None = Field(default=None, min_length=1, description="The systemd unit whose journal is read.")
    container: str | None = Field(
        default=None, min_length=1, description="The docker container whose stdout and stderr are read."
    )
    user: bool = Field(default=False, description="true: `unit` is one of this user's own.")
    journal: str = Field(default="", description="Folder of the journal's files.  Default: this machine's journal.")
    levels: list[str] = Field(default=["ERROR", "SEVERE"], description="Levels whose lines count like exceptions.")
    fatal_levels: list[str] = Field(
        default=["CRITICAL", "FATAL", "ALERT", "EMERGENCY", "PANIC"], description="Levels of which one line fails."
    )
    fatal: list[Pattern] = Field(default_factory=list, description="Regular expressions of which one line fails.")
    allow: list[Pattern] = Field(
        default_factory=list,
        description="Regular expressions of lines that may be there, with what belongs to them.",
    )
    consecutive: int = Field(
        default=3, ge=1, le=MAX_RUN, description="So many of the same exception or error `within` that time fail."
    )
    within: float = Field(default=60.0, gt=0, description="Seconds.")
    max_total: int = Field(default=100, ge=0, description="Most exceptions and errors of all kinds together.")
    min_lines: int = Field(
        default=1, ge=0, description="Lines since the deploy began; a log with fewer is silent, and tells nothing."
    )
    cover: float = Field(
        default=0.0,
        ge=0,
        description="Seconds since the deploy began for which must have been looked: else it waits.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> "LogOptions":
        if sum(source is not None for source in (self.file, self.unit, self.container)) != 1:
            raise WrongValue(
                "name one source: file, unit or container",
                "file、unit、container のいずれか 1 つを指定してください",
            )
        if (self.user or self.journal) and self.unit is None:
            raise WrongValue("user and journal belong to `unit`", "user と journal は `unit` と一緒に使います")
        if self.file and any(sign in str(Path(self.file).parent) for sign in "*?["):
            raise WrongValue(
                "only the last part of a file's path may be a pattern",
                "パターンを使えるのはファイルパスの最後の部分だけです",
            )
        return self

    @field_validator("unit", "container")
    @classmethod
    def _no_flag(cls, value: str | None) -> str | None:
        if value is not None and value.startswith("-"):
            raise WrongValue(f"{value!r} is no name", f"{value!r} は名前として使えません")
        return value


class LogSeen(Observation):
    """What was found, and how far the log is written."""

    where: str
    at: float
    """When it was looked, in seconds since 1970."""
    files: list[FileMark] = Field(default_factory=list)
    """As the deploy begins: how far files are written."""
    newest: Entry = Field(default_factory=Entry)
    """As the deploy begins: the newest entry of a journal or a container."""
    since: float | None = None
    """When the deploy began; None: it was not looked then."""
    lines: int = 0
    kinds: list[Kind] = Field(default_factory=list)
    other: int = 0
    """More events than are told in `kinds`."""
    lost: str = ""
    """Why a part was not seen."""


class LogProbe(Probe[LogOptions, LogSeen]):
    """Reads what was logged since the deploy began."""

    name = "log"
    summary = Words(
        en="a log since the deploy began: no exceptions one after another, nothing fatal (file, journal, docker)",
        ja="デプロイ開始以降のログ: 例外の連続・致命的エラーがない（ファイル / journal / docker）",
    )
    options_model: ClassVar[type[Options]] = LogOptions
    observation_model: ClassVar[type[Observation]] = LogSeen
    judged: ClassVar[frozenset[str]] = frozenset({"consecutive", "within", "max_total", "min_lines", "cover"})

    @property
    def wants_baseline(self) -> bool:
        """What was logged before the deploy is not looked at."""
        return True

    @property
    def programs(self) -> tuple[str, ...]:
        """Those that tell what a unit or a container has logged."""
        return (*(["journalctl"] if self.options.unit else []), *(["docker"] if self.options.container else []))

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.log_twins import twins

        return twins(self)

    async def observe(self, context: Context) -> LogSeen:
        """Where there is no baseline tell how far the log is; else read all that came since."""
        before = context.baseline if isinstance(context.baseline, LogSeen) else None
        options = self.options
        reader = Reader(
            Rules(
                frozenset(level.upper() for level in options.levels),
                frozenset(level.upper() for level in options.fatal_levels),
                compiled(options.fatal),
                compiled(options.allow),
            )
        )
        if options.file is not None:
            return await self._file(context.path(options.file), before, reader)
        return await self._program(context, before, reader)

    async def _file(self, path: Path, before: LogSeen | None, reader: Reader) -> LogSeen:
        stop = threading.Event()
        reading = asyncio.to_thread(_read_files, path, before, reader, self.options.timeout, stop)
        try:
            return await reading
        finally:
            # Whoever waits no longer must not leave a thread behind that reads on.
            stop.set()

    async def _program(self, context: Context, before: LogSeen | None, reader: Reader) -> LogSeen:
        options, at = self.options, time.time()
        source = (
            Container(options.container)
            if options.container is not None
            else Journal(options.unit or "", user=options.user, folder=options.journal)
        )
        end = time.monotonic() + options.timeout
        if before is None:
            return LogSeen(where=source.where, at=at, newest=await source.newest(context, options.timeout))
        lost = await source.read(context, before.newest, reader, max(0.1, end - time.monotonic()))
        return LogSeen(
            where=source.where, at=at, since=before.at, lines=reader.lines, kinds=reader.kinds(),
            other=reader.other, lost=lost,
        )  # fmt: skip

    def judge(self, seen: LogSeen) -> Verdict:
        """What is wrong fails even where a part was not seen; only what was seen as a whole passes."""
        if seen.since is None:
            return unknown(
                "no-baseline",
                Words(
                    en=f"how far {seen.where} was as the deploy began is not known",
                    ja=f"デプロイ開始時の {seen.where} の位置が記録されていません",
                ),
                remedy=Words(
                    en="deploy with: ultra-checklist run", ja="ultra-checklist run でデプロイしてください"
                ),
            )
        for verdict in (self._fatal(seen), self._repeated(seen), self._total(seen)):
            if verdict is not None:
                return verdict
        return self._blind(seen) or self._running(seen.at - seen.since) or self._clean(seen)

    def _remedy(self, where: str) -> Words:
        options, name = self.options, shlex.quote(where)
        if options.container is not None:
            return Words.same(f"docker logs --timestamps --tail 200 {name}")
        if options.unit is not None:
            which = f"--directory={shlex.quote(options.journal)} " if options.journal else ""
            which += "--user " if options.user and not options.journal else ""
            return Words.same(f"journalctl {which}{'--user-unit' if options.user else '--unit'}={name} -n 200")
        return Words.same(f"less +G {name}")

    def _fatal(self, seen: LogSeen) -> Verdict | None:
        found = [kind for kind in seen.kinds if kind.fatal]
        if not found:
            return None
        return failed(
            "fatal",
            Words(en=f"{seen.where} has a fatal error", ja=f"{seen.where} に致命的なエラーがあります"),
            expected=Words(en="nothing fatal", ja="致命的なエラーなし"),
            seen=_told(found[0]),
            remedy=self._remedy(found[0].where),
            kinds=sorted(kind.id for kind in found),
        )

    def _repeated(self, seen: LogSeen) -> Verdict | None:
        number, within = self.options.consecutive, self.options.within
        found = [kind for kind in seen.kinds if _came(kind, number, within)]
        if not found:
            return None
        return failed(
            "repeated",
            Words(
                en=f"the same error comes again and again in {seen.where}",
                ja=f"{seen.where} に同じ例外・エラーが連続して出ています",
            ),
            expected=Words(
                en=f"fewer than {number} of a kind within {within:g} s",
                ja=f"{within:g} 秒以内に同種 {number} 件未満",
            ),
            seen=_told(found[0]),
            remedy=self._remedy(found[0].where),
            kinds=sorted(kind.id for kind in found),
        )

    def _total(self, seen: LogSeen) -> Verdict | None:
        total, most = sum(kind.count for kind in seen.kinds) + seen.other, self.options.max_total
        if total <= most and not seen.other:
            return None
        return failed(
            "too-many",
            Words(
                en=f"{seen.where} has more errors than it may have",
                ja=f"{seen.where} のエラー件数が上限を超えています",
            ),
            expected=Words(en=f"at most {most}", ja=f"{most} 件以下"),
            seen=Words(
                en=f"{total}, most often: {_told(seen.kinds[0]).en}",
                ja=f"{total} 件。最多: {_told(seen.kinds[0]).ja}",
            ),
            remedy=self._remedy(seen.kinds[0].where),
            many=True,
        )

    def _blind(self, seen: LogSeen) -> Verdict | None:
        if seen.lost:
            en, ja = _LOST[seen.lost]
            return unknown(
                seen.lost,
                Words(en=f"{seen.where}: {en}", ja=f"{seen.where}: {ja}"),
                remedy=Words(
                    en="keep more old logs, look at them yourself, and waive with the reason",
                    ja="保持世代を増やし、残りは手で確認のうえ理由を記して Waive してください",
                ),
            )
        if seen.lines >= self.options.min_lines:
            return None
        return unknown(
            "silent",
            Words(
                en=f"{seen.where} is silent: is this the log that is written to?",
                ja=f"{seen.where} に出力がありません（書き込み先が違う可能性）",
            ),
            expected=Words(en=f"at least {self.options.min_lines} lines", ja=f"{self.options.min_lines} 行以上"),
            seen=Words(en=f"{seen.lines} lines", ja=f"{seen.lines} 行"),
            remedy=self._remedy(seen.where),
        )

    def _running(self, covered: float) -> Verdict | None:
        if covered >= self.options.cover:
            return None
        done, whole = int(covered // 60), self.options.cover / 60
        return unknown(
            "window-running",
            Words(en="the time to be watched is not over", ja="監視時間がまだ終わっていません"),
            expected=Words(en=f"{whole:g} min", ja=f"{whole:g} 分"),
            seen=Words(en=f"{done} of {whole:g} min, nothing so far", ja=f"{whole:g} 分中 {done} 分、異常なし"),
        )

    def _clean(self, seen: LogSeen) -> Verdict:
        total = sum(kind.count for kind in seen.kinds)
        told = Words(en=f"{seen.lines} lines, {total} errors", ja=f"{seen.lines} 行、エラー {total} 件")
        if seen.kinds:
            example = _told(seen.kinds[0])
            told = Words(en=f"{told.en}: {example.en}", ja=f"{told.ja}: {example.ja}")
        return passed(
            "clean",
            expected=Words(en="no errors one after another", ja="例外・エラーの連続なし"),
            seen=told,
            kinds=sorted(kind.id for kind in seen.kinds),
        )


def _came(kind: Kind, number: int, within: float) -> bool:
    """Whether so many of a kind came in that time at least once."""
    if number == 1:
        return True
    return len(kind.spans) >= number - 1 and kind.spans[number - 2] <= within


def _told(kind: Kind) -> Words:
    first, cause = kind.first.strip(), kind.cause.strip()
    text = first if not cause or cause == first else f"{first} … {cause}"
    return Words(
        en=f"{kind.count}x {text[:SHOWN]} ({kind.where})", ja=f"{kind.count}件 {text[:SHOWN]}（{kind.where}）"
    )


def _read_files(
    path: Path, before: LogSeen | None, reader: Reader, timeout: float, stop: threading.Event
) -> LogSeen:
    """Runs in a thread, since regular files cannot be waited for."""
    end = time.monotonic() + timeout

    def check() -> None:
        if stop.is_set() or time.monotonic() > end:
            raise ProbeCannotTell(
                "timeout",
                f"{path} could not be read within {timeout:g} s",
                f"{path} を {timeout:g} 秒以内に読み切れません",
                remedy=f"ls -l {shlex.quote(str(path.parent))}",
            )

    at, where = time.time(), str(path)
    with ExitStack() as stack:
        groups = opened(path, stack, check)
        try:
            if before is None:
                return LogSeen(where=where, at=at, files=marks(groups))
            if not groups:
                raise _missing(path)
            lost = resume(groups, before.files)
            for group, files in groups.items():
                stream = Stream(reader, str(path.parent / group))
                for file in files:
                    for chunk in file.chunks():
                        stream.feed(chunk)
                stream.finish()
        except OSError as error:
            raise cannot_look(path, error) from error
    return LogSeen(
        where=lost or where, at=at, since=before.at, lines=reader.lines, kinds=reader.kinds(),
        other=reader.other, lost="rotated-away" if lost else "",
    )  # fmt: skip


def _missing(path: Path) -> ProbeCannotTell:
    return ProbeCannotTell(
        "missing",
        f"there is no log {path}",
        f"ログ {path} がありません",
        remedy=f"ls -l {shlex.quote(str(path.parent))}",
    )

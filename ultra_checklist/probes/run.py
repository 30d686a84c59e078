"""A command that ``ultra-checklist run`` has run for an item: that it ran, how it ended, where its log is."""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import (
    Context,
    Observation,
    OneOrMore,
    Options,
    Pattern,
    Probe,
    Twin,
    failed,
    passed,
    unknown,
)
from ultra_checklist.record import RunRecord

SHOWN = 3
"""Lines of a log that are quoted."""
LINE = 200
"""Characters of each."""
CHUNK = 1 << 20
_COLORS = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")


class RunOptions(Options):
    """How the newest run must have been."""

    item: str = Field(default="", description="The item for which it ran.  Default: the item itself.")
    exit: OneOrMore = Field(default_factory=lambda: [0], description="Exit codes that are good: one, or a list.")
    script: str = Field(default="", description="The file that must have been run; relative to DEPLOY_DIR.")
    pinned: bool = Field(default=False, description="true: that file was as the release's commit has it.")
    log: bool = Field(default=False, description="true: its whole output is in the evidence store, unaltered.")
    without: Pattern = Field(default="", description="Regular expression that no line of the output may match.")
    last_good: bool = Field(
        default=False, description="true: afterwards the checkout stood at the last good commit (see the guide)."
    )


class RunSeen(Observation):
    """The newest run, and what was found of its log."""

    item: str
    run: RunRecord | None = None
    wanted_script: str = ""
    log_sha256: str = ""
    """Of what lies in the store; empty: nothing does."""
    matches: list[str] = Field(default_factory=list)
    last_good: str = ""


class RunProbe(Probe[RunOptions, RunSeen]):
    """Reads the release's record."""

    name = "run"
    summary = Words(
        en="a command run by `ultra-checklist run`: ended well, the right script, log kept",
        ja="`ultra-checklist run` で実行したコマンド: 正常終了・スクリプト・ログの保存",
    )
    options_model: ClassVar[type[Options]] = RunOptions
    observation_model: ClassVar[type[Observation]] = RunSeen
    needs_release = True
    at_home = True

    def twins(self) -> Iterator[Twin]:
        """Runs that are wrong in one thing."""
        options, start, digest = self.options, datetime(2026, 1, 1, tzinfo=UTC), "d" * 64
        good = RunRecord(
            number=1, item=options.item or "twin", started=start, ended=start, exit_code=options.exit[0],
            script=options.script, script_as_pinned=True, log=digest, log_bytes=1, commit_after="d" * 40,
        )  # fmt: skip

        def seen(*, matches: Iterable[str] = (), last: str = "d" * 40, **other: Any) -> RunSeen:
            run = good.model_copy(update=other)
            return RunSeen(
                item=good.item, run=run, wanted_script=options.script, log_sha256=digest, matches=list(matches),
                last_good=last,
            )  # fmt: skip

        code = next((code for code in (1, 2, 0, *range(3, 256)) if code not in options.exit), 1)
        yield Twin(Words.same(f"exit {code}"), seen=seen(exit_code=code))
        if options.script:
            yield Twin(Words(en="another script", ja="別のスクリプト"), seen=seen(script="/bin/true"))
        if options.pinned:
            words = Words(en="a script that is not the commit's", ja="コミットと異なるスクリプト")
            yield Twin(words, seen=seen(script_as_pinned=False))
        if options.log:
            yield Twin(Words(en="a log that is cut", ja="途中で切れたログ"), seen=seen(log_complete=False))
        if options.without:
            yield Twin(Words(en="a forbidden line", ja="あってはならない行"), seen=seen(matches=["twin"]))
        if options.last_good:
            words = Words(en="another commit than the last good one", ja="直近の正常なコミット以外")
            yield Twin(words, seen=seen(last="e" * 40))

    async def observe(self, context: Context) -> RunSeen:
        """Find the run and read its log."""
        options, item = self.options, self.options.item or context.item
        run = context.require_release().last_run(item)
        seen = RunSeen(item=item, run=run)
        if run is None:
            return seen
        wanted = str(context.path(options.script).resolve()) if options.script else ""
        digest, matches = "", list[str]()
        if (options.log or options.without) and run.log:
            digest, matches = await asyncio.to_thread(_read, context.blob(run.log), options.without)
        last = context.last_good() if options.last_good else ""
        update = {"wanted_script": wanted, "log_sha256": digest, "matches": matches, "last_good": last}
        return seen.model_copy(update=update)

    def judge(self, seen: RunSeen) -> Verdict:
        """Every question in its order; the first that fails answers."""
        run = seen.run
        if run is None:
            return _no_run(seen.item)
        if run.ended is None or run.exit_code is None:
            return _no_end(run)
        for verdict in (self._exit(run), self._script(seen, run), self._log(seen, run), self._last_good(seen, run)):
            if verdict is not None:
                return verdict
        return passed(
            "ran",
            expected=_codes(self.options.exit),
            seen=_told(run),
            run=run.number,
            exit=run.exit_code,
            log=run.log,
        )

    def _exit(self, run: RunRecord) -> Verdict | None:
        if run.exit_code in self.options.exit:
            return None
        said = ", ".join(run.signals)
        after = Words(en=f" after {said}", ja=f"（{said} の後）") if said else Words.same("")
        return failed(
            "exit-code",
            Words(
                en=f"run {run.number} ended with exit code {run.exit_code}{after.en}",
                ja=f"実行 {run.number} は終了コード {run.exit_code} で終わりました{after.ja}",
            ),
            expected=_codes(self.options.exit),
            seen=_told(run),
            remedy=Words(
                en="read its log, mend the cause, and run it again", ja="ログを確認し、原因を直して再実行"
            ),
            run=run.number,
            exit=run.exit_code,
        )

    def _script(self, seen: RunSeen, run: RunRecord) -> Verdict | None:
        remedy = Words.same(f"ultra-checklist run VERSION {seen.item} -- {seen.wanted_script or run.script}")
        if seen.wanted_script and run.script != seen.wanted_script:
            return failed(
                "other-script",
                Words(en="something else was run", ja="別のものが実行されました"),
                expected=Words.same(seen.wanted_script),
                seen=Words.same(run.script or " ".join(run.argv)),
                remedy=remedy,
                script=run.script,
            )
        if not self.options.pinned or run.script_as_pinned:
            return None
        if run.script_as_pinned is None:
            return unknown(
                "script-not-compared",
                Words(
                    en=f"whether {run.script} was as the release's commit has it could not be told",
                    ja=f"{run.script} がリリース対象コミットと同じだったか判定できませんでした",
                ),
            )
        return failed(
            "script-not-pinned",
            Words(
                en=f"{run.script} was not as the release's commit has it",
                ja=f"{run.script} はリリース対象コミットの内容と異なっていました",
            ),
            expected=Words(en="as committed", ja="コミットどおり"),
            seen=Words.same(f"sha256:{run.script_sha256[:16]}"),
            remedy=remedy,
            script_sha256=run.script_sha256,
        )

    def _log(self, seen: RunSeen, run: RunRecord) -> Verdict | None:
        kept = bool(run.log) and seen.log_sha256 == run.log and run.log_complete
        if (self.options.log and not (kept and run.log_bytes)) or (self.options.without and not kept):
            what = (
                Words(en="nothing was written", ja="出力がありません")
                if run.log_complete and not run.log_bytes
                else Words(en="a part could not be kept", ja="一部を保存できませんでした")
                if not run.log_complete
                else Words(en="it was altered or removed", ja="変更または削除されています")
            )
            return failed(
                "log-missing",
                Words(
                    en=f"the log of run {run.number} is not whole: {what.en}",
                    ja=f"実行 {run.number} のログが完全ではありません: {what.ja}",
                ),
                expected=Words(en="the whole log", ja="完全なログ"),
                seen=what,
                remedy=Words(
                    en="run it again, with room on the disk and with output",
                    ja="ディスクの空きを確保し、出力ありで再実行",
                ),
                log=seen.log_sha256,
            )
        if seen.matches:
            return failed(
                "bad-lines",
                Words(
                    en=f"the log of run {run.number} holds lines that it must not",
                    ja=f"実行 {run.number} のログにあってはならない行があります",
                ),
                expected=Words.same(f"not /{self.options.without}/"),
                seen=Words.same(" | ".join(seen.matches)),
                remedy=Words(en="mend the cause, and run it again", ja="原因を直して再実行"),
                matches=seen.matches,
            )
        return None

    def _last_good(self, seen: RunSeen, run: RunRecord) -> Verdict | None:
        if not self.options.last_good or (seen.last_good and run.commit_after == seen.last_good):
            return None
        if not seen.last_good or not run.commit_after:
            what = (
                Words(en="the last good commit is not known", ja="直近の正常なコミットが不明です")
                if not seen.last_good
                else Words(en="DEPLOY_DIR was no checkout", ja="DEPLOY_DIR が git の作業コピーではありません")
            )
            return unknown("no-last-good", what)
        return failed(
            "not-last-good",
            Words(
                en="the checkout did not stand at the last good commit", ja="直近の正常なコミットに戻っていません"
            ),
            expected=Words.same(seen.last_good[:12]),
            seen=Words.same(run.commit_after[:12]),
            remedy=Words.same(f"git checkout {seen.last_good}"),
            commit=run.commit_after,
        )


def _no_run(item: str) -> Verdict:
    return unknown(
        "no-run",
        Words(
            en="no run of it is on record: only a tick says that it was done",
            ja="実行の記録がありません（チェックのみ）",
        ),
        remedy=Words.same(f"ultra-checklist run VERSION {item} -- COMMAND"),
        item=item,
    )


def _no_end(run: RunRecord) -> Verdict:
    return unknown(
        "no-end",
        Words(
            en=f"run {run.number} has no end on record: it runs still, or its machine went down",
            ja=f"実行 {run.number} の終了が記録されていません（実行中か、マシンが停止しました）",
        ),
        remedy=Words(en="wait for it, or run it again", ja="終了を待つか、再実行してください"),
        run=run.number,
    )


def _codes(codes: list[int]) -> Words:
    return Words.same("exit " + "/".join(map(str, codes)))


def _told(run: RunRecord) -> Words:
    seconds = (run.ended - run.started).total_seconds() if run.ended is not None else 0.0
    log = f", log sha256:{run.log[:16]} ({run.log_bytes} bytes)" if run.log else ""
    told = f"exit {run.exit_code}, {seconds:.0f} s, {run.os_user}@{run.host}{log}"
    if not run.break_glass:
        return Words.same(told)
    return Words(
        en=f"{told}, NOT GATED (break-glass: {run.break_glass})",
        ja=f"{told}、ゲートなしで実行（緊急: {run.break_glass}）",
    )


def _read(path: Path, without: str) -> tuple[str, list[str]]:
    """The digest of a log, empty where there is none, and the first lines that match. Reads piece by piece."""
    hashed, found, rest = hashlib.sha256(), list[str](), b""
    pattern = re.compile(without) if without else None
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                hashed.update(chunk)
                if pattern is not None and len(found) < SHOWN:
                    *lines, rest = (rest + chunk).split(b"\n")
                    # A line without end must not fill the memory.
                    rest = rest[-CHUNK:]
                    found += _matching(pattern, lines)
    except OSError:
        return "", []
    if pattern is not None and len(found) < SHOWN:
        found += _matching(pattern, [rest])
    return hashed.hexdigest(), found[:SHOWN]


def _matching(pattern: re.Pattern[str], lines: list[bytes]) -> list[str]:
    found = []
    for line in lines:
        text = _COLORS.sub("", line.decode(errors="replace"))
        if pattern.search(text):
            found.append(text.strip()[:LINE])
            if len(found) == SHOWN:
                break
    return found

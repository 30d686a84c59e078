"""Another checklist of the same commit is complete, such as that of staging: its bundle or record says so."""

import asyncio
import os
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from ultra_checklist.errors import (
    BundleError,
    NoManifestError,
    ProbeCannotTell,
    StateError,
    UltraChecklistError,
    UsageError,
    WrongValue,
)
from ultra_checklist.model import Ending, Result, Verdict, Words
from ultra_checklist.probes.base import (
    CommitId,
    Context,
    Observation,
    Options,
    Probe,
    Twin,
    failed,
    passed,
    unknown,
)
from ultra_checklist.probes.regular import NotRegular, open_regular
from ultra_checklist.record import Sibling, Sought
from ultra_checklist.words import LANGS, NOTHING

MAX_BUNDLE = 1 << 30
SHORT = 12
SHOWN = 5
AHEAD = timedelta(seconds=60)
_TAR_END = bytes(1024)
_WAIVED = (Result.WAIVED, Result.NOT_APPLICABLE)
_COMPLETE = Words(en="complete, all rows settled", ja="完了・全項目が決着済み")
_ENDINGS = {
    Ending.COMPLETE: Words(en="complete", ja="完了"),
    Ending.ROLLED_BACK: Words(en="rolled back", ja="ロールバック済み"),
    Ending.ABORTED: Words(en="aborted", ja="中止"),
    Ending.SUPERSEDED: Words(en="superseded", ja="置き換え済み"),
    None: Words(en="not ended", ja="未終了"),
}


class ReleaseOptions(Options):
    """Which release, and how it must have ended. That it is complete is always asked for."""

    source: str = Field(
        min_length=1,
        description="A bundle (a path with / or ending in .tar, relative to DEPLOY_DIR), or the version of another "
        "release on this machine.",
    )
    commit: CommitId = Field(description="The commit that must be its own.")
    template: str = Field(default="", description="Name of its checklist, as in its front matter.")
    environment: str = Field(default="", description="Its environment, such as staging.")
    key: str = Field(default="", description="File of the public key that must have signed the bundle.")
    max_age: float | None = Field(default=None, gt=0, description="Longest time since its end, in seconds.")
    stable_for: float | None = Field(
        default=None, gt=0, description="Seconds since its last deploy; until then the answer is Waiting."
    )
    max_waived: int | None = Field(default=None, ge=0, description="Most rows that were waived or not applicable.")

    @property
    def is_bundle(self) -> bool:
        """Whether the source is a file."""
        return "/" in self.source or self.source.endswith(".tar")

    @model_validator(mode="after")
    def _key_of_a_bundle(self) -> "ReleaseOptions":
        if self.key and not self.is_bundle:
            raise WrongValue(
                "key is for a bundle: what is on record on this machine is not signed",
                "key はバンドルに使います（このマシンの記録は署名されていません）",
            )
        return self


class ReleaseSeen(Observation):
    """The other release, and which one looked."""

    asked: datetime
    own: str = ""
    """Key of the release for which was looked; empty: for none."""
    bundle: bool = False
    refused: str = ""
    refused_ja: str = ""
    """Why its bundle is not what it must be."""
    found: Sibling | None = None


class ReleaseProbe(Probe[ReleaseOptions, ReleaseSeen]):
    """Reads a bundle, or the state folder."""

    name = "release"
    summary = Words(
        en="another checklist of the same commit is complete, such as that of staging",
        ja="同じコミットの別チェックリスト（staging など）が完了している",
    )
    at_home = True
    options_model: ClassVar[type[Options]] = ReleaseOptions
    observation_model: ClassVar[type[Observation]] = ReleaseSeen
    judged: ClassVar[frozenset[str]] = frozenset({"commit", "max_age", "stable_for", "max_waived"})

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.release_twins import twins

        return twins(self.options)

    async def observe(self, context: Context) -> ReleaseSeen:
        """Find it, and look whether a bundle is intact."""
        options = self.options
        path = context.path(options.source) if options.is_bundle else None
        seen = ReleaseSeen(
            asked=datetime.now(UTC),
            own=context.release.key if context.release is not None else "",
            bundle=path is not None,
        )
        sought = Sought(
            bundle=path,
            key=context.path(options.key) if options.key else None,
            version="" if path is not None else options.source,
            template=options.template,
            environment=options.environment,
        )
        try:
            async with asyncio.timeout(options.timeout):
                if path is not None:
                    await asyncio.to_thread(_require_bundle, path)
                found = await asyncio.to_thread(context.sibling, sought)
        except TimeoutError:
            text = f"{options.timeout:g}"
            raise ProbeCannotTell(
                "timeout",
                f"{options.source} was not read within {text} s",
                f"{options.source} を {text} 秒以内に読めません",
            ) from None
        except BundleError as error:
            told = {lang: context.redactor.text(error.message.say(lang)) for lang in LANGS}
            return seen.model_copy(update={"refused": told["en"], "refused_ja": told["ja"]})
        except (NoManifestError, UsageError, StateError) as error:
            raise _cannot(error, options.source) from None
        return seen.model_copy(update={"found": found})

    def judge(self, seen: ReleaseSeen) -> Verdict:
        """Whether it is genuine, the one that is meant, of this commit, complete; then its age."""
        found = seen.found
        if found is None:
            return self._refused(seen)
        wrong = (
            self._which(seen, found)
            or self._commit(found)
            or self._ending(found)
            or self._rows(found)
            or self._time(seen, found)
        )
        return wrong or passed(
            "complete",
            expected=_COMPLETE,
            seen=self._told(seen, found),
            key=found.key,
            waived=[row.id for row in found.rows if row.result in _WAIVED],
        )

    def _refused(self, seen: ReleaseSeen) -> Verdict:
        refused = Words(en=seen.refused, ja=seen.refused_ja or seen.refused)
        return failed(
            "not-intact",
            Words(
                en=f"the bundle is not what it must be: {refused.en}",
                ja=f"バンドルが正しくありません: {refused.ja}",
            ),
            expected=Words(en="intact", ja="改変なし") if not self.options.key else Words.same(self.options.key),
            seen=refused,
            remedy=Words.same(
                f"ultra-checklist verify {shlex.quote(self.options.source)}"
                + (f" --key {shlex.quote(self.options.key)}" if self.options.key else "")
            ),
            intact=False,
        )

    def _which(self, seen: ReleaseSeen, found: Sibling) -> Verdict | None:
        options = self.options
        own = seen.own.rpartition("/")[0]
        same = bool(own) and found.key.rpartition("/")[0] == own
        if not same and options.template in ("", found.template) and options.environment in ("", found.environment):
            return None
        wanted = f"{options.template or '*'}/{options.environment or '*'}"
        return failed(
            "other-checklist",
            Words(en="it is a release of this very checklist", ja="このチェックリスト自身のリリースです")
            if same
            else Words(en="it is a release of another checklist", ja="別のチェックリストのリリースです"),
            expected=Words.same(wanted) if not same else Words(en=f"not {own}", ja=f"{own} 以外"),
            seen=Words.same(found.key),
            remedy=Words(en="name the release that is meant", ja="対象のリリースを指定してください"),
            key=found.key,
        )

    def _commit(self, found: Sibling) -> Verdict | None:
        wanted = self.options.commit
        expected = Words.same(wanted[:SHORT])
        remedy = Words(
            en="go through that checklist with this commit", ja="このコミットでそのチェックリストを完了してください"
        )
        if not found.commit:
            return unknown(
                "no-commit",
                Words(en=f"{found.key} has no pinned commit", ja=f"{found.key} に対象コミットがありません"),
                expected=expected,
                remedy=remedy,
            )
        if found.commit.startswith(wanted) or wanted.startswith(found.commit):
            return None
        return failed(
            "other-commit",
            Words(en=f"{found.key} was of another commit", ja=f"{found.key} は別のコミットのものです"),
            expected=expected,
            seen=Words.same(found.commit[:SHORT]),
            remedy=remedy,
            commit=found.commit,
        )

    def _ending(self, found: Sibling) -> Verdict | None:
        if found.ending is Ending.COMPLETE:
            return None
        how = _ENDINGS[found.ending]
        return failed(
            "not-complete",
            Words(en=f"{found.key}: {how.en}", ja=f"{found.key}: {how.ja}"),
            expected=_COMPLETE,
            seen=how,
            remedy=Words.same(f"ultra-checklist status {found.version}")
            if found.ending is None
            else Words(en="go through it again until it is complete", ja="再実施して完了させてください"),
            ending=found.ending,
        )

    def _rows(self, found: Sibling) -> Verdict | None:
        still = [row.id for row in found.rows if row.required and not row.settled]
        waived = [row.id for row in found.rows if row.result in _WAIVED]
        if still:
            return failed(
                "open-rows",
                Words(
                    en=f"{len(still)} rows of {found.key} are open",
                    ja=f"{found.key} に未完了の項目が {len(still)} 件あります",
                ),
                expected=_COMPLETE,
                seen=Words.same(_some(still)),
                remedy=Words(en="go through it again until it is complete", ja="再実施して完了させてください"),
                open=still,
            )
        most = self.options.max_waived
        if most is None or len(waived) <= most:
            return None
        return failed(
            "waived-rows",
            Words(
                en=f"{len(waived)} rows of {found.key} were waived",
                ja=f"{found.key} で {len(waived)} 項目が免除・対象外です",
            ),
            expected=Words.same(f"<= {most}"),
            seen=Words.same(_some(waived)),
            remedy=Words(en="let somebody decide about these rows", ja="該当項目の可否を判断してください"),
            waived=waived,
        )

    def _time(self, seen: ReleaseSeen, found: Sibling) -> Verdict | None:
        if found.ended is None or max(found.ended, found.deployed or found.ended) > seen.asked + AHEAD:
            return unknown(
                "clock-skew",
                Words(en="it has ended in the future: a clock is wrong", ja="終了時刻が未来です"),
                seen=Words.same(f"{found.ended:%Y-%m-%d %H:%M} UTC" if found.ended is not None else "-"),
                remedy=Words.same("timedatectl"),
            )
        age, most = (seen.asked - found.ended).total_seconds(), self.options.max_age
        if most is not None and age > most:
            return failed(
                "too-old",
                Words(en=f"{found.key} ended too long ago", ja=f"{found.key} の完了から時間が経ちすぎています"),
                expected=Words.same(f"<= {_hours(most)}"),
                seen=Words.same(_hours(age)),
                remedy=Words(en="go through it again", ja="再実施してください"),
                too_old=True,
            )
        return self._stable(seen, found)

    def _stable(self, seen: ReleaseSeen, found: Sibling) -> Verdict | None:
        least = self.options.stable_for
        if least is None:
            return None
        if found.deployed is None:
            return unknown(
                "no-deploy",
                Words(en=f"no deploy of {found.key} is on record", ja=f"{found.key} のデプロイ記録がありません"),
                remedy=Words(
                    en="deploy with: ultra-checklist run", ja="ultra-checklist run でデプロイしてください"
                ),
            )
        past = (seen.asked - found.deployed).total_seconds()
        if past >= least:
            return None
        until = found.deployed + timedelta(seconds=least)
        return unknown(
            "window-running",
            Words(en="it has not run there for long enough yet", ja="稼働期間がまだ足りません"),
            expected=Words.same(f">= {_hours(least)}"),
            seen=Words(
                en=f"{_hours(past)} of {_hours(least)}, until {until:%Y-%m-%d %H:%M} UTC",
                ja=f"{_hours(least)} 中 {_hours(past)}、{until:%Y-%m-%d %H:%M} UTC まで",
            ),
            remedy=Words(en="wait", ja="お待ちください"),
        )

    def _told(self, seen: ReleaseSeen, found: Sibling) -> Words:
        waived = [f"{row.id} ({row.note})" if row.note else row.id for row in found.rows if row.result in _WAIVED]
        signed = (
            Words.same("")
            if not seen.bundle
            else Words(en=", signed", ja="、署名あり")
            if found.signer_known
            else Words(en=", signature not checked", ja="、署名は未確認")
        )
        ended = f"{found.ended:%Y-%m-%d %H:%M} UTC" if found.ended is not None else "-"
        left = _some(waived)
        return Words(
            en=f"{found.key}, complete {ended}, {found.made_of}{signed.en}" + (f"; waived: {left}" if left else ""),
            ja=f"{found.key}、{ended} 完了、{found.made_of}{signed.ja}"
            + (f"、免除・対象外: {left}" if left else ""),
        )


def _require_bundle(path: Path) -> None:
    """Raises ProbeCannotTell for a file of which it cannot even be said whether it is a bundle."""
    remedy = f"ls -l {shlex.quote(str(path))}"
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - len(_TAR_END), 0))
            whole = file.read(len(_TAR_END)) == _TAR_END
    except OSError as error:
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        denied = isinstance(error, PermissionError)
        other = "not-a-file" if isinstance(error, NotRegular) else "unreadable"
        raise ProbeCannotTell(
            "not-found" if gone else "permission-denied" if denied else other,
            f"{path} cannot be read: {error.strerror}",
            f"{path} を読めません: {error.strerror}",
            remedy=remedy,
        ) from None
    if size > MAX_BUNDLE:
        raise ProbeCannotTell(
            "too-large", f"{path} is larger than 1 GiB", f"{path} が 1 GiB を超えています", remedy=remedy
        )
    if not whole:
        raise ProbeCannotTell(
            "truncated",
            f"{path} is no bundle, or its end is missing",
            f"{path} はバンドルではないか、末尾が欠けています",
            remedy=remedy,
        )


def _cannot(error: UltraChecklistError, source: str) -> ProbeCannotTell:
    missing = isinstance(error, NoManifestError)
    reason = "not-found" if missing else "damaged-journal" if isinstance(error, StateError) else "not-clear"
    return ProbeCannotTell(
        reason,
        error.message.en,
        f"{source} が見つかりません" if missing else f"{source} を確認できません: {error.message.ja}",
        remedy=error.remedy if error.remedy != NOTHING else "ultra-checklist status",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" (+{len(names) - SHOWN})" if len(names) > SHOWN else "")


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h"

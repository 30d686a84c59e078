"""Test results as JUnit XML: nothing failed, the required suites ran, for this commit, and lately."""

import asyncio
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import (
    CommitId,
    Context,
    Names,
    Observation,
    Options,
    Probe,
    Twin,
    failed,
    passed,
    unknown,
)
from ultra_checklist.probes.junitxml import Deadline, Report, find, named_commits, read

SHORT = 12
SHOWN = 10
AHEAD = 60
"""Seconds that a report may be ahead of our clock."""
_PROBLEMS = {
    "not-xml": Words(en="it is no whole XML", ja="XML として完結していません"),
    "entities": Words(en="it declares XML entities, which no report does", ja="XML エンティティ宣言を含みます"),
    "too-deep": Words(en="it is nested too deeply", ja="入れ子が深すぎます"),
    "too-large": Words(en="it is larger than 64 MiB", ja="64 MiB を超えています"),
    "not-a-file": Words(en="it is no regular file", ja="通常ファイルではありません"),
    "permission-denied": Words(en="permission denied", ja="読み取り権限がありません"),
    "vanished": Words(en="it vanished meanwhile", ja="読み取り中に消えました"),
    "unreadable": Words(en="it cannot be read", ja="読み取れません"),
}


class JunitOptions(Options):
    """Where the reports are, and what they must say. That nothing failed is always asked for."""

    path: str = Field(
        min_length=1, description="A file, a folder with all .xml below, or a glob; relative to DEPLOY_DIR."
    )
    commit: CommitId | None = Field(
        default=None,
        description="Only reports of this commit count. They name it in a property such as git_commit, in a file "
        "`commit` beside or above them, in REPORT.xml.commit, or in their path.",
    )
    suites: Names = Field(
        default_factory=list,
        description="Names of test suites or test classes that must have run, each a glob such as tests.unit.*",
    )
    min_tests: int = Field(default=1, ge=1, description="Least number of tests that ran; skipped ones did not.")
    max_skipped: int | None = Field(default=None, ge=0, description="Most skipped tests.")
    max_age: float | None = Field(default=None, gt=0, description="Greatest age of the oldest report, in seconds.")

    @field_validator("suites")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        if not all(value):
            raise WrongValue("an empty name fits no suite", "空の名前に合うスイートはありません")
        return value


class JunitSeen(Observation):
    """What the reports that count say together."""

    path: str
    asked: float
    """Our clock, in seconds since 1970."""
    reports: list[str] = Field(default_factory=list)
    """The first of them."""
    count: int = 0
    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    bad: list[str] = Field(default_factory=list)
    """Some tests that failed."""
    suites: list[str] = Field(default_factory=list)
    """The first names of suites."""
    ran: dict[str, int] = Field(default_factory=dict)
    """By required suite: how many of its tests ran."""
    oldest: float | None = None
    newest: float | None = None
    named_by: list[str] = Field(default_factory=list)
    others: list[str] = Field(default_factory=list)
    """Commits of reports that do not count."""
    unnamed: list[str] = Field(default_factory=list)
    """Reports that name no commit, where one is asked for."""
    unreadable: dict[str, str] = Field(default_factory=dict)
    """Files with the reason why they could not be read."""


class JunitProbe(Probe[JunitOptions, JunitSeen]):
    """Reads the reports."""

    name = "junit"
    summary = Words(
        en="test results as JUnit XML: no failures, required suites, for this commit",
        ja="テスト結果（JUnit XML）: 失敗なし・必須スイート・対象コミット",
    )
    options_model: ClassVar[type[Options]] = JunitOptions
    observation_model: ClassVar[type[Observation]] = JunitSeen
    judged: ClassVar[frozenset[str]] = frozenset({"min_tests", "max_skipped", "max_age"})

    def twins(self) -> Iterator[Twin]:
        """Reports that are wrong in one thing."""
        options, least = self.options, self.options.min_tests
        good = JunitSeen(
            path="twin",
            asked=1e9,
            count=1,
            tests=least,
            ran=dict.fromkeys(options.suites, 1),
            oldest=1e9,
            newest=1e9,
        )

        def seen(**other: Any) -> JunitSeen:
            return good.model_copy(update=other)

        bad = seen(failures=1, bad=["twin.test_it"])
        yield Twin(Words(en="a test that failed", ja="失敗したテスト 1 件"), seen=bad)
        yield Twin(Words(en=f"{least - 1} tests", ja=f"テスト {least - 1} 件"), seen=seen(tests=least - 1))
        for suite in options.suites:
            ran = {**good.ran, suite: 0}
            yield Twin(Words(en=f"nothing of {suite} ran", ja=f"{suite} が未実行"), seen=seen(ran=ran))
        if options.max_skipped is not None:
            skipped = options.max_skipped + 1
            words = Words(en=f"{skipped} skipped", ja=f"スキップ {skipped} 件")
            yield Twin(words, seen=seen(tests=least + skipped, skipped=skipped))
        if options.max_age is not None:
            old = 1e9 - options.max_age * 2
            yield Twin(Words(en="an old report", ja="古いレポート"), seen=seen(oldest=old, newest=old))

    async def observe(self, context: Context) -> JunitSeen:
        """Find and read all reports, in time."""
        path = context.path(self.options.path)
        deadline = Deadline(self.options.timeout)
        seen = await asyncio.to_thread(self._read, path, deadline)
        clean = context.redactor.text
        return seen.model_copy(update={"bad": [clean(name) for name in seen.bad]})

    def _read(self, path: Path, deadline: Deadline) -> JunitSeen:
        root, files = find(path, deadline)
        counted: list[Report] = []
        named_by, others, unnamed = set[str](), set[str](), list[str]()
        unreadable: dict[str, str] = {}
        for file in files:
            report = read(file, self.options.suites, deadline)
            if report.junit is False:
                continue
            short = file.relative_to(root).as_posix()
            how, commit = self._whose(report, root) if self.options.commit else ("path", "")
            if how == "other":
                others.add(commit)
            elif report.problem:
                unreadable[short] = report.problem
            elif not how:
                unnamed.append(short)
            else:
                named_by.add(how)
                counted.append(report)
        return JunitSeen(
            path=str(path),
            asked=time.time(),
            reports=[one.path.relative_to(root).as_posix() for one in counted[:SHOWN]],
            count=len(counted),
            tests=sum(one.tests for one in counted),
            failures=sum(one.failures for one in counted),
            errors=sum(one.errors for one in counted),
            skipped=sum(one.skipped for one in counted),
            bad=[name for one in counted for name in one.bad][:SHOWN],
            suites=sorted({name for one in counted for name in one.suites})[: 5 * SHOWN],
            ran={pattern: sum(one.ran[pattern] for one in counted) for pattern in self.options.suites},
            oldest=min((one.modified for one in counted), default=None),
            newest=max((one.modified for one in counted), default=None),
            named_by=sorted(named_by),
            others=sorted(others)[:SHOWN],
            unnamed=unnamed[:SHOWN],
            unreadable=dict(list(unreadable.items())[:SHOWN]),
        )

    def _whose(self, report: Report, root: Path) -> tuple[str, str]:
        """By what the report is this commit's; ``other`` with the commit where it is another's; empty: neither."""
        wanted = self.options.commit or ""
        for how, commits in named_commits(report, root):
            if any(found.startswith(wanted) or wanted.startswith(found) for found in commits):
                return how, wanted
            # A path may hold other hexadecimal words; a whole id is hardly one by chance.
            others = commits if how != "name" else {one for one in commits if len(one) == 40}
            if others:
                return "other", min(others)
        return "", ""

    def judge(self, seen: JunitSeen) -> Verdict:
        """Failures first; then whether all was seen; then how much, and how old it is."""
        found = self._failures(seen) or self._unseen(seen) or self._suites(seen) or self._extent(seen)
        return found or passed("passed", expected=self._expected(), seen=_told(seen), commit=self.options.commit)

    def _expected(self) -> Words:
        least = self.options.min_tests
        return Words(en=f">= {least} tests, no failure", ja=f"テスト {least} 件以上・失敗なし")

    def _failures(self, seen: JunitSeen) -> Verdict | None:
        if not seen.failures and not seen.errors:
            return None
        names = f": {', '.join(seen.bad[:3])}" if seen.bad else ""
        return failed(
            "failures",
            Words(en=f"tests have failed{names}", ja=f"失敗したテストがあります{names}"),
            expected=self._expected(),
            seen=_told(seen),
            remedy=Words(en="mend them and run the tests again", ja="修正して、テストを再実行してください"),
            failures=seen.failures,
            errors=seen.errors,
            bad=sorted(seen.bad),
        )

    def _unseen(self, seen: JunitSeen) -> Verdict | None:
        remedy = Words(
            en="run the tests of this commit, and keep their reports there",
            ja="対象コミットのテストを実行し、レポートを置いてください",
        )
        look = Words.same(f"ls -l {shlex.quote(seen.path)}")
        for file, problem in seen.unreadable.items():
            why = _PROBLEMS.get(problem, Words.same(problem))
            return unknown(
                problem,
                Words(en=f"{file}: {why.en}", ja=f"{file}: {why.ja}"),
                seen=_told(seen),
                remedy=look,
                files=sorted(seen.unreadable),
            )
        if seen.unnamed:
            return unknown(
                "no-commit",
                Words(
                    en=f"{seen.unnamed[0]} does not say of which commit it is",
                    ja=f"{seen.unnamed[0]} の対象コミットが分かりません",
                ),
                expected=self._commit(),
                remedy=Words.same(f"git rev-parse HEAD > {shlex.quote(seen.path)}/commit"),
                files=seen.unnamed,
            )
        if not seen.count and seen.others:
            return unknown(
                "other-commit",
                Words(en="there are reports of other commits only", ja="別のコミットのレポートしかありません"),
                expected=self._commit(),
                seen=Words.same(", ".join(one[:SHORT] for one in seen.others[:3])),
                remedy=remedy,
                commits=seen.others,
            )
        if not seen.count:
            return unknown(
                "no-report",
                Words(en=f"there is no report in {seen.path}", ja=f"{seen.path} にレポートがありません"),
                remedy=remedy,
            )
        if seen.newest is not None and seen.newest > seen.asked + AHEAD:
            return unknown(
                "clock-skew",
                Words(en="a report is of the future: a clock is wrong", ja="レポートの時刻が未来です"),
                seen=Words.same(f"+{seen.newest - seen.asked:.0f} s"),
                remedy=Words.same("timedatectl"),
            )
        return None

    def _commit(self) -> Words:
        return Words.same((self.options.commit or "")[:SHORT])

    def _suites(self, seen: JunitSeen) -> Verdict | None:
        missing = [name for name in self.options.suites if not seen.ran.get(name)]
        if not missing:
            return None
        return failed(
            "missing-suite",
            Words(
                en=f"no test of {', '.join(missing)} ran", ja=f"{', '.join(missing)} のテストが実行されていません"
            ),
            expected=Words.same(", ".join(self.options.suites)),
            seen=Words.same(", ".join(seen.suites[:SHOWN]) or "-"),
            remedy=Words(en="run all required suites", ja="必須のスイートをすべて実行してください"),
            missing=missing,
        )

    def _extent(self, seen: JunitSeen) -> Verdict | None:
        options, age = self.options, seen.asked - (seen.oldest or seen.asked)
        ran = seen.tests - seen.skipped
        limits = (
            ("too-few-tests", ran < options.min_tests, f">= {options.min_tests}", str(ran),
             Words(en="too few tests ran", ja="実行されたテストが少なすぎます")),
            ("too-many-skipped", options.max_skipped is not None and seen.skipped > options.max_skipped,
             f"<= {options.max_skipped}", str(seen.skipped),
             Words(en="too many tests were skipped", ja="スキップされたテストが多すぎます")),
            ("too-old", options.max_age is not None and age > options.max_age,
             f"<= {options.max_age or 0:g} s", f"{age:.0f} s",
             Words(en="the report is too old", ja="レポートが古すぎます")),
        )  # fmt: skip
        for reason, broken, expected, value, sentence in limits:
            if broken:
                return failed(
                    reason,
                    sentence,
                    expected=Words.same(expected),
                    seen=Words.same(value),
                    remedy=Words(en="run all tests again", ja="すべてのテストを再実行してください"),
                    ran=ran,
                    skipped=seen.skipped,
                )
        return None


def _told(seen: JunitSeen) -> Words:
    bad = seen.failures + seen.errors
    return Words(
        en=f"{seen.tests} tests in {seen.count} reports: {bad} failed, {seen.skipped} skipped",
        ja=f"レポート {seen.count} 件・テスト {seen.tests} 件: 失敗 {bad}、スキップ {seen.skipped}",
    )

"""The record of the release itself: who, when, which commit, and whether what was kept is still whole."""

import asyncio
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown
from ultra_checklist.record import DeployMark, Person, RunRecord, Ticked


class RecordOptions(Options):
    """What must be on record."""

    before_deploy: bool = Field(
        default=False, description="true: a person ticked the item before the first deploy began."
    )
    operators: bool = Field(default=False, description="true: it is known by name who worked on the release.")
    commit: bool = Field(
        default=False, description="true: the release has a pinned commit, and the deploy left the checkout at it."
    )
    logs: bool = Field(
        default=False, description="true: the logs of all runs and all evidence are in the store, unaltered."
    )

    @model_validator(mode="after")
    def _asserts(self) -> "RecordOptions":
        if not (self.before_deploy or self.operators or self.commit or self.logs):
            raise WrongValue(
                "this asserts nothing: add before_deploy, operators, commit or logs",
                "確認する内容がありません。before_deploy、operators、commit、logs のいずれかを指定してください",
            )
        return self


class RecordSeen(Observation):
    """What was on record."""

    ticked: Ticked | None = None
    deploy: DeployMark | None = None
    """The first deploy that was not taken back."""
    operators: list[str] = Field(default_factory=list)
    pinned: str = ""
    deployed: str = ""
    """Where the newest deploy left the checkout; empty: that is not known."""
    runs: list[RunRecord] = Field(default_factory=list)
    kept: int = 0
    """How many logs and pieces of evidence are whole."""
    damaged: list[str] = Field(default_factory=list)
    """SHA-256 of those that are missing or altered, and numbers of runs whose log is not whole."""


class RecordProbe(Probe[RecordOptions, RecordSeen]):
    """Reads the release's record, and the evidence store."""

    name = "record"
    summary = Words(
        en="the release's own record: operators, start, commit, logs and evidence",
        ja="リリースの記録: 担当者・開始時刻・コミット・ログと証跡",
    )
    options_model: ClassVar[type[Options]] = RecordOptions
    observation_model: ClassVar[type[Observation]] = RecordSeen
    needs_release = True
    at_home = True

    def twins(self) -> Iterator[Twin]:
        """Records that are wrong in one thing."""
        start, somebody = datetime(2026, 1, 1, tzinfo=UTC), Person(id="twin")
        good = RecordSeen(
            ticked=Ticked(at=start - timedelta(minutes=1), by=somebody),
            deploy=DeployMark(number=1, started=start, ended=start, exit_code=0, host="twin"),
            operators=["twin"], pinned="d" * 40, deployed="d" * 40, kept=1,
            runs=[RunRecord(number=1, item="twin", started=start, log="d" * 64)],
        )  # fmt: skip

        def seen(**other: Any) -> RecordSeen:
            return good.model_copy(update=other)

        if self.options.before_deploy:
            late = Ticked(at=start + timedelta(minutes=1), by=somebody)
            yield Twin(
                Words(en="ticked after the deploy began", ja="デプロイ開始後のチェック"), seen=seen(ticked=late)
            )
        if self.options.operators:
            yield Twin(Words(en="no operator", ja="担当者なし"), seen=seen(operators=[]))
        if self.options.commit:
            yield Twin(Words(en="no pinned commit", ja="対象コミットなし"), seen=seen(pinned=""))
            yield Twin(Words(en="another commit deployed", ja="別コミットのデプロイ"), seen=seen(deployed="e" * 40))
        if self.options.logs:
            yield Twin(Words(en="an altered log", ja="改変されたログ"), seen=seen(damaged=["d" * 64]))

    async def observe(self, context: Context) -> RecordSeen:
        """Gather what the options ask for."""
        release = context.require_release()
        people = {t.by.id: t.by.name or t.by.id for t in release.ticked.values() if t.by is not None}
        deploys = [mark for mark in release.deploys if not mark.withdrawn]
        ran = [run for run in release.runs if run.deploy]
        kept, damaged = 0, list[str]()
        if self.options.logs:
            wanted = [*release.evidence, *(run.log for run in release.runs if run.log)]
            damaged = await asyncio.to_thread(_damaged, {digest: context.blob(digest) for digest in wanted})
            kept = len(set(wanted)) - len(damaged)
            damaged += [f"run {r.number}" for r in release.runs if r.ended is not None and not r.log_complete]
        return RecordSeen(
            ticked=release.ticked.get(context.item),
            deploy=deploys[0] if deploys else None,
            operators=sorted(people.values()),
            pinned=release.commit,
            deployed=ran[-1].commit_after if ran else "",
            runs=list(release.runs),
            kept=kept,
            damaged=damaged,
        )

    def judge(self, seen: RecordSeen) -> Verdict:
        """Every question in its order; the first that fails answers."""
        for verdict in (self._before(seen), self._operators(seen), self._commit(seen), self._logs(seen)):
            if verdict is not None:
                return verdict
        told = []
        if self.options.before_deploy and seen.ticked is not None and seen.ticked.by is not None:
            told.append(f"{seen.ticked.by.name or seen.ticked.by.id} {seen.ticked.at:%Y-%m-%d %H:%M} UTC")
        if self.options.operators:
            told.append(", ".join(seen.operators))
        if self.options.commit:
            told.append(seen.pinned[:12])
        files = Words(en=f"{seen.kept} files whole", ja=f"{seen.kept} ファイル保存済み")
        if self.options.logs:
            words = Words(en=", ".join([*told, files.en]), ja="、".join([*told, files.ja]))
        else:
            words = Words.same(", ".join(told))
        return passed("recorded", seen=words, operators=seen.operators, pinned=seen.pinned)

    def _before(self, seen: RecordSeen) -> Verdict | None:
        if not self.options.before_deploy:
            return None
        if seen.ticked is None or seen.ticked.by is None:
            return unknown(
                "no-person",
                Words(en="no person's tick is on record", ja="人によるチェックが記録されていません"),
                remedy=Words(en="tick it yourself", ja="ご自身でチェックを付けてください"),
            )
        if seen.deploy is None or seen.ticked.at <= seen.deploy.started:
            return None
        return failed(
            "after-the-start",
            Words(
                en="it was recorded after the deploy had begun",
                ja="デプロイ開始後に記録されました",
            ),
            expected=Words(en="before the deploy", ja="デプロイ開始前"),
            seen=Words.same(f"{seen.ticked.at:%H:%M} UTC > {seen.deploy.started:%H:%M} UTC"),
            remedy=Words(en="decide Waive with the reason", ja="理由を書いて「免除」を選んでください"),
            ticked=seen.ticked.at.isoformat(),
        )

    def _operators(self, seen: RecordSeen) -> Verdict | None:
        if not self.options.operators or seen.operators:
            return None
        return failed(
            "no-operator",
            Words(en="nobody is on record as operator", ja="担当者が記録されていません"),
            expected=Words(en="a person's tick", ja="人によるチェック"),
            seen=Words(en="none", ja="なし"),
            remedy=Words(en="let the operators tick what they did", ja="担当者がチェックを付けてください"),
        )

    def _commit(self, seen: RecordSeen) -> Verdict | None:
        if not self.options.commit:
            return None
        expected = Words.same(seen.pinned[:12])
        if not seen.pinned:
            return failed(
                "no-commit",
                Words(en="the release has no pinned commit", ja="リリースに対象コミットがありません"),
                expected=Words(en="a commit", ja="コミット"),
                seen=Words(en="none", ja="なし"),
                remedy=Words.same("ultra-checklist new VERSION --commit REF --var DEPLOY_DIR=..."),
            )
        if not seen.deployed:
            return unknown(
                "no-deploy",
                Words(
                    en="which commit was deployed is not on record", ja="デプロイしたコミットが記録されていません"
                ),
                expected=expected,
                remedy=Words.same("ultra-checklist run VERSION ITEM -- COMMAND"),
            )
        if seen.deployed != seen.pinned:
            return failed(
                "other-commit",
                Words(en="another commit was deployed", ja="別のコミットがデプロイされています"),
                expected=expected,
                seen=Words.same(seen.deployed[:12]),
                remedy=Words(en="deploy the release's commit", ja="リリース対象のコミットをデプロイしてください"),
                deployed=seen.deployed,
            )
        return None

    def _logs(self, seen: RecordSeen) -> Verdict | None:
        if not self.options.logs:
            return None
        expected = Words(en="all logs and evidence", ja="すべてのログと証跡")
        if not any(run.log for run in seen.runs):
            return unknown(
                "no-log",
                Words(en="no run has left a log", ja="実行ログがありません"),
                expected=expected,
                remedy=Words.same("ultra-checklist run VERSION ITEM -- COMMAND"),
            )
        if not seen.damaged:
            return None
        return failed(
            "damaged",
            Words(
                en=f"{len(seen.damaged)} pieces are missing or altered",
                ja=f"{len(seen.damaged)} 件が欠落または変更されています",
            ),
            expected=expected,
            seen=Words.same(", ".join(name[:16] for name in seen.damaged[:5])),
            remedy=Words(
                en="restore the evidence folder from its backup", ja="evidence フォルダーを復元してください"
            ),
            damaged=sorted(seen.damaged),
        )


def _damaged(blobs: dict[str, Path]) -> list[str]:
    """Digests of what is missing, or is not what its name says."""
    return [digest for digest, path in blobs.items() if not _is_whole(digest, path)]


def _is_whole(digest: str, path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False

"""Other releases that are wrong in one thing: for each of them the probe ``release`` must fail."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from ultra_checklist.model import Ending, Result, Words
from ultra_checklist.probes.base import Twin
from ultra_checklist.probes.release import ReleaseOptions, ReleaseSeen
from ultra_checklist.record import Sibling, SiblingRow

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def twins(options: ReleaseOptions) -> Iterator[Twin]:
    """One for each thing that is asked of it; a time that is not over yet is no failure."""
    template, environment = options.template or "twin", options.environment or "twin"
    long_ago = _AT - timedelta(seconds=options.stable_for or 0.0)
    good = Sibling(
        key=f"{template}/{environment}/twin", version="twin", template=template, environment=environment,
        commit=options.commit, ending=Ending.COMPLETE, ended=_AT, deployed=long_ago,
    )  # fmt: skip

    def seen(**other: Any) -> ReleaseSeen:
        return ReleaseSeen(asked=_AT, bundle=options.is_bundle, found=good.model_copy(update=other))

    if options.is_bundle:
        refused = ReleaseSeen(asked=_AT, bundle=True, refused="altered")
        yield Twin(Words(en="an altered bundle", ja="改変されたバンドル"), seen=refused)
    if options.template:
        yield Twin(Words(en="a release of another checklist", ja="別チェックリスト"), seen=seen(template="another"))
    if options.environment:
        yield Twin(Words(en="another environment", ja="別の環境"), seen=seen(environment="another"))
    other = ("e" if options.commit.startswith("d") else "d") * 40
    yield Twin(Words(en="another commit", ja="別のコミット"), seen=seen(commit=other))
    yield Twin(Words(en="an aborted release", ja="中止されたリリース"), seen=seen(ending=Ending.ABORTED))
    still = (SiblingRow(id="twin"),)
    yield Twin(Words(en="an open row", ja="未完了の項目"), seen=seen(rows=still))
    if options.max_waived is not None:
        row = SiblingRow(id="twin", settled=True, result=Result.WAIVED)
        count = options.max_waived + 1
        yield Twin(Words(en=f"{count} rows waived", ja=f"免除 {count} 項目"), seen=seen(rows=(row,) * count))
    if options.max_age is not None:
        ended = _AT - timedelta(seconds=options.max_age * 2)
        yield Twin(Words(en="ended long ago", ja="古い完了日時"), seen=seen(ended=ended, deployed=ended))

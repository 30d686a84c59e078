"""Values of an answer that must have changed since the deploy began, such as a start time. Pure."""

import json
from typing import Any

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import failed, unknown


def judge(
    url: str, paths: list[str], moving: dict[str, Any], before: dict[str, Any] | None, remedy: Words
) -> Verdict | None:
    """Whether every value is another than ``before``, as the deploy began; None where it is."""
    names = Words.same(", ".join(paths))
    if before is None:
        return unknown(
            "no-baseline",
            Words(
                en=f"what {names.en} was as the deploy began is not known",
                ja=f"デプロイ開始時の {names.ja} が記録されていません",
            ),
            remedy=Words(en="deploy with: ultra-checklist run", ja="ultra-checklist run でデプロイしてください"),
        )
    missing = [path for path in paths if moving.get(path) is None]
    same = [path for path in paths if moving.get(path) == before.get(path)]
    if not missing and not same:
        return None
    wrong = missing or same
    told = ", ".join(f"{path} = {json.dumps(moving.get(path), ensure_ascii=False)}" for path in wrong)
    return failed(
        "missing-value" if missing else "unchanged",
        Words(
            en=f"{url} does not tell {', '.join(missing)}",
            ja=f"{url} の応答に {', '.join(missing)} がありません",
        )
        if missing
        else Words(
            en="it is as it was when the deploy began: did it start anew?",
            ja="デプロイ開始時から変わっていません（再起動していない可能性）",
        ),
        expected=Words(en="another value than before the deploy", ja="デプロイ前と異なる値"),
        seen=Words.same(told),
        remedy=remedy,
        paths=wrong,
    )

"""One line of the doctor: what was looked at, how it is, and what to do where it is not well."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ultra_checklist.words import NOTHING, Lang, Words

Result = Literal["ok", "warn", "fail", "unknown"]


@dataclass(frozen=True)
class Diagnosis:
    """What one check has found. ``id`` is stable: programs go by it."""

    id: str
    result: Result
    what: Words
    remedy: Words = NOTHING
    because: str = ""
    """It was not looked at because of the check of this id; empty: it was looked at."""


def well(name: str, what: Words | str) -> Diagnosis:
    """Nothing to do."""
    return Diagnosis(name, "ok", Words.of(what))


def remark(name: str, what: Words, remedy: Words | str) -> Diagnosis:
    """A pass works, and yet something should be done."""
    return Diagnosis(name, "warn", what, Words.of(remedy))


def wrong(name: str, what: Words, remedy: Words | str) -> Diagnosis:
    """A pass does not work, or not as it should, before this is mended."""
    return Diagnosis(name, "fail", what, Words.of(remedy))


def untold(name: str, what: Words, remedy: Words | str = NOTHING) -> Diagnosis:
    """It cannot be told."""
    return Diagnosis(name, "unknown", what, Words.of(remedy))


def skipped(names: Iterable[str], because: str) -> list[Diagnosis]:
    """Checks that were not made because another one has failed."""
    return [Diagnosis(name, "unknown", _SKIPPED.filled(id=because), because=because) for name in names]


def exit_code(found: Iterable[Diagnosis]) -> int:
    """1: something is wrong; 3: nothing is, and something cannot be told; 0: all is well, but for remarks."""
    results = {one.result for one in found}
    return 1 if "fail" in results else 3 if "unknown" in results else 0


def as_json(found: Iterable[Diagnosis], lang: Lang) -> dict[str, Any]:
    """The same for programs."""
    checks = [
        {"id": one.id, "result": one.result, "what": one.what.say(lang), "remedy": one.remedy.say(lang)}
        for one in found
    ]
    return {"ok": all(check["result"] in ("ok", "warn") for check in checks), "checks": checks}


_SKIPPED = Words(en="not looked at, because of: {id}", ja="未確認（{id} のため）")

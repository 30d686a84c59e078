"""What does not belong to production's environment: values of staging, URLs elsewhere, a process with others."""

import shlex
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes import urls as urls_of
from ultra_checklist.probes.base import Observation, failed, unknown

FINGERPRINT = "ultra-checklist fingerprint .env.staging -o staging.fingerprints"


Comparison = Literal["", "same", "other", "absent"]


class KeySeen(Observation):
    """What is known of one key, without its value."""

    lines: list[int]
    empty: bool = False
    placeholder: bool = False
    equal: bool | None = None
    matches: bool | None = None
    shown: str = ""
    """The value, only where it was asked for by ``equals`` and the key is not named like a secret."""
    staging: list[str] = Field(default_factory=list)
    """Under which names staging has this value."""
    urls: list[urls_of.UrlSeen] = Field(default_factory=list)
    process: Comparison = ""
    """What the running process has of it; with several processes the worst."""

    def after(self, other: "KeySeen") -> "KeySeen":
        """The same key where it stood before as well: what staging has of that counts too."""
        staging = list(dict.fromkeys([*other.staging, *self.staging]))
        return self.model_copy(update={"lines": [*other.lines, *self.lines], "staging": staging})

    def compared(self, key: str, value: str, running: list[Mapping[str, str]]) -> "KeySeen":
        """The same key with what running processes have of it."""
        known = [environment.get(key) for environment in running]
        there: Comparison = "same" if None not in known else "absent"
        if any(other not in (None, value) for other in known):
            there = "other"
        return self.model_copy(update={"process": there})


class Unseen(Observation):
    """Why the process could not be seen."""

    reason: str
    en: str
    ja: str
    remedy: str = ""
    remedy_ja: str = ""


class DotenvSeen(Observation):
    """What an environment file was like."""

    path: str
    kind: str = "file"
    target: str = ""
    keys: dict[str, KeySeen] = Field(default_factory=dict)
    broken_lines: list[int] = Field(default_factory=list)
    required: list[str] = Field(default_factory=list)
    document: str = ""
    fingerprints: int | None = None
    """How many values of staging are known by their fingerprints."""
    unseen: Unseen | None = None


def judge_staging(seen: DotenvSeen, shared: list[str]) -> Verdict | None:
    """Whether a value is one of staging's; ``shared`` are patterns of keys for which that is right."""
    found = {k: s.staging for k, s in seen.keys.items() if s.staging and not like([k], shared)}
    if not found:
        return None
    keys = ", ".join(found)
    return failed(
        "staging-value",
        Words(en=f"staging has the same value: {keys}", ja=f"staging と同じ値です: {keys}"),
        expected=Words(en="no value of staging", ja="staging の値が含まれない"),
        seen=Words.same("; ".join(f"{k} = staging {', '.join(theirs[:3])}" for k, theirs in found.items())),
        remedy=_edit(seen, list(found)),
        keys=list(found),
    )


def judge_urls(seen: DotenvSeen, rules: urls_of.UrlRules | None) -> Verdict | None:
    """Whether a URL leads where it must not."""
    if rules is None:
        return None
    found = {
        key: [url for url in known.urls if urls_of.elsewhere(url, rules)]
        for key, known in seen.keys.items()
        if not like([key], rules.allow)
    }
    found = {key: wrong for key, wrong in found.items() if wrong}
    if not found:
        return None
    told = "; ".join(
        f"{key}: {url.host}" + (f" ({', '.join(url.words)})" if url.words else "")
        for key, wrong in found.items()
        for url in wrong[:3]
    )
    keys = ", ".join(found)
    return failed(
        "url-elsewhere",
        Words(en=f"these URLs do not lead to production: {keys}", ja=f"本番用でない URL があります: {keys}"),
        expected=Words.same(", ".join(rules.hosts)) if rules.hosts else Words(en="production", ja="本番用"),
        seen=Words.same(told),
        remedy=_edit(seen, list(found)),
        keys=list(found),
    )


def judge_process(seen: DotenvSeen) -> Verdict | None:
    """Whether the running process has other values than the file."""
    other = [k for k, s in seen.keys.items() if s.process == "other"]
    if other:
        keys = ", ".join(other)
        return failed(
            "process-differs",
            Words(
                en=f"the running process has another value: {keys}",
                ja=f"動作中のプロセスの値がファイルと異なります: {keys}",
            ),
            expected=Words(en="the file's values", ja="ファイルと同じ値"),
            seen=Words(en=f"another value: {keys}", ja=f"異なる値: {keys}"),
            remedy=Words(en="start it anew with this file", ja="このファイルで再起動してください"),
            keys=other,
        )
    if seen.unseen is not None:
        words = Words(en=seen.unseen.en, ja=seen.unseen.ja)
        remedy = Words(en=seen.unseen.remedy, ja=seen.unseen.remedy_ja or seen.unseen.remedy)
        return unknown(seen.unseen.reason, words, remedy=remedy)
    absent = [k for k, s in seen.keys.items() if s.process == "absent"]
    if not absent:
        return None
    keys = ", ".join(absent)
    return unknown(
        "not-in-process",
        Words(
            en=f"the environment of the running process does not have {keys}; perhaps it reads the file itself",
            ja=f"動作中のプロセスの環境変数に {keys} がありません（プロセスが自らファイルを読む可能性）",
        ),
        remedy=Words(
            en="start it with that environment (EnvironmentFile=, --env-file), or leave `process` out",
            ja="EnvironmentFile= や --env-file で起動するか、`process` を外してください",
        ),
        keys=absent,
    )


def like(keys: Iterable[str], patterns: list[str]) -> list[str]:
    """The keys that one of the patterns fits."""
    return [key for key in keys if any(fnmatchcase(key, pattern) for pattern in patterns)]


def no_fingerprints() -> Verdict:
    """The verdict where there is nothing of staging to compare with."""
    return unknown(
        "no-fingerprints",
        Words(en="the fingerprint file knows no value of staging", ja="指紋ファイルに staging の値がありません"),
        remedy=Words(en=f"on staging: {FINGERPRINT}", ja=f"ステージングで実行: {FINGERPRINT}"),
    )


def nothing_foreign(seen: DotenvSeen) -> Words:
    """What is said where nothing was found."""
    if seen.fingerprints is not None:
        return Words(
            en=f"{len(seen.keys)} keys, none with one of staging's {seen.fingerprints} values",
            ja=f"{len(seen.keys)} 個のキーに staging の値（{seen.fingerprints} 件）なし",
        )
    return Words(en=f"{len(seen.keys)} keys, all of production", ja=f"{len(seen.keys)} 個のキーすべて本番用")


def _edit(seen: DotenvSeen, keys: list[str]) -> Words:
    return Words.same(f"${{EDITOR:-vi}} +{seen.keys[keys[0]].lines[-1]} {shlex.quote(seen.path)}")

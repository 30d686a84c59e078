"""An environment file: keys there, unique, filled in, with the values they must have, and none of staging's.

What is observed and kept never holds a value, but for keys that are asked for in ``equals`` and are not
named like secrets.
"""

import re
import shlex
from collections.abc import Iterable
from io import StringIO
from typing import ClassVar

from dotenv.parser import parse_stream
from pydantic import Field, field_validator, model_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes import urls as urls_of
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.environ import ProcessSource, environments
from ultra_checklist.probes.file import cannot_look, missing, read_file, symlink
from ultra_checklist.probes.fingerprints import Fingerprints
from ultra_checklist.probes.foreign import (
    FINGERPRINT,
    DotenvSeen,
    KeySeen,
    Unseen,
    judge_process,
    judge_staging,
    judge_urls,
    like,
    no_fingerprints,
    nothing_foreign,
)
from ultra_checklist.probes.keylist import required_keys
from ultra_checklist.shapes import is_secret_name

_PLACEHOLDER = re.compile(
    r"change[-_ ]?me.*|replace[-_ ]?(me|this|with).*|your[-_ ].*|(enter|insert|put|fill)[-_ ].*"
    r"|my[-_ ](secret|token|key|password).*|test[-_]?(key|token|secret|value)?|to[-_ ]?do.*|fixme.*"
    r"|tbd|tba|none|null|nil|foo|bar|example|sample|dummy|placeholder|x{3,}|\*{3,}|\.{3,}|-{2,}|_+"
    r"|<[^<>]*>|\$\{[^}]*\}|\{\{.*\}\}|ここに.*|未設定|要設定|ダミー|サンプル",
    re.IGNORECASE | re.DOTALL,
)


class DotenvOptions(Options):
    """What an environment file must hold."""

    path: str = Field(min_length=1, description="The file; relative to DEPLOY_DIR.")
    equals: dict[str, str] = Field(default_factory=dict, description="Keys with the values they must have.")
    required: list[str] = Field(default_factory=list, description="Keys that must be there, filled in.")
    required_in: str | None = Field(
        default=None, description="A Markdown document whose tables, lists or code blocks name the required keys."
    )
    match: dict[str, str] = Field(
        default_factory=dict, description="Keys with regular expressions for their values."
    )
    forbidden: list[str] = Field(
        default_factory=list, description="Keys that must not be there, or patterns such as `LINE_NOTIFY_*`."
    )
    process: ProcessSource | None = Field(
        default=None,
        description="A running process, by one of `pid_file`, `unit`, `container` or `pattern` (of its command "
        "line), whose environment has the same values for all keys that are named here.",
    )
    fingerprints: str | None = Field(
        default=None,
        min_length=1,
        description="What `ultra-checklist fingerprint` wrote on staging: no value here is one of those.",
    )
    shared: list[str] = Field(
        default_factory=list, description="Patterns of keys whose values may be the same on staging."
    )
    urls: urls_of.UrlRules | None = Field(
        default=None,
        description="What URLs among the values must be like: `hosts` lists the only good ones, `without` words "
        "that host and path must not have (`{}`: localhost, staging, testnet and their kin), `allow` keys to "
        "leave out.",
    )

    @field_validator("match")
    @classmethod
    def _compile(cls, value: dict[str, str]) -> dict[str, str]:
        for key, pattern in value.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise WrongValue(
                    f"{key}: {pattern!r} is no regular expression: {error}",
                    f"{key}: {pattern!r} は正規表現として読めません: {error}",
                ) from None
        return value

    @model_validator(mode="after")
    def _asserts(self) -> "DotenvOptions":
        named = self.equals or self.required or self.required_in or self.match
        if self.process and not named:
            raise WrongValue(
                "a process is compared key by key: add equals, required, required_in or match",
                "プロセスとはキーごとに比べます。equals、required、required_in、match のいずれかを指定してください",
            )
        if not (named or self.forbidden or self.fingerprints or self.urls):
            raise WrongValue(
                "this asserts nothing: add equals, required, required_in, match, forbidden, fingerprints or urls",
                "確認する内容がありません。equals、required、required_in、match、forbidden、fingerprints、urls の"
                "いずれかを指定してください",
            )
        return self


class DotenvProbe(Probe[DotenvOptions, DotenvSeen]):
    """Looks into an environment file without showing its values."""

    name = "dotenv"
    summary = Words(
        en="an environment file: required keys, values, no duplicates or placeholders, nothing of staging",
        ja="環境ファイル: 必須キー・値・重複・プレースホルダ・staging の値の混入",
    )
    options_model: ClassVar[type[Options]] = DotenvOptions
    observation_model: ClassVar[type[Observation]] = DotenvSeen
    judged: ClassVar[frozenset[str]] = frozenset({"forbidden", "shared"})

    @property
    def programs(self) -> tuple[str, ...]:
        """Those that find the process of a unit or a container."""
        source = self.options.process
        unit, container = (source.unit, source.container) if source is not None else (None, None)
        return (*(["systemctl"] if unit else []), *(["docker"] if container else []))

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.dotenv_twins import twins

        return twins(self)

    async def observe(self, context: Context) -> DotenvSeen:
        """Read the file, and the document that names its keys."""
        path = context.path(self.options.path)
        required = list(self.options.required)
        document = ""
        if self.options.required_in is not None:
            source = context.path(self.options.required_in)
            document = str(source)
            required += _keys_of(context, self.options.required_in)
        try:
            if path.is_symlink():
                return DotenvSeen(path=str(path), kind="symlink", target=str(path.readlink()))
            content = read_file(path)
        except (FileNotFoundError, NotADirectoryError):
            return DotenvSeen(path=str(path), kind="missing")
        except OSError as error:
            raise cannot_look(path, error) from error
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ProbeCannotTell(
                "not-utf-8",
                f"{path} is not UTF-8",
                f"{path} が UTF-8 ではありません",
                remedy=f"file {shlex.quote(str(path))}",
            ) from error
        staging = None if self.options.fingerprints is None else _staging(context, self.options.fingerprints)
        keys, values, broken = self._read(text, context, staging)
        unseen = None
        if self.options.process is not None:
            asked = {*self.options.equals, *required, *self.options.match} & keys.keys()
            try:
                running = await environments(self.options.process, context, self.options.timeout)
                keys |= {key: keys[key].compared(key, values[key], running) for key in asked}
            except ProbeCannotTell as error:
                # What is wrong in the file itself is told first.
                told, remedy = error.message, error.remedy
                unseen = Unseen(reason=error.reason, en=told.en, ja=told.ja, remedy=remedy.en, remedy_ja=remedy.ja)
        return DotenvSeen(
            path=str(path),
            keys=keys,
            broken_lines=broken,
            required=required,
            document=document,
            fingerprints=None if staging is None else sum(len(found) for found in staging.keys.values()),
            unseen=unseen,
        )

    def _read(
        self, text: str, context: Context, staging: Fingerprints | None
    ) -> tuple[dict[str, KeySeen], dict[str, str], list[int]]:
        keys: dict[str, KeySeen] = {}
        values: dict[str, str] = {}
        broken: list[int] = []
        for binding in parse_stream(StringIO(text)):
            line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\n"))
            if binding.error:
                broken.append(line)
            elif binding.key is not None:
                # The last one counts where a key stands twice, as for the program that reads the file.
                values[binding.key] = binding.value or ""
                found = self._key(binding.key, values[binding.key], line, context, staging)
                keys[binding.key] = found.after(keys[binding.key]) if binding.key in keys else found
        return keys, values, broken

    def _key(self, key: str, value: str, line: int, context: Context, staging: Fingerprints | None) -> KeySeen:
        wanted, pattern, rules = self.options.equals.get(key), self.options.match.get(key), self.options.urls
        return KeySeen(
            lines=[line],
            empty=not value.strip(),
            placeholder=_PLACEHOLDER.fullmatch(value.strip()) is not None,
            equal=None if wanted is None else value == wanted,
            matches=None if pattern is None else re.fullmatch(pattern, value) is not None,
            shown=context.redactor.text(value)[:100] if wanted is not None and not is_secret_name(key) else "",
            staging=[] if staging is None else staging.holders(value),
            urls=[] if rules is None else urls_of.look(value, rules.without),
        )

    def judge(self, seen: DotenvSeen) -> Verdict:
        """The file first, then doubled, missing, empty, placeholder, wrong."""
        if seen.kind == "missing":
            return missing(seen.path)
        if seen.kind == "symlink":
            return symlink(seen.path, seen.target)
        if self.options.required_in is not None and not seen.required:
            return _no_keys(seen.document)
        if seen.fingerprints == 0:
            return no_fingerprints()
        if not seen.keys and (self.options.fingerprints or self.options.urls):
            return _bad(seen, "no-keys", "holds no key", "にキーがありません", [], [])
        if seen.broken_lines:
            return _bad(
                seen, "syntax", "cannot be read as KEY=value", "KEY=value として読めません", seen.broken_lines, []
            )
        for reason, en, ja, found in self._findings(seen):
            if found:
                lines = [n for key in found for n in (seen.keys[key].lines if key in seen.keys else [])]
                return _bad(seen, reason, en, ja, lines, found)
        for key, wanted in self.options.equals.items():
            if not seen.keys[key].equal:
                return _unequal(seen, key, wanted)
        for verdict in (
            judge_staging(seen, self.options.shared),
            judge_urls(seen, self.options.urls),
            judge_process(seen),
        ):
            if verdict is not None:
                return verdict
        asked = [*self.options.equals, *seen.required, *self.options.match]
        if not asked:
            words = nothing_foreign(seen)
            return passed("as-expected", expected=words, seen=words, keys=[])
        told = ", ".join(f"{k}={seen.keys[k].shown}" for k in self.options.equals if seen.keys[k].shown)
        count = len(set(asked))
        words = Words.same(told) if told else Words(en=f"{count} keys filled in", ja=f"{count} 個のキーが設定済み")
        return passed("as-expected", expected=words, seen=words, keys=sorted(set(asked)))

    def _findings(self, seen: DotenvSeen) -> list[tuple[str, str, str, list[str]]]:
        keys = seen.keys
        asked = list(dict.fromkeys([*self.options.equals, *seen.required, *self.options.match]))
        there = [key for key in asked if key in keys]
        whole = bool(seen.required)
        doubled = [k for k, s in keys.items() if len(s.lines) > 1 and (whole or k in asked)]
        unmatched = [k for k in there if keys[k].matches is False]
        unwanted = like(keys, self.options.forbidden)
        return [
            ("missing-key", "is missing", "がありません", [k for k in asked if k not in keys]),
            ("duplicate-key", "stands there more than once", "が重複しています", doubled),
            ("empty-value", "is empty", "が空です", [k for k in there if keys[k].empty]),
            ("placeholder", "holds a placeholder", "が仮の値です", [k for k in there if keys[k].placeholder]),
            ("no-match", "does not have the form it must", "の形式が不正です", unmatched),
            ("forbidden-key", "must not be there", "は設定してはいけません", unwanted),
        ]


def _staging(context: Context, name: str) -> Fingerprints:
    path = context.path(name)
    try:
        found = Fingerprints.parse(read_file(path))
    except OSError as error:
        raise ProbeCannotTell(
            "no-fingerprints",
            f"the fingerprints of staging, {path}, cannot be read: {error.strerror}",
            f"staging の指紋ファイル {path} を読み取れません: {error.strerror}",
            remedy=Words(en=f"on staging: {FINGERPRINT}", ja=f"ステージングで実行: {FINGERPRINT}"),
        ) from error
    if found is None:
        raise ProbeCannotTell(
            "bad-fingerprints",
            f"{path} is no file that ultra-checklist fingerprint wrote",
            f"{path} は ultra-checklist fingerprint の出力ではありません",
            remedy=Words(en=f"on staging: {FINGERPRINT}", ja=f"ステージングで実行: {FINGERPRINT}"),
        )
    return found


def _keys_of(context: Context, name: str) -> list[str]:
    path = context.path(name)
    try:
        return required_keys(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ProbeCannotTell(
            "document-not-readable",
            f"the document {path} that names the required keys cannot be read",
            f"必須キーを列挙した文書 {path} を読めません",
            remedy=f"ls -l {shlex.quote(str(path))}",
        ) from error


def _no_keys(document: str) -> Verdict:
    return unknown(
        "no-required-keys",
        Words(en=f"{document} names no required keys", ja=f"{document} に必須キーの記載がありません"),
        remedy=Words(
            en="write the keys into a table or list, each in backticks",
            ja="キーを表か箇条書きにバッククォートで記載してください",
        ),
        keys=[],
    )


def _bad(seen: DotenvSeen, reason: str, en: str, ja: str, lines: list[int], keys: list[str]) -> Verdict:
    where = ", ".join(str(line) for line in lines)
    what = ", ".join(keys) or (f"line {where}" if lines else seen.path)
    told = what + (f" (line {where})" if keys and lines else "")
    edit = f"${{EDITOR:-vi}} {f'+{lines[0]} ' if lines else ''}{shlex.quote(seen.path)}"
    return failed(
        reason,
        Words(en=f"{what} {en}", ja=f"{what} {ja}"),
        expected=Words(en="every key once, filled in", ja="各キーが1回ずつ、値あり"),
        seen=Words(en=f"{told} {en}", ja=f"{told} {ja}"),
        remedy=Words.same(edit),
        keys=keys,
        lines=lines,
    )


def _unequal(seen: DotenvSeen, key: str, wanted: str) -> Verdict:
    shown = seen.keys[key].shown
    secret = is_secret_name(key)
    told = f"{key}={shown}" if not secret else key
    return failed(
        "wrong-value",
        Words(en=f"{key} has another value", ja=f"{key} の値が異なります"),
        expected=Words.same(key if secret else f"{key}={wanted}"),
        seen=Words.same(told),
        remedy=Words.same(f"${{EDITOR:-vi}} +{seen.keys[key].lines[-1]} {shlex.quote(seen.path)}"),
        key=key,
        value="" if secret else shown,
    )

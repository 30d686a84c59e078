"""An environment file: keys there, unique, filled in, and with the values they must have.

What is observed and kept never holds a value, but for keys that are asked for in ``equals`` and are not
named like secrets.
"""

import re
import shlex
from io import StringIO
from typing import ClassVar

from dotenv.parser import parse_stream
from pydantic import Field, field_validator, model_validator

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, failed, passed, unknown
from ultra_checklist.probes.file import cannot_look, missing, read_file, symlink
from ultra_checklist.probes.keylist import required_keys
from ultra_checklist.redact import is_secret_name

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
    forbidden: list[str] = Field(default_factory=list, description="Keys that must not be there.")

    @field_validator("match")
    @classmethod
    def _compile(cls, value: dict[str, str]) -> dict[str, str]:
        for key, pattern in value.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{key}: {pattern!r} is no regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _asserts(self) -> "DotenvOptions":
        if not (self.equals or self.required or self.required_in or self.match or self.forbidden):
            raise ValueError("this asserts nothing: add equals, required, required_in, match or forbidden")
        return self


class KeySeen(Observation):
    """What is known of one key, without its value."""

    lines: list[int]
    empty: bool = False
    placeholder: bool = False
    equal: bool | None = None
    matches: bool | None = None
    shown: str = ""
    """The value, only where it was asked for by ``equals`` and the key is not named like a secret."""


class DotenvSeen(Observation):
    """What an environment file was like."""

    path: str
    kind: str = "file"
    target: str = ""
    keys: dict[str, KeySeen] = Field(default_factory=dict)
    broken_lines: list[int] = Field(default_factory=list)
    required: list[str] = Field(default_factory=list)
    document: str = ""


class DotenvProbe(Probe[DotenvOptions, DotenvSeen]):
    """Looks into an environment file without showing its values."""

    name = "dotenv"
    summary = Words(
        en="an environment file: required keys, values, no duplicates, no placeholders",
        ja="環境ファイル: 必須キー・値・重複・プレースホルダ",
    )
    options_model: ClassVar[type[Options]] = DotenvOptions
    observation_model: ClassVar[type[Observation]] = DotenvSeen
    judged: ClassVar[frozenset[str]] = frozenset({"forbidden"})

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
        keys, broken = self._read(text, context)
        return DotenvSeen(path=str(path), keys=keys, broken_lines=broken, required=required, document=document)

    def _read(self, text: str, context: Context) -> tuple[dict[str, KeySeen], list[int]]:
        keys: dict[str, KeySeen] = {}
        broken: list[int] = []
        for binding in parse_stream(StringIO(text)):
            line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\n"))
            if binding.error:
                broken.append(line)
            elif binding.key is not None:
                before = keys[binding.key].lines if binding.key in keys else []
                # The last one counts where a key stands twice, as for the program that reads the file.
                keys[binding.key] = self._key(binding.key, binding.value or "", [*before, line], context)
        return keys, broken

    def _key(self, key: str, value: str, lines: list[int], context: Context) -> KeySeen:
        wanted, pattern = self.options.equals.get(key), self.options.match.get(key)
        return KeySeen(
            lines=lines,
            empty=not value.strip(),
            placeholder=_PLACEHOLDER.fullmatch(value.strip()) is not None,
            equal=None if wanted is None else value == wanted,
            matches=None if pattern is None else re.fullmatch(pattern, value) is not None,
            shown=context.redactor.text(value)[:100] if wanted is not None and not is_secret_name(key) else "",
        )

    def judge(self, seen: DotenvSeen) -> Verdict:
        """The file first, then doubled, missing, empty, placeholder, wrong."""
        if seen.kind == "missing":
            return missing(seen.path)
        if seen.kind == "symlink":
            return symlink(seen.path, seen.target)
        if self.options.required_in is not None and not seen.required:
            return _no_keys(seen.document)
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
        asked = [*self.options.equals, *seen.required, *self.options.match]
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
        unwanted = [k for k in self.options.forbidden if k in keys]
        return [
            ("missing-key", "is missing", "がありません", [k for k in asked if k not in keys]),
            ("duplicate-key", "stands there more than once", "が重複しています", doubled),
            ("empty-value", "is empty", "が空です", [k for k in there if keys[k].empty]),
            ("placeholder", "holds a placeholder", "が仮の値です", [k for k in there if keys[k].placeholder]),
            ("no-match", "does not have the form it must", "の形式が不正です", unmatched),
            ("forbidden-key", "must not be there", "は設定してはいけません", unwanted),
        ]


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
    what = ", ".join(keys) or (f"line {where}")
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

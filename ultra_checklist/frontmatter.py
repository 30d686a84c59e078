"""The head of a template: name, language, variables, gates."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ultra_checklist.model import Gate, Lang, Variable
from ultra_checklist.words import Words, nearest
from ultra_checklist.yamldoc import Document

KEYS = ("checklist", "title", "lang", "timezone", "vars", "gates", "operators", "approvers")
SLUG = re.compile(r"[a-z][a-z0-9-]*")
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass
class Head:
    """What the front matter says."""

    name: str = ""
    title: str = ""
    lang: Lang = "en"
    timezone: str = "UTC"
    variables: list[Variable] = field(default_factory=list)
    gates: list[tuple[Gate, int]] = field(default_factory=list)
    operators: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    problems: list[tuple[int, Words]] = field(default_factory=list)


def read(document: Document) -> Head:
    """Read the front matter; what is wrong with it is in ``problems``."""
    head = Head(problems=list(document.problems))
    data = document.data
    if not isinstance(data, dict):
        if not head.problems:
            head.problems.append((document.line(()), _NO_MAPPING))
        return head
    for key in data:
        if key not in KEYS:
            head.problems.append((document.line((key,)), unknown(KEY, key, KEYS)))
    head.name = str(data.get("checklist") or "")
    if not SLUG.fullmatch(head.name):
        what = _NO_NAME if not head.name else _BAD_NAME.filled(name=repr(head.name))
        head.problems.append((document.line(("checklist",)), what))
    head.title = str(data.get("title") or head.name)
    _language(data, document, head)
    _variables(data.get("vars"), document, head)
    _gates(data.get("gates"), document, head)
    head.operators = _names(data, "operators", document, head)
    head.approvers = _names(data, "approvers", document, head)
    return head


def unknown(kind: Words, name: str, known: Iterable[str]) -> Words:
    """A complaint about a name, with the nearest right one."""
    return _UNKNOWN.filled(kind=kind, name=repr(name), hint=nearest(name, known))


def _language(data: dict[str, Any], document: Document, head: Head) -> None:
    lang = data.get("lang", "en")
    if lang == "ja" or lang == "en":
        head.lang = lang
    else:
        head.problems.append((document.line(("lang",)), _BAD_LANG.filled(lang=repr(lang))))
    zone = str(data.get("timezone", "UTC"))
    try:
        ZoneInfo(zone)
        head.timezone = zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        head.problems.append((document.line(("timezone",)), _BAD_ZONE.filled(zone=repr(zone))))


def _variables(raw: Any, document: Document, head: Head) -> None:
    if raw is None:
        return
    if not isinstance(raw, dict):
        head.problems.append((document.line(("vars",)), _BAD_VARS))
        return
    for name, spec in raw.items():
        line = document.line(("vars", name))
        if not _NAME.fullmatch(name):
            head.problems.append((line, _BAD_VARIABLE.filled(name=repr(name))))
        if not isinstance(spec, dict):
            head.variables.append(Variable(name=name, default=None if spec is None else str(spec), line=line))
            continue
        for key in spec:
            if key not in ("default", "secret", "help"):
                where = document.line(("vars", name, key))
                head.problems.append((where, unknown(KEY, key, ("default", "secret", "help"))))
        default, secret = spec.get("default"), bool(spec.get("secret", False))
        if secret and default is not None:
            head.problems.append((line, _NO_SECRET.filled(name=name)))
        text = None if default is None else str(default)
        head.variables.append(
            Variable(name=name, default=text, secret=secret, help=str(spec.get("help") or ""), line=line)
        )


def _gates(raw: Any, document: Document, head: Head) -> None:
    if raw is None:
        return
    if not isinstance(raw, dict):
        head.problems.append((document.line(("gates",)), _BAD_GATES))
        return
    for name, spec in raw.items():
        line = document.line(("gates", name))
        if not isinstance(spec, dict) or not isinstance(spec.get("sections"), list):
            head.problems.append((line, _BAD_GATE.filled(name=repr(name))))
            continue
        for key in spec:
            if key not in ("sections", "guards"):
                where = document.line(("gates", name, key))
                head.problems.append((where, unknown(KEY, key, ("sections", "guards"))))
        guards = spec.get("guards") or []
        gate = Gate(name=name, sections=tuple(map(str, spec["sections"])), guards=tuple(map(str, guards)))
        head.gates.append((gate, line))


def _names(data: dict[str, Any], key: str, document: Document, head: Head) -> tuple[str, ...]:
    raw = data.get(key) or []
    if not isinstance(raw, list):
        head.problems.append((document.line((key,)), _NO_LIST.filled(key=key)))
        return ()
    return tuple(map(str, raw))


KEY = Words(en="key", ja="キー")
_UNKNOWN = Words(en="unknown {kind} {name}; {hint}", ja="{kind} {name} はありません。{hint}")
_NO_MAPPING = Words(
    en="the front matter must be a mapping with the key `checklist`",
    ja="フロントマターはキー `checklist` を持つマッピングにしてください",
)
_NO_NAME = Words(
    en="the key `checklist` (the checklist's name) is missing",
    ja="キー `checklist`（チェックリスト名）がありません",
)
_BAD_NAME = Words(
    en="the key `checklist` (the checklist's name) {name} must be lower-case letters, digits and dashes",
    ja="キー `checklist`（チェックリスト名）の {name} は英小文字・数字・ハイフンにしてください",
)
_BAD_LANG = Words(en="lang {lang} must be ja or en", ja="lang {lang} は ja か en にしてください")
_BAD_ZONE = Words(
    en="timezone {zone} is not known; write it as Asia/Tokyo",
    ja="timezone {zone} は不明です。Asia/Tokyo のように書いてください",
)
_BAD_VARS = Words(
    en="vars must be a mapping of NAME: {default, secret, help}",
    ja="vars は NAME: {default, secret, help} のマッピングにしてください",
)
_BAD_VARIABLE = Words(
    en="variable {name} must be capital letters, digits and underscores",
    ja="変数名 {name} は英大文字・数字・アンダースコアにしてください",
)
_NO_SECRET = Words(
    en="{name} is a secret and cannot have a default: it would be no secret",
    ja="{name} は秘密情報のため、既定値を書けません",
)
_BAD_GATES = Words(
    en="gates must be a mapping of NAME: {sections, guards}",
    ja="gates は NAME: {sections, guards} のマッピングにしてください",
)
_BAD_GATE = Words(
    en="gate {name} needs a list of sections: {sections: [...], guards: [...]}",
    ja="ゲート {name} にはセクションのリストが必要です: {sections: [...], guards: [...]}",
)
_NO_LIST = Words(en="{key} must be a list of user ids", ja="{key} はユーザー ID のリストにしてください")

"""The head of a template: name, language, variables, gates."""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ultra_checklist.model import Gate, Lang, Variable
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
    problems: list[tuple[int, str]] = field(default_factory=list)


def read(document: Document) -> Head:
    """Read the front matter; what is wrong with it is in ``problems``."""
    head = Head(problems=list(document.problems))
    data = document.data
    if not isinstance(data, dict):
        if not head.problems:
            head.problems.append((document.line(()), "the front matter must be a mapping with the key `checklist`"))
        return head
    for key in data:
        if key not in KEYS:
            head.problems.append((document.line((key,)), unknown("key", key, KEYS)))
    head.name = str(data.get("checklist") or "")
    if not SLUG.fullmatch(head.name):
        what = "is missing" if not head.name else f"{head.name!r} must be lower-case letters, digits and dashes"
        head.problems.append((document.line(("checklist",)), f"the key `checklist` (the checklist's name) {what}"))
    head.title = str(data.get("title") or head.name)
    _language(data, document, head)
    _variables(data.get("vars"), document, head)
    _gates(data.get("gates"), document, head)
    head.operators = _names(data, "operators", document, head)
    head.approvers = _names(data, "approvers", document, head)
    return head


def unknown(kind: str, name: str, known: Any) -> str:
    """A complaint about a name, with the nearest right one."""
    near = get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"unknown {kind} {name!r}; {hint}"


def _language(data: dict[str, Any], document: Document, head: Head) -> None:
    lang = data.get("lang", "en")
    if lang == "ja" or lang == "en":
        head.lang = lang
    else:
        head.problems.append((document.line(("lang",)), f"lang {lang!r} must be ja or en"))
    zone = str(data.get("timezone", "UTC"))
    try:
        ZoneInfo(zone)
        head.timezone = zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        head.problems.append(
            (document.line(("timezone",)), f"timezone {zone!r} is not known; write it as Asia/Tokyo")
        )


def _variables(raw: Any, document: Document, head: Head) -> None:
    if raw is None:
        return
    if not isinstance(raw, dict):
        head.problems.append((document.line(("vars",)), "vars must be a mapping of NAME: {default, secret, help}"))
        return
    for name, spec in raw.items():
        line = document.line(("vars", name))
        if not _NAME.fullmatch(name):
            head.problems.append((line, f"variable {name!r} must be capital letters, digits and underscores"))
        if not isinstance(spec, dict):
            head.variables.append(Variable(name=name, default=None if spec is None else str(spec), line=line))
            continue
        for key in spec:
            if key not in ("default", "secret", "help"):
                where = document.line(("vars", name, key))
                head.problems.append((where, unknown("key", key, ("default", "secret", "help"))))
        default, secret = spec.get("default"), bool(spec.get("secret", False))
        if secret and default is not None:
            head.problems.append((line, f"{name} is a secret and cannot have a default: it would be no secret"))
        text = None if default is None else str(default)
        head.variables.append(
            Variable(name=name, default=text, secret=secret, help=str(spec.get("help") or ""), line=line)
        )


def _gates(raw: Any, document: Document, head: Head) -> None:
    if raw is None:
        return
    if not isinstance(raw, dict):
        head.problems.append((document.line(("gates",)), "gates must be a mapping of NAME: {sections, guards}"))
        return
    for name, spec in raw.items():
        line = document.line(("gates", name))
        if not isinstance(spec, dict) or not isinstance(spec.get("sections"), list):
            head.problems.append(
                (line, f"gate {name!r} needs a list of sections: {{sections: [...], guards: [...]}}")
            )
            continue
        for key in spec:
            if key not in ("sections", "guards"):
                where = document.line(("gates", name, key))
                head.problems.append((where, unknown("key", key, ("sections", "guards"))))
        guards = spec.get("guards") or []
        gate = Gate(name=name, sections=tuple(map(str, spec["sections"])), guards=tuple(map(str, guards)))
        head.gates.append((gate, line))


def _names(data: dict[str, Any], key: str, document: Document, head: Head) -> tuple[str, ...]:
    raw = data.get(key) or []
    if not isinstance(raw, list):
        head.problems.append((document.line((key,)), f"{key} must be a list of user ids"))
        return ()
    return tuple(map(str, raw))

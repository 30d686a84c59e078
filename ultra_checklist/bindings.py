"""One item's ``yaml check`` block: its keys, its release time, and the options of its probes."""

import re
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from ultra_checklist import plugins
from ultra_checklist.complaints import complaint
from ultra_checklist.errors import PluginError, WrongValue
from ultra_checklist.frontmatter import KEY, SLUG, unknown
from ultra_checklist.model import LABEL, Item, ProbeSpec, RunsOn, When, parse_duration
from ultra_checklist.traits import looks_at_home, sends
from ultra_checklist.words import Words, joined
from ultra_checklist.yamldoc import Document, Path

CHECK_KEYS = (
    "id", "probes", "max_age", "required", "until", "after", "when", "needs", "deploys", "approvals", "waive",
    "evidence", "runs_on",
)  # fmt: skip
WAIVERS = ("never", "approvers", "anyone")
_HOST = re.compile(
    LABEL.pattern + r"|ssh://(?:[A-Za-z_][\w.-]*@)?(?:[A-Za-z0-9][\w.-]*|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?",
    re.ASCII,
)
"""A label, or how a machine is reached by ssh; nothing that ssh could take for an option."""


class CheckReader:
    """Reads one block; what is wrong with it is in ``problems``."""

    def __init__(self, document: Document, defaults: dict[str, Any], line: int) -> None:
        self._document = document
        self._defaults = defaults
        self._line = line
        self.problems: list[tuple[int, Words]] = list(document.problems)
        self._data: dict[str, Any] = {}
        if isinstance(document.data, dict):
            self._data = document.data
        elif not document.problems:
            self._complain((), _NO_MAPPING)

    def item(self, *, title: str, section: str, order: int, require_id: bool) -> Item:
        """The item that the block describes, as far as it can be understood."""
        for key in self._data:
            if key not in CHECK_KEYS:
                self._complain((key,), unknown(KEY, key, CHECK_KEYS))
        until, after = self._release_time()
        runs_on = self._runs_on()
        self._one_host(runs_on)
        probes = self._probes()
        if probes and all(map(looks_at_home, probes)):
            # A section may say it of all its items; these have nothing to look at elsewhere.
            runs_on = RunsOn()
        return Item(
            id=self._id(require_id),
            title=title,
            section=section,
            line=self._line,
            order=order,
            probes=probes,
            max_age=self._duration(),
            required=bool(self._typed("required", bool, self._defaults.get("required", True))),
            until_deploy=until,
            after_deploy=after,
            when=self._when(),
            needs=self._strings("needs"),
            deploys=bool(self._typed("deploys", bool, False)),
            approvals=int(self._typed("approvals", int, 0)),
            waive=self._waive(),
            evidence=str(self._typed("evidence", str, "")),
            runs_on=runs_on,
        )

    def _id(self, require_id: bool) -> str:
        found = self._data.get("id")
        if found is None:
            if require_id:
                self.problems.append((self._line, _NO_ID))
            return ""
        if not SLUG.fullmatch(str(found)):
            self._complain(("id",), _BAD_ID.filled(id=repr(found)))
        return str(found)

    def _release_time(self) -> tuple[bool, bool]:
        for key in ("until", "after"):
            if key in self._data and self._data[key] != "deploy":
                self._complain((key,), ONLY_DEPLOY.filled(key=key, value=repr(self._data[key])))
        if "until" in self._data and "after" in self._data:
            self._complain(("after",), _NOT_BOTH)
        if "until" in self._data or "after" in self._data or self._data.get("deploys"):
            # An item's own word replaces its section's; the deploy itself is in neither time.
            return "until" in self._data, "after" in self._data
        return "until" in self._defaults, "after" in self._defaults

    def _probes(self) -> tuple[ProbeSpec, ...]:
        raw = self._data.get("probes")
        if raw is None:
            return ()
        if not isinstance(raw, list):
            self._complain(("probes",), _NO_PROBES)
            return ()
        return tuple(spec for i, entry in enumerate(raw) if (spec := self._probe(entry, ("probes", i))) is not None)

    def _probe(self, entry: Any, path: Path) -> ProbeSpec | None:
        if not isinstance(entry, dict) or len(entry) != 1:
            self._complain(path, _NO_PROBE)
            return None
        name, options = next(iter(entry.items()))
        if not isinstance(options, dict):
            self._complain((*path, name), _NO_OPTIONS.filled(name=repr(name)))
            return None
        known = plugins.names(plugins.PROBES)
        if name not in known:
            self._complain((*path, name), unknown(_PROBE, name, known))
            return None
        self._options(name, options, (*path, name))
        return ProbeSpec(probe=name, options=options, line=self._document.line((*path, name)))

    def _options(self, name: str, options: dict[str, Any], path: Path) -> None:
        """Validate options as far as they do not depend on variables, which have no value yet."""
        try:
            model = plugins.load(plugins.PROBES, name).options_model
        except PluginError as error:
            self._complain(path, error.message)
            return
        try:
            model.model_validate(options)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                if problem["loc"] and problem["type"] != "extra_forbidden" and _has_reference(problem["input"]):
                    continue
                self._complain(_known_part(path, problem["loc"], self._document), _words(name, problem, model))

    def _when(self) -> When | None:
        raw = self._data.get("when")
        if raw is None:
            return None
        if not isinstance(raw, dict) or set(raw) != {"failed"} or not isinstance(raw["failed"], list):
            self._complain(("when",), _NO_WHEN)
            return None
        return When(failed=tuple(map(str, raw["failed"])))

    def _strings(self, key: str) -> tuple[str, ...]:
        raw = self._data.get(key, [])
        if not isinstance(raw, list):
            self._complain((key,), _NO_LIST.filled(key=key))
            return ()
        return tuple(map(str, raw))

    def _duration(self) -> float | None:
        raw = self._data.get("max_age")
        if raw is None:
            return None
        try:
            seconds = parse_duration(raw)
        except WrongValue as error:
            self._complain(("max_age",), joined(("max_age", error.words), ": "))
            return None
        if seconds <= 0:
            self._complain(("max_age",), _NO_AGE)
        return seconds

    def _runs_on(self) -> RunsOn:
        raw = self._data.get("runs_on", self._defaults.get("runs_on", ""))
        if isinstance(raw, dict) and len(raw) == 1 and next(iter(raw)) in ("all", "any"):
            ((mode, named),) = raw.items()
            names = named if isinstance(named, list) else [None]
        else:
            mode, names = "all", [raw] if raw != "" else []
        if (not names and raw != "") or len(set(map(str, names))) < len(names):
            self._complain(("runs_on",), _NO_HOSTS)
            return RunsOn()
        for name in names:
            if not isinstance(name, str) or not (_HOST.fullmatch(name) and _is_address(name)):
                self._complain(("runs_on",), _NO_HOST.filled(value=repr(raw if name is None else name)))
                return RunsOn()
        return RunsOn(hosts=tuple(names), any=mode == "any")

    def _one_host(self, runs_on: RunsOn) -> None:
        """Whoever sends something does so once a tick, not once a host, and where it is on record that it has."""
        probes = self._data.get("probes")
        over_ssh = any("://" in host for host in runs_on.hosts)
        if not (over_ssh or len(runs_on.hosts) > 1) or not isinstance(probes, list):
            return
        for place, entry in enumerate(probes):
            for name in entry if isinstance(entry, dict) else ():
                if sends(name):
                    why = _NOT_OVER_SSH if over_ssh else _ONE_EFFECT
                    self._complain(("probes", place, name), why.filled(name=name))

    def _waive(self) -> Any:
        raw = self._data.get("waive", "anyone")
        if raw not in WAIVERS:
            self._complain(("waive",), unknown(_VALUE, str(raw), WAIVERS))
            return "anyone"
        return raw

    def _typed(self, key: str, kind: type, default: Any) -> Any:
        raw = self._data.get(key, default)
        odd = kind is int and (isinstance(raw, bool) or (isinstance(raw, int) and raw < 0))
        if not isinstance(raw, kind) or odd:
            self._complain((key,), _TAKES.filled(key=key, kind=_TYPES[kind], value=repr(raw)))
            return kind()
        return raw

    def _complain(self, path: Path, message: Words) -> None:
        self.problems.append((self._document.line(path), message))


def _has_reference(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(_has_reference(part) for part in value.values())
    return isinstance(value, list) and any(_has_reference(part) for part in value)


def _is_address(host: str) -> bool:
    """Whether the address and the port of a host can be; a label has none."""
    try:
        parts = urlsplit(host)
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _known_part(path: Path, loc: tuple[Any, ...], document: Document) -> Path:
    """The part of the document that an error of pydantic's speaks of; unions add names of their own to it."""
    found = path
    for part in loc:
        if (*found, part) in document.lines:
            found = (*found, part)
    return found


def _words(probe: str, problem: Any, model: Any) -> Words:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return unknown(_OPTION.filled(probe=probe), key, model.model_fields)
    if problem["type"] == "missing":
        return _NEEDS.filled(probe=probe, option=repr(key))
    return joined((f"{probe}.{key}" if key else probe, complaint(problem)), ": ")


_NO_MAPPING = Words(
    en="a `yaml check` block is a mapping such as `id: repo-clean`",
    ja="`yaml check` ブロックは `id: repo-clean` のようなマッピングにしてください",
)
_NO_ID = Words(
    en="the item has no id: `ultra-checklist lint --fix` writes one in",
    ja="項目に id がありません（`ultra-checklist lint --fix` で書き込めます）",
)
_BAD_ID = Words(
    en="the id {id} must be lower-case letters, digits and dashes",
    ja="id {id} は英小文字・数字・ハイフンにしてください",
)
ONLY_DEPLOY = Words(
    en="{key} takes only `deploy`, not {value}", ja="{key} に書けるのは `deploy` だけです（{value} は不可）"
)
_NOT_BOTH = Words(
    en="an item holds until the deploy or after it, not both", ja="until と after は同時に指定できません"
)
_NO_PROBES = Words(
    en="probes is a list such as `- file: {path: ..., mode: ...}`",
    ja="probes は `- file: {path: ..., mode: ...}` のようなリストにしてください",
)
_NO_PROBE = Words(
    en="a probe is one name with its options, such as `git: {path: ..., clean: true}`",
    ja="プローブは `git: {path: ..., clean: true}` のように、名前 1 つとオプションで書いてください",
)
_NO_OPTIONS = Words(
    en="the options of {name} are a mapping, such as {path: ...}",
    ja="{name} のオプションは {path: ...} のようなマッピングにしてください",
)
_PROBE = Words(en="probe", ja="プローブ")
_NO_HOSTS = Words(
    en="runs_on names hosts, each of them once: LABEL, {all: [LABEL, ...]} or {any: [LABEL, ...]}",
    ja="runs_on にはホストを一度ずつ書いてください: LABEL、{all: [LABEL, ...]}、{any: [LABEL, ...]}",
)
_NO_HOST = Words(
    en="runs_on takes a label or ssh://user@host, or several as {all: [...]} or {any: [...]}, not {value}",
    ja="runs_on に書けるのはラベルか ssh://user@host、または {all: [...]}・{any: [...]} です（{value} は不可）",
)
_ONE_EFFECT = Words(
    en="{name} sends or writes something: let it run on one host",
    ja="{name} は送信や書き込みを行うため、ホストは 1 つにしてください",
)
_NOT_OVER_SSH = Words(
    en="{name} sends or writes something, which is not done over ssh: name a label, or leave runs_on out",
    ja="{name} は送信や書き込みを行うため ssh 経由では使えません。ラベルにするか runs_on を省いてください",
)
_NO_WHEN = Words(
    en="when is written as {failed: [ids of items or sections]}",
    ja="when は {failed: [項目またはセクションの id]} の形で書いてください",
)
_NO_LIST = Words(
    en="{key} is a list, such as [repo-clean]", ja="{key} は [repo-clean] のようなリストにしてください"
)
_NO_AGE = Words(en="max_age must be longer than nothing", ja="max_age は 0 より長くしてください")
_VALUE = Words(en="value", ja="値")
_TAKES = Words(en="{key} takes {kind}, not {value}", ja="{key} は{kind}で指定してください（{value} は不可）")
_TYPES = {
    bool: Words(en="true or false", ja=" true または false "),
    int: Words(en="a whole number", ja="整数"),
    str: Words(en="text", ja="文字列"),
}
_OPTION = Words(en="option of {probe}", ja="{probe} のオプション")
_NEEDS = Words(en="{probe} needs the option {option}", ja="{probe} にはオプション {option} が必要です")

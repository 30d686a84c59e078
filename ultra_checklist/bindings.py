"""One item's ``yaml check`` block: its keys, its release time, and the options of its probes."""

from typing import Any

from pydantic import ValidationError

from ultra_checklist import plugins
from ultra_checklist.errors import PluginError
from ultra_checklist.frontmatter import SLUG, unknown
from ultra_checklist.model import Item, ProbeSpec, When, parse_duration
from ultra_checklist.yamldoc import Document, Path

CHECK_KEYS = (
    "id", "probes", "max_age", "required", "until", "after", "when", "needs", "deploys", "approvals", "waive",
    "evidence", "runs_on",
)  # fmt: skip
WAIVERS = ("never", "approvers", "anyone")


class CheckReader:
    """Reads one block; what is wrong with it is in ``problems``."""

    def __init__(self, document: Document, defaults: dict[str, Any], line: int) -> None:
        self._document = document
        self._defaults = defaults
        self._line = line
        self.problems: list[tuple[int, str]] = list(document.problems)
        self._data: dict[str, Any] = {}
        if isinstance(document.data, dict):
            self._data = document.data
        elif not document.problems:
            self._complain((), "a `yaml check` block is a mapping such as `id: repo-clean`")

    def item(self, *, title: str, section: str, order: int, require_id: bool) -> Item:
        """The item that the block describes, as far as it can be understood."""
        for key in self._data:
            if key not in CHECK_KEYS:
                self._complain((key,), unknown("key", key, CHECK_KEYS))
        until, after = self._release_time()
        return Item(
            id=self._id(require_id),
            title=title,
            section=section,
            line=self._line,
            order=order,
            probes=self._probes(),
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
            runs_on=str(self._typed("runs_on", str, self._defaults.get("runs_on", ""))),
        )

    def _id(self, require_id: bool) -> str:
        found = self._data.get("id")
        if found is None:
            if require_id:
                self.problems.append((self._line, "the item has no id: `ultra-checklist lint --fix` writes one in"))
            return ""
        if not SLUG.fullmatch(str(found)):
            self._complain(("id",), f"the id {found!r} must be lower-case letters, digits and dashes")
        return str(found)

    def _release_time(self) -> tuple[bool, bool]:
        for key in ("until", "after"):
            if key in self._data and self._data[key] != "deploy":
                self._complain((key,), f"{key} takes only `deploy`, not {self._data[key]!r}")
        if "until" in self._data and "after" in self._data:
            self._complain(("after",), "an item holds until the deploy or after it, not both")
        if "until" in self._data or "after" in self._data or self._data.get("deploys"):
            # An item's own word replaces its section's; the deploy itself is in neither time.
            return "until" in self._data, "after" in self._data
        return "until" in self._defaults, "after" in self._defaults

    def _probes(self) -> tuple[ProbeSpec, ...]:
        raw = self._data.get("probes")
        if raw is None:
            return ()
        if not isinstance(raw, list):
            self._complain(("probes",), "probes is a list such as `- file: {path: ..., mode: ...}`")
            return ()
        return tuple(spec for i, entry in enumerate(raw) if (spec := self._probe(entry, ("probes", i))) is not None)

    def _probe(self, entry: Any, path: Path) -> ProbeSpec | None:
        if not isinstance(entry, dict) or len(entry) != 1:
            self._complain(path, "a probe is one name with its options, such as `git: {path: ..., clean: true}`")
            return None
        name, options = next(iter(entry.items()))
        if not isinstance(options, dict):
            self._complain((*path, name), f"the options of {name!r} are a mapping, such as {{path: ...}}")
            return None
        known = plugins.names(plugins.PROBES)
        if name not in known:
            self._complain((*path, name), unknown("probe", name, known))
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
            self._complain(("when",), "when is written as {failed: [ids of items or sections]}")
            return None
        return When(failed=tuple(map(str, raw["failed"])))

    def _strings(self, key: str) -> tuple[str, ...]:
        raw = self._data.get(key, [])
        if not isinstance(raw, list):
            self._complain((key,), f"{key} is a list, such as [repo-clean]")
            return ()
        return tuple(map(str, raw))

    def _duration(self) -> float | None:
        raw = self._data.get("max_age")
        if raw is None:
            return None
        try:
            seconds = parse_duration(raw)
        except ValueError as error:
            self._complain(("max_age",), f"max_age: {error}")
            return None
        if seconds <= 0:
            self._complain(("max_age",), "max_age must be longer than nothing")
        return seconds

    def _waive(self) -> Any:
        raw = self._data.get("waive", "anyone")
        if raw not in WAIVERS:
            self._complain(("waive",), unknown("value", str(raw), WAIVERS))
            return "anyone"
        return raw

    def _typed(self, key: str, kind: type, default: Any) -> Any:
        raw = self._data.get(key, default)
        odd = kind is int and (isinstance(raw, bool) or (isinstance(raw, int) and raw < 0))
        if not isinstance(raw, kind) or odd:
            names = {bool: "true or false", int: "a whole number", str: "text"}
            self._complain((key,), f"{key} takes {names[kind]}, not {raw!r}")
            return kind()
        return raw

    def _complain(self, path: Path, message: str) -> None:
        self.problems.append((self._document.line(path), message))


def _has_reference(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(_has_reference(part) for part in value.values())
    return isinstance(value, list) and any(_has_reference(part) for part in value)


def _known_part(path: Path, loc: tuple[Any, ...], document: Document) -> Path:
    """The part of the document that an error of pydantic's speaks of; unions add names of their own to it."""
    found = path
    for part in loc:
        if (*found, part) in document.lines:
            found = (*found, part)
    return found


def _words(probe: str, problem: Any, model: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return unknown(f"option of {probe}", key, model.model_fields)
    if problem["type"] == "missing":
        return f"{probe} needs the option {key!r}"
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{probe}.{key}: {text}" if key else f"{probe}: {text}"

"""Values of a template's variables: where each came from, and filling ``${NAME}`` in."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from ultra_checklist.model import Frozen

BUILT_IN = ("VERSION", "ENVIRONMENT", "COMMIT")
DEFAULT = "default"
"""The origin of a value that the template itself gives."""
_REFERENCE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_BROKEN = re.compile(r"\$\{[^}]*\}?")


class Value(Frozen):
    """A variable's value with its origin, such as ``--var`` or ``default``."""

    value: str
    origin: str
    secret: bool = False


class Variables(Frozen):
    """All values that are known. A name that is not here is unset; so is an empty value."""

    values: Mapping[str, Value] = Field(default_factory=dict)

    def get(self, name: str) -> str | None:
        """The value, or None where the variable is unset."""
        found = self.values.get(name)
        return found.value if found is not None and found.value != "" else None

    def secrets(self) -> list[str]:
        """The values that must never be shown or stored."""
        return [value.value for value in self.values.values() if value.secret]

    def public(self) -> "Variables":
        """The same without the secrets: what may be stored."""
        return Variables(values={name: v for name, v in self.values.items() if not v.secret})

    def with_commit(self, commit: str, origin: str) -> "Variables":
        """The same with this COMMIT."""
        return Variables(values=dict(self.values) | {"COMMIT": Value(value=commit, origin=origin)})

    def fill(self, raw: Any) -> tuple[Any, tuple[str, ...]]:
        """Replace references in every string of a structure; also tell which names were unset.

        ``$$`` stands for one dollar sign. A default may itself name variables, one level deep or more;
        a circle counts as unset. Values from elsewhere are taken literally.
        """
        missing: list[str] = []
        filled = _map_strings(raw, lambda text: self._expand(text, missing, ()))
        return filled, tuple(dict.fromkeys(missing))

    def _expand(self, text: str, missing: list[str], trail: tuple[str, ...]) -> str:
        def replace(match: re.Match[str]) -> str:
            name = match.group(1)
            if name is None:
                return "$"
            value = self.get(name)
            if value is None or name in trail:
                missing.append(name)
                return ""
            # Only the template's own text is a pattern; what people give, a password say, stays as it is.
            ours = self.values[name].origin == DEFAULT
            return self._expand(value, missing, (*trail, name)) if ours else value

        return _REFERENCE.sub(replace, text)


def references(raw: Any) -> set[str]:
    """The names that a structure refers to."""
    names: set[str] = set()

    def collect(text: str) -> str:
        names.update(match.group(1) for match in _REFERENCE.finditer(text) if match.group(1))
        return text

    _map_strings(raw, collect)
    return names


def broken_references(raw: Any) -> list[str]:
    """Pieces of text that begin like a reference and are none, such as ``${NAME`` or ``${NAME:-x}``."""
    found: list[str] = []

    def collect(text: str) -> str:
        found.extend(_BROKEN.findall(_REFERENCE.sub(" ", text)))
        return text

    _map_strings(raw, collect)
    return found


def merge(*layers: Iterable[tuple[str, Value]]) -> Variables:
    """Join layers; the first one that gives a non-empty value wins."""
    values: dict[str, Value] = {}
    for layer in layers:
        for name, value in layer:
            if value.value != "":
                values.setdefault(name, value)
    return Variables(values=values)


def _map_strings(raw: Any, change: Any) -> Any:
    if isinstance(raw, str):
        return change(raw)
    if isinstance(raw, Mapping):
        return {key: _map_strings(value, change) for key, value in raw.items()}
    if isinstance(raw, list | tuple):
        return [_map_strings(value, change) for value in raw]
    return raw

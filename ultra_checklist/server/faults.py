"""What goes wrong on demand: the rules of a faults file, and which request meets which fault.

The same seed and the same requests in the same order meet the same faults. Whether a rule fires at its n-th
matching request depends on the seed, the rule and n alone, not on what happens beside it.
"""

import fnmatch
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

import pydantic

Name = Literal[
    "rate_limited",
    "service_overload",
    "conflict",
    "internal_server_error",
    "bad_gateway",
    "service_unavailable",
    "database_connection_unavailable",
    "change_was_saved",
    "gateway_timeout",
    "dropped",
    "truncated_length",
    "truncated_json",
    "slow_body",
    "schema_changed",
]
Reason = Literal[
    "public_api_request_rate_limit",
    "public_api_space_request_rate_limit",
    "public_api_endpoint_rate_limit",
    "public_api_request_blocked",
]
# With these the answer is lost or an error, and the write may still have been made.
MAY_COMMIT: Final = frozenset(
    ("internal_server_error", "bad_gateway", "service_unavailable", "gateway_timeout", "dropped")
)
_RUN: Final = ("change_was_saved", "truncated_length", "truncated_json", "slow_body")
_STRICT: Final = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


class FaultsError(ValueError):
    """A faults file that cannot be used; the text names the file, the place and what is allowed."""


class Rule(pydantic.BaseModel):
    """Which requests meet a fault, and which one."""

    model_config = _STRICT

    fault: Name
    method: Literal["GET", "POST", "PATCH", "DELETE"] | None = None
    path: str = "*"
    writes: bool | None = None
    actor: Literal["integration", "person", "anyone"] = "integration"
    probability: float = pydantic.Field(default=1.0, gt=0, le=1)
    nth: int | None = pydantic.Field(default=None, ge=1)
    every: int | None = pydantic.Field(default=None, ge=1)
    times: int | None = pydantic.Field(default=None, ge=1)
    reason: Reason | None = None
    retry_after: int | None = pydantic.Field(default=None, ge=0, le=300)
    committed: bool = False
    over_ms: int | None = pydantic.Field(default=None, ge=1, le=600_000)
    data_source: str | None = None
    properties: dict[str, Any] | None = None

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Self:
        allowed: dict[str, tuple[str, ...]] = {
            "reason": ("rate_limited",),
            "retry_after": ("rate_limited", "service_overload", "service_unavailable"),
            "committed": tuple(sorted(MAY_COMMIT)),
            "over_ms": ("slow_body",),
            "data_source": ("schema_changed",),
            "properties": ("schema_changed",),
        }
        for option, faults in allowed.items():
            if getattr(self, option) not in (None, False) and self.fault not in faults:
                raise ValueError(f"{option} goes with {', '.join(faults)} alone, not with {self.fault}")
        if self.fault == "schema_changed" and not (self.data_source and self.properties):
            raise ValueError("schema_changed needs data_source (id or title) and properties (as in a PATCH of it)")
        return self

    @property
    def runs(self) -> bool:
        """Whether the call is carried out although its answer is another."""
        return self.committed or self.fault in _RUN

    def matches(self, method: str, path: str, actor: str, writes: bool) -> bool:
        """Whether the rule looks at such a request; ``path`` begins with ``/v1/``."""
        return (
            self.method in (None, method)
            and self.writes in (None, writes)
            and self.actor in ("anyone", actor)
            and fnmatch.fnmatchcase(path, self.path)
        )


class Lag(pydantic.BaseModel):
    """For how many milliseconds queries and searches do not see a change."""

    model_config = _STRICT

    query: int = pydantic.Field(default=0, ge=0, le=300_000)
    search: int = pydantic.Field(default=0, ge=0, le=300_000)


class Script(pydantic.BaseModel):
    """A faults file."""

    model_config = _STRICT

    seed: int = 0
    lag_ms: Lag = Lag()
    shuffle: bool = False
    rules: list[Rule] = []


def read(path: Path) -> Script:
    """Read a faults file. Raises FaultsError if it cannot be read or is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise FaultsError(f"{path}: {error}") from None
    try:
        return Script.model_validate_json(text)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FaultsError(f"{path}: {place + ': ' if place else ''}{first['msg']}") from None


@dataclass(slots=True)
class Chance:
    """Decides for each request in turn which fault it meets."""

    script: Script
    _matched: dict[int, int] = field(default_factory=dict)
    _fired: dict[int, int] = field(default_factory=dict)

    def decide(self, method: str, path: str, actor: str, writes: bool) -> Rule | None:
        """The first rule that fires; every rule that looks at such requests counts this one."""
        chosen: Rule | None = None
        for number, rule in enumerate(self.script.rules):
            if not rule.matches(method, path, actor, writes):
                continue
            count = self._matched[number] = self._matched.get(number, 0) + 1
            if chosen is None and self._fires(number, rule, count):
                self._fired[number] = self._fired.get(number, 0) + 1
                chosen = rule
        return chosen

    def _fires(self, number: int, rule: Rule, count: int) -> bool:
        if rule.times is not None and self._fired.get(number, 0) >= rule.times:
            return False
        if rule.nth is not None and count != rule.nth:
            return False
        if rule.every is not None and count % rule.every:
            return False
        return draw(self.script.seed, number, count) < rule.probability


def draw(*key: Any) -> float:
    """A number from 0 to 1 that depends on ``key`` alone."""
    return random.Random(json.dumps(key)).random()  # noqa: S311 repeatable chance, no secret

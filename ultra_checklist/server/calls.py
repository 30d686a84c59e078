"""One API call: who asks, in which version, for what; and how lists are cut into pages."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from ultra_checklist.server import plan, validation
from ultra_checklist.server.errors import MISSING, failed, invalid

if TYPE_CHECKING:
    from ultra_checklist.server.users import User

Json = dict[str, Any]
T = TypeVar("T")

VERSIONS: Final = ("2025-09-03", "2026-03-11")
LARGEST_PAGE: Final = 100


class Part(NamedTuple):
    """The file of a multipart request."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """Everything a handler needs.

    ``moment`` is the time of the request in milliseconds, ``shuffle`` what the order of rows that nobody sorts
    hangs on, if it is not theirs.
    """

    connection: sqlite3.Connection
    secret: bytes
    base_url: str
    actor: "User"
    version: str
    moment: int
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: Json
    form: Mapping[str, Part | str] = field(default_factory=dict)
    workspace: plan.Workspace = field(default_factory=plan.Workspace)
    shuffle: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    """Which columns were written, for the request log: their names, and what the caller called them."""

    @property
    def legacy(self) -> bool:
        """Whether the caller speaks the version before ``archived`` became ``in_trash``."""
        return self.version < "2026-03-11"

    def may(self, capability: str) -> bool:
        """Whether the caller has a capability; persons have all."""
        return self.actor.kind == "person" or capability in self.workspace.capabilities

    def identifier(self, name: str) -> str:
        """A UUID of the path, dashed."""
        return validation.identifier(self.path[name], f"path.{name}")

    def option(self, name: str) -> str | None:
        """The first value of a parameter of the query string."""
        values = self.query.get(name)
        return values[0] if values else None

    def options(self, name: str) -> list[str]:
        """All values of a repeatable parameter, with or without brackets behind its name."""
        return [*self.query.get(name, ()), *self.query.get(f"{name}[]", ())]

    def only(self, *keys: str) -> None:
        """Refuse unknown keys of the body; ``archived`` passes in the older version alone."""
        validation.only(self.body, (*keys, "archived") if self.legacy and "in_trash" in keys else keys)

    def trash(self) -> bool | None:
        """What the body says about the trash, in either version's word; None if nothing."""
        for key in ("in_trash", "archived"):
            if key in self.body:
                return validation.boolean(self.body[key], f"body.{key}")
        return None


Handler = Callable[[Call], Json]


def page_size(value: Any, path: str) -> int:
    """The wanted number of results: 1 to 100, where nothing and 0 mean 100."""
    if value is None or value is MISSING:
        return LARGEST_PAGE
    if isinstance(value, str):
        if not value.isdecimal():
            raise failed(path, "should be a number", value)
        value = int(value)
    size = int(validation.number(value, path))
    if not 0 <= size <= LARGEST_PAGE:
        raise failed(path, f"should be ≤ `{LARGEST_PAGE}`", size)
    return size or LARGEST_PAGE


def listing(kind: str, results: list[Json], next_cursor: str | None = None) -> Json:
    """Notion's list envelope."""
    return {
        "object": "list",
        "results": results,
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
        "type": kind,
        kind: {},
    }


def cut(
    items: Sequence[T], key: Callable[[T], str], cursor: str | None, size: int
) -> tuple[Sequence[T], str | None]:
    """One page of ``items`` from the one whose key is ``cursor``, and the key of the next page's first."""
    start = 0
    if cursor:
        start = next((index for index, item in enumerate(items) if key(item) == cursor), -1)
        if start < 0:
            raise invalid(f"The start_cursor provided is invalid: {cursor}")
    following = start + size
    return items[start:following], key(items[following]) if following < len(items) else None


def paged(call: Call, items: Sequence[T], key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """``cut`` by the query string's ``start_cursor`` and ``page_size``."""
    size = page_size(call.option("page_size"), "query.page_size")
    return cut(items, key, call.option("start_cursor"), size)


def with_archived(value: Any) -> Any:
    """The same answer with ``archived`` beside every object's ``in_trash``."""
    if isinstance(value, list):
        return [with_archived(item) for item in value]
    if not isinstance(value, dict):
        return value
    answer = {key: with_archived(item) for key, item in value.items()}
    if "in_trash" in answer and "object" in answer:
        answer["archived"] = answer["in_trash"]
    return answer

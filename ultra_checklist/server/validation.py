"""Checks of request bodies, in the words of Notion's validator."""

import re
import sys
import uuid
from collections.abc import Iterable
from typing import Any

from ultra_checklist.server.errors import MISSING, failed

# Notion checks version and variant; only the all-zero UUID is let through beside them.
_UUID = re.compile(r"[0-9a-f]{8}[0-9a-f]{4}[1-8][0-9a-f]{3}[89ab][0-9a-f]{3}[0-9a-f]{12}|0{32}", re.IGNORECASE)

MOST_ITEMS = 100


def identifier(value: Any, path: str) -> str:
    """A UUID with or without dashes, given back with dashes."""
    if isinstance(value, str) and _UUID.fullmatch(value.replace("-", "")):
        return str(uuid.UUID(value))
    if value is MISSING:
        raise failed(path, "should be defined", value)
    raise failed(path, "should be a valid uuid", value)


def mapping(value: Any, path: str) -> dict[str, Any]:
    """A JSON object."""
    if isinstance(value, dict):
        return value
    raise _wrong(path, "an object", value)


def array(value: Any, path: str, most: int = MOST_ITEMS) -> list[Any]:
    """A JSON array of at most ``most`` items."""
    if not isinstance(value, list):
        raise _wrong(path, "an array", value)
    if len(value) > most:
        raise failed(f"{path}.length", f"should be ≤ `{most}`", len(value))
    return value


def string(value: Any, path: str, longest: int | None = None) -> str:
    """A JSON string of at most ``longest`` UTF-16 units (JavaScript's length)."""
    if not isinstance(value, str):
        raise _wrong(path, "a string", value)
    if longest is not None and utf16_length(value) > longest:
        raise failed(f"{path}.length", f"should be ≤ `{longest}`", utf16_length(value))
    return value


def optional(value: Any, path: str, longest: int | None = None) -> str | None:
    """A JSON string or null."""
    return None if value is None else string(value, path, longest)


def boolean(value: Any, path: str) -> bool:
    """A JSON boolean."""
    if isinstance(value, bool):
        return value
    raise _wrong(path, "a boolean", value)


def number(value: Any, path: str) -> int | float:
    """A JSON number that a double can hold."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        return value
    raise _wrong(path, "a number", value)


def one_of(value: Any, path: str, choices: Iterable[str]) -> str:
    """One of the given strings."""
    allowed = list(choices)
    if isinstance(value, str) and value in allowed:
        return value
    raise failed(path, "should be " + " or ".join(f'`"{choice}"`' for choice in allowed), value)


def only(body: dict[str, Any], allowed: Iterable[str], path: str = "body") -> None:
    """Refuse the first key that is not in ``allowed``."""
    known = set(allowed)
    for key, value in body.items():
        if key not in known:
            raise failed(f"{path}.{key}", "should be not present", value)


def utf16_length(text: str) -> int:
    """The length JavaScript would report."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _wrong(path: str, kind: str, value: Any) -> Exception:
    if value is MISSING:
        return failed(path, "should be defined", value)
    return failed(path, f"should be {kind}", value)

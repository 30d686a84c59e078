"""The shape of an answer: its keys and the types of its values, without the values.

A shape is JSON. A scalar is the name of its type; the words of the API itself (``type`` and ``object``) stay,
as in ``=paragraph``; a list holds the different shapes of its items; the ``properties`` of pages and data
sources go by their types instead of their names, as in ``<date>``, each with its different shapes.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "shapes"
_SCALARS = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}


def of(value: Any) -> Any:
    """The shape of an answer or of a part of it."""
    if isinstance(value, dict):
        return {key: _member(key, item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return distinct([of(item) for item in value])
    return _SCALARS[type(value)]


def _member(key: str, value: Any) -> Any:
    if key in ("type", "object") and isinstance(value, str):
        return f"={value}"
    if key == "properties" and isinstance(value, dict):
        typed: dict[str, list[Any]] = {}
        for item in value.values():
            typed.setdefault(f"<{item['type']}>", []).append(of(item))
        return {kind: distinct(shapes) for kind, shapes in sorted(typed.items())}
    return of(value)


def distinct(shapes: list[Any]) -> list[Any]:
    """Different shapes once each, in an order of their own."""
    return [json.loads(text) for text in sorted({json.dumps(shape, sort_keys=True) for shape in shapes})]


def differences(wanted: Any, found: Any, path: str = "answer") -> list[str]:
    """What ``found`` has too little, too much or of another type, one line each."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        lines = [f"{path}.{key}: missing" for key in wanted if key not in found]
        lines += [f"{path}.{key}: not in the recording" for key in found if key not in wanted]
        for key in wanted:
            if key in found:
                lines += differences(wanted[key], found[key], f"{path}.{key}")
        return lines
    if isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) == len(found) == 1:
            return differences(wanted[0], found[0], f"{path}[]")
        lines = [f"{path}[]: missing {json.dumps(one)}" for one in wanted if one not in found]
        return lines + [f"{path}[]: not in the recording {json.dumps(one)}" for one in found if one not in wanted]
    return [] if wanted == found else [f"{path}: should be {wanted}, is {found}"]

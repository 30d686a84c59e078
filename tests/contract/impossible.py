"""Parts of recorded answers that no call of the API can bring about here, each with its reason."""

from collections.abc import Callable
from typing import Any

from tests.contract.api import Json

UNSUPPORTED = "blocks that the API does not support are made in Notion's own app alone"
VERIFICATION = "only pages of wikis are verified, and wikis are made in Notion's own app alone"
TOP = "an integration makes no pages at the top of a workspace"
STRANGER = "the recorded workspace has other integrations, the local one has one"

_PROPERTIES: tuple[tuple[str, Callable[[str, Json], bool]], ...] = (
    (VERIFICATION, lambda label, _shape: label == "<verification>"),
)
_RESULTS: tuple[tuple[str, Callable[[Json], bool]], ...] = (
    (UNSUPPORTED, lambda shape: shape.get("type") == "=unsupported"),
    (TOP, lambda shape: shape["object"] == "=page" and shape["parent"]["type"] == "=workspace"),
    (STRANGER, lambda shape: shape["object"] == "=user" and shape.get("bot") == {}),
)


def without(answer: Json) -> tuple[Json, set[str]]:
    """The shape of an answer without what is impossible, and the reasons."""
    reasons: set[str] = set()
    return _cut(answer, reasons), reasons


def _cut(shape: Any, reasons: set[str]) -> Any:
    if isinstance(shape, list):
        return [_cut(one, reasons) for one in shape]
    if not isinstance(shape, dict):
        return shape
    kept: Json = {}
    for key, part in shape.items():
        if key == "properties" and isinstance(part, dict):
            kept[key] = _cut_properties(part, reasons)
        elif key == "results":
            kept[key] = [_cut(one, reasons) for one in part if not _why(_RESULTS, reasons, one)]
        else:
            kept[key] = _cut(part, reasons)
    return kept


def _cut_properties(properties: Json, reasons: set[str]) -> Json:
    kept = {
        label: [_cut(one, reasons) for one in found if not _why(_PROPERTIES, reasons, label, one)]
        for label, found in properties.items()
    }
    return {label: found for label, found in kept.items() if found}


def _why(rules: Any, reasons: set[str], *asked: Any) -> bool:
    found = {reason for reason, holds in rules if holds(*asked)}
    reasons |= found
    return bool(found)

"""Answers have the keys and types that Notion's own answers had in the same situation."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.contract import impossible, shapes
from tests.contract.api import Api
from tests.contract.situations import build

RECORDED = sorted(shapes.FOLDER.glob("*.json"))
CUT = {
    "get_blocks_id_children_200_2026-03-11_1": {impossible.UNSUPPORTED},
    "get_users_200_2026-03-11_1": {impossible.STRANGER},
    "post_search_200_2025-09-03_1": {impossible.VERIFICATION},
    "post_search_200_2026-03-11_1": {impossible.VERIFICATION},
    "post_search_200_2026-03-11_2": {impossible.TOP},
}
"""Recordings that are compared without the parts that cannot be built, and why."""


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_answer_has_the_recorded_shape(path: Path, notion: Api) -> None:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    wanted, reasons = impossible.without(recorded["answer"])
    assert reasons == CUT.get(path.stem, set())
    answer = build(dataclasses.replace(notion, version=recorded["version"]), recorded | {"answer": wanted})
    assert shapes.differences(wanted, shapes.of(answer)) == []


def test_shapes_tell_missing_surplus_and_other_types() -> None:
    wanted = shapes.of({"id": "x", "parent": {"type": "page_id"}, "results": [{"a": 1}, {"a": None}]})
    found = shapes.of({"parent": {"type": "block_id"}, "results": [{"a": 1}], "more": True})
    assert shapes.differences(wanted, found) == [
        "answer.id: missing",
        "answer.more: not in the recording",
        "answer.parent.type: should be =page_id, is =block_id",
        'answer.results[]: missing {"a": "null"}',
    ]

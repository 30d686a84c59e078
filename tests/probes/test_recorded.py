"""Observations that were recorded, judged again: ``cases/FAMILY/*.json`` with options, what was seen, and the answer."""

import json
from pathlib import Path

import pytest

from ultra_checklist import plugins
from ultra_checklist.model import Outcome

CASES = sorted((Path(__file__).parent / "cases").glob("*/*.json"))


@pytest.mark.parametrize("path", CASES, ids=[f"{path.parent.name}/{path.stem}" for path in CASES])
def test_recorded(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    family = plugins.load(plugins.PROBES, path.parent.name)
    probe = family(family.options_model.model_validate(case["options"]))
    seen = family.observation_model.model_validate(case["seen"])
    assert family.observation_model.model_validate_json(seen.model_dump_json()) == seen
    verdict = probe.judge(seen)
    assert (verdict.outcome.value, verdict.reason) == (case["outcome"], case["reason"]), verdict
    if verdict.outcome is Outcome.PASS:
        return
    if verdict.reason != "window-running":
        # Nobody has to do anything but to wait.
        assert verdict.remedy.en and verdict.remedy.ja, "nothing says what to do"
    assert verdict.sentence.en != verdict.sentence.ja, "only one language is spoken"
    if verdict.outcome is Outcome.FAIL:
        assert verdict.expected.en and verdict.seen.en, "a failure says what was expected and what was seen"

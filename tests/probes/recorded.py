"""Recorded observations: one JSON file a case, judged without looking at anything."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ultra_checklist import plugins
from ultra_checklist.model import Item, Outcome, ProbeSpec, Verdict
from ultra_checklist.probes.base import Observation, Options, Probe
from ultra_checklist.record import ReleaseRecord
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Value, Variables

CASES = Path(__file__).parent / "cases"


def cases(family: str) -> list[Any]:
    """The cases of a family, each a parameter named as its file."""
    paths = sorted((CASES / family).glob("*.json"))
    assert paths, f"no cases of {family}"
    return [pytest.param(path, id=path.stem) for path in paths]


def judge_case(family: str, path: Path) -> Verdict:
    """Judge a case and hold the verdict against what the file says; a fail or unknown says what to do."""
    case = json.loads(path.read_text())
    loaded: type[Probe[Options, Observation]] = plugins.load(plugins.PROBES, family)
    probe = loaded(loaded.options_model.model_validate(case["options"]))
    seen = loaded.observation_model.model_validate(case["seen"])
    assert loaded.observation_model.model_validate_json(seen.model_dump_json()) == seen
    verdict = probe.judge(seen)
    assert (verdict.outcome.value, verdict.reason) == (case["outcome"], case["reason"])
    said = [verdict.seen, verdict.sentence, verdict.remedy, verdict.expected]
    assert all(bool(words.en) == bool(words.ja) for words in said)
    if verdict.outcome is not Outcome.PASS:
        assert verdict.sentence.en
        assert verdict.remedy.en
    if verdict.outcome is Outcome.FAIL:
        assert verdict.expected.en
        assert verdict.seen.en
    return verdict


def look_at(
    probe: str,
    options: Mapping[str, Any],
    *,
    release: ReleaseRecord | None = None,
    before: bytes | None = None,
    base: Path | None = None,
) -> tuple[Verdict, bytes]:
    """One look of a probe for a release, with what it saw as the deploy began; also gives what it saw now."""
    values = {"DEPLOY_DIR": Value(value=str(base), origin="--var")} if base is not None else {}
    item = Item(id="x", title="x", section="s", line=1, order=1, probes=(ProbeSpec(probe=probe, options=options),))
    runner = Runner(Variables(values=values), record=lambda: release, baseline=lambda _item, _place: before)
    (finding,) = asyncio.run(runner.prove(item))
    return finding.verdict, finding.material

"""Recorded observations with the verdicts they must get: ``cases/<family>/*.json``."""

import json
from pathlib import Path
from typing import Any

from ultra_checklist import plugins
from ultra_checklist.model import Verdict
from ultra_checklist.probes.base import Observation, Options, Probe

FOLDER = Path(__file__).parent / "cases"


def cases(family: str) -> dict[str, dict[str, Any]]:
    """The cases of a family, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / family).glob("*.json"))}


def judged(family: str, case: dict[str, Any]) -> Verdict:
    """The verdict on a case."""
    made: type[Probe[Options, Observation]] = plugins.load(plugins.PROBES, family)
    probe = made(made.options_model.model_validate(case["options"]))
    return probe.judge(probe.observation_model.model_validate(case["seen"]))

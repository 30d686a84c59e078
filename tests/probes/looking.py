"""Runs one probe as the product does: options as written, a real look, a verdict."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ultra_checklist.model import Item, ProbeSpec, Verdict
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Value, Variables


def look(probe: str, options: Mapping[str, Any], base: Path | None = None) -> Verdict:
    """The verdict of one probe; ``base`` is DEPLOY_DIR."""
    values = {"DEPLOY_DIR": Value(value=str(base), origin="--var")} if base is not None else {}
    spec = ProbeSpec(probe=probe, options=options)
    item = Item(id="x", title="x", section="s", line=1, order=1, probes=(spec,))
    (finding,) = asyncio.run(Runner(Variables(values=values)).prove(item))
    return finding.verdict


def said(verdict: Verdict) -> tuple[str, str]:
    """Outcome and reason."""
    return verdict.outcome.value, verdict.reason

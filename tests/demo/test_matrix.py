"""The sabotage matrix: what is well is proved, and every way to break it is seen, with a Why that names the cause."""

import os
from pathlib import Path

import pytest

from tests.demo.rehearsal import CODES, PRODUCTION, Rehearsal
from ultra_checklist.demo.sabotage import breaks, chosen, names
from ultra_checklist.demo.world import World
from ultra_checklist.model import Outcome

FLOW = "smoke-notion-flow"
"""Its backend reads news from a Notion that answers over HTTP: the whole demo plays it."""
ITEMS = [item.id for item in PRODUCTION.items if item.probes and item.id != FLOW]
ACTS = [name for name in names() if not name.startswith(f"{FLOW}:")]
RUNS = int(os.environ.get("RUNS", "1"))
"""`RUNS=20 scripts/test tests/demo/test_matrix.py` looks twenty times."""


@pytest.fixture
def rehearsal(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    monkeypatch.setenv("DOCKER_HOST", world.docker.service.url)
    monkeypatch.setenv("PATH", world.path)
    return Rehearsal(tmp_path, world)


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("item", ITEMS)
def test_what_is_well_is_proved(rehearsal: Rehearsal, item: str, run: int) -> None:
    row = rehearsal.look(item)
    proof = rehearsal.proof(item)
    assert proof is not None
    assert proof.outcome is Outcome.PASS, f"run {run}: {row.result} {row.why}"


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("name", ACTS)
def test_what_was_broken_is_seen(rehearsal: Rehearsal, name: str, run: int) -> None:
    known = chosen(name)
    assert known is not None
    item, act = known
    row = rehearsal.look(item, act)
    assert row.result == CODES[act.result], f"run {run}: {row.result} {row.why}"
    assert not row.settled
    assert [named for named in act.names if named not in row.why] == [], row.why


def test_all_items_are_broken() -> None:
    assert set(breaks()) - {FLOW} == set(ITEMS)

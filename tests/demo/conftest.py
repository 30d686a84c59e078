"""One pretend production for many questions, and a new one for those who change it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ultra_checklist.demo.world import World, pretend_production


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with pretend_production(tmp_path / "world") as made:
        yield made


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Nobody changes what it says."""
    with pretend_production(tmp_path_factory.mktemp("shared") / "world") as made:
        yield made

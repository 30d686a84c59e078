"""Fixtures for everybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import request_log
from tests.lab import Lab
from tests.shell import Served, serving, shell

# How long an example takes says nothing about what is tested.
settings.register_profile("here", deadline=None)
settings.load_profile("here")

__all__ = ["lab", "served", "shell"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    keeps_its_promises(made.log)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as made:
        yield made
    keeps_its_promises(made.log)


def keeps_its_promises(log: Path) -> None:
    """Whatever a test has tried, what was asked of Notion holds no broken promise."""
    found = request_log.check(request_log.Log(request_log.read(log.read_text())))
    assert [f"{log}:{one.line}: {one.rule}: {one.text}" for one in found] == []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--online", action="store_true", help="run tests/contract on the real Notion")

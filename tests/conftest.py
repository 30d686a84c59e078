"""Fixtures for everybody."""

from pathlib import Path

import pytest

from tests.lab import Lab
from tests.shell import served, shell

__all__ = ["lab", "served", "shell"]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--online", action="store_true", help="run tests/contract on the real Notion")

"""The local Notion in other people's tests: a pytest fixture.

Name it in ``conftest.py``: ``pytest_plugins = ["ultra_checklist.server.testing"]``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from ultra_checklist.server.serve import running
from ultra_checklist.server.store import WORKSPACE_PAGE_ID


@dataclass(frozen=True)
class LocalNotion:
    """A workspace of its own: where it answers, who the integration is, and the page that it may write below."""

    url: str
    token: str = "ntn_local"  # noqa: S105 - the local Notion takes any that begins so
    page: str = WORKSPACE_PAGE_ID

    def person(self, name: str) -> str:
        """The token by which a call is this person's."""
        return f"ntn_person_{quote(name, safe='')}"


@pytest.fixture
def local_notion(tmp_path: Path) -> Iterator[LocalNotion]:
    """A local Notion with an empty workspace, for one test."""
    with running(tmp_path / "local-notion.db") as url:
        yield LocalNotion(url)

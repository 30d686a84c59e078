"""The contract suite speaks to the local Notion; with ``--online`` to the real one instead.

``pytest tests/contract --online`` needs ``NOTION_TOKEN`` and ``NOTION_PARENT_PAGE_ID``, a page that is shared
with the integration. What a run makes goes into one new page below it, which ends in the trash.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.api import Api, text
from tests.server.conftest import WORKSPACE, start, stop

VERSIONS = ("2025-09-03", "2026-03-11")
ONLINE = "https://api.notion.com"


@pytest.fixture(scope="session")
def online(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--online"))


@pytest.fixture(scope="session")
def notion(online: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A client of the newest version, with a page of its own."""
    if online:
        token, parent = os.environ["NOTION_TOKEN"], os.environ["NOTION_PARENT_PAGE_ID"]
        with httpx.Client(base_url=ONLINE, timeout=60) as http:
            above = Api(http, token, VERSIONS[-1], parent)
            page = above.post("pages", {"parent": {"page_id": parent}, "properties": {"title": [text("Contract")]}})
            yield Api(http, token, VERSIONS[-1], page["id"])
            above.patch(f"pages/{page['id']}", {"in_trash": True})
        return
    server = start(tmp_path_factory.mktemp("contract"))
    with httpx.Client(base_url=server.url, timeout=60) as http:
        # Whoever calls is known from then on: a person for mentions and people properties.
        Api(http, "ntn_person_Hanako", VERSIONS[-1], WORKSPACE).get("users/me")
        yield Api(http, "ntn_local", VERSIONS[-1], WORKSPACE)
    assert stop(server)[0] == 0


@pytest.fixture(params=VERSIONS)
def api(notion: Api, request: pytest.FixtureRequest) -> Api:
    """A client of each version in turn."""
    return Api(notion.http, notion.token, request.param, notion.page)


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    path = tmp_path / "log.txt"
    path.write_text("deployed\n", encoding="utf-8")
    return path

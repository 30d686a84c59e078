"""The fixture for other projects, as they use it: from an empty folder, with the published client."""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from ultra_checklist.server.serve import running

DOCUMENT = Path(__file__).parents[2] / "docs/local-notion.md"
CONFTEST = 'pytest_plugins = ["ultra_checklist.server.testing"]\n'
TESTS = """
import notion_client

def test_one(local_notion):
    notion = notion_client.Client(auth=local_notion.token, base_url=local_notion.url, notion_version="2026-03-11")
    page = notion.pages.create(parent={"page_id": local_notion.page}, properties={}, markdown="hello")
    assert notion.pages.retrieve_markdown(page_id=page["id"])["markdown"] == "hello"
    ada = notion_client.Client(auth=local_notion.person("Ada L."), base_url=local_notion.url, notion_version="2026-03-11")
    assert ada.users.me()["name"] == "Ada L."

def test_each_test_has_a_workspace_of_its_own(local_notion):
    notion = notion_client.Client(auth=local_notion.token, base_url=local_notion.url, notion_version="2026-03-11")
    assert notion.blocks.children.list(local_notion.page)["results"] == []
"""


def test_another_project_s_tests_have_a_notion_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_theirs.py").write_text(TESTS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_it_ends_with_its_block_and_leaves_no_thread(tmp_path: Path) -> None:
    headers = {"Authorization": "Bearer ntn_local", "Notion-Version": "2026-03-11"}
    with running(tmp_path / "notion.db") as url:
        assert httpx.get(f"{url}/v1/users/me", headers=headers).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/v1/users/me", headers=headers)
    assert not [thread for thread in threading.enumerate() if thread.name == "local-notion"]


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "notion.db").write_bytes(b"no database" * 1000)
    with pytest.raises(Exception, match="not a database"), running(tmp_path / "notion.db"):
        pass


def test_the_container_recipe_starts_what_is_here(tmp_path: Path) -> None:
    recipe = re.findall(r"^CMD (\[.*\])$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    (words,) = (json.loads(found) for found in recipe)
    words[words.index("/data/notion.db")] = str(tmp_path / "notion.db")
    words[words.index("8642")] = "0"
    program, *options = words
    with subprocess.Popen(
        [str(Path(sys.executable).with_name(program)), *options], stdout=subprocess.PIPE, text=True
    ) as one:
        try:
            assert (one.stdout.readline() if one.stdout else "").startswith("ready http://127.0.0.1:")
        finally:
            one.terminate()
    assert one.returncode == 0

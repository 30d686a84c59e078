"""The published client for JavaScript tours the local Notion."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.api import Api

HERE = Path(__file__).parent / "node"
PACKAGE = Path("node_modules/@notionhq/client")


def missing() -> str:
    """What is not there; empty if all is."""
    if shutil.which("node") is None:
        return "node is not installed (Debian: apt-get install nodejs npm)"
    if not (HERE / PACKAGE).is_dir():
        return f"@notionhq/client is not installed (npm install --no-package-lock in {HERE.name}/)"
    return ""


def test_the_client_for_javascript_tours_both_versions(notion: Api, online: bool) -> None:
    if online:
        pytest.skip("the tour knows the workspace page of the local Notion alone")
    if reason := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    command = ["node", "tour.mjs", str(notion.http.base_url).rstrip("/")]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["toured", "2025-09-03", "toured", "2026-03-11"]

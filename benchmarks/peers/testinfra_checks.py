# ruff: noqa: S101, S310 - tests assert, and the address is on the loopback
"""The same checks as pytest-testinfra's users write them, on the machine itself."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

CHECKS = json.loads(Path("plan.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("check", CHECKS, ids=[check["id"] for check in CHECKS])
def test_check(host: Any, check: dict[str, Any]) -> None:
    """One check."""
    if check["kind"] == "mode":
        assert host.file(check["path"]).mode == 0o600
    elif check["kind"] == "content":
        assert host.file(check["path"]).contains("APP_ENV=production")
    elif check["kind"] == "command":
        assert host.run(" ".join(check["run"])).rc == 0
    else:
        try:
            status = urllib.request.urlopen(check["url"], timeout=10).status
        except urllib.error.HTTPError as error:
            status = error.code
        assert status == 200

"""What released versions left is read, gone on with, and proved by this one."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.older import KEPT, Kept, on_that_machine
from ultra_checklist import __version__

STATES = sorted(KEPT.glob("*.tar.gz"))
COMPLETE = {
    "there": "passed",
    "gone": "waived",
    "word": "confirmed",
    "deployed": "passed",
    "answers": "passed",
    "told": "confirmed",
}


def results(kept: Kept, version: str) -> dict[str, str | None]:
    return {check["id"]: check["result"] for check in kept.status(version)["checks"]}


@pytest.fixture(params=STATES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    with on_that_machine(tmp_path):
        yield Kept(tmp_path / "home")


def test_this_version_is_kept() -> None:
    """Run ``python -m tests.older`` when a version is released."""
    assert [path.name for path in STATES][-1] == f"{__version__}.tar.gz"


def test_what_stood_there_stands_there(kept: Kept) -> None:
    assert results(kept, "v1.0.0") == COMPLETE
    assert kept.status("v1.0.0")["status_code"] == "complete"
    running = COMPLETE | {"answers": None, "told": None}
    assert results(kept, "v1.1.0") == running
    kept.ok("sync")
    assert results(kept, "v1.1.0") == running


def test_its_bundle_is_intact(kept: Kept) -> None:
    path = kept.home / "releases/kept/production/v1.0.0/bundle.tar"
    code, _ = kept.run("verify", str(path))
    assert code == 3, "intact, and by nobody's key"
    report = kept.home / "report.json"
    kept.ok("report", "v1.0.0", "--format", "json", "-o", str(report))
    told = json.loads(report.read_text())
    assert {check["id"]: check["result"] for section in told["sections"] for check in section["checks"]} == COMPLETE


def test_a_running_release_goes_on_to_its_end(kept: Kept) -> None:
    kept.ok("gate", "v1.1.0")
    for item in ("answers", "told"):
        kept.tick("v1.1.0", item)
    kept.ok("sync")
    assert results(kept, "v1.1.0") == COMPLETE
    kept.tick("v1.1.0", "told", ticked=False)
    kept.ok("sync")
    assert kept.run("close", "v1.1.0", "--as", "complete")[0] == 1
    kept.tick("v1.1.0", "told")
    kept.ok("sync")
    kept.ok("close", "v1.1.0", "--as", "complete")
    code, _ = kept.run("verify", str(kept.home / "releases/kept/production/v1.1.0/bundle.tar"))
    assert code == 3


def test_the_databases_are_adopted_by_init(kept: Kept) -> None:
    kept.ok("init")
    kept.ok("sync")
    assert results(kept, "v1.0.0") == COMPLETE

"""A window that still runs: the row waits, says how far it is, and nothing is backed off from."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import families
from tests.lab import Lab, item, template
from tests.test_release_time import begin, end
from ultra_checklist.model import ProbeSpec
from ultra_checklist.recount import recount


@pytest.fixture(autouse=True)
def _families() -> Iterator[None]:
    with families.installed():
        yield


def start(lab: Lab, folder: Path, *more: ProbeSpec, **options: Any) -> Path:
    path = folder / "meter"
    path.write_text("one")
    meter = ProbeSpec(probe="meter", options={"path": str(path), **options})
    lab.new(
        template(
            item("deploy-script", section="deploy", order=1, deploys=True, probes=(ProbeSpec(probe="run"),)),
            item("watch", section="after", order=2, after_deploy=True, probes=(meter, *more)),
        )
    )
    begin(lab)
    end(lab, 0)
    lab.person("Sato", "watch", done=True)
    lab.sync()
    return path


def test_the_row_waits_and_says_how_far_it_is(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    row = lab.row("watch")
    assert (row.result, row.settled, row.why) == ("waiting", False, "0 of 2")
    lab.sync(minutes=1)
    lab.sync(minutes=1)
    assert lab.row("watch").result == "passed"


def test_it_is_written_again_only_when_its_words_change(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path, wanted=5)
    writes = [lab.sync(minutes=1).writes for _ in range(4)]
    assert writes == [1, 0, 1, 1]
    assert lab.row("watch").result == "passed"


def test_it_is_no_failure_however_often_it_is_looked_at(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path, wanted=1000)
    for _ in range(15):
        lab.sync(minutes=1)
    release = lab.release()
    assert release.history.check("watch").failures == 0
    assert release.mirror.looks["watch"] - lab.now <= timedelta(seconds=60)


def test_what_fails_beside_it_is_said_first(lab: Lab, tmp_path: Path) -> None:
    start(
        lab, tmp_path, ProbeSpec(probe="file", options={"path": str(tmp_path / "none"), "exists": True}), wanted=9
    )
    assert lab.row("watch").result == "failed"


def test_what_cannot_be_told_beside_it_is_said_too(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path, ProbeSpec(probe="file", options={"path": "${NOWHERE}", "exists": True}), wanted=9)
    row = lab.row("watch")
    assert row.result == "waiting"
    assert "0 of 9" in row.why
    assert "NOWHERE is not set" in row.why


def test_a_waiver_holds_while_the_window_goes_on(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path, wanted=1000)
    lab.person("Sato", "watch", decision="Waive", note="text:we go home")
    for _ in range(8):
        lab.sync(minutes=1)
    assert lab.row("watch").result == "waived"


def test_a_window_that_breaks_fails_and_the_account_agrees(lab: Lab, tmp_path: Path) -> None:
    path = start(lab, tmp_path, wanted=9)
    assert recount(lab.release(), "en").check("watch").standing == "waiting"  # type: ignore[union-attr]
    path.write_text("broken")
    lab.sync(minutes=1)
    assert lab.row("watch").result == "failed"
    assert recount(lab.release(), "en").check("watch").standing == "failed"  # type: ignore[union-attr]

"""The probes that read the release's record: what was run, by whom, and whether its log is whole."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.probes.looking import said
from ultra_checklist.model import Item, ProbeSpec, Verdict
from ultra_checklist.record import DeployMark, Person, ReleaseRecord, RunRecord, Ticked
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Value, Variables

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PINNED, OTHER = "c" * 40, "d" * 40
SATO = Person(id="1", name="Sato")


class Desk:
    """A record, and a folder with what was kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last_good = ""
        self.release = ReleaseRecord(key="p/production/v1", version="v1", commit=PINNED, created=BEGAN)

    def kept(self, text: bytes) -> str:
        digest = hashlib.sha256(text).hexdigest()
        (self.folder / digest).write_bytes(text)
        return digest

    def ran(self, **more: Any) -> None:
        log = b"\x1b[32mdeploying\x1b[0m\nFATAL: no\n"
        known: dict[str, Any] = {
            "number": len(self.release.runs) + 1, "item": "deploy", "argv": ("x",), "started": BEGAN,
            "ended": BEGAN + timedelta(seconds=61), "exit_code": 0, "host": "web-1", "os_user": "sato",
            "script": str(self.folder / "deploy.sh"), "script_sha256": "e" * 64, "script_as_pinned": True,
            "log": self.kept(log), "log_bytes": len(log), "deploy": 1, "commit_after": PINNED,
        }  # fmt: skip
        runs = (*self.release.runs, RunRecord(**known | more))
        self.release = self.release.model_copy(update={"runs": runs})

    def knows(self, **more: Any) -> None:
        self.release = self.release.model_copy(update=more)

    def look(self, probe: str, options: Mapping[str, Any], item: str = "deploy") -> Verdict:
        runner = Runner(
            Variables(values={"DEPLOY_DIR": Value(value=str(self.folder), origin="--var")}),
            record=lambda: self.release,
            blob=lambda digest: self.folder / digest,
            last_good=lambda: self.last_good,
        )
        spec = ProbeSpec(probe=probe, options=options)
        (finding,) = asyncio.run(
            runner.prove(Item(id=item, title="x", section="s", line=1, order=1, probes=(spec,)))
        )
        return finding.verdict


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_without_a_run_a_tick_proves_nothing(desk: Desk) -> None:
    found = desk.look("run", {})
    assert said(found) == ("unknown", "no-run")
    assert "ultra-checklist run VERSION deploy" in found.remedy.en


def test_without_a_release_nothing_can_be_told() -> None:
    spec = ProbeSpec(probe="run", options={})
    item = Item(id="x", title="x", section="s", line=1, order=1, probes=(spec,))
    (finding,) = asyncio.run(Runner(Variables()).prove(item))
    assert said(finding.verdict) == ("unknown", "no-release")


def test_a_run_that_ended_well_passes_and_says_who_ran_it(desk: Desk) -> None:
    desk.ran()
    found = desk.look("run", {"script": "deploy.sh", "pinned": True, "log": True})
    assert said(found) == ("pass", "ran")
    assert found.seen.en.startswith("exit 0, 61 s, sato@web-1, log sha256:")


def test_the_newest_run_counts(desk: Desk) -> None:
    desk.ran(exit_code=1)
    desk.ran()
    assert said(desk.look("run", {})) == ("pass", "ran")
    desk.ran(exit_code=130, signals=("SIGINT",))
    found = desk.look("run", {})
    assert said(found) == ("fail", "exit-code")
    assert "SIGINT" in found.sentence.en


@pytest.mark.parametrize(
    ("options", "run", "outcome"),
    [
        ({}, {"ended": None, "exit_code": None}, ("unknown", "no-end")),
        ({}, {"exit_code": 2}, ("fail", "exit-code")),
        ({"exit": [0, 2]}, {"exit_code": 2}, ("pass", "ran")),
        ({"script": "other.sh"}, {}, ("fail", "other-script")),
        ({"pinned": True}, {"script_as_pinned": False}, ("fail", "script-not-pinned")),
        ({"pinned": True}, {"script_as_pinned": None}, ("unknown", "script-not-compared")),
        ({"log": True}, {"log": "f" * 64}, ("fail", "log-missing")),
        ({"log": True}, {"log_complete": False}, ("fail", "log-missing")),
        ({"log": True}, {"log_bytes": 0}, ("fail", "log-missing")),
        ({"without": "^FATAL"}, {}, ("fail", "bad-lines")),
        ({"without": "^deploying$"}, {}, ("fail", "bad-lines")),
        ({"without": "^PANIC"}, {}, ("pass", "ran")),
        ({"without": "^PANIC"}, {"log": "f" * 64}, ("fail", "log-missing")),
    ],
)
def test_each_question_has_its_answer(
    desk: Desk, options: dict[str, Any], run: dict[str, Any], outcome: tuple[str, str]
) -> None:
    desk.ran(**run)
    found = desk.look("run", options)
    assert said(found) == outcome
    if outcome[0] == "fail":
        assert found.remedy.en
        assert found.remedy.ja


def test_an_altered_log_is_no_log(desk: Desk) -> None:
    desk.ran()
    log = desk.folder / desk.release.runs[0].log
    log.write_bytes(log.read_bytes() + b" ")
    assert said(desk.look("run", {"log": True})) == ("fail", "log-missing")


def test_a_line_that_is_split_between_two_reads_is_found(desk: Desk) -> None:
    text = b"x" * ((1 << 20) - 3) + b"\nFATAL here\n"
    desk.ran(log=desk.kept(text), log_bytes=len(text))
    found = desk.look("run", {"without": "^FATAL"})
    assert said(found) == ("fail", "bad-lines")
    assert found.seen.en == "FATAL here"


def test_a_run_that_nobody_gated_says_so(desk: Desk) -> None:
    desk.ran(break_glass="the exchange is down")
    assert "NOT GATED (break-glass: the exchange is down)" in desk.look("run", {}).seen.en


def test_a_rollback_must_lead_to_the_last_good_commit(desk: Desk) -> None:
    desk.ran(item="rollback", commit_after=OTHER)
    assert said(desk.look("run", {"last_good": True}, item="rollback")) == ("unknown", "no-last-good")
    desk.last_good = PINNED
    assert said(desk.look("run", {"last_good": True}, item="rollback")) == ("fail", "not-last-good")
    desk.last_good = OTHER
    assert said(desk.look("run", {"last_good": True}, item="rollback")) == ("pass", "ran")


def test_who_works_is_recorded_before_the_deploy_or_it_fails(desk: Desk) -> None:
    question = {"before_deploy": True}
    assert said(desk.look("record", question)) == ("unknown", "no-person")
    desk.knows(ticked={"deploy": Ticked(at=BEGAN, by=None)})
    assert said(desk.look("record", question)) == ("unknown", "no-person")
    desk.knows(ticked={"deploy": Ticked(at=BEGAN, by=SATO)})
    found = desk.look("record", question)
    assert (said(found), found.seen.en) == (("pass", "recorded"), "Sato 2026-03-01 12:00 UTC")
    mark = DeployMark(number=1, started=BEGAN - timedelta(seconds=1), ended=None, exit_code=None, host="web-1")
    desk.knows(deploys=(mark,))
    assert said(desk.look("record", question)) == ("fail", "after-the-start")
    desk.knows(deploys=(mark.model_copy(update={"withdrawn": True}),))
    assert said(desk.look("record", question)) == ("pass", "recorded")


def test_the_commit_on_record_is_the_one_that_was_deployed(desk: Desk) -> None:
    question = {"operators": True, "commit": True}
    assert said(desk.look("record", question)) == ("fail", "no-operator")
    desk.knows(ticked={"a": Ticked(at=BEGAN, by=SATO)})
    assert said(desk.look("record", question)) == ("unknown", "no-deploy")
    desk.ran(commit_after=OTHER)
    assert said(desk.look("record", question)) == ("fail", "other-commit")
    desk.ran()
    found = desk.look("record", question)
    assert (said(found), found.seen.en) == (("pass", "recorded"), f"Sato, {PINNED[:12]}")
    desk.knows(commit="")
    assert said(desk.look("record", question)) == ("fail", "no-commit")


def test_all_logs_and_all_evidence_must_be_whole(desk: Desk) -> None:
    assert said(desk.look("record", {"logs": True})) == ("unknown", "no-log")
    desk.ran()
    proof = desk.kept(b"proof")
    desk.knows(evidence=(proof,))
    found = desk.look("record", {"logs": True})
    assert (said(found), found.seen.en) == (("pass", "recorded"), "2 files whole")
    (desk.folder / proof).write_bytes(b"other")
    found = desk.look("record", {"logs": True})
    assert said(found) == ("fail", "damaged")
    assert proof[:16] in found.seen.en
    desk.knows(evidence=())
    desk.ran(log_complete=False)
    assert said(desk.look("record", {"logs": True})) == ("fail", "damaged")


def test_a_record_that_asserts_nothing_is_refused(desk: Desk) -> None:
    assert said(desk.look("record", {})) == ("unknown", "bad-options")

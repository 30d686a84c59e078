"""The release probe: bundles and records that the engine itself has made, and files that are none."""

import asyncio
import os
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, item, template
from tests.probes.looking import look, said
from tests.probes.recorded import cases, judge_case
from tests.sealed import bundle, close, ended, pack, parts_of, ssh_keys, started
from ultra_checklist.bundle import FILE
from ultra_checklist.model import Ending, Item, ProbeSpec, Result, Verdict
from ultra_checklist.runner import Runner
from ultra_checklist.siblings import Siblings
from ultra_checklist.variables import Variables

COMMIT, OTHER = "c" * 40, "d" * 40


@pytest.mark.parametrize("path", cases("release"))
def test_recorded_observations(path: Path) -> None:
    judge_case("release", path)


def seek(lab: Lab, options: Mapping[str, Any]) -> Verdict:
    """A look on the machine of the laboratory, for no release."""
    probe = ProbeSpec(probe="release", options={"commit": COMMIT, **options})
    one = Item(id="x", title="x", section="s", line=1, order=1, probes=(probe,))
    runner = Runner(Variables(), sibling=Siblings(lab.shelf), clock=lambda: lab.now)
    (finding,) = asyncio.run(runner.prove(one))
    return finding.verdict


def at(path: Path, **more: Any) -> dict[str, Any]:
    return {"source": str(path), "commit": COMMIT, **more}


def test_a_complete_release_by_its_bundle_and_by_its_record(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    kept = lab.release().folder / FILE
    by_bundle = look("release", at(kept))
    assert said(by_bundle) == ("pass", "complete")
    assert "try/production/v1.0.0" in by_bundle.seen.en
    assert "2 = 1 proved, 1 a person's word" in by_bundle.seen.en
    assert "signature not checked" in by_bundle.seen.en
    by_record = seek(lab, {"source": "v1.0.0", "template": "try", "environment": "production"})
    assert said(by_record) == ("pass", "complete")
    assert "signature" not in by_record.seen.en


def test_the_commit_must_be_the_same(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    kept = lab.release().folder / FILE
    found = look("release", at(kept, commit=OTHER))
    assert said(found) == ("fail", "other-commit")
    assert (found.expected.en, found.seen.en) == (OTHER[:12], COMMIT[:12])
    assert said(look("release", at(kept, commit=COMMIT[:9]))) == ("pass", "complete")
    assert said(seek(lab, {"source": "v1.0.0", "commit": OTHER})) == ("fail", "other-commit")


def test_a_release_that_has_not_ended_fails_though_all_is_settled(lab: Lab, tmp_path: Path) -> None:
    started(lab, tmp_path)
    found = seek(lab, {"source": "v1.0.0"})
    assert said(found) == ("fail", "not-complete")
    assert found.seen.en == "not ended"


def test_an_aborted_release_fails(lab: Lab, tmp_path: Path) -> None:
    started(lab, tmp_path)
    assert close(lab, ending=Ending.ABORTED)
    assert said(seek(lab, {"source": "v1.0.0"})) == ("fail", "not-complete")
    found = look("release", at(lab.release().folder / FILE))
    assert (said(found), found.seen.en) == (("fail", "not-complete"), "aborted")


def test_waived_rows_are_listed_and_may_be_too_many(lab: Lab) -> None:
    lab.new(template(item("word"), item("other", order=1)))
    lab.person("佐藤", "word", done=True)
    lab.person("佐藤", "other", decision="Waive", note="text:no load test yet")
    lab.sync()
    assert lab.row("other").result == Result.WAIVED
    assert close(lab)
    found = seek(lab, {"source": "v1.0.0", "max_waived": 1})
    assert said(found) == ("pass", "complete")
    assert "waived: other (no load test yet)" in found.seen.en
    assert said(seek(lab, {"source": "v1.0.0", "max_waived": 0})) == ("fail", "waived-rows")
    assert said(look("release", at(lab.release().folder / FILE, max_waived=0))) == ("fail", "waived-rows")


def test_another_checklist_or_environment_is_not_meant(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    kept = lab.release().folder / FILE
    assert said(look("release", at(kept, template="staging-release"))) == ("fail", "other-checklist")
    assert said(look("release", at(kept, environment="staging"))) == ("fail", "other-checklist")
    assert said(seek(lab, {"source": "v1.0.0", "environment": "staging"})) == ("unknown", "not-found")


def test_a_release_proves_itself_by_another_and_never_by_itself(lab: Lab) -> None:
    """As the worker does it: production asks for the staging release of the same version."""
    probes = (ProbeSpec(probe="release", options={"source": "v1.0.0", "commit": COMMIT}),)
    production = template(item("staging-complete", probes=probes)).model_copy(update={"name": "prod"})
    lab.new(production)

    def ticked() -> Any:
        lab.sync(minutes=60)
        return lab.call("GET", f"pages/{row}")["properties"]

    key = "prod/production/v1.0.0"
    row = lab.shelf.read(key).rows["staging-complete"]
    lab.call("PATCH", f"pages/{row}", {"properties": {"Done": {"checkbox": True}}}, who="佐藤")
    assert ticked()["Result"]["select"]["name"] == "Can't tell"
    lab.new(template(item("word")))
    assert ticked()["Result"]["select"]["name"] == "Failed"


@pytest.mark.parametrize("own", [True, False])
def test_the_bundle_of_this_very_checklist_does_not_count(lab: Lab, tmp_path: Path, own: bool) -> None:
    ended(lab, tmp_path)
    name = "try" if own else "prod"
    probes = (ProbeSpec(probe="release", options=at(lab.release().folder / FILE)),)
    lab.new(template(item("staging-complete", probes=probes)).model_copy(update={"name": name}), "v1.0.1")
    row = lab.release("v1.0.1").manifest.rows["staging-complete"]
    lab.call("PATCH", f"pages/{row}", {"properties": {"Done": {"checkbox": True}}}, who="佐藤")
    lab.sync()
    shown = lab.call("GET", f"pages/{row}")["properties"]["Result"]["select"]["name"]
    assert shown == ("Failed" if own else "Passed")


def test_the_newest_attempt_counts(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    lab.new(template(item("word")))
    assert lab.release().manifest.attempt == 2
    assert said(seek(lab, {"source": "v1.0.0"})) == ("fail", "not-complete")


def test_several_that_fit_cannot_be_told(lab: Lab) -> None:
    for name in ("one", "two"):
        lab.new(template(item("word")).model_copy(update={"name": name}))
    assert said(seek(lab, {"source": "v1.0.0"})) == ("unknown", "not-clear")
    assert said(seek(lab, {"source": "v1.0.0", "template": "one"})) == ("fail", "not-complete")


def test_age_is_counted_from_the_end(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    assert said(seek(lab, {"source": "v1.0.0", "max_age": 3600})) == ("pass", "complete")
    assert said(seek(lab, {"source": "v1.0.0", "max_age": 1e-6})) == ("fail", "too-old")
    assert said(seek(lab, {"source": "v1.0.0", "stable_for": 3600})) == ("unknown", "no-deploy")


def test_how_long_it_has_run_is_counted_from_its_last_deploy(lab: Lab) -> None:
    lab.now = datetime.now(UTC) - timedelta(hours=10)
    lab.new(template(item("ship", deploys=True), item("after", order=1, after_deploy=True)))
    for each in ("ship", "after"):
        lab.person("佐藤", each, done=True)
        lab.sync(minutes=1)
    lab.person("佐藤", "after", done=False)
    lab.sync(minutes=1)
    lab.person("佐藤", "after", done=True)
    lab.sync(minutes=1)
    assert close(lab)
    assert said(seek(lab, {"source": "v1.0.0", "stable_for": 9 * 3600})) == ("pass", "complete")
    found = seek(lab, {"source": "v1.0.0", "stable_for": 24 * 3600})
    assert said(found) == ("unknown", "window-running")
    assert found.seen.en.startswith("10.0 h of 24.0 h, until ")


def test_a_bundle_must_be_signed_by_the_key_that_is_named(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    keys, others = ssh_keys(tmp_path), ssh_keys(tmp_path, "other")
    signed = bundle(lab, tmp_path / "signed.tar", keys.signer).path
    found = look("release", at(signed, key=str(keys.public)))
    assert said(found) == ("pass", "complete")
    assert ", signed" in found.seen.en
    assert said(look("release", at(signed, key=str(others.public)))) == ("fail", "not-intact")
    assert said(look("release", at(lab.release().folder / FILE, key=str(keys.public)))) == ("fail", "not-intact")
    assert said(look("release", at(signed, key=str(keys.private)))) == ("unknown", "not-clear")
    assert said(look("release", at(signed, key=str(tmp_path / "none")))) == ("unknown", "not-clear")


def test_an_altered_bundle_fails(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    data = (lab.release().folder / FILE).read_bytes()
    path, rng = tmp_path / "altered.tar", random.Random(1)
    for _ in range(20):
        place = rng.randrange(len(data) - 1024)
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        found = look("release", at(path))
        assert said(found) == ("fail", "not-intact"), place
        assert found.remedy.en.startswith("ultra-checklist verify ")
    parts = [(name, text.replace(b"passed", b"failed")) for name, text in parts_of(lab.release().folder / FILE)]
    path.write_bytes(pack(parts))
    assert said(look("release", at(path))) == ("fail", "not-intact")


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2 << 30)


def test_files_of_which_nothing_can_be_said(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    data = (lab.release().folder / FILE).read_bytes()
    makers: dict[str, tuple[Callable[[Path], object], str]] = {
        "none.tar": (lambda _path: None, "not-found"),
        "half.tar": (lambda path: path.write_bytes(data[: len(data) // 2]), "truncated"),
        "empty.tar": (lambda path: path.write_bytes(b""), "truncated"),
        "page.tar": (lambda path: path.write_text("<!DOCTYPE html>" + "x" * 5000), "truncated"),
        "folder.tar": (lambda path: path.mkdir(), "not-a-file"),
        "pipe.tar": (os.mkfifo, "not-a-file"),
        "huge.tar": (sparse, "too-large"),
    }
    for name, (make, reason) in makers.items():
        make(tmp_path / name)
        found = look("release", at(tmp_path / name))
        assert said(found) == ("unknown", reason), name
        assert found.remedy.en
    assert said(look("release", {"source": "a.tar", "commit": COMMIT})) == ("unknown", "unset-variable")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_bundle_that_may_not_be_read_cannot_be_told(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    kept = lab.release().folder / FILE
    os.seteuid(65534)
    try:
        assert said(look("release", at(kept))) == ("unknown", "permission-denied")
    finally:
        os.seteuid(0)


def test_a_damaged_record_cannot_be_told(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    journal = lab.release().folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    assert said(seek(lab, {"source": "v1.0.0"})) == ("unknown", "damaged-journal")


def test_nothing_on_record_cannot_be_told(lab: Lab) -> None:
    for version in ("v9", "v1.0.0~2"):
        found = seek(lab, {"source": version})
        assert said(found) == ("unknown", "not-found")
        assert found.remedy.en
    assert said(look("release", {"source": "v1.0.0", "commit": COMMIT})) == ("unknown", "not-found")


@pytest.mark.parametrize(
    "more",
    [{"source": ""}, {"commit": "main"}, {"key": "k.pub"}, {"max_age": 0}, {"max_waived": -1}, {"stable_for": 0}],
)
def test_options_that_make_no_sense_are_refused(more: dict[str, object]) -> None:
    options = {"source": "v1", "commit": COMMIT, **more}
    assert said(look("release", options)) == ("unknown", "bad-options")

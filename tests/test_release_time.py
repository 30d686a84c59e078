"""Before, after and throughout the deploy."""

from pathlib import Path

from tests.lab import Lab, item, template
from ultra_checklist.intake import deploy_begun
from ultra_checklist.model import ProbeSpec, Template

TREE = (ProbeSpec(probe="file", options={"path": "${CLEAN}", "exists": False}),)
SMOKE = (ProbeSpec(probe="file", options={"path": "${BACKEND}", "contains": "up"}),)


def checklist() -> Template:
    return template(
        item("repo-clean", section="before", order=1, until_deploy=True, probes=TREE),
        item("told", section="before", order=2, until_deploy=True),
        item("deploy-script", section="deploy", order=3, deploys=True),
        item("smoke-api", section="after", order=4, after_deploy=True, probes=SMOKE),
        item("seen", section="after", order=5, after_deploy=True),
    )


def start(lab: Lab, folder: Path) -> tuple[Path, Path]:
    clean, backend = folder / "dirt", folder / "backend"
    backend.write_text("up")
    lab.new(checklist(), CLEAN=str(clean), BACKEND=str(backend))
    return clean, backend


def test_a_smoke_test_before_the_deploy_is_blocked_though_the_old_backend_answers(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "smoke-api", done=True)
    lab.person("Sato", "seen", done=True)
    lab.sync()
    assert lab.row("smoke-api").result == "blocked"
    assert lab.row("seen").result == "blocked"


def test_after_the_deploy_it_is_proved_and_an_early_word_must_be_renewed(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "smoke-api", done=True)
    lab.person("Sato", "seen", done=True)
    lab.sync()
    lab.person("Sato", "deploy-script", done=True)
    lab.sync(minutes=1)
    assert lab.row("deploy-script").result == "confirmed"
    assert lab.row("smoke-api").result == "passed"
    assert (lab.row("seen").result, lab.row("seen").settled) == ("waiting", False)
    lab.person("Sato", "seen", done=False)
    lab.sync()
    lab.person("Sato", "seen", done=True)
    lab.sync()
    assert lab.row("seen").result == "confirmed"


def test_what_the_deploy_writes_does_not_turn_an_earlier_check_red(lab: Lab, tmp_path: Path) -> None:
    clean, _ = start(lab, tmp_path)
    lab.person("Sato", "repo-clean", done=True)
    lab.sync()
    clean.write_text("written by the deploy")
    lab.person("Sato", "deploy-script", done=True)
    lab.sync(minutes=1)
    lab.sync(minutes=30)
    row = lab.row("repo-clean")
    assert (row.result, row.settled) == ("passed", True)


def test_a_check_ticked_together_with_the_deploy_is_still_proved_before_it(lab: Lab, tmp_path: Path) -> None:
    clean, _ = start(lab, tmp_path)
    lab.person("Sato", "repo-clean", done=True)
    lab.person("Sato", "told", done=True)
    lab.person("Sato", "deploy-script", done=True)
    lab.sync()
    assert "Sato" in lab.row("told").why
    row = lab.row("repo-clean")
    assert row.result == "passed"
    assert row.why
    assert row.operator
    assert row.checked_at
    assert row.evidence
    clean.write_text("later")
    lab.sync(minutes=30)
    assert lab.row("repo-clean").model_copy(update={"edited": ""}) == row.model_copy(update={"edited": ""})


def test_a_tick_after_the_deploy_is_named_and_can_only_be_waived(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "deploy-script", done=True)
    lab.sync()
    lab.person("Sato", "repo-clean", done=True)
    lab.sync()
    row = lab.row("repo-clean")
    assert (row.result, row.settled) == ("", False)
    assert "after the deploy" in row.why
    lab.person("Sato", "repo-clean", decision="Waive", note="text:seen by two people")
    lab.sync()
    assert lab.row("repo-clean").result == "waived"


def test_a_second_deploy_voids_the_smoke_test(lab: Lab, tmp_path: Path) -> None:
    _, backend = start(lab, tmp_path)
    for name in ("deploy-script", "smoke-api", "seen"):
        lab.person("Sato", name, done=True)
    lab.sync()
    assert lab.row("smoke-api").result == "passed"
    assert lab.row("seen").result == "confirmed"
    lab.person("Sato", "deploy-script", done=False)
    lab.sync()
    assert lab.row("smoke-api").result == "blocked"
    backend.write_text("down")
    lab.person("Sato", "deploy-script", done=True)
    lab.sync()
    assert lab.row("smoke-api").result == "failed"
    assert lab.row("seen").result == "waiting"
    assert lab.row("repo-clean").result == ""
    assert [d.number for d in lab.release().history.deploys] == [1, 2]


def test_a_deploy_ticked_by_mistake_can_be_taken_back(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "deploy-script", done=True)
    lab.sync()
    lab.person("Sato", "deploy-script", done=False)
    lab.sync()
    lab.person("Sato", "repo-clean", done=True)
    lab.sync()
    assert lab.row("repo-clean").result == "passed"


RUN = (ProbeSpec(probe="run", options={}),)


def recorded() -> Template:
    return template(
        item("repo-clean", section="before", order=1, until_deploy=True, probes=TREE),
        item("deploy-script", section="deploy", order=3, deploys=True, probes=RUN),
        item("smoke-api", section="after", order=4, after_deploy=True, probes=SMOKE),
        item("seen", section="after", order=5, after_deploy=True),
    )


def begin(lab: Lab) -> None:
    """A run of the deploy begins, as `ultra-checklist run` files it."""
    release = lab.release()
    mark = deploy_begun(release.manifest, release.history, lab.now, "web-1")
    run = {"number": len(release.history.runs) + 1, "item": "deploy-script", "deploy": mark["number"]}
    release.record_all([("run-started", run), ("deploy", mark)])


def end(lab: Lab, code: int) -> None:
    release = lab.release()
    number = len(release.history.runs)
    release.record_all(
        [
            ("run-ended", {"number": number, "exit_code": code}),
            ("deploy-ended", {"number": release.history.runs[-1].deploy, "exit_code": code}),
        ]
    )


def open_recorded(lab: Lab, folder: Path) -> tuple[Path, Path]:
    clean, backend = folder / "dirt", folder / "backend"
    backend.write_text("up")
    lab.new(recorded(), CLEAN=str(clean), BACKEND=str(backend))
    return clean, backend


def test_where_runs_are_recorded_a_tick_alone_is_no_deploy(lab: Lab, tmp_path: Path) -> None:
    open_recorded(lab, tmp_path)
    for name in ("deploy-script", "smoke-api"):
        lab.person("Sato", name, done=True)
    lab.sync()
    row = lab.row("deploy-script")
    assert (row.result, row.settled) == ("cannot-tell", False)
    assert "only a tick" in row.why
    assert lab.row("smoke-api").result == "blocked"
    assert lab.release().history.deploys == []


def test_while_a_run_lasts_what_is_before_is_frozen_and_what_is_after_is_blocked(lab: Lab, tmp_path: Path) -> None:
    clean, _ = open_recorded(lab, tmp_path)
    lab.person("Sato", "repo-clean", done=True)
    lab.sync()
    begin(lab)
    clean.write_text("written by the deploy")
    for name in ("deploy-script", "smoke-api", "seen"):
        lab.person("Sato", name, done=True)
    lab.sync(minutes=30)
    assert lab.row("repo-clean").result == "passed"
    assert lab.row("deploy-script").result == "cannot-tell"
    assert lab.row("smoke-api").result == "blocked"
    assert lab.row("seen").result == "blocked"
    end(lab, 0)
    lab.sync(minutes=1)
    assert lab.row("deploy-script").result == "passed"
    assert lab.row("smoke-api").result == "passed"
    assert lab.row("seen").result == "waiting", "nobody can have seen it while the deploy ran"
    assert lab.row("repo-clean").result == "passed"


def test_a_run_that_fails_opens_nothing_and_the_next_one_does(lab: Lab, tmp_path: Path) -> None:
    open_recorded(lab, tmp_path)
    begin(lab)
    end(lab, 1)
    for name in ("deploy-script", "smoke-api"):
        lab.person("Sato", name, done=True)
    lab.sync()
    assert lab.row("deploy-script").result == "failed"
    assert lab.row("smoke-api").result == "blocked"
    begin(lab)
    end(lab, 0)
    lab.sync(minutes=1)
    assert lab.row("deploy-script").result == "passed"
    assert lab.row("smoke-api").result == "passed"
    assert lab.page().status == "deployed"


def test_unticking_a_recorded_deploy_does_not_undo_it(lab: Lab, tmp_path: Path) -> None:
    open_recorded(lab, tmp_path)
    begin(lab)
    end(lab, 0)
    for name in ("deploy-script", "smoke-api"):
        lab.person("Sato", name, done=True)
    lab.sync()
    lab.person("Sato", "deploy-script", done=False)
    lab.sync()
    assert lab.row("deploy-script").result == ""
    assert lab.row("smoke-api").result == "passed"


def test_a_deploy_by_hand_is_waived_with_the_reason_and_that_can_be_taken_back(lab: Lab, tmp_path: Path) -> None:
    open_recorded(lab, tmp_path)
    lab.person("Sato", "smoke-api", done=True)
    lab.person("Sato", "deploy-script", decision="Waive", note="text:deployed by hand, the runner was down")
    lab.sync()
    assert lab.row("deploy-script").result == "waived"
    assert lab.row("smoke-api").result == "passed"
    lab.person("Sato", "deploy-script", decision=None)
    lab.sync()
    assert lab.row("smoke-api").result == "blocked"
    begin(lab)
    end(lab, 0)
    lab.sync(minutes=1)
    assert lab.row("smoke-api").result == "passed"
    assert [(d.number, d.stands) for d in lab.release().history.deploys] == [(1, False), (2, True)]

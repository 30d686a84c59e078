"""Before, after and throughout the deploy."""

from pathlib import Path

from tests.lab import Lab, item, template
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

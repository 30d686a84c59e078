"""The systemd probe with real units of a real manager, and with what systemctl says where there is none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.probes.deploying import Deploying
from tests.probes.looking import look, said
from tests.probes.systemd_user import UserManager
from ultra_checklist.model import Verdict

PASSES = ("pass", "active")
RUNS = "[Service]\nExecStart=sleep 1000\n"
AGAIN = "[Unit]\nStartLimitIntervalSec=0\n" + RUNS + "Restart=always\nRestartSec=20ms\n"
CRASHES = "[Service]\nExecStart=sh -c 'exit 3'\n"


@pytest.fixture
def manager(systemd_user: UserManager, monkeypatch: pytest.MonkeyPatch) -> UserManager:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(systemd_user.runtime))
    return systemd_user


def judged(*units: str, **options: object) -> Verdict:
    return look("systemd", {"units": list(units), "user": True, **options})


def start(manager: UserManager, name: str, text: str = RUNS) -> None:
    manager.add(name, text)
    manager.systemctl("start", name)


def test_running_units_pass(manager: UserManager) -> None:
    start(manager, "run-a.service")
    start(manager, "run-b.service")
    found = judged("run-a", "run-b.service")
    assert said(found) == PASSES
    assert found.seen.en == "run-a.service active (running), run-b.service active (running)"
    assert said(look("systemd", {"units": "run-a", "user": True})) == PASSES


def test_an_unknown_unit_is_told_apart_from_a_stopped_one(manager: UserManager) -> None:
    manager.add("stopped.service", RUNS)
    found = judged("stopped")
    assert said(found) == ("fail", "stopped")
    assert found.remedy.en == "systemctl --user start stopped.service"
    found = judged("nowhere")
    assert said(found) == ("fail", "no-such-unit")
    assert found.seen.en == "not-found"


def test_a_failed_unit_fails_with_its_result_and_exit_code(manager: UserManager) -> None:
    start(manager, "fails.service", CRASHES)
    manager.until("fails.service", lambda unit: unit["ActiveState"] == "failed")
    found = judged("fails")
    assert said(found) == ("fail", "failed")
    assert found.seen.en == "failed (failed), exit-code, exit 3"
    assert found.remedy.en == "journalctl --user -u fails.service -n 50 --no-pager"


def test_a_unit_that_waits_for_its_restart_fails(manager: UserManager) -> None:
    start(manager, "loops.service", CRASHES + "Restart=always\nRestartSec=1h\n")
    manager.until("loops.service", lambda unit: unit["SubState"] == "auto-restart")
    assert said(judged("loops")) == ("fail", "restarting")


def test_a_unit_that_is_starting_cannot_be_told(manager: UserManager) -> None:
    manager.add("slow.service", RUNS + "ExecStartPre=sleep 1000\nTimeoutStartSec=infinity\n")
    manager.systemctl("start", "--no-block", "slow.service")
    manager.until("slow.service", lambda unit: unit["ActiveState"] == "activating")
    assert said(judged("slow")) == ("unknown", "starting")


def test_a_unit_that_is_masked_or_broken_fails(manager: UserManager) -> None:
    manager.add("masked.service", RUNS)
    (manager.units / "masked.service").unlink()
    manager.systemctl("mask", "masked.service")
    found = judged("masked")
    assert said(found) == ("fail", "masked")
    assert found.remedy.en == "systemctl --user unmask masked.service"
    manager.add("broken.service", "[Service]\nType=nonsense\n")
    assert said(judged("broken")) == ("fail", "bad-unit")


def test_a_service_that_is_active_and_runs_nothing_needs_to_be_asked_for(manager: UserManager) -> None:
    start(manager, "once.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\n")
    found = judged("once")
    assert said(found) == ("fail", "sub-state")
    assert (found.expected.en, found.seen.en) == ("active (running)", "active (exited)")
    assert said(judged("once", substates=["exited"])) == PASSES


def test_the_worst_unit_counts(manager: UserManager) -> None:
    start(manager, "good.service")
    assert said(judged("good", "nowhere")) == ("fail", "no-such-unit")
    assert said(judged("good", "nowhere", min_uptime=1000)) == ("fail", "no-such-unit")


def test_whether_it_starts_with_the_machine(manager: UserManager) -> None:
    start(manager, "boots.service", RUNS + "[Install]\nWantedBy=default.target\n")
    found = judged("boots", enabled=True)
    assert said(found) == ("fail", "not-enabled")
    assert found.remedy.en == "systemctl --user enable boots.service"
    manager.systemctl("enable", "boots.service")
    # Where the machine was not booted with systemd, systemctl does not tell the manager what it has enabled.
    manager.systemctl("daemon-reload")
    assert said(judged("boots", enabled=True)) == PASSES


def test_timers(manager: UserManager) -> None:
    manager.add("job.service", "[Service]\nType=oneshot\nExecStart=true\n")
    start(manager, "daily.timer", "[Timer]\nOnCalendar=daily\nUnit=job.service\n")
    start(manager, "soon.timer", "[Timer]\nOnActiveSec=1h\nUnit=job.service\n")
    assert said(judged("daily.timer", "soon.timer")) == PASSES
    found = judged("daily.timer", triggered_within=86400)
    assert said(found) == ("fail", "not-triggered")
    assert found.seen.en == "never"
    start(manager, "often.timer", "[Timer]\nOnActiveSec=0\nOnUnitActiveSec=1h\nAccuracySec=1ms\nUnit=job.service\n")
    manager.until("often.timer", lambda timer: timer["LastTriggerUSec"] and timer["SubState"] == "waiting")
    assert said(judged("often.timer", triggered_within=86400, no_restarts=False)) == PASSES
    manager.systemctl("stop", "daily.timer")
    assert said(judged("daily.timer")) == ("fail", "stopped")


def test_a_timer_that_will_not_trigger_again_fails(manager: UserManager) -> None:
    manager.add("past.service", "[Service]\nType=oneshot\nExecStart=true\n")
    start(manager, "past.timer", "[Timer]\nOnActiveSec=0\nAccuracySec=1ms\n")
    manager.until("past.timer", lambda timer: timer["SubState"] == "elapsed")
    assert judged("past.timer").outcome == "fail"
    assert said(judged("past.timer", substates=["elapsed"])) == ("fail", "not-armed")


def deploying(unit: str, **options: object) -> Deploying:
    return Deploying("systemd", {"units": [unit], "user": True, **options})


def crash(manager: UserManager, name: str) -> None:
    before = manager.show(name)
    manager.systemctl("kill", "--signal=KILL", name)
    manager.until(
        name,
        lambda now: now["InvocationID"] != before["InvocationID"] and now["ActiveState"] == "active",
    )


def test_started_by_the_deploy(manager: UserManager) -> None:
    start(manager, "deployed.service")
    deploy = deploying("deployed", started_after_deploy=True, no_restarts=True)
    deploy.begins()
    found = deploy.look()
    assert said(found) == ("fail", "not-restarted")
    assert "started after" in found.expected.en
    manager.systemctl("restart", "deployed.service")
    assert said(deploy.look()) == PASSES


def test_a_unit_that_was_not_there_before_the_deploy(manager: UserManager) -> None:
    deploy = deploying("fresh", started_after_deploy=True, no_restarts=True)
    deploy.begins()
    assert said(deploy.look()) == ("fail", "no-such-unit")
    start(manager, "fresh.service")
    assert said(deploy.look()) == PASSES


def test_a_crash_after_the_deploy_began_fails(manager: UserManager) -> None:
    start(manager, "crashing.service", AGAIN)
    crash(manager, "crashing.service")
    deploy = deploying("crashing", no_restarts=True)
    deploy.begins()
    assert said(deploy.look()) == PASSES
    crash(manager, "crashing.service")
    found = deploy.look()
    assert said(found) == ("fail", "restarted")
    assert found.seen.en == "at least 1 restarts"


def test_a_crash_that_brings_the_count_to_what_it_was_is_seen(manager: UserManager) -> None:
    """The deploy's own start sets the count to zero; one crash later it is as before."""
    start(manager, "hidden.service", AGAIN)
    crash(manager, "hidden.service")
    deploy = deploying("hidden", no_restarts=True)
    deploy.begins()
    manager.systemctl("restart", "hidden.service")
    assert said(deploy.look()) == PASSES
    crash(manager, "hidden.service")
    assert manager.show("hidden.service")["NRestarts"] == "1"
    assert said(deploy.look()) == ("fail", "restarted")


def test_without_a_baseline_nothing_is_assumed(manager: UserManager) -> None:
    start(manager, "unseen.service")
    for options in ({"no_restarts": True}, {"started_after_deploy": True}):
        deploy = deploying("unseen", **options)
        assert said(deploy.look()) == ("unknown", "no-deploy")
        deploy.begins(datetime.now(UTC) - timedelta(hours=1), blind=True)
        assert said(deploy.look()) == ("unknown", "no-baseline")


def test_how_long_it_has_been_running(manager: UserManager) -> None:
    start(manager, "young.service")
    found = judged("young", min_uptime=1000)
    assert said(found) == ("unknown", "window-running")
    assert found.seen.en.endswith("of 1000 s")
    assert said(judged("young", min_uptime=0.001)) == PASSES


def test_no_manager_of_this_user_cannot_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    found = judged("any")
    assert said(found) == ("unknown", "no-bus")
    assert "enable-linger" in found.remedy.en


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="this machine was booted with systemd")
def test_a_machine_without_systemd_cannot_be_told() -> None:
    assert said(look("systemd", {"units": "any"})) == ("unknown", "not-booted")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (
            'echo "System has not been booted with systemd as init system (PID 1). Can\'t operate." >&2; exit 1',
            "not-booted",
        ),
        ("echo 'Failed to connect to bus: No medium found' >&2; exit 1", "no-bus"),
        ("echo 'Failed to get properties: Transport endpoint is not connected' >&2; exit 1", "no-bus"),
        ("echo 'Failed to connect to bus: Permission denied' >&2; exit 1", "permission-denied"),
        ("echo 'Failed to get properties: Access denied' >&2; exit 1", "permission-denied"),
        ("echo 'Failed to get properties: Connection timed out' >&2; exit 1", "systemctl-failed"),
        ("exit 1", "systemctl-failed"),
        ("true", "not-understood"),
        ("echo Id=any.service", "not-understood"),
        ("printf '\\377\\376\\n'", "not-understood"),
        ("yes LoadState=loaded | head -c 3000000", "not-understood"),
        (
            "printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\nActiveEnterTimestamp=soon\\n'",
            "not-understood",
        ),
        (
            "printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\nActiveEnterTimestamp=\\nNRestarts=x\\n'",
            "not-understood",
        ),
        ("sleep 1000", "timeout"),
    ],
)
def test_what_systemctl_may_answer_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: str, reason: str
) -> None:
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\n{answers}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert said(look("systemd", {"units": "any", "timeout": 0.7})) == ("unknown", reason)


def test_a_machine_without_systemctl_cannot_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert said(look("systemd", {"units": "any"})) == ("unknown", "not-started")


@pytest.mark.parametrize("units", [[], "", "a*", "a b", "--version", ["ok", "/etc/passwd"]])
def test_names_that_are_none_are_refused(units: object) -> None:
    assert said(look("systemd", {"units": units})) == ("unknown", "bad-options")

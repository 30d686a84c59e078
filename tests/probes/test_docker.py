"""The docker probe with real containers of a real daemon."""

import os
import signal
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.probes.deploying import Deploying
from tests.probes.dockerd import REVISION, Dockerd
from tests.probes.looking import look, said
from ultra_checklist.model import Verdict

NAME = "ultra-backend"
SECOND = 1_000_000_000
PASSES = ("pass", "running")


def check(command: str) -> dict[str, Any]:
    """A health check every tenth of a second."""
    return {"test": ["CMD-SHELL", command], "interval": SECOND // 10, "timeout": 5 * SECOND, "retries": 1}


@pytest.fixture(autouse=True)
def _clean(dockerd: Dockerd) -> Iterator[None]:
    yield
    for container in dockerd.client.containers.list(all=True):
        container.remove(force=True)


def judged(dockerd: Dockerd, **options: object) -> Verdict:
    where = {} if "project" in options else {"name": NAME}
    return look("docker", {"host": dockerd.host, **where, **options})


def health(found: Mapping[str, Any]) -> str:
    return str(found["State"]["Health"]["Status"])


def test_a_running_container_passes(dockerd: Dockerd) -> None:
    dockerd.run(NAME)
    found = judged(dockerd)
    assert said(found) == PASSES
    assert found.seen.en == f"{NAME} running"


def test_the_daemon_is_found_by_its_variable(dockerd: Dockerd, monkeypatch: pytest.MonkeyPatch) -> None:
    dockerd.run(NAME)
    monkeypatch.setenv("DOCKER_HOST", dockerd.host)
    assert said(look("docker", {"name": NAME})) == PASSES


def test_no_such_container_fails(dockerd: Dockerd) -> None:
    found = judged(dockerd)
    assert said(found) == ("fail", "absent")
    assert found.remedy.en == f"docker -H {dockerd.host} ps -a"


def test_the_beginning_of_an_id_is_no_name(dockerd: Dockerd) -> None:
    made = dockerd.run(NAME)
    assert said(judged(dockerd, name=str(made.id)[:8])) == ("fail", "absent")


def test_a_container_that_has_ended_fails_with_its_exit_code(dockerd: Dockerd) -> None:
    dockerd.run(NAME, "sh -c 'exit 3'").wait()
    found = judged(dockerd)
    assert said(found) == ("fail", "exited")
    assert found.seen.en == "exited, exit 3"
    assert found.remedy.en == f"docker -H {dockerd.host} logs --tail 50 {NAME}"


def test_a_container_that_was_never_started_fails(dockerd: Dockerd) -> None:
    dockerd.client.containers.create("local/busybox:1", "sleep 1000", name=NAME, network_mode="none")
    assert said(judged(dockerd)) == ("fail", "created")


def test_a_paused_container_fails(dockerd: Dockerd) -> None:
    made = dockerd.run(NAME)
    made.pause()
    assert said(judged(dockerd)) == ("fail", "paused")
    made.unpause()
    assert said(judged(dockerd)) == PASSES


def test_a_container_that_crashes_for_ever_fails(dockerd: Dockerd) -> None:
    dockerd.run(NAME, "false", restart_policy={"Name": "always"})
    # The daemon waits twice as long each time, so that most of the time it does not run.
    dockerd.until(NAME, lambda found: found["RestartCount"] >= 3 and found["State"]["Restarting"])
    assert said(judged(dockerd)) == ("fail", "restarting")


def test_health(dockerd: Dockerd) -> None:
    dockerd.run(NAME, healthcheck=check("test ! -e /ill"))
    dockerd.until(NAME, lambda found: health(found) == "healthy")
    found = judged(dockerd, health="required")
    assert said(found) == PASSES
    assert found.seen.en == f"{NAME} running (healthy)"
    dockerd.client.containers.get(NAME).exec_run(["touch", "/ill"])
    dockerd.until(NAME, lambda found: health(found) == "unhealthy")
    for wanted in ("if-defined", "required", "optional"):
        found = judged(dockerd, health=wanted)
        assert said(found) == ("fail", "unhealthy")
        assert found.expected.en == "healthy"


def test_a_container_that_is_starting_cannot_be_told(dockerd: Dockerd) -> None:
    slow = check("true") | {"interval": 1000 * SECOND}
    dockerd.run(NAME, healthcheck=slow)
    assert said(judged(dockerd)) == ("unknown", "starting")


@pytest.mark.parametrize("healthcheck", [None, {"test": ["NONE"]}])
def test_a_container_without_a_health_check(dockerd: Dockerd, healthcheck: dict[str, Any] | None) -> None:
    dockerd.run(NAME, healthcheck=healthcheck)
    assert said(judged(dockerd)) == PASSES
    assert said(judged(dockerd, health="optional")) == PASSES
    assert said(judged(dockerd, health="required")) == ("fail", "no-health-check")


def test_the_image(dockerd: Dockerd) -> None:
    old = dockerd.add_image("local/backend:1", revision="")
    dockerd.run(NAME, image="local/backend:1")
    for right in (old, old.removeprefix("sha256:")[:12], "local/backend:1"):
        assert said(judged(dockerd, image=right)) == PASSES
    new = dockerd.add_image("local/backend:1")
    assert new != old
    for other in ("local/backend:1", new, "local/not-here:1"):
        found = judged(dockerd, image=other)
        assert said(found) == ("fail", "other-image")
        assert found.seen.en == old.removeprefix("sha256:")[:12]


def test_the_commit_of_the_image(dockerd: Dockerd) -> None:
    dockerd.run(NAME)
    assert said(judged(dockerd, commit=REVISION)) == PASSES
    assert said(judged(dockerd, commit=REVISION[:9])) == PASSES
    assert said(judged(dockerd, commit="f" * 40)) == ("fail", "other-commit")
    dockerd.add_image("local/unnamed:1", revision="")
    dockerd.run(NAME, image="local/unnamed:1")
    assert said(judged(dockerd, commit=REVISION)) == ("unknown", "no-commit")


def test_the_environment_is_compared_and_never_shown(dockerd: Dockerd) -> None:
    dockerd.run(NAME, environment={"APP_ENV": "production", "KEY": "ordinary-words-that-are-secret"})
    assert said(judged(dockerd, env={"APP_ENV": "production"})) == PASSES
    with_look = Deploying(
        "docker", {"host": dockerd.host, "name": NAME, "env": {"KEY": "x", "APP_ENV": "production"}}
    )
    found = with_look.look()
    assert said(found) == ("fail", "env-differs")
    assert found.facts["other"] == ["KEY"]
    assert b"ordinary-words" not in with_look.material
    assert b"ordinary-words" not in found.model_dump_json().encode()
    assert said(judged(dockerd, env={"NOT_THERE": ""})) == ("fail", "env-missing")


def compose(dockerd: Dockerd, name: str, service: str, command: str = "sleep 1000", oneoff: str = "False") -> None:
    labels = {"project": "ultra", "service": service, "oneoff": oneoff, "container-number": "1"}
    dockerd.run(name, command, labels={f"com.docker.compose.{key}": value for key, value in labels.items()})


def test_the_services_of_a_compose_project(dockerd: Dockerd) -> None:
    assert said(judged(dockerd, project="ultra")) == ("fail", "absent")
    compose(dockerd, "ultra-backend-1", "backend")
    compose(dockerd, "ultra-worker-1", "worker")
    compose(dockerd, "ultra-backend-run-1", "backend", "false", oneoff="True")
    dockerd.run("somebody-elses", "false")
    assert said(judged(dockerd, project="ultra")) == PASSES
    assert said(judged(dockerd, project="ultra", service=["backend", "worker"], count=1)) == PASSES
    assert said(judged(dockerd, project="ultra", service="backend", count=2)) == ("fail", "count")
    found = judged(dockerd, project="ultra", service=["backend", "cron"])
    assert said(found) == ("fail", "absent")
    assert found.facts["missing"] == ["cron"]
    compose(dockerd, "ultra-cron-1", "cron", "false")
    dockerd.client.containers.get("ultra-cron-1").wait()
    assert said(judged(dockerd, project="ultra")) == ("fail", "exited")
    assert said(judged(dockerd, project="ultra", service="worker")) == PASSES


def deploying(dockerd: Dockerd, **options: object) -> Deploying:
    return Deploying("docker", {"host": dockerd.host, "name": NAME, **options})


def crash(dockerd: Dockerd) -> None:
    before = dockerd.client.api.inspect_container(NAME)
    os.kill(before["State"]["Pid"], signal.SIGKILL)
    dockerd.until(
        NAME,
        lambda now: now["RestartCount"] > before["RestartCount"] and now["State"]["Status"] == "running",
    )


@pytest.mark.parametrize("how", ["restart", "recreate"])
def test_started_by_the_deploy(dockerd: Dockerd, how: str) -> None:
    dockerd.run(NAME)
    deploy = deploying(dockerd, started_after_deploy=True, no_restarts=True)
    deploy.begins()
    found = deploy.look()
    assert said(found) == ("fail", "not-restarted")
    assert "started after" in found.expected.en
    if how == "restart":
        dockerd.client.containers.get(NAME).restart(timeout=0)
    else:
        dockerd.run(NAME)
    assert said(deploy.look()) == PASSES


def test_a_container_that_was_not_there_before_the_deploy(dockerd: Dockerd) -> None:
    deploy = deploying(dockerd, started_after_deploy=True, no_restarts=True)
    deploy.begins()
    dockerd.run(NAME)
    assert said(deploy.look()) == PASSES


@pytest.mark.parametrize("recreated", [False, True])
def test_a_crash_after_the_deploy_began_fails(dockerd: Dockerd, recreated: bool) -> None:
    always = {"Name": "always"}
    dockerd.run(NAME, restart_policy=always)
    crash(dockerd)
    deploy = deploying(dockerd, no_restarts=True)
    deploy.begins()
    assert said(deploy.look()) == PASSES
    if recreated:
        dockerd.run(NAME, restart_policy=always)
        assert said(deploy.look()) == PASSES
    crash(dockerd)
    found = deploy.look()
    assert said(found) == ("fail", "restarted")
    assert found.seen.en == "at least 1 restarts"


def test_a_crash_that_brings_the_count_to_what_it_was_is_seen(dockerd: Dockerd) -> None:
    """The deploy's own start sets the count to zero; one crash later it is as before."""
    dockerd.run(NAME, restart_policy={"Name": "always"})
    crash(dockerd)
    deploy = deploying(dockerd, no_restarts=True)
    deploy.begins()
    dockerd.client.containers.get(NAME).restart(timeout=0)
    crash(dockerd)
    assert said(deploy.look()) == ("fail", "restarted")


def test_without_a_baseline_nothing_is_assumed(dockerd: Dockerd) -> None:
    dockerd.run(NAME)
    for options in ({"no_restarts": True}, {"started_after_deploy": True}):
        deploy = deploying(dockerd, **options)
        assert said(deploy.look()) == ("unknown", "no-deploy")
        deploy.begins(datetime.now(UTC) - timedelta(hours=1), blind=True)
        found = deploy.look()
        assert said(found) == ("unknown", "no-baseline")
        assert "ultra-checklist run" in found.remedy.en


def test_how_long_it_has_been_running(dockerd: Dockerd) -> None:
    dockerd.run(NAME)
    found = judged(dockerd, min_uptime=1000)
    assert said(found) == ("unknown", "window-running")
    assert found.seen.en.endswith("of 1000 s")
    assert said(judged(dockerd, min_uptime=0.001)) == PASSES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name"),
        ({"name": "a", "project": "b"}, "name"),
        ({"name": "a", "service": "b"}, "project"),
        ({"name": "a", "count": 2}, "project"),
        ({"name": "a", "host": "ssh://root@somewhere"}, "unix://"),
        ({"name": "a", "host": "tcp://user:secret@somewhere:2375"}, "nothing more"),
        ({"name": "a", "commit": "main"}, "commit"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    found = look("docker", options)
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en
    assert "secret" not in found.model_dump_json()

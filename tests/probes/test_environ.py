"""The environment of a running process agrees with the file; its values never come out."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from tests.probes.test_programs import program
from ultra_checklist.model import Verdict

SECRET = "s3cret-of-the-process"
FILE = f"APP_ENV=production\nAPI_KEY={SECRET}\n"
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes with an environment, and ends them."""
    running: list[subprocess.Popen[bytes]] = []

    def started(mark: str = "mark", **environment: str) -> "subprocess.Popen[bytes]":
        # It says that it runs: before that its environment is still ours.
        argv = [sys.executable, "-c", "print(flush=True); input()", mark]
        process = subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        return process

    yield started
    for process in running:
        process.communicate(b"\n")


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / ".env.production"
    path.write_text(FILE)
    return path


def compare(env: Path, **source: str) -> Verdict:
    options = {"path": str(env), "equals": {"APP_ENV": "production"}, "required": ["API_KEY"], "process": source}
    found = look("dotenv", options)
    assert SECRET not in found.model_dump_json()
    return found


def by_pid(env: Path, process: "subprocess.Popen[bytes]") -> Verdict:
    pid_file = env.with_name("pid")
    pid_file.write_text(f"{process.pid}\n")
    return compare(env, pid_file=str(pid_file))


@pytest.mark.parametrize(
    ("environment", "verdict"),
    [
        ({"APP_ENV": "production", "API_KEY": SECRET, "OTHER": "x"}, ("pass", "as-expected")),
        ({"APP_ENV": "staging", "API_KEY": SECRET}, ("fail", "process-differs")),
        ({"APP_ENV": "production", "API_KEY": "another-secret"}, ("fail", "process-differs")),
        ({"APP_ENV": "production", "API_KEY": f'"{SECRET}"'}, ("fail", "process-differs")),
        ({"APP_ENV": "production"}, ("unknown", "not-in-process")),
        ({}, ("unknown", "not-in-process")),
    ],
)
def test_a_process_by_its_pid_file(
    env: Path, start: Start, environment: dict[str, str], verdict: tuple[str, str]
) -> None:
    found = by_pid(env, start(**environment))
    assert said(found) == verdict
    assert "another-secret" not in found.model_dump_json()


def test_all_processes_that_match_must_agree(env: Path, start: Start) -> None:
    mark = f"mark-{os.getpid()}-{env.parent.name}"
    start(mark, APP_ENV="production", API_KEY=SECRET)
    assert said(compare(env, pattern=f"{mark}$")) == ("pass", "as-expected")
    start(mark, APP_ENV="staging", API_KEY=SECRET)
    assert said(compare(env, pattern=f"{mark}$")) == ("fail", "process-differs")


def test_we_ourselves_are_not_meant(env: Path) -> None:
    assert said(compare(env, pattern="pytest.*test_environ|no-such-process-anywhere"))[0] == "unknown"


def test_what_is_wrong_in_the_file_is_told_first(env: Path) -> None:
    env.write_text(FILE.replace("production", "staging"))
    assert said(compare(env, pattern="no-such-process-anywhere")) == ("fail", "wrong-value")


@pytest.mark.parametrize("content", ["", "x", "-1", "0", "99999999999999999999", "4194999"])
def test_a_pid_file_that_leads_nowhere_cannot_be_told(env: Path, content: str) -> None:
    pid_file = env.with_name("pid")
    assert said(compare(env, pid_file=str(pid_file))) == ("unknown", "no-process")
    pid_file.write_text(content)
    found = compare(env, pid_file=str(pid_file))
    assert said(found) == ("unknown", "no-process")
    assert found.remedy.en


def test_an_environment_that_may_not_be_read_cannot_be_told(
    env: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes

    def denied(path: Path) -> bytes:
        if path.name == "environ":
            raise PermissionError(13, "Permission denied")
        return real(path)

    process = start(APP_ENV="production", API_KEY=SECRET)
    monkeypatch.setattr(Path, "read_bytes", denied)
    found = by_pid(env, process)
    assert said(found) == ("unknown", "process-not-readable")
    assert "sudo" in found.remedy.en


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is searched for programs first."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("echo 0", ("unknown", "no-process")),
        ("echo", ("unknown", "no-process")),
        (
            "echo 'System has not been booted with systemd as init system (PID 1).' >&2; exit 1",
            ("unknown", "no-systemd"),
        ),
        ("exec sleep 1000", ("unknown", "timeout")),
    ],
)
def test_a_unit_that_is_not_running_cannot_be_told(
    env: Path, tools: Path, text: str, verdict: tuple[str, str]
) -> None:
    program(tools, "systemctl", text)
    options = {"path": str(env), "equals": {"APP_ENV": "production"}, "process": {"unit": "backend.service"}}
    assert said(look("dotenv", {**options, "timeout": 0.5})) == verdict


def test_the_main_process_of_a_unit(env: Path, tools: Path, start: Start) -> None:
    process = start(APP_ENV="production", API_KEY=SECRET)
    asked = "show --property=MainPID --value -- backend.service"
    program(tools, "systemctl", f'[ "$*" = "{asked}" ] && echo {process.pid}')
    assert said(compare(env, unit="backend.service")) == ("pass", "as-expected")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (f"""echo '["APP_ENV=production","API_KEY={SECRET}","PATH=/bin"]'""", ("pass", "as-expected")),
        (f"""echo '["APP_ENV=staging","API_KEY={SECRET}"]'""", ("fail", "process-differs")),
        ("echo null", ("unknown", "no-docker")),
        ("echo '<html>'", ("unknown", "no-docker")),
        ("echo 'Error: No such container: backend' >&2; exit 1", ("unknown", "no-process")),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", ("unknown", "no-docker")),
    ],
)
def test_a_container(env: Path, tools: Path, text: str, verdict: tuple[str, str]) -> None:
    program(tools, "docker", text)
    assert said(compare(env, container="backend")) == verdict


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"process": {"unit": "a"}}, "key by key"),
        ({"process": {}, "required": ["A"]}, "one of pid_file"),
        ({"process": {"unit": "a", "pattern": "b"}, "required": ["A"]}, "one of pid_file"),
        ({"process": {"unit": "--all"}, "required": ["A"]}, "unit"),
        ({"process": {"container": "-f"}, "required": ["A"]}, "container"),
        ({"process": {"pattern": "("}, "required": ["A"]}, "regular expression"),
    ],
)
def test_options_that_make_no_sense_are_refused(env: Path, options: dict[str, object], message: str) -> None:
    found = look("dotenv", {"path": str(env), **options})
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en

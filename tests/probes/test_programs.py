"""The tool and command probes with real programs."""

import grp
import os
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from ultra_checklist.probes.tool import Membership, ToolOptions, ToolProbe, ToolSeen


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "options", "verdict"),
    [
        ('echo "git version 2.39.5"', {"name": "it"}, ("pass", "as-expected")),
        ('echo "git version 2.39.5"', {"name": "it", "min": "2.20"}, ("pass", "as-expected")),
        ('echo "git version 2.9"', {"name": "it", "min": "2.20"}, ("fail", "too-old")),
        ('echo "systemd 252 (252.39-1)"', {"name": "it", "min": "249"}, ("pass", "as-expected")),
        ('echo "v1.10.0" >&2', {"name": "it", "min": "1.9"}, ("pass", "as-expected")),
        ("exit 3", {"name": "it"}, ("unknown", "no-version")),
        ("echo fine", {"name": "it", "min": "1"}, ("unknown", "no-version")),
        ('[ "$1" = sub ] && [ "$2" = version ] && echo 2.1', {"name": "it sub"}, ("pass", "as-expected")),
        ("exit 1", {"name": "it sub"}, ("fail", "missing")),
        ("echo 1", {"name": "other"}, ("fail", "missing")),
    ],
)
def test_tools(tools: Path, text: str, options: dict[str, object], verdict: tuple[str, str]) -> None:
    program(tools, "it", text)
    found = look("tool", options)
    assert said(found) == verdict
    if verdict[0] != "pass":
        assert found.remedy.en


ANSWERS = '[ "$2" = --format ] && { %s; exit; }; echo "Docker version 28.2.2, build e6534b4"'


@pytest.mark.parametrize(
    ("daemon", "verdict", "told"),
    [
        ("echo 28.2.2", ("pass", "as-expected"), "docker 28.2.2, daemon 28.2.2"),
        (
            "echo; echo 'Cannot connect to the Docker daemon' >&2; exit 1",
            ("unknown", "daemon-unreachable"),
            "start",
        ),
        ("echo 'permission denied while trying to connect' >&2; exit 1", ("unknown", "daemon-denied"), "usermod"),
        ("exec sleep 1000", ("unknown", "daemon-timeout"), "status"),
        ("echo '<no value>'", ("unknown", "daemon-unreachable"), "start"),
    ],
)
def test_the_daemon_of_docker(tools: Path, daemon: str, verdict: tuple[str, str], told: str) -> None:
    program(tools, "docker", ANSWERS % daemon.replace("sleep", "/bin/sleep"))
    found = look("tool", {"name": "docker", "daemon": True, "timeout": 0.5})
    assert said(found) == verdict
    assert told in found.seen.en + found.remedy.en
    assert said(look("tool", {"name": "docker"})) == ("pass", "as-expected")


@pytest.mark.parametrize(
    ("membership", "verdict", "remedy"),
    [
        ("root", ("pass", "as-expected"), ""),
        ("member", ("pass", "as-expected"), ""),
        ("later", ("fail", "not-in-group"), "log out"),
        ("other", ("fail", "not-in-group"), "usermod -aG docker"),
        ("no-group", ("fail", "not-in-group"), "groupadd docker"),
    ],
)
def test_the_group(membership: Membership, verdict: tuple[str, str], remedy: str) -> None:
    seen = ToolSeen(found=True, version="1.0", membership=membership)
    found = ToolProbe(ToolOptions(name="docker", group="docker")).judge(seen)
    assert said(found) == verdict
    assert remedy in found.remedy.en


def test_who_runs_this_and_the_group(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tools, "it", "echo 1.0")
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setattr(os, "getgroups", lambda: [grp.getgrnam("daemon").gr_gid])
    assert said(look("tool", {"name": "it", "group": "daemon"})) == ("pass", "as-expected")
    assert said(look("tool", {"name": "it", "group": "adm"})) == ("fail", "not-in-group")
    assert said(look("tool", {"name": "it", "group": "no-such-group"})) == ("fail", "not-in-group")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert said(look("tool", {"name": "it", "group": "adm"})) == ("pass", "as-expected")


def test_only_docker_has_a_daemon_that_is_known() -> None:
    found = look("tool", {"name": "git", "daemon": True})
    assert said(found) == ("unknown", "bad-options")
    assert "docker alone" in found.sentence.en


def test_a_tool_that_hangs_is_stopped_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    program(tmp_path, "it", f"sleep 1000 & echo $! > {pid}; wait")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert said(look("tool", {"name": "it", "timeout": 0.5})) == ("unknown", "timeout")
    state = Path(f"/proc/{pid.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"run": ["true"]}, ("pass", "as-expected")),
        ({"run": ["false"]}, ("fail", "exit-code")),
        ({"run": ["sh", "-c", "exit 3"], "exit": [0, 3]}, ("pass", "as-expected")),
        ({"run": ["sh", "-c", "exit 3"], "exit": 3}, ("pass", "as-expected")),
        ({"run": ["echo", "all well"], "stdout": "well$"}, ("pass", "as-expected")),
        ({"run": ["echo", "ill"], "stdout": "well"}, ("fail", "output")),
        ({"run": ["sh", "-c", "echo oh >&2"], "stderr_empty": True}, ("fail", "stderr")),
        ({"run": ["no-such-program-anywhere"]}, ("unknown", "not-started")),
        ({"run": ["sleep", "1000"], "timeout": 0.3}, ("unknown", "timeout")),
        ({"run": "true && false"}, ("unknown", "bad-options")),
        ({"run": []}, ("unknown", "bad-options")),
    ],
)
def test_commands(options: dict[str, object], verdict: tuple[str, str]) -> None:
    assert said(look("command", options)) == verdict


def test_a_relative_program_lies_in_the_deploy_folder(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "health", "pwd")
    assert said(look("command", {"run": ["bin/health"], "stdout": f"^{tmp_path}$"}, tmp_path)) == (
        "pass",
        "as-expected",
    )


def test_children_get_nothing_of_the_environment_but_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTION_TOKEN", "ntn_secret_secret")
    assert said(look("command", {"run": ["env"], "stdout": "NOTION_TOKEN"})) == ("fail", "output")


def test_a_background_child_that_keeps_the_pipe_does_not_hold_us() -> None:
    found = look("command", {"run": ["sh", "-c", "sleep 1000 & echo done"], "stdout": "done"})
    assert said(found) == ("pass", "as-expected")

"""Completion as shells ask for it: in a real bash, from what is in the state folder, with little imported."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell import SMALL, Shell
from ultra_checklist.cli.completing import VARIABLE

BASH = """
source script.bash
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_ultra_checklist_completion ultra-checklist
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def typist(shell: Shell) -> Shell:
    """Somebody with the command on the PATH, one release, and one template of their own."""
    folder = shell.folder / "bin"
    folder.mkdir()
    command = folder / "ultra-checklist"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m ultra_checklist "$@"\n')
    command.chmod(0o755)
    own = shell.folder / "own"
    own.mkdir()
    (own / "small.md").write_text(SMALL)
    shell.environment |= {"PATH": f"{folder}:{os.environ['PATH']}", "ULTRA_CHECKLIST_TEMPLATES": str(own)}
    (shell.folder / "script.bash").write_text(shell.ok("completion", "bash"))
    return shell


def complete(typist: Shell, *words: str) -> list[str]:
    """What bash offers for the last word."""
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", BASH, "bash", "ultra-checklist", *words],
        capture_output=True,
        text=True,
        env=typist.full_environment(),
        cwd=typist.folder,
        check=True,
    )
    # Outside of a real completion bash has no `compopt`, by which it is told to complete names of files.
    assert [line for line in done.stderr.splitlines() if "compopt" not in line] == []
    return done.stdout.split()


def test_commands_and_options(typist: Shell) -> None:
    assert complete(typist, "do") == ["doctor"]
    assert "production_release" in complete(typist, "lint", "")
    assert complete(typist, "close", "v1", "--as", "") == ["complete", "rolled-back", "aborted"]
    assert complete(typist, "check", "x", "--var-") == ["--var-file"]
    assert complete(typist, "--ver") == ["--version"]


def test_releases_templates_items_and_environments(typist: Shell) -> None:
    typist.ok("init", "--local")
    for version in ("v1.0", "v1.1"):
        typist.ok("new", version, "--local", "-t", "small", "--queued", "-e", "staging")
    typist.ok("close", "v1.0", "--local", "--as", "aborted", "--reason", "a try")
    typist.ok("new", "v1.0", "--local", "-t", "small", "--queued", "-e", "staging")
    for command in ("status", "update", "close", "gate", "report", "run", "check"):
        assert complete(typist, command, "v1.") == ["v1.0", "v1.1"]
    assert complete(typist, "sync", "--release", "") == ["v1.0", "v1.1"]
    assert complete(typist, "run", "v1.0", "") == ["there", "word", "another"]
    assert complete(typist, "check", "v1.0", "word", "") == ["there", "another"]
    assert complete(typist, "new", "v2", "-t", "sm") == ["small"]
    assert complete(typist, "prove", "small", "w") == ["word"]
    assert complete(typist, "status", "-e", "") == ["staging"]
    assert complete(typist, "status", "-e", "production", "") == []


def test_what_cannot_be_read_completes_nothing(typist: Shell) -> None:
    typist.home.mkdir()
    (typist.home / "settings.env").write_text("this is no setting\n")
    assert complete(typist, "status", "") == []
    assert complete(typist, "run", "v1", "") == []
    assert not list(typist.home.glob("logs/*"))


@pytest.mark.parametrize("words", ["", "status ", "run v1.0 ", "check pro"])
def test_little_is_imported(typist: Shell, words: str) -> None:
    program = (
        "import atexit, sys\n"
        f"def end(): sys.stderr.write(repr(sorted({HEAVY!r} & sys.modules.keys())))\n"
        "atexit.register(end)\n"
        "from ultra_checklist.cli.main import main\n"
        "main()\n"
    )
    line = f"ultra-checklist {words}"
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), VARIABLE: "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=typist.full_environment() | asked,
        cwd=typist.folder,
        check=True,
    )
    assert done.stderr == "[]"


HEAVY = {
    "httpx",
    "rich",
    "docker",
    "notion_client",
    "markdown_it",
    "ruamel.yaml",
    "starlette",
    "uvicorn",
    "sqlite3",
}


@pytest.mark.parametrize(("shell_name", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_the_script_is_one_of_that_shell(typist: Shell, shell_name: str, check: list[str]) -> None:
    script = typist.ok("completion", shell_name)
    assert VARIABLE in script
    program = shutil.which(shell_name)
    if program is None:
        pytest.skip(f"{shell_name} is not on this machine")
    file = Path(typist.folder, f"script.{shell_name}")
    file.write_text(script)
    done = subprocess.run([program, *check, str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused(shell: Shell) -> None:
    done = shell.run("completion", "tcsh")
    assert done.returncode == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr

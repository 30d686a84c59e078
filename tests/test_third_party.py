"""The guide's probe of one's own: a package of one file and one line, installed as anybody would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.generated import ROOT
from tests.shell import SMALL, Shell

GUIDE = (
    (ROOT / "docs" / "guide.md")
    .read_text(encoding="utf-8")
    .split("## A probe of your own", 1)[1]
    .split("\n## ", 1)[0]
)
PROJECT = '[build-system]\nrequires = ["setuptools"]\n\n[project]\nname = "our-probes"\nversion = "1"\n\n'


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed: what the guide shows, and nothing else."""
    source, target = tmp_path_factory.mktemp("our-probes"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PROJECT + block("toml"))
    (source / "our_probes.py").write_text(block("python"))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
         "--disable-pip-version-check", "--target", target, source],
        capture_output=True, text=True, check=False, env={**os.environ, "PIP_NO_INPUT": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def ours(tmp_path: Path, site: Path) -> Shell:
    return Shell(tmp_path, {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}", "ULTRA_CHECKLIST_LANG": "en"})


def checklist(ours: Shell, options: str) -> str:
    path = ours.folder / "ours.md"
    path.write_text(SMALL.replace('command: {run: ["true"], exit: 0}', f"disk: {options}"))
    return str(path)


def test_it_is_listed_with_its_options(ours: Shell) -> None:
    assert re.search(r"^disk +free space on a disk$", ours.ok("probes"), re.MULTILINE)
    assert "Least free bytes." in ours.ok("probes", "disk")


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ("{path: /, free: 1}", 0, "1 pass"),
        ("{path: /, free: 1000000000000000000}", 1, "the disk is full"),
        ("{path: /nowhere, free: 1}", 3, "can't tell"),
        ("{path: /, free: 0}", 2, "ours.md:"),
        ("{path: /, fre: 1}", 2, "ours.md:"),
    ],
)
def test_it_is_checked_like_the_built_in_ones(ours: Shell, options: str, code: int, told: str) -> None:
    done = ours.run("check", checklist(ours, options))
    assert (done.returncode, told in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr


def test_it_is_shown_its_bad_twin(ours: Shell) -> None:
    assert "disk" in ours.ok("prove", checklist(ours, "{path: /, free: 1}"))


def test_without_it_the_template_says_which_probe_is_missing(ours: Shell) -> None:
    done = ours.run("lint", checklist(ours, "{path: /, free: 1}"), PYTHONPATH=str(ROOT))
    assert done.returncode == 2
    assert "disk" in done.stderr + done.stdout
    assert "known:" in done.stderr + done.stdout

"""The examples of docs/examples, run for real: the deploy runs through an open gate, and through no other."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.generated import ROOT
from tests.shell import GATED, Served

EXAMPLES = ROOT / "docs" / "examples"
DEPLOY = "scripts/deploy_production_backend.sh"


@pytest.fixture
def pipeline(served: Served) -> Served:
    """A checkout with a deploy script that leaves a mark, and a release whose gate is open."""
    script = served.folder / DEPLOY
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho deployed > deployed\n")
    script.chmod(0o755)
    (served.folder / "small.md").write_text(GATED)
    served.ok("init", "--lang", "en")
    served.ok("new", "v1.0.0", "-t", "small.md")
    for item in ("there", "word", "another"):
        served.tick(item)
    return served


def loaded(name: str) -> Any:
    return YAML(typ="safe").load((EXAMPLES / name).read_text(encoding="utf-8"))


def run(served: Served, argv: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    """As a runner does: with our command on the path."""
    environment = served.full_environment() | more | {"GATE_PAUSE": "0"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(argv, env=environment, cwd=served.folder, capture_output=True, text=True, check=False)


def github(served: Served, version: str) -> int:
    """The steps of the job, each in a shell of its own, until one fails: GitHub's `bash -e {0}`."""
    job = loaded("github-actions.yml")["jobs"]["deploy"]
    assert job["env"] == {"VERSION": "${{ inputs.version }}"}
    assert not job.get("continue-on-error")
    for step in job["steps"]:
        assert set(step) == {"name", "run"}
        done = run(served, ["bash", "-e", "-c", step["run"]], VERSION=version)
        if done.returncode:
            return done.returncode
    return 0


def gitlab(served: Served, version: str) -> int:
    """The script of the job in one shell that stops at the first error, as GitLab's runner does."""
    jobs = loaded("gitlab-ci.yml")
    (job,) = (jobs[name] for name in jobs if name != "stages")
    assert job["stage"] in jobs["stages"]
    assert not job.get("allow_failure")
    script = "\n".join(["set -eo pipefail", *job["script"]])
    return run(served, ["bash", "-c", script], CI_COMMIT_TAG=version).returncode


def shell(name: str) -> Callable[[Served, str], int]:
    def start(served: Served, version: str) -> int:
        return run(served, ["sh", str(EXAMPLES / name), version]).returncode

    return start


PIPELINES = {
    "github": github,
    "gitlab": gitlab,
    "deploy.sh": shell("deploy.sh"),
    "deploy-or-wait.sh": shell("deploy-or-wait.sh"),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_the_deploy_runs_through_an_open_gate_and_no_other(pipeline: Served, name: str) -> None:
    start, mark = PIPELINES[name], pipeline.folder / "deployed"
    pipeline.tick("another", ticked=False)
    assert (start(pipeline, "v1.0.0"), mark.exists()) == (1, False)
    pipeline.ok("new", "v1.0.0", "-t", "small.md", "-e", "staging")
    assert (start(pipeline, "v1.0.0"), mark.exists()) == (2, False)
    (pipeline.home / "releases/small/staging/v1.0.0/manifest.json").unlink()
    assert (start(pipeline, "v9.9.9"), mark.exists()) == (3, False)
    pipeline.tick("another")
    assert (start(pipeline, "v1.0.0"), mark.exists()) == (0, True)


def test_every_example_is_run_and_named() -> None:
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in EXAMPLES.iterdir())
    assert files == ["deploy-or-wait.sh", "deploy.sh", "github-actions.yml", "gitlab-ci.yml"]
    assert [name for name in files if f"examples/{name}" not in text] == []


def test_shell_examples_are_sound() -> None:
    for path in EXAMPLES.glob("*.sh"):
        assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0
        assert path.stat().st_mode & 0o111

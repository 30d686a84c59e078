"""A pretend production in a folder: a real git repository, a real deploy script, a real HTTP backend."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ultra_checklist.demo.documents import DEPLOY_SCRIPT, DOCUMENTS, ENVIRONMENT, STAND_INS

OLD, NEW = "v1.3.0", "v1.4.0"
SCRIPT = "scripts/deploy_production_backend.sh"
_DATE = "2026-01-01T00:00:00Z"
_WHO = {
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@example.invalid",
    "GIT_AUTHOR_DATE": _DATE,
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@example.invalid",
    "GIT_COMMITTER_DATE": _DATE,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass
class World:
    """The pretend production. ``checkout`` stands at the old release; the tag of the new one is there."""

    root: Path
    backend: subprocess.Popen[str]
    port: int
    forgetful: bool = False
    """Whether its people record who works, and since when, only after the deploy."""

    @property
    def checkout(self) -> Path:
        """The repository on the pretend production server."""
        return self.root / "production"

    @property
    def run_folder(self) -> Path:
        """What the running backend keeps: process id, release, log."""
        return self.checkout / "run"

    @property
    def evidence(self) -> Path:
        """The evidence store of the product that looks after this production."""
        return self.root.parent / "state" / "evidence"

    @property
    def url(self) -> str:
        """The backend's read-only address."""
        return f"http://127.0.0.1:{self.port}/health"

    @property
    def path(self) -> str:
        """A PATH with stand-ins for tools that this machine may not have."""
        return f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"

    @property
    def variables(self) -> dict[str, str]:
        """Values for the checklist's variables."""
        return {
            "DEPLOY_DIR": str(self.checkout),
            "BACKEND_URL": self.url,
            "BACKEND_LOG": "run/backend.log",
            "GIT_REMOTE": "origin",
        }

    def git(self, *arguments: str) -> str:
        """Run git in the checkout. Raises CalledProcessError."""
        return _git(self.checkout, *arguments)

    def deploying(self, tag: str = NEW) -> list[str]:
        """The command that deploys a version."""
        return [str(self.checkout / SCRIPT), tag]

    def mend(self) -> None:
        """Take the error out of the backend's new version."""
        (self.run_folder / "broken").unlink(missing_ok=True)

    def push_to_main(self) -> None:
        """Somebody pushes to main, and the server hears of it: the branch moves, the release does not."""
        main = self.git("rev-parse", "origin/main")
        tree = self.git("rev-parse", f"{main}^{{tree}}")
        commit = self.git("commit-tree", tree, "-p", main, "-m", "Work on the next release")
        self.git("push", "--quiet", "origin", f"{commit}:refs/heads/main")


@contextmanager
def pretend_production(root: Path) -> Iterator[World]:
    """Build it below ``root``, start its backend, and stop that at the end; the files stay."""
    _repository(root)
    _tools(root)
    run_folder = root / "production" / "run"
    backend = subprocess.Popen(
        [sys.executable, "-m", "ultra_checklist.demo.backend", str(run_folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        line = backend.stdout.readline() if backend.stdout is not None else ""
        if not line.startswith("ready "):
            raise RuntimeError("the pretend backend did not start")
        yield World(root, backend, int(line.split()[1]))
    finally:
        backend.terminate()
        backend.wait()
        if backend.stdout is not None:
            backend.stdout.close()


def _repository(root: Path) -> None:
    origin, checkout = root / "origin.git", root / "production"
    root.mkdir(parents=True, exist_ok=True)
    _git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    _git(root, "init", "--quiet", "--initial-branch=main", str(checkout))
    for name, text in {**DOCUMENTS, SCRIPT: DEPLOY_SCRIPT}.items():
        _write(checkout / name, text, executable=name.endswith(".sh"))
    _commit(checkout, f"Release {OLD}", OLD)
    _write(checkout / "app" / "version.txt", f"{NEW}\n")
    _commit(checkout, f"Release {NEW}", NEW)
    _git(checkout, "remote", "add", "origin", str(origin))
    _git(checkout, "push", "--quiet", "--tags", "origin", "main")
    _git(checkout, "-c", "advice.detachedHead=false", "checkout", "--quiet", OLD)
    _write(checkout / ".env.production", ENVIRONMENT)
    (checkout / ".env.production").chmod(0o600)
    _write(checkout / "run" / "release", f"{OLD} {_git(checkout, 'rev-parse', 'HEAD')}\n")


def _commit(checkout: Path, message: str, tag: str) -> None:
    _git(checkout, "add", "--all")
    _git(checkout, "commit", "--quiet", "--message", message)
    _git(checkout, "tag", tag)


def _tools(root: Path) -> None:
    """Stand-ins for tools that a bare machine lacks; a real systemctl is used where there is one."""
    for name, text in STAND_INS.items():
        if name == "docker" or shutil.which(name) is None:
            _write(root / "bin" / name, text, executable=True)


def _write(path: Path, text: str, *, executable: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if executable:
        path.chmod(0o755)


def _git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **_WHO}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - git is found where everybody finds it
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return done.stdout.strip()

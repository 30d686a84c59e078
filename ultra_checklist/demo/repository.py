"""Real git repositories for the pretend machines: an origin, a checkout on production, one on staging."""

import os
import shutil
import subprocess
from pathlib import Path

from ultra_checklist.demo.documents import (
    DEPLOY_SCRIPT,
    DOCUMENTS,
    ENVIRONMENT,
    STAGING_ENVIRONMENT,
    STAND_INS,
)

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
_QUIET = ("-c", "advice.detachedHead=false", "checkout", "--quiet")


def build(root: Path) -> None:
    """Production stands at the old release, staging at the new one; each has its environment file."""
    origin, production, staging = root / "origin.git", root / "production", root / "staging"
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(root, "init", "--quiet", "--initial-branch=main", str(production))
    for name, text in {**DOCUMENTS, SCRIPT: DEPLOY_SCRIPT}.items():
        write(production / name, text, executable=name.endswith(".sh"))
    _commit(production, f"Release {OLD}", OLD)
    write(production / "app" / "version.txt", f"{NEW}\n")
    _commit(production, f"Release {NEW}", NEW)
    git(production, "remote", "add", "origin", str(origin))
    git(production, "push", "--quiet", "--tags", "origin", "main")
    git(root, "clone", "--quiet", str(origin), str(staging))
    for checkout, tag, name, values in (
        (production, OLD, ".env.production", ENVIRONMENT),
        (staging, NEW, ".env.staging", STAGING_ENVIRONMENT),
    ):
        git(checkout, *_QUIET, tag)
        write(checkout / name, values)
        (checkout / name).chmod(0o600)
        put_release(checkout, tag)


def put_release(checkout: Path, tag: str) -> None:
    """Say which version the backend of this machine runs from its next start."""
    write(checkout / "run" / "release", f"{tag} {git(checkout, 'rev-parse', tag)}\n")


def tools(root: Path) -> None:
    """Stand-ins for tools that a bare machine lacks; a real systemctl is used where there is one."""
    for name, text in STAND_INS.items():
        if name == "docker" or shutil.which(name) is None:
            write(root / "bin" / name, text, executable=True)


def write(path: Path, text: str, *, executable: bool = False) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if executable:
        path.chmod(0o755)


def git(folder: Path, *arguments: str) -> str:
    """Run git as the demo, without anybody's settings. Raises CalledProcessError."""
    environment = {**os.environ, **_WHO}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - git is found where everybody finds it
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return done.stdout.strip()


def _commit(checkout: Path, message: str, tag: str) -> None:
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", message)
    git(checkout, "tag", tag)

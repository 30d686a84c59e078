"""Git in one folder: asked, never allowed to write, or to run what the repository configures.

Hooks, fsmonitor and filters are off, nothing is fetched, and nobody is asked for a password.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.probes.base import Completed, Context

SHORT = 12
"""Digits of a commit that are shown."""
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false",
         "-c", "protocol.allow=never", "-c", "core.quotePath=false")  # fmt: skip
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_PAGER": "cat"}
_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply")


class Git:
    """Git in one folder."""

    def __init__(self, context: Context, folder: Path, timeout: float) -> None:
        self._context = context
        self.folder = folder
        self._until = monotonic() + timeout

    @property
    def left(self) -> float:
        """Seconds that are left for all further commands together."""
        return max(0.1, self._until - monotonic())

    async def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Completed:
        """One command of git, which is run once for all probes that want to know the same.

        Raises ProbeCannotTell where it cannot be started or does not end in time.
        """
        argv = ["git", "-C", str(self.folder), *_SAFE, *arguments]
        known = {**_ENVIRONMENT, **(environment or {})}
        return await self._context.once(
            ("git", *argv, *sorted(known.items())),
            lambda: self._context.run(argv, timeout=self.left, environment=known),
        )

    async def line(self, *arguments: str) -> str:
        """What a command of git says; empty where it fails."""
        done = await self.run(*arguments)
        return done.stdout.strip() if done.code == 0 else ""

    def failed(self, command: str, done: Completed) -> ProbeCannotTell:
        """An error for a command that did not answer, or with more than can be read."""
        told = "its output is too long" if done.truncated else done.stderr.strip()[:200]
        return ProbeCannotTell(
            "git-failed",
            f"git {command} did not answer: {told}",
            f"git {command} が失敗しました: {told}",
            remedy=f"git -C {shlex.quote(str(self.folder))} {command}",
        )

    async def require_repository(self) -> None:
        """Raises ProbeCannotTell where there is no checkout, or git refuses it."""
        quoted = shlex.quote(str(self.folder))
        if not self.folder.is_dir():
            raise ProbeCannotTell(
                "not-a-repository",
                f"{self.folder} is no folder",
                f"{self.folder} はフォルダではありません",
                remedy="--var DEPLOY_DIR=/path/to/the/checkout",
            )
        done = await self.run("rev-parse", "--is-inside-work-tree")
        if done.code == 0 and done.stdout.strip() == "true":
            return
        if "dubious ownership" in done.stderr:
            raise ProbeCannotTell(
                "dubious-ownership",
                f"{self.folder} belongs to another user, so git refuses it",
                f"{self.folder} の所有者が異なるため git が拒否しました",
                remedy=f"git config --global --add safe.directory {quoted}",
            )
        raise ProbeCannotTell(
            "not-a-repository",
            f"{self.folder} is no git checkout",
            f"{self.folder} は git の作業コピーではありません",
            remedy=f"git -C {quoted} rev-parse --is-inside-work-tree",
        )

    async def changes(self) -> list[str]:
        """All changes, submodules included: see git-status(1), porcelain v1 with -z."""
        done = await self.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=none")
        if done.code != 0 or done.truncated:
            raise self.failed("status", done)
        found: list[str] = []
        fields = iter(done.stdout.split("\0"))
        for entry in fields:
            if entry:
                found.append(f"{entry[:2].strip()} {entry[3:]}")
                if entry[0] in "RC":
                    next(fields, None)
        return found

    async def hidden(self) -> list[str]:
        """Files marked assume-unchanged (lower-case) or skip-worktree (S): see git-ls-files(1), -v."""
        done = await self.run("ls-files", "-v", "-z")
        if done.code != 0 or done.truncated:
            raise self.failed("ls-files", done)
        return [e[2:] for e in done.stdout.split("\0") if e and (e[0].islower() or e[0] == "S")]

    async def stashes(self) -> list[str]:
        """What was put aside, newest first, from its log: see git-stash(1)."""
        if not await self.line("rev-parse", "--verify", "-q", "refs/stash"):
            return []
        log = self.folder / await self.line("rev-parse", "--git-path", "logs/refs/stash")
        try:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        return [line.partition("\t")[2] for line in reversed(lines)] or ["stash"]

    async def empty_submodules(self) -> list[str]:
        """Submodules that are not checked out. Those that are, status looks into."""
        if not (self.folder / ".gitmodules").is_file():
            return []
        done = await self.run("config", "-z", "-f", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$")
        paths = [entry.partition("\n")[2] for entry in done.stdout.split("\0") if entry]
        listed = (await self.run("ls-files", "-s", "-z", "--", *(f":(literal){path}" for path in paths))).stdout
        links = [entry.partition("\t")[2] for entry in listed.split("\0") if entry.startswith("160000 ")]
        return [path for path in links if not (self.folder / path / ".git").exists()]

    async def under_way(self) -> list[str]:
        """Operations that were begun and not ended, by the file in .git that tells it."""
        folder = Path(await self.line("rev-parse", "--absolute-git-dir"))
        return [name for name in _UNDER_WAY if (folder / name).exists()]

    async def commit_of(self, name: str) -> str:
        """The commit a name stands for, a tag before a branch; empty where there is none."""
        for full in (f"refs/tags/{name}", name):
            found = await self.line("rev-parse", "--verify", "-q", "--end-of-options", f"{full}^{{commit}}")
            if found:
                return found
        return ""

    async def file(self, name: str, commit: str | None) -> dict[str, object]:
        """The blob of a file here and in a commit; filters are not run, since the repository configures them."""
        if commit is not None and not await self.commit_of(commit):
            raise ProbeCannotTell(
                "commit-unknown",
                f"the checkout does not know the commit {commit[:SHORT]}",
                f"コミット {commit[:SHORT]} が手元にありません",
                remedy=f"git -C {shlex.quote(str(self.folder))} fetch --tags",
            )
        path = self.folder / name
        kind = "symlink" if path.is_symlink() else "file" if path.is_file() else "missing"
        blob = await self.line("hash-object", "--no-filters", "--", name) if kind == "file" else ""
        theirs = ""
        if commit is not None:
            theirs = await self.line("rev-parse", "--verify", "-q", "--end-of-options", f"{commit}:{name}")
        return {"file_kind": kind, "file_blob": blob, "commit_blob": theirs}

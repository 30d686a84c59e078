"""A checkout: clean, at the right commit, with a tag or a file as the pinned commit has it.

Git is only asked, never allowed to fetch, to write into the repository, or to run what the repository
configures (hooks, fsmonitor, filters).
"""

import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import CommitId, Completed, Context, Observation, Options, Probe, failed, passed

SHORT = 12
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false",
         "-c", "protocol.allow=never", "-c", "core.quotePath=false")  # fmt: skip
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_PAGER": "cat"}
_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply")


class GitOptions(Options):
    """What a checkout must be like."""

    path: str = Field(min_length=1, description="The checkout.")
    clean: bool = Field(default=False, description="true: no local change, no untracked file, nothing hidden.")
    allow: list[str] = Field(default_factory=list, description="Patterns of untracked files that may be there.")
    ref: str | None = Field(
        default=None, description="A tag or branch that must be there, and name `commit` where that is given."
    )
    commit: CommitId | None = Field(default=None, description="The commit that ref, head or file is compared with.")
    head: bool = Field(default=False, description="true: the checkout stands at `commit`.")
    branch: str | None = Field(default=None, description="The branch that must be checked out.")
    file: str | None = Field(default=None, description="A file that must be as `commit` has it.")

    @model_validator(mode="after")
    def _asserts(self) -> "GitOptions":
        if not (self.clean or self.ref or self.head or self.branch or self.file):
            raise ValueError("this asserts nothing: add clean, ref, head, branch or file")
        if (self.head or self.file) and self.commit is None:
            raise ValueError("head and file are compared with a commit: add `commit`")
        return self


class GitSeen(Observation):
    """What a checkout was like."""

    path: str
    head: str = ""
    branch: str = ""
    changes: list[str] = Field(default_factory=list)
    """Status letters and path of each change, such as ``M src/a.py``."""
    hidden: list[str] = Field(default_factory=list)
    """Files whose changes the index was told not to see."""
    under_way: list[str] = Field(default_factory=list)
    ref_commit: str = ""
    file_blob: str = ""
    file_kind: str = ""
    commit_blob: str = ""
    commit_known: bool = True


class GitProbe(Probe[GitOptions, GitSeen]):
    """Asks git about a checkout."""

    name = "git"
    summary = Words(
        en="a git checkout: clean, at a commit, a tag's commit, a file as committed",
        ja="git の作業コピー: 変更なし・コミット・タグ・ファイルの一致",
    )
    options_model: ClassVar[type[Options]] = GitOptions
    observation_model: ClassVar[type[Observation]] = GitSeen
    judged: ClassVar[frozenset[str]] = frozenset({"allow", "head"})

    async def observe(self, context: Context) -> GitSeen:
        """Ask what the options need, and nothing else."""
        folder = context.path(self.options.path)
        git = _Git(context, folder, self.options.timeout)
        await git.require_repository()
        options = self.options
        seen: dict[str, object] = {
            "path": str(folder),
            "head": await git.line("rev-parse", "--verify", "-q", "HEAD"),
        }
        if options.clean:
            seen["changes"] = await git.changes()
            seen["hidden"] = await git.hidden()
            seen["under_way"] = await git.under_way()
        if options.branch:
            seen["branch"] = await git.line("symbolic-ref", "-q", "--short", "HEAD")
        if options.ref:
            seen["ref_commit"] = await git.commit_of(options.ref)
        if options.commit:
            seen["commit_known"] = bool(await git.commit_of(options.commit))
        if options.file and options.commit:
            seen |= await git.file(options.file, options.commit)
        return GitSeen.model_validate(seen)

    def judge(self, seen: GitSeen) -> Verdict:
        """Every question that the options ask, in their order; the first that fails answers."""
        quoted = shlex.quote(seen.path)
        for verdict in (self._clean(seen, quoted), self._ref(seen, quoted), self._head(seen, quoted),
                        self._branch(seen, quoted), self._file(seen, quoted)):  # fmt: skip
            if verdict is not None:
                return verdict
        told = self.options.branch or (self.options.commit or seen.ref_commit or seen.head)[:SHORT]
        words = Words(en="clean", ja="変更なし") if self.options.clean else Words.same(told)
        return passed("as-expected", expected=words, seen=words, commit=self.options.commit or "")

    def _clean(self, seen: GitSeen, quoted: str) -> Verdict | None:
        if not self.options.clean:
            return None
        changes = [c for c in seen.changes if not (c.startswith("??") and _allowed(c[3:], self.options.allow))]
        clean = Words(en="clean", ja="変更なし")
        if seen.under_way:
            what = ", ".join(seen.under_way)
            return failed(
                "operation-in-progress",
                Words(en=f"an operation of git is under way: {what}", ja=f"git の操作が途中です: {what}"),
                expected=clean,
                seen=Words.same(what),
                remedy=Words.same(f"git -C {quoted} status"),
                under_way=seen.under_way,
            )
        if changes:
            return failed(
                "dirty",
                Words(en=f"{len(changes)} local changes", ja=f"ローカル変更が {len(changes)} 件あります"),
                expected=clean,
                seen=Words.same(_some(changes)),
                remedy=Words.same(f"git -C {quoted} status; git -C {quoted} stash --include-untracked"),
                changes=sorted(changes),
            )
        if seen.hidden:
            files = " ".join(shlex.quote(name) for name in seen.hidden[:5])
            return failed(
                "hidden-changes",
                Words(
                    en=f"changes of {len(seen.hidden)} files are hidden (assume-unchanged or skip-worktree)",
                    ja=f"{len(seen.hidden)} 個のファイルの変更が隠されています（assume-unchanged / skip-worktree）",
                ),
                expected=clean,
                seen=Words.same(_some(seen.hidden)),
                remedy=Words.same(f"git -C {quoted} update-index --no-assume-unchanged --no-skip-worktree {files}"),
                hidden=sorted(seen.hidden),
            )
        return None

    def _ref(self, seen: GitSeen, quoted: str) -> Verdict | None:
        ref, commit = self.options.ref, self.options.commit or ""
        if not ref or _same(seen.ref_commit, commit):
            return None
        told = Words(
            en=f"{ref} does not name the release's commit", ja=f"{ref} がリリース対象のコミットを指していません"
        )
        if not seen.ref_commit:
            told = Words(en=f"there is no {ref} here", ja=f"{ref} がありません")
        reason = "wrong-commit" if seen.ref_commit else "no-such-ref"
        there = Words.same(seen.ref_commit[:SHORT]) if seen.ref_commit else Words(en="not there", ja="存在しません")
        return failed(
            reason,
            told,
            expected=Words.same(commit[:SHORT] or ref),
            seen=there,
            remedy=Words.same(
                f"git -C {quoted} fetch --tags --force && git -C {quoted} log -1 {shlex.quote(ref)} --"
            ),
            ref=ref,
            commit=seen.ref_commit,
        )

    def _head(self, seen: GitSeen, quoted: str) -> Verdict | None:
        commit = self.options.commit or ""
        if not self.options.head or _same(seen.head, commit):
            return None
        return failed(
            "wrong-head",
            Words(en="another commit is checked out", ja="別のコミットがチェックアウトされています"),
            expected=Words.same(commit[:SHORT]),
            seen=Words.same(seen.head[:SHORT] or "-"),
            remedy=Words.same(f"git -C {quoted} checkout {commit}"),
            head=seen.head,
        )

    def _branch(self, seen: GitSeen, quoted: str) -> Verdict | None:
        wanted = self.options.branch
        if not wanted or seen.branch == wanted:
            return None
        detached = Words(en="no branch (detached HEAD)", ja="ブランチなし（detached HEAD）")
        return failed(
            "wrong-branch",
            Words(en="another branch is checked out", ja="別のブランチがチェックアウトされています"),
            expected=Words.same(wanted),
            seen=Words.same(seen.branch) if seen.branch else detached,
            remedy=Words.same(f"git -C {quoted} checkout {shlex.quote(wanted)}"),
            branch=seen.branch,
        )

    def _file(self, seen: GitSeen, quoted: str) -> Verdict | None:
        name, commit = self.options.file, self.options.commit or ""
        if not name:
            return None
        if not seen.commit_known:
            raise ValueError("observe() refuses an unknown commit")
        if seen.file_blob and seen.file_blob == seen.commit_blob:
            return None
        path, blob = shlex.quote(name), seen.commit_blob[:SHORT]
        theirs = Words.same(blob) if blob else Words(en="not there", ja="存在しません")
        ours = Words.same(seen.file_blob[:SHORT] or seen.file_kind)
        facts = {"file": seen.file_blob or seen.file_kind, "commit": seen.commit_blob}
        remedy = Words.same(f"git -C {quoted} diff {commit[:SHORT]} -- {path}")
        if seen.file_kind != "file":
            told = Words(
                en=f"{name} is no file here: {seen.file_kind}",
                ja=f"{name} がファイルとして存在しません: {seen.file_kind}",
            )
            remedy = Words.same(f"ls -l {shlex.quote(str(Path(seen.path) / name))}")
            return failed("missing", told, expected=theirs, seen=ours, remedy=remedy, **facts)
        if not blob:
            told = Words(en=f"the release has no {name}", ja=f"リリース対象に {name} がありません")
            return failed("file-not-in-commit", told, expected=theirs, seen=ours, remedy=remedy, **facts)
        told = Words(en=f"{name} is not the release's", ja=f"{name} がリリース対象と異なります")
        return failed("file-differs", told, expected=theirs, seen=ours, remedy=remedy, **facts)


class _Git:
    """Git in one folder."""

    def __init__(self, context: Context, folder: Path, timeout: float) -> None:
        self._context = context
        self._folder = folder
        self._timeout = timeout

    async def run(self, *arguments: str) -> Completed:
        argv = ["git", "-C", str(self._folder), *_SAFE, *arguments]
        return await self._context.run(argv, timeout=self._timeout, environment=_ENVIRONMENT)

    async def line(self, *arguments: str) -> str:
        done = await self.run(*arguments)
        return done.stdout.strip() if done.code == 0 else ""

    async def require_repository(self) -> None:
        quoted = shlex.quote(str(self._folder))
        if not self._folder.is_dir():
            raise ProbeCannotTell(
                "not-a-repository",
                f"{self._folder} is no folder",
                f"{self._folder} はフォルダではありません",
                remedy="--var DEPLOY_DIR=/path/to/the/checkout",
            )
        done = await self.run("rev-parse", "--is-inside-work-tree")
        if done.code == 0 and done.stdout.strip() == "true":
            return
        if "dubious ownership" in done.stderr:
            raise ProbeCannotTell(
                "dubious-ownership",
                f"{self._folder} belongs to another user, so git refuses it",
                f"{self._folder} の所有者が異なるため git が拒否しました",
                remedy=f"git config --global --add safe.directory {quoted}",
            )
        raise ProbeCannotTell(
            "not-a-repository",
            f"{self._folder} is no git checkout",
            f"{self._folder} は git の作業コピーではありません",
            remedy=f"git -C {quoted} rev-parse --is-inside-work-tree",
        )

    async def changes(self) -> list[str]:
        """All changes, submodules included: see git-status(1), porcelain v1 with -z."""
        done = await self.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=none")
        if done.code != 0 or done.truncated:
            raise ProbeCannotTell(
                "git-failed",
                f"git status did not answer: {done.stderr.strip()[:200]}",
                f"git status が失敗しました: {done.stderr.strip()[:200]}",
                remedy=f"git -C {shlex.quote(str(self._folder))} status",
            )
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
        return [e[2:] for e in done.stdout.split("\0") if e and (e[0].islower() or e[0] == "S")]

    async def under_way(self) -> list[str]:
        folder = Path(await self.line("rev-parse", "--absolute-git-dir"))
        return [name for name in _UNDER_WAY if (folder / name).exists()]

    async def commit_of(self, name: str) -> str:
        """The commit a name stands for, a tag before a branch; empty where there is none."""
        for full in (f"refs/tags/{name}", name):
            found = await self.line("rev-parse", "--verify", "-q", "--end-of-options", f"{full}^{{commit}}")
            if found:
                return found
        return ""

    async def file(self, name: str, commit: str) -> dict[str, object]:
        """The blob of a file here and in a commit; filters are not run, since the repository configures them."""
        if not await self.commit_of(commit):
            raise ProbeCannotTell(
                "commit-unknown",
                f"the checkout does not know the commit {commit[:SHORT]}",
                f"コミット {commit[:SHORT]} が手元にありません",
                remedy=f"git -C {shlex.quote(str(self._folder))} fetch --tags",
            )
        path = self._folder / name
        kind = "symlink" if path.is_symlink() else "file" if path.is_file() else "missing"
        blob = await self.line("hash-object", "--no-filters", "--", name) if kind == "file" else ""
        return {
            "file_kind": kind,
            "file_blob": blob,
            "commit_blob": await self.line("rev-parse", "--verify", "-q", "--end-of-options", f"{commit}:{name}"),
        }


def _same(found: str, wanted: str) -> bool:
    return bool(found) and found.startswith(wanted)


def _allowed(name: str, patterns: list[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _some(names: list[str]) -> str:
    more = f" (+{len(names) - 3})" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more

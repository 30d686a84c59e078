"""A checkout: clean, at the right commit, with a tag or a file as the pinned commit and the remote have it."""

import shlex
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Outcome, Verdict, Words
from ultra_checklist.probes import remote as remote_of
from ultra_checklist.probes import script as script_of
from ultra_checklist.probes import signature as signature_of
from ultra_checklist.probes.base import CommitId, Context, Observation, Options, Probe, Twin, failed, passed
from ultra_checklist.probes.checkout import SHORT, Git


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
    executable: bool = Field(default=False, description="true: `file` may be executed.")
    syntax: bool = Field(default=False, description="true: `file` is a shell script that `bash -n` can read.")
    signed: bool = Field(
        default=False, description="true: `ref` is a signed tag, and its key is in the keyring or among `signers`."
    )
    signers: str | None = Field(
        default=None, description="File of the SSH keys that may sign (ssh-keygen(1), ALLOWED SIGNERS)."
    )
    remote: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][\w.-]*$",
        description="Name of a remote that must have `ref` at the same commit, `branch` where the checkout stands, "
        "and `file` the same in `branch` or its default branch. It is asked without fetching, login or prompt.",
    )

    @model_validator(mode="after")
    def _asserts(self) -> "GitOptions":
        if not (self.clean or self.ref or self.head or self.branch or self.file):
            raise WrongValue(
                "this asserts nothing: add clean, ref, head, branch or file",
                "確認する内容がありません。clean、ref、head、branch、file のいずれかを指定してください",
            )
        looked_into = self.remote or self.executable or self.syntax
        if self.commit is None and (self.head or (self.file and not looked_into)):
            raise WrongValue(
                "head and file are compared with a commit: add `commit`",
                "head と file はコミットと比べます。`commit` を指定してください",
            )
        if (self.executable or self.syntax) and not self.file:
            raise WrongValue(
                "executable and syntax are asked of a file: add `file`",
                "executable と syntax はファイルについて確認します。`file` を指定してください",
            )
        if (self.signed and not self.ref) or (self.signers and not self.signed):
            raise WrongValue(
                "signed is asked of a tag: add `ref`; signers need `signed: true`",
                "signed はタグについて確認します。`ref` を指定してください（signers には `signed: true` も必要）",
            )
        if self.remote and not (self.ref or self.branch or self.file):
            raise WrongValue(
                "a remote is asked for something: add ref, branch or file",
                "remote には確認する対象が必要です。ref、branch、file のいずれかを指定してください",
            )
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
    stashes: list[str] = Field(default_factory=list)
    empty_submodules: list[str] = Field(default_factory=list)
    ref_commit: str = ""
    file_blob: str = ""
    file_kind: str = ""
    commit_blob: str = ""
    commit_known: bool = True
    script: script_of.ScriptSeen | None = None
    signature: signature_of.SignatureSeen | None = None
    remote: remote_of.RemoteSeen | None = None


class GitProbe(Probe[GitOptions, GitSeen]):
    """Asks git about a checkout."""

    name = "git"
    summary = Words(
        en="a git checkout: clean, at a commit, a tag's commit and signature, a file as commit and remote have it",
        ja="git の作業コピー: 変更なし・コミット・タグと署名・ファイルとリモートの一致",
    )
    options_model: ClassVar[type[Options]] = GitOptions
    observation_model: ClassVar[type[Observation]] = GitSeen
    judged: ClassVar[frozenset[str]] = frozenset({"allow", "head"})

    @property
    def programs(self) -> tuple[str, ...]:
        """Git; bash where a script's syntax is asked for."""
        return ("git", "bash") if self.options.syntax else ("git",)

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.git_twins import twins

        return twins(self)

    async def observe(self, context: Context) -> GitSeen:
        """Ask what the options need, and nothing else."""
        folder = context.path(self.options.path)
        git = Git(context, folder, self.options.timeout)
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
            seen["stashes"] = await git.stashes()
            seen["empty_submodules"] = await git.empty_submodules()
        if options.branch:
            seen["branch"] = await git.line("symbolic-ref", "-q", "--short", "HEAD")
        if options.ref:
            seen["ref_commit"] = await git.commit_of(options.ref)
        if options.commit:
            seen["commit_known"] = bool(await git.commit_of(options.commit))
        if options.ref and options.signed:
            signers = context.path(options.signers) if options.signers else None
            seen["signature"] = await signature_of.look(git, options.ref, signers)
        if options.file:
            seen |= await git.file(options.file, options.commit)
        if options.file and seen["file_kind"] == "file" and (options.executable or options.syntax):
            seen["script"] = await script_of.look(context, folder / options.file, git.left, options.syntax)
        if options.remote:
            seen["remote"] = await remote_of.look(
                git, options.remote, ref=options.ref, branch=options.branch, file=options.file
            )
        return GitSeen.model_validate(seen)

    def judge(self, seen: GitSeen) -> Verdict:
        """Every question that the options ask, in order: the first that fails answers, else the first unknown."""
        quoted = shlex.quote(seen.path)
        found = (self._clean(seen, quoted), self._aside(seen, quoted), self._ref(seen, quoted),
                 self._head(seen, quoted), self._branch(seen, quoted), self._file(seen, quoted), self._script(seen),
                 self._signature(seen, quoted), self._remote(seen, quoted))  # fmt: skip
        wrong = [verdict for verdict in found if verdict is not None]
        if wrong:
            return next((verdict for verdict in wrong if verdict.outcome is Outcome.FAIL), wrong[0])
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
                remedy=Words.same(f"git -C {quoted} status; git -C {quoted} diff HEAD"),
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

    def _aside(self, seen: GitSeen, quoted: str) -> Verdict | None:
        """What a clean checkout may lack or have put aside."""
        clean = Words(en="clean", ja="変更なし")
        missing = [name for name in seen.empty_submodules if not _allowed(name, self.options.allow)]
        if missing:
            return failed(
                "submodule-missing",
                Words(
                    en=f"{len(missing)} submodules are not checked out",
                    ja=f"{len(missing)} 個のサブモジュールが取得されていません",
                ),
                expected=clean,
                seen=Words.same(_some(missing)),
                remedy=Words.same(f"git -C {quoted} submodule update --init --recursive"),
                submodules=sorted(missing),
            )
        if seen.stashes:
            return failed(
                "stash",
                Words(
                    en=f"{len(seen.stashes)} changes were put aside (stash)",
                    ja=f"退避された変更（stash）が {len(seen.stashes)} 件あります",
                ),
                expected=clean,
                seen=Words.same(_some(seen.stashes)),
                remedy=Words.same(f"git -C {quoted} stash show -p; git -C {quoted} stash drop"),
                stashes=seen.stashes,
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
        if seen.file_kind == "file" and self.options.commit is None:
            return None
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

    def _script(self, seen: GitSeen) -> Verdict | None:
        if seen.script is None:
            return None
        return script_of.judge(seen.script, Path(seen.path) / (self.options.file or ""), self.options.executable)

    def _signature(self, seen: GitSeen, quoted: str) -> Verdict | None:
        if seen.signature is None:
            return None
        return signature_of.judge(seen.signature, self.options.ref or "", quoted)

    def _remote(self, seen: GitSeen, quoted: str) -> Verdict | None:
        options = self.options
        if seen.remote is None or options.remote is None:
            return None
        ref = (options.ref, seen.ref_commit) if options.ref else None
        head = (options.branch, seen.head) if options.branch else None
        found = remote_of.judge(seen.remote, options.remote, quoted, ref=ref, head=head)
        if found is None and options.file:
            found = remote_of.judge_file(seen.remote, options.remote, quoted, options.file, seen.file_blob)
        return found


def _same(found: str, wanted: str) -> bool:
    return bool(found) and found.startswith(wanted)


def _allowed(name: str, patterns: list[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _some(names: list[str]) -> str:
    more = f" (+{len(names) - 3})" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more

"""What a remote has, asked by ``git ls-remote``: nothing is fetched, and nobody is asked for a password.

Neither the repository's configuration nor the remote can make a program run: only plain transports are allowed,
and credential helpers, password prompts, and other programs than ``ssh`` and ``git-upload-pack`` are off.
"""

import math
import shlex

from pydantic import Field

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Observation, failed, unknown
from ultra_checklist.probes.checkout import SHORT, Git

_QUIET = ("-c", "credential.helper=", "-c", "core.askPass=true")
_NO_LOGIN = ("authentication failed", "permission denied", "could not read username", "could not read password",
             "host key verification failed", "error: 403", "error: 401")  # fmt: skip
_NO_NETWORK = ("could not resolve", "failed to connect", "connection refused", "timed out", "unreachable")


class RemoteSeen(Observation):
    """What a remote has."""

    problem: str = ""
    """Why it was not seen: a reason code, empty where it was."""
    ref: str = ""
    """The commit of the tag or branch there."""
    branch: str = ""
    """The commit of the branch, or of the default branch, there."""
    branch_known: bool = False
    """Whether the checkout has that commit."""
    blob: str = ""
    """The file in that commit."""
    names: list[str] = Field(default_factory=list)


async def look(git: Git, remote: str, *, ref: str | None, branch: str | None, file: str | None) -> RemoteSeen:
    """Ask a remote for a tag or branch, a branch's tip, and the file in it. What cannot be seen is said in it."""
    tip = f"refs/heads/{branch}" if branch else "HEAD"
    tag, head = f"refs/tags/{ref}", f"refs/heads/{ref}"
    asked = [tip, *((tag, f"{tag}^{{}}", head) if ref else ())]
    try:
        found, problem = await _ask(git, remote, asked)
    except ProbeCannotTell as error:
        # A remote that keeps silent does not hide what is wrong here.
        return RemoteSeen(problem=f"remote-{error.reason}")
    if problem:
        return RemoteSeen(problem=problem)
    commit = found.get(tip, "")
    known = bool(commit) and file is not None and bool(await git.commit_of(commit))
    blob = ""
    if known and file is not None:
        blob = await git.line("rev-parse", "--verify", "-q", "--end-of-options", f"{commit}:{file}")
    return RemoteSeen(
        ref=found.get(f"{tag}^{{}}") or found.get(tag) or found.get(head) or "",
        branch=commit,
        branch_known=known,
        blob=blob,
        names=sorted(found),
    )


async def _ask(git: Git, remote: str, names: list[str]) -> tuple[dict[str, str], str]:
    """The commits of names at a remote, and why they are not known."""
    seconds = max(1, math.ceil(git.left))
    environment = {
        "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
        "GIT_ASKPASS": "true",
        "GIT_SSH_COMMAND": f"ssh -oBatchMode=yes -oConnectTimeout={seconds}",
        "GIT_SSH_VARIANT": "ssh",
    }
    done = await git.run(
        *_QUIET, "ls-remote", "--upload-pack=git-upload-pack", "--", remote, *names, environment=environment
    )
    if done.code != 0 or done.truncated:
        # What git says may hold the address, and that a password: only the kind of trouble is kept.
        said = done.stderr.lower()
        if "does not appear to be a git repository" in said and f"'{remote.lower()}'" in said:
            return {}, "no-such-remote"
        if any(word in said for word in _NO_NETWORK):
            return {}, "remote-unreachable"
        return {}, "remote-denied" if any(word in said for word in _NO_LOGIN) else "remote-unreachable"
    lines = (line.partition("\t") for line in done.stdout.splitlines())
    return {name: commit for commit, _, name in lines if name in names}, ""


def judge(
    seen: RemoteSeen, remote: str, quoted: str, *, ref: tuple[str, str] | None, head: tuple[str, str] | None
) -> Verdict | None:
    """Whether the remote has the checkout's commits: of a ref and of a branch, each given as name and commit."""
    if seen.problem:
        return _unseen(seen.problem, remote, quoted)
    for pair, there in ((ref, seen.ref), (head, seen.branch)):
        if pair is None or there == pair[1]:
            continue
        name, here = pair
        told = Words(
            en=f"{remote} has another {name} than the checkout", ja=f"{remote} の {name} が手元と異なります"
        )
        if not there:
            told = Words(en=f"{remote} has no {name}", ja=f"{remote} に {name} がありません")
        return failed(
            "remote-differs" if there else "not-on-remote",
            told,
            expected=Words.same(here[:SHORT] or name),
            seen=Words.same(there[:SHORT]) if there else Words(en="not there", ja="存在しません"),
            remedy=Words.same(f"git -C {quoted} ls-remote {shlex.quote(remote)} {shlex.quote(name)}"),
            remote=there,
        )
    return None


def judge_file(seen: RemoteSeen, remote: str, quoted: str, name: str, blob: str) -> Verdict | None:
    """Whether the remote's branch has the same file."""
    if not seen.branch:
        return unknown(
            "no-remote-branch",
            Words(en=f"{remote} has no such branch", ja=f"{remote} に対象のブランチがありません"),
            remedy=Words.same(f"git -C {quoted} ls-remote {shlex.quote(remote)}"),
        )
    if not seen.branch_known:
        return unknown(
            "not-fetched",
            Words(
                en=f"the newest commit of {remote} is not here, so its {name} cannot be compared",
                ja=f"{remote} の最新コミットが手元にないため {name} を比較できません",
            ),
            expected=Words.same(seen.branch[:SHORT]),
            remedy=Words.same(f"git -C {quoted} fetch {shlex.quote(remote)}"),
        )
    if seen.blob == blob:
        return None
    return failed(
        "file-not-newest",
        Words(
            en=f"{remote} has a newer {name}" if seen.blob else f"{remote} has no {name}",
            ja=f"{remote} の {name} と異なります" if seen.blob else f"{remote} に {name} がありません",
        ),
        expected=Words.same(seen.blob[:SHORT]) if seen.blob else Words(en="not there", ja="存在しません"),
        seen=Words.same(blob[:SHORT] or "-"),
        remedy=Words.same(f"git -C {quoted} diff {seen.branch[:SHORT]} -- {shlex.quote(name)}"),
        remote=seen.blob,
    )


def _unseen(problem: str, remote: str, quoted: str) -> Verdict:
    words = {
        "no-such-remote": (f"the checkout has no remote {remote}", f"リモート {remote} が設定されていません"),
        "remote-denied": (
            f"{remote} lets nobody in without a login; credential helpers are not used",
            f"{remote} に認証が必要です（credential helper は使いません）",
        ),
        "remote-timeout": (f"{remote} did not answer in time", f"{remote} が時間内に応答しません"),
    }
    en, ja = words.get(problem, (f"{remote} cannot be reached", f"{remote} に接続できません"))
    listed = f"git -C {quoted} remote -v" if problem == "no-such-remote" else f"git -C {quoted} ls-remote {remote}"
    return unknown(problem, Words(en=en, ja=ja), remedy=Words.same(listed))

"""Checkouts that are wrong in one thing: on each of them the probe ``git`` must fail.

They are made anew, so none of their commits is the one that is asked for. Where a file is compared with a commit,
that is the twin's own commit.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ultra_checklist.errors import ProbeCannotTell
from ultra_checklist.model import Words
from ultra_checklist.probes.base import Context, Probe, Stage, Twin

if TYPE_CHECKING:
    from ultra_checklist.probes.git import GitProbe

_SAFE = (
    "-c", "user.name=twin", "-c", "user.email=twin@localhost", "-c", "commit.gpgSign=false",
    "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false", "-c", "core.fsmonitor=false",
)  # fmt: skip
_SCRIPT = "#!/bin/sh\nexit 0\n"
_BROKEN = "#!/bin/sh\nif true; then\n"


class Checkout:
    """A repository with one commit, made to be spoiled."""

    def __init__(self, context: Context, folder: Path, file: str, timeout: float) -> None:
        self._context, self._timeout = context, timeout
        self.folder = folder
        self.file = folder / file

    async def git(self, *arguments: str) -> str:
        """What a command of git says. Raises ProbeCannotTell where it fails."""
        argv = ["git", "-C", str(self.folder), *_SAFE, *arguments]
        done = await self._context.run(argv, timeout=self._timeout)
        if done.code != 0:
            raise ProbeCannotTell(
                "no-twin",
                f"git {arguments[0]} failed on the twin: {done.stderr.strip()[:200]}",
                f"双子の作成中に git {arguments[0]} が失敗しました: {done.stderr.strip()[:200]}",
                remedy="git --version",
            )
        return done.stdout.strip()

    async def begin(self, branch: str, text: str, *, executable: bool) -> None:
        """One commit with the file."""
        self.folder.mkdir()
        await self.git("init", "-q", "--template=", "-b", branch)
        self.write(text, executable=executable)
        await self.commit()

    def write(self, text: str, *, executable: bool = True) -> None:
        """Give the file another content."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(text)
        self.file.chmod(0o755 if executable else 0o644)

    async def commit(self) -> str:
        """Commit all there is; gives its id."""
        await self.git("add", "-A", "-f")
        await self.git("commit", "-q", "--allow-empty", "-m", "twin")
        return await self.git("rev-parse", "HEAD")


Spoil = Callable[[Checkout], Awaitable[object]]


def twins(probe: "GitProbe") -> Iterator[Twin]:
    """One for each thing that is asked of the checkout."""
    options = probe.options
    if options.clean:
        yield Twin(Words(en="a changed file", ja="変更されたファイル"), stage=_at(probe, _changed))
    if options.ref:
        named = f"refs/tags/{options.ref}"
        yield Twin(
            Words(en=f"no {options.ref}", ja=f"{options.ref} なし"),
            stage=_at(probe, lambda there: there.git("status")),
        )
        if options.commit:
            words = Words(en=f"{options.ref} at another commit", ja=f"別のコミットを指す {options.ref}")
            yield Twin(words, stage=_at(probe, lambda there: there.git("update-ref", named, "HEAD")))
        if options.signed:
            words = Words(en=f"{options.ref} without a signature", ja=f"署名のない {options.ref}")
            stage = _at(probe, lambda there: there.git("update-ref", named, "HEAD"), own_commit=True)
            yield Twin(words, stage=stage)
    if options.head:
        words = Words(en="another commit checked out", ja="別のコミットをチェックアウト")
        yield Twin(words, stage=_at(probe, lambda there: there.git("status")))
    if options.branch:
        words = Words(en="another branch checked out", ja="別のブランチをチェックアウト")
        stage = _at(probe, lambda there: there.git("checkout", "-q", "-b", f"not-{options.branch}"))
        yield Twin(words, stage=stage)
    yield from _of_file(probe)
    if options.remote:
        words = Words(en="a remote that is behind", ja="内容の古いリモート")
        yield Twin(words, stage=_at(probe, lambda there: _ahead_of(there, probe), own_commit=True))


def _of_file(probe: "GitProbe") -> Iterator[Twin]:
    options, name = probe.options, probe.options.file
    if not name:
        return
    yield Twin(Words(en=f"no {name}", ja=f"{name} なし"), stage=_at(probe, _removed, own_commit=True))
    if options.commit:
        words = Words(en=f"{name} changed since the commit", ja=f"コミット後に変更された {name}")
        yield Twin(words, stage=_at(probe, _changed, own_commit=True))
    if options.executable:
        words = Words(en=f"{name} not executable", ja=f"実行権限のない {name}")
        yield Twin(words, stage=_at(probe, lambda there: there.git("status"), own_commit=True, executable=False))
    if options.syntax:
        words = Words(en=f"{name} with an open `if`", ja=f"`if` が閉じていない {name}")
        yield Twin(words, stage=_at(probe, lambda there: there.git("status"), own_commit=True, text=_BROKEN))


def _at(
    probe: "GitProbe", spoil: Spoil, *, own_commit: bool = False, text: str = _SCRIPT, executable: bool = True
) -> Stage:
    """A stage: a clean checkout but for what ``spoil`` does; with ``own_commit`` its commit is asked for."""
    options = probe.options
    name = PurePosixPath(options.file or "twin.sh")
    if name.is_absolute() or ".." in name.parts:
        # The twin must not leave its folder.
        name = PurePosixPath("twin.sh")

    @asynccontextmanager
    async def stage(folder: Path, context: Context) -> AsyncIterator[tuple[Probe[Any, Any], Context]]:
        there = Checkout(context, folder / "checkout", str(name), options.timeout)
        await there.begin(options.branch or "twin", text, executable=executable)
        await spoil(there)
        changed: dict[str, Any] = {"path": str(there.folder)}
        if options.file and str(name) != options.file:
            changed["file"] = str(name)
        if own_commit and options.commit:
            changed["commit"] = await there.git("rev-parse", "HEAD")
        if options.signers:
            changed["signers"] = str(folder / "signers")
        yield probe.like(**changed), context

    return stage


async def _changed(there: Checkout) -> None:
    there.write(_SCRIPT + "# changed\n")


async def _removed(there: Checkout) -> None:
    there.file.unlink()


async def _ahead_of(there: Checkout, probe: "GitProbe") -> None:
    """A remote that has the first commit, and a second one here."""
    bare, ref = there.folder.with_name("remote.git"), probe.options.ref
    names = [f"refs/tags/{ref}"] if ref else []
    for name in names:
        await there.git("update-ref", name, "HEAD")
    await there.git("clone", "-q", "--bare", "--template=", str(there.folder), str(bare))
    await there.git("remote", "add", probe.options.remote or "", str(bare))
    there.write(_SCRIPT + "# newer\n")
    await there.commit()
    for name in names:
        await there.git("update-ref", name, "HEAD")

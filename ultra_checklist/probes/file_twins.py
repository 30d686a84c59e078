"""Files that are wrong in one thing: on each of them the probe ``file`` must fail."""

import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultra_checklist.model import Words
from ultra_checklist.probes.base import Context, Probe, Stage, Twin

if TYPE_CHECKING:
    from ultra_checklist.probes.file import FileProbe

_BITS = (0o004, 0o040, 0o002, 0o020, 0o001, 0o010, 0o400, 0o200, 0o100, 0o4000, 0o2000, 0o1000)
_PAD = 1 << 20
CANDIDATES = ("", "twin", "\n", "0", "{}", "a b\tc", "–")
"""Texts of which one hardly matches a regular expression that asks for anything."""


def unlike(pattern: str) -> str:
    """A text in which a regular expression finds nothing; any text where there is none among the candidates."""
    return next((text for text in CANDIDATES if re.search(pattern, text) is None), CANDIDATES[1])


def twins(probe: "FileProbe") -> Iterator[Twin]:
    """One for each thing that is asked of the file."""
    options = probe.options
    if not options.exists:
        yield Twin(Words(en="a file that is there", ja="存在するファイル"), stage=_at(probe, _left_alone))
        return
    yield Twin(Words(en="no file", ja="ファイルなし"), stage=_at(probe, Path.unlink))
    if options.type != "any":
        other = "directory" if options.type == "file" else "file"
        yield Twin(Words.same(f"type {other}"), stage=_at(probe, _left_alone, kind=other))
    if not options.follow_symlinks:
        yield Twin(Words(en="a symbolic link", ja="シンボリックリンク"), stage=_at(probe, _behind_a_link))
    if options.mode is not None:
        wanted = int(options.mode, 8)
        bad = looser(wanted)
        yield Twin(Words.same(f"mode {bad:04o}"), stage=_at(probe, lambda path: path.chmod(bad)))
        if options.backups:
            name = Words(en=f"a copy of it with mode {bad:04o}", ja=f"権限 {bad:04o} のコピー")
            yield Twin(name, stage=_at(probe, lambda path: _copy(path, bad)))
    if options.min_size:
        size = options.min_size - 1
        cut = Words(en=f"a file of {size} bytes", ja=f"{size} バイトのファイル")
        yield Twin(cut, stage=_at(probe, lambda path: os.truncate(path, size), kind="file"))
    if options.sha256 is not None or options.contains is not None:
        text = unlike(options.contains) if options.contains is not None else "twin"
        yield Twin(
            Words(en="a file with another content", ja="内容が異なるファイル"),
            stage=_at(probe, _holding(probe, text)),
        )
    if options.safe_folder:
        words = Words(en="a folder into which everybody may write", ja="誰でも書き込めるフォルダ")
        yield Twin(words, stage=_at(probe, lambda path: path.parent.chmod(0o777)))
    yield from _of_others(probe)


def _of_others(probe: "FileProbe") -> Iterator[Twin]:
    """Whose it is only root could change: so that is a changed observation."""
    from ultra_checklist.probes.file import FileSeen

    options = probe.options
    for wanted, name in ((options.owner, "owner"), (options.group, "group")):
        if wanted is not None:
            mode = f"{int(options.mode, 8):04o}" if options.mode is not None else "0600"
            kind = "file" if options.type == "any" else options.type
            seen = FileSeen(
                path="twin", kind=kind, mode=mode, owner=options.owner or "-", group=options.group or "-"
            )
            seen = seen.model_copy(update={name: f"not-{wanted}"})
            yield Twin(Words.same(f"{name} not-{wanted}"), seen=seen)


def looser(wanted: int) -> int:
    """A mode with one bit more than that; where there is none more, with one less."""
    bit = next((bit for bit in _BITS if not wanted & bit), None)
    return wanted | bit if bit is not None else wanted & ~1


def _at(probe: "FileProbe", spoil: Callable[[Path], object], kind: str = "") -> Stage:
    """A stage: a file as the options want it, but for what ``spoil`` does to it."""
    options = probe.options
    mode = int(options.mode, 8) if options.mode is not None else 0o600

    @asynccontextmanager
    async def stage(folder: Path, context: Context) -> AsyncIterator[tuple[Probe[Any, Any], Context]]:
        path = folder / "twin"
        if kind == "directory" or (not kind and options.type == "directory" and spoil is not Path.unlink):
            path.mkdir()
        else:
            path.touch()
            os.truncate(path, options.min_size or 0)
        path.chmod(mode)
        spoil(path)
        yield probe.like(path=str(path)), context

    return stage


def _holding(probe: "FileProbe", text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text.encode())
        os.truncate(path, max(probe.options.min_size or 0, len(text.encode())))

    return write


def _left_alone(_path: Path) -> None:
    """What it is suffices."""


def _copy(path: Path, mode: int) -> None:
    copy = path.with_name(f"{path.name}.bak")
    copy.touch()
    copy.chmod(mode)


def _behind_a_link(path: Path) -> None:
    behind = path.with_name("behind")
    path.rename(behind)
    path.symlink_to(behind)

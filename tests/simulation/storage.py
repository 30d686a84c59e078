"""A disk with a cache: what was not flushed is gone after a power cut, and any call may fail."""

import errno
import os
import random
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.virtual import Host, Killed, Process, current
from ultra_checklist.disk import System


@dataclass
class _File:
    """A file apart from its names: what of it is on the disk for certain."""

    durable: bytes = b""


@dataclass
class _Open:
    path: Path
    file: _File | None
    locked: bool = False


class Storage(System):
    """The system calls of all simulated hosts, on real files whose durability is kept track of."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._open: dict[int, _Open] = {}
        self._names: dict[Path, _File] = {}
        self._kept: dict[Path, _File] = {}
        """Names that are on the disk for certain."""

    def durable(self, path: Path) -> bytes | None:
        """What a power cut now would leave of a file; None: nothing."""
        kept = self._kept.get(path)
        return kept.durable if kept is not None else None

    def power_cut(self, host: Host) -> None:
        """Lose what was not flushed: the files are put back to what the disk had for certain."""
        mine = [path for path in {*self._names, *self._kept} if path.is_relative_to(host.home)]
        for path in mine:
            path.unlink(missing_ok=True)
            self._names.pop(path, None)
            kept = self._kept.get(path)
            if kept is not None:
                path.write_bytes(kept.durable)
                self._names[path] = kept

    def open(self, path: Path, flags: int) -> int:
        with _Step(f"open {path.name}"):
            self._may_fail(writes=bool(flags & os.O_CREAT))
            handle = super().open(path, flags)
        if flags & os.O_DIRECTORY:
            self._open[handle] = _Open(path, None)
        else:
            self._open[handle] = _Open(path, self._names.setdefault(path, _File()))
        return handle

    def write(self, handle: int, data: bytes) -> int:
        with _Step(f"write {self._open[handle].path.name}"):
            if self._fails():
                # A full disk takes a part first.
                part = data[: self._rng.randrange(len(data))]
                os.write(handle, part)
                self._raise()
            if len(data) > 1 and self._rng.random() < 0.05:
                data = data[: self._rng.randrange(1, len(data))]
            return super().write(handle, data)

    def fsync(self, handle: int) -> None:
        opened = self._open[handle]
        with _Step(f"fsync {opened.path.name}"):
            self._may_fail()
            self._flush(opened)

    def _flush(self, opened: _Open) -> None:
        if opened.file is not None:
            opened.file.durable = opened.path.read_bytes()
            return
        for path in {*self._names, *self._kept}:
            if path.parent == opened.path:
                if path in self._names:
                    self._kept[path] = self._names[path]
                else:
                    del self._kept[path]

    def close(self, handle: int) -> None:
        opened = self._open.pop(handle)
        os.close(handle)
        host = current.get().host
        if opened.locked and host.locks.get(opened.path) is current.get():
            del host.locks[opened.path]

    def truncate(self, path: Path, size: int) -> None:
        with _Step(f"truncate {path.name}"):
            super().truncate(path, size)

    def rename(self, source: Path, target: Path) -> None:
        with _Step(f"rename {target.name}"):
            self._may_fail()
            super().rename(source, target)
            self._names[target] = self._names.pop(source)

    def unlink(self, path: Path) -> None:
        with _Step(f"unlink {path.name}"):
            super().unlink(path)
            self._names.pop(path, None)

    def mkdir(self, path: Path) -> None:
        with _Step(f"mkdir {path.name}"):
            self._may_fail()
            super().mkdir(path)

    def lock(self, handle: int, *, wait: bool) -> None:
        process, opened = current.get(), self._open[handle]
        with _Step(f"lock {opened.path.name}"):
            holder = process.host.locks.get(opened.path)
            if holder is not None:
                assert not wait or holder is not process, "a process waits for itself"
                raise BlockingIOError(errno.EAGAIN, "locked")
            process.host.locks[opened.path] = process
            opened.locked = True

    def _fails(self) -> bool:
        host = current.get().host
        return host.disk_full or (host.disk_errors > 0 and self._rng.random() < host.disk_errors)

    def _raise(self) -> None:
        code = errno.ENOSPC if current.get().host.disk_full else errno.EIO
        raise OSError(code, os.strerror(code))

    def _may_fail(self, *, writes: bool = True) -> None:
        if writes and self._fails():
            self._raise()


class _Step:
    """A system call as two steps: a process may die before it and after it."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> Process:
        process = current.get()
        process.step(f"before {self._what}")
        return process

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            current.get().step(f"after {self._what}")


__all__ = ["Killed", "Storage"]

"""The only writer of the state folder: what it says is kept survives a kill and a power cut.

A file is either appended to or replaced as a whole, and both are on the disk when the call returns.
All system calls go through ``system``, so that a test can stop the world, fill the disk or cut the
power at any one of them.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ultra_checklist.errors import StateError
from ultra_checklist.words import Words

_REMEDY = Words(
    en="Free space or mend the rights of the state folder; nothing is shown green until then",
    ja="空き容量か状態フォルダの権限を確認してください。それまで新たに合格と表示されることはありません",
)
_CANNOT_WRITE = Words(en="{path} cannot be written: {why}", ja="{path} に書き込めません: {why}")
_CANNOT_REMOVE = Words(en="{path} cannot be removed: {why}", ja="{path} を削除できません: {why}")
_MEND = Words(en="Mend the rights of the state folder", ja="状態フォルダの権限を確認してください")


class System:
    """The system calls that writing needs, one method each."""

    def open(self, path: Path, flags: int) -> int:
        """Make or open a file for the owner alone, never through a symbolic link."""
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if flags & os.O_CREAT:
            # Whatever the umask is; a file of somebody else's stays as it is.
            with contextlib.suppress(PermissionError):
                os.fchmod(handle, 0o600)
        return handle

    def write(self, handle: int, data: bytes) -> int:
        """Hand bytes over; returns how many of them were taken."""
        return os.write(handle, data)

    def fsync(self, handle: int) -> None:
        """Wait until everything of a file is on the disk."""
        os.fsync(handle)

    def close(self, handle: int) -> None:
        """Close a file."""
        os.close(handle)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file to a size."""
        os.truncate(path, size)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name; what had it is replaced in one step."""
        source.rename(target)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def mkdir(self, path: Path) -> None:
        """Make a folder for the owner alone."""
        path.mkdir(mode=0o700)
        path.chmod(0o700)

    def lock(self, handle: int, *, wait: bool) -> None:
        """Lock an open file for this process alone.

        Raises BlockingIOError where another has it and ``wait`` is false.
        """
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


system = System()


def append(path: Path, data: bytes, *, named: bool = False) -> None:
    """Add bytes to a file. Raises StateError, and then the file is as it was.

    ``named`` says that this process has appended to it before: its name is on the disk for certain.
    """
    size = path.stat().st_size if path.exists() else 0
    try:
        _into(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, (data,))
        if not named:
            sync_folder(path.parent)
    except OSError as error:
        # What did arrive must not be read as if it had been kept.
        with contextlib.suppress(OSError):
            system.truncate(path, size)
        raise _cannot(path, error) from error


def cut(path: Path, size: int) -> None:
    """Drop the end of a file: half a line that a crash left. Raises StateError."""
    try:
        system.truncate(path, size)
    except OSError as error:
        raise _cannot(path, error) from error


def replace(path: Path, data: bytes) -> None:
    """Write a file as a whole: readers see the old one or the new one. Raises StateError."""
    replace_from(path, (data,))


def replace_from(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file as a whole, part by part: it need not fit into memory. Raises StateError.

    Where a part cannot be had, the file stays as it was, and what was raised is passed on.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        make_folder(path.parent)
        try:
            _into(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, parts)
            system.rename(fresh, path)
        except (OSError, StateError):
            with contextlib.suppress(OSError):
                system.unlink(fresh)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise _cannot(path, error) from error


def keep(path: Path, data: bytes) -> None:
    """Write a file whose name tells its content, once. Raises StateError."""
    if not path.exists():
        replace(path, data)
        return
    try:
        # Whoever wrote it may have been killed before its name was on the disk.
        sync_folder(path.parent)
        sync_folder(path.parent.parent)
    except OSError as error:
        raise _cannot(path, error) from error


def remove(path: Path) -> None:
    """Remove a file, if there is one. Raises StateError."""
    try:
        with contextlib.suppress(FileNotFoundError):
            system.unlink(path)
    except OSError as error:
        told = _CANNOT_REMOVE.filled(path=str(path), why=error.strerror or str(error))
        raise StateError(told, remedy=_MEND) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        system.mkdir(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Let the names in a folder survive a power cut. Raises OSError."""
    handle = system.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        system.fsync(handle)
    finally:
        system.close(handle)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock: it belongs to the open file, so a kill frees it, and no child inherits it.

    Raises BlockingIOError where another has it and ``wait`` is false, StateError where the file cannot be used.
    """
    try:
        handle = system.open(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise _cannot(path, error) from error
    try:
        system.lock(handle, wait=wait)
        yield
    finally:
        system.close(handle)


def _into(path: Path, flags: int, parts: Iterable[bytes]) -> None:
    handle = system.open(path, flags)
    try:
        for part in parts:
            rest = part
            while rest:
                rest = rest[system.write(handle, rest) :]
        system.fsync(handle)
    finally:
        system.close(handle)


def _cannot(path: Path, error: OSError) -> StateError:
    return StateError(_CANNOT_WRITE.filled(path=str(path), why=error.strerror or str(error)), remedy=_REMEDY)

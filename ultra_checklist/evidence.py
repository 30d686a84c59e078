"""The evidence store: redacted raw material under its SHA-256, in files only the owner can read.

Callers redact before they put something in. What is read is compared with its digest, so an altered
piece of evidence is an error and never evidence.
"""

import contextlib
import hashlib
import itertools
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ultra_checklist import disk
from ultra_checklist.errors import StateError
from ultra_checklist.words import Words

MAX_BLOB = 4 << 20
"""Bytes kept of one piece of evidence; the rest is cut and said to be."""
CHUNK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Blob:
    """A piece of evidence as it is stored. ``complete`` is false where a part of it is missing."""

    digest: str
    size: int
    complete: bool


class EvidenceStore:
    """Content-addressed files below one folder."""

    def __init__(self, home: Path) -> None:
        self.root = home / "evidence"

    def put(self, data: bytes) -> str:
        """Keep a blob; it is on disk when its digest (hex) is returned. Raises StateError when it cannot."""
        if len(data) > MAX_BLOB:
            data = data[:MAX_BLOB] + f"\n[cut: {len(data)} bytes]\n".encode()
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        self.require_own_folders(path)
        disk.keep(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """A blob by its digest. Raises FileNotFoundError, and StateError where it was altered."""
        with self.open(digest) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise _altered(self.path(digest))
        return data

    def open(self, digest: str) -> IO[bytes]:
        """A blob to be read piece by piece; whoever reads it compares the digest.

        Raises FileNotFoundError, and StateError where a link or a folder stands in its place.
        """
        path = self.path(digest)
        self.require_own_folders(path)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            raise
        except OSError as error:
            told = _UNREADABLE.filled(path=str(path), why=error.strerror or str(error))
            raise StateError(told, remedy=_LOOK) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise StateError(_NO_FILE.filled(path=str(path)), remedy=_LOOK)
        return os.fdopen(handle, "rb")

    def path(self, digest: str) -> Path:
        """Where a blob lies. Raises StateError for what is no digest."""
        if _DIGEST.fullmatch(digest) is None:
            raise StateError(_NO_DIGEST.filled(digest=repr(digest)), remedy=_NAME_DIGEST)
        return self.root / digest[:2] / digest

    def writer(self, cap: int = MAX_BLOB) -> "BlobWriter":
        """Somewhere to write a stream whose digest is known at its end; ``cap`` bytes of it are kept.

        Never raises: where the disk refuses, the writer keeps nothing, and says so when it commits.
        """
        return BlobWriter(self, cap)

    def blobs(self) -> Iterator[Path]:
        """The file of every blob here."""
        yield from (path for path in self._files() if _DIGEST.fullmatch(path.name))

    def leftovers(self) -> Iterator[Path]:
        """Files that writers left when they were killed. Those of processes that still run are not among them."""
        for path in self._files():
            owner = re.fullmatch(r"\.(?:stream|[0-9a-f]{64})\.(\d+)(?:\.\d+)?", path.name)
            if owner is not None and not _runs(int(owner.group(1))):
                yield path

    def prune(
        self, keep: Collection[str], *, plan: bool = False, older_than: float = 0.0
    ) -> tuple[list[Path], int]:
        """Remove every blob that is not to be kept, and what killed writers left.

        Blobs younger than so many seconds stay: the line that names them may be on its way. Returns the
        files and their bytes; with ``plan`` they are only named. Raises StateError.
        """
        latest = time.time() - older_than
        gone = [path for path in self.blobs() if path.name not in keep and path.lstat().st_mtime <= latest]
        gone += self.leftovers()
        size = sum(path.lstat().st_size for path in gone)
        for path in gone if not plan else ():
            disk.remove(path)
        return gone, size

    def _files(self) -> Iterator[Path]:
        self.require_own_folders(self.root)
        if not self.root.is_dir():
            return
        for path in sorted(self.root.iterdir()):
            if path.is_dir() and not path.is_symlink() and re.fullmatch("[0-9a-f]{2}", path.name):
                yield from sorted(file for file in path.iterdir() if file.is_file() and not file.is_symlink())
            elif path.is_file() and not path.is_symlink():
                yield path

    def require_own_folders(self, path: Path) -> None:
        """Refuse a folder that is a link: what is written below it would land elsewhere. Raises StateError."""
        for folder in (self.root, path.parent):
            if folder.is_symlink():
                told = _LINK.filled(folder=str(folder))
                raise StateError(told, remedy=_REMOVE.filled(folder=str(folder)))


class BlobWriter:
    """Takes a stream into the store. What the disk refuses never disturbs the stream's owner."""

    def __init__(self, store: EvidenceStore, cap: int) -> None:
        self._store = store
        self._cap = cap
        self._hash = hashlib.sha256()
        self._handle: int | None = None
        self._path = store.root / f".stream.{os.getpid()}.{next(_NUMBERS)}"
        self.size = 0
        """Bytes stored so far."""
        self.complete = True
        """Whether everything that was written is stored."""
        self.trouble = ""
        """Why it is not: what the disk said, or that the cap is reached."""
        self._attempt(self._begin)

    def write(self, data: bytes) -> None:
        """Store some bytes, or as many of them as can be. Never raises."""
        room = self._cap - self.size
        if self.complete and len(data) > room:
            self._attempt(lambda: self._store_all(data[:room]))
            self._stop(f"more than {self._cap} bytes")
        elif self.complete:
            self._attempt(lambda: self._store_all(data))

    def commit(self) -> Blob:
        """Give what is stored its name. Where even that fails the digest is empty. Never raises."""
        if self._handle is None:
            return Blob("", 0, complete=False)
        digest = self._hash.hexdigest()
        try:
            self._name(self._handle, digest)
        except (OSError, StateError) as error:
            self._stop(str(error))
            self.abort()
            return Blob("", 0, complete=False)
        return Blob(digest, self.size, self.complete)

    def abort(self) -> None:
        """Keep nothing of it. Never raises."""
        with contextlib.suppress(OSError):
            if self._handle is not None:
                disk.system.close(self._handle)
        self._handle = None
        with contextlib.suppress(OSError):
            disk.system.unlink(self._path)

    def _begin(self) -> None:
        self._store.require_own_folders(self._store.root / "any")
        disk.make_folder(self._store.root)
        self._handle = disk.system.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def _store_all(self, data: bytes) -> None:
        rest = data
        while rest and self._handle is not None:
            taken = disk.system.write(self._handle, rest)
            self._hash.update(rest[:taken])
            self.size += taken
            rest = rest[taken:]

    def _name(self, handle: int, digest: str) -> None:
        try:
            disk.system.fsync(handle)
        finally:
            self._handle = None
            disk.system.close(handle)
        path = self._store.path(digest)
        self._store.require_own_folders(path)
        disk.make_folder(path.parent)
        disk.system.rename(self._path, path)
        disk.sync_folder(path.parent)
        disk.sync_folder(self._store.root)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, StateError) as error:
            self._stop(str(error))

    def _stop(self, why: str) -> None:
        self.complete = False
        self.trouble = self.trouble or why


def _runs(process: int) -> bool:
    """Whether a process of that number runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _altered(path: Path) -> StateError:
    return StateError(_ALTERED.filled(path=str(path)), remedy=_PROVE_AGAIN)


_UNREADABLE = Words(en="{path} cannot be read: {why}", ja="{path} を読み込めません: {why}")
_NO_FILE = Words(en="{path} is no file", ja="{path} はファイルではありません")
_LOOK = Words(
    en="Look who put something else in its place", ja="本来のファイルが置き換えられた経緯を確認してください"
)
_NO_DIGEST = Words(en="{digest} is no digest of evidence", ja="{digest} は証跡のダイジェストではありません")
_NAME_DIGEST = Words(en="Name 64 hexadecimal digits", ja="16 進数 64 桁で指定してください")
_LINK = Words(
    en="{folder} is a symbolic link, and evidence must not leave the state folder",
    ja="{folder} がシンボリックリンクです。証跡は状態フォルダの外に置けません",
)
_REMOVE = Words(en="Remove the link {folder}", ja="リンク {folder} を削除してください")
_ALTERED = Words(
    en="{path} was altered: its content is not that of its name",
    ja="{path} が改変されています（内容と名前が一致しません）",
)
_PROVE_AGAIN = Words(
    en="It proves nothing any more; keep it for whoever looks into it, and prove the check again",
    ja="証跡として使用できません。調査用に保管し、項目を再確認してください",
)

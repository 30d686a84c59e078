"""The state folder and who works in it. Only looks: nothing is made, mended or locked for longer than a moment."""

import contextlib
import fcntl
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ultra_checklist.doctor.diagnosis import Diagnosis, remark, untold, well, wrong
from ultra_checklist.words import Words

LEAST_FREE = 16 << 20
"""Bytes below which a pass may fail to keep what it has seen."""
FREE = 256 << 20
"""Bytes below which a person is told."""


def settings_file(file: Path | None) -> Diagnosis:
    """Whether the file of settings, which holds the token, is its owner's alone."""
    if file is None:
        return well("settings", _NO_SETTINGS)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        told = _OPEN_SETTINGS.filled(file=str(file), mode=f"{mode:04o}")
        return remark("settings", told, f"chmod 600 {file}")
    return well("settings", _SETTINGS.filled(file=str(file)))


def state_folder(home: Path) -> Diagnosis:
    """Whether the folder is there, ours, closed to others, and can be written."""
    name = "state-folder"
    try:
        status = home.stat()
    except FileNotFoundError:
        return remark(name, _NO_HOME.filled(home=str(home)), "ultra-checklist init")
    except OSError as error:
        return wrong(name, _CLOSED.filled(home=str(home), why=error.strerror or str(error)), _OTHER_HOME)
    if not stat.S_ISDIR(status.st_mode):
        return wrong(name, _NO_FOLDER.filled(home=str(home)), _OTHER_HOME)
    mode = stat.S_IMODE(status.st_mode)
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return wrong(name, _NOT_WRITABLE.filled(home=str(home), owner=_user(status.st_uid)), _OTHER_HOME)
    shut = next((path for path in sorted(home.iterdir()) if not os.access(path, os.R_OK)), None)
    if shut is not None:
        return wrong(name, _NOT_READABLE.filled(path=str(shut), owner=_user(shut.lstat().st_uid)), _OTHER_HOME)
    if mode & 0o077:
        return remark(name, _OPEN.filled(home=str(home), mode=f"{mode:04o}"), f"chmod 700 {home}")
    return well(name, _HOME.filled(home=str(home), mode=f"{mode:04o}"))


def user(home: Path) -> Diagnosis:
    """Whether who runs this is who owns what is in the folder, and is not root."""
    me, stranger = os.geteuid(), _foreign(home, os.geteuid())
    if stranger is not None:
        path, owner = stranger
        told = _OTHER_OWNER.filled(path=str(path), owner=_user(owner), me=_user(me))
        return wrong("user", told, f"sudo chown -R {_user(me)} {home}")
    if me == 0:
        return remark("user", _ROOT, _OWN_USER)
    return well("user", _user(me))


def free_space(home: Path) -> Diagnosis:
    """Whether the disk has room for what a pass keeps."""
    there = next((folder for folder in (home, *home.parents) if folder.is_dir()), Path("/"))
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        return untold("free-space", Words.same(f"{there}: {error.strerror}"))
    told = _FREE.filled(size=size(free), folder=str(there))
    if free < LEAST_FREE:
        return wrong("free-space", told, _MAKE_ROOM)
    return remark("free-space", told, _MAKE_ROOM) if free < FREE else well("free-space", told)


def running_pass(home: Path) -> Diagnosis:
    """Whether another pass is running just now; the lock is only tried."""
    try:
        handle = os.open(home / "worker.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return well("pass", _NO_PASS)
    except OSError as error:
        return untold("pass", Words.same(f"{home / 'worker.lock'}: {error.strerror}"))
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return well("pass", _PASS)
    finally:
        os.close(handle)
    return well("pass", _NO_PASS)


def size(number: int) -> str:
    """A number of bytes as people read it."""
    for unit, step in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= step:
            return f"{number / step:.3g} {unit}" if number < 100 * step else f"{number // step} {unit}"
    return f"{number} B"


def _foreign(home: Path, me: int) -> tuple[Path, int] | None:
    """The first thing in the folder that belongs to somebody else."""
    for path in _everything(home):
        with contextlib.suppress(OSError):
            owner = path.lstat().st_uid
            if owner != me:
                return path, owner
    return None


def _everything(home: Path) -> Iterator[Path]:
    yield home
    for folder, folders, files in os.walk(home):
        yield from (Path(folder, name) for name in (*folders, *files))


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


_SETTINGS = Words(en="{file}", ja="{file}")
_NO_SETTINGS = Words(en="from the environment alone; there is no file", ja="環境変数のみ（設定ファイルなし）")
_OPEN_SETTINGS = Words(
    en="{file} has mode {mode}: others may read the secrets in it",
    ja="{file} の権限が {mode} のため、他のユーザーが秘密情報を読み取れます",
)
_HOME = Words(en="{home}, mode {mode}", ja="{home}（権限 {mode}）")
_NO_HOME = Words(
    en="{home} is not there yet; the first command makes it", ja="{home} はまだありません（最初のコマンドで作成）"
)
_CLOSED = Words(en="{home} cannot be looked at: {why}", ja="{home} を確認できません: {why}")
_NO_FOLDER = Words(en="{home} is no folder", ja="{home} はフォルダではありません")
_NOT_WRITABLE = Words(
    en="{home} cannot be written by this user; it belongs to {owner}",
    ja="このユーザーは {home} に書き込めません（所有者 {owner}）",
)
_NOT_READABLE = Words(
    en="{path} cannot be read by this user; it belongs to {owner}",
    ja="このユーザーは {path} を読み取れません（所有者 {owner}）",
)
_OTHER_HOME = Words(
    en="Run as the user to whom it belongs, or set ULTRA_CHECKLIST_HOME to another folder",
    ja="所有者のユーザーで実行するか、ULTRA_CHECKLIST_HOME で別のフォルダを指定してください",
)
_OPEN = Words(
    en="{home} has mode {mode}: others may read it", ja="{home} の権限が {mode} で、他のユーザーも読み取れます"
)
_OTHER_OWNER = Words(
    en="{path} belongs to {owner}, and this is {me}", ja="{path} の所有者は {owner} です（実行ユーザーは {me}）"
)
_ROOT = Words(
    en="root: probes and the deploy see more, and may do more, than the service's own user",
    ja="root で実行中です。プローブとデプロイがサービスのユーザーより広い権限で動きます",
)
_OWN_USER = Words(
    en="Run it as a user of its own, the one that deploys", ja="デプロイを行う専用ユーザーで実行してください"
)
_FREE = Words(en="{size} free in {folder}", ja="{folder} の空き容量 {size}")
_MAKE_ROOM = Words(
    en="Free space; of ours: ultra-checklist prune --plan",
    ja="空き容量を確保してください（本製品の分は ultra-checklist prune --plan）",
)
_NO_PASS = Words(en="none is running now", ja="実行中のパスなし")
_PASS = Words(en="one is running just now", ja="現在実行中のパスあり")

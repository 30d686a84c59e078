"""A file: there, with the right mode, owner and content, and not a symbolic link."""

import errno
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes import acl
from ultra_checklist.probes.base import Context, Observation, Options, Pattern, Probe, Twin, failed, passed
from ultra_checklist.probes.beside import (
    CopySeen,
    FolderSeen,
    judge_copies,
    judge_folder,
    look_at_folder,
    look_for_copies,
)

MAX_READ = 1 << 20
_MODE = re.compile(r"[0-7]{3,4}")
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}


class FileOptions(Options):
    """What a file must be like."""

    path: str = Field(min_length=1, description="The file; relative to DEPLOY_DIR.")
    exists: bool = Field(default=True, description="false: the file must not be there.")
    type: Literal["file", "directory", "any"] = Field(default="file", description="What it must be.")
    mode: str | None = Field(
        default=None, description='Exact permission bits in quotes, such as "0600"; an ACL that gives more fails.'
    )
    stricter: bool = Field(default=False, description='true: fewer bits than `mode` pass too, "0400" for "0600".')
    owner: str | None = Field(default=None, description="Name or number of the user it must belong to.")
    group: str | None = Field(default=None, description="Name or number of the group it must belong to.")
    min_size: int | None = Field(default=None, ge=0, description="Least size in bytes.")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$", description="Digest of its content, hex.")
    contains: Pattern | None = Field(default=None, description="Regular expression that its first MiB must match.")
    follow_symlinks: bool = Field(default=False, description="true: a symbolic link is followed, not refused.")
    safe_folder: bool = Field(
        default=False,
        description="true: only its owner and root can put another file in its place. "
        "The folder is not writable by group or others, unless it is sticky, and passes no ACL on.",
    )
    backups: bool = Field(
        default=False,
        description="true: copies beside it (`NAME~`, `NAME.bak`, `.NAME.swp`, dated) are not looser than `mode`.",
    )

    @field_validator("mode", mode="before")
    @classmethod
    def _quoted(cls, value: object) -> object:
        if isinstance(value, int):
            raise WrongValue(
                f'write the mode in quotes: "0{value}"', f'モードは "0{value}" のように引用符で囲んでください'
            )
        if isinstance(value, str) and "${" not in value and not _MODE.fullmatch(value):
            raise WrongValue(
                f'the mode {value!r} is not three or four octal digits such as "0600"',
                f'モード {value!r} は "0600" のような 3〜4 桁の 8 進数ではありません',
            )
        return value

    @model_validator(mode="after")
    def _asserts(self) -> "FileOptions":
        asked = (self.mode, self.owner, self.group, self.min_size, self.sha256, self.contains)
        around = self.stricter or self.safe_folder or self.backups
        if not self.exists and (around or any(value is not None for value in asked)):
            raise WrongValue(
                "exists: false leaves nothing to assert about mode, owner or content",
                "exists: false のときは、モード・所有者・内容を確認できません",
            )
        if self.mode is None and (self.stricter or self.backups):
            raise WrongValue(
                "stricter and backups are compared with a mode: add `mode`",
                "stricter と backups はモードと比べます。`mode` を指定してください",
            )
        return self


class FileSeen(Observation):
    """What a path was."""

    path: str
    kind: str
    """``file``, ``directory``, ``symlink``, ``other`` or ``missing``."""
    target: str = ""
    mode: str = ""
    owner: str = ""
    uid: int = -1
    group: str = ""
    gid: int = -1
    size: int = -1
    sha256: str = ""
    contains: bool | None = None
    acl: list[str] = Field(default_factory=list)
    """Who gets more than the mode tells, such as ``user:sato:rw-``."""
    folder: FolderSeen | None = None
    copies: dict[str, CopySeen] = Field(default_factory=dict)
    """Copies beside it, by name."""


class FileProbe(Probe[FileOptions, FileSeen]):
    """Looks at one path without following links."""

    name = "file"
    summary = Words(
        en="a file's existence, mode, owner, size and content", ja="ファイルの存在・権限・所有者・サイズ・内容"
    )
    options_model: ClassVar[type[Options]] = FileOptions
    observation_model: ClassVar[type[Observation]] = FileSeen
    judged: ClassVar[frozenset[str]] = frozenset(
        {"exists", "type", "mode", "stricter", "owner", "group", "min_size"}
    )

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.file_twins import twins

        return twins(self)

    async def observe(self, context: Context) -> FileSeen:
        """Open without following links and without waiting, then ask the open file, so nothing can race."""
        path = context.path(self.options.path)
        try:
            return self._look(path)
        except FileNotFoundError:
            return FileSeen(path=str(path), kind="missing")
        except OSError as error:
            if error.errno == errno.ENOTDIR:
                return FileSeen(path=str(path), kind="missing")
            raise cannot_look(path, error) from error

    def _look(self, path: Path) -> FileSeen:
        options = self.options
        status = path.stat() if options.follow_symlinks else path.lstat()
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "other")
        target = str(path.readlink()) if kind == "symlink" else ""
        sha256, contains = "", None
        if kind == "file" and (options.sha256 or options.contains):
            content = read_file(path, follow=options.follow_symlinks)
            sha256 = hashlib.sha256(content).hexdigest()
            if options.contains:
                contains = re.search(options.contains, content[:MAX_READ].decode(errors="replace")) is not None
        place = path.resolve() if options.follow_symlinks else path
        return FileSeen(
            path=str(path),
            kind=kind,
            target=target,
            mode=f"{stat.S_IMODE(status.st_mode):04o}",
            owner=acl.user_name(status.st_uid),
            uid=status.st_uid,
            group=acl.group_name(status.st_gid),
            gid=status.st_gid,
            size=status.st_size,
            sha256=sha256,
            contains=contains,
            acl=acl.entries(path, "access", follow=options.follow_symlinks) if kind != "symlink" else [],
            folder=look_at_folder(place) if options.safe_folder else None,
            copies=look_for_copies(place) if options.backups else {},
        )

    def judge(self, seen: FileSeen) -> Verdict:
        """Existence first, then kind, mode, owner, content."""
        options, quoted = self.options, shlex.quote(seen.path)
        if not options.exists:
            return self._absent(seen, quoted)
        if seen.kind == "missing":
            return missing(seen.path)
        if seen.kind == "symlink" and not options.follow_symlinks:
            return symlink(seen.path, seen.target)
        if options.type not in ("any", seen.kind):
            return failed(
                "wrong-type",
                Words(en=f"{seen.path} is a {seen.kind}", ja=f"{seen.path} は {seen.kind} です"),
                expected=Words.same(options.type),
                seen=Words.same(seen.kind),
                remedy=Words.same(f"ls -ld {quoted}"),
                kind=seen.kind,
            )
        for verdict in (self._mode(seen, quoted), self._owner(seen, quoted), self._content(seen, quoted),
                        self._around(seen)):  # fmt: skip
            if verdict is not None:
                return verdict
        told = seen.mode if options.mode else f"{seen.size} bytes"
        facts = {"kind": seen.kind, "mode": seen.mode, "uid": seen.uid, "gid": seen.gid}
        return passed(
            "as-expected", expected=Words.same(options.mode or options.type), seen=Words.same(told), **facts
        )

    def _absent(self, seen: FileSeen, quoted: str) -> Verdict:
        if seen.kind == "missing":
            return passed("absent", seen=Words(en="not there", ja="存在しません"), kind="missing")
        return failed(
            "present",
            Words(en=f"{seen.path} must not be there", ja=f"{seen.path} は存在してはいけません"),
            expected=Words(en="not there", ja="存在しない"),
            seen=Words.same(seen.kind),
            remedy=Words.same(f"ls -l {quoted}"),
            kind=seen.kind,
        )

    def _mode(self, seen: FileSeen, quoted: str) -> Verdict | None:
        if self.options.mode is None:
            return None
        wanted, there = int(self.options.mode, 8), int(seen.mode, 8)
        told = f"{wanted:04o}"
        if there != wanted and not (self.options.stricter and there & ~wanted == 0):
            return failed(
                "mode",
                Words(
                    en=f"the mode of {seen.path} is not {told}",
                    ja=f"{seen.path} のパーミッションが {told} ではありません",
                ),
                expected=Words.same(told),
                seen=Words.same(seen.mode),
                remedy=Words.same(f"chmod {wanted:o} {quoted}"),
                mode=seen.mode,
            )
        if seen.acl:
            return failed(
                "acl",
                Words(
                    en=f"an ACL gives others rights to {seen.path} beyond its mode",
                    ja=f"{seen.path} に ACL で追加の権限が与えられています",
                ),
                expected=Words.same(told),
                seen=Words.same(" + ".join([seen.mode, *seen.acl])),
                remedy=Words.same(f"setfacl -b {quoted}"),
                acl=seen.acl,
            )
        return None

    def _around(self, seen: FileSeen) -> Verdict | None:
        found = judge_folder(seen.folder, seen.uid) if seen.folder is not None else None
        if found is None and self.options.mode is not None:
            found = judge_copies(seen.copies, Path(seen.path).parent, int(self.options.mode, 8))
        return found

    def _owner(self, seen: FileSeen, quoted: str) -> Verdict | None:
        for wanted, name, number, command in (
            (self.options.owner, seen.owner, seen.uid, "chown"),
            (self.options.group, seen.group, seen.gid, "chgrp"),
        ):
            if wanted is not None and wanted not in (name, str(number)):
                return failed(
                    "owner" if command == "chown" else "group",
                    Words(en=f"{seen.path} belongs to {name}", ja=f"{seen.path} の所有者は {name} です"),
                    expected=Words.same(wanted),
                    seen=Words.same(name),
                    remedy=Words.same(f"{command} {shlex.quote(wanted)} {quoted}"),
                    uid=seen.uid,
                    gid=seen.gid,
                )
        return None

    def _content(self, seen: FileSeen, quoted: str) -> Verdict | None:
        options = self.options
        look = Words.same(f"ls -l {quoted}")
        if options.min_size is not None and seen.size < options.min_size:
            return failed(
                "too-small",
                Words(en=f"{seen.path} is too small", ja=f"{seen.path} のサイズが足りません"),
                expected=Words(en=f"at least {options.min_size} bytes", ja=f"{options.min_size} バイト以上"),
                seen=Words(en=f"{seen.size} bytes", ja=f"{seen.size} バイト"),
                remedy=look,
                small=True,
            )
        if options.sha256 is not None and seen.sha256 != options.sha256:
            return failed(
                "digest",
                Words(en=f"the content of {seen.path} is another", ja=f"{seen.path} の内容が異なります"),
                expected=Words.same(options.sha256[:16]),
                seen=Words.same(seen.sha256[:16]),
                remedy=Words.same(f"sha256sum {quoted}"),
                sha256=seen.sha256,
            )
        if options.contains is not None and not seen.contains:
            return failed(
                "content",
                Words(en=f"{seen.path} does not contain what it must", ja=f"{seen.path} に必要な内容がありません"),
                expected=Words.same(options.contains),
                seen=Words(en="no match", ja="該当なし"),
                remedy=look,
                contains=False,
            )
        return None


def missing(path: str) -> Verdict:
    """The verdict on a file that is not there."""
    return failed(
        "missing",
        Words(en=f"{path} is not there", ja=f"{path} が存在しません"),
        expected=Words(en="a file", ja="ファイル"),
        seen=Words(en="nothing", ja="なし"),
        remedy=Words.same(f"ls -l {shlex.quote(str(Path(path).parent))}"),
        kind="missing",
    )


def symlink(path: str, target: str) -> Verdict:
    """The verdict on a symbolic link where a file must be: it could lead anywhere tomorrow."""
    return failed(
        "symlink",
        Words(en=f"{path} is a symbolic link", ja=f"{path} はシンボリックリンクです"),
        expected=Words(en="a regular file", ja="通常のファイル"),
        seen=Words(en=f"symbolic link → {target}", ja=f"シンボリックリンク → {target}"),
        remedy=Words.same(f"cp --remove-destination {shlex.quote(target)} {shlex.quote(path)}"),
        kind="symlink",
    )


def cannot_look(path: Path, error: OSError) -> ProbeCannotTell:
    """What to raise when a path cannot be looked at."""
    reason = "permission-denied" if error.errno in (errno.EACCES, errno.EPERM) else "not-readable"
    return ProbeCannotTell(
        reason,
        f"{path} cannot be looked at: {error.strerror}",
        f"{path} を確認できません: {error.strerror}",
        remedy=f"ls -ld {shlex.quote(str(path.parent))} {shlex.quote(str(path))}",
    )


def read_file(path: Path, *, follow: bool = False, limit: int = 64 << 20) -> bytes:
    """Read a regular file without following a link and without waiting at a pipe. Raises OSError."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    handle = os.open(path, flags)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read(limit)

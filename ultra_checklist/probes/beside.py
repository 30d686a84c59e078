"""What lies around a file: the folder that could give its name to another file, and copies of it."""

import os
import re
import shlex
import stat
from pathlib import Path

from pydantic import Field

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes import acl
from ultra_checklist.probes.base import Observation, failed

_WORD = (
    r"(?:bak|backup|back|bkp|old|orig|save|saved|copy|prev|previous|tmp|temp|rej|dist-old|dpkg-\w+|ucf-\w+|sw[a-p])"
)
_HARMLESS = re.compile(r"(?:example|sample|template|tmpl|dist|schema|md|gpg|age|asc|enc|sops|j2)\b", re.IGNORECASE)
_AFTER = re.compile(
    rf"~|\.~\d+~|[._-]{_WORD}(?:[^A-Za-z].*)?|[._-]\d+|[._-].*(?:19|20)\d\d-?[01]\d-?[0-3]\d.*|-.+"
    r"| ?\(.*\)| ?- ?copy.*",
    re.IGNORECASE,
)


class FolderSeen(Observation):
    """The folder of a file."""

    path: str
    mode: str
    owner: str
    uid: int
    default_acl: list[str] = Field(default_factory=list)


class CopySeen(Observation):
    """A copy of a file, beside it."""

    mode: str
    acl: list[str] = Field(default_factory=list)


def look_at_folder(path: Path) -> FolderSeen:
    """The folder in which a file lies. Raises OSError."""
    folder = path.parent
    status = folder.stat()
    return FolderSeen(
        path=str(folder),
        mode=f"{stat.S_IMODE(status.st_mode):04o}",
        owner=acl.user_name(status.st_uid),
        uid=status.st_uid,
        default_acl=acl.entries(folder, "default", follow=True),
    )


def look_for_copies(path: Path) -> dict[str, CopySeen]:
    """Copies that editors and people leave beside a file, by name. Raises OSError."""
    found: dict[str, CopySeen] = {}
    with os.scandir(path.parent) as listing:
        names = sorted(entry.name for entry in listing if is_copy(entry.name, path.name))
    for name in names:
        copy = path.with_name(name)
        try:
            status = copy.stat()
            rights = acl.entries(copy, "access", follow=True)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            found[name] = CopySeen(mode=f"{stat.S_IMODE(status.st_mode):04o}", acl=rights)
    return found


def is_copy(name: str, of: str) -> bool:
    """Whether a name is that of a copy: ``NAME~``, ``NAME.bak``, ``NAME-2026-01-02``, ``.NAME.swp`` and so on."""
    if name in (f"#{of}#", f"Copy of {of}") or re.fullmatch(rf"\.{re.escape(of)}\.sw[a-p]", name):
        return True
    rest = name.removeprefix(of)
    if rest == name or not rest or _HARMLESS.match(rest.lstrip("._-")):
        return False
    return _AFTER.fullmatch(rest) is not None


def judge_folder(folder: FolderSeen, owner: int) -> Verdict | None:
    """Whether somebody else than the file's owner and root could put another file in its place."""
    quoted, mode = shlex.quote(folder.path), int(folder.mode, 8)
    if folder.uid not in (0, owner):
        return _bad_folder(
            "folder-owner",
            Words(
                en=f"{folder.path} belongs to {folder.owner}, who can replace the file",
                ja=f"{folder.path} の所有者 {folder.owner} がファイルを置き換えられます",
            ),
            folder.owner,
            f"chown {acl.user_name(owner)} {quoted}",
        )
    # In a sticky folder nobody can rename or remove what belongs to others.
    if mode & 0o022 and not mode & stat.S_ISVTX:
        return _bad_folder(
            "folder-writable",
            Words(
                en=f"others may write into {folder.path} and so replace the file",
                ja=f"{folder.path} に他のユーザが書き込めるため、ファイルを置き換えられます",
            ),
            folder.mode,
            f"chmod go-w {quoted}",
        )
    if folder.default_acl:
        return _bad_folder(
            "folder-acl",
            Words(
                en=f"{folder.path} gives an ACL to every new file in it",
                ja=f"{folder.path} の既定 ACL が新しいファイルに付きます",
            ),
            ", ".join(folder.default_acl),
            f"setfacl -k {quoted}",
        )
    return None


def judge_copies(copies: dict[str, CopySeen], folder: Path, wanted: int) -> Verdict | None:
    """Whether a copy may be read or written by more than the file itself."""
    looser = {name: copy for name, copy in copies.items() if int(copy.mode, 8) & ~wanted or copy.acl}
    if not looser:
        return None
    told = ", ".join(f"{name} {' + '.join([copy.mode, *copy.acl])}" for name, copy in sorted(looser.items())[:5])
    paths = " ".join(shlex.quote(str(folder / name)) for name in sorted(looser))
    return failed(
        "copy-mode",
        Words(
            en=f"{len(looser)} copies beside it are open to more people",
            ja=f"隣にあるコピー {len(looser)} 件の権限が緩すぎます",
        ),
        expected=Words.same(f"<= {wanted:04o}"),
        seen=Words.same(told),
        remedy=Words.same(f"rm -i {paths}"),
        copies={name: copy.mode for name, copy in looser.items()},
    )


def _bad_folder(reason: str, sentence: Words, seen: str, remedy: str) -> Verdict:
    expected = Words(en="a folder that only its owner can change", ja="所有者だけが変更できるフォルダ")
    return failed(
        reason, sentence, expected=expected, seen=Words.same(seen), remedy=Words.same(remedy), folder=seen
    )

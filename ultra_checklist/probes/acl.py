"""Access control lists: who may do what beyond the permission bits.

Linux keeps a POSIX ACL in an extended attribute: a version, then a tag, permissions and a number for each
entry (include/uapi/linux/posix_acl_xattr.h; acl(5)). A file system without them has none.
"""

import errno
import grp
import os
import pwd
import struct
from pathlib import Path
from typing import Literal

_ATTRIBUTES = {"access": "system.posix_acl_access", "default": "system.posix_acl_default"}
_VERSION = 2
_HEAD = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")
_USER, _GROUP_OF_FILE, _GROUP, _OTHER = 0x02, 0x04, 0x08, 0x20
_NONE = (errno.ENODATA, errno.EOPNOTSUPP, errno.ENOSYS)


def entries(path: Path, kind: Literal["access", "default"], *, follow: bool = False) -> list[str]:
    """Who gets more than the permission bits tell, as getfacl(1) writes it: ``user:sato:rw-``.

    Of a folder's default ACL, which new files in it get whatever the umask is, all count but the owner.
    Raises OSError where the list cannot be read.
    """
    try:
        raw = os.getxattr(path, _ATTRIBUTES[kind], follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NONE:
            return []
        raise
    return _parse(raw, path, whole=kind == "default")


def user_name(uid: int) -> str:
    """A user's name; the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """A group's name; the number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _parse(raw: bytes, path: Path, *, whole: bool) -> list[str]:
    body = raw[_HEAD.size :]
    if len(raw) < _HEAD.size or _HEAD.unpack_from(raw)[0] != _VERSION or len(body) % _ENTRY.size:
        raise OSError(errno.EIO, "its ACL has an unknown form", str(path))
    found: list[str] = []
    for tag, allowed, number in _ENTRY.iter_unpack(body):
        rights = "".join(letter if allowed & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
        if tag == _USER:
            found.append(f"user:{user_name(number)}:{rights}")
        elif tag == _GROUP:
            found.append(f"group:{group_name(number)}:{rights}")
        elif whole and allowed and tag in (_GROUP_OF_FILE, _OTHER):
            found.append(f"{'group' if tag == _GROUP_OF_FILE else 'other'}::{rights}")
    return found

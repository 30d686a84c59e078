"""Opens regular files alone: a pipe without a writer, or a device, would hold a probe for ever."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegular(OSError):
    """It is a folder, a pipe, a socket or a device."""


def open_regular(path: Path) -> BinaryIO:
    """The file for reading. Raises OSError: NotRegular, or why it cannot be opened.

    The opened file is asked what it is, so that nothing can be put in its place between.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotRegular(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(handle, "rb")

"""An archive without slack: a plain tar in which names and contents decide every byte.

Any tar program unpacks it. No time, owner, mode, comment or padding is free, so whoever reads it
can make it again from what it holds and compare: no byte of it can be changed without being seen.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ultra_checklist.errors import BundleError
from ultra_checklist.words import Words

BLOCK = 512
CHUNK = 1 << 20
"""Bytes that are held at once of a member."""
MAX_SIZE = 8**11 - 1
"""The largest member that a tar header can tell."""
MAX_HELD = 256 << 20
"""Bytes of a member that is asked for as a whole; a larger one is refused."""
_NAME = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_END = bytes(2 * BLOCK)
_HEADER_SIZE = slice(124, 135)


@dataclass(frozen=True)
class Member:
    """What is to be put in: ``parts`` gives exactly ``size`` bytes."""

    name: str
    size: int
    parts: Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Found:
    """What was read; ``data`` where it was asked for."""

    name: str
    size: int
    offset: int
    sha256: str
    data: bytes | None


def write(members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of an archive, part by part. Raises ValueError for a member that it cannot hold."""
    for member in members:
        yield header(member.name, member.size)
        given = 0
        for part in member.parts():
            given += len(part)
            yield part
        if given != member.size:
            raise ValueError(f"{member.name}: {given} bytes instead of {member.size}")
        yield bytes(-member.size % BLOCK)
    yield _END


def header(name: str, size: int) -> bytes:
    """The one header that a member of that name and size can have. Raises ValueError."""
    raw = name.encode()
    if _NAME.fullmatch(raw) is None or len(raw) > 100:
        raise ValueError(f"{name!r} cannot be the name of a member")
    if not 0 <= size <= MAX_SIZE:
        raise ValueError(f"{name}: {size} bytes do not fit")
    fields = (
        raw.ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % size, b"00000000000\0",
        b" " * 8, b"0", bytes(100), b"ustar\x0000", bytes(64), b"0000000\0", b"0000000\0", bytes(167),
    )  # fmt: skip
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def read(file: BinaryIO, hold: Callable[[str], bool]) -> Iterator[Found]:
    """The members in order, each hashed; ``hold`` says whose content is wanted.

    Raises BundleError at the first byte that ``write`` would not have written.
    """
    offset = 0
    while True:
        block = file.read(BLOCK)
        if block == bytes(BLOCK):
            if block + file.read() != _END:
                raise _slack(offset)
            return
        name, size = _parse(block, offset)
        offset += BLOCK
        wanted = hold(name)
        if wanted and size > MAX_HELD:
            raise BundleError(_TOO_LARGE.filled(name=name, size=str(size)), remedy=_NOT_OURS)
        hasher, held = hashlib.sha256(), bytearray()
        for part in parts(file, size):
            hasher.update(part)
            if wanted:
                held += part
        padding = -size % BLOCK
        if file.read(padding) != bytes(padding):
            raise _slack(offset + size)
        yield Found(name, size, offset, hasher.hexdigest(), bytes(held) if wanted else None)
        offset += size + padding


def parts(file: BinaryIO, size: int) -> Iterator[bytes]:
    """So many bytes of a file, in pieces. Raises BundleError where it ends before."""
    left = size
    while left:
        part = file.read(min(left, CHUNK))
        if not part:
            raise _cut()
        left -= len(part)
        yield part


def _parse(block: bytes, offset: int) -> tuple[str, int]:
    if len(block) < BLOCK:
        raise _cut()
    try:
        name = block[:100].rstrip(b"\0").decode("ascii")
        size = int(block[_HEADER_SIZE], 8)
        sound = header(name, size) == block
    except ValueError:
        sound = False
    if not sound:
        raise _slack(offset)
    return name, size


def _slack(offset: int) -> BundleError:
    return BundleError(_SLACK.filled(offset=str(offset)), remedy=_AGAIN)


def _cut() -> BundleError:
    return BundleError(_CUT, remedy=_AGAIN)


_TOO_LARGE = Words(en="{name} claims {size} bytes", ja="{name} のサイズが {size} バイトとなっています")
_NOT_OURS = Words(
    en="It is no bundle of ours; get it from the machine that closed the release",
    ja="本製品のバンドルではありません。リリースを終了したマシンから取得してください",
)
_SLACK = Words(
    en="it is no bundle, or it was altered or damaged near byte {offset}",
    ja="バンドルではないか、{offset} バイト目付近が改変または破損しています",
)
_CUT = Words(en="it is no bundle, or its end is missing", ja="バンドルではないか、末尾が欠けています")
_AGAIN = Words(en="Get it again from its source", ja="入手元から取得し直してください")

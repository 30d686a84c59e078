"""Keyed fingerprints of an environment file: its values can be recognised elsewhere, and not read.

A fingerprint is the HMAC-SHA-256 of a value under a random key that stands in the same file. Whoever has that
file can test guesses against it: so what can be guessed (short, common, a placeholder) is left out, and the
file is its owner's alone. Wallet addresses and keys are compared without regard to upper and lower case
(EIP-55 mixes it as a checksum).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationError

from ultra_checklist.model import Frozen
from ultra_checklist.shapes import is_secret_name

FORMAT: Literal["ultra-checklist-fingerprints/1"] = "ultra-checklist-fingerprints/1"
MIN_LENGTH = 8
"""Characters below which a value says nothing about where it comes from."""
_ADDRESS = re.compile(r"(?<![0-9A-Za-z])0x[0-9A-Fa-f]{40}(?![0-9A-Za-z])")
_HEX = re.compile(r"(?:0x)?([0-9A-Fa-f]{64}|[0-9A-Fa-f]{40})")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s,;\"'<>]+")
_COMMON = re.compile(
    # one or two words, numbers that are settings rather than ids, times, versions, paths, hosts of one's own
    r"[A-Za-z]+(?:[-_/ ][A-Za-z]+)?|\d{1,8}|\d+0{3,}|\d+(?:\.\d+)+[A-Za-z%]*|\d+[A-Za-z]{1,3}|\d{4}-\d\d-\d\d.*"
    r"|(?:\.{0,2}/[A-Za-z0-9._-]*)+|(?:[a-z+]+://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[?::1\]?)(?::\d+)?/?",
    re.DOTALL,
)


class Fingerprints(Frozen):
    """What the fingerprint file holds: keys by name with the fingerprints of their values, never a value."""

    format: Literal["ultra-checklist-fingerprints/1"] = FORMAT
    algorithm: Literal["HMAC-SHA-256"] = "HMAC-SHA-256"
    key: str = Field(pattern=r"^[0-9a-f]{64}$")
    made: datetime
    keys: dict[str, list[str]]

    @classmethod
    def make(cls, values: Iterable[tuple[str, str]]) -> "Fingerprints":
        """Fingerprints under a new key of all values that are worth it; a name may come more than once."""
        key = secrets.token_bytes(32)
        found: dict[str, set[str]] = {}
        for name, value in values:
            worth = {_fingerprint(key, part) for part in parts(value) if is_telling(part, name)}
            if worth:
                found.setdefault(name, set()).update(worth)
        listed = {name: sorted(found[name]) for name in sorted(found)}
        return cls(key=key.hex(), made=datetime.now(UTC).replace(microsecond=0), keys=listed)

    @classmethod
    def parse(cls, text: str | bytes) -> "Fingerprints | None":
        """What such a file holds; None where it is another file."""
        try:
            return cls.model_validate_json(text)
        except (ValidationError, ValueError):
            return None

    def holders(self, value: str) -> list[str]:
        """The names under which the fingerprinted file had this value, or a telling part of it."""
        key = bytes.fromhex(self.key)
        mine = {_fingerprint(key, part) for part in parts(value)}
        return [name for name, theirs in self.keys.items() if not mine.isdisjoint(theirs)]


def parts(value: str) -> Iterator[str]:
    """A value in the form that is compared, and what of it would be as bad alone: addresses, passwords in URLs."""
    yield normalised(value)
    yield from (found.lower() for found in _ADDRESS.findall(value))
    for url in _URL.findall(value):
        try:
            password = urlsplit(url).password
        except ValueError:
            continue
        if password:
            yield unquote(password)


def normalised(value: str) -> str:
    """A value without what does not make it another: blanks around it, the case of hex, a URL's last slash."""
    text = value.strip()
    number = _HEX.fullmatch(text)
    if number is not None:
        digits = number.group(1).lower()
        return f"0x{digits}" if len(digits) == 40 else digits
    return text.rstrip("/") if _URL.fullmatch(text) else text


def is_telling(value: str, name: str) -> bool:
    """Whether a value, seen in two places, tells that it was copied: not short, and a secret or not common."""
    if len(value) < MIN_LENGTH or len(set(value)) < 3 or "${" in value:
        return False
    return is_secret_name(name) or _COMMON.fullmatch(value) is None


def _fingerprint(key: bytes, value: str) -> str:
    return hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

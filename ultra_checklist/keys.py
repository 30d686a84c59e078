"""Ed25519 keys from files, as openssl and ssh-keygen make them: PEM or OpenSSH, private and public."""

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultra_checklist.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SETTING = "ULTRA_CHECKLIST_SIGNING_KEY"
MAX_FILE = 1 << 16
_MAKE = "ssh-keygen -t ed25519 -N '' -f KEYFILE"


@dataclass(frozen=True)
class PublicKey:
    """The 32 bytes of an Ed25519 public key."""

    raw: bytes

    @property
    def keyid(self) -> str:
        """SHA-256 of the key's canonical JSON, as securesystemslib and in-toto compute it."""
        key = {"keytype": "ed25519", "keyval": {"public": self.raw.hex()}, "scheme": "ed25519"}
        return hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def pem(self) -> bytes:
        """SubjectPublicKeyInfo in PEM, as ``openssl pkey -pubout`` writes it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature over these bytes is this key's."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    @classmethod
    def parse(cls, data: bytes) -> "PublicKey | None":
        """A PEM or OpenSSH public key; None where it is none, or of another kind."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key, load_ssh_public_key

        load: Any = load_pem_public_key if b"-----BEGIN" in data else load_ssh_public_key
        try:
            key = load(data.strip() + b"\n")
        except (ValueError, UnsupportedAlgorithm):
            return None
        return cls(key.public_bytes_raw()) if isinstance(key, Ed25519PublicKey) else None


class Signer:
    """Holds a private key and signs with it; it says of itself the public key alone."""

    def __init__(self, private: "Ed25519PrivateKey") -> None:
        self._private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """The signature over these bytes; the same bytes always get the same one."""
        return self._private.sign(data)


def load_signer(path: Path) -> Signer:
    """The signing key. Raises SettingsError for one that is missing, open to others, encrypted or no Ed25519."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    data = _private_file(path)
    load: Any = load_ssh_private_key if b"BEGIN OPENSSH" in data else load_pem_private_key
    try:
        key = load(data, None)
    except TypeError:
        raise _unfit(
            path, "is protected by a passphrase, and nobody is there to type it",
            f"Use a key without one: {_MAKE}; or take it off: ssh-keygen -p -N '' -f {path}",
        ) from None  # fmt: skip
    except (ValueError, UnsupportedAlgorithm):
        told = (
            "is a public key" if PublicKey.parse(data) is not None else "is no private key in PEM or OpenSSH form"
        )
        raise _unfit(path, told, f"Name the private key's file; make one: {_MAKE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _unfit(path, f"is no Ed25519 key ({type(key).__name__})", f"Make one: {_MAKE}")
    return Signer(key)


def load_public(path: Path) -> PublicKey:
    """The public key of a file that was named by ``--key``. Raises UsageError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE)
    except OSError as error:
        raise UsageError(
            f"--key {path} cannot be read: {error.strerror}", remedy="Name the file of a public key"
        ) from None
    key = PublicKey.parse(data)
    if key is None:
        told = (
            "is a private key" if b"PRIVATE KEY-----" in data else "is no Ed25519 public key in PEM or OpenSSH form"
        )
        raise UsageError(
            f"--key {path} {told}", remedy="Name the public key: KEYFILE.pub of ssh-keygen, or openssl pkey -pubout"
        )
    return key


def _private_file(path: Path) -> bytes:
    """The bytes of a file that nobody but its owner can touch. The opened file is asked, so nothing can race."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _unfit(path, f"cannot be read: {error.strerror}", f"Mend {SETTING}, or make a key: {_MAKE}") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _unfit(path, "is no regular file", f"Mend {SETTING}")
        if stat.S_IMODE(status.st_mode) & 0o077:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise _unfit(path, f"can be used by others (mode {mode})", f"chmod 600 {path}")
        return os.read(handle, MAX_FILE)
    finally:
        os.close(handle)


def _unfit(path: Path, what: str, remedy: str) -> SettingsError:
    return SettingsError(f"{SETTING}: {path} {what}", remedy=remedy)

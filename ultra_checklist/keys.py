"""Ed25519 keys from files, as openssl and ssh-keygen make them: PEM or OpenSSH, private and public."""

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultra_checklist.errors import SettingsError, UsageError
from ultra_checklist.words import Words, joined

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
            path,
            Words(
                en="is protected by a passphrase, and nobody is there to type it",
                ja="はパスフレーズで保護されています（入力できる人がいません）",
            ),
            Words(
                en=f"Use a key without one: {_MAKE}; or take it off: ssh-keygen -p -N '' -f {path}",
                ja=f"パスフレーズのない鍵を使うか（{_MAKE}）、解除してください: ssh-keygen -p -N '' -f {path}",
            ),
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        told = _IS_PUBLIC if PublicKey.parse(data) is not None else _NO_PRIVATE
        raise _unfit(path, told, _NAME_PRIVATE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _unfit(path, _NO_ED25519.filled(kind=type(key).__name__), _MAKE_ONE)
    return Signer(key)


def load_public(path: Path) -> PublicKey:
    """The public key of a file that was named by ``--key``. Raises UsageError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE)
    except OSError as error:
        why = _UNREADABLE.filled(why=error.strerror or str(error))
        raise UsageError(joined((f"--key {path}", why), " "), remedy=_NAME_PUBLIC) from None
    key = PublicKey.parse(data)
    if key is None:
        told = _IS_PRIVATE if b"PRIVATE KEY-----" in data else _NO_PUBLIC
        raise UsageError(joined((f"--key {path}", told), " "), remedy=_NAME_PUBLIC)
    return key


def _private_file(path: Path) -> bytes:
    """The bytes of a file that nobody but its owner can touch. The opened file is asked, so nothing can race."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        why = _UNREADABLE.filled(why=error.strerror or str(error))
        raise _unfit(path, why, _MEND_OR_MAKE) from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _unfit(path, _NO_FILE, _MEND)
        if stat.S_IMODE(status.st_mode) & 0o077:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise _unfit(path, _OPEN.filled(mode=mode), Words.same(f"chmod 600 {path}"))
        return os.read(handle, MAX_FILE)
    finally:
        os.close(handle)


def _unfit(path: Path, what: Words, remedy: Words) -> SettingsError:
    return SettingsError(joined((f"{SETTING}: {path}", what), " "), remedy=remedy)


_IS_PUBLIC = Words(en="is a public key", ja="は公開鍵です")
_NO_PRIVATE = Words(
    en="is no private key in PEM or OpenSSH form", ja="は PEM または OpenSSH 形式の秘密鍵ではありません"
)
_NAME_PRIVATE = Words(
    en=f"Name the private key's file; make one: {_MAKE}",
    ja=f"秘密鍵のファイルを指定してください。作成するには: {_MAKE}",
)
_NO_ED25519 = Words(en="is no Ed25519 key ({kind})", ja="は Ed25519 鍵ではありません（{kind}）")
_MAKE_ONE = Words(en=f"Make one: {_MAKE}", ja=f"鍵を作成してください: {_MAKE}")
_UNREADABLE = Words(en="cannot be read: {why}", ja="を読み込めません: {why}")
_NAME_PUBLIC = Words(
    en="Name the public key: KEYFILE.pub of ssh-keygen, or openssl pkey -pubout",
    ja="公開鍵を指定してください（ssh-keygen の KEYFILE.pub、または openssl pkey -pubout）",
)
_IS_PRIVATE = Words(en="is a private key", ja="は秘密鍵です")
_NO_PUBLIC = Words(
    en="is no Ed25519 public key in PEM or OpenSSH form",
    ja="は PEM または OpenSSH 形式の Ed25519 公開鍵ではありません",
)
_MEND_OR_MAKE = Words(
    en=f"Mend {SETTING}, or make a key: {_MAKE}",
    ja=f"{SETTING} を修正するか、鍵を作成してください: {_MAKE}",
)
_NO_FILE = Words(en="is no regular file", ja="は通常のファイルではありません")
_MEND = Words(en=f"Mend {SETTING}", ja=f"{SETTING} を修正してください")
_OPEN = Words(en="can be used by others (mode {mode})", ja="を他のユーザーが使用できます（モード {mode}）")

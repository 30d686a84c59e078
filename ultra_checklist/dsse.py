"""Signed statements: the DSSE envelope (v1.0.2) around an in-toto Statement v1, in one canonical form. Pure."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ultra_checklist.errors import BundleError
from ultra_checklist.words import Words

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: the pre-authentication encoding of type and payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def canonical(value: object) -> bytes:
    """JSON in one form: keys sorted, no blanks, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def parse(data: bytes, what: Words | str) -> Any:
    """The value of canonical JSON. Raises BundleError for any other form of it."""
    try:
        value = json.loads(data)
        if canonical(value) == data:
            return value
    except (ValueError, RecursionError):
        pass
    raise BundleError(_ALTERED.filled(what=what), remedy=_AGAIN)


@dataclass(frozen=True)
class Signature:
    """A signature and the id of the key that made it."""

    keyid: str
    sig: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload with its signatures; none: it is unsigned."""

    payload: bytes
    signatures: tuple[Signature, ...] = ()
    payload_type: str = PAYLOAD_TYPE

    @property
    def signed(self) -> bytes:
        """The bytes that the signatures are over."""
        return pae(self.payload_type, self.payload)

    def encode(self) -> bytes:
        """The envelope as a file."""
        raw = {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": one.keyid, "sig": base64.b64encode(one.sig).decode()} for one in self.signatures
            ],
        }
        return canonical(raw)

    @classmethod
    def decode(cls, data: bytes, what: Words | str) -> "Envelope":
        """Read it back. Raises BundleError where ``encode`` would not have written these bytes."""
        raw = parse(data, what)
        try:
            envelope = cls(
                payload=base64.b64decode(raw["payload"], validate=True),
                payload_type=raw["payloadType"],
                signatures=tuple(
                    Signature(keyid=one["keyid"], sig=base64.b64decode(one["sig"], validate=True))
                    for one in raw["signatures"]
                ),
            )
            if envelope.payload_type == PAYLOAD_TYPE and envelope.encode() == data:
                return envelope
        except (KeyError, TypeError, ValueError):
            pass
        raise BundleError(_NO_ENVELOPE.filled(what=what), remedy=_AGAIN)


def statement(
    subjects: list[Mapping[str, Any]], predicate_type: str, predicate: Mapping[str, Any]
) -> dict[str, Any]:
    """An in-toto Statement v1."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects,
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


_ALTERED = Words(en="{what} was altered or is damaged", ja="{what} が改変または破損しています")
_NO_ENVELOPE = Words(
    en="{what} is no DSSE envelope of ours, or was altered",
    ja="{what} が本製品の DSSE エンベロープではないか、改変されています",
)
_AGAIN = Words(en="Get the bundle again from its source", ja="入手元からバンドルを取得し直してください")

"""What is asked of another machine, and what it answers: data, and the seal that shows who wrote it.

A task names an item and the digest of the template that holds it, and nothing that could be run: whoever gets
it runs what its own copy of that template says. A seal is an HMAC under a key that the team's machines share.
"""

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import Field, ValidationError

from ultra_checklist.model import Finding, Frozen, Outcome, Verdict, combine
from ultra_checklist.record import ReleaseRecord
from ultra_checklist.samples import Taken

Kind = Literal["tasks", "answers"]
Occasion = Literal["tick", "deploy", "sample"]
"""Why one looks: somebody has ticked; a deploy is about to begin; it is time to look in passing."""
_LARGEST: Final = 8 << 20
"""Bytes that a sealed text may unpack to."""
_CONTEXT: Final = b"ultra-checklist hosts"


class SealBroken(ValueError):
    """A text that was not sealed with our key, or is none of ours."""


class OtherVersion(SealBroken):
    """A text that was sealed with our key, and says what this version does not understand."""


class Before(Frozen):
    """What one probe of an item saw on a host as the newest deploy began."""

    probe: int
    """The place among the item's probes."""
    material: str
    """The redacted observation, packed."""


class Past(Frozen):
    """What the probes of an item have seen on a host, which keeps none of it itself."""

    before: tuple[Before, ...] = ()
    samples: tuple[Taken, ...] = ()


class Task(Frozen):
    """One item that one host is to look at, once."""

    id: str
    """Never used twice: an answer names it, and a host that has seen it does not run it again."""
    occasion: Occasion = "tick"
    host: str
    item: str
    tick: int
    """Number of the tick that is to be proved; 0: there need not be any."""
    deploy: int
    """How many deploys there were."""
    bound_to: str
    """Digest of the item's probes as the release has them."""
    commit: str = ""
    """What COMMIT is; empty: it is not known."""
    issued: datetime
    """By the clock of whoever asks; nobody else reads it."""
    past: Past = Past()


class Batch(Frozen):
    """What one host is to look at for one release."""

    release: str
    version: str
    environment: str
    template: str
    """SHA-256 of the template's bytes."""
    host: str
    at: datetime
    """When it was written, by the clock of whoever asks: by that deploys and samples are dated."""
    record: ReleaseRecord | None = None
    """What is on record of the release, without what lies where it is at home."""
    tasks: tuple[Task, ...] = ()

    def only(self, tasks: Sequence[Task]) -> "Batch":
        """The same with some tasks alone, and the ticks of their items."""
        items, record = {task.item for task in tasks}, self.record
        if record is not None:
            ticked = {item: tick for item, tick in record.ticked.items() if item in items}
            record = record.model_copy(update={"ticked": ticked})
        return self.model_copy(update={"tasks": tuple(tasks), "record": record})


class Found(Frozen):
    """One probe's finding as it travels."""

    probe: str
    place: int = -1
    """The place among the item's probes, where nobody has ticked; else -1."""
    verdict: Verdict
    started: datetime
    seconds: float
    material: str = ""
    """The redacted observation, packed; empty: it stayed there."""

    @classmethod
    def of(cls, finding: Finding, place: int = -1) -> "Found":
        """A finding made ready to travel."""
        bare = cls(
            probe=finding.probe,
            place=place,
            verdict=finding.verdict,
            started=finding.started,
            seconds=finding.seconds,
        )
        return bare.with_material(finding.material)

    def with_material(self, material: bytes) -> "Found":
        """The same with another observation."""
        return self.model_copy(update={"material": pack(material) if material else ""})

    @property
    def evidence(self) -> str:
        """SHA-256 of what was seen; empty: nothing was."""
        return hashlib.sha256(unpack(self.material)).hexdigest() if self.material else ""

    def finding(self, host: str, head: str = "") -> Finding:
        """The same as it was, with where it comes from. Raises SealBroken where it cannot be unpacked."""
        return Finding(
            probe=self.probe,
            verdict=self.verdict,
            started=self.started,
            seconds=self.seconds,
            host=host,
            journal=head,
            material=unpack(self.material) if self.material else b"",
        )


class Answer(Frozen):
    """What a host says to one task."""

    task: str
    found: tuple[Found, ...] = ()
    head: str = ""
    """The digest of the host's own journal then, once it is known; empty: it keeps none."""

    @property
    def outcome(self) -> Outcome:
        """What its probes say together."""
        return combine([found.verdict.outcome for found in self.found])


class Answers(Frozen):
    """What one host says for one release; ``machine`` is its name, and ``head`` the digest of its own journal."""

    release: str
    host: str
    machine: str
    head: str
    answers: tuple[Answer, ...] = Field(default_factory=tuple)


def key_from(secret: str) -> bytes:
    """The key for seals that a secret stands for, which all machines of the team have."""
    return hmac.new(secret.encode(), _CONTEXT, hashlib.sha256).digest()


def seal(kind: Kind, message: Batch | Answers, key: bytes) -> str:
    """A message as text with a seal."""
    body = pack(message.model_dump_json().encode())
    return json.dumps({"mac": _mac(kind, body, key), kind: body})


def opened_batch(text: str, key: bytes) -> Batch:
    """The tasks in a sealed text. Raises SealBroken."""
    try:
        return Batch.model_validate_json(_opened("tasks", text, key))
    except ValidationError as error:
        raise OtherVersion("written by another version") from error


def opened_answers(text: str, key: bytes) -> Answers:
    """The answers in a sealed text. Raises SealBroken."""
    try:
        return Answers.model_validate_json(_opened("answers", text, key))
    except ValidationError as error:
        raise OtherVersion("written by another version") from error


def _opened(kind: Kind, text: str, key: bytes) -> bytes:
    """What was sealed. Raises SealBroken."""
    try:
        sealed = json.loads(text)
        body, mac = sealed[kind], sealed["mac"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SealBroken(str(error)) from error
    if not (isinstance(body, str) and isinstance(mac, str)):
        raise SealBroken("no seal")
    if not hmac.compare_digest(mac.encode(errors="replace"), _mac(kind, body, key).encode()):
        raise SealBroken("another key")
    return unpack(body)


def _mac(kind: Kind, body: str, key: bytes) -> str:
    return hmac.new(key, f"{kind}\0{body}".encode(), hashlib.sha256).hexdigest()


def pack(data: bytes) -> str:
    """Bytes as text that is as short as can be."""
    return base64.b85encode(zlib.compress(data, 9)).decode()


def unpack(text: str) -> bytes:
    """What was packed. Raises SealBroken, also where it would be larger than anything of ours."""
    try:
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(base64.b85decode(text), _LARGEST)
    except (ValueError, zlib.error) as error:
        raise SealBroken(str(error)) from error
    if not unpacker.eof:
        raise SealBroken("too large")
    return found

"""Looks whether a bundle is what it was: offline, from the file alone, without believing any part of it.

The archive is read in its one form, every part is held against its digest, the journal's chain is
followed, and the statement is worked out again from manifest and journal; then comes the signature.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from ultra_checklist import archive
from ultra_checklist.archive import Found
from ultra_checklist.bundle import (
    JOURNAL,
    MANIFEST,
    ORDER,
    RECORD,
    SIGNER,
    STATEMENT,
    parts_named,
    rank,
    record_text,
)
from ultra_checklist.dsse import Envelope, canonical, parse
from ultra_checklist.errors import BundleError, JournalError, UsageError
from ultra_checklist.history import History, fold
from ultra_checklist.journal import Entry
from ultra_checklist.journal import parse as parse_journal
from ultra_checklist.keys import PublicKey
from ultra_checklist.manifest import Manifest
from ultra_checklist.notion.schema import RESULT_WORDS
from ultra_checklist.predicate import Artefact, Predicate, sealed_part, statement_of

MIN_HEAD = 16
"""Digits of a head's digest that are enough to name it."""
_AGAIN = "Get it again from its source; what differs is not what the release recorded"


@dataclass(frozen=True)
class Bundle:
    """A bundle that is intact; ``keyid`` is the key that signed it, empty where none did."""

    path: Path
    predicate: Predicate
    manifest: Manifest
    entries: Sequence[Entry]
    keyid: str
    signer_known: bool = False
    """Whether the signature is of the key that it was held against."""
    head: Entry | None = None
    """The line of the journal whose digest was given as an outside witness."""
    members: Mapping[str, Found] | None = None

    @cached_property
    def history(self) -> History:
        """What the journal adds up to."""
        return fold(self.entries)

    def blob(self, digest: str) -> bytes | None:
        """A piece of evidence; None where it is not in the bundle. Raises BundleError if the file changed since."""
        found = (self.members or {}).get(f"evidence/{digest}")
        if found is None:
            return None
        with self.path.open("rb") as file:
            file.seek(found.offset)
            data = b"".join(archive.parts(file, found.size))
        if hashlib.sha256(data).hexdigest() != digest:
            raise BundleError(f"{self.path} changed while it was read", remedy="Try again")
        return data


def verify(path: Path, key: PublicKey | None = None, head: str = "") -> Bundle:
    """Read a bundle and look whether everything in it fits together.

    Raises BundleError naming what does not, also for another key than ``key`` and for a journal without
    ``head``; UsageError where there is no such file.
    """
    if head and (len(head) < MIN_HEAD or not set(head) <= set("0123456789abcdef")):
        raise UsageError(f"--head {head}: no digest", remedy=f"Give at least {MIN_HEAD} of its hexadecimal digits")
    members = _members(path)
    try:
        bundle = _intact(path, members)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, StopIteration) as error:
        # Whatever a hostile or damaged part does to those who read it, it is no bundle of ours.
        raise _differs(path, f"its parts do not fit together ({type(error).__name__})") from error
    if key is not None:
        bundle = _held_against(bundle, key, members)
    if head:
        line = next((entry for entry in bundle.entries if entry.hash.startswith(head)), None)
        if line is None:
            raise BundleError(
                f"{path}: no line of its journal has the digest {head}",
                remedy="It is another release's, or its journal was made anew after that digest was shown",
            )
        bundle = replace(bundle, head=line)
    return bundle


def _members(path: Path) -> dict[str, Found]:
    try:
        with path.open("rb") as file:
            found = list(archive.read(file, lambda name: name in ORDER))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(f"{path}: {error.strerror}", remedy="Name a bundle.tar") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}", remedy="Mend its rights") from error
    except BundleError as error:
        raise BundleError(f"{path}: {error.message}", remedy=error.remedy) from None
    names = [one.name for one in found]
    try:
        ranks = [rank(name) for name in names]
    except ValueError:
        raise _differs(path, "there is something in it that is no part of a bundle") from None
    if ranks != sorted(set(ranks)):
        raise _differs(path, "its parts are doubled or out of order")
    missing = {STATEMENT, MANIFEST, RECORD, JOURNAL} - set(names)
    if missing:
        raise _differs(path, f"{', '.join(sorted(missing))} is missing")
    return {one.name: one for one in found}


def _intact(path: Path, members: Mapping[str, Found]) -> Bundle:
    envelope = Envelope.decode(_data(members, STATEMENT), f"{path}: {STATEMENT}")
    said = parse(envelope.payload, f"{path}: the statement")
    keyid = _signature(path, envelope, members)
    try:
        predicate = Predicate.model_validate(said["predicate"])
    except (ValidationError, KeyError, TypeError):
        raise _differs(path, "the statement is none of ours") from None
    _same_parts(path, predicate.artefacts, members)
    entries, manifest = _journal(path, members)
    history = fold(entries)
    artefacts = [_present(members[name]) for name in (MANIFEST, RECORD, JOURNAL)]
    artefacts += [
        _present(members[name]) if name in members else Artefact(name=name, sha256=digest, included=False)
        for name, digest in parts_named(history, entries)
    ]
    if record_text(entries[-1].data) != _data(members, RECORD):
        raise _differs(path, f"{RECORD} is not what the journal's seal says")
    _record_fits(path, manifest, history, entries)
    expected = statement_of(manifest, entries, artefacts, keyid)
    if canonical(expected) != envelope.payload:
        raise _differs(path, f"the statement contradicts the journal: {_difference(expected, said)}")
    return Bundle(path, predicate, manifest, entries, keyid, members=members)


def _signature(path: Path, envelope: Envelope, members: Mapping[str, Found]) -> str:
    """The id of the key that signed; the key lies beside the statement, whosever it is."""
    if not envelope.signatures and SIGNER not in members:
        return ""
    if len(envelope.signatures) != 1 or SIGNER not in members:
        raise _differs(path, "signature and signer do not belong together")
    signature, pem = envelope.signatures[0], _data(members, SIGNER)
    key = PublicKey.parse(pem)
    if key is None or key.pem() != pem or key.keyid != signature.keyid:
        raise _differs(path, f"{SIGNER} is not the key that signed")
    if not key.verifies(signature.sig, envelope.signed):
        raise _differs(path, "the signature is not of this statement")
    return key.keyid


def _same_parts(path: Path, artefacts: Sequence[Artefact], members: Mapping[str, Found]) -> None:
    """Every part is in the statement with its digest, and the other way round."""
    told = {one.name: one for one in artefacts if one.included}
    for name, found in members.items():
        if name in (STATEMENT, SIGNER):
            continue
        if name not in told:
            raise _differs(path, f"{name} is not in the statement")
        if (found.sha256, found.size) != (told[name].sha256, told[name].size):
            raise _differs(path, f"{name} is not what the statement names")
    missing = sorted(told.keys() - members.keys())
    if missing:
        raise _differs(path, f"{missing[0]} is missing")


def _journal(path: Path, members: Mapping[str, Found]) -> tuple[list[Entry], Manifest]:
    try:
        entries = list(parse_journal(_data(members, JOURNAL), f"{path}: {JOURNAL}"))
    except JournalError as error:
        raise BundleError(error.message, remedy=_AGAIN) from None
    if not entries or len(sealed_part(entries)) != len(entries):
        raise _differs(path, "the journal does not end with its seal")
    manifest = Manifest.model_validate_json(_data(members, MANIFEST))
    if entries[0].data["key"] != manifest.key:
        raise _differs(
            path, f"the journal is that of {entries[0].data['key']}, the manifest that of {manifest.key}"
        )
    return entries, manifest


def _record_fits(path: Path, manifest: Manifest, history: History, entries: Sequence[Entry]) -> None:
    """The record's table names the results that were last shown, and its head a line of the journal."""
    seal = entries[-1]
    if seal.data["journal"] not in {entry.hash for entry in entries}:
        raise _differs(path, "the head that the record names is not the journal's")
    for item, row in zip(manifest.items, seal.data["table"], strict=True):
        result = history.check(item.id).shown.result
        words = (RESULT_WORDS[result].en, RESULT_WORDS[result].ja) if result is not None else ("-",)
        if row[2] not in words:
            raise _differs(path, f"the record says {row[2]!r} of {item.id}, the journal {words[0]!r}")


def _held_against(bundle: Bundle, key: PublicKey, members: Mapping[str, Found]) -> Bundle:
    told = f"not by the key that was given ({key.keyid[:16]})"
    if not bundle.keyid:
        raise BundleError(f"{bundle.path} is not signed", remedy="Leave --key out to look whether it is intact")
    envelope = Envelope.decode(_data(members, STATEMENT), STATEMENT)
    if bundle.keyid != key.keyid or not key.verifies(envelope.signatures[0].sig, envelope.signed):
        raise BundleError(
            f"{bundle.path} is signed by {bundle.keyid[:16]}, {told}",
            remedy="Name the key of the machine that closed the release, or distrust the bundle",
        )
    return replace(bundle, signer_known=True)


def _present(found: Found) -> Artefact:
    return Artefact(name=found.name, sha256=found.sha256, size=found.size)


def _data(members: Mapping[str, Found], name: str) -> bytes:
    return members[name].data or b""


def _differs(path: Path, what: str) -> BundleError:
    return BundleError(f"{path}: {what}", remedy=_AGAIN)


def _difference(expected: object, said: object, where: str = "") -> str:
    """The first place where two JSON values differ, with what they are there."""
    if isinstance(expected, dict) and isinstance(said, dict):
        for key in sorted(expected.keys() | said.keys()):
            if expected.get(key) != said.get(key):
                return _difference(expected.get(key), said.get(key), f"{where}.{key}" if where else key)
    if isinstance(expected, list) and isinstance(said, list) and len(expected) == len(said):
        for place, (one, other) in enumerate(zip(expected, said, strict=True)):
            if one != other:
                return _difference(one, other, f"{where}[{place}]")
    return f"{where} is {_short(said)}, by the journal {_short(expected)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"

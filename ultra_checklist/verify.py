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
from ultra_checklist.words import Words, joined

MIN_HEAD = 16
"""Digits of a head's digest that are enough to name it."""
_AGAIN = Words(
    en="Get it again from its source; what differs is not what the release recorded",
    ja="入手元から取得し直してください。異なる部分はリリースが記録した内容ではありません",
)


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
            raise BundleError(_CHANGED.filled(path=str(self.path)), remedy=_TRY_AGAIN)
        return data


def verify(path: Path, key: PublicKey | None = None, head: str = "") -> Bundle:
    """Read a bundle and look whether everything in it fits together.

    Raises BundleError naming what does not, also for another key than ``key`` and for a journal without
    ``head``; UsageError where there is no such file.
    """
    if head and (len(head) < MIN_HEAD or not set(head) <= set("0123456789abcdef")):
        raise UsageError(_NO_DIGEST.filled(head=head), remedy=_MORE_DIGITS)
    members = _members(path)
    try:
        bundle = _intact(path, members)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, StopIteration) as error:
        # Whatever a hostile or damaged part does to those who read it, it is no bundle of ours.
        raise _differs(path, _MISFIT.filled(kind=type(error).__name__)) from error
    if key is not None:
        bundle = _held_against(bundle, key, members)
    if head:
        line = next((entry for entry in bundle.entries if entry.hash.startswith(head)), None)
        if line is None:
            raise BundleError(_NO_LINE.filled(path=str(path), head=head), remedy=_OTHER_RELEASE)
        bundle = replace(bundle, head=line)
    return bundle


def _members(path: Path) -> dict[str, Found]:
    try:
        with path.open("rb") as file:
            found = list(archive.read(file, lambda name: name in ORDER))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(f"{path}: {error.strerror}", remedy=_NAME_BUNDLE) from None
    except OSError as error:
        raise BundleError(
            _UNREADABLE.filled(path=str(path), why=error.strerror or str(error)), remedy=_RIGHTS
        ) from error
    except BundleError as error:
        raise BundleError(joined((str(path), error.message), ": "), remedy=error.remedy) from None
    names = [one.name for one in found]
    try:
        ranks = [rank(name) for name in names]
    except ValueError:
        raise _differs(path, _FOREIGN_PART) from None
    if ranks != sorted(set(ranks)):
        raise _differs(path, _OUT_OF_ORDER)
    missing = {STATEMENT, MANIFEST, RECORD, JOURNAL} - set(names)
    if missing:
        raise _differs(path, _MISSING.filled(name=", ".join(sorted(missing))))
    return {one.name: one for one in found}


def _intact(path: Path, members: Mapping[str, Found]) -> Bundle:
    envelope = Envelope.decode(_data(members, STATEMENT), f"{path}: {STATEMENT}")
    said = parse(envelope.payload, _STATEMENT.filled(path=str(path)))
    keyid = _signature(path, envelope, members)
    try:
        predicate = Predicate.model_validate(said["predicate"])
    except (ValidationError, KeyError, TypeError):
        raise _differs(path, _NO_STATEMENT) from None
    _same_parts(path, predicate.artefacts, members)
    entries, manifest = _journal(path, members)
    history = fold(entries)
    artefacts = [_present(members[name]) for name in (MANIFEST, RECORD, JOURNAL)]
    artefacts += [
        _present(members[name]) if name in members else Artefact(name=name, sha256=digest, included=False)
        for name, digest in parts_named(history, entries)
    ]
    if record_text(entries[-1].data) != _data(members, RECORD):
        raise _differs(path, _RECORD_DIFFERS.filled(name=RECORD))
    _record_fits(path, manifest, history, entries)
    expected = statement_of(manifest, entries, artefacts, keyid)
    if canonical(expected) != envelope.payload:
        raise _differs(path, _CONTRADICTS.filled(what=_difference(expected, said)))
    return Bundle(path, predicate, manifest, entries, keyid, members=members)


def _signature(path: Path, envelope: Envelope, members: Mapping[str, Found]) -> str:
    """The id of the key that signed; the key lies beside the statement, whosever it is."""
    if not envelope.signatures and SIGNER not in members:
        return ""
    if len(envelope.signatures) != 1 or SIGNER not in members:
        raise _differs(path, _SIGNATURE_MISFIT)
    signature, pem = envelope.signatures[0], _data(members, SIGNER)
    key = PublicKey.parse(pem)
    if key is None or key.pem() != pem or key.keyid != signature.keyid:
        raise _differs(path, _NOT_THE_KEY.filled(name=SIGNER))
    if not key.verifies(signature.sig, envelope.signed):
        raise _differs(path, _NOT_SIGNED_THIS)
    return key.keyid


def _same_parts(path: Path, artefacts: Sequence[Artefact], members: Mapping[str, Found]) -> None:
    """Every part is in the statement with its digest, and the other way round."""
    told = {one.name: one for one in artefacts if one.included}
    for name, found in members.items():
        if name in (STATEMENT, SIGNER):
            continue
        if name not in told:
            raise _differs(path, _NOT_TOLD.filled(name=name))
        if (found.sha256, found.size) != (told[name].sha256, told[name].size):
            raise _differs(path, _TOLD_OTHERWISE.filled(name=name))
    missing = sorted(told.keys() - members.keys())
    if missing:
        raise _differs(path, _MISSING.filled(name=missing[0]))


def _journal(path: Path, members: Mapping[str, Found]) -> tuple[list[Entry], Manifest]:
    try:
        entries = list(parse_journal(_data(members, JOURNAL), f"{path}: {JOURNAL}"))
    except JournalError as error:
        raise BundleError(error.message, remedy=_AGAIN) from None
    if not entries or len(sealed_part(entries)) != len(entries):
        raise _differs(path, _NO_SEAL)
    manifest = Manifest.model_validate_json(_data(members, MANIFEST))
    if entries[0].data["key"] != manifest.key:
        both = {"journal": str(entries[0].data["key"]), "manifest": manifest.key}
        raise _differs(path, _TWO_RELEASES.filled(**both))
    return entries, manifest


def _record_fits(path: Path, manifest: Manifest, history: History, entries: Sequence[Entry]) -> None:
    """The record's table names the results that were last shown, and its head a line of the journal."""
    seal = entries[-1]
    if seal.data["journal"] not in {entry.hash for entry in entries}:
        raise _differs(path, _OTHER_HEAD)
    for item, row in zip(manifest.items, seal.data["table"], strict=True):
        result = history.check(item.id).shown.result
        words = (RESULT_WORDS[result].en, RESULT_WORDS[result].ja) if result is not None else ("-",)
        if row[2] not in words:
            told = {"record": repr(row[2]), "journal": repr(words[0])}
            raise _differs(path, _OTHER_RESULT.filled(item=item.id, **told))


def _held_against(bundle: Bundle, key: PublicKey, members: Mapping[str, Found]) -> Bundle:
    if not bundle.keyid:
        raise BundleError(_UNSIGNED.filled(path=str(bundle.path)), remedy=_LEAVE_KEY_OUT)
    envelope = Envelope.decode(_data(members, STATEMENT), STATEMENT)
    if bundle.keyid != key.keyid or not key.verifies(envelope.signatures[0].sig, envelope.signed):
        both = {"theirs": bundle.keyid[:16], "given": key.keyid[:16]}
        raise BundleError(_OTHER_KEY.filled(path=str(bundle.path), **both), remedy=_NAME_KEY)
    return replace(bundle, signer_known=True)


def _present(found: Found) -> Artefact:
    return Artefact(name=found.name, sha256=found.sha256, size=found.size)


def _data(members: Mapping[str, Found], name: str) -> bytes:
    return members[name].data or b""


def _differs(path: Path, what: Words) -> BundleError:
    return BundleError(joined((str(path), what), ": "), remedy=_AGAIN)


def _difference(expected: object, said: object, where: str = "") -> Words:
    """The first place where two JSON values differ, with what they are there."""
    if isinstance(expected, dict) and isinstance(said, dict):
        for key in sorted(expected.keys() | said.keys()):
            if expected.get(key) != said.get(key):
                return _difference(expected.get(key), said.get(key), f"{where}.{key}" if where else key)
    if isinstance(expected, list) and isinstance(said, list) and len(expected) == len(said):
        for place, (one, other) in enumerate(zip(expected, said, strict=True)):
            if one != other:
                return _difference(one, other, f"{where}[{place}]")
    return _DIFFERENCE.filled(where=where, said=_short(said), expected=_short(expected))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


_CHANGED = Words(en="{path} changed while it was read", ja="{path} が読み込み中に変更されました")
_TRY_AGAIN = Words(
    en="Run it again once nobody writes the file", ja="ファイルへの書き込みが終わってから再実行してください"
)
_NO_DIGEST = Words(en="--head {head}: no digest", ja="--head {head}: ダイジェストではありません")
_MORE_DIGITS = Words(
    en=f"Give at least {MIN_HEAD} of its hexadecimal digits", ja=f"16 進数で {MIN_HEAD} 桁以上を指定してください"
)
_MISFIT = Words(en="its parts do not fit together ({kind})", ja="各部分の整合が取れません（{kind}）")
_NO_LINE = Words(
    en="{path}: no line of its journal has the digest {head}",
    ja="{path}: ジャーナルにダイジェスト {head} の行がありません",
)
_OTHER_RELEASE = Words(
    en="It is another release's, or its journal was made anew after that digest was shown: do not believe it",
    ja="別のリリースのものか、ダイジェストの表示後にジャーナルが作り直されています。信用しないでください",
)
_UNREADABLE = Words(en="{path} cannot be read: {why}", ja="{path} を読み込めません: {why}")
_RIGHTS = Words(en="Mend its rights", ja="ファイルの権限を確認してください")
_NAME_BUNDLE = Words(en="Name a bundle.tar", ja="bundle.tar を指定してください")
_FOREIGN_PART = Words(
    en="there is something in it that is no part of a bundle", ja="バンドルに属さないものが含まれています"
)
_OUT_OF_ORDER = Words(en="its parts are doubled or out of order", ja="部分の重複または順序の誤りがあります")
_MISSING = Words(en="{name} is missing", ja="{name} がありません")
_STATEMENT = Words(en="{path}: the statement", ja="{path}: ステートメント")
_NO_STATEMENT = Words(en="the statement is none of ours", ja="ステートメントが本製品のものではありません")
_RECORD_DIFFERS = Words(
    en="{name} is not what the journal's seal says", ja="{name} がジャーナルの封印の内容と異なります"
)
_CONTRADICTS = Words(
    en="the statement contradicts the journal: {what}", ja="ステートメントがジャーナルと矛盾しています: {what}"
)
_SIGNATURE_MISFIT = Words(en="signature and signer do not belong together", ja="署名と署名者が対応していません")
_NOT_THE_KEY = Words(en="{name} is not the key that signed", ja="{name} は署名に使われた鍵ではありません")
_NOT_SIGNED_THIS = Words(
    en="the signature is not of this statement", ja="署名がこのステートメントのものではありません"
)
_NOT_TOLD = Words(en="{name} is not in the statement", ja="{name} がステートメントにありません")
_TOLD_OTHERWISE = Words(en="{name} is not what the statement names", ja="{name} がステートメントの内容と異なります")
_NO_SEAL = Words(en="the journal does not end with its seal", ja="ジャーナルの末尾に封印がありません")
_TWO_RELEASES = Words(
    en="the journal is that of {journal}, the manifest that of {manifest}",
    ja="ジャーナルは {journal}、マニフェストは {manifest} のものです",
)
_OTHER_HEAD = Words(
    en="the head that the record names is not the journal's",
    ja="記録にある先頭ダイジェストがジャーナルと異なります",
)
_OTHER_RESULT = Words(
    en="the record says {record} of {item}, the journal {journal}",
    ja="{item} の結果が、記録では {record}、ジャーナルでは {journal} です",
)
_UNSIGNED = Words(en="{path} is not signed", ja="{path} は署名されていません")
_LEAVE_KEY_OUT = Words(
    en="Leave --key out to look whether it is intact", ja="改変の有無だけを確認するには --key を省いてください"
)
_OTHER_KEY = Words(
    en="{path} is signed by {theirs}, not by the key that was given ({given})",
    ja="{path} の署名は {theirs} によるもので、指定の鍵（{given}）ではありません",
)
_NAME_KEY = Words(
    en="Name the key of the machine that closed the release, or distrust the bundle",
    ja="リリースを終了したマシンの鍵を指定してください。それ以外の署名は信用しないでください",
)
_DIFFERENCE = Words(
    en="{where} is {said}, by the journal {expected}", ja="{where} は {said}、ジャーナルでは {expected}"
)

"""Bundles: what they hold, that they are the same every time, and that no change of one goes unseen."""

import hashlib
import json
import random
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab
from tests.sealed import Parts, bundle, close, ended, mixed, pack, parts_of, ran, ssh_keys, started
from ultra_checklist import archive
from ultra_checklist.bundle import FILE, STATEMENT, record_text
from ultra_checklist.dsse import Envelope, Signature, canonical
from ultra_checklist.errors import BundleError, RefusedError, SettingsError, StateError, UsageError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.journal import Journal
from ultra_checklist.keys import Signer, load_public
from ultra_checklist.predicate import Artefact, statement_of
from ultra_checklist.verify import verify


def test_a_bundle_is_kept_when_a_release_ends_and_is_the_same_when_made_again(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    kept = lab.release().folder / FILE
    assert kept.stat().st_mode & 0o777 == 0o600
    again = bundle(lab, tmp_path / "again.tar")
    assert again.path.read_bytes() == kept.read_bytes()
    assert lab.release().history.steps["bundle"] == {"sha256": again.sha256, "size": again.size, "keyid": ""}
    assert again.size == kept.stat().st_size


def test_it_holds_what_happened_and_any_tar_program_unpacks_it(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    with tarfile.open(lab.release().folder / FILE) as tar:
        names = tar.getnames()
        tar.extractall(tmp_path / "out", filter="data")
    assert names[:4] == ["statement.dsse.json", "manifest.json", "record.json", "journal.jsonl"]
    assert len(names) == 5
    assert names[4].startswith("evidence/")
    seen = json.loads((tmp_path / "out" / names[4]).read_text())["observation"]
    assert seen["mode"] == "0600"
    found = verify(lab.release().folder / FILE)
    assert [(c.id, c.result, c.settled) for c in found.predicate.checks] == [
        ("env-mode", "passed", True),
        ("word", "confirmed", True),
    ]
    assert found.predicate.operators[0].name == "佐藤"
    assert found.predicate.made_of == "2 = 1 proved, 1 a person's word"
    assert (found.keyid, found.signer_known, found.entries[-1].kind) == ("", False, "sealed")


def test_the_statement_names_the_commit_and_every_part_with_its_digest(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    parts = dict(parts_of(lab.release().folder / FILE))
    statement = json.loads(Envelope.decode(parts["statement.dsse.json"], "it").payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"][0] == {"name": "commit", "digest": {"gitCommit": "c" * 40}}
    assert {one["name"] for one in statement["subject"][1:]} == parts.keys() - {"statement.dsse.json"}


def test_a_signature_is_told_from_that_of_another_key(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    keys, others = ssh_keys(tmp_path), ssh_keys(tmp_path, "other")
    signed = bundle(lab, tmp_path / "signed.tar", keys.signer)
    found = verify(signed.path)
    assert (found.keyid, found.signer_known) == (signed.keyid, False)
    assert verify(signed.path, load_public(keys.public)).signer_known
    with pytest.raises(BundleError, match="not by the key that was given"):
        verify(signed.path, load_public(others.public))
    unsigned = bundle(lab, tmp_path / "unsigned.tar")
    with pytest.raises(BundleError, match="is not signed"):
        verify(unsigned.path, load_public(keys.public))


def test_close_signs_with_the_key_of_the_settings(lab: Lab, tmp_path: Path) -> None:
    keys = ssh_keys(tmp_path)
    started(lab, tmp_path)
    assert close(lab, signing_key=keys.private)
    assert verify(lab.release().folder / FILE, load_public(keys.public)).signer_known


def test_without_its_key_nothing_is_sealed(lab: Lab, tmp_path: Path) -> None:
    started(lab, tmp_path)
    with pytest.raises(SettingsError, match="nowhere"):
        close(lab, signing_key=tmp_path / "nowhere")
    assert lab.release().history.sealed is None


def test_a_release_that_has_not_ended_has_no_bundle(lab: Lab, tmp_path: Path) -> None:
    started(lab, tmp_path)
    with pytest.raises(RefusedError, match="has not ended"):
        bundle(lab, tmp_path / "b.tar")


def test_the_head_of_a_page_is_a_line_of_the_journal(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    path, sealed = lab.release().folder / FILE, lab.release().history.sealed
    assert sealed is not None
    line = verify(path, head=sealed["journal"]).head
    assert line is not None
    assert line.seq == len(verify(path).entries) - 1
    assert verify(path, head=sealed["journal"][:16]).head == line
    with pytest.raises(BundleError, match="no line of its journal"):
        verify(path, head="0" * 64)
    for wrong in ("12", "z" * 64):
        with pytest.raises(UsageError, match="no digest"):
            verify(path, head=wrong)


# Changes of any kind. Each must be seen, with no key at all.

Change = Callable[[], bytes]


def unseen(path: Path, changes: Sequence[Change], whole: bytes = b"") -> list[int]:
    """Numbers of the changes after which the bundle still counts as intact.

    ``whole`` is another bundle: where a change has put all of that one in, nothing is wrong with it.
    """
    original, left = path.read_bytes(), []
    other = path.with_name("changed.tar")
    for number, change in enumerate(changes):
        data = change()
        if data in (original, whole):
            continue
        other.write_bytes(data)
        try:
            verify(other)
        except BundleError:
            continue
        left.append(number)
    return left


def put(data: bytes, place: int, gone: int, instead: bytes) -> Change:
    """Some bytes taken out and others put in."""
    return lambda: data[:place] + instead + data[place + gone :]


@pytest.mark.parametrize("part", range(4))
def test_every_flipped_byte_is_seen(lab: Lab, tmp_path: Path, part: int) -> None:
    ended(lab, tmp_path)
    path = bundle(lab, tmp_path / "b.tar", ssh_keys(tmp_path).signer).path
    data, rng = path.read_bytes(), random.Random(part)
    here = range(part * len(data) // 4, (part + 1) * len(data) // 4)

    def flip(place: int, mask: int) -> Change:
        return put(data, place, 1, bytes([data[place] ^ mask]))

    assert unseen(path, [flip(place, 1 << rng.randrange(8)) for place in here]) == []
    assert unseen(path, [flip(place, rng.randrange(1, 256)) for place in here[::7]]) == []


def test_bytes_that_are_lost_or_added_are_seen(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    path = bundle(lab, tmp_path / "b.tar", ssh_keys(tmp_path).signer).path
    data, rng = path.read_bytes(), random.Random(5)
    places = [rng.randrange(len(data)) for _ in range(500)]
    assert unseen(path, [put(data, place, len(data), b"") for place in places]) == []
    assert unseen(path, [put(data, place, 1, b"") for place in places]) == []
    assert unseen(path, [put(data, place, 0, b"\0") for place in places]) == []
    assert unseen(path, [put(data, len(data), 0, bytes(more)) for more in (1, 512, 1024, 10240)]) == []


@pytest.mark.parametrize("seed", range(4))
def test_parts_and_lines_that_are_dropped_doubled_moved_cut_or_spliced_are_seen(
    lab: Lab, tmp_path: Path, seed: int
) -> None:
    """10,000 changes in four runs: one half changes which parts there are, the other the journal within."""
    ended(lab, tmp_path)
    ended(lab, tmp_path, "v1.1.0")
    keys = ssh_keys(tmp_path)
    path = bundle(lab, tmp_path / "b.tar", keys.signer).path
    other = bundle(lab, tmp_path / "o.tar", keys.signer, "v1.1.0").path
    parts, others = parts_of(path), parts_of(other)
    rng = random.Random(seed)
    lines, foreign = (dict(p)["journal.jsonl"].splitlines(keepends=True) for p in (parts, others))

    def of_parts() -> bytes:
        return pack(mixed(parts, others, rng))

    def of_lines() -> bytes:
        return pack(swapped(parts, "journal.jsonl", b"".join(mixed(lines, foreign, rng))))

    assert unseen(path, [of_parts] * 1250, other.read_bytes()) == []
    assert unseen(path, [of_lines] * 1250) == []


# Somebody who knows how bundles are made.


def swapped(parts: Parts, name: str, data: bytes) -> Parts:
    return [(n, data if n == name else d) for n, d in parts]


def resaid(parts: Parts, change: Callable[[Any], object]) -> bytes:
    """The bundle with another statement, in the right form."""
    envelope = Envelope.decode(dict(parts)[STATEMENT], "it")
    statement = json.loads(envelope.payload)
    change(statement)
    return pack(swapped(parts, STATEMENT, Envelope(canonical(statement), envelope.signatures).encode()))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda s: s["predicate"]["checks"][0].update(result="failed"),
            r"checks\[0\]\.result is 'failed'.*'passed'",
        ),
        (lambda s: s["predicate"]["operators"].clear(), r"predicate\.operators is \[\]"),
        (lambda s: s["predicate"].update(reason="none"), r"predicate\.reason is 'none', by the journal ''"),
        (lambda s: s["subject"][0]["digest"].update(gitCommit="d" * 40), r"subject\[0\]\.digest\.gitCommit"),
        (lambda s: s.update(predicateType="https://example.com/x"), "predicateType"),
        (lambda s: s.update(more=1), "more is 1"),
        (lambda s: s["predicate"].update(more=1), "none of ours"),
        (lambda s: s["predicate"]["artefacts"].pop(), "is not in the statement"),
        (lambda s: s["predicate"]["artefacts"][0].update(sha256="0" * 64), "manifest.json is not what"),
    ],
)
def test_a_statement_that_contradicts_the_journal_is_told_with_what_differs(
    lab: Lab, tmp_path: Path, change: Callable[[Any], object], told: str
) -> None:
    ended(lab, tmp_path)
    path = bundle(lab, tmp_path / "b.tar").path
    path.write_bytes(resaid(parts_of(path), change))
    with pytest.raises(BundleError, match=told):
        verify(path)


def test_a_signature_that_was_taken_off_is_missed(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    path = bundle(lab, tmp_path / "b.tar", ssh_keys(tmp_path).signer).path
    parts = parts_of(path)
    bare = Envelope(Envelope.decode(parts[0][1], "it").payload)
    path.write_bytes(pack([(STATEMENT, bare.encode()), *parts[2:]]))
    with pytest.raises(BundleError, match="the statement contradicts the journal: predicate"):
        verify(path)


def test_a_bundle_that_was_made_anew_is_told_by_key_and_by_head_alone(lab: Lab, tmp_path: Path) -> None:
    """Whoever makes all of it anew passes as an unknown signer; the true key and the page's head tell."""
    ended(lab, tmp_path)
    keys, mallory = ssh_keys(tmp_path), ssh_keys(tmp_path, "mallory")
    path = bundle(lab, tmp_path / "b.tar", keys.signer).path
    head = verify(path).predicate.journal.announced
    forged = forge(path, mallory.signer, tmp_path)
    found = verify(forged)
    assert (found.keyid, found.predicate.operators[0].name) == (mallory.signer.public.keyid, "Mallory")
    with pytest.raises(BundleError, match="not by the key"):
        verify(forged, load_public(keys.public))
    with pytest.raises(BundleError, match="no line of its journal"):
        verify(forged, head=head)


def forge(path: Path, signer: Signer, folder: Path) -> Path:
    """The same release with Mallory in it, everything made anew."""
    true = verify(path)
    journal = Journal(folder / "forged.jsonl")
    for entry in true.entries:
        data = json.loads(json.dumps(entry.data, ensure_ascii=False).replace("佐藤", "Mallory"))
        if entry.kind == "sealed":
            data["journal"] = journal.head
        journal.append(entry.kind, data, time=entry.time)
    entries, parts = journal.entries(), parts_of(path)
    parts = swapped(parts, "journal.jsonl", journal.path.read_bytes())
    parts = swapped(parts, "record.json", record_text(entries[-1].data))[2:]
    told = [Artefact(name=n, sha256=hashlib.sha256(d).hexdigest(), size=len(d)) for n, d in parts]
    payload = Envelope(canonical(statement_of(true.manifest, entries, told, signer.public.keyid)))
    signed = Envelope(payload.payload, (Signature(signer.public.keyid, signer.sign(payload.signed)),))
    made = folder / "forged.tar"
    made.write_bytes(pack([(STATEMENT, signed.encode()), ("signer.pem", signer.public.pem()), *parts]))
    return made


def test_a_record_that_says_other_results_than_were_shown_is_told(lab: Lab, tmp_path: Path) -> None:
    started(lab, tmp_path)
    release = lab.release()
    table = [["1.1", "env-mode", "Failed", "-", "-", ""], ["1.2", "word", "Confirmed", "-", "-", ""]]
    release.record("sealed", {"ending": "complete", "journal": release.journal.head, "table": table})
    with pytest.raises(BundleError, match="the record says 'Failed' of env-mode, the journal 'Passed'"):
        verify(bundle(lab, tmp_path / "b.tar").path)


# What is no bundle, and what does not fit in.


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no bundle",
        bytes(1024),
        bytes(100_000),
        random.Random(1).randbytes(5000),
        archive.header("statement.dsse.json", 8**11 - 1),
        archive.header("statement.dsse.json", 200 << 20) + b"x",
        archive.header("elsewhere.txt", 0) + bytes(1024),
    ],
    ids=["empty", "text", "end", "zeros", "noise", "huge", "cut", "foreign"],
)
def test_what_is_no_bundle_is_told_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"b\.tar"):
        verify(path)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"payload":1}', b"null", b"[]", b"\xff", b"{}"])
def test_hostile_parts_are_no_bundle_either(lab: Lab, tmp_path: Path, data: bytes) -> None:
    ended(lab, tmp_path)
    path = bundle(lab, tmp_path / "b.tar").path
    parts = parts_of(path)
    payload = Envelope(data).encode()
    for changed in (swapped(parts, STATEMENT, data), swapped(parts, STATEMENT, payload)):
        path.write_bytes(pack(changed))
        with pytest.raises(BundleError, match=r"b\.tar"):
            verify(path)


def test_a_bundle_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    for path in (tmp_path / "none.tar", tmp_path):
        with pytest.raises(UsageError):
            verify(path)


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", "a//b", "a/./b", "a b", "é", "x" * 101, "", ".hidden", "a/"]
)
def test_a_name_that_would_lead_elsewhere_cannot_be_packed(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        archive.header(name, 0)


def test_logs_go_in_and_one_that_is_too_large_is_only_named(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ultra_checklist.bundle.MAX_PART", 1000)
    started(lab, tmp_path)
    small, large = ran(lab, b"deployed\n"), ran(lab, b"x" * 1001, 2)
    close(lab)
    found = verify(lab.release().folder / FILE)
    named = {one.name: one for one in found.predicate.artefacts}
    assert named["logs/run-0001.log"] == Artefact(name="logs/run-0001.log", sha256=small, size=9)
    assert named["logs/run-0002.log"] == Artefact(name="logs/run-0002.log", sha256=large, included=False)
    assert ("logs/run-0001.log", b"deployed\n") in parts_of(found.path)
    assert [run.log for run in found.predicate.runs] == [small, large]


def test_old_evidence_makes_room_for_the_newest(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ultra_checklist.bundle.ROOM", 0)
    started(lab, tmp_path)
    path = tmp_path / "env"
    path.chmod(0o644)
    lab.sync(minutes=20)
    path.chmod(0o600)
    lab.sync(minutes=20)
    close(lab)
    found = verify(lab.release().folder / FILE)
    kept = {one.sha256 for one in found.predicate.artefacts if one.included}
    gone = {one.sha256 for one in found.predicate.artefacts if not one.included}
    proof = found.predicate.checks[0].proof
    assert proof is not None
    assert proof.verdicts[0].evidence in kept
    assert len(gone) == 1


def test_evidence_that_is_gone_or_altered_is_only_named(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    whole = verify(lab.release().folder / FILE).predicate.artefacts[-1]
    blob = EvidenceStore(lab.home).path(whole.sha256)
    blob.write_bytes(b"altered")
    found = verify(bundle(lab, tmp_path / "b.tar").path)
    assert found.predicate.artefacts[-1] == Artefact(name=whole.name, sha256=whole.sha256, included=False)


def test_a_large_log_is_never_held_in_memory(lab: Lab, tmp_path: Path) -> None:
    import tracemalloc

    started(lab, tmp_path)
    log = tmp_path / "log"
    log.write_bytes(random.Random(2).randbytes(1 << 20) * 48)
    ran(lab, log)
    close(lab)
    path = lab.release().folder / FILE
    tracemalloc.start()
    try:
        bundle(lab, tmp_path / "again.tar")
        verify(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 48 << 20
    assert peak < 12 << 20


def test_a_bundle_that_cannot_be_written_leaves_no_half_of_it(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        bundle(lab, tmp_path / "file" / "b.tar")
    assert sorted(tmp_path.glob("**/.*.tar*")) == []

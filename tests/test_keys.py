"""Keys as openssl and ssh-keygen make them, and what is refused; envelopes that other people's code verifies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # theirs exports it without saying so

from tests.generated import ROOT
from tests.lab import Lab
from tests.sealed import bundle, ended, parts_of, ssh_keys
from ultra_checklist.dsse import pae
from ultra_checklist.errors import SettingsError, UsageError
from ultra_checklist.keys import PublicKey, Signer, load_public, load_signer


def openssl(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True).stdout


def test_keys_of_openssl_sign_and_verify(tmp_path: Path) -> None:
    openssl(tmp_path, "genpkey", "-algorithm", "ed25519", "-out", "key.pem")
    (tmp_path / "pub.pem").write_bytes(openssl(tmp_path, "pkey", "-in", "key.pem", "-pubout"))
    (tmp_path / "key.pem").chmod(0o600)
    signer, public = load_signer(tmp_path / "key.pem"), load_public(tmp_path / "pub.pem")
    assert signer.public == public
    assert public.pem() == (tmp_path / "pub.pem").read_bytes()
    assert public.verifies(signer.sign(b"text"), b"text")
    assert not public.verifies(signer.sign(b"text"), b"test")


def test_openssl_verifies_our_signature(tmp_path: Path) -> None:
    openssl(tmp_path, "genpkey", "-algorithm", "ed25519", "-out", "key.pem")
    (tmp_path / "key.pem").chmod(0o600)
    signer = load_signer(tmp_path / "key.pem")
    (tmp_path / "pub.pem").write_bytes(signer.public.pem())
    (tmp_path / "data").write_bytes(pae("application/x", b"{}"))
    (tmp_path / "sig").write_bytes(signer.sign(pae("application/x", b"{}")))
    said = openssl(
        tmp_path, "pkeyutl", "-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", "data", "-sigfile", "sig"
    )
    assert b"Verified Successfully" in said


def test_keys_of_ssh_keygen_sign_and_verify(tmp_path: Path) -> None:
    keys = ssh_keys(tmp_path)
    assert load_public(keys.public) == keys.signer.public
    assert load_public(keys.public).verifies(keys.signer.sign(b"text"), b"text")


def test_the_preauthentication_encoding_is_that_of_the_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o610])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    keys = ssh_keys(tmp_path)
    keys.private.chmod(mode)
    with pytest.raises(SettingsError, match=rf"can be used by others \(mode {mode:04o}\)") as refused:
        load_signer(keys.private)
    assert refused.value.remedy.en == f"chmod 600 {keys.private}"


def make(folder: Path, kind: str) -> Path:
    path = folder / "key"
    match kind:
        case "ssh-passphrase":
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret12", "-f", str(path)], check=True)
        case "pem-passphrase":
            openssl(folder, "genpkey", "-algorithm", "ed25519", "-out", "plain")
            openssl(folder, "pkey", "-in", "plain", "-aes256", "-passout", "pass:secret12", "-out", "key")
        case "rsa":
            openssl(folder, "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key")
        case "ssh-ecdsa":
            subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(path)], check=True)
        case "public":
            path = ssh_keys(folder).public
        case "directory":
            path.mkdir()
            path.chmod(0o700)
        case "text":
            path.write_text("no key")
        case "fifo":
            os.mkfifo(path)
    if path.exists():
        path.chmod(0o700 if kind == "directory" else 0o600)
    return path


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("ssh-passphrase", "protected by a passphrase"),
        ("pem-passphrase", "protected by a passphrase"),
        ("rsa", "no Ed25519 key"),
        ("ssh-ecdsa", "no Ed25519 key"),
        ("public", "is a public key"),
        ("text", "no private key"),
        ("directory", "no regular file"),
        ("fifo", "no regular file"),
        ("missing", "No such file"),
    ],
)
def test_what_cannot_sign_is_told_with_the_setting_and_the_file(tmp_path: Path, kind: str, told: str) -> None:
    path = make(tmp_path, kind)
    with pytest.raises(SettingsError, match=told) as refused:
        load_signer(path)
    assert str(refused.value).startswith(f"ULTRA_CHECKLIST_SIGNING_KEY: {path} ")
    assert refused.value.remedy.en
    assert refused.value.remedy.ja


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("private", "is a private key"),
        ("text", "no Ed25519 public key"),
        ("rsa", "no Ed25519"),
        ("missing", "No such"),
    ],
)
def test_what_is_no_public_key_is_told(tmp_path: Path, kind: str, told: str) -> None:
    path = ssh_keys(tmp_path).private if kind == "private" else make(tmp_path, kind)
    if kind == "rsa":
        path.write_bytes(openssl(tmp_path, "pkey", "-in", "key", "-pubout"))
    with pytest.raises(UsageError, match=told):
        load_public(path)


# Without our code: what is published verifies what we have signed.


def theirs(lab: Lab, folder: Path, signer: Signer) -> dict[str, str]:
    """The envelope of a bundle, as any JSON reader has it."""
    parts = dict(parts_of(bundle(lab, folder / "b.tar", signer).path))
    loaded: dict[str, str] = json.loads(parts["statement.dsse.json"])
    return loaded


def test_securesystemslib_verifies_a_bundle_by_the_public_key_alone(lab: Lab, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    ended(lab, tmp_path)
    keys = ssh_keys(tmp_path)
    envelope = TheirEnvelope.from_dict(theirs(lab, tmp_path, keys.signer))
    key = SSlibKey.from_crypto(load_ssh_public_key(keys.public.read_bytes()))
    assert envelope.verify([key], 1) == {key.keyid: key}
    assert key.keyid == keys.signer.public.keyid
    statement = json.loads(envelope.payload)
    assert envelope.payload_type == "application/vnd.in-toto+json"
    assert statement["predicate"]["release"]["key"] == "try/production/v1.0.0"


def test_the_ten_lines_of_the_document_verify_a_bundle(lab: Lab, tmp_path: Path) -> None:
    ended(lab, tmp_path)
    keys = ssh_keys(tmp_path, "signing.key")
    bundle(lab, tmp_path / "bundle.tar", keys.signer)
    code = (ROOT / "docs" / "bundle.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "gitCommit" in done.stdout
    ssh_keys(tmp_path, "other").public.replace(keys.public)
    assert (
        "VerificationError"
        in subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stderr
    )


def test_securesystemslib_refuses_what_was_changed_and_other_keys(lab: Lab, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    ended(lab, tmp_path)
    keys, others = ssh_keys(tmp_path), ssh_keys(tmp_path, "other")
    key = SSlibKey.from_crypto(load_ssh_public_key(keys.public.read_bytes()))
    changed = TheirEnvelope.from_dict(theirs(lab, tmp_path, keys.signer))
    changed.payload = changed.payload.replace(b'"passed"', b'"waived"')
    with pytest.raises(VerificationError):
        changed.verify([key], 1)
    foreign = TheirEnvelope.from_dict(theirs(lab, tmp_path, others.signer))
    with pytest.raises(VerificationError):
        foreign.verify([key], 1)


def test_an_id_is_of_the_key_and_of_nothing_else(tmp_path: Path) -> None:
    keys = ssh_keys(tmp_path, "one", "-C", "a comment")
    line = keys.public.read_text().split()
    keys.public.write_text(" ".join(line[:2]))
    assert load_public(keys.public).keyid == keys.signer.public.keyid
    assert PublicKey(bytes(32)).keyid != keys.signer.public.keyid

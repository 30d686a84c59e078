"""Signed tags, with real keys of gpg and ssh-keygen."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from tests.probes.test_git import WHO, git
from ultra_checklist.model import Verdict
from ultra_checklist.probes.signature import SignatureSeen, _openpgp, _ssh


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home without keys and configuration; short, since gpg's agent has its socket there."""
    folder = tmp_path_factory.mktemp("h")
    folder.chmod(0o700)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("GNUPGHOME", raising=False)
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    git(folder, "tag", "light")
    git(folder, "tag", "-a", "plain", "-m", "not signed")
    return folder


def judge(repo: Path, tag: str, **options: object) -> Verdict:
    return look("git", {"path": str(repo), "ref": tag, "signed": True, **options})


def ssh_key(folder: Path, name: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    return folder / name


def sign(repo: Path, tag: str, *settings: str) -> None:
    git(repo, *(part for setting in settings for part in ("-c", setting)), "tag", "-s", tag, "-m", "signed")


def test_a_tag_without_signature_fails(repo: Path) -> None:
    assert said(judge(repo, "light")) == ("fail", "tag-lightweight")
    assert said(judge(repo, "plain")) == ("fail", "tag-unsigned")
    assert said(judge(repo, "main")) == ("fail", "no-such-tag")
    assert said(judge(repo, "none")) == ("fail", "no-such-ref")


def test_an_ssh_signature_and_allowed_signers(repo: Path, tmp_path: Path) -> None:
    key, other = ssh_key(tmp_path, "key"), ssh_key(tmp_path, "other")
    sign(repo, "v1", "gpg.format=ssh", f"user.signingKey={key}.pub")
    assert said(judge(repo, "v1")) == ("unknown", "no-signers")
    assert said(judge(repo, "v1", signers=str(tmp_path / "none"))) == ("unknown", "no-signers")
    signers = tmp_path / "signers"
    signers.write_text(f"sato@example.invalid {key.with_suffix('.pub').read_text()}")
    assert said(judge(repo, "v1", signers=str(signers))) == ("pass", "as-expected")
    signers.write_text(f"suzuki@example.invalid {other.with_suffix('.pub').read_text()}")
    assert said(judge(repo, "v1", signers=str(signers))) == ("fail", "tag-not-allowed")
    signers.write_text("")
    assert said(judge(repo, "v1", signers=str(signers)))[0] in ("fail", "unknown")


def test_a_signed_tag_under_another_name_fails(repo: Path, tmp_path: Path) -> None:
    key = ssh_key(tmp_path, "key")
    sign(repo, "v1", "gpg.format=ssh", f"user.signingKey={key}.pub")
    signers = tmp_path / "signers"
    signers.write_text(f"sato@example.invalid {key.with_suffix('.pub').read_text()}")
    git(repo, "update-ref", "refs/tags/v2", git(repo, "rev-parse", "v1"))
    assert said(judge(repo, "v2", signers=str(signers))) == ("fail", "tag-other-name")


def test_a_tag_that_was_altered_after_signing_fails(repo: Path, tmp_path: Path) -> None:
    key = ssh_key(tmp_path, "key")
    sign(repo, "v1", "gpg.format=ssh", f"user.signingKey={key}.pub")
    signers = tmp_path / "signers"
    signers.write_text(f"sato@example.invalid {key.with_suffix('.pub').read_text()}")
    altered = git(repo, "cat-file", "tag", "v1").replace("\nsigned\n", "\nforged\n") + "\n"
    made = subprocess.run(
        ["git", "-C", str(repo), "hash-object", "-t", "tag", "-w", "--stdin"],
        input=altered, capture_output=True, text=True, check=True,
    )  # fmt: skip
    git(repo, "update-ref", "refs/tags/v1", made.stdout.strip())
    assert said(judge(repo, "v1", signers=str(signers))) == ("fail", "tag-bad")


@pytest.fixture
def gpg_key(home: Path) -> Iterator[str]:
    """A key in the keyring; the agent that gpg starts is ended."""
    script = "Key-Type: eddsa\nKey-Curve: ed25519\nName-Real: Sato\nName-Email: sato@example.invalid\nExpire-Date: 0\n%no-protection\n%commit\n"
    done = subprocess.run(
        ["gpg", "--batch", "--status-fd", "1", "--gen-key"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        if os.environ.get("CI"):
            pytest.fail(done.stderr)
        pytest.skip(f"gpg makes no key: {done.stderr[-200:]}")
    yield next(line.split()[3] for line in done.stdout.splitlines() if "KEY_CREATED" in line)
    subprocess.run(["gpgconf", "--homedir", str(home / ".gnupg"), "--kill", "all"], check=False)


def test_an_openpgp_signature_and_the_keyring(
    repo: Path, home: Path, gpg_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(repo, "v1", f"user.signingKey={gpg_key}")
    assert said(judge(repo, "v1")) == ("pass", "as-expected")
    git(repo, "config", "gpg.program", "/bin/false")
    assert said(judge(repo, "v1")) == ("pass", "as-expected")
    stranger = home / "stranger"
    stranger.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(stranger))
    found = judge(repo, "v1")
    assert said(found) == ("unknown", "unknown-key")
    assert found.remedy.en.startswith("gpg --import")


def test_a_program_of_the_repository_does_not_vouch(repo: Path, tmp_path: Path) -> None:
    key = ssh_key(tmp_path, "key")
    sign(repo, "v1", "gpg.format=ssh", f"user.signingKey={key}.pub")
    proof, evil = tmp_path / "ran", tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\necho 'Good \"git\" signature for x with ED25519 key y'\n")
    evil.chmod(0o755)
    for name in ("gpg.ssh.program", "gpg.program", "gpg.openpgp.program"):
        git(repo, "config", name, str(evil))
    signers = tmp_path / "signers"
    signers.write_text("nobody@example.invalid " + ssh_key(tmp_path, "other").with_suffix(".pub").read_text())
    assert said(judge(repo, "v1", signers=str(signers))) == ("fail", "tag-not-allowed")
    assert not proof.exists()


@pytest.mark.parametrize(
    ("code", "text", "state"),
    [
        (0, "[GNUPG:] GOODSIG ABCD Sato <s@x>\n[GNUPG:] VALIDSIG FFFF 2026-01-02\n", "good"),
        (0, "[GNUPG:] GOODSIG ABCD Sato <s@x>\n", "not-checked"),
        (1, "[GNUPG:] BADSIG ABCD Sato <s@x>\n", "bad"),
        (0, "[GNUPG:] EXPKEYSIG ABCD Sato <s@x>\n[GNUPG:] VALIDSIG FFFF 2026-01-02\n", "expired"),
        (1, "[GNUPG:] EXPSIG ABCD Sato <s@x>\n", "expired"),
        (1, "[GNUPG:] REVKEYSIG ABCD Sato <s@x>\n[GNUPG:] VALIDSIG FFFF 2026-01-02\n", "revoked"),
        (1, "[GNUPG:] ERRSIG ABCD 22 10 00 1700000000 9 FFFF\n[GNUPG:] NO_PUBKEY ABCD\n", "unknown-key"),
        (128, "error: cannot run gpg: No such file or directory\n", "not-checked"),
        (0, "", "not-checked"),
    ],
)
def test_what_gpg_says(code: int, text: str, state: str) -> None:
    assert _openpgp(code, text).state == state


@pytest.mark.parametrize(
    ("code", "text", "seen"),
    [
        (
            0,
            'Good "git" signature for sato@x with ED25519 key SHA256:abc\n',
            SignatureSeen(state="good", by="sato@x SHA256:abc"),
        ),
        (
            1,
            'Good "git" signature with ED25519 key SHA256:abc\nNo principal matched.\n',
            SignatureSeen(state="not-allowed"),
        ),
        (1, "Signature verification failed: incorrect signature\n", SignatureSeen(state="bad")),
        (1, "error: cannot run ssh-keygen: No such file or directory\n", SignatureSeen(state="not-checked")),
        (0, "", SignatureSeen(state="not-checked")),
    ],
)
def test_what_ssh_keygen_says(code: int, text: str, seen: SignatureSeen) -> None:
    assert _ssh(code, text) == seen

"""Who signed a tag: OpenPGP by the keyring of this user, SSH by a file of allowed signers (ssh-keygen(1)).

The programs that check it are the well-known ones, whatever the repository configures. What gpg says is
described in its doc/DETAILS, "Format of the --status-fd output".
"""

import re
import shlex
from pathlib import Path
from typing import Literal

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Observation, failed, unknown
from ultra_checklist.probes.checkout import Git

State = Literal[
    "good", "no-such-tag", "lightweight", "other-name", "unsigned", "bad", "expired", "revoked", "not-allowed",
    "unknown-key", "no-signers", "not-checked",
]  # fmt: skip
_PROGRAMS = ("-c", "gpg.program=gpg", "-c", "gpg.openpgp.program=gpg", "-c", "gpg.ssh.program=ssh-keygen",
             "-c", "gpg.x509.program=gpgsm")  # fmt: skip
_SSH = "-----BEGIN SSH SIGNATURE-----"
_SIGNED = re.compile(r"^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$", re.MULTILINE)
_STATUS: dict[str, State] = {
    "BADSIG": "bad", "EXPSIG": "expired", "EXPKEYSIG": "expired", "REVKEYSIG": "revoked",
    "NO_PUBKEY": "unknown-key", "ERRSIG": "unknown-key",
}  # fmt: skip
_GOOD_SSH = re.compile(r'^Good "git" signature for (.+) with \S+ key (\S+)$', re.MULTILINE)


class SignatureSeen(Observation):
    """What became of checking a tag's signature."""

    state: State
    by: str = ""
    """Who signed it, where that is known."""


async def look(git: Git, tag: str, signers: Path | None) -> SignatureSeen:
    """Check the signature of a tag. Raises ProbeCannotTell."""
    name = f"refs/tags/{tag}"
    kind = await git.line("cat-file", "-t", name)
    if kind != "tag":
        return SignatureSeen(state="lightweight" if kind else "no-such-tag")
    content = (await git.run("cat-file", "tag", name)).stdout
    if f"\ntag {tag}\n" not in content.partition("\n\n")[0] + "\n":
        # A signed tag keeps its signature under any other name.
        return SignatureSeen(state="other-name")
    if _SIGNED.search(content) is None:
        return SignatureSeen(state="unsigned")
    if _SSH in content and (signers is None or not signers.is_file()):
        return SignatureSeen(state="no-signers")
    trusted = ("-c", f"gpg.ssh.allowedSignersFile={signers}") if signers is not None else ()
    done = await git.run(*_PROGRAMS, *trusted, "verify-tag", "--raw", name)
    return _ssh(done.code, done.stdout + done.stderr) if _SSH in content else _openpgp(done.code, done.stderr)


def _ssh(code: int, text: str) -> SignatureSeen:
    good = _GOOD_SSH.search(text)
    if code == 0 and good is not None:
        return SignatureSeen(state="good", by=f"{good.group(1)} {good.group(2)}"[:120])
    if 'Good "git" signature' in text or "No principal matched" in text:
        return SignatureSeen(state="not-allowed")
    if "incorrect signature" in text or "Could not verify" in text:
        return SignatureSeen(state="bad")
    return SignatureSeen(state="not-checked")


def _openpgp(code: int, text: str) -> SignatureSeen:
    said = [line.removeprefix("[GNUPG:] ").split(" ", 2) for line in text.splitlines() if line[:9] == "[GNUPG:] "]
    keys = {words[0]: words[1:] for words in said}
    for keyword, state in _STATUS.items():
        if keyword in keys:
            return SignatureSeen(
                state=state, by=" ".join(keys[keyword][-1:])[:120] if state != "unknown-key" else ""
            )
    if code == 0 and "GOODSIG" in keys and "VALIDSIG" in keys:
        return SignatureSeen(state="good", by=f"{' '.join(keys['GOODSIG'][-1:])} {keys['VALIDSIG'][0]}"[:120])
    return SignatureSeen(state="not-checked")


_WRONG: dict[str, tuple[str, str]] = {
    "no-such-tag": ("there is no tag {tag} here", "タグ {tag} がありません"),
    "lightweight": ("{tag} is a name alone, without a signature", "{tag} は署名のない軽量タグです"),
    "other-name": ("{tag} is a tag that was made under another name", "{tag} は別名で作成されたタグです"),
    "unsigned": ("{tag} is not signed", "{tag} に署名がありません"),
    "bad": ("the signature of {tag} is wrong", "{tag} の署名が不正です"),
    "expired": ("the signature of {tag} or its key has expired", "{tag} の署名または鍵の期限が切れています"),
    "revoked": ("the key that signed {tag} was revoked", "{tag} に署名した鍵は失効しています"),
    "not-allowed": (
        "{tag} was signed by a key that is not allowed",
        "{tag} は許可されていない鍵で署名されています",
    ),
}
_UNSEEN: dict[str, tuple[str, str]] = {
    "unknown-key": ("the keyring does not have the key that signed {tag}", "{tag} に署名した鍵が鍵束にありません"),
    "no-signers": ("{tag} is signed with SSH, and there are no allowed signers to compare with",
                   "{tag} は SSH 署名ですが、許可された署名者の一覧がありません"),
    "not-checked": ("the signature of {tag} could not be checked", "{tag} の署名を検証できません"),
}  # fmt: skip


def judge(seen: SignatureSeen, tag: str, quoted: str) -> Verdict | None:
    """Whether the tag is signed by somebody who is known; None where it is."""
    if seen.state == "good":
        return None
    verify = Words.same(f"git -C {quoted} verify-tag --verbose {shlex.quote(tag)}")
    expected = Words(en="a good signature", ja="正しい署名")
    if seen.state in _UNSEEN:
        en, ja = _UNSEEN[seen.state]
        remedies = {
            "unknown-key": Words.same("gpg --import KEYFILE"),
            "no-signers": Words(
                en="name a file of allowed signers: `signers`", ja="許可された署名者のファイルを `signers` に指定"
            ),
        }
        return unknown(
            seen.state,
            Words(en=en.format(tag=tag), ja=ja.format(tag=tag)),
            expected=expected,
            remedy=remedies.get(seen.state, verify),
            signature=seen.state,
        )
    en, ja = _WRONG[seen.state]
    told = Words(en=en.format(tag=tag), ja=ja.format(tag=tag))
    return failed(
        seen.state if seen.state == "no-such-tag" else f"tag-{seen.state}",
        told,
        expected=expected,
        seen=Words.same(f"{seen.state} ({seen.by})") if seen.by else Words.same(seen.state),
        remedy=verify,
        signature=seen.state,
    )

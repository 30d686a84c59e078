"""Rights beyond the mode: ACLs, the folder, and copies beside the file."""

import errno
import os
import struct
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from ultra_checklist.model import Verdict
from ultra_checklist.probes import acl
from ultra_checklist.probes.beside import is_copy

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NOBODY = 65534


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / ".env.production"
    path.write_text("APP_ENV=production\n")
    path.chmod(0o600)
    return path


def look_at(path: Path, **options: object) -> Verdict:
    return look("file", {"path": str(path), "mode": "0600", **options})


def set_acl(path: Path, kind: str, *entries: tuple[int, int, int]) -> None:
    """What setfacl(1) does; a file system without ACLs skips the test, but not in CI."""
    raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, f"system.posix_acl_{kind}", raw)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP or os.environ.get("CI"):
            raise
        pytest.skip("this file system has no ACLs")


def named(user: int, rights: int, mask: int) -> tuple[tuple[int, int, int], ...]:
    none = 0xFFFFFFFF
    return ((USER_OBJ, 6, none), (USER, rights, user), (GROUP_OBJ, 0, none), (MASK, mask, none), (OTHER, 0, none))


def test_an_acl_is_looser_than_the_mode(env: Path) -> None:
    set_acl(env, "access", *named(NOBODY, 4, 0))
    assert env.stat().st_mode & 0o777 == 0o600
    found = look_at(env)
    assert said(found) == ("fail", "acl")
    assert found.seen.en == f"0600 + user:{acl.user_name(NOBODY)}:r--"
    assert found.remedy.en == f"setfacl -b {env}"
    assert said(look("file", {"path": str(env)})) == ("pass", "as-expected")


def test_a_plain_list_says_what_the_mode_says(env: Path) -> None:
    none = 0xFFFFFFFF
    set_acl(env, "access", (USER_OBJ, 6, none), (GROUP_OBJ, 0, none), (OTHER, 0, none))
    assert said(look_at(env)) == ("pass", "as-expected")


def test_a_default_acl_of_the_folder_is_looser(env: Path) -> None:
    none = 0xFFFFFFFF
    set_acl(
        env.parent, "default",
        (USER_OBJ, 7, none), (GROUP_OBJ, 5, none), (GROUP, 4, NOBODY), (MASK, 7, none), (OTHER, 0, none),
    )  # fmt: skip
    assert said(look_at(env)) == ("pass", "as-expected")
    found = look_at(env, safe_folder=True)
    assert said(found) == ("fail", "folder-acl")
    assert found.seen.en == f"group::r-x, group:{acl.group_name(NOBODY)}:r--"


@pytest.mark.parametrize(
    ("mode", "verdict"),
    [
        (0o700, ("pass", "as-expected")),
        (0o755, ("pass", "as-expected")),
        (0o770, ("fail", "folder-writable")),
        (0o707, ("fail", "folder-writable")),
        (0o1777, ("pass", "as-expected")),
    ],
)
def test_the_folder_must_not_be_writable_by_others(env: Path, mode: int, verdict: tuple[str, str]) -> None:
    env.parent.chmod(mode)
    found = look_at(env, safe_folder=True)
    assert said(found) == verdict
    if verdict[0] == "fail":
        assert found.seen.en == f"{mode:04o}"
        assert found.remedy.en == f"chmod go-w {env.parent}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_owner_of_the_folder_can_replace_the_file(env: Path) -> None:
    os.chown(env.parent, NOBODY, -1)
    assert said(look_at(env, safe_folder=True)) == ("fail", "folder-owner")
    os.chown(env, NOBODY, -1)
    assert said(look_at(env, safe_folder=True)) == ("pass", "as-expected")


def test_stricter_rights_pass_only_where_they_may(env: Path) -> None:
    env.chmod(0o400)
    assert said(look_at(env)) == ("fail", "mode")
    assert said(look_at(env, stricter=True)) == ("pass", "as-expected")
    env.chmod(0o440)
    assert said(look_at(env, stricter=True)) == ("fail", "mode")


def test_copies_beside_it_must_not_be_looser(env: Path) -> None:
    copy = env.with_name(".env.production.bak")
    copy.write_text("APP_ENV=production\n")
    copy.chmod(0o640)
    assert said(look_at(env)) == ("pass", "as-expected")
    found = look_at(env, backups=True)
    assert said(found) == ("fail", "copy-mode")
    assert found.seen.en == ".env.production.bak 0640"
    assert str(copy) in found.remedy.en
    copy.chmod(0o600)
    assert said(look_at(env, backups=True)) == ("pass", "as-expected")
    set_acl(copy, "access", *named(NOBODY, 4, 0))
    assert said(look_at(env, backups=True)) == ("fail", "copy-mode")


def test_a_link_to_nowhere_and_a_folder_are_no_copies(env: Path) -> None:
    env.with_name(".env.production~").symlink_to(env.parent / "none")
    env.with_name(".env.production.old").mkdir(0o755)
    assert said(look_at(env, backups=True)) == ("pass", "as-expected")


@pytest.mark.parametrize(
    ("name", "copy"),
    [
        (".env.production~", True),
        (".env.production.~1~", True),
        (".env.production.bak", True),
        (".env.production.bak2", True),
        (".env.production.backup.1", True),
        (".env.production.old", True),
        (".env.production.orig", True),
        (".env.production.save", True),
        ("..env.production.swp", True),
        ("#.env.production#", True),
        (".env.production-2026-01-02", True),
        (".env.production.20260102", True),
        (".env.production.before-20260102", True),
        (".env.production-wip", True),
        (".env.production.1", True),
        (".env.production (copy)", True),
        ("Copy of .env.production", True),
        (".env.production", False),
        (".env.production.example", False),
        (".env.production-sample", False),
        (".env.production.gpg", False),
        (".env.production.local", False),
        (".env", False),
        ("other.bak", False),
    ],
)
def test_names_of_copies(name: str, copy: bool) -> None:
    assert is_copy(name, ".env.production") is copy


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backups": True}, "add `mode`"),
        ({"stricter": True}, "add `mode`"),
        ({"exists": False, "safe_folder": True}, "nothing to assert"),
    ],
)
def test_options_that_make_no_sense_are_refused(env: Path, options: dict[str, object], message: str) -> None:
    found = look("file", {"path": str(env), **options})
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en


@pytest.mark.parametrize("raw", [b"", b"\x02\0", struct.pack("<I", 1), struct.pack("<I", 2) + b"\0"])
def test_an_acl_of_another_form_cannot_be_told(env: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(os, "getxattr", lambda *_args, **_more: raw)
    assert said(look_at(env)) == ("unknown", "not-readable")

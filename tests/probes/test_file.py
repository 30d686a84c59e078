"""The file probe on real files."""

import os
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from ultra_checklist.model import Verdict


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / ".env.production"
    path.write_text("APP_ENV=production\n")
    path.chmod(0o600)
    return path


def look_at(path: Path, **options: object) -> Verdict:
    return look("file", {"path": str(path), **options})


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o400, 0o4600, 0o1600, 0o777])
def test_any_other_mode_fails_with_expected_seen_and_remedy(env: Path, mode: int) -> None:
    env.chmod(mode)
    found = look_at(env, mode="0600")
    assert said(found) == ("fail", "mode")
    assert (found.expected.en, found.seen.en) == ("0600", f"{mode:04o}")
    assert found.remedy.en == f"chmod 600 {env}"
    assert "0600" in found.sentence.ja


def test_the_right_mode_passes(env: Path) -> None:
    found = look_at(env, mode="0600")
    assert said(found) == ("pass", "as-expected")
    assert found.seen.en == "0600"
    assert said(look_at(env, mode="600")) == ("pass", "as-expected")


def test_a_missing_file_fails(tmp_path: Path) -> None:
    found = look_at(tmp_path / "none", mode="0600")
    assert said(found) == ("fail", "missing")
    assert found.remedy.en


def test_a_file_below_a_file_is_missing(env: Path) -> None:
    assert said(look_at(env / "deeper")) == ("fail", "missing")


def test_a_symbolic_link_is_no_regular_file(env: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(env)
    found = look_at(link, mode="0600")
    assert said(found) == ("fail", "symlink")
    assert str(env) in found.seen.en
    assert said(look_at(link, mode="0600", follow_symlinks=True)) == ("pass", "as-expected")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    assert said(look_at(tmp_path / "dangling")) == ("fail", "symlink")


def test_a_directory_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    assert said(look_at(tmp_path)) == ("fail", "wrong-type")
    os.mkfifo(tmp_path / "pipe")
    assert said(look_at(tmp_path / "pipe", contains="x")) == ("fail", "wrong-type")


def test_an_empty_file_is_too_small(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert said(look_at(tmp_path / "empty", min_size=1)) == ("fail", "too-small")


def test_content_by_digest_and_pattern(env: Path) -> None:
    assert said(look_at(env, contains="^APP_ENV=production$")) == ("pass", "as-expected")
    found = look_at(env, contains="SECRET")
    assert said(found) == ("fail", "content")
    assert said(look_at(env, sha256="0" * 64)) == ("fail", "digest")


def test_owner_by_name_and_number(env: Path) -> None:
    uid = str(env.stat().st_uid)
    assert said(look_at(env, owner=uid)) == ("pass", "as-expected")
    found = look_at(env, owner="nobody-of-this-name")
    assert said(found) == ("fail", "owner")
    assert found.remedy.en.startswith("chown nobody-of-this-name ")


def test_absence(env: Path, tmp_path: Path) -> None:
    assert said(look_at(tmp_path / "none", exists=False)) == ("pass", "absent")
    assert said(look_at(env, exists=False)) == ("fail", "present")


def test_a_relative_path_without_a_base_cannot_be_told() -> None:
    found = look("file", {"path": ".env.production"})
    assert said(found) == ("unknown", "unset-variable")
    assert "DEPLOY_DIR" in found.sentence.en


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_looked_at_cannot_be_told(env: Path) -> None:
    env.parent.chmod(0)
    try:
        assert said(look_at(env)) == ("unknown", "permission-denied")
    finally:
        env.parent.chmod(0o700)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": 600}, 'write the mode in quotes: "0600"'),
        ({"mode": "rw-------"}, "octal"),
        ({"contains": "("}, "regular expression"),
        ({"exists": False, "mode": "0600"}, "nothing to assert"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_options_that_make_no_sense_are_refused(env: Path, options: dict[str, object], message: str) -> None:
    found = look_at(env, **options)
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en

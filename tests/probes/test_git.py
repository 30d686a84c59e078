"""The git probe on real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from ultra_checklist.model import Verdict

_NAMES = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
WHO = {f"GIT_{name}": "t@example.invalid" for name in _NAMES}
WHO |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        check=check,
        capture_output=True,
        text=True,
        env={**os.environ, **WHO},
    )
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("one\n")
    (folder / "deploy.sh").write_text("echo deploy\n")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "v1.0.0")
    return folder


def judge(folder: Path, **options: object) -> Verdict:
    return look("git", {"path": str(folder), **options})


def clean(folder: Path) -> tuple[str, str]:
    return said(judge(folder, clean=True))


def test_a_clean_checkout_passes_and_ignored_files_do_not_count(repo: Path) -> None:
    (repo / "ignored").write_text("x")
    assert clean(repo) == ("pass", "as-expected")


def test_changes_of_every_kind_fail(repo: Path) -> None:
    (repo / "new").write_text("x")
    found = judge(repo, clean=True)
    assert said(found) == ("fail", "dirty")
    assert "?? new" in found.seen.en
    assert "git -C" in found.remedy.en
    assert said(judge(repo, clean=True, allow=["new"])) == ("pass", "as-expected")
    (repo / "new").unlink()
    (repo / "a.txt").write_text("changed\n")
    assert clean(repo) == ("fail", "dirty")
    git(repo, "add", "a.txt")
    assert clean(repo) == ("fail", "dirty")
    git(repo, "commit", "-qm", "two")
    (repo / "a.txt").unlink()
    assert clean(repo) == ("fail", "dirty")


def test_a_file_with_a_japanese_name_is_named(repo: Path) -> None:
    (repo / "変更 メモ.txt").write_text("x")
    assert "変更 メモ.txt" in judge(repo, clean=True).seen.en


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_hidden_index_flags_fail(repo: Path, flag: str) -> None:
    git(repo, "update-index", flag, "a.txt")
    (repo / "a.txt").write_text("hidden\n")
    found = judge(repo, clean=True)
    assert said(found) == ("fail", "hidden-changes")
    assert "a.txt" in found.seen.en
    assert "--no-skip-worktree" in found.remedy.en


def test_an_operation_under_way_fails(repo: Path) -> None:
    git(repo, "checkout", "-qb", "side")
    (repo / "a.txt").write_text("side\n")
    git(repo, "commit", "-qam", "side")
    git(repo, "checkout", "-q", "main")
    (repo / "a.txt").write_text("main\n")
    git(repo, "commit", "-qam", "main")
    git(repo, "merge", "side", check=False)
    assert clean(repo) == ("fail", "operation-in-progress")


def test_a_ref_must_name_the_commit(repo: Path) -> None:
    commit = git(repo, "rev-parse", "HEAD")
    assert said(judge(repo, ref="v1.0.0", commit=commit)) == ("pass", "as-expected")
    assert said(judge(repo, ref="v1.0.0", commit=commit[:10])) == ("pass", "as-expected")
    assert said(judge(repo, ref="v9", commit=commit)) == ("fail", "no-such-ref")
    assert said(judge(repo, ref="v9")) == ("fail", "no-such-ref")
    assert said(judge(repo, ref="v1.0.0")) == ("pass", "as-expected")
    (repo / "a.txt").write_text("two\n")
    git(repo, "commit", "-qam", "two")
    git(repo, "tag", "-f", "v1.0.0")
    found = judge(repo, ref="v1.0.0", commit=commit)
    assert said(found) == ("fail", "wrong-commit")
    assert (found.expected.en, found.seen.en) == (commit[:12], git(repo, "rev-parse", "HEAD")[:12])


def test_an_annotated_tag_and_a_branch_of_the_same_name(repo: Path) -> None:
    commit = git(repo, "rev-parse", "HEAD")
    git(repo, "tag", "-a", "v2", "-m", "x")
    git(repo, "checkout", "-qb", "other")
    (repo / "a.txt").write_text("two\n")
    git(repo, "commit", "-qam", "two")
    git(repo, "branch", "v2")
    assert said(judge(repo, ref="v2", commit=commit)) == ("pass", "as-expected")


def test_a_ref_that_looks_like_a_flag_is_no_flag(repo: Path) -> None:
    commit = git(repo, "rev-parse", "HEAD")
    assert said(judge(repo, ref="--all", commit=commit)) == ("fail", "no-such-ref")


def test_head_and_branch(repo: Path) -> None:
    commit = git(repo, "rev-parse", "HEAD")
    assert said(judge(repo, head=True, commit=commit)) == ("pass", "as-expected")
    assert said(judge(repo, head=True, commit="1234567")) == ("fail", "wrong-head")
    assert said(judge(repo, branch="main")) == ("pass", "as-expected")
    git(repo, "checkout", "-q", "--detach")
    assert said(judge(repo, branch="main")) == ("fail", "wrong-branch")


def test_a_file_must_be_as_the_commit_has_it(repo: Path) -> None:
    commit = git(repo, "rev-parse", "HEAD")
    assert said(judge(repo, file="deploy.sh", commit=commit)) == ("pass", "as-expected")
    (repo / "deploy.sh").write_text("echo edited\n")
    assert said(judge(repo, file="deploy.sh", commit=commit)) == ("fail", "file-differs")
    (repo / "deploy.sh").unlink()
    assert said(judge(repo, file="deploy.sh", commit=commit)) == ("fail", "missing")
    (repo / "deploy.sh").symlink_to("a.txt")
    assert said(judge(repo, file="deploy.sh", commit=commit)) == ("fail", "missing")
    (repo / "extra.sh").write_text("x")
    assert said(judge(repo, file="extra.sh", commit=commit)) == ("fail", "file-not-in-commit")
    assert said(judge(repo, file="a.txt", commit="1234567")) == ("unknown", "commit-unknown")


def test_what_is_no_checkout_cannot_be_told(tmp_path: Path) -> None:
    assert clean(tmp_path) == ("unknown", "not-a-repository")
    assert clean(tmp_path / "none") == ("unknown", "not-a-repository")
    bare = tmp_path / "bare.git"
    git(tmp_path, "init", "-q", "--bare", str(bare))
    assert clean(bare) == ("unknown", "not-a-repository")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_checkout_of_another_user_cannot_be_told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(repo.parent))
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    found = judge(repo, clean=True)
    assert said(found) == ("unknown", "dubious-ownership")
    assert "safe.directory" in found.remedy.en


def test_looking_changes_nothing_and_runs_nothing_of_the_repository(repo: Path) -> None:
    proof = repo.parent / "ran"
    script = repo.parent / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {proof}\n")
    script.chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(script))
    git(repo, "config", "core.hooksPath", str(repo.parent))
    commit = git(repo, "rev-parse", "v1.0.0")
    proof.unlink(missing_ok=True)
    before = {path: path.stat().st_mtime_ns for path in repo.rglob("*")}
    judge(repo, clean=True, ref="v1.0.0", file="deploy.sh", commit=commit, head=True, branch="main")
    assert not proof.exists()
    assert {path: path.stat().st_mtime_ns for path in repo.rglob("*")} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "asserts nothing"),
        ({"head": True}, "add `commit`"),
        ({"ref": "v1", "commit": "main"}, "no commit id"),
    ],
)
def test_options_that_make_no_sense_are_refused(repo: Path, options: dict[str, object], message: str) -> None:
    found = judge(repo, **options)
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en

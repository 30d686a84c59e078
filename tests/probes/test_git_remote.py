"""The git probe and a remote: asked without fetching, and nothing that anybody configured is run."""

import shlex
import socket
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from tests.probes.test_git import WHO, git
from ultra_checklist.model import Verdict


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    git(tmp_path, "init", "-q", "-b", "main", str(work))
    (work / "deploy.sh").write_text("#!/bin/bash\necho deploy\n")
    (work / "deploy.sh").chmod(0o755)
    git(work, "add", "-A")
    git(work, "commit", "-qm", "one")
    git(work, "tag", "-a", "v1.0.0", "-m", "one")
    git(tmp_path, "clone", "-q", "--bare", str(work), str(tmp_path / "remote.git"))
    git(work, "remote", "add", "origin", str(tmp_path / "remote.git"))
    return work


@pytest.fixture
def repo(tmp_path: Path, remote: Path) -> Path:
    assert remote.is_dir()
    folder = tmp_path / "production"
    git(tmp_path, "clone", "-q", str(tmp_path / "remote.git"), str(folder))
    return folder


def judge(folder: Path, **options: object) -> Verdict:
    return look("git", {"path": str(folder), "remote": "origin", **options})


def push(work: Path, text: str) -> None:
    """Somebody goes on working."""
    (work / "deploy.sh").write_text(text)
    git(work, "commit", "-qam", "more")
    git(work, "push", "-q", "origin", "main")


def test_a_tag_and_a_branch_are_the_same_there(repo: Path, remote: Path) -> None:
    assert said(judge(repo, ref="v1.0.0", branch="main")) == ("pass", "as-expected")
    push(remote, "echo newer\n")
    assert said(judge(repo, ref="v1.0.0")) == ("pass", "as-expected")
    found = judge(repo, branch="main")
    assert said(found) == ("fail", "remote-differs")
    assert found.expected.en == git(repo, "rev-parse", "HEAD")[:12]
    assert found.seen.en == git(remote, "rev-parse", "HEAD")[:12]


def test_a_tag_that_was_moved_or_is_not_there_fails(repo: Path, remote: Path) -> None:
    push(remote, "echo newer\n")
    git(remote, "tag", "-f", "v1.0.0")
    git(remote, "push", "-qf", "origin", "v1.0.0")
    assert said(judge(repo, ref="v1.0.0")) == ("fail", "remote-differs")
    git(repo, "tag", "v2.0.0")
    assert said(judge(repo, ref="v2.0.0")) == ("fail", "not-on-remote")


def test_a_file_is_the_newest_only_if_the_remote_says_so(repo: Path, remote: Path) -> None:
    assert said(judge(repo, file="deploy.sh")) == ("pass", "as-expected")
    push(remote, "echo newer\n")
    found = judge(repo, file="deploy.sh")
    assert said(found) == ("unknown", "not-fetched")
    assert found.remedy.en == f"git -C {repo} fetch origin"
    git(repo, "fetch", "-q", "origin")
    assert said(judge(repo, file="deploy.sh")) == ("fail", "file-not-newest")
    assert said(judge(repo, file="deploy.sh", branch="main"))[0] == "fail"
    git(repo, "merge", "-q", "origin/main")
    assert said(judge(repo, file="deploy.sh")) == ("pass", "as-expected")
    (repo / "deploy.sh").write_text("echo mine\n")
    assert said(judge(repo, file="deploy.sh")) == ("fail", "file-not-newest")


def test_a_missing_branch_cannot_be_told_for_its_file(repo: Path) -> None:
    git(repo, "checkout", "-qb", "mine")
    assert said(judge(repo, branch="mine")) == ("fail", "not-on-remote")


def test_what_is_wrong_here_is_told_though_the_remote_is_silent(repo: Path) -> None:
    git(repo, "remote", "set-url", "origin", str(repo.parent / "gone.git"))
    assert said(judge(repo, ref="v1.0.0")) == ("unknown", "remote-unreachable")
    assert said(judge(repo, ref="v1.0.0", commit="1234567")) == ("fail", "wrong-commit")


def test_a_remote_that_cannot_be_asked_cannot_be_told(repo: Path) -> None:
    assert said(judge(repo, ref="v1.0.0", remote="other")) == ("unknown", "no-such-remote")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    git(repo, "remote", "set-url", "origin", f"http://user:s3cret-pw@127.0.0.1:{port}/x.git")
    found = judge(repo, ref="v1.0.0")
    assert said(found) == ("unknown", "remote-unreachable")
    assert "s3cret-pw" not in found.model_dump_json()


def test_a_remote_that_hangs_is_given_up(repo: Path) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        git(repo, "remote", "set-url", "origin", f"http://127.0.0.1:{mute.getsockname()[1]}/x.git")
        assert said(judge(repo, ref="v1.0.0", timeout=0.5)) == ("unknown", "remote-timeout")


@pytest.mark.parametrize(
    "configured",
    [
        [("remote.origin.uploadpack", "{evil}")],
        [("remote.origin.url", "ext::{evil}"), ("protocol.ext.allow", "always")],
        [("remote.origin.vcs", "ext"), ("protocol.ext.allow", "always")],
        [("remote.origin.url", "ssh://127.0.0.1:1/x"), ("core.sshCommand", "{evil}")],
        [("remote.origin.url", "git://127.0.0.1:1/x"), ("core.gitProxy", "{evil}")],
        [
            ("remote.origin.url", "http://127.0.0.1:{port}/x"),
            ("credential.helper", "{evil}"),
            ("core.askPass", "{evil}"),
        ],
        [
            ("remote.origin.url", "http://127.0.0.1:{port}/x"),
            ("credential.http://127.0.0.1:{port}.helper", "{evil}"),
        ],
    ],
)
def test_nothing_that_the_repository_configures_is_run(
    repo: Path, configured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Login(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    proof, evil = repo.parent / "ran", repo.parent / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(proof))}\n")
    evil.chmod(0o755)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with HTTPServer(("127.0.0.1", 0), Login) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            for name, value in configured:
                port = str(server.server_address[1])
                git(repo, "config", name.replace("{port}", port), value.format(evil=evil, port=port))
            found = judge(repo, ref="v1.0.0", timeout=5)
        finally:
            server.shutdown()
            thread.join()
    assert not proof.exists()
    assert said(found)[0] == ("pass" if configured[0][0].endswith("uploadpack") else "unknown")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("#!/bin/bash\nif true; then echo x; fi\n", ("pass", "as-expected")),
        ("#!/usr/bin/env bash\nset -e\n", ("pass", "as-expected")),
        ("#!/bin/sh -e\necho x\n", ("pass", "as-expected")),
        ("echo no first line\n", ("pass", "as-expected")),
        ("#!/bin/bash\nif true; then\n", ("fail", "syntax")),
        ("#!/bin/bash\necho 'open\n", ("fail", "syntax")),
        ("#!/usr/bin/python3\nprint(1\n", ("unknown", "not-a-shell-script")),
    ],
)
def test_the_syntax_of_a_script(repo: Path, text: str, verdict: tuple[str, str]) -> None:
    (repo / "deploy.sh").write_text(text)
    found = look("git", {"path": str(repo), "file": "deploy.sh", "syntax": True})
    assert said(found) == verdict


def test_a_script_is_read_and_not_run(repo: Path) -> None:
    proof = repo.parent / "ran"
    (repo / "deploy.sh").write_text(f"touch {proof}\necho $(touch {proof})\n")
    assert said(look("git", {"path": str(repo), "file": "deploy.sh", "syntax": True})) == ("pass", "as-expected")
    assert not proof.exists()


def test_a_script_may_be_executed(repo: Path) -> None:
    options = {"path": str(repo), "file": "deploy.sh", "executable": True}
    assert said(look("git", options)) == ("pass", "as-expected")
    (repo / "deploy.sh").chmod(0o644)
    found = look("git", options)
    assert said(found) == ("fail", "not-executable")
    assert found.remedy.en == f"chmod +x {repo / 'deploy.sh'}"
    (repo / "deploy.sh").unlink()
    assert said(look("git", options)) == ("fail", "missing")


def test_a_stash_is_named(repo: Path) -> None:
    (repo / "deploy.sh").write_text("echo aside\n")
    git(repo, "stash", "push", "-m", "for later")
    found = look("git", {"path": str(repo), "clean": True})
    assert said(found) == ("fail", "stash")
    assert found.seen.en == "On main: for later"


def test_submodules_are_checked_out_and_as_recorded(repo: Path, remote: Path) -> None:
    allowed = ("-c", "protocol.file.allow=always")
    git(repo, *allowed, "submodule", "add", "-q", str(remote), "lib")
    git(repo, "commit", "-qm", "lib")
    clean = {"path": str(repo), "clean": True}
    assert said(look("git", clean)) == ("pass", "as-expected")
    (repo / "lib" / "deploy.sh").write_text("echo changed\n")
    assert said(look("git", clean)) == ("fail", "dirty")
    git(repo / "lib", "checkout", "-q", ".")
    git(repo / "lib", "commit", "-q", "--allow-empty", "-m", "another")
    assert said(look("git", clean)) == ("fail", "dirty")
    git(repo, *allowed, "submodule", "update", "-q")
    git(repo, "submodule", "deinit", "-q", "lib")
    found = look("git", clean)
    assert said(found) == ("fail", "submodule-missing")
    assert found.seen.en == "lib"
    assert said(look("git", {**clean, "allow": ["lib"]})) == ("pass", "as-expected")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"remote": "origin"}, "asserts nothing"),
        ({"remote": "origin", "clean": True}, "add ref, branch or file"),
        ({"remote": "--upload-pack=x", "ref": "v1"}, "remote"),
        ({"remote": "https://x.example/y", "ref": "v1"}, "remote"),
        ({"syntax": True, "clean": True}, "add `file`"),
        ({"signed": True, "clean": True}, "add `ref`"),
        ({"signers": "x", "ref": "v1"}, "signed: true"),
        ({"file": "x"}, "add `commit`"),
    ],
)
def test_options_that_make_no_sense_are_refused(repo: Path, options: dict[str, object], message: str) -> None:
    found = look("git", {"path": str(repo), **options})
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en


def test_the_checkout_is_left_as_it_was(repo: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in repo.rglob("*")}
    judge(repo, clean=True, ref="v1.0.0", branch="main", file="deploy.sh", executable=True, syntax=True)
    assert {path: path.stat().st_mtime_ns for path in repo.rglob("*")} == before

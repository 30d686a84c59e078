"""The commands in real processes: the way of a release, and bad input."""

import json
import os
import socket
from pathlib import Path

import pytest

from tests.probes.test_git import git
from tests.shell import COMMAND, SMALL, Served, Shell


@pytest.fixture
def production(tmp_path: Path) -> Path:
    """A checkout as the production checklist expects it."""
    folder = tmp_path / "production"
    (folder / "docs").mkdir(parents=True)
    (folder / "scripts").mkdir()
    (folder / "docs" / "21_production_environment_config.md").write_text("- `APP_ENV`\n- `API_KEY`\n")
    (folder / "scripts" / "deploy_production_backend.sh").write_text("echo deploy\n")
    (folder / ".gitignore").write_text(".env.production\n")
    git(folder.parent, "init", "-q", "-b", "main", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "v1.0.0")
    env = folder / ".env.production"
    env.write_text("APP_ENV=production\nAPI_KEY=k3y-of-production\n")
    env.chmod(0o600)
    return folder


def test_the_way_of_a_release(served: Served, production: Path) -> None:
    served.ok("init")
    again = served.run("init")
    assert "nothing was changed" in again.stderr
    address = served.ok("new", "v1.0.0", f"--var=DEPLOY_DIR={production}").strip()
    assert address.startswith(f"{served.url}/p/")
    before = len(served.requests())
    assert served.ok("new", "v1.0.0", f"--var=DEPLOY_DIR={production}").strip() == address
    assert len(served.requests()) - before <= 2

    served.tick("env-mode", who="Sato")
    served.tick("repo-clean", who="Suzuki")
    before = len(served.requests())
    served.ok("sync")

    assert len(served.requests()) - before == 1 + 2
    row = served.row("env-mode")["properties"]
    assert row["Result"]["select"]["name"] == "Passed"
    assert row["Settled"]["checkbox"] is True
    assert row["Operator"]["people"][0]["name"] == "Sato"
    assert row["Checked at"]["date"]["start"]
    assert row["Evidence"]["rich_text"][0]["plain_text"].startswith("sha256:")

    before = len(served.requests())
    served.ok("sync")
    assert [line["method"] for line in served.requests()[before:]] == ["POST"]

    git(production, "commit", "-q", "--allow-empty", "-m", "pushed to main after new")
    state = json.loads(served.ok("status", "v1.0.0", "--format", "json"))[0]
    assert state["status_code"] == "preparing"
    assert {c["id"]: c["result"] for c in state["checks"]}["repo-clean"] == "passed"
    assert ".env.production" in served.ok("status")
    checked = served.run("check", "v1.0.0", "env-mode", "release-ref", "--format", "json")
    assert {c["id"]: c["result"] for c in json.loads(checked.stdout)["checks"]} == {
        "env-mode": "pass",
        "release-ref": "pass",
    }
    refused = served.run("close", "v1.0.0", "--as", "complete")
    assert refused.returncode == 1
    assert "smoke-api" in refused.stderr
    assert served.run("close", "v1.0.0", "--as", "aborted").returncode == 2
    served.ok("close", "v1.0.0", "--as", "aborted", "--reason", "only a try")
    assert json.loads(served.ok("status", "v1.0.0", "--format", "json"))[0]["status_code"] == "aborted"


def test_the_local_notion_needs_no_server(shell: Shell, production: Path) -> None:
    shell.ok("init", "--local", "--lang", "ja")
    address = shell.ok("new", "v1.0.0", "--local", f"--var=DEPLOY_DIR={production}")
    assert "/p/" in address
    assert shell.run("sync", "--local").stderr == ""
    state = json.loads(shell.ok("status", "--local", "--format", "json"))[0]
    assert state["local"] is True
    assert state["notes"] == ["LOCAL: 内蔵のローカル Notion"]
    assert (shell.home.stat().st_mode & 0o777) == 0o700


def test_losing_the_state_folder_and_adopting(served: Served, production: Path, tmp_path: Path) -> None:
    variables = f"--var=DEPLOY_DIR={production}"
    served.ok("init", "--lang", "en")
    served.ok("new", "v1.0.0", variables)
    served.tick("env-mode")
    served.ok("sync")
    served.home.rename(tmp_path / "lost")
    served.ok("sync")
    assert served.result("env-mode") == "Can't tell"
    taken = served.run("new", "v1.0.0", variables)
    assert taken.returncode == 1
    assert "adopt v1.0.0" in taken.stderr
    served.ok("adopt", "v1.0.0", variables)
    served.ok("sync")
    assert served.result("env-mode") == "Passed"
    workspace = json.loads((served.home / "workspace.json").read_text())
    assert len(served.call("POST", f"data_sources/{workspace['checks']}/query", {})["results"]) == 35


def test_the_language_of_the_databases_stays_when_the_state_folder_is_lost(served: Served, tmp_path: Path) -> None:
    served.ok("init", "--lang", "ja")
    served.ok("new", "v1.0.0")
    served.home.rename(tmp_path / "lost")
    assert "fixed" in served.run("init", "--lang", "en").stderr
    workspace = json.loads((served.home / "workspace.json").read_text())
    assert workspace["lang"] == "ja"
    children = served.call("GET", "blocks/00000000-0000-4000-8000-000000000001/children")["results"]
    assert len(children) == 2


def test_a_deleted_column_is_named(served: Served) -> None:
    served.ok("init")
    served.ok("new", "v1.0.0")
    workspace = json.loads((served.home / "workspace.json").read_text())
    served.call("PATCH", f"data_sources/{workspace['checks']}", {"properties": {"Result": None}})
    refused = served.run("sync")
    assert refused.returncode == 2
    assert "'Result' is missing" in refused.stderr
    assert "init" in refused.stderr
    served.ok("init")
    served.ok("sync")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new", "v1.0.0"], 2, ["NOTION_TOKEN", "--local"]),
        (["sync"], 2, ["NOTION_TOKEN", "--local"]),
        (["init"], 2, ["NOTION_TOKEN", "--local"]),
        (["new", "v1.0.0", "--local"], 2, ["init --local"]),
        (["sync", "--local"], 2, ["init --local"]),
        (["nonsense"], 2, ["nonsense"]),
        (["snyc"], 2, ["sync"]),
        (["new"], 2, ["VERSION"]),
        (["new", "v1.0.0", "--colour", "red"], 2, ["--colour"]),
        (["new", "../../etc", "--local"], 2, ["'../../etc'"]),
        (["new", "v1.0.0", "-t", "nothing", "--local"], 2, ["'nothing'", "production_release"]),
        (["new", "v1.0.0", "--var", "NOPE=1", "--local"], 2, ["NOPE"]),
        (["new", "v1.0.0", "--var", "DEPLOY_DIRR=1", "--local"], 2, ["'DEPLOY_DIR'?"]),
        (["new", "v1.0.0", "--var", "nonsense", "--local"], 2, ["NAME=VALUE"]),
        (["new", "v1.0.0", "--var", "SLACK_WEBHOOK_URL=x", "--local"], 2, ["secret"]),
        (["new", "v1.0.0", "--var-file", "none.env", "--local"], 2, ["none.env"]),
        (["new", "v1.0.0", "--commit", "main", "--local"], 2, ["DEPLOY_DIR"]),
        (["new", "v1.0.0", "--supersede", "--queued", "--local"], 2, ["exclude"]),
        (["check", "production_release", "nope"], 2, ["'nope'"]),
        (["check", "production_release", "env-mod"], 2, ["'env-mode'?"]),
        (["check", "production_release", "--format", "xml"], 2, ["xml", "json"]),
        (["status", "v9"], 2, ["v9", "adopt"]),
        (["close", "v9", "--as", "complete", "--local"], 2, ["v9"]),
        (["close", "v9", "--as", "aborted", "--local"], 2, ["--reason"]),
        (["lint", "none.md"], 2, ["none.md"]),
        (["probes", "gitt"], 2, ["gitt"]),
        (["demo", "--break", "nonsense"], 2, ["env-mode"]),
        (["serve", "--db", "/nowhere/at/all.db"], 2, ["/nowhere/at"]),
        (["status", "--env-file", "none.env"], 2, ["none.env"]),
        (["init", "--parent", "no id at all"], 2, ["NOTION_TOKEN"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_gives_one_clear_message(shell: Shell, arguments: list[str], code: int, words: list[str]) -> None:
    done = shell.run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr + done.stdout
    assert not (shell.home / "releases").exists()


def test_a_malformed_template_names_every_mistake(shell: Shell) -> None:
    (shell.folder / "bad.md").write_text("---\nchecklist: x\nlangg: ja\n---\n## S\n- [ ] a\n- [x] b\n")
    for command in (["lint", "bad.md"], ["check", "bad.md"], ["new", "v1", "-t", "bad.md", "--local"]):
        done = shell.run(*command)
        assert done.returncode == 2
        assert [part in done.stderr for part in ("bad.md:3:", "bad.md:6:", "bad.md:7:")] == [True] * 3


def test_a_notion_that_is_not_there_cannot_be_reached(shell: Shell) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = shell.run("init", NOTION_TOKEN="ntn_local_x", NOTION_BASE_URL=url)
    assert done.returncode == 3
    assert url in done.stderr
    assert "--local" in done.stderr


def test_a_wrong_token_is_refused(served: Served) -> None:
    done = served.run("init", NOTION_TOKEN="ntn_wrong")
    assert done.returncode == 3
    assert "NOTION_TOKEN" in done.stderr
    assert "ntn_wrong" not in done.stderr


def test_a_request_log_that_cannot_be_written_is_named(shell: Shell) -> None:
    done = shell.run("serve", "--port", "0", "--request-log", "missing/requests.jsonl")
    assert done.returncode == 2
    assert "missing/requests.jsonl" in done.stderr


def test_a_port_in_use_is_named(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = shell.run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "--port 0" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_that_cannot_be_written_is_named(shell: Shell) -> None:
    shell.home.mkdir(mode=0o500)
    done = shell.run("status")
    assert done.returncode == 2
    assert str(shell.home) in done.stderr


def test_a_state_folder_that_is_a_file_is_named(shell: Shell) -> None:
    shell.home.write_text("")
    done = shell.run("status")
    assert done.returncode == 2
    assert str(shell.home) in done.stderr


def test_a_second_worker_leaves_the_work_to_the_first(shell: Shell) -> None:
    import fcntl

    shell.ok("init", "--local")
    with (shell.home / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shell.run("sync", "--local")
    assert done.returncode == 0
    assert "another pass" in done.stderr


def test_a_watching_worker_lets_other_commands_have_their_turn(shell: Shell) -> None:
    import subprocess

    shell.ok("init", "--local")
    command = [*COMMAND, "sync", "--local", "--watch", "0.2"]
    with subprocess.Popen(command, env=shell.full_environment(), stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        assert "watching" in watching.stderr.readline()
        assert "/p/" in shell.ok("new", "v1.0.0", "--local")
        watching.terminate()
        assert watching.wait(timeout=10) == 0


def test_bare_and_help_show_every_command(shell: Shell) -> None:
    text = shell.ok()
    for command in (
        "demo",
        "serve",
        "init",
        "new",
        "update",
        "adopt",
        "gate",
        "close",
        "check",
        "sync",
        "status",
        "lint",
        "probes",
    ):
        assert command in text
        assert "Usage" in shell.ok(command, "--help")


def test_a_plan_writes_nothing(shell: Shell) -> None:
    shell.ok("init", "--local")
    text = shell.ok("new", "v1.0.0", "--local", "--plan")
    assert "35 rows; nothing was written" in text
    assert "env-mode" in text
    assert not (shell.home / "releases").exists()


def test_an_edited_template_is_announced_and_updated(shell: Shell) -> None:
    source = Path(__file__).parent.parent.parent / "templates" / "production_release.md"
    copy = shell.folder / "mine.md"
    copy.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    shell.ok("init", "--local", "--lang", "en")
    shell.ok("new", "v1.0.0", "--local", "-t", "mine.md")
    copy.write_text(copy.read_text(encoding="utf-8").replace('mode: "0600"', 'mode: "0400"'), encoding="utf-8")
    assert "template changed" in shell.ok("status", "--local")
    stopped = shell.run("update", "v1.0.0", "--local")
    assert stopped.returncode == 130
    done = shell.run("update", "v1.0.0", "--local", "--yes")
    assert done.returncode == 0, done.stderr
    assert "~ env-mode" in done.stdout
    assert "loses its verdict" in done.stdout
    assert "template changed" not in shell.ok("status", "--local")


@pytest.mark.parametrize(("lang", "word"), [("ja", "ファイル"), ("en", "a file's existence")])
def test_probes_are_listed_with_their_options(shell: Shell, lang: str, word: str) -> None:
    assert word in shell.ok("probes", "--lang", lang)
    assert "mode" in shell.ok("probes", "file")
    described = json.loads(shell.ok("probes", "file", "--format", "json"))
    assert "mode" in described["file"]["options"]["properties"]


def test_a_commit_that_is_not_pinned_is_named_with_its_reason(served: Served, production: Path) -> None:
    (served.folder / "small.md").write_text(SMALL.replace("lang: en\n", "lang: en\nvars: {DEPLOY_DIR: {}}\n", 1))
    served.ok("init")
    new = ("new", "-t", "small.md")
    assert "DEPLOY_DIR is not set" in served.run(*new, "v1").stderr
    place = f"--var=DEPLOY_DIR={production}"
    assert "neither --commit nor RELEASE_REF" in served.run(*new, "v2", place, "--supersede").stderr
    assert "no commit" not in served.run(*new, "v3", place, "--supersede", "--commit", "v1.0.0").stderr
    assert len(json.loads(served.ok("status", "v3", "--format", "json"))[0]["commit"]) == 40

"""``doctor`` as a command, against the local Notion: what is wrong is named with a remedy, and nothing is written."""

import fcntl
import json
import os
import shlex
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proxy import Proxy
from tests.shell import COMMAND, SMALL, Served, Shell, serving
from ultra_checklist.doctor import connection
from ultra_checklist.doctor.diagnosis import exit_code, remark, untold, well, wrong
from ultra_checklist.model import ProbeSpec
from ultra_checklist.notion.client import boot_time
from ultra_checklist.runner import made
from ultra_checklist.variables import Variables
from ultra_checklist.words import Words

IDS = [
    "settings", "state-folder", "user", "free-space", "notion", "token", "bot", "clock", "read-content",
    "parent-page", "update-content", "insert-content", "user-information", "comments", "releases-database",
    "releases-columns", "checks-database", "checks-columns", "hosts-database", "hosts-columns", "plan",
    "journals", "templates", "variables", "tools", "docker", "pass", "worker", "labels", "broker", "ssh",
]  # fmt: skip


def look(shell: Shell, *arguments: str, code: int | None = None, **more: str) -> dict[str, Any]:
    """What it finds, by id."""
    done = shell.run("doctor", "--format", "json", *arguments, **more)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    found = {check["id"]: check for check in told["checks"]}
    assert sorted(found) == sorted(IDS)
    assert [c["id"] for c in told["checks"] if c["result"] in ("warn", "fail") and not c["remedy"]] == []
    results = {check["result"] for check in told["checks"]}
    assert done.returncode == (1 if "fail" in results else 3 if "unknown" in results else 0)
    assert told["ok"] is (done.returncode == 0)
    assert code in (None, done.returncode), told
    return found


def bad(found: dict[str, Any]) -> dict[str, str]:
    """Those that are not well, and not left out because of another; who runs the tests does not matter."""
    left = {name: check for name, check in found.items() if not check["what"].startswith("not looked at")}
    return {name: check["result"] for name, check in left.items() if check["result"] != "ok" and name != "user"}


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with mode, time and content."""
    return {
        str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


def small(served: Shell, text: str = SMALL) -> None:
    (served.folder / "small.md").write_text(text)
    served.ok("new", "v1", "-t", "small.md")


def test_nothing_to_complain_of_and_nothing_written(served: Served) -> None:
    served.ok("init")
    small(served)
    served.ok("sync")
    rows = served.row("there")["last_edited_time"]
    before, asked = everything(served.home), len(served.requests())
    found = look(served, code=0)
    assert bad(found) == {}
    assert found["tools"]["what"] == "true"
    assert found["journals"]["what"] == "1 releases, 1 open, all whole"
    assert everything(served.home) == before
    new = served.requests()[asked:]
    assert len(new) <= 12
    assert {line["status"] for line in new if line["method"] != "GET"} == {404}
    assert served.row("there")["last_edited_time"] == rows


def test_before_init_it_says_what_comes_next(shell: Shell) -> None:
    found = look(shell, code=1)
    assert bad(found) == {"state-folder": "warn", "token": "fail"}
    assert "ultra-checklist init" in found["token"]["remedy"]
    assert "Internal Integration Secret" in found["token"]["remedy"]
    found = look(shell, "--local", code=1)
    assert bad(found) == {"state-folder": "warn", "releases-database": "fail"}
    assert found["releases-database"]["remedy"] == "ultra-checklist init --local"
    assert not shell.home.exists()
    shell.ok("init", "--local")
    before = everything(shell.home)
    assert bad(look(shell, "--local", code=0)) == {}
    assert everything(shell.home) == before


def test_a_wrong_token_is_asked_for_nothing_else(served: Served) -> None:
    served.ok("init")
    before = len(served.requests())
    found = look(served, code=1, NOTION_TOKEN="ntn" + "_nobody")
    assert bad(found) == {"token": "fail"}
    assert found["parent-page"]["what"] == "not looked at, because of: token"
    assert [line["status"] for line in served.requests()[before:]] == [401]


def test_where_notion_is_down_one_request_tells(served: Served) -> None:
    served.ok("init")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        found = look(served, code=3, NOTION_BASE_URL=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert bad(found) == {"notion": "unknown"}
    assert found["checks-columns"]["result"] == "unknown"


def test_where_notion_stops_to_answer_no_more_is_asked(served: Served) -> None:
    served.ok("init")
    proxy = Proxy(served.url, lambda number, when: number >= 4 and when == "before")
    try:
        found = look(served, code=3, NOTION_BASE_URL=proxy.url)
    finally:
        proxy.close()
    assert proxy.count == 4
    assert bad(found) == {"notion": "unknown"}
    assert found["parent-page"]["result"] == "ok"
    assert found["insert-content"]["what"] == "not looked at, because of: notion"


def test_notion_is_left_alone_when_it_has_asked_for_that(served: Served) -> None:
    served.ok("init")
    memory = {"until": boot_time() + 50, "waits": 50.0, "failures": 0}
    (served.home / "gateway.json").write_text(json.dumps(memory))
    before = len(served.requests())
    found = look(served, code=3)
    assert "left alone" in found["notion"]["what"]
    assert len(served.requests()) == before


@pytest.mark.parametrize(
    ("capability", "name", "words"),
    [
        ("read_content", "read-content", "Read content"),
        ("update_content", "update-content", "Update content"),
        ("insert_content", "insert-content", "Insert content"),
        ("user_information", "user-information", "Read user information"),
        ("read_comments", "comments", "Read comments"),
        ("insert_comments", "comments", "Insert comments"),
    ],
)
def test_a_capability_that_is_missing_is_named_with_what_to_click(
    tmp_path: Path, capability: str, name: str, words: str
) -> None:
    with serving(tmp_path) as first:
        first.ok("init")
    with serving(tmp_path, "--without", capability) as served:
        found = look(served, code=1, ULTRA_CHECKLIST_NOTIFY="comment")
        assert bad(found) == {name: "fail"}
        assert f"Capabilities → tick '{words}' → Save" in found[name]["remedy"]


def test_a_page_that_is_not_shared(served: Served) -> None:
    served.ok("init")
    found = look(served, code=1, NOTION_PARENT_PAGE_ID="00000000-0000-4000-8000-0000000000aa")
    assert bad(found) == {"read-content": "unknown", "parent-page": "fail"}
    assert "••• (top right) → Connections" in found["parent-page"]["remedy"]


def test_another_bot_than_init_has_seen(served: Served) -> None:
    served.ok("init")
    file = served.home / "workspace.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"bot_id": "somebody", "max_upload": 1}))
    found = look(served, code=1)
    assert bad(found) == {"bot": "fail", "plan": "warn"}
    assert "--adopt" in found["bot"]["remedy"]


def test_what_people_did_to_the_databases(served: Served) -> None:
    served.ok("init")
    workspace = json.loads((served.home / "workspace.json").read_text())
    source = f"data_sources/{workspace['checks']}"
    there = served.call("GET", source)["properties"]["Decision"]["select"]["options"]
    changes = {"Result": {"name": "Outcome"}, "Decision": {"select": {"options": there[:1]}}}
    served.call("PATCH", source, {"properties": changes}, who="Sato")
    found = look(served, code=0)
    assert bad(found) == {"checks-columns": "warn"}
    assert found["checks-columns"]["what"] == "column Decision has no option Not applicable"
    served.call("PATCH", source, {"properties": {"Why": None}}, who="Sato")
    assert look(served, code=1)["checks-columns"]["what"] == "column Why is missing"
    served.call("PATCH", source, {"properties": {"Why": {"number": {}}}}, who="Sato")
    assert look(served, code=1)["checks-columns"]["what"] == "column Why is number, expected rich_text"
    served.call("PATCH", f"databases/{workspace['checks_database']}", {"in_trash": True}, who="Sato")
    found = look(served, code=1)
    assert bad(found) == {"checks-database": "fail"}
    assert found["checks-columns"]["what"] == "not looked at, because of: checks-database"


def test_the_state_folder(served: Served) -> None:
    served.ok("init")
    served.home.chmod(0o755)
    (served.home / "settings.env").write_text("NOTION_TOKEN=ntn" + "_local_test\n")
    (served.home / "settings.env").chmod(0o644)
    found = look(served, code=0)
    assert bad(found) == {"settings": "warn", "state-folder": "warn"}
    assert found["state-folder"]["remedy"] == f"chmod 700 {served.home}"
    assert found["settings"]["remedy"] == f"chmod 600 {served.home / 'settings.env'}"
    (served.home / "settings.env").write_text("this is no setting\n")
    found = look(served, code=1)
    assert bad(found) == {"settings": "fail"}
    assert "settings.env:1" in found["settings"]["what"]
    (served.folder / "file").touch()
    found = look(served, code=1, ULTRA_CHECKLIST_HOME=str(served.folder / "file"), ULTRA_CHECKLIST_LOCAL="1")
    assert found["state-folder"]["what"].endswith("file is no folder")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_in_the_folder(served: Served) -> None:
    served.ok("init")
    os.chown(served.home / "workspace.json", 1, 1)
    found = look(served, code=1)
    assert found["user"]["result"] == "fail"
    assert "workspace.json belongs to daemon" in found["user"]["what"]


def test_a_pass_that_runs_and_a_worker_that_is_dead(served: Served) -> None:
    served.ok("init")
    small(served)
    assert bad(look(served, code=0)) == {"worker": "warn"}
    served.ok("sync")
    with (served.home / "worker.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = look(served, code=0)
        assert found["pass"]["what"] == "one is running just now"
    file = served.home / "since.json"
    long_ago = datetime.now(UTC) - timedelta(minutes=30)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"seen": long_ago.isoformat()}))
    found = look(served, code=0)
    assert found["worker"]["what"] == "the last pass was 30 minutes ago: ticks are not proved"


def test_a_journal_that_was_cut_or_altered(served: Served) -> None:
    served.ok("init")
    small(served)
    served.tick("word")
    served.ok("sync")
    journal = next(served.home.glob("releases/*/*/v1/journal.jsonl"))
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"seq":')
    assert "journals" not in bad(look(served, code=0))
    assert journal.read_bytes() == whole + b'{"seq":'
    journal.write_bytes(whole.replace(b'"word"', b'"w0rd"'))
    found = look(served, code=1)
    assert bad(found) == {"journals": "fail"}
    assert "journal.jsonl:" in found["journals"]["what"]
    journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert "missing at the end" in look(served, code=1)["journals"]["what"]
    (journal.parent / "manifest.json").write_text("{")
    assert "manifest.json" in look(served, code=1)["journals"]["what"]


NEEDY = SMALL.replace('["true"]', '["no-such-program"]').replace(
    "lang: en\n", "lang: en\nvars:\n  FOLDER: {help: where}\n  OTHER: {help: what}\n", 1
) + (
    "- [ ] Clean\n  ```yaml check\n  id: clean\n  probes:\n"
    '    - git: {path: "${FOLDER}", clean: true}\n'
    '    - http: {url: "http://127.0.0.1/${OTHER}", optional: true}\n  ```\n'
    "- [ ] Up\n  ```yaml check\n  id: up\n  probes:\n    - docker: {name: web}\n  ```\n"
)
"""A checklist that needs what is not there."""


def test_what_the_open_releases_need(served: Served, tmp_path: Path) -> None:
    served.ok("init")
    small(served, NEEDY)
    served.ok("sync")
    (served.folder / "small.md").write_text("no checklist any more")
    found = look(served, code=1, DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")
    assert bad(found) == {"variables": "warn", "tools": "fail", "docker": "fail", "templates": "warn"}
    assert found["variables"]["what"] == "1 not set, so their items cannot be told: FOLDER (clean)"
    assert f"FOLDER=... into {served.home}/environments/production.env" in found["variables"]["remedy"]
    assert found["tools"]["what"] == "not on this user's PATH: no-such-program (there)"
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(f"{tmp_path}/somebody.sock")
        daemon.listen()
        found = look(served, code=1, DOCKER_HOST=f"unix://{tmp_path}/somebody.sock")
        assert found["docker"]["what"] == f"may connect to unix://{tmp_path}/somebody.sock"


def test_what_a_template_needs_before_there_is_a_release(shell: Shell) -> None:
    shell.ok("init", "--local")
    (shell.folder / "small.md").write_text(NEEDY)
    (shell.home / "environments").mkdir()
    (shell.home / "environments" / "staging.env").write_text(f"FOLDER={shell.folder}\n")
    found = look(shell, "--local", "-t", "small.md", "-e", "staging", code=1)
    assert found["variables"]["result"] == "ok"
    assert found["tools"]["what"] == "not on this user's PATH: no-such-program (there)"
    done = shell.run("doctor", "--local", "-t", "nothing")
    assert done.returncode == 2
    assert "there is no template 'nothing'" in done.stderr


def test_people_get_a_line_each_in_both_languages(served: Served) -> None:
    secret = "ntn" + "_nobody_" + "at_all_1234567890"
    english = served.run("doctor", NOTION_TOKEN=secret).stdout
    assert "FAIL token " in english
    assert "next: In Notion: Settings → Connections" in english
    assert "not looked at, because of token: bot, clock, " in english
    japanese = served.run("doctor", "--lang", "ja", NOTION_TOKEN=secret).stdout
    assert "Notion がトークンを拒否しました" in japanese
    assert "次に: Notion の「設定」" in japanese
    assert "未確認（token のため）" in japanese
    assert secret not in english + japanese
    drawn = terminal(served)
    assert "\x1b[32m\x1b[1m✓\x1b[0m settings" in drawn
    assert "\x1b" not in terminal(served, NO_COLOR="1")


def terminal(shell: Shell, **more: str) -> str:
    """The same in a terminal, as ``script`` of util-linux gives one."""
    command = shlex.join([*COMMAND, "doctor"])
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        env=shell.full_environment() | more,
        cwd=shell.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("off", "result", "words"),
    [
        (0, "ok", "as Notion's"),
        (4, "ok", "as Notion's"),
        (8, "warn", "8 s behind Notion's"),
        (-8, "warn", "7 s ahead of Notion's"),
        (90, "fail", "90 s behind Notion's"),
        (-90, "fail", "89 s ahead of Notion's"),
    ],
)
def test_the_clock(off: int, result: str, words: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = connection.clock(now + timedelta(seconds=off), now, now)
    assert found.result == result
    assert words in found.what.en


def test_the_clock_goes_by_notions_date_header(served: Served) -> None:
    served.ok("init")
    proxy = Proxy(served.url)
    proxy.date = "Thu, 01 Jan 2026 00:00:00 GMT"
    try:
        found = look(served, code=1, NOTION_BASE_URL=proxy.url)
    finally:
        proxy.close()
    assert bad(found) == {"clock": "fail"}
    assert "ahead of Notion's" in found["clock"]["what"]


def test_exit_codes() -> None:
    word = Words.same("x")
    fine, note, fail, unknown = well("a", word), remark("b", word, "x"), wrong("c", word, "x"), untold("d", word)
    assert exit_code([fine, note]) == 0
    assert exit_code([fine, note, unknown]) == 3
    assert exit_code([unknown, fail]) == 1


@pytest.mark.parametrize(
    ("family", "options", "programs"),
    [
        ("git", {"path": "x", "clean": True}, {"git"}),
        ("git", {"path": "x", "commit": "abcdef0", "file": "y", "syntax": True}, {"git", "bash"}),
        ("command", {"run": ["scripts/health.sh", "-q"]}, {"scripts/health.sh"}),
        ("nagios", {"run": ["check_http"]}, {"check_http"}),
        ("tool", {"name": "docker compose"}, {"docker"}),
        ("systemd", {"units": ["x.service"]}, {"systemctl"}),
        ("schedule", {"crontab": "-", "job": "backup", "log": "x"}, {"crontab"}),
        ("schedule", {"timer": "x.timer"}, {"systemctl"}),
        ("log", {"unit": "x"}, {"journalctl"}),
        ("log", {"container": "x"}, {"docker"}),
        ("log", {"file": "x"}, set()),
        ("watch", {"command": ["curl", "-f"]}, {"curl"}),
        ("watch", {"urls": ["http://127.0.0.1:1/"]}, set()),
        ("dotenv", {"path": "x", "required": ["A"], "process": {"unit": "x"}}, {"systemctl"}),
        ("dotenv", {"path": "x", "required": ["A"], "process": {"container": "x"}}, {"docker"}),
        ("dotenv", {"path": "x", "required": ["A"]}, set()),
        ("docker", {"name": "x"}, set()),
    ],
)
def test_the_programs_that_probes_start(family: str, options: dict[str, Any], programs: set[str]) -> None:
    probe = made(ProbeSpec(probe=family, options=options), Variables())
    assert probe is not None
    assert set(probe.programs) == programs
    assert bool(probe.daemon) is (family == "docker")

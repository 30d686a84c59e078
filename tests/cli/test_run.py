"""``run`` as a person calls it: gated, on record, redacted, and with the command's own exit code."""

import hashlib
import json
import os
import re
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.shell import COMMAND, Served

CHECKLIST = """---
checklist: guarded
title: Guarded
lang: en
vars:
  PASSWORD: {secret: true}
gates:
  deploy: {sections: [before], guards: [deploy]}
---
## 1. Before
```yaml section
id: before
until: deploy
```
- [ ] The flag is there
  ```yaml check
  id: flag
  probes:
    - file: {path: "${FLAG}"}
  ```
## 2. Deploy
```yaml section
id: during
```
- [ ] It was deployed
  ```yaml check
  id: deploy
  deploys: true
  probes:
    - run: {log: true}
  ```
## 3. After
```yaml section
id: after
after: deploy
```
- [ ] It was seen
  ```yaml check
  id: seen
  ```
- [ ] It was rolled back
  ```yaml check
  id: rollback
  when: {failed: [after]}
  probes:
    - run: {}
  ```
""".replace("vars:\n", "vars:\n  FLAG: {}\n")
SECRET = "correct-horse-battery"


@pytest.fixture
def guarded(served: Served) -> Served:
    """A release with a gate; its flag is not there yet."""
    served.ok("init")
    (served.folder / "guarded.md").write_text(CHECKLIST)
    served.ok("new", "v1", "-t", "guarded.md", "--var", f"FLAG={served.folder / 'flag'}")
    (served.home / "environments").mkdir(mode=0o700)
    (served.home / "environments" / "production.env").write_text(f"PASSWORD={SECRET}\n")
    return served


def open_the_gate(served: Served) -> None:
    (served.folder / "flag").touch()
    served.tick("flag")


def journal(served: Served) -> list[dict[str, Any]]:
    path = served.home / "releases" / "guarded" / "production" / "v1" / "journal.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def filed(served: Served, kind: str) -> list[dict[str, Any]]:
    return [line["data"] for line in journal(served) if line["kind"] == kind]


def log_of(served: Served, digest: str) -> bytes:
    content = (served.home / "evidence" / digest[:2] / digest).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    return content


def test_behind_a_closed_gate_nothing_is_started(guarded: Served) -> None:
    done = guarded.run("run", "v1", "deploy", "--", "touch", "started")
    assert done.returncode == 125
    assert "CLOSED" in done.stderr
    assert "flag: Open" in done.stderr
    assert "the gate deploy is not open" in done.stderr
    assert not (guarded.folder / "started").exists()
    assert filed(guarded, "run-started") == []


def test_behind_an_open_gate_it_runs_and_the_tick_settles_the_row(guarded: Served) -> None:
    open_the_gate(guarded)
    done = guarded.run("run", "v1", "deploy", "--", "sh", "-c", "test -t 1 && echo deployed; exit 0")
    assert (done.returncode, done.stdout) == (0, "deployed\n")
    (started,), (ended,) = filed(guarded, "run-started"), filed(guarded, "run-ended")
    assert (started["argv"][0], started["gates"], started["deploy"]) == ("sh", ["deploy"], 1)
    assert (ended["exit_code"], ended["log_complete"]) == (0, True)
    assert log_of(guarded, ended["log"]) == b"deployed\n"
    for item in ("deploy", "seen"):
        guarded.tick(item)
    guarded.ok("sync")
    assert guarded.result("deploy") == "Passed"
    assert guarded.result("seen") == "Confirmed"
    assert guarded.result("flag") == "Passed"


def test_what_the_terminal_is_told_bears_witness_to_the_journal(guarded: Served) -> None:
    open_the_gate(guarded)
    told = guarded.run("run", "v1", "deploy", "--", "true").stderr
    kinds = {line["hash"]: line["kind"] for line in journal(guarded)}
    witnessed = [kinds[found] for found in re.findall(r"[0-9a-f]{64}", told)]
    assert witnessed == ["gate", "deploy", "deploy-ended"]


@pytest.mark.parametrize(("command", "code"), [("exit 1", 1), ("exit 125", 125), ("kill -TERM $$", 143)])
def test_the_exit_code_is_the_commands_own(guarded: Served, command: str, code: int) -> None:
    open_the_gate(guarded)
    assert guarded.run("run", "v1", "deploy", "--", "sh", "-c", command).returncode == code
    guarded.tick("deploy")
    guarded.ok("sync")
    assert guarded.result("deploy") == "Failed"


def test_a_broken_glass_is_seen_everywhere(guarded: Served) -> None:
    done = guarded.run("run", "v1", "deploy", "--break-glass", "the exchange is down", "--", "echo", "x")
    assert done.returncode == 0
    assert "NOT GATED" in done.stderr
    guarded.tick("deploy")
    guarded.ok("sync")
    assert "NOT GATED (break-glass: the exchange is down)" in guarded.ok("status", "v1")
    why = guarded.row("deploy")["properties"]["Why"]["rich_text"][0]["plain_text"]
    assert "NOT GATED (break-glass: the exchange is down)" in why
    page = guarded.row("deploy")["properties"]["Release"]["relation"][0]["id"]
    made_of = guarded.call("GET", f"pages/{page}")["properties"]["Made of"]["rich_text"][0]["plain_text"]
    assert "NOT GATED (break-glass: the exchange is down)" in made_of
    children = guarded.call("GET", f"blocks/{page}/children")["results"]
    assert "NOT GATED" in json.dumps(children)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("v9", "deploy", "--", "true"), "no manifest of v9"),
        (("v1", "deplo", "--", "true"), "did you mean 'deploy'?"),
        (("v1", "deploy", "--", "no-such-program"), "no-such-program"),
        (("v1", "deploy"), "COMMAND"),
        (("v1", "deploy", "--break-glass", " ", "--", "true"), "needs a reason"),
        (("v1", "deploy", "--no-such-flag", "--", "true"), "no-such-flag"),
    ],
)
def test_what_cannot_begin_ends_with_125_and_says_why(
    guarded: Served, arguments: tuple[str, ...], says: str
) -> None:
    open_the_gate(guarded)
    done = guarded.run("run", *arguments)
    assert done.returncode == 125
    assert says in done.stderr
    assert filed(guarded, "run-started") == []


def test_a_release_that_has_ended_runs_nothing(guarded: Served) -> None:
    guarded.ok("close", "v1", "--as", "aborted", "--reason", "x")
    done = guarded.run("run", "v1", "rollback", "--", "true")
    assert done.returncode == 125
    assert "has ended" in done.stderr


def test_a_rollback_is_never_gated(guarded: Served) -> None:
    text = CHECKLIST.replace("guards: [deploy]", "guards: [deploy, rollback]")
    (guarded.folder / "guarded.md").write_text(text)
    guarded.ok("update", "v1", "--yes")
    assert guarded.run("run", "v1", "rollback", "--", "true").returncode == 0
    assert filed(guarded, "run-started")[0]["gates"] == []


def test_a_secret_leaves_neither_by_the_terminal_nor_by_the_log(guarded: Served) -> None:
    open_the_gate(guarded)
    hidden = SECRET.encode().hex()
    script = f"echo user:{SECRET}; printf '{SECRET[:9]}'; printf '{SECRET[9:]}\\n'; echo {hidden}; echo done"
    done = guarded.run("run", "v1", "deploy", "--", "sh", "-c", script)
    assert done.returncode == 0
    log = log_of(guarded, filed(guarded, "run-ended")[0]["log"]).decode()
    assert log == done.stdout
    assert log.endswith("done\n")
    for text in (done.stdout, done.stderr, *(p.read_text(errors="replace") for p in guarded.home.rglob("*.json*"))):
        assert SECRET not in text
        assert hidden not in text


def test_our_own_settings_are_not_the_commands_business(guarded: Served) -> None:
    open_the_gate(guarded)
    done = guarded.run("run", "v1", "deploy", "--", "env", OTHER="kept")
    assert "OTHER=kept" in done.stdout
    assert "NOTION" not in done.stdout
    assert "ULTRA_CHECKLIST" not in done.stdout


def test_while_notion_is_away_the_journal_decides_and_notion_is_told_once_later(guarded: Served) -> None:
    open_the_gate(guarded)
    guarded.ok("sync")
    assert guarded.run("gate", "v1").returncode == 0
    away = {"NOTION_BASE_URL": "http://127.0.0.1:9"}
    done = guarded.run("run", "v1", "deploy", "--", "true", **away)
    assert done.returncode == 0, done.stderr
    assert "Notion will be told by the next pass" in done.stderr
    for _ in range(3):
        guarded.ok("sync")
    page = guarded.row("deploy")["properties"]["Release"]["relation"][0]["id"]
    children = json.dumps(guarded.call("GET", f"blocks/{page}/children")["results"])
    assert children.count("run 1 of deploy: exit 0") == 2, "once as content, once as plain text"


def test_a_signal_that_is_sent_to_us_reaches_the_command_and_is_on_record(guarded: Served) -> None:
    open_the_gate(guarded)
    door = guarded.folder / "door"
    os.mkfifo(door)
    script = f'trap "exit 9" INT; echo up; while :; do read x < {door}; done'
    command = [*COMMAND, "run", "v1", "deploy", "--", "bash", "-c", script]
    with subprocess.Popen(
        command, env=guarded.full_environment(), cwd=guarded.folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 9
    assert filed(guarded, "run-ended")[0]["signals"] == ["SIGINT"]


def test_a_killed_run_leaves_a_deploy_without_an_end(guarded: Served) -> None:
    open_the_gate(guarded)
    door = guarded.folder / "door"
    os.mkfifo(door)
    command = [*COMMAND, "run", "v1", "deploy", "--", "bash", "-c", f"echo up; read x < {door}"]
    with subprocess.Popen(
        command, env=guarded.full_environment(), cwd=guarded.folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
        process.communicate()
    door.write_text("go\n")
    for item in ("deploy", "seen"):
        guarded.tick(item)
    guarded.ok("sync")
    assert guarded.result("deploy") == "Can't tell"
    assert guarded.result("seen") == "Blocked"


def test_a_long_log_needs_no_memory_and_is_whole(guarded: Served) -> None:
    open_the_gate(guarded)
    size = 96 << 20
    script = f"yes 'a line of a long log, as deploys write them' | head -c {size}"
    command = [*COMMAND, "run", "v1", "deploy", "--", "sh", "-c", script]
    environment = guarded.full_environment()
    assert (
        subprocess.run([*COMMAND, "run", "v1", "seen", "--", "true"], env=environment, check=False).returncode == 0
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with (guarded.folder / "out").open("wb") as out:
        subprocess.run(command, env=environment, cwd=guarded.folder, stdout=out, check=True)
    grown = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - before
    (ended,) = (data for data in filed(guarded, "run-ended") if data["number"] == 2)
    assert (ended["log_bytes"], ended["log_complete"]) == (size, True)
    assert (guarded.folder / "out").stat().st_size == size
    assert grown < 64 << 10, f"{grown} KiB more than a run without output"


def test_binary_output_passes_as_it_is(guarded: Served, tmp_path: Path) -> None:
    open_the_gate(guarded)
    (tmp_path / "bytes").write_bytes(bytes(range(256)) * 1000)
    command = [*COMMAND, "run", "v1", "deploy", "--", "cat", str(tmp_path / "bytes")]
    done = subprocess.run(
        command, env=guarded.full_environment(), cwd=guarded.folder, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert (
        log_of(guarded, filed(guarded, "run-ended")[0]["log"]) == done.stdout == (tmp_path / "bytes").read_bytes()
    )


def test_who_does_not_read_us_any_more_does_not_end_the_command(guarded: Served) -> None:
    open_the_gate(guarded)
    script = "for i in $(seq 2000); do echo line $i; done; touch done"
    command = [*COMMAND, "run", "v1", "deploy", "--", "sh", "-c", script]
    with subprocess.Popen(
        command,
        env=guarded.full_environment(),
        cwd=guarded.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait() == 0
    assert (guarded.folder / "done").exists()
    assert log_of(guarded, filed(guarded, "run-ended")[0]["log"]).endswith(b"line 2000\n")

"""``runs_on: ssh://...``: the same probes on a machine that has nothing but a Python and an account."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.ssh import Sshd, key, sshd
from tests.shell import Served, free_port, serving
from ultra_checklist.hosts.parcel import parcel

LIST = """---
checklist: far
title: Far
lang: en
vars:
  MARK: {help: a file that says how it is}
  ENV_FILE: {help: secrets there}
  TOKEN: {help: a secret, secret: true}
gates:
  deploy: {sections: [now]}
---

## 1. Now
```yaml section
id: now
```
- [ ] Far away
  ```yaml check
  id: far
  runs_on: ADDRESS
  probes:
    - file: {path: "${MARK}", contains: good}
    - command: {run: [printenv, SSH_CONNECTION], exit: 1}
  ```
- [ ] Tells what it should not
  ```yaml check
  id: leak
  runs_on: ADDRESS
  required: false
  probes:
    - command: {run: [cat, "${MARK}"], stdout: good}
  ```
- [ ] Deployed
  ```yaml check
  id: deployed
  deploys: true
  required: false
  probes:
    - run: {}
  ```
- [ ] Quiet since
  ```yaml check
  id: quiet
  runs_on: ADDRESS
  required: false
  probes:
    - log: {file: "${MARK}", consecutive: 1, max_total: 0}
  ```
- [ ] With a secret
  ```yaml check
  id: secret
  runs_on: ADDRESS
  probes:
    - command: {run: [echo, "${TOKEN}"]}
  ```
"""


@pytest.fixture
def far(tmp_path: Path) -> Iterator[tuple[Served, Sshd]]:
    with sshd(tmp_path / "far") as there, serving(tmp_path) as notion:
        notion.environment |= {
            "ULTRA_CHECKLIST_SSH_CONFIG": str(there.config),
            "ULTRA_CHECKLIST_VAR_MARK": str(tmp_path / "mark"),
            "ULTRA_CHECKLIST_VAR_ENV_FILE": str(tmp_path / "there.env"),
            "ULTRA_CHECKLIST_VAR_TOKEN": "canary-5b1f2c9e7d",
        }
        (tmp_path / "mark").write_text("good\n", encoding="utf-8")
        (tmp_path / "far.md").write_text(LIST.replace("ADDRESS", there.address), encoding="utf-8")
        notion.ok("init")
        notion.ok("new", "v1", "-t", "far.md")
        yield notion, there


def why(notion: Served, item: str) -> str:
    return "".join(part["plain_text"] for part in notion.row(item)["properties"]["Why"]["rich_text"])


def test_probes_look_over_ssh_and_send_nothing_but_themselves(far: tuple[Served, Sshd]) -> None:
    notion, there = far
    notion.tick("far")
    notion.tick("secret")
    notion.ok("sync")
    assert notion.result("far") == "Passed", why(notion, "far")
    assert there.address in why(notion, "far")
    # The value of a secret stays where it is.
    assert notion.result("secret") == "Can't tell"
    assert "TOKEN is not set" in why(notion, "secret")
    assert {file.name for file in (there.cache / "ultra-checklist").iterdir()} == {
        f"{parcel().name}.pyz",
        parcel().name,
    }
    said = b"".join(file.read_bytes() for file in there.cache.rglob("*") if file.is_file())
    assert b"canary-5b1f2c9e7d" not in said
    assert notion.run("gate", "v1").returncode == 1


def test_what_is_bad_there_is_bad(far: tuple[Served, Sshd], tmp_path: Path) -> None:
    notion, _ = far
    (tmp_path / "mark").write_text("bad\n", encoding="utf-8")
    notion.tick("far")
    notion.ok("sync")
    assert notion.result("far") == "Failed"
    (tmp_path / "mark").write_text("good\n", encoding="utf-8")
    notion.ok("sync")
    assert notion.result("far") == "Passed"
    notion.set(
        "secret", {"Decision": {"select": {"name": "Waive"}}, "Note": {"rich_text": [{"text": {"content": "x"}}]}}
    )
    notion.ok("gate", "v1")
    notion.ok("close", "v1", "--as", "complete")


def test_a_machine_with_another_key_is_not_asked(far: tuple[Served, Sshd], tmp_path: Path) -> None:
    notion, there = far
    port = there.address.rpartition(":")[2]
    there.known_hosts.write_text(f"[127.0.0.1]:{port} {key(tmp_path / 'other')}", encoding="utf-8")
    notion.tick("far")
    notion.ok("sync")
    assert notion.result("far") == "Can't tell"
    assert "cannot be asked" in why(notion, "far")
    assert not there.cache.exists()


def test_a_machine_that_is_away_is_never_green_and_recovers(far: tuple[Served, Sshd]) -> None:
    notion, there = far
    notion.tick("far")
    notion.ok("sync")
    assert notion.result("far") == "Passed"
    there.kill()
    there.hang_up(notion.home / "ssh")
    gate = notion.run("gate", "v1")
    assert gate.returncode != 0
    notion.tick("far", ticked=False)
    notion.ok("sync")
    notion.tick("far")
    notion.ok("sync")
    assert notion.result("far") == "Can't tell"
    there.start()
    notion.ok("sync")
    assert notion.result("far") == "Passed"


def test_a_secret_there_stays_there(far: tuple[Served, Sshd], tmp_path: Path) -> None:
    notion, _ = far
    canary = "canary-there-9c2e71f0ab"
    (tmp_path / "there.env").write_text(f"API_TOKEN={canary}\n", encoding="utf-8")
    (tmp_path / "mark").write_text(f"bad {canary}\n", encoding="utf-8")
    notion.tick("leak")
    notion.ok("sync")
    assert notion.result("leak") == "Failed"
    kept = b"".join(file.read_bytes() for file in notion.home.rglob("*") if file.is_file())
    assert b"bad " in kept
    assert canary.encode() not in kept
    assert canary not in notion.log.read_text(encoding="utf-8")


def test_what_was_logged_there_before_the_deploy_does_not_count(far: tuple[Served, Sshd], tmp_path: Path) -> None:
    notion, there = far
    log = tmp_path / "mark"
    log.write_text("ERROR before\n", encoding="utf-8")
    notion.ok("run", "v1", "deployed", "--", "sh", "-c", f"echo INFO after >> {log}")
    notion.tick("quiet")
    notion.ok("sync")
    assert notion.result("quiet") == "Passed", why(notion, "quiet")
    assert there.address in why(notion, "quiet")
    with log.open("a", encoding="utf-8") as file:
        file.write("ERROR after\n")
    notion.tick("quiet", ticked=False)
    notion.ok("sync")
    notion.tick("quiet")
    notion.ok("sync")
    assert notion.result("quiet") == "Failed"


def test_a_machine_that_is_away_as_the_deploy_begins_is_named(far: tuple[Served, Sshd]) -> None:
    notion, there = far
    there.kill()
    done = notion.run("run", "v1", "deployed", "--", "true")
    assert done.returncode == 0
    assert (
        f"{there.address} did not tell how things are before the deploy ({there.address} cannot be asked"
        in done.stderr
    )
    there.start()
    notion.tick("quiet")
    notion.ok("sync")
    assert notion.result("quiet") == "Can't tell"


def checked(notion: Served, *arguments: str) -> dict[str, list[dict[str, str]]]:
    """What `check` finds, by item."""
    told = json.loads(notion.run("check", *arguments, "--format", "json").stdout)
    return {item["id"]: item["verdicts"] for item in told["checks"]}


def test_a_checklist_is_looked_at_over_ssh_before_there_is_a_release(
    far: tuple[Served, Sshd], tmp_path: Path
) -> None:
    notion, there = far
    found = checked(notion, "far.md", "far", "leak", "secret")
    assert [(v["host"], v["outcome"]) for v in found["far"]] == [(there.address, "pass")] * 2
    assert [v["reason"] for v in found["secret"]] == ["unset-variable"]
    (tmp_path / "mark").write_text("bad\n", encoding="utf-8")
    assert f"{there.address}: file" in notion.run("check", "far.md", "far").stdout
    assert [v["outcome"] for v in checked(notion, "v1", "far")["far"]] == ["fail", "pass"]
    there.kill()
    (verdict,) = checked(notion, "far.md", "far")["far"]
    assert (verdict["outcome"], "cannot be asked" in verdict["sentence"]) == ("unknown", True)
    assert not (notion.home / "ssh").exists()


def test_each_machine_that_cannot_be_asked_has_its_own_reason(far: tuple[Served, Sshd], tmp_path: Path) -> None:
    notion, there = far
    closed = f"ssh://127.0.0.1:{free_port()}"
    text = LIST.replace("ADDRESS", f"{{all: [{there.address}, {closed}, 'ssh://nobody.invalid']}}")
    (tmp_path / "many.md").write_text(text.replace("checklist: far", "checklist: many"), encoding="utf-8")
    notion.ok("new", "v2", "-t", "many.md")
    notion.tick("v2/far")
    notion.ok("sync")
    told = why(notion, "v2/far")
    assert f"{closed} cannot be asked: ssh: connect to host" in told
    assert "ssh://nobody.invalid cannot be asked: ssh: Could not resolve" in told
    assert f"{there.address}: Passed" in told
    assert "Try it by hand: ssh " in told


def test_what_is_to_be_done_there_says_where_and_is_harmless_to_paste(
    far: tuple[Served, Sshd], tmp_path: Path
) -> None:
    notion, there = far
    (tmp_path / "mark").unlink()
    notion.tick("far")
    notion.tick("leak")
    notion.ok("sync")
    said = notion.run("gate", "v1").stdout
    assert f"on {there.address}: " in said
    assert " / " not in why(notion, "far")
    assert " / " not in said

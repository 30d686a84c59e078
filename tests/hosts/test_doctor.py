"""``doctor`` on machines that ask others, and on those that are asked."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.post import checklist
from tests.hosts.ssh import key, sshd
from tests.hosts.test_celery import Many, Redis, a_team
from tests.shell import Served, Shell, serving


def found(shell: Shell, name: str, *arguments: str) -> tuple[str, str, str]:
    """How one thing is, what is said of it, and what to do."""
    told = json.loads(shell.run("doctor", "--format", "json", *arguments).stdout)["checks"]
    (one,) = [check for check in told if check["id"] == name]
    return one["result"], one["what"], one["remedy"]


def write(shell: Shell, host: str, command: str = '["true"]') -> None:
    """A checklist, try.md, whose one item looks on a host."""
    checklist(shell.folder, f"command: {{run: {command}}}", there=host)


def test_where_one_machine_is_all_there_is_nothing_of_this_is_needed(shell: Shell) -> None:
    shell.ok("init", "--local")
    for name in ("broker", "ssh", "hosts-database", "hosts-columns"):
        assert found(shell, name, "--local")[0] == "ok"


def test_machines_over_ssh_are_visited_and_nothing_is_left_behind(tmp_path: Path, shell: Shell) -> None:
    with sshd(tmp_path / "far") as there:
        shell.ok("init", "--local")
        shell.environment["ULTRA_CHECKLIST_SSH_CONFIG"] = str(there.config)
        write(shell, there.address)
        assert found(shell, "ssh", "--local", "-t", "try.md") == (
            "ok", f"logged in, and the Python there fits: {there.address}", ""
        )  # fmt: skip
        assert not there.cache.exists()
        assert not (shell.home / "ssh").exists()
        port = there.address.rpartition(":")[2]
        there.known_hosts.write_text(f"[127.0.0.1]:{port} {key(tmp_path / 'other')}", encoding="utf-8")
        result, what, remedy = found(shell, "ssh", "--local", "-t", "try.md")
        assert (result, "cannot be asked" in what) == ("fail", True)
        assert remedy.startswith("Try it by hand: ssh ")


def test_a_machine_with_a_label_needs_the_table(tmp_path: Path) -> None:
    with serving(tmp_path) as notion:
        notion.ok("init")
        notion.environment["ULTRA_CHECKLIST_HOST"] = "web-1"
        result, _, remedy = found(notion, "hosts-database")
        assert (result, remedy) == ("fail", "ultra-checklist init")
        notion.ok("init")
        assert found(notion, "hosts-database")[0] == found(notion, "hosts-columns")[0] == "ok"
        workspace = json.loads((notion.home / "workspace.json").read_text())
        column = {"properties": {workspace["host_ids"]["tasks"]: None}}
        notion.call("PATCH", f"data_sources/{workspace['hosts']}", column, who="Sato")
        result, what, _ = found(notion, "hosts-columns")
        assert (result, "Tasks" in what) == ("fail", True)


def test_labels_that_cannot_be_asked_are_named(shell: Shell) -> None:
    shell.ok("init", "--local")
    write(shell, "web-1")
    result, what, remedy = found(shell, "labels", "--local", "-t", "try.md")
    assert (result, what) == ("fail", "items look on web-1, and this machine cannot ask them")
    assert "ULTRA_CHECKLIST_HOST" in remedy


def test_what_only_others_need_is_not_missed_here(shell: Shell) -> None:
    shell.ok("init", "--local")
    for host, unset in (("web-1", "ok"), ("ssh://nobody.invalid", "warn")):
        write(shell, host, '[no-such-tool, "${MARK}"]')
        assert found(shell, "variables", "--local", "-t", "try.md")[0] == unset
        assert found(shell, "tools", "--local", "-t", "try.md")[0] == "ok"


def test_at_home_it_names_labels_that_no_machine_has(tmp_path: Path) -> None:
    with serving(tmp_path) as notion:
        host = Shell(tmp_path / "there", notion.environment | {"ULTRA_CHECKLIST_HOST": "web-1"})
        (host.folder / "templates").mkdir(parents=True)
        host.environment["ULTRA_CHECKLIST_TEMPLATES"] = str(host.folder / "templates")
        notion.environment["ULTRA_CHECKLIST_HOST"] = "home"
        notion.ok("init")
        write(notion, "web-1")
        notion.ok("new", "v1", "-t", "try.md")
        result, what, _ = found(notion, "labels")
        assert (result, what) == ("fail", "no machine is called web-1; known: home")
        assert "stands in the table of hosts as web-1" in host.run("init").stderr
        assert "stands in the table" not in host.run("init").stderr
        assert found(notion, "labels")[0] == "ok"
        notion.tick("there")
        notion.ok("sync")
        # What it is asked it cannot answer: it has no copy, and then another key.
        result, what, _ = found(host, "labels")
        assert (result, "does not lie here" in what) == ("fail", True)
        host.environment["ULTRA_CHECKLIST_AGENT_KEY"] = "another"
        result, what, remedy = found(host, "labels")
        assert (result, "sealed with another key" in what) == ("fail", True)
        assert "ULTRA_CHECKLIST_AGENT_KEY" in remedy
        assert "sealed with another key" in host.run("sync").stderr
        host.environment["ULTRA_CHECKLIST_AGENT_KEY"] = ""
        (host.folder / "templates" / "try.md").write_bytes((notion.folder / "try.md").read_bytes())
        assert "answered 1 tasks of other machines" in host.run("sync").stderr
        assert found(host, "labels")[0] == found(notion, "labels")[0] == "ok"
        notion.ok("sync")
        assert notion.result("there") == "Passed"
        # Of what it said it keeps a journal, which nobody is to alter.
        (journal,) = (host.home / "agent").rglob("journal.jsonl")
        (own,) = (notion.home / "releases").rglob("journal.jsonl")
        (line,) = [
            entry["data"]["lines"][0]
            for entry in map(json.loads, own.read_text().splitlines())
            if entry["kind"] == "proved"
        ]
        assert line["journal"] == json.loads(journal.read_text().splitlines()[-1])["hash"]
        assert found(host, "journals")[0] == "ok"
        journal.write_text(journal.read_text().replace("web-1", "web-2"))
        assert found(host, "journals")[0] == "fail"


def test_a_machine_that_only_answers_is_told_what_it_is_for(tmp_path: Path) -> None:
    with serving(tmp_path) as notion:
        notion.environment["ULTRA_CHECKLIST_HOST"] = "web-1"
        assert "only answers as web-1" in notion.run("init").stderr
        said = notion.run("status").stderr
        assert "as web-1 it answers" in said
        assert "ultra-checklist new" not in said


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Many]:
    with a_team(tmp_path, Redis(tmp_path), {"web-1": "127.0.0.1", "web-2": "127.0.0.1", "db": "127.0.0.1"}) as made:
        yield made


def test_at_home_it_tells_which_agents_listen(team: Many) -> None:
    home: Served = team.notion
    for label in ("web-1", "db"):
        team.agents[label].start()
    assert found(home, "labels") == (
        "fail",
        "no agent listens for web-2; known: db, web-1",
        "On that machine: ultra-checklist agent --labels web-2",
    )
    team.agents["web-2"].start()
    assert found(home, "labels")[0] == "ok"
    assert found(home, "broker")[:2] == ("ok", "it answers; agents listen for: db, web-1, web-2")
    team.redis.kill()
    result, what, remedy = found(home, "broker")
    assert (result, "the broker does not answer" in what) == ("fail", True)
    assert "ULTRA_CHECKLIST_BROKER" in remedy
    home.environment["ULTRA_CHECKLIST_AGENT_KEY"] = ""
    assert "ULTRA_CHECKLIST_AGENT_KEY is not" in found(home, "broker")[1]


def test_a_machine_that_has_only_an_agent_is_well_without_notion(team: Many) -> None:
    agent = team.agents["web-1"]
    agent.start()
    agent.ok("doctor")
    assert found(agent, "token")[0] == "ok"

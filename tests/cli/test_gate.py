"""``gate`` in real processes: what it prints, and with which exit code it leaves."""

import fcntl
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proxy import Proxy
from tests.shell import COMMAND, GATED, Served
from ultra_checklist.cli.gate import tame

DEAD = "http://127.0.0.1:9"
"""Where nobody listens."""
ITEMS = ("there", "word", "another")


@pytest.fixture
def gated(served: Served) -> Served:
    """A release with a gate; nothing is ticked."""
    (served.folder / "small.md").write_text(GATED)
    served.ok("init", "--lang", "en")
    served.ok("new", "v1.0.0", "-t", "small.md")
    return served


@pytest.fixture
def opened(gated: Served) -> Served:
    """The same, and its gate is open."""
    for item in ITEMS:
        gated.tick(item)
    gated.ok("gate", "v1.0.0")
    return gated


def code(served: Served, *arguments: str, **more: str) -> int:
    return served.run("gate", *arguments, **more).returncode


def test_a_gate_closes_says_whose_it_is_and_opens(gated: Served) -> None:
    gated.tick("there")
    gated.tick("word", who="Suzuki")
    done = gated.run("gate", "v1.0.0")
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "gate deploy of small/production/v1.0.0: CLOSED – 1 of 3 checks are open"
    assert "  made of: 3 = 1 proved, 1 a person's word, 1 open" in lines
    assert "  1.3 another: Open – Another word" in lines
    assert "      whose: nobody has ticked it" in lines
    assert "      next: make it true, then tick Done in Notion" in lines

    told = json.loads(gated.run("gate", "v1.0.0", "--format", "json").stdout)
    assert [(check["id"], check["result"]) for check in told["open"]] == [("another", None)]
    assert (told["outcome"], told["offline"], told["checks"]) == ("closed", False, 3)
    assert told["url"].startswith(gated.url)

    gated.tick("another")
    done = gated.run("gate", "v1.0.0", "--gate", "deploy")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "OPEN – 3 = 1 proved, 2 a person's word" in done.stdout
    head = json.loads((gated.home / "releases/small/production/v1.0.0/journal.jsonl").read_text().splitlines()[-1])
    assert done.stdout.strip().endswith(head["hash"])
    assert gated.result("another") == "Confirmed"

    japanese = gated.run("gate", "v1.0.0", "--lang", "ja")
    assert (japanese.returncode, "ゲート deploy" in japanese.stdout) == (0, True)


def test_wrong_usage_is_2_and_names_what_there_is(opened: Served) -> None:
    several = GATED.replace(
        "deploy: {sections: [now]}\n", "deploy: {sections: [now]}\n  other: {sections: [now]}\n"
    )
    (opened.folder / "several.md").write_text(several.replace("checklist: small", "checklist: several"))
    opened.ok("new", "v2.0.0", "-t", "several.md")
    opened.ok("new", "v1.0.0", "-t", "small.md", "-e", "staging")
    (opened.folder / "none.md").write_text(
        GATED.replace("gates:\n  deploy: {sections: [now]}\n", "").replace("checklist: small", "checklist: none")
    )
    opened.ok("new", "v3.0.0", "-t", "none.md")
    for arguments, words in (
        (("v1.0.0", "-e", "production", "--gate", "deplyo"), "did you mean 'deploy'?"),
        (("v2.0.0",), "deploy, other"),
        (("v1.0.0",), "names several releases"),
        (("v3.0.0",), "has no gate"),
        (("v1.0.0", "--nonsense"), "there is no option"),
        (("v1.0.0", "--wait", "soon"), "is no number"),
        ((), "VERSION is missing"),
    ):
        done = opened.run("gate", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert words in done.stderr
    assert opened.run("gate", "v1.0.0", "-e", "production", NOTION_TOKEN="").returncode == 2


def test_what_is_missing_or_broken_in_the_state_folder_is_3(opened: Served, tmp_path: Path) -> None:
    folder = opened.home / "releases/small/production/v1.0.0"
    assert code(opened, "v9.9.9") == 3
    for name, text in (
        ("journal.jsonl", b"\xff\xfe" * 9 + b"\n"),
        ("journal.jsonl", b"null\n"),
        ("journal.jsonl", None),
        ("manifest.json", b"{}"),
        ("manifest.json", None),
    ):
        before = (folder / name).read_bytes()
        (folder / name).unlink() if text is None else (folder / name).write_bytes(text)
        done = opened.run("gate", "v1.0.0")
        assert (done.returncode, "Traceback" in done.stderr) == (3, False), (name, text, done.stderr)
        (folder / name).write_bytes(before)
    (opened.folder / "small.md").unlink()
    assert code(opened, "v1.0.0") == 0
    workspace = opened.home / "workspace.json"
    kept = workspace.read_bytes()
    workspace.unlink()
    assert code(opened, "v1.0.0", NOTION_PARENT_PAGE_ID="00000000-0000-4000-8000-00000000dead") == 3
    workspace.write_bytes(kept)
    (tmp_path / "file").write_text("")
    assert code(opened, "v1.0.0", ULTRA_CHECKLIST_HOME=str(tmp_path / "file")) == 3
    assert code(opened, "v1.0.0", ULTRA_CHECKLIST_HOME=str(tmp_path / "empty")) == 3
    assert code(opened, "v1.0.0") == 0


def test_without_notion_the_journal_decides_while_it_is_young(opened: Served) -> None:
    done = opened.run("gate", "v1.0.0", NOTION_BASE_URL=DEAD)
    assert done.returncode == 0
    assert "decided from the journal" in done.stdout
    (opened.home / "gateway.json").unlink()
    mirror = opened.home / "releases/small/production/v1.0.0/mirror.json"
    data: dict[str, Any] = json.loads(mirror.read_text())
    mirror.write_text(json.dumps(data | {"compared": "2026-01-01T00:00:00Z"}))
    done = opened.run("gate", "v1.0.0", NOTION_BASE_URL=DEAD)
    assert done.returncode == 3
    assert "CAN'T TELL" in done.stdout
    assert "last read at 2026-01-01" in done.stdout
    (opened.home / "gateway.json").unlink()
    assert code(opened, "v1.0.0") == 0


def test_a_token_that_notion_refuses_is_3(opened: Served) -> None:
    assert code(opened, "v1.0.0", NOTION_TOKEN="secret_wrong") == 3


def test_a_pass_that_does_not_end_is_3(opened: Served) -> None:
    with (opened.home / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = opened.run("gate", "v1.0.0", "--wait", "0.3")
    assert done.returncode == 3
    assert "more than 0.3 s" in done.stdout


def test_an_ended_release_is_closed(opened: Served) -> None:
    opened.ok("close", "v1.0.0", "--as", "aborted", "--reason", "only a try")
    done = opened.run("gate", "v1.0.0")
    assert done.returncode == 1
    assert "the release has ended: Aborted" in done.stdout


def test_the_same_on_the_built_in_notion_says_so(served: Served) -> None:
    (served.folder / "small.md").write_text(GATED)
    served.ok("init", "--local", "--lang", "en")
    served.ok("new", "v1.0.0", "--local", "-t", "small.md")
    done = served.run("gate", "v1.0.0", "--local")
    assert done.returncode == 1
    assert "CLOSED" in done.stdout
    assert "[LOCAL]" in done.stdout
    assert code(served, "v1.0.0") == 3


@pytest.fixture
def hanging(opened: Served) -> Iterator[tuple[Served, threading.Event]]:
    """Notion takes requests and never answers; the event says that one has come."""
    came, end = threading.Event(), threading.Event()

    def act(_number: int, _when: str) -> bool:
        came.set()
        end.wait(60)
        return True

    proxy = Proxy(opened.url, act)
    opened.environment["NOTION_BASE_URL"] = proxy.url
    yield opened, came
    end.set()
    proxy.close()


@pytest.mark.parametrize(("number", "left"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_an_interrupted_gate_is_no_permission(
    hanging: tuple[Served, threading.Event], number: signal.Signals, left: int
) -> None:
    served, came = hanging
    command = [*COMMAND, "gate", "v1.0.0"]
    with subprocess.Popen(
        command, env=served.full_environment(), cwd=served.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert came.wait(30)
        process.send_signal(number)
        assert process.wait(30) == left


def test_an_answer_that_cannot_be_written_is_no_permission(opened: Served) -> None:
    command = [*COMMAND, "gate", "v1.0.0"]
    environment = opened.full_environment()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, env=environment, cwd=opened.folder, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 3
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, env=environment, cwd=opened.folder, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.returncode == 3


def test_hostile_words_do_nothing_to_a_terminal_or_a_pipeline(opened: Served) -> None:
    note = "\x1b[2Jgone ##[error]x\u202e\u2028::set-output name=a::b\r\n::error::x"
    opened.tick("word", ticked=False)
    opened.set(
        "word",
        {"Decision": {"select": {"name": "Waive"}}, "Until": {"date": {"start": "2020-01-01"}}}
        | {"Note": {"rich_text": [{"text": {"content": note}}]}},
        who="Mallory",
    )
    done = opened.run("gate", "v1.0.0")
    assert done.returncode == 1
    assert not [c for c in done.stdout if c in "\x1b\r\u202e\u2028"]
    assert not [line for line in done.stdout.splitlines() if line.lstrip().startswith("::") or "##" in line]


@pytest.mark.parametrize(
    "text", ["\x1b]0;x\x07", "a\u202eb", "##[group]x", "##vso[x]", "a\nb", "\x9b31m", "\u2066x"]
)
def test_text_is_tamed(text: str) -> None:
    kept = tame(text)
    assert not set(kept) & set("\x1b\x07\u202e\n\x9b\u2066")
    assert "##" not in kept
    assert tame("日本語 – 0600 ✅") == "日本語 – 0600 ✅"

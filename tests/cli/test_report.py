"""``report`` and the formats of ``check`` in real processes."""

import json
import xml.etree.ElementTree as ET

import pytest

from tests.reports.story import stage
from tests.shell import SMALL, Served, Shell


@pytest.fixture
def told(shell: Shell) -> Shell:
    """A shell whose state folder holds two releases that have ended."""
    shell.home.mkdir(mode=0o700)
    stage(shell.home)
    return shell


def test_markdown_goes_to_stdout_unless_another_format_is_asked_for(told: Shell) -> None:
    assert told.ok("report", "v1.4.0", "--lang", "ja").startswith("# v1.4.0 – 完了\n")
    assert json.loads(told.ok("report", "v1.4.0", "--format", "json"))["status"] == "complete"
    junit = told.ok("report", "v1.4.0", "--format", "junit")
    assert ET.fromstring(junit.encode()).get("tests") == "10"  # noqa: S314 - our own text


def test_a_file_is_written_whole_and_said_on_stderr(told: Shell) -> None:
    target = told.folder / "report.html"
    target.write_text("old")
    done = told.run("report", "v1.4.0", "--format", "html", "-o", "report.html", "--against", "v1.3.0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "wrote report.html\n")
    assert target.read_text(encoding="utf-8").endswith("</html>\n")
    assert "v1.3.0" in target.read_text(encoding="utf-8")
    assert sorted(path.name for path in told.folder.iterdir()) == ["home", "report.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["v9.9.9"], "no manifest of v9.9.9"),
        (["v1.4.0~3"], "no attempt 3 of v1.4.0"),
        (["v1.4.0", "--format", "pdf"], "known: html, json, junit, markdown"),
        (["v1.4.0", "--against", "v1.4.0"], "is the same release"),
        (["v1.4.0", "-o", "nowhere/report.md"], "nowhere/report.md cannot be written"),
        (["v1.4.0", "-o", "/dev/null"], "is no regular file"),
    ],
)
def test_what_cannot_be_told_is_wrong_usage(told: Shell, arguments: list[str], said: str) -> None:
    done = told.run("report", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "  next: " in done.stderr


def test_a_journal_that_was_altered_tells_nothing(told: Shell) -> None:
    journal = next(told.home.glob("releases/*/*/v1.4.0/journal.jsonl"))
    journal.write_text(journal.read_text().replace('"fail"', '"pass"', 1))
    done = told.run("report", "v1.4.0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "altered" in done.stderr


def test_an_open_release_is_told_without_notion(served: Served) -> None:
    """What somebody wrote into Notion is shown, in the terminal too, and moves nothing."""
    (served.folder / "small.md").write_text(SMALL)
    served.ok("init", "--lang", "en")
    served.ok("new", "v1.0.0", "-t", "small.md")
    note = {
        "Note": {"rich_text": [{"text": {"content": "\x1b[2Jgone\u202e"}}]},
        "Decision": {"select": {"name": "Waive"}},
    }
    served.set("word", note)
    served.tick("there")
    served.ok("sync")
    before = len(served.requests())
    text = served.ok("report", "v1.0.0", "-t", "small", "--lang", "en")
    assert len(served.requests()) == before
    assert "| ✔ Passed |" in text
    assert "| ○ Open |" in text
    for shown in (text, served.ok("status", "--all"), served.ok("report", "v1.0.0", "--format", "html")):
        assert "␛" in shown
        assert "[U+202E]" in shown.replace("\\", "")
        assert "\x1b" not in shown


@pytest.mark.parametrize(("form", "code", "start"), [
    ("tap", 1, "TAP version 13\n1..3\nnot ok 1 - there"), ("nagios", 2, "small CRITICAL: "),
    ("prometheus", 1, "# HELP ultra_checklist_check "), ("junit", 1, "<?xml "),
])  # fmt: skip
def test_check_says_it_in_the_form_that_is_asked_for(shell: Shell, form: str, code: int, start: str) -> None:
    (shell.folder / "small.md").write_text(SMALL.replace('["true"]', '["false"]'))
    done = shell.run("check", "small.md", "--format", form, "--lang", "en")
    assert (done.returncode, done.stdout[: len(start)]) == (code, start)

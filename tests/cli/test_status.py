"""What ``status`` shows at a glance: golden files of every situation, in both languages, on 80 columns."""

import json
import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.lab import ELSEWHERE, HERE, Lab
from tests.reports.test_golden import agree
from tests.shell import SMALL, Served, Shell
from tests.standings import GOOD, SITUATIONS, Story
from ultra_checklist import overview as overviews
from ultra_checklist.cli.columns import cells, fold
from ultra_checklist.cli.glance import _MARKS, lines
from ultra_checklist.model import Lang
from ultra_checklist.overview import overview

LANGS: tuple[Lang, ...] = get_args(Lang)


def view(story: Story, lang: Lang, monkeypatch: pytest.MonkeyPatch, machine: Any = HERE) -> dict[str, Any]:
    monkeypatch.setattr(overviews, "this_machine", lambda: machine)
    return overview(story.release, lang, close_after=600.0)


def text(data: dict[str, Any], width: int = 80, *, everything: bool = False) -> str:
    return "\n".join(line.plain for line in lines(data, width, everything=everything)) + "\n"


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_situation_reads_as_it_always_did(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    story = Story(lab, tmp_path)
    SITUATIONS[name](story)
    for lang in LANGS:
        data = view(story, lang, monkeypatch, ELSEWHERE if name == "elsewhere" else HERE)
        plain = json.dumps(data).replace(str(story.production), "/srv/app")
        data = json.loads(re.sub(r"-[0-9a-f]{32}\"", f'-{"0" * 32}"', plain))
        said = text(data) + "\n=== --all\n\n" + text(data, everything=True)
        agree(said, f"status.{name}.{lang}.txt")
        for line in text(data).splitlines():
            assert cells(line) <= 80 or line.lstrip().startswith(("ultra-checklist", "http")), line


def test_wide_characters_fit_on_every_width(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(lab, tmp_path)
    story.failing()
    data = view(story, "ja", monkeypatch)
    for width in range(48, 121, 3):
        for everything in (False, True):
            for line in text(data, width, everything=everything).splitlines():
                assert cells(line) <= width or line.lstrip().startswith(("ultra-checklist", "http", "v1.0.0")), line


def test_colours_are_as_meant(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(lab, tmp_path)
    story.half()
    (story.production / "running").write_text("yes")
    data = view(story, "en", monkeypatch)
    styles = {
        line.plain[span.start : span.end]: str(span.style)
        for line in lines(data, 80)[4:9]
        for span in line.spans
        if span.end - span.start == 1
    }
    assert styles == {"☑": "blue", "~": "bright_black", "✘": "red", "?": "yellow", "-": "bright_black"}
    assert {code: style for code, (_, style) in _MARKS.items()} == {
        "passed": "green", "confirmed": "blue", "cannot-tell": "yellow", "waiting": "bright_black",
        "blocked": "bright_black", "waived": "magenta", "not-applicable": "magenta", "failed": "red",
    }  # fmt: skip


def test_hostile_texts_do_nothing_to_a_terminal(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(lab, tmp_path)
    story.half()
    data = json.loads(json.dumps(view(story, "en", monkeypatch)))
    bad = "[red]x[/] \x1b[31m \u202e \r\n\x07 " * 40
    for check in data["checks"]:
        check |= {"title": bad, "why": bad, "next": bad, "whose": bad, "operator": bad}
    data |= {"made_of": bad, "notes": [bad], "next": bad, "next_command": "ultra-checklist \x1b[2J", "url": bad}
    shown = text(data) + text(data, everything=True)
    assert not set(shown) & {"\x1b", "\u202e", "\r", "\x07"}
    assert "[red]x[/]" in shown


def test_programs_get_what_they_always_got_and_more(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(lab, tmp_path)
    story.ready()
    data = view(story, "en", monkeypatch)
    assert {
        "release", "key", "environment", "status", "status_code", "url", "commit", "host", "local",
        "template_changed", "notes", "made_of", "deploys", "open", "checks", "sections", "next", "rollback",
    } <= set(data)  # fmt: skip
    assert {
        "id", "number", "section", "title", "ticked", "result", "result_text", "settled", "why", "operator",
        "checked_at", "whose", "next", "hand",
    } <= set(data["checks"][0])  # fmt: skip
    assert data["sections"][0] == {
        "id": "before", "number": 1, "title": "前提条件チェック", "settled": 2, "total": 3,
    }  # fmt: skip
    assert data["next_command"] == "ultra-checklist run v1.0.0 deploy -- scripts/deploy.sh v1.0.0"


def test_the_way_back_names_the_version_of_the_last_good_commit(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(lab, tmp_path)
    story.failing()
    manifest = story.release.manifest
    before = manifest.model_copy(
        update={"key": "service/production/v0.9", "version": "v0.9", "commit": GOOD, "rows": {}, "page_id": ""}
    )
    lab.shelf.write(before)
    card = view(story, "en", monkeypatch)["rollback"]
    assert card == {
        "failed": ["running"], "commit": GOOD, "version": "v0.9", "item": "rollback",
        "command": "ultra-checklist run v1.0.0 rollback -- scripts/deploy.sh v0.9",
        "close": 'ultra-checklist close v1.0.0 --as rolled-back --reason "why"',
    }  # fmt: skip
    assert '--reason "理由"' in view(story, "ja", monkeypatch)["rollback"]["close"]
    assert "last good commit: dddddddddddd (v0.9)" in text(view(story, "en", monkeypatch))


@pytest.mark.parametrize(
    ("given", "width", "wanted"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("あいうえお", 4, ["あい", "うえ", "お"]),
        ("あい、うえ。", 4, ["あ", "い、", "う", "え。"]),
        ("「あ」は abc です", 6, ["「あ」", "は abc", "です"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("", 4, []),
    ],
)
def test_lines_are_broken_where_both_languages_break_them(given: str, width: int, wanted: list[str]) -> None:
    assert fold(given, width) == wanted


def test_colours_come_only_where_somebody_sees_them(shell: Shell) -> None:
    (shell.folder / "small.md").write_text(SMALL)
    shell.ok("init", "--local", "--lang", "en")
    shell.ok("new", "v1", "--local", "-t", "small.md")
    assert "\x1b" not in shell.ok("status", "--local", COLUMNS="80")
    assert "Next: tick 3 in Notion: 1.1, 1.2, 1.3" in shell.ok("status", "--local")
    assert "· 1.2 " in shell.ok("status", "--local", "--all")


def test_the_step_that_it_names_can_be_copied_where_two_releases_have_that_version(served: Served) -> None:
    served.ok("init")
    for name in ("one", "two"):
        (served.folder / f"{name}.md").write_text(
            SMALL.replace("checklist: small", f"checklist: {name}").replace('["true"]', '["no-such-program"]')
        )
        served.ok("new", "v1", "-t", f"{name}.md")
    workspace = json.loads((served.home / "workspace.json").read_text())
    for row in served.call("POST", f"data_sources/{workspace['checks']}/query", {}, who="Sato")["results"]:
        if row["properties"]["Key"]["rich_text"][0]["plain_text"].endswith("/there"):
            served.call("PATCH", f"pages/{row['id']}", {"properties": {"Done": {"checkbox": True}}}, who="Sato")
    served.ok("sync")
    (line,) = [x for x in served.ok("status", "v1", "-t", "one").splitlines() if "ultra-checklist check" in x]
    words = shlex.split(line.partition("ultra-checklist ")[2])
    done = served.run(*words)
    assert (done.returncode, "no-such-program" in done.stdout) == (3, True)
    refused = served.run("check", "one.md", "-t", "one")
    assert (refused.returncode, "-t chooses among releases" in refused.stderr) == (2, True)

"""``init`` with a person at a real terminal, and without one: what is missing is named with what to click."""

import json
import os
import pty
import stat
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.shell import COMMAND, PARENT, Served, Shell, serving
from ultra_checklist import settings_file

TOKEN = "ntn" + "_local_typed_by_hand_1234567890"
UNKNOWN = "ntn" + "_somebody_else_1234567890"
NOWHERE = "00000000-0000-4000-8000-0000000000aa"


class Terminal:
    """A command at whose keys the test sits."""

    def __init__(self, shell: Shell, *arguments: str, **more: str) -> None:
        environment = shell.full_environment() | more
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.chdir(shell.folder)
            os.execve(COMMAND[0], [*COMMAND, *arguments], environment)  # noqa: S606 - the program under test
        self.seen, self._told = "", 0

    def expect(self, words: str) -> None:
        """Wait until these words come, after those that were waited for before."""
        while words not in self.seen[self._told :]:
            self.seen += self._more() or self._ended(words)
        self._told = self.seen.index(words, self._told) + len(words)

    def type(self, line: str) -> None:
        os.write(self.screen, f"{line}\n".encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        while more := self._more():
            self.seen += more
        os.close(self.screen)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _more(self) -> str:
        try:
            return os.read(self.screen, 65536).decode(errors="replace")
        except OSError:
            # So a terminal ends on Linux once nobody writes to it any more.
            return ""

    def _ended(self, words: str) -> str:
        raise AssertionError(f"{words!r} did not come: {self.seen}")


def newcomer(served: Served) -> Shell:
    """Somebody who has set nothing but where Notion is."""
    return Shell(served.folder, {"NOTION_BASE_URL": served.url})


def test_the_first_hour(served: Served) -> None:
    person = newcomer(served)
    at = Terminal(person, "init")
    at.expect("Develop or manage integrations")
    at.expect("Token (it is not shown)")
    at.type("two words")
    at.expect("that is no token")
    at.expect("Token (it is not shown)")
    at.type(UNKNOWN)
    at.expect("Notion refuses the token")
    at.expect("Internal Integration Secret → Show → Copy")
    at.expect("Token (it is not shown)")
    at.type(TOKEN)
    at.expect("the token works: it is the integration Ultra Checklist")
    at.expect("the integration has the capabilities it needs")
    at.expect("Write NOTION_TOKEN into")
    at.type("")
    at.expect("made the database 'Releases'")
    assert at.end() == 0
    assert TOKEN not in at.seen
    assert UNKNOWN not in at.seen
    file = person.home / "settings.env"
    assert file.read_text() == f"NOTION_TOKEN={TOKEN}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # The next commands need nothing else.
    assert "nothing was changed" in person.run("init").stderr
    assert person.run("doctor", "--format", "json").returncode == 0


def test_a_page_is_asked_for_until_it_is_shared(served: Served) -> None:
    person = newcomer(served)
    at = Terminal(person, "init", NOTION_TOKEN="ntn" + "_person_Sato")
    at.expect("two databases will be made below a page of yours")
    at.expect("••• (top right) → Connections → choose your integration")
    at.expect("Link of that page, or its id")
    at.type("not a page")
    at.expect("Copy link")
    at.type(NOWHERE)
    at.expect(f"the page {NOWHERE} is not there, or not shared")
    at.expect("Enter looks again; or the link of another page")
    at.type("")
    at.expect(f"the page {NOWHERE} is not there, or not shared")
    at.expect("Enter looks again; or the link of another page")
    at.type(f"https://www.notion.so/Releases-{PARENT.replace('-', '')}?pvs=4")
    at.expect("the page is shared")
    at.expect("Write NOTION_PARENT_PAGE_ID into")
    at.type("n")
    at.expect("set NOTION_PARENT_PAGE_ID yourself")
    at.expect("ready: language en")
    assert at.end() == 0
    assert not (person.home / "settings.env").exists()


def test_what_the_integration_lacks_can_be_given_meanwhile(tmp_path: Path) -> None:
    with ExitStack() as first:
        served = first.enter_context(
            serving(tmp_path, "--without", "insert_content", "--without", "user_information")
        )
        at = Terminal(served, "init", "--lang", "ja")
        at.expect("機能「コンテンツを挿入」がありません")
        at.expect("「コンテンツを挿入」「ユーザー情報を読み取る」 にチェックを入れて")
        at.expect("Enter で再確認")
        at.type("")
        at.expect("機能「コンテンツを挿入」がありません")
        at.expect("Enter で再確認")
        first.pop_all().close()
    with serving(tmp_path, "--port", str(urlsplit(served.url).port)):
        at.type("")
        at.expect("必要な機能がすべて許可されています")
        at.expect("準備完了")
        assert at.end() == 0


def test_another_integration_is_not_written_down(served: Served) -> None:
    served.ok("init")
    file = served.home / "workspace.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"bot_id": "somebody"}))
    at = Terminal(newcomer(served), "init")
    at.expect("Token (it is not shown)")
    at.type(TOKEN)
    at.expect("belongs to another integration")
    assert at.end() == 1
    assert not (served.home / "settings.env").exists()


def test_an_interrupted_walk_changes_nothing(served: Served) -> None:
    person = newcomer(served)
    at = Terminal(person, "init")
    at.expect("Token (it is not shown)")
    os.write(at.screen, b"\x03")
    at.expect("interrupted")
    assert at.end() == 130
    assert not (person.home / "settings.env").exists()
    assert served.requests() == []


@pytest.mark.parametrize(
    ("options", "settings", "code", "words"),
    [
        ((), {"NOTION_TOKEN": ""}, 2, "there is no NOTION_TOKEN"),
        ((), {"NOTION_TOKEN": UNKNOWN}, 3, "Internal Integration Secret → Show → Copy"),
        ((), {"NOTION_PARENT_PAGE_ID": NOWHERE}, 3, "••• (top right) → Connections → choose your integration"),
        (("read_content",), {}, 3, "tick 'Read content' → Save"),
        (("insert_content",), {}, 3, "tick 'Insert content' → Save"),
        (("update_content",), {}, 3, "tick 'Update content' → Save"),
    ],
)
def test_without_a_terminal_nobody_is_asked(
    tmp_path: Path, options: tuple[str, ...], settings: dict[str, str], code: int, words: str
) -> None:
    with serving(tmp_path, *(part for name in options for part in ("--without", name))) as served:
        done = served.run("init", **settings)
        assert done.returncode == code
        assert words in done.stderr
        assert UNKNOWN not in done.stderr


def test_other_lines_of_the_file_stay(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("# ours\nULTRA_CHECKLIST_HOST=web-1\nexport NOTION_TOKEN=\nOTHER='a b'")
    file.chmod(0o644)
    link = tmp_path / "link.env"
    link.symlink_to(file)
    settings_file.write(link, {"NOTION_TOKEN": TOKEN, "NOTION_PARENT_PAGE_ID": PARENT})
    lines = file.read_text().split("\n")
    assert lines[:2] == ["# ours", "ULTRA_CHECKLIST_HOST=web-1"]
    assert lines[2:] == [f"NOTION_TOKEN={TOKEN}", "OTHER='a b'", f"NOTION_PARENT_PAGE_ID={PARENT}", ""]
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_is_written_where_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    monkeypatch.setenv("ULTRA_CHECKLIST_HOME", str(home))
    assert settings_file.written(home) == home / "settings.env"
    here = Path(".env")
    here.write_text("SOMEBODY=else\n")
    assert settings_file.written(home) == home / "settings.env"
    here.write_text("ULTRA_CHECKLIST_HOST=web-1\n")
    assert settings_file.written(home) == here
    home.mkdir()
    (home / "settings.env").touch()
    assert settings_file.written(home) == home / "settings.env"
    assert settings_file.written(home, tmp_path / "x.env") == tmp_path / "x.env"

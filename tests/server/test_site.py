from pathlib import Path

import pytest

from tests.server.conftest import Notion
from ultra_checklist.server import site


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "board"
    folder.mkdir()
    (folder / "board.html").write_text("<!doctype html><title>Board</title>", encoding="utf-8")
    (folder / "board.js").write_text("'use strict';", encoding="utf-8")
    (tmp_path / "secret.js").write_text("secret", encoding="utf-8")
    monkeypatch.setattr(site, "BOARD", folder)
    return folder


@pytest.mark.parametrize("path", ["/", "/p/Some-title-1234", "/p/a/b"])
def test_the_board_and_its_deep_links(notion: Notion, board: Path, path: str) -> None:
    answer = notion.send("GET", path)
    assert answer.text == (board / "board.html").read_text(encoding="utf-8")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_files_of_the_board_and_no_others(notion: Notion, board: Path) -> None:
    answer = notion.send("GET", "/board/board.js")
    assert (answer.text, answer.headers["content-type"]) == (
        (board / "board.js").read_text(encoding="utf-8"),
        "text/javascript; charset=utf-8",
    )
    for path in ("/board/missing.js", "/board/..%2fsecret.js", "/board/%2e%2e/secret.js", "/board/", "/other"):
        assert notion.send("GET", path).status_code == 404, path
    assert notion.send("POST", "/").status_code == 405

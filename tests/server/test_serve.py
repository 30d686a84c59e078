import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.server.conftest import Server, start, stop
from ultra_checklist.server.serve import serve

HEADERS = {"Authorization": "Bearer ntn_person_%E4%BD%90%E8%97%A4", "Notion-Version": "2026-03-11"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: int) -> None:
    server = start(tmp_path)
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/v1/users/me", headers=HEADERS).status_code == 200
        assert stop(server, number) == (0, "", "")


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    first = start(tmp_path)
    name = httpx.get(f"{first.url}/v1/users/me", headers=HEADERS).json()["name"]
    stop(first)
    second = start(tmp_path)
    assert httpx.get(f"{second.url}/board/people").json() == [name] == ["佐藤"]
    stop(second)


def test_a_taken_port_is_an_os_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve(tmp_path / "notion.db", taken.getsockname()[1])


def test_the_log_has_a_line_a_request_and_no_token(server: Server) -> None:
    before = len(server.logged())
    httpx.post(f"{server.url}/v1/search?x=1", json={"query": "nothing"}, headers=HEADERS)
    httpx.get(f"{server.url}/v1/users/me", headers={**HEADERS, "Authorization": "Bearer wrong"})
    search, me = server.logged()[before:]
    assert (search["method"], search["path"], search["status"]) == ("POST", "/v1/search?x=1", 200)
    assert (search["body"], search["actor"]) == ({"query": "nothing"}, "person:佐藤")
    assert (me["status"], me["body"], me["actor"]) == (401, None, None)
    assert set(me) == {"time", "method", "path", "status", "body", "actor", "agent", "ms"}
    assert "ntn_" not in server.log.read_text(encoding="utf-8")
    assert server.log.stat().st_mode & 0o077 == 0

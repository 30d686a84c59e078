from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.server.conftest import Notion, Server


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost", "[::1]:9", "notion.local"])
def test_names_of_this_machine_are_answered(notion: Notion, host: str) -> None:
    assert notion.send("GET", "/v1/users/me", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8642", "[::2]", "", "["])
def test_other_hosts_are_refused(notion: Notion, host: str) -> None:
    answer = notion.send("GET", "/v1/users/me", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "restricted_resource")


def test_pages_of_others_are_refused(notion: Notion) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://notion.local:1"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ):
        answer = notion.send("POST", "/v1/search", json={}, headers=headers)
        assert answer.status_code == 403, headers
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_our_own_page_is_answered(notion: Notion) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://notion.local"}
    assert notion.send("POST", "/v1/search", json={}, headers=headers).status_code == 200


def test_a_link_from_elsewhere_opens_the_board_and_nothing_else(notion: Notion) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert notion.send("GET", "/p/Some-page-1234", headers=headers).status_code != 403
    assert notion.send("GET", "/v1/users/me", headers=headers).status_code == 403
    assert notion.send("GET", "/board/people", headers=headers).status_code == 403


def test_every_answer_is_dated(notion: Notion, server: Server) -> None:
    for answer in (
        notion.send("GET", "/v1/users/me"),
        notion.send("GET", "/v1/nothing"),
        notion.send("GET", "/", headers={"Host": "evil.example"}),
        httpx.get(f"{server.url}/v1/users/me"),
    ):
        assert parsedate_to_datetime(answer.headers["date"]).tzinfo is not None
        assert len(answer.headers.get_list("date")) == 1
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers

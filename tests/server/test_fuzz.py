"""Anything a client can send gets an answer of Notion's shape, and the file stays sound."""

import asyncio
import json
import os
import random
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.server.conftest import WORKSPACE, Notion, Server, start, stop, text
from tests.server.test_robustness import JUNK, calls_of, schema_of
from ultra_checklist.server.app import create_app

REQUESTS = 10_000
SEED = int(os.environ.get("FUZZ_SEED", "2026"))
HEADERS = {"Authorization": "Bearer ntn_local", "Notion-Version": "2026-03-11"}
STRINGS = (
    *("\x00", "\ud800", "\U0001f40d" * 3, "x" * 2001, "../../etc/passwd", "%", "%00", "'; DROP TABLE nodes; --"),
    *("2026-13-45", "0001-01-01", "9999-12-31T23:59:59+14:00", "me", "today", "title", WORKSPACE, "\u202e", "a,b"),
)
NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 0.1, 1e308, -0.0)
Body = Any


def wrong(rng: random.Random, value: Any) -> Any:
    """The same JSON with one place changed, somewhere."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        choice = rng.random()
        if choice < 0.1:
            return {name: item for name, item in value.items() if name != key}
        if choice < 0.2:
            return {**value, rng.choice(STRINGS): rng.choice(JUNK)}
        return {**value, key: wrong(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        if rng.random() < 0.1:
            return value * rng.choice((0, 2, 60))
        return [*value[:place], wrong(rng, value[place]), *value[place + 1 :]]
    return rng.choice((*JUNK, *STRINGS, *NUMBERS, [[[[[]]]]], {"type": "x", "x": {}}, [value] * 101))


def targets(paths: list[str]) -> list[tuple[str, str]]:
    """Every way of the API with an id of each kind in it."""
    ways = [
        ("GET", "users/{}"),
        ("GET", "users"),
        ("GET", "pages/{}"),
        ("GET", "pages/{}/properties/title"),
        ("GET", "pages/{}/properties/{}"),
        ("GET", "databases/{}"),
        ("PATCH", "databases/{}"),
        ("GET", "data_sources/{}"),
        ("GET", "blocks/{}"),
        ("GET", "blocks/{}/children"),
        ("PATCH", "blocks/{}"),
        ("DELETE", "blocks/{}"),
        ("GET", "views"),
        ("GET", "views/{}"),
        ("PATCH", "views/{}"),
        ("DELETE", "views/{}"),
        ("GET", "comments"),
        ("GET", "comments/{}"),
        ("PATCH", "comments/{}"),
        ("DELETE", "comments/{}"),
        ("GET", "custom_emojis"),
        ("GET", "async_tasks/{}"),
        ("GET", "pages/{}/markdown"),
        ("PATCH", "pages/{}/markdown"),
        ("GET", "data_sources/{}/templates"),
        ("POST", "views/{}/queries"),
        ("GET", "views/{}/queries/{}"),
        ("DELETE", "views/{}/queries/{}"),
        ("POST", "blocks/meeting_notes"),
        ("POST", "blocks/meeting_notes/query"),
        ("GET", "file_uploads"),
        ("GET", "file_uploads/{}"),
        ("POST", "file_uploads/{}/complete"),
        ("POST", "file_uploads/{}/send"),
        ("POST", "nowhere/{}"),
    ]
    return [(method, way.format(path, path)) for method, way in ways for path in paths]


def query(rng: random.Random) -> str:
    keys = (
        "page_size",
        "start_cursor",
        "filter_properties",
        "filter_properties[]",
        "block_id",
        "database_id",
        "status",
        "",
    )
    values = (*STRINGS, "0", "101", "-1", "1e3", "٣", WORKSPACE)
    pairs = [f"{rng.choice(keys)}={quote(rng.choice(values), errors='replace')}" for _ in range(rng.randrange(3))]
    return "?" + "&".join(pairs) if pairs else ""


def content_of(rng: random.Random, body: Any) -> bytes:
    text = json.dumps(body, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
    choice = rng.random()
    if choice < 0.02:
        return text[: rng.randrange(len(text) + 1)]
    if choice < 0.03:
        return b"[" * 50_000
    if choice < 0.04:
        return rng.choice((b"NaN", b'{"a":Infinity}', b"\xff\xfe", b'{"query":"a","query":1}', b"", b" "))
    return text


def check(answer: httpx.Response, what: Any) -> None:
    told = ascii((what, answer.status_code, answer.text))[:2000]
    assert answer.status_code < 500, told
    assert answer.headers.get("content-type") == "application/json", told
    body = answer.json()
    if answer.status_code not in (200, 202):
        assert {"object", "status", "code", "message", "request_id"} <= set(body), told
        assert (body["object"], body["status"]) == ("error", answer.status_code), told
    assert body["request_id"], told


def test_ten_thousand_wrong_requests(tmp_path: Path) -> None:
    app = create_app(tmp_path / "notion.db")
    notion = Notion(app)
    rng = random.Random(SEED)
    other = notion.database()
    source = notion.database(**schema_of(other))
    calls = calls_of(notion, source, other)
    page = notion.row(source, "x")["id"]
    database = notion.get(f"data_sources/{source}")["parent"]["database_id"]
    view = notion.get("views", database_id=database)["results"][0]["id"]
    upload = notion.post("file_uploads", {"filename": "a.txt"})["id"]
    comment = notion.post("comments", {"parent": {"page_id": page}, "rich_text": text("x")})["id"]
    query_of = notion.post(f"views/{view}/queries", {})["id"]
    ids = [
        comment,
        query_of,
        WORKSPACE,
        page,
        source,
        database,
        view,
        upload,
        "0" * 32,
        "x",
        "..",
        "%2e%2e",
        "\u0661" * 32,
        "a" * 5000,
    ]
    ways = targets([quote(one) for one in ids])

    def request() -> tuple[str, str, Body]:
        if rng.random() < 0.6:
            method, path, body = rng.choice(calls)
            for _ in range(rng.randrange(1, 4)):
                body = wrong(rng, body)
            return method, path + query(rng), body
        method, path = rng.choice(ways)
        body = None if method == "GET" else wrong(rng, rng.choice(calls)[2])
        return method, path + query(rng), body

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notion.local") as client:
            for number in range(REQUESTS):
                method, path, body = request()
                headers = {**HEADERS, "Notion-Version": rng.choice(("2025-09-03", "2026-03-11"))}
                content = None if body is None else content_of(rng, body)
                answer = await client.request(method, f"/v1/{path}", content=content, headers=headers)
                check(answer, (number, method, path, content))

    asyncio.run(run())
    everything_is_readable(notion)
    app.state.store.close()
    connection = sqlite3.connect(tmp_path / "notion.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def everything_is_readable(notion: Notion) -> None:
    """Each object is answered by its own way, and each data source by a query of all its rows."""
    connection = notion.app.state.store.connection
    ways = {
        "page": "pages",
        "database": "databases",
        "data_source": "data_sources",
        "block": "blocks",
        "view": "views",
    }
    found = connection.execute("SELECT id, kind FROM nodes").fetchall()
    assert {kind for _, kind in found} >= set(ways)
    for identifier, kind in found:
        if kind in ways:
            assert notion.get(f"{ways[kind]}/{identifier}")["id"] == identifier
        if kind == "data_source":
            notion.post(f"data_sources/{identifier}/query", {})


LINES = "Authorization: Bearer ntn_local\r\nNotion-Version: 2026-03-11\r\n"
RAW: dict[str, Callable[[str], bytes]] = {
    "no http": lambda _host: b"\x16\x03\x01\x02\x00\x01\x00",
    "huge header": lambda host: f"GET / HTTP/1.1\r\nHost: {host}\r\nX: {'x' * 200_000}\r\n\r\n".encode(),
    "many headers": lambda host: (
        f"GET / HTTP/1.1\r\nHost: {host}\r\n{'A: b' * 1}\r\n".encode() + b"A: b\r\n" * 50_000 + b"\r\n"
    ),
    "bad chunk": lambda host: (
        f"POST /v1/search HTTP/1.1\r\nHost: {host}\r\n{LINES}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"
    ).encode(),
    "negative length": lambda host: (
        f"POST /v1/search HTTP/1.1\r\nHost: {host}\r\nContent-Length: -5\r\n\r\n".encode()
    ),
    "two lengths": lambda host: (
        f"POST /v1/search HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"
    ).encode(),
    "nul in the path": lambda host: f"GET /v1/\x00 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(),
    "bytes in the path": lambda host: b"GET /v1/users/\xff\xfe HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n",
    "bad escape": lambda host: f"GET /v1/users/%zz%ff HTTP/1.1\r\nHost: {host}\r\n{LINES}\r\n".encode(),
    "long query": lambda host: f"GET /v1/users?{'a=b&' * 10_000} HTTP/1.1\r\nHost: {host}\r\n{LINES}\r\n".encode(),
    "a body cut short": lambda host: (
        f"POST /v1/search HTTP/1.1\r\nHost: {host}\r\n{LINES}Content-Length: 100\r\n\r\n{{"
    ).encode(),
    "half a head": lambda host: f"GET /v1/users HTTP/1.1\r\nHost: {host}\r\nX".encode(),
    "no boundary": lambda host: (
        f"POST /v1/file_uploads/{WORKSPACE}/send HTTP/1.1\r\nHost: {host}\r\n{LINES}"
        "Content-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc"
    ).encode(),
    "bad part": lambda host: (
        f"POST /v1/file_uploads/{WORKSPACE}/send HTTP/1.1\r\nHost: {host}\r\n{LINES}"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 20\r\n\r\n--b\r\nbroken\r\n--b--\r\n\r\n"
    ).encode(),
    "length of another kind": lambda host: (
        f"POST /v1/file_uploads/{WORKSPACE}/send HTTP/1.1\r\nHost: {host}\r\n{LINES}"
        "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc"
    ).encode(),
}


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_are_no_request_end_their_connection_alone(server: Server, name: str) -> None:
    host = server.url.removeprefix("http://")
    with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), timeout=30) as connection:
        try:
            connection.sendall(RAW[name](host))
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except OSError:
            answer = b""
    assert not answer or int(answer.split()[1]) < 500, answer
    assert httpx.get(f"{server.url}/v1/users/me", headers=HEADERS).status_code == 200


def test_clients_that_say_nothing_hold_nobody_up(tmp_path: Path) -> None:
    server = start(tmp_path)
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    silent = [socket.create_connection(address, timeout=30) for _ in range(200)]
    for connection in silent[::2]:
        connection.sendall(b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{")
    assert httpx.get(f"{server.url}/v1/users/me", headers=HEADERS).status_code == 200
    for connection in silent:
        connection.close()
    assert stop(server) == (0, "", "")

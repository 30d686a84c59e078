"""Who is answered: every combination of host, origin, token and method, over a real socket."""

import itertools
import json
import socket
from pathlib import Path

import pytest

from tests.server.conftest import WORKSPACE, Server

# What stands in a request line by line, and whether such a request may pass at all.
HOSTS = {
    "own address": ("127.0.0.1:{port}", True),
    "localhost": ("localhost:{port}", True),
    "a name that was rebound to this machine": ("rebound.example:{port}", False),
    "none": ("", False),
}
SITES = {
    "no browser": ((), True),
    "our own page": (("Origin: http://{host}", "Sec-Fetch-Site: same-origin"), True),
    "another origin": (("Origin: https://evil.example",), False),
    "another site": (("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"), False),
}
TOKENS = {"integration": "Bearer ntn_local", "wrong": "Bearer secret_other", "none": None}
METHODS = {
    "GET": ("/v1/users/me", None),
    "PATCH": (f"/v1/pages/{WORKSPACE}", '{"properties":{"title":[{"text":{"content":"Stolen"}}]}}'),
}
CASES = list(itertools.product(HOSTS, SITES, TOKENS, METHODS))


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


def exchange(server: Server, *lines: str, body: str = "", address: str = "127.0.0.1") -> tuple[int, str, str]:
    """Send a request as it stands: the status, the head and the body of the answer."""
    with socket.create_connection((address, port_of(server)), timeout=30) as connection:
        head = "\r\n".join([*lines, "Connection: close", f"Content-Length: {len(body)}"])
        connection.sendall(f"{head}\r\n\r\n{body}".encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, rest = answer.decode().partition("\r\n\r\n")
    return int(head.split()[1]), head.casefold(), rest


def title(server: Server) -> str:
    lines = ("Host: 127.0.0.1", "Authorization: Bearer ntn_local", "Notion-Version: 2026-03-11")
    _, _, body = exchange(server, f"GET /v1/pages/{WORKSPACE} HTTP/1.1", *lines)
    return str(json.loads(body)["properties"]["title"]["title"][0]["plain_text"])


def test_there_are_96_cases() -> None:
    assert len(CASES) == 96


@pytest.mark.parametrize(("host", "site", "token", "method"), CASES)
def test_who_is_answered(server: Server, host: str, site: str, token: str, method: str) -> None:
    name, host_passes = HOSTS[host]
    name = name.format(port=port_of(server))
    lines, site_passes = SITES[site]
    path, body = METHODS[method]
    before = title(server)
    head = [
        f"{method} {path} HTTP/1.1",
        f"Host: {name}",
        "Notion-Version: 2026-03-11",
        "Content-Type: application/json",
    ]
    head += [line.format(host=name) for line in lines]
    if TOKENS[token] is not None:
        head.append(f"Authorization: {TOKENS[token]}")
    status, headers, answer = exchange(server, *head, body=body or "")
    wanted = 403 if not (host_passes and site_passes) else 200 if token == "integration" else 401
    assert status == wanted, answer
    assert "access-control-" not in headers
    if wanted != 200:
        assert json.loads(answer)["object"] == "error"
        assert title(server) == before
    elif method == "PATCH":
        assert title(server) == "Stolen"


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /v1/users/me HTTP/1.1", "Host: 127.0.0.1", "Host: evil.example"),
        ("GET /v1/users/me HTTP/1.1", "Host: evil.example", "Host: 127.0.0.1"),
        ("GET /v1/users/me HTTP/1.1",),
        ("GET http://evil.example/v1/users/me HTTP/1.1", "Host: evil.example"),
        ("GET /v1/users/me HTTP/1.1", "Host: 127.0.0.1@evil.example"),
        ("GET /v1/users/me HTTP/1.1", "Host: 127.0.0.1.evil.example"),
        ("GET /v1/users/me HTTP/1.1", "Host: localhost.evil.example"),
        ("GET /v1/users/me HTTP/1.1", "Host: evil.example:80@127.0.0.1:80@evil.example"),
        ("GET /v1/users/me HTTP/1.1", "Host: 127.0.0.2"),
        ("GET /v1/users/me HTTP/1.1", "Host: [::ffff:1.2.3.4]"),
        ("GET /v1/users/me HTTP/1.1", "Host: 127.0.0.1", "Origin: null"),
        ("GET /v1/users/me HTTP/1.1", "Host: 127.0.0.1", "Origin: http://127.0.0.1:1"),
        ("OPTIONS /v1/pages HTTP/1.1", "Host: 127.0.0.1", "Origin: https://evil.example"),
        ("GET /board/people HTTP/1.1", "Host: evil.example"),
        ("GET / HTTP/1.1", "Host: evil.example"),
    ],
    ids=lambda lines: " ".join(lines)[:80],
)
def test_tricks_are_refused(server: Server, lines: tuple[str, ...]) -> None:
    status, headers, _ = exchange(server, *lines, "Authorization: Bearer ntn_local", "Notion-Version: 2026-03-11")
    assert status in (400, 403)
    assert "access-control-" not in headers


def test_nothing_listens_beyond_loopback(server: Server) -> None:
    inodes = {
        link.readlink().name for link in Path(f"/proc/{server.process.pid}/fd").iterdir() if link.is_symlink()
    }
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{server.process.pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and f"socket:[{columns[9]}]" in inodes:
                listening.append(columns[1])
    # 127.0.0.1 as the kernel prints it: bytes of a little-endian machine.
    assert listening == [f"0100007F:{port_of(server):04X}"]

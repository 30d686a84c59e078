"""The http probe against a real server on loopback."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.probes.looking import look, said
from ultra_checklist.model import Verdict

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "fedcba9876543210fedcba9876543210fedcba98"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers as the test says; ``release`` lets a slow answer go."""

    daemon_threads = True
    answer: Answer
    url: str

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/health"
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.release = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def _any(self) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        self.server.answer(self)

    do_GET = do_HEAD = do_OPTIONS = _any  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.release.set()
        made.shutdown()
        thread.join()


def answering(status: int, body: str = "", **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        content = body.encode()
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)

    return answer


def judge(server: Server, answer: Answer, **options: object) -> Verdict:
    server.answer = answer
    return look("http", {"url": server.url, **options})


@pytest.mark.parametrize("status", [500, 404, 503, 204, 201])
def test_another_status_fails_with_expected_and_seen(server: Server, status: int) -> None:
    found = judge(server, answering(status))
    assert said(found) == ("fail", "status")
    assert (found.expected.en, found.seen.en) == ("200", str(status))
    assert found.remedy.en.startswith("curl ")


def test_the_right_status_passes(server: Server) -> None:
    assert said(judge(server, answering(200, "ok"))) == ("pass", "as-expected")
    assert said(judge(server, answering(204), status=[200, 204])) == ("pass", "as-expected")
    assert said(judge(server, answering(200), method="HEAD")) == ("pass", "as-expected")


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (json.dumps({"commit": COMMIT}), ("pass", "as-expected")),
        (json.dumps({"build": {"git_sha": COMMIT[:8]}}), ("pass", "as-expected")),
        (f"ultra {COMMIT} ok", ("pass", "as-expected")),
        (json.dumps({"version": f"v1.4.0-{COMMIT[:7]}"}), ("pass", "as-expected")),
        (json.dumps({"commit": OTHER}), ("fail", "other-commit")),
        (json.dumps({"commit": OTHER, "note": COMMIT}), ("fail", "other-commit")),
        (json.dumps({"status": "ok"}), ("unknown", "no-commit")),
        (json.dumps({"status": "ok", "uptime": 1732412345}), ("unknown", "no-commit")),
        ("", ("unknown", "no-commit")),
    ],
)
def test_the_running_commit(server: Server, body: str, verdict: tuple[str, str]) -> None:
    assert said(judge(server, answering(200, body), commit=COMMIT)) == verdict


def test_an_old_backend_that_answers_200_fails(server: Server) -> None:
    found = judge(server, answering(200, json.dumps({"commit": OTHER})), commit=COMMIT)
    assert (found.expected.en, found.seen.en) == (COMMIT[:12], OTHER[:12])


def test_no_answer_in_time_cannot_be_told(server: Server) -> None:
    def slow(_request: BaseHTTPRequestHandler) -> None:
        server.release.wait()

    assert said(judge(server, slow, timeout=0.2)) == ("unknown", "timeout")


def test_a_body_that_never_ends_in_time_cannot_be_told(server: Server) -> None:
    def dripping(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"x")
        request.wfile.flush()
        server.release.wait()

    assert said(judge(server, dripping, timeout=0.3)) == ("unknown", "timeout")


def test_nobody_there_and_unknown_host_cannot_be_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = look("http", {"url": f"http://127.0.0.1:{port}/"})
    assert said(found) == ("unknown", "connection-refused")
    assert found.remedy.en.startswith("curl ")
    assert said(look("http", {"url": "http://nowhere.invalid/"}))[0] == "unknown"


def test_an_answer_that_is_no_http_cannot_be_told(server: Server) -> None:
    def garbage(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"SSH-2.0-OpenSSH\r\n")

    assert said(judge(server, garbage)) == ("unknown", "no-answer")


def test_a_redirect_to_another_place_is_not_followed(server: Server) -> None:
    found = judge(server, answering(302, Location="http://127.0.0.2:1/elsewhere"))
    assert said(found) == ("fail", "redirect")
    assert "127.0.0.2" in found.seen.en
    assert len(server.asked) == 1


def test_a_redirect_at_the_same_place_is_followed(server: Server) -> None:
    def moved(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/health":
            answering(301, Location="/healthz")(request)
        else:
            answering(200, "fine")(request)

    assert said(judge(server, moved, contains="fine")) == ("pass", "as-expected")


def test_a_circle_of_redirects_cannot_be_told(server: Server) -> None:
    assert said(judge(server, answering(302, Location="/health"))) == ("unknown", "redirects")


def test_body_and_json_values(server: Server) -> None:
    body = json.dumps({"status": "ok", "checks": [{"name": "db", "up": True}]})
    wanted = {"status": "ok", "checks.0.up": True}
    assert said(judge(server, answering(200, body), json=wanted)) == ("pass", "as-expected")
    found = judge(server, answering(200, body), json={"status": "fine"})
    assert said(found) == ("fail", "body")
    assert '"fine"' in found.expected.en
    assert said(judge(server, answering(200, body), contains="nothing like it")) == ("fail", "body")
    assert said(judge(server, answering(200, "no json"), json=wanted)) == ("fail", "body")


def test_a_huge_body_is_cut(server: Server) -> None:
    assert said(judge(server, answering(200, "x" * (3 << 20)), contains="x")) == ("pass", "as-expected")


def test_nothing_of_the_environment_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert said(judge(server, answering(200), headers={"X-Probe": "1"})) == ("pass", "as-expected")
    _, _, headers = server.asked[0]
    assert headers["X-Probe"] == "1"
    assert "Cookie" not in headers
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "POST"}, "GET"),
        ({"url": "ftp://127.0.0.1/"}, "http"),
        ({"url": "http://user:pw@127.0.0.1/"}, "password"),
        ({"commit": "main"}, "no commit id"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    found = look("http", {"url": "http://127.0.0.1:1/", **options})
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en

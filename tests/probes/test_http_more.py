"""The http probe: who we are to a provider, several answers in a row, and the certificate."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.probes.looking import look, said
from tests.probes.test_http import COMMIT, OTHER, Answer, Server, answering, server
from ultra_checklist.model import Verdict
from ultra_checklist.probes.http import HttpOptions, HttpProbe, HttpSeen

__all__ = ["server"]
TOKEN = "line-channel-t0ken/+=value"
BOT = {"userId": "U0123456789abcdef", "basicId": "@ultra"}


def ask(server: Server, answer: Answer, **options: object) -> Verdict:
    server.answer = answer
    found = look("http", {"url": server.url, "bearer": TOKEN, "json": {"userId": BOT["userId"]}, **options})
    assert TOKEN not in found.model_dump_json()
    return found


def test_the_identity_at_a_provider(server: Server) -> None:
    assert said(ask(server, answering(200, json.dumps(BOT)))) == ("pass", "as-expected")
    assert server.asked[0][2]["Authorization"] == f"Bearer {TOKEN}"
    found = ask(server, answering(200, json.dumps({**BOT, "userId": "Uanother"})))
    assert said(found) == ("fail", "body")
    assert "Uanother" in found.seen.en


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, "{}", "denied"),
        (403, "{}", "denied"),
        (429, "{}", "rate-limited"),
        (500, "", "server-error"),
        (503, "<html>", "server-error"),
        (200, "<html>login</html>", "not-json"),
        (200, "", "not-json"),
        (200, "[" * 100_000, "not-json"),
    ],
)
def test_a_provider_that_refuses_says_nothing_of_us(server: Server, status: int, body: str, reason: str) -> None:
    found = ask(server, answering(status, body))
    assert said(found) == ("unknown", reason)
    assert found.remedy.en


def test_a_token_that_is_echoed_is_not_kept(server: Server) -> None:
    def echoing(request: BaseHTTPRequestHandler) -> None:
        answering(200, json.dumps({"userId": request.headers["Authorization"]}))(request)

    assert said(ask(server, echoing)) == ("fail", "body")


def test_a_token_does_not_follow_to_another_place(server: Server) -> None:
    assert said(ask(server, answering(302, Location="https://elsewhere.invalid/"))) == ("fail", "redirect")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "http://provider.invalid/", "bearer": TOKEN}, "https:// alone"),
        ({"bearer": "two words-s3cret"}, "blanks"),
        ({"bearer": "line\ns3cret"}, "blanks"),
        ({"bearer": "日本語-s3cret"}, "ASCII"),
        ({"bearer": ""}, "empty"),
        ({"headers": {"X-Key": "a\r\ns3cret"}}, "X-Key"),
        ({"headers": {"X Key": "s3cret"}}, "X Key"),
        ({"tls_days": 14}, "https:// address"),
        ({"repeat": 0}, "repeat"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    found = look("http", {"url": "http://127.0.0.1:1/", **options})
    assert said(found) == ("unknown", "bad-options")
    assert message in found.sentence.en
    assert "s3cret" not in found.model_dump_json()


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last one stays."""
    left = list(answers)

    def answer(request: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


def judge(server: Server, answer: Answer, **options: object) -> Verdict:
    server.answer = answer
    return look("http", {"url": server.url, **options})


def test_several_answers_in_a_row_must_be_good(server: Server) -> None:
    found = judge(server, answering(200, "ok"), repeat=3)
    assert (said(found), found.seen.en, len(server.asked)) == (("pass", "as-expected"), "3 x 200", 3)
    good, bad = answering(200, "ok"), answering(500)
    server.asked.clear()
    assert said(judge(server, in_turn(good, bad, good), repeat=3)) == ("fail", "status")
    assert len(server.asked) == 2
    assert said(judge(server, in_turn(good, answering(200, "ill")), repeat=2, contains="ok")) == ("fail", "body")


def test_one_of_several_backends_that_runs_another_commit_is_found(server: Server) -> None:
    new, old = (answering(200, json.dumps({"commit": commit})) for commit in (COMMIT, OTHER))
    assert said(judge(server, in_turn(new, new), repeat=2, commit=COMMIT)) == ("pass", "as-expected")
    assert said(judge(server, in_turn(new, old), repeat=3, commit=COMMIT)) == ("fail", "other-commit")


def test_all_answers_together_stay_within_the_time_out(server: Server) -> None:
    def slow(_request: BaseHTTPRequestHandler) -> None:
        server.release.wait()

    assert said(judge(server, in_turn(answering(200), slow), repeat=3, timeout=0.3)) == ("unknown", "timeout")


def test_slow_is_the_95th_percentile(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty answers of which one is slow are fast; two slow ones are not."""
    from ultra_checklist.probes import http

    for slow, verdict in ((1, ("pass", "as-expected")), (2, ("fail", "slow"))):
        # The clock stands still but for the slow answers: each asks it twice.
        times = iter([t for n in range(20) for t in (0.0, 9.0 if n < slow else 0.1)])
        monkeypatch.setattr(http, "monotonic", lambda times=times: next(times))
        assert said(judge(server, answering(200), repeat=20, max_seconds=1)) == verdict


class Tls:
    """Certificates of an authority that httpx is told to trust."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        root = self._signed(self._name, self._key.public_key(), timedelta(days=400), authority=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, valid: timedelta, *, authority: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=500))
            .not_valid_after(now + valid)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())

    def serve(self, server: Server, valid: timedelta) -> str:
        """Let a server speak TLS with a certificate that is valid so long; its address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        chain = self.folder / "chain.pem"
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        certificate = self._signed(name, key.public_key(), valid, authority=False)
        chain.write_bytes(key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.answer = answering(200, "ok")
        return f"https://localhost:{server.server_address[1]}/"


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tls:
    made = Tls(tmp_path)
    monkeypatch.setattr("certifi.where", lambda: str(made.file))
    return made


@pytest.fixture
def quiet() -> Iterator[Server]:
    """A server whose failed handshakes are nobody's business."""
    with Server() as made:
        made.handle_error = lambda *_args: None  # type: ignore[method-assign]
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("valid", "verdict"),
    [
        (timedelta(days=30, hours=1), ("pass", "as-expected")),
        (timedelta(days=13), ("fail", "tls-expires")),
        (timedelta(days=-1), ("fail", "tls-expires")),
    ],
)
def test_days_of_the_certificate(tls: Tls, quiet: Server, valid: timedelta, verdict: tuple[str, str]) -> None:
    url = tls.serve(quiet, valid)
    found = look("http", {"url": url, "tls_days": 14})
    assert said(found) == verdict
    if verdict[0] == "fail":
        assert found.seen.en == ("it has expired" if valid < timedelta() else "13 days left")
        assert "openssl s_client" in found.remedy.en


def test_without_the_question_an_expired_certificate_cannot_be_told(tls: Tls, quiet: Server) -> None:
    assert said(look("http", {"url": tls.serve(quiet, timedelta(days=-1))})) == ("unknown", "tls")


def test_a_certificate_of_another_authority_cannot_be_told(tmp_path: Path, quiet: Server) -> None:
    url = Tls(tmp_path).serve(quiet, timedelta(days=-1))
    assert said(look("http", {"url": url, "tls_days": 14})) == ("unknown", "tls")
    assert said(look("http", {"url": url, "tls_days": 14, "verify_tls": False})) == ("fail", "tls-expires")


def test_what_was_seen_is_judged_again_under_other_limits() -> None:
    seen = HttpSeen(url="https://x.invalid/", status=200, seconds=0.5, tls_days=20.0)
    for days, outcome in ((14, "pass"), (30, "fail")):
        options = HttpOptions(url=seen.url, tls_days=days)
        assert HttpProbe(options).judge(seen).outcome.value == outcome
    blind = seen.model_copy(update={"tls_days": None})
    assert HttpProbe(HttpOptions(url=seen.url, tls_days=14)).judge(blind).reason == "no-certificate"

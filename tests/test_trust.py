"""Whom HTTPS connections trust."""

import shutil
import ssl
from pathlib import Path

import certifi
import pytest

from ultra_checklist.trust import trust


def test_the_authorities_are_read_once() -> None:
    first = trust("https://example.org/")
    assert first is trust()
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname
    assert len(first.get_ca_certs()) > 50


def test_plain_http_reads_none_and_would_trust_nobody() -> None:
    context = trust("HTTP://127.0.0.1:8080/")
    assert context is not trust()
    assert context.get_ca_certs() == []
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_whoever_asks_for_it_takes_every_certificate() -> None:
    context = trust("https://example.org/", verify=False)
    assert context is not trust()
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname


def test_a_changed_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "authorities.pem"
    shutil.copy(certifi.where(), file)
    monkeypatch.setattr("certifi.where", lambda: str(file))
    whole = len(trust().get_ca_certs())
    end = "-----END CERTIFICATE-----\n"
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.index(end) + len(end)], encoding="utf-8")
    assert (whole > 50, len(trust().get_ca_certs())) == (True, 1)

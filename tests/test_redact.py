"""Secrets do not come through, in any form in which they travel; hashes and ids do."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultra_checklist.redact import MARK, Redactor, is_secret_name

SECRET = 'p@ss "wörd"/+ 7'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET, safe=""),
        quote(SECRET),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
    ],
)
def test_every_plain_form_is_marked(form: str) -> None:
    text = Redactor([SECRET]).text(f"before {form} after")
    assert MARK in text
    assert form.strip('"') not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@given(
    st.binary(max_size=7),
    st.binary(max_size=7),
    st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=12, max_size=40),
)
def test_base64_at_every_offset_is_marked(before: bytes, after: bytes, secret: str) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    assert Redactor([secret]).text(encoded) != encoded or Redactor([secret])._secrets == set()


@pytest.mark.parametrize(
    "text",
    [
        "ntn_1234567890abcdef",
        "xoxb-1234567890-abcdef",
        "ghp_abcdefghijklmnopqrstuvwxyz0123",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.signature",
        "https://hooks.slack.com/services/T0/B0/xyz",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_known_shapes_of_tokens_are_marked(text: str) -> None:
    assert text not in Redactor().text(f"a {text} b")


def test_a_password_in_an_address_is_marked() -> None:
    assert Redactor().text("postgres://app:hunter2@db/x") == f"postgres://app:{MARK}@db/x"


@pytest.mark.parametrize(
    "value",
    [
        "0123456789abcdef0123456789abcdef01234567",
        "a" * 64,
        "12345678-1234-4123-8123-123456789abc",
        "short",
        "production",
    ],
)
def test_ids_short_words_and_public_words_stay(value: str) -> None:
    assert Redactor([value], public=["production"]).text(f"x {value} y") == f"x {value} y"


def test_structures_are_walked_with_their_keys() -> None:
    found = Redactor(["hunter2hunter2"]).data({"hunter2hunter2": ["hunter2hunter2", 1, None]})
    assert found == {MARK: [MARK, 1, None]}


@pytest.mark.parametrize(("name", "secret"), [("API_KEY", True), ("DB_PASSWORD", True), ("LINE_CHANNEL_TOKEN", True), ("APP_ENV", False), ("KEYBOARD", False), ("AUTHOR", False), ("AUTH_TOKEN", True)])  # fmt: skip
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret

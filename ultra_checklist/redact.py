"""Secrets become marks before anything is stored, sent, logged or raised.

A value counts as secret when it is eight characters or longer and was registered, or when it has
the shape of a known token. It is found in the encodings it travels in. Commit ids, hashes and
UUIDs stay readable: they are evidence.
"""

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

MARK = "[redacted]"
MIN_LENGTH = 8
SECRET_NAME = re.compile(
    r"(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PRIVATE|CREDENTIAL|WEBHOOK|MNEMONIC|SEED|API_?KEY|ACCESS_?KEY)"
    r"|(^|_)(KEY|PW|PASS|AUTH)($|_)",
    re.IGNORECASE,
)
_TOKEN_SHAPES = re.compile(
    r"\bntn_[A-Za-z0-9_%-]{6,}|\bsecret_[A-Za-z0-9]{20,}|\bxox[abeprs]-[A-Za-z0-9-]{8,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{20,}|\bAKIA[A-Z0-9]{16}\b|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|hooks\.slack\.com/services/[A-Za-z0-9/_-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_READABLE = re.compile(
    r"[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]+):([^/\s@]+)(?=@)")


def is_secret_name(name: str) -> bool:
    """Whether a key is named like a secret, as ``DB_PASSWORD`` is."""
    return SECRET_NAME.search(name) is not None


class Redactor:
    """Knows the secret values and takes them out of text and JSON-able data."""

    def __init__(self, secrets: Iterable[str] = (), *, public: Iterable[str] = ()) -> None:
        self._public = set(public)
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Register more values. Short ones, public ones, hashes and UUIDs are left readable."""
        fresh = {
            value
            for value in secrets
            if len(value) >= MIN_LENGTH and value not in self._public and not _READABLE.fullmatch(value)
        }
        if fresh <= self._secrets:
            return
        self._secrets |= fresh
        forms = sorted({form for value in self._secrets for form in _encodings(value)}, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(form) for form in forms))

    def text(self, text: str) -> str:
        """The text with every secret replaced by a mark."""
        if self._pattern is not None:
            text = self._pattern.sub(MARK, text)
        text = _TOKEN_SHAPES.sub(MARK, text)
        return _URL_PASSWORD.sub(rf"\1:{MARK}", text)

    def data(self, value: Any) -> Any:
        """The same JSON-able structure with every string, keys included, redacted."""
        return self._walk(value)

    def _walk(self, value: object) -> object:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._walk(key): self._walk(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._walk(item) for item in value]
        return value


def _encodings(value: str) -> set[str]:
    """The forms in which a value travels: raw, JSON, URL, hex, and base64 at its three offsets."""
    raw = value.encode()
    forms = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
        quote(value),
        raw.hex(),
        raw.hex().upper(),
    }
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        # The characters at both ends also depend on the neighbouring bytes: leave them out.
        start = (offset * 4 + 2) // 3
        end = (offset + len(raw)) * 4 // 3
        core = encoded[start:end]
        if len(core) >= MIN_LENGTH:
            forms |= {core, core.replace("+", "-").replace("/", "_")}
    return forms

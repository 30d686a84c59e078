"""URLs among the values of an environment file: at which hosts they lead, and words that no production URL has.

Only hosts and the words are ever kept: paths and queries of webhooks are secrets.
"""

import re
from fnmatch import fnmatch
from urllib.parse import urlsplit

from pydantic import Field

from ultra_checklist.model import Frozen
from ultra_checklist.probes.base import Observation

ELSEWHERE = (
    "localhost", "127.0.0.1", "0.0.0.0", "[::1]", "host.docker.internal", "staging", "stage", "stg", "sandbox",  # noqa: S104 - words to look for
    "testnet", "devnet", "sepolia", "goerli", "holesky", "hoodi", "mumbai", "amoy", "test", "dev", "qa", "uat",
    "demo", "preprod", "example.com", "example.org", "ngrok", "notify-api.line.me",
)  # fmt: skip
"""Hosts and words of places that are no production, and of LINE Notify, which ended on 2025-03-31."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s,;\"'<>]+")


class UrlRules(Frozen):
    """What the URLs among the values must be like."""

    hosts: list[str] = Field(
        default_factory=list, description="Patterns of the only hosts that may be named; empty: any host."
    )
    without: list[str] = Field(
        default_factory=lambda: list(ELSEWHERE), description="Words that host and path must not have."
    )
    allow: list[str] = Field(default_factory=list, description="Patterns of keys to which this does not apply.")


class UrlSeen(Observation):
    """One URL of a value."""

    host: str
    words: list[str] = Field(default_factory=list)
    """Which of the words that must not be there are in its host or path."""


def look(value: str, words: list[str]) -> list[UrlSeen]:
    """The URLs in a value. One that cannot be taken apart has the host ``?``, which is on no list."""
    return [_seen(url, words) for url in _URL.findall(value)]


def elsewhere(url: UrlSeen, rules: UrlRules) -> bool:
    """Whether a URL leads where it must not."""
    listed = not rules.hosts or any(fnmatch(url.host, pattern.lower()) for pattern in rules.hosts)
    return bool(url.words) or not listed or url.host == "?"


def _seen(url: str, words: list[str]) -> UrlSeen:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return UrlSeen(host="?")
    if not host:
        # sqlite:///path and unix:///socket lead nowhere else.
        return UrlSeen(host="", words=[])
    told = f"[{host}]" if ":" in host else host
    text = f"{told}{parts.path}".lower()
    # A word of its own: "test" is not in "latest", but in "test2" and "api-test".
    return UrlSeen(
        host=told, words=[w for w in words if re.search(rf"(?<![a-z0-9]){re.escape(w.lower())}(?![a-z])", text)]
    )

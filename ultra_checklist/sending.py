"""One HTTP request to somebody outside, bounded in time and size; and the forms in which channels take messages.

No proxy or credential of the environment is used and no redirect is followed. An address may be a secret, so
neither it nor what an exception says of it is in any answer: only what kind of trouble there was.
"""

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ultra_checklist.trust import trust

Trouble = Literal["", "timeout", "dns", "connection-refused", "tls", "no-connection", "not-sendable", "no-answer"]
"""Why there is no answer that can be used; empty: there is one."""
MAX_ANSWER: Final = 4096
"""Bytes of an answer that are read, unless more are asked for; the rest is left."""
MAX_PART: Final = 400
"""Characters of one value in a message."""
SIGNATURE: Final = "X-Ultra-Checklist-Signature"
LINE_URL: Final = "https://api.line.me"
LINE_PUSH: Final = "/v2/bot/message/push"
LINE_RETRY_KEY: Final = "X-Line-Retry-Key"
"""A request with the same key (a UUID) is carried out once (developers.line.biz, "Retry failed API requests")."""
LINE_DONE_BEFORE: Final = 409
"""The same retry key was accepted before."""
LINE_MAX_TEXT: Final = 5000
"""Characters of one text message."""


@dataclass(frozen=True)
class Answer:
    """What came back. ``status`` 0: nothing that could be used, for the reason in ``trouble``."""

    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names are in lower case."""
    trouble: Trouble = ""
    sent: bool = True
    """False: it is certain that the request did not go out."""
    cut: bool = False
    """True: more had followed than was read."""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError where it is none, or was cut."""
        if self.cut:
            raise ValueError("the answer is too long")
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("the answer is nested too deeply") from None


async def ask(
    method: str,
    url: str,
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limit: int = MAX_ANSWER,
) -> Answer:
    """Send one request; ``body`` is JSON. Whatever goes wrong is told by the answer."""
    import httpx

    # Not compressed: a few bytes could otherwise become many megabytes before the limit is seen.
    known = {"accept-encoding": "identity", **(headers or {})}
    if body is not None:
        known = {"content-type": "application/json; charset=utf-8", **known}
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(
                trust_env=False, follow_redirects=False, timeout=max(seconds, 0.001), verify=trust(url)
            ) as client,
            client.stream(method, url, content=body, headers=known) as answer,
        ):
            content, cut = await _beginning(answer, limit)
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status_code, content, found, cut=cut)
    except (httpx.ConnectTimeout, httpx.PoolTimeout):
        return Answer(trouble="timeout", sent=False)
    except (TimeoutError, httpx.TimeoutException):
        return Answer(trouble="timeout")
    except httpx.ConnectError as error:
        return Answer(trouble=_unconnected(error), sent=False)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError):
        return Answer(trouble="not-sendable", sent=False)
    except httpx.HTTPError:
        return Answer(trouble="no-answer")


async def _beginning(answer: Any, limit: int) -> tuple[bytes, bool]:
    kept = bytearray()
    async for chunk in answer.aiter_raw():
        kept += chunk
        if len(kept) > limit:
            break
    return bytes(kept[:limit]), len(kept) > limit


def _unconnected(error: Exception) -> Trouble:
    """Why there was no connection."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls"
        if isinstance(cause, socket.gaierror):
            return "dns"
        if isinstance(cause, ConnectionRefusedError):
            return "connection-refused"
        cause = cause.__cause__ or cause.__context__
    return "connection-refused" if "all connection attempts failed" in str(error).lower() else "no-connection"


def safe(text: str) -> str:
    """One line of text that mentions nobody: no @, no control and no direction characters, bounded."""
    line = " ".join(text.split())
    # Cc, Cf and their kin hold line ends, escapes and the marks that turn the direction of writing.
    import unicodedata

    clean = "".join(char for char in line if not unicodedata.category(char).startswith("C"))
    clean = clean.replace("@", "＠")
    return clean if len(clean) <= MAX_PART else clean[: MAX_PART - 1] + "…"


def slack_body(text: str) -> bytes:
    """A text as an incoming webhook takes it: nothing in it is a mention, a link or a format."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = {"text": escaped, "mrkdwn": False, "link_names": False, "unfurl_links": False, "unfurl_media": False}
    return json.dumps(body).encode()


def is_slack_ok(status: int, text: str) -> bool:
    """Whether Slack took it: status 200 and a body of exactly ``ok``."""
    return status == 200 and text.strip() == "ok"


def line_messages(text: str) -> list[dict[str, str]]:
    """A text as the Messaging API takes it."""
    return [{"type": "text", "text": text[:LINE_MAX_TEXT]}]


def sign(body: bytes, secret: str) -> str:
    """The signature of a body, as the header has it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

"""Asks over HTTP on the terms of every probe: no credential or proxy of the environment, no redirect, bounded.

What can go wrong on the way becomes ProbeCannotTell with a reason of its own. An address is only ever named by
its host, since paths and queries may hold keys.
"""

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.trust import trust

Said = tuple[str, str, str]
"""A reason, and what it is in English and in Japanese."""
MAX_BODY = 1 << 20
"""Bytes read of an answer."""
BAD_STATUS = {
    401: ("denied", "it wants a login", "認証が必要です"),
    403: ("denied", "access is denied", "アクセスが拒否されました"),
    429: ("rate-limited", "it has been asked too often", "リクエスト数の上限に達しました"),
}


@dataclass(frozen=True)
class Reply:
    """An answer; ``elsewhere`` is scheme, host and port of a redirect, which is not followed."""

    status: int
    body: bytes
    whole: bool = True
    """False: there was more than was read."""
    elsewhere: str = ""


class Asker:
    """Asks one place, which is called ``name`` in everything that is said about it."""

    def __init__(self, name: str, remedy: str, send: Callable[..., Awaitable[Reply]]) -> None:
        self.name = name
        self._remedy = remedy
        self._send = send

    async def ask(self, url: str, *, method: str = "GET", data: Any = None) -> Reply:
        """One request, with ``data`` as JSON where there is any. Raises ProbeCannotTell."""
        return await self._send(method, url, data)

    async def json(self, url: str, *, method: str = "GET", data: Any = None) -> Any:
        """The JSON of a good answer. Raises ProbeCannotTell for everything else."""
        reply = await self.ask(url, method=method, data=data)
        if reply.elsewhere:
            raise self.cannot(
                "redirect",
                f"it redirects to {reply.elsewhere}, perhaps to a login",
                f"{reply.elsewhere} へリダイレクトされました（ログイン画面の可能性）",
            )
        if reply.status != 200:
            reason, en, ja = bad_status(reply.status)
            raise self.cannot(reason, f"{en} (HTTP {reply.status})", f"{ja}（HTTP {reply.status}）")
        if not reply.whole:
            raise self.cannot(
                "too-large", f"its answer has more than {MAX_BODY} bytes", f"応答が {MAX_BODY} バイトを超えました"
            )
        try:
            return json.loads(reply.body.decode())
        except (ValueError, RecursionError):
            html = reply.body.lstrip()[:1] == b"<"
            raise self.cannot(
                "not-json",
                f"its answer is {'a web page' if html else 'no JSON'}",
                "応答がウェブページです" if html else "応答が JSON ではありません",
            ) from None

    def cannot(self, reason: str, en: str, ja: str) -> ProbeCannotTell:
        """An error that names the place and what to try."""
        return ProbeCannotTell(reason, f"{self.name}: {en}", f"{self.name}: {ja}", remedy=self._remedy)


@asynccontextmanager
async def asker(
    name: str,
    timeout: float,  # noqa: ASYNC109 - bounds all that is asked inside, not this call alone
    remedy: str,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Asker]:
    """Somebody who asks; all that is asked inside takes ``timeout`` seconds at most. Raises ProbeCannotTell."""
    import asyncio

    import httpx

    async with httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        timeout=timeout,
        verify=trust(),
        # Unpacking what was packed small may fill the memory: nothing packed is asked for or unpacked.
        headers={"Accept-Encoding": "identity", **(headers or {})},
    ) as client:

        async def send(method: str, url: str, data: Any) -> Reply:
            async with client.stream(method, url, json=data) as answer:
                body = bytearray()
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > MAX_BODY:
                        break
                target = answer.headers.get("location") if answer.is_redirect else None
                elsewhere = origin(urljoin(url, target)) if target else ""
                return Reply(answer.status_code, bytes(body[:MAX_BODY]), len(body) <= MAX_BODY, elsewhere)

        asking = Asker(name, remedy, send)
        with telling(asking.cannot, timeout, unconnected):
            async with asyncio.timeout(timeout):
                yield asking


@contextmanager
def telling(
    cannot: Callable[[str, str, str], ProbeCannotTell], seconds: float, why: Callable[[Exception], Said]
) -> Iterator[None]:
    """What goes wrong on the way to a place becomes its ``cannot``; ``why`` there was no connection is asked."""
    import httpx

    try:
        yield
    except (TimeoutError, httpx.TimeoutException):
        raise cannot("timeout", f"no answer within {seconds:g} s", f"{seconds:g} 秒以内に応答なし") from None
    except httpx.ConnectError as error:
        raise cannot(*why(error)) from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # The error's own text may quote a header or the address.
        kind = type(error).__name__
        raise cannot("no-answer", f"no usable answer ({kind})", f"応答を解釈できません（{kind}）") from None


def bad_status(status: int, known: Mapping[int, Said] = BAD_STATUS) -> Said:
    """What a status that is not good means: reason, English, Japanese."""
    if status in known:
        return known[status]
    if status >= 500:
        return "server-error", "its server is in trouble", "サーバ側のエラーです"
    return "http-status", "it answers otherwise", "想定外の応答です"


def unconnected(error: Exception) -> Said:
    """The same as ``unreached``, with what the system says where nothing better is known."""
    reason, en, ja = unreached(error)
    return (reason, f"{en}: {error}", f"{ja}: {error}") if reason == "no-connection" else (reason, en, ja)


def unreached(error: Exception) -> Said:
    """Why there was no connection: reason, English, Japanese."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls", f"the TLS connection failed: {cause.reason}", f"TLS 接続に失敗しました: {cause.reason}"
        if isinstance(cause, OSError) and "Name or service not known" in str(cause):
            return "dns", "the host's name is not known", "ホスト名を解決できません"
        cause = cause.__cause__ or cause.__context__
    if "refused" in str(error).lower() or "all connection attempts failed" in str(error).lower():
        return "connection-refused", "nobody accepts connections there", "接続が拒否されました"
    return "no-connection", "no connection", "接続できません"


def origin(url: str) -> str:
    """Scheme, host and port of an address, and no more."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return "?"
    return f"{parts.scheme}://{parts.hostname}:{port}"


def at_path(data: Any, path: str) -> Any:
    """The value at a dotted path such as ``status`` or ``checks.0.state``; None where there is none."""
    for part in path.split("."):
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return None
    return data


def plain_address(value: str) -> str:
    """An option's address as it was given. Raises ValueError, which does not quote it: it may hold a key."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise WrongValue(
            "this is no http:// or https:// address", "http:// または https:// のアドレスではありません"
        )
    if parts.username or parts.password:
        raise WrongValue("a password does not belong into an address", "アドレスにパスワードを含めないでください")
    return value

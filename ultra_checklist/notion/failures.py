"""What an error of the SDK means: for the retry policy, and in our words."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from notion_client.errors import HTTPResponseError, RequestTimeoutError

from ultra_checklist.errors import NotionError, NotionNotFound
from ultra_checklist.notion import clicks
from ultra_checklist.notion.retry import Failure, Trouble
from ultra_checklist.words import Words

ERRORS: Final = (HTTPResponseError, RequestTimeoutError, httpx.HTTPError, ValueError)
"""All that a request can raise; ValueError: the answer is no JSON."""
_RATE_LIMITED: Final = (429, 529)
_NEVER_AGAIN: Final = "public_api_request_blocked"
_OWN_RATE: Final = (None, "public_api_request_rate_limit")


class UnknownOutcome(NotionError):
    """A write that is not repeatable got no usable answer: it may or may not have happened."""

    committed: str = ""
    """The id of what was made, where Notion said so."""
    attempts: int = 1
    """How often it was sent."""


def failure_of(error: Exception) -> Failure:
    """What a failed attempt means."""
    if isinstance(error, HTTPResponseError):
        if _reason(error) == _NEVER_AGAIN:
            return Failure(Trouble.PERMANENT, blocked=True)
        if error.status in _RATE_LIMITED:
            # The request was refused before anything was done, so even a create may be repeated.
            wait = _retry_after(error.headers)
            return Failure(Trouble.LIMITED, 1.0 if wait is None else wait)
        if error.status == 409:
            return Failure(Trouble.UNDONE)
        if error.status >= 500:
            return Failure(Trouble.UNSURE, _retry_after(error.headers))
        return Failure(Trouble.PERMANENT)
    return Failure(Trouble.UNDONE if _never_sent(error) else Trouble.UNSURE)


def tells_rate(error: Exception) -> bool:
    """Whether an error says that this connection, not the whole workspace, has sent too many requests."""
    return isinstance(error, HTTPResponseError) and error.status == 429 and _reason(error) in _OWN_RATE


def translated(error: Exception, what: str, base_url: str, *, repeatable: bool) -> NotionError:
    """The error in our words; ``what`` is the method and the path."""
    if isinstance(error, HTTPResponseError):
        return _refused(error, what, repeatable)
    if _never_sent(error):
        return NotionError(_UNREACHABLE.filled(url=base_url, why=str(error)), remedy=_CHECK_NETWORK)
    kind = NotionError if repeatable else UnknownOutcome
    return kind(_UNUSABLE.filled(what=what, url=base_url, kind=type(error).__name__), remedy=_NOT_TWICE)


def _refused(error: HTTPResponseError, what: str, repeatable: bool) -> NotionError:
    code, text = str(getattr(error.code, "value", error.code)), str(error)
    if error.status == 401:
        return NotionError(
            _TOKEN.filled(why=text),
            status=401,
            code=code,
            permanent=True,
            remedy=clicks.TOKEN,
        )
    if error.status == 404:
        return NotionNotFound(
            f"{what}: {text}",
            status=404,
            code=code,
            permanent=True,
            remedy=clicks.SHARE,
        )
    if error.status >= 500 and error.status not in _RATE_LIMITED and not repeatable:
        unknown = UnknownOutcome(f"{what}: {text}", status=error.status, code=code, remedy=RUN_AGAIN)
        unknown.committed = str((error.additional_data or {}).get("committed_resource_id") or "")
        return unknown
    permanent = failure_of(error).trouble is Trouble.PERMANENT
    remedy = _LATER if not permanent else _BLOCKED if _reason(error) == _NEVER_AGAIN else _REPAIR
    if code == "restricted_resource" and "block" not in text:
        remedy = clicks.give(_needed(*what.split(" ", 1)))
    return NotionError(f"{what}: {text}", status=error.status, code=code, permanent=permanent, remedy=remedy)


def _needed(method: str, path: str) -> str:
    """The capability without which such a request is refused."""
    if path.startswith("users"):
        return clicks.USERS
    if path.startswith("comments"):
        return clicks.READ_COMMENTS if method == "GET" else clicks.INSERT_COMMENTS
    if method == "GET" or path.endswith(("/query", "search")):
        return clicks.READ
    return clicks.UPDATE if method == "PATCH" and not path.endswith("/children") else clicks.INSERT


def _reason(error: HTTPResponseError) -> Any:
    return (error.additional_data or {}).get("rate_limit_reason")


def _never_sent(error: Exception) -> bool:
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds that a Retry-After header asks for, in full (RFC 9110, section 10.2.3); None without one.

    A date is compared with Notion's own clock, should ours be wrong.
    """
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        sent = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (parsedate_to_datetime(value) - sent).total_seconds())
    except (TypeError, ValueError):
        return None


_UNREACHABLE = Words(en="Notion at {url} cannot be reached: {why}", ja="Notion（{url}）に接続できません: {why}")
_CHECK_NETWORK = Words(
    en="Check the network and NOTION_BASE_URL; or use the built-in one with --local",
    ja="ネットワークと NOTION_BASE_URL を確認するか、--local で内蔵の Notion を使用してください",
)
_UNUSABLE = Words(
    en="{what}: no usable answer from Notion at {url} ({kind})",
    ja="{what}: Notion（{url}）から有効な応答がありません（{kind}）",
)
_NOT_TWICE = Words(
    en="Run the same command again: what was done is found again and not done twice",
    ja="同じコマンドを再実行してください（実行済みのものは重複しません）",
)
RUN_AGAIN = Words(en="Run the same command again", ja="同じコマンドを再実行してください")
_TOKEN = Words(en="Notion refuses the token: {why}", ja="Notion がトークンを拒否しました: {why}")
_LATER = Words(en="Run the command again later", ja="時間をおいて再実行してください")
_BLOCKED = Words(
    en="Ask Notion's support why the integration is blocked",
    ja="インテグレーションがブロックされた理由を Notion サポートに確認してください",
)
_REPAIR = Words(
    en="Run: ultra-checklist init, which repairs the columns",
    ja="ultra-checklist init を実行してください（列を修復します）",
)

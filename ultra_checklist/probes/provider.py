"""A provider that is asked who we are to it, with a token: what is sent, and what its refusals mean.

A refusal says nothing about whose the token is: it is never a verdict on it.
"""

import re
from urllib.parse import urlsplit

from pydantic import SecretStr

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import unknown

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HERE = ("127.0.0.1", "::1", "localhost")
_REFUSED = {
    401: ("denied", "it refuses the token", "トークンが拒否されました"),
    403: ("denied", "the token may not ask that", "トークンに権限がありません"),
    429: ("rate-limited", "it has been asked too often", "リクエスト数の上限に達しました"),
}


def sendable(headers: dict[str, str]) -> dict[str, str]:
    """Headers that can be sent. Raises ValueError, which never quotes a value."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise WrongValue(
                f"the header {name!r} cannot be sent: it holds other signs than printable ASCII",
                f"ヘッダー {name!r} は送信できません（印字可能な ASCII 以外の文字を含んでいます）",
            )
    return headers


def one_word(token: SecretStr | None) -> SecretStr | None:
    """A token as it can be sent. Raises ValueError, which never quotes it."""
    text = token.get_secret_value() if token is not None else "none"
    if "${" not in text and _TOKEN.fullmatch(text) is None:
        raise WrongValue(
            "the token is empty, or holds blanks or other signs than ASCII",
            "トークンが空か、空白や ASCII 以外の文字を含んでいます",
        )
    return token


def require_tls(url: str, *, token: bool, certificate: bool) -> None:
    """Raises ValueError where a token, or a question about the certificate, goes with a plain address."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        return
    if certificate:
        raise WrongValue("tls_days is asked of an https:// address", "tls_days は https:// のアドレスで使います")
    if token and parts.hostname not in _HERE:
        raise WrongValue("a token goes over https:// alone", "トークンは https:// でのみ送信できます")


def judge(url: str, status: int, *, good: bool, is_json: bool) -> Verdict | None:
    """What it means that a provider does not say who we are; None where it does, or where that is no refusal."""
    told = None
    if good:
        told = None if is_json else ("not-json", "its answer is no JSON", "応答が JSON ではありません")
    elif status >= 500:
        told = ("server-error", "its server is in trouble", "サーバ側のエラーです")
    else:
        told = _REFUSED.get(status)
    if told is None:
        return None
    reason, en, ja = told
    return unknown(
        reason,
        Words(en=f"{url}: {en}", ja=f"{url}: {ja}"),
        seen=Words.same(str(status)),
        remedy=Words(en="look at the token, and at the provider's status page", ja="トークンと障害情報を確認"),
        status=status,
    )

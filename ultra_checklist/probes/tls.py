"""How long a server's certificate is still valid."""

import ssl
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import failed, unknown

_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL (x509_vfy.h)."""


def days_left(answer: Any) -> float | None:
    """Days until the certificate behind an answer of httpx expires; None where it is not known."""
    from cryptography.x509 import load_der_x509_certificate

    stream = answer.extensions.get("network_stream")
    channel = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate = channel.getpeercert(binary_form=True) if channel is not None else None
    if not certificate:
        return None
    try:
        until = load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        return None
    return round((until - datetime.now(UTC)).total_seconds() / 86400, 1)


def has_expired(error: BaseException) -> bool:
    """Whether there was no connection because the certificate has expired."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_code == _EXPIRED
        cause = cause.__cause__ or cause.__context__
    return False


def judge(left: float | None, limit: int, url: str) -> Verdict | None:
    """Whether the certificate is valid long enough; None where it is."""
    expected = Words(en=f"valid for {limit} days or more", ja=f"残り {limit} 日以上")
    parts = urlsplit(url)
    place = f"{parts.hostname}:{parts.port or 443}"
    remedy = Words.same(f"openssl s_client -connect {place} </dev/null | openssl x509 -noout -enddate")
    if left is None:
        return unknown(
            "no-certificate",
            Words(en=f"{place} has shown no certificate that can be read", ja=f"{place} の証明書を確認できません"),
            expected=expected,
            remedy=remedy,
        )
    if left >= limit:
        return None
    if left < 0:
        seen = Words(en="it has expired", ja="期限切れ")
    else:
        seen = Words(en=f"{left:.0f} days left", ja=f"残り {left:.0f} 日")
    return failed(
        "tls-expires",
        Words(en=f"the certificate of {place} does not last", ja=f"{place} の証明書の有効期限が不足しています"),
        expected=expected,
        seen=seen,
        remedy=remedy,
        expired=left < 0,
    )

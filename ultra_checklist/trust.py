"""Whom an HTTPS connection trusts: read once a process, and not at all for plain HTTP."""

import ssl
from functools import cache


def trust(url: str = "https:", *, verify: bool = True) -> ssl.SSLContext:
    """What ``verify`` of httpx is to be for an address; no address: for any.

    Reading the authorities takes longer than most requests. Without ``verify`` every certificate is taken.
    """
    return _nobody() if url.lower().startswith("http:") else _authorities(verify=verify)


@cache
def _authorities(*, verify: bool) -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context(verify=verify, trust_env=False)


@cache
def _nobody() -> ssl.SSLContext:
    """No certificate will be seen; if one was after all, it would be refused."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

"""Whom an HTTPS connection trusts: read once a process, and not at all for plain HTTP."""

import ssl
from functools import cache
from pathlib import Path


def trust(url: str = "https:", *, verify: bool = True) -> ssl.SSLContext:
    """What ``verify`` of httpx is to be for an address; no address: for any.

    Reading the authorities takes longer than most requests: it is done when one needs them, and again when
    their file has changed. Without ``verify`` every certificate is taken.
    """
    if url.lower().startswith("http:"):
        return _nobody()
    import certifi

    file = certifi.where()
    return _authorities(file, Path(file).stat().st_mtime_ns, verify=verify)


@cache
def _authorities(_file: str, _changed: int, *, verify: bool) -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context(verify=verify, trust_env=False)


@cache
def _nobody() -> ssl.SSLContext:
    """No certificate will be seen; if one was after all, it would be refused."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

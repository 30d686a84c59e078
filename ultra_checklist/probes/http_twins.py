"""Endpoints that are wrong in one thing, served on loopback: on each of them the probe ``http`` must fail.

How long an answer took, what it was before a deploy, and certificates are changed observations.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from ultra_checklist.model import Words
from ultra_checklist.probes.base import Context, Probe, Stage, Twin
from ultra_checklist.probes.file_twins import unlike

if TYPE_CHECKING:
    from ultra_checklist.probes.http import HttpProbe

_BAD = (500, 404, 410, 503, 418, 301, 200)
_BAD_OF_PROVIDERS = (404, 410, 418, 301, 200)
"""A provider that says 5xx is in trouble itself: that is no failure."""


@asynccontextmanager
async def serving(status: int, body: bytes) -> AsyncIterator[str]:
    """The address of a server on loopback that gives everybody this answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            sent = b"" if head.startswith(b"HEAD ") else body
            fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
            writer.write(f"HTTP/1.1 {status} Twin\r\n{fields}\r\n\r\n".encode() + sent)
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/"


def twins(probe: "HttpProbe") -> Iterator[Twin]:
    """One for each thing that is asked of the answer."""
    from ultra_checklist.probes.http import HttpSeen

    options, good = probe.options, probe.options.status[0]
    candidates = _BAD_OF_PROVIDERS if options.bearer is not None else _BAD
    bad = next((code for code in candidates if code not in options.status), candidates[0])
    yield Twin(Words(en=f"an answer {bad}", ja=f"応答 {bad}"), stage=_at(probe, bad, b"{}"))
    if options.contains is not None:
        words = Words(en="another body", ja="別の本文")
        yield Twin(words, stage=_at(probe, good, unlike(options.contains).encode()))
    for path, value in options.json_values.items():
        body = json.dumps(_nested({**options.json_values, path: f"not-{value}"})).encode()
        yield Twin(Words(en=f"another value of {path}", ja=f"{path} が別の値"), stage=_at(probe, good, body))
    if options.commit is not None:
        other = ("e" if options.commit.startswith("d") else "d") * 40
        told = _nested({**dict.fromkeys(options.changed, "after"), **options.json_values}) | {"commit": other}
        words = Words(en="another commit running", ja="別のコミットが動作")
        yield Twin(words, stage=_at(probe, good, json.dumps(told).encode()))
    seen = HttpSeen(url=options.url, status=good, seconds=0.0, values=dict(options.json_values))
    if options.max_seconds is not None:
        slow = options.max_seconds * 2
        words = Words(en=f"an answer after {slow:g} s", ja=f"{slow:g} 秒後の応答")
        moving = {"moving": dict.fromkeys(options.changed, 1), "before": dict.fromkeys(options.changed, 0)}
        yield Twin(words, seen=seen.model_copy(update={"seconds": slow, "tls_days": 1e6, **moving}))
    if options.changed:
        same = dict.fromkeys(options.changed, "as before")
        words = Words(en="nothing changed since the deploy began", ja="デプロイ開始時のまま")
        yield Twin(words, seen=seen.model_copy(update={"tls_days": 1e6, "moving": same, "before": same}))
    if options.tls_days is not None:
        words = Words(en="a certificate that has expired", ja="期限切れの証明書")
        yield Twin(words, seen=seen.model_copy(update={"status": 0, "tls_days": -1.0}))


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """A JSON object with these values at their dotted paths."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        *folders, last = path.split(".")
        place = found
        for name in folders:
            inner = place.setdefault(name, {})
            place = inner if isinstance(inner, dict) else {}
        place[last] = value
    return found


def _at(probe: "HttpProbe", status: int, body: bytes) -> Stage:
    from ultra_checklist.probes.http import HttpSeen

    before = dict.fromkeys(probe.options.changed, "before")
    baseline = HttpSeen(url=probe.options.url, status=status, seconds=0.0, moving=before)

    @asynccontextmanager
    async def stage(folder: Path, context: Context) -> AsyncIterator[tuple[Probe[Any, Any], Context]]:  # noqa: ARG001 - the seam's
        async with serving(status, body) as url:
            # What is secret does not leave, not even to ourselves.
            bearer = None if probe.options.bearer is None else SecretStr("twin")
            yield probe.like(url=url, tls_days=None, headers={}, bearer=bearer), replace(context, baseline=baseline)

    return stage

"""Somebody outside for probes that send: a recording HTTP server on loopback, a release, and a tick."""

import asyncio
import hashlib
import itertools
import json
import string
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ultra_checklist import plugins
from ultra_checklist.model import Finding, Item, ProbeSpec, Verdict
from ultra_checklist.record import ReleaseRecord
from ultra_checklist.runner import Runner
from ultra_checklist.variables import Value, Variables

CASES = Path(__file__).parent / "cases"
RELEASE = ReleaseRecord(
    key="prod/production/v1.4.0", version="v1.4.0", commit="c" * 40, created=datetime(2026, 3, 1, 12, tzinfo=UTC)
)


@dataclass(frozen=True)
class Asked:
    """One request that came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What is answered: a status and a body; ``raw`` instead: these bytes and nothing more."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] | None = None
    raw: bytes | None = None
    hang: bool = False
    """True: no answer comes until the test is over."""


class Outside(ThreadingHTTPServer):
    """Answers with ``replies`` in turn (the last one again and again), or as ``answer`` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[Asked] = []
        self.replies = [Reply()]
        self.answer: Callable[[Asked], Reply] = self._next
        self.over = threading.Event()

    def _next(self, _asked: Asked) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Methods and paths in the order in which they came."""
        return [(one.method, one.path) for one in self.asked]


class _Handler(BaseHTTPRequestHandler):
    server: Outside

    def _any(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(int(headers.get("content-length", 0))))
        self.server.asked.append(asked)
        reply = self.server.answer(asked)
        if reply.hang:
            self.server.over.wait()
        if reply.raw is not None or reply.hang:
            self.wfile.write(reply.raw or b"")
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in (reply.headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any  # noqa: N815 - the base class looks for these names

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening(kind: Callable[[], Outside] = Outside) -> Iterator[Outside]:
    with kind() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def closed_port() -> int:
    """A port on which nobody listens."""
    with Outside() as server:
        return server.server_port


def prove(
    probe: str,
    options: Mapping[str, Any],
    *,
    tick: int = 1,
    release: ReleaseRecord | None = RELEASE,
    secrets: Mapping[str, str] | None = None,
    item: str = "smoke",
) -> Finding:
    """Run one probe as the worker does; ``secrets`` are secret variables, to be named in options as ``${NAME}``."""
    values = {name: Value(value=text, origin="file", secret=True) for name, text in (secrets or {}).items()}
    runner = Runner(Variables(values=values), record=lambda: release, tick=lambda _item: tick)
    spec = ProbeSpec(probe=probe, options=options)
    one = Item(id=item, title="x", section="s", line=1, order=1, probes=(spec,))
    (finding,) = asyncio.run(runner.prove(one))
    return finding


def everything(finding: Finding) -> str:
    """All that is kept or shown of a look."""
    return finding.model_dump_json() + finding.material.decode() + repr(finding)


@cache
def _codes() -> dict[str, str]:
    letters = itertools.product(string.ascii_uppercase, repeat=4)
    return {hashlib.sha256(word.encode()).hexdigest(): word for word in map("".join, letters)}


def code_of(verdict: Verdict) -> str:
    """The four letters whose digest the verdict has."""
    return _codes()[verdict.answer]


def cases(family: str) -> list[Any]:
    """Recorded observations with what must be said of them."""
    import pytest

    files = sorted((CASES / family).glob("*.json"))
    assert files
    return [pytest.param(json.loads(file.read_text(encoding="utf-8")), id=file.stem) for file in files]


def judged(family: str, case: Mapping[str, Any]) -> Verdict:
    """The verdict on a recorded observation."""
    probe = plugins.load(plugins.PROBES, family)
    options = probe.options_model.model_validate(case["options"])
    verdict: Verdict = probe(options).judge(probe.observation_model.model_validate(case["seen"]))
    return verdict

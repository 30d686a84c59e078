"""Asking gates in a laboratory: verdicts to ask about, and everything that can go wrong on the way."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.lab import ELSEWHERE, URL, Lab
from ultra_checklist import disk
from ultra_checklist.answer import GateAnswer
from ultra_checklist.bench import Bench
from ultra_checklist.gate import Gatekeeper
from ultra_checklist.model import Gate
from ultra_checklist.notion.client import Notion

KEY = "try/production/v1.0.0"
Act = Callable[[httpx.Request], httpx.Response | None]


class Wire(httpx.AsyncBaseTransport):
    """The local Notion behind a wire that a test may spoil, from the ``after``-th request on.

    ``act`` returns an answer of its own, raises, or returns None: then the request is carried out, and
    ``also`` may act on the world before the answer arrives.
    """

    def __init__(self, lab: Lab, act: Act, *, after: int = 0) -> None:
        self._real = httpx.ASGITransport(app=lab.app)
        self._act, self._after = act, after
        self.count = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        answer = self._act(request) if self.count > self._after else None
        return answer if answer is not None else await self._real.handle_async_request(request)


class _Clock:
    """Time that passes only while somebody waits for it."""

    def __init__(self) -> None:
        self.moment = 1000.0

    async def sleep(self, seconds: float) -> None:
        self.moment += seconds

    def __call__(self) -> float:
        return self.moment


def ask(
    lab: Lab,
    act: Act = lambda _request: None,
    *,
    after: int = 0,
    gate: Gate | None = None,
    wait: float = 0.0,
    seconds: float | None = None,
    label: str = "",
) -> GateAnswer:
    """Ask the gate of the laboratory's release, over a wire that may be spoiled."""
    wanted = gate or lab.release().manifest.template.gates[0]

    async def work(_: Notion) -> GateAnswer:
        wire, clock = Wire(lab, act, after=after), _Clock()
        async with Notion(
            "ntn_local_test", URL, transport=wire, sleep=clock.sleep, steady=clock, index_lag=0.0
        ) as notion:
            bench = Bench(notion, lab.workspace, lab.machine, label, clock=lambda: lab.now)
            return await Gatekeeper(bench, lab.home, KEY, wait=wait, seconds=seconds).ask(wanted)

    return lab.run(work)


def status(number: int, code: str, **body: Any) -> Act:
    """Notion answers with this error."""
    said = {"object": "error", "status": number, "code": code, "message": "no"} | body
    return lambda _request: httpx.Response(number, json=said)


def raising(error: type[httpx.TransportError]) -> Act:
    """The request ends like this."""

    def act(request: httpx.Request) -> httpx.Response | None:
        raise error("trouble on purpose", request=request)

    return act


def text(code: int, body: str) -> Act:
    """Somebody else answers in Notion's place."""
    return lambda _request: httpx.Response(code, text=body)


def cut_short(request: httpx.Request) -> httpx.Response | None:
    """Notion says that its answer to a query is incomplete."""
    if not request.url.path.endswith("/query"):
        return None
    cut = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    return httpx.Response(
        200, json={"object": "list", "results": [], "has_more": False, "next_cursor": None, "request_status": cut}
    )


@dataclass
class Trouble:
    """One way to go wrong: what the wire does, what happens to the state folder, how much later it is."""

    code: int | None
    """The exit code that must come; None: the one that comes without trouble."""
    act: Act = lambda _request: None
    after: int = 0
    minutes: float = 0.0
    upset: Callable[[Lab], AbstractContextManager[None]] = field(default=lambda _lab: nullcontext())


class _Broken(disk.System):
    """A disk on which nothing more can be written."""

    def __init__(self, number: int, *, only: str = "") -> None:
        self._number, self._only = number, only

    def open(self, path: Path, flags: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and self._only in str(path):
            raise OSError(self._number, os.strerror(self._number))
        return super().open(path, flags)


@contextmanager
def broken_disk(number: int, only: str = "") -> Iterator[None]:
    """Every write below a folder of that name fails."""
    before, disk.system = disk.system, _Broken(number, only=only)
    try:
        yield
    finally:
        disk.system = before


def rewriting(name: str, change: Callable[[bytes], bytes | None]) -> Callable[[Lab], AbstractContextManager[None]]:
    """A file of the release is changed; None removes it."""

    @contextmanager
    def upset(lab: Lab) -> Iterator[None]:
        path = lab.home / "releases" / KEY / name
        now = change(path.read_bytes())
        path.unlink() if now is None else path.write_bytes(now)
        yield

    return upset


@contextmanager
def held(lab: Lab) -> Iterator[None]:
    """Another process has the worker's lock, and does not let go."""
    with disk.locked(lab.home / "worker.lock"):
        yield


@contextmanager
def elsewhere(lab: Lab) -> Iterator[None]:
    """The state folder was carried to another machine."""
    before, lab.machine = lab.machine, ELSEWHERE
    yield
    lab.machine = before


def _without_last(raw: bytes) -> bytes:
    return b"".join(raw.splitlines(keepends=True)[:-1])


def _flipped(raw: bytes) -> bytes:
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 0x80]) + raw[middle + 1 :]


_DOWN = {
    "refused connection": raising(httpx.ConnectError),
    "dropped": raising(httpx.RemoteProtocolError),
    "reset": raising(httpx.ReadError),
    "time-out": raising(httpx.ReadTimeout),
    "connect time-out": raising(httpx.ConnectTimeout),
    "500": status(500, code="internal_server_error"),
    "502 of a gateway": text(502, "<html>Bad Gateway</html>"),
    "503": status(503, code="service_unavailable"),
    "504": status(504, code="gateway_timeout"),
    "409": status(409, code="conflict_error"),
    "429": status(429, code="rate_limited"),
    "529": status(529, code="service_overload"),
    "no JSON": text(200, "welcome to the hotel's network"),
    "half an answer": text(200, '{"object": "list", "results": [{"id'),
    "cut short": cut_short,
}
"""Notion does not answer, for now."""
_REFUSED = {
    "401": status(401, code="unauthorized"),
    "403": status(403, code="restricted_resource"),
    "404": status(404, code="object_not_found"),
    "400": status(400, code="validation_error"),
    "blocked": status(
        429, code="rate_limited", additional_data={"rate_limit_reason": "public_api_request_blocked"}
    ),
}
"""Notion refuses for good: it is there, and what it holds cannot be read."""


def troubles() -> dict[str, Trouble]:
    """All of them."""
    found = {"nothing": Trouble(None)}
    found |= {f"{name}, words young": Trouble(None, act) for name, act in _DOWN.items()}
    found |= {f"{name}, words old": Trouble(3, act, minutes=16) for name, act in _DOWN.items()}
    found |= {name: Trouble(3, act) for name, act in _REFUSED.items()}
    down = _DOWN["refused connection"]
    return found | {
        "lock held": Trouble(3, upset=held),
        "disk full": Trouble(3, upset=lambda _lab: broken_disk(errno.ENOSPC)),
        "state folder read-only": Trouble(3, upset=lambda _lab: broken_disk(errno.EROFS)),
        "journal damaged": Trouble(3, upset=rewriting("journal.jsonl", _flipped)),
        "journal truncated": Trouble(3, upset=rewriting("journal.jsonl", _without_last)),
        "journal emptied": Trouble(3, upset=rewriting("journal.jsonl", lambda _raw: b"")),
        "journal missing": Trouble(3, upset=rewriting("journal.jsonl", lambda _raw: None)),
        "manifest missing": Trouble(3, upset=rewriting("manifest.json", lambda _raw: None)),
        "manifest damaged": Trouble(3, upset=rewriting("manifest.json", lambda raw: raw[:-40])),
        "mirror missing": Trouble(None, upset=rewriting("mirror.json", lambda _raw: None)),
        "mirror missing and Notion down": Trouble(3, down, upset=rewriting("mirror.json", lambda _raw: None)),
        "mirror damaged and Notion down": Trouble(3, down, upset=rewriting("mirror.json", lambda raw: raw[:-9])),
        "clock back": Trouble(None, minutes=-60),
        "clock back and Notion down": Trouble(3, down, minutes=-60),
        "wrong machine": Trouble(3, upset=elsewhere),
    }


@contextmanager
def kept(lab: Lab) -> Iterator[None]:
    """What happens to the state folder and to the clock is undone afterwards."""
    copy, now = lab.home.with_name("kept"), lab.now
    shutil.copytree(lab.home, copy)
    try:
        yield
    finally:
        lab.now = now
        shutil.rmtree(lab.home)
        copy.rename(lab.home)


def meet(lab: Lab, trouble: Trouble, **more: Any) -> GateAnswer:
    """Ask while something goes wrong."""
    gate = lab.release().manifest.template.gates[0]
    lab.now += timedelta(minutes=trouble.minutes)
    with trouble.upset(lab):
        return ask(lab, trouble.act, after=trouble.after, gate=gate, **more)

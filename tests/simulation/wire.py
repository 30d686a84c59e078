"""The network between a host and the model: latency, every fault, people who act in between, and a record of it."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from tests.simulation.model import Model, Refused, encoded
from tests.simulation.virtual import Killed, Process, current

FAULTS = (
    "429", "429-long", "529", "409", "500", "500-done", "502-html", "502-html-done", "503", "503-saved", "504",
    "504-done", "dropped", "dropped-done", "truncated", "refused-connection", "timeout", "timeout-done", "slow",
)  # fmt: skip
"""What may happen to a request; those that end in "done", "saved" or "truncated" are carried out all the same."""
DONE_BUT_LOST = tuple(name for name in FAULTS if name.endswith(("-done", "-saved")) or name == "truncated")
"""Those that carry a request out and lose its answer."""
_DONE = {"slow", *DONE_BUT_LOST}


@dataclass
class Exchange:
    """A request and its answer, as a bystander saw them."""

    number: int
    by: Process
    sent: float
    method: str
    path: str
    body: Any
    status: int = 0
    answered: float | None = None
    """When the process had the answer; None: never."""
    retry_after: float | None = None
    answer: Any = None
    carried_out: bool = False
    fault: str = ""


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """A transport to the model. ``rates`` gives each fault's probability."""

    model: Model
    rng: random.Random
    rates: dict[str, float] = field(default_factory=dict)
    writes_only: bool = False
    log: list[Exchange] = field(default_factory=list)
    listeners: list[Callable[[Exchange, str], None]] = field(default_factory=list)
    """Called when a request is sent, was carried out, was answered, has failed."""
    pending: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    """What people do just before the n-th request from now on is carried out."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        process = current.get()
        body = json.loads(request.content) if "json" in request.headers.get("content-type", "") else None
        path = request.url.path.removeprefix("/v1")
        process.step(f"before {request.method} {path}")
        seen = Exchange(len(self.log), process, process.host.loop.time(), request.method, path, body)
        self.log.append(seen)
        self._tell(seen, "sent")
        seen.fault = self._fault(request.method, path)
        await asyncio.sleep(self.rng.uniform(0.05, 0.25))
        self._people_act()
        if process.dead and self.rng.random() < 0.5:
            raise Killed
        try:
            response = await self._answer(request, seen)
        except httpx.HTTPError:
            self._tell(seen, "failed")
            raise
        if process.dead:
            raise Killed
        process.step(f"after {request.method} {path}")
        seen.answered = process.host.loop.time()
        self._tell(seen, "answered")
        if seen.status != 200 or seen.fault == "truncated":
            self._tell(seen, "failed")
        return response

    def _tell(self, seen: Exchange, phase: str) -> None:
        for listener in self.listeners:
            listener(seen, phase)

    def _people_act(self) -> None:
        self.pending = [(count - 1, act) for count, act in self.pending]
        for count, act in self.pending:
            if count <= 0:
                act()
        self.pending = [(count, act) for count, act in self.pending if count > 0]

    def _fault(self, method: str, path: str) -> str:
        draw = self.rng.random()
        for name, probability in self.rates.items():
            if self.writes_only and (method == "GET" or path.endswith("/query")):
                return ""
            if draw < probability:
                return name
            draw -= probability
        return ""

    async def _answer(self, request: httpx.Request, seen: Exchange) -> httpx.Response:
        fault = seen.fault
        if fault == "refused-connection":
            raise httpx.ConnectError("refused", request=request)
        if not fault or fault in _DONE:
            self._carry_out(seen)
        if fault.startswith("timeout"):
            await self._pause(60.0)
            raise httpx.ReadTimeout("timed out", request=request)
        if fault.startswith("dropped"):
            raise httpx.RemoteProtocolError("dropped", request=request)
        await self._pause(20.0 if fault == "slow" else self.rng.uniform(0.02, 0.1))
        return self._response(request, seen)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _carry_out(self, seen: Exchange) -> None:
        try:
            seen.answer = self.model.handle(seen.method, seen.path, seen.body)
            seen.status, seen.carried_out = 200, True
        except Refused as refused:
            seen.status = refused.status
            seen.answer = {
                "object": "error",
                "status": refused.status,
                "code": refused.code,
                "message": refused.message,
            }
        self._tell(seen, "carried out")

    def _response(self, request: httpx.Request, seen: Exchange) -> httpx.Response:
        headers = {"date": _http_date(self.model.now()), "content-type": "application/json"}
        fault = seen.fault
        if not fault or fault == "slow" or (fault in _DONE and not seen.carried_out):
            return httpx.Response(seen.status, content=encoded(seen.answer), headers=headers, request=request)
        if fault == "truncated":
            return httpx.Response(seen.status, content=encoded(seen.answer)[:-20], headers=headers, request=request)
        seen.status = int(fault[:3])
        error: dict[str, Any] = {
            "object": "error",
            "status": seen.status,
            "code": _CODES[fault[:3]],
            "message": fault,
        }
        if fault.startswith(("429", "529")):
            seen.retry_after = float(self.rng.choice((90, 150, 300) if fault == "429-long" else (1, 2, 7, 30)))
            headers["retry-after"] = f"{seen.retry_after:.0f}"
            error["additional_data"] = {"rate_limit_reason": "public_api_space_request_rate_limit"}
        if fault == "503-saved" and seen.method == "POST" and seen.path == "/pages":
            error["additional_data"] = {"committed_resource_id": seen.answer["id"]}
        if fault.startswith("502"):
            page = b"<html><h1>502 Bad Gateway</h1></html>"
            return httpx.Response(502, content=page, headers={"content-type": "text/html"}, request=request)
        return httpx.Response(seen.status, content=json.dumps(error).encode(), headers=headers, request=request)


_CODES = {
    "429": "rate_limited", "529": "service_overload", "409": "conflict_error", "500": "internal_server_error",
    "502": "bad_gateway", "503": "service_unavailable", "504": "gateway_timeout",
}  # fmt: skip


def _http_date(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")

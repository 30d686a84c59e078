"""Misbehaving on demand: latency, rate limits and faults around the calls of the API."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ultra_checklist.server import faults, rate
from ultra_checklist.server.errors import ApiError

Json = dict[str, Any]
T = TypeVar("T")
U = TypeVar("U")

LIMITED: Final = "You have been rate limited. Please try again in a few minutes."
_SAVED: Final = (
    "The change was saved, but the response could not be built in time. "
    "Read the object again instead of repeating the write."
)
_ERRORS: Final = {
    "service_overload": (529, "service_overload", "Notion is overloaded, please try again later."),
    "conflict": (409, "conflict_error", "Conflict occurred while saving. Please try again."),
    "internal_server_error": (500, "internal_server_error", "Unexpected error occurred."),
    "service_unavailable": (503, "service_unavailable", "Notion is unavailable, please try again later."),
    "database_connection_unavailable": (
        503,
        "database_connection_unavailable",
        "Notion is unavailable, please try again later.",
    ),
    "gateway_timeout": (504, "gateway_timeout", "Gateway Timeout"),
}
_GATEWAY: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    "<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
_DEADLINE: Final = 60_000
_CHUNKS: Final = 20


@dataclass(slots=True)
class Connections:
    """The open connections of a server by their clients' addresses, to be cut off."""

    transports: dict[Any, asyncio.Transport] = field(default_factory=dict)

    def of(self, scope: Scope) -> asyncio.Transport:
        """The connection of a request. Raises ConnectionAbortedError where there is none, as in-process."""
        transport = self.transports.get(tuple(scope.get("client") or ()))
        if transport is None:
            raise ConnectionAbortedError("the connection was dropped on demand")
        return transport


def latency(text: str) -> tuple[int, int]:
    """The least and the most delay that ``MS`` or ``MIN-MAX`` names. Raises ValueError for anything else."""
    least, _, most = text.partition("-")
    numbers = [part for part in (least, most or least) if part.isascii() and part.isdecimal() and len(part) < 7]
    if len(numbers) != 2 or int(numbers[0]) > int(numbers[1]):
        raise ValueError(f"{text!r} is no delay; write milliseconds: 150, or 50-400")
    return int(numbers[0]), int(numbers[1])


@dataclass(slots=True)
class Misbehaviour:
    """What a server does wrong on purpose; by default nothing.

    ``latency`` is the least and the most delay of an answer, in milliseconds; ``clock`` counts seconds.
    """

    latency: tuple[int, int] = (0, 0)
    limit: rate.Limit | None = None
    script: faults.Script = field(default_factory=faults.Script)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    connections: Connections = field(default_factory=Connections)
    _chance: faults.Chance = field(init=False)
    _requests: int = 0

    def __post_init__(self) -> None:
        self._chance = faults.Chance(self.script)

    async def before(self, request: Request, actor: str, writes: bool) -> faults.Rule | None:
        """Delay a request whose sender is known, and choose its fault. Raises ApiError for the rate limit."""
        if actor == "integration":
            await self._delay()
            wait = self.limit.ask(request.headers["authorization"], self.clock()) if self.limit else 0
            if wait:
                request.state.fault = "rate_limited"
                raise limited(wait, "public_api_request_rate_limit")
        rule = self._chance.decide(request.method, request.url.path, actor, writes)
        if rule is not None:
            request.state.fault = rule.fault
        return rule

    async def _delay(self) -> None:
        self._requests += 1
        least, most = self.latency
        if most:
            share = faults.draw(self.script.seed, "latency", self._requests)
            await self.sleep((least + (most - least) * share) / 1000)

    def shuffled(self) -> str | None:
        """What the order of a query without sorts hangs on; None if rows keep their order."""
        return f"{self.script.seed}:{self._requests}" if self.script.shuffle else None

    def answer(self, rule: faults.Rule, made: Json | None) -> Response:
        """The answer that a request gets instead of its own; ``made`` is what it would have been.

        Raises ApiError for faults that are errors of Notion's usual shape.
        """
        if rule.fault == "rate_limited":
            raise limited(1 if rule.retry_after is None else rule.retry_after, rule.reason)
        if rule.fault == "bad_gateway":
            return HTMLResponse(_GATEWAY, 502)
        if rule.fault == "change_was_saved":
            raise ApiError(503, "service_unavailable", _SAVED, _committed(made or {}))
        if rule.fault in _ERRORS:
            status, code, message = _ERRORS[rule.fault]
            raise ApiError(status, code, message, retry_after=rule.retry_after)
        text = json.dumps({**(made or {}), "request_id": str(uuid.uuid4())}).encode()
        if rule.fault == "truncated_json":
            return Response(text[: len(text) // 2], media_type="application/json")
        if rule.fault == "slow_body":
            return self._slow(text, rule.over_ms or 1000)
        return _Cut(self.connections, text if rule.fault == "truncated_length" else b"")

    def _slow(self, text: bytes, over_ms: int) -> Response:
        size = max(1, -(-len(text) // _CHUNKS))
        pieces = [text[start : start + size] for start in range(0, len(text), size)]

        async def dribble() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece
                await self.sleep(over_ms / len(pieces) / 1000)

        headers = {"content-length": str(len(text))}
        return StreamingResponse(dribble(), headers=headers, media_type="application/json")


def limited(wait: int, reason: str | None) -> ApiError:
    """429 with the seconds to wait and the reason, by default that of a single connection."""
    data = {
        "rate_limit_reason": reason or "public_api_request_rate_limit",
        "retry_after": str(wait),
    }
    return ApiError(429, "rate_limited", LIMITED, data, retry_after=wait)


def _committed(made: Json) -> Json:
    data: Json = {
        "from": "public_api",
        "elapsed_ms": _DEADLINE + 1,
        "deadline_ms": _DEADLINE,
        "retry_guidance": ["Read the object again.", "Do not repeat the write."],
    }
    if "id" in made:
        data["committed_resource_id"] = made["id"]
    if made.get("object") == "list":
        data["committed_child_ids"] = [one["id"] for one in made["results"]]
    return data


class _Cut(Response):
    """Closes the connection without an answer, or in the midst of one that has been announced as whole."""

    def __init__(self, connections: Connections, announced: bytes) -> None:
        super().__init__()
        self._connections = connections
        self._announced = announced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = self._connections.of(scope)
        if self._announced:
            size = str(len(self._announced)).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", size)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            half = self._announced[: len(self._announced) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            transport.close()
        else:
            transport.abort()
        # Until the server has noticed; it would answer for us otherwise.
        while (await receive())["type"] != "http.disconnect":
            pass


def failure(error: ApiError) -> JSONResponse:
    """An error as an answer, with how long to wait where it says so."""
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return JSONResponse(error.body(), error.status, headers)


def of(delay: str | None, model: str | None, script: Path | None) -> Misbehaviour:
    """What ``--latency``, ``--rate`` and ``--faults`` ask for.

    Raises ValueError, which names the option, for anything that cannot be understood.
    """
    return Misbehaviour(
        latency=_asked("--latency", latency, delay) or (0, 0),
        limit=_asked("--rate", rate.parse, model),
        script=_asked("--faults", faults.read, script) or faults.Script(),
    )


def _asked(option: str, parse: Callable[[T], U], given: T | None) -> U | None:
    try:
        return None if given is None else parse(given)
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None

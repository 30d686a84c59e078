"""The local Notion as a server on loopback."""

import asyncio
import contextlib
import pathlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ultra_checklist.server.app import create_app
from ultra_checklist.server.misbehaviour import Connections, Misbehaviour
from ultra_checklist.server.plan import Workspace

HOST = "127.0.0.1"
_BACKLOG = 2048
# Time that open requests get at the end, in seconds.
_GRACE = 5


def _print(url: str) -> None:
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()


def serve(
    db: pathlib.Path,
    port: int,
    *,
    request_log: pathlib.Path | None = None,
    workspace: Workspace | None = None,
    misbehaviour: Misbehaviour | None = None,
    webhook: str | None = None,
    ready: Callable[[str], None] = _print,
) -> None:
    """Serve ``db`` on 127.0.0.1 until SIGTERM or SIGINT; port 0 takes a free one.

    ``ready`` is called with the server's address once it accepts connections; by default the one line
    ``ready http://127.0.0.1:PORT`` goes to standard output. Raises ``OSError`` if the port is taken or the
    request log cannot be written, and what ``create_app`` raises if the file cannot be used.
    """
    with _made(db, port, request_log, workspace, misbehaviour, webhook) as (server, listener, url):
        server.ready = lambda: ready(url)
        server.run(sockets=[listener])


@contextlib.contextmanager
def running(
    db: pathlib.Path,
    port: int = 0,
    *,
    request_log: pathlib.Path | None = None,
    workspace: Workspace | None = None,
    misbehaviour: Misbehaviour | None = None,
    webhook: str | None = None,
) -> Iterator[str]:
    """The same beside the program, in a thread of its own, until the block ends; gives the address.

    Raises as ``serve`` does, and ``RuntimeError`` if the server cannot begin.
    """
    with _made(db, port, request_log, workspace, misbehaviour, webhook) as (server, listener, url):
        begun = threading.Event()
        server.ready = begun.set

        def run() -> None:
            try:
                server.run(sockets=[listener])
            finally:
                begun.set()

        thread = threading.Thread(target=run, name="local-notion", daemon=True)
        thread.start()
        begun.wait()
        if not server.started:
            raise RuntimeError("the local Notion could not begin; its log says why")
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def _made(
    db: pathlib.Path,
    port: int,
    request_log: pathlib.Path | None,
    workspace: Workspace | None,
    misbehaviour: Misbehaviour | None,
    webhook: str | None,
) -> Iterator[tuple["_Server", socket.socket, str]]:
    with contextlib.closing(_bound(port)) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        misbehaviour = misbehaviour or Misbehaviour()
        app = create_app(
            db,
            base_url=url,
            request_log=request_log,
            workspace=workspace,
            misbehaviour=misbehaviour,
            webhook=webhook,
        )
        config = uvicorn.Config(
            app,
            http=_protocol(misbehaviour.connections),
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        try:
            yield _Server(config), listener, url
        finally:
            app.state.store.close()


def _protocol(connections: Connections) -> type[H11Protocol]:
    """Uvicorn's protocol, which also keeps the open connections where they can be cut off."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
            super().connection_made(transport)
            self._peer = tuple(transport.get_extra_info("peername"))
            connections.transports[self._peer] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            connections.transports.pop(self._peer, None)
            super().connection_lost(exc)

    return Protocol


def _bound(port: int) -> socket.socket:
    # Only where the protocol is named does asyncio turn off Nagle's algorithm, which would hold back the
    # second half of each answer for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """Says when it is ready, and treats a signal as a wish to end, not as a failure."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn's own raises the signal again at the end, which would make the exit code non-zero.
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(_number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

"""The local Notion as an ASGI application, for a server or for a transport in the same process."""

import asyncio
import contextlib
import pathlib
import weakref
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from ultra_checklist.server import webhooks
from ultra_checklist.server.api import Api
from ultra_checklist.server.guard import Guard
from ultra_checklist.server.misbehaviour import Misbehaviour
from ultra_checklist.server.plan import Workspace
from ultra_checklist.server.site import Site
from ultra_checklist.server.store import Store

METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"]


def create_app(
    db_path: str | pathlib.Path,
    *,
    base_url: str = "http://127.0.0.1:8642",
    request_log: pathlib.Path | None = None,
    workspace: Workspace | None = None,
    misbehaviour: Misbehaviour | None = None,
    webhook: str | None = None,
) -> Starlette:
    """The application on the database file ``db_path``, which is made if it is not there.

    ``base_url`` is what links in answers begin with, ``workspace`` what its plan and the integration's
    capabilities allow, ``misbehaviour`` what it does wrong on purpose, ``webhook`` an address on this machine
    that is told of what its calls change, for as long as it is served. Several applications, in several
    processes, may share one file. The file is closed at the server's end, by ``app.state.store.close()``, or
    with the application.
    Raises ``sqlite3.Error`` if the file cannot be used, ``ValueError`` if it is of another format or the webhook's
    address is elsewhere, and ``OSError`` if the request log cannot be written.
    """
    if request_log is not None:
        request_log.touch(mode=0o600)
    if webhook is not None:
        webhooks.checked(webhook)
    store = Store(pathlib.Path(db_path))
    outbox = webhooks.Outbox(webhook, store.secret) if webhook is not None else None

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        sending = asyncio.create_task(outbox.run()) if outbox is not None else None
        yield
        if sending is not None:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
        store.close()

    api = Api(store, base_url, workspace or Workspace(), misbehaviour, outbox)
    app = Starlette(
        routes=[
            Route("/v1", api.__call__, methods=METHODS),
            Route("/v1/{path:path}", api.__call__, methods=METHODS),
            *Site(store).routes(),
        ],
        middleware=[Middleware(Guard, request_log=request_log)],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.store = store
    weakref.finalize(app, store.close)
    return app

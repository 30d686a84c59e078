"""The local Notion as an ASGI application, for a server or for a transport in the same process."""

import contextlib
import pathlib
import weakref
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

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
) -> Starlette:
    """The application on the database file ``db_path``, which is made if it is not there.

    ``base_url`` is what links in answers begin with, ``workspace`` what its plan and the integration's
    capabilities allow, ``misbehaviour`` what it does wrong on purpose. Several applications, in several
    processes, may share one file. The file is closed at the server's end, by ``app.state.store.close()``, or
    with the application.
    Raises ``sqlite3.Error`` if the file cannot be used, ``ValueError`` if it is of another format, and
    ``OSError`` if the request log cannot be written.
    """
    if request_log is not None:
        request_log.touch(mode=0o600)
    store = Store(pathlib.Path(db_path))

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    api = Api(store, base_url, workspace or Workspace(), misbehaviour)
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

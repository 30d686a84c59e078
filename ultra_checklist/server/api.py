"""The API's door: from an HTTP request to one transaction and back to JSON.

The checks come in Notion's order: URL, JSON, token, version, body.
"""

import dataclasses
import json
import logging
import sqlite3
import uuid
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ultra_checklist.server import data_sources, events, faults, nodes, plan, routes, times, users
from ultra_checklist.server.calls import VERSIONS, Call, Part, with_archived
from ultra_checklist.server.errors import MISSING, ApiError, invalid, show
from ultra_checklist.server.misbehaviour import Misbehaviour, failure
from ultra_checklist.server.store import Store
from ultra_checklist.server.webhooks import Outbox

LARGEST_BODY: Final = 500 * 1024
LARGEST_FORM: Final = 21 * 1024 * 1024
_SOMEBODY: Final = "Somebody"
log = logging.getLogger(__name__)


class Api:
    """Answers everything below ``/v1/``; ``base_url`` is the address links of answers begin with."""

    def __init__(
        self,
        store: Store,
        base_url: str,
        workspace: plan.Workspace,
        misbehaviour: Misbehaviour | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self._store = store
        self._base_url = base_url.rstrip("/")
        self._workspace = workspace
        self._misbehaviour = misbehaviour or Misbehaviour()
        self._outbox = outbox
        if outbox is not None:
            events.watch(store.connection)
        self._lag = self._misbehaviour.script.lag_ms
        if self._lag.query or self._lag.search:
            store.keep_past()

    async def __call__(self, request: Request) -> Response:
        """Answer one request; an unforeseen error becomes Notion's 500 and a line on the log."""
        try:
            return await self._answer(request)
        except ApiError as error:
            request.state.retry_after = error.retry_after
            return failure(error)
        except ClientDisconnect:
            return Response(status_code=499)
        except sqlite3.OperationalError as error:
            log.warning("database not available: %s", error)
            return failure(ApiError(503, "service_unavailable", "Notion is unavailable, please try again later."))
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return failure(ApiError(500, "internal_server_error", "Unexpected error occurred."))

    async def _answer(self, request: Request) -> Response:
        route, values = routes.match(request.method, request.path_params.get("path", ""))
        form = await _form(request) if route.multipart else {}
        body = None if route.multipart else await _json(request)
        request.state.body = body
        body = {} if body is None else body
        user = users.of_token(request.headers.get("authorization"))
        request.state.actor = user.label
        version = _version(request)
        actor = "person" if user.kind == "person" else "integration"
        rule = await self._misbehaviour.before(request, actor, route.writes)
        if not isinstance(body, dict):
            raise invalid(f"body failed validation: body should be an object, instead was {show(body)}.")
        self._remember(user)
        call = Call(
            connection=self._store.connection,
            secret=self._store.secret,
            base_url=self._base_url,
            actor=user,
            version=version,
            moment=times.now(),
            path=values,
            query=parse_qs(request.url.query, keep_blank_values=True),
            body=body,
            form=form,
            workspace=self._workspace,
            shuffle=self._misbehaviour.shuffled(),
        )
        if rule is not None and rule.fault == "schema_changed":
            self._change_schema(call, rule)
            rule = None
        made = self._made(route, call) if rule is None or rule.runs else None
        if made is not None and route.writes:
            request.state.carried_out, request.state.id = True, made.get("id")
            request.state.columns = call.columns or None
        if rule is not None:
            return self._misbehaviour.answer(rule, made)
        later = made is not None and made.get("object") == "async_task" and made.get("status") == "queued"
        return JSONResponse({**(made or {}), "request_id": str(uuid.uuid4())}, status_code=202 if later else 200)

    def _made(self, route: routes.Route, call: Call) -> dict[str, Any]:
        lag = getattr(self._lag, route.lags) if route.lags else 0
        within = self._store.past(call.moment - lag) if lag else self._store.transaction(write=route.writes)
        with within:
            if route.needs and not call.may(route.needs):
                raise ApiError(403, "restricted_resource", "API token does not have access to this resource.")
            answer = route.handler(call)
            _within_limit(call, route)
            if self._outbox is not None and route.writes:
                self._outbox.collect(call.connection, call.actor.id, call.actor.kind)
        return dict(with_archived(answer)) if call.legacy else answer

    def _change_schema(self, call: Call, rule: faults.Rule) -> None:
        # As a person would, in the midst of what the client is doing.
        person = users.of_token(f"Bearer ntn_person_{_SOMEBODY}")
        self._remember(person)
        with self._store.transaction(write=True) as connection:
            for source in nodes.of_kind(connection, "data_source"):
                if rule.data_source in (source.id, source.title):
                    path, body = {"data_source_id": source.id}, {"properties": rule.properties}
                    try:
                        data_sources.update(dataclasses.replace(call, actor=person, path=path, body=body))
                    except ApiError as error:
                        log.warning("schema_changed: %s", error)
                    return
        log.warning("schema_changed: there is no data source %r", rule.data_source)

    def _remember(self, user: users.User) -> None:
        with self._store.transaction(write=False) as connection:
            if users.known(connection, user):
                return
        with self._store.transaction(write=True) as connection:
            users.remember(connection, user)


def _within_limit(call: Call, route: routes.Route) -> None:
    # After the fact: the error takes back what the call has made.
    most = call.workspace.block_limit
    if most is not None and route.needs == plan.INSERT and nodes.body_count(call.connection) > most:
        raise ApiError(
            403,
            "restricted_resource",
            f"This workspace has reached its limit of {most} blocks. Delete some or upgrade the workspace's plan.",
        )


def _version(request: Request) -> str:
    version = request.headers.get("notion-version")
    if version in VERSIONS:
        return version
    choices = " or ".join(f'`"{known}"`' for known in VERSIONS)
    expectation = "should be defined" if version is None else f"should be {choices}"
    raise ApiError(
        400,
        "missing_version" if version is None else "validation_error",
        "Notion-Version header failed validation: Notion-Version header "
        f"{expectation}, instead was {show(MISSING if version is None else version)}.",
    )


async def _body(request: Request, most: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise ApiError(413, "validation_error", f"Request body is larger than {most} bytes.")
    return bytes(content)


async def _json(request: Request) -> Any:
    content = await _body(request, LARGEST_BODY)
    if not content.strip():
        return None
    try:
        body = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
        if b"\\u" in content:
            # Half a surrogate pair is no text: it could be neither stored nor answered.
            json.dumps(body, ensure_ascii=False).encode()
        return body
    except (ValueError, RecursionError):
        raise ApiError(400, "invalid_json", "Error parsing JSON body.") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


async def _form(request: Request) -> dict[str, Part | str]:
    if int(request.headers.get("content-length") or 0) > LARGEST_FORM:
        raise ApiError(413, "validation_error", f"Request body is larger than {LARGEST_FORM} bytes.")
    form: dict[str, Part | str] = {}
    try:
        async with request.form(max_files=1, max_fields=10) as given:
            for name, value in given.multi_items():
                if isinstance(value, UploadFile):
                    form[name] = Part(value.filename or "", value.content_type or "", await value.read())
                else:
                    form[name] = value
    except HTTPException as error:
        raise invalid(f"body failed validation: {error.detail}") from None
    return form

"""Asks machines through a queue, for many of them: each label is a queue, each agent a Celery worker.

Needs the extra ``ultra-checklist[celery]``. The messages are sealed, so that whoever can write to the broker can
ask nothing and answer nothing; what they say of an item goes through the broker in the clear.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Final, TypeVar

from ultra_checklist.errors import ProbeCannotTell, SettingsError
from ultra_checklist.hosts.carriers import Collected
from ultra_checklist.hosts.tasks import Answers, Batch, SealBroken, opened_answers, opened_batch, seal
from ultra_checklist.model import Words

T = TypeVar("T")
Work = Callable[[Batch], Coroutine[Any, Any, Answers]]
NAME: Final = "ultra_checklist.answer"
VISIBLE_AFTER: Final = 2 * 3600
"""Seconds after which the broker gives a task that was not finished to another: more than any probe may take."""
KEPT: Final = 3600
"""Seconds for which an answer waits at the broker."""
CLAIMED: Final = 30 * 86400
"""Seconds for which it is remembered who has taken a task that sends something."""
_CONNECT: Final = 3
_ANSWER: Final = 10.0
_HEARD: Final = 1.0
"""Seconds in which agents answer that listen."""
log = logging.getLogger(__name__)


def application(broker: str) -> Any:
    """The Celery application. Raises SettingsError where the extra is not installed."""
    try:
        from celery import Celery  # type: ignore[import-untyped] # it has no types
    except ImportError as error:
        raise SettingsError(_NO_CELERY, remedy=_INSTALL) from error
    app = Celery("ultra_checklist", broker=broker, backend=broker)
    limits = {"socket_connect_timeout": _CONNECT, "socket_timeout": _ANSWER, "max_retries": 1}
    app.conf.update(
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=_CONNECT,
        broker_transport_options=limits | {"visibility_timeout": VISIBLE_AFTER},
        redis_socket_connect_timeout=_CONNECT,
        redis_socket_timeout=_ANSWER,
        result_backend_transport_options={"retry_policy": {"max_retries": 1, "timeout": _ANSWER}},
        result_expires=KEPT,
        # A task is done when it is answered, and whoever dies over it has not done it.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        # Who is busy for minutes does not keep others' tasks.
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
    )
    return app


def queue_of(label: str) -> str:
    """The queue in which tasks for a label wait."""
    return f"ultra-checklist.{label}"


class CeleryCarrier:
    """The side where releases are at home."""

    patience = 3.0

    def __init__(self, broker: str, key: bytes) -> None:
        self._app = application(broker)
        self._key = key

    async def send(self, message: Batch, fresh: Collection[str]) -> Collection[str]:
        """One message a task, so that a slow one holds up no other."""
        wanted = [task for task in message.tasks if task.id in fresh]
        return await _within(lambda: self._send(message, wanted))

    async def collect(self, waiting: Sequence[Batch]) -> Collected:
        """The answers that wait at the broker."""
        wanted = [task.id for batch in waiting for task in batch.tasks]
        return Collected(await _within(lambda: self._collect(wanted)), {})

    def _send(self, message: Batch, tasks: Sequence[Any]) -> list[str]:
        with self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=_ANSWER)
            for task in tasks:
                text = seal("tasks", message.only([task]), self._key)
                queue = queue_of(message.host)
                self._app.send_task(NAME, [text], queue=queue, task_id=task.id, connection=connection, retry=False)
        return [task.id for task in tasks]

    def _collect(self, ids: Sequence[str]) -> list[Answers]:
        found: list[Answers] = []
        for _, meta in self._app.backend.get_many(ids, max_iterations=1, interval=0):
            try:
                found.append(opened_answers(str(meta["result"]), self._key))
            except SealBroken:
                # An error of the agent, or somebody else's word: no answer.
                continue
        return found


async def _within(work: Callable[[], T]) -> T:
    """Do what waits for the broker, without waiting for ever."""
    try:
        async with asyncio.timeout(_ANSWER):
            return await asyncio.to_thread(work)
    except Exception as error:
        told = _NO_BROKER.filled(why=f"{type(error).__name__}: {error}".splitlines()[0])
        raise ProbeCannotTell("no-broker", told.en, told.ja, remedy=_LOOK) from error


async def listening(broker: str) -> frozenset[str]:
    """The labels for which agents listen now. Raises ProbeCannotTell where the broker does not answer."""
    app, prefix = application(broker), queue_of("")

    def ask() -> frozenset[str]:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=_ANSWER)
            told = app.control.inspect(timeout=_HEARD, connection=connection).active_queues() or {}
        names = [queue["name"] for queues in told.values() for queue in queues]
        return frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))

    return await _within(ask)


def claims(broker: str) -> Callable[[str], bool]:
    """Says of a task, once and to one alone of all who ask at this broker, that it is theirs."""
    app = application(broker)

    def claim(task: str) -> bool:
        client = getattr(app.backend, "client", None)
        return client is not None and bool(client.set(f"ultra-checklist.claim.{task}", "1", nx=True, ex=CLAIMED))

    return claim


def serve(broker: str, labels: Sequence[str], answer: Work, key: bytes, at_once: int) -> None:
    """Answer the tasks of these labels until SIGTERM or SIGINT; the task that runs is finished first."""
    app = application(broker)

    @app.task(name=NAME)  # type: ignore[untyped-decorator] # Celery has no types
    def run(text: str) -> str:
        try:
            batch = opened_batch(text, key)
        except SealBroken as error:
            log.warning("a task was refused: %s", error)
            return ""
        return seal("answers", asyncio.run(answer(batch)), key)

    app.Worker(
        # Of two with the same name only one would be heard.
        hostname=f"{'+'.join(labels)}.{os.getpid()}@{socket.gethostname()}",
        queues=[queue_of(label) for label in labels],
        concurrency=at_once,
        pool="prefork",
        optimization="fair",
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    ).start()


_NO_CELERY = Words(en="Celery is not installed", ja="Celery がインストールされていません")
_INSTALL = Words(
    en="Install it: pip install 'ultra-checklist[celery]'",
    ja="インストールしてください: pip install 'ultra-checklist[celery]'",
)
_NO_BROKER = Words(en="the broker does not answer: {why}", ja="ブローカーが応答しません: {why}")
_LOOK = Words(
    en="Look whether the broker runs, at ULTRA_CHECKLIST_BROKER",
    ja="ブローカーの動作と ULTRA_CHECKLIST_BROKER を確認してください",
)

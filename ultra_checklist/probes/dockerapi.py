"""The way to a Docker daemon: the SDK, with limits that hold.

The SDK blocks, and its time-out counts for each read alone. So it runs in a thread of its own, is not waited
for any longer than allowed, and reads its answers piece by piece, up to a deadline and a size.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from ultra_checklist.errors import ProbeCannotTell, WrongValue

if TYPE_CHECKING:
    from docker import APIClient

LOCAL = "unix:///var/run/docker.sock"
"""Where the daemon listens if nothing else is said."""
MAX_ANSWER = 8 << 20
"""Bytes of one answer; an inspection of a container has some 10 KiB."""
_PIECE = 1 << 16
T = TypeVar("T")


class TooLargeError(Exception):
    """An answer has more than MAX_ANSWER bytes."""


def checked_host(host: str) -> str:
    """A daemon's address. Raises ValueError for what is none, or none that we can go to."""
    parts = urlsplit(host)
    if parts.scheme == "unix" and parts.path.startswith("/"):
        return host
    if parts.scheme != "tcp" or not parts.hostname or not parts.port:
        raise WrongValue(
            "the daemon's address must be unix:///path/to/docker.sock or tcp://host:port",
            "デーモンのアドレスは unix:///path/to/docker.sock または tcp://host:port で指定してください",
        )
    if parts.username or parts.password or parts.path.strip("/") or parts.query:
        raise WrongValue(
            "the daemon's address must be tcp://host:port and nothing more",
            "デーモンのアドレスは tcp://host:port だけで指定してください",
        )
    return host


async def ask(host: str, seconds: float, work: Callable[["APIClient"], T]) -> T:
    """What ``work`` finds out of the daemon. Raises ProbeCannotTell where that cannot be told in time.

    A thread that is given up ends soon after by itself: every read of it ends at the deadline. It is none of
    the event loop's own, for which a program waits at its end.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(how: Callable[[Any], None], what: object) -> None:
        def unless_given_up() -> None:
            if not future.done():
                how(what)

        # The loop is closed where nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(unless_given_up)

    def thread() -> None:
        try:
            found = _blocking(host, seconds, work)
        except Exception as error:
            tell(future.set_exception, error)
        else:
            tell(future.set_result, found)

    threading.Thread(target=thread, name="docker", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            return await future
    except Exception as error:
        raise _cannot(error, host, seconds) from error


def _blocking(host: str, seconds: float, work: Callable[["APIClient"], T]) -> T:
    from docker.constants import MINIMUM_DOCKER_API_VERSION

    deadline = monotonic() + seconds
    _knock(host, seconds)
    # Which version the daemon speaks is asked without naming one. The SDK would ask by itself while it is
    # being made, when it cannot be told yet to keep off the environment's proxies.
    with _client(host, MINIMUM_DOCKER_API_VERSION, seconds, deadline) as client:
        version = str(client.version(api_version=False)["ApiVersion"])
    with _client(host, version, seconds, deadline) as client:
        return work(client)


def _knock(host: str, seconds: float) -> None:
    """Raise OSError where nobody listens: the SDK leaves the socket open that it could not connect."""
    path = urlsplit(host).path
    if path:
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(seconds)
            knocking.connect(path)


@contextlib.contextmanager
def _client(host: str, version: str, seconds: float, deadline: float) -> Iterator["APIClient"]:
    import docker

    # The SDK counts the time-out in whole seconds by its types, and gives it on as it is.
    client = docker.APIClient(base_url=host, version=version, timeout=seconds)  # type: ignore[arg-type]
    client.trust_env = False
    client.max_redirects = 0

    def limit(answer: Any, **_options: object) -> None:
        answer.raw = _Limited(answer.raw, deadline)

    client.hooks["response"].append(limit)
    with contextlib.closing(client):
        yield client


class _Limited:
    """The body of an answer, read only until a deadline and up to a size; in the place of urllib3's."""

    def __init__(self, raw: Any, deadline: float) -> None:
        self._raw = raw
        self._deadline = deadline

    def stream(self, _size: int, decode_content: bool = True) -> Iterator[bytes]:
        got = 0
        while piece := self._raw.read1(_PIECE, decode_content=decode_content):
            got += len(piece)
            late = monotonic() > self._deadline
            if late or got > MAX_ANSWER:
                self.close()
                raise TimeoutError if late else TooLargeError
            yield piece

    def close(self) -> None:
        self._raw.close()

    def release_conn(self) -> None:
        self._raw.release_conn()


def _cannot(error: Exception, host: str, seconds: float) -> ProbeCannotTell:
    """Why a daemon could not be asked, from whatever the SDK and what lies below it raise."""
    from docker.errors import APIError

    remedy = f"docker -H {host} version"
    found = list(_chain(error))
    kinds = tuple(type(one).__name__ for one in found)
    if any(isinstance(one, TimeoutError) or "Timeout" in type(one).__name__ for one in found):
        text = f"no answer within {seconds:g} s", f"{seconds:g} 秒以内に応答なし"
        return _told("timeout", host, *text, remedy)
    if any(isinstance(one, TooLargeError) for one in found):
        return _told("too-large", host, "the answer is too large", "応答が大きすぎます", remedy)
    if isinstance(error, APIError):
        return _refused(error, host, remedy)
    if any(isinstance(one, PermissionError) for one in found):
        return _told(
            "permission-denied",
            host,
            "this user may not speak to the daemon",
            "このユーザーには Docker デーモンへのアクセス権がありません",
            'sudo usermod -aG docker "$(id -un)"  # then log in anew; this group is as mighty as root',
        )
    if any(isinstance(one, FileNotFoundError | ConnectionRefusedError) for one in found):
        start = "sudo systemctl start docker"
        return _told("daemon-down", host, "no daemon listens there", "Docker デーモンが動作していません", start)
    if "gaierror" in kinds:
        return _told("dns", host, "the host's name is not known", "ホスト名を解決できません", remedy)
    if isinstance(error, KeyError | TypeError | AttributeError | ValueError):
        text = f"what answers is no Docker daemon: {kinds[0]}", f"Docker デーモンの応答ではありません: {kinds[0]}"
        return _told("not-docker", host, *text, remedy)
    why = next((one.strerror for one in found if isinstance(one, OSError) and one.strerror), kinds[-1])
    return _told("no-answer", host, f"no usable answer: {why}", f"応答を解釈できません: {why}", remedy)


def _refused(error: Any, host: str, remedy: str) -> ProbeCannotTell:
    status = error.response.status_code if error.response is not None else 0
    said = " ".join(str(error.explanation or "").split())[:200]
    reason = "access-refused" if status in (401, 403, 407) else "daemon-error"
    return _told(reason, host, f"it answers {status}: {said}", f"応答 {status}: {said}", remedy)


def _told(reason: str, host: str, en: str, ja: str, remedy: str) -> ProbeCannotTell:
    return ProbeCannotTell(reason, f"{host}: {en}", f"{host}: {ja}", remedy=remedy)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it was made of: its causes, and errors among its arguments, as urllib3 nests them."""
    todo, done = [error], set[int]()
    while todo:
        one = todo.pop(0)
        if id(one) in done:
            continue
        done.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        todo += [i for i in inner if isinstance(i, BaseException)]

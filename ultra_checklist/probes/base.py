"""The contract of a probe: ``observe()`` looks, ``judge()`` decides.

``observe()`` does all the I/O and returns data; ``judge()`` is pure, so an observation that was
recorded can be judged again in milliseconds, under other thresholds, on another machine.
To add a probe: one file here, one line in ``pyproject.toml``, one folder of cases in the tests. Its ``twins()``
are situations on which it must fail, so that ``ultra-checklist prove`` can show that it is able to.
"""

import asyncio
import contextlib
import os
import re
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from ultra_checklist.errors import NoManifestError, ProbeCannotTell, WrongValue
from ultra_checklist.model import NOTHING, Effect, Frozen, Outcome, Verdict, Words
from ultra_checklist.probes.looks import Looks, T
from ultra_checklist.record import ReleaseRecord, Sibling, Sought
from ultra_checklist.redact import Redactor

MAX_OUTPUT = 1 << 20
"""Bytes kept of a program's output, each of stdout and stderr."""

_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "DOCKER_HOST")


def _compiles(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise WrongValue(
            f"{text!r} is no regular expression: {error}", f"{text!r} は正規表現として読めません: {error}"
        ) from None
    return text


def _no_sibling(sought: Sought) -> Sibling:
    raise NoManifestError(_NO_RELEASE.filled(version=sought.version), remedy="ultra-checklist status")


def _is_commit(text: str) -> str:
    if _COMMIT.fullmatch(text) is None:
        raise WrongValue(
            f"{text!r} is no commit id: at least 7 hexadecimal digits",
            f"{text!r} はコミット ID ではありません（16 進数 7 桁以上）",
        )
    return text


def _names(value: Any) -> Any:
    return [name for part in value.split(",") if (name := part.strip())] if isinstance(value, str) else value


_NO_RELEASE = Words(en="no release {version} is on record here", ja="リリース {version} の記録がここにありません")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression."""
CommitId = Annotated[str, AfterValidator(_is_commit)]
"""A commit, in full or abbreviated."""
OneOrMore = Annotated[list[int], BeforeValidator(lambda value: [value] if isinstance(value, int) else value)]
"""Numbers of which one may be written without brackets."""
Names = Annotated[list[str], BeforeValidator(_names)]
"""Texts that may also be written as one, with commas between: the value of a variable, say; empty: none."""


class Options(Frozen):
    """Base of every probe's options: frozen, unknown keys refused."""

    timeout: float = Field(default=10.0, gt=0, le=3600, description="Seconds after which the answer is unknown.")
    optional: bool = Field(
        default=False,
        description="true: left out where a variable of it is not set, as long as another probe of the item looks.",
    )


class Observation(Frozen):
    """Base of what a probe saw: plain data that survives JSON."""


@dataclass(frozen=True)
class Completed:
    """A program that ended: its exit code (negative: ended by that signal) and bounded output."""

    code: int
    stdout: str
    stderr: str
    truncated: bool = False


@dataclass(frozen=True)
class Sample:
    """What a probe saw in passing, some time after the newest deploy had begun."""

    at: datetime
    seen: "Observation | None" = None
    """None: it could not see."""
    reason: str = ""
    """The code of why it could not see; empty where it could."""


@dataclass(frozen=True)
class Context:
    """What a probe may use of the world."""

    base_dir: Path | None = None
    """Relative paths are relative to this (``DEPLOY_DIR``); None: relative paths cannot be told."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The environment of children; nothing else is passed on."""
    redactor: Redactor = field(default_factory=Redactor)
    item: str = ""
    """The item for which is looked."""
    tick: int = 0
    """The number of the item's standing tick, from 1; 0: nobody has ticked it."""
    baseline: "Observation | None" = None
    """What this probe saw as the newest deploy began; None: it did not look then."""
    samples: tuple[Sample, ...] = ()
    """What this probe has seen since the newest deploy began, oldest first; see `Probe.sample_every`."""
    sampling: bool = False
    """This look is to become one of those samples; nothing is judged by it now."""
    release: ReleaseRecord | None = None
    """What is on record of the release; None: a template is looked at without one."""
    blob: Callable[[str], Path] = lambda digest: Path(digest)
    """Where the evidence of that SHA-256 lies."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """The present."""
    last_good: Callable[[], str] = lambda: ""
    """The commit to which a rollback leads; empty: it is not known."""
    sibling: Callable[[Sought], Sibling] = lambda sought: _no_sibling(sought)
    """Another release; raises what ``siblings.Siblings`` does."""
    looks: Looks | None = None

    async def once(self, key: Hashable, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What ``look`` finds or raises: once for all who ask beside this one with the same, complete ``key``."""
        return await (look() if self.looks is None else self.looks.once(key, look))

    def path(self, text: str) -> Path:
        """A path option as an absolute path. Raises ProbeCannotTell without a base folder."""
        path = Path(text).expanduser()
        if path.is_absolute():
            return path
        if self.base_dir is None:
            raise ProbeCannotTell(
                "unset-variable",
                f"DEPLOY_DIR is not set, and {text} is relative to it",
                f"DEPLOY_DIR が未設定です（{text} はそこからの相対パスです）",
                remedy="--var DEPLOY_DIR=/path/to/the/checkout",
            )
        return self.base_dir / path

    def require_release(self) -> ReleaseRecord:
        """The record of the release. Raises ProbeCannotTell where no release is looked at."""
        if self.release is None:
            raise ProbeCannotTell(
                "no-release",
                "there is no release to look at",
                "対象のリリースがありません",
                remedy="ultra-checklist check VERSION",
            )
        return self.release

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - the whole process group must be killed, not only awaited no longer
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        each: Callable[[int, bytes], None] | None = None,
    ) -> Completed:
        """Run a program without a shell and wait for it, at most ``timeout`` seconds.

        It gets a process group of its own, which is killed when time is up, so no child stays behind.
        Where ``each`` is given it gets all output piece by piece, with 1 for stdout and 2 for stderr, and
        nothing is kept.
        Raises ProbeCannotTell when it cannot be started or does not end in time.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=cwd,
                env={**self.environment, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise ProbeCannotTell(
                "not-started",
                f"{argv[0]} could not be started: {error.strerror}",
                f"{argv[0]} を起動できません: {error.strerror}",
                remedy=f"command -v {argv[0]}",
            ) from error
        readers = asyncio.gather(
            _read(process.stdout, 1, each), _read(process.stderr, 2, each), _feed(process.stdin, stdin)
        )
        try:
            async with asyncio.timeout(timeout):
                await _exited(process.pid)
        except TimeoutError:
            raise ProbeCannotTell(
                "timeout",
                f"{argv[0]} did not end within {timeout:g} s and was stopped",
                f"{argv[0]} が {timeout:g} 秒以内に終わらないため停止しました",
            ) from None
        finally:
            # Also after a normal end: a grandchild that holds the pipes would keep us reading for ever.
            _kill_group(process.pid)
            code = await process.wait()
            (stdout, stdout_cut), (stderr, stderr_cut), _ = await readers
        return Completed(code, stdout, stderr, truncated=stdout_cut or stderr_cut)


@dataclass(frozen=True)
class Twin:
    """A situation in which one thing is wrong that a probe's options ask for: on it the probe must fail.

    Either ``seen`` is what would be observed there, and `judge` alone decides; or ``stage`` makes it in an empty
    folder and, for as long as it is entered, gives the probe that looks at it, and what that may use of the world.
    """

    what: Words
    seen: Observation | None = None
    stage: "Stage | None" = None


OptionsT = TypeVar("OptionsT", bound=Options)
SeenT = TypeVar("SeenT", bound=Observation)


class Probe(ABC, Generic[OptionsT, SeenT]):
    """One family of probes. An instance is bound to its options."""

    name: ClassVar[str]
    summary: ClassVar[Words]
    """One line for ``ultra-checklist probes``."""
    options_model: ClassVar[type[Options]]
    observation_model: ClassVar[type[Observation]]
    effect: ClassVar[Effect] = "none"
    needs_release: ClassVar[bool] = False
    """It looks at the record of a release: without one there is nothing to look at, and it is skipped."""
    at_home: ClassVar[bool] = False
    """It looks at what is kept where the release is at home, whatever the item's ``runs_on`` says."""
    starts: ClassVar[tuple[str, ...]] = ()
    """Programs that it starts, whatever its options."""
    judged: ClassVar[frozenset[str]] = frozenset()
    """Options that ``judge`` alone reads: what was observed may be judged again under other values of these."""

    def __init__(self, options: OptionsT) -> None:
        self.options = options

    @property
    def wants_baseline(self) -> bool:
        """Whether it must also look as a deploy begins, ticked or not; that is `context.baseline` later."""
        return False

    @property
    def sample_every(self) -> float | None:
        """Seconds between looks once a deploy has begun, ticked or not: those are `context.samples`; None: none."""
        return None

    @property
    def sample_for(self) -> float | None:
        """Seconds after the deploy's end from which on no more samples are needed; None: until the release ends."""
        return None

    @property
    def programs(self) -> tuple[str, ...]:
        """Programs that it starts with its options, by name or path: those must be on this machine."""
        return self.starts

    @property
    def place(self) -> str:
        """Whom it asks, such as a host: few probes do that at the same time; empty: this machine."""
        return ""

    @property
    def daemon(self) -> str:
        """Address of a Docker daemon of which it asks; empty: it needs none, ``-``: whichever is this user's."""
        return ""

    def twins(self) -> Iterable[Twin]:
        """Known-bad situations, one for each thing that is asked for: ``prove`` wants it to fail on all."""
        return ()

    def like(self, **options: Any) -> Self:
        """The same probe with some options replaced, unchecked: for a twin that lies elsewhere."""
        return type(self)(self.options.model_copy(update=options))

    @abstractmethod
    async def observe(self, context: Context) -> SeenT:
        """Look at the world. Raises ProbeCannotTell when it cannot be seen."""

    @abstractmethod
    def judge(self, seen: SeenT) -> Verdict:
        """Decide, from the observation and the options alone."""


Stage = Callable[[Path, Context], AbstractAsyncContextManager[tuple[Probe[Any, Any], Context]]]


def passed(reason: str, *, expected: Words = NOTHING, seen: Words = NOTHING, **facts: Any) -> Verdict:
    """A verdict that needs nothing from anybody."""
    return Verdict(outcome=Outcome.PASS, reason=reason, expected=expected, seen=seen, facts=facts)


def failed(reason: str, sentence: Words, *, expected: Words, seen: Words, remedy: Words, **facts: Any) -> Verdict:
    """A verdict that names what is wrong and how to mend it."""
    return Verdict(
        outcome=Outcome.FAIL,
        reason=reason,
        sentence=sentence,
        expected=expected,
        seen=seen,
        remedy=remedy,
        facts=facts,
    )


def unknown(
    reason: str,
    sentence: Words,
    *,
    expected: Words = NOTHING,
    seen: Words = NOTHING,
    remedy: Words = NOTHING,
    **facts: Any,
) -> Verdict:
    """A verdict that says why nothing can be said."""
    return Verdict(
        outcome=Outcome.UNKNOWN,
        reason=reason,
        sentence=sentence,
        expected=expected,
        seen=seen,
        remedy=remedy,
        facts=facts,
    )


def child_environment(source: Mapping[str, str]) -> dict[str, str]:
    """What children get of an environment: an allow-list, and a locale whose output can be parsed."""
    return {name: source[name] for name in _PASSED_ON if name in source} | {"LC_ALL": "C.UTF-8"}


async def _read(
    stream: asyncio.StreamReader | None, number: int, each: Callable[[int, bytes], None] | None
) -> tuple[str, bool]:
    """Read to the end, keep at most MAX_OUTPUT bytes, and tell whether something was dropped."""
    if stream is None:
        return "", False
    kept = bytearray()
    dropped = False
    while chunk := await stream.read(65536):
        if each is not None:
            each(number, chunk)
            continue
        room = MAX_OUTPUT - len(kept)
        kept += chunk[:room]
        dropped = dropped or len(chunk) > room
    return kept.decode(errors="replace"), dropped


async def _feed(stream: asyncio.StreamWriter | None, data: bytes) -> None:
    if stream is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(data)
        await stream.drain()
    stream.close()


async def _exited(pid: int) -> None:
    """Wait for the process itself; asyncio's own wait also waits for whoever inherited its pipes."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(handle, ended.set)
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)

"""The one place where errors become sentences and exit codes.

Help imports it, and pays for nothing that only an error needs.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ultra_checklist import __version__
from ultra_checklist.environ import PATHS, default_lang, process_environment
from ultra_checklist.errors import UltraChecklistError, UsageError
from ultra_checklist.words import NOTHING, Lang, Words

if TYPE_CHECKING:
    from pathlib import Path

    from ultra_checklist.redact import Redactor

INTERRUPTED = 130
_unread: list[Callable[[], Mapping[str, str | None]]] = [process_environment]
"""Where this process's secrets come from; they are read when something is said for the first time."""


def know(values: Callable[[], Mapping[str, str | None]]) -> None:
    """Let nothing that is said or logged hold these values: all that are named or look like secrets."""
    _unread.append(values)


def clean(text: str) -> str:
    """A text without the secrets of this process."""
    # Help imports nothing that it does not need, and redaction is not small.
    from ultra_checklist.shapes import is_secret_name

    redactor = _redactor()
    while _unread:
        values = _unread.pop()
        # What cannot be read is an error somewhere else; here it must not hide the one that is told.
        with contextlib.suppress(Exception):
            found = values()
            ours = values is process_environment
            redactor.learn({k: v for k, v in found.items() if k not in PATHS and (not ours or is_secret_name(k))})
    return redactor.text(text)


@functools.cache
def _redactor() -> "Redactor":
    from ultra_checklist.redact import Redactor

    return Redactor()


@dataclass(frozen=True)
class Codes:
    """How a command leaves where it gave no exit code itself."""

    unexpected: int = 4
    """An error that nobody foresaw."""
    silent: int = 0
    """It ended without an exit code."""
    broken_pipe: int = 0
    """Whoever read its output has left."""
    fail_closed: bool = False
    """Its 0 lets something through: every error that is not wrong usage counts as unexpected."""

    def of(self, error: UltraChecklistError) -> int:
        """The exit code of an error of ours."""
        if self.fail_closed and not isinstance(error, UsageError):
            return self.unexpected
        return error.exit_code


ORDINARY = Codes()
GUARD = Codes(unexpected=3, silent=3, broken_pipe=3, fail_closed=True)
"""For a command whose exit code 0 is a permission: nothing else ends in it."""


def run(command: Callable[[], object], codes: Codes = ORDINARY) -> NoReturn:
    """Run a command and leave the process with its exit code."""
    try:
        code = _run(command, codes)
    except OSError:
        # Not even a complaint can be written.
        code = codes.unexpected
    if codes.fail_closed and not _all_said():
        code = codes.unexpected
    sys.exit(code)


def _run(command: Callable[[], object], codes: Codes) -> int:
    try:
        code = command()
        return code if isinstance(code, int) and not isinstance(code, bool) else codes.silent
    except click.ClickException as error:
        wrong(error)
        return 2
    except (click.Abort, KeyboardInterrupt):
        say(_INTERRUPTED)
        return INTERRUPTED
    except UltraChecklistError as error:
        report(error)
        return codes.of(error)
    except BrokenPipeError:
        # Whoever read our output has left; that is no error of ours.
        _silence()
        return codes.broken_pipe
    except Exception:
        unexpected()
        return codes.unexpected
    except BaseException:
        if not codes.fail_closed:
            raise
        say(_LEFT.filled(where=_logged()))
        return codes.unexpected


def unexpected() -> None:
    """Log the error that is being handled, and say where."""
    say(_UNEXPECTED.filled(where=_logged()))


def wrong(error: click.ClickException) -> None:
    """Say what is wrong with the arguments, and where the right ones stand."""
    from ultra_checklist.cli.usage import told

    context = getattr(error, "ctx", None)
    if context is not None:
        say(_USAGE.filled(usage=context.get_usage().partition(": ")[2]))
    if isinstance(error, Wrong):
        report(error.told)
        return
    command = context.command_path if context is not None else "ultra-checklist"
    report(UsageError(told(error), remedy=f"{command} --help"))


class Wrong(click.UsageError):
    """Arguments that cannot be, in our words."""

    def __init__(self, message: Words, remedy: Words | str, context: click.Context) -> None:
        super().__init__(message.en, context)
        self.told = UsageError(message, remedy=remedy)


def _all_said() -> bool:
    """Whether all of the output has left; what is left behind would spoil the exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        _silence()
        return False
    return True


def _silence() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _logged() -> Words:
    try:
        return _IN_LOG.filled(path=str(_log()))
    except OSError as error:
        import traceback

        return _NO_LOG.filled(why=error.strerror or str(error), details=traceback.format_exc())


def report(error: UltraChecklistError) -> None:
    """Say what happened and what to do next, on stderr."""
    if error_line(error):
        return
    say(_ERROR.filled(what=error.message))
    go_on(error.remedy)


def go_on(step: Words | str) -> None:
    """Say what to do next, if there is anything."""
    if step != NOTHING and step:
        say(_NEXT.filled(step=step))


def remark(text: Words | str) -> None:
    """Say something that is worth knowing and stops nothing."""
    if line("note", message=Words.of(text).say(language())):
        return
    say(_NOTE.filled(text=text))


def say(text: Words | str) -> None:
    """Words for people go to stderr, in their language; stdout is for machines.

    A plain text is one that needs no translation.
    """
    said = Words.of(text).say(language())
    if not line("message", message=said):
        click.echo(clean(said), err=True)


def log_as(form: str) -> None:
    """How everything is said from now on: as ``text`` for people, or as ``json``, one object a line."""
    _form[:] = [form]


def line(event: str, **fields: Any) -> bool:
    """Say something as one line of JSON, if that was asked for; returns whether it was."""
    if _form != ["json"]:
        return False
    import json
    from datetime import UTC, datetime

    from ultra_checklist import escape

    told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
    click.echo(escape.json(json.dumps(_cleaned(told), ensure_ascii=False)), err=True)
    return True


def error_line(error: UltraChecklistError, **more: Any) -> bool:
    """Say an error as one line of JSON, if that was asked for; returns whether it was."""
    lang = language()
    told = {"message": error.message.say(lang), "remedy": error.remedy.say(lang), "kind": type(error).__name__}
    return line("error", **told, **more)


def _cleaned(value: Any) -> Any:
    """The same without secrets, in every text of it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(one) for key, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list) else value


def speak(lang: str | None) -> None:
    """Speak this language from now on; None: that of the locale."""
    _asked[:] = [] if lang is None else ["ja" if lang == "ja" else "en"]


def language() -> Lang:
    """The language of the person at this terminal: the one that was asked for, else that of the locale."""
    return _asked[0] if _asked else default_lang()


_asked: list[Lang] = []
_form: list[str] = []
_ERROR = Words(en="error: {what}", ja="エラー: {what}")
_NEXT = Words(en="  next: {step}", ja="  次に: {step}")
_USAGE = Words(en="Usage: {usage}", ja="使い方: {usage}")
_NOTE = Words(en="note: {text}", ja="注: {text}")
_INTERRUPTED = Words(
    en="interrupted; what was done stands, and running it again goes on from there",
    ja="中断しました。実行済みの内容は残り、再実行すると続きから始まります",
)
_LEFT = Words(
    en="error: the command was left before it had an answer; {where}",
    ja="エラー: コマンドが結果の出る前に終了しました。{where}",
)
_UNEXPECTED = Words(
    en="error: something unexpected happened; {where}", ja="エラー: 想定外の問題が発生しました。{where}"
)
_IN_LOG = Words(
    en="the details are in {path}\n  next: report it with that file",
    ja="詳細は {path} にあります\n  次に: このファイルを添えて報告してください",
)
_NO_LOG = Words(
    en="its details cannot be written ({why}):\n{details}", ja="詳細を書き込めません（{why}）:\n{details}"
)


def _log() -> "Path":
    import traceback
    from datetime import UTC, datetime
    from pathlib import Path

    folder = Path(os.environ.get("ULTRA_CHECKLIST_HOME") or "~/.local/state/ultra-checklist").expanduser() / "logs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        folder = Path.cwd()
    path = folder / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    text = f"ultra-checklist {__version__}, Python {sys.version}\n\n{traceback.format_exc()}"
    # Made for the owner alone from its first byte, and never through a link that somebody put there.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(clean(text))
    return path

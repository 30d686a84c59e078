"""The one place where errors become sentences and exit codes."""

import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from ultra_checklist import __version__
from ultra_checklist.errors import UltraChecklistError
from ultra_checklist.redact import Redactor

UNEXPECTED = 4
INTERRUPTED = 130


def run(command: Callable[[], object]) -> NoReturn:
    """Run a command and leave the process with its exit code."""
    try:
        code = command()
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        say("interrupted; what was done stands, and running it again goes on from there")
        sys.exit(INTERRUPTED)
    except UltraChecklistError as error:
        report(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has left; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception:
        unexpected()
        sys.exit(UNEXPECTED)


def unexpected() -> None:
    """Log the error that is being handled, and say where."""
    path = _log()
    say(f"error: something unexpected happened; the details are in {path}\n  next: report it with that file")


def report(error: UltraChecklistError) -> None:
    """Say what happened and what to do next, on stderr."""
    say(f"error: {error.message}")
    if error.remedy:
        say(f"  next: {error.remedy}")


def say(text: str) -> None:
    """Words for people go to stderr; stdout is for machines."""
    click.echo(Redactor().text(text), err=True)


def _log() -> Path:
    folder = Path(os.environ.get("ULTRA_CHECKLIST_HOME") or "~/.local/state/ultra-checklist").expanduser() / "logs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        folder = Path.cwd()
    path = folder / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    text = f"ultra-checklist {__version__}, Python {sys.version}\n\n{traceback.format_exc()}"
    path.write_text(Redactor().text(text), encoding="utf-8")
    path.chmod(0o600)
    return path

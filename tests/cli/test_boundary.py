"""How errors become exit codes; of a command whose 0 is a permission, nothing but its own 0 becomes 0."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from ultra_checklist import errors
from ultra_checklist.cli import boundary
from ultra_checklist.cli.boundary import GUARD, ORDINARY, Codes
from ultra_checklist.words import Words


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ULTRA_CHECKLIST_HOME", str(tmp_path))
    return tmp_path


def left(command: Callable[[], object], codes: Codes) -> object:
    with pytest.raises(SystemExit) as left:
        boundary.run(command, codes)
    return left.value.code


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> None:
        raise error

    return command


ERRORS = {
    "usage": (errors.UsageError("no"), 2),
    "settings": (errors.SettingsError("no"), 2),
    "template": (errors.TemplateError([Words.same("no")]), 2),
    "click": (click.UsageError("no"), 2),
    "refused": (errors.RefusedError("no"), 3),
    "cannot tell": (errors.CannotTellError("no"), 3),
    "notion": (errors.NotionError("no", status=500), 3),
    "not found": (errors.NotionNotFound("no", permanent=True), 3),
    "deadline": (errors.DeadlineError("no"), 3),
    "state": (errors.StateError("no"), 3),
    "journal": (errors.JournalError("no"), 3),
    "no manifest": (errors.NoManifestError("no"), 3),
    "ours": (errors.UltraChecklistError("no"), 3),
    "unexpected": (ZeroDivisionError(), 3),
    "memory": (MemoryError(), 3),
    "recursion": (RecursionError(), 3),
    "disk": (OSError(28, "No space left on device"), 3),
    "broken pipe": (BrokenPipeError(), 3),
    "a plugin that leaves with 0": (SystemExit(0), 3),
    "a plugin that leaves": (SystemExit(), 3),
    "cancelled": (asyncio.CancelledError(), 3),
    "interrupted": (KeyboardInterrupt(), 130),
    "aborted": (click.Abort(), 130),
}


@pytest.mark.parametrize("name", ERRORS)
def test_no_error_of_a_guard_is_a_permission(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1, raising=False)
    error, code = ERRORS[name]
    assert left(raising(error), GUARD) == code


@pytest.mark.parametrize("answer", [None, "0", False, True, 0.0, [], object()])
def test_an_answer_that_is_no_exit_code_is_no_permission(answer: object) -> None:
    assert left(lambda: answer, GUARD) == 3
    assert left(lambda: answer, ORDINARY) == 0


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_guards_own_exit_code_is_kept(code: int) -> None:
    assert left(lambda: code, GUARD) == code


def test_other_commands_leave_as_before() -> None:
    assert left(raising(errors.StateError("no")), ORDINARY) == 2
    assert left(raising(errors.RefusedError("no")), ORDINARY) == 1
    assert left(raising(ZeroDivisionError()), ORDINARY) == 4
    assert left(raising(SystemExit(7)), ORDINARY) == 7


def test_an_error_that_can_be_written_nowhere_is_still_no_permission(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    assert left(raising(ZeroDivisionError()), GUARD) == 3
    told = capsys.readouterr().err
    assert "No space left" in told
    assert "ZeroDivisionError" in told


def test_an_error_that_cannot_even_be_told_is_still_no_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_text: str) -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(boundary, "say", closed)
    for error in (ZeroDivisionError(), errors.UsageError("no"), errors.NotionError("no"), SystemExit(0)):
        assert left(raising(error), GUARD) == 3

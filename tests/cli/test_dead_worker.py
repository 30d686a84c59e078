"""A worker that has died, or fails, is seen in ``status``; one that lives is not spoken of."""

import json
from datetime import timedelta

import pytest

from tests.lab import ELSEWHERE, HERE, Lab, item, template
from tests.shell import SMALL, Shell
from ultra_checklist import overview as overviews
from ultra_checklist.logbook import Done, LogbookFile
from ultra_checklist.model import Lang
from ultra_checklist.overview import worker_of
from ultra_checklist.release import Release


def told(lab: Lab, minutes: float, logbook: LogbookFile, lang: Lang = "en") -> tuple[bool, str]:
    """What is said so many minutes after the release was made."""
    manifest = lab.release().manifest
    later = manifest.created + timedelta(minutes=minutes)
    worker, note = worker_of(Release(lab.shelf, manifest, lambda: later), logbook, lang)
    assert worker["silent"] is bool(note)
    return worker["silent"], note


def test_silence_is_told_after_five_minutes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overviews, "this_machine", lambda: HERE)
    lab.new(template(item("a")))
    created = lab.release().manifest.created
    assert told(lab, 4, LogbookFile()) == (False, "")
    assert "no worker has looked since the release was made" in told(lab, 6, LogbookFile())[1]
    before = LogbookFile(succeeded=created - timedelta(days=3))
    assert told(lab, 4, before) == (False, "")
    looked = LogbookFile(succeeded=created + timedelta(minutes=10))
    assert told(lab, 15, looked) == (False, "")
    clock = lab.release().clock(looked.succeeded)
    assert f"has not looked since {clock}," in told(lab, 16, looked)[1]
    assert f"{clock} から確認していません" in told(lab, 16, looked, "ja")[1]
    assert f"{lab.release().clock(looked.succeeded)}" in told(lab, 3000, looked)[1]
    assert f"{created.astimezone(lab.release().zone):%Y-}" in told(lab, 3000, looked)[1]
    failed = Done(outcome="failed", at=created + timedelta(minutes=30), seconds=1.0)
    assert "its passes have failed since" in told(lab, 31, looked.model_copy(update={"last": failed}))[1]
    assert "has not looked since" in told(lab, 60, looked.model_copy(update={"last": failed}))[1]
    monkeypatch.setattr(overviews, "this_machine", lambda: ELSEWHERE)
    assert told(lab, 60, looked) == (False, "")


def test_status_says_it_to_people_and_programs(shell: Shell) -> None:
    (shell.folder / "small.md").write_text(SMALL)
    shell.ok("init", "--local")
    shell.ok("new", "v1", "--local", "-t", "small.md")
    (before,) = json.loads(shell.ok("status", "--local", "--format", "json"))
    assert before["worker"] == {"looked": None, "silent": False}
    shell.ok("sync", "--local")
    (after,) = json.loads(shell.ok("status", "--local", "--format", "json"))
    assert after["worker"]["looked"] is not None
    path = next(shell.home.glob("releases/*/*/v1/manifest.json"))
    text = path.read_text()
    year = after["worker"]["looked"][:4]
    # As if all of it had been a year ago.
    path.write_text(
        text.replace(f'"created":"{year}', '"created":"2020').replace(f'"created": "{year}', '"created": "2020')
    )
    book = shell.home / "logbook-local.json"
    known = LogbookFile.model_validate_json(book.read_text())
    assert known.succeeded is not None
    book.write_text(known.model_copy(update={"succeeded": known.succeeded - timedelta(days=365)}).model_dump_json())
    (dead,) = json.loads(shell.ok("status", "--local", "--format", "json"))
    assert dead["worker"]["silent"] is True
    assert "! the worker has not looked since" in shell.ok("status", "--local")
    shell.ok("sync", "--local")
    assert "worker" not in shell.ok("status", "--local")

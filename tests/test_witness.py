"""The page is told of gates and runs, once, with the journal's digest of that moment."""

from typing import Any

from tests.lab import Lab, item, template
from ultra_checklist.release import Release


def paragraphs(lab: Lab) -> list[str]:
    page = lab.release().manifest.page_id
    children = lab.call("GET", f"blocks/{page}/children")["results"]
    return [
        "".join(t["plain_text"] for t in c["paragraph"]["rich_text"]) for c in children if c["type"] == "paragraph"
    ]


def happens(lab: Lab) -> Release:
    release = lab.release()
    release.record("gate", {"gate": "deploy", "outcome": "closed"})
    release.record("gate", {"gate": "deploy", "outcome": "open"})
    run: dict[str, Any] = {"number": 1, "item": "a", "break_glass": "the exchange is down"}
    release.record("run-started", run)
    release.record("run-ended", {"number": 1, "exit_code": 3})
    return release


def test_gates_that_opened_and_runs_that_ended_are_told_once(lab: Lab) -> None:
    lab.new(template(item("a")))
    lab.sync()
    before = len(paragraphs(lab))
    release = happens(lab)
    lab.sync()
    told = paragraphs(lab)[before:]
    entries = {entry.kind: entry for entry in release.journal.entries()}
    assert len(told) == 2
    assert "gate deploy: open" in told[0]
    assert told[0].endswith(entries["gate"].hash)
    assert "run 1 of a: exit 3, NOT GATED (break-glass: the exchange is down)" in told[1]
    assert told[1].endswith(f"journal line {entries['run-ended'].seq}, {entries['run-ended'].hash}")
    assert lab.sync(minutes=1).requests == 1
    assert paragraphs(lab)[before:] == told


def test_what_was_told_by_a_process_that_was_killed_then_is_not_told_again(lab: Lab) -> None:
    lab.new(template(item("a")))
    lab.sync()
    happens(lab)
    lab.sync()
    told = paragraphs(lab)
    journal, lab_key = lab.release().journal.path, lab.release().manifest.key
    lines = journal.read_bytes().splitlines(keepends=True)
    assert b'"told"' in lines[-1]
    journal.write_bytes(b"".join(lines[:-1]))
    # As a kill would leave it: the page was told, and neither journal, mirror nor the witness of its head knows.
    journal.with_name("mirror.json").unlink()
    lab.shelf.witness(lab_key).unlink()
    lab.sync(minutes=1)
    assert paragraphs(lab) == told

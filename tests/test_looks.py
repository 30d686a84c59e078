"""Probes beside one another: what they share, how many there are at once, and that none spoils another's look."""

import asyncio
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ultra_checklist.model import Finding, Item, Outcome, ProbeSpec
from ultra_checklist.probes.looks import Looks
from ultra_checklist.runner import AT_ONCE_EACH, Runner
from ultra_checklist.variables import Variables


def items(probe: str, *options: dict[str, Any]) -> list[Item]:
    """One item for each set of options."""
    return [
        Item(
            id=f"item-{n}", title="x", section="s", line=1, order=n, probes=(ProbeSpec(probe=probe, options=known),)
        )
        for n, known in enumerate(options)
    ]


def found(wanted: list[Item]) -> list[Finding]:
    """What the probes of all items say, run side by side."""
    return [finding for (finding,) in asyncio.run(Runner(Variables()).run(wanted)).values()]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout with one commit."""
    folder = tmp_path / "checkout"
    for words in (["init", "-q", str(folder)], ["-C", str(folder), "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True)
    return folder


@pytest.fixture
def git_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git that is first in the path and writes down what it is asked."""
    real, log = shutil.which("git"), tmp_path / "asked.log"
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "git"
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return log


def test_git_status_is_asked_once_for_all_checks(git_log: Path, checkout: Path) -> None:
    verdicts = found(items("git", *[{"path": str(checkout), "clean": True}] * 6))
    assert [f.verdict.outcome for f in verdicts] == [Outcome.PASS] * 6
    asked = git_log.read_text(encoding="utf-8").splitlines()
    assert sum(" status " in line for line in asked) == 1
    assert len(asked) == len(set(asked))


def test_what_was_seen_in_one_round_is_looked_at_again_in_the_next(checkout: Path) -> None:
    runner = Runner(Variables())
    (item,) = items("git", {"path": str(checkout), "clean": True})

    async def twice() -> list[Outcome]:
        (first,) = await runner.prove(item)
        (checkout / "new.txt").write_text("x", encoding="utf-8")
        (second,) = await runner.prove(item)
        return [first.verdict.outcome, second.verdict.outcome]

    assert asyncio.run(twice()) == [Outcome.PASS, Outcome.FAIL]


class Crowd(http.server.BaseHTTPRequestHandler):
    """Answers when the crowd before it is as large as it gets, and knows how large that was."""

    lock = threading.Condition()
    inside = largest = 0

    def do_GET(self) -> None:
        """Wait until as many are inside as may ask at once, then answer."""
        kind = type(self)
        with kind.lock:
            kind.inside += 1
            kind.largest = max(kind.largest, kind.inside)
            kind.lock.notify_all()
            full = kind.lock.wait_for(lambda: kind.largest >= AT_ONCE_EACH, timeout=20)
            kind.inside -= 1
        self.send_response(200 if full else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Say nothing."""


@contextmanager
def crowd() -> Iterator[str]:
    """The address of a server that counts how many ask at once."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Crowd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_one_server_is_asked_by_few_at_once() -> None:
    with crowd() as url:
        verdicts = found(items("http", *({"url": f"{url}/{n}"} for n in range(5 * AT_ONCE_EACH))))
    assert {f.verdict.outcome for f in verdicts} == {Outcome.PASS}
    assert Crowd.largest == AT_ONCE_EACH


def test_twenty_commands_that_wait_for_one_another_end(tmp_path: Path) -> None:
    """Each ends only when all twenty have begun: they run side by side."""
    there, script = tmp_path / "there", tmp_path / "wait.sh"
    there.mkdir()
    waiting = f"until [ $(ls {there} | wc -l) -ge 20 ]; do sleep 0.02; done"
    script.write_text(f"touch {there}/$$; {waiting}\n", encoding="utf-8")
    verdicts = found(items("command", *[{"run": ["sh", str(script)]}] * 20))
    assert [f.verdict.outcome for f in verdicts] == [Outcome.PASS] * 20


def test_whoever_runs_out_of_time_takes_nothing_from_the_others() -> None:
    async def run() -> str:
        begun, go = asyncio.Event(), asyncio.Event()

        async def look() -> str:
            begun.set()
            await go.wait()
            return "seen"

        async with Looks() as looks:
            hasty = asyncio.create_task(looks.once("key", look))
            patient = asyncio.create_task(looks.once("key", look))
            await begun.wait()
            hasty.cancel()
            await asyncio.wait([hasty])
            go.set()
            return await patient

    assert asyncio.run(run()) == "seen"


def test_a_look_that_fails_fails_for_all_and_none_outlives_the_round() -> None:
    ended = []

    async def run() -> list[object]:
        async def fails() -> str:
            raise OSError("gone")

        async def hangs() -> str:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("hung")
            return ""

        async with Looks() as looks:
            hung = asyncio.create_task(looks.once("hang", hangs))
            answers = await asyncio.gather(*(looks.once("bad", fails) for _ in range(3)), return_exceptions=True)
            hung.cancel()
        return list(answers)

    assert [type(error) for error in asyncio.run(run())] == [OSError] * 3
    assert ended == ["hung"]

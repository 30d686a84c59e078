"""Every verdict, every trouble on the way, and the exit code: there is no way to 0 but an open gate."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.gates import ask, kept, meet, troubles
from tests.lab import Lab, item, template
from ultra_checklist import disk
from ultra_checklist.model import Item, ProbeSpec, When

Play = Callable[[Lab, Path], object]


def file_mode(**more: Any) -> Item:
    """The check in question, proved by a file's mode."""
    return item("x", probes=(ProbeSpec(probe="file", options={"path": "${ENV_FILE}", "mode": "0600"}),), **more)


def tick(lab: Lab, _env: Path) -> None:
    lab.person("Sato", "x", done=True)


def after(*plays: Play) -> Play:
    """These one after the other, a pass after each."""

    def play(lab: Lab, env: Path) -> None:
        for one in plays:
            one(lab, env)
            lab.sync(minutes=1)

    return play


def says(who: str = "Sato", **values: Any) -> Play:
    return lambda lab, _env: lab.person(who, "x", **values)


def breaks(mode: int) -> Play:
    return lambda _lab, env: env.chmod(mode)


def program(*argv: str) -> tuple[ProbeSpec, ...]:
    return (ProbeSpec(probe="command", options={"run": list(argv), "exit": 0, "timeout": "300ms"}),)


@dataclass(frozen=True)
class Case:
    """A checklist with the check ``x``, what happens to it, and the gate's exit code then."""

    code: int
    items: tuple[Item, ...]
    play: Play
    label: str = ""


DEPLOY = item("deploy", section="later", order=9, deploys=True)
WAIVED = {"decision": "Waive", "note": "text:agreed"}
CASES = {
    "passed": Case(0, (file_mode(),), tick),
    "confirmed": Case(0, (item("x"),), tick),
    "waived": Case(0, (item("x"),), says(**WAIVED)),
    "not applicable": Case(0, (item("x"),), says(decision="Not applicable", note="text:no robots here")),
    "a failure waived": Case(0, (file_mode(),), after(breaks(0o644), tick, says(**WAIVED))),
    "decided on a passed row": Case(0, (file_mode(),), after(tick, says(**WAIVED))),
    "not open": Case(0, (item("x", when=When(failed=("y",))), item("y", order=1, required=False)), lambda *_: None),
    "not required": Case(0, (item("y"), item("x", order=1, required=False)), lambda lab, _: lab.person("S", "y", done=True)),
    "frozen as passed": Case(
        0,
        (file_mode(until_deploy=True), DEPLOY),
        after(tick, lambda lab, _: lab.person("Sato", "deploy", done=True), breaks(0o644)),
    ),
    "approved by a second person": Case(0, (item("x", approvals=1),), after(tick, says("Suzuki", approved=True))),
    "not ticked": Case(1, (file_mode(),), lambda *_: None),
    "unticked": Case(1, (file_mode(),), after(tick, says(done=False))),
    "failed": Case(1, (file_mode(),), after(breaks(0o644), tick)),
    "failed since": Case(1, (file_mode(max_age=30.0),), after(tick, breaks(0o644))),
    "a missing variable": Case(
        1, (item("x", probes=(ProbeSpec(probe="file", options={"path": "${NOWHERE}", "mode": "0600"}),)),), tick
    ),
    "an unknown probe": Case(1, (item("x", probes=(ProbeSpec(probe="oracle", options={}),)),), tick),
    "a probe that times out": Case(1, (item("x", probes=program("sleep", "9")),), tick),
    "a probe that is killed": Case(1, (item("x", probes=program("sh", "-c", "kill -9 $$")),), tick),
    "no person": Case(1, (item("x"),), says("", done=True)),
    "attachment missing": Case(1, (item("x", evidence="a screenshot"),), tick),
    "second person missing": Case(1, (item("x", approvals=1),), tick),
    "approved by the same person": Case(1, (item("x", approvals=1),), after(tick, says("Sato", approved=True))),
    "decided without a note": Case(1, (item("x"),), says(decision="Waive")),
    "decided where it is not allowed": Case(1, (item("x", waive="never"),), says(**WAIVED)),
    "decided by the wrong person": Case(1, (item("x", waive="approvers"),), says(**WAIVED)),
    "decided until yesterday": Case(1, (item("x"),), says(**WAIVED, until="date:2020-01-01")),
    "decided on other facts": Case(
        1, (file_mode(max_age=1.0),), after(breaks(0o644), tick, says(**WAIVED), breaks(0o666))
    ),
    "blocked by another check": Case(1, (item("x", needs=("y",)), item("y", order=1)), tick),
    "blocked by the deploy": Case(1, (item("x", after_deploy=True), DEPLOY), tick),
    "ticked after the deploy": Case(
        1, (item("x", until_deploy=True), DEPLOY), after(lambda lab, _: lab.person("S", "deploy", done=True), tick)
    ),
    "frozen as failed": Case(
        1,
        (file_mode(until_deploy=True), DEPLOY),
        after(breaks(0o644), tick, lambda lab, _: lab.person("Sato", "deploy", done=True), breaks(0o600)),
    ),
    "another worker's": Case(1, (item("x", runs_on="db"),), tick, label="web"),
    "forged": Case(1, (item("x"),), says("Mallory", Result="Passed", Settled=True)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody cuts the power here, so nobody need wait for the disk."""
    monkeypatch.setattr(disk.System, "fsync", lambda _self, _handle: None)


@pytest.mark.parametrize("name", CASES)
def test_every_verdict_with_every_trouble(lab: Lab, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    env = tmp_path / "env"
    env.write_text("A=b\n")
    env.chmod(0o600)
    lab.new(template(*case.items, gate=("one",)), ENV_FILE=str(env))
    lab.sync(minutes=1)
    case.play(lab, env)
    lab.sync(minutes=1)
    # What was forged is put right by now, and what is shown is what is so.
    assert ask(lab, label=case.label).exit_code == case.code

    found, wanted = {}, {}
    for trouble, how in troubles().items():
        with kept(lab):
            found[trouble] = meet(lab, how, label=case.label).exit_code
        wanted[trouble] = case.code if how.code is None else how.code
    assert found == wanted

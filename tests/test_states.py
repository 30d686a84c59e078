"""The table of states: every rule by its cases, and what must never be, in every combination."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ultra_checklist.model import Outcome, Result
from ultra_checklist.states import Approval, Choice, Look, Place, Shown, Situation, State, decide

CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).parent / "cases" / "states.yaml")
WELL = Situation(ticked=True, has_probes=True, outcome=Outcome.PASS)


def situation(raw: dict[str, Any]) -> Situation:
    values = dict(raw)
    for name, kind in (("place", Place), ("choice", Choice), ("outcome", Outcome), ("approval", Approval)):
        if values.get(name) is not None:
            values[name] = kind(values[name])
    if "before" in values:
        result, settled = values["before"]
        values["before"] = Shown(Result(result) if result else None, settled)
    return replace(WELL, **values)


@pytest.mark.parametrize("case", CASES, ids=[case["name"].replace(" ", "-") for case in CASES])
def test_table(case: dict[str, Any]) -> None:
    state = decide(situation(case["now"]))
    shown = [state.rule, state.result.value if state.result else None, state.settled, state.why]
    assert shown == case["want"]


def test_every_rule_has_a_case() -> None:
    assert {case["want"][0] for case in CASES} == set(range(1, 15))


OPEN = ((False, False), (True, False), (False, True))
"""A window that runs, an answer that is missing: varied where there is a look that could wait for them."""


def everything() -> Iterator[tuple[Situation, State]]:
    """Every combination of what matters; evidence demands are varied only where probes are."""
    flags = product((False, True), repeat=9)
    for ended, until, after, started, deployed, ticked, late, needs, probes in flags:
        if until and after:
            continue
        for choice, outcome, before, person, second, allowed in product(
            Choice,
            (None, *Outcome),
            (Shown(None, False), Shown(Result.PASSED, True), Shown(Result.FAILED, False)),
            (False, True),
            (False, True),
            (False, True),
        ):
            waits = outcome in (Outcome.PASS, Outcome.UNKNOWN) and ticked and probes
            for window, answer in OPEN if waits else OPEN[:1]:
                now = Situation(
                    ended=ended,
                    choice=choice,
                    until_deploy=until,
                    after_deploy=after,
                    deploy_started=started,
                    deployed=deployed,
                    before=before,
                    ticked=ticked,
                    ticked_late=late,
                    needs_settled=needs,
                    has_probes=probes,
                    person_known=person,
                    second_person_missing=second,
                    person_allowed=allowed,
                    outcome=outcome,
                    window_running=window,
                    answer_missing=answer,
                )
                yield now, decide(now)


GOOD = {Result.PASSED, Result.CONFIRMED, Result.WAIVED, Result.NOT_APPLICABLE}


def test_no_combination_is_falsely_green() -> None:
    """A settled row rests on a pass, a person's word, a decision that holds, or on what was frozen or sealed."""
    seen = 0
    for now, state in everything():
        seen += 1
        if state.settled:
            assert state.result in GOOD
        if state.rule in (1, 7) or (state.rule == 4 and now.until_deploy and now.before.settled):
            assert (state.result, state.settled) == (now.before.result, now.before.settled)
            continue
        if state.result is Result.PASSED and state.settled:
            assert now.ticked
            assert now.outcome is Outcome.PASS
            assert now.needs_settled
            assert now.deployed or not now.after_deploy
            assert not now.second_person_missing
            assert now.person_allowed
            assert not now.window_running
            assert not now.answer_missing
        if state.result is Result.CONFIRMED and state.settled:
            assert now.ticked
            assert now.person_known
            assert now.person_allowed
            assert not now.second_person_missing
            assert not now.has_probes
        if state.result in (Result.WAIVED, Result.NOT_APPLICABLE):
            assert now.choice in (Choice.WAIVED, Choice.NOT_APPLICABLE)
    assert seen > 50_000


def test_what_is_red_or_unknown_never_settles() -> None:
    for now, state in everything():
        if state.result in (Result.FAILED, Result.CANNOT_TELL, Result.WAITING, Result.BLOCKED):
            assert not state.settled, now


def test_blocked_and_unticked_rows_are_not_looked_at() -> None:
    for now, state in everything():
        if state.look is not Look.NEVER:
            assert now.ticked, now
            assert now.has_probes
            assert now.deployed or not now.after_deploy

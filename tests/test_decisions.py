"""Who may tick, decide and approve; what a decision is bound to; and what cannot be told is said to be so."""

from pathlib import Path

import pytest

from tests.lab import Lab, item, template
from ultra_checklist.model import ProbeSpec, Template
from ultra_checklist.notion.rows import Row

MODE = (ProbeSpec(probe="file", options={"path": "${ENV_FILE}", "mode": "0600"}),)


def user(lab: Lab, name: str) -> str:
    """The id of a person, as a template lists it."""
    found: str = lab.call("GET", "users/me", who=name)["id"]
    return found


def listed(checklist: Template, **people: tuple[str, ...]) -> Template:
    return checklist.model_copy(update=people)


def shown(row: Row) -> tuple[str, bool]:
    return row.result, row.settled


def tick(lab: Lab, who: str, *items: str) -> None:
    for item_id in items:
        lab.person(who, item_id, done=True)
    lab.sync(minutes=1)


def approve_again(lab: Lab, who: str, item_id: str) -> None:
    """Take Approved out and set it again, with a look after each."""
    for box in (False, True):
        lab.person(who, item_id, approved=box)
        lab.sync(minutes=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "env"
    path.write_text("A=b")
    path.chmod(0o600)
    return path


# --- operators


def test_a_tick_by_somebody_who_is_no_operator_waits_and_says_whose_turn_it_is(lab: Lab, file: Path) -> None:
    checklist = template(item("word"), item("mode", order=1, probes=MODE))
    # Ids are written without dashes as well.
    lab.new(listed(checklist, operators=(user(lab, "Sato").replace("-", ""),)), ENV_FILE=str(file))
    tick(lab, "Mori", "word", "mode")
    assert [shown(lab.row(i)) for i in ("word", "mode")] == [("waiting", False), ("waiting", False)]
    assert "Mori" in lab.row("word").why
    assert "operators" in lab.row("mode").why
    for item_id in ("word", "mode"):
        lab.person("Mori", item_id, done=False)
    lab.sync(minutes=1)
    tick(lab, "Sato", "word", "mode")
    assert [shown(lab.row(i)) for i in ("word", "mode")] == [("confirmed", True), ("passed", True)]


def test_a_deploy_is_marked_by_an_operator_alone(lab: Lab) -> None:
    checklist = template(item("deploy", deploys=True), item("before", order=1, until_deploy=True))
    lab.new(listed(checklist, operators=(user(lab, "Sato"),)))
    tick(lab, "Mori", "deploy")
    assert lab.release().history.deploys == []
    tick(lab, "Sato", "before")
    assert shown(lab.row("before")) == ("confirmed", True), "the stranger's tick is no deploy that it came after"
    lab.person("Mori", "deploy", done=False)
    lab.sync(minutes=1)
    tick(lab, "Sato", "deploy")
    assert len(lab.release().history.deploys) == 1


# --- decisions


def test_only_an_approver_waives_where_the_item_says_so(lab: Lab) -> None:
    checklist = template(item("word", waive="approvers"), item("never", order=1, waive="never"))
    lab.new(listed(checklist, approvers=(user(lab, "Ito"),)))
    for item_id in ("word", "never"):
        lab.person("Mori", item_id, decision="Waive", note="text:not today")
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)
    assert "must be made by a person who may" in lab.row("word").why
    assert "not allowed" in lab.row("never").why
    lab.person("Ito", "word", note="text:I say so")
    lab.person("Ito", "never", note="text:I say so")
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waived", True)
    assert "waived by Ito: I say so" in lab.row("word").why
    assert shown(lab.row("never")) == ("waiting", False)


def test_where_operators_are_listed_nobody_else_decides(lab: Lab) -> None:
    lab.new(listed(template(item("word")), operators=(user(lab, "Sato"),)))
    lab.person("Mori", "word", decision="Not applicable", note="text:not here")
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)
    lab.person("Sato", "word", note="text:not here, I have looked")
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("not-applicable", True)


def test_a_decision_holds_until_its_day_and_for_its_facts(lab: Lab, file: Path) -> None:
    file.chmod(0o644)
    lab.new(template(item("mode", probes=MODE)), ENV_FILE=str(file))
    tick(lab, "Sato", "mode")
    until = lab.now.date().isoformat()
    lab.person("Ito", "mode", decision="Waive", note="text:known", until=f"date:{until}")
    lab.sync(minutes=1)
    assert shown(lab.row("mode")) == ("waived", True)
    lab.sync(minutes=25 * 60)
    assert shown(lab.row("mode")) == ("failed", False)
    assert "expired" in lab.row("mode").why
    lab.person("Ito", "mode", until="date:2099-01-01", note="text:known, longer")
    lab.sync(minutes=1)
    assert shown(lab.row("mode")) == ("waived", True)
    file.chmod(0o666)
    lab.sync(minutes=20)
    assert shown(lab.row("mode")) == ("failed", False)
    assert "other facts" in lab.row("mode").why


def test_tick_and_decision_in_one_look_leave_it_open_whether_an_approver_decided(lab: Lab) -> None:
    """Mori decides and Ito, who may, ticks: for all that can be seen Ito may have done both, or only one."""
    lab.new(listed(template(item("word", waive="approvers")), approvers=(user(lab, "Ito"),)))
    lab.person("Mori", "word", decision="Waive", note="text:not today")
    lab.person("Ito", "word", done=True)
    lab.sync(minutes=1)
    assert not lab.row("word").settled or lab.row("word").result == "confirmed"
    assert "cannot be told" in lab.row("word").why
    lab.person("Ito", "word", done=False)
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)
    lab.person("Ito", "word", note="text:I decide this")
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waived", True)


# --- approvals


def test_a_second_person_approves_what_was_found_and_it_is_void_when_that_changes(lab: Lab, file: Path) -> None:
    probes = (ProbeSpec(probe="file", options={"path": "${ENV_FILE}", "mode": "0600"}),)
    lab.new(template(item("size", probes=probes, approvals=1, max_age=60.0)), ENV_FILE=str(file))
    tick(lab, "Sato", "size")
    assert shown(lab.row("size")) == ("waiting", False)
    lab.person("Ito", "size", approved=True)
    lab.sync(minutes=1)
    assert shown(lab.row("size")) == ("passed", True)
    file.unlink()
    lab.sync(minutes=2)
    assert shown(lab.row("size")) == ("failed", False)
    lab.person("Sato", "size", done=False)
    lab.sync(minutes=1)
    file.write_text("A=b")
    file.chmod(0o600)
    tick(lab, "Sato", "size")
    assert shown(lab.row("size")) == ("waiting", False)
    assert "another tick or on other facts" in lab.row("size").why
    approve_again(lab, "Ito", "size")
    assert shown(lab.row("size")) == ("passed", True)


def test_who_ticks_cannot_approve(lab: Lab) -> None:
    lab.new(template(item("word", approvals=1)))
    tick(lab, "Sato", "word")
    lab.person("Sato", "word", approved=True)
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)
    assert "Sato has ticked and approved" in lab.row("word").why


def test_a_later_edit_by_another_person_makes_no_approval(lab: Lab) -> None:
    lab.new(template(item("word", approvals=1)))
    tick(lab, "Sato", "word")
    lab.person("Sato", "word", approved=True)
    lab.sync(minutes=1)
    lab.person("Ito", "word", note="text:looks good")
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)


def test_tick_and_approval_in_one_look_cannot_be_told_apart(lab: Lab) -> None:
    lab.new(template(item("word", approvals=1)))
    lab.person("Sato", "word", done=True)
    lab.person("Ito", "word", approved=True)
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)
    assert "who approved cannot be told" in lab.row("word").why
    lab.person("Sato", "word", approved=False)
    lab.sync(minutes=1)
    lab.person("Sato", "word", approved=True)
    lab.sync(minutes=1)
    # Ito was taken for the one who ticked, as the last editor of that look: that is all that can be seen.
    assert lab.row("word").operator_names == ("Ito",)


def test_an_approval_before_the_tick_is_none_of_it(lab: Lab) -> None:
    lab.new(template(item("word", approvals=1)))
    lab.person("Ito", "word", approved=True)
    lab.sync(minutes=1)
    tick(lab, "Sato", "word")
    assert shown(lab.row("word")) == ("waiting", False)
    assert "another tick" in lab.row("word").why


def test_two_approvals_are_two_people_one_after_the_other(lab: Lab) -> None:
    lab.new(template(item("word", approvals=2)))
    tick(lab, "Sato", "word")
    lab.person("Ito", "word", approved=True)
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)
    assert "approved by Ito: 1 of 2" in lab.row("word").why
    # The same person once more is still one person.
    approve_again(lab, "Ito", "word")
    assert "1 of 2" in lab.row("word").why
    approve_again(lab, "Ueda", "word")
    assert shown(lab.row("word")) == ("confirmed", True)
    # Who takes it back unsettles the row, whoever it was.
    lab.person("Sato", "word", approved=False)
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)
    lab.person("Sato", "word", approved=True)
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False), "the one who ticked cannot set it again"


def test_where_approvers_are_listed_only_they_approve(lab: Lab) -> None:
    lab.new(listed(template(item("word", approvals=1)), approvers=(user(lab, "Ito"),)))
    tick(lab, "Sato", "word")
    lab.person("Mori", "word", approved=True)
    lab.sync(minutes=1)
    assert shown(lab.row("word")) == ("waiting", False)
    assert "approvers" in lab.row("word").why
    approve_again(lab, "Ito", "word")
    assert shown(lab.row("word")) == ("confirmed", True)

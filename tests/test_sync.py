"""A pass of the worker, on the local Notion, with people ticking, deciding, forging and unticking."""

from pathlib import Path

from tests.lab import ELSEWHERE, Lab, item, template
from ultra_checklist.model import ProbeSpec

ENV = "${ENV_FILE}"
MODE = (ProbeSpec(probe="file", options={"path": ENV, "mode": "0600"}),)


def env(folder: Path, mode: int = 0o600) -> Path:
    path = folder / "env"
    path.write_text("APP_ENV=production\n")
    path.chmod(mode)
    return path


def test_a_tick_is_proved_and_settles(lab: Lab, tmp_path: Path) -> None:
    lab.new(template(item("env-mode", probes=MODE)), ENV_FILE=str(env(tmp_path)))
    lab.person("佐藤", "env-mode", done=True)
    lab.sync()
    row = lab.row("env-mode")
    assert (row.result, row.settled, row.done) == ("passed", True, True)
    assert "0600" in row.why
    assert row.evidence.startswith("sha256:")
    assert row.checked_at
    assert lab.call("GET", f"users/{row.operator[0]}")["name"] == "佐藤"
    assert row.icon == "✅"


def test_unticking_clears_the_result_and_keeps_the_memory(lab: Lab, tmp_path: Path) -> None:
    lab.new(template(item("env-mode", probes=MODE)), ENV_FILE=str(env(tmp_path)))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    lab.person("Sato", "env-mode", done=False)
    lab.sync()
    row = lab.row("env-mode")
    assert (row.result, row.settled, row.operator) == ("", False, ())
    assert "was Passed" in row.why


def test_a_failure_turns_green_by_itself_when_the_machine_is_mended(lab: Lab, tmp_path: Path) -> None:
    path = env(tmp_path, 0o644)
    lab.new(template(item("env-mode", probes=MODE)), ENV_FILE=str(path))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    row = lab.row("env-mode")
    assert (row.result, row.settled) == ("failed", False)
    assert "0600" in row.why
    assert "0644" in row.why
    assert "chmod 600" in row.why
    path.chmod(0o600)
    lab.sync()
    assert lab.row("env-mode").result == "passed"


def test_a_pass_that_stops_being_true_turns_red(lab: Lab, tmp_path: Path) -> None:
    path = env(tmp_path)
    lab.new(template(item("env-mode", probes=MODE)), ENV_FILE=str(path))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    path.chmod(0o640)
    lab.sync(minutes=16)
    assert lab.row("env-mode").result == "failed"


def test_a_pass_in_which_nothing_changed_is_one_request(lab: Lab, tmp_path: Path) -> None:
    lab.new(template(item("env-mode", probes=MODE), item("word", order=1)), ENV_FILE=str(env(tmp_path)))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    before = len(lab.requests())
    report = lab.sync(minutes=1)
    fresh = lab.requests()[before:]
    assert [line["method"] for line in fresh] == ["POST"]
    assert "/query" in fresh[0]["path"]
    assert (report.requests, report.writes) == (1, 0)


def test_no_request_after_creation_contains_what_the_operator_owns(lab: Lab, tmp_path: Path) -> None:
    lab.new(template(item("env-mode", probes=MODE), item("word", order=1)), ENV_FILE=str(env(tmp_path)))
    lab.person("Sato", "env-mode", done=True)
    lab.person("Sato", "word", decision="Waive", note="text:because")
    lab.sync()
    ids = lab.workspace.check_ids
    theirs = {ids[code] for code in ("done", "decision", "note", "until", "approved", "attachments")}
    theirs |= {"Done", "Decision", "Note", "Until", "Approved", "Attachments"}
    written = [line for line in lab.requests() if line["method"] == "PATCH" and "person" not in line["actor"]]
    assert written
    for line in written:
        assert not theirs & set((line["body"].get("properties") or {}).keys())


def test_a_decision_waits_for_its_note_settles_with_it_and_is_taken_back(lab: Lab) -> None:
    lab.new(template(item("word")))
    lab.person("Sato", "word", decision="Waive")
    lab.sync()
    row = lab.row("word")
    assert (row.result, row.settled) == ("waiting", False)
    lab.person("Sato", "word", note="text:agreed with the owner")
    lab.sync()
    row = lab.row("word")
    assert (row.result, row.settled) == ("waived", True)
    assert "agreed with the owner" in row.why
    lab.person("Sato", "word", decision=None)
    lab.sync()
    row = lab.row("word")
    assert (row.result, row.settled) == ("", False)


def test_a_waiver_of_other_facts_does_not_hold(lab: Lab, tmp_path: Path) -> None:
    path = env(tmp_path, 0o644)
    lab.new(template(item("env-mode", probes=MODE)), ENV_FILE=str(path))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    lab.person("Sato", "env-mode", decision="Waive", note="text:group may read")
    lab.sync()
    assert lab.row("env-mode").result == "waived"
    path.chmod(0o666)
    lab.sync(minutes=20)
    row = lab.row("env-mode")
    assert (row.result, row.settled) == ("failed", False)
    assert "other facts" in row.why


def test_a_forged_result_is_put_right_and_named(lab: Lab) -> None:
    lab.new(template(item("word")))
    lab.person("Mallory", "word", Result="Passed", Settled=True)
    lab.sync()
    row = lab.row("word")
    assert (row.result, row.settled) == ("", False)
    assert "Mallory" in row.why
    assert [entry for entry in lab.release().journal.entries() if entry.kind == "put-right"]


def test_a_persons_word_confirms_but_an_integrations_does_not(lab: Lab) -> None:
    lab.new(template(item("word"), item("robot", order=1)))
    lab.person("Sato", "word", done=True)
    lab.person("", "robot", done=True)
    lab.sync()
    assert lab.row("word").result == "confirmed"
    row = lab.row("robot")
    assert (row.result, row.settled) == ("waiting", False)


def test_another_machine_cannot_tell(lab: Lab, tmp_path: Path) -> None:
    lab.new(template(item("env-mode", probes=MODE)), ENV_FILE=str(env(tmp_path)))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    lab.machine = ELSEWHERE
    lab.sync(minutes=1)
    row = lab.row("env-mode")
    assert (row.result, row.settled) == ("cannot-tell", False)
    assert "laptop" in row.why


def test_an_unset_variable_is_unknown(lab: Lab) -> None:
    lab.new(template(item("env-mode", probes=MODE)))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    row = lab.row("env-mode")
    assert (row.result, row.settled) == ("cannot-tell", False)
    assert "ENV_FILE" in row.why


def test_an_optional_probe_is_left_out_where_its_variable_is_unset(lab: Lab, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("x")
    unset = ProbeSpec(probe="file", options={"path": "${NOWHERE}", "optional": True})
    here = ProbeSpec(probe="file", options={"path": str(there), "optional": True})
    lab.new(template(item("both", probes=(unset, here)), item("none", probes=(unset,))))
    lab.person("Sato", "both", done=True)
    lab.person("Sato", "none", done=True)
    lab.sync()
    assert lab.row("both").result == "passed"
    assert (lab.row("none").result, "NOWHERE" in lab.row("none").why) == ("cannot-tell", True)
    there.unlink()
    lab.sync(minutes=20)
    assert lab.row("both").result == "failed"


def test_losing_the_state_folder_leaves_nothing_green(lab: Lab, tmp_path: Path) -> None:
    lab.new(template(item("env-mode", probes=MODE)), ENV_FILE=str(env(tmp_path)))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    page_id = lab.release().manifest.rows["env-mode"]
    (lab.home / "releases").rename(tmp_path / "gone")
    lab.sync(minutes=30)
    page = lab.call("GET", f"pages/{page_id}")
    assert page["properties"]["Result"]["select"]["name"] == "Can't tell"
    assert page["properties"]["Settled"]["checkbox"] is False
    assert "adopt v1.0.0" in page["properties"]["Why"]["rich_text"][0]["plain_text"]


def test_a_page_in_the_trash_is_said_and_nothing_is_written_until_it_is_back(lab: Lab) -> None:
    lab.new(template(item("one")))
    lab.person("Sato", "one", done=True)
    page = lab.release().manifest.page_id
    lab.call("PATCH", f"pages/{page}", {"in_trash": True}, who="Sato")
    found = lab.sync()
    assert any("in Notion's trash" in problem.en for problem in found.problems)
    assert lab.row("one").result == "confirmed"
    assert lab.sync().writes == 0
    lab.call("PATCH", f"pages/{page}", {"in_trash": False}, who="Sato")
    assert lab.sync().problems == []
    assert lab.page().status == "ready-to-close"
    assert lab.sync().requests == 1

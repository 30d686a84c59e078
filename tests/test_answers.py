"""The codes of test messages: the row waits until somebody has typed them into Note."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import families
from tests.lab import Lab, item, template
from ultra_checklist.bundle import build
from ultra_checklist.close import Closer
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.history import fold
from ultra_checklist.model import Ending, ProbeSpec, Template
from ultra_checklist.notion.client import Notion
from ultra_checklist.recount import recount
from ultra_checklist.verify import verify


@pytest.fixture(autouse=True)
def _families() -> Iterator[None]:
    with families.installed():
        yield


def checklist(folder: Path, approvals: int = 0) -> Template:
    probes = tuple(
        ProbeSpec(probe="sender", options={"path": str(folder / name), "codes": codes})
        for name, codes in (("line", ["ABCD", "EFGH"]), ("slack", ["WXYZ", "QRST"]))
    )
    return template(item("told", probes=probes, approvals=approvals))


def sent(folder: Path) -> list[str]:
    return [(folder / name).read_text() for name in ("line", "slack")]


def start(lab: Lab, folder: Path, approvals: int = 0) -> None:
    lab.new(checklist(folder, approvals))
    lab.person("Sato", "told", done=True)
    lab.sync()


def test_accepted_is_not_delivered(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    row = lab.row("told")
    assert (row.result, row.settled) == ("waiting", False)
    assert "type the 4-letter code" in row.why
    assert "codes missing: 2" in row.why
    assert "message 1 accepted" in row.why
    assert not [code for code in ("ABCD", "WXYZ") if code in lab.release().journal.path.read_text()]


def test_one_code_of_two_still_waits_and_both_settle_without_a_second_message(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "told", note="text:LINE に届いた: abcd")
    lab.sync(minutes=1)
    row = lab.row("told")
    assert (row.result, row.settled) == ("waiting", False)
    assert "codes missing: 1" in row.why
    lab.person("Sato", "told", note="text:LINE に届いた: abcd、Slack は WXYZ")
    lab.sync(minutes=1)
    row = lab.row("told")
    assert (row.result, row.settled) == ("passed", True)
    lab.sync(minutes=60)
    assert sent(tmp_path) == ["ABCD", "WXYZ"]


@pytest.mark.parametrize(
    ("note", "settled"),
    [
        ("ABCD WXYZ", True),
        ("abcd/wxyz", True),
        ("ＡＢＣＤ、ｗｘｙｚ", True),
        ("コードABCDとWXYZです", True),
        ("ABCD1 2WXYZ", True),
        ("ABCDWXYZ", False),
        ("ABCDE WXYZ", False),
        ("A B C D W X Y Z", False),
        ("ABC WXYZ", False),
    ],
)  # fmt: skip
def test_a_code_is_a_word_of_four_letters(lab: Lab, tmp_path: Path, note: str, settled: bool) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "told", note=f"text:{note}")
    lab.sync(minutes=1)
    assert lab.row("told").settled is settled


def test_what_was_answered_once_stays_answered_when_the_note_is_used_for_something_else(
    lab: Lab, tmp_path: Path
) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "told", note="text:ABCD")
    lab.sync(minutes=1)
    lab.person("Sato", "told", note="text:WXYZ")
    lab.sync(minutes=1)
    lab.person("Sato", "told", note="text:thanks")
    lab.sync(minutes=1)
    assert lab.row("told").settled


def test_a_new_tick_sends_again_and_an_old_code_answers_nothing(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "told", note="text:ABCD WXYZ")
    lab.sync(minutes=1)
    lab.person("Sato", "told", done=False)
    lab.sync(minutes=1)
    lab.person("Sato", "told", done=True)
    lab.sync(minutes=1)
    assert sent(tmp_path) == ["ABCD EFGH", "WXYZ QRST"]
    assert lab.row("told").result == "waiting"
    lab.person("Sato", "told", note="text:EFGH QRST")
    lab.sync(minutes=1)
    assert lab.row("told").settled


def test_a_note_of_before_the_message_is_looked_at_too(lab: Lab, tmp_path: Path) -> None:
    lab.new(checklist(tmp_path))
    lab.person("Sato", "told", done=True, note="text:ABCD WXYZ")
    lab.sync()
    assert lab.row("told").settled


def test_the_answer_comes_first_and_the_approval_after_it(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path, approvals=1)
    assert "4-letter" in lab.row("told").why
    lab.person("Sato", "told", note="text:ABCD WXYZ")
    lab.sync(minutes=1)
    assert "second person" in lab.row("told").why
    lab.person("Suzuki", "told", approved=True)
    lab.sync(minutes=1)
    assert lab.row("told").settled


def test_a_row_that_waits_for_an_answer_costs_one_request_a_pass(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    report = lab.sync(minutes=1)
    assert (report.requests, report.writes) == (1, 0)


def test_journal_account_and_bundle_know_who_answered(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    lab.person("Sato", "told", note="text:ABCD WXYZ")
    lab.sync(minutes=1)
    release = lab.release()
    answered = [entry for entry in release.journal.entries() if entry.kind == "answered"]
    assert [(entry.data["item"], entry.data["by"]["name"]) for entry in answered] == [("told", "Sato")]
    assert fold(release.journal.entries()).check("told").answered == set(answered[0].data["answers"])
    account = recount(release, "en")
    assert account.checks[0].standing == "passed"
    assert [(e.kind, e.by.name) for e in account.events if e.kind == "answered" and e.by] == [("answered", "Sato")]

    async def close(notion: Notion) -> bool:
        fresh = lab.release()
        return await Closer(lab.bench(notion), fresh, lab.reconciler(notion, fresh), lab.home).close(
            Ending.COMPLETE, ""
        )

    assert lab.run(close)
    target = tmp_path / "bundle.tar"
    build(lab.release(), EvidenceStore(lab.home), None, target)
    bundle = verify(target)
    assert bundle.predicate.checks[0].settled
    assert bundle.history.check("told").unanswered(bundle.history.check("told").proof) == frozenset()


def test_the_japanese_words_say_what_to_do(lab: Lab, tmp_path: Path) -> None:
    start(lab, tmp_path)
    release = lab.release()
    account = recount(release, "ja")
    assert "4 文字のコード" in account.checks[0].why
    assert "残り 2 件" in account.checks[0].why

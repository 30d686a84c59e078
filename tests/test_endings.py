"""Endings in all their forms: chosen on the page, rolled back, superseded; files that Notion takes and refuses."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lab import ELSEWHERE, Lab, item, template
from tests.shell import SMALL, Served
from ultra_checklist import uploads
from ultra_checklist.close import Closer
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.model import Ending, ProbeSpec, Template, When
from ultra_checklist.notion.client import Notion
from ultra_checklist.overview import overview
from ultra_checklist.release import Release
from ultra_checklist.rollback import RollbackFails

GOOD, BAD = "c" * 40, "d" * 40
"""The commit of every release of the laboratory, and another one."""


def close(lab: Lab, ending: Ending, reason: str = "because", version: str = "v1.0.0", **more: bool) -> bool:
    async def work(notion: Notion) -> bool:
        release = lab.release(version)
        reconciler = lab.reconciler(notion, release)
        return await Closer(lab.bench(notion), release, reconciler, lab.home).close(ending, reason, **more)

    return lab.run(work)


def choose(lab: Lab, ending: str | None = None, reason: str | None = None, version: str = "v1.0.0") -> None:
    """Somebody chooses how the release is to end, on its page."""
    properties: dict[str, Any] = {}
    if ending is not None:
        properties["Close"] = {"select": {"name": ending} if ending else None}
    if reason is not None:
        properties["Close reason"] = {"rich_text": [{"text": {"content": reason}}]}
    lab.call("PATCH", f"pages/{lab.release(version).manifest.page_id}", {"properties": properties}, who="Sato")


def made_of(lab: Lab, version: str = "v1.0.0") -> str:
    page = lab.call("GET", f"pages/{lab.release(version).manifest.page_id}")
    return "".join(piece["plain_text"] for piece in page["properties"]["Made of"]["rich_text"])


def page_text(lab: Lab, version: str = "v1.0.0") -> str:
    children = lab.call("GET", f"blocks/{lab.release(version).manifest.page_id}/children")["results"]
    return json.dumps(children, ensure_ascii=False)


# --- chosen on the page


def test_an_ending_chosen_without_its_reason_says_what_is_missing(lab: Lab) -> None:
    lab.new(template(item("one")))
    lab.sync()
    choose(lab, "Aborted")
    lab.sync(minutes=25 * 60)
    lab.sync(minutes=1)
    assert lab.release().open
    assert made_of(lab) == "1 = 1 open ⚠ Close: Aborted waits for a reason; write it into Close reason"
    before = len(lab.requests())
    lab.sync(minutes=1)
    assert len(lab.requests()) - before == 1, "said once"
    choose(lab, reason="wrong tag")
    lab.sync(minutes=25 * 60)
    assert lab.page().status == "aborted"
    assert made_of(lab) == "1 = 1 open"
    sealed = lab.release().history.sealed
    assert sealed is not None
    assert sealed["reason"] == "wrong tag"


def test_complete_chosen_too_early_waits_and_then_comes_at_once(lab: Lab) -> None:
    lab.new(template(item("one"), item("two", order=1)))
    lab.person("Sato", "one", done=True)
    lab.sync()
    choose(lab, "Complete")
    lab.sync(minutes=16)
    lab.sync(minutes=1)
    assert "waits until every required check is settled" in made_of(lab)
    lab.person("Sato", "two", done=True)
    lab.sync(minutes=1)
    assert lab.page().status == "complete"


def test_nothing_completes_by_itself_while_another_ending_is_chosen(lab: Lab) -> None:
    lab.close_after = 600.0
    lab.new(template(item("one")))
    lab.person("Sato", "one", done=True)
    lab.sync()
    choose(lab, "Aborted")
    for _ in range(4):
        lab.sync(minutes=16)
    assert lab.release().open
    choose(lab, "")
    for _ in range(4):
        lab.sync(minutes=16)
    assert lab.page().status == "complete"


def test_an_ending_that_was_taken_back_since_the_page_was_read_does_not_come(lab: Lab) -> None:
    lab.new(template(item("one")))
    lab.sync()
    choose(lab, "Aborted", "wrong tag")
    release = lab.release()
    assert release.mirror.page is not None
    # As a pass has read it that was cut off before it could act.
    known = {"close": "aborted", "close_reason": "wrong tag"}
    release.mirror.page = release.mirror.page.model_copy(update=known)
    release.mirror.save()
    choose(lab, "")
    lab.sync(minutes=1)
    assert lab.release().open
    assert lab.page().status == "preparing"


# --- rollback


def checklist(seen: Path) -> Template:
    """A deploy, and a check that the running commit is the right one."""
    running = (ProbeSpec(probe="command", options={"run": ["grep", "-qx", "${COMMIT}", str(seen)]}),)
    other = (ProbeSpec(probe="command", options={"run": ["true"]}),)
    return template(
        item("deploy", deploys=True),
        item("running", order=1, after_deploy=True, probes=running),
        item("other", order=2, after_deploy=True, probes=other),
        item("decided", order=3, required=False, when=When(failed=("running",))),
    )


@pytest.fixture
def rolled(lab: Lab, tmp_path: Path) -> Path:
    """v0.9.0 has completed with the good commit; v1.0.0 has deployed the bad one. Returns what runs now."""
    seen = tmp_path / "running"
    seen.write_text(GOOD + "\n")
    lab.close_after = 0.0
    lab.new(checklist(seen), "v0.9.0", COMMIT=GOOD)
    for _ in range(2):
        for name in ("deploy", "running", "other"):
            page = lab.release("v0.9.0").manifest.rows[name]
            lab.call("PATCH", f"pages/{page}", {"properties": {"Done": {"checkbox": True}}}, who="Sato")
        lab.sync(minutes=1)
    assert not lab.release("v0.9.0").open
    lab.close_after = 1e9
    seen.write_text(BAD + "\n")
    lab.new(checklist(seen), COMMIT=BAD)
    lab.person("Sato", "deploy", done=True)
    lab.sync(minutes=1)
    return seen


def test_the_last_good_commit_is_that_of_the_newest_release_that_completed_here(lab: Lab, rolled: Path) -> None:
    assert rolled.exists()
    assert lab.release().last_good() == GOOD
    other = lab.release().manifest.model_copy(update={"environment": "staging"})
    assert Release(lab.shelf, other).last_good() == ""
    elsewhere = lab.release().manifest.model_copy(update={"machine": ELSEWHERE})
    assert Release(lab.shelf, elsewhere).last_good() == ""


def test_what_opens_when_something_fails_says_what_failed_and_where_a_rollback_leads(
    lab: Lab, rolled: Path
) -> None:
    assert (lab.row("decided").settled, lab.row("decided").why) == (
        True,
        "not open: nothing it depends on has failed",
    )
    rolled.write_text("neither\n")
    lab.person("Sato", "running", done=True)
    lab.sync(minutes=1)
    told = f"failed: running です; last good commit: {GOOD[:12]}"
    assert (lab.row("decided").settled, lab.row("decided").why) == (False, told)
    lab.person("Sato", "decided", done=True)
    lab.sync(minutes=1)
    assert lab.row("decided").why == f"a person's word: Sato – {told}"
    rolled.write_text(BAD + "\n")
    lab.person("Sato", "decided", done=False)
    lab.sync(minutes=11)
    assert (lab.row("decided").settled, lab.row("decided").why) == (
        True,
        "not open: nothing it depends on has failed",
    )


def test_a_rollback_is_proved_again_on_the_last_good_commit(lab: Lab, rolled: Path) -> None:
    rolled.write_text(GOOD + "\n")
    assert close(lab, Ending.ROLLED_BACK)
    sealed = lab.release().history.sealed
    assert sealed is not None
    assert [(one["item"], one["outcome"], one["commit"]) for one in sealed["rollback"]] == [
        ("running", "pass", GOOD)
    ]
    evidence = sealed["rollback"][0]["lines"][0]["evidence"]
    assert GOOD in EvidenceStore(lab.home).get(evidence).decode()
    assert lab.page().status == "rolled-back"
    assert f"Proved again on the last good commit {GOOD[:12]}" in page_text(lab)
    assert "running passes" in page_text(lab)


def test_a_rollback_that_is_none_is_refused_unless_it_is_to_end_so_anyway(lab: Lab, rolled: Path) -> None:
    assert rolled.read_text().strip() == BAD
    with pytest.raises(RollbackFails, match="running fails on the last good commit"):
        close(lab, Ending.ROLLED_BACK)
    assert lab.release().history.sealed is None
    assert close(lab, Ending.ROLLED_BACK, anyway=True)
    assert lab.page().status == "rolled-back"
    assert "running FAILS" in page_text(lab)
    assert "🚨" in page_text(lab)


def test_a_rollback_that_is_none_waits_on_the_page_and_says_why(lab: Lab, rolled: Path) -> None:
    choose(lab, "Rolled back", "smoke test")
    lab.sync(minutes=16)
    lab.sync(minutes=1)
    assert lab.release().open
    assert "Close: Rolled back is not so: running fails on the last good commit" in made_of(lab)
    before = len(lab.requests())
    lab.sync(minutes=1)
    assert len(lab.requests()) - before == 1, "tried every ten minutes, not at every pass"
    rolled.write_text(GOOD + "\n")
    lab.sync(minutes=11)
    assert lab.page().status == "rolled-back"


def test_without_a_last_good_commit_it_cannot_be_told_and_is_never_gated(lab: Lab, tmp_path: Path) -> None:
    lab.new(checklist(tmp_path / "missing"), COMMIT=BAD)
    lab.person("Sato", "deploy", done=True)
    lab.sync(minutes=1)
    assert close(lab, Ending.ROLLED_BACK)
    sealed = lab.release().history.sealed
    assert sealed is not None
    assert [one["outcome"] for one in sealed["rollback"]] == ["unknown"]
    assert "no last good commit is known" in page_text(lab)
    assert "❓" in page_text(lab)
    # The same version once more is attempt 2, and that can complete.
    assert lab.new(template(item("one"))).key == "try/production/v1.0.0~2"
    lab.close_after = 0.0
    lab.person("Sato", "one", done=True)
    lab.sync(minutes=1)
    assert lab.page().status == "complete"


# --- files


def with_log(lab: Lab, content: bytes) -> str:
    """A deploy was run whose log is in the evidence store; returns the log's digest."""
    lab.new(template(item("deploy", deploys=True)))
    digest = hashlib.sha256(content).hexdigest()
    path = EvidenceStore(lab.home).path(digest)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    release = lab.release()
    release.record("run-started", {"number": 1, "item": "deploy", "deploy": 1})
    ended = {"number": 1, "exit_code": 0, "log": digest, "log_bytes": len(content), "log_complete": True}
    release.record("run-ended", ended)
    release.mirror.save()
    return digest


def files(lab: Lab) -> list[str]:
    page = lab.call("GET", f"pages/{lab.release().manifest.page_id}")
    return [file["name"] for file in page["properties"]["Files"]["files"]]


def test_the_log_of_a_deploy_is_uploaded(lab: Lab) -> None:
    with_log(lab, b"hello\n")
    close(lab, Ending.ABORTED)
    assert files(lab) == [
        "v1.0.0.journal.log.txt",
        "v1.0.0.record.json",
        "v1.0.0.deploy-1.log.txt",
        "v1.0.0.statement.json",
    ]


def test_of_a_log_that_is_too_large_the_newest_part_that_fits_is_uploaded(lab: Lab) -> None:
    line = b"%07d\n"
    content = b"".join(line % n for n in range(6 * 1024 * 1024 // 8))
    digest = with_log(lab, content)
    close(lab, Ending.ABORTED)
    made = next(f for f in lab.release().history.steps["uploads"] if "deploy-1" in f["name"])
    assert (made["sha256"], made["size"]) == (digest, len(content))
    assert lab.workspace.max_upload - 8 <= made["sent"] <= lab.workspace.max_upload
    answer = lab.call("GET", f"file_uploads/{made['id']}")
    assert (answer["status"], answer["content_length"]) == ("uploaded", made["sent"])
    assert digest in page_text(lab)
    assert "the newest" in page_text(lab)


def test_an_upload_that_notion_refuses_is_said_and_stops_no_ending(lab: Lab) -> None:
    """The workspace was downgraded since init: it takes less than it said."""
    content = b"x" * (6 * 1024 * 1024)
    digest = with_log(lab, content)
    lab.workspace = lab.workspace.model_copy(update={"max_upload": 20 * 1024 * 1024})
    close(lab, Ending.ABORTED)
    assert lab.page().status == "aborted"
    assert files(lab) == ["v1.0.0.journal.log.txt", "v1.0.0.record.json", "v1.0.0.statement.json"]
    assert "v1.0.0.deploy-1.log.txt was not uploaded" in page_text(lab)
    assert digest in page_text(lab)
    assert EvidenceStore(lab.home).get(digest) == content
    assert any("was not uploaded" in note for note in overview(lab.release(), "en")["notes"])


def test_a_log_that_was_pruned_stops_no_ending(lab: Lab) -> None:
    EvidenceStore(lab.home).path(with_log(lab, b"hello\n")).unlink()
    close(lab, Ending.ABORTED)
    assert "v1.0.0.deploy-1.log.txt" not in files(lab)


class Killed(BaseException):
    """Stands for the process's end."""


def test_uploads_that_notion_has_dropped_meanwhile_are_made_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between uploads and record; the next run comes when Notion has dropped what nothing refers to."""
    lab.new(template(item("one")))
    append = Closer._append

    async def cut(*_: object) -> Any:
        raise Killed

    monkeypatch.setattr(Closer, "_append", cut)
    with pytest.raises(Killed):
        close(lab, Ending.ABORTED)
    monkeypatch.setattr(Closer, "_append", append)
    first = [file["id"] for file in lab.release().history.steps["uploads"]]
    lab.now += timedelta(hours=2)
    lab.sync()
    second = [file["id"] for file in lab.release().history.steps["uploads"]]
    assert not set(first) & set(second)
    assert files(lab) == ["v1.0.0.journal.log.txt", "v1.0.0.record.json", "v1.0.0.statement.json"]
    assert lab.page().status == "aborted"


def test_uploads_that_the_record_shows_are_not_made_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the record was appended, before the journal knew."""
    lab.new(template(item("one")))
    append = Closer._append

    async def cut(self: Closer, *given: Any) -> Any:
        await append(self, *given)
        raise Killed

    monkeypatch.setattr(Closer, "_append", cut)
    with pytest.raises(Killed):
        close(lab, Ending.ABORTED)
    monkeypatch.setattr(Closer, "_append", append)
    first = lab.release().history.steps["uploads"]
    lab.now += timedelta(hours=2)
    lab.sync()
    assert lab.release().history.steps["uploads"] == first
    assert page_text(lab).count('"heading_2"') == 2, "type and content of one heading"


def test_a_page_in_the_trash_stops_no_ending_and_loses_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.new(template(item("one")))
    page = lab.release().manifest.page_id
    upload = Closer._upload

    async def trash(self: Closer) -> Any:
        await self._bench.notion.patch(f"pages/{page}", {"in_trash": True})
        return await upload(self)

    monkeypatch.setattr(Closer, "_upload", trash)

    async def work(notion: Notion) -> list[str]:
        release = lab.release()
        closer = Closer(lab.bench(notion), release, lab.reconciler(notion, release), lab.home)
        await closer.close(Ending.ABORTED, "wrong tag")
        return [problem.en for problem in closer.problems]

    problems = lab.run(work)
    assert "its page is in the trash" in problems[0]
    release = lab.release()
    assert release.history.ended is Ending.ABORTED
    assert any("in the trash" in note for note in overview(release, "en")["notes"])
    assert lab.row("one").live is False
    lab.sync(minutes=1)


def test_the_statement_of_a_bundle_goes_along(lab: Lab, tmp_path: Path) -> None:
    import tarfile

    lab.new(template(item("one")))
    statement = tmp_path / "statement.json"
    statement.write_text('{"payload": ""}')
    with tarfile.open(lab.release().folder / "bundle.tar", "w") as archive:
        archive.add(statement, "bundle/statement.json")
    close(lab, Ending.ABORTED)
    assert "v1.0.0.statement.json" in files(lab)
    (lab.release().folder / "bundle.tar").write_bytes(b"no archive")
    assert uploads._statement(lab.release().folder / "bundle.tar") == b""


# --- the command line


def test_close_and_supersede_on_the_command_line(served: Served) -> None:
    served.ok("init")
    (served.folder / "small.md").write_text(SMALL)
    served.ok("new", "v1", "-t", "small.md")
    refused = served.run("close", "v1", "--as", "complete")
    assert refused.returncode == 1
    assert "there, word, another" in refused.stderr
    without = served.run("close", "v1", "--as", "rolled-back")
    assert without.returncode == 2
    assert "needs a reason" in without.stderr
    served.ok("new", "v2", "-t", "small.md", "--supersede")
    assert json.loads(served.ok("status", "v1", "--format", "json"))[0]["status_code"] == "superseded"
    served.ok("close", "v2", "--as", "rolled-back", "--reason", "smoke test failed")
    assert json.loads(served.ok("status", "v2", "--format", "json"))[0]["status_code"] == "rolled-back"
    again = served.run("close", "v2", "--as", "aborted", "--reason", "twice")
    assert again.returncode == 1
    assert "has ended (rolled-back)" in again.stderr
    served.ok("new", "v2", "-t", "small.md")
    for name in ("v2~2/there", "v2~2/word", "v2~2/another"):
        served.tick(name)
    served.ok("sync")
    served.ok("close", "v2", "--as", "complete")
    assert json.loads(served.ok("status", "v2", "--format", "json"))[0]["key"].endswith("v2~2")

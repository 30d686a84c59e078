"""A gate in the laboratory: what it looks at, what it says, what it writes down."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gates import KEY, ask, raising, status
from tests.lab import Lab, item, template
from ultra_checklist.answer import GateAnswer, Openness, needed
from ultra_checklist.errors import StateError
from ultra_checklist.guarded import guards_of
from ultra_checklist.model import Ending, Gate, ProbeSpec, Result, When
from ultra_checklist.notion.client import Notion
from ultra_checklist.release import Release
from ultra_checklist.states import Choice, Place, Situation, decide
from ultra_checklist.whose import _TURNS

MODE = (ProbeSpec(probe="file", options={"path": "${ENV_FILE}", "mode": "0600"}),)
DOWN = raising(httpx.ConnectError)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / "env"
    path.write_text("A=b\n")
    path.chmod(0o600)
    return path


def ready(lab: Lab, env: Path, *, word: bool = True) -> None:
    """A release whose gate is open: a proved check, and a person's word."""
    lab.new(template(item("mode", probes=MODE), item("word", order=1), gate=("one",)), ENV_FILE=str(env))
    lab.person("Sato", "mode", done=True)
    if word:
        lab.person("Suzuki", "word", done=True)
    lab.sync(minutes=1)


def lines(lab: Lab, kind: str) -> list[dict[str, Any]]:
    return [dict(entry.data) for entry in lab.release().journal.entries() if entry.kind == kind]


def only(answer: GateAnswer) -> Any:
    assert len(answer.open) == 1
    return answer.open[0]


def test_an_open_gate_says_what_it_rests_on_and_is_filed(lab: Lab, env: Path) -> None:
    ready(lab, env)
    before = lab.release().journal.head
    answer = ask(lab)
    assert (answer.outcome, answer.exit_code, answer.open) == (Openness.OPEN, 0, ())
    assert answer.made_of.en == "2 = 1 proved, 1 a person's word"
    assert lines(lab, "gate") == [
        {"gate": "deploy", "outcome": "open", "open": [], "offline": False}
        | {"reason": answer.reason.en, "made_of": answer.made_of.en, "head": before}
    ]
    assert answer.head == lab.release().journal.head
    kept = lab.release().history.gates["deploy"]
    assert (kept.outcome, kept.head, kept.open) == ("open", before, ())


def test_a_gate_sees_a_tick_that_no_pass_has_seen(lab: Lab, env: Path) -> None:
    ready(lab, env, word=False)
    assert only(ask(lab)).id == "word"
    lab.person("Suzuki", "word", done=True)
    assert ask(lab).exit_code == 0
    assert lab.row("word").result == "confirmed"


def test_a_gate_sees_an_untick_that_no_pass_has_seen(lab: Lab, env: Path) -> None:
    ready(lab, env)
    lab.person("Suzuki", "word", done=False)
    check = only(ask(lab))
    assert (check.id, check.number, check.result) == ("word", "1.2", None)
    assert check.whose.en == "nobody has ticked it"
    assert "未チェック" in check.whose.ja


def test_a_gate_looks_again_at_what_passed_longer_ago_than_max_age(lab: Lab, env: Path) -> None:
    ready(lab, env)
    env.chmod(0o644)
    lab.now += timedelta(minutes=14)
    assert ask(lab).exit_code == 0
    lab.now += timedelta(minutes=2)
    check = only(ask(lab))
    assert (check.id, check.result) == ("mode", Result.FAILED)
    assert "0644" in check.why.en
    assert "chmod 600" in check.todo.en
    assert check.whose.en == "the machine (ticked by Sato)"
    assert lab.row("mode").result == "failed"


def test_in_quiet_hours_a_gate_does_not_believe_longer(lab: Lab, env: Path) -> None:
    """A pass would believe for six hours; before something begins that is too long."""
    ready(lab, env)
    lab.sync(minutes=90)
    env.chmod(0o644)
    lab.now += timedelta(minutes=16)
    assert only(ask(lab)).id == "mode"


def test_a_look_that_was_left_out_is_noticed(lab: Lab, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the looking ever miss a check, the answer still knows how old its proof is."""
    ready(lab, env)
    lab.sync(minutes=90)
    monkeypatch.setattr("ultra_checklist.gate.to_look_at", lambda _asked: [])
    lab.now += timedelta(minutes=14)
    assert ask(lab).exit_code == 0
    lab.now += timedelta(minutes=2)
    answer = ask(lab)
    assert (answer.exit_code, answer.reason.en) == (3, "not looked at within max_age: mode")


def test_a_probe_that_leaves_the_process_keeps_the_gate_closed(
    lab: Lab, env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultra_checklist.probes.file import FileProbe

    async def leave(*_: object) -> None:
        raise SystemExit(0)

    ready(lab, env)
    monkeypatch.setattr(FileProbe, "observe", leave)
    lab.now += timedelta(minutes=20)
    assert only(ask(lab)).result is Result.CANNOT_TELL


def test_a_gate_looks_at_what_failed_although_the_worker_would_wait(lab: Lab, env: Path) -> None:
    env.chmod(0o644)
    ready(lab, env)
    for _ in range(16):
        lab.sync(minutes=5)
    env.chmod(0o600)
    assert ask(lab).exit_code == 0


def test_a_gate_looks_at_what_its_checks_depend_on(lab: Lab, env: Path) -> None:
    """The needed check lies in another section, and has gone bad since."""
    items = (item("word", needs=("mode",)), item("mode", section="other", order=1, probes=MODE))
    lab.new(template(*items, gate=("one",)), ENV_FILE=str(env))
    for one in ("word", "mode"):
        lab.person("Sato", one, done=True)
    lab.sync(minutes=1)
    assert ask(lab).exit_code == 0
    env.chmod(0o644)
    lab.now += timedelta(minutes=20)
    check = only(ask(lab))
    assert (check.id, check.result) == ("word", Result.BLOCKED)
    assert "mode" in check.whose.en


def test_what_depends_is_followed_through_sections_and_circles() -> None:
    items = (
        item("a", needs=("b",)),
        item("b", section="two", needs=("a", "c")),
        item("c", section="three"),
        item("d", when=When(failed=("four",))),
        item("e", section="four"),
        item("f", section="five"),
    )
    release = template(*items, gate=("one",))
    found = needed(_manifest(release), release.gates[0])
    assert [one.id for one in found] == ["a", "d", "b", "c", "e"]


def _manifest(checklist: Any) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(items=checklist.items, template=checklist)


def test_asking_again_writes_nothing_to_notion(lab: Lab, env: Path) -> None:
    ready(lab, env)
    ask(lab)
    before = len(lab.requests())
    ask(lab)
    fresh = lab.requests()[before:]
    assert [line["method"] for line in fresh] == ["GET", "POST"]
    assert fresh[1]["path"].endswith("/query")


@pytest.mark.parametrize("offline", [False, True])
def test_after_the_deploy_what_was_frozen_counts_and_is_said(lab: Lab, env: Path, offline: bool) -> None:
    items = (item("mode", probes=MODE, until_deploy=True), item("run", section="two", order=1, deploys=True))
    lab.new(template(*items, gate=("one",)), ENV_FILE=str(env))
    for one in ("mode", "run"):
        lab.person("Sato", one, done=True)
        lab.sync(minutes=1)
    env.chmod(0o644)
    lab.sync(minutes=14)
    lab.now += timedelta(minutes=14)
    answer = ask(lab, DOWN) if offline else ask(lab)
    assert (answer.exit_code, answer.frozen, answer.offline) == (0, ("mode",), offline)


def test_a_message_is_not_sent_again_by_a_gate(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof whose probe has an effect does not age: it would have to be sent again."""
    from ultra_checklist.probes.command import CommandProbe

    monkeypatch.setattr(CommandProbe, "effect", "message")
    sent = tmp_path / "sent"
    probe = ProbeSpec(probe="command", options={"run": ["sh", "-c", f"echo one >> {sent}"], "exit": 0})
    lab.new(template(item("hello", probes=(probe,)), gate=("one",)))
    lab.person("Sato", "hello", done=True)
    lab.sync(minutes=1)
    lab.now += timedelta(hours=5)
    assert ask(lab).exit_code == 0
    lab.now += timedelta(minutes=14)
    assert ask(lab, DOWN).exit_code == 0
    assert sent.read_text() == "one\n"


# --- without Notion


def test_without_notion_the_journal_decides_while_words_are_young(lab: Lab, env: Path) -> None:
    ready(lab, env)
    compared = lab.release().mirror.compared
    assert compared is not None
    lab.now = compared + timedelta(minutes=14, seconds=59)
    answer = ask(lab, DOWN)
    assert (answer.exit_code, answer.offline) == (0, True)
    lab.now = compared + timedelta(minutes=15)
    answer = ask(lab, DOWN)
    assert (answer.outcome, answer.open) == (Openness.CANNOT_TELL, ())
    assert "15 min" in answer.reason.en
    assert "cannot be reached" in answer.remedy.en
    assert [line["offline"] for line in lines(lab, "gate")] == [True, True]


def test_a_shorter_max_age_of_a_check_holds_for_its_words_too_and_a_longer_one_does_not(lab: Lab) -> None:
    items = (item("soon", max_age=60.0), item("late", section="two", order=1, max_age=1e6))
    checklist = template(*items, gate=("one",))
    gates = (*checklist.gates, Gate(name="late", sections=("two",)))
    lab.new(checklist.model_copy(update={"gates": gates}))
    for one in ("soon", "late"):
        lab.person("Sato", one, done=True)
    lab.sync(minutes=1)
    lab.now += timedelta(minutes=2)
    assert ask(lab, DOWN).exit_code == 3
    assert ask(lab, DOWN, gate=gates[1]).exit_code == 0
    lab.now += timedelta(minutes=14)
    assert ask(lab, DOWN, gate=gates[1]).exit_code == 3


def test_without_notion_the_machine_is_looked_at_and_notion_is_told_later(lab: Lab, env: Path) -> None:
    env.chmod(0o644)
    ready(lab, env)
    env.chmod(0o600)
    assert ask(lab, DOWN).exit_code == 0
    assert lab.row("mode").result == "failed"
    lab.sync()
    assert lab.row("mode").result == "passed"


def test_notion_that_fails_while_rows_are_written_does_not_undo_what_was_read(lab: Lab, env: Path) -> None:
    """Everything was compared and taken in; only the writes are refused."""
    ready(lab, env, word=False)
    lab.person("Suzuki", "word", done=True)
    lab.now += timedelta(hours=1)
    answer = ask(lab, status(500, "internal_server_error"), after=2)
    assert (answer.exit_code, answer.offline) == (0, True)
    assert lab.row("word").result == ""
    lab.sync()
    assert lab.row("word").result == "confirmed"


def test_rows_that_were_read_and_not_taken_in_make_nothing_young(lab: Lab, env: Path) -> None:
    """The page was read, then Notion was gone: what stands in the rows is not known."""
    ready(lab, env)
    lab.now += timedelta(hours=1)
    assert ask(lab, DOWN, after=1).exit_code == 3


@pytest.mark.parametrize("code", [401, 403, 404, 400])
def test_a_refusal_is_not_taken_for_an_outage(lab: Lab, env: Path, code: int) -> None:
    ready(lab, env)
    answer = ask(lab, status(code, "refused"))
    assert (answer.exit_code, answer.offline) == (3, False)
    assert answer.remedy.en


def test_an_untick_seen_in_an_answer_counts_although_the_rest_fails(lab: Lab, env: Path) -> None:
    """Sato unticks one row while the gate writes both; of the other write no answer comes."""
    env.chmod(0o644)
    ready(lab, env, word=False)
    env.chmod(0o600)
    lab.person("Suzuki", "word", done=True)
    rows = lab.release().manifest.rows
    tries = []

    def act(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH" and request.url.path.endswith(rows["word"]):
            return DOWN(request)
        if request.method == "PATCH" and request.url.path.endswith(rows["mode"]):
            tries.append(request)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(lab.person, "Sato", "mode", done=False).result()
        return None

    answer = ask(lab, act)
    assert len(tries) == 1
    assert (answer.outcome, answer.reason.en) == (
        Openness.CANNOT_TELL,
        "people changed rows while the gate was asked: mode",
    )
    assert ask(lab).exit_code == 1


# --- rows that were altered by hand


def test_a_trashed_row_closes_the_gate_once_and_is_named(lab: Lab, env: Path) -> None:
    ready(lab, env)
    page_id = lab.release().manifest.rows["word"]
    lab.call("PATCH", f"pages/{page_id}", {"in_trash": True}, who="Mallory")
    check = only(ask(lab))
    assert (check.id, check.todo.en.split(":")[0]) == ("word", "it was put right just now")
    assert "trash" in check.why.en
    assert ask(lab).exit_code == 0


def test_a_moved_row_is_made_again_and_nothing_of_it_is_believed(lab: Lab, env: Path) -> None:
    ready(lab, env)
    page_id = lab.release().manifest.rows["word"]
    body: dict[str, Any] = {"properties": {"Key": {"rich_text": []}, "Release": {"relation": []}}}
    lab.call("PATCH", f"pages/{page_id}", body, who="Mallory")
    assert ask(lab).exit_code == 1
    lab.call("PATCH", f"pages/{page_id}", {"in_trash": True}, who="Mallory")
    assert ask(lab).exit_code == 1


def test_a_doubled_row_in_which_somebody_wrote_is_not_settled(lab: Lab, env: Path) -> None:
    ready(lab, env)
    row = lab.call("GET", f"pages/{lab.release().manifest.rows['word']}")
    properties = {
        "Check": {"title": [{"text": {"content": "word です"}}]},
        "Key": {"rich_text": [{"text": {"content": f"{KEY}/word"}}]},
        "Release": {"relation": [{"id": row["properties"]["Release"]["relation"][0]["id"]}]},
        "Done": {"checkbox": True},
        "Live": {"checkbox": True},
    }
    parent = {"type": "data_source_id", "data_source_id": lab.workspace.checks}
    copy = lab.call("POST", "pages", {"parent": parent, "properties": properties}, who="Mallory")
    assert only(ask(lab)).id == "word"
    assert only(ask(lab)).result is Result.CANNOT_TELL
    assert ask(lab, DOWN).exit_code == 1
    lab.call("PATCH", f"pages/{copy['id']}", {"in_trash": True}, who="Mallory")
    ask(lab)
    assert ask(lab).exit_code == 0


def test_a_forged_result_closes_the_gate_once_and_names_who(lab: Lab, env: Path) -> None:
    ready(lab, env)
    lab.person("Mallory", "word", Result="Failed")
    check = only(ask(lab))
    assert "Mallory" in check.why.en
    assert lab.row("word").result == "confirmed"
    assert ask(lab).exit_code == 0


def test_an_edited_title_voids_nothing(lab: Lab, env: Path) -> None:
    ready(lab, env)
    page_id = lab.release().manifest.rows["word"]
    body = {"properties": {"Check": {"title": [{"text": {"content": "something else"}}]}}}
    lab.call("PATCH", f"pages/{page_id}", body, who="Sato")
    assert ask(lab).exit_code == 0
    assert lab.row("word").title == "word です"


def test_a_release_page_in_the_trash_answers_nothing(lab: Lab, env: Path) -> None:
    ready(lab, env)
    page_id = lab.release().manifest.page_id
    lab.call("PATCH", f"pages/{page_id}", {"in_trash": True}, who="Mallory")
    answer = ask(lab)
    assert (answer.exit_code, answer.offline) == (3, False)


def test_a_deleted_column_answers_nothing(lab: Lab, env: Path) -> None:
    ready(lab, env)
    done = lab.workspace.check_ids["done"]
    lab.call("PATCH", f"data_sources/{lab.workspace.checks}", {"properties": {done: None}}, who="Mallory")
    answer = ask(lab)
    assert answer.exit_code == 3
    assert "init" in answer.remedy.en


# --- what is not to be asked


def end(lab: Lab) -> None:
    from ultra_checklist.close import Closer

    async def close(notion: Notion) -> bool:
        release = lab.release()
        closer = Closer(lab.bench(notion), release, lab.reconciler(notion, release), lab.home)
        return await closer.close(Ending.ABORTED, "wrong tag")

    assert lab.run(close)


@pytest.mark.parametrize("act", [lambda _: None, DOWN], ids=["online", "offline"])
def test_the_gate_of_an_ended_release_is_closed_and_its_journal_stays_sealed(lab: Lab, env: Path, act: Any) -> None:
    ready(lab, env)
    end(lab)
    before = lab.release().journal.head
    answer = ask(lab, act)
    assert (answer.outcome, answer.exit_code) == (Openness.CLOSED, 1)
    assert answer.reason.en == "the release has ended: Aborted"
    assert answer.head == lab.release().journal.head == before


def test_a_gate_that_asks_nothing_never_opens(lab: Lab) -> None:
    lab.new(template(item("word", required=False), item("other", section="two", order=1), gate=("one",)))
    answer = ask(lab)
    assert answer.exit_code == 3
    assert "asks nothing" in answer.reason.en


def test_a_gate_that_the_release_does_not_have_never_opens(lab: Lab, env: Path) -> None:
    ready(lab, env)
    assert ask(lab, gate=Gate(name="other", sections=("nowhere",))).exit_code == 3


def test_a_page_that_is_unfinished_answers_nothing(lab: Lab, env: Path) -> None:
    ready(lab, env)
    manifest = lab.release().manifest
    lab.shelf.write(manifest.model_copy(update={"rows": {"mode": manifest.rows["mode"]}}))
    assert ask(lab).exit_code == 3


def test_an_error_that_nobody_foresaw_is_no_answer(lab: Lab, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(lab, env)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ultra_checklist.gate.decide", broken)
    with pytest.raises(ZeroDivisionError):
        ask(lab)
    assert lines(lab, "gate") == []


def test_an_open_answer_that_cannot_be_filed_is_not_given(
    lab: Lab, env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(lab, env)
    record = Release.record

    def full(self: Release, kind: str, data: Any) -> None:
        if kind == "gate":
            raise StateError("no space left on device", remedy="Free space")
        record(self, kind, data)

    monkeypatch.setattr(Release, "record", full)
    answer = ask(lab)
    assert (answer.exit_code, answer.head, answer.reason.en) == (3, "", "no space left on device")


def test_a_gate_waits_for_a_pass_that_ends(lab: Lab, env: Path) -> None:
    """The pass that holds the lock ends while the gate waits; the gate then reads what it left behind."""
    import threading

    from ultra_checklist import disk

    ready(lab, env)
    holds, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with disk.locked(lab.home / "worker.lock"):
            holds.set()
            may_end.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    assert holds.wait(10)
    assert ask(lab, wait=0.1).exit_code == 3
    timer = threading.Timer(0.3, may_end.set)
    timer.start()
    assert ask(lab, wait=10.0).exit_code == 0
    thread.join()


def test_what_another_command_files_while_a_gate_is_asked_counts(lab: Lab, env: Path) -> None:
    """A deploy begins, without the worker's lock, between the look and the answer."""
    checklist = template(
        item("mode", probes=MODE), item("late", order=1, after_deploy=True), gate=("one",)
    )  # fmt: skip
    lab.new(checklist, ENV_FILE=str(env))
    lab.person("Sato", "mode", done=True)
    lab.sync(minutes=1)
    lab.release().record("deploy", _deploy(1, lab))
    lab.person("Sato", "late", done=True)
    assert ask(lab).exit_code == 0
    began = False

    def act(request: httpx.Request) -> None:
        nonlocal began
        if not began and request.url.path.endswith("/query"):
            began = True
            lab.release().record("deploy", _deploy(2, lab) | {"ended": None, "exit_code": None})

    assert ask(lab, act).exit_code == 1


def _deploy(number: int, lab: Lab) -> dict[str, Any]:
    at = lab.now.isoformat()
    return {"number": number, "started": at, "ended": at, "exit_code": 0, "host": "web-1", "voids": ["late"]}


def test_guards_names_the_gates_of_an_item(lab: Lab, env: Path) -> None:
    checklist = template(item("mode", probes=MODE), gate=("one",))
    gates = (Gate(name="deploy", sections=("one",), guards=("mode",)), Gate(name="other", sections=("one",)))
    lab.new(checklist.model_copy(update={"gates": gates}), ENV_FILE=str(env))

    one = lab.release().manifest.template
    assert [gate.name for gate in guards_of(one, one.items[0])] == ["deploy"]


def test_every_reason_why_a_check_is_open_says_whose_it_is() -> None:
    """All situations of the table are gone through: no unsettled one is without words."""
    from itertools import product

    flags = [False, True]
    codes = set()
    for until, after, started, deployed, ticked, late, needs in product(flags, repeat=7):
        for probes, person, attachment, second, window in product(flags, repeat=5):
            for outcome, choice in product((None, "pass", "fail", "unknown"), Choice):
                state = decide(
                    Situation(
                        choice=choice, until_deploy=until, after_deploy=after, deploy_started=started,
                        deployed=deployed, ticked=ticked, ticked_late=late, needs_settled=needs,
                        has_probes=probes, person_known=person, attachment_missing=attachment,
                        second_person_missing=second, window_running=window,
                        outcome=outcome,  # type: ignore[arg-type] # an outcome by its value
                    )
                )  # fmt: skip
                codes |= set() if state.settled else {state.why}
    codes |= {Place.OTHER_LABEL.value, Place.DOUBLED.value}
    assert codes - set(_TURNS) == set()

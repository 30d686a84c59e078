"""A release's beginnings: made once, finished after a crash, adopted, updated, and its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.lab import Lab, item, template
from ultra_checklist.close import Closer
from ultra_checklist.errors import JournalError, NotionError, RefusedError
from ultra_checklist.lifecycle import Opened, Order, adopt, difference, template_changed, update
from ultra_checklist.model import Ending, ProbeSpec, Prose, Template
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.rows import parse_row, rich_text
from ultra_checklist.variables import Value, Variables

MODE = (ProbeSpec(probe="file", options={"path": "${ENV_FILE}", "mode": "0600"}),)


def many(count: int) -> Template:
    return template(*(item(f"item-{n}", order=n, section=f"s{n % 3}") for n in range(count)))


def test_making_a_release_costs_a_request_a_row_and_three(lab: Lab) -> None:
    before = len(lab.requests())
    opened = lab.new(many(35))
    assert len(lab.requests()) - before == 35 + 3
    assert opened.written == 37
    assert "/p/" in opened.url


def test_making_it_again_writes_nothing(lab: Lab) -> None:
    first = lab.new(many(5))
    before = len(lab.requests())
    again = lab.new(many(5))
    fresh = lab.requests()[before:]
    assert (again.written, again.url) == (0, first.url)
    assert len(fresh) <= 2
    assert all(line["method"] == "GET" or "/query" in line["path"] for line in fresh)


def test_the_page_has_head_prose_and_a_view_grouped_by_section(lab: Lab) -> None:
    prose = (Prose(section="s0", markdown="**本番環境** を確認する。\n\n- 一つ", line=1),)
    lab.new(many(3).model_copy(update={"prose": prose}))
    page_id = lab.release().manifest.page_id
    children = lab.call("GET", f"blocks/{page_id}/children")["results"]
    assert [child["type"] for child in children] == ["callout", "toggle", "child_database"]
    folded = lab.call("GET", f"blocks/{children[1]['id']}/children")["results"]
    assert [block["type"] for block in folded] == ["heading_3", "paragraph", "bulleted_list_item"]
    views = lab.call("GET", f"views?database_id={children[2]['id']}")["results"]
    view = lab.call("GET", f"views/{views[0]['id']}")
    assert unquote(view["configuration"]["group_by"]["property_id"]) == lab.workspace.check_ids["section"]
    assert view["filter"]["relation"] == {"contains": page_id}


DONE = {"properties": {"Done": {"checkbox": True}}}


class Killed(BaseException):
    """Stands for the process's end."""


@pytest.mark.parametrize("step", range(1, 9))
def test_a_release_that_was_cut_off_is_finished_without_a_second_row(
    lab: Lab, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off after the k-th write reached Notion: the next run finds what is there and makes the rest."""
    create, count = Notion.create, 0

    async def cut(self: Notion, path: str, body: dict[str, Any], **more: Any) -> Any:
        nonlocal count
        answer = await create(self, path, body, **more)
        count += 1
        if count == step:
            raise Killed
        return answer

    monkeypatch.setattr(Notion, "create", cut)
    with pytest.raises(Killed):
        lab.new(many(6))
    monkeypatch.setattr(Notion, "create", create)
    lab.new(many(6))
    assert set(lab.release().manifest.rows) == {f"item-{n}" for n in range(6)}
    assert lab.sync().problems == []
    keys = [row["properties"]["Key"]["rich_text"][0]["plain_text"] for row in rows(lab)]
    assert sorted(keys) == sorted(f"try/production/v1.0.0/item-{n}" for n in range(6))
    pages = lab.call("POST", f"data_sources/{lab.workspace.releases}/query", {})["results"]
    assert len(pages) == 1
    children = lab.call("GET", f"blocks/{lab.release().manifest.page_id}/children")["results"]
    assert [child["type"] for child in children].count("child_database") == 1


def rows(lab: Lab) -> list[Any]:
    found = lab.call("POST", f"data_sources/{lab.workspace.checks}/query", {})["results"]
    assert isinstance(found, list)
    return found


def test_a_second_release_beside_an_open_one_is_refused(lab: Lab) -> None:
    lab.new(many(1))
    with pytest.raises(RefusedError, match=r"v1\.0\.0 is still open"):
        lab.new(many(1), "v1.1.0")


def order(checklist: Template, **variables: str) -> Order:
    values = {name: Value(value=value, origin="--var") for name, value in variables.items()}
    return Order("v1.0.0", "production", checklist, "text", Variables(values=values), "c" * 40, "", False)


async def take_over(lab: Lab, notion: Notion, wanted: Order) -> Opened:
    return await adopt(wanted, notion=notion, workspace=lab.workspace, shelf=lab.shelf, machine=lab.machine)


def end(lab: Lab) -> None:
    """Abort the release."""

    async def close(notion: Notion) -> bool:
        release = lab.release()
        return await Closer(lab.bench(notion), release, lab.reconciler(notion, release), lab.home).close(
            Ending.ABORTED, "wrong tag"
        )

    assert lab.run(close)


def test_adopting_proves_everything_again_and_makes_no_second_row(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=b")
    path.chmod(0o600)
    checklist = template(item("env-mode", probes=MODE), item("word", order=1))
    lab.new(checklist, ENV_FILE=str(path))
    lab.person("Sato", "env-mode", done=True)
    lab.person("Sato", "word", done=True)
    lab.sync()
    (lab.home / "releases").rename(tmp_path / "lost")
    lab.sync()
    opened = lab.run(lambda notion: take_over(lab, notion, order(checklist, ENV_FILE=str(path))))
    assert opened.written == 0
    lab.sync(minutes=1)
    assert lab.row("env-mode").result == "passed"
    assert lab.row("word").result == "confirmed"
    assert len(rows(lab)) == 2


def test_adopting_does_not_invent_who_decided(lab: Lab, tmp_path: Path) -> None:
    """Sato ticked, Tanaka waived the failure: after the loss the row names Sato alone."""
    checklist = template(item("env-mode", probes=MODE), item("word", order=1))
    lab.new(checklist, ENV_FILE=str(tmp_path / "missing"))
    lab.person("Sato", "env-mode", done=True)
    lab.sync()
    lab.person("Tanaka", "env-mode", decision="Waive", note="text:known")
    lab.person("Tanaka", "word", decision="Not applicable", note="text:not here")
    lab.sync(minutes=1)
    assert "Tanaka" in lab.row("env-mode").why
    (lab.home / "releases").rename(tmp_path / "lost")
    lab.sync(minutes=1)
    lab.run(lambda notion: take_over(lab, notion, order(checklist, ENV_FILE=str(tmp_path / "missing"))))
    lab.sync(minutes=1)
    row = lab.row("env-mode")
    assert (row.result, row.settled) == ("failed", False)
    assert "must be made by a person" in row.why
    lab.person("Tanaka", "env-mode", note="text:known, again")
    lab.sync(minutes=1)
    assert "waived by Tanaka" in lab.row("env-mode").why
    assert "says Tanaka" in lab.row("word").why


def test_the_newest_attempt_is_found_in_notion_after_the_loss_of_the_state_folder(lab: Lab, tmp_path: Path) -> None:
    checklist = template(item("one"))
    lab.new(checklist)
    end(lab)
    assert lab.new(checklist).key == "try/production/v1.0.0~2"
    (lab.home / "releases").rename(tmp_path / "lost")
    with pytest.raises(RefusedError, match="is in Notion already"):
        lab.new(checklist)
    adopted = lab.run(lambda notion: take_over(lab, notion, order(checklist)))
    assert adopted.key == "try/production/v1.0.0~2"
    lab.sync()
    end(lab)
    (lab.home / "releases").rename(tmp_path / "lost again")
    with pytest.raises(RefusedError, match="no open release"):
        lab.run(lambda notion: take_over(lab, notion, order(checklist)))
    assert lab.new(checklist).key == "try/production/v1.0.0~3"


def test_adopting_a_release_of_another_template_is_refused(lab: Lab, tmp_path: Path) -> None:
    lab.new(many(1))
    (lab.home / "releases").rename(tmp_path / "lost")
    other = many(1).model_copy(update={"sha256": "other"})
    with pytest.raises(RefusedError, match="another version of the template"):
        lab.run(
            lambda notion: adopt(
                order(other), notion=notion, workspace=lab.workspace, shelf=lab.shelf, machine=lab.machine
            )
        )


def test_an_update_voids_only_what_changed(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=b")
    path.chmod(0o600)
    old = template(item("same", probes=MODE), item("changed", order=1, probes=MODE), item("gone", order=2))
    lab.new(old, ENV_FILE=str(path))
    for name in ("same", "changed"):
        lab.person("Sato", name, done=True)
    lab.sync()
    other = (ProbeSpec(probe="file", options={"path": "${ENV_FILE}", "mode": "0640"}),)
    new = template(
        item("same", probes=MODE), item("changed", order=1, probes=other), item("added", order=2), text="2"
    )
    found = difference(lab.release().manifest, new)
    assert ([i.id for i in found.added], [i.id for i in found.removed]) == (["added"], ["gone"])
    assert found.reproved == ("changed",)
    lab.run(lambda notion: update(lab.release(), new, "text 2", notion=notion, workspace=lab.workspace))
    lab.sync()
    assert lab.row("same").result == "passed"
    assert lab.row("changed").result == "failed"
    assert lab.row("added").section == "01 one"
    live = {row["properties"]["Key"]["rich_text"][0]["plain_text"]: row["properties"]["Live"] for row in rows(lab)}
    assert live["try/production/v1.0.0/gone"]["checkbox"] is False


def test_an_edited_template_is_noticed_and_changes_nothing(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.md"
    file.write_text("text", encoding="utf-8")
    lab.new(many(1).model_copy(update={"path": str(file), "sha256": "text"}))
    assert not template_changed(lab.release().manifest)
    file.write_text("edited", encoding="utf-8")
    assert template_changed(lab.release().manifest)


def settle(lab: Lab) -> None:
    lab.new(template(item("one"), item("two", order=1), item("extra", order=2, required=False)))
    lab.person("佐藤", "one", done=True)
    lab.person("Suzuki", "two", decision="Waive", note="text:not this time")
    lab.sync()


def test_a_release_closes_by_itself_when_everything_has_been_settled_for_a_while(lab: Lab) -> None:
    lab.close_after = 600
    settle(lab)
    assert lab.page().status == "ready-to-close"
    lab.sync(minutes=5)
    assert lab.page().status == "ready-to-close"
    lab.sync(minutes=6)
    page = lab.page()
    assert page.status == "complete"
    assert page.commit == "c" * 40
    raw = lab.call("GET", f"pages/{page.page_id}")
    assert raw["is_locked"] is True
    people = raw["properties"]["Operator"]["people"]
    assert [person["name"] for person in people] == ["佐藤"]
    assert (
        raw["properties"]["Made of"]["rich_text"][0]["plain_text"]
        == "3 = 1 a person's word, 1 waived (Suzuki), 1 open"
    )
    assert raw["properties"]["Ended"]["date"]["start"]
    names = [file["name"] for file in raw["properties"]["Files"]["files"]]
    assert names == ["v1.0.0.journal.log.txt", "v1.0.0.record.json", "v1.0.0.statement.json"]
    assert not lab.row("one").live


def test_the_record_on_the_page_has_facts_table_and_logs(lab: Lab) -> None:
    lab.close_after = 0
    settle(lab)
    children = lab.call("GET", f"blocks/{lab.release().manifest.page_id}/children")["results"]
    kinds = [child["type"] for child in children]
    assert kinds[-6:] == ["heading_2", "paragraph", "table", "file", "file", "file"]
    facts = "".join(piece["plain_text"] for piece in children[-5]["paragraph"]["rich_text"])
    assert "Commit: " + "c" * 40 in facts
    assert "Operators: 佐藤" in facts
    table = lab.call("GET", f"blocks/{children[-4]['id']}/children")["results"]
    assert len(table) == 1 + 3


@pytest.mark.parametrize("step", range(1, 11))
def test_an_ending_that_was_cut_off_is_finished_exactly_once(
    lab: Lab, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(lab)
    send, count = Notion._send, 0

    async def cut(self: Notion, method: str, path: str, **more: Any) -> Any:
        nonlocal count
        answer = await send(self, method, path, **more)
        count += method != "GET" and "/query" not in path
        if count == step:
            raise Killed
        return answer

    monkeypatch.setattr(Notion, "_send", cut)
    lab.close_after = 0
    with pytest.raises(Killed):
        lab.sync(minutes=1)
    monkeypatch.setattr(Notion, "_send", send)
    lab.sync(minutes=1)
    assert lab.page().status == "complete"
    children = lab.call("GET", f"blocks/{lab.release().manifest.page_id}/children")["results"]
    assert [child["type"] for child in children].count("heading_2") == 1
    before = len(lab.requests())
    lab.sync(minutes=1)
    assert len(lab.requests()) - before == 1


def test_a_completion_with_something_open_is_refused_and_seals_nothing(lab: Lab) -> None:
    lab.new(template(item("one")))

    async def close(notion: Notion) -> bool:
        release = lab.release()
        return await Closer(lab.bench(notion), release, lab.reconciler(notion, release), lab.home).close(
            Ending.COMPLETE, ""
        )

    assert lab.run(close) is False
    assert lab.release().open
    assert lab.release().history.sealed is None


def test_an_aborted_release_keeps_what_was_open_and_its_version_can_be_tried_again(lab: Lab) -> None:
    lab.new(template(item("one")))
    lab.person("Sato", "one", done=True)
    end(lab)
    assert lab.page().status == "aborted"
    opened = lab.new(template(item("one")))
    assert opened.key == "try/production/v1.0.0~2"


def altered(path: Path) -> None:
    path.write_text(path.read_text().replace("Sato", "Saito"))


def cut(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))


@pytest.mark.parametrize(
    ("harm", "message"), [(altered, "altered"), (cut, "missing at the end"), (Path.unlink, "missing at the end")]
)
def test_a_journal_that_is_not_whole_leaves_nothing_green_and_stops_no_other_release(
    lab: Lab, harm: Callable[[Path], None], message: str
) -> None:
    lab.new(template(item("one")))
    lab.person("Sato", "one", done=True)
    lab.sync()
    page_id = lab.release().manifest.rows["one"]
    other = template(item("other")).model_copy(update={"name": "else"})
    lab.new(other, version="v2.0.0")
    lab.call("PATCH", f"pages/{lab.release('v2.0.0').manifest.rows['other']}", DONE, who="Sato")
    harm(lab.release().journal.path)
    with pytest.raises(JournalError, match=message):
        lab.release()
    report = lab.sync(minutes=1)
    assert report.damaged == ["try/production/v1.0.0"]
    assert message in report.problems[0].en
    row = parse_row(lab.call("GET", f"pages/{page_id}"), lab.workspace)
    assert (row.result, row.settled, row.done) == ("cannot-tell", False, True)
    assert "journal" in row.why
    assert lab.row("other", "v2.0.0").result == "confirmed"


def test_a_lost_answer_to_a_create_makes_no_second_row(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notion commits the row, and the answer never arrives."""
    from ultra_checklist.notion.failures import UnknownOutcome

    send, lost = Notion._send, 0

    async def lose(self: Notion, method: str, path: str, **more: Any) -> Any:
        nonlocal lost
        answer = await send(self, method, path, **more)
        if method == "POST" and path == "pages" and lost < 3:
            lost += 1
            raise UnknownOutcome("the answer was lost")
        return answer

    monkeypatch.setattr(Notion, "_send", lose)
    lab.new(many(3))
    assert lost == 3
    assert len(rows(lab)) == 3
    assert isinstance(UnknownOutcome("x"), NotionError)


def test_rich_text_is_cut_into_pieces_that_notion_takes() -> None:
    pieces = rich_text("😀" * 1500)
    assert [len(piece["text"]["content"]) for piece in pieces] == [1000, 500]
    assert "".join(piece["text"]["content"] for piece in pieces) == "😀" * 1500

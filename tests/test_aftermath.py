"""A release that has ended stays as it was sealed; who changes it afterwards is named."""

import pytest

from tests.lab import Lab, item, template


@pytest.fixture
def ended(lab: Lab) -> Lab:
    lab.close_after = 0.0
    lab.new(template(item("word")))
    lab.person("Sato", "word", done=True)
    for _ in range(3):
        lab.sync(minutes=1)
    assert not lab.release().open
    lab.sync(minutes=61)
    lab.sync(minutes=61)
    return lab


def callouts(lab: Lab) -> list[str]:
    children = lab.call("GET", f"blocks/{lab.release().manifest.page_id}/children")["results"]
    found = [child["callout"]["rich_text"][0]["plain_text"] for child in children if child["type"] == "callout"]
    return [text for text in found if "after the end" in text]


def test_a_row_that_is_changed_is_named_once(ended: Lab) -> None:
    ended.person("Suzuki", "word", done=False, Result="Failed")
    for _ in range(4):
        ended.sync(minutes=61)
    assert len(callouts(ended)) == 1
    assert "word: done: True → False" in callouts(ended)[0]
    assert "(Suzuki)" in callouts(ended)[0]
    assert len(ended.release().history.changed) == 1
    assert ended.row("word").result == "failed", "as it was sealed stands in the record; the row is left alone"


def test_a_page_that_is_changed_is_named(ended: Lab) -> None:
    page = ended.release().manifest.page_id
    ended.call("PATCH", f"pages/{page}", {"properties": {"Status": {"select": {"name": "Aborted"}}}}, who="Suzuki")
    for _ in range(4):
        ended.sync(minutes=61)
    assert "status: complete → aborted" in callouts(ended)[0]


def test_it_costs_one_query_an_hour_for_seven_days(ended: Lab) -> None:
    before = len(ended.requests())
    for _ in range(12):
        ended.sync(minutes=5)
    assert len(ended.requests()) - before == 12 + 1
    ended.sync(minutes=8 * 24 * 60)
    before = len(ended.requests())
    for _ in range(3):
        ended.sync(minutes=61)
    assert len(ended.requests()) - before == 3
    assert callouts(ended) == []

"""Writing ids in, and comparing with the team's document."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ultra_checklist.lint import against, fix
from ultra_checklist.template import load, parse

HERE = Path(__file__).parent
SEED = HERE / "cases" / "documents" / "22_production_release_checklist.md"
PRODUCTION = HERE.parent / "templates" / "production_release.md"
FRONT = "---\nchecklist: try\n---\n## S\n"


def test_missing_ids_are_written_and_nothing_else_changes() -> None:
    text = FRONT + (
        "- [ ] Check the `git` status\n- [ ] 日本語だけ\n  続きの行\n- [ ] has one\n  ```yaml check\n  id: mine\n  ```\n"
        "- [ ] has a block\n  ```yaml check\n  required: false\n  ```\n\ntail\n"
    )
    fixed = fix(text, path="t.md")
    assert [item.id for item in parse(fixed, path="t.md").items] == [
        "check-the-git-status", "section-1-2", "mine", "has-a-block",
    ]  # fmt: skip
    assert fix(fixed, path="t.md") == fixed
    left = [line for line in fixed.splitlines() if line in text.splitlines()]
    assert [line for line in text.splitlines() if line not in left] == []


def test_the_teams_own_document_gets_ids_for_all_its_lines() -> None:
    text = FRONT + SEED.read_text(encoding="utf-8")
    fixed = fix(text, path="t.md")
    items = parse(fixed, path="t.md").items
    assert len({item.id for item in items}) == 35


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="`*_[]<>&\\!#|~-+="), min_size=1, max_size=12), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))  # fmt: skip
def test_fixing_twice_is_fixing_once(titles: list[str], ending: str) -> None:
    text = (FRONT + "".join(f"- [ ] {title}\n" for title in titles)).replace("\n", ending)
    fixed = fix(text, path="t.md")
    assert fix(fixed, path="t.md") == fixed
    kept = [line for line in fixed.split(ending) if not line.startswith("  ")]
    assert kept == text.split(ending)


def test_the_production_template_agrees_with_the_teams_document() -> None:
    assert against(load(PRODUCTION), SEED.read_text(encoding="utf-8"), path="doc.md") == []


def test_lines_added_removed_reworded_and_moved_are_named() -> None:
    template = parse(
        FRONT + "".join(
            f"- [ ] {title}\n  ```yaml check\n  id: i{n}\n  ```\n"
            for n, title in enumerate(["the first line stays", "the deploy script is the newest", "only here", "last one"])
        ),
        path="t.md",
    )  # fmt: skip
    document = "- [ ] last one\n- [ ] the first   line\n  stays\n- [ ] the deploy script is the latest\n- [ ] gone from there\n"
    found = {difference.kind: difference for difference in against(template, document, path="d.md")}
    assert set(found) == {"moved", "reworded", "added", "removed"}
    assert found["moved"].ours in ("last one", "the first line stays")
    assert found["reworded"].theirs == "the deploy script is the latest"
    assert found["added"].words.en.startswith("t.md:13: only in the template: only here")
    assert found["removed"].words.en == "d.md:5: only in the document: gone from there"

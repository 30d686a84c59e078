"""The documents tell the truth: everything is in them, and what is generated is up to date."""

from pathlib import Path

import pytest

from tests.generated import ROOT, account_schema, errors_page, predicate_schema, probes_page, words_page
from tests.reference import reference_page
from ultra_checklist import config
from ultra_checklist.bindings import CHECK_KEYS
from ultra_checklist.cli.main import COMMANDS
from ultra_checklist.model import Words
from ultra_checklist.notion.schema import RESULT_WORDS


def test_generated_documents_are_up_to_date() -> None:
    """Run scripts/docs to write them."""
    assert (ROOT / "docs" / "probes.md").read_text(encoding="utf-8") == probes_page()
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == errors_page()
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == reference_page()
    assert (ROOT / "docs" / "words.md").read_text(encoding="utf-8") == words_page()
    assert (ROOT / "docs" / "schemas" / "account.json").read_text(encoding="utf-8") == account_schema()
    schema = ROOT / "docs" / "schemas" / "release-predicate.json"
    assert schema.read_text(encoding="utf-8") == predicate_schema()
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == config.example()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_reference(command: str) -> None:
    assert f"\n### {command}\n" in (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [field.alias for field in config.Settings.model_fields.values()])
def test_every_setting_is_in_the_reference(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", CHECK_KEYS)
def test_every_key_of_an_item_is_documented(key: str) -> None:
    assert f"`{key}" in (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", RESULT_WORDS.values(), ids=lambda words: words.en)
def test_every_result_is_documented(words: Words) -> None:
    assert words.en in (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/guide.md",
        "docs/operations.md",
        "docs/architecture.md",
        "docs/local-notion.md",
        "docs/bundle.md",
        "docs/security.md",
        "docs/tutorial.md",
        "docs/library.md",
        "docs/reliability.md",
    ],
)
def test_links_lead_somewhere(name: str) -> None:
    import re

    path = ROOT / name
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_script_that_the_readme_names_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for script in ("demo", "test"):
        assert f"scripts/{script}" in text
        assert Path(ROOT / "scripts" / script).stat().st_mode & 0o111


def test_the_page_of_the_local_notion_names_every_fault_and_option() -> None:
    from typing import get_args

    from ultra_checklist.server import faults, plan

    text = (ROOT / "docs" / "local-notion.md").read_text(encoding="utf-8")
    named = [*get_args(faults.Name), *faults.Rule.model_fields, *faults.Script.model_fields, *plan.CAPABILITIES]
    assert [name for name in named if name not in text] == []


def test_every_picture_is_one_that_the_script_takes() -> None:
    from tests.screenshots import PICTURES

    assert {path.name for path in (ROOT / "docs").glob("*.png")} == {picture.name for picture in PICTURES}

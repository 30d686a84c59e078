"""Every format, byte for byte, in both languages. ``UPDATE_GOLDEN=1`` writes the files anew: look at the difference."""

import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import get_args

import pytest

from tests.reports.story import CASES, NOW, account, stage
from ultra_checklist import plugins
from ultra_checklist.account import Account
from ultra_checklist.checked import Checked, CheckedItem
from ultra_checklist.comparison import compare
from ultra_checklist.manifest import Shelf
from ultra_checklist.model import Finding, Item, Lang, Outcome, Verdict, Words
from ultra_checklist.template import parse
from ultra_checklist.variables import Value, Variables

GOLDEN = Path(__file__).parent.parent / "golden"
SUFFIXES = {"html": "html", "markdown": "md", "json": "json", "junit": "xml"}
LANGS: tuple[Lang, ...] = get_args(Lang)
CHECK_FORMATS = ("json", "junit", "nagios", "prometheus", "table", "tap")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return stage(tmp_path_factory.mktemp("state"))


def told(shelf: Shelf, lang: Lang) -> Account:
    return compare(account(shelf, "v1.4.0", lang), account(shelf, "v1.3.0", lang))


def agree(text: str, name: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("form", SUFFIXES)
def test_a_release_is_told_as_it_always_was(shelf: Shelf, form: str, lang: Lang) -> None:
    text = plugins.load(plugins.RELEASE_REPORTS, form)(told(shelf, lang))
    if form == "html":
        # The look may change freely: it is looked at in a browser.
        text = re.sub(r"<style>.*?</style>", "<style></style>", text, flags=re.DOTALL)
    agree(text, f"release.{lang}.{SUFFIXES[form]}")


def test_every_format_has_its_golden_files() -> None:
    assert set(plugins.names(plugins.RELEASE_REPORTS)) == set(SUFFIXES)
    assert set(plugins.names(plugins.REPORTS)) == set(CHECK_FORMATS)


def test_what_json_says_is_what_the_account_holds(shelf: Shelf) -> None:
    account_told = told(shelf, "ja")
    text = plugins.load(plugins.RELEASE_REPORTS, "json")(account_told)
    assert Account.model_validate(json.loads(text)) == account_told


def test_junit_passes_only_what_is_settled(shelf: Shelf) -> None:
    """The release before was rolled back: one failure, and one check that nobody looked at."""
    root = ET.fromstring(plugins.load(plugins.RELEASE_REPORTS, "junit")(account(shelf, "v1.3.0", "en")))  # noqa: S314 - our own text
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "1", "1")
    kinds = {case.get("name", "").split(":")[0]: [child.tag for child in case] for case in root.iter("testcase")}
    assert kinds["smoke"] == ["failure"]
    assert kinds["old-shop"] == ["error"]
    assert kinds["env-mode"] == []


def checked() -> Checked:
    """A checklist that was looked at: a pass, a fail, an unknown, an item by hand."""
    template = parse((CASES / "checklist.md").read_text(encoding="utf-8"), path="checklist.md")
    outcomes = {"env-mode": Outcome.PASS, "clean": Outcome.FAIL, "tools": Outcome.UNKNOWN}
    items = [item for item in template.items if item.id in outcomes or item.id == "staging"]
    entries = tuple(CheckedItem(item, findings(item, outcomes.get(item.id))) for item in items)
    return Checked(template, entries, Variables(values={"DEPLOY_DIR": Value(value="/srv/shop", origin="--var")}))


def findings(item: Item, outcome: Outcome | None) -> tuple[Finding, ...]:
    if outcome is None:
        return ()
    verdict = Verdict(
        outcome=outcome,
        reason="as-found",
        expected=Words(en="clean", ja="変更なし"),
        seen=Words(en="2 | files # changed", ja="2 | 個 # 変更"),
        sentence=Words(en=f"{item.id} was looked at", ja=f"{item.id} を確認"),
        remedy=Words.same("git status"),
    )
    return (Finding(probe=item.probes[0].probe, verdict=verdict, started=NOW, seconds=0.25),)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("form", CHECK_FORMATS)
def test_a_check_is_told_as_it_always_was(form: str, lang: Lang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    agree(plugins.load(plugins.REPORTS, form)(checked(), lang), f"check.{lang}.{form}")


def test_numbers_for_prometheus_are_one_a_result() -> None:
    lines = plugins.load(plugins.REPORTS, "prometheus")(checked(), "en").splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)+\} [0-9.e-]+', line) for line in samples)
    assert [line for line in samples if 'check="clean"' in line and line.endswith(" 1")] == [
        'ultra_checklist_check{template="shop",section="before",check="clean",result="fail"} 1'
    ]

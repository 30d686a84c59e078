"""The public API: small, documented, typed, and doing what the commands do."""

import asyncio
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import assert_type

import pytest

import ultra_checklist
from tests.generated import ROOT
from tests.shell import GATED, Served
from ultra_checklist import (
    Account,
    Bundle,
    Checked,
    Ending,
    GateAnswer,
    Opened,
    Report,
    Result,
    Template,
    UltraChecklist,
    UltraChecklistError,
    library,
    load_template,
    verify_bundle,
)
from ultra_checklist.errors import (
    BundleError,
    NoManifestError,
    RefusedError,
    SettingsError,
    TemplateError,
    UsageError,
)
from ultra_checklist.model import Status
from ultra_checklist.words import Words

DOCUMENT = ROOT / "docs" / "library.md"
GOLDEN = ROOT / "tests" / "golden" / "library.txt"


@pytest.fixture
def ours(served: Served, monkeypatch: pytest.MonkeyPatch) -> UltraChecklist:
    """The library on a state folder of its own, and Notion over HTTP."""
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(served.folder)
    (served.folder / "small.md").write_text(GATED)
    return UltraChecklist(home=served.home, lang="en")


def test_a_release_from_its_first_row_to_its_bundle(ours: UltraChecklist, served: Served) -> None:
    assert ours.home == served.home
    assert "Releases" in assert_type(ours.prepare(), tuple[Words, ...])[0].en
    assert ours.prepare() == ()
    opened = assert_type(ours.new("v1", template="small.md"), Opened)
    assert opened.written
    assert ours.new("v1", template=Path("small.md")) == opened.model_copy(update={"written": 0})
    answer = assert_type(ours.gate("v1"), GateAnswer)
    assert not answer.is_open
    assert [check.id for check in answer.open] == ["there", "word", "another"]
    for item in ("there", "word", "another"):
        served.tick(item)
    report = assert_type(ours.sync("v1"), Report)
    assert report.writes
    assert served.result("there") == "Passed"
    assert ours.gate("v1", "deploy").is_open
    account = assert_type(ours.account("v1"), Account)
    assert [check.result for section in account.sections for check in section.checks] == [
        Result.PASSED,
        Result.CONFIRMED,
        Result.CONFIRMED,
    ]
    assert assert_type(ours.close("v1", Ending.COMPLETE), tuple[Words, ...]) == ()
    assert [one.status for one in assert_type(ours.accounts(), list[Account])] == [Status.COMPLETE.value]
    assert "Small" in assert_type(ours.report("v1"), str)
    assert ours.report("v1", "json").startswith("{")
    (bundle,) = served.home.rglob("bundle.tar")
    found = assert_type(verify_bundle(bundle), Bundle)
    assert not found.signer_known


def test_probes_run_without_notion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.md").write_text(GATED)
    ours = UltraChecklist(home=tmp_path / "home", local=True)
    checked = assert_type(ours.check("small.md"), Checked)
    assert [one.result for one in checked.items] == ["pass", "manual", "manual"]
    assert [one.item.id for one in ours.check("small.md", ["there"]).items] == ["there"]
    assert [item.id for item in assert_type(load_template("small.md"), Template).items] == [
        "there",
        "word",
        "another",
    ]
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["cache"]


def test_the_local_notion_needs_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.md").write_text(GATED)
    ours = UltraChecklist(home="home", local=True, lang="en")
    ours.prepare(lang="ja")
    assert ours.new("v1", template="small.md").key == "small/production/v1"
    ours.new("v2", template="small.md", supersede=True)
    assert [one.status for one in ours.accounts()] == [Status.SUPERSEDED.value, Status.PREPARING.value]
    assert (tmp_path / "home" / "local-notion.db").is_file()


def test_a_coroutine_calls_it_in_a_thread(tmp_path: Path) -> None:
    (tmp_path / "small.md").write_text(GATED)
    ours = UltraChecklist(home=tmp_path / "home", local=True)

    async def work() -> Checked:
        return await asyncio.to_thread(ours.check, tmp_path / "small.md")

    assert asyncio.run(work()).items


def test_errors_are_ours_and_say_what_to_do(ours: UltraChecklist, tmp_path: Path) -> None:
    def wrong(kind: type[UltraChecklistError], call: object) -> None:
        assert callable(call)
        with pytest.raises(kind) as raised:
            call()
        assert str(raised.value)
        assert raised.value.remedy.en

    wrong(UsageError, lambda: ours.new("v1", template="small.md"))
    ours.prepare()
    wrong(UsageError, lambda: ours.new("v1", template="absent.md"))
    wrong(UsageError, lambda: ours.new("v1", template="small.md", variables={"UNKNOWN": "x"}))
    wrong(UsageError, lambda: ours.new("v1", template="small.md", supersede=True, queued=True))
    wrong(NoManifestError, lambda: ours.gate("v1"))
    ours.new("v1", template="small.md")
    wrong(UsageError, lambda: ours.gate("v1", "other"))
    wrong(UsageError, lambda: ours.check("small.md", ["absent"]))
    wrong(UsageError, lambda: ours.report("v1", "pdf"))
    wrong(RefusedError, lambda: ours.new("v2", template="small.md"))
    wrong(RefusedError, lambda: ours.close("v1", Ending.COMPLETE))
    wrong(UsageError, lambda: ours.close("v1", Ending.ABORTED))
    (tmp_path / "broken.md").write_text("# no front matter\n")
    wrong(TemplateError, lambda: load_template(tmp_path / "broken.md"))
    (tmp_path / "bundle.tar").write_bytes(b"no bundle")
    wrong(BundleError, lambda: verify_bundle(tmp_path / "bundle.tar"))
    wrong(SettingsError, lambda: UltraChecklist(env_file=tmp_path / "absent.env"))


def test_without_token_and_without_local_nothing_is_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOTION_TOKEN", raising=False)
    with pytest.raises(SettingsError):
        UltraChecklist(home=tmp_path / "home", local=False).prepare()


def public() -> list[str]:
    """The public API, a line a name."""
    found = []
    for name in library.__all__:
        thing = getattr(library, name)
        if inspect.isfunction(thing):
            found.append(f"{name}{inspect.signature(thing)}")
        elif name == UltraChecklist.__name__:
            for method, value in vars(UltraChecklist).items():
                if not method.startswith("_") or method == "__init__":
                    told = inspect.signature(value) if inspect.isfunction(value) else ""
                    found.append(f"{name}.{method}{told}")
        else:
            found.append(name)
    return found


def test_what_is_public_changes_only_on_purpose() -> None:
    text = "\n".join(public()) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_package_offers_what_the_library_holds() -> None:
    assert sorted({*library.__all__, "__version__"}) == sorted(ultra_checklist.__all__)
    assert set(ultra_checklist.__all__) <= set(dir(ultra_checklist))
    for name in library.__all__:
        assert getattr(ultra_checklist, name) is getattr(library, name)
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = ultra_checklist.nothing_of_that_name


def test_the_document_names_all_of_it() -> None:
    text = DOCUMENT.read_text()
    for line in public():
        name = line.partition("(")[0].removeprefix("UltraChecklist.")
        if name not in ("__init__", "Result"):
            assert re.search(rf"\b{name}\b", text), name
    for parameter in {p for line in public() for p in re.findall(r"[(,] (\w+): ", line)} - {"self"}:
        assert parameter in text, parameter


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", examples())
def test_the_examples_run_and_their_types_fit(example: str, tmp_path: Path) -> None:
    declared = GATED.replace("lang: en\n", "lang: en\nvars:\n  PORT: {default: '80'}\n", 1)
    (tmp_path / "my_checklist.md").write_text(declared)
    script = tmp_path / "release.py"
    script.write_text(example)
    environment = os.environ | {"ULTRA_CHECKLIST_HOME": str(tmp_path / "home"), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Aborted" in done.stdout
    assert mypy(script) == ""


def test_wrong_types_are_found_before_anything_runs(tmp_path: Path) -> None:
    script = tmp_path / "wrong.py"
    script.write_text(
        "from ultra_checklist import UltraChecklist\n"
        "ours = UltraChecklist(local=True)\n"
        "ours.close('v1', 'complete')\n"
        "answer: str = ours.gate('v1')\n"
        "ours.syncs()\n"
    )
    found = mypy(script)
    assert [int(line) for line in re.findall(r"wrong\.py:(\d+): error", found)] == [3, 4, 5], found


def mypy(script: Path) -> str:
    """What mypy says against a script, with the types that the package ships."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={script.parent}/cache"]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [*command, script], cwd=script.parent, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr

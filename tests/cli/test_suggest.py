"""`suggest` as a person runs it. `python -m tests.cli.test_suggest` writes the golden files anew."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.generated import ROOT
from tests.shell import Shell

DOCUMENTS = ROOT / "tests" / "cases" / "documents"
GOLDEN = ROOT / "tests" / "golden" / "suggest"
NAMES = ("22_production_release_checklist", "shop_release", "mobile_backend_release")


def outputs(shell: Shell, name: str) -> dict[str, str]:
    """What the command writes for a document: the patch with the reasons in both languages, and the JSON."""
    shutil.copy(DOCUMENTS / f"{name}.md", shell.folder)
    diff = shell.run("suggest", f"{name}.md", "--lang", "en")
    reasons = {lang: shell.run("suggest", f"{name}.md", "--lang", lang).stderr for lang in ("en", "ja")}
    data = shell.ok("suggest", f"{name}.md", "--format", "json", "--lang", "en")
    return {"diff": diff.stdout, "json": data} | {f"{lang}.txt": told for lang, told in reasons.items()}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_as_it_was(name: str, shell: Shell) -> None:
    for ending, text in outputs(shell, name).items():
        assert text == (GOLDEN / f"{name}.{ending}").read_text(encoding="utf-8"), ending


@pytest.mark.parametrize("name", NAMES)
def test_from_a_document_to_a_check(name: str, shell: Shell) -> None:
    shutil.copy(DOCUMENTS / f"{name}.md", shell.folder)
    patch = shell.ok("suggest", f"{name}.md")
    subprocess.run(["git", "apply"], input=patch, text=True, cwd=shell.folder, check=True)
    patched = (shell.folder / f"{name}.md").read_bytes()
    shutil.copy(DOCUMENTS / f"{name}.md", shell.folder)
    written = shell.run("suggest", f"{name}.md", "--write")
    assert (written.returncode, written.stdout) == (0, "")
    assert (shell.folder / f"{name}.md").read_bytes() == patched
    shell.ok("lint", f"{name}.md")
    again = shell.run("suggest", f"{name}.md", "--lang", "en")
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr == f"{name}.md: every line has an id, nothing to suggest\n"
    checked = shell.run("check", f"{name}.md", "--format", "json")
    assert checked.returncode in (1, 3), checked.stderr
    data = json.loads(shell.ok("suggest", str(DOCUMENTS / f"{name}.md"), "--format", "json"))
    assert [one["id"] for one in json.loads(checked.stdout)["checks"]] == [one["id"] for one in data["suggestions"]]


def test_bad_input_is_told_and_changes_nothing(shell: Shell) -> None:
    (shell.folder / "latin.md").write_bytes(b"- [ ] caf\xe9\n")
    (shell.folder / "prose.md").write_text("only prose\n")
    for arguments, told in (
        (("missing.md",), "missing.md cannot be read: No such file or directory"),
        ((".",), ". cannot be read: Is a directory"),
        (("latin.md", "--write"), "latin.md is not UTF-8"),
        (("prose.md", "--write"), "prose.md has no list"),
        (("prose.md", "--format", "xml"), "'xml' is not one of"),
        ((), "DOC is missing"),
    ):
        done = shell.run("suggest", *arguments, "--lang", "en")
        assert (done.returncode, done.stdout) == (2, "")
        assert told in done.stderr
    assert (shell.folder / "prose.md").read_text() == "only prose\n"


def test_a_document_elsewhere_is_named_by_its_file(shell: Shell, tmp_path: Path) -> None:
    below = tmp_path / "docs folder"
    below.mkdir()
    (below / "a.md").write_text("- [ ] one\n")
    assert shell.ok("suggest", "docs folder/a.md").startswith(
        "--- a/docs folder/a.md\t\n+++ b/docs folder/a.md\t\n"
    )
    subprocess.run(
        ["git", "apply"], input=shell.ok("suggest", "docs folder/a.md"), text=True, cwd=tmp_path, check=True
    )
    with tempfile.TemporaryDirectory() as other:
        (Path(other) / "b.md").write_text("- [ ] one\n")
        assert shell.ok("suggest", f"{other}/b.md").startswith("--- a/b.md\n+++ b/b.md\n")


def main() -> None:
    """Write the golden files."""
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            for ending, text in outputs(Shell(Path(folder)), name).items():
                (GOLDEN / f"{name}.{ending}").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

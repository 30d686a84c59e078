"""What is built: the same bytes from the same sources, whole, and at work in an empty environment."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.generated import ROOT
from tests.shell import SMALL

SOURCES = ("ultra_checklist", "templates", "docs")
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".env.example", ".gitignore")


def build(folder: Path, umask: int) -> dict[str, Path]:
    """Copy the sources to a folder of their own, under another umask and with other times, and build both kinds."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    for path in source.rglob("*"):
        if path.is_file():
            os.utime(path, (1_000_000_000 + umask, 1_000_000_000 + umask))
            path.chmod(0o666 & ~umask)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder / "dist"],
        cwd=source, capture_output=True, text=True, check=False, umask=umask,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {path.suffix: path for path in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("first"), 0o022)


@pytest.fixture(scope="module")
def wheel(built: dict[str, Path]) -> Path:
    return built[".whl"]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and of everything else only what the wheel asks for."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps",
         "--disable-pip-version-check", wheel],
        check=True, capture_output=True,
    )  # fmt: skip
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    # The dependencies lie beside the tests' own; the checkout must not be found through them.
    ours = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    for entry in ours.iterdir():
        if "ultra_checklist" not in entry.name and entry.suffix != ".pth" and not (site / entry.name).exists():
            (site / entry.name).symlink_to(entry)
    return folder / "venv" / "bin" / "ultra-checklist"


def call(environment: Path, folder: Path, *arguments: str, code: int = 0) -> str:
    home = {"ULTRA_CHECKLIST_HOME": str(folder / "home"), "ULTRA_CHECKLIST_LOCAL": "1", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [environment, *arguments],
        cwd=folder, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], **home},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_two_builds_are_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    again = build(tmp_path, 0o077)
    assert set(built) == {".whl", ".gz"}
    for kind, path in built.items():
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(again[kind].read_bytes()).digest(), kind


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {p.relative_to(ROOT) for p in (ROOT / "ultra_checklist").rglob("*") if p.is_file()}
    wanted = {str(p) for p in package if "__pycache__" not in p.parts}
    wanted |= {f"ultra_checklist/templates/{p.name}" for p in (ROOT / "templates").iterdir()}
    assert names == wanted


def test_the_sources_hold_what_the_wheel_is_built_from(built: dict[str, Path]) -> None:
    with tarfile.open(built[".gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "templates/production_release.md",
            "ultra_checklist/py.typed", "docs/guide.md"} <= names  # fmt: skip
    assert not any(name.startswith(("tests/", ".ci", "benchmarks/")) for name in names)


def test_installed_alone_it_makes_a_release_and_shows_the_board(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "small.md").write_text(SMALL)
    call(environment, tmp_path, "init")
    assert "made" in call(environment, tmp_path, "new", "v1", "-t", "small.md")
    assert "v1" in call(environment, tmp_path, "status")
    call(environment, tmp_path, "sync")
    served = subprocess.Popen(
        [environment, "serve", "--port", "0", "--db", tmp_path / "home" / "local-notion.db"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"], "ULTRA_CHECKLIST_HOME": str(tmp_path / "home"), "LANG": "C.UTF-8"},
    )  # fmt: skip
    with served:
        assert served.stdout is not None
        address = served.stdout.readline().removeprefix("ready ").strip()
        page = httpx.get(address, follow_redirects=True, trust_env=False)
        script = httpx.get(f"{address}/board/board.js", trust_env=False)
        served.terminate()
    assert page.status_code == 200
    assert "<html" in page.text
    assert script.status_code == 200


def test_its_templates_and_probes_come_along(environment: Path, tmp_path: Path) -> None:
    call(environment, tmp_path, "lint", "production_release")
    assert "no checks that fail" not in call(environment, tmp_path, "check", "web_service", code=3)
    assert "wallet" in call(environment, tmp_path, "probes")


def test_it_is_a_module_too(environment: Path) -> None:
    done = subprocess.run(
        [environment.with_name("python"), "-m", "ultra_checklist", "--version"],
        capture_output=True, text=True, check=True, cwd="/",
    )  # fmt: skip
    assert done.stdout.startswith("ultra-checklist, version ")


def test_its_library_works_and_brings_its_types(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "small.md").write_text(SMALL)
    script = tmp_path / "release.py"
    script.write_text(
        "from ultra_checklist import Opened, UltraChecklist\n"
        "ours = UltraChecklist(home='home', local=True)\n"
        "ours.prepare()\n"
        "opened: Opened = ours.new('v1', template='small.md')\n"
        "print(opened.key)\n"
        "reveal_type(ours.gate)\n"
    )
    python = environment.with_name("python")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, f"--cache-dir={tmp_path}", script],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout
    assert "answer.GateAnswer" in checked.stdout
    script.write_text(script.read_text().replace("reveal_type(ours.gate)\n", ""))
    done = subprocess.run([python, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "small/production/v1\n"

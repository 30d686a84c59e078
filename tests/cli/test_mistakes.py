"""Golden files of what a terminal shows for mistakes that people make: in both languages, with the exit code.

Nothing of it changes anything: the state folder and the local Notion stay as they were.
"""

import json
import os
import re
import shlex
from collections.abc import Iterator
from typing import get_args

import pytest

from tests.reports.test_golden import agree
from tests.shell import GATED, SMALL, Served, leave, serving
from ultra_checklist.words import Lang

LANGS: tuple[Lang, ...] = get_args(Lang)
_MANY = GATED.replace("gates:\n", "gates:\n  close: {sections: [now]}\n").replace(
    "checklist: small", "checklist: many"
)
_WRONG = (
    SMALL.replace("id: word", "id: there", 1)
    .replace("command: {run:", "comand: {run:")
    .replace("  id: another\n", "  id: another\n  whne: {failed: [nowhere]}\n")
)
_OPTIONS = SMALL.replace('command: {run: ["true"], exit: 0}', "file: {path: x, mode: 640}\n    - git: {path: x}")
_FILES = {
    "small.md": SMALL,
    "gated.md": GATED,
    "many.md": _MANY,
    "wrong.md": _WRONG,
    "options.md": _OPTIONS,
    "no-front-matter.md": "# Only a title\n\n- [ ] One\n",
    "broken.md": SMALL.replace("lang: en", "lang: [en", 1),
    "bad.env": "NOTION_TOKEN=x\nthis is no setting\n",
    "strict.env": "ULTRA_CHECKLIST_DEADLINE=soon\n",
    "empty.env": "NOTION_TOKEN=\n",
    "values.env": "APP=1\n",
    "plain.txt": "no bundle\n",
}

_SEEN = {"mirror.json", "gateway.json", "logbook.json"}
"""What was seen of Notion last, how it answered, and which errors were told: no facts about a release."""

GROUPS: dict[str, tuple[str, ...]] = {
    "usage": (
        "stat",
        "xyzzy",
        "status --fromat json",
        "status --format xml",
        "new",
        "check",
        "check nowhere.md",
        "check small.md nobody",
        "check small.md --format xls",
        "check small.md --var NAME",
        "check small.md --var API_TOKEN=abc",
        "check small.md --var-file nowhere.env",
        "lint nowhere.md",
        "lint small.md --against nowhere.md",
        "prove small.md nobody",
        "probes fiel",
        "verify nowhere.tar",
        "verify plain.txt",
        "fingerprint nowhere.env -o out",
        "fingerprint values.env -o out",
        "serve --db nowhere/notion.db",
        "report v9.9.9 --format html",
        "prune --keep -1",
        "prune --keep many",
        "prune --keep",
        "close v1.0.0",
        "status one two",
        "sync --watch 0",
        "init --local=yes",
        "sync --env-file nowhere.env",
    ),
    "settings": (
        "status --env-file bad.env",
        "status --env-file strict.env",
        "sync --env-file empty.env",
        "init --env-file empty.env --parent here",
    ),
    "template": (
        "lint no-front-matter.md",
        "lint broken.md",
        "lint wrong.md",
        "lint options.md",
        "check wrong.md",
    ),
    "release": (
        "new 'v 1' -t small.md",
        "new v1.0.0 -t smal",
        "new v1.0.0 -t wrong.md",
        "new v1.0.0 -t small.md --supersede --queued",
        "new v1.0.0 -t small.md --commit main",
        "new v1.1.0 -t gated.md",
        "status v9.9.9",
        "gate v9.9.9",
        "gate v1.0.0",
        "gate v1.0.0 -t many --gate depoly",
        "gate v1.0.0 -t many",
        "gate v1.0.0 -t small",
        "run v1.0.0 -t small nobody -- true",
        "run v1.0.0 -t small there -- no-such-program-here",
        "run v1.0.0 -t small there --break-glass '' -- true",
        "close v1.0.0 -t small --as complete",
        "close v1.0.0 -t small --as aborted",
        "close v1.0.0 -t small --as done",
        "adopt v9.9.9",
        "update v9.9.9",
        "check v1.0.0 --var A=b",
        "report v1.0.0 -t small --format pdf",
    ),
    "notion": (
        "init --parent here",
        "init --parent 00000000-0000-4000-8000-00000000dead",
        "sync --env-file wrong-token.env",
        "init --env-file nobody.env",
    ),
}
"""Command lines by what is wrong."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A state folder with releases of two checklists, and files to be wrong about."""
    with serving(tmp_path_factory.mktemp("mistakes")) as served:
        for name, content in _FILES.items():
            (served.folder / name).write_text(content)
        (served.folder / "wrong-token.env").write_text(f"NOTION_TOKEN=secret\nNOTION_BASE_URL={served.url}\n")
        (served.folder / "nobody.env").write_text("NOTION_TOKEN=ntn_local_x\nNOTION_BASE_URL=http://127.0.0.1:9\n")
        served.ok("init")
        for name in ("small", "many"):
            served.ok("new", "v1.0.0", "-t", f"{name}.md")
        yield served


def state(place: Served) -> dict[str, object]:
    """What must stay as it is: every file of the state folder but the cache, and the rows in Notion."""
    files = {
        str(path.relative_to(place.home)): path.read_bytes()
        for path in sorted(place.home.rglob("*"))
        if path.is_file() and path.suffix != ".lock" and path.name not in _SEEN
        if path.relative_to(place.home).parts[0] != "cache"
    }
    workspace = json.loads((place.home / "workspace.json").read_text())
    rows = place.call("POST", f"data_sources/{workspace['checks']}/query", {}, who="Sato")
    return files | {"rows": rows["results"]}


def said(line: str, place: Served, lang: Lang, capfd: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> str:
    """What a command line shows and how it ends, as a person has it in the folder of the files."""
    arguments = shlex.split(line)
    own = any(argument.endswith(".env") for argument in arguments[:3]) and "--env-file" in arguments
    environment = {} if own else place.environment
    for name in [name for name in os.environ if name.startswith(("NOTION_", "ULTRA_CHECKLIST_", "LC_"))]:
        patch.delenv(name)
    language = "ja_JP.UTF-8" if lang == "ja" else "C.UTF-8"
    for name, value in {"ULTRA_CHECKLIST_HOME": str(place.home), "LANG": language, **environment}.items():
        patch.setenv(name, value)
    patch.chdir(place.folder)
    # An error that stays is told once, and then hourly.
    (place.home / "logbook.json").unlink(missing_ok=True)
    capfd.readouterr()
    code = leave(arguments)
    shown = capfd.readouterr()
    text = f"$ ultra-checklist {line}\n{shown.out}{shown.err}[exit {code}]\n"
    text = text.replace(str(place.folder), "FOLDER").replace(place.url, "http://NOTION")
    return re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{22}\b(?!dead)", "ID", text)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("group", GROUPS)
def test_a_mistake_is_told_as_it_always_was(
    place: Served, group: str, lang: Lang, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(place)
    told = [said(line, place, lang, capfd, monkeypatch) for line in GROUPS[group]]
    agree("\n".join(told), f"mistakes.{group}.{lang}.txt")
    assert state(place) == before
    codes = [int(text.rpartition("[exit ")[2].split("]")[0]) for text in told]
    assert set(codes) <= {1, 2, 3, 125}, "a mistake ended as if it were none, or unexpectedly"
    assert all("error: " in text or "エラー: " in text or "lint" in text for text in told)

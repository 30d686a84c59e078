"""What ``status`` shows at a glance: golden files of every situation, in both languages, on 80 columns."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.lab import ELSEWHERE, HERE, Lab
from tests.reports.test_golden import agree
from tests.standings import SITUATIONS, Story
from ultra_checklist import overview as overviews
from ultra_checklist.cli.columns import cells
from ultra_checklist.cli.glance import lines
from ultra_checklist.model import Lang
from ultra_checklist.overview import overview

LANGS: tuple[Lang, ...] = get_args(Lang)


def view(story: Story, lang: Lang, monkeypatch: pytest.MonkeyPatch, machine: Any = HERE) -> dict[str, Any]:
    monkeypatch.setattr(overviews, "this_machine", lambda: machine)
    return overview(story.release, lang, "", close_after=600.0)


def text(data: dict[str, Any], width: int = 80, *, everything: bool = False) -> str:
    return "\n".join(line.plain for line in lines(data, width, everything=everything)) + "\n"


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_situation_reads_as_it_always_did(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    story = Story(lab, tmp_path)
    SITUATIONS[name](story)
    for lang in LANGS:
        data = view(story, lang, monkeypatch, ELSEWHERE if name == "elsewhere" else HERE)
        plain = json.dumps(data).replace(str(story.production), "/srv/app")
        data = json.loads(re.sub(r"-[0-9a-f]{32}\"", f'-{"0" * 32}"', plain))
        said = text(data) + "\n=== --all\n\n" + text(data, everything=True)
        agree(said, f"status.{name}.{lang}.txt")
        for line in text(data).splitlines():
            assert cells(line) <= 80 or line.lstrip().startswith(("ultra-checklist", "http")), line

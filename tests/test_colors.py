"""A result has one colour everywhere: in Notion, on the board, in the report and at a terminal."""

import re
from pathlib import Path

import pytest

from ultra_checklist import reports
from ultra_checklist import server as board
from ultra_checklist.cli.glance import _MARKS
from ultra_checklist.model import Decision, Result
from ultra_checklist.notion.schema import CHECK_COLUMNS, property_schema
from ultra_checklist.words import LANGS

MEANT = {
    Result.PASSED: "green",
    Result.CONFIRMED: "blue",
    Result.CANNOT_TELL: "amber",
    Result.WAITING: "gray",
    Result.BLOCKED: "gray",
    Result.WAIVED: "purple",
    Result.FAILED: "red",
}
"""Proved is green, a person's word blue."""
IN_NOTION = {"amber": "orange"}
ON_THE_BOARD = {"amber": "orange"}
AT_A_TERMINAL = {"amber": "yellow", "gray": "bright_black", "purple": "magenta"}
KINDS = {Result.CANNOT_TELL: "unclear"}
"""Names that the board has of its own."""


def hue(css: str, selector: str, variable: str) -> str:
    """The colour that a style sheet gives to what is selected; gray where it names none."""
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        if selector in [one.strip() for one in selectors.split(",")]:
            found = re.search(rf"{variable}: var\(--(\w+)\)", body)
            if found is not None:
                return found[1]
    return "gray"


def style(package: object, name: str) -> str:
    file = getattr(package, "__file__", None)
    assert isinstance(file, str)
    return (Path(file).parent / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("result", "color"), MEANT.items())
def test_a_result_has_one_color(result: Result, color: str) -> None:
    column = next(column for column in CHECK_COLUMNS if column.code == "result")
    for lang in LANGS:
        assert column.options is not None
        options = property_schema(column, lang)["select"]["options"]
        shown = {option["name"]: option["color"] for option in options}
        assert shown[column.options[result].say(lang)] == IN_NOTION.get(color, color)
    kind = KINDS.get(result, result.value)
    assert hue(style(board, "board/board.css"), f'[data-kind="{kind}"]', "--pill-ink") == ON_THE_BOARD.get(
        color, color
    )
    assert hue(style(reports, "release.css"), f".{result.value}", "--c") == color
    assert _MARKS[result.value][1] == AT_A_TERMINAL.get(color, color)


def test_a_waiver_has_the_color_of_its_result() -> None:
    column = next(column for column in CHECK_COLUMNS if column.code == "decision")
    colors = {option["name"]: option["color"] for option in property_schema(column, "en")["select"]["options"]}
    assert column.options is not None
    assert colors[column.options[Decision.WAIVE].en] == "purple"

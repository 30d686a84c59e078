"""Formulas of the local Notion: what they come to, what is taken unread, what is refused."""

from typing import Any

import pytest

from tests.server.conftest import Notion, text
from ultra_checklist.server.formulas import SyntaxFault, read
from ultra_checklist.server.operands import UNSUPPORTED, Moment, Room, Unsupported, answered

HOUR = 3_600_000
NOW = 1_780_000_020_000
PROPS = {
    "Text": "abc", "None": "", "Number": 4.0, "Nothing": None, "Box": True, "Off": False, "Date": Moment(NOW - 90 * 60_000),
    "Day": Moment(NOW - NOW % (24 * HOUR), day=True), "Pick": "One", 'Qu"ote': "q", "終了": None, "Many": ["a", "b"],
}  # fmt: skip


def worked(expression: str) -> Any:
    return read(expression).value(Room(PROPS.__getitem__, NOW))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("10 - 4 - 3", 3.0),
        ("7 % 4", 3.0),
        ("1.5 * 2", 3.0),
        ('"a" + 1 + true', "a1true"),
        (r'"a \"b\" \\ \n"', 'a "b" \\ \n'),
        ("1 == 1 and 2 > 1", True),
        ('1 == "1"', False),
        ("not true or true", True),
        ("!(1 >= 2) && true || false", True),
        ('not(empty(prop("Text")))', True),
        ("or(false, false, true)", True),
        ("and(true, false)", False),
        ('prop("Pick") == "One" ? "yes" : "no"', "yes"),
        ('if(false, prop("Text") + 1 / 0, "else")', "else"),
        ('ifs(false, "a", prop("Number") > 3, "b", "c")', "b"),
        ('ifs(false, "a", false, "b", "c")', "c"),
        ('ifs(false, "a")', None),
        ('prop("Qu\\"ote")', "q"),
        ('empty(prop("終了"))', True),
        ('empty(prop("None")) and empty(prop("Nothing")) and empty(0) and empty(prop("Off"))', True),
        ('empty(prop("Box")) or empty(prop("Many"))', False),
        ('prop("Text").empty()', False),
        ('prop("Number").format().concat("!", "?")', "4!?"),
        ("format(1.25)", "1.25"),
        ('format(prop("Many"))', "a,b"),
        ('dateBetween(now(), prop("Date"), "minutes")', 90.0),
        ('dateBetween(prop("Date"), now(), "hours")', -1.0),
        ('dateBetween(now(), prop("Nothing"), "days")', None),
        ('dateBetween(now(), prop("Nothing"), "days") > 3', False),
        ('prop("Date") < now()', True),
        ('today() == prop("Day")', True),
        ("round(2.5)", 3.0),
        ("round(-2.5)", -2.0),
        ("round(1.2345, 2)", 1.23),
    ],
)
def test_what_a_formula_comes_to(expression: str, value: Any) -> None:
    found = worked(expression)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "expression",
    [
        "", "1 +", "(1", "1)", '"open', "1 2", "if(1, 2)", "empty()", "now(1)", "a.b", "prop(", "# 1", "1 ? 2", "{{x}}",
        "ifs(true, 1" + ")" * 3, "(" * 61 + "1" + ")" * 61, "1 ^ " * 61 + "1",
    ],
)  # fmt: skip
def test_what_is_no_formula(expression: str) -> None:
    with pytest.raises(SyntaxFault):
        read(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "length([1, 2])", "let(a, 1, a + 1)", "current", 'prop("Many").map(current)', '1 < "2"', "-prop(\"Text\")",
        'dateBetween(now(), 1, "days")', 'dateBetween(now(), now(), "aeons")', "sqrt(2)",
    ],
)  # fmt: skip
def test_what_is_left_to_notion(expression: str) -> None:
    with pytest.raises(Unsupported):
        worked(expression)


@pytest.mark.parametrize(
    ("expression", "number"), [("1 / 0", None), ("9 ^ 9 ^ 9", None), ("(0 - 8) ^ 0.5", None), ("6 / 2", 3)]
)
def test_a_number_that_is_none(expression: str, number: int | None) -> None:
    assert answered(worked(expression)) == {"type": "number", "number": number}


def test_a_long_formula_of_long_texts_ends() -> None:
    long = Room(lambda _name: "x" * 1000, NOW)
    with pytest.raises(Unsupported):
        read(" + ".join(['prop("Text")'] * 200)).value(long)
    with pytest.raises(SyntaxFault):
        read("-" * 5000 + "1")
    with pytest.raises(SyntaxFault):
        read("1" + ".format()" * 5000)
    assert worked(" + ".join(["1"] * 10_000)) == 10_000
    with pytest.raises(Unsupported):
        worked(" + ".join(["1"] * 30_000))


def rows(notion: Notion, **properties: Any) -> tuple[str, list[str]]:
    source = notion.database(Number={"number": {}}, Ended={"date": {}}, Pick={"select": {}}, **properties)
    made = []
    for number, ended in ((1, None), (2, "2026-01-01"), (3, None)):
        values: Any = {"Name": {"title": text(str(number))}, "Number": {"number": number}}
        values["Ended"] = {"date": {"start": ended} if ended else None}
        made.append(notion.post("pages", {"parent": {"data_source_id": source}, "properties": values})["id"])
    return source, made


def formula(notion: Notion, page: str, name: str = "F") -> Any:
    return notion.get(f"pages/{page}")["properties"][name]["formula"]


def test_it_is_answered_filtered_and_sorted(notion: Notion) -> None:
    expression = 'if(empty(prop("Ended")), "open " + format(prop("Number")), "")'
    source, pages = rows(notion, F={"formula": {"expression": expression}})
    assert [formula(notion, page) for page in pages] == [
        {"type": "string", "string": "open 1"}, {"type": "string", "string": None}, {"type": "string", "string": "open 3"},
    ]  # fmt: skip
    shown = notion.get(f"data_sources/{source}")["properties"]["F"]
    assert shown["formula"] == {"expression": expression}
    found = notion.post(f"data_sources/{source}/query", {
        "filter": {"property": "F", "formula": {"string": {"contains": "open"}}},
        "sorts": [{"property": "F", "direction": "descending"}],
    })  # fmt: skip
    assert [page["id"] for page in found["results"]] == [pages[2], pages[0]]
    item = notion.get(f"pages/{pages[0]}/properties/{shown['id']}")
    assert (item["type"], item["formula"]) == ("formula", {"type": "string", "string": "open 1"})


def test_it_stands_when_a_property_gets_another_name(notion: Notion) -> None:
    source, pages = rows(notion, F={"formula": {"expression": 'prop("Number") * 2'}})
    notion.patch(f"data_sources/{source}", {"properties": {"Number": {"name": "Amount"}}})
    assert formula(notion, pages[2]) == {"type": "number", "number": 6}
    notion.patch(f"data_sources/{source}", {"properties": {"Amount": None}})
    assert formula(notion, pages[2]) == UNSUPPORTED


def test_types_of_answers(notion: Notion) -> None:
    source, pages = rows(
        notion,
        Yes={"formula": {"expression": "true"}},
        When={"formula": {"expression": 'prop("Ended")'}},
        Far={"formula": {"expression": "sqrt(2)"}},
    )
    assert formula(notion, pages[0], "Yes") == {"type": "boolean", "boolean": True}
    day = {"start": "2026-01-01", "end": None, "time_zone": None}
    assert formula(notion, pages[1], "When") == {"type": "date", "date": day}
    assert formula(notion, pages[0], "Far") == {"type": "unsupported", "unsupported": {}}
    assert source


@pytest.mark.parametrize("expression", ["1 +", 'prop("Nowhere")', "if(1)"])
def test_a_wrong_one_is_refused(notion: Notion, expression: str) -> None:
    source, _ = rows(notion)
    body = {"properties": {"F": {"formula": {"expression": expression}}}}
    error = notion.refused("PATCH", f"data_sources/{source}", body)
    assert error["code"] == "validation_error"
    assert "invalid formula" in error["message"]


def test_formulas_in_a_circle_end(notion: Notion) -> None:
    source, pages = rows(notion, F={"formula": {"expression": "1"}}, G={"formula": {"expression": 'prop("F") + 1'}})
    assert formula(notion, pages[0], "G") == {"type": "number", "number": 2}
    body = {"properties": {"F": {"formula": {"expression": " + ".join(['prop("G")'] * 40)}}}}
    notion.patch(f"data_sources/{source}", body)
    assert formula(notion, pages[0]) == UNSUPPORTED
    assert formula(notion, pages[1], "G") == UNSUPPORTED

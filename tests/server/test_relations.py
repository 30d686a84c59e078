from typing import Any

import pytest

from tests.server.conftest import Notion, text


@pytest.fixture
def releases(notion: Notion) -> str:
    return notion.database()


@pytest.fixture
def checks(notion: Notion, releases: str) -> str:
    synced = {"synced_property_name": "Checks"}
    relation = {"data_source_id": releases, "type": "dual_property", "dual_property": synced}
    source = notion.database(Release={"relation": relation}, Done={"checkbox": {}}, Weight={"number": {}})
    columns = {
        "Ticked": ("percent_checked", "Done"),
        "Boxes": ("checked", "Done"),
        "Open": ("unchecked", "Done"),
        "Open %": ("percent_unchecked", "Done"),
        "Rows": ("count", "Name"),
        "Weights": ("count_values", "Weight"),
        "Total": ("sum", "Weight"),
        "Mean": ("average", "Weight"),
        "Least": ("min", "Weight"),
        "Most": ("max", "Weight"),
        "Names": ("show_original", "Name"),
    }
    rollups = {
        name: {"rollup": {"function": f, "relation_property_name": "Checks", "rollup_property_name": of}}
        for name, (f, of) in columns.items()
    }
    notion.patch(f"data_sources/{releases}", {"properties": rollups})
    return source


def rollup(page: dict[str, Any], name: str) -> Any:
    content = page["properties"][name]["rollup"]
    return content[content["type"]]


def test_both_sides_of_a_dual_relation(notion: Notion, releases: str, checks: str) -> None:
    here = notion.get(f"data_sources/{checks}")["properties"]["Release"]
    there = notion.get(f"data_sources/{releases}")["properties"]["Checks"]
    assert here["relation"]["data_source_id"] == releases
    assert here["relation"]["dual_property"] == {
        "synced_property_name": "Checks",
        "synced_property_id": there["id"],
    }
    assert there["relation"]["dual_property"]["synced_property_id"] == here["id"]
    assert there["relation"]["database_id"] == notion.get(f"data_sources/{checks}")["parent"]["database_id"]
    release = notion.row(releases, "v1")
    check = notion.row(checks, "a", Release={"relation": [{"id": release["id"]}]})
    assert check["properties"]["Release"] == {
        "id": here["id"],
        "type": "relation",
        "relation": [{"id": release["id"]}],
        "has_more": False,
    }
    after = notion.get(f"pages/{release['id']}")
    assert after["properties"]["Checks"]["relation"] == [{"id": check["id"]}]
    notion.patch(f"pages/{release['id']}", {"properties": {"Checks": {"relation": []}}})
    assert notion.get(f"pages/{check['id']}")["properties"]["Release"]["relation"] == []


def test_an_edit_of_a_row_leaves_the_related_page_alone(notion: Notion, releases: str, checks: str) -> None:
    release = notion.row(releases, "v1")
    sato = notion.person("Sato")
    sato.row(checks, "a", Release={"relation": [{"id": release["id"]}]}, Done={"checkbox": True})
    after = notion.get(f"pages/{release['id']}")
    assert after["last_edited_by"] == release["last_edited_by"]
    assert rollup(after, "Ticked") == 1


def test_rollups_are_computed_when_read(notion: Notion, releases: str, checks: str) -> None:
    release = notion.row(releases, "v1")
    assert rollup(release, "Rows") == 0
    assert rollup(release, "Ticked") is None
    related = {"relation": [{"id": release["id"]}]}
    for name, done, weight in (("a", True, 4), ("b", False, None), ("c", True, 0), ("d", True, 2)):
        notion.row(checks, name, Release=related, Done={"checkbox": done}, Weight={"number": weight})
    page = notion.get(f"pages/{release['id']}")
    numbers = {name: rollup(page, name) for name in page["properties"] if "rollup" in page["properties"][name]}
    names = [one["title"][0]["plain_text"] for one in numbers.pop("Names")]
    assert names == ["a", "b", "c", "d"]
    assert numbers == {
        "Ticked": 0.75,
        "Boxes": 3,
        "Open": 1,
        "Open %": 0.25,
        "Rows": 4,
        "Weights": 3,
        "Total": 6,
        "Mean": 2,
        "Least": 0,
        "Most": 4,
    }
    assert page["properties"]["Ticked"]["rollup"] == {
        "type": "number",
        "number": 0.75,
        "function": "percent_checked",
    }
    assert notion.found(releases, {"property": "Total", "rollup": {"number": {"equals": 6}}}) == ["v1"]
    assert notion.found(releases, sorts=[{"property": "Total", "direction": "descending"}]) == ["v1"]


def test_only_25_references_are_shown_and_rolled_up(notion: Notion, releases: str, checks: str) -> None:
    release = notion.row(releases, "v1")
    for number in range(30):
        notion.row(checks, str(number), Release={"relation": [{"id": release["id"]}]}, Done={"checkbox": True})
    page = notion.get(f"pages/{release['id']}")
    assert len(page["properties"]["Checks"]["relation"]) == 25
    assert page["properties"]["Checks"]["has_more"] is True
    assert rollup(page, "Boxes") == 25
    first = notion.get(f"pages/{release['id']}/properties/Checks", page_size=20)
    cursor = first["next_cursor"]
    rest = notion.get(f"pages/{release['id']}/properties/Checks", start_cursor=cursor)
    ids = [item["relation"]["id"] for item in first["results"] + rest["results"]]
    assert len(set(ids)) == 30
    found = notion.found(checks, {"property": "Release", "relation": {"contains": release["id"]}})
    assert found == [str(number) for number in range(30)]
    item = notion.get(f"pages/{release['id']}/properties/Boxes")
    assert item["property_item"]["rollup"]["number"] == 25


def test_rows_in_the_trash_are_related_to_nothing(notion: Notion, releases: str, checks: str) -> None:
    release = notion.row(releases, "v1")
    check = notion.row(checks, "a", Release={"relation": [{"id": release["id"]}]})
    notion.patch(f"pages/{check['id']}", {"in_trash": True})
    assert rollup(notion.get(f"pages/{release['id']}"), "Rows") == 0
    notion.patch(f"pages/{check['id']}", {"in_trash": False})
    assert rollup(notion.get(f"pages/{release['id']}"), "Rows") == 1


def test_a_relation_names_rows_of_its_data_source(notion: Notion, checks: str) -> None:
    stranger = notion.row(checks, "x")
    body = {"properties": {"Release": {"relation": [{"id": stranger["id"]}]}}}
    assert (
        "is not in the related data source" in notion.refused("PATCH", f"pages/{stranger['id']}", body)["message"]
    )
    missing = "7855b161-f63e-4683-b7c7-8ca6e97ee266"
    body = {"properties": {"Release": {"relation": [{"id": missing}]}}}
    assert notion.refused("PATCH", f"pages/{stranger['id']}", body)["code"] == "object_not_found"


def test_a_dual_relation_goes_with_its_other_side(notion: Notion, releases: str, checks: str) -> None:
    notion.patch(f"data_sources/{checks}", {"properties": {"Release": None}})
    after = notion.get(f"data_sources/{releases}")
    assert "Checks" not in after["properties"]
    release = notion.row(releases, "v1")
    assert rollup(release, "Rows") == 0


def test_a_single_relation_becomes_dual_and_single_again(notion: Notion, releases: str) -> None:
    single = {"data_source_id": releases, "single_property": {}}
    source = notion.database(Of={"relation": single})
    release = notion.row(releases, "v1")
    row = notion.row(source, "a", Of={"relation": [{"id": release["id"]}]})
    assert notion.get(f"data_sources/{source}")["properties"]["Of"]["relation"]["type"] == "single_property"
    dual = {"data_source_id": releases, "dual_property": {}}
    notion.patch(f"data_sources/{source}", {"properties": {"Of": {"relation": dual}}})
    other = notion.get(f"pages/{release['id']}")["properties"]["Related to Things (Of)"]
    assert other["relation"] == [{"id": row["id"]}]
    notion.patch(f"data_sources/{source}", {"properties": {"Of": {"relation": single}}})
    assert set(notion.get(f"data_sources/{releases}")["properties"]) == {"Name"}
    assert notion.get(f"pages/{row['id']}")["properties"]["Of"]["relation"] == [{"id": release["id"]}]


def test_a_dual_relation_to_itself(notion: Notion) -> None:
    source = notion.database()
    dual = {"data_source_id": source, "dual_property": {"synced_property_name": "Children"}}
    notion.patch(f"data_sources/{source}", {"properties": {"Parent": {"relation": dual}}})
    top = notion.row(source, "top")
    notion.row(source, "below", Parent={"relation": [{"id": top["id"]}]})
    assert notion.found(source, {"property": "Children", "relation": {"is_not_empty": True}}) == ["top"]
    assert notion.found(source, {"property": "Parent", "relation": {"is_empty": True}}) == ["top"]


@pytest.fixture
def things(notion: Notion) -> tuple[str, str]:
    """A row with three related ones of its own, and the data source of that row."""
    target = notion.database(
        Count={"number": {}},
        Day={"date": {}},
        Mood={"select": {}},
        Ok={"checkbox": {}},
        Words={"rich_text": {}},
        Who={"people": {}},
    )
    person = notion.person("Hanako").get("users/me")["id"]
    rows: list[dict[str, Any]] = [
        {"Count": 4, "Day": {"start": "2026-07-04", "end": "2026-07-09"}, "Mood": {"name": "Good"}, "Ok": True},
        {"Count": 1, "Day": {"start": "2026-07-01T10:00:00+09:00"}, "Mood": {"name": "Good"}, "Ok": True},
        {"Count": None, "Day": None, "Mood": {"name": "Bad"}, "Ok": False},
    ]
    kinds = {"Count": "number", "Day": "date", "Mood": "select", "Ok": "checkbox"}
    ids = []
    for number, row in enumerate(rows):
        given = {name: {kinds[name]: value} for name, value in row.items()}
        given["Words"] = {"rich_text": text(f"word {number}")}
        given["Who"] = {"people": [{"id": person}] if number else []}
        ids.append({"id": notion.row(target, str(number), **given)["id"]})
    source = notion.database(Of={"relation": {"data_source_id": target, "single_property": {}}})
    notion.row(source, "none")
    return source, notion.row(source, "all", Of={"relation": ids})["id"]


def rolled(notion: Notion, things: tuple[str, str], function: str, target: str) -> Any:
    config = {"function": function, "relation_property_name": "Of", "rollup_property_name": target}
    notion.patch(f"data_sources/{things[0]}", {"properties": {"R": {"rollup": config}}})
    answer = notion.get(f"pages/{things[1]}")["properties"]["R"]["rollup"]
    assert answer["function"] == function
    return answer[answer["type"]]


@pytest.mark.parametrize(
    ("function", "target", "wanted"),
    [
        ("median", "Count", 2.5),
        ("range", "Count", 3),
        ("unique", "Mood", 2),
        ("earliest_date", "Day", {"start": "2026-07-01T10:00:00.000+09:00", "end": None, "time_zone": None}),
        ("latest_date", "Day", {"start": "2026-07-09", "end": None, "time_zone": None}),
        ("date_range", "Day", {"start": "2026-07-01T10:00:00.000+09:00", "end": "2026-07-09", "time_zone": None}),
        ("latest_date", "Words", None),
        ("count_per_group", "Mood", {}),
    ],
)
def test_functions_of_rollups(
    notion: Notion, things: tuple[str, str], function: str, target: str, wanted: Any
) -> None:
    assert rolled(notion, things, function, target) == wanted


def test_a_rollup_shows_originals_or_different_ones(notion: Notion, things: tuple[str, str]) -> None:
    assert [one["select"]["name"] for one in rolled(notion, things, "show_original", "Mood")] == [
        "Good",
        "Good",
        "Bad",
    ]
    assert [one["select"]["name"] for one in rolled(notion, things, "show_unique", "Mood")] == ["Good", "Bad"]


@pytest.mark.parametrize(
    ("function", "target", "given", "found"),
    [
        ("show_original", "Mood", {"any": {"select": {"equals": "Bad"}}}, ["all"]),
        ("show_original", "Mood", {"every": {"select": {"equals": "Good"}}}, ["none"]),
        ("show_original", "Mood", {"none": {"select": {"equals": "Bad"}}}, ["none"]),
        ("show_original", "Words", {"any": {"rich_text": {"contains": "WORD 2"}}}, ["all"]),
        ("show_original", "Name", {"any": {"rich_text": {"equals": "1"}}}, ["all"]),
        ("show_original", "Ok", {"every": {"checkbox": {"equals": True}}}, ["none"]),
        ("show_original", "Count", {"any": {"number": {"greater_than": 3}}}, ["all"]),
        ("show_original", "Day", {"any": {"date": {"on_or_before": "2026-07-01"}}}, ["all"]),
        ("show_original", "Who", {"any": {"people": {"is_empty": True}}}, ["all"]),
        ("latest_date", "Day", {"date": {"equals": "2026-07-09"}}, ["all"]),
        ("latest_date", "Day", {"date": {"is_empty": True}}, ["none"]),
    ],
)
def test_filters_on_rollups(
    notion: Notion, things: tuple[str, str], function: str, target: str, given: dict[str, Any], found: list[str]
) -> None:
    rolled(notion, things, function, target)
    assert notion.found(things[0], {"property": "R", "rollup": given}) == found


def test_only_25_people_and_mentions_are_shown(notion: Notion) -> None:
    people = [notion.person(f"Person {number:02}").get("users/me")["id"] for number in range(30)]
    source = notion.database(Who={"people": {}}, Note={"rich_text": {}})
    mentions = [{"mention": {"user": {"id": one}}} for one in people]
    row = notion.row(source, "x", Who={"people": [{"id": one} for one in people]}, Note={"rich_text": mentions})
    assert len(row["properties"]["Who"]["people"]) == 25
    assert len(row["properties"]["Note"]["rich_text"]) == 25
    for name in ("Who", "Note"):
        assert len(notion.get(f"pages/{row['id']}/properties/{name}")["results"]) == 30

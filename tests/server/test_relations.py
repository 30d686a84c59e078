from typing import Any

import pytest

from tests.server.conftest import Notion


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

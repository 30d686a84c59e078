from tests.server.conftest import BOT, WORKSPACE, Notion, text


def test_the_integration_is_a_bot_with_limits(notion: Notion) -> None:
    me = notion.get("users/me")
    assert (me["id"], me["type"]) == (BOT, "bot")
    assert me["bot"]["workspace_limits"] == {"max_file_upload_size_in_bytes": 5242880}
    other = Notion(notion.app, "ntn_local_anything").get(f"users/{BOT}")
    assert {key: other[key] for key in other if key != "request_id"} == {
        key: me[key] for key in me if key != "request_id"
    }


def test_a_name_is_always_the_same_person(notion: Notion) -> None:
    encoded = notion.person("佐藤").get("users/me")
    plain = notion.send("GET", "/v1/users/me", headers={"Authorization": "Bearer ntn_person_佐藤".encode()})
    assert encoded["name"] == "佐藤"
    assert encoded["id"] == plain.json()["id"]
    assert notion.get(f"users/{encoded['id']}")["person"]["email"].endswith("@people.invalid")


def test_users_are_listed_with_the_bot(notion: Notion) -> None:
    for name in ("Sato", "Abe"):
        notion.person(name).get("users/me")
    answer = notion.get("users", page_size=2)
    assert [user["name"] for user in answer["results"]] == ["Abe", "Sato"]
    rest = notion.get("users", start_cursor=answer["next_cursor"])
    assert [user["type"] for user in rest["results"]] == ["bot"]
    assert (rest["type"], rest["user"], rest["has_more"]) == ("user", {}, False)
    assert notion.send("GET", "/board/people").json() == ["Abe", "Sato"]


def test_an_edit_is_its_authors(notion: Notion) -> None:
    source = notion.database(Done={"checkbox": {}})
    row = notion.row(source, "x")
    assert row["last_edited_by"] == {"object": "user", "id": BOT}
    sato = notion.person("Sato")
    ticked = sato.patch(f"pages/{row['id']}", {"properties": {"Done": {"checkbox": True}}})
    me = sato.get("users/me")["id"]
    assert (ticked["created_by"]["id"], ticked["last_edited_by"]["id"]) == (BOT, me)
    again = notion.patch(f"pages/{row['id']}", {"properties": {"Done": {"checkbox": True}}})
    assert again["last_edited_by"]["id"] == BOT


def test_a_person_can_be_named_in_a_property_and_a_text(notion: Notion) -> None:
    me = notion.person("Sato").get("users/me")
    source = notion.database(Who={"people": {}})
    row = notion.row(source, "x", Who={"people": [{"id": me["id"]}]})
    (who,) = row["properties"]["Who"]["people"]
    assert (who["name"], who["type"]) == ("Sato", "person")
    assert notion.found(source, {"property": "Who", "people": {"contains": me["id"]}}) == ["x"]
    mention = [{"mention": {"user": {"id": me["id"]}}}]
    page = notion.post("pages", {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("m")}})
    block = notion.patch(f"blocks/{page['id']}/children", {"children": [{"paragraph": {"rich_text": mention}}]})
    assert block["results"][0]["paragraph"]["rich_text"][0]["plain_text"] == "@Sato"
    error = notion.refused(
        "PATCH",
        f"pages/{row['id']}",
        {"properties": {"Who": {"people": [{"id": WORKSPACE}]}}},
    )
    assert "Who.people[0].id" in error["message"]

"""Every endpoint of the published Python client, once: the answers are checked as they come."""

import time
from typing import Any

from tests.contract.api import text
from tests.server.conftest import WORKSPACE


def tour(client: Any, version: str) -> None:
    """All of it, in one version."""
    person = _users(client)
    page = _pages(client)
    source, database = _databases(client, page)
    row = _rows(client, source, person)
    _blocks(client, page, version)
    _views(client, source, database, row)
    _comments(client, row)
    _uploads(client)
    found = client.search(query="Toured", filter={"property": "object", "value": "page"})
    assert page in [one["id"] for one in found["results"]]
    emojis = client.custom_emojis.list(name="party")
    assert (emojis["type"], [one["name"] for one in emojis["results"]]) == ("custom_emoji", ["party"])
    assert client.pages.update(page_id=page, erase_content=True)["object"] == "page"
    assert client.pages.retrieve_markdown(page_id=page)["markdown"] == ""
    assert client.pages.update(page_id=page, in_trash=True)["in_trash"] is True


def _users(client: Any) -> str:
    me = client.users.me()
    assert client.users.retrieve(me["id"])["name"] == me["name"]
    (person, *_) = [user for user in client.users.list()["results"] if user["type"] == "person"]
    return str(person["id"])


def _pages(client: Any) -> str:
    made = client.pages.create(
        parent={"page_id": WORKSPACE}, properties={"title": {"title": [text("Tour")]}}, markdown="# Head\n- **one**"
    )
    page = str(made["id"])
    assert client.pages.retrieve(page)["properties"]["title"]["title"][0]["plain_text"] == "Tour"
    assert client.pages.update(page, properties={"title": {"title": [text("Toured")]}}, is_locked=True)["is_locked"]
    assert client.pages.retrieve_markdown(page_id=page)["markdown"] == "# Head\n- **one**"
    changed = client.pages.update_markdown(
        page_id=page,
        type="update_content",
        update_content={"content_updates": [{"old_str": "one", "new_str": "two"}]},
    )
    assert changed["markdown"] == "# Head\n- **two**"
    below = client.pages.create(parent={"page_id": WORKSPACE}, properties={"title": {"title": [text("Below")]}})
    assert client.pages.move(page_id=below["id"], parent={"page_id": page})["parent"]["page_id"] == page
    title = client.pages.properties.retrieve(page_id=page, property_id="title")
    assert title["results"][0]["title"]["plain_text"] == "Toured"
    return page


def _databases(client: Any, page: str) -> tuple[str, str]:
    bare = client.databases.create(parent={"type": "page_id", "page_id": page}, title=[text("Bare")])
    (only,) = bare["data_sources"]
    assert list(client.data_sources.retrieve(only["id"])["properties"]) == ["Name"]
    assert client.databases.update(bare["id"], title=[text("Full")], is_inline=True)["is_inline"] is True
    assert client.databases.retrieve(bare["id"])["title"][0]["plain_text"] == "Full"
    second = client.data_sources.create(
        parent={"type": "database_id", "database_id": bare["id"]},
        properties={"Name": {"title": {}}},
        title=[text("Second")],
    )
    options = [{"name": "a", "color": "red"}, {"name": "b"}]
    schema: dict[str, Any] = {
        "Done": {"checkbox": {}},
        "Kind": {"select": {"options": options}},
        "State": {"status": {}},
    }
    changed = client.data_sources.update(second["id"], properties=schema)
    kept = [option for option in changed["properties"]["Kind"]["select"]["options"] if option["name"] == "b"]
    changes = {"Kind": {"name": "Sort", "select": {"options": [*kept, {"name": "c"}]}}, "State": None}
    changed = client.data_sources.update(second["id"], properties=changes)
    assert set(changed["properties"]) == {"Name", "Done", "Sort"}
    assert [option["name"] for option in changed["properties"]["Sort"]["select"]["options"]] == ["b", "c"]
    assert client.data_sources.list_templates(second["id"]) | {"request_id": ""} == {
        "templates": [],
        "has_more": False,
        "next_cursor": None,
        "request_id": "",
    }
    return str(second["id"]), str(bare["id"])


def _rows(client: Any, source: str, person: str) -> str:
    schema: dict[str, Any] = {"Who": {"people": {}}}
    client.data_sources.update(source, properties=schema)
    made = [
        client.pages.create(
            parent={"data_source_id": source},
            properties={
                "Name": {"title": [text(name)]},
                "Done": {"checkbox": name == "a"},
                "Who": {"people": [{"id": person}]},
            },
            template={"type": "none"},
        )
        for name in "ab"
    ]
    done = {"property": "Done", "checkbox": {"equals": True}}
    found = client.data_sources.query(source, filter=done, filter_properties=["title"])["results"]
    assert [(row["id"], list(row["properties"])) for row in found] == [(made[0]["id"], ["Name"])]
    return str(made[0]["id"])


def _blocks(client: Any, page: str, version: str) -> None:
    paragraph = {"paragraph": {"rich_text": [text("x", link={"url": "https://example.org"})]}}
    position: dict[str, Any] = {"position": {"type": "start"}} if version == "2026-03-11" else {}
    added = client.blocks.children.append(page, children=[paragraph], **position)["results"]
    mine = next(block for block in added if block["type"] == "paragraph")
    assert mine["paragraph"]["rich_text"][0]["href"] == "https://example.org"
    assert client.blocks.retrieve(mine["id"])["type"] == "paragraph"
    changed = client.blocks.update(mine["id"], paragraph={"rich_text": [{"equation": {"expression": "x^2"}}]})
    assert changed["paragraph"]["rich_text"][0]["plain_text"] == "x^2"
    assert mine["id"] in [block["id"] for block in client.blocks.children.list(page)["results"]]
    assert client.blocks.delete(mine["id"])["in_trash"] is True
    assert client.blocks.meeting_notes.query()["results"] == []


def _views(client: Any, source: str, database: str, row: str) -> None:
    done = {"property": "Done", "checkbox": {"equals": True}}
    view = client.views.create(database_id=database, data_source_id=source, name="Done", type="table", filter=done)
    identifier = view["id"]
    assert client.views.retrieve(identifier)["filter"] == done
    assert client.views.update(identifier, name="Ticked")["name"] == "Ticked"
    assert identifier in [one["id"] for one in client.views.list(database_id=database)["results"]]
    query = client.views.queries.create(identifier, page_size=1)
    assert (query["total_count"], [one["id"] for one in query["results"]]) == (1, [row])
    assert client.views.queries.results(identifier, query["id"])["type"] == "page"
    assert client.views.queries.delete(identifier, query["id"])["deleted"] is True
    assert client.views.delete(identifier)["id"] == identifier


def _comments(client: Any, row: str) -> None:
    comment = client.comments.create(parent={"page_id": row}, rich_text=[text("Why?")])
    answer = client.comments.create(discussion_id=comment["discussion_id"], markdown="**Because.**")
    assert answer["rich_text"][0]["annotations"]["bold"] is True
    assert client.comments.retrieve(comment["id"])["rich_text"][0]["plain_text"] == "Why?"
    assert client.comments.update(comment["id"], rich_text=[text("How?")])["rich_text"][0]["plain_text"] == "How?"
    assert len(client.comments.list(block_id=row)["results"]) == 2
    assert client.comments.delete(answer["id"])["id"] == answer["id"]
    assert len(client.comments.list(block_id=row)["results"]) == 1


def _uploads(client: Any) -> None:
    small = client.file_uploads.create(mode="single_part", filename="a.txt", content_type="text/plain")
    file = ("a.txt", b"deployed\n", "text/plain")
    assert client.file_uploads.send(small["id"], file=file)["status"] == "uploaded"
    assert client.file_uploads.retrieve(small["id"])["content_length"] == len(file[1])
    parts = client.file_uploads.create(mode="multi_part", filename="b.txt", number_of_parts=1)
    part = ("b.txt", b"x" * (5 << 20), "text/plain")
    client.file_uploads.send(parts["id"], file=part, part_number="1")
    assert client.file_uploads.complete(parts["id"])["status"] == "uploaded"
    assert {small["id"], parts["id"]} <= {
        one["id"] for one in client.file_uploads.list(status="uploaded")["results"]
    }
    far = client.request(
        path="file_uploads",
        method="POST",
        body={"mode": "external_url", "external_url": "https://example.org/c.txt", "filename": "c.txt"},
    )
    assert far["status"] == "pending"
    deadline = time.monotonic() + 10
    while client.file_uploads.retrieve(far["id"])["status"] != "uploaded":
        assert time.monotonic() < deadline

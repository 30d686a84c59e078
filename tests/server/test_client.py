"""The published client, over real HTTP and in this process."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import notion_client
import pytest

from tests.server.conftest import BOT, WORKSPACE, Server, text
from ultra_checklist.server.app import create_app

log = logging.getLogger("tests.server")
SCHEMA: dict[str, Any] = {
    "Name": {"title": {}},
    "Done": {"checkbox": {}},
    "Order": {"number": {}},
    "Result": {"select": {"options": [{"name": "Passed", "color": "green"}]}},
}


@pytest.fixture
def client(server: Server) -> Any:
    with notion_client.Client(
        auth="ntn_local", base_url=server.url, notion_version="2026-03-11", retry=False, logger=log
    ) as client:
        yield client


def make(client: Any) -> str:
    parent = {"type": "page_id", "page_id": WORKSPACE}
    database = client.databases.create(
        parent=parent, title=text("Checks"), initial_data_source={"properties": SCHEMA}
    )
    return str(database["data_sources"][0]["id"])


def test_a_round_of_calls_over_http(client: Any, server: Server) -> None:
    assert client.users.me()["id"] == BOT
    source = make(client)
    page = client.pages.create(
        parent={"data_source_id": source},
        properties={"Name": {"title": text("one")}, "Result": {"select": {"name": "Failed"}}},
        children=[{"to_do": {"rich_text": text("tick me")}}],
    )
    assert page["url"].startswith(f"{server.url}/p/one-")
    assert httpx.get(page["url"]).status_code in (200, 404)
    done = client.pages.update(page["id"], properties={"Done": {"checkbox": True}})
    assert done["properties"]["Done"]["checkbox"] is True
    found = client.data_sources.query(source, filter={"property": "Done", "checkbox": {"equals": True}})
    assert [row["id"] for row in found["results"]] == [page["id"]]
    options = client.data_sources.retrieve(source)["properties"]["Result"]["select"]["options"]
    assert [option["name"] for option in options] == ["Passed", "Failed"]
    body = client.blocks.children.list(page["id"])["results"]
    assert [block["type"] for block in body] == ["to_do"]


def test_errors_reach_the_client_as_notions(client: Any) -> None:
    with pytest.raises(notion_client.APIResponseError) as caught:
        client.pages.retrieve("7855b161-f63e-4683-b7c7-8ca6e97ee266")
    assert caught.value.code == notion_client.APIErrorCode.ObjectNotFound
    assert caught.value.request_id


def test_an_upload_is_attached_and_downloaded(client: Any) -> None:
    upload = client.file_uploads.create(mode="single_part", filename="deploy.log.txt", content_type="text/plain")
    sent = client.file_uploads.send(upload["id"], file=("deploy.log.txt", b"all is well\n", "text/plain"))
    assert sent["status"] == "uploaded"
    parent = {"page_id": WORKSPACE}
    reference = {"type": "file_upload", "file_upload": {"id": upload["id"]}}
    page = client.pages.create(parent=parent, properties={"title": text("log")}, children=[{"file": reference}])
    block = client.blocks.children.list(page["id"])["results"][0]
    answer = httpx.get(block["file"]["file"]["url"])
    assert (answer.status_code, answer.content) == (200, b"all is well\n")
    assert answer.headers["content-disposition"].startswith("attachment")


def test_threads_lose_nothing(client: Any, server: Server) -> None:
    source = make(client)

    def create(worker: int) -> list[str]:
        with notion_client.Client(
            auth=f"ntn_person_{worker}", base_url=server.url, notion_version="2026-03-11", logger=log
        ) as own:
            create: Any = own.pages.create
            return [
                create(
                    parent={"data_source_id": source},
                    properties={"Name": {"title": text("row")}, "Order": {"number": worker * 20 + number}},
                )["id"]
                for number in range(20)
            ]

    with ThreadPoolExecutor(8) as pool:
        made = {page for pages in pool.map(create, range(8)) for page in pages}
    found = notion_client.helpers.collect_paginated_api(client.data_sources.query, data_source_id=source)
    assert len(made) == 160
    assert {row["id"] for row in found} == made
    assert {row["properties"]["Order"]["number"] for row in found} == set(range(160))


def test_two_applications_share_a_file(tmp_path: Path) -> None:
    apps = [create_app(tmp_path / "notion.db") for _ in range(2)]

    async def go() -> list[str]:
        first, second = (
            notion_client.AsyncClient(
                auth="ntn_local",
                notion_version="2026-03-11",
                base_url="http://notion.local",
                logger=log,
                client=httpx.AsyncClient(transport=httpx.ASGITransport(app)),
            )
            for app in apps
        )
        database = await first.databases.create(
            parent={"page_id": WORKSPACE}, initial_data_source={"properties": SCHEMA}
        )
        source = database["data_sources"][0]["id"]
        parent = {"data_source_id": source}
        await asyncio.gather(
            *(
                own.pages.create(parent=parent, properties={"Name": {"title": text(name)}})
                for own, name in zip((first, second) * 5, "abcdefghij", strict=True)
            )
        )
        rows = (await second.data_sources.query(source))["results"]
        await first.client.aclose()
        await second.client.aclose()
        return sorted(row["properties"]["Name"]["title"][0]["plain_text"] for row in rows)

    assert asyncio.run(go()) == list("abcdefghij")
    for app in apps:
        app.state.store.close()

"""The published Python client drives the same API."""

import logging
from collections.abc import Iterator
from typing import Any

import notion_client
import pytest
from notion_client.helpers import collect_paginated_api

from tests.contract.api import Api, text

log = logging.getLogger("tests.contract")


@pytest.fixture
def client(api: Api) -> Iterator[Any]:
    base = str(api.http.base_url).rstrip("/")
    options: dict[str, Any] = {"auth": api.token, "base_url": base, "notion_version": api.version}
    with notion_client.Client(**options, retry=False, logger=log) as client:
        yield client


def test_a_tour(client: Any, api: Api) -> None:
    assert client.users.me()["type"] == "bot"
    page = client.pages.create(parent={"page_id": api.page}, properties={"title": {"title": [text("Tour")]}})
    blocks = [{"paragraph": {"rich_text": [text(str(number))]}} for number in range(3)]
    client.blocks.children.append(block_id=page["id"], children=blocks)
    listed = collect_paginated_api(client.blocks.children.list, block_id=page["id"], page_size=2)
    assert [block["paragraph"]["rich_text"][0]["plain_text"] for block in listed] == ["0", "1", "2"]
    schema: dict[str, Any] = {"Name": {"title": {}}, "Done": {"checkbox": {}}}
    database = client.databases.create(
        parent={"type": "page_id", "page_id": page["id"]},
        title=[text("Tour")],
        initial_data_source={"properties": schema},
    )
    source = database["data_sources"][0]["id"]
    parent = {"data_source_id": source}
    rows = [
        client.pages.create(
            parent=parent, properties={"Name": {"title": [text(str(number))]}, "Done": {"checkbox": number > 0}}
        )
        for number in range(3)
    ]
    done = {"property": "Done", "checkbox": {"equals": True}}
    found = collect_paginated_api(client.data_sources.query, data_source_id=source, filter=done, page_size=1)
    assert {row["id"] for row in found} == {rows[1]["id"], rows[2]["id"]}
    item = client.pages.properties.retrieve(page_id=rows[0]["id"], property_id="title")
    assert item["results"][0]["title"]["plain_text"] == "0"
    assert client.pages.update(page_id=page["id"], in_trash=True)["in_trash"] is True


def test_an_error_is_the_client_s_own(client: Any) -> None:
    with pytest.raises(notion_client.APIResponseError) as caught:
        client.pages.retrieve("12345678-1234-4234-8234-123456789abc")
    assert caught.value.code == notion_client.APIErrorCode.ObjectNotFound
    assert caught.value.request_id

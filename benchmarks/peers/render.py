"""Make pages one after another with notion-client, waiting as Notion says: what a script of an afternoon does."""

import os
import sys
import time

from notion_client import Client
from notion_client.errors import APIResponseError

source, number = sys.argv[1], int(sys.argv[2])
notion = Client(
    auth=os.environ["NOTION_TOKEN"], base_url=os.environ["NOTION_BASE_URL"], notion_version="2026-03-11"
)


def create(title: str) -> None:
    """One page, as often as it takes."""
    while True:
        try:
            notion.pages.create(
                parent={"type": "data_source_id", "data_source_id": source},
                properties={"title": {"title": [{"text": {"content": title}}]}},
            )
        except APIResponseError as error:
            if error.status != 429:
                raise
            time.sleep(float(error.headers.get("Retry-After", "1")))
        else:
            return


for index in range(number):
    create(f"Peer {index}")

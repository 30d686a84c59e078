"""A bare script with one query, as anybody would write it with notion-client."""

import os
import sys

from notion_client import Client

source = sys.argv[1]
notion = Client(auth="ntn_local", base_url=os.environ["NOTION_BASE_URL"], notion_version="2026-03-11")
found = notion.request(
    path=f"data_sources/{source}/query",
    method="POST",
    body={"filter": {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": "2100-01-01"}}},
)
if found["results"]:
    raise SystemExit("the query should have found nothing")

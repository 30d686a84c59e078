"""The way from Notion to the pretend backend: a database of news, and whoever reads it for the backend."""

import threading
from typing import Any

from ultra_checklist.demo.backend import file_event
from ultra_checklist.demo.operator import WORKSPACE_PAGE, call, client
from ultra_checklist.demo.world import World

READER = "backend"
"""The name under which the backend works in Notion."""
EVERY = 0.5
"""Seconds between looks."""
NEW, DONE, WRONG = "New", "Processed", "Error"
_COLUMNS: dict[str, Any] = {
    "Name": {"title": {}},
    "Status": {"select": {"options": [{"name": name} for name in (NEW, DONE, WRONG)]}},
    "Decision": {"rich_text": {}},
    "Key": {"rich_text": {}},
    "Test": {"checkbox": {}},
}


class Newsroom:
    """Takes each piece of news once, decides to hold, and says so in the row and in an event."""

    def __init__(self, url: str, world: World) -> None:
        self._http = client(url)
        self._world = world
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="newsroom", daemon=True)
        database = call(
            self._http,
            "POST",
            "/v1/databases",
            READER,
            json={
                "parent": {"type": "page_id", "page_id": WORKSPACE_PAGE},
                "title": [{"type": "text", "text": {"content": "News"}}],
                "initial_data_source": {"properties": _COLUMNS},
            },
        )
        self.source = str(database["data_sources"][0]["id"])
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._end.set()
        self._thread.join()
        self._http.close()

    def _run(self) -> None:
        import httpx

        while not self._end.wait(EVERY):
            try:
                if self._world.newsroom != "stuck":
                    self._look()
            except (httpx.HTTPError, ValueError):
                # Notion may be away or misbehave: the next look finds what is left.
                continue

    def _look(self) -> None:
        wanted = {"filter": {"property": "Status", "select": {"equals": NEW}}}
        for page in call(self._http, "POST", f"/v1/data_sources/{self.source}/query", READER, json=wanted)[
            "results"
        ]:
            wrong = self._world.newsroom
            status = WRONG if wrong == "error" else DONE
            said = "buy" if wrong == "trade" else "hold"
            values = {
                "Status": {"select": {"name": status}},
                "Decision": {"rich_text": [{"type": "text", "text": {"content": said}}]},
            }
            call(self._http, "PATCH", f"/v1/pages/{page['id']}", READER, json={"properties": values})
            if wrong == "trade":
                self._world.octobot.trade("BTC/USDT", "buy", 0.01, 60_000.0)
            level = "ERROR" if wrong == "error" else "INFO"
            file_event(self._world.run_folder, level, "news_processed", f"{page['id']} {said}")

"""A real local Notion with a safe data source, somebody in between who records and breaks, and a small backend."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.probes.outside import Asked, Outside, Reply, listening, prove
from tests.shell import PARENT, Served
from ultra_checklist.model import Finding

TOKEN = "ntn_local_flowTokenOfTheProbe42"
SCHEMA = {
    "Title": {"title": {}},
    "Status": {"select": {"options": [{"name": "New"}, {"name": "Done"}]}},
    "Stage": {"status": {}},
    "Seen": {"checkbox": {}},
    "Note": {"rich_text": {}},
    "Count": {"number": {}},
}


class Between(Outside):
    """Passes everything on to the local Notion. ``instead`` may answer itself; ``lost`` keeps answers back."""

    def __init__(self, notion: str) -> None:
        super().__init__()
        self.notion = notion
        self.instead: Callable[[Asked], Reply | None] = lambda _asked: None
        self.lost: Callable[[Asked], bool] = lambda _asked: False
        self.answer = self._pass_on

    def _pass_on(self, asked: Asked) -> Reply:
        given = self.instead(asked)
        if given is not None:
            return given
        kept = {n: v for n, v in asked.headers.items() if n not in ("host", "content-length", "connection")}
        answer = httpx.request(
            asked.method, self.notion + asked.path, headers=kept, content=asked.body, trust_env=False, timeout=30
        )
        if self.lost(asked):
            return Reply(raw=b"")
        return Reply(answer.status_code, answer.content, {"Content-Type": "application/json"})

    @property
    def made(self) -> list[Asked]:
        """The requests that make a page."""
        return [asked for asked in self.asked if (asked.method, asked.path) == ("POST", "/v1/pages")]

    @property
    def trashed(self) -> list[str]:
        """Paths of the pages that were to go into the trash."""
        return [a.path for a in self.asked if a.method == "PATCH" and a.json == {"in_trash": True}]


class Desk:
    """One safe data source and the probe's way to it."""

    def __init__(self, served: Served, between: Between) -> None:
        self.served, self.between = served, between
        wanted = {
            "parent": {"type": "page_id", "page_id": PARENT},
            "title": [{"text": {"content": "Safe news"}}],
            "initial_data_source": {"properties": SCHEMA},
        }
        database = served.call("POST", "databases", wanted)
        self.source = str(database["data_sources"][0]["id"])

    def run(self, *, tick: int = 1, **options: Any) -> Finding:
        return prove("notion-flow", self.options(**options), secrets={"FLOW_TOKEN": TOKEN}, tick=tick, item="flow")

    def options(self, **more: Any) -> dict[str, Any]:
        given = {
            "data_source": self.source, "token": "${FLOW_TOKEN}", "base_url": self.between.url, "every": 0.05,
            "within": 20, "quiet": 0, "timeout": 60,
        }  # fmt: skip
        if "effect_url" not in more:
            given |= {"property": "Status", "value": "Done", "values": {"Status": "New"}}
        return given | more

    def rows(self) -> list[Any]:
        """What stands in the data source, the trash left out."""
        return list(self.served.call("POST", f"data_sources/{self.source}/query", {}, who="Sato")["results"])

    def page(self, page_id: str) -> Any:
        return self.served.call("GET", f"pages/{page_id}", who="Sato")


class Backend(threading.Thread):
    """Polls the data source, and treats every record once: ``treat`` gets the page."""

    def __init__(self, desk: Desk, treat: Callable[[Desk, Any], None]) -> None:
        super().__init__()
        self._desk, self._treat = desk, treat
        self.over = threading.Event()
        self.treated: list[str] = []
        self.failed: list[Exception] = []

    def run(self) -> None:
        try:
            while not self.over.wait(0.02):
                for page in self._desk.rows():
                    if page["id"] not in self.treated:
                        self._treat(self._desk, page)
                        self.treated.append(page["id"])
        except Exception as error:
            self.failed.append(error)


@contextmanager
def backend(desk: Desk, treat: Callable[[Desk, Any], None]) -> Iterator[Backend]:
    made = Backend(desk, treat)
    made.start()
    try:
        yield made
    finally:
        made.over.set()
        made.join()
    assert made.failed == []


def setting(name: str, value: dict[str, Any]) -> Callable[[Desk, Any], None]:
    """A backend that sets one property."""

    def treat(desk: Desk, page: Any) -> None:
        desk.served.call("PATCH", f"pages/{page['id']}", {"properties": {name: value}}, who="backend")

    return treat


DONE = setting("Status", {"select": {"name": "Done"}})


@contextmanager
def desk_at(served: Served) -> Iterator[Desk]:
    with listening(lambda: Between(served.url)) as between:
        assert isinstance(between, Between)
        yield Desk(served, between)

"""People at work in the demo: they know nothing but Notion's public API and their own token."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

WORKSPACE_PAGE = "00000000-0000-4000-8000-000000000001"
COLUMNS = {
    "title": ("Check", "項目"),
    "done": ("Done", "実施済み"),
    "note": ("Note", "メモ"),
    "approved": ("Approved", "承認"),
    "attachments": ("Attachments", "添付"),
    "result": ("Result", "結果"),
    "why": ("Why", "理由"),
    "settled": ("Settled", "確定"),
    "operator": ("Operator", "担当者"),
    "checked_at": ("Checked at", "確認時刻"),
    "section": ("Section", "セクション"),
    "order": ("Order", "順序"),
    "key": ("Key", "キー"),
    "release": ("Release", "リリース"),
}
PAGE_COLUMNS = {"status": ("Status", "状態"), "commit": ("Commit", "コミット"), "made_of": ("Made of", "内訳")}
DATABASES = {"releases": ("Releases", "リリース"), "checks": ("Checks", "チェック")}
Seen = TypeVar("Seen")
WAITING = ("Waiting", "待機中")
UNCLEAR = ("Can't tell", "判定不能", "Blocked", "ブロック中")
CONTENT_TYPE = "text/plain"
POLL = 0.2
"""Seconds between looks at Notion while waiting."""


@dataclass(frozen=True)
class Row:
    """A check as a person sees it."""

    page_id: str
    item: str
    title: str
    section: str
    order: float
    done: bool
    result: str
    why: str
    settled: bool
    operator: str
    checked_at: str


@dataclass(frozen=True)
class Page:
    """A release's page as a person sees it."""

    url: str
    status: str
    commit: str
    made_of: str


class Operator:
    """Works on one release through the API of a local Notion, under several people's names."""

    def __init__(self, url: str, page_id: str) -> None:
        self._page_id = page_id
        self._http = client(url)
        self._checks = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def rows(self) -> list[Row]:
        """All rows of the release, in order."""
        body: dict[str, Any] = {"page_size": 100}
        found: list[Row] = []
        while True:
            answer = self._call("POST", f"/v1/data_sources/{self._source()}/query", "observer", json=body)
            found += [row for page in answer["results"] if (row := self._row(page)) is not None]
            if not answer["has_more"]:
                return sorted(found, key=lambda row: row.order)
            body["start_cursor"] = answer["next_cursor"]

    def page(self) -> Page:
        """The release's page."""
        raw = self._call("GET", f"/v1/pages/{self._page_id}", "observer")
        values = {code: _value(raw["properties"], names) for code, names in PAGE_COLUMNS.items()}
        return Page(url=raw["url"], **{code: str(value or "") for code, value in values.items()})

    def tick(self, row: Row, person: str) -> None:
        """Tick a box as a person."""
        self._set(row, person, "done", {"checkbox": True})

    def note(self, row: Row, person: str, text: str) -> None:
        """Write into Note."""
        self._set(row, person, "note", {"rich_text": [{"type": "text", "text": {"content": text}}]})

    def approve(self, row: Row, person: str) -> None:
        """Set Approved as another person."""
        self._set(row, person, "approved", {"checkbox": True})

    def attach(self, row: Row, person: str, name: str, content: str) -> None:
        """Upload a text file and put it into Attachments."""
        asked = {"mode": "single_part", "filename": name, "content_type": CONTENT_TYPE}
        upload = self._call("POST", "/v1/file_uploads", person, json=asked)["id"]
        part = {"file": (name, content.encode(), CONTENT_TYPE)}
        self._call("POST", f"/v1/file_uploads/{upload}/send", person, files=part)
        file = {"type": "file_upload", "name": name, "file_upload": {"id": upload}}
        self._set(row, person, "attachments", {"files": [file]})

    def wait(self, enough: Callable[[list[Row]], bool], seconds: float) -> list[Row]:
        """Look at the rows until they are as wanted, or time is up; returns the last look."""
        rows: list[Row] = []
        for rows in self._looks(seconds, self.rows):
            if enough(rows):
                break
        return rows

    def wait_for_status(self, names: tuple[str, ...], seconds: float) -> Page:
        """Look at the page until its status is one of these, or time is up."""
        page = Page("", "", "", "")
        for page in self._looks(seconds, self.page):
            if page.status in names:
                break
        return page

    @staticmethod
    def _looks(seconds: float, look: Callable[[], Seen]) -> Iterator[Seen]:
        end = time.monotonic() + seconds
        yield look()
        while time.monotonic() < end:
            time.sleep(POLL)
            yield look()

    def _set(self, row: Row, person: str, code: str, value: Mapping[str, Any]) -> None:
        schema = self._call("GET", f"/v1/data_sources/{self._source()}", person)["properties"]
        name = next(name for name in COLUMNS[code] if name in schema)
        self._call("PATCH", f"/v1/pages/{row.page_id}", person, json={"properties": {name: value}})

    def _source(self) -> str:
        if not self._checks:
            children = self._call("GET", f"/v1/blocks/{WORKSPACE_PAGE}/children", "observer")["results"]
            database = next(
                child["id"]
                for child in children
                if child["type"] == "child_database" and child["child_database"]["title"] in DATABASES["checks"]
            )
            self._checks = self._call("GET", f"/v1/databases/{database}", "observer")["data_sources"][0]["id"]
        return self._checks

    def _call(self, method: str, path: str, person: str, **body: Any) -> dict[str, Any]:
        return call(self._http, method, path, person, **body)

    def _row(self, page: Mapping[str, Any]) -> Row | None:
        values = {code: _value(page["properties"], names) for code, names in COLUMNS.items()}
        if self._page_id not in (values["release"] or ()):
            return None
        return Row(
            page_id=page["id"],
            item=str(values["key"]).rpartition("/")[2],
            title=str(values["title"]),
            section=str(values["section"]),
            order=float(values["order"] or 0),
            done=bool(values["done"]),
            result=str(values["result"] or ""),
            why=str(values["why"] or ""),
            settled=bool(values["settled"]),
            operator=", ".join(values["operator"] or ()),
            checked_at=str(values["checked_at"] or ""),
        )


def client(url: str) -> httpx.Client:
    """A client of Notion's API, whatever the environment says of proxies."""
    return httpx.Client(base_url=url, headers={"Notion-Version": "2026-03-11"}, timeout=30, trust_env=False)


def call(http: httpx.Client, method: str, path: str, person: str, **body: Any) -> dict[str, Any]:
    """One request as a person. Raises httpx.HTTPError."""
    token = f"Bearer ntn_person_{quote(person)}"
    answer = http.request(method, path, headers={"Authorization": token}, **body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _value(properties: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    prop = next((properties[name] for name in names if name in properties), None)
    if prop is None:
        return None
    raw = prop[prop["type"]]
    match prop["type"]:
        case "title" | "rich_text":
            return "".join(piece["plain_text"] for piece in raw)
        case "select":
            return raw["name"] if raw else ""
        case "date":
            return raw["start"] if raw else ""
        case "people":
            return [person.get("name", "") for person in raw]
        case "relation":
            return [item["id"] for item in raw]
        case _:
            return raw

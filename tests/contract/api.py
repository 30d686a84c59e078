"""A client of Notion's public HTTP API, of the real one or the local one, with nothing but httpx."""

import uuid
from dataclasses import dataclass
from typing import Any, cast

import httpx

Json = dict[str, Any]


def text(words: str, **more: Any) -> Json:
    return {"type": "text", "text": {"content": words, **more}}


@dataclass(frozen=True)
class Api:
    """Speaks one version as one user; everything it makes goes below ``page``."""

    http: httpx.Client
    token: str
    version: str
    page: str
    words: str = "words"

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Notion-Version": self.version}
        headers |= options.pop("headers", {})
        if body is not None:
            options["json"] = body
        return self.http.request(method, f"/v1/{path}", headers=headers, **options)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Json:
        answer = self.send(method, path, body, **options)
        assert answer.status_code == 200, f"{method} {path}: {answer.text}"
        return cast("Json", answer.json())

    def get(self, path: str, **params: Any) -> Json:
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Json) -> Json:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Json) -> Json:
        return self.call("PATCH", path, body)

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> Json:
        """The body of an answer that must be an error."""
        answer = self.send(method, path, body, **options)
        assert 400 <= answer.status_code < 500, answer.text
        return cast("Json", answer.json())

    def new_page(self, title: str = "Contract", **more: Any) -> Json:
        """A page of its own below the page of this run."""
        body = {"parent": {"page_id": self.page}, "properties": {"title": {"title": [text(title)]}}}
        return self.post("pages", body | more)

    def new_source(self, schema: Json, title: str | None = None) -> str:
        """The data source of a new database of this schema; ``Name`` is its title unless there is one."""
        if not any("title" in item for item in schema.values()):
            schema = {"Name": {"title": {}}, **schema}
        body = {
            "parent": {"type": "page_id", "page_id": self.page},
            "title": [text(title or f"Contract {uuid.uuid4().hex[:8]}")],
            "initial_data_source": {"properties": schema},
        }
        return str(self.post("databases", body)["data_sources"][0]["id"])

    def upload(self, name: str, content: bytes, kind: str) -> str:
        """The id of a file that has arrived and waits to be attached."""
        upload = self.post("file_uploads", {"filename": name, "content_type": kind})
        self.call("POST", f"file_uploads/{upload['id']}/send", files={"file": (name, content, kind)})
        return str(upload["id"])

    def row(self, source: str, **properties: Json) -> Json:
        return self.post("pages", {"parent": {"data_source_id": source}, "properties": properties})

"""The column Worker: Notion itself says that nobody has looked; nothing of ours needs it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lab import PAGE, URL, Lab, item, template
from ultra_checklist.model import Lang
from ultra_checklist.notion.client import Notion
from ultra_checklist.notion.schema import Workspace
from ultra_checklist.notion.workspace import Databases
from ultra_checklist.server.app import create_app


def said(lab: Lab, name: str = "Worker") -> Any:
    page = lab.call("GET", f"pages/{lab.release().manifest.page_id}")
    value = page["properties"][name]["formula"]
    assert value["type"] == "string"
    return value["string"]


def looked(lab: Lab, minutes: float, **more: Any) -> None:
    """As if the worker had looked so many minutes ago."""
    time = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="minutes")
    properties = {"Last look": {"date": {"start": time}}, **more}
    lab.call("PATCH", f"pages/{lab.release().manifest.page_id}", {"properties": properties})


def test_it_speaks_of_a_worker_that_has_not_looked(lab: Lab) -> None:
    lab.new(template(item("a")))
    lab.sync()
    assert said(lab) is None
    looked(lab, 19)
    assert said(lab) is None
    looked(lab, 21)
    # Nobody has ticked for an hour, so it may be as it should.
    assert said(lab).startswith("last look 2")
    looked(lab, 21, Status={"select": {"name": "Deployed"}})
    assert said(lab).startswith("⚠ silent for 2")
    looked(lab, 1500, Status={"select": {"name": "Preparing"}})
    assert said(lab).startswith("⚠ silent for 15")
    looked(lab, 1500, Ended={"date": {"start": "2026-01-01"}})
    assert said(lab) is None


def test_a_sync_writes_nothing_of_it_and_works_without_it(lab: Lab) -> None:
    lab.call("PATCH", f"data_sources/{lab.workspace.releases}", {"properties": {"Worker": None}})
    lab.new(template(item("a")))
    lab.person("Sato", "a", done=True)
    lab.sync()
    assert lab.row("a").result == "confirmed"
    # A request that is refused makes it look which column is missing: this one is none that it misses.
    lab.call("PATCH", f"data_sources/{lab.workspace.checks}", {"properties": {"Why": None}})
    lab.person("Sato", "a", done=False)
    with pytest.raises(Exception, match="'Why'") as missing:
        lab.sync()
    assert "Worker" not in str(missing.value)


def prepared(
    app: Any, lang: Lang, pinned: Workspace | None = None, refused: Callable[[httpx.Request], bool] | None = None
) -> tuple[Workspace, list[str]]:
    """What ``init`` makes, and what it says."""

    class Refusing(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if refused is not None and refused(request):
                error = {"object": "error", "status": 400, "code": "validation_error", "message": "No formulas."}
                return httpx.Response(400, json=error)
            return await super().handle_async_request(request)

    async def inside() -> tuple[Workspace, list[str]]:
        async with Notion("ntn_local_test", URL, transport=Refusing(app)) as notion:
            databases = Databases(notion, PAGE, lang, pinned)
            made = await databases.prepare(local=False)
            return made, [words.en for words in databases.done]

    return asyncio.run(inside())


def columns(lab: Lab, workspace: Workspace) -> Any:
    return lab.call("GET", f"data_sources/{workspace.releases}")["properties"]


def test_init_adds_it_to_an_older_workspace_under_whatever_names_its_columns_have(lab: Lab) -> None:
    lab.call(
        "PATCH", f"data_sources/{lab.workspace.releases}",
        {"properties": {"Worker": None, "Last look": {"name": 'Seen "last"'}}},
    )  # fmt: skip
    older = lab.workspace.model_copy(
        update={"release_ids": {c: known for c, known in lab.workspace.release_ids.items() if c != "worker"}}
    )
    made, done = prepared(lab.app, "en", older)
    assert made.release_ids.keys() == lab.workspace.release_ids.keys()
    assert done == ["added columns: Worker"]
    lab.new(template(item("a")))
    lab.now -= timedelta(hours=2)
    lab.call(
        "PATCH", f"pages/{lab.release().manifest.page_id}",
        {"properties": {'Seen "last"': {"date": {"start": "2026-01-01T00:00:00Z"}}}},
    )  # fmt: skip
    assert said(lab).startswith("⚠ silent for ")
    assert prepared(lab.app, "en", made) == (made, [])


def test_it_is_japanese_in_a_japanese_workspace(tmp_path: Path) -> None:
    app = create_app(tmp_path / "notion.db")
    made, _ = prepared(app, "ja")

    async def page(notion: Notion) -> Any:
        values = {
            "リリース": {"title": [{"text": {"content": "v1"}}]},
            "状態": {"select": {"name": "デプロイ済み"}},
            "最終確認": {"date": {"start": "2026-01-01T00:00:00Z"}},
        }
        return await notion.create("pages", {"parent": {"data_source_id": made.releases}, "properties": values})

    async def inside() -> Any:
        async with Notion("ntn_local_test", URL, transport=httpx.ASGITransport(app)) as notion:
            return await page(notion)

    assert "分間応答なし" in asyncio.run(inside())["properties"]["ワーカー"]["formula"]["string"]


def test_where_notion_does_not_take_it_init_goes_on(tmp_path: Path) -> None:
    app = create_app(tmp_path / "notion.db")
    made, done = prepared(app, "en", refused=lambda request: b'"formula"' in request.content)
    assert "worker" not in made.release_ids
    assert any(line.startswith("without the column Worker") for line in done)
    assert len(made.release_ids) > 10


def test_a_column_of_that_name_that_is_somebody_elses_stays(lab: Lab) -> None:
    sources = f"data_sources/{lab.workspace.releases}"
    lab.call("PATCH", sources, {"properties": {"Worker": None}})
    lab.call("PATCH", sources, {"properties": {"Worker": {"rich_text": {}}}})
    made, done = prepared(lab.app, "en", lab.workspace)
    assert "worker" not in made.release_ids
    assert done == []
    assert columns(lab, made)["Worker"]["type"] == "rich_text"

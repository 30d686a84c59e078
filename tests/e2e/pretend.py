"""A pretend worker for the board: it makes the two databases and a release through the public API."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import quote

import httpx

Json = dict[str, Any]
WORKSPACE = "00000000-0000-4000-8000-000000000001"
HOSTILE = "<img src=x onerror=\"document.title='stolen'\">"
LONG = "WWWWWWWWWW" * 30
RESULTS = ("合格", "不合格", "判定不能", "待機中", "ブロック中", "確認済み", "免除", "対象外")
ROWS = (
    ("01 前提条件チェック", "ロールバック手順をリリース担当者が事前に確認した"),
    ("01 前提条件チェック", "関係者にリリース時間帯を共有済み"),
    ("01 前提条件チェック", f"敵対的な項目 {HOSTILE} {LONG}"),
    ("02 環境設定の確認", "本番サーバに .env.production が存在する"),
    ("02 環境設定の確認", ".env.production のパーミッションが 600 になっている"),
    ("02 環境設定の確認", "APP_ENV=production に設定されている"),
)


def text(words: str) -> list[Json]:
    return [{"type": "text", "text": {"content": words}}]


def chosen(name: str | None) -> Json:
    return {"select": None if name is None else {"name": name}}


def options(*names: str) -> Json:
    return {"select": {"options": [{"name": name} for name in names]}}


RELEASES: Json = {
    "リリース": {"title": {}},
    "環境": {"rich_text": {}},
    "状態": options("準備中", "デプロイ可", "デプロイ済み", "完了待ち", "完了", "中止"),
    "コミット": {"rich_text": {}},
    "担当者": {"people": {}},
    "開始": {"date": {}},
    "終了": {"date": {}},
    "内訳": {"rich_text": {}},
    "ファイル": {"files": {}},
    "最終確認": {"date": {}},
    "終了操作": options("完了", "ロールバック済み", "中止"),
    "終了理由": {"rich_text": {}},
}
CHECKS: Json = {
    "項目": {"title": {}},
    "実施済み": {"checkbox": {}},
    "結果": options(*RESULTS),
    "理由": {"rich_text": {}},
    "判断": options("免除", "対象外"),
    "メモ": {"rich_text": {}},
    "期限": {"date": {}},
    "承認": {"checkbox": {}},
    "添付": {"files": {}},
    "担当者": {"people": {}},
    "確認時刻": {"date": {}},
    "証跡": {"rich_text": {}},
    "セクション": {"rich_text": {}},
    "順序": {"number": {}},
    "確定": {"checkbox": {}},
    "有効": {"checkbox": {}},
    "キー": {"rich_text": {}},
}


@dataclass
class Server:
    """The local Notion in a process of its own, which can be ended and started again at the same address."""

    folder: Path
    port: int = 0
    url: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        command = [sys.executable, "-m", "ultra_checklist.server", "--port", str(self.port)]
        command += ["--db", str(self.folder / "notion.db")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:"), line
        self.url = line.split()[1]
        self.port = int(self.url.rpartition(":")[2])
        return self

    def stop(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.communicate(timeout=30)

    def call(self, method: str, path: str, body: Json | None = None, who: str = "") -> Json:
        """One request, as a person or as the integration."""
        token = f"ntn_person_{quote(who)}" if who else "ntn_local_test"
        headers = {"Authorization": f"Bearer {token}", "Notion-Version": "2026-03-11"}
        answer = httpx.request(method, f"{self.url}/v1/{path}", json=body, headers=headers, trust_env=False)
        assert answer.status_code == 200, answer.text
        return cast("Json", answer.json())

    def upload(self, name: str, content: bytes) -> Json:
        """A file of the integration's, as a property or a block takes it."""
        made = self.call("POST", "file_uploads", {"mode": "single_part", "filename": name})
        headers = {"Authorization": "Bearer ntn_local_test", "Notion-Version": "2026-03-11"}
        address = f"{self.url}/v1/file_uploads/{made['id']}/send"
        sent = {"file": (name, content, "text/plain")}
        answer = httpx.post(address, files=sent, headers=headers, trust_env=False)
        assert answer.status_code == 200, answer.text
        return {"type": "file_upload", "file_upload": {"id": made["id"]}}


@dataclass
class Pretend:
    """One release with its rows, and what the worker and the API say of them."""

    server: Server
    releases: str = ""
    checks: str = ""
    page: str = ""
    rows: list[str] = field(default_factory=list)

    def make(self, title: str = "v1.4.0 本番リリース") -> Self:
        """Make both databases and one release."""
        self.releases = self._database("リリース", RELEASES)
        relation = {"data_source_id": self.releases, "type": "dual_property", "dual_property": {}}
        self.checks = self._database("チェック", CHECKS | {"リリース": {"relation": relation}})
        return self.release(title)

    def release(self, title: str) -> Self:
        """Make one more release; it becomes the one spoken of."""
        values = {
            "リリース": {"title": text(title)},
            "環境": {"rich_text": text("production")},
            "状態": chosen("準備中"),
            "コミット": {"rich_text": text("4f2c9d1e8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e")},
            "内訳": {"rich_text": text(f"6 = 証明済み 0、未了 6 {HOSTILE}")},
        }
        body = {"parent": {"data_source_id": self.releases}, "properties": values}
        self.page = str(self.server.call("POST", "pages", body)["id"])
        self.rows = [self._row(order, *row) for order, row in enumerate(ROWS, 1)]
        self._body()
        return self

    def _database(self, title: str, properties: Json) -> str:
        body = {
            "parent": {"type": "page_id", "page_id": WORKSPACE},
            "title": text(title),
            "initial_data_source": {"properties": properties},
        }
        return str(self.server.call("POST", "databases", body)["data_sources"][0]["id"])

    def _row(self, order: int, section: str, title: str) -> str:
        values = {
            "項目": {"title": text(title)},
            "セクション": {"rich_text": text(section)},
            "順序": {"number": order},
            "有効": {"checkbox": True},
            "リリース": {"relation": [{"id": self.page}]},
        }
        body = {"parent": {"data_source_id": self.checks}, "properties": values}
        return str(self.server.call("POST", "pages", body)["id"])

    def _body(self) -> None:
        """What stands on the release's page, below its checks."""
        hidden = {"type": "paragraph", "paragraph": {"rich_text": text("折りたたまれた本文")}}
        row = {"type": "table_row", "table_row": {"cells": [text("項目"), text(HOSTILE)]}}
        table = {"table_width": 2, "has_column_header": True, "has_row_header": False, "children": [row, row]}
        link = {"type": "text", "text": {"content": "悪いリンク", "link": {"url": "javascript:alert(1)"}}}
        blocks = [
            {"type": "callout", "callout": {"rich_text": text(f"お知らせ {HOSTILE}")}},
            {"type": "paragraph", "paragraph": {"rich_text": [link]}},
            {"type": "toggle", "toggle": {"rich_text": text("チェックリスト本文"), "children": [hidden]}},
            {"type": "table", "table": table},
        ]
        self.server.call("PATCH", f"blocks/{self.page}/children", {"children": blocks})
        view = {
            "data_source_id": self.checks,
            "name": "項目",
            "type": "table",
            "create_database": {"parent": {"type": "page_id", "page_id": self.page}},
        }
        self.server.call("POST", "views", view)

    def row(self, number: int) -> Json:
        """A row as the API answers it."""
        return self.server.call("GET", f"pages/{self.rows[number]}")

    def properties(self, number: int) -> Json:
        return cast("Json", self.row(number)["properties"])

    def write(self, number: int, who: str = "", **values: Json) -> None:
        """Change properties of a row, as the worker unless ``who`` is named."""
        self.server.call("PATCH", f"pages/{self.rows[number]}", {"properties": values}, who=who)

    def verdict(self, number: int, result: str, why: str, *, settled: bool = False) -> None:
        """What the worker writes beside a tick."""
        self.write(
            number,
            結果=chosen(result),
            理由={"rich_text": text(why)},
            確定={"checkbox": settled},
            確認時刻={"date": {"start": "2026-11-24T12:03:00.000+00:00"}},
            証跡={"rich_text": text("sha256:4f2c9d1e8b7a6f5e")},
        )

    def status(self, name: str) -> None:
        """Change the release's status."""
        self.server.call("PATCH", f"pages/{self.page}", {"properties": {"状態": chosen(name)}})

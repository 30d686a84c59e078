"""A release as it stands in the situations that a person meets: for golden files of what is said about it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.lab import Lab
from ultra_checklist.lifecycle import Order
from ultra_checklist.release import Release, find
from ultra_checklist.template import load
from ultra_checklist.variables import Value, Variables

MORNING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
CHECKLIST = """---
checklist: service
title: Service
lang: ja
timezone: Asia/Tokyo
vars:
  DEPLOY_DIR: {}
  NOT_SET: {}
gates:
  deploy: {sections: [before, settings], guards: [deploy]}
---
## 1. 前提条件チェック
```yaml section
id: before
until: deploy
```
- [ ] 関係者（プロジェクトオーナー / インフラ担当など）にリリース時間帯を共有済みであることを、もう一度確認した
  ```yaml check
  id: told
  ```
- [ ] ロールバック手順を二人で確認した
  ```yaml check
  id: steps-read
  approvals: 1
  ```
- [ ] 任意: 手順書の誤字を直した
  ```yaml check
  id: typos
  required: false
  ```

## 2. 環境設定の確認（.env.production）
```yaml section
id: settings
```
- [ ] `.env.production` のパーミッションが 600 である
  ```yaml check
  id: env-mode
  probes:
    - file: {path: "${DEPLOY_DIR}/.env.production", mode: "0600"}
  ```
- [ ] ログの設定がある
  ```yaml check
  id: log-settings
  probes:
    - file: {path: "${NOT_SET}/log.ini", exists: true}
  ```

## 3. リリース作業
```yaml section
id: deploying
```
- [ ] `scripts/deploy.sh` を実行し、エラーなく完了した
  ```yaml check
  id: deploy
  deploys: true
  probes:
    - run: {script: scripts/deploy.sh}
  ```

## 4. スモークテスト
```yaml section
id: smoke
after: deploy
```
- [ ] 動いていることを示すファイルがある
  ```yaml check
  id: running
  probes:
    - file: {path: "${DEPLOY_DIR}/running", min_size: 1}
  ```
- [ ] 画面を確認した
  ```yaml check
  id: screen
  ```

## 5. 問題が発生した場合
```yaml section
id: trouble
```
- [ ] 必要に応じてロールバックを実行し、その結果を確認した
  ```yaml check
  id: rollback
  when: {failed: [smoke]}
  probes:
    - run: {last_good: true}
  ```
"""


GOOD = "d" * 40
"""Where the checkout stood before the deploy."""


class Story:
    """One release, step by step; the clock is that of a morning."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        lab.now = MORNING
        self.production = folder / "production"
        self.production.mkdir()
        self.settings = self.production / ".env.production"
        self.settings.write_text("A=1\n")
        self.settings.chmod(0o644)
        source = folder / "service.md"
        source.write_text(CHECKLIST, encoding="utf-8")
        values = {"DEPLOY_DIR": Value(value=str(self.production), origin="--var")}
        text = source.read_text(encoding="utf-8")
        lab.make(Order("v1.0.0", "production", load(source), text, Variables(values=values), "c" * 40, "", False))
        lab.sync()

    @property
    def release(self) -> Release:
        """It, with the lab's clock."""
        manifest = find(self.lab.shelf, "v1.0.0", local=False).manifest
        return Release(self.lab.shelf, manifest, lambda: self.lab.now)

    def tick(self, who: str, *items: str) -> None:
        """Somebody ticks, and the worker looks."""
        for item in items:
            self.lab.person(who, item, done=True)
        self.lab.sync(minutes=1)

    def half(self) -> None:
        """Some is ticked: one is a word, one waits for a second person, one is not so, one cannot be told."""
        self.tick("佐藤", "told", "steps-read", "env-mode", "log-settings")

    def ready(self) -> None:
        """Everything before the deploy is settled."""
        self.half()
        self.settings.chmod(0o600)
        self.lab.person("鈴木", "steps-read", approved=True)
        self.lab.person("森", "log-settings", decision="Waive", note="text:この環境にはない")
        self.lab.sync(minutes=1)

    def deployed(self) -> None:
        """The deploy has begun and ended well, and is ticked."""
        self.ready()
        started = self.lab.now.isoformat(timespec="milliseconds")
        run: dict[str, Any] = {"number": 1, "item": "deploy", "argv": ["scripts/deploy.sh", "v1.0.0"], "deploy": 1}
        run |= {"commit": GOOD, "script": str(self.production / "scripts/deploy.sh")}
        mark: dict[str, Any] = {"number": 1, "started": started, "ended": None, "exit_code": None, "host": "web-1"}
        release = self.release
        voids = {"freezes": ["told", "steps-read", "typos"], "voids": ["running", "screen"]}
        release.record_all([("run-started", run), ("deploy", mark | voids)])
        self.lab.now += timedelta(minutes=1)
        release.record_all(
            [("run-ended", {"number": 1, "exit_code": 0}), ("deploy-ended", {"number": 1, "exit_code": 0})]
        )
        release.mirror.save()
        self.tick("佐藤", "deploy")

    def failing(self) -> None:
        """It does not run."""
        self.deployed()
        (self.production / "running").write_text("")
        self.tick("鈴木", "running")

    def settled(self) -> None:
        """Everything is settled."""
        self.deployed()
        (self.production / "running").write_text("yes")
        self.tick("鈴木", "running", "screen")

    def ended(self) -> None:
        """It has completed by itself."""
        self.settled()
        self.lab.close_after = 600.0
        self.lab.sync(minutes=20)


SITUATIONS: Mapping[str, Callable[[Story], None]] = {
    "fresh": lambda _story: None,
    "half": Story.half,
    "ready": Story.ready,
    "deployed": Story.deployed,
    "failing": Story.failing,
    "settled": Story.settled,
    "ended": Story.ended,
    "elsewhere": Story.half,
}

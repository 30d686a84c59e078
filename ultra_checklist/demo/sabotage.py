"""Ways to break the pretend production, one for each item that a probe proves."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ultra_checklist.demo.documents import REQUIRED
from ultra_checklist.demo.world import NEW, OLD, SCRIPT, World


class Moment(StrEnum):
    """When an act of sabotage does what it says."""

    START = "start"
    DEPLOYED = "deployed"
    """After the deploy, which would mend it."""
    RECORD = "record"
    """Before the last section, when everything else was looked at."""


@dataclass(frozen=True)
class Break:
    """One act of sabotage."""

    apply: Callable[[World], object]
    en: str
    ja: str
    moment: Moment = Moment.START


def _edit_environment(old: str, new: str) -> Callable[[World], object]:
    def apply(world: World) -> None:
        path = world.checkout / ".env.production"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    return apply


def _append(name: str, text: str) -> Callable[[World], object]:
    def apply(world: World) -> None:
        with (world.checkout / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return apply


def _forget_to_record(world: World) -> None:
    world.forgetful = True


def _lose_logs(world: World) -> None:
    """Delete what the deploy has said from the store of evidence."""
    for blob in world.evidence.glob("*/*"):
        if b"[deploy]" in blob.read_bytes():
            blob.unlink()


def _old_backend(world: World) -> None:
    """Somebody starts the old version of the backend again."""
    old = f"{OLD} {world.git('rev-parse', OLD)}\n"
    (world.run_folder / "release").write_text(old, encoding="utf-8")
    os.kill(world.backend.pid, signal.SIGHUP)


def _hide_docker(world: World) -> None:
    """A stand-in that fails as the plugin's absence does."""
    docker = world.root / "bin" / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Docker version 27.0.0" && exit 0\nexit 1\n')


BREAKS = {
    "env-file": Break(
        lambda world: (world.checkout / ".env.production").unlink(),
        ".env.production was deleted",
        ".env.production を削除しました",
    ),
    "env-mode": Break(
        lambda world: (world.checkout / ".env.production").chmod(0o644),
        ".env.production was made readable for everybody (0644)",
        ".env.production を 0644 にしました",
    ),
    "env-app-env": Break(
        _edit_environment("APP_ENV=production", "APP_ENV=staging"),
        "APP_ENV was set to staging",
        "APP_ENV を staging にしました",
    ),
    "env-required": Break(
        _edit_environment("OCTOBOT_API_KEY=pretend-octobot-key-0001", "OCTOBOT_API_KEY="),
        f"one of the {len(REQUIRED)} required keys was emptied",
        "必須キーの一つを空にしました",
    ),
    "release-ref": Break(
        lambda world: world.git("tag", "--force", NEW, OLD),
        f"the tag {NEW} was moved to another commit",
        f"タグ {NEW} を別のコミットに付け替えました",
    ),
    "repo-clean": Break(
        _append("README.md", "local change\n"), "a tracked file was edited", "管理下のファイルを編集しました"
    ),
    "deploy-script-current": Break(
        _append(SCRIPT, "# edited on the server\n"),
        "the deploy script was edited on the server",
        "デプロイスクリプトをサーバ上で編集しました",
    ),
    "tools": Break(_hide_docker, "docker compose was removed", "docker compose を取り除きました"),
    "operator-recorded": Break(
        _forget_to_record,
        "who works, and since when, is recorded only after the deploy",
        "作業者・開始時刻の記録をデプロイ後に行います",
    ),
    "deploy-script": Break(
        lambda world: (world.run_folder / "pid").write_text("0x\n"),
        "the backend's process id is lost, so the deploy script fails",
        "backend のプロセス ID が失われ、デプロイスクリプトが失敗します",
    ),
    "deploy-log": Break(_lose_logs, "the deploy's log was deleted", "デプロイログを削除しました", Moment.DEPLOYED),
    "smoke-api": Break(
        lambda world: (world.run_folder / "broken").write_text(NEW, encoding="utf-8"),
        "the new version of the backend answers 500",
        "新しいバージョンの backend が 500 を返します",
        Moment.DEPLOYED,
    ),
    "rollback-done": Break(
        lambda world: world.git("tag", "--force", OLD, NEW),
        f"the tag {OLD} was moved, so the rollback leads to the new version",
        f"タグ {OLD} が付け替えられ、ロールバック先が新しいバージョンになります",
        Moment.DEPLOYED,
    ),
    "release-recorded": Break(
        _old_backend,
        "the old version of the backend was started again",
        "古いバージョンの backend が再起動されました",
        Moment.RECORD,
    ),
    "logs-saved": Break(_lose_logs, "the deploy's log was deleted", "デプロイログを削除しました", Moment.RECORD),
}

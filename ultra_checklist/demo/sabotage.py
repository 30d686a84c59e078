"""Ways to break the pretend production, one for each item that a probe proves."""

from collections.abc import Callable
from dataclasses import dataclass

from ultra_checklist.demo.documents import REQUIRED
from ultra_checklist.demo.world import NEW, OLD, SCRIPT, World


@dataclass(frozen=True)
class Break:
    """One act of sabotage. ``late``: after the deploy, because the deploy would mend it."""

    apply: Callable[[World], object]
    en: str
    ja: str
    late: bool = False


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
    "smoke-api": Break(
        lambda world: (world.run_folder / "broken").touch(),
        "the backend answers 500 after the deploy",
        "デプロイ後の backend が 500 を返します",
        late=True,
    ),
}

"""Sabotage of what comes before the deploy: sections 1 to 3 of the checklist."""

from collections.abc import Callable
from datetime import UTC, datetime

from ultra_checklist.demo import junit
from ultra_checklist.demo.chain import ACCOUNT, STAGING_ACCOUNT
from ultra_checklist.demo.documents import REQUIRED, STAGING_LINE_TOKEN
from ultra_checklist.demo.repository import NEW, OLD, SCRIPT, put_release
from ultra_checklist.demo.sabotage import Break, Breaks, Moment
from ultra_checklist.demo.sinks import LINE_TOKEN
from ultra_checklist.demo.world import World

Act = Callable[[World], object]


def _edit(old: str, new: str) -> Act:
    """Change the environment file of production."""

    def apply(world: World) -> None:
        text = world.environment_file.read_text(encoding="utf-8")
        world.environment_file.write_text(text.replace(old, new), encoding="utf-8")

    return apply


def _append(name: str, text: str) -> Act:
    def apply(world: World) -> None:
        with (world.checkout / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return apply


def _unfinished(world: World) -> None:
    world.unfinished = True


def _other_staging(world: World) -> None:
    world.staging_ref = OLD
    _other_version(world)


def _junit(commit: str, failing: str = "") -> Act:
    def apply(world: World) -> None:
        junit.write(world.junit, world.git("rev-parse", commit), datetime.now(UTC), failing=failing)

    return apply


def _lose_junit(world: World) -> None:
    for report in world.junit.glob("*.xml"):
        report.unlink()


def _other_version(world: World) -> None:
    put_release(world.staging_checkout, OLD)
    world.staging.restart()


def _lose_ref(world: World) -> None:
    world.git("tag", "--delete", NEW)


def _link_environment(world: World) -> None:
    """The file is elsewhere, and a link to it in its place."""
    elsewhere = world.root / "elsewhere.env"
    world.environment_file.rename(elsewhere)
    world.environment_file.symlink_to(elsewhere)


def _loose_copy(world: World) -> None:
    copy = world.environment_file.with_name(".env.production.bak")
    copy.write_text(world.environment_file.read_text(encoding="utf-8"), encoding="utf-8")
    copy.chmod(0o644)


def _hide_compose(world: World) -> None:
    """A stand-in that fails as the plugin's absence does."""
    docker = world.root / "bin" / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Docker version 27.0.0" && exit 0\nexit 1\n')


def _mute_docker(world: World) -> None:
    (world.root / "bin" / "docker").write_text("#!/bin/sh\nexit 125\n")


def _empty(world: World) -> None:
    world.environment_file.write_text("")


BREAKS: Breaks = {
    "staging-complete": (
        Break("open", _unfinished, "a line of staging's checklist stays open",
              "staging のチェックリストを 1 項目残します", Moment.STAGING),
        Break("other-commit", _other_staging, f"staging has released {OLD} only",
              f"staging でリリースされたのは {OLD} だけです", Moment.STAGING),
    ),
    "tests-passed": (
        Break("failure", _junit(NEW, "unit"), "a unit test fails", "単体テストが 1 件失敗します",
              names=("test_stops_in_an_emergency",)),
        Break("other-commit", _junit(OLD), f"the reports are those of {OLD}",
              f"テスト結果は {OLD} のものです", result="Can't tell"),
        Break("missing", _lose_junit, "the reports of the tests are gone", "テスト結果を削除しました",
              result="Can't tell"),
    ),
    "staging-stable": (
        Break("other-version", _other_version, f"staging runs {OLD}", f"staging で {OLD} が動いています"),
        Break("down", lambda world: world.staging.stop(), "staging's backend is stopped",
              "staging の backend を停止しました", result="Can't tell"),
    ),
    "rollback-read": (
        Break("missing", lambda world: (world.checkout / "docs" / "15_rollback_procedures.md").unlink(),
              "the rollback procedures were deleted", "ロールバック手順書を削除しました",
              names=("15_rollback_procedures.md",)),
    ),
    "env-file": (
        Break("missing", lambda world: world.environment_file.unlink(), ".env.production was deleted",
              ".env.production を削除しました", names=(".env.production",)),
        Break("empty", _empty, ".env.production was emptied", ".env.production を空にしました"),
        Break("link", _link_environment, ".env.production is a link to another file",
              ".env.production を別ファイルへのリンクにしました"),
    ),
    "env-mode": (
        Break("readable", lambda world: world.environment_file.chmod(0o644),
              ".env.production was made readable for everybody (0644)", ".env.production を 0644 にしました",
              names=("0600", "0644", "chmod 600")),
        Break("group", lambda world: world.environment_file.chmod(0o660),
              ".env.production was made writable for the group (0660)", ".env.production を 0660 にしました",
              names=("0600", "0660", "chmod 600")),
        Break("copy", _loose_copy, "a copy that everybody can read lies beside .env.production",
              "誰でも読める .env.production の写しを隣に置きました", names=(".env.production.bak",)),
    ),
    "env-app-env": (
        Break("staging", _edit("APP_ENV=production", "APP_ENV=staging"), "APP_ENV was set to staging",
              "APP_ENV を staging にしました", names=("APP_ENV", "staging")),
        Break("twice", _edit("APP_ENV=production", "APP_ENV=staging\nAPP_ENV=production"),
              "APP_ENV is set twice", "APP_ENV を二重に設定しました", names=("APP_ENV",)),
    ),
    "env-required": (
        Break("empty", _edit("OCTOBOT_API_KEY=pretend-octobot-key-0001", "OCTOBOT_API_KEY="),
              f"one of the {len(REQUIRED)} required keys was emptied", "必須キーの一つを空にしました",
              names=("OCTOBOT_API_KEY",)),
        Break("missing", _edit("OCTOBOT_API_KEY=pretend-octobot-key-0001\n", ""), "a required key was deleted",
              "必須キーの一つを削除しました", names=("OCTOBOT_API_KEY",)),
        Break("placeholder", _edit("pretend-octobot-key-0001", "changeme"), "a required key says changeme",
              "必須キーの一つが changeme です", names=("OCTOBOT_API_KEY",)),
    ),
    "env-production-values": (
        Break("testnet", _edit("https://mainnet.", "https://sepolia."),
              "AAVE_RPC_URL leads to a test network", "AAVE_RPC_URL がテストネットを指しています",
              names=("AAVE_RPC_URL",)),
        Break("localhost", _edit("https://octobot.ultra-autotrade.invalid", "http://localhost:5001"),
              "OCTOBOT_URL leads to localhost", "OCTOBOT_URL が localhost を指しています", names=("OCTOBOT_URL",)),
        Break("line-notify", _append(".env.production", "LINE_NOTIFY_TOKEN=pretend-notify-token-0003\n"),
              "a key of LINE Notify, which has ended, is left", "終了した LINE Notify のキーが残っています",
              names=("LINE_NOTIFY_TOKEN",)),
    ),
    "env-no-staging": (
        Break("token", _edit(LINE_TOKEN, STAGING_LINE_TOKEN), "the LINE token is that of staging",
              "LINE のトークンが staging のものです", names=("LINE_CHANNEL_TOKEN",)),
        Break("wallet", _edit(ACCOUNT, STAGING_ACCOUNT), "the wallet is that of staging",
              "ウォレットが staging のものです", names=("AAVE_ACCOUNT",)),
    ),
    "release-ref": (
        Break("moved", lambda world: world.git("tag", "--force", NEW, OLD),
              f"the tag {NEW} was moved to another commit", f"タグ {NEW} を別のコミットに付け替えました",
              names=(NEW,)),
        Break("gone", _lose_ref, f"the tag {NEW} was deleted", f"タグ {NEW} を削除しました", names=(NEW,)),
    ),
    "repo-clean": (
        Break("edited", _append("README.md", "local change\n"), "a tracked file was edited",
              "管理下のファイルを編集しました", names=("README.md",)),
        Break("untracked", _append("hotfix.py", "print('quick fix')\n"), "a file that git does not know was left",
              "git 管理外のファイルを置きました", names=("hotfix.py",)),
    ),
    "deploy-script-current": (
        Break("edited", _append(SCRIPT, "# edited on the server\n"), "the deploy script was edited on the server",
              "デプロイスクリプトをサーバ上で編集しました", names=(SCRIPT,)),
        Break("gone", lambda world: (world.checkout / SCRIPT).unlink(), "the deploy script was deleted",
              "デプロイスクリプトを削除しました", names=(SCRIPT,)),
    ),
    "tools": (
        Break("compose", _hide_compose, "docker compose was removed", "docker compose を取り除きました",
              names=("docker compose",)),
        Break("mute", _mute_docker, "docker does not even tell its version",
              "docker がバージョンも答えません", names=("docker",)),
    ),
}  # fmt: skip

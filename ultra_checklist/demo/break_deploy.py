"""Sabotage of the deploy and the smoke tests: sections 4 and 5 of the checklist."""

from collections.abc import Callable
from pathlib import Path

from ultra_checklist.demo.repository import NEW, OLD, put_release
from ultra_checklist.demo.sabotage import Break, Breaks, Moment
from ultra_checklist.demo.service import as_text
from ultra_checklist.demo.world import World

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/srv/backend/trade.py", line 88, in decide\n'
    "    price = quotes[symbol]\n"
    "KeyError: 'BTC/USDT'"
)


def forget_to_record(world: World) -> None:
    """Its people record who works only after the deploy."""
    world.forgetful = True


def _logs(world: World) -> list[Path]:
    """What the deploy has said, in the store of evidence."""
    return [blob for blob in world.evidence.glob("*/*") if b"[deploy]" in blob.read_bytes()]


def lose_logs(world: World) -> None:
    """Delete the log of the deploy."""
    for blob in _logs(world):
        blob.unlink()


def alter_logs(world: World) -> None:
    """Change a word in the log of the deploy."""
    for blob in _logs(world):
        blob.chmod(0o600)
        blob.write_bytes(blob.read_bytes().replace(b"[deploy]", b"[change]"))


def spoil(**values: object) -> Callable[[World], object]:
    """Set something of the new version of the backend wrong."""
    return lambda world: world.spoil(version=NEW, **values)


def old_backend(world: World) -> None:
    """Somebody starts the old version of the backend again."""
    put_release(world.checkout, OLD)
    world.container.restart()


def _crash_loop(world: World) -> None:
    world.spoil(crash=3)
    world.container.restart()


def _unhealthy(world: World) -> None:
    """The health checks fail until the container counts as unhealthy."""
    world.spoil(version=NEW, status=503)
    world.container.wait_for_health("unhealthy")


def _gone(world: World) -> None:
    world.docker.hidden = True


def _newsroom(wrong: str) -> Callable[[World], object]:
    def apply(world: World) -> None:
        world.newsroom = wrong

    return apply


def _truncate_log(world: World) -> None:
    (world.run_folder / "backend.log").write_text("")


def _line_token(world: World) -> None:
    world.line.token = "somebody-has-reissued-it"  # noqa: S105 - nothing here is real


def _no_quota(world: World) -> None:
    world.line.used = world.line.quota


def _lost(world: World) -> None:
    """Slack accepts, and shows it to nobody."""
    world.slack.lost = True


def _octobot_wall(world: World) -> None:
    world.octobot.service.fault = lambda _request: as_text("<html>login</html>", 401)


def _octobot_stopped(world: World) -> None:
    world.octobot.service.fail(500, "OctoBot is not running", path="/api/ping")


def _liquidation(world: World) -> None:
    for position in world.chain.positions.values():
        position.debt = 90_000


BREAKS: Breaks = {
    "operator-recorded": (
        Break("late", forget_to_record, "who works, and since when, is recorded only after the deploy",
              "作業者・開始時刻の記録をデプロイ後に行います"),
    ),
    "deploy-script": (
        Break("pid", lambda world: (world.run_folder / "pid").write_text("0x\n"),
              "the backend's process id is lost, so the deploy script fails",
              "backend のプロセス ID が失われ、デプロイスクリプトが失敗します"),
        Break("crash", spoil(crash=3), f"{NEW} of the backend does not start, so the deploy script fails",
              f"{NEW} の backend が起動せず、デプロイスクリプトが失敗します"),
    ),
    "deploy-log": (
        Break("lost", lose_logs, "the deploy's log was deleted", "デプロイログを削除しました", Moment.DEPLOYED),
        Break("altered", alter_logs, "a word of the deploy's log was changed",
              "デプロイログを書き換えました", Moment.DEPLOYED),
    ),
    "backend-running": (
        Break("stopped", lambda world: world.container.stop(), "the backend was stopped after the deploy",
              "デプロイ後に backend を停止しました", Moment.DEPLOYED, names=("exited",)),
        Break("crash-loop", _crash_loop, "the backend crashes whenever it is started",
              "backend が起動のたびに異常終了します", Moment.DEPLOYED),
        Break("unhealthy", _unhealthy, "the backend's health checks fail",
              "backend のヘルスチェックが失敗します", Moment.DEPLOYED, names=("health",)),
        Break("old", old_backend, "the old version of the backend was started again",
              "古いバージョンの backend が再起動されました", Moment.DEPLOYED),
        Break("gone", _gone, "the backend's container was removed", "backend のコンテナを削除しました",
              Moment.DEPLOYED, names=("ultra-backend",)),
        Break("daemon", lambda world: world.docker.service.close(), "the Docker daemon is down",
              "Docker デーモンが停止しています", Moment.DEPLOYED, "Can't tell"),
    ),
    "smoke-api": (
        Break("error", spoil(status=500), "the new version of the backend answers 500",
              "新しいバージョンの backend が 500 を返します", Moment.SMOKE, names=("500",)),
        Break("other-commit", spoil(identity={"commit": "0" * 40}), "the backend says that it runs another commit",
              "backend が別のコミットを答えます", Moment.SMOKE, names=("000000000000",)),
    ),
    "smoke-notion-flow": (
        Break("stuck", _newsroom("stuck"), "the backend takes no news from Notion",
              "backend が Notion のニュースを処理しません", Moment.SMOKE),
        Break("error", _newsroom("error"), "the backend fails on every piece of news",
              "backend がニュースの処理に失敗します", Moment.SMOKE),
        Break("trade", _newsroom("trade"), "the test record makes the backend trade",
              "テスト用レコードで取引が発生します", Moment.SMOKE),
    ),
    "smoke-integrations": (
        Break("liquidation", _liquidation, "the Aave position can be liquidated",
              "Aave ポジションが清算対象になりました", Moment.SMOKE),
        Break("octobot", _octobot_stopped, "OctoBot answers with an error",
              "OctoBot がエラーを返します", Moment.SMOKE, "Can't tell"),
        Break("login", _octobot_wall, "OctoBot asks for a login", "OctoBot がログインを求めます", Moment.SMOKE,
              "Can't tell"),
    ),
    "smoke-logs": (
        Break("traceback", spoil(says=[TRACEBACK]), "the backend's log is full of stack traces",
              "backend のログにスタックトレースが連続しています", Moment.DEPLOYED, names=("KeyError",)),
        Break("truncated", _truncate_log, "the backend's log was truncated",
              "backend のログが切り詰められました", Moment.SMOKE, "Can't tell"),
        Break("deleted", lambda world: (world.run_folder / "backend.log").unlink(),
              "the backend's log was deleted", "backend のログが削除されました", Moment.SMOKE, "Can't tell"),
    ),
    "smoke-notifications": (
        Break("slack", lambda world: world.slack.service.fail(410, "channel_is_archived"),
              "the Slack channel was archived", "Slack のチャンネルがアーカイブされました", Moment.SMOKE,
              names=("410",)),
        Break("line-token", _line_token, "the LINE token was reissued", "LINE のトークンが再発行されました",
              Moment.SMOKE, "Can't tell", names=("401",)),
        Break("line-quota", _no_quota, "LINE's monthly quota is used up", "LINE の月間送信数を使い切りました",
              Moment.SMOKE),
        Break("webhook", lambda world: world.webhook.service.fail(404, "gone"), "the webhook is not there any more",
              "Webhook がなくなりました", Moment.SMOKE, names=("404",)),
        Break("lost", _lost, "Slack accepts the message, and nobody sees it",
              "Slack は受け付けますが、誰にも届きません", Moment.SMOKE, "Waiting"),
    ),
}  # fmt: skip

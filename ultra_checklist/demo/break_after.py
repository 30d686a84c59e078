"""Sabotage of what is watched after the deploy, of a rollback, and of the record: sections 6 and 7."""

from collections.abc import Callable

from ultra_checklist.demo.backend import file_event
from ultra_checklist.demo.break_deploy import alter_logs, lose_logs, old_backend, spoil
from ultra_checklist.demo.chain import Chain
from ultra_checklist.demo.repository import NEW, OLD
from ultra_checklist.demo.sabotage import Break, Breaks, Moment
from ultra_checklist.demo.world import World


def _trade(symbol: str, amount: float, price: float) -> Callable[[World], object]:
    return lambda world: world.octobot.trade(symbol, "buy", amount, price)


def _transaction(world: World) -> None:
    world.chain.transactions += 1


def _position(**changes: int) -> Callable[[World], object]:
    def apply(world: World) -> None:
        for position in world.chain.positions.values():
            for name, value in changes.items():
                setattr(position, name, value)

    return apply


def _disagree(world: World) -> None:
    """One node tells another story."""
    world.nodes[1].chain = Chain(contracts=world.chain.contracts)
    _debt(world.nodes[1].chain)


def _debt(chain: Chain) -> None:
    for position in chain.positions.values():
        position.debt = 30_000


def _stale(world: World) -> None:
    for node in world.nodes:
        node.lag = 3600.0


def _other_chain(world: World) -> None:
    world.chain.chain_id = 11_155_111


def _unflagged(world: World) -> None:
    """An event that no metric goes with."""
    file_event(world.run_folder, "EMERGENCY", "emergency_stop", "trading stopped")


def _monitor_off(kind: str) -> Callable[[World], object]:
    return lambda world: world.monitor.turn_off(kind)


def _monitor_fails(world: World) -> None:
    world.monitor.failing.add("daily")


def _unarmed(world: World) -> None:
    """Somebody has taken the weekly job out of the crontab."""
    crontab = world.checkout / "scripts" / "crontab"
    lines = crontab.read_text(encoding="utf-8").splitlines(keepends=True)
    crontab.write_text("".join(line for line in lines if "weekly" not in line), encoding="utf-8")


def _alert(world: World) -> None:
    world.alertmanager.fire("BackendErrors", "critical", "the backend fails on one request in five")


BREAKS: Breaks = {
    "watch-window": (
        Break("alert", _alert, "a critical alert fires", "重大なアラートが発生しました", Moment.DEPLOYED,
              names=("BackendErrors",)),
        Break("alertmanager", lambda world: world.alertmanager.service.close(), "Alertmanager is down",
              "Alertmanager が停止しています", Moment.DEPLOYED, "Can't tell"),
    ),
    "no-suspicious-activity": (
        Break("pair", _trade("DOGE/USDT", 100.0, 0.1), "a pair is traded that nobody allowed",
              "許可していないペアの取引が発生しました", Moment.MONITORING, names=("DOGE/USDT",)),
        Break("large", _trade("BTC/USDT", 25.0, 60_000.0), "a trade is far too large",
              "取引額が大きすぎます", Moment.MONITORING, names=("BTC/USDT",)),
        Break("transaction", _transaction, "the wallet has sent a transaction that no order explains",
              "注文のないトランザクションがウォレットから送信されました", Moment.MONITORING),
    ),
    "aave-position": (
        Break("health-factor", _position(debt=70_000), "the health factor falls below the limit",
              "Health Factor が下限を下回りました", Moment.MONITORING, names=("1.17",)),
        Break("collateral", _position(collateral=1_000, debt=100), "most of the collateral is gone",
              "担保の大半がなくなりました", Moment.MONITORING),
        Break("disagree", _disagree, "the two nodes do not agree", "二つのノードの回答が一致しません",
              Moment.MONITORING, "Can't tell"),
        Break("stale", _stale, "the nodes are an hour behind", "ノードが 1 時間遅れています", Moment.MONITORING,
              "Can't tell"),
        Break("testnet", _other_chain, "the nodes answer for a test network",
              "ノードがテストネットを返します", Moment.MONITORING, names=("11155111",)),
    ),
    "key-metrics": (
        Break("slow", spoil(slow=True), "the backend's answers take more than a second",
              "backend の応答に 1 秒以上かかります", Moment.SMOKE),
        Break("errors", spoil(error_ratio=0.2), "one request in five fails", "5 件に 1 件が失敗します",
              Moment.SMOKE),
        Break("health-factor", spoil(health_factor=1.05), "the metric health_factor falls to 1.05",
              "メトリクス health_factor が 1.05 になりました", Moment.SMOKE, names=("health_factor", "1.05")),
        Break("nan", spoil(health_factor="NaN"), "the metric health_factor is no number",
              "メトリクス health_factor が NaN です", Moment.SMOKE, "Can't tell", names=("health_factor",)),
        Break("absent", spoil(absent=["health_factor"]), "the metric health_factor is missing",
              "メトリクス health_factor がありません", Moment.SMOKE, "Can't tell", names=("health_factor",)),
    ),
    "emergency-stop": (
        Break("unrecorded", spoil(emergency_stop=True), "the emergency stop is on, and no event tells of it",
              "緊急停止フラグが ON ですが、イベントが記録されていません", Moment.SMOKE,
              names=("0→1",)),
        Break("unflagged", _unflagged, "an EMERGENCY event is filed, and the flag stays off",
              "EMERGENCY イベントがありますが、フラグは OFF のままです", Moment.SMOKE,
              names=("emergency_stop_flag",)),
        Break("events", spoil(events_status=503), "the events cannot be read", "イベントを取得できません",
              Moment.SMOKE, "Can't tell"),
    ),
    "monitor-jobs": (
        Break("missed", _monitor_off("daily"), "the daily job does not run", "daily が実行されません"),
        Break("weekly", _monitor_off("weekly"), "the weekly job does not run", "weekly が実行されません"),
        Break("error", _monitor_fails, "the daily job ends with an error", "daily がエラーで終わります",
              names=("ERROR",)),
        Break("unarmed", _unarmed, "the weekly job was taken out of the crontab",
              "weekly が crontab から削除されました", Moment.DEPLOYED),
    ),
    "rollback-done": (
        Break("tag", lambda world: world.git("tag", "--force", OLD, NEW),
              f"the tag {OLD} was moved, so the rollback leads to the new version",
              f"タグ {OLD} が付け替えられ、ロールバック先が新しいバージョンになります", Moment.DEPLOYED),
    ),
    "release-recorded": (
        Break("old-backend", old_backend, "the old version of the backend was started again",
              "古いバージョンの backend が再起動されました", Moment.RECORD),
    ),
    "logs-saved": (
        Break("lost", lose_logs, "the deploy's log was deleted", "デプロイログを削除しました", Moment.RECORD),
        Break("altered", alter_logs, "a word of the deploy's log was changed",
              "デプロイログを書き換えました", Moment.RECORD),
    ),
}  # fmt: skip

"""The variables of suggested probes as a template declares them, and small YAML as people write it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ultra_checklist.words import Lang, Words

SECRET = ("SLACK_WEBHOOK_URL", "LINE_CHANNEL_TOKEN", "WEBHOOK_URL", "FLOW_TOKEN")
_PLAIN = re.compile(r"[A-Za-z_./][\w./@+-]*")
_ODD = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})

_KNOWN = {
    "DEPLOY_DIR": Words(
        en="The checkout on the server; relative paths start here",
        ja="本番サーバ上のリポジトリ（checkout）。相対パスはここから",
    ),
    "ENV_FILE": Words(en="The environment file", ja="環境ファイル"),
    "CONFIG_DOC": Words(en="The document that lists the required keys", ja="必須キーを列挙した文書"),
    "ROLLBACK_DOC": Words(en="The document of the rollback procedure", ja="ロールバック手順の文書"),
    "DEPLOY_SCRIPT": Words(en="What deploys it", ja="デプロイスクリプト"),
    "RELEASE_REF": Words(en="The tag or branch to release", ja="リリース対象のタグまたはブランチ"),
    "GIT_REMOTE": Words(en="Name of the remote", ja="リモートの名前"),
    "JUNIT_DIR": Words(
        en="Folder with the JUnit XML reports of the commit's tests", ja="テスト結果（JUnit XML）のフォルダ"
    ),
    "VERSION_TEXT": Words(
        en="The version as the file has it; a regular expression",
        ja="ファイルに書かれるバージョン（正規表現）",
    ),
    "STAGING_RELEASE": Words(
        en="The release on staging: its version here, or the path of its bundle",
        ja="staging 側のリリース（このマシンのバージョン、またはバンドルのパス）",
    ),
    "STAGING_FINGERPRINTS": Words(
        en="What `ultra-checklist fingerprint` wrote on staging",
        ja="staging で `ultra-checklist fingerprint` が書いた指紋ファイル",
    ),
    "STAGING_SECONDS": Words(
        en="Seconds for which it must have been stable on staging", ja="staging で安定稼働しているべき時間（秒）"
    ),
    "COMPOSE_PROJECT": Words(en="Name of the Compose project", ja="Compose のプロジェクト名"),
    "SLACK_WEBHOOK_URL": Words(en="Slack's incoming webhook", ja="Slack の Incoming Webhook"),
    "LINE_CHANNEL_TOKEN": Words(en="Channel access token of LINE", ja="LINE のチャネルアクセストークン"),
    "LINE_TO": Words(en="LINE: id of the user, group or room", ja="LINE の宛先 ID"),
    "WEBHOOK_URL": Words(en="The webhook that is notified", ja="通知用 Webhook"),
    "WATCH_MINUTES": Words(en="How long it is watched after the deploy", ja="デプロイ後に監視する時間（分）"),
    "ALERTMANAGER_URL": Words(en="Address of Alertmanager", ja="Alertmanager の URL"),
    "PROMETHEUS_URL": Words(en="Address of Prometheus", ja="Prometheus の URL"),
    "METRICS_URL": Words(en="Address of the page of metrics", ja="メトリクスの URL"),
    "EVENTS_URL": Words(en="Address that answers the events as JSON", ja="イベントを JSON で返す URL"),
    "OCTOBOT_URL": Words(en="Address of OctoBot", ja="OctoBot の URL"),
    "TRADE_PAIRS": Words(en="The pairs that may be traded", ja="取引してよいペア。例: BTC/USDT"),
    "MAX_TRADES": Words(en="Most trades since the deploy", ja="デプロイ開始後の取引数の上限"),
    "AAVE_RPC_URL": Words(en="JSON-RPC address of the chain", ja="チェーンの JSON-RPC URL"),
    "AAVE_PROVIDER": Words(
        en="Address of the market's PoolAddressesProvider", ja="Aave の PoolAddressesProvider アドレス"
    ),
    "AAVE_ACCOUNT": Words(en="The account on Aave", ja="Aave の口座アドレス"),
    "AAVE_CHAIN_ID": Words(en="Id of the chain", ja="チェーン ID"),
    "MIN_HEALTH_FACTOR": Words(en="Least health factor, such as 1.5", ja="Health Factor の下限。例: 1.5"),
    "MIN_COLLATERAL": Words(
        en="Least collateral in the market's base currency", ja="Aave の担保の下限（基準通貨建て）"
    ),
    "WALLET": Words(en="The wallet's address", ja="ウォレットのアドレス"),
    "MAX_TRANSACTIONS": Words(
        en="Most transactions that it may send since the deploy",
        ja="デプロイ開始後に送信してよいトランザクション数の上限",
    ),
    "FLOW_TOKEN": Words(
        en="Token of an integration that may write the test record", ja="テスト用レコードを書き込めるトークン"
    ),
    "FLOW_SOURCE": Words(en="Id of the data source for test records", ja="テスト用レコードを置くデータソースの ID"),
    "FLOW_PROPERTY": Words(en="The property that the backend sets", ja="backend が設定するプロパティ"),
    "FLOW_VALUE": Words(en="What it must become", ja="そのプロパティがなるべき値"),
    "CRONTAB": Words(en="The crontab's file; `-` is `crontab -l`", ja="crontab のファイル。「-」は crontab -l"),
    "CHECK_DISK": Words(en="The monitoring plugin check_disk", ja="監視プラグイン check_disk のパス"),
}
_ENDS = (
    ("_CONTAINER", Words(en="Name of the {what} container", ja="{what} のコンテナ名")),
    ("_UNIT", Words(en="Name of the {what} systemd unit", ja="{what} の systemd ユニット名")),
    ("_CRON", Words(en="When {what} runs, as cron has it", ja="{what} の予定（cron 形式）")),
    ("_EXPR", Words(en="PromQL of the {what}", ja="{what} の PromQL")),
    ("_LOG", Words(en="Log file of the {what}", ja="{what} のログファイル")),
    ("_URL", Words(en="Address of the {what}", ja="{what} の URL")),
)
_LIMITS = (
    ("MAX_", Words(en="Highest good {what}", ja="{what} の上限")),
    ("MIN_", Words(en="Lowest good {what}", ja="{what} の下限")),
)


def declared(names: Iterable[str], defaults: Mapping[str, str], lang: Lang) -> list[str]:
    """One line a variable, as it stands below ``vars:``."""
    return [f"{name}: {flow(_declaration(name, defaults, lang))}" for name in names]


def _declaration(name: str, defaults: Mapping[str, str], lang: Lang) -> dict[str, Any]:
    found: dict[str, Any] = {"secret": True} if name in SECRET else {}
    if name in defaults:
        found["default"] = defaults[name]
    return found | {"help": _help(name).say(lang)}


def _help(name: str) -> Words:
    if name in _KNOWN:
        return _KNOWN[name]
    for end, words in _ENDS:
        if name.endswith(end):
            return words.filled(what=name.removesuffix(end).lower().replace("_", " "))
    for start, words in _LIMITS:
        if name.startswith(start):
            return words.filled(what=name.removeprefix(start).lower().replace("_", " "))
    return Words.same(name)


def flow(value: Any) -> str:
    """A value as YAML in one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(part)}" for key, part in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in _ODD
    return text if plain else json.dumps(text, ensure_ascii=False)

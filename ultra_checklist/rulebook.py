"""What the words of a checklist's line mean: a table, one row a meaning, the particular ones first.

A row fits where each of its patterns is in the line and ``unless`` is not; the first that fits and has something to
offer decides. A row without an offer says that only a person can know. Where none fits nothing is proposed: a wrong
probe is worse than none.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ultra_checklist import offers, offers_live
from ultra_checklist.case import Case, Probe
from ultra_checklist.wording import flat

Confidence = Literal["high", "medium", "none"]

_ROLLBACK = r"roll(?:ed|s|ing)?[ -]?back|ロールバック|切り?戻し|切り戻"
_STAGING = r"(?<![a-z])(?:staging|stg)(?![a-z])|ステージング"
_DEPLOY = (
    r"deploy|デプロイ|roll(?:ed|s)?[ -]?out|rollout|本番(?:へ|に)?(?:の)?(?:反映|公開)|リリース作業|"
    r"(?:release|publish)[\w-]*\.(?:sh|py|rb)\b"
)
_DONE = r"\bruns?\b|\bran\b|execut|実行|実施|完了|complet|\bdone\b|finish|succe|成功|正常終了|した$|反映|start|開始"
_LOG = r"\blogs?\b|ログ(?!イン|アウト|ファイル名)"
_KEPT = r"\bsaved?\b|\bkept\b|\bkeep\b|stored?\b|archiv|attach|保存|保管|添付"
_WRITTEN = r"record|\bnoted?\b|written|write down|\blogged\b|記録|記入|控え"
_PEOPLE = (
    r"stakeholder|customer|\busers?\b|\bteams?\b|support|owner|manager|on[- ]?call|everyone|\bpm\b|\bcs\b|"
    r"関係者|ユーザー?|"
    r"顧客|チーム|サポート|担当者?|オーナー|マネージャ|リーダー|営業|全員|社内|部門"
)
_TOLD = (
    r"inform|\btold\b|\btell\b|notif|announc|aware|\bknows?\b|communicat|agree|\bshared?\b|contact|email|"
    r"\bbriefed\b|"
    r"\bon duty\b|\bavailable\b|stand(?:s|ing)? ?by|共有|連絡|周知|告知|通知|案内|合意|確保|待機|伝え|依頼"
)
_TEST_MESSAGE = (
    r"テスト(?:用)?(?:の)?(?:通知|送信|メッセージ|投稿|アラート)|通知(?:の)?テスト|test (?:message|notification|"
    r"alert|ping)|"
    r"(?:message|notification)s? test"
)
_JUDGED = (
    r"approv|sign(?:ed)?[- ]?off|review|decide|decision|whether|discuss|consult|agree|検討|承認|レビュー|相談|"
    r"判断|合意|決め|"
    r"決定|是非|かどうか"
)
_BY_HAND = (
    r"\bmanual|by hand|explor|log(?:s|ged)?[ -]?in\b|sign(?:s|ed)?[ -]?in\b|checkout (?:flow|works)|can be "
    r"placed|looks? (?:right|good|ok|fine)|"
    r"手動|目視|実機|ログイン|画面|ブラウザ|ui\b|操作"
)
_NO = r"\bno\b|\bnot\b|without|\bfree of\b|\bnone\b|clean|ない|なし|無い|無し|ゼロ|出ていな|\b0\b"
_FINE = (
    r"normal|healthy|below|under|within|less than|at most|above|stay|stable|[<>≤≥]|not (?:increase|rise)|no "
    r"(?:increase|rise)|"
    r"確認|正常|以下|以内|未満|以上|閾値|超え|異常|問題|悪化|安定|変化"
)
_RUNNING = r"\bruns?\b|running|\bup\b|\bactive\b|healthy|\balive\b|started|enabled|\bstatus\b|稼働|起動|動作|正常"
_THERE = (
    r"\bexists?\b|\bis there\b|\bare there\b|\bpresent\b|in place|removed|deleted|\bgone\b|absent|存在|配置|"
    r"置かれ|置いて|"
    r"削除され|残っていない"
)
_VARIES = (
    r"必要に応じて|必要なら|該当する場合|場合は|^if |\bif (?:needed|necessary|applicable|any)|as needed|"
    r"when applicable|optional"
)
"""Words of a line that is done now and then only: a probe would fail where there was nothing to do."""


@dataclass(frozen=True)
class Rule:
    """One meaning."""

    name: str
    """What it is called; lines that mean it get ids that begin so."""
    family: str
    """The family of its main probe, for people; empty: none."""
    says: tuple[str, ...]
    offer: Callable[[Case], list[Probe]] | None = None
    unless: str = ""
    where: str = ""
    """What the words around the line must say."""
    confidence: Confidence = "high"
    varies: bool = False
    """It may stand in a line that is done now and then only."""
    deploys: bool = False
    """The line says that the deploy was run."""
    since: bool = False
    """It looks at what happened since the deploy."""
    opens: bool = False
    """It must hold only once something has failed; where the document does not say what, it is for people."""


@dataclass(frozen=True)
class Decision:
    """What a line was found to mean."""

    rule: Rule | None
    probes: tuple[Probe, ...] = ()
    words: tuple[str, ...] = ()
    """The words that decided."""


UNDECIDED = Decision(None)
PERSON = (
    Rule("told", "", (_PEOPLE, _TOLD), unless=_TEST_MESSAGE),
    Rule("judged", "", (_JUDGED,), unless=r"reviewed (?:one|commit|version)|デプロイスクリプト"),
    Rule("by-hand", "", (_BY_HAND,), unless=rf"{_TEST_MESSAGE}|stack ?trace|スタックトレース"),
)
"""What only people know; rows above these are of things that a machine sees although such words are in the line."""

RULES: tuple[Rule, ...] = (
    Rule("emergency-stop", "events", (r"緊急停止|emergency[ _-]?stop|kill[ -]?switch", r"event|イベント"),
         offers_live.emergency_stop, confidence="medium", varies=True, since=True),
    Rule("rollback-procedure", "file", (_ROLLBACK, r"手順|procedure|plan|runbook|playbook|document|文書|"
         r"ドキュメント"),
         offers.rollback_document, unless=r"検討|是非|decide|whether|相談|従い|従って|follow|テスト|\btested",
         confidence="medium"),
    Rule("rollback-judged", "", (_ROLLBACK, _JUDGED)),
    Rule("rollback-prepared", "", (_ROLLBACK, r"手順|procedure|plan|ready|準備|可能|\bcan\b|tested|テスト|訓練|"
         r"drill|rehears|possible|available|how to|方法")),
    Rule("rollback-done", "run", (_ROLLBACK, r"実行|実施|execut|perform|\bdone\b|verif|roll(?:ed)? back|した"),
         offers.rolled_back,
         where=r"場合|障害|不具合|\bif\b|wrong|fail|problem|incident|emergency|ロールバック|roll ?back|必要",
         varies=True, opens=True, confidence="medium"),
    *PERSON[:1],
    Rule("staging-stable", "release", (_STAGING, r"stabl|安定|soak"), offers.staging_complete),
    Rule("staging-complete", "release", (_STAGING, r"checklist|チェックリスト|全項目|all items",
         r"complet|完了|\bdone\b|passed|finished|終わっ"),
         offers.staging_complete),
    Rule("env-nothing-of-staging", "dotenv",
         (rf"{_STAGING}|開発用|\bdev(?:elopment)?\b|検証用|テスト用|sandbox",
         r"\bkeys?\b|キー|token|トークン|wallet|ウォレット|credential|認証情報|secret|値|\bvalues?\b",
          r"\bno\b|\bnot?\b|without|\bleft\b|混入|残って|含まれ|含まない|入っていない|使っていない"),
         offers.nothing_of_staging, confidence="medium"),
    Rule("env-required", "dotenv", (r"必須|required|すべて|全て|\ball\b",
         r"項目|\bkeys?\b|variables?|変数|settings?|設定|\bvalues?\b",
         r"\.md\b|文書|ドキュメント|一覧|listed|documented|記載",
         r"埋ま|\bfilled|\bset\b|設定され|定義され|present|configured"), offers.keys_of_document),
    Rule("env-value", "dotenv", (r"[a-z][a-z0-9_]*\s?=\s?\S+",), offers.pairs),
    Rule("env-keys", "dotenv", (r"\bset\b|unset|filled|設定|埋ま|定義|present|configured|存在|\boff\b|disabled|"
         r"false|無効|オフ|削除|removed|absent|入力",),
         offers.keys),
    Rule("env-production", "dotenv", (r"本番用|本番の|\bproduction\b|\bprod\b",
         r"\burls?\b|endpoint|エンドポイント|接続先|キー", r"すべて|全て|\ball\b|である|です|になって|point|"
         r"\bare\b"),
         offers.production_urls, unless=r"\b200\b|respond|疎通|answers?\b|応答", confidence="medium"),
    Rule("file-mode", "file", (r"permission|\bperms?\b|パーミッション|権限|\bmode\b|chmod|所有者|readable|"
         r"\bowner\b|belongs to",), offers.file_mode,
         unless=r"iam|ロール|role|データベース|database|アカウント|token|トークン"),
    Rule("version-named", "file", (r"changelog|package\.json|pyproject\.toml|cargo\.toml|build\.gradle|\bversion\b",
         r"version|バージョン|entry|\bupdated?\b|更新|section|bump|記載"), offers.version_in_file,
         confidence="medium"),
    Rule("file-current", "git", (r"最新|up[ -]to[ -]date|latest|current|reviewed (?:one|commit|version)|"
         r"レビュー済み|一致|same as",), offers.file_current,
         unless=r"\bno\b.*error|notes?\b"),
    Rule("file-present", "file", (_THERE,), offers.file_there,
         unless=r"記載|listed|テーブル|\btable|column|index|bucket|image|イメージ"),
    *PERSON[1:],
    Rule("repo-clean", "git", (r"clean\b|クリーン|未コミット|uncommitted|local (?:changes?|modifications?)|"
         r"ローカル(?:の)?変更|git status",
         r"repo|working (?:tree|copy|directory)|check(?:ed)?[ -]?out|作業(?:ツリー|コピー|ディレクトリ)|"
         r"リポジトリ|git\b|server|サーバ"), offers.clean,
         unless=r"clean[ -]?up|clean build"),
    Rule("head", "git", (r"\bhead\b|checked out|check[ -]?out|チェックアウト|リポジトリ",
         r"\bat\b|matches|一致|正しい|コミット(?:である|になって)", r"commit|コミット|\btag\b|タグ"),
         offers.head, unless=r"branch|ブランチ"),
    Rule("release-ref", "git", (r"\bbranch\b|\btags?\b|\btagged\b|ブランチ|タグ",
         r"correct|right|正しい|exist|存在|一致|match|points? (?:to|at)|push|プッシュ|作成|creat|sign|署名|"
         r"\bcut\b|付い|付け|tagged"),
         offers.ref, unless=r"merge|マージ|protect|保護|delete|削除|image|イメージ|docker|html|script tag|"
         r"analytics|タグマネ|name tag"),
    Rule("tools", "tool", (r"install|インストール|導入済|利用(?:可能|できる)|available|(?:version|"
         r"バージョン)\s*\d|or (?:newer|later|higher)|以上",), offers.tools,
         unless=r"commit|コミット|returns?|返す|\btag\b|image|イメージ|app version|https?://"),
    Rule("operator-recorded", "record", (r"開始前|作業前|\bbefore\b|prior to",
         r"作業者|担当|operator|\bwho\b|engineer|開始時刻|start(?:ing)? time", _WRITTEN), offers.started_on_record),
    Rule("deploy-log", "run", (_DEPLOY, rf"{_LOG}|出力|\boutput\b", _KEPT), offers.deploy_log,
         unless=r"主要|スモーク|smoke|all logs", since=True),
    Rule("logs-saved", "record", (_LOG, _KEPT), offers.logs_on_record, confidence="medium",
         unless=r"共有フォルダ|shared|\bdrive\b|wiki|\bs3\b|bucket|バケット"),
    Rule("release-recorded", "record", (r"担当|作業者|operator|\bwho\b|commit|コミット|ハッシュ",
         r"\bdate\b|日時|\b日\b|リリース日|commit|コミット|ハッシュ|version|バージョン", _WRITTEN),
         offers.release_on_record),
    Rule("notifications", "slack", (rf"{_TEST_MESSAGE}|\btest\b.*\b(?:slack|webhook)",), offers_live.messages),
    Rule("units-running", "systemd", (r"systemd|systemctl|\bunits?\b|ユニット",
         r"\bactive\b|enabled|running|稼働|有効"), offers_live.running,
         unless=r"docker|コンテナ|container|予定|schedule|unit tests?"),
    Rule("jobs", "schedule", (r"予定(?:どおり|通り|時刻)|on schedule|on time|scheduled|cron|定期|日次|週次|月次|"
         r"毎日|毎週|nightly|daily|weekly|hourly|バッチ|timer|タイマー",
         r"動作|実行|\bran\b|\bruns?\b|executed|稼働|\bworks?\b|trigger|fire"), offers_live.jobs,
         unless=r"backup (?:was )?taken", since=True, confidence="medium"),
    Rule("deployed", "run", (_DEPLOY, _DONE), offers.deployed, deploys=True,
         unless=rf"{_LOG}(?!.*(?:エラー|error))|手順|\bplan\b|window|記録|開始前|\bbefore\b|時間帯|freeze|"
         rf"{_STAGING}|checklist|チェックリスト|image|イメージ|"
                r"バックアップ|backup|api\b.*(?:返|return)|commit hash|コミットハッシュ|after (?:the )?deploy|"
                r"デプロイ後"),
    Rule("deployed", "run",
         (r"^(?:deploy|ship)(?:$| (?:it|the|to|with|using|new|version|release|v?\d)|: )|^roll(?:ed)? (?:it |the "
         r".*)?out\b|^(?:本番(?:環境)?(?:へ|に)?の?)?(?:デプロイ|反映)(?:する|$)|deployed to prod",),
         offers.deployed,
         deploys=True, unless=rf"{_STAGING}|window|freeze|\bplan\b|\bbefore\b"),
    Rule("tests", "junit", (r"\b(?:unit|integration|e2e|regression|automated|all|the|ci)?\s?tests?\b|"
         r"テスト(?!レコード|環境|ユーザ|データ|カード|サーバ|アカウント|用)|\bci\b|test suite|pipeline|"
         r"パイプライン",
         r"pass|green|success|succe|成功|実施|通過|パス|グリーン|問題が?ない|\bok\b|通って"), offers.tests,
         unless=rf"{_TEST_MESSAGE}|load[ -]?test|負荷|性能|performance test|smoke|スモーク|acceptance|\buat\b|"
         rf"受け入れ|restor|リストア|penetration|脆弱|a/b|beta|テスター|"
                r"notion|record|レコード|deployed|デプロイ"),
    Rule("notion-flow", "notion-flow", (r"\bnotion\b", r"backend|バックエンド|フロー|\bflow|処理|連携|sync|"
         r"同期", r"テスト|\btest\b|成功|succe|smoke|works|動作"),
         offers_live.notion_flow, unless=r"octobot|aave", confidence="medium", since=True),
    Rule("trades", "octobot", (r"不審|suspicious|unexpected|unauthori[sz]ed|想定外|意図しない",
         r"trade|トレード|取引|注文|\borders?\b|シグナル|signal"),
         offers_live.trades, confidence="medium", since=True),
    Rule("wallet", "wallet", (r"wallet|ウォレット", r"transaction|トランザクション|送金|transfer"),
         offers_live.wallet, confidence="medium", since=True),
    Rule("aave-position", "aave", (r"\baave\b", r"position|ポジション|health factor|残高|担保|collateral|"
         r"balance|ヘルスファクター"), offers_live.aave),
    Rule("integrations", "octobot", (r"octobot|\baave\b", r"error|エラー|連携|接続|integration|connect|稼働|"
         r"running|alive|trade|トレード|動作|応答"), offers_live.integrations, confidence="medium", since=True),
    Rule("metrics", "metrics", ("|".join(pattern for pattern, _, _ in offers_live.METRICS), _FINE),
         offers_live.metrics,
         unless=r"dashboard (?:exists|is set)|support|サポート|を設定|設定され|alert rules?|アラート(?:を|"
         r"が)設定|configured", confidence="medium", since=True),
    Rule("certificate", "http", (r"\btls\b|\bssl\b|certificat|\bcerts?\b|証明書",
         r"valid|expir|有効期限|期限|残って|有効"), offers_live.certificate,
         unless=r"ios|android|apple|push|プッシュ|署名|signing|provision|自動更新"),
    Rule("watch", "watch", (r"watch|monitor|observ|keep an eye|監視|見守|様子|継続的|経過|アラート|alert",
         r"\d+(?:\.\d+)?\s*(?:[-–~〜]\s*\d+\s*)?-?(?:min|m\b|分|h\b|hours?|時間|day|日)|half an hour|(?:an|one|"
         r"two|three) hours?|ten minutes|fifteen minutes|thirty minutes"),
         offers_live.watched, unless=r"configured|設定|firebase|crash|sentry|analytics|store|ストア",
         since=True, confidence="medium"),
    Rule("no-alerts", "watch", (r"alerts?\b|アラート|警報", r"\bno\b|not fir|\bnone\b|quiet|silent|"
         r"発生していない|出ていない|上がっていない|鳴っていない|発報(?:が|して)?(?:い)?ない|なし|ない"),
         offers_live.watched, unless=r"configured|設定|muted|silence|止め", since=True, confidence="medium"),
    Rule("log-quiet", "log",
         (rf"{_LOG}|\bjournal\b",
          r"exception|\berrors?\b|stack ?trace|traceback|panic|fatal|crash|例外|エラー|スタックトレース", _NO),
         offers_live.quiet_log,
         unless=r"error log(?:ging)? (?:is )?(?:enabled|configured)|sentry", since=True, confidence="medium"),
    Rule("log-quiet", "log", (r"stack ?traces?|スタックトレース|tracebacks?|unhandled exceptions?", _NO),
         offers_live.quiet_log, unless=r"sentry|画面|page", since=True, confidence="medium"),
    Rule("answers", "http", (r"commit|コミット|ハッシュ|(?:new|right|correct|released|this) version|"
         r"新しい?バージョン|新バージョン", r"返|answer|return|show|respond|report|serv|応答|表示|\bis "
         r"live\b"), offers_live.answers,
         unless=r"review|レビュー|merge|マージ|store|ストア|app\b|アプリ|document|docs|readme|release notes?|"
         r"リリースノート"),
    Rule("running", "docker", (r"container|コンテナ|docker|systemd|systemctl|\.service\b|\.timer\b|\bunits?\b|"
         r"サービス|\bservice\b|\bdaemon\b|デーモン|プロセス|\bprocess\b", _RUNNING), offers_live.running,
         unless=r"image|イメージ|\bbuild|registry|レジストリ|\bpull(?:ed)?\b|\bpush(?:ed|es)?\b(?!-)|install|"
         r"インストール|unit tests?|kubernetes|\bpods?\b|サービスアカウント|service account|customer service"),
    Rule("health", "http", (r"endpoint|エンドポイント|/health|/ping|/status|/ready|/live|\bapi\b|\burl\b|"
         r"https?://|\bsite\b|サイト|home ?page|top ?page|トップページ|\bget /|\bhttp\b|backend|health ?check|"
         r"ヘルスチェック",
         r"\b2\d\d\b|\b3\d\d\b|疎通|respond|answers?\b|返す|返る|返って|応答|reachable|\bis up\b|are up|表示|"
         r"アクセスできる|開ける|healthy|returns?|\bloads?\b|\bok\b|passes|green|成功"),
         offers_live.answers, unless=r"rate limit|rate-limit|document|ドキュメント|\bdocs\b|dns|deprecat|"
         r"アクセスがない|schema|仕様|keys?\b|キー|push notification"),
    Rule("disk", "nagios", (r"disk|ディスク", r"free|space|空き|残|容量|usage|使用率"), offers_live.disk,
         unless=r"usage|使用率", confidence="medium"),
    Rule("command", "command", (r"nginx -t|configtest|sshd -t|compose config|manage\.py|alembic check",),
         offers_live.harmless),
)  # fmt: skip


def decide(case: Case) -> Decision:
    """What a line means, by the first row that fits; a row for people only ends the search without a probe."""
    said = case.words.said
    varies = re.search(_VARIES, said, re.ASCII) is not None
    for rule in RULES:
        if varies and not rule.varies and rule.offer is not None:
            continue
        words = _matched(rule, said)
        if not words or (rule.where and not re.search(rule.where, f"{flat(case.where)} {said}", re.ASCII)):
            continue
        case.defaults.clear()
        probes = tuple(rule.offer(case)) if rule.offer is not None else ()
        if probes or rule.offer is None or rule.deploys:
            return Decision(rule, probes, words)
    case.defaults.clear()
    return UNDECIDED


def _matched(rule: Rule, said: str) -> tuple[str, ...]:
    """The words by which a row fits; none: it does not."""
    if rule.unless and re.search(rule.unless, said, re.ASCII):
        return ()
    found = [re.search(pattern, said, re.ASCII) for pattern in rule.says]
    return tuple(dict.fromkeys(match[0].strip() for match in found if match)) if all(found) else ()

"""The files of the pretend production's repository: documents, scripts, environments. Text only."""

from ultra_checklist.demo.chain import ACCOUNT, STAGING_ACCOUNT
from ultra_checklist.demo.monitor import CRON
from ultra_checklist.demo.sinks import LINE_TOKEN

REQUIRED = ("APP_ENV", "NOTION_API_KEY", "NOTION_DATABASE_ID", "OCTOBOT_URL", "OCTOBOT_API_KEY", "AAVE_RPC_URL",
            "AAVE_ACCOUNT", "LINE_CHANNEL_TOKEN", "SLACK_WEBHOOK_URL", "EMERGENCY_STOP_THRESHOLD")  # fmt: skip
STAGING_LINE_TOKEN = "pretend-staging-line-token-0002"  # noqa: S105 - nothing here is real

ENVIRONMENT = f"""\
# Pretend production: nothing here is real.
APP_ENV=production
NOTION_API_KEY=pretend-notion-key-0001
NOTION_DATABASE_ID=00000000000000000000000000000001
OCTOBOT_URL=https://octobot.ultra-autotrade.invalid
OCTOBOT_API_KEY=pretend-octobot-key-0001
AAVE_RPC_URL=https://mainnet.ultra-autotrade.invalid
AAVE_ACCOUNT={ACCOUNT}
LINE_CHANNEL_TOKEN={LINE_TOKEN}
SLACK_WEBHOOK_URL=https://slack.invalid/services/pretend-slack-0001
EMERGENCY_STOP_THRESHOLD=1.2
"""

STAGING_ENVIRONMENT = f"""\
# Pretend staging: nothing here is real.
APP_ENV=staging
NOTION_API_KEY=pretend-staging-notion-key-0002
NOTION_DATABASE_ID=00000000000000000000000000000002
OCTOBOT_URL=https://octobot.staging.invalid
OCTOBOT_API_KEY=pretend-staging-octobot-key-0002
AAVE_RPC_URL=https://sepolia.staging.invalid
AAVE_ACCOUNT={STAGING_ACCOUNT}
LINE_CHANNEL_TOKEN={STAGING_LINE_TOKEN}
SLACK_WEBHOOK_URL=https://slack.invalid/services/pretend-staging-slack-0002
EMERGENCY_STOP_THRESHOLD=1.2
"""

_TABLE = "\n".join(f"| `{key}` | ○ |" for key in REQUIRED)

_RULES = """\
# 自動化ルール

| メトリクス | 条件 |
|---|---|
| `http_request_duration_seconds`（p95） | 500ms 以下 |
| `error_rate` | 1% 以下 |
| `health_factor` | 1.5 以上 |
| `emergency_stop_flag` | 0（1 になったら EMERGENCY の MonitoringEvent を記録する） |
"""

_ROLLBACK = """\
# ロールバック手順

1. 直前のタグ `v1.3.0` で `scripts/deploy_production_backend.sh` を実行する。
2. `scripts/monitor.sh daily` で状態を確認する。
"""

_CONFIG = f"""\
# 本番環境設定

| キー | 必須 |
|---|---|
{_TABLE}
| `LOG_LEVEL` | 任意 |
"""

_MONITOR = """\
#!/usr/bin/env bash
set -euo pipefail
echo "monitor ${1:-daily}: ok"
"""

_CRONTAB = "".join(f"{when} /srv/ultra-autotrade/scripts/monitor.sh {kind}\n" for kind, when in CRON.items())

DOCUMENTS = {
    "README.md": "# Ultra AutoTrade (pretend)\n",
    ".gitignore": ".env.*\n/run/\n",
    "docs/08_automation_rules.md": _RULES,
    "docs/14_test_strategy.md": "# テスト戦略\n\n単体・結合・E2E テストを実施する。\n",
    "docs/15_rollback_procedures.md": _ROLLBACK,
    "docs/20_staging_release_checklist.md": "# staging リリースチェックリスト\n\n- [x] 全項目完了\n",
    "docs/21_production_environment_config.md": _CONFIG,
    "scripts/monitor.sh": _MONITOR,
    "scripts/crontab": f"CRON_TZ=Asia/Tokyo\n{_CRONTAB}",
    "app/version.txt": "v1.3.0\n",
}

DEPLOY_SCRIPT = """\
#!/usr/bin/env bash
# Deploys the backend of the pretend production: check the tag out, replace the running process, see that it runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tag=${1:?usage: deploy_production_backend.sh TAG}
echo "[deploy] $tag をデプロイします"
git -c advice.detachedHead=false checkout --quiet "$tag"
commit=$(git rev-parse HEAD)
echo "[deploy] checkout: $commit"
printf '%s %s\\n' "$tag" "$commit" > run/release
old=$(cat run/pid)
kill -TERM "$old"
for _ in $(seq 1 100); do
  new=$(cat run/pid)
  if [ "$new" != "$old" ] && kill -0 "$new" 2>/dev/null; then
    echo "[deploy] backend は $tag で稼働中です (pid $old → $new)"
    echo "[deploy] 完了"
    exit 0
  fi
  sleep 0.05
done
echo "[deploy] backend が起動しません" >&2
exit 1
"""

_STAND_IN = """\
#!/bin/sh
# Stand-in of the demo: it only tells a version.
case "$*" in
  {cases}
  *) echo "{name}: this is the demo's stand-in, it only tells its version" >&2; exit 1 ;;
esac
"""

_DOCKER_CASES = """\
--version) echo "Docker version 27.0.0, build pretend" ;;
  "compose version") echo "Docker Compose version v2.29.0" ;;"""

STAND_INS = {
    "docker": _STAND_IN.format(name="docker", cases=_DOCKER_CASES),
    "systemctl": _STAND_IN.format(name="systemctl", cases='--version) echo "systemd 252 (pretend)" ;;'),
}

"""The files of the pretend production's repository: documents, scripts, environment. Text only."""

REQUIRED = ("APP_ENV", "NOTION_API_KEY", "NOTION_DATABASE_ID", "OCTOBOT_URL", "OCTOBOT_API_KEY", "AAVE_RPC_URL",
            "AAVE_ACCOUNT", "LINE_CHANNEL_TOKEN", "SLACK_WEBHOOK_URL", "EMERGENCY_STOP_THRESHOLD")  # fmt: skip

ENVIRONMENT = """\
# Pretend production: nothing here is real.
APP_ENV=production
NOTION_API_KEY=pretend-notion-key-0001
NOTION_DATABASE_ID=00000000000000000000000000000001
OCTOBOT_URL=http://127.0.0.1:5001
OCTOBOT_API_KEY=pretend-octobot-key-0001
AAVE_RPC_URL=http://127.0.0.1:8545
AAVE_ACCOUNT=0x000000000000000000000000000000000000dEaD
LINE_CHANNEL_TOKEN=pretend-line-token-0001
SLACK_WEBHOOK_URL=http://127.0.0.1:9/pretend-slack
EMERGENCY_STOP_THRESHOLD=1.2
"""

_TABLE = "\n".join(f"| `{key}` | ○ |" for key in REQUIRED)

_RULES = """\
# 自動化ルール

- レスポンスタイム p95 500ms 以下
- エラー率 1% 以下
- Health Factor 1.5 以上
"""

_ROLLBACK = """\
# ロールバック手順

前のタグで `scripts/deploy_production_backend.sh` を実行する。
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

DOCUMENTS = {
    "README.md": "# Ultra AutoTrade (pretend)\n",
    ".gitignore": ".env.production\n/run/\n",
    "docs/08_automation_rules.md": _RULES,
    "docs/14_test_strategy.md": "# テスト戦略\n\n単体・結合・E2E テストを実施する。\n",
    "docs/15_rollback_procedures.md": _ROLLBACK,
    "docs/20_staging_release_checklist.md": "# staging リリースチェックリスト\n\n- [x] 全項目完了\n",
    "docs/21_production_environment_config.md": _CONFIG,
    "scripts/monitor.sh": _MONITOR,
    "app/version.txt": "v1.3.0\n",
}

DEPLOY_SCRIPT = """\
#!/usr/bin/env bash
# Deploys the backend of the pretend production: check the tag out, tell the backend, wait until it answers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tag=${1:?usage: deploy_production_backend.sh TAG}
echo "[deploy] $tag をデプロイします"
git -c advice.detachedHead=false checkout --quiet "$tag"
commit=$(git rev-parse HEAD)
echo "[deploy] checkout: $commit"
printf '%s %s\\n' "$tag" "$commit" > run/release
kill -HUP "$(cat run/pid)"
for _ in $(seq 1 100); do
  if grep -q "commit=$commit" run/backend.log; then
    echo "[deploy] backend は $tag で稼働中です"
    echo "[deploy] 完了"
    exit 0
  fi
  sleep 0.05
done
echo "[deploy] backend が応答しません" >&2
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

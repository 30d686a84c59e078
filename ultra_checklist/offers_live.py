"""The probes of what runs: processes, addresses, logs, messages, positions, jobs, metrics; as in `offers`."""

import re
from typing import Any

from ultra_checklist.case import COMMIT, Case, Probe, literal, number
from ultra_checklist.wording import Wording

SHORT_WATCH = 10 * 60
"""Seconds; what is watched for less is looked at more often."""
DAY_MINUTES = 1440.0
"""The longest time that `watch` takes."""
_HEALTHY = r"healthy|health ?check|ヘルスチェック"
_ANEW = r"restarted|recreated|new container|再起動(?:した|され|し)"
METRICS = (
    (r"error[ -]?rate|エラー率|エラーレート|5xx(?: rate)?|失敗率", "ERROR_RATE", "percent"),
    (r"latency|response[ -]?times?|レスポンスタイム|応答時間|レイテンシ|\bp9[59]\b", "LATENCY", "seconds"),
    (r"health[ -]?factor|ヘルスファクター", "HEALTH_FACTOR", "least"),
    (r"\bcpu\b", "CPU", "percent"),
    (r"\bmemory\b|メモリ", "MEMORY", "percent"),
)
"""Quantities: their words, what their variables are called, and how their limits are told."""


def running(case: Case) -> list[Probe]:
    """Containers or units are running; where the words leave open which, by variables of both."""
    words = case.words
    units = words.units
    containers = case.says(r"container|コンテナ|docker")
    names = [
        name
        for name in words.names(units)
        if name not in ("running", "active", "healthy", "docker", "systemd", "up")
    ]
    by_unit = case.says(r"systemd|systemctl|\bunits?\b|ユニット") or bool(units)
    uptime: dict[str, Any] = (
        {"no_restarts": True} if case.says(r"再起動(?:して|が)(?:い)?ない|no restart|not restart") else {}
    )
    if case.says(_ANEW) and not uptime:
        uptime = {"started_after_deploy": True}
    if containers and by_unit and not names and not units:
        return [
            ("docker", {"name": f"${{{case.noun}_CONTAINER}}", **uptime, "optional": True}),
            ("systemd", {"units": f"${{{case.noun}_UNIT}}", **uptime, "optional": True}),
        ]
    if containers and not by_unit:
        health = {"health": "required"} if case.says(_HEALTHY) else {}
        if not names and case.says(r"\ball\b|すべて|全(?:て|コンテナ)|compose"):
            return [("docker", {"project": "${COMPOSE_PROJECT}", **health, **uptime})]
        return [("docker", {"name": name, **health, **uptime}) for name in names or [f"${{{case.noun}_CONTAINER}}"]]
    if not units and not names and not by_unit:
        return []
    listed = [*units, *names] or [f"${{{case.noun}_UNIT}}"]
    enabled = {"enabled": True} if case.says(r"\benabled\b|自動起動") else {}
    return [("systemd", {"units": listed[0] if len(listed) == 1 else listed, **enabled, **uptime})]


def answers(case: Case) -> list[Probe]:
    """An address answers, with the commit, the status and the time that the words name."""
    options: dict[str, Any] = {}
    status = re.search(
        r"(?:status(?: code)?|ステータス(?:コード)?|が|^|\s)\s*([2-5]\d\d)\b(?!\s?(?:ms|ミリ))",
        case.words.said,
        re.ASCII,
    )
    if status is not None and status[1] != "200":
        options["status"] = int(status[1])
    if case.says(r"commit|コミット|ハッシュ"):
        options["commit"] = COMMIT
    elif case.says(r"version\b(?!`)|バージョン"):
        options["contains"] = case.default("VERSION_TEXT", "${VERSION}")
    limit = [seconds for seconds in case.words.seconds if seconds <= 60]
    if limit and case.says(r"within|under|below|less|faster|以内|以下|未満|<"):
        options["max_seconds"] = number(limit[0])
    return [("http", {"url": address} | options) for address in addresses(case)]


def addresses(case: Case) -> list[str]:
    """The addresses that a line names; a path alone stands behind a variable."""
    if case.words.urls:
        return [literal(url) for url in case.words.urls if "@" not in url]
    bare = re.findall(r"(?<!\S)/\w[\w./-]*", case.words.markdown)
    paths = [*(span.removeprefix("GET ").strip() for span in case.words.code), *bare]
    paths = [
        path
        for path in paths
        if re.fullmatch(r"/[\w./-]*", path) and path not in case.words.files_like(".log", ".env")
    ]
    return [f"${{{case.noun}_URL}}{path}" for path in paths] or [f"${{{case.noun}_URL}}"]


def certificate(case: Case) -> list[Probe]:
    """The certificate is valid for a while."""
    days = [seconds / 86400 for seconds in case.words.seconds if seconds >= 86400]
    return [("http", {"url": address, "tls_days": int(days[0]) if days else 14}) for address in addresses(case)]


def quiet_log(case: Case) -> list[Probe]:
    """A log without exceptions and errors."""
    containers = case.words.names() if case.says(r"container|コンテナ|docker") else ()
    units = tuple(name for name in case.words.units if name.endswith(".service"))
    options: dict[str, Any] = {"file": f"${{{case.noun}_LOG}}"}
    if logs := [path for path in case.words.files if path.endswith(".log")]:
        return [("log", {"file": literal(path)}) for path in logs]
    if containers:
        options = {"container": containers[0]}
    elif units or case.says(r"journal"):
        options = {"unit": units[0] if units else f"${{{case.noun}_UNIT}}"}
    return [("log", options)]


def messages(case: Case) -> list[Probe]:
    """A test message through each channel that is named."""
    found: list[Probe] = []
    if case.says("slack"):
        found.append(("slack", {"url": "${SLACK_WEBHOOK_URL}"}))
    if re.search(r"(?<![A-Za-z])LINE(?![A-Za-z])", case.words.markdown):
        found.append(("line", {"token": "${LINE_CHANNEL_TOKEN}", "to": "${LINE_TO}"}))
    if case.says(r"webhook") and not case.says(r"slack (?:incoming )?webhook"):
        found.append(("webhook", {"url": "${WEBHOOK_URL}"}))
    return found


def notion_flow(_case: Case) -> list[Probe]:
    """One record through Notion and the backend."""
    where = {"token": "${FLOW_TOKEN}", "data_source": "${FLOW_SOURCE}"}
    return [("notion-flow", where | {"property": "${FLOW_PROPERTY}", "value": "${FLOW_VALUE}"})]


def octobot(case: Case) -> list[Probe]:
    """OctoBot is alive, and has traded what it may."""
    options: dict[str, Any] = {"url": "${OCTOBOT_URL}"}
    if case.says(r"trade|トレード|取引|order|注文|シグナル"):
        options |= {"pairs": "${TRADE_PAIRS}", "max_trades": "${MAX_TRADES}"}
    return [("octobot", options)]


def trades(case: Case) -> list[Probe]:
    """Nothing was traded that may not be, where the document is about an OctoBot."""
    return octobot(case) if "octobot" in case.mentions else []


def _position(least: Any) -> Probe:
    market = {"rpc": "${AAVE_RPC_URL}", "provider": "${AAVE_PROVIDER}", "account": "${AAVE_ACCOUNT}"}
    limits = {"chain_id": "${AAVE_CHAIN_ID}", "min_health_factor": least, "min_collateral": "${MIN_COLLATERAL}"}
    return "aave", market | limits


def aave(case: Case) -> list[Probe]:
    """A position on Aave."""
    named = re.search(r"(?:health factor|ヘルスファクター)[^\d]{0,12}(\d+(?:\.\d+)?)", case.words.said)
    return [_position(number(float(named[1])) if named is not None else "${MIN_HEALTH_FACTOR}")]


def integrations(case: Case) -> list[Probe]:
    """The trading side answers: each of the two that is named."""
    found = octobot(case) if case.says("octobot") else []
    return [*found, _position(1.0)] if case.says("aave") else found


def wallet(_case: Case) -> list[Probe]:
    """What a wallet has sent."""
    options = {"rpc": "${AAVE_RPC_URL}", "account": "${WALLET}", "chain_id": "${AAVE_CHAIN_ID}"}
    return [("wallet", options | {"max_transactions": "${MAX_TRANSACTIONS}"})]


def emergency_stop(case: Case) -> list[Probe]:
    """A flag and its events agree."""
    metric = next((name for name in case.words.code if re.fullmatch(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", name)), "")
    named = {"metric": metric} if metric and metric != "emergency_stop_flag" else {}
    return [("events", {"metrics": "${METRICS_URL}", "events": "${EVENTS_URL}"} | named)]


def jobs(case: Case) -> list[Probe]:
    """Jobs of cron or systemd ran when they were due; one probe a job."""
    timers = [name for name in case.words.units if name.endswith(".timer")]
    if timers:
        return [("schedule", {"timer": name}) for name in timers]
    scripts = case.words.scripts
    calls = [span for span in case.words.code if scripts and span.startswith(scripts)]
    found: list[Probe] = []
    for number_, call in enumerate(calls):
        names = re.findall(r"[A-Za-z0-9]+", call.rpartition("/")[2].replace(".sh", " ").replace(".py", " "))
        stem = "_".join(names).upper() or f"JOB_{number_ + 1}"
        stem = stem if stem[0].isalpha() else f"JOB_{stem}"
        cron = case.words.crons[0] if len(case.words.crons) == 1 else f"${{{stem}_CRON}}"
        job = re.escape(call.rpartition("/")[2]).replace(r"\ ", " ").replace(r"\-", "-")
        options = {"cron": cron, "crontab": case.default("CRONTAB", "-"), "job": literal(job)}
        found.append(("schedule", options | {"timezone": case.timezone, "log": f"${{{stem}_LOG}}"}))
    return found


def watched(case: Case) -> list[Probe]:
    """Addresses, and alerts where the words name them, for the time that is named."""
    long = [seconds / 60 for seconds in case.words.seconds if seconds >= 60]
    minutes: Any = number(min(long[0], DAY_MINUTES)) if long else case.default("WATCH_MINUTES", "60")
    every = 60 if not long or long[0] * 60 >= SHORT_WATCH else 10
    alerts = case.says(r"alert|アラート|警報")
    found: list[Probe] = []
    if long:
        found.append(("watch", {"urls": addresses(case), "minutes": minutes, "every": every}))
    if alerts:
        options = {"alertmanager": "${ALERTMANAGER_URL}", "minutes": minutes, "every": every}
        found.append(("watch", options | ({"optional": True} if long else {})))
    return found


def metrics(case: Case) -> list[Probe]:
    """Quantities within limits: those that the words name; without one by a variable."""
    rules = [
        {"expr": f"${{{name}_EXPR}}"} | _limit(case, pattern, name, kind)
        for pattern, name, kind in METRICS
        if case.says(pattern)
    ]
    return [("metrics", {"prometheus": "${PROMETHEUS_URL}", "rules": rules})] if rules else []


def _limit(case: Case, pattern: str, name: str, kind: str) -> dict[str, Any]:
    """The limit that stands behind a quantity's name, before the next one's."""
    match = re.search(pattern, case.words.said, re.ASCII)
    rest = case.words.said[match.end() :] if match is not None else ""
    stop = min(
        (
            found.start()
            for other, _, _ in METRICS
            if other != pattern and (found := re.search(other, rest, re.ASCII))
        ),
        default=len(rest),
    )
    near = Wording(rest[:stop])
    if kind == "least":
        found = re.search(r"\d+(?:\.\d+)?", rest[:stop])
        return {"min": number(float(found[0])) if found is not None else f"${{MIN_{name}}}"}
    if kind == "percent" and near.percents:
        return {"max": number(near.percents[0] / 100)}
    if kind == "seconds" and near.seconds and near.seconds[0] <= 60:
        return {"max": number(near.seconds[0])}
    return {"max": f"${{MAX_{name}}}"}


def disk(case: Case) -> list[Probe]:
    """Free space, by the monitoring plugin that every distribution has."""
    if not case.words.percents:
        return []
    limit = f"{case.words.percents[0]:g}%"
    plugin = case.default("CHECK_DISK", "/usr/lib/nagios/plugins/check_disk")
    place = next((span for span in case.words.code if span.startswith("/")), "/")
    return [("nagios", {"run": [plugin, "-w", limit, "-c", limit, "-p", literal(place)]})]


def harmless(case: Case) -> list[Probe]:
    """A command that only looks, and says by its exit code what it saw."""
    known = (
        r"(?:sudo )?(nginx -t|apachectl configtest|sshd -t|docker compose config -q|alembic check|"
        r"python3? manage\.py (?:check --deploy|migrate --check))"
    )
    found = [match[1] for span in case.words.code if (match := re.fullmatch(known, span)) is not None]
    return [("command", {"run": call.split(), "timeout": 60}) for call in found]

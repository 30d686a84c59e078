"""The probes that a line of a checklist could mean, with their options from its words; one function a meaning.

What the words do not give is a variable. A function that misses what it cannot do without offers nothing.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from ultra_checklist.redact import is_secret_name
from ultra_checklist.wording import Wording

Probe = tuple[str, dict[str, Any]]
HERE, COMMIT = "${DEPLOY_DIR}", "${COMMIT}"
SHORT_WATCH = 10 * 60
"""Seconds; what is watched for less is looked at more often."""
DAY_MINUTES = 1440.0
"""The longest time that `watch` takes."""
_NOUNS = (
    (r"backend|バックエンド", "BACKEND"), (r"frontend|front-end|フロントエンド", "FRONTEND"),
    (r"web ?site|web ?サイト|home ?page|top ?page|トップページ|ホームページ", "SITE"), (r"worker|ワーカー", "WORKER"),
)  # fmt: skip
_HEALTHY = r"healthy|health ?check|ヘルスチェック"
_ANEW = r"restarted|recreated|new container|再起動(?:した|され|し)"
METRICS = (
    (r"error[ -]?rate|エラー率|エラーレート|5xx(?: rate)?|失敗率", "ERROR_RATE", "percent"),
    (r"latency|response[ -]?times?|レスポンスタイム|応答時間|レイテンシ|\bp9[59]\b", "LATENCY", "seconds"),
    (r"health[ -]?factor|ヘルスファクター", "HEALTH_FACTOR", "least"),
    (r"\bcpu\b", "CPU", "percent"), (r"\bmemory\b|メモリ", "MEMORY", "percent"),
)  # fmt: skip
"""Quantities: their words, what their variables are called, and how their limits are told."""


@dataclass(frozen=True)
class Case:
    """A line, and what the document around it says."""

    words: Wording
    where: str = ""
    """The words around it: headings, and the lines that it is nested in."""
    environment_files: tuple[str, ...] = ()
    """Those that the document names."""
    mentions: str = ""
    """All words of the document."""
    deploy: str = ""
    """The id of the line that deploys by a run that is on record; empty: there is none."""
    timezone: str = "UTC"
    defaults: dict[str, str] = field(default_factory=dict)
    """Defaults for variables that were offered, to be filled in by the offers."""

    def says(self, pattern: str) -> bool:
        """Whether the line has such words."""
        return re.search(pattern, self.words.said, re.ASCII) is not None

    def default(self, name: str, value: str) -> str:
        """A reference to a variable that has a default."""
        self.defaults[name] = value
        return f"${{{name}}}"

    @property
    def noun(self) -> str:
        """What the line speaks of, as a part of a variable's name."""
        for pattern, name in _NOUNS:
            if self.says(pattern):
                return name
        return "BACKEND" if re.search(_NOUNS[0][0], self.mentions) else "SERVICE"

    @property
    def environment_file(self) -> str:
        """The environment file that is meant: the line's, that of the words around it, the document's only one."""
        around = Wording(self.where).environment_files
        for files in (self.words.environment_files, around, self.environment_files):
            if len(files) == 1 or (files and files is not self.environment_files):
                return self.default("ENV_FILE", literal(files[0]))
        return "${ENV_FILE}"


def literal(text: str) -> str:
    """A text of the document's, in which a dollar sign is one."""
    return text.replace("$", "$$")


def file_there(case: Case) -> list[Probe]:
    """Files exist, or are gone."""
    gone = case.says(r"not exist|存在しない|削除され|removed|deleted|no longer|残っていない|is gone|are gone|absent")
    paths = [path for path in case.words.files if "*" not in path]
    return [("file", _at(case, path) | ({"exists": False} if gone else _filled(path))) for path in paths]


def _at(case: Case, path: str) -> dict[str, Any]:
    return {"path": case.environment_file if path in case.words.environment_files[:1] else literal(path)}


def _filled(path: str) -> dict[str, Any]:
    return {"type": "directory"} if path.endswith("/") else {"min_size": 1}


def file_mode(case: Case) -> list[Probe]:
    """A file's permission bits, and whose it is."""
    mode = case.words.mode
    if not mode and case.says(r"owner|所有者|alone|本人|のみ"):
        mode = "0600"
    paths = [path for path in case.words.files if "*" not in path]
    known = len(case.environment_files) == 1 or Wording(case.where).environment_files
    if not paths and (known or case.says(r"環境ファイル|env(?:ironment)? file")):
        paths = [""]
    if not mode or not paths:
        return []
    owner = re.search(r"(?:belongs? to|owned by|owner(?: is|:)?|所有者は?)\s*([a-z_][a-z0-9_-]*)", case.words.said)
    options: dict[str, Any] = {"mode": mode}
    if owner is not None and owner[1] not in ("is", "the", "its", "only", "and"):
        options["owner"] = owner[1]
    return [("file", (_at(case, path) if path else {"path": case.environment_file}) | options) for path in paths]


def version_in_file(case: Case) -> list[Probe]:
    """A file names the version that is released."""
    version = case.default("VERSION_TEXT", "${VERSION}")
    return [("file", {"path": literal(path), "contains": version}) for path in case.words.files[:1]]


def pairs(case: Case) -> list[Probe]:
    """Keys have their values; of a secret only that it is there."""
    plain = {key: literal(value) for key, value in case.words.pairs if not is_secret_name(key)}
    there = [key for key, _ in case.words.pairs if is_secret_name(key)]
    options = {name: value for name, value in (("equals", plain), ("required", there)) if value}
    return [("dotenv", {"path": case.environment_file} | options)] if options else []


def keys(case: Case) -> list[Probe]:
    """Keys are filled in, or are not there, or are switched off."""
    named = list(case.words.keys)
    if not named:
        return []
    if case.says(r"not set|unset|removed|削除|設定されていない|未設定|存在しない|absent"):
        asked: dict[str, Any] = {"forbidden": named}
    elif case.says(r"\boff\b|disabled|\bfalse\b|無効|オフ"):
        asked = {"match": dict.fromkeys(named, "(?i)(0|false|off|no)")}
    else:
        asked = {"required": named}
    return [("dotenv", {"path": case.environment_file} | asked)]


def keys_of_document(case: Case) -> list[Probe]:
    """All keys that a document lists are filled in."""
    documents = case.words.documents
    source = case.default("CONFIG_DOC", literal(documents[0])) if documents else "${CONFIG_DOC}"
    return [("dotenv", {"path": case.environment_file, "required_in": source})]


def production_urls(case: Case) -> list[Probe]:
    """No address in the environment file is one of a test system."""
    return [("dotenv", {"path": case.environment_file, "urls": {}})]


def nothing_of_staging(case: Case) -> list[Probe]:
    """No value of staging's stands in the environment file."""
    return [("dotenv", {"path": case.environment_file, "fingerprints": "${STAGING_FINGERPRINTS}"})]


def staging_complete(case: Case) -> list[Probe]:
    """The other checklist of this commit is complete; it may have to have been so for a while."""
    options: dict[str, Any] = {"source": "${STAGING_RELEASE}", "commit": COMMIT, "environment": "staging"}
    if case.says(r"stabl|安定|soak"):
        seconds = case.words.seconds
        options["stable_for"] = number(seconds[0]) if seconds else case.default("STAGING_SECONDS", "86400")
    return [("release", options)]


def tests(_case: Case) -> list[Probe]:
    """The tests of this commit have passed."""
    return [("junit", {"path": "${JUNIT_DIR}", "commit": COMMIT})]


def clean(_case: Case) -> list[Probe]:
    """The checkout has no local change."""
    return [("git", {"path": HERE, "clean": True})]


def ref(case: Case) -> list[Probe]:
    """The tag or branch names the commit; signed, or at the remote, where the words say so."""
    name = case.default("RELEASE_REF", "${VERSION}")
    options: dict[str, Any] = {"path": HERE, "ref": name, "commit": COMMIT}
    if case.says(r"\bsigned|署名"):
        options["signed"] = True
    found: list[Probe] = [("git", options)]
    if case.says(r"\bpushed|remote|origin|リモート|プッシュ|push済"):
        found.append(("git", {"path": HERE, "ref": name, "remote": case.default("GIT_REMOTE", "origin")}))
    return found


def head(_case: Case) -> list[Probe]:
    """The checkout stands at the commit."""
    return [("git", {"path": HERE, "head": True, "commit": COMMIT})]


def file_current(case: Case) -> list[Probe]:
    """Files are as the commit has them; of a script also that it can be run."""
    found: list[Probe] = []
    for path in case.words.files:
        if "*" in path or path in case.words.environment_files or path.startswith(("/", "~")):
            continue
        options: dict[str, Any] = {"path": HERE, "file": literal(path.removeprefix("./")), "commit": COMMIT}
        if path in case.words.scripts:
            options["executable"] = True
        if path.endswith((".sh", ".bash")):
            options["syntax"] = True
        found.append(("git", options))
    return found


def rollback_document(case: Case) -> list[Probe]:
    """The document of the way back is there, as the commit has it."""
    if not case.words.documents:
        return []
    path = case.default("ROLLBACK_DOC", literal(case.words.documents[0]))
    return [("file", {"path": path, "min_size": 1}), ("git", {"path": HERE, "file": path, "commit": COMMIT})]


def tools(case: Case) -> list[Probe]:
    """Programs are installed, and new enough."""
    return [("tool", {"name": name} | ({"min": least} if least else {})) for name, least in case.words.tools]


def deployed(case: Case) -> list[Probe]:
    """The deploy was run, and ended well. Without a script that is named it is a person's word."""
    script = next(iter(case.words.scripts), "").removeprefix("./")
    if not script:
        return []
    return [("run", {"script": case.default("DEPLOY_SCRIPT", literal(script)), "pinned": True})]


def deploy_log(case: Case) -> list[Probe]:
    """The log of the deploy is in the evidence store."""
    return [("run", {"item": case.deploy, "log": True})] if case.deploy else []


def rolled_back(_case: Case) -> list[Probe]:
    """The way back was gone, to the last good commit."""
    return [("run", {"last_good": True, "log": True})]


def started_on_record(_case: Case) -> list[Probe]:
    """Who begins, and when, was written down before the deploy."""
    return [("record", {"before_deploy": True})]


def logs_on_record(_case: Case) -> list[Probe]:
    """The logs of all runs are kept."""
    return [("record", {"logs": True})]


def release_on_record(_case: Case) -> list[Probe]:
    """Who worked on the release, and its commit."""
    return [("record", {"operators": True, "commit": True})]


def running(case: Case) -> list[Probe]:
    """Containers or units are running; where the words leave open which, by variables of both."""
    words = case.words
    units = [name for name in words.code if re.fullmatch(r"[\w@.-]+\.(?:service|timer|socket)", name)]
    containers = case.says(r"container|コンテナ|docker")
    names = [name for name in words.names(units) if name not in ("running", "active", "healthy", "docker", "systemd", "up")]
    by_unit = case.says(r"systemd|systemctl|\bunits?\b|ユニット") or bool(units)
    uptime: dict[str, Any] = {"no_restarts": True} if case.says(r"再起動(?:して|が)(?:い)?ない|no restart|not restart") else {}
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
    status = re.search(r"(?:http[ /]?(?:status)?|status(?: code)?|answers?|returns?|responds? with|ステータス(?:コード)?|\bが|^|\s)\s*(?:with )?\b([2-5]\d\d)\b", case.words.said)
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
    paths = [path for path in paths if re.fullmatch(r"/[\w./-]*", path) and path not in case.words.files_like(".log", ".env")]
    return [f"${{{case.noun}_URL}}{path}" for path in paths] or [f"${{{case.noun}_URL}}"]


def certificate(case: Case) -> list[Probe]:
    """The certificate is valid for a while."""
    days = [seconds / 86400 for seconds in case.words.seconds if seconds >= 86400]
    return [("http", {"url": address, "tls_days": int(days[0]) if days else 14}) for address in addresses(case)]


def quiet_log(case: Case) -> list[Probe]:
    """A log without exceptions and errors."""
    containers = case.words.names() if case.says(r"container|コンテナ|docker") else ()
    units = tuple(name for name in case.words.code if name.endswith(".service"))
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
    timers = [name for name in case.words.code if name.endswith(".timer")]
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
    match = re.search(pattern, case.words.said)
    rest = case.words.said[match.end() :] if match is not None else ""
    stop = min((found.start() for other, _, _ in METRICS if other != pattern and (found := re.search(other, rest))), default=len(rest))
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


def number(value: float) -> int | float:
    """Without a point where none is needed."""
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded

"""From a team's own checklist to a template: what its words mean, what stays, and what nobody should propose."""

import difflib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.generated import ROOT
from ultra_checklist.errors import TemplateError, UsageError
from ultra_checklist.suggest import Suggested, suggest
from ultra_checklist.template import load, parse

DOCUMENTS = ROOT / "tests" / "cases" / "documents"
SEED = DOCUMENTS / "22_production_release_checklist.md"
TEMPLATES = sorted((ROOT / "templates").glob("*.md"))


def proposed(text: str) -> Suggested:
    return suggest(text, path="d.md", stem="d", name="d.md")


def of(document: Path) -> Suggested:
    return suggest(document.read_bytes().decode(), path=str(document), stem=document.stem, name=document.name)


def families(found: Suggested) -> list[str]:
    return [" ".join(one.families) for one in found.suggestions]


def test_the_production_checklist_gets_the_families_that_its_template_binds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bound = [
        [spec.probe for spec in item.probes] for item in load(ROOT / "templates" / "production_release.md").items
    ]
    found = [one.families for one in of(SEED).suggestions]
    assert len(bound) == len(found) == 35
    decidable = [(want, got) for want, got in zip(bound, found, strict=True) if want]
    right = [want[0] in got and set(got) <= set(want) for want, got in decidable]
    with capsys.disabled():
        sys.stdout.write(
            f"\nsuggest: {sum(right)} of {len(right)} decidable lines as bound ({sum(right) / len(right):.0%})\n"
        )
    assert sum(right) >= 0.9 * len(right)
    assert [got for want, got in zip(bound, found, strict=True) if not want] == [()] * (35 - len(decidable))


OTHERS = {
    "shop_release.md": [
        "", "junit", "git", "file", "",
        "file", "dotenv", "dotenv", "dotenv", "git", "tool", "http", "",
        "run", "docker", "systemd",
        "http", "http", "", "log", "slack",
        "watch", "metrics", "schedule", "", "run",
        "record", "",
    ],
    "mobile_backend_release.md": [
        "", "junit", "release", "git", "", "",
        "file", "file", "dotenv", "dotenv", "dotenv", "http", "tool", "git",
        "", "run", "run", "docker", "systemd",
        "http", "http", "", "log", "slack", "watch", "metrics", "schedule",
        "", "run",
        "record", "",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_checklists_get_what_their_lines_say(name: str) -> None:
    assert families(of(DOCUMENTS / name)) == OTHERS[name]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_that_is_complete_gets_nothing(template: Path) -> None:
    assert of(template).suggestions == ()
    assert of(template).diff == ""


@pytest.mark.parametrize("document", [SEED, *(DOCUMENTS / name for name in OTHERS)], ids=lambda path: path.stem)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("program", ["patch", "git"])
def test_the_diff_can_be_applied_and_twice_is_once(
    document: Path, ending: str, mark: str, program: str, tmp_path: Path
) -> None:
    text = mark + document.read_text(encoding="utf-8").rstrip("\n").replace("\n", ending)
    (tmp_path / "d.md").write_bytes(text.encode())
    found = proposed(text)
    (tmp_path / "d.diff").write_bytes(found.diff.encode())
    call = ["patch", "-p1", "--binary", "-i", "d.diff"] if program == "patch" else ["git", "apply", "d.diff"]
    subprocess.run(call, cwd=tmp_path, check=True, capture_output=True)
    changed = (tmp_path / "d.md").read_bytes().decode()
    assert changed == found.text
    assert len(load(tmp_path / "d.md").items) == len(found.suggestions)
    assert proposed(changed).suggestions == ()
    # Every line of the document is still there, in its order.
    kept = [
        line
        for line in difflib.ndiff(
            text.removeprefix("\ufeff").split(ending), changed.removeprefix("\ufeff").split(ending)
        )
        if line.startswith("- ")
    ]
    assert kept == []


HOLDS_FOR_PEOPLE = """\
Enable monitoring for the new endpoint
Deploy window agreed
Update the runbook
Error pages return proper status 404
Old containers are removed
Docker image is built and pushed to the registry
Alerts are configured for latency
Load test passed at 500 rps
Rate limit on `/api/login` is set to 10/min
Node.js 20 runtime documented
The role has permission to read the bucket
Kubernetes pods are healthy
Users can log in without errors
Announce the release in #general on Slack
Signing certificate for iOS is valid
Customers with API keys are informed about the API change
Rollback was tested on staging
Watch crash rate in Firebase for 24 hours
If needed, the tests pass again
Database backup taken
テスト用アカウントを削除した
ログインページのデザインを確認した
監視項目を見直した
負荷テストに合格した
本番用ドメインを取得した
Slack で関係者に通知した
ロールバック手順を訓練した
リリースノートのレビューが終わっている
サービス一覧ページを更新した
手動テストが完了している
"""


@pytest.mark.parametrize("line", HOLDS_FOR_PEOPLE.splitlines())
def test_what_only_people_know_gets_an_id_alone(line: str) -> None:
    found = proposed(f"## Now\n- [ ] {line}\n- [ ] Deploy with `deploy.sh`\n")
    assert families(found) == ["", "run"]
    assert found.suggestions[0].id


LINES = [
    ("`/etc/app.env` has mode 600", "file", {"path": "${ENV_FILE}", "mode": "0600"}),
    ("`logs/` exists", "file", {"path": "logs/", "type": "directory"}),
    ("`maintenance.html.md` is removed", "file", {"path": "maintenance.html.md", "exists": False}),
    ("`PRICE=5$` is set", "dotenv", {"path": "${ENV_FILE}", "equals": {"PRICE": "5$$"}}),
    ("`API_TOKEN=abc` is set", "dotenv", {"path": "${ENV_FILE}", "required": ["API_TOKEN"]}),
    ("`DEBUG` is off", "dotenv", {"path": "${ENV_FILE}", "match": {"DEBUG": "(?i)(0|false|off|no)"}}),
    ("`LEGACY_MODE` is removed", "dotenv", {"path": "${ENV_FILE}", "forbidden": ["LEGACY_MODE"]}),
    ("`docker` 24+ is installed", "tool", {"name": "docker", "min": "24"}),
    ("`https://a.example/up` returns status 204 within 300 ms", "http", {"url": "https://a.example/up", "status": 204, "max_seconds": 0.3}),
    ("証明書の有効期限が30日以上ある", "http", {"url": "${SERVICE_URL}", "tls_days": 30}),
    ("1〜2時間、監視する", "watch", {"urls": ["${SERVICE_URL}"], "minutes": 60, "every": 60}),
    ("No alerts are firing", "watch", {"alertmanager": "${ALERTMANAGER_URL}", "minutes": "${WATCH_MINUTES}", "every": 60}),
    ("`web` コンテナが healthy", "docker", {"name": "web", "health": "required"}),
    ("systemd unit `web.service` is active and enabled", "systemd", {"units": "web.service", "enabled": True}),
    ("No errors in the journal of `web.service`", "log", {"unit": "web.service"}),
    ("nginx config is valid (`nginx -t`)", "command", {"run": ["nginx", "-t"], "timeout": 60}),
    ("20% disk space is free on `/var`", "nagios", {"run": ["${CHECK_DISK}", "-w", "20%", "-c", "20%", "-p", "/var"]}),
    ("The timer `tidy.timer` ran on schedule", "schedule", {"timer": "tidy.timer"}),
    ("Docker（バージョン 24 以上）がインストールされている", "tool", {"name": "docker", "min": "24"}),
    ("nginx.service が起動している", "systemd", {"units": "nginx.service"}),
    ("CPU使用率が80%以下", "metrics", {"prometheus": "${PROMETHEUS_URL}", "rules": [{"expr": "${CPU_EXPR}", "max": 0.8}]}),
    ("/etc/app/.env の権限が 600、所有者が app", "file", {"path": "${ENV_FILE}", "mode": "0600", "owner": "app"}),
    ("LINE にテスト通知を送った", "line", {"token": "${LINE_CHANNEL_TOKEN}", "to": "${LINE_TO}"}),
    ("Error rate below 0.5%", "metrics", {"prometheus": "${PROMETHEUS_URL}", "rules": [{"expr": "${ERROR_RATE_EXPR}", "max": 0.005}]}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "family", "options"), LINES, ids=[line for line, _, _ in LINES])
def test_options_come_from_the_words(line: str, family: str, options: dict[str, object]) -> None:
    found = proposed(f"## Now\n- [ ] {line}\n- [ ] Deploy with `deploy.sh`\n")
    assert found.suggestions[0].probes == ((family, options),)


def test_what_is_bound_already_stays_and_new_lines_join_it() -> None:
    text = (
        "---\ncalled: x\nchecklist: try\nvars:\n    DEPLOY_DIR: {help: x}\n---\n## A\n- [ ] `git` is installed\n  ```yaml check\n  id: tools\n  ```\n"
        "- [ ] `git` and `jq` are installed\n- [ ] mode of `.env` is 600\n  ```yaml check\n  required: false\n  ```\n"
    ).replace("called: x\n", "")
    found = proposed(text)
    tools, mode = found.suggestions
    assert (tools.id, mode.id) == ("tools-git", "env-mode")
    items = parse(found.text, path="d.md").items
    assert [(item.id, [spec.probe for spec in item.probes], item.required) for item in items] == [
        ("tools", [], True), ("tools-git", ["tool", "tool"], True), ("env-mode", ["file"], False),
    ]  # fmt: skip
    assert "    ENV_FILE: {default: .env" in found.text
    assert found.text.count("yaml section") == 0
    assert proposed(found.text).suggestions == ()


def test_release_time_follows_headings_and_the_line_that_deploys() -> None:
    text = (
        "# T\n## Before\n- [ ] Tests pass\n## Settings\n- [ ] `.env` exists\n## Deploy\n- [ ] Operator and start time are recorded before we begin\n"
        "- [ ] Run `scripts/deploy.sh`\n- [ ] The deploy's log is saved\n## Smoke\n- [ ] `/health` answers 200\n\n**If it fails**\n\n- [ ] Roll back and verify\n"
    )
    template = parse(proposed(text).text, path="d.md")
    time = {item.id: (item.until_deploy, item.after_deploy, item.deploys) for item in template.items}
    assert time == {
        "tests": (True, False, False), "env-present": (False, False, False), "operator-recorded": (False, False, False),
        "deploy-script": (False, False, True), "deploy-log": (False, True, False), "health": (False, True, False),
        "rollback-done": (False, True, False),
    }  # fmt: skip
    back = template.item("rollback-done")
    assert back is not None
    assert back.when is not None
    assert back.when.failed == ("smoke",)
    assert (template.gates[0].sections, template.gates[0].guards) == (("before", "settings"), ("deploy-script",))


def test_a_rollback_is_looked_for_only_where_a_failure_opens_it() -> None:
    deploy = "## Out\n- [ ] `release.sh` を実行した\n"
    after = "## Verify\n- [ ] `/up` answers 200\n- [ ] If the error rate is high, roll back\n"
    opened = proposed(deploy + after).suggestions[-1]
    assert (opened.families, opened.keys["when"]) == (("run",), {"failed": ["verify"]})
    alone = proposed("## Back\n- [ ] If the error rate is high, roll back\n" + deploy).suggestions[0]
    assert (alone.families, alone.confidence) == ((), "none")


def test_without_a_deploy_nothing_is_looked_at_since_then() -> None:
    found = proposed("## A\n- [ ] No errors in the log\n- [ ] Tests pass\n")
    assert families(found) == ["", "junit"]
    assert "lines 2" in found.remarks[0].en


SHAPES = {
    "no heading": ("- [ ] one\n- [ ] two\n", ["Checklist"], 2),
    "bullets without a box": ("# T\n- one\n- [T](#t)\n- group\n  - two\n  1. three\n", ["Checklist"], 3),
    "numbers and ticked boxes": ("# T\n## S\n1. [x] one\n2. [ ] two\n", ["S"], 2),
    "deeper headings": ("# T\n### A\n* [ ] one\n### B\n+ [ ] two\n", ["A", "B"], 2),
    "bold lines": ("**A**\n\n- [ ] one\n\n**B:**\n\n- [ ] two\n", ["A", "B"], 2),
    "nested, with prose below": ("## S\n- [ ] one\n\n  more\n  - [ ] two\n    - [ ] three\n- [ ] four\n", ["S"], 4),
    "front matter of something else": ("---\nname: x\n---\n## S\n- [ ] one\n", ["S"], 1),
    "in a quotation": ("## S\n> - [ ] one\n>   - [ ] two\n", ["S"], 2),
    "a list in a list": ("## S\n- - [ ] one\n- 1. [ ] two", ["S"], 2),
    "tabs": ("## S\n-\t[ ] one\n\t- [ ] two\n", ["S"], 2),
    "a heading of two lines": ("S\n---\n- [ ] one\n", ["S"], 1),
}


@pytest.mark.parametrize(("text", "sections", "count"), SHAPES.values(), ids=SHAPES)
def test_lists_of_every_shape_become_a_template(text: str, sections: list[str], count: int) -> None:
    found = proposed(text)
    template = parse(found.text, path="d.md")
    assert [section.title for section in template.sections if section.items] == sections
    assert [item.id for item in template.items] == [one.id for one in found.suggestions]
    assert len(template.items) == count
    assert proposed(found.text).suggestions == ()


WRONG = {
    "no list": ("# T\n\nprose\n", "no list"),
    "an item without text": ("## S\n- [ ] a\n- [ ]\n", r"d\.md:3: the item has no text"),
    "a lone CR": ("## S\r- [ ] a\r", "lone CR"),
    "a template's own mistake": ("---\nchecklist: t\nlangg: en\n---\n## S\n- [ ] a\n", r"d\.md:3: unknown key"),
    "variables in one line": ("---\nchecklist: t\nvars: {A: x}\n---\n## S\n- [ ] Tests pass\n", "line 3: `vars`"),
}


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_told(text: str, told: str) -> None:
    with pytest.raises((UsageError, TemplateError), match=told):
        proposed(text)


WORDS = st.sampled_from(
    [
        *HOLDS_FOR_PEOPLE.splitlines(),
        *(line for line, _, _ in LINES),
        "`a.sh`",
        "${X}",
        "$",
        "`${A}`",
        "ログ",
        "`",
        "**",
        "[a](b.md)",
        "600",
        "https://x.example/?a=$b",
        "\\",
        "`K=v`",
        "test",
        "tag",
    ]
)


@given(st.lists(st.lists(st.one_of(WORDS, st.text(st.characters(exclude_categories=["C"]), max_size=8)), min_size=1, max_size=4), min_size=1, max_size=5))  # fmt: skip
def test_whatever_stands_in_a_list_becomes_a_template(rows: list[list[str]]) -> None:
    text = "## S\n" + "".join(f"- [ ] x {' '.join(row)}\n" for row in rows)
    found = proposed(text)
    template = parse(found.text, path="d.md")
    assert [item.id for item in template.items] == [one.id for one in found.suggestions]
    assert proposed(found.text).suggestions == ()
    assert [line for line in found.text.split("\n") if line.startswith("- [ ]")] == text.split("\n")[1:-1]


def test_ids_are_the_same_every_time_and_say_something() -> None:
    ids = [one.id for one in of(SEED).suggestions]
    assert ids == [one.id for one in of(SEED).suggestions]
    assert [name for name in ids if re.search(r"\d$", name)] == []
    assert max(map(len, ids)) <= 40
    assert json.dumps(ids).isascii()

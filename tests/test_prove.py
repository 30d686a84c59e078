"""Every probe is able to fail: it fails on its twins, and one that could not is named."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests import families
from tests.shell import Shell
from ultra_checklist import plugins
from ultra_checklist.model import Item, Outcome, ProbeSpec, Section, Template, Verdict, Words
from ultra_checklist.origins import resolve
from ultra_checklist.placeholders import fill
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown
from ultra_checklist.proving import Proof, prove
from ultra_checklist.template import load
from ultra_checklist.template_files import shipped
from ultra_checklist.variables import Value, Variables

CASES = Path(__file__).parent / "probes" / "cases"
TEMPLATES = sorted(path for folder in shipped() for path in folder.glob("*.md"))
BUILT_IN = sorted(
    name for name, point in plugins.names(plugins.PROBES).items() if "ultra_checklist." in point.value
)
COMMIT = "0123456789abcdef" * 2 + "01234567"
MORE: dict[str, list[dict[str, Any]]] = {
    "command": [
        {"run": ["true"]},
        {"run": ["touch", "/nonexistent/it"], "exit": [0, 1], "stdout": "ok", "stderr_empty": True, "cwd": "/nonexistent"},
    ],
    "docker": [
        {"name": "a"},
        {"project": "p"},
        {
            "project": "p",
            "service": ["web", "db"],
            "count": 2,
            "health": "required",
            "image": f"sha256:{'a' * 64}",
            "commit": COMMIT,
            "env": {"A": "b"},
            "no_restarts": True,
            "started_after_deploy": True,
            "min_uptime": 60,
        },
        {"name": "a", "image": "backend:v1"},
    ],
    "dotenv": [
        {
            "path": ".env",
            "equals": {"APP_ENV": "it's \\ production"},
            "required": ["API_KEY"],
            "match": {"PORT": "[0-9]+"},
            "forbidden": ["LINE_NOTIFY_*", "X[ab]?"],
            "urls": {"hosts": ["*.example.jp"], "without": []},
        },
    ],
    "file": [
        {"path": "a", "exists": False},
        {"path": "a", "mode": "0777", "stricter": True, "owner": "root", "group": "wheel"},
        {"path": "a", "mode": "0700", "type": "directory", "safe_folder": True},
        {"path": "a", "type": "any", "contains": ".", "sha256": "a" * 64, "follow_symlinks": True, "min_size": 9},
    ],
    "git": [
        {"path": ".", "head": True, "commit": COMMIT, "branch": "main", "clean": True},
        {"path": ".", "file": "/etc/passwd", "commit": COMMIT[:7], "executable": True},
        {"path": ".", "file": "a/b.sh", "branch": "main", "remote": "origin"},
        {"path": ".", "ref": "v1", "commit": COMMIT, "signed": True, "signers": "keys", "remote": "origin"},
    ],
    "http": [
        {
            "url": "https://x.invalid/health",
            "status": [200, 500],
            "json": {"status.db": "up", "n": 3},
            "commit": "d" * 40,
            "changed": ["started"],
            "max_seconds": 0.5,
            "tls_days": 14,
            "repeat": 3,
        },
        {"url": "https://x.invalid/me", "bearer": "some-token-of-a-test", "json": {"id": "bot"}},
        {"url": "http://x.invalid", "contains": "^ok$", "method": "GET"},
    ],
    "log": [{"unit": "a.service", "consecutive": 1}, {"container": "a", "fatal_levels": [], "within": 0.001}],
    "metrics": [
        {
            "prometheus": "http://x.invalid",
            "rules": [
                {"metric": "a", "max": 0, "min": -1, "for": 60, "tolerate": 30},
                {"metric": "b_total", "increase_max": 5},
                {"expr": "c", "equals": 1e9},
            ],
        }
    ],
    "events": [
        {"metrics": "http://x.invalid", "events": "http://x.invalid", "tolerance": 3600, "max_gap": 1, "minutes": 240},
        {"prometheus": "http://x.invalid", "events": "http://x.invalid", "tolerance": 0, "minutes": 0.5},
    ],
    "record": [{"before_deploy": True, "operators": True, "commit": True, "logs": True}],
    "run": [{"script": "a.sh", "pinned": True, "log": True, "without": "ERROR", "last_good": True, "exit": [0, 1]}],
    "systemd": [
        {"units": ["a", "b.timer"], "enabled": True, "triggered_within": 60, "no_restarts": True, "min_uptime": 60},
        {"units": "c.socket", "started_after_deploy": True},
    ],
    "tool": [{"name": "docker compose", "min": "2.20", "group": "docker"}],
    "watch": [{"command": ["scripts/health.sh"], "minutes": 1, "lasting": 600}],
}  # fmt: skip
"""Good options besides those that are recorded as cases."""


def small(probe: str, *options: Mapping[str, Any]) -> Template:
    specs = tuple(ProbeSpec(probe=probe, options=one) for one in options)
    item = Item(id="x", title="x", section="s", line=1, order=1, probes=specs)
    return Template(name="t", title="t", sections=(Section(id="s", title="s", number="1", line=1, items=(item,)),))


def proofs(probe: str, *options: Mapping[str, Any], variables: Variables | None = None) -> tuple[Proof, ...]:
    return asyncio.run(prove(small(probe, *options), variables or Variables(), ())).items[0].proofs


def said(found: tuple[Proof, ...]) -> list[str]:
    """What did not fail, and why."""
    problems = [f"{dict(one.spec.options)}: {one.problem.en}" for one in found if one.problem is not None]
    return problems + [
        f"{dict(one.spec.options)}: {shown.what.en}: {shown.verdict}"
        for one in found
        for shown in one.shown
        if not shown.red
    ]


def recorded(family: str) -> list[dict[str, Any]]:
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((CASES / family).glob("*.json"))]
    return [case["options"] for case in cases if case["outcome"] == "pass"]


@pytest.mark.parametrize("path", TEMPLATES, ids=[path.stem for path in TEMPLATES])
def test_every_probe_of_the_templates_fails_on_its_twins(path: Path, tmp_path: Path) -> None:
    template = load(path)
    known = resolve(template, home=tmp_path, environment="Production", built_in={"ENVIRONMENT": "Production"})
    proved = asyncio.run(prove(template, known, ()))
    assert [problem for item in proved.items for problem in said(item.proofs)] == []
    assert proved.can_fail
    assert {item.result for item in proved.items} == {"can-fail", "manual"}
    for proof in (proof for item in proved.items for proof in item.proofs if proof.spec.probe != "metrics"):
        # Each twin fails for what is wrong with it, and not for what is wrong with another.
        reasons = [shown.verdict.reason for shown in proof.shown]
        assert len(reasons) == len(set(reasons)) or proof.spec.probe == "watch", (proof.spec, reasons)


@pytest.mark.parametrize("family", BUILT_IN)
def test_every_family_fails_on_its_twins(family: str) -> None:
    options = [*recorded(family), *MORE.get(family, [])]
    if family == "octobot":
        options = [one for one in options if len(one) > 1]
    assert options, "no good options are known"
    found = proofs(family, *options)
    assert said(found) == []
    assert all(proof.can_fail for proof in found)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("http", {"url": "http://x.invalid", "status": [200, 301, 404, 410, 418, 500, 503]}),
        ("http", {"url": "http://x.invalid", "contains": ""}),
        ("file", {"path": "a", "contains": ".*"}),
        ("command", {"run": ["true"], "exit": list(range(256))}),
        ("log", {"file": "a.log", "allow": ["."]}),
        ("dotenv", {"path": ".env", "urls": {"allow": ["*"]}}),
        ("tool", {"name": "git", "min": "0"}),
        ("git", {"path": ".", "ref": "HEAD"}),
        ("octobot", {"url": "http://x.invalid", "pairs": ["*"]}),
        ("octobot", {"url": "http://x.invalid"}),
    ],
)
def test_a_probe_that_cannot_fail_is_named(family: str, options: Mapping[str, Any]) -> None:
    (proof,) = proofs(family, options)
    assert not proof.can_fail
    assert said((proof,))


def test_without_a_twin_it_is_said_how_to_add_one() -> None:
    with families.installed():
        (proof,) = proofs("meter", {"path": "a"})
    assert not proof.can_fail
    assert proof.problem is not None
    assert "twins()" in proof.problem.en
    assert "twins()" in proof.problem.ja


class OddOptions(Options):
    how: str


class OddSeen(Observation):
    how: str


class OddProbe(Probe[OddOptions, OddSeen]):
    """Its twins do what its option says."""

    name: ClassVar[str] = "odd"
    summary: ClassVar[Words] = Words.same("a family of somebody else's")
    options_model: ClassVar[type[Options]] = OddOptions
    observation_model: ClassVar[type[Observation]] = OddSeen

    def twins(self) -> Iterator[Twin]:
        if self.options.how == "raises":
            raise RuntimeError("no twins today")
        if self.options.how == "empty":
            yield Twin(Words.same("neither"))
            return
        yield Twin(Words.same("a recorded one"), seen=OddSeen(how="bad"))
        yield Twin(Words.same("a staged one"), stage=self._stage)

    @asynccontextmanager
    async def _stage(self, folder: Path, context: Context) -> AsyncIterator[tuple[Probe[Any, Any], Context]]:
        assert list(folder.iterdir()) == []
        assert context.base_dir == folder
        if self.options.how == "no-stage":
            raise OSError("no space left")
        yield self, context

    async def observe(self, context: Context) -> OddSeen:  # noqa: ARG002 - the seam's
        if self.options.how == "hangs":
            await asyncio.sleep(3600)
        return OddSeen(how=self.options.how)

    def judge(self, seen: OddSeen) -> Verdict:
        words = Words.same("odd")
        if seen.how == "bad":
            return failed("bad", words, expected=words, seen=words, remedy=words)
        return unknown("blind", words) if seen.how == "blind" else passed("fine")


@pytest.fixture
def odd() -> Iterator[None]:
    known = plugins.names(plugins.PROBES)
    known["odd"] = EntryPoint("odd", f"{__name__}:OddProbe", plugins.PROBES)
    yield
    del known["odd"]


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    ("how", "outcomes"),
    [
        ("bad", [Outcome.FAIL, Outcome.FAIL]),
        ("blind", [Outcome.FAIL, Outcome.UNKNOWN]),
        ("fine", [Outcome.FAIL, Outcome.PASS]),
        ("no-stage", [Outcome.FAIL, Outcome.UNKNOWN]),
        ("empty", [Outcome.UNKNOWN]),
        ("raises", []),
    ],
)
def test_only_failing_on_all_twins_counts(how: str, outcomes: list[Outcome]) -> None:
    (proof,) = proofs("odd", {"how": how})
    assert [shown.verdict.outcome for shown in proof.shown] == outcomes
    assert proof.can_fail is (how == "bad")
    assert (proof.problem is not None) is (how == "raises")


@pytest.mark.usefixtures("odd")
def test_a_twin_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ultra_checklist.proving.GRACE", 0.0)
    (proof,) = proofs("odd", {"how": "hangs", "timeout": 0.05})
    assert [shown.red for shown in proof.shown] == [True, False]


def test_nothing_is_sent_and_nothing_real_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_self: object, _context: Context) -> Observation:
        raise AssertionError("a message went out")

    for family in ("slack", "line", "webhook", "notion-flow"):
        monkeypatch.setattr(plugins.load(plugins.PROBES, family), "observe", never)
    secret = "https://hooks.example.jp/services/T0/B0/aVerySecretTokenOfSlack"
    assert all(proof.can_fail for proof in proofs("slack", {"url": secret}))
    assert all(proof.can_fail for proof in proofs("webhook", {"url": secret}))
    trace = tmp_path / "trace"
    assert all(proof.can_fail for proof in proofs("command", {"run": ["touch", str(trace)]}))
    assert all(proof.can_fail for proof in proofs("nagios", {"run": ["touch", str(trace)]}))
    assert not trace.exists()


def test_placeholders_have_the_right_shape() -> None:
    template = load(next(path for path in TEMPLATES if path.stem == "production_release"))
    for spec in (spec for item in template.items for spec in item.probes):
        model = plugins.load(plugins.PROBES, spec.probe).options_model
        filled, stood = fill(spec, model, Variables())
        assert model.model_validate(filled)
        assert all(".invalid" in value for value in stood.values() if value.startswith("http"))


def test_values_that_are_set_are_used() -> None:
    variables = Variables(values={"MODE": Value(value="0640", origin="--var")})
    (proof,) = proofs("file", {"path": "${WHERE}", "mode": "${MODE}"}, variables=variables)
    (shown,) = [shown for shown in proof.shown if shown.verdict.reason == "mode"]
    assert (shown.verdict.expected.en, shown.verdict.seen.en) == ("0640", "0644")
    assert shown.replaced == ("path",)
    (proof,) = proofs("file", {"path": "a", "mode": "${MODE}"}, variables=Variables(values={"MODE": Value(value="rw", origin="--var")}))  # fmt: skip
    assert proof.problem is not None


def test_a_family_that_is_broken_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins.load(plugins.PROBES, "file"), "_mode", lambda *_: None)
    (proof,) = proofs("file", {"path": "a", "mode": "0600"})
    assert [shown.what.en for shown in proof.shown if not shown.red] == ["mode 0604"]


def test_secrets_are_not_told() -> None:
    value = "hunter2-of-production-0451"
    variables = Variables(values={"PASSWORD": Value(value=value, origin="environment", secret=True)})
    (proof,) = proofs("dotenv", {"path": ".env", "equals": {"WORD": "${PASSWORD}"}}, variables=variables)
    assert proof.can_fail
    assert value not in repr(proof.shown)


def test_the_example_of_the_guide_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "guide.md").read_text(encoding="utf-8")
    (source,) = [block for block in text.split("```") if block.startswith("python\n") and "(Probe[" in block]
    (tmp_path / "our_probes.py").write_text(source.removeprefix("python\n"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    known = plugins.names(plugins.PROBES)
    monkeypatch.setitem(known, "disk", EntryPoint("disk", "our_probes:DiskProbe", plugins.PROBES))
    (proof,) = proofs("disk", {"path": "${WHERE}", "free": "${BYTES}"})
    assert proof.can_fail, said((proof,))


WEAK = """---
checklist: weak
title: Weak
lang: en
vars:
  ADDRESS: {help: "An address"}
---
## 1. Now
```yaml section
id: now
```
- [ ] It answers
  ```yaml check
  id: answers
  probes:
    - http: {url: "${ADDRESS}", contains: ".*"}
  ```
- [ ] It is there
  ```yaml check
  id: there
  probes:
    - file: {path: "a"}
  ```
- [ ] A word
  ```yaml check
  id: word
  ```
"""


def test_the_command(shell: Shell) -> None:
    path = shell.folder / "weak.md"
    path.write_text(WEAK, encoding="utf-8")
    done = shell.run("prove", str(path))
    assert done.returncode == 1
    assert "✘ cannot fail     answers" in done.stdout
    assert "✘ http: another body → PASSES (as-expected)" in done.stdout
    assert "it stays green" in done.stdout
    assert "✔ file: no file → fails (missing)" in done.stdout
    assert "a person's word word" in done.stdout
    assert "placeholder stood for it: ADDRESS" in done.stdout

    data = json.loads(shell.ok("prove", str(path), "there", "word", "--format", "json"))
    assert [(item["id"], item["result"]) for item in data["items"]] == [("there", "can-fail"), ("word", "manual")]
    (probe,) = data["items"][0]["probes"]
    assert {(twin["outcome"], tuple(twin["replaced"])) for twin in probe["twins"]} == {("fail", ("path",))}
    assert "不合格にならない" in shell.run("prove", str(path), "answers", "--lang", "ja").stdout

    assert shell.run("prove", str(path), "ther").returncode == 2
    assert shell.run("prove", "no-such-template").returncode == 2
    assert shell.run("prove", str(path), "--var", "NOPE=1").returncode == 2


def test_the_production_checklist_can_be_trusted(shell: Shell) -> None:
    told = shell.ok("prove", "production_release")
    assert "✘" not in told
    assert "35 items = 32 can fail, 3 a person's word" in told

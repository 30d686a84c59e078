"""Recorded observations that are judged again: by the same options, by other thresholds, and never by a guess."""

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, item, template
from tests.sealed import close
from ultra_checklist import plugins
from ultra_checklist.bundle import FILE
from ultra_checklist.checked import Checked
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.model import Item, ProbeSpec
from ultra_checklist.probes.base import Probe
from ultra_checklist.replay import replay
from ultra_checklist.variables import Value, Variables
from ultra_checklist.verify import Bundle, verify


def file(**options: Any) -> ProbeSpec:
    return ProbeSpec(probe="file", options={"path": "${ENV_FILE}"} | options)


def say(text: str, **options: Any) -> ProbeSpec:
    return ProbeSpec(probe="command", options={"run": ["echo", text]} | options)


def recorded(lab: Lab, folder: Path, *items: Item, ticked: bool = True, **variables: str) -> Bundle:
    """The bundle of a release of these items, all of them ticked, that is closed as it is."""
    path = folder / "env"
    path.write_text("A=b")
    path.chmod(0o600)
    lab.new(template(*items), ENV_FILE=str(path), DEPLOY_DIR=str(folder), **variables)
    for each in items if ticked else ():
        lab.person("Sato", each.id, done=True)
    lab.sync()
    assert close(lab)
    path.unlink()
    return verify(lab.release().folder / FILE)


def judged(bundle: Bundle, *items: Item, **variables: str) -> dict[str, str]:
    checked = again(bundle, *items, **variables)
    return {one.item.id: one.result for one in checked.items}


def again(bundle: Bundle, *items: Item, **variables: str) -> Checked:
    given = {name: Value(value=value, origin="--var") for name, value in variables.items()}
    then = dict(bundle.manifest.variables.values)
    return replay(bundle, template(*items), Variables(values=then | given))


def reasons(checked: Checked) -> list[str]:
    return [finding.verdict.reason for one in checked.items for finding in one.findings]


def test_the_same_options_give_the_same_verdict_after_the_world_is_gone(lab: Lab, tmp_path: Path) -> None:
    one = item("env", probes=(file(mode="0600"), say("hello", stdout="hel+o")))
    bundle = recorded(lab, tmp_path, one, item("word", order=1))
    assert judged(bundle, one, item("word", order=1)) == {"env": "pass", "word": "manual"}


def test_another_threshold_is_judged_on_what_was_seen_then(lab: Lab, tmp_path: Path) -> None:
    bundle = recorded(lab, tmp_path, item("env", probes=(file(mode="0600"),)))
    assert judged(bundle, item("env", probes=(file(mode="0400"),))) == {"env": "fail"}
    assert judged(bundle, item("env", probes=(file(min_size=3),))) == {"env": "pass"}
    assert judged(bundle, item("env", probes=(file(min_size=4),))) == {"env": "fail"}


def test_what_was_not_looked_at_in_this_way_is_unknown(lab: Lab, tmp_path: Path) -> None:
    bundle = recorded(lab, tmp_path, item("env", probes=(file(mode="0600"),)))
    for changed in (file(contains="A"), file(sha256="0" * 64), file(path="/elsewhere", mode="0600")):
        checked = again(bundle, item("env", probes=(changed,)))
        assert reasons(checked) == ["other-options"]
        assert checked.items[0].result == "unknown"
    assert judged(bundle, item("env", probes=(file(mode="0600"),)), ENV_FILE="/elsewhere") == {"env": "unknown"}
    assert judged(bundle, item("env", probes=(file(mode="0600"),)), DEPLOY_DIR="/elsewhere") == {"env": "unknown"}


def test_an_item_without_an_observation_is_unknown(lab: Lab, tmp_path: Path) -> None:
    bundle = recorded(lab, tmp_path, item("env", probes=(file(mode="0600"),), required=False), ticked=False)
    for other in (item("env", probes=(file(mode="0600"),)), item("new", probes=(say("x"),))):
        checked = again(bundle, other)
        assert reasons(checked) == ["no-observation"]
        assert checked.items[0].findings[0].verdict.sentence.en == "no observation in the bundle"


def test_one_observation_is_used_once_and_for_its_own_options(lab: Lab, tmp_path: Path) -> None:
    """The first of two probes of a family is dropped: the second must not get what the first has seen."""
    bundle = recorded(lab, tmp_path, item("two", probes=(say("one"), say("two", stdout="two"))))
    assert judged(bundle, item("two", probes=(say("two", stdout="two"),))) == {"two": "pass"}
    assert judged(bundle, item("two", probes=(say("two", stdout="two"), say("one")))) == {"two": "pass"}
    assert judged(bundle, item("two", probes=(say("one"), say("one")))) == {"two": "unknown"}


def test_a_variable_without_a_value_is_unknown(lab: Lab, tmp_path: Path) -> None:
    bundle = recorded(lab, tmp_path, item("env", probes=(file(mode="0600"),)))
    assert reasons(again(bundle, item("env", probes=(file(mode="${NO_MODE}"),)))) == ["unset-variable"]


def test_what_is_redacted_turns_no_failure_into_a_pass(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("ntn_abcdefghijklmnop")

    def shown(**options: Any) -> Item:
        return item("env", probes=(ProbeSpec(probe="command", options={"run": ["cat", "secret"]} | options),))

    kept = shown(exit=3).model_copy(update={"required": False})
    bundle = recorded(lab, tmp_path, kept)
    assert judged(bundle, kept) == {"env": "fail"}
    assert reasons(again(bundle, shown(exit=0))) == ["redacted"]
    assert judged(bundle, shown(exit=4)) == {"env": "fail"}


def test_evidence_that_is_not_in_the_bundle_is_unknown(lab: Lab, tmp_path: Path) -> None:
    one = item("env", probes=(file(mode="0600"),))
    lab.new(template(one), ENV_FILE=str(tmp_path))
    lab.person("Sato", "env", done=True)
    lab.sync()
    lab.person("Sato", "env", decision="Waive", note="text:known")
    lab.sync()
    proof = lab.release().history.check("env").proof
    assert proof is not None
    EvidenceStore(lab.home).path(proof.lines[0].evidence).unlink()
    assert close(lab)
    bundle = verify(lab.release().folder / FILE)
    assert judged(bundle, one) == {"env": "unknown"}


@pytest.mark.parametrize("name", plugins.names(plugins.PROBES))
def test_options_that_are_judged_alone_are_options_that_observing_does_not_read(name: str) -> None:
    family: type[Probe[Any, Any]] = plugins.load(plugins.PROBES, name)
    assert family.judged <= family.options_model.model_fields.keys()
    methods = {
        node.name: node
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(family))))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    seen, left = set[str](), ["observe"]
    while left:
        here = left.pop()
        if here in seen or here not in methods:
            continue
        seen.add(here)
        own = (n for n in ast.walk(methods[here]) if isinstance(n, ast.Attribute))
        left += [n.attr for n in own if ast.unparse(n.value) in ("self", "cls", family.__name__)]
    read = {
        n.attr
        for method in seen
        for n in ast.walk(methods[method])
        if isinstance(n, ast.Attribute) and ast.unparse(n.value) in ("options", "self.options")
    }
    assert "observe" in seen
    assert not read & family.judged

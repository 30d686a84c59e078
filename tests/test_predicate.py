"""The predicate fits its published schema, read by a small checker that knows nothing of the code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.generated import ROOT
from tests.lab import Lab
from tests.sealed import bundle, close, parts_of, ran, ssh_keys, started
from ultra_checklist.dsse import Envelope
from ultra_checklist.model import Ending
from ultra_checklist.verify import verify

SCHEMA = json.loads((ROOT / "docs" / "schemas" / "release-predicate.json").read_text(encoding="utf-8"))
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),),
    "array": (list,), "object": (dict,),
}  # fmt: skip


def misfits(value: Any, schema: Any, where: str = "") -> list[str]:
    """Where a value does not fit a schema."""
    if "$ref" in schema:
        return misfits(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], where)
    if "anyOf" in schema:
        return min((misfits(value, one, where) for one in schema["anyOf"]), key=len)
    kind = schema["type"]
    if not _is(value, kind):
        return [f"{where}: {value!r} is no {kind}"]
    if value not in schema.get("enum", [value]) or not re.search(schema.get("pattern", ""), str(value)):
        return [f"{where}: {value!r}"]
    if kind == "array":
        return [m for n, one in enumerate(value) for m in misfits(one, schema["items"], f"{where}[{n}]")]
    if kind == "object":
        known = schema["properties"]
        found = [
            f"{where}.{key}" for key in value.keys() - known.keys() if not schema.get("additionalProperties", True)
        ]
        found += [f"{where}.{key} is missing" for key in set(schema.get("required", ())) - value.keys()]
        return found + [m for k, v in value.items() if k in known for m in misfits(v, known[k], f"{where}.{k}")]
    return []


def _is(value: object, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and not (kind == "integer" and isinstance(value, bool))


@pytest.fixture
def predicate(lab: Lab, tmp_path: Path) -> Any:
    """The predicate of a release with a run, a deploy and a decision."""
    started(lab, tmp_path)
    ran(lab, b"log")
    deploy = {"number": 1, "started": lab.now.isoformat(), "ended": None, "exit_code": None, "host": "web-1"}
    lab.release().record("deploy", deploy)
    lab.person("Sato", "env-mode", done=False)
    lab.person("Sato", "env-mode", decision="Waive", note="text:known")
    lab.sync()
    assert close(lab, ending=Ending.ABORTED)
    path = bundle(lab, tmp_path / "b.tar", ssh_keys(tmp_path).signer).path
    assert verify(path).predicate.checks[0].decision is not None
    return json.loads(Envelope.decode(dict(parts_of(path))["statement.dsse.json"], "it").payload)["predicate"]


def test_a_predicate_fits_its_schema(predicate: Any) -> None:
    assert misfits(predicate, SCHEMA) == []
    assert predicate["runs"][0]["exitCode"] == 0
    assert predicate["deploys"][0]["exitCode"] is None
    assert predicate["checks"][0]["decision"]["note"] == "known"


def test_the_schema_refuses_what_a_predicate_is_not(predicate: Any) -> None:
    for change in ({"more": 1}, {"ending": "well"}, {"operators": None}, {"journal": {"head": 1}}):
        assert misfits(predicate | change, SCHEMA) != []
    del predicate["claim"]
    assert misfits(predicate, SCHEMA) == [".claim is missing"]

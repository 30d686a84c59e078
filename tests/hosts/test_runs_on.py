"""What ``runs_on`` may say in a template, and what travels to another machine."""

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.hosts.post import ITEM, LIST, LOOKS
from ultra_checklist.errors import TemplateError
from ultra_checklist.hosts.carriers import Carriers
from ultra_checklist.hosts.errand import Errand, run
from ultra_checklist.hosts.parcel import parcel
from ultra_checklist.hosts.tasks import Batch, Found, SealBroken, Task
from ultra_checklist.model import Finding, Item, Outcome, RunsOn, Template, outcome
from ultra_checklist.probes.base import passed, unknown
from ultra_checklist.template import parse
from ultra_checklist.variables import Value, Variables
from ultra_checklist.words import Words

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def read(runs_on: str, probe: str = LOOKS) -> Template:
    item = ITEM.format(id="x", runs_on=runs_on, probe=probe, more="max_age: 15m")
    return parse(LIST.format(items=item), path="try.md")


@pytest.mark.parametrize(
    ("text", "hosts", "some"),
    [
        ("web-1", ("web-1",), False),
        ('""', (), False),
        ("{all: [a, b]}", ("a", "b"), False),
        ("{any: [a, ssh://deploy@db-1:2222]}", ("a", "ssh://deploy@db-1:2222"), True),
        ("ssh://db.example", ("ssh://db.example",), False),
        ('"ssh://[::1]:22"', ("ssh://[::1]:22",), False),
    ],
)
def test_hosts_are_read(text: str, hosts: tuple[str, ...], some: bool) -> None:
    assert read(text).items[0].runs_on == RunsOn(hosts=hosts, any=some)


@pytest.mark.parametrize(
    "text",
    [
        "{all: []}",
        "{all: a}",
        "{some: [a]}",
        "{all: [a], any: [b]}",
        "{all: [a, a]}",
        "[a, b]",
        "3",
        "{any: [a, 3]}",
        '"a b"',
        '"-oProxyCommand=x"',
        '"ssh://-oProxyCommand=x"',
        '"ssh://a@-b"',
        '"ssh://a b"',
        '"ssh://a/path"',
        '"ssh://a;b"',
        '"ssh://a:99999"',
        '"web\\n1"',
    ],
)
def test_what_is_no_host_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(TemplateError) as refused:
        read(text)
    assert "try.md:" in str(refused.value) and "runs_on" in str(refused.value)


def test_who_sends_something_runs_on_one_host() -> None:
    sends = "webhook: {url: http://127.0.0.1:1/}"
    assert read("a", sends).items[0].probes
    with pytest.raises(TemplateError, match="one host"):
        read("{any: [a, b]}", sends)
    with pytest.raises(TemplateError, match="not done over ssh"):
        read("ssh://a", sends)


def test_an_older_manifest_names_a_host_as_text() -> None:
    raw = read("web-1").items[0].model_dump(mode="json") | {"runs_on": "web-1"}
    assert Item.model_validate(raw).runs_on.hosts == ("web-1",)
    assert not Item.model_validate(raw | {"runs_on": ""}).runs_on


def finding(host: str, said: Outcome) -> Finding:
    verdict = (
        passed("x") if said is Outcome.PASS else unknown("x", Words.same("x")).model_copy(update={"outcome": said})
    )
    return Finding(probe="file", verdict=verdict, started=NOW, seconds=0.0, host=host)


P, F, U = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("some", "home", "there", "wanted"),
    [
        (False, (), (P, P), P),
        (False, (), (P, F), F),
        (False, (), (P, U), U),
        (False, (F,), (P, P), F),
        (True, (), (P, F), P),
        (True, (), (P, U), P),
        (True, (), (F, U), U),
        (True, (), (F, F), F),
        (True, (U,), (P, F), U),
        (True, (F,), (P, P), F),
        (True, (P,), (F, F), F),
        (False, (), (), U),
    ],
)
def test_what_hosts_say_together(
    some: bool, home: tuple[Outcome, ...], there: tuple[Outcome, ...], wanted: Outcome
) -> None:
    item = read("a").items[0].model_copy(update={"runs_on": RunsOn(hosts=("a", "b"), any=some)})
    found = [finding("", said) for said in home]
    found += [finding(host, said) for host, said in zip("ab", there, strict=False)]
    assert outcome(item, found) is wanted


@pytest.mark.parametrize(
    ("label", "ways", "host", "here", "out_of_reach"),
    [
        ("", False, "web", False, True),
        ("", False, "ssh://web", False, True),
        ("home", False, "home", True, False),
        ("home", False, "web", False, True),
        ("home", True, "web", False, False),
        ("", True, "web", False, False),
    ],
)
def test_which_machine_a_name_means(label: str, ways: bool, host: str, here: bool, out_of_reach: bool) -> None:
    carriers = Carriers(label, (lambda: pytest.fail("nobody is to be asked")) if ways else None)
    assert (carriers.is_here(host), carriers.is_out_of_reach(host)) == (here, out_of_reach)


def errand(probe: str, mark: Path) -> Errand:
    template = read("a", probe)
    task = Task(id="1", host="ssh://a", item="x", tick=1, deploy=0, bound_to="", issued=NOW)
    batch = Batch(
        release="try/production/v1",
        version="v1",
        environment="production",
        template=template.sha256,
        host="ssh://a",
        at=NOW,
        tasks=(task,),
    )
    return Errand(
        batch=batch, template=template, variables=Variables(values={"MARK": Value(value=str(mark), origin="--var")})
    )


def test_an_errand_looks_and_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "mark").write_text("good\n", encoding="utf-8")
    (looked,) = asyncio.run(run(errand(LOOKS, tmp_path / "mark"))).answers
    assert looked.found[0].verdict.outcome is Outcome.PASS
    (sent,) = asyncio.run(run(errand("webhook: {url: http://127.0.0.1:1/}", tmp_path / "mark"))).answers
    assert (sent.found[0].verdict.outcome, sent.found[0].verdict.reason) == (Outcome.UNKNOWN, "refused")


def test_the_parcel_is_the_same_twice_and_holds_what_probes_need() -> None:
    first = parcel()
    parcel.cache_clear()
    assert parcel().name == first.name
    with zipfile.ZipFile(io.BytesIO(first.content)) as archive:
        names = set(archive.namelist())
    assert {"__main__.py", "ultra_checklist/hosts/errand.py", "ultra_checklist/probes/http.py"} <= names
    assert any(name.startswith("pydantic_core/") for name in names)
    assert not any(
        name.startswith(("ultra_checklist/cli", "ultra_checklist/server", "cryptography/")) for name in names
    )


def test_what_travels_comes_back_as_it_was() -> None:
    there = finding("", P).model_copy(update={"material": b'{"a": "\xe3\x81\x82"}' * 1000})
    found = Found.model_validate_json(Found.of(there).model_dump_json())
    assert found.finding("web") == there.model_copy(update={"host": "web"})
    assert len(json.dumps(found.material)) < 1000
    with pytest.raises(SealBroken):
        found.model_copy(update={"material": "~~"}).finding("web")

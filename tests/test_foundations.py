"""Settings, variables, evidence, tallies: the small parts that much rests on."""

import os
from pathlib import Path

import pytest

from ultra_checklist import config
from ultra_checklist.errors import SettingsError, StateError, UsageError
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.model import Outcome, Result, Template, Variable, combine, parse_duration
from ultra_checklist.origins import resolve
from ultra_checklist.states import State
from ultra_checklist.tally import Tally, tally
from ultra_checklist.variables import Value, Variables


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("NOTION_TOKEN=from-here\nULTRA_CHECKLIST_HOME=home\nOTHER=1\n")
    assert config.load(environ={}).token == "from-here"
    assert config.load(environ={}).home == tmp_path / "home"
    assert config.load(environ={"NOTION_TOKEN": "from-env"}).token == "from-env"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.env").write_text("NOTION_TOKEN=from-state\n")
    assert config.load(environ={}).token == "from-state"
    assert config.load(environ={}).home == tmp_path / "home"
    named = tmp_path / "x.env"
    named.write_text("NOTION_TOKEN=named\n")
    assert config.load(named, environ={}).token == "named"


def test_a_parents_env_file_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("NOTION_TOKEN=parent\n")
    (tmp_path / "child").mkdir()
    monkeypatch.chdir(tmp_path / "child")
    assert config.load(environ={}).token == ""


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ULTRA_CHECKLIST_CLOSE_AFTER"):
        config.load(environ={"ULTRA_CHECKLIST_CLOSE_AFTER": "soon", "ULTRA_CHECKLIST_HOME": str(tmp_path)})


def test_a_line_that_is_no_setting_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("NOTION_TOKEN=ntn_x\nthis is = not: a setting\n")
    with pytest.raises(SettingsError, match=r"settings\.env:2"):
        config.load(file)


def test_the_token_is_not_shown_by_accident() -> None:
    settings = config.load(environ={"NOTION_TOKEN": "ntn_something_secret"})
    assert "something" not in repr(settings)


def test_the_state_folder_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    config.prepare_home(home)
    assert home.stat().st_mode & 0o777 == 0o700
    home.chmod(0o755)
    config.prepare_home(home)
    assert home.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="file"):
        config.prepare_home(tmp_path / "file")


def test_variables_are_filled_and_missing_ones_named() -> None:
    values = Variables(
        values={
            n: Value(value=v, origin="default") for n, v in {"A": "1", "B": "${A}/b", "C": "${C}", "E": ""}.items()
        }
    )
    assert values.fill({"x": ["${A}", "$$A", "${B}"], "n": 3}) == ({"x": ["1", "$A", "1/b"], "n": 3}, ())
    assert values.fill("${D} ${E} ${C}") == ("  ", ("D", "E", "C"))


def declared() -> Template:
    variables = (Variable(name="A", default="default"), Variable(name="B"), Variable(name="T", secret=True))
    return Template(name="t", title="t", variables=variables)


def test_origins_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def value() -> tuple[str, str]:
        found = resolve(
            declared(),
            flags=flags,
            files=files,
            home=tmp_path,
            environment="production",
            built_in={"VERSION": "v1"},
        )
        return found.values["A"].value, found.values["A"].origin

    flags: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    assert value() == ("default", "default")
    monkeypatch.setenv("ULTRA_CHECKLIST_VAR_A", "env")
    assert value() == ("env", "environment")
    own = tmp_path / "environments" / "production.env"
    own.parent.mkdir()
    own.write_text("A=own\nT=secret-token-1\n")
    assert value() == ("own", str(own))
    (tmp_path / "v.env").write_text("A=file\n")
    files = (tmp_path / "v.env",)
    assert value()[0] == "file"
    flags = ("A=flag=1",)
    assert value() == ("flag=1", "--var")
    found = resolve(declared(), home=tmp_path, environment="production", built_in={})
    assert found.values["T"].secret
    assert "T" not in found.public().values
    with pytest.raises(UsageError, match="secret on the command line"):
        resolve(declared(), flags=("T=x",), home=tmp_path, environment="production", built_in={})


def test_evidence_is_stored_once_under_its_digest(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    digest = store.put(b"seen")
    assert store.put(b"seen") == digest
    assert store.get(digest) == b"seen"
    path = store.path(digest)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [digest]


def test_evidence_that_cannot_be_stored_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "evidence").touch()
    with pytest.raises(StateError, match="cannot be written"):
        EvidenceStore(tmp_path).put(b"x")


@pytest.mark.parametrize(
    ("outcomes", "together"),
    [
        ([], Outcome.UNKNOWN),
        ([Outcome.PASS], Outcome.PASS),
        ([Outcome.PASS, Outcome.UNKNOWN], Outcome.UNKNOWN),
        ([Outcome.UNKNOWN, Outcome.FAIL], Outcome.FAIL),
    ],
)
def test_several_outcomes_together(outcomes: list[Outcome], together: Outcome) -> None:
    assert combine(outcomes) is together


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("2s", 2), ("15m", 900), ("6h", 21600), ("1d", 86400), (3, 3), ("7", 7)]
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds
    with pytest.raises(ValueError, match="duration"):
        parse_duration(f"about {text}")


def test_the_honesty_line() -> None:
    counted = Tally(total=35, proved=21, attached=8, word=3, waived=1, not_applicable=2, waived_by=("Sato",))
    assert counted.line("en") == "35 = 21 proved, 8 with evidence, 3 a person's word, 1 waived (Sato), 2 n/a"
    assert counted.line("ja") == "35 = 証明済み 21、証跡付き 8、担当者の確認 3、免除 1 (Sato)、対象外 2"


def test_the_honesty_line_counts_every_check_once() -> None:
    from tests.lab import HERE, item, template
    from ultra_checklist.manifest import Manifest, now

    items = [item(result.value, order=n) for n, result in enumerate(Result)]
    manifest = Manifest(
        key="k", version="v", environment="e", template=template(*items), template_text="", template_path="", machine=HERE,
        product_version="0", created=now(),
    )  # fmt: skip
    good = {Result.PASSED, Result.CONFIRMED, Result.WAIVED, Result.NOT_APPLICABLE}
    states = {result.value: State(1, result, result in good, "") for result in Result}
    counted = tally(manifest, states, {})
    assert (
        counted.total
        == len(Result)
        == counted.proved + counted.word + counted.waived + counted.not_applicable + counted.open
    )
    assert counted.open == 4


def test_children_get_an_allow_list() -> None:
    from ultra_checklist.probes.base import child_environment

    assert child_environment({"PATH": "/bin", "NOTION_TOKEN": "x", "LD_PRELOAD": "y"}) == {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
    }
    assert os.environ


def test_what_people_give_is_taken_literally() -> None:
    given = Variables(
        values={
            "SECRET": Value(value="p$$w${HOME}", origin="--var", secret=True),
            "URL": Value(value="http://u:${SECRET}@${HOST}", origin="default"),
            "HOST": Value(value="h", origin="--var"),
        }
    )
    assert given.fill(["${SECRET}", "${URL}", "$${HOST}"]) == (
        ["p$$w${HOME}", "http://u:p$$w${HOME}@h", "${HOST}"],
        (),
    )

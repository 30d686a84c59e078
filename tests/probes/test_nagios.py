"""The nagios probe with real programs."""

import json
import os
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from tests.probes.recorded import cases, judge_case, look_at


def plugin(folder: Path, text: str) -> Path:
    path = folder / "check_it"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("path", cases("nagios"))
def test_recorded_observations(path: Path) -> None:
    judge_case("nagios", path)


@pytest.mark.parametrize(
    ("text", "options", "verdict", "seen"),
    [
        ("echo 'DISK OK - 9 GB'; exit 0", {}, ("pass", "ok"), "OK: DISK OK - 9 GB"),
        ("exit 0", {}, ("pass", "ok"), "OK"),
        ("echo low; exit 1", {}, ("fail", "warning"), "WARNING: low"),
        ("echo low; exit 1", {"warn": "pass"}, ("pass", "warning"), "WARNING: low"),
        ("echo low; exit 1", {"warn": "unknown"}, ("unknown", "warning"), "WARNING: low"),
        ("echo full >&2; exit 2", {}, ("fail", "critical"), "CRITICAL: full"),
        ("echo hm; exit 3", {}, ("unknown", "unknown"), "UNKNOWN: hm"),
        ("exit 4", {}, ("unknown", "no-state"), "exit 4"),
        ("exit 127", {"warn": "pass"}, ("unknown", "no-state"), "exit 127"),
        ("kill -9 $$", {}, ("unknown", "no-state"), "exit -9"),
        ("printf '\\377\\376 bytes'; exit 2", {}, ("fail", "critical"), "CRITICAL: \ufffd\ufffd bytes"),
    ],
)
def test_exit_codes(
    tmp_path: Path, text: str, options: dict[str, object], verdict: tuple[str, str], seen: str
) -> None:
    found = look("nagios", {"run": [str(plugin(tmp_path, text))], **options})
    assert said(found) == verdict
    assert found.seen.en == seen
    assert found.remedy.en == ("" if verdict[0] == "pass" else str(tmp_path / "check_it"))


def test_performance_data_is_kept(tmp_path: Path) -> None:
    text = """cat <<'E'
PING OK - 12 ms | rta=12.5ms;100;200;0 'packet loss'=0%;20;60;0;100 broken 'it''s'=U
more text
and more | second=3
third=-1.5e3c;;
E"""
    _, material = look_at("nagios", {"run": [str(plugin(tmp_path, text))]})
    seen = json.loads(material)["observation"]
    assert seen["line"] == "PING OK - 12 ms"
    assert [(p["label"], p["value"], p["unit"], p["limits"]) for p in seen["perfdata"]] == [
        ("rta", 12.5, "ms", ["100", "200", "0"]),
        ("packet loss", 0.0, "%", ["20", "60", "0", "100"]),
        ("it's", None, "", []),
        ("second", 3.0, "", []),
        ("third", -1500.0, "c", ["", ""]),
    ]


def test_a_plugin_in_the_deploy_folder(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    plugin(tmp_path / "bin", "pwd")
    found = look("nagios", {"run": ["bin/check_it"]}, tmp_path)
    assert found.seen.en == f"OK: {tmp_path}"
    assert said(look("nagios", {"run": ["bin/check_it"]})) == ("unknown", "unset-variable")


def test_a_plugin_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    path = plugin(tmp_path, f"sleep 1000 & echo $! > {pid}; wait")
    assert said(look("nagios", {"run": [str(path)], "timeout": 0.5})) == ("unknown", "timeout")
    state = Path(f"/proc/{pid.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_what_cannot_be_started_cannot_be_told(tmp_path: Path) -> None:
    assert said(look("nagios", {"run": ["no-such-plugin"]})) == ("unknown", "not-started")
    path = plugin(tmp_path, "exit 0")
    path.chmod(0o644)
    assert said(look("nagios", {"run": [str(path)]})) == ("unknown", "not-started")


def test_much_output_is_cut(tmp_path: Path) -> None:
    path = plugin(tmp_path, "head -c 5000000 /dev/zero | tr '\\0' x; exit 2")
    found, material = look_at("nagios", {"run": [str(path)]})
    assert said(found) == ("fail", "critical")
    assert len(material) < 10_000


def test_nothing_of_our_environment_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NOTION_TOKEN", "ntn_secret_secret")
    assert look("nagios", {"run": [str(plugin(tmp_path, "echo token:$NOTION_TOKEN"))]}).seen.en == "OK: token:"


@pytest.mark.parametrize("run", ["check_disk -w 10%", []])
def test_options_that_make_no_sense_are_refused(run: object) -> None:
    assert said(look("nagios", {"run": run})) == ("unknown", "bad-options")

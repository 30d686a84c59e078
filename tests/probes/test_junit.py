"""The junit probe: reports of real pytest runs, of other tools' forms, and files that are none."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.probes.looking import look, said
from tests.probes.recorded import cases, judge_case, look_at

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "fedcba9876543210fedcba9876543210fedcba98"
GOOD = '<testsuite name="unit"><testcase classname="tests.a" name="x"/><testcase classname="tests.b" name="y"/></testsuite>'
BAD = '<testsuite name="unit"><testcase classname="tests.a" name="x"><failure/></testcase></testsuite>'


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def naming(commit: str, text: str = GOOD) -> str:
    return text.replace(
        '<testsuite name="unit">',
        f'<testsuite name="unit"><properties><property name="git_commit" value="{commit}"/></properties>',
    )


@pytest.mark.parametrize("path", cases("junit"))
def test_recorded_observations(path: Path) -> None:
    judge_case("junit", path)


def test_reports_of_a_real_pytest_run(tmp_path: Path) -> None:
    def run(text: str) -> None:
        put(tmp_path, "test_it.py", text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=r/report.xml", "."]
        alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, check=False, timeout=60)

    good = "import pytest\ndef test_a(): pass\nclass TestB:\n  def test_b(self): pass\n@pytest.mark.skip\ndef test_c(): pass\n"
    run(good)
    wanted = {"path": "r", "suites": ["pytest", "test_it.TestB"], "min_tests": 2, "max_skipped": 1, "max_age": 600}
    found = look("junit", wanted, tmp_path)
    assert said(found) == ("pass", "passed")
    assert found.seen.en == "3 tests in 1 reports: 0 failed, 1 skipped"
    assert said(look("junit", {**wanted, "suites": ["test_it.TestC"]}, tmp_path)) == ("fail", "missing-suite")
    assert said(look("junit", {**wanted, "min_tests": 3}, tmp_path)) == ("fail", "too-few-tests")
    assert said(look("junit", {**wanted, "max_skipped": 0}, tmp_path)) == ("fail", "too-many-skipped")
    run(f"{good}def test_d(record_property):\n  assert False\n")
    found = look("junit", wanted, tmp_path)
    assert said(found) == ("fail", "failures")
    assert "test_it.test_d" in found.sentence.en
    run(f"{good}@pytest.fixture\ndef broken(): raise OSError\ndef test_e(broken): pass\n")
    assert said(look("junit", wanted, tmp_path)) == ("fail", "failures")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (GOOD, ("pass", "passed")),
        (f"<?xml version='1.0'?><testsuites>{GOOD}{GOOD}</testsuites>", ("pass", "passed")),
        (f'<testsuites xmlns:x="u"><testsuite name="all">{GOOD}</testsuite></testsuites>', ("pass", "passed")),
        (f"<testsuites>{GOOD}{BAD}</testsuites>", ("fail", "failures")),
        (BAD.replace("failure", "error"), ("fail", "failures")),
        ('<testsuite name="u"><error message="cannot import"/></testsuite>', ("fail", "failures")),
        (GOOD.replace("<testsuite", '<testsuite failures="1"'), ("fail", "failures")),
        (f'<testsuites errors="1">{GOOD}</testsuites>', ("fail", "failures")),
        ('<testsuite><testcase name="a" status="notrun"/></testsuite>', ("fail", "too-few-tests")),
        ("<testsuites/>", ("fail", "too-few-tests")),
        ('<testsuite tests="99" failures="0"/>', ("fail", "too-few-tests")),
    ],
)
def test_forms_of_other_tools(tmp_path: Path, text: str, verdict: tuple[str, str]) -> None:
    put(tmp_path, "a.xml", text)
    assert said(look("junit", {"path": "."}, tmp_path)) == verdict


def test_a_suite_whose_tests_were_all_skipped_did_not_run(tmp_path: Path) -> None:
    skipped = '<testsuite name="slow"><testcase name="x"><skipped/></testcase></testsuite>'
    put(tmp_path, "a.xml", f"<testsuites>{GOOD}{skipped}</testsuites>")
    assert said(look("junit", {"path": "a.xml", "suites": ["unit"]}, tmp_path)) == ("pass", "passed")
    assert said(look("junit", {"path": "a.xml", "suites": ["unit", "slow"]}, tmp_path)) == ("fail", "missing-suite")


@pytest.mark.parametrize(
    ("files", "verdict"),
    [
        ({"a.xml": naming(COMMIT)}, ("pass", "passed")),
        ({"a.xml": naming(COMMIT[:10])}, ("pass", "passed")),
        ({"a.xml": GOOD, "commit": COMMIT}, ("pass", "passed")),
        ({"unit/a.xml": GOOD, "commit": f"{COMMIT}\n"}, ("pass", "passed")),
        ({"a.xml": GOOD, "a.xml.commit": COMMIT[:7]}, ("pass", "passed")),
        ({f"{COMMIT}/a.xml": GOOD}, ("pass", "passed")),
        ({f"unit-{COMMIT[:12]}.xml": GOOD}, ("pass", "passed")),
        ({"a.xml": GOOD}, ("unknown", "no-commit")),
        ({"deadbeef/a.xml": GOOD}, ("unknown", "no-commit")),
        ({"a.xml": naming(OTHER)}, ("unknown", "other-commit")),
        ({"a.xml": naming(OTHER), "commit": COMMIT}, ("unknown", "other-commit")),
        ({f"{OTHER}/a.xml": GOOD}, ("unknown", "other-commit")),
        ({f"{OTHER}/a.xml": BAD, f"{COMMIT}/a.xml": GOOD}, ("pass", "passed")),
        ({f"{OTHER}/a.xml": "<broken", f"{COMMIT}/a.xml": GOOD}, ("pass", "passed")),
        ({f"{OTHER}/a.xml": GOOD, f"{COMMIT}/a.xml": BAD}, ("fail", "failures")),
        ({"a.xml": naming(COMMIT), "b.xml": GOOD}, ("unknown", "no-commit")),
        ({"a.xml": naming(COMMIT, BAD), "b.xml": GOOD}, ("fail", "failures")),
        ({}, ("unknown", "no-report")),
    ],
)
def test_reports_of_the_commit_count(tmp_path: Path, files: dict[str, str], verdict: tuple[str, str]) -> None:
    root = tmp_path / "reports"
    root.mkdir()
    for name, text in files.items():
        put(root, name, text)
    found = look("junit", {"path": "reports", "commit": COMMIT}, tmp_path)
    assert said(found) == verdict
    if verdict[0] == "unknown":
        assert found.remedy.en


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("*.xml", 1), ("**/*.xml", 4), ("unit/*.xml", 2), ("u*/?.xml", 2), ("unit/[a-b].xml", 1), ("**/[!b].xml", 2),
     ("unit/**", 3), ("e2e/a.xml", 0)],
)  # fmt: skip
def test_globs(tmp_path: Path, pattern: str, count: int) -> None:
    for name in ("top.xml", "unit/b.xml", "unit/c.xml", "unit/deep/d.xml"):
        put(tmp_path, name, '<testsuite><testcase name="x"/></testsuite>')
    verdict, seen = look_at("junit", {"path": pattern}, base=tmp_path)
    if count == 0:
        assert said(verdict) == ("unknown", "no-report")
    else:
        assert json.loads(seen)["observation"]["count"] == count


def test_other_xml_beside_the_reports_is_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "coverage.xml", "<coverage>" + "<line/>" * 10)
    put(tmp_path, "a.xml", GOOD)
    assert said(look("junit", {"path": "."}, tmp_path)) == ("pass", "passed")
    put(tmp_path, "half.xml", GOOD[:-20])
    assert said(look("junit", {"path": "."}, tmp_path)) == ("unknown", "not-xml")
    put(tmp_path, "half.xml", BAD[:-20])
    put(tmp_path, "b.xml", BAD)
    assert said(look("junit", {"path": "."}, tmp_path)) == ("fail", "failures")


BOMB = '<!DOCTYPE t [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (f"{BOMB}]><testsuite>&i;</testsuite>", "entities"),
        ('<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite>&x;</testsuite>', "entities"),
        ('<!DOCTYPE t [<!ENTITY % x SYSTEM "http://127.0.0.1:1/">%x;]><testsuite/>', "entities"),
        ("<testsuite>" * 100_000, "too-deep"),
        ("<testsuite><testcase name='" + "x" * 1000, "not-xml"),
        ("", "not-xml"),
        ("hello", "not-xml"),
        (b"\xff\xfe\x00", "not-xml"),
        (b"<testsuite name='\xff'/>", "not-xml"),
        ("<?xml version='1.0' encoding='utf-99'?><testsuite/>", "not-xml"),
        ("<?xml version='1.0' encoding='shift_jis'?><testsuite/>", "not-xml"),
        ("<testsuite>" + "<testcase/>" * 10 + "</testsuite></testsuite>", "not-xml"),
        ("<testsuite>&undeclared;</testsuite>", "not-xml"),
    ],
)
def test_files_that_are_no_reports_cannot_be_told(tmp_path: Path, data: str | bytes, reason: str) -> None:
    put(tmp_path, "a.xml", data)
    assert said(look("junit", {"path": "a.xml"}, tmp_path)) == ("unknown", reason)


def test_a_huge_file_is_given_up(tmp_path: Path) -> None:
    path = put(tmp_path, "a.xml", "<testsuite><system-out>")
    os.truncate(path, 1 << 30)
    assert said(look("junit", {"path": "a.xml"}, tmp_path))[0] == "unknown"
    with path.open("wb") as file:
        file.write(b"<testsuite><system-out>" + b"x" * (65 << 20))
    assert said(look("junit", {"path": "a.xml", "timeout": 60}, tmp_path)) == ("unknown", "too-large")
    assert said(look("junit", {"path": "a.xml", "timeout": 1e-6}, tmp_path)) == ("unknown", "timeout")


def test_a_pipe_and_other_things_do_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.xml")
    assert said(look("junit", {"path": "a.xml"}, tmp_path)) == ("unknown", "not-a-file")
    assert said(look("junit", {"path": "."}, tmp_path)) == ("unknown", "not-a-file")
    (tmp_path / "b.xml").symlink_to("nowhere")
    (tmp_path / "a.xml").unlink()
    assert said(look("junit", {"path": "."}, tmp_path)) == ("unknown", "vanished")


def test_what_is_not_there_cannot_be_told(tmp_path: Path) -> None:
    for path in ("none", "none.xml", "none/*.xml", "a\0b"):
        assert said(look("junit", {"path": path}, tmp_path))[0] == "unknown"
    assert said(look("junit", {"path": "none"}, tmp_path)) == ("unknown", "no-report")
    assert said(look("junit", {"path": "none"})) == ("unknown", "unset-variable")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_may_not_be_read_cannot_be_told(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", GOOD).chmod(0)
    (tmp_path / "closed").mkdir(0o700)
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        assert said(look("junit", {"path": "a.xml"}, tmp_path)) == ("unknown", "permission-denied")
        assert said(look("junit", {"path": "closed"}, tmp_path)) == ("unknown", "permission-denied")
        assert said(look("junit", {"path": "closed/a.xml"}, tmp_path)) == ("unknown", "permission-denied")
    finally:
        os.seteuid(0)


def test_age_is_that_of_the_oldest_report_and_of_what_it_says(tmp_path: Path) -> None:
    new, old = put(tmp_path, "a.xml", GOOD), put(tmp_path, "b.xml", GOOD)
    wanted = {"path": ".", "max_age": 3600}
    assert said(look("junit", wanted, tmp_path)) == ("pass", "passed")
    os.utime(old, (0, time.time() - 4000))
    assert said(look("junit", wanted, tmp_path)) == ("fail", "too-old")
    old.unlink()
    put(tmp_path, "a.xml", GOOD.replace("<testsuite", '<testsuite timestamp="2020-01-01T00:00:00+00:00"'))
    assert said(look("junit", wanted, tmp_path)) == ("fail", "too-old")
    put(tmp_path, "a.xml", GOOD.replace("<testsuite", '<testsuite timestamp="2020-01-01T00:00:00"'))
    assert said(look("junit", wanted, tmp_path)) == ("pass", "passed")
    os.utime(new, (0, time.time() + 4000))
    assert said(look("junit", wanted, tmp_path)) == ("unknown", "clock-skew")


@pytest.mark.parametrize(
    "more",
    [{"path": ""}, {"commit": "main"}, {"min_tests": 0}, {"max_age": 0}, {"suites": [""]}, {"max_skipped": -1}],
)
def test_options_that_make_no_sense_are_refused(more: dict[str, object]) -> None:
    assert said(look("junit", {"path": "a.xml", **more})) == ("unknown", "bad-options")

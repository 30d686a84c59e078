"""Reports of the pretend tests: JUnit XML as pytest and others write it, the commit in a property of each suite."""

from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

SUITES = {"unit": 182, "integration": 41, "e2e": 12}


def write(folder: Path, commit: str, at: datetime, *, failing: str = "") -> None:
    """One report a suite; the suite named ``failing`` has a failure in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for suite, count in SUITES.items():
        (folder / f"{suite}.xml").write_text(_suite(suite, count, commit, at, suite == failing), encoding="utf-8")


def _suite(name: str, count: int, commit: str, at: datetime, failing: bool) -> str:
    cases = [
        f'    <testcase classname="tests.{name}" name="test_{n:03}" time="0.02"/>' for n in range(count - failing)
    ]
    if failing:
        cases.append(
            f'    <testcase classname="tests.{name}" name="test_stops_in_an_emergency" time="0.02">'
            '<failure message="assert 0 == 1">assert 0 == 1</failure></testcase>'
        )
    when = at.isoformat(timespec="seconds")
    numbers = f'tests="{count}" failures="{int(failing)}" errors="0" skipped="0" time="{count * 0.02:.2f}"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            "<testsuites>",
            f'  <testsuite name={quoteattr(name)} {numbers} timestamp="{when}" hostname="ci">',
            "    <properties>",
            f'      <property name="commit" value={quoteattr(commit)}/>',
            "    </properties>",
            *cases,
            "  </testsuite>",
            "</testsuites>",
            "",
        ]
    )

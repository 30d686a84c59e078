"""Many checks, a tenth of them failing, against a standard-library floor and pytest-testinfra."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.options import Options
from benchmarks.scene import HEAD, PLAIN, ROOT, ultra
from benchmarks.table import Row
from benchmarks.timing import Command, interleaved

Check = dict[str, Any]


def plan(folder: Path, number: int, url: str) -> list[Check]:
    """So many checks in turn of four kinds; a tenth of each kind fails."""
    found = []
    for index in range(number):
        kind, good = ("mode", "content", "command", "http")[index % 4], index // 4 % 10 != 3
        path = folder / f"file-{index}"
        check: Check = {"id": f"check-{index}", "kind": kind, "good": good}
        if kind in {"mode", "content"}:
            path.write_text("APP_ENV=production\n" if good else "APP_ENV=staging\n", encoding="utf-8")
            path.chmod(0o600 if good else 0o644)
            check["path"] = str(path)
        elif kind == "command":
            check["run"] = ["true" if good else "false"]
        else:
            check["url"] = f"{url}/{'ok' if good else 'bad'}"
        found.append(check)
    return found


def probe(check: Check) -> str:
    """The check as a probe of ours, in YAML."""
    return {
        "mode": lambda: f'file: {{path: {check["path"]}, mode: "0600"}}',
        "content": lambda: f'file: {{path: {check["path"]}, contains: "APP_ENV=production"}}',
        "command": lambda: f"command: {{run: {json.dumps(check['run'])}}}",
        "http": lambda: f"http: {{url: {check['url']}}}",
    }[check["kind"]]()


@contextmanager
def backend() -> Iterator[str]:
    """A small HTTP server in a process of its own; its address."""
    words = [sys.executable, "-m", "benchmarks.peers.backend"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=PLAIN, cwd=ROOT) as server:
        try:
            yield server.stdout.readline().strip() if server.stdout else ""
        finally:
            server.terminate()


def of_ours(words: list[str], folder: Path) -> dict[str, bool]:
    """What we say of each check."""
    env = PLAIN | {"ULTRA_CHECKLIST_HOME": str(folder / "home")}
    done = subprocess.run(words, env=env, cwd=folder, capture_output=True, text=True, check=False)
    return {
        found["id"]: {"pass": True, "fail": False}[found["result"]] for found in json.loads(done.stdout)["checks"]
    }


def of_junit(path: Path) -> dict[str, bool]:
    """What testinfra says of each check."""
    cases = ET.parse(path).iter("testcase")  # noqa: S314 - written by ourselves a moment ago
    name = re.compile(r"check-\d+")
    return {name.findall(case.attrib["name"])[-1]: case.find("failure") is None for case in cases}


def checks(options: Options, folder: Path) -> list[Row]:
    """Two rows for each number of checks, and two for checks that do nothing but wait."""
    found: list[Row] = []
    with backend() as url:
        for number in (40, 400) if options.quick else (400, 1_000, 10_000):
            place = folder / f"checks-{number}"
            place.mkdir()
            repeats = options.repeats if number < 10_000 else 3
            title = f"{number:,} checks, 10 % failing"
            found += compared(options, place, plan(place, number, url), title, repeats)
    place = folder / "waits"
    place.mkdir()
    waits = [{"id": f"check-{n}", "kind": "command", "good": True, "run": ["sleep", "0.5"]} for n in range(20)]
    return found + compared(options, place, waits, "20 checks, each `sleep 0.5`", 3)


def compared(options: Options, place: Path, planned: list[Check], title: str, repeats: int) -> list[Row]:
    """Equal verdicts first, then time."""
    failing = int(not all(check["good"] for check in planned))
    env = PLAIN | {"ULTRA_CHECKLIST_HOME": str(place / "home"), "HOME": str(place)}
    items = (
        f"- [ ] {check['id']}\n  ```yaml check\n  id: {check['id']}\n  probes:\n    - {probe(check)}\n  ```\n"
        for check in planned
    )
    (place / "checks.md").write_text(HEAD + "".join(items), encoding="utf-8")
    (place / "plan.json").write_text(json.dumps(planned), encoding="utf-8")
    floor = [options.python, "-m", "benchmarks.peers.floor", "plan.json"]
    test = str(ROOT / "benchmarks/peers/testinfra_checks.py")
    peer = [str(options.peers), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no"]
    peer += ["--rootdir", str(place), "--junitxml=out.xml", test]
    ours = ultra("check", "checks.md", "--format", "json")
    wanted = {check["id"]: check["good"] for check in planned}
    if of_ours(ours, place) != wanted:
        raise RuntimeError("our verdicts are not those that were planned")
    said = subprocess.run(floor, env=env, cwd=place, capture_output=True, text=True, check=True).stdout
    if json.loads(said) != wanted:
        raise RuntimeError("the floor's verdicts are not those that were planned")
    subprocess.run(peer, env=env, cwd=place, capture_output=True, check=False)
    if of_junit(place / "out.xml") != wanted:
        raise RuntimeError("testinfra's verdicts are not those that were planned")
    figures = interleaved(
        {
            "ours": Command(ours, env, place, codes=(failing,)),
            "floor": Command(floor, env, place),
            "testinfra": Command(peer, env, place, codes=(failing,)),
        },
        repeats,
    )
    own, least, other = figures["ours"], figures["floor"], figures["testinfra"]
    return [
        Row("checks", title, "≤ 2 times the floor", str(own), f"floor: {least}", own.median / least.median, 2),
        Row("checks", title, "≤ 0.1 of testinfra", str(own), f"testinfra: {other}", own.median / other.median, 0.1),
    ]

"""The two published clients each call every endpoint they know, in both versions, but for those named here.

Which endpoints they know is read from the clients themselves; which were called, from the server's own log.
"""

import inspect
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import notion_client
import pytest
from notion_client import api_endpoints

from tests.contract import test_node
from tests.contract.conftest import VERSIONS
from tests.contract.tour import tour
from tests.shell import COMMAND

LEFT_OUT = ("oauth", "agents")
"""OAuth belongs to Notion's own site, agents and their sessions to its assistant: neither is a workspace's content."""
EMOJI = "party=https://example.org/party.png"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A local Notion with all that a tour needs: its address and its log."""
    log = tmp_path / "requests.jsonl"
    command = [*COMMAND, "serve", "--port", "0", "--db", str(tmp_path / "notion.db"), "--request-log", str(log)]
    with subprocess.Popen(
        [*command, "--plan", "plus", "--custom-emoji", EMOJI], stdout=subprocess.PIPE, text=True
    ) as one:
        try:
            yield (one.stdout.readline() if one.stdout else "").split()[1], log
        finally:
            one.terminate()


def called(log: Path, known: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the endpoints that the log shows to have been answered well."""
    found = set()
    for line in log.read_text(encoding="utf-8").splitlines():
        request = json.loads(line)
        path = request["path"].partition("?")[0].removeprefix("/v1/")
        fitting = [way for way in known if way[0] == request["method"] and fits(way[1], path)]
        if request["status"] in (200, 202) and fitting:
            # The one with most words of its own: users/me is no users/{id}.
            found.add(min(fitting, key=lambda way: way[1].count("{")))
    return found


def fits(pattern: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w*\}", "[^/]+", pattern), path) is not None


def of_python() -> set[tuple[str, str]]:
    source = inspect.getsource(api_endpoints)
    ways = re.findall(r'path=f?"([^"]+)",\s*method="([A-Z]+)"', source)
    return {(method, re.sub(r"\{\w+\}", "{}", path)) for path, method in ways if not path.startswith(LEFT_OUT)}


def of_javascript() -> set[tuple[str, str]]:
    folder = test_node.HERE / test_node.PACKAGE / "build/src/api-endpoints"
    found = set()
    for file in folder.glob("*.js"):
        if file.stem in LEFT_OUT:
            continue
        text = file.read_text(encoding="utf-8")
        for method, path in re.findall(r'method: "(\w+)".*?path: \(?p?\)? => `([^`]+)`', text, re.DOTALL):
            found.add((method.upper(), re.sub(r"\$\{[^}]+\}", "{}", path)))
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_for_python_calls_every_endpoint(served: tuple[str, Path], version: str) -> None:
    url, log = served
    with notion_client.Client(auth="ntn_person_Hanako", base_url=url, notion_version=version) as person:
        person.users.me()
    with notion_client.Client(auth="ntn_local", base_url=url, notion_version=version, retry=False) as client:
        tour(client, version)
    known = of_python()
    assert len(known) > 40
    assert known - called(log, known) == set()


def test_the_client_for_javascript_calls_every_endpoint(served: tuple[str, Path]) -> None:
    if reason := test_node.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    url, log = served
    done = subprocess.run(
        ["node", "tour.mjs", url, "plus"],
        cwd=test_node.HERE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    known = of_javascript()
    assert len(known) > 40
    assert known - called(log, known) == set()

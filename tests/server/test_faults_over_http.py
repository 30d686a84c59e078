"""Faults of the connection itself, as a client over a real socket meets them; and the options of ``serve``."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.conftest import WORKSPACE, text

HEADERS = {"Authorization": "Bearer ntn_local", "Notion-Version": "2026-03-11"}
PAGE = {"parent": {"page_id": WORKSPACE}, "properties": {"title": text("Made")}}
Serve = Callable[..., httpx.Client]


def command(folder: Path, *options: str) -> list[str]:
    here = ["--port", "0", "--db", str(folder / "notion.db"), "--request-log", str(folder / "requests.jsonl")]
    return [sys.executable, "-m", "ultra_checklist", "serve", *here, *options]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A server with these options and rules, and a client of it."""
    started: list[tuple[subprocess.Popen[str], httpx.Client]] = []

    def run(*options: str, rules: list[dict[str, Any]] | None = None) -> httpx.Client:
        if rules is not None:
            (tmp_path / "faults.json").write_text(json.dumps({"rules": rules}), encoding="utf-8")
            options = (*options, "--faults", str(tmp_path / "faults.json"))
        process = subprocess.Popen(
            command(tmp_path, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        started.append((process, httpx.Client(base_url=url, headers=HEADERS, timeout=30)))
        return started[-1][1]

    yield run
    for process, client in started:
        client.close()
        os.kill(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")


def made_pages(client: httpx.Client) -> int:
    person = {"Authorization": "Bearer ntn_person_Hanako"}
    return len(client.get(f"/v1/blocks/{WORKSPACE}/children", headers=person).json()["results"])


@pytest.mark.parametrize("committed", [False, True])
def test_the_connection_is_dropped_before_or_after_the_commit(
    serve: Serve, committed: bool, tmp_path: Path
) -> None:
    client = serve(rules=[{"fault": "dropped", "committed": committed, "method": "POST"}])
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.post("/v1/pages", json=PAGE)
    assert made_pages(client) == int(committed)
    lines = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.get("fault") for line in lines] == ["dropped", None]


def test_an_answer_ends_before_its_announced_length(serve: Serve) -> None:
    client = serve(rules=[{"fault": "truncated_length", "method": "POST"}])
    with pytest.raises(
        httpx.RemoteProtocolError, match="peer closed connection without sending complete message body"
    ):
        client.post("/v1/pages", json=PAGE)
    assert made_pages(client) == 1


def test_a_slow_body_outlasts_an_impatient_client(serve: Serve) -> None:
    client = serve(rules=[{"fault": "slow_body", "over_ms": 60_000}])
    with pytest.raises(httpx.ReadTimeout):
        client.get("/v1/users/me", timeout=httpx.Timeout(30, read=0.2))


def test_the_rate_goes_by_its_model(serve: Serve) -> None:
    client = serve("--rate", "window:2/60", "--latency", "1-5")
    assert [client.get("/v1/users/me").status_code for _ in range(3)] == [200, 200, 429]


def test_the_plan_and_the_capabilities_are_options(serve: Serve) -> None:
    client = serve(
        "--plan", "plus", "--without", "user_information", "--without", "insert_comments", "--block-limit", "2"
    )
    limits = client.get("/v1/users/me").json()["bot"]["workspace_limits"]
    assert limits == {"max_file_upload_size_in_bytes": 5 * 2**30}
    assert client.get("/v1/users").status_code == 403
    assert [client.post("/v1/pages", json=PAGE).status_code for _ in range(2)] == [200, 403]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rate", "fast"), "--rate: 'fast' is no rate"),
        (("--latency", "soon"), "--latency: 'soon' is no delay"),
        (("--faults", "none.json"), "--faults: none.json: "),
        (("--without", "everything"), "--without"),
    ],
)
def test_wrong_options_end_with_2(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    done = subprocess.run(command(tmp_path, *options), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "notion.db").exists()

"""Every act of sabotage changes what the pretend world answers, and none of it the wrong way round."""

import json
import os
import time
from collections.abc import Iterator
from copy import deepcopy
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from tests.demo.test_world import ask, rpc, wait_until
from ultra_checklist.demo.chain import ACCOUNT, POOL
from ultra_checklist.demo.repository import NEW, put_release
from ultra_checklist.demo.sabotage import Moment, breaks, chosen, names
from ultra_checklist.demo.sinks import LINE_TO, LINE_TOKEN
from ultra_checklist.demo.world import World

OF_PEOPLE = {
    "staging-complete:open": "unfinished",
    "staging-complete:other-commit": "staging_ref",
    "operator-recorded:late": "forgetful",
    "monitor-jobs:missed": "monitor.off",
    "monitor-jobs:weekly": "monitor.off",
    "monitor-jobs:error": "monitor.failing",
    "smoke-notion-flow:stuck": "newsroom",
    "smoke-notion-flow:error": "newsroom",
    "smoke-notion-flow:trade": "newsroom",
}
"""What changes how people, jobs or the reader of news behave: seen in the demo, not in an answer."""
AT_THE_DEPLOY = ("deploy-script:pid", "deploy-script:crash")
OF_EVIDENCE = ("deploy-log:lost", "deploy-log:altered", "logs-saved:lost", "logs-saved:altered")


def test_an_act_is_told_in_both_languages_and_settles_nothing() -> None:
    for acts in breaks().values():
        assert len({act.variant for act in acts}) == len(acts)
        for act in acts:
            assert act.en
            assert act.ja
            assert act.result in ("Failed", "Can't tell", "Waiting")
            assert act.moment in Moment


def test_most_lines_can_be_broken_in_two_ways() -> None:
    once = [item for item, acts in breaks().items() if len(acts) == 1]
    assert once == ["rollback-read", "operator-recorded", "rollback-done", "release-recorded"]
    assert len(breaks()) >= 30


@pytest.mark.parametrize(
    "name", [name for name in names() if name not in (*OF_PEOPLE, *OF_EVIDENCE, *AT_THE_DEPLOY)]
)
def test_it_is_seen_in_what_the_world_answers(name: str, world: World) -> None:
    found = chosen(name)
    assert found is not None
    if found[1].moment is not Moment.START:
        put_release(world.checkout, NEW)
        pid = world.container.state.pid
        world.container.restart()
        wait_until(lambda: world.container.state.pid not in (0, pid) and world.container.state.healthy)
    before = dict(look(world))
    found[1].apply(world)
    wait_until(lambda: dict(look(world)) != before)
    assert found[0] in breaks()


@pytest.mark.parametrize("name", OF_PEOPLE)
def test_people_are_told_to_behave_otherwise(name: str, world: World) -> None:
    found = chosen(name)
    assert found is not None
    told = attrgetter(OF_PEOPLE[name])
    before = deepcopy(told(world))
    found[1].apply(world)
    assert told(world) != before


@pytest.mark.parametrize("name", AT_THE_DEPLOY)
def test_the_deploy_script_fails(name: str, world: World) -> None:
    import subprocess

    found = chosen(name)
    assert found is not None
    found[1].apply(world)
    assert subprocess.run(world.deploying(), capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("name", OF_EVIDENCE)
def test_the_log_of_the_deploy_is_not_what_it_was(name: str, world: World) -> None:
    world.evidence.joinpath("ab").mkdir(parents=True)
    said, other = world.evidence / "ab" / "cd", world.evidence / "ab" / "ef"
    said.write_bytes(b"[deploy] done")
    other.write_bytes(b"another thing")
    found = chosen(name)
    assert found is not None
    found[1].apply(world)
    assert not said.exists() or said.read_bytes() != b"[deploy] done"
    assert other.read_bytes() == b"another thing"


def test_mending_takes_back_what_lies_in_no_file(world: World) -> None:
    for name in (
        "aave-position:testnet",
        "aave-position:stale",
        "backend-running:gone",
        "smoke-notifications:slack",
    ):
        found = chosen(name)
        assert found is not None
        found[1].apply(world)
    world.spoil(status=500)
    world.mend()
    assert ask(world.url)[0] == 200
    assert rpc(world, "eth_chainId") == "0x1"
    assert world.slack.service.fault is None
    assert not world.docker.hidden


def look(world: World) -> Iterator[tuple[str, Any]]:
    """All that can be seen and does not change by itself."""
    yield from files(world)
    for one in (world.container, world.staging):
        state = one.state
        # A restart is of no account in itself; where it comes again and again the status tells it.
        yield one.name, (state.version, state.status if state.status != "created" else "running", state.health)
        yield f"{one.name} answers", status_and(one.url + "/health", "commit")
    yield "docker", (world.docker.service.open, world.docker.hidden)
    metrics = text_of(f"{world.container.url}/metrics")
    yield (
        "metrics",
        [line for line in metrics.splitlines() if line.startswith(("health_factor", "error_rate", "emergency"))],
    )
    yield "slow", "_bucket" in metrics and slow(metrics)
    yield "events", events(world)
    yield (
        "alerts",
        ask(world.alertmanager.service.url + "/api/v2/alerts") if world.alertmanager.service.open else None,
    )
    yield "octobot", [ask(world.octobot.service.url + path)[0] for path in ("/api/ping", "/api/version")]
    yield (
        "trades",
        len(json.loads(ask(world.octobot.service.url + "/api/trades")[1]))
        if world.octobot.service.fault is None
        else None,
    )
    data = "0xbf92857c" + ACCOUNT.removeprefix("0x").rjust(64, "0")
    for number in (0, 1):
        yield f"position {number}", rpc(world, "eth_call", {"to": POOL, "data": data}, "latest", node=number)
        yield f"chain {number}", rpc(world, "eth_chainId", node=number)
        yield f"sent {number}", rpc(world, "eth_getTransactionCount", ACCOUNT, "latest", node=number)
        head = rpc(world, "eth_getBlockByNumber", "latest", False, node=number)
        yield f"lag {number}", time.time() - int(head["timestamp"], 16) > 600
    yield from sinks(world)


def files(world: World) -> Iterator[tuple[str, Any]]:
    for path in sorted(world.checkout.glob(".env.production*")):
        info = path.lstat()
        yield path.name, (oct(info.st_mode), path.read_text())
    yield "git", (world.git("status", "--porcelain"), world.git("for-each-ref"))
    for folder in (world.junit, world.root / "bin"):
        yield str(folder), {path.name: path.read_text() for path in folder.iterdir()}
    log = world.run_folder / "backend.log"
    text = log.read_text() if log.exists() else ""
    yield "log", ("backend started" in text, "Traceback" in text)


def status_and(url: str, key: str) -> Any:
    try:
        status, text = ask(url)
    except OSError:
        return None
    return status, json.loads(text).get(key)


def text_of(url: str) -> str:
    try:
        return ask(url)[1]
    except OSError:
        return ""


def slow(metrics: str) -> bool:
    def count(bound: str) -> float:
        return next(float(line.split()[1]) for line in metrics.splitlines() if f'le="{bound}"' in line)

    return count("+Inf") - count("0.5") > 5


def events(world: World) -> Any:
    try:
        status, text = ask(world.variables["EVENTS_URL"])
    except OSError:
        return None
    found = json.loads(text)["events"] if status == 200 else []
    return status, [event["level"] for event in found if event["level"] != "INFO"]


def sinks(world: World) -> Iterator[tuple[str, Any]]:
    for name, url in (("slack", world.slack.url), ("webhook", world.webhook.url)):
        count = len(world.messages)
        yield name, (ask(url, method="POST", body={"text": "a word"})[0], len(world.messages) - count)
    headers = {"Authorization": f"Bearer {LINE_TOKEN}"}
    push = {"to": LINE_TO, "messages": [{"type": "text", "text": "a word"}]}
    yield "line", ask(f"{world.line.service.url}/v2/bot/message/push", method="POST", body=push, headers=headers)[0]


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    from ultra_checklist.demo.world import pretend_production

    with pretend_production(tmp_path / "world") as world:
        folder = Path(world.docker.service.url.removeprefix("unix://")).parent
        assert folder.is_dir()
        assert len(os.fsencode(world.docker.service.url)) < 100
    assert not folder.exists()

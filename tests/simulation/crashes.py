"""Kills a command at each of its I/O steps in turn, runs it again, and compares the end with an undisturbed run."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation import world
from tests.simulation.model import RELEASES, Page
from tests.simulation.stage import Stage
from tests.simulation.story import FACTS, VERSION, item_of
from tests.simulation.virtual import Host, Process

ITEMS = ("a", "b", "c", "d", "e", "f")
HOOKS = "bell,horn"
TIMES = ("checked_at", "last_look", "started", "ended")
"""Columns that tell when something happened, which a kill may change."""

Command = Callable[[Stage, Host, int | None], Any]


@dataclass(frozen=True)
class Scene:
    """A command, and what was done before it."""

    before: Callable[[Stage, Host], None]
    command: Command


def _nothing(stage: Stage, host: Host) -> None:
    pass


def _made(stage: Stage, host: Host) -> None:
    stage.run(lambda: stage.new(host, VERSION))
    stage.loop.moment += 60


def _ticked(stage: Stage, host: Host) -> None:
    _made(stage, host)
    host.world["c"] = "fail"
    for item in ("a", "b", "c", "e"):
        _tick(stage, item)


def _deploy_ticked(stage: Stage, host: Host) -> None:
    _ticked(stage, host)
    stage.run(lambda: stage.sync(host))
    stage.loop.moment += 60
    _tick(stage, "d")


def _everything_settled(stage: Stage, host: Host) -> None:
    _deploy_ticked(stage, host)
    host.world["c"] = "pass"
    for _ in range(3):
        stage.run(lambda: stage.sync(host))
        stage.loop.moment += 60
        _tick(stage, "f")


def _last_tick(stage: Stage, host: Host) -> None:
    _deploy_ticked(stage, host)
    host.world["c"] = "pass"
    stage.run(lambda: stage.sync(host))
    stage.loop.moment += 60
    _tick(stage, "f")


def _horn_out_of_order(stage: Stage, host: Host) -> None:
    """The release has ended, and one of its two hooks has failed; by now it would work."""
    host.world["hook horn"] = "fail"
    _everything_settled(stage, host)
    stage.run(lambda: stage.close(host, VERSION, "complete"))
    host.world["hook horn"] = "pass"
    stage.loop.moment += 120


def _tick(stage: Stage, item: str) -> None:
    row = stage.row(item, VERSION)
    assert row is not None
    stage.person("Sato", row, done=True)


SCENES = {
    "render": Scene(_nothing, lambda stage, host, kill: stage.new(host, VERSION, kill_at=kill)),
    "sync": Scene(_ticked, lambda stage, host, kill: stage.sync(host, kill_at=kill)),
    "deploy mark": Scene(_deploy_ticked, lambda stage, host, kill: stage.sync(host, kill_at=kill)),
    "close": Scene(
        _everything_settled, lambda stage, host, kill: stage.close(host, VERSION, "complete", kill_at=kill)
    ),
    "close by a pass": Scene(_last_tick, lambda stage, host, kill: stage.sync(host, kill_at=kill)),
    "roll back": Scene(
        _deploy_ticked, lambda stage, host, kill: stage.close(host, VERSION, "rolled-back", kill_at=kill)
    ),
    "a hook again": Scene(_horn_out_of_order, lambda stage, host, kill: stage.sync(host, kill_at=kill)),
}


def steps_of(name: str) -> int:
    """How many I/O steps the command of a scene has: before and after each request and system call."""
    with world.installed(), Stage("crash", _checklist(), close_after=_close_after(name), hooks=HOOKS) as stage:
        return _play(stage, name, None).steps


def undisturbed(name: str) -> dict[str, Any]:
    """What everything looks like in the end, when nobody is killed."""
    with world.installed(), Stage("crash", _checklist(), close_after=_close_after(name), hooks=HOOKS) as stage:
        _play(stage, name, None)
        return _end(stage, name)


def killed(name: str, step: int, *, power_cut: bool = False) -> dict[str, Any]:
    """The same after a kill at that step, the same command once more, and perhaps a power cut between the two.

    Raises AssertionError when a further run writes something.
    """
    with world.installed(), Stage("crash", _checklist(), close_after=_close_after(name), hooks=HOOKS) as stage:
        host = stage.hosts["web-1"]
        process = _play(stage, name, step)
        assert process.killed
        if power_cut:
            stage.storage.power_cut(host)
        stage.run(lambda: SCENES[name].command(stage, host, None))
        return _end(stage, name)


def _checklist() -> Any:
    return tuple(item_of(FACTS[item], order) for order, item in enumerate(ITEMS))


def _close_after(name: str) -> float:
    return 0.0 if name == "close by a pass" else 1e9


def _play(stage: Stage, name: str, kill: int | None) -> Process:
    scene, host = SCENES[name], stage.hosts["web-1"]
    scene.before(stage, host)
    process: Process = stage.run(lambda: scene.command(stage, host, kill))
    return process


def _end(stage: Stage, name: str) -> dict[str, Any]:
    """Let it come to rest, look at it, and see that a further run leaves it alone."""
    host = stage.hosts["web-1"]
    for _ in range(2):
        stage.run(lambda: stage.sync(host))
    seen, writes = _look(stage), _writes(stage)
    stage.run(lambda: stage.sync(host))
    if name == "render":
        stage.run(lambda: stage.new(host, VERSION))
    assert _writes(stage) == writes, f"a further run writes: {stage.told}"
    assert _look(stage) == seen
    return seen


def _writes(stage: Stage) -> int:
    return sum(1 for x in stage.wire.log if x.method != "GET" and not x.path.endswith("/query"))


def _look(stage: Stage) -> dict[str, Any]:
    pages = stage.model.rows(RELEASES)
    kinds = [line["kind"] for line in _journal(stage)]
    return {
        # At least once each; the same key however often it was.
        "told": sorted(set(world.LEDGER.told)),
        "endings": [kinds.count("sealed"), kinds.count("closed")],
        "attached": [_attached(stage, page) for page in pages],
        "words": [_paragraphs(page) for page in pages],
        "pages": [_shown(page) for page in pages],
        "blocks": [[block["type"] for block in page.blocks] for page in pages],
        "rows": sorted((_shown(page) for page in stage.model.rows() if not page.now.in_trash), key=str),
    }


def _journal(stage: Stage) -> list[dict[str, Any]]:
    found = list((stage.hosts["web-1"].home / "releases").rglob("journal.jsonl"))
    return [json.loads(line) for path in found for line in path.read_text().splitlines()]


def _attached(stage: Stage, page: Page) -> list[str]:
    """Names of the files of a page: one upload each, the same in the record and in the column."""
    column = {file["file_upload"]["id"]: file["name"] for file in page.now.values.get("files") or ()}
    record = {b["file"]["file_upload"]["id"]: b["file"]["name"] for b in page.blocks if b["type"] == "file"}
    assert column == record, "the record and the column do not show the same uploads"
    assert all(stage.model.uploads[upload] == "uploaded" for upload in column)
    return sorted(column.values())


def _paragraphs(page: Page) -> list[str]:
    texts = (b["paragraph"]["rich_text"] for b in page.blocks if b["type"] == "paragraph")
    whole = ("".join(piece["text"]["content"] for piece in text) for text in texts)
    # Times and the digest of the journal's head differ after a kill.
    return [re.sub(r"[0-9a-f]{64}|\d+", "#", text) for text in whole]


def _shown(page: Page) -> dict[str, Any]:
    values = {k: v for k, v in page.now.values.items() if k not in (*TIMES, "files", "release")}
    return values | {
        "times": [k for k in TIMES if page.now.values.get(k)],
        "files": len(page.now.values.get("files") or ()),
    }

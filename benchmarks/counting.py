"""How many requests a pass and a render make; nothing is timed."""

import math
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.options import Options
from benchmarks.scene import Scene, local_notion, template, ultra
from benchmarks.table import Row


def writes(requests: list[dict[str, str]]) -> int:
    """How many of them change something."""
    return sum(found["method"] != "GET" and not found["path"].endswith("/query") for found in requests)


def exact(key: str, title: str, number: int, limit: int) -> Row:
    """A row of a count."""
    return Row(key, title, f"≤ {limit} requests", f"{number} requests", "–", number / limit, 1)


def passes(options: Options, folder: Path) -> list[Row]:
    """Idle passes over few and many releases, then one with ticks."""
    found: list[Row] = []
    with local_notion(folder / "passes") as scene:
        scene.do("init")
        path = str(template(folder / "passes.md", 1))
        made = 0
        for many in (3, 10) if options.quick else (3, 100):
            for number in range(made, many):
                scene.do("new", "v1", "-t", path, "-e", f"place-{number}")
            made = many
            scene.do("sync")
            scene.do("sync")
            idle = scene.counted("sync")
            if writes(idle):
                raise RuntimeError("an idle pass has written")
            found.append(exact("requests", f"idle pass, {many} releases", len(idle), 1))
    return found + ticks(folder)


def ticks(folder: Path) -> list[Row]:
    """Passes that find ticks."""
    with local_notion(folder / "ticks") as scene:
        scene.do("init")
        scene.do("new", "v1", "-t", str(template(folder / "ticks.md", 10)))
        scene.do("sync")
        scene.do("sync")
        return [
            exact("requests", f"pass with {number} tick{'s' * (number > 1)}", ticked(scene, number), 1 + number)
            for number in (1, 5)
        ]


def ticked(scene: Scene, ticks: int) -> int:
    """Tick so many boxes as a person, and count the requests of the pass that proves them."""
    open_rows = [row for row in scene.rows() if not row["properties"]["Done"]["checkbox"]][:ticks]
    for row in open_rows:
        body = {"properties": {"Done": {"checkbox": True}}}
        scene.ask("PATCH", f"pages/{row['id']}", body, token="ntn_person_Ada")  # noqa: S106
    number = len(scene.counted("sync"))
    ids = {row["id"] for row in open_rows}
    results = [row["properties"]["Result"]["select"] for row in scene.rows() if row["id"] in ids]
    if [result and result["name"] for result in results] != ["Passed"] * ticks:
        raise RuntimeError(f"the ticks were not proved: {results}")
    scene.do("sync")
    return number


def renders(options: Options, folder: Path) -> list[Row]:
    """A release made, and made again."""
    found = []
    for items in (10, 50) if options.quick else (10, 50, 250):
        with local_notion(folder / f"render-{items}") as scene:
            scene.do("init")
            words = ("new", "v1", "-t", str(template(folder / f"render-{items}.md", items)))
            first, again = scene.counted(*words), scene.counted(*words)
            if len(scene.rows()) != items or writes(again):
                raise RuntimeError("the release is not what was asked for")
            found.append(exact("render", f"render {items} items", len(first), items + 3))
            limit = 1 + math.ceil(items / 100)
            found.append(exact("render", f"render {items} items again", len(again), limit))
    return [*found, resumed(folder, 50)]


def title(row: dict[str, Any]) -> str:
    """What a row is called."""
    (found,) = (value["title"] for value in row["properties"].values() if value["type"] == "title")
    return str(found[0]["plain_text"])


def resumed(folder: Path, items: int) -> Row:
    """What a release costs that was killed half-way, beside the rows that were missing."""
    with local_notion(folder / "resumed", latency=50) as scene:
        scene.do("init")
        words = ("new", "v1", "-t", str(template(folder / "resumed.md", items)))
        env = scene.env | {"ULTRA_CHECKLIST_INDEX_LAG": "0"}
        with subprocess.Popen(ultra(*words), env=env, cwd=folder) as process:
            while sum(found["path"] == "/v1/pages" for found in scene.requests()) < items // 2:
                time.sleep(0.01)
            process.kill()
        before = len(scene.requests())
        subprocess.run(ultra(*words), env=env, cwd=folder, check=True, capture_output=True)
        again = scene.requests()[before:]
        rows = scene.rows()
    titles = {title(row) for row in rows}
    if len(rows) != items or len(titles) != items:
        raise RuntimeError(f"{len(rows)} rows of {len(titles)} items")
    return exact(
        "render",
        f"render {items} killed half-way, again: reads",
        len(again) - writes(again),
        1 + math.ceil(items / 100),
    )

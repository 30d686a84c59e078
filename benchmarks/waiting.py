"""How long a person waits: from the tick in Notion to the verdict in Notion, with ``sync --watch``."""

import math
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.options import Options
from benchmarks.scene import Scene, local_notion, template, ultra
from benchmarks.table import Row
from benchmarks.timing import seconds

LATENCY = 150
"""Milliseconds before each answer of the local Notion, to the worker and to the person alike."""
AT_MOST = 90
"""Rows: Notion answers a hundred at a time, and all that were edited in the last five minutes are asked for."""
GOLDEN = 0.618034
"""Spreads the moments of ticks evenly over the pace of the worker, whatever that is."""


def waiting(options: Options, folder: Path) -> list[Row]:
    """Ticks at random moments, one after the other; what the worker asked meanwhile."""
    ticks = 30 if options.quick else AT_MOST
    with local_notion(folder / "waiting", latency=LATENCY) as scene:
        scene.do("init")
        scene.do("new", "v1", "-t", str(template(folder / "waiting.md", ticks)))
        rows = [row["id"] for row in scene.rows()]
        with worker(scene):
            before, began = len(scene.requests()), time.monotonic()
            pauses = [0.5 + 2.0 * (n * GOLDEN % 1) for n in range(ticks)]
            ticked = [tick(scene, row, pause) for row, pause in zip(rows, pauses, strict=True)]
            lasted = time.monotonic() - began
        asked = scene.requests()[before:]
    waits = sorted(verdict_after(asked, row, moment) for row, moment in zip(rows, ticked, strict=True))
    idle = sum(found["path"].endswith("/query") for found in asked) / lasted
    title = f"from tick to verdict, {ticks} ticks, `sync --watch`, {LATENCY} ms"
    shown = f"p50 {seconds(statistics.median(waits))}, p99 {seconds(percentile(waits, 99))}"
    return [
        Row("waiting", f"{title}: p50", "≤ 1.5 s", shown, "–", statistics.median(waits), 1.5),
        Row("waiting", f"{title}: p99", "≤ 3 s", shown, "–", percentile(waits, 99), 3),
        Row("waiting", "the same: queries a second", "≤ 1", f"{idle:.2f}", "–", idle, 1),
    ]


@contextmanager
def worker(scene: Scene) -> Iterator[None]:
    """A worker that watches, once it has made its first pass."""
    before = len(scene.requests())
    with subprocess.Popen(
        ultra("sync", "--watch"),
        env=scene.env,
        cwd=scene.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while not any(found["path"].endswith("/query") for found in scene.requests()[before:]):
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def tick(scene: Scene, row: str, pause: float) -> float:
    """Tick a box after a pause, as a person; when the request was sent. Waits for the verdict."""
    time.sleep(pause)
    moment = time.time()
    scene.ask("PATCH", f"pages/{row}", {"properties": {"Done": {"checkbox": True}}}, token="ntn_person_Ada")  # noqa: S106
    while not any(is_verdict(found, row) for found in scene.requests()[-20:]):
        time.sleep(0.05)
    return moment


def is_verdict(found: dict[str, Any], row: str) -> bool:
    """Whether a request is the worker's that writes the row."""
    return bool(found["method"] == "PATCH" and found["path"].endswith(row) and found["actor"] == "integration")


def verdict_after(asked: list[dict[str, Any]], row: str, moment: float) -> float:
    """Seconds from the tick until Notion has the verdict."""
    (first, *_) = (found for found in asked if is_verdict(found, row))
    return datetime.fromisoformat(first["time"]).timestamp() + float(first["ms"]) / 1000 - moment


def percentile(values: list[float], part: int) -> float:
    """The value below which so many of a hundred lie (nearest rank)."""
    return sorted(values)[math.ceil(len(values) * part / 100) - 1]

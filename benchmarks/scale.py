"""What a pass costs when there is much: requests, time and memory at a hundred releases and ten thousand rows."""

import sqlite3
import subprocess
from pathlib import Path

from benchmarks.counting import writes
from benchmarks.options import Options
from benchmarks.scene import Scene, local_notion, template
from benchmarks.table import Row
from benchmarks.timing import Figure, interleaved

OLD = 20 * 60 * 1000
"""Milliseconds by which rows are made older: an edit counts as fresh for five minutes."""
MEMORY = 40
"""MiB that ten thousand rows may take more than five."""


def scale(options: Options, folder: Path) -> list[Row]:
    """Idle passes over few and many rows in turn, then a pass that every row comes back to."""
    releases, items = (20, 50) if options.quick else (100, 100)
    with local_notion(folder / "few") as few, local_notion(folder / "many") as many:
        filled(options, few, 1, 5)
        filled(options, many, releases, items)
        fresh = many.counted("sync")
        back = interleaved({"many": many.command("sync")}, 1)["many"]
        for scene in (few, many):
            aged(scene)
            scene.do("sync")
        idle = many.counted("sync")
        if writes(idle) or writes(fresh):
            raise RuntimeError("an idle pass has written")
        figures = interleaved({"few": few.command("sync"), "many": many.command("sync")}, options.repeats)
    rows = f"{releases} releases, {releases * items:,} rows"
    return [
        Row("scale", f"idle pass, {rows}", "≤ 1 requests", f"{len(idle)} requests", "–", len(idle), 1),
        grown(f"idle pass, {rows}", figures["many"], figures["few"]),
        grown(f"pass just after all were edited ({len(fresh)} requests), {rows}", back, figures["few"]),
    ]


def filled(options: Options, scene: Scene, releases: int, items: int) -> None:
    """Make so many releases of so many items."""
    scene.do("init")
    path = str(template(scene.folder / "scale.md", items))
    words = [options.python, "-m", "benchmarks.making", path, str(releases)]
    subprocess.run(words, env=scene.env, cwd=scene.folder, check=True, capture_output=True)
    scene.do("sync")


def aged(scene: Scene) -> None:
    """Let time pass for what is in Notion."""
    with sqlite3.connect(scene.folder / "notion.db") as notion:
        notion.execute("UPDATE nodes SET edited_at = edited_at - ?", (OLD,))
    notion.close()


def grown(title: str, much: Figure, little: Figure) -> Row:
    """How much more memory a pass took than one over five rows."""
    more = much.rss - little.rss
    return Row("scale", title, f"≤ {MEMORY} MiB more", str(much), f"5 rows: {little}", max(more, 0.0), MEMORY)

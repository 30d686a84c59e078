"""How long a release of fifty items takes to make, under both models of Notion's rate limit."""

import time
from pathlib import Path

from benchmarks.options import Options
from benchmarks.scene import Scene, local_notion, template
from benchmarks.table import Row
from benchmarks.timing import Command, Figure, interleaved

ITEMS = 50
FLOOR = 16.5
"""Seconds: 53 requests at three a second after a burst of three, and the last answer's 150 ms."""


def rendering(options: Options, folder: Path) -> list[Row]:
    """Against the floor and a notion-client script at bucket 3/3; against a number at window 180/60."""
    ours, peer, bounced = timed(options, folder / "bucket", "bucket:3/3", 2)
    against = f"floor {FLOOR} s; notion-client script {peer}, {peer.median / FLOOR:.2f} times the floor"
    title = f"render {ITEMS} at bucket 3/3, 150 ms"
    found = [
        Row("rendering", title, "≤ 1.05 times the floor", str(ours), against, ours.median / FLOOR, 1.05),
        Row("rendering", f"{title}: answers 429", "0", str(bounced), "–", bounced, 0),
    ]
    if options.quick:  # the window needs a minute's rest before each run
        return found
    ours, peer, _ = timed(options, folder / "window", "window:180/60", 61)
    title = f"render {ITEMS} at window 180/60, 150 ms"
    against = f"notion-client script {peer}"
    return [*found, Row("rendering", title, "≤ 2.5 s", str(ours), against, ours.median, 2.5)]


def timed(options: Options, folder: Path, rate: str, rest: float) -> tuple[Figure, Figure, int]:
    """Ours, the script's, and how often we were sent away; the budget is full again before each run."""
    with local_notion(folder, latency=150, rate=rate) as scene:
        scene.do("init")
        path = str(template(folder / "render.md", ITEMS))
        scene.do("new", "v1", "-t", path, "-e", "first")
        source = scene.source()
        words, count = scene.command("new", "v1", "-t", path, "-e", "x"), [0]
        line = list(words.words)

        def ready() -> None:
            """A new release each time, and a rested server."""
            count[0] += 1
            line[-1] = f"place-{count[0]}"
            time.sleep(rest)

        script = [str(options.peers), "-m", "benchmarks.peers.render", source, str(ITEMS)]
        before = len(scene.requests())
        figures = interleaved(
            {
                "ours": Command(line, scene.env, folder, before=ready),
                "peer": Command(script, scene.env, folder, before=lambda: time.sleep(rest)),
            },
            2 if options.quick else options.repeats,
        )
        return figures["ours"], figures["peer"], sent_away(scene, before)


def sent_away(scene: Scene, before: int) -> int:
    """How many of our requests were answered by 429; the script's pages have a title of their own."""
    later = scene.requests()[before:]
    return sum(found["status"] == 429 and "Peer " not in str(found.get("body")) for found in later)

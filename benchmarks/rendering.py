"""How long a release of fifty items takes to make, under both models of Notion's rate limit."""

from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.options import Options
from benchmarks.scene import local_notion, template
from benchmarks.table import Row
from benchmarks.timing import Command, Figure, interleaved

ITEMS = 50
FLOOR = 16.5
"""Seconds: 53 requests at three a second after a burst of three, and the last answer's 150 ms."""


def rendering(options: Options, folder: Path) -> list[Row]:
    """Against the floor and a notion-client script at bucket 3/3; against a number at window 180/60."""
    ours, peer, bounced = timed(options, folder / "bucket", "bucket:3/3")
    against = f"floor {FLOOR} s; notion-client script {peer}, {peer.median / FLOOR:.2f} times the floor"
    title = f"render {ITEMS} at bucket 3/3, 150 ms"
    found = [
        Row("rendering", title, "≤ 1.05 times the floor", str(ours), against, ours.median / FLOOR, 1.05),
        Row("rendering", f"{title}: answers 429", "0", str(bounced), "–", bounced, 0),
    ]
    ours, peer, _ = timed(options, folder / "window", "window:180/60")
    title = f"render {ITEMS} at window 180/60, 150 ms"
    against = f"notion-client script {peer}"
    return [*found, Row("rendering", title, "≤ 2.5 s", str(ours), against, ours.median, 2.5)]


def timed(options: Options, folder: Path, rate: str) -> tuple[Figure, Figure, int]:
    """Ours, the script's, and how often we were sent away; each run has a token whose budget is full."""
    with local_notion(folder, latency=150, rate=rate) as scene:
        scene.do("init")
        path = str(template(folder / "render.md", ITEMS))
        scene.do("new", "v1", "-t", path, "-e", "first")
        source, ours = scene.source(), scene.command("new", "v1", "-t", path, "-e", "x")
        script = [str(options.peers), "-m", "benchmarks.peers.render", source, str(ITEMS)]
        line, env, runs = list(ours.words), dict(scene.env), [0]

        def ready() -> None:
            """A new release each time, and a token that nobody has used."""
            runs[0] += 1
            line[-1], env["NOTION_TOKEN"] = f"place-{runs[0]}", f"ntn_local_{runs[0]}"

        before = len(scene.requests())
        figures = interleaved(
            {
                "ours": Command(line, env, folder, before=ready),
                "peer": Command(script, env, folder, before=ready),
            },
            2 if options.quick else options.repeats,
        )
        requests = scene.requests()[before:]
    made = Counter(found["status"] for found in requests if found["path"] == "/v1/pages" and not of_script(found))
    rounds = len(figures["ours"].runs) + 1
    if made[200] != rounds * (ITEMS + 1) or sum(map(of_script, requests)) < rounds * ITEMS:
        raise RuntimeError(f"the pages at the end are not those that were asked for: {made}")
    return figures["ours"], figures["peer"], sum(r["status"] == 429 and not of_script(r) for r in requests)


def of_script(found: dict[str, Any]) -> bool:
    """Whether a request is the script's, whose pages have a title of their own."""
    return "Peer " in str(found.get("body"))

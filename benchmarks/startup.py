"""What a command costs before it does anything."""

from pathlib import Path

from benchmarks.options import Options
from benchmarks.scene import PLAIN, local_notion, template, ultra
from benchmarks.table import Row
from benchmarks.timing import Command, interleaved


def startup(options: Options, folder: Path) -> list[Row]:
    """``--help`` against a Python that does nothing, and against ultimate-notion's."""
    env = PLAIN | {"ULTRA_CHECKLIST_HOME": str(folder / "home")}
    figures = interleaved(
        {
            "ours": Command(ultra("--help"), env, folder),
            "bare": Command([options.python, "-c", "pass"], env, folder),
            "uno": Command([str(options.peers.with_name("uno")), "--help"], env | {"HOME": str(folder)}, folder),
        },
        options.repeats,
    )
    ours, bare, uno = figures["ours"], figures["bare"], figures["uno"]
    against = f"`python -c pass` {bare}; `uno --help` {uno}, {uno.median / bare.median:.1f} times"
    return [
        Row("startup", "`--help`", "≤ 5 times", str(ours), against, ours.median / bare.median, 5),
    ]


def idle(options: Options, folder: Path) -> list[Row]:
    """A pass in which nothing changed, as a whole process, against a bare script with one query."""
    with local_notion(folder / "idle", latency=150) as scene:
        scene.do("init")
        scene.do("new", "v1", "-t", str(template(folder / "idle.md", 5)))
        source = scene.source()
        if len(scene.counted("sync")) != 1:
            raise RuntimeError("an idle pass is not one request")
        peer = [str(options.peers), "-m", "benchmarks.peers.idle_query", source]
        figures = interleaved(
            {"ours": scene.command("sync"), "bare": Command(peer, scene.env, folder)}, options.repeats
        )
    ours, bare = figures["ours"], figures["bare"]
    title = "idle `sync` at 150 ms, whole process"
    return [
        Row(
            "idle",
            title,
            "≤ 1.5 times",
            str(ours),
            f"notion-client, one query: {bare}",
            ours.median / bare.median,
            1.5,
        )
    ]

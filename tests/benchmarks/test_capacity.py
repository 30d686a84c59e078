"""What docs/scale.md says: the cost of a release is counted, the simulated days come out again."""

import re
from pathlib import Path

import pytest

from benchmarks.capacity import CLOSE, GOOD, ITEMS, PLANS, RENDER, TICKS, simulate
from benchmarks.scene import Scene, local_notion, template

DOCUMENT = Path(__file__).parents[2] / "docs/scale.md"


def tick(scene: Scene, number: int) -> None:
    """Tick so many open boxes as a person."""
    for row in [r for r in scene.rows() if not r["properties"]["Done"]["checkbox"]][:number]:
        body = {"properties": {"Done": {"checkbox": True}}}
        scene.ask("PATCH", f"pages/{row['id']}", body, token="ntn_person_Ada")


def test_a_release_costs_what_the_simulation_takes_it_to_cost(tmp_path: Path) -> None:
    with local_notion(tmp_path) as scene:
        scene.do("init")
        made = scene.counted("new", "v1", "-t", str(template(tmp_path / "a.md", ITEMS)))
        proved = 0
        for _ in range(5):
            tick(scene, ITEMS // 5)
            proved += len(scene.counted("sync")) - 1
        ended = scene.counted("close", "v1", "--as", "complete")
    assert len(made) == RENDER
    assert ITEMS <= proved <= TICKS
    assert len(ended) == CLOSE


def documented() -> list[tuple[int, int, str, int, str, str, int]]:
    """The rows of the document's table."""
    found = re.findall(
        r"^\| ([\d,]+) \| ([\d,]+) \| (\d+ a minute) \| ([\d,]+) \| ([\d.]+ s) \| ([\d.]+ s) \| (\d+) \|$",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [(_n(a), _n(b), plan, _n(c), p50, p99, _n(busiest)) for a, b, plan, c, p50, p99, busiest in found]


def _n(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.parametrize("row", [row for row in documented() if row[0] <= 1_000], ids=str)
def test_a_simulated_day_comes_out_as_documented(row: tuple[int, int, str, int, str, str, int]) -> None:
    releases, requests, plan, connections, p50, p99, busiest = row
    day = simulate(releases, PLANS[plan])
    assert connections == 1
    assert (day.requests, f"{day.p50:.1f} s", f"{day.p99:.1f} s", day.busiest) == (requests, p50, p99, busiest)
    assert day.busiest <= PLANS[plan]


def test_a_connection_carries_what_the_document_says_and_not_much_more() -> None:
    (carried,) = re.findall(
        r"One connection carries ([\d,]+) at 180 a minute", DOCUMENT.read_text(encoding="utf-8")
    )
    assert simulate(_n(carried), 180).p99 <= GOOD < simulate(_n(carried) + 100, 180).p99


def test_all_scales_are_documented() -> None:
    assert sorted({row[0] for row in documented()}) == [10, 1_000, 100_000]

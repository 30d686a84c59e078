import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.checks import plan
from benchmarks.counting import ticks
from benchmarks.plot import picture
from benchmarks.table import BEGIN, END, Row, between, markdown
from benchmarks.timing import Command, CommandFailed, Figure, Run, interleaved, once, seconds


def test_a_figure_is_the_median_and_the_range() -> None:
    figure = Figure((Run(3, 1, 10), Run(1, 2, 30), Run(2, 9, 20)))
    assert (figure.median, figure.low, figure.high, figure.cpu, figure.rss) == (2, 1, 3, 2, 30)
    assert str(figure) == "2.00 s (1.00 s to 3.00 s), CPU 2.00 s, 30 MiB"
    assert seconds(0.25) == "250 ms"


def test_commands_run_in_turn_and_the_first_round_does_not_count(tmp_path: Path) -> None:
    commands = {
        name: Command(["/bin/sh", "-c", f"printf {name} >> order"], {"PATH": "/usr/bin:/bin"}, tmp_path)
        for name in "ab"
    }
    figures = interleaved(commands, 2)
    assert (tmp_path / "order").read_text() == "ababab"
    assert [len(figures[name].runs) for name in "ab"] == [2, 2]


def test_a_command_that_fails_is_not_timed(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="exit code 1"):
        once(Command(["/bin/sh", "-c", "exit 1"], {}, tmp_path))


def test_the_table_says_what_was_missed_and_replaces_only_its_own_part() -> None:
    rows = [Row("a", "fast", "≤ 2", "3 s", "1 s", 3, 2), Row("b", "none", "0", "0", "–", 0, 0)]
    lines = markdown(rows).splitlines()
    assert lines[2] == "| fast | ≤ 2 | 3 s | 1 s | 3.00 | no, 1.50 times the number |"
    assert lines[3].endswith("| yes |")
    assert between(f"before\n{BEGIN}\nold\n{END}\nafter", "new") == f"before\n{BEGIN}\nnew\n{END}\nafter"
    with pytest.raises(ValueError, match="measured"):
        between("no markers", "new")


def test_a_tenth_of_each_kind_of_check_fails(tmp_path: Path) -> None:
    bad = [check["kind"] for check in plan(tmp_path, 400, "http://127.0.0.1:1") if not check["good"]]
    assert {kind: bad.count(kind) for kind in bad} == {"mode": 10, "content": 10, "command": 10, "http": 10}


def test_ticks_are_counted_on_a_running_local_notion(tmp_path: Path) -> None:
    assert [row.measured for row in ticks(tmp_path)] == ["2 requests", "6 requests"]


def test_the_plot_has_a_bar_for_each_row_and_reads_without_color() -> None:
    rows = [Row("a", "fast & good", "≤ 2", "1 s", "1 s", 1, 2), Row("b", "slow", "≤ 2", "9 s", "1 s", 90, 2)]
    root = ET.fromstring(picture(rows))  # noqa: S314 - drawn by ourselves
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")][1:] == [
        "fast & good, ≤ 2",
        "0.50: yes",
        "slow, ≤ 2",
        "45.00: no",
    ]

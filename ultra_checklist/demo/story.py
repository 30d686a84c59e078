"""What the demo's people do, from the first tick to the last: a release as it should go, or taken back."""

from collections.abc import Callable
from dataclasses import dataclass

from ultra_checklist.demo.operator import Operator, Row
from ultra_checklist.demo.sabotage import Moment
from ultra_checklist.demo.world import NEW, OLD, World

RELEASER, SECOND = "佐藤", "鈴木"
RECORDS, DEPLOYS = "operator-recorded", "deploy-script"
ROLLBACK = ("rollback-decided", "rollback-done")


@dataclass(frozen=True)
class Troupe:
    """What the people work with, besides Notion."""

    world: World
    run: Callable[[str, list[str]], tuple[int, str]]
    """Run a command for an item, as the product does it; gives its exit code and what it said."""
    sabotage: Callable[[Moment], object]
    say: Callable[[str, str], None]
    """Tell what happens, in English and Japanese."""
    seconds: float
    """How long they wait for a verdict."""


def play(operator: Operator, troupe: Troupe) -> bool:
    """Work through the checklist section by section; returns False where the people had to stop.

    They stop where a section does not settle: nobody deploys over a red line.
    """
    sections = list(dict.fromkeys(row.section for row in operator.rows()))
    for section in sections:
        troupe.say(f"── {section}", f"── {section}")
        if section == sections[-1]:
            troupe.sabotage(Moment.RECORD)
        rows = [row for row in operator.rows() if row.section == section and row.item not in ROLLBACK]
        if troupe.world.forgetful:
            rows.sort(key=lambda row: row.item == RECORDS)
        for row in rows:
            _work(operator, troupe, row)
        if not _settles(operator, troupe, {row.item for row in rows}):
            troupe.say(
                "The people stop here: this must be mended first.", "ここで中断します。先に直す必要があります。"
            )
            return False
    return True


def roll_back(operator: Operator, troupe: Troupe) -> bool:
    """Decide for it, go back to the old version, and have that proved; returns whether it was."""
    troupe.say("── Rollback", "── ロールバック")
    for row in (row for row in operator.rows() if row.item in ROLLBACK):
        if row.item == ROLLBACK[-1]:
            _run(troupe, row, OLD, RELEASER)
        _tick(operator, troupe, row, SECOND if row.item == ROLLBACK[0] else RELEASER)
    return _settles(operator, troupe, set(ROLLBACK))


def _settles(operator: Operator, troupe: Troupe, items: set[str]) -> bool:
    """Wait until all of them have an answer, and tell what is still open then."""
    rows = operator.wait(lambda rows: all(row.result for row in rows if row.item in items), troupe.seconds)
    open_rows = [row for row in rows if row.item in items and not row.settled]
    for row in open_rows:
        troupe.say(f"✘ {row.item}: {row.result} {row.why}", f"✘ {row.item}: {row.result} {row.why}")
    return not open_rows


def _work(operator: Operator, troupe: Troupe, row: Row) -> None:
    who = SECOND if row.section.startswith(("01", "06")) else RELEASER
    if row.item == DEPLOYS:
        _run(troupe, row, NEW, who)
        troupe.sabotage(Moment.DEPLOYED)
    _tick(operator, troupe, row, who)


def _run(troupe: Troupe, row: Row, version: str, who: str) -> None:
    code, output = troupe.run(row.item, troupe.world.deploying(version))
    said = output.strip().replace("\n", "\n  ")
    troupe.say(
        f"{who} deploys {version}: exit {code}\n  {said}",
        f"{who} が {version} をデプロイ: 終了コード {code}\n  {said}",
    )


def _tick(operator: Operator, troupe: Troupe, row: Row, who: str) -> None:
    operator.tick(row, who)
    troupe.say(f"{who} ticks: {row.title}", f"{who} がチェック: {row.title}")

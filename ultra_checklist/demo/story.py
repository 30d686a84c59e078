"""What the demo's people do, from the first tick to the last: a release as it should go, or taken back."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ultra_checklist.demo.monitor import next_minute
from ultra_checklist.demo.operator import UNCLEAR, WAITING, Operator, Row
from ultra_checklist.demo.repository import NEW, OLD
from ultra_checklist.demo.sabotage import Moment
from ultra_checklist.demo.world import World

RELEASER, SECOND = "佐藤", "鈴木"
RECORDS, DEPLOYS = "operator-recorded", "deploy-script"
ROLLBACK = ("rollback-decided", "rollback-done")
JOB_SECONDS = 3.0
"""Seconds after which a job that was due must have run: more than the checklist's grace."""
PATIENCE = 10.0
"""Seconds in which what cannot be told, or is blocked, may become clear: a run that ends, ticks of one pass."""
MOMENTS = {"05": Moment.SMOKE, "06": Moment.MONITORING}
"""What happens before a section, by its number."""
ATTACH = ("attach:", "添付が必要")
APPROVE = ("second person", "二人目")
"""What Why says where something is asked of people."""


@dataclass
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
    watch: float = 0.0
    """Seconds after a deploy for which they watch before they tick what is about that time."""
    jobs: bool = False
    """Whether they also wait until the jobs of the monitor were due."""
    deployed: float = 0.0
    """When the newest deploy ended, by the monotonic clock."""
    deployed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    answered: set[tuple[str, str]] = field(default_factory=set)
    """Row and answer of everything that they have already given."""


def play(operator: Operator, troupe: Troupe) -> bool:
    """Work through the checklist section by section; returns False where the people had to stop.

    They stop where a section does not settle: nobody deploys over a red line.
    """
    sections = list(dict.fromkeys(row.section for row in operator.rows()))
    for section in sections:
        troupe.say(f"── {section}", f"── {section}")
        last = section == sections[-1]
        if (moment := Moment.RECORD if last else MOMENTS.get(section[:2])) is not None:
            troupe.sabotage(moment)
        if moment is Moment.MONITORING:
            _watch(troupe)
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


def _watch(troupe: Troupe) -> None:
    """Let the time go by that is to be watched, and the jobs run that are due in it."""
    seconds = troupe.deployed + troupe.watch - time.monotonic()
    if troupe.jobs:
        due = next_minute(troupe.deployed_at)
        seconds = max(seconds, (due - datetime.now(UTC)).total_seconds() + JOB_SECONDS)
    if seconds > 0:
        troupe.say(f"The people watch for {seconds:.0f} s more.", f"あと {seconds:.0f} 秒、監視を続けます。")
        time.sleep(seconds)


def play_staging(operator: Operator, look: Callable[[], object], *, unfinished: bool) -> None:
    """Work through staging's checklist, as was done the days before; ``look`` is a pass of the worker."""
    rows = operator.rows()
    turn = next(n for n, row in enumerate(rows) if row.item == DEPLOYS)
    after = rows[turn + 1 : -1] if unfinished else rows[turn + 1 :]
    for step in (rows[:turn], rows[turn : turn + 1], after):
        for row in step:
            operator.tick(row, RELEASER)
        look()
    look()


def roll_back(operator: Operator, troupe: Troupe) -> bool:
    """Decide for it, go back to the old version, and have that proved; returns whether it was."""
    troupe.say("── Rollback", "── ロールバック")
    for row in (row for row in operator.rows() if row.item in ROLLBACK):
        if row.item == ROLLBACK[-1]:
            _run(troupe, row, OLD, RELEASER)
        _tick(operator, troupe, row, SECOND if row.item == ROLLBACK[0] else RELEASER)
    return _settles(operator, troupe, set(ROLLBACK))


def _settles(operator: Operator, troupe: Troupe, items: set[str]) -> bool:
    """Wait until all of them have an answer, give what is asked meanwhile, and tell what is open then."""
    patience = time.monotonic() + max(PATIENCE, troupe.seconds / 10)

    def answered(rows: list[Row]) -> bool:
        ours = [row for row in rows if row.item in items]
        for row in ours:
            if row.result in WAITING:
                _give(operator, troupe, row)
        if any(row.result in UNCLEAR for row in ours) and time.monotonic() < patience:
            return False
        return all(row.result and row.result not in WAITING for row in ours)

    rows = operator.wait(answered, troupe.seconds)
    open_rows = [row for row in rows if row.item in items and not row.settled]
    for row in open_rows:
        troupe.say(f"✘ {row.item}: {row.result} {row.why}", f"✘ {row.item}: {row.result} {row.why}")
    return not open_rows


def _give(operator: Operator, troupe: Troupe, row: Row) -> None:
    """What a waiting row asks for: a file, another person's approval, the codes that have arrived."""
    who = _who(row)
    if _asks(row, ATTACH):
        if _first(troupe, row, "attachment"):
            operator.attach(row, who, f"{row.item}.txt", f"{row.title}\n")
            troupe.say(f"{who} attaches a file: {row.title}", f"{who} がファイルを添付: {row.title}")
    elif _asks(row, APPROVE):
        other = SECOND if who == RELEASER else RELEASER
        if _first(troupe, row, "approval"):
            operator.approve(row, other)
            troupe.say(f"{other} approves: {row.title}", f"{other} が承認: {row.title}")
    codes = troupe.world.codes
    if codes and not _asks(row, (*ATTACH, *APPROVE)) and _first(troupe, row, codes):
        operator.note(row, who, codes)
        troupe.say(f"{who} types the codes that arrived: {codes}", f"{who} が届いたコードを入力: {codes}")


def _asks(row: Row, words: Sequence[str]) -> bool:
    return any(word in row.why for word in words)


def _first(troupe: Troupe, row: Row, answer: str) -> bool:
    """Whether this was not yet given; it counts as given from now on."""
    given = (row.page_id, answer)
    if given in troupe.answered or row.item in troupe.world.silent:
        return False
    troupe.answered.add(given)
    return True


def _who(row: Row) -> str:
    return SECOND if row.section.startswith(("01", "06")) else RELEASER


def _work(operator: Operator, troupe: Troupe, row: Row) -> None:
    if row.item == DEPLOYS:
        _run(troupe, row, NEW, _who(row))
        troupe.sabotage(Moment.DEPLOYED)
    _tick(operator, troupe, row, _who(row))


def _run(troupe: Troupe, row: Row, version: str, who: str) -> None:
    code, output = troupe.run(row.item, troupe.world.deploying(version))
    troupe.deployed, troupe.deployed_at = time.monotonic(), datetime.now(UTC)
    said = output.strip().replace("\n", "\n  ")
    troupe.say(
        f"{who} deploys {version}: exit {code}\n  {said}",
        f"{who} が {version} をデプロイ: 終了コード {code}\n  {said}",
    )


def _tick(operator: Operator, troupe: Troupe, row: Row, who: str) -> None:
    operator.tick(row, who)
    troupe.say(f"{who} ticks: {row.title}", f"{who} がチェック: {row.title}")

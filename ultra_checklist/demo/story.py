"""What the demo's people do, from the first tick to the last: a release as it should go."""

from collections.abc import Callable

from ultra_checklist.demo.operator import Operator, Row
from ultra_checklist.demo.world import NEW, World

RELEASER, SECOND = "佐藤", "鈴木"
DEPLOYS, KEEPS_LOG = "deploy-script", "deploy-log"
ONLY_WHEN_NEEDED = ("rollback-decided", "rollback-done")
Say = Callable[[str, str], None]


def play(operator: Operator, world: World, after_deploy: Callable[[], object], say: Say, seconds: float) -> bool:
    """Work through the checklist section by section; returns False where the people had to stop.

    They stop where a section does not settle: nobody deploys over a red line.
    """
    sections = list(dict.fromkeys(row.section for row in operator.rows()))
    for section in sections:
        say(f"── {section}", f"── {section}")
        for row in (row for row in operator.rows() if row.section == section):
            if row.item not in ONLY_WHEN_NEEDED:
                _work(operator, world, row, after_deploy, say)
        ours = {row.item for row in operator.rows() if row.section == section and row.item not in ONLY_WHEN_NEEDED}
        rows = operator.wait(_all_answered(ours), seconds)
        open_rows = [row for row in rows if row.item in ours and not row.settled]
        if open_rows:
            for row in open_rows:
                say(f"✘ {row.item}: {row.result} {row.why}", f"✘ {row.item}: {row.result} {row.why}")
            say("The people stop here: this must be mended first.", "ここで中断します。先に直す必要があります。")
            return False
    return True


def _all_answered(items: set[str]) -> Callable[[list[Row]], bool]:
    return lambda rows: all(row.result for row in rows if row.item in items)


def _work(operator: Operator, world: World, row: Row, after_deploy: Callable[[], object], say: Say) -> None:
    who = SECOND if row.section.startswith(("01", "06")) else RELEASER
    if row.item == DEPLOYS:
        code = world.deploy()
        said = world.deploy_log.read_text(encoding="utf-8").strip().replace("\n", "\n  ")
        say(
            f"{who} deploys {NEW}: exit {code}\n  {said}", f"{who} が {NEW} をデプロイ: 終了コード {code}\n  {said}"
        )
        after_deploy()
    if row.item == KEEPS_LOG:
        operator.attach(row, who, world.deploy_log)
        say(f"{who} attaches the deploy's log", f"{who} がデプロイログを添付")
    operator.tick(row, who)
    say(f"{who} ticks: {row.title}", f"{who} がチェック: {row.title}")

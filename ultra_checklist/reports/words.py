"""What reports of a release say, in both languages, and how they say times and people. Pure."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from ultra_checklist.account import Account, CheckAccount, Event, UntrueTick, human
from ultra_checklist.model import Lang, Words
from ultra_checklist.record import DeployMark, Person, RunRecord

LABELS: Mapping[str, Words] = {
    "report": Words(en="Release report", ja="リリース報告書"),
    "release": Words(en="Release", ja="リリース"),
    "environment": Words(en="Environment", ja="環境"),
    "attempt": Words(en="Attempt", ja="試行"),
    "status": Words(en="Status", ja="状態"),
    "reason": Words(en="Reason", ja="理由"),
    "commit": Words(en="Commit", ja="コミット"),
    "host": Words(en="Host", ja="ホスト"),
    "operators": Words(en="Operators", ja="担当者"),
    "started": Words(en="Started", ja="開始"),
    "ended": Words(en="Ended", ja="終了"),
    "took": Words(en="Took", ja="所要時間"),
    "made-of": Words(en="Made of", ja="内訳"),
    "journal": Words(en="Journal head", ja="ジャーナル先頭ダイジェスト"),
    "lines": Words(en="{n} lines", ja="{n} 行"),
    "template": Words(en="Template", ja="テンプレート"),
    "page": Words(en="Page", ja="ページ"),
    "made": Words(en="Report made", ja="作成日時"),
    "local": Words(en="LOCAL: kept in the built-in local Notion", ja="LOCAL: 内蔵のローカル Notion のリリースです"),
    "running": Words(en="still open", ja="進行中"),
    "never-ended": Words(en="no end on record", ja="終了の記録なし"),
    "summary": Words(en="Summary", ja="概要"),
    "untrue": Words(en="Ticks that were not true", ja="事実でなかったチェック"),
    "no-untrue": Words(
        en="No tick was contradicted by a verdict.", ja="判定と食い違ったチェックはありませんでした。"
    ),
    "timeline": Words(en="Timeline", ja="タイムライン"),
    "events": Words(en="The timeline in words", ja="タイムラインの内容（文字）"),
    "checks": Words(en="Checks", ja="項目"),
    "runs": Words(en="Runs and deploys", ja="実行とデプロイ"),
    "gates": Words(en="Gates", ja="ゲート"),
    "against": Words(en="Compared with {version}", ja="{version} との比較"),
    "changed": Words(en="Changed after the end", ja="終了後の変更"),
    "check": Words(en="Check", ja="項目"),
    "result": Words(en="Result", ja="結果"),
    "who": Words(en="Who and when", ja="担当者・時刻"),
    "why": Words(en="Why", ja="理由"),
    "evidence": Words(en="Evidence", ja="証跡"),
    "ticked-by": Words(en="Ticked by", ja="チェックした人"),
    "ticked": Words(en="Ticked", ja="チェック"),
    "proved": Words(en="Proved", ja="判定"),
    "approved": Words(en="Approved", ja="承認"),
    "decided": Words(en="Decided", ja="判断"),
    "until": Words(en="until {date}", ja="期限 {date}"),
    "no-longer": Words(en="does not hold", ja="無効"),
    "expected": Words(en="expected", ja="期待"),
    "seen": Words(en="seen", ja="実際"),
    "remedy": Words(en="remedy", ja="対処"),
    "verdicts": Words(en="Verdicts ({n})", ja="判定（{n} 件）"),
    "attachments": Words(en="Attachments: {n}", ja="添付 {n} 件"),
    "optional": Words(en="optional", ja="任意"),
    "contradicted": Words(en="Contradicted after", ja="食い違いまで"),
    "mended": Words(en="Mended after", ja="是正まで"),
    "never": Words(en="never", ja="是正なし"),
    "withdrawn": Words(en="unticked {time}", ja="{time} にチェックを外した"),
    "held": Words(en="true at first, then no longer", ja="当初は合格、のちに不合格"),
    "untrue-at-once": Words(en="not true when ticked", ja="チェック時点で事実でない"),
    "command": Words(en="Command", ja="コマンド"),
    "exit": Words(en="Exit code", ja="終了コード"),
    "log": Words(en="Log", ja="ログ"),
    "log-cut": Words(en="a part could not be kept", ja="一部を保存できませんでした"),
    "script": Words(en="Script", ja="スクリプト"),
    "os-user": Words(en="OS user", ja="OS ユーザー"),
    "deploy-n": Words(en="Deploy {n}", ja="デプロイ {n}"),
    "run-n": Words(en="Run {n}", ja="実行 {n}"),
    "run-short": Words(en="#{n} exit {code}", ja="#{n} 終了 {code}"),
    "by-tick": Words(en="known by its tick alone", ja="チェックによる記録のみ"),
    "taken-back": Words(en="taken back", ja="取り消し"),
    "no-runs": Words(en="No run and no deploy is on record.", ja="実行とデプロイの記録はありません。"),
    "glass": Words(en="Gates were bypassed (break-glass)", ja="ゲートを通さずに実行されました（break-glass）"),
    "somebody": Words(en="somebody", ja="不明"),
    "open": Words(en="Open", ja="開"),
    "closed": Words(en="Closed", ja="閉"),
    "cannot-tell": Words(en="Can't tell", ja="判定不能"),
    "time": Words(en="Time", ja="時刻"),
    "event": Words(en="Event", ja="出来事"),
    "gate": Words(en="Gate", ja="ゲート"),
    "before": Words(en="before", ja="前回"),
    "now": Words(en="now", ja="今回"),
    "added": Words(en="Added", ja="追加"),
    "removed": Words(en="Removed", ja="削除"),
    "reworded": Words(en="Reworded", ja="文言変更"),
    "results": Words(en="Other result", ja="結果の相違"),
    "until-deploy": Words(en="Start to deploy", ja="開始からデプロイまで"),
    "deploy": Words(en="Deploy", ja="デプロイ"),
    "whole": Words(en="Whole release", ja="リリース全体"),
    "same": Words(en="same", ja="同じ"),
    "nothing-differs": Words(en="The checks and their results are the same.", ja="項目と結果に違いはありません。"),
    "times-in": Words(en="Times are in {zone}.", ja="時刻は {zone} です。"),
    "lane-runs": Words(en="Deploys, runs", ja="デプロイ・実行"),
    "lane-logs": Words(en="Logs", ja="ログ"),
    "lane-gates": Words(en="Gates", ja="ゲート"),
    "lane-checks": Words(en="Ticks and verdicts of each check", ja="項目ごとのチェックと判定"),
    "folded": Words(en="quiet time, shortened", ja="動きのない時間（短縮表示）"),
    "quiet": Words(en="quiet {span}", ja="{span} 静止"),
    "tick": Words(en="tick", ja="チェック"),
    "untick": Words(en="unticked", ja="チェック解除"),
    "verdict-changed": Words(en="verdict", ja="判定"),
    "picture": Words(
        en="Timeline picture: {ticks} ticks, {verdicts} verdicts, {runs} runs and deploys; all events stand "
        "in words further below.",
        ja="タイムライン図: チェック {ticks} 件、判定 {verdicts} 件、実行・デプロイ {runs} 件。"
        "すべての出来事は下に文字でも記載。",
    ),
}
_EVENTS: Mapping[str, Words] = {
    "created": Words(en="release made, commit {text}", ja="リリース作成、コミット {text}"),
    "ticked": Words(en="ticked by {by}", ja="{by} がチェック"),
    "unticked": Words(en="unticked by {by}", ja="{by} がチェックを外した"),
    "verdict-pass": Words(en="passes: {text}", ja="合格: {text}"),
    "verdict-fail": Words(en="fails: {text}", ja="不合格: {text}"),
    "verdict-unknown": Words(en="can't tell: {text}", ja="判定不能: {text}"),
    "decided": Words(en="decided by {by}: {text}", ja="{by} の判断: {text}"),
    "undecided": Words(en="decision taken back", ja="判断の取り消し"),
    "approved-yes": Words(en="approved by {by}", ja="{by} が承認"),
    "approved-taken-back": Words(en="approval taken back", ja="承認の取り消し"),
    "answered": Words(en="test message answered by {by}", ja="{by} がテストメッセージに応答"),
    "put-right": Words(en="put right: {text}", ja="修正: {text}"),
    "gate-open": Words(en="gate {text}: open", ja="ゲート {text}: 開"),
    "gate-closed": Words(en="gate {text}: closed", ja="ゲート {text}: 閉"),
    "gate-cannot-tell": Words(en="gate {text}: can't tell", ja="ゲート {text}: 判定不能"),
    "status": Words(en="status: {text}", ja="状態: {text}"),
    "deploy-started": Words(en="deploy {text} starts", ja="デプロイ {text} 開始"),
    "deploy-ended": Words(en="deploy ends, exit code {outcome}", ja="デプロイ終了、終了コード {outcome}"),
    "deploy-withdrawn": Words(en="deploy {text} taken back", ja="デプロイ {text} の取り消し"),
    "run-started": Words(en="run: {text}", ja="実行: {text}"),
    "run-ended": Words(en="run {text} ends, exit code {outcome}", ja="実行 {text} 終了、終了コード {outcome}"),
    "updated": Words(en="template taken over: {text}", ja="テンプレート反映: {text}"),
    "sealed": Words(en="sealed: {text}", ja="確定: {text}"),
    "changed": Words(en="changed after the end: {text}", ja="終了後の変更: {text}"),
}
_OUTCOMES: Mapping[str, Words] = {
    "pass": Words(en="passes", ja="合格"),
    "fail": Words(en="fails", ja="不合格"),
    "unknown": Words(en="can't tell", ja="判定不能"),
}
MARKS: Mapping[str, str] = {
    "passed": "✔", "confirmed": "●", "waived": "◆", "not-applicable": "–", "not-open": "–", "waiting": "…",
    "blocked": "■", "open": "○", "cannot-tell": "?", "failed": "✘",
}  # fmt: skip
"""A sign for each standing, so that colour never speaks alone."""


class Phrases:
    """Says the parts of one account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.lang: Lang = account.lang
        self.zone = ZoneInfo(account.timezone)
        days = {event.at.astimezone(self.zone).date() for event in account.events}
        self._one_day = len(days) == 1

    def label(self, code: str, /, **gaps: object) -> str:
        """One of the labels with its gaps filled."""
        return fill(LABELS[code].say(self.lang), gaps)

    def full(self, time: datetime | None) -> str:
        """A date with seconds, in the team's time zone."""
        return time.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S") if time is not None else "–"

    def clock(self, time: datetime | None) -> str:
        """A time with seconds, with its day where the release has more than one."""
        form = "%H:%M:%S" if self._one_day else "%m-%d %H:%M:%S"
        return time.astimezone(self.zone).strftime(form) if time is not None else "–"

    def span(self, seconds: float | None) -> str:
        """A duration."""
        return human(seconds, self.lang)

    def name(self, person: Person | None) -> str:
        """Somebody's name."""
        return (person.name or person.id) if person is not None else self.label("somebody")

    def event(self, event: Event) -> str:
        """What happened."""
        words = _EVENTS.get(f"{event.kind}-{event.outcome}") or _EVENTS[event.kind]
        gaps = {"by": self.name(event.by), "text": event.text or "–", "outcome": event.outcome}
        return fill(words.say(self.lang), gaps)

    def event_word(self, outcome: str) -> str:
        """What an outcome is called."""
        return _OUTCOMES[outcome].say(self.lang)

    def kind_of(self, tick: UntrueTick) -> str:
        """Whether a tick was never true, or stopped being so."""
        return self.label("held" if tick.held else "untrue-at-once")

    def mended(self, tick: UntrueTick) -> str:
        """How long it took until a tick was true; never: what became of the check instead."""
        parts = [self.span(tick.until_mended) if tick.mended_at is not None else self.label("never")]
        if tick.withdrawn_at is not None:
            parts.append(self.label("withdrawn", time=self.clock(tick.withdrawn_at)))
        check = self.account.check(tick.item)
        if tick.mended_at is None and check is not None and check.standing != "failed":
            parts.append(check.result_text)
        return ("、" if self.lang == "ja" else ", ").join(parts)

    def deploy_end(self, deploy: DeployMark) -> str:
        """How a deploy ended."""
        if deploy.withdrawn:
            return self.label("taken-back")
        return self.exit(deploy.ended, deploy.exit_code)

    def exit(self, ended: datetime | None, code: int | None) -> str:
        """An exit code, or that there is none."""
        return str(code) if ended is not None and code is not None else self.label("never-ended")

    def lonely_deploys(self) -> tuple[DeployMark, ...]:
        """Deploys that no run is known of."""
        known = {run.deploy for run in self.account.runs}
        return tuple(deploy for deploy in self.account.deploys if deploy.number not in known)

    def log(self, run: RunRecord) -> str:
        """How large a run's log is, and whether it is whole."""
        if not run.log:
            return "–"
        return size(run.log_bytes) + ("" if run.log_complete else f" ({self.label('log-cut')})")

    def decision(self, check: CheckAccount) -> str:
        """What was decided about a check, by whom, until when."""
        made = check.decision
        if made is None:
            return ""
        parts = [f"{self.name(made.by)} {self.clock(made.at)}: {made.note or '–'}"]
        if made.until:
            parts.append(self.label("until", date=made.until))
        if not made.holds:
            parts.append(self.label("no-longer"))
        return " – ".join(parts)


def fill(text: str, gaps: Mapping[str, object]) -> str:
    """A sentence with its gaps filled in one pass: what is filled in has no gaps of its own."""
    parts = text.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, end, rest = part.partition("}")
        filled.append(f"{gaps[name]}{rest}" if end and name in gaps else "{" + part)
    return "".join(filled)


def size(count: int) -> str:
    """A number of bytes as people read it."""
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"

"""The two databases: their columns and options in both languages, and which id each has here.

Names are fixed when ``init`` makes the databases; afterwards everything goes by property id, so a
renamed column keeps working.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pydantic import Field

from ultra_checklist.errors import UsageError
from ultra_checklist.model import Decision, Ending, Frozen, Lang, Result, Status, Words
from ultra_checklist.words import joined

RELEASES_TITLE = Words(en="Releases", ja="リリース")
CHECKS_TITLE = Words(en="Checks", ja="チェック")

RESULT_WORDS: Mapping[Result, Words] = {
    Result.PASSED: Words(en="Passed", ja="合格"),
    Result.FAILED: Words(en="Failed", ja="不合格"),
    Result.CANNOT_TELL: Words(en="Can't tell", ja="判定不能"),
    Result.WAITING: Words(en="Waiting", ja="待機中"),
    Result.BLOCKED: Words(en="Blocked", ja="ブロック中"),
    Result.CONFIRMED: Words(en="Confirmed", ja="確認済み"),
    Result.WAIVED: Words(en="Waived", ja="免除"),
    Result.NOT_APPLICABLE: Words(en="Not applicable", ja="対象外"),
}
DECISION_WORDS: Mapping[Decision, Words] = {
    Decision.WAIVE: Words(en="Waive", ja="免除"),
    Decision.NOT_APPLICABLE: Words(en="Not applicable", ja="対象外"),
}
STATUS_WORDS: Mapping[Status, Words] = {
    Status.PREPARING: Words(en="Preparing", ja="準備中"),
    Status.READY_TO_DEPLOY: Words(en="Ready to deploy", ja="デプロイ可"),
    Status.DEPLOYED: Words(en="Deployed", ja="デプロイ済み"),
    Status.READY_TO_CLOSE: Words(en="Ready to close", ja="完了待ち"),
    Status.COMPLETE: Words(en="Complete", ja="完了"),
    Status.ROLLED_BACK: Words(en="Rolled back", ja="ロールバック済み"),
    Status.ABORTED: Words(en="Aborted", ja="中止"),
    Status.SUPERSEDED: Words(en="Superseded", ja="置き換え済み"),
}
ENDING_WORDS: Mapping[Ending, Words] = {
    Ending.COMPLETE: Words(en="Complete", ja="完了"),
    Ending.ROLLED_BACK: Words(en="Rolled back", ja="ロールバック済み"),
    Ending.ABORTED: Words(en="Aborted", ja="中止"),
}
_COLORS = {
    "passed": "green", "failed": "red", "cannot-tell": "orange", "waiting": "gray", "blocked": "gray",
    "confirmed": "blue", "waived": "purple", "not-applicable": "default", "waive": "purple",
    "preparing": "gray", "ready-to-deploy": "green", "deployed": "blue", "ready-to-close": "yellow",
    "complete": "green", "rolled-back": "orange", "aborted": "red", "superseded": "default",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column of ours. ``owner`` is who may write it after the row was made: worker, operator or notion."""

    code: str
    kind: str
    name: Words
    owner: str = "worker"
    options: Mapping[Any, Words] | None = None
    rolls_up: str = ""
    """For a roll-up: the code of the checks' column that it counts."""

    @property
    def spare(self) -> bool:
        """Whether everything works without it: a formula only shows what other columns hold."""
        return self.kind == "formula"


RELEASE_COLUMNS = (
    Column("title", "title", Words(en="Release", ja="リリース")),
    Column("key", "rich_text", Words(en="Key", ja="キー")),
    Column("environment", "rich_text", Words(en="Environment", ja="環境")),
    Column("status", "select", Words(en="Status", ja="状態"), options=STATUS_WORDS),
    Column("commit", "rich_text", Words(en="Commit", ja="コミット")),
    Column("operator", "people", Words(en="Operator", ja="担当者")),
    Column("started", "date", Words(en="Started", ja="開始")),
    Column("ended", "date", Words(en="Ended", ja="終了")),
    Column("made_of", "rich_text", Words(en="Made of", ja="内訳")),
    Column("files", "files", Words(en="Files", ja="ファイル")),
    Column("last_look", "date", Words(en="Last look", ja="最終確認")),
    Column("template", "rich_text", Words(en="Template", ja="テンプレート")),
    Column("close", "select", Words(en="Close", ja="終了操作"), owner="operator", options=ENDING_WORDS),
    Column("close_reason", "rich_text", Words(en="Close reason", ja="終了理由"), owner="operator"),
    Column("worker", "formula", Words(en="Worker", ja="ワーカー"), owner="notion"),
    # For eyes only: Notion computes them over 25 references, so nothing of ours reads them.
    Column("ticked_share", "rollup", Words(en="Ticked %", ja="チェック率"), rolls_up="done"),
    Column("settled_share", "rollup", Words(en="Settled %", ja="確定率"), rolls_up="settled"),
)
CHECK_COLUMNS = (
    Column("title", "title", Words(en="Check", ja="項目")),
    Column("done", "checkbox", Words(en="Done", ja="実施済み"), owner="operator"),
    Column("result", "select", Words(en="Result", ja="結果"), options=RESULT_WORDS),
    Column("why", "rich_text", Words(en="Why", ja="理由")),
    Column("decision", "select", Words(en="Decision", ja="判断"), owner="operator", options=DECISION_WORDS),
    Column("note", "rich_text", Words(en="Note", ja="メモ"), owner="operator"),
    Column("until", "date", Words(en="Until", ja="期限"), owner="operator"),
    Column("approved", "checkbox", Words(en="Approved", ja="承認"), owner="operator"),
    Column("attachments", "files", Words(en="Attachments", ja="添付"), owner="operator"),
    Column("operator", "people", Words(en="Operator", ja="担当者")),
    Column("checked_at", "date", Words(en="Checked at", ja="確認時刻")),
    Column("evidence", "rich_text", Words(en="Evidence", ja="証跡")),
    Column("section", "rich_text", Words(en="Section", ja="セクション")),
    Column("order", "number", Words(en="Order", ja="順序")),
    Column("settled", "checkbox", Words(en="Settled", ja="確定")),
    Column("live", "checkbox", Words(en="Live", ja="有効")),
    Column("host", "rich_text", Words(en="Host", ja="ホスト")),
    Column("key", "rich_text", Words(en="Key", ja="キー")),
    Column("release", "relation", Words(en="Release", ja="リリース")),
    # Notion fills it in, with name and kind: so nobody need be looked up to know whether a person ticked.
    Column("editor", "last_edited_by", Words(en="Last edited by", ja="最終編集者"), owner="notion"),
)


class Workspace(Frozen):
    """What ``init`` found or made in Notion; ids are pinned."""

    lang: Lang
    bot_id: str
    parent_page: str
    releases_database: str
    releases: str
    """Id of the data source of releases."""
    checks_database: str
    checks: str
    """Id of the data source of checks."""
    release_ids: dict[str, str] = Field(default_factory=dict)
    """Property id by column code, unquoted."""
    check_ids: dict[str, str] = Field(default_factory=dict)
    hosts_database: str = ""
    hosts: str = ""
    """Id of the data source of hosts; empty: no machine here has a label."""
    host_ids: dict[str, str] = Field(default_factory=dict)
    max_upload: int = 5 * 1024 * 1024
    """Bytes that one uploaded file may have in this workspace."""
    local: bool = False


def property_schema(column: Column, lang: Lang) -> dict[str, Any]:
    """A column as Notion wants it when a data source is made or mended."""
    if column.options is not None:
        options = [{"name": words.say(lang), "color": _COLORS[str(code)]} for code, words in column.options.items()]
        return {"select": {"options": options}}
    return {column.kind: {}}


def own_columns(columns: tuple[Column, ...], lang: Lang) -> dict[str, Any]:
    """The columns that stand alone; relations, roll-ups and formulas need others first."""
    alone = (column for column in columns if column.kind not in ("relation", "rollup", "formula"))
    return {column.name.say(lang): property_schema(column, lang) for column in alone}


def relation_schema(releases: str) -> dict[str, Any]:
    """The checks' column that names their release; it shows on the release as a column of checks."""
    return {"relation": {"data_source_id": releases, "type": "dual_property", "dual_property": {}}}


def rollup_schema(relation_id: str, counted_id: str) -> dict[str, Any]:
    """A release's share of ticked or settled checks, through its relation to them."""
    return {
        "rollup": {
            "relation_property_id": relation_id,
            "rollup_property_id": counted_id,
            "function": "percent_checked",
        }
    }


def match(columns: tuple[Column, ...], properties: Mapping[str, Any], known: Mapping[str, str]) -> "Match":
    """Find our columns in a data source: by the id pinned before, else by name in either language.

    A spare column that is of another type is somebody else's.
    """
    by_id = {unquote(p["id"]): p for p in properties.values()}
    found: dict[str, str] = {}
    missing, wrong = [], []
    for column in columns:
        prop = by_id.get(known.get(column.code, ""))
        for name in (column.name.en, column.name.ja):
            prop = prop or properties.get(name)
        if prop is None:
            missing.append(column)
        elif prop["type"] != column.kind:
            wrong += [] if column.spare else [(column, str(prop["type"]))]
        else:
            found[column.code] = unquote(prop["id"])
    return Match(found, tuple(missing), tuple(wrong))


COLUMN_MISSING = Words(en="column {names} is missing", ja="列 {names} がありません")
COLUMN_WRONG = Words(
    en="column {name} is {kind}, expected {expected}", ja="列 {name} の種類が {kind} です（正しくは {expected}）"
)
NOT_SET_UP = Words(en="the two databases are not set up yet", ja="2 つのデータベースがまだ作成されていません")
INIT_REPAIRS = Words(en="ultra-checklist init repairs the columns", ja="ultra-checklist init で列を修復できます")


@dataclass(frozen=True)
class Match:
    """Our columns as they are in a data source."""

    ids: dict[str, str]
    missing: tuple[Column, ...]
    wrong: tuple[tuple[Column, str], ...]

    def require(self, database: str, lang: Lang) -> dict[str, str]:
        """The ids, when nothing is missing that is needed. Raises UsageError naming the columns otherwise."""
        missing = [column for column in self.missing if not column.spare]
        problems = [COLUMN_MISSING.filled(names=repr(c.name.say(lang))) for c in missing]
        problems += [
            COLUMN_WRONG.filled(name=repr(column.name.say(lang)), kind=kind, expected=column.kind)
            for column, kind in self.wrong
        ]
        if problems:
            raise UsageError(joined((database, joined(problems, "; ")), ": "), remedy=INIT_REPAIRS)
        return self.ids


def option_code(options: Mapping[Any, Words], name: str) -> str:
    """The stable code of a select option's name in either language; the name itself where it is not ours."""
    for code, words in options.items():
        if name in (words.en, words.ja):
            return str(code)
    return name

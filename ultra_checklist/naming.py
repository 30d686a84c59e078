"""Names for what has none yet: lines, sections, checklists. The same words give the same name."""

import re
from collections.abc import Iterable

from ultra_checklist.wording import Wording, flat

MAX_ID = 40
MAX_WORDS = 4
_WORD = re.compile(r"[a-z][a-z0-9]*")
_RESERVED = ("true", "false", "null", "yes", "no", "on", "off")
"""What YAML may take for something else than text."""
_FILLER = frozenset({
    "a", "an", "the", "is", "are", "be", "been", "was", "were", "has", "have", "had", "of", "to", "in",
    "on", "at", "for", "from", "with", "without", "and", "or", "that", "this", "it", "its", "as", "by",
    "all", "any", "no", "not", "than", "into", "if", "we", "you", "our", "your", "i", "e", "g", "md",
    "sh", "yes", "will", "can", "should", "must", "do", "does", "done", "check", "checked", "confirm",
    "verify", "make", "sure", "ensure", "please", "least", "more",
})  # fmt: skip
_SECTIONS = (
    (r"前提|prerequisite|precondition", "preconditions"),
    (r"リリース準備|^準備|preparation|^prepare", "preparation"),
    (r"環境|本番設定|environment|configuration", "environment"),
    (r"技術|technical", "technical"),
    (r"スモーク|直後|smoke", "smoke"),
    (r"モニタリング|監視|monitoring", "monitoring"),
    (r"振り返り|ふりかえり|記録|record|retrospective|postmortem", "record"),
    (r"ロールバック|切り?戻し|roll ?back", "rollback"),
    (r"事前|リリース前|デプロイ前|^before|^pre\b|^pre-", "before"),
    (r"事後|リリース後|デプロイ後|^after|^post\b|^post-", "after"),
    (r"作業中|デプロイ|deploy|rollout|リリース作業", "deploy"),
    (r"セキュリティ|security", "security"),
    (r"テスト|test", "tests"),
    (r"連絡|周知|communicat", "communication"),
    (r"チェックリスト", "checklist"),
)
_NOUNS = (
    ("関係者", "stakeholders"),
    ("顧客", "customers"),
    ("ユーザ", "users"),
    ("サポート", "support"),
    ("チーム", "team"),
    ("担当", "operator"),
    ("作業者", "operator"),
    ("リーダー", "lead"),
    ("承認", "approved"),
    ("レビュー", "reviewed"),
    ("ロールバック", "rollback"),
    ("切り戻", "rollback"),
    ("切戻", "rollback"),
    ("バックアップ", "backup"),
    ("リストア", "restore"),
    ("マイグレーション", "migration"),
    ("データベース", "database"),
    ("サーバ", "server"),
    ("リポジトリ", "repository"),
    ("リリースノート", "release-notes"),
    ("リリース", "release"),
    ("デプロイ", "deploy"),
    ("メンテナンス", "maintenance"),
    ("告知", "announced"),
    ("連絡", "told"),
    ("周知", "told"),
    ("共有", "told"),
    ("手順", "procedure"),
    ("ログイン", "login"),
    ("ログ", "logs"),
    ("監視", "monitoring"),
    ("アラート", "alerts"),
    ("ダッシュボード", "dashboard"),
    ("メトリクス", "metrics"),
    ("通知", "notification"),
    ("証明書", "certificate"),
    ("キー", "keys"),
    ("トークン", "token"),
    ("権限", "permissions"),
    ("設定", "settings"),
    ("環境", "environment"),
    ("本番", "production"),
    ("ステージング", "staging"),
    ("テスト", "tests"),
    ("実機", "device"),
    ("画面", "screens"),
    ("動作", "works"),
    ("負荷", "load"),
    ("障害", "incident"),
    ("不具合", "defect"),
    ("問題", "issues"),
    ("改善", "lessons"),
    ("振り返り", "lessons"),
    ("起票", "ticket"),
    ("チケット", "ticket"),
    ("記録", "recorded"),
    ("保存", "saved"),
    ("判断", "decided"),
    ("検討", "decided"),
    ("相談", "decided"),
    ("審査", "review"),
    ("申請", "submitted"),
    ("公開", "published"),
    ("ストア", "store"),
    ("決済", "payment"),
    ("購入", "purchase"),
    ("バッチ", "batch"),
    ("ジョブ", "job"),
    ("容量", "capacity"),
    ("性能", "performance"),
    ("脆弱性", "vulnerabilities"),
    ("完了", "finished"),
    ("報告", "reported"),
    ("文書", "document"),
    ("ドキュメント", "document"),
    ("マニュアル", "manual"),
    ("日程", "schedule"),
    ("時間帯", "window"),
)
"""Japanese nouns of releases; the longer one of two that begin alike stands first."""


class Names:
    """Hands out ids, each once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def free(self, stem: str, more: Iterable[str] = ()) -> str:
        """The stem, else with what tells it apart, else with a number."""
        stem = f"item-{stem}" if stem in _RESERVED else stem
        for name in (stem, *(_cut(f"{stem}-{word}") for word in more if word)):
            if name not in self._taken:
                self._taken.add(name)
                return name
        number = 2
        while f"{stem}-{number}" in self._taken:
            number += 1
        self._taken.add(f"{stem}-{number}")
        return f"{stem}-{number}"


def of_line(words: Wording, fallback: str) -> str:
    """An id from the words of a line: those in Latin letters, else what its nouns mean."""
    said = words.said
    latin = _latin(words.markdown)
    nouns = _translated(said)
    is_japanese = re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", said) is not None
    found = [*latin[:2], *nouns] if is_japanese else latin
    slug = _cut("-".join(list(dict.fromkeys(found))[:MAX_WORDS]))
    return slug or fallback


def of_what(words: Wording) -> list[str]:
    """What tells a line apart from others that mean the same: its files, keys, names."""
    named = [*words.files, *words.keys, *words.names()]
    return [
        "-".join(_WORD.findall(flat(re.sub(r"\.(?:sh|md|env|py)$", "", name.rpartition("/")[2])))[:3])
        for name in named
    ]


def of_section(title: str, fallback: str) -> str:
    """An id from a heading."""
    said = flat(title)
    # What stands in brackets, a file say, is not what the section is about.
    plain = re.sub(r"[(（].*?[)）]", "", said)
    if re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", plain):
        return (
            _known(plain) or _cut("-".join(_translated(plain)[:2])) or _cut("-".join(_latin(plain)[:2])) or fallback
        )
    return _cut("-".join((_latin(plain) or _WORD.findall(plain))[:3])) or fallback


def _known(said: str) -> str:
    return next((name for words, name in _SECTIONS if re.search(words, said)), "")


def of_checklist(stem: str, title: str) -> str:
    """A checklist's name from its file's, else from its title."""
    for text in (stem, title):
        words = [
            word
            for word in _WORD.findall(flat(text.replace("_", " ")))
            if word not in ("checklist", "template", "md", "readme")
        ]
        if words:
            return _cut("-".join(words[:MAX_WORDS]))
    return "checklist"


def _latin(text: str) -> list[str]:
    # An address and the folders of a path say less than the words around them.
    bare = re.sub(r"https?://\S+|(?:^|(?<=[\s`(]))[\w.~-]*/(?:[\w.-]+/)*", " ", text.replace("'s ", " "))
    return [word for word in _WORD.findall(flat(bare).replace("_", " ")) if word not in _FILLER and len(word) > 1]


def _translated(said: str) -> list[str]:
    found: list[tuple[int, str]] = []
    for noun, word in _NOUNS:
        at = said.find(noun)
        if at >= 0:
            found.append((at, word))
            said = said.replace(noun, " " * len(noun))
    return list(dict.fromkeys(word for _, word in sorted(found)))


def _cut(slug: str) -> str:
    """At most so long, and whole words."""
    if len(slug) > MAX_ID:
        slug = slug[:MAX_ID].rpartition("-")[0] or slug[:MAX_ID]
    slug = slug.strip("-")
    return f"item-{slug}" if slug in _RESERVED else slug

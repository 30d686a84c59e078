"""What to click in Notion: where the token is, how a page is shared, how a capability is given."""

from collections.abc import Mapping
from typing import Final

from ultra_checklist.words import Words

ADDRESS: Final = "https://www.notion.so/profile/integrations"
"""Where integrations are made and mended."""

READ, UPDATE, INSERT = "read-content", "update-content", "insert-content"
READ_COMMENTS, INSERT_COMMENTS, USERS = "read-comments", "insert-comments", "user-information"
CAPABILITIES: Mapping[str, Words] = {
    READ: Words(en="Read content", ja="コンテンツを読み取る"),
    UPDATE: Words(en="Update content", ja="コンテンツを更新"),
    INSERT: Words(en="Insert content", ja="コンテンツを挿入"),
    READ_COMMENTS: Words(en="Read comments", ja="コメントの読み取り"),
    INSERT_COMMENTS: Words(en="Insert comments", ja="コメントの挿入"),
    USERS: Words(en="Read user information", ja="ユーザー情報を読み取る"),
}
"""The capabilities of an integration, as Notion's settings name them."""

TOKEN = Words(
    en="In Notion: Settings → Connections → Develop or manage integrations ({address}) → your integration → "
    "Internal Integration Secret → Show → Copy; that is NOTION_TOKEN. Or use the built-in Notion: --local",
    ja="Notion の「設定」→「コネクト」→「インテグレーションを作成または管理」（{address}）→ 該当の"
    "インテグレーション →「内部インテグレーションシークレット」→「表示」→ コピーし、"
    "NOTION_TOKEN に設定してください。内蔵の Notion を使う場合は --local",
).filled(address=ADDRESS)
SHARE = Words(
    en="In Notion: open the page → ••• (top right) → Connections → choose your integration → Confirm",
    ja="Notion でページを開き、右上の ••• →「接続」→ インテグレーションを選んで「はい」をクリックしてください",
)
NOT_SHARED = Words(
    en="the page {page} is not there, or not shared with the integration",
    ja="ページ {page} が存在しないか、インテグレーションに共有されていません",
)
ADOPT = Words(
    en="Use the token of before, or accept the new one with: ultra-checklist init --adopt",
    ja="以前のトークンを使うか、新しいものを受け入れる場合は: ultra-checklist init --adopt",
)
_CAPABILITY = Words(
    en="In Notion: Settings → Connections → Develop or manage integrations ({address}) → your integration → "
    "Capabilities → tick {names} → Save",
    ja="Notion の「設定」→「コネクト」→「インテグレーションを作成または管理」（{address}）→ 該当の"
    "インテグレーション →「機能」→ {names} にチェックを入れて「保存」をクリックしてください",
).filled(address=ADDRESS)
_ONE = Words(en="'{name}'", ja="「{name}」")


def give(*capabilities: str) -> Words:
    """How the integration is given these capabilities; without any: those that it needs."""
    wanted = capabilities or (READ, UPDATE, INSERT)
    ones = [_ONE.filled(name=CAPABILITIES[code]) for code in wanted]
    # Japanese brackets need nothing between them.
    names = Words(en=", ".join(one.en for one in ones), ja="".join(one.ja for one in ones))
    return _CAPABILITY.filled(names=names)

"""``init`` with a person at the terminal: asks for token and page, tests them, and says what to click."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import SecretStr

from ultra_checklist import config, settings_file
from ultra_checklist.cli.boundary import go_on, know, language, remark, report, say
from ultra_checklist.cli.wiring import WROTE
from ultra_checklist.desk import Desk
from ultra_checklist.environ import process_environment
from ultra_checklist.errors import NotionError, NotionNotFound, UsageError
from ultra_checklist.notion import clicks
from ultra_checklist.words import Words, joined

T = TypeVar("T")
SECONDS = 20.0
"""How long a person waits for one answer."""
TOKEN, PAGE = "NOTION_TOKEN", "NOTION_PARENT_PAGE_ID"
_DENIED = 403


def possible() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def walk(at: Desk, parent: str | None, env_file: Path | None, *, adopt: bool) -> tuple[Desk, str]:
    """The desk with a token that works, and a page on which everything may be done that is needed.

    Raises NotionError where Notion does not answer, UsageError for a ``parent`` that is no page, RefusedError for
    the token of another integration than before, unless it is to be adopted.
    """
    given: dict[str, str] = {}
    at = _token(at, given)
    _with(at, lambda notion: at.same_bot(notion, adopt=adopt))
    page = _page(at, at.parent_page(parent) if _has_page(at, parent) else None, given)
    _capabilities(at, page)
    if given:
        _keep(at, given, env_file)
    return at, page


def _with(at: Desk, ask: Callable[[Any], Awaitable[T]]) -> T:
    """What Notion answers. Nobody types while a loop runs: it would keep Ctrl-C to itself."""

    async def asked() -> T:
        async with at.notion(seconds=SECONDS) as notion:
            return await ask(notion)

    return asyncio.run(asked())


def _get(at: Desk, path: str) -> dict[str, Any]:
    return _with(at, lambda notion: notion.get(path))


def _has_page(at: Desk, parent: str | None) -> bool:
    """Whether it is known which page is meant, without asking."""
    local = at.settings.token.startswith("ntn_local")
    return bool(parent or at.settings.notion_parent_page_id or local or at.pinned() is not None)


def _token(at: Desk, given: dict[str, str]) -> Desk:
    """Ask until Notion takes a token; one that is set already is tried first."""
    if not at.settings.token:
        say(_NEEDS_TOKEN)
        go_on(clicks.TOKEN)
        at = _ask_token(at, given)
    while True:
        try:
            me = _get(at, "users/me")
        except NotionError as error:
            if error.status != 401:
                raise
            report(error)
            at = _ask_token(at, given)
            continue
        say(_TOKEN_WORKS.filled(name=str(me.get("name") or me["id"])))
        return at


def _ask_token(at: Desk, given: dict[str, str]) -> Desk:
    while True:
        text = str(click.prompt(_ASK_TOKEN.say(language()), hide_input=True, err=True)).strip()
        if text.isascii() and text.isprintable() and " " not in text:
            break
        say(_NO_TOKEN)
    know(lambda: {TOKEN: text})
    given[TOKEN] = text
    return replace(at, settings=at.settings.model_copy(update={"notion_token": SecretStr(text)}))


def _page(at: Desk, page: str | None, given: dict[str, str]) -> str:
    """Ask until the page is one that the integration can read."""
    if page is None:
        say(_NEEDS_PAGE)
        go_on(clicks.SHARE)
        page = _ask_page(None)
        given[PAGE] = page
    while True:
        try:
            there = _get(at, f"pages/{page}")
        except NotionNotFound:
            say(clicks.NOT_SHARED.filled(page=page))
            go_on(clicks.SHARE)
        except NotionError as error:
            if error.status != _DENIED:
                raise
            report(error)
        else:
            say(_PAGE_WORKS.filled(page=str(there.get("url") or page)))
            return page
        again = _ask_page(page)
        if again != page:
            given[PAGE] = page = again


def _ask_page(known: str | None) -> str:
    """A page's id or address; nothing typed: the same page again."""
    from notion_client.helpers import extract_page_id

    while True:
        if known is None:
            text = click.prompt(_ASK_PAGE.say(language()), err=True)
        else:
            text = click.prompt(_AGAIN_PAGE.say(language()), default=known, show_default=False, err=True)
        page = extract_page_id(str(text).strip())
        if page is not None:
            return str(page)
        say(_NO_PAGE)


def _capabilities(at: Desk, page: str) -> None:
    """Look until nothing is missing that the worker needs."""
    from ultra_checklist.doctor.connection import Line, capabilities

    comments = config.COMMENT in at.settings.channels
    while True:
        found = _with(at, lambda notion: capabilities(Line(notion), page, comments=comments))
        missing = [one for one in found if one.result == "fail"]
        if not missing:
            break
        report(UsageError(joined([one.what for one in missing], "; "), remedy=_all(missing)))
        click.prompt(_AGAIN.say(language()), default="", show_default=False, err=True)
    say(_MAY)


def _all(missing: list[Any]) -> Words:
    """What to click for all of them at once."""
    named = [one.id for one in missing if one.id in clicks.CAPABILITIES]
    if any(one.id == "comments" for one in missing):
        named += [clicks.READ_COMMENTS, clicks.INSERT_COMMENTS]
    return clicks.give(*named)


def _keep(at: Desk, given: dict[str, str], env_file: Path | None) -> None:
    """Offer to write what was typed into the file from which settings are read."""
    file = settings_file.written(at.home, env_file)
    names = " ".join(given)
    if not click.confirm(_WRITE.say(language(), names=names, file=file), default=True, err=True):
        say(_NOT_WRITTEN.filled(names=names))
        return
    settings_file.write(file, given)
    say(WROTE.filled(path=str(file)))
    for name in given:
        if process_environment().get(name):
            remark(_WINS.filled(name=name))


_NEEDS_TOKEN = Words(
    en="Notion wants the token of an integration; without a Notion account use --local instead",
    ja="Notion インテグレーションのトークンが必要です（Notion アカウントなしで使うには --local）",
)
_ASK_TOKEN = Words(en="Token (it is not shown)", ja="トークン（表示されません）")
_NO_TOKEN = Words(
    en="that is no token: it has blanks or other signs in it", ja="トークンとして使えない文字が含まれています"
)
_TOKEN_WORKS = Words(
    en="the token works: it is the integration {name}", ja="トークンを確認しました（インテグレーション {name}）"
)
_NEEDS_PAGE = Words(
    en="two databases will be made below a page of yours; make or choose one, and share it with the integration",
    ja="2 つのデータベースを作成する親ページが必要です。ページを用意し、インテグレーションに共有してください",
)
_ASK_PAGE = Words(en="Link of that page, or its id", ja="ページのリンクまたは ID")
_AGAIN_PAGE = Words(
    en="Enter looks again; or the link of another page", ja="Enter で再確認（別のページならリンクを入力）"
)
_NO_PAGE = Words(
    en="that is no link or id of a page; in Notion: ••• → Copy link",
    ja="ページのリンクまたは ID ではありません（Notion の ••• →「リンクをコピー」）",
)
_PAGE_WORKS = Words(en="the page is shared: {page}", ja="ページの共有を確認しました: {page}")
_AGAIN = Words(en="Enter looks again", ja="Enter で再確認")
_MAY = Words(en="the integration has the capabilities it needs", ja="必要な機能がすべて許可されています")
_WRITE = Words(en="Write {names} into {file}?", ja="{names} を {file} に書き込みますか")
_NOT_WRITTEN = Words(
    en="not written: set {names} yourself before the next command",
    ja="書き込んでいません。次のコマンドの前に {names} を設定してください",
)
_WINS = Words(
    en="{name} is also set in the environment, which wins over the file: unset it",
    ja="環境変数 {name} がファイルより優先されます。unset してください",
)

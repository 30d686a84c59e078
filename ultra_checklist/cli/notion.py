"""``init`` and ``serve``: the two Notions, the real one and the local one."""

import asyncio
from pathlib import Path

import click

from ultra_checklist.cli.boundary import go_on, remark, say
from ultra_checklist.cli.wiring import common, desk
from ultra_checklist.desk import Desk
from ultra_checklist.environ import default_lang
from ultra_checklist.errors import UsageError
from ultra_checklist.words import Lang, Words

# What ``serve --without`` takes; the server's own module is imported when it is needed.
CAPABILITIES = (
    *("read_content", "update_content", "insert_content"),
    *("read_comments", "insert_comments", "user_information"),
)


@click.command()
@click.option("--parent", metavar="PAGE", help="Id or address of the Notion page that holds the databases.")
@click.option("--adopt", is_flag=True, help="Accept that the token now belongs to another integration.")
@common
def init(parent: str | None, adopt: bool, local: bool, env_file: Path | None, lang: str | None) -> None:
    """Make, adopt or repair the two databases in Notion.

    At a terminal it asks for the token and the page where they are not set, tests them, and says what to click
    in Notion. Running it again changes nothing that is right. The language of columns and options is fixed
    the first time.

    \b
    Examples:
      ultra-checklist init
      ultra-checklist init --local
      ultra-checklist init --parent https://www.notion.so/Releases-0123456789abcdef0123456789abcdef
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.cli import walk

    at = desk(env_file, local, lang)
    if not at.local and walk.possible():
        at, page = walk.walk(at, parent, env_file, adopt=adopt)
    else:
        at.require_notion()
        page = at.parent_page(parent)
    asyncio.run(_init(at, page, adopt=adopt, asked_lang=lang))


async def _init(at: Desk, parent: str, *, adopt: bool, asked_lang: str | None) -> None:
    chosen: Lang = "ja" if (asked_lang or default_lang()) == "ja" else "en"
    async with at.notion() as notion:
        workspace, done = await at.prepare(notion, parent, lang=chosen, adopt=adopt)
    if asked_lang is not None and asked_lang != workspace.lang:
        remark(_LANGUAGE_FIXED.filled(lang=workspace.lang))
    for line in done or [_ALL_THERE]:
        say(line)
    local = "LOCAL, " if at.local else ""
    say(_READY.filled(local=local, lang=workspace.lang, home=str(at.home)))
    if at.asks_by_table:
        say(_ANSWERS.filled(label=at.settings.host))
    go_on(f"ultra-checklist new v1.0.0{' --local' if at.local else ''}")


@click.command()
@click.option("--port", default=8642, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--db",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The database file.  [default: the state folder's]",
)
@click.option(
    "--request-log", type=click.Path(path_type=Path, dir_okay=False), help="Write one JSON line a request."
)
@click.option(
    "--plan",
    type=click.Choice(("free", "plus")),
    default="free",
    show_default=True,
    help="The workspace's plan: how large files may be, and whether they may come in parts.",
)
@click.option("--block-limit", type=click.IntRange(1), metavar="N", help="Refuse to hold more blocks than that.")
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(CAPABILITIES),
    help="Take a capability from the integration; may be given several times.",
)
@click.option(
    "--custom-emoji",
    "emojis",
    multiple=True,
    metavar="NAME=URL",
    help="A custom emoji that the workspace has; may be given several times.",
)
@click.option("--webhook", metavar="URL", help="Tell this address on this machine of every change, signed.")
@click.option("--latency", metavar="MS", help="Delay each answer: milliseconds, or MIN-MAX.")
@click.option("--rate", metavar="MODEL", help="Limit the rate: window:180/60, bucket:3/3 or off.  [default: off]")
@click.option(
    "--faults", type=click.Path(path_type=Path, dir_okay=False), help="Misbehave as this file says; see the docs."
)
@common
def serve(
    port: int,
    db: Path | None,
    request_log: Path | None,
    plan: str,
    block_limit: int | None,
    without: tuple[str, ...],
    emojis: tuple[str, ...],
    webhook: str | None,
    latency: str | None,
    rate: str | None,
    faults: Path | None,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> None:
    """Run the local Notion and its board on this machine.

    It prints one line `ready http://127.0.0.1:PORT` once it accepts connections. For tests it can be told to
    be slow, to limit the rate as Notion does, and to fail in every way that Notion fails.

    \b
    Examples:
      ultra-checklist serve
      ultra-checklist serve --port 0 --db notion.db --latency 150 --rate window:180/60
      ultra-checklist serve --faults faults.json
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.server import misbehaviour, webhooks
    from ultra_checklist.server import plan as plans
    from ultra_checklist.server.serve import serve as run_server

    at = desk(env_file, local, lang)
    file = db or at.database
    if not file.parent.is_dir():
        raise UsageError(_NO_FOLDER.filled(file=str(file), folder=str(file.parent)), remedy=_MAKE_FOLDER)
    pictures = tuple((name, url) for name, _, url in (emoji.partition("=") for emoji in emojis))
    workspace = plans.Workspace(plans.PLANS[plan], plans.CAPABILITIES - set(without), block_limit, pictures)
    try:
        wrong = misbehaviour.of(latency, rate, faults)
        if webhook is not None:
            webhooks.checked(webhook)
    except ValueError as error:
        raise UsageError(str(error), remedy=SEE_DOCS) from None
    try:
        run_server(file, port, request_log=request_log, workspace=workspace, misbehaviour=wrong, webhook=webhook)
    except OSError as error:
        if error.filename is not None:
            told = f"--request-log {request_log}: {error.strerror}"
            raise UsageError(told, remedy=_NAME_WRITABLE) from error
        told_port = _PORT.filled(port=str(port), why=error.strerror or str(error))
        raise UsageError(told_port, remedy=OTHER_PORT) from error


_LANGUAGE_FIXED = Words(
    en="the databases are in '{lang}': their language was fixed when they were made",
    ja="データベースの言語は作成時に '{lang}' に決まっており、変更できません",
)
_ALL_THERE = Words(en="everything is there already; nothing was changed", ja="すべて作成済みです。変更はありません")
_ANSWERS = Words(
    en="a machine that only answers as {label} needs no release: let cron run ultra-checklist sync",
    ja="{label} として応答するだけのマシンにリリースは不要です（cron で ultra-checklist sync を実行）",
)
_READY = Words(
    en="ready: {local}language {lang}, state in {home}", ja="準備完了: {local}言語 {lang}、状態フォルダ {home}"
)
_NO_FOLDER = Words(en="--db {file}: there is no folder {folder}", ja="--db {file}: フォルダ {folder} がありません")
_MAKE_FOLDER = Words(en="Make the folder first", ja="先にフォルダを作成してください")
SEE_DOCS = Words(
    en="See docs/local-notion.md, or leave the option out",
    ja="docs/local-notion.md を確認するか、オプションを省いてください",
)
_NAME_WRITABLE = Words(
    en="Name a file in a folder that can be written", ja="書き込めるフォルダの中のファイルを指定してください"
)
_PORT = Words(en="port {port} cannot be used: {why}", ja="ポート {port} を使用できません: {why}")
OTHER_PORT = Words(
    en="Choose another one: --port 0 takes a free one",
    ja="別のポートを指定してください（--port 0 で空きポートを使用）",
)

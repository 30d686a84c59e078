"""``run``: a command for an item of the checklist, asked for at the gates, and on record from beginning to end."""

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ultra_checklist.cli.boundary import go_on, report, say, unexpected, wrong
from ultra_checklist.cli.completing import items, versions
from ultra_checklist.cli.gate import require_open
from ultra_checklist.cli.wiring import chosen, common, desk
from ultra_checklist.desk import ELSEWHERE, RUN_THERE, Desk
from ultra_checklist.errors import NotionError, RefusedError, StateError, UltraChecklistError, UsageError, cause
from ultra_checklist.model import Words
from ultra_checklist.words import nearest

NOT_STARTED = 125

_BEGINS = Words(
    en="run {number} of {item} begins{gates}; its log is kept redacted, Ctrl-C goes to the command; journal {head}",
    ja="{item} の実行 {number} を開始します{gates}。ログは秘匿処理して保存し、Ctrl-C はコマンドに渡します。"
    "ジャーナル {head}",
)
_GATES = Words(en=", open: {names}", ja="（ゲート {names}: 開）")
_UNGATED = Words(
    en="NOT GATED: no gate was asked (break-glass: {reason}); this is on record and shown everywhere",
    ja="ゲートなしで実行します（緊急: {reason}）。記録され、すべての表示に残ります",
)
_SILENT = Words(
    en="{host} did not tell how things are before the deploy ({why}): what compares with that cannot tell later",
    ja="{host} からデプロイ前の状態が得られませんでした（{why}）。それと比較する項目は判定不能になります",
)
_ENDED = Words(
    en="exit {code} after {seconds} s; log sha256:{log}, {size} bytes; journal {head}",
    ja="終了コード {code}（{seconds} 秒）。ログ sha256:{log}、{size} バイト。ジャーナル {head}",
)
_PARTIAL = Words(
    en="a part of the log could not be kept: what needs it stays open",
    ja="ログの一部を保存できませんでした。ログを必要とする項目は未了のままです",
)
_TICK = Words(en="tick “{title}”  {url}", ja="「{title}」にチェック  {url}")
_LATER = Words(en="Notion will be told by the next pass: {why}", ja="Notion には次のパスで反映されます: {why}")

_NO_REASON = Words(en="--break-glass needs a reason", ja="--break-glass には理由が必要です")
_WRITE_REASON = Words(en='Write it: --break-glass "why"', ja='理由を書いてください: --break-glass "理由"')
_NO_ITEM = Words(en="{version} has no item {item}", ja="{version} に項目 {item} はありません")
_NO_PROGRAM = Words(en="there is no command {name}", ja="コマンド {name} がありません")
_NAME_PROGRAM = Words(
    en="Name a program on PATH, or a path to a file", ja="PATH 上のプログラムか、ファイルのパスを指定してください"
)
_NOT_STARTED = Words(en="{name} could not be started: {why}", ja="{name} を開始できませんでした: {why}")


class _NotStarted(click.Command):
    """Wrong usage is no exit code of the command's either."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Parse the arguments; what is wrong with them means that nothing was started."""
        try:
            return super().make_context(*arguments, **more)
        except click.UsageError as error:
            wrong(error)
            raise click.exceptions.Exit(NOT_STARTED) from None


@click.command(cls=_NotStarted)
@click.argument("version", shell_complete=versions)
@click.argument("item", shell_complete=items)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.option("--break-glass", metavar="REASON", help="Ask no gate; the reason is shown everywhere, for ever.")
@chosen
@common
def run(
    version: str,
    item: str,
    command: tuple[str, ...],
    break_glass: str | None,
    template: str | None,
    environment: str | None,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """Run a command for an item, if the gates that guard it are open, and keep the record of it.

    The command gets a terminal, its output is redacted and kept as it comes, signals reach it, and a closed
    terminal does not end it. For the item with `deploys: true` this is the deploy. Then tick the item: the probe
    `run` proves it. Exit code: the command's own; 125 when it was not started.

    \b
    Examples:
      ultra-checklist run v1.4.0 deploy-script -- scripts/deploy_production_backend.sh v1.4.0
      ultra-checklist run v1.4.0 rollback-done -- scripts/deploy_production_backend.sh v1.3.0
    """  # noqa: D301 - click needs the real backspace character
    try:
        at = desk(env_file, local, lang)
        guarded = _begin(at, version, item, command, break_glass, template, environment)
    except UltraChecklistError as error:
        report(error)
        return NOT_STARTED
    except Exception:
        unexpected()
        return NOT_STARTED
    return _run(at, guarded)


def _begin(
    at: Desk,
    version: str,
    item_id: str,
    command: Sequence[str],
    break_glass: str | None,
    template: str | None,
    environment: str | None,
) -> Any:
    """Everything that comes before the command: refuse, or file its beginning."""
    from ultra_checklist.guarded import missing
    from ultra_checklist.machine import this_machine
    from ultra_checklist.release import find

    at.require_notion()
    if break_glass is not None and not break_glass.strip():
        raise UsageError(_NO_REASON, remedy=_WRITE_REASON)
    release = find(at.shelf, version, local=at.local, environment=environment, template=template)
    manifest = release.manifest
    item = manifest.template.item(item_id)
    if item is None:
        told = _NO_ITEM.filled(version=version, item=repr(item_id))
        raise UsageError(told, remedy=nearest(item_id, [known.id for known in manifest.items]))
    if manifest.machine.digest != this_machine().digest:
        target, here = manifest.machine.told_from(this_machine())
        told = ELSEWHERE.filled(key=manifest.key, target=target, here=here)
        raise RefusedError(told, remedy=RUN_THERE.filled(target=target))
    if missing(command):
        raise UsageError(_NO_PROGRAM.filled(name=repr(command[0])), remedy=_NAME_PROGRAM)
    return asyncio.run(_asked(at, manifest.key, item, command, (break_glass or "").strip()))


async def _asked(at: Desk, key: str, item: Any, command: Sequence[str], break_glass: str) -> Any:
    """Ask the gates, and begin in the moment in which their answer still holds."""
    from ultra_checklist.admission import admit
    from ultra_checklist.guarded import guards_of
    from ultra_checklist.release import Release

    gates = [] if break_glass else guards_of(at.shelf.read(key).template, item)
    async with at.notion() as notion:

        async def ask() -> None:
            if gates:
                await require_open(at, key, gates, at.lang)
            else:
                await _take_in(at, notion, key)

        async def begin(release: Release) -> Any:
            return await _file(at, notion, release, item, command, [gate.name for gate in gates], break_glass)

        return await admit(lambda: Release(at.shelf, at.shelf.read(key)), at.home, ask, begin)


async def _take_in(at: Desk, notion: Any, key: str) -> None:
    """One pass, so that what people did until now comes before the command; without Notion the journal decides."""
    from ultra_checklist.errors import CannotTellError
    from ultra_checklist.worker import hold

    try:
        with hold(at.home, wait=True):
            await at.run_pass(notion, only=key)
    except CannotTellError as error:
        say(_LATER.filled(why=error.message))


async def _file(
    at: Desk, notion: Any, release: Any, item: Any, command: Sequence[str], gates: Sequence[str], break_glass: str
) -> Any:
    from ultra_checklist.guarded import Guarded
    from ultra_checklist.prove import Prover
    from ultra_checklist.worker import WAIT

    prover = Prover(release, at.home, at.secrets, carriers=at.carriers(notion), patience=WAIT)
    guarded = Guarded(release, item, at.home, prover, command)
    record = await guarded.begin(gates, break_glass)
    for host, why in sorted(prover.silent.items()):
        say(_SILENT.filled(host=host, why=why))
    if break_glass:
        say(_UNGATED.filled(reason=break_glass))
    names = _GATES.filled(names=", ".join(gates)) if gates else ""
    say(_BEGINS.filled(number=str(record.number), item=item.id, gates=names, head=guarded.head))
    return guarded


def _run(at: Desk, guarded: Any) -> int:
    """The command itself; whatever becomes of us, its exit code is told."""
    from ultra_checklist.environ import process_environment
    from ultra_checklist.terminal import NotStarted

    try:
        ended = guarded.run(_Live(), process_environment())
    except NotStarted as error:
        why = _NOT_STARTED.filled(name=shlex.quote(guarded.argv[0]), why=cause(error))
        report(UsageError(why, remedy=_NAME_PROGRAM))
        return NOT_STARTED
    except StateError as error:
        report(error)
        return int(guarded.code)
    run = guarded.record
    seconds = f"{(run.ended - run.started).total_seconds():.0f}"
    told = {"code": str(ended.code), "log": run.log[:16], "seconds": seconds, "size": str(run.log_bytes)}
    say(_ENDED.filled(**told, head=guarded.head))
    if not run.log_complete:
        say(_PARTIAL)
    _tell(at, guarded.key)
    go_on(_TICK.filled(title=guarded.item.title, url=guarded.url))
    return int(ended.code)


def _tell(at: Desk, key: str) -> None:
    """One pass tells Notion, unless one is running already; nothing that goes wrong there changes the exit code."""
    from ultra_checklist.worker import Busy, hold

    async def one_pass() -> None:
        async with at.notion() as notion:
            with hold(at.home, wait=False):
                await at.run_pass(notion, only=key)

    try:
        asyncio.run(one_pass())
    except Busy:
        return
    except (UltraChecklistError, NotionError) as error:
        say(_LATER.filled(why=error.message))


class _Live:
    """Our own output, for as long as somebody takes it."""

    def __init__(self) -> None:
        self._open = True
        sys.stdout.flush()

    def __call__(self, data: bytes) -> None:
        rest = memoryview(data)
        while self._open and rest:
            try:
                rest = rest[os.write(1, rest) :]
            except OSError:
                # The terminal was closed, or whoever read us has left: the command and its log go on.
                self._open = False

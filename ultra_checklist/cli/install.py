"""``install``: lets cron or systemd run the worker."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ultra_checklist import config
from ultra_checklist.cli.boundary import go_on, remark, say
from ultra_checklist.cli.wiring import common, desk
from ultra_checklist.desk import Desk
from ultra_checklist.environ import process_environment
from ultra_checklist.errors import CannotTellError, RefusedError, StateError, UsageError
from ultra_checklist.words import Words

if TYPE_CHECKING:
    import subprocess

    from ultra_checklist.unattended import Worker

CRON = "cron"
SECONDS = 20
"""How long crontab(1) may take."""


@click.command()
@click.argument("manager", type=click.Choice([CRON, "systemd"]))
@click.option("--write", is_flag=True, help="Write it: to your crontab, or the unit files. Starts nothing.")
@click.option("--remove", is_flag=True, help="Take it out again.")
@click.option(
    "--scope",
    type=click.Choice(["user", "system"]),
    help="systemd: whose manager runs it.  [default: system for root, else user]",
)
@common
def install(
    manager: str,
    write: bool,
    remove: bool,
    scope: str | None,
    local: bool,
    env_file: Path | None,
    lang: str | None,
) -> int:
    """Let cron or systemd run a pass every minute; without --write it only shows what would be written.

    Run it as the user who may read what the probes read. Settings come from settings.env in the state folder, or
    from --env-file. Passes never overlap: each holds the lock of its state folder. With cron they log to
    logs/sync.log in the state folder, which is put aside at 1 MiB; with systemd to the journal.

    \b
    Examples:
      ultra-checklist install cron
      ultra-checklist install cron --write
      ultra-checklist install systemd --write
      ultra-checklist install systemd --remove
    """  # noqa: D301 - click needs the real backspace character
    from ultra_checklist.unattended import SYSTEM, USER

    if write and remove:
        raise UsageError(_BOTH, remedy="ultra-checklist install --help")
    at = desk(env_file, local, lang)
    if not remove:
        _remark_what_is_missing(at, env_file)
    if manager == CRON:
        return _cron(at, env_file, write=write, remove=remove)
    scope = scope or (SYSTEM if os.geteuid() == 0 else USER)
    return _systemd(at, env_file, scope, write=write, remove=remove)


def _remark_what_is_missing(at: Desk, env_file: Path | None) -> None:
    """Say what this shell has and cron will not have."""
    there = config.load(_settings_file(at, env_file), environ={"ULTRA_CHECKLIST_HOME": str(at.home)})
    if not at.local and at.settings.token != there.token:
        remark(_ONLY_HERE.filled(file=str(at.home / "settings.env")))
    elif not at.local and not there.token:
        remark(_NO_TOKEN_YET.filled(file=str(at.home / "settings.env")))


def _settings_file(at: Desk, env_file: Path | None) -> Path | None:
    """The file that must be named: the folder where ./.env lies is this shell's, not cron's."""
    if env_file is not None:
        return env_file.absolute()
    here = Path(".env")
    return here.absolute() if here.is_file() and not (at.home / "settings.env").is_file() else None


def _worker(at: Desk, env_file: Path | None) -> "Worker":
    import pwd

    from ultra_checklist.cli.work import PATIENCE
    from ultra_checklist.unattended import Worker

    # -P: nothing of the folder that it is started in is imported.
    command = [sys.executable, "-P", "-m", "ultra_checklist", "sync"]
    command += ["--local"] if at.local else []
    named = _settings_file(at, env_file)
    command += ["--env-file", str(named)] if named is not None else []
    command += ["--lang", at.lang]
    user = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else ""
    return Worker(tuple(command), at.home, at.settings.deadline + PATIENCE, user)


def _cron(at: Desk, env_file: Path | None, *, write: bool, remove: bool) -> int:
    from ultra_checklist import disk
    from ultra_checklist.unattended import crontab_block, with_block, without_block

    if remove:
        now = _crontab()
        then = without_block(now, at.home)
        if then != now:
            _set_crontab(then)
        say(_REMOVED if then != now else _NOT_THERE)
        return 0
    worker = _worker(at, env_file)
    block = crontab_block(worker)
    if not write:
        click.echo(block, nl=False)
        go_on(_ADD_WRITE)
        return 0
    now = _crontab()
    then = with_block(now, block, at.home)
    # The shell that cron starts opens the log before the worker can make its folder.
    disk.make_folder(worker.log.parent)
    if then != now:
        _set_crontab(then)
    say(_IN_CRONTAB if then != now else _THERE)
    go_on(_WATCH_LOG.filled(log=str(worker.log)))
    return 0


def _crontab() -> bytes:
    """The user's crontab; empty where there is none. Raises CannotTellError where it cannot be read."""
    done = _run_crontab("-l")
    if done.returncode == 0:
        return bytes(done.stdout)
    said = done.stderr.decode(errors="replace")
    if "no crontab" in said.lower() or "no such file" in said.lower():
        return b""
    raise CannotTellError(_UNREAD.filled(why=said.strip()), remedy=_ASK_ADMIN)


def _set_crontab(text: bytes) -> None:
    done = _run_crontab("-", text)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise RefusedError(_REFUSED.filled(why=said), remedy=_ASK_ADMIN)


def _run_crontab(argument: str, text: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    import subprocess

    environment = {**process_environment(), "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["crontab", argument],  # noqa: S607 - the one that this user's shell would find
            input=text,
            capture_output=True,
            env=environment,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotTellError(_NO_CRONTAB.filled(why=str(error)), remedy=_USE_SYSTEMD) from error


def _systemd(at: Desk, env_file: Path | None, scope: str, *, write: bool, remove: bool) -> int:
    from ultra_checklist.unattended import SYSTEM, UNIT, service, timer

    folder = _units(scope)
    paths = [folder / f"{UNIT}.service", folder / f"{UNIT}.timer"]
    ctl = "systemctl" if scope == SYSTEM else "systemctl --user"
    if remove:
        enabled = folder / "timers.target.wants" / f"{UNIT}.timer"
        gone = [path for path in (enabled, *paths) if _is_ours(path, at.home) and _removed(path)]
        say(_REMOVED if gone else _NOT_THERE)
        go_on(f"{ctl} stop {UNIT}.timer && {ctl} daemon-reload" if gone else "")
        return 0
    worker = _worker(at, env_file)
    texts = [service(worker, scope), timer(worker)]
    if not write:
        for path, text in zip(paths, texts, strict=True):
            click.echo(f"# {path}\n{text}")
        go_on(_ADD_WRITE)
        return 0
    for path in paths:
        _is_ours(path, at.home)
    for path, text in zip(paths, texts, strict=True):
        _written(path, text)
        say(_WROTE.filled(path=str(path)))
    go_on(f"{ctl} daemon-reload && {ctl} enable --now {UNIT}.timer")
    if scope != SYSTEM:
        remark(_LINGER)
    return 0


def _units(scope: str) -> Path:
    """Where an administrator's, or this user's, units lie."""
    from ultra_checklist.unattended import SYSTEM

    if scope == SYSTEM:
        return Path("/etc/systemd/system")
    given = process_environment().get("XDG_CONFIG_HOME") or "~/.config"
    return Path(given).expanduser() / "systemd" / "user"


def _is_ours(path: Path, home: Path) -> bool:
    """Whether there is a unit of ours. Raises RefusedError where it is somebody else's, or for another folder."""
    from ultra_checklist.unattended import made_for

    try:
        first = path.read_text(encoding="utf-8").partition("\n")[0]
    except FileNotFoundError:
        return path.is_symlink()
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(_UNREADABLE.filled(path=str(path), why=str(error)), remedy=_LOOK_AT_IT) from error
    if first != made_for(home):
        raise RefusedError(_NOT_OURS.filled(path=str(path), home=str(home)), remedy=_LOOK_AT_IT)
    return True


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot(path, error) from error
    return True


def _written(path: Path, text: str) -> None:
    """Written as a whole, readable by all: systemd warns of units that are not."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o644)
        fresh.replace(path)
    except OSError as error:
        raise _cannot(path, error) from error


def _cannot(path: Path, error: OSError) -> StateError:
    return StateError(_CANNOT_WRITE.filled(path=str(path), why=error.strerror or str(error)), remedy=_WHO_MAY)


_BOTH = Words(en="--write and --remove exclude one another", ja="--write と --remove は同時に指定できません")
_ONLY_HERE = Words(
    en="this shell's environment holds settings that the worker will not have; put NOTION_TOKEN into {file}",
    ja="このシェルの環境変数はワーカーに渡りません。NOTION_TOKEN を {file} に書いてください",
)
_NO_TOKEN_YET = Words(
    en="there is no NOTION_TOKEN yet; put it into {file}, or use --local",
    ja="NOTION_TOKEN がまだありません。{file} に書くか、--local を使用してください",
)
_ADD_WRITE = Words(en="The same with --write writes it", ja="同じコマンドに --write を付けると書き込みます")
_IN_CRONTAB = Words(en="wrote the lines into your crontab", ja="crontab に書き込みました")
_THERE = Words(en="your crontab holds these lines already", ja="crontab には書き込み済みです")
_REMOVED = Words(en="removed", ja="削除しました")
_NOT_THERE = Words(en="there is nothing of ours to remove", ja="削除するものはありません")
_WATCH_LOG = Words(
    en="In a minute `ultra-checklist status` tells when it looked; it says what goes wrong in {log}",
    ja="1 分後に `ultra-checklist status` で確認時刻が分かります。問題は {log} に記録されます",
)
_WROTE = Words(en="wrote {path}", ja="{path} に書き込みました")
_LINGER = Words(
    en="so that it runs while nobody is logged in: loginctl enable-linger",
    ja="ログインしていない間も動かすには: loginctl enable-linger",
)
_UNREAD = Words(
    en="the crontab cannot be read, so nothing was changed: {why}",
    ja="crontab を読み込めないため、何も変更していません: {why}",
)
_REFUSED = Words(en="crontab(1) refused: {why}", ja="crontab(1) に拒否されました: {why}")
_ASK_ADMIN = Words(
    en="See whether this user may use cron (/etc/cron.allow, /etc/cron.deny)",
    ja="このユーザーが cron を使用できるか確認してください（/etc/cron.allow、/etc/cron.deny）",
)
_NO_CRONTAB = Words(en="crontab(1) cannot be run: {why}", ja="crontab(1) を実行できません: {why}")
_USE_SYSTEMD = Words(
    en="Install cron, or: ultra-checklist install systemd",
    ja="cron をインストールするか、ultra-checklist install systemd を使用してください",
)
_UNREADABLE = Words(en="{path} cannot be read: {why}", ja="{path} を読み込めません: {why}")
_NOT_OURS = Words(
    en="{path} was not made for the state folder {home}", ja="{path} は状態フォルダ {home} 用ではありません"
)
_LOOK_AT_IT = Words(
    en="Look at the file; move it away if nobody needs it",
    ja="ファイルを確認し、不要であれば移動してください",
)
_CANNOT_WRITE = Words(en="{path} cannot be written: {why}", ja="{path} に書き込めません: {why}")
_WHO_MAY = Words(en="Run it as root, or with --scope user", ja="root で実行するか、--scope user を付けてください")

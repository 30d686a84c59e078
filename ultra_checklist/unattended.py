"""How the worker runs by itself: the lines of a crontab, the units of systemd. Pure text.

Both run one pass a minute. The pass holds the lock of its state folder itself, so none is needed here.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ultra_checklist.errors import RefusedError, UsageError
from ultra_checklist.words import Words

UNIT = "ultra-checklist"
"""The name of service and timer."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where probes find programs: cron alone would give them /usr/bin and /bin."""
LONGEST = 990
"""Bytes of a crontab line: Debian's cron runs nothing of a longer one."""
KEPT = 1024
"""KiB after which a log is put aside; the one before it goes."""
SYSTEM = "system"
USER = "user"


@dataclass(frozen=True)
class Worker:
    """What is to be run for which state folder."""

    command: tuple[str, ...]
    home: Path
    seconds: float
    """How long a pass may last before it ends itself."""
    user: str = ""
    """Who runs it, where that is not who manages it."""

    def __post_init__(self) -> None:
        """Raises UsageError where a name cannot stand in a line."""
        for text in (*self.command, str(self.home), self.user):
            if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
                raise UsageError(_CONTROL.filled(text=repr(text)), remedy=_OTHER_NAME)

    @property
    def log(self) -> Path:
        """Where cron's passes say what they have to say; systemd has its journal."""
        return self.home / "logs" / "sync.log"


def crontab_block(worker: Worker) -> str:
    """The lines for a crontab. Raises UsageError where cron would not run so long a line."""
    log = shlex.quote(str(worker.log))
    home = f"ULTRA_CHECKLIST_HOME={shlex.quote(str(worker.home))}"
    run = f"PATH={PATH} {home} {shlex.join(worker.command)} >> {log} 2>&1"
    aside = f"find {log} -size +{KEPT}k -exec mv -f {log} {shlex.quote(f'{worker.log}.1')} ';' 2>/dev/null"
    begin, end = _marks(worker.home)
    lines = [begin, *(f"{when} {_percent(what)}" for when, what in (("* * * * *", run), ("7 4 * * *", aside))), end]
    for line in lines:
        if "\\" in line.replace("\\%", ""):
            # Not every cron reads it in the same way.
            raise UsageError(_BACKSLASH, remedy=_OTHER_NAME)
        if len(line.encode()) > LONGEST:
            raise UsageError(_LONG.filled(most=str(LONGEST)), remedy=_SHORTER)
    return "\n".join(lines) + "\n"


def with_block(crontab: bytes, block: str, home: Path) -> bytes:
    """A crontab with our lines once; all others stay as they are, byte for byte. Raises RefusedError."""
    before, ours, after = _parted(crontab, home)
    # cron ignores a last line without its end, or refuses the whole file.
    glue = b"" if not before or before.endswith(b"\n") else b"\n"
    return before + glue + block.encode() + after if ours is None else before + block.encode() + after


def without_block(crontab: bytes, home: Path) -> bytes:
    """A crontab without our lines. Raises RefusedError where one of the two marks is missing."""
    before, _, after = _parted(crontab, home)
    return before + after


def _parted(crontab: bytes, home: Path) -> tuple[bytes, bytes | None, bytes]:
    """What stands before our lines, our lines, what stands behind them; without them all is before."""
    begin, end = (re.escape(mark.encode()) for mark in _marks(home))
    found = re.findall(rb"^(?:%s|%s)$" % (begin, end), crontab, re.MULTILINE)
    if not found:
        return crontab, None, b""
    whole = re.fullmatch(rb"(.*^|)(%s\n.*?^%s(?:\n|\Z))(.*)" % (begin, end), crontab, re.DOTALL | re.MULTILINE)
    if len(found) != 2 or whole is None:
        raise RefusedError(_MARKS.filled(home=str(home)), remedy=_MEND_MARKS)
    return whole[1], whole[2], whole[3]


def _marks(home: Path) -> tuple[str, str]:
    what = f"ultra-checklist sync of {home}"
    return f"# BEGIN {what}", f"# END {what}"


def _percent(command: str) -> str:
    """A command of a crontab: there an unescaped % is the end of the line."""
    return command.replace("%", "\\%")


def made_for(home: Path) -> str:
    """The first line of a unit of ours: for which state folder it was made."""
    return f"# Made by `ultra-checklist install systemd` for {home}"


def service(worker: Worker, scope: str) -> str:
    """The service: one pass."""
    home, system = str(worker.home), scope == SYSTEM
    lines = [
        made_for(worker.home),
        "[Unit]",
        "Description=Ultra Checklist: one pass of the worker",
        *(("Wants=network-online.target", "After=network-online.target") if system else ()),
        "",
        "[Service]",
        "Type=oneshot",
        *((f"User={worker.user}",) if system and worker.user else ()),
        f"Environment={_quoted(f'ULTRA_CHECKLIST_HOME={home}')}",
        f"Environment=PATH={PATH}",
        f"ExecStart={' '.join(map(_quoted_argument, worker.command))}",
        "# A pass that hangs ends itself; this is for one that cannot even do that.",
        f"TimeoutStartSec={worker.seconds + 30:.0f}",
        "UMask=0077",
        *_HARDENED,
        *((*_HARDENED_SYSTEM, f"ReadWritePaths={_quoted(home)}") if system else ()),
    ]
    return "\n".join(lines) + "\n"


def timer(worker: Worker) -> str:
    """The timer: every minute."""
    return "\n".join(
        [
            made_for(worker.home),
            "[Unit]",
            "Description=Ultra Checklist: a pass of the worker every minute",
            "",
            "[Timer]",
            "OnCalendar=minutely",
            "AccuracySec=1s",
            "# A pass does all that was missed, so missed minutes are not made up for.",
            "Persistent=false",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        ]
    )


_HARDENED = (
    "# Probes look at this machine as a person would: docker's socket, journals, /proc, /tmp and homes stay",
    "# reachable. What they never need is more rights than the user has, so sudo does not work here.",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
)
_HARDENED_SYSTEM = (
    "# No PrivateTmp, ProtectHome, ProtectProc or capability bounds: they would hide what probes are asked about.",
    "# A user's manager can do none of what follows without taking away groups, docker's among them.",
    "ProtectSystem=full",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
)


def _quoted(text: str) -> str:
    """A value in a unit: in quotes, with nothing that systemd would replace."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _quoted_argument(text: str) -> str:
    """The same in a command line, where a $ would be a variable."""
    plain = re.fullmatch(r"[A-Za-z0-9_./:=@+,-]+", text)
    return text if plain else _quoted(text).replace("$", "$$")


_CONTROL = Words(en="{text} holds a control character", ja="{text} に制御文字が含まれています")
_BACKSLASH = Words(en="a path holds a backslash", ja="パスにバックスラッシュが含まれています")
_OTHER_NAME = Words(en="Use a path without it", ja="その文字のないパスを使用してください")
_LONG = Words(
    en="the line would be longer than the {most} bytes that cron takes",
    ja="crontab の行が、cron が受け付ける {most} バイトを超えます",
)
_SHORTER = Words(
    en="Use a shorter path for the state folder, or: ultra-checklist install systemd",
    ja="状態フォルダのパスを短くするか、ultra-checklist install systemd を使用してください",
)
_MARKS = Words(
    en="the crontab holds the marks of our lines for {home}, but not one pair of them",
    ja="crontab 内の {home} 用の目印行が、開始と終了の 1 組になっていません",
)
_MEND_MARKS = Words(
    en="Look at it with `crontab -e`, and delete the lines of ultra-checklist",
    ja="`crontab -e` で確認し、ultra-checklist の行を削除してください",
)

"""A shell script: may be executed, and can be read by bash, which executes nothing with ``-n`` (bash(1))."""

import re
import shlex
from pathlib import Path

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, failed, unknown
from ultra_checklist.probes.file import cannot_look, read_file

_SHELL = re.compile(rb"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*)?(?:\S*/)?(sh|bash|dash|ash)(?:\s|$)")


class ScriptSeen(Observation):
    """What a script was like."""

    executable: bool
    shell: bool = True
    """False: its first line names another interpreter than a shell that bash understands."""
    error: str = ""
    """What bash says of its syntax; empty where it is well, or was not asked."""


async def look(context: Context, path: Path, timeout: float, syntax: bool) -> ScriptSeen:  # noqa: ASYNC109 - handed on
    """Look at a script, and let bash read it where its syntax is asked for. Raises ProbeCannotTell."""
    try:
        executable = bool(path.stat().st_mode & 0o111)
        first = read_file(path, limit=256).partition(b"\n")[0]
    except OSError as error:
        raise cannot_look(path, error) from error
    shell = _SHELL.match(first) if first.startswith(b"#!") else None
    if not syntax or (first.startswith(b"#!") and shell is None):
        return ScriptSeen(executable=executable, shell=not syntax)
    mode = ["--posix"] if shell is not None and shell.group(1) != b"bash" else []
    done = await context.run(["bash", "--norc", "--noprofile", *mode, "-n", str(path)], timeout=timeout)
    told = done.stderr.strip().partition("\n")[0].removeprefix(f"{path}: ")
    error_text = context.redactor.text(told)[:200] if done.code != 0 else ""
    return ScriptSeen(executable=executable, error=error_text or ("?" if done.code != 0 else ""))


def judge(seen: ScriptSeen, path: Path, executable: bool) -> Verdict | None:
    """Whether the script is well."""
    quoted = shlex.quote(str(path))
    if executable and not seen.executable:
        return failed(
            "not-executable",
            Words(en=f"{path} may not be executed", ja=f"{path} に実行権限がありません"),
            expected=Words(en="executable", ja="実行可能"),
            seen=Words(en="not executable", ja="実行権限なし"),
            remedy=Words.same(f"chmod +x {quoted}"),
            executable=False,
        )
    if not seen.shell:
        return unknown(
            "not-a-shell-script",
            Words(en=f"{path} is no script of sh or bash", ja=f"{path} は sh / bash のスクリプトではありません"),
            remedy=Words.same(f"head -1 {quoted}"),
        )
    if seen.error:
        return failed(
            "syntax",
            Words(en=f"bash cannot read {path}", ja=f"{path} に構文エラーがあります"),
            expected=Words(en="no syntax error", ja="構文エラーなし"),
            seen=Words.same(seen.error),
            remedy=Words.same(f"bash -n {quoted}"),
            error=seen.error,
        )
    return None

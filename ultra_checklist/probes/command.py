"""A command of the team's own: its exit code and output."""

import re
import shlex
from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field, field_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import (
    Context,
    Observation,
    OneOrMore,
    Options,
    Pattern,
    Probe,
    Twin,
    failed,
    passed,
)

KEPT = 4000
"""Characters kept of each output: its end, where errors stand."""


class CommandOptions(Options):
    """What to run, and what it must answer."""

    run: list[str] = Field(min_length=1, description="Program and arguments as a list; no shell is involved.")
    exit: OneOrMore = Field(default=[0], description="Exit codes that are good: one, or a list.")
    stdout: Pattern | None = Field(default=None, description="Regular expression that the output must match.")
    stderr_empty: bool = Field(default=False, description="true: nothing may be written to stderr.")
    cwd: str | None = Field(default=None, description="Folder to run in.  Default: DEPLOY_DIR, where it is set.")

    @field_validator("run", mode="before")
    @classmethod
    def _a_list(cls, value: object) -> object:
        if isinstance(value, str):
            raise WrongValue(
                "write a list such as [scripts/health.sh, --quick]: no shell is involved",
                "[scripts/health.sh, --quick] のようなリストで書いてください（シェルは使いません）",
            )
        return value


class CommandSeen(Observation):
    """How a command ended."""

    argv: list[str]
    code: int
    stdout: str
    stderr: str
    matches: bool | None = None


class CommandProbe(Probe[CommandOptions, CommandSeen]):
    """Runs a command and judges its end."""

    name = "command"
    summary = Words(en="a command's exit code and output", ja="コマンドの終了コードと出力")
    options_model: ClassVar[type[Options]] = CommandOptions
    observation_model: ClassVar[type[Observation]] = CommandSeen
    judged: ClassVar[frozenset[str]] = frozenset({"exit", "stderr_empty"})

    @property
    def programs(self) -> tuple[str, ...]:
        """The one that it runs."""
        return (self.options.run[0],)

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.program_twins import of_command

        return of_command(self)

    async def observe(self, context: Context) -> CommandSeen:
        """Run it in DEPLOY_DIR; a program named with a slash is relative to that."""
        options = self.options
        program = options.run[0]
        argv = [str(context.path(program)) if "/" in program else program, *options.run[1:]]
        folder = context.path(options.cwd) if options.cwd is not None else context.base_dir
        done = await context.run(argv, timeout=options.timeout, cwd=folder)
        matches = None if options.stdout is None else re.search(options.stdout, done.stdout) is not None
        return CommandSeen(
            argv=argv,
            code=done.code,
            stdout=context.redactor.text(done.stdout, cut=done.truncated)[-KEPT:],
            stderr=context.redactor.text(done.stderr, cut=done.truncated)[-KEPT:],
            matches=matches,
        )

    def judge(self, seen: CommandSeen) -> Verdict:
        """Exit code, then stderr, then the output's form."""
        options, command = self.options, shlex.join(seen.argv)
        good = ", ".join(str(code) for code in options.exit)
        facts = {"code": seen.code, "matches": seen.matches, "quiet": not seen.stderr.strip()}
        last = (seen.stderr.strip() or seen.stdout.strip()).rpartition("\n")[2][:200]
        if seen.code not in options.exit:
            return failed(
                "exit-code",
                Words(
                    en=f"{options.run[0]} ended with {seen.code}: {last}",
                    ja=f"{options.run[0]} の終了コード {seen.code}: {last}",
                ),
                expected=Words.same(f"exit {good}"),
                seen=Words.same(f"exit {seen.code}"),
                remedy=Words.same(command),
                **facts,
            )
        if options.stderr_empty and seen.stderr.strip():
            return failed(
                "stderr",
                Words(
                    en=f"{options.run[0]} wrote to stderr: {last}",
                    ja=f"{options.run[0]} が stderr に出力しました: {last}",
                ),
                expected=Words(en="nothing on stderr", ja="stderr 出力なし"),
                seen=Words.same(last),
                remedy=Words.same(command),
                **facts,
            )
        if seen.matches is False:
            return failed(
                "output",
                Words(en="the output does not have the form it must", ja="出力が期待した形式ではありません"),
                expected=Words.same(options.stdout or ""),
                seen=Words.same(last or "-"),
                remedy=Words.same(command),
                **facts,
            )
        return passed(
            "as-expected", expected=Words.same(f"exit {good}"), seen=Words.same(f"exit {seen.code}"), **facts
        )

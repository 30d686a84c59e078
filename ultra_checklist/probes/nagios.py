"""Any monitoring plugin of the Nagios kind: its exit code is the verdict, its first line says why.

The protocol is that of the Monitoring Plugins Development Guidelines: exit code 0 OK, 1 WARNING, 2 CRITICAL,
3 UNKNOWN; performance data stands behind ``|`` on the first line, and behind the first ``|`` of the others.
"""

import re
import shlex
from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.model import Frozen, Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown

KEPT = 4000
"""Characters kept of the output."""
LINE = 200
MAX_PERFDATA = 100
_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_PERFDATA = re.compile(r"(?:'((?:[^']|'')+)'|([^\s'=]+))=(\S*)")
_VALUE = re.compile(r"(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)([A-Za-z%]*)")


class NagiosOptions(Options):
    """Which plugin, and what its warning means."""

    run: list[str] = Field(min_length=1, description="Plugin and arguments as a list; no shell is involved.")
    warn: Literal["pass", "fail", "unknown"] = Field(default="fail", description="What a warning is.")

    @field_validator("run", mode="before")
    @classmethod
    def _a_list(cls, value: object) -> object:
        if isinstance(value, str):
            raise WrongValue(
                "write a list such as [/usr/lib/nagios/plugins/check_disk, -w, 10%]: no shell is involved",
                "[/usr/lib/nagios/plugins/check_disk, -w, 10%] のようなリストで書いてください（シェルは不使用）",
            )
        return value


class Perfdata(Frozen):
    """One piece of performance data; limits are kept as the plugin wrote them."""

    label: str
    value: float | None = None
    """None: the plugin could not measure it."""
    unit: str = ""
    limits: list[str] = Field(default_factory=list)
    """Warning, critical, least and greatest, as far as they were given."""


class NagiosSeen(Observation):
    """How a plugin ended."""

    argv: list[str]
    code: int
    line: str
    output: str
    perfdata: list[Perfdata] = Field(default_factory=list)


class NagiosProbe(Probe[NagiosOptions, NagiosSeen]):
    """Runs a plugin."""

    name = "nagios"
    summary = Words(
        en="any monitoring plugin (Nagios, Icinga, Monitoring Plugins)",
        ja="監視プラグイン（Nagios / Icinga / Monitoring Plugins）",
    )
    options_model: ClassVar[type[Options]] = NagiosOptions
    observation_model: ClassVar[type[Observation]] = NagiosSeen
    judged: ClassVar[frozenset[str]] = frozenset({"warn"})

    @property
    def programs(self) -> tuple[str, ...]:
        """The plugin."""
        return (self.options.run[0],)

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.program_twins import of_nagios

        return of_nagios(self)

    async def observe(self, context: Context) -> NagiosSeen:
        """Run it in DEPLOY_DIR, where that is set; a plugin named with a slash is relative to that."""
        options = self.options
        program = options.run[0]
        argv = [str(context.path(program)) if "/" in program else program, *options.run[1:]]
        done = await context.run(argv, timeout=options.timeout, cwd=context.base_dir)
        output = context.redactor.text(done.stdout or done.stderr, cut=done.truncated)
        return NagiosSeen(
            argv=[context.redactor.text(word) for word in argv],
            code=done.code,
            line=output.partition("\n")[0].partition("|")[0].strip()[:LINE],
            output=output[:KEPT],
            perfdata=_perfdata(output[:KEPT]),
        )

    def judge(self, seen: NagiosSeen) -> Verdict:
        """The exit code alone; a code of no meaning, a signal too, cannot be told."""
        known = 0 <= seen.code < len(_STATES)
        state = _STATES[seen.code] if known else f"exit {seen.code}"
        told = Words.same(f"{state}: {seen.line}" if seen.line else state)
        expected = Words.same("OK / WARNING" if self.options.warn == "pass" else "OK")
        remedy = Words.same(shlex.join(seen.argv))
        program = self.options.run[0].rpartition("/")[2]
        outcome = {0: "pass", 1: self.options.warn, 2: "fail"}.get(seen.code, "unknown")
        if outcome == "pass":
            return passed("ok" if seen.code == 0 else "warning", expected=expected, seen=told, code=seen.code)
        if outcome == "fail":
            return failed(
                state.lower(),
                Words(en=f"{program} says {state}", ja=f"{program} が {state} を返しました"),
                expected=expected,
                seen=told,
                remedy=remedy,
                code=seen.code,
            )
        return unknown(
            state.lower() if known else "no-state",
            Words(en=f"{program} cannot tell: {state}", ja=f"{program} は判定できません: {state}"),
            expected=expected,
            seen=told,
            remedy=remedy,
            code=seen.code,
        )


def _perfdata(output: str) -> list[Perfdata]:
    """What a plugin has measured; whatever is not of the form is left out."""
    first, _, rest = output.partition("\n")
    found: list[Perfdata] = []
    for quoted, bare, text in _PERFDATA.findall(f"{first.partition('|')[2]} {rest.partition('|')[2]}"):
        value, *limits = text.split(";")
        number = _VALUE.fullmatch(value)
        if number is None and value != "U":
            continue
        found.append(
            Perfdata(
                label=quoted.replace("''", "'") if quoted else bare,
                value=float(number.group(1)) if number is not None else None,
                unit=number.group(2) if number is not None else "",
                limits=limits[:4],
            )
        )
    return found[:MAX_PERFDATA]

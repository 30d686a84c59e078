"""Programs that are wrong in one thing, for the probes that run some: ``tool``, ``command``, ``nagios``."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultra_checklist.model import Words
from ultra_checklist.probes.base import Context, Probe, Stage, Twin
from ultra_checklist.probes.file_twins import unlike

if TYPE_CHECKING:
    from ultra_checklist.probes.command import CommandProbe
    from ultra_checklist.probes.nagios import NagiosProbe
    from ultra_checklist.probes.tool import ToolProbe

_SAYS = ["/bin/sh", "-c", 'printf %s "$1"; printf %s "$2" >&2; exit "$3"', "twin"]


def says(out: str, err: str, code: int) -> list[str]:
    """A command that writes this and ends so."""
    return [*_SAYS, out, err, str(code)]


def of_command(probe: "CommandProbe") -> Iterator[Twin]:
    """Commands that end otherwise, or say something else."""
    options, good = probe.options, probe.options.exit[0]
    bad = next((code for code in (1, 2, 0, *range(3, 126)) if code not in options.exit), 1)
    yield Twin(Words.same(f"exit {bad}"), stage=_running(probe, says("", "", bad), cwd=None))
    if options.stderr_empty:
        words = Words(en="something on stderr", ja="stderr への出力")
        yield Twin(words, stage=_running(probe, says("", "twin", good), cwd=None))
    if options.stdout is not None:
        words = Words(en="another output", ja="別の出力")
        yield Twin(words, stage=_running(probe, says(unlike(options.stdout), "", good), cwd=None))


def of_nagios(probe: "NagiosProbe") -> Iterator[Twin]:
    """Plugins with bad news."""
    yield Twin(Words.same("CRITICAL"), stage=_running(probe, says("TWIN CRITICAL - twin", "", 2)))
    if probe.options.warn == "fail":
        yield Twin(Words.same("WARNING"), stage=_running(probe, says("TWIN WARNING - twin", "", 1)))


def of_tool(probe: "ToolProbe") -> Iterator[Twin]:
    """A PATH without the program, or with an old one."""
    from ultra_checklist.probes.tool import ToolSeen

    name, least = probe.options.name, probe.options.min
    yield Twin(Words(en=f"no {name}", ja=f"{name} なし"), stage=_path(probe, ""))
    if least is not None:
        yield Twin(Words.same(f"{name} 0.0"), stage=_path(probe, "#!/bin/sh\necho twin 0.0\n"))
    if probe.options.group is not None:
        seen = ToolSeen(found=True, path=name, version=least or "1.0", daemon="1.0", membership="other")
        yield Twin(Words(en="a user outside of the group", ja="グループ外のユーザ"), seen=seen)


def _running(probe: Probe[Any, Any], run: list[str], **more: Any) -> Stage:
    @asynccontextmanager
    async def stage(folder: Path, context: Context) -> AsyncIterator[tuple[Probe[Any, Any], Context]]:  # noqa: ARG001 - the seam's
        yield probe.like(run=run, **more), context

    return stage


def _path(probe: "ToolProbe", script: str) -> Stage:
    """A stage: a PATH of one folder, with the program where there is a script."""

    @asynccontextmanager
    async def stage(folder: Path, context: Context) -> AsyncIterator[tuple[Probe[Any, Any], Context]]:
        if script:
            program = folder / probe.options.name.partition(" ")[0]
            program.write_text(script)
            program.chmod(0o755)
        yield probe, replace(context, environment={**context.environment, "PATH": str(folder)})

    return stage

"""A program: installed, and new enough."""

import re
import shutil
from typing import ClassVar

from pydantic import Field, field_validator

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, failed, passed, unknown

_VERSION = re.compile(r"\d+(?:\.\d+)*")
_PACKAGES = {
    "docker": "docker.io",
    "docker compose": "docker-compose-v2",
    "systemctl": "systemd",
    "git": "git",
    "psql": "postgresql-client",
    "redis-cli": "redis-tools",
}


class ToolOptions(Options):
    """Which program, and how new."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9._+-]+( [A-Za-z0-9._+-]+)?$",
        description="The program, or two words for a plugin such as `docker compose`.",
    )
    min: str | None = Field(default=None, description='Least version, in quotes, such as "2.20".')
    version_args: list[str] | None = Field(default=None, description="How to ask for the version.")

    @field_validator("min", mode="before")
    @classmethod
    def _quoted(cls, value: object) -> object:
        if isinstance(value, int | float):
            raise ValueError(f'write the version in quotes: "{value}"')
        if isinstance(value, str) and "${" not in value and _VERSION.fullmatch(value) is None:
            raise ValueError(f"{value!r} is no version such as 2.20")
        return value


class ToolSeen(Observation):
    """What was found of a program."""

    found: bool
    path: str = ""
    code: int = 0
    version: str = ""
    output: str = ""


class ToolProbe(Probe[ToolOptions, ToolSeen]):
    """Looks for a program on the PATH and asks it for its version."""

    name = "tool"
    summary = Words(en="a program is installed and new enough", ja="ツールがインストール済みで十分新しい")
    options_model: ClassVar[type[Options]] = ToolOptions
    observation_model: ClassVar[type[Observation]] = ToolSeen
    judged: ClassVar[frozenset[str]] = frozenset({"min"})

    async def observe(self, context: Context) -> ToolSeen:
        """Find it where children would find it."""
        program, _, plugin = self.options.name.partition(" ")
        path = shutil.which(program, path=context.environment.get("PATH", ""))
        if path is None:
            return ToolSeen(found=False)
        asked = self.options.version_args or (["version"] if plugin else ["--version"])
        done = await context.run([path, *([plugin] if plugin else []), *asked], timeout=self.options.timeout)
        output = (done.stdout or done.stderr).strip()
        version = _VERSION.search(output)
        return ToolSeen(
            found=True,
            path=path,
            code=done.code,
            version=version.group(0) if version is not None and done.code == 0 else "",
            output=context.redactor.text(output, cut=done.truncated)[:200],
        )

    def judge(self, seen: ToolSeen) -> Verdict:
        """Missing, mute, too old, or well."""
        name, least = self.options.name, self.options.min
        install = Words.same(f"apt-get install {_PACKAGES.get(name, name.replace(' ', '-'))}")
        expected = Words.same(f"{name} >= {least}" if least else name)
        if not seen.found or (" " in name and seen.code != 0):
            return failed(
                "missing",
                Words(en=f"{name} is not installed", ja=f"{name} がインストールされていません"),
                expected=expected,
                seen=Words(en="not found", ja="見つかりません"),
                remedy=install,
                found=False,
            )
        if not seen.version and (least or seen.code != 0):
            return unknown(
                "no-version",
                Words(en=f"{name} does not tell its version", ja=f"{name} のバージョンが分かりません"),
                expected=expected,
                seen=Words.same(f"exit code {seen.code}"),
                remedy=Words.same(f"{name} --version"),
                code=seen.code,
            )
        if least and _numbers(seen.version) < _numbers(least):
            return failed(
                "too-old",
                Words(en=f"{name} is too old", ja=f"{name} が古すぎます"),
                expected=expected,
                seen=Words.same(seen.version),
                remedy=install,
                version=seen.version,
            )
        return passed(
            "as-expected", expected=expected, seen=Words.same(f"{name} {seen.version}"), version=seen.version
        )


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]

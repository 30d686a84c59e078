"""A program: installed, new enough, and of use to whoever runs this: its daemon answers, the group is right."""

import grp
import os
import re
import shutil
from collections.abc import Iterable
from time import monotonic
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.acl import user_name
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown

Membership = Literal["root", "member", "later", "other", "no-group"]
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
    daemon: bool = Field(default=False, description="true: docker's daemon answers whoever runs this.")
    group: str | None = Field(
        default=None, min_length=1, description="The group that whoever runs this must be in; root needs none."
    )

    @field_validator("min", mode="before")
    @classmethod
    def _quoted(cls, value: object) -> object:
        if isinstance(value, int | float):
            raise WrongValue(
                f'write the version in quotes: "{value}"', f'バージョンは "{value}" のように引用符で囲んでください'
            )
        if isinstance(value, str) and "${" not in value and _VERSION.fullmatch(value) is None:
            raise WrongValue(
                f"{value!r} is no version such as 2.20", f"{value!r} は 2.20 のようなバージョンではありません"
            )
        return value

    @model_validator(mode="after")
    def _has_daemon(self) -> "ToolOptions":
        if self.daemon and self.name.partition(" ")[0] != "docker":
            raise WrongValue("daemon is asked of docker alone", "daemon は docker についてのみ確認できます")
        return self


class ToolSeen(Observation):
    """What was found of a program."""

    found: bool
    path: str = ""
    code: int = 0
    version: str = ""
    output: str = ""
    daemon: str = ""
    """The version of docker's daemon."""
    daemon_problem: Literal["", "denied", "unreachable", "timeout"] = ""
    membership: Membership | None = None


class ToolProbe(Probe[ToolOptions, ToolSeen]):
    """Looks for a program on the PATH and asks it for its version."""

    name = "tool"
    summary = Words(en="a program is installed and new enough", ja="ツールがインストール済みで十分新しい")
    options_model: ClassVar[type[Options]] = ToolOptions
    observation_model: ClassVar[type[Observation]] = ToolSeen
    judged: ClassVar[frozenset[str]] = frozenset({"min"})

    @property
    def programs(self) -> tuple[str, ...]:
        """The one that is asked for."""
        return (self.options.name.partition(" ")[0],)

    def twins(self) -> Iterable[Twin]:
        """One for each thing that is asked."""
        from ultra_checklist.probes.program_twins import of_tool

        return of_tool(self)

    async def observe(self, context: Context) -> ToolSeen:
        """Find it where children would find it."""
        program, _, plugin = self.options.name.partition(" ")
        path = shutil.which(program, path=context.environment.get("PATH", ""))
        if path is None:
            return ToolSeen(found=False)
        asked = self.options.version_args or (["version"] if plugin else ["--version"])
        until = monotonic() + self.options.timeout
        membership = _membership(self.options.group) if self.options.group is not None else None
        done = await context.run([path, *([plugin] if plugin else []), *asked], timeout=self.options.timeout)
        output = (done.stdout or done.stderr).strip()
        version = _VERSION.search(output)
        return ToolSeen(
            found=True,
            path=path,
            code=done.code,
            version=version.group(0) if version is not None and done.code == 0 else "",
            output=context.redactor.text(output, cut=done.truncated)[:200],
            membership=membership,
            **(await self._daemon(path, context, max(0.1, until - monotonic())) if self.options.daemon else {}),
        )

    async def _daemon(self, path: str, context: Context, left: float) -> dict[str, Any]:
        """Ask docker's daemon for its version, as docker-version(1) does."""
        try:
            done = await context.run([path, "version", "--format", "{{.Server.Version}}"], timeout=left)
        except ProbeCannotTell as error:
            return {"daemon_problem": "timeout" if error.reason == "timeout" else "unreachable"}
        version = _VERSION.search(done.stdout)
        if done.code == 0 and version is not None:
            return {"daemon": version.group(0)}
        return {"daemon_problem": "denied" if "permission denied" in done.stderr.lower() else "unreachable"}

    def judge(self, seen: ToolSeen) -> Verdict:
        """Missing, mute, too old, of another group, without daemon, or well."""
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
                seen=Words(en=f"exit code {seen.code}", ja=f"終了コード {seen.code}"),
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
        for verdict in (self._group(seen, expected), self._answers(seen, expected)):
            if verdict is not None:
                return verdict
        daemon = f", daemon {seen.daemon}" if seen.daemon else ""
        return passed(
            "as-expected",
            expected=expected,
            seen=Words.same(f"{name} {seen.version}{daemon}"),
            version=seen.version,
        )

    def _group(self, seen: ToolSeen, expected: Words) -> Verdict | None:
        group = self.options.group
        if group is None or seen.membership in ("root", "member"):
            return None
        words = {
            "later": ("not in this session", "このログインでは未反映です", "log out and in again"),
            "no-group": ("there is no such group", "グループがありません", f"groupadd {group}"),
        }
        en, ja, remedy = words.get(
            seen.membership or "", ("not a member", "所属していません", f'usermod -aG {group} "$USER"')
        )
        return failed(
            "not-in-group",
            Words(
                en=f"whoever runs this is not in the group {group}: {en}",
                ja=f"実行ユーザがグループ {group} に属していません: {ja}",
            ),
            expected=Words.same(f"{expected.en}, {group}"),
            seen=Words(en=en, ja=ja),
            remedy=Words.same(remedy),
            membership=seen.membership,
        )

    def _answers(self, seen: ToolSeen, expected: Words) -> Verdict | None:
        if not self.options.daemon or seen.daemon:
            return None
        words = {
            "denied": (
                "lets nobody in who runs this",
                "実行ユーザのアクセスを拒否しました",
                'usermod -aG docker "$USER"',
            ),
            "timeout": ("does not answer in time", "時間内に応答しません", "systemctl status docker"),
        }
        en, ja, remedy = words.get(
            seen.daemon_problem, ("does not answer", "応答しません", "systemctl start docker")
        )
        return unknown(
            f"daemon-{seen.daemon_problem or 'unreachable'}",
            Words(en=f"docker's daemon {en}", ja=f"docker デーモンが{ja}"),
            expected=expected,
            seen=Words.same(f"{self.options.name} {seen.version}"),
            remedy=Words.same(remedy),
            daemon="",
        )


def _membership(name: str) -> Membership:
    """Whether this process is in a group, or would be after the next login."""
    if os.geteuid() == 0:
        return "root"
    try:
        group = grp.getgrnam(name)
    except KeyError:
        return "no-group"
    if group.gr_gid in (os.getegid(), *os.getgroups()):
        return "member"
    return "later" if user_name(os.geteuid()) in group.gr_mem else "other"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]

"""Containers: running, healthy, of the right image, started by this deploy, and not restarted since."""

import shlex
from collections.abc import Iterator
from typing import Any, ClassVar

from ultra_checklist.errors import ProbeCannotTell, WrongValue
from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.containers import (
    COMPOSE,
    DIGEST,
    REVISION,
    ContainerSeen,
    DockerOptions,
    DockerSeen,
    Known,
    look,
)
from ultra_checklist.probes.dockerapi import LOCAL, ask, checked_host
from ultra_checklist.probes.lifetime import bad_lives, judge_life, newest_deploy, worst

SHORT = 12
_STATES = {
    "created": Words(en="was never started", ja="未起動です"),
    "restarting": Words(en="restarts again and again", ja="再起動を繰り返しています"),
    "paused": Words(en="is paused", ja="一時停止中です"),
    "dead": Words(en="is dead", ja="dead 状態です"),
    "exited": Words(en="has ended", ja="終了しています"),
    "stopped": Words(en="has ended", ja="終了しています"),
    "removing": Words(en="is being removed", ja="削除中です"),
}
"""States in which a container does not run, by their names in the API, Podman's ``stopped`` included."""


class DockerProbe(Probe[DockerOptions, DockerSeen]):
    """Asks a Docker daemon; it changes nothing."""

    name = "docker"
    summary = Words(
        en="containers: running, healthy, image, started by the deploy, not restarted since",
        ja="コンテナ: 稼働・ヘルスチェック・イメージ・デプロイ後の起動・自動再起動なし",
    )
    options_model: ClassVar[type[DockerOptions]] = DockerOptions
    observation_model: ClassVar[type[DockerSeen]] = DockerSeen
    judged: ClassVar[frozenset[str]] = frozenset({"health", "count"})

    @property
    def wants_baseline(self) -> bool:
        """Whether something was restarted is told by how it was before."""
        return self.options.compares

    @property
    def daemon(self) -> str:
        """Where it listens."""
        return self.options.host or "-"

    def twins(self) -> Iterator[Twin]:
        """No container, and containers that are wrong in one thing."""
        options = self.options
        image = options.image.rpartition("sha256:")[2] or "twin"
        (_, life, times), *lives = bad_lives(options)
        good = ContainerSeen(
            id="twin", name=options.name or "twin", status="running", has_check=True, health="healthy", life=life,
            image=image, commit=options.commit or "", env=dict.fromkeys(options.env, True),
        )  # fmt: skip
        services = options.service or ["twin"]

        def seen(count: int = options.count or 1, **other: Any) -> DockerSeen:
            one = good.model_copy(update=other)
            all_of = [one.model_copy(update={"service": service}) for service in services for _ in range(count)]
            return DockerSeen(host=LOCAL, containers=all_of, times=times, wanted_image=image)

        yield Twin(Words(en="no container", ja="コンテナなし"), seen=seen(0))
        if options.count:
            yield Twin(Words(en="a container too many", ja="コンテナが 1 個多い"), seen=seen(options.count + 1))
        yield Twin(Words.same("exited, exit 1"), seen=seen(status="exited", exit_code=1))
        yield Twin(Words.same("unhealthy"), seen=seen(health="unhealthy", failing=3))
        if options.health == "required":
            yield Twin(Words(en="no HEALTHCHECK", ja="HEALTHCHECK なし"), seen=seen(has_check=False, health=""))
        if options.image:
            yield Twin(Words(en="another image", ja="別のイメージ"), seen=seen(image="another"))
        if options.commit:
            other = ("e" if options.commit.startswith("d") else "d") * 40
            yield Twin(Words(en="another commit", ja="別のコミット"), seen=seen(commit=other))
        for name in options.env:
            env = {**good.env, name: False}
            yield Twin(Words(en=f"another value of {name}", ja=f"{name} が別の値"), seen=seen(env=env))
        for what, bad, _ in lives:
            yield Twin(what, seen=seen(life=bad))

    async def observe(self, context: Context) -> DockerSeen:
        """Inspect every container that is meant, and what the options ask for beside it."""
        host = self.options.host or context.environment.get("DOCKER_HOST") or LOCAL
        try:
            checked_host(host)
        except WrongValue as error:
            raise ProbeCannotTell(
                "bad-host",
                f"DOCKER_HOST: {error.words.en}",
                f"DOCKER_HOST: {error.words.ja}",
                remedy=f"export DOCKER_HOST={LOCAL}",
            ) from error
        known = await context.once(("docker", host), Known.begin)
        seen: DockerSeen = await ask(
            host, self.options.timeout, lambda client: look(client, host, self.options, known)
        )
        before = None
        if isinstance(context.baseline, DockerSeen):
            before = {one.id: one.life for one in context.baseline.containers}
        times = seen.times.model_copy(update={"deploy": newest_deploy(context), "before": before})
        return seen.model_copy(update={"times": times})

    def judge(self, seen: DockerSeen) -> Verdict:
        """Those that are missing first, then each container; the worst verdict counts."""
        wrong = worst([self._absent(seen), *(self._one(one, seen) for one in seen.containers)])
        if wrong is not None:
            return wrong
        told = ", ".join(f"{one.name} {_state(one)}" for one in seen.containers)
        return passed(
            "running",
            expected=Words(en="running", ja="稼働中（running）"),
            seen=Words.same(told),
            containers={
                one.name: {"id": one.id[:SHORT], "image": one.image[:SHORT], "health": one.health}
                for one in seen.containers
            },
        )

    def _absent(self, seen: DockerSeen) -> Verdict | None:
        options = self.options
        there = [one.service for one in seen.containers]
        wanted = options.service or sorted(set(there)) or [options.project]
        missing = [one for one in wanted if there.count(one) < 1] if options.project else []
        if options.name and not seen.containers:
            missing = [options.name]
        if missing:
            what, all_of = ", ".join(missing), f" --filter label={COMPOSE}project={shlex.quote(options.project)}"
            return failed(
                "absent",
                Words(en=f"there is no container of {what}", ja=f"{what} のコンテナがありません"),
                expected=Words(en="running", ja="稼働中（running）"),
                seen=Words(en="not there", ja="存在しません"),
                remedy=Words.same(_cli(seen) + " ps -a" + (all_of if options.project else "")),
                missing=missing,
            )
        others = {one: there.count(one) for one in wanted if options.count and there.count(one) != options.count}
        if not others:
            return None
        return failed(
            "count",
            Words(en="there are more or fewer containers", ja="コンテナの数が異なります"),
            expected=Words.same(str(options.count)),
            seen=Words.same(", ".join(f"{one}: {number}" for one, number in others.items())),
            remedy=Words.same(f"{_cli(seen)} ps -a"),
            counts=others,
        )

    def _one(self, one: ContainerSeen, seen: DockerSeen) -> Verdict | None:
        logs = Words.same(f"{_cli(seen)} logs --tail 50 {one.name}")
        for verdict in (
            _stopped(one, logs),
            self._health(one, seen),
            self._image(one, seen),
            self._commit(one, seen),
            self._env(one, seen),
            judge_life(self.options, one.name, one.life, seen.times, logs, key=one.id),
        ):
            if verdict is not None:
                return verdict
        return None

    def _health(self, one: ContainerSeen, seen: DockerSeen) -> Verdict | None:
        wanted = self.options.health
        show = Words.same(f"{_cli(seen)} inspect -f '{{{{json .State.Health}}}}' {one.name}")
        told: dict[str, Any] = {"expected": Words.same("healthy"), "remedy": show, "name": one.name}
        if one.health == "healthy":
            return None
        if one.health == "unhealthy":
            return failed(
                "unhealthy",
                Words(
                    en=f"{one.name} runs, but its health check fails",
                    ja=f"{one.name} は稼働していますが、ヘルスチェックが失敗しています",
                ),
                seen=Words(en=f"{one.failing} failures in a row", ja=f"{one.failing} 回連続で失敗"),
                **told,
            )
        if one.health == "starting":
            words = Words(en=f"{one.name} is still starting", ja=f"{one.name} は起動中です")
            return unknown("starting", words, seen=Words.same("starting"), **told)
        if one.health:
            words = Words(
                en=f"{one.name} tells of a health that is not known", ja=f"{one.name} のヘルス状態を解釈できません"
            )
            return unknown("unknown-health", words, seen=Words.same(one.health[:40]), **told)
        if wanted == "required" and not one.has_check:
            words = Words(en=f"{one.name} has no HEALTHCHECK", ja=f"{one.name} に HEALTHCHECK がありません")
            return failed("no-health-check", words, seen=Words.same("none"), **told)
        if wanted == "optional" or not one.has_check:
            return None
        words = Words(
            en=f"{one.name} has a HEALTHCHECK that has said nothing",
            ja=f"{one.name} の HEALTHCHECK の結果がまだありません",
        )
        return unknown("no-health", words, seen=Words.same("none"), **told)

    def _image(self, one: ContainerSeen, seen: DockerSeen) -> Verdict | None:
        wanted = self.options.image
        if not wanted:
            return None
        digest = DIGEST.fullmatch(wanted)
        known = [one.image, *one.digests] if digest else [one.image]
        image = digest[1] if digest else seen.wanted_image
        if image and any(other.startswith(image) for other in known):
            return None
        return failed(
            "other-image",
            Words(en=f"{one.name} runs another image", ja=f"{one.name} は別のイメージで動作しています"),
            expected=Words.same(wanted if digest else f"{wanted} = {image[:SHORT] or '-'}"),
            seen=Words.same(one.image[:SHORT]),
            remedy=Words.same(f"{_cli(seen)} inspect -f '{{{{.Image}}}} {{{{.Config.Image}}}}' {one.name}"),
            name=one.name,
            image=one.image,
        )

    def _commit(self, one: ContainerSeen, seen: DockerSeen) -> Verdict | None:
        wanted = self.options.commit
        if wanted is None or (one.commit and (one.commit.startswith(wanted) or wanted.startswith(one.commit))):
            return None
        expected = Words.same(wanted[:SHORT])
        if not one.commit:
            return unknown(
                "no-commit",
                Words(
                    en=f"the image of {one.name} does not name its commit",
                    ja=f"{one.name} のイメージにコミットが記録されていません",
                ),
                expected=expected,
                remedy=Words.same(f"docker build --label {REVISION}=$(git rev-parse HEAD) ..."),
                name=one.name,
            )
        return failed(
            "other-commit",
            Words(en=f"{one.name} runs another commit", ja=f"{one.name} は別のコミットで動作しています"),
            expected=expected,
            seen=Words.same(one.commit[:SHORT]),
            remedy=Words.same(f"{_cli(seen)} inspect -f '{{{{json .Config.Labels}}}}' {one.name}"),
            name=one.name,
            commit=one.commit,
        )

    def _env(self, one: ContainerSeen, seen: DockerSeen) -> Verdict | None:
        missing = sorted(name for name, equal in one.env.items() if equal is None)
        other = sorted(name for name, equal in one.env.items() if equal is False)
        if not missing and not other:
            return None
        names = ", ".join(missing or other)
        return failed(
            "env-missing" if missing else "env-differs",
            Words(
                en=f"{names} is not set in {one.name}" if missing else f"{names} has another value in {one.name}",
                ja=f"{one.name} に {names} が設定されていません"
                if missing
                else f"{one.name} の {names} の値が異なります",
            ),
            expected=Words(en=f"{names} as in the checklist", ja=f"{names}: チェックリストどおりの値"),
            seen=Words(en="not there", ja="未設定") if missing else Words(en="another value", ja="別の値"),
            remedy=Words.same(f"{_cli(seen)} exec {one.name} printenv {' '.join(missing or other)}"),
            name=one.name,
            missing=missing,
            other=other,
        )


def _stopped(one: ContainerSeen, logs: Words) -> Verdict | None:
    status = "dead" if one.dead else "restarting" if one.restarting else "paused" if one.paused else one.status
    told: dict[str, Any] = {
        "expected": Words(en="running", ja="稼働中（running）"),
        "remedy": logs,
        "name": one.name,
    }
    # A flag of a process that was killed inside of it stays although the container itself runs on.
    if one.oom_killed:
        words = Words(
            en=f"the kernel killed {one.name}, or a process of it, for lack of memory",
            ja=f"{one.name}（またはその子プロセス）がメモリ不足で強制終了されました",
        )
        return failed("oom-killed", words, seen=Words.same(f"{status}, OOMKilled"), **told)
    if status == "running":
        return None
    if status not in _STATES:
        words = Words(en=f"{one.name} is neither running nor stopped", ja=f"{one.name} の状態を判定できません")
        return unknown("unknown-state", words, seen=Words.same(status[:40]), **told)
    words = _STATES[status]
    return failed(
        status,
        Words(en=f"{one.name} {words.en}", ja=f"{one.name} は{words.ja}"),
        seen=Words.same(f"{status}, exit {one.exit_code}" if status in ("exited", "stopped", "dead") else status),
        **told,
    )


def _state(one: ContainerSeen) -> str:
    return f"{one.status} ({one.health})" if one.health else one.status


def _cli(seen: DockerSeen) -> str:
    return "docker" if seen.host == LOCAL else f"docker -H {shlex.quote(seen.host)}"

"""Containers as a daemon tells of them, without what must not be kept: no value of their environment.

What is read: https://docs.docker.com/reference/api/engine/ (ContainerInspect, ContainerList, ImageInspect,
SystemInfo). Podman speaks the same language with another accent.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ultra_checklist.errors import WrongValue
from ultra_checklist.probes.base import CommitId, Observation
from ultra_checklist.probes.dockerapi import LOCAL, checked_host
from ultra_checklist.probes.lifetime import Life, LifetimeOptions, Times

if TYPE_CHECKING:
    from docker import APIClient

MOST = 50
"""Containers that are looked at."""
REVISION = "org.opencontainers.image.revision"
"""The label in which an image names its commit (OCI image annotations)."""
COMPOSE = "com.docker.compose."
"""How the labels begin that Compose gives to its containers."""
DIGEST = re.compile(r"(?:[^@\s]+@)?(?:sha256:)?([0-9a-f]{12,64})")

Names = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class DockerOptions(LifetimeOptions):
    """Which containers, and how they must be."""

    name: str = Field(default="", description="Name of the container.")
    project: str = Field(
        default="", description="In the place of a name: the Compose project, with all its services."
    )
    service: Names = Field(
        default_factory=list, description="Of that project these services alone: one, or a list."
    )
    count: int | None = Field(default=None, ge=1, description="How many containers each service must have.")
    health: Literal["if-defined", "required", "optional"] = Field(
        default="if-defined",
        description="`if-defined`: healthy, where the container has a HEALTHCHECK. `required`: it must have one. "
        "`optional`: its answer may be missing, but not bad.",
    )
    image: str = Field(
        default="",
        description="Image that must be running: an id, a digest, or a name that has one on this daemon.",
    )
    commit: CommitId | None = Field(
        default=None, description=f"The commit that the image must name in its label {REVISION}."
    )
    env: dict[str, str] = Field(
        default_factory=dict,
        description="Variables of the container's environment with their values; seen values are never recorded.",
    )
    host: str = Field(
        default="", description=f"The daemon: unix:///path or tcp://host:port.  Default: DOCKER_HOST, else {LOCAL}."
    )

    @field_validator("host")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return checked_host(value) if value else value

    @model_validator(mode="after")
    def _one_way(self) -> "DockerOptions":
        if bool(self.name) == bool(self.project):
            raise WrongValue(
                "this names no containers: add name, or project",
                "コンテナの指定がありません。name または project を指定してください",
            )
        if self.name and (self.service or self.count):
            raise WrongValue(
                "service and count belong to a project", "service と count は project と一緒に使います"
            )
        return self


class ContainerSeen(Observation):
    """One container, as the daemon told of it."""

    id: str
    name: str
    service: str = ""
    status: str
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = False
    dead: bool = False
    exit_code: int = 0
    has_check: bool = False
    """Whether it has a HEALTHCHECK."""
    health: str = ""
    """What that said last; empty: nothing."""
    failing: int = 0
    """How many times in a row it said that it is ill."""
    life: Life
    image: str
    digests: list[str] = Field(default_factory=list)
    """Digests under which registries know the image."""
    commit: str = ""
    env: dict[str, bool | None] = Field(default_factory=dict)
    """For each variable that was asked for whether it has that value; None: it is not there."""


class DockerSeen(Observation):
    """All containers that were meant."""

    host: str
    containers: list[ContainerSeen]
    times: Times
    wanted_image: str = ""
    """Id of the image that is named in the options; empty: the daemon has none, or none is named."""


class Known:
    """What a daemon has told in one round of probes, each in its own thread: it is asked one thing at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], Any] = {}

    @classmethod
    async def begin(cls) -> "Known":
        """Nothing is known yet."""
        return cls()

    def once(self, what: str, which: str, ask: Callable[[], Any]) -> Any:
        """The answer to a question, which is asked once; one that fails is asked again."""
        with self._lock:
            if (what, which) not in self._answers:
                self._answers[what, which] = ask()
            return self._answers[what, which]


def look(client: "APIClient", host: str, options: DockerOptions, known: Known) -> DockerSeen:
    """Inspect every container that is meant, and what the options ask for beside it.

    Raises what the SDK raises, and KeyError, TypeError or ValueError for an answer that is no daemon's.
    """
    now, ahead = datetime.now(UTC), 0.0
    if options.started_after_deploy or options.min_uptime:
        now, ahead = _clock(client)
    seen = (_inspect(client, key, known) for key in _ids(client, options, known))
    inspected = [found for found in seen if found is not None]
    if options.name:
        # The daemon also finds containers by the beginning of their id.
        inspected = [found for found in inspected if str(found["Name"]).lstrip("/") == options.name]
    return DockerSeen(
        host=host,
        containers=[_container(client, found, options) for found in inspected],
        times=Times(now=now, ahead=ahead),
        wanted_image=_wanted_image(client, options.image),
    )


def _clock(client: "APIClient") -> tuple[datetime, float]:
    """The daemon's clock, by which containers are started, and by how many seconds it is ahead of ours."""
    asked = datetime.now(UTC)
    theirs = datetime.fromisoformat(_cut(client.info()["SystemTime"]))
    # It was read at some moment between the question and the answer.
    nearest = min(max(theirs, asked), datetime.now(UTC))
    return theirs, round((theirs - nearest).total_seconds(), 1)


def _ids(client: "APIClient", options: DockerOptions, known: Known) -> list[str]:
    if options.name:
        return [options.name]
    label = f"{COMPOSE}project={options.project}"
    listed = known.once("containers", label, lambda: client.containers(all=True, filters={"label": [label]}))
    # A container of `compose run` belongs to a service, but is not a part of what it serves.
    found = [one for one in listed if one["Labels"].get(f"{COMPOSE}oneoff") != "True"]
    if len(found) > MOST:
        raise ValueError("too many containers")
    return [
        one["Id"]
        for one in found
        if not options.service or one["Labels"].get(f"{COMPOSE}service") in options.service
    ]


def _container(client: "APIClient", found: Mapping[str, Any], options: DockerOptions) -> ContainerSeen:
    state, config = found["State"], found["Config"]
    # Podman has an empty Health where Docker has none, and once called it Healthcheck.
    health = state.get("Health") or state.get("Healthcheck") or {}
    test = (config.get("Healthcheck") or {}).get("Test") or []
    labels = config.get("Labels") or {}
    started = datetime.fromisoformat(_cut(state["StartedAt"]))
    said = str(health.get("Status") or "")
    return ContainerSeen(
        id=found["Id"],
        name=str(found["Name"]).lstrip("/"),
        service=labels.get(f"{COMPOSE}service", ""),
        status=state["Status"],
        paused=state.get("Paused", False),
        restarting=state.get("Restarting", False),
        oom_killed=state.get("OOMKilled", False),
        dead=state.get("Dead", False),
        exit_code=state.get("ExitCode", 0),
        has_check=bool(test) and test[0] != "NONE",
        health="" if said == "none" else said,
        failing=health.get("FailingStreak") or 0,
        life=Life(
            run=f"{found['Id']} {state['StartedAt']}",
            started=started if started.year > 1 else None,
            restarts=found["RestartCount"],
        ),
        image=found["Image"].removeprefix("sha256:"),
        digests=_digests(client, found["Image"]) if options.image else [],
        commit=labels.get(REVISION, ""),
        env=_compared(config.get("Env") or [], options.env),
    )


def _wanted_image(client: "APIClient", image: str) -> str:
    """The id of the image that is named, where it is not told by its id or digest already."""
    found = _image(client, image) if image and not DIGEST.fullmatch(image) else {}
    return str(found.get("Id", "")).removeprefix("sha256:")


def _inspect(client: "APIClient", key: str, known: Known) -> Mapping[str, Any] | None:
    from docker.errors import NotFound

    try:
        found: Mapping[str, Any] = known.once("container", key, lambda: client.inspect_container(key))
    except NotFound:
        return None
    return found


def _digests(client: "APIClient", image: str) -> list[str]:
    """Under which digests registries know an image; none where it was removed under a running container."""
    return sorted({name.rpartition("@sha256:")[2] for name in _image(client, image).get("RepoDigests") or []})


def _image(client: "APIClient", name: str) -> Mapping[str, Any]:
    """What the daemon tells of an image; nothing where it has none."""
    from docker.errors import NotFound

    untyped: Any = client
    try:
        found: Mapping[str, Any] = untyped.inspect_image(name)
    except NotFound:
        return {}
    return found


def _compared(environment: Sequence[str], wanted: Mapping[str, str]) -> dict[str, bool | None]:
    there = dict(line.partition("=")[::2] for line in environment)
    return {name: there[name] == value if name in there else None for name, value in wanted.items()}


def _cut(time: str) -> str:
    """An RFC 3339 time without its nanoseconds, which Python does not read."""
    return re.sub(r"(\.\d{1,6})\d*", lambda found: found[1].ljust(7, "0"), time)

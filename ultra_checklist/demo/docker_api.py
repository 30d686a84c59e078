"""The part of Docker's Engine API that only looks, on a unix socket, for the pretend backend's container.

Shapes of answers: https://docs.docker.com/reference/api/engine/version/v1.41/ (ContainerList, ContainerInspect,
ImageInspect, SystemVersion, SystemPing). Everything that is no GET or HEAD is refused and counts as a violation.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ultra_checklist.demo.container import CHECK_EVERY, UNHEALTHY_AFTER, Container, State, image_of
from ultra_checklist.demo.service import Reply, Request, Service, as_json, as_text

API_VERSION = "1.41"
_VERSIONED = re.compile(r"^/v1\.\d+(?=/)")
IMAGE = "ultra-autotrade-backend"


class DockerApi:
    """Answers for one container."""

    def __init__(self, socket_path: Path, container: Container) -> None:
        self._container = container
        self.violations: list[Request] = []
        self.hidden = False
        """Whether the container is gone, as after ``docker rm``."""
        self.service = Service("docker", self._answer, socket_path=socket_path)

    def _answer(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            self.violations.append(request)
            return as_json({"message": "this daemon only lets look"}, 403)
        path = _VERSIONED.sub("", request.path)
        match path.strip("/").split("/"):
            case ["_ping"]:
                return as_text("OK")
            case ["version"]:
                return as_json(_VERSION)
            case ["info"]:
                return as_json(self._info())
            case ["containers", "json"]:
                return as_json([self._summary()] if self._listed(request) else [])
            case ["containers", name, "json"] if self._named(name):
                return as_json(self._inspect())
            case ["containers", name, "json"]:
                return as_json({"message": f"No such container: {name}"}, 404)
            case ["images", name, "json"] if name in self._image_names():
                return as_json(self._image())
            case ["images", name, "json"]:
                return as_json({"message": f"No such image: {name}"}, 404)
        return as_json({"message": "page not found"}, 404)

    def _info(self) -> dict[str, Any]:
        running = int(self._state.status == "running")
        return {
            "ID": "pretend",
            "Name": "pretend",
            "Containers": 1,
            "ContainersRunning": running,
            "ContainersPaused": 0,
            "ContainersStopped": 1 - running,
            "ServerVersion": _VERSION["Version"],
            "SystemTime": _time(datetime.now(UTC)),
        }

    @property
    def _state(self) -> State:
        return self._container.state

    def _named(self, name: str) -> bool:
        whole = self._state.id
        return not self.hidden and (
            name.lstrip("/") == self._container.name or (len(name) >= 4 and whole.startswith(name))
        )

    def _listed(self, request: Request) -> bool:
        raw = json.loads(request.query.get("filters", "") or "{}")
        # Older clients send {"name": {"x": true}}, newer ones {"name": ["x"]}.
        filters = {key: list(values) for key, values in raw.items()}
        everything = request.query.get("all", "").lower() in ("1", "true") or "status" in filters
        labels = {f"{name}={value}" for name, value in self._labels().items()} | set(self._labels())
        return (
            not self.hidden
            and (everything or self._state.status in ("running", "paused"))
            and any(re.search(name, f"/{self._container.name}") for name in filters.get("name", [""]))
            and set(filters.get("label", ())) <= labels
            and self._state.status in filters.get("status", [self._state.status])
            and any(self._state.id.startswith(one) for one in filters.get("id", [""]))
        )

    def _labels(self) -> dict[str, str]:
        return {
            "com.docker.compose.project": "ultra",
            "com.docker.compose.service": "backend",
            "org.opencontainers.image.revision": self._state.commit,
            "org.opencontainers.image.version": self._state.version,
        }

    def _image_names(self) -> tuple[str, ...]:
        digest = image_of(self._state.commit)
        return (digest, digest.removeprefix("sha256:"), f"{IMAGE}:{self._state.version}", f"{IMAGE}@{digest}")

    def _summary(self) -> dict[str, Any]:
        state = self._state
        told = f"Up ({state.health})" if state.status == "running" else f"{state.status} ({state.exit_code})"
        return {
            "Id": state.id,
            "Names": [f"/{self._container.name}"],
            "Image": f"{IMAGE}:{state.version}",
            "ImageID": image_of(state.commit),
            "Command": "python -m backend",
            "Created": int(state.created.timestamp()),
            "State": state.status,
            "Status": told,
            "Ports": [],
            "Labels": self._labels(),
            "Mounts": [],
            "HostConfig": {"NetworkMode": "host"},
            "NetworkSettings": {"Networks": {}},
        }

    def _inspect(self) -> dict[str, Any]:
        state = self._state
        check = ["CMD", "wget", "-q", "-O-", "http://127.0.0.1/health"]
        return {
            "Id": state.id,
            "Created": _time(state.created),
            "Path": "python",
            "Args": ["-m", "backend"],
            "State": self._told_state(),
            "Image": image_of(state.commit),
            "Name": f"/{self._container.name}",
            "RestartCount": state.restarts,
            "Driver": "overlay2",
            "Platform": "linux",
            "Mounts": [],
            "HostConfig": {"NetworkMode": "host", "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}},
            "Config": {
                "Hostname": "pretend",
                "Image": f"{IMAGE}:{state.version}",
                "Env": [f"{name}={value}" for name, value in state.environment.items()],
                "Labels": self._labels(),
                "Healthcheck": {"Test": check, "Interval": int(CHECK_EVERY * 1e9), "Retries": UNHEALTHY_AFTER},
                "Cmd": ["python", "-m", "backend"],
                "Tty": False,
            },
            "NetworkSettings": {"Ports": {}, "Networks": {}},
        }

    def _told_state(self) -> dict[str, Any]:
        state = self._state
        return {
            "Status": state.status,
            "Running": state.status in ("running", "restarting"),
            "Paused": False,
            "Restarting": state.status == "restarting",
            "OOMKilled": False,
            "Dead": False,
            "Pid": state.pid,
            "ExitCode": state.exit_code,
            "Error": "",
            "StartedAt": _time(state.started),
            "FinishedAt": _time(state.finished),
            "Health": {
                "Status": state.health,
                "FailingStreak": state.failing,
                "Log": [
                    {"Start": _time(c.start), "End": _time(c.end), "ExitCode": c.code, "Output": c.output}
                    for c in list(state.checks)
                ],
            },
        }

    def _image(self) -> dict[str, Any]:
        digest = image_of(self._state.commit)
        return {
            "Id": digest,
            "RepoTags": [f"{IMAGE}:{self._state.version}"],
            "RepoDigests": [f"{IMAGE}@{digest}"],
            "Created": _time(self._state.created),
            "Architecture": "amd64",
            "Os": "linux",
            "Config": {"Labels": self._labels()},
        }


_VERSION: dict[str, Any] = {
    "Platform": {"Name": "pretend"},
    "Version": "27.0.0",
    "ApiVersion": API_VERSION,
    "MinAPIVersion": "1.24",
    "Os": "linux",
    "Arch": "amd64",
    "Components": [],
}


def _time(at: datetime) -> str:
    """As Docker writes it: UTC, with nanoseconds."""
    text = at.astimezone(UTC) if at.year > 1 else at
    return text.strftime(f"{text.year:04}-%m-%dT%H:%M:%S.%f") + "000Z" if at.year > 1 else "0001-01-01T00:00:00Z"

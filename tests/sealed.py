"""Releases that have ended, with their bundles, for the tests of what can be proved afterwards."""

import hashlib
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.lab import Lab, item, template
from ultra_checklist import archive
from ultra_checklist.bundle import Built, build
from ultra_checklist.close import Closer
from ultra_checklist.evidence import EvidenceStore
from ultra_checklist.keys import Signer, load_signer
from ultra_checklist.model import Ending, ProbeSpec
from ultra_checklist.notion.client import Notion

MODE = (ProbeSpec(probe="file", options={"path": "${ENV_FILE}", "mode": "0600"}),)

Parts = list[tuple[str, bytes]]
T = TypeVar("T")


@dataclass
class Keys:
    """A pair of keys in files."""

    private: Path
    public: Path

    @property
    def signer(self) -> Signer:
        return load_signer(self.private)


def ssh_keys(folder: Path, name: str = "key", *more: str) -> Keys:
    """Keys as ``ssh-keygen`` makes them."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path), *more]
    subprocess.run(command, check=True)
    return Keys(path, folder / f"{name}.pub")


def ended(lab: Lab, folder: Path, version: str = "v1.0.0") -> None:
    """A release of two items, one proved and one a person's word, that is closed."""
    started(lab, folder, version)
    assert close(lab, version)


def started(lab: Lab, folder: Path, version: str = "v1.0.0") -> None:
    """The same before its end: everything is settled."""
    path = folder / "env"
    path.write_text("A=b")
    path.chmod(0o600)
    lab.new(template(item("env-mode", probes=MODE), item("word", order=1)), version, ENV_FILE=str(path))
    for each in ("env-mode", "word"):
        page = lab.release(version).manifest.rows[each]
        lab.call("PATCH", f"pages/{page}", {"properties": {"Done": {"checkbox": True}}}, who="佐藤")
    lab.sync()


def close(
    lab: Lab, version: str = "v1.0.0", signing_key: Path | None = None, ending: Ending = Ending.COMPLETE
) -> bool:
    """End a release."""

    async def work(notion: Notion) -> bool:
        bench = lab.bench(notion)
        bench.signing_key = signing_key
        release = lab.release(version)
        return await Closer(bench, release, lab.reconciler(notion, release), lab.home).close(ending, "")

    return lab.run(work)


def bundle(lab: Lab, target: Path, signer: Signer | None = None, version: str = "v1.0.0") -> Built:
    """The bundle of a release that has ended, made anew."""
    return build(lab.release(version), EvidenceStore(lab.home), signer, target)


def ran(lab: Lab, log: bytes | Path, number: int = 1) -> str:
    """A run of the item ``word`` whose log is kept; returns the log's digest."""
    release, store = lab.release(), EvidenceStore(lab.home)
    data = log.read_bytes() if isinstance(log, Path) else log
    digest = hashlib.sha256(data).hexdigest()
    path = store.path(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    release.record("run-started", {"number": number, "item": "word", "argv": ["deploy.sh"], "host": "web-1"})
    release.record("run-ended", {"number": number, "exit_code": 0, "log": digest, "log_bytes": len(data)})
    release.mirror.save()
    return digest


def parts_of(path: Path) -> Parts:
    """Names and contents of a bundle's parts."""
    with path.open("rb") as file:
        return [(found.name, found.data or b"") for found in archive.read(file, lambda _name: True)]


def pack(parts: Parts) -> bytes:
    """An archive of these."""
    members = [archive.Member(name, len(data), partial(tuple, (data,))) for name, data in parts]
    return b"".join(archive.write(members))


def mixed(own: Sequence[T], foreign: Sequence[T], rng: random.Random) -> list[T]:
    """Some of one's own things dropped, doubled, moved, cut off or replaced by another's."""
    made = list(own)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        place, other = rng.randrange(max(len(made), 1)), rng.randrange(max(len(made), 1))
        match rng.choice(("drop", "double", "move", "cut", "splice", "tail", "insert")):
            case "drop":
                del made[place : place + rng.choice((1, 1, 2))]
            case "double":
                made[other:other] = made[place : place + 1]
            case "move":
                made[other:other] = [made.pop(place)] if made else []
            case "cut":
                del made[place:]
            case "splice":
                made[place : place + 1] = [rng.choice(foreign)]
            case "tail":
                made[place:] = foreign[place:]
            case _:
                made[place:place] = [rng.choice(foreign)]
    return made

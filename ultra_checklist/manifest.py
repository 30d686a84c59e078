"""The manifest: everything about a release that was resolved when it was made, and stays."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from ultra_checklist import disk
from ultra_checklist.errors import NoManifestError, StateError, UsageError, cause
from ultra_checklist.machine import Machine
from ultra_checklist.model import Frozen, Item, Template, digest
from ultra_checklist.variables import Variables
from ultra_checklist.words import Words

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


class Manifest(Frozen):
    """One release as it was made. Secret values are never in it, only the names of their variables."""

    key: str
    version: str
    environment: str
    attempt: int = 1
    template: Template
    template_text: str
    """The template's bytes as text, so that the release can be read without the file."""
    template_path: str
    variables: Variables = Field(default_factory=Variables)
    secret_names: tuple[str, ...] = ()
    commit: str = ""
    machine: Machine
    host_label: str = ""
    product_version: str
    created: datetime
    local: bool = False
    page_id: str = ""
    page_url: str = ""
    rows: dict[str, str] = Field(default_factory=dict)
    """Page id of each item's row."""

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of the release, in order."""
        return self.template.items

    @property
    def name(self) -> str:
        """The version as people name it; later attempts end in ``#2``."""
        return self.version + (f" #{self.attempt}" if self.attempt > 1 else "")

    def row_key(self, item: str) -> str:
        """The key by which a row is found in Notion."""
        return f"{self.key}/{item}"


def release_key(template: str, environment: str, version: str, attempt: int = 1) -> str:
    """The key of a release, such as ``production-release/production/v1.4.0``; later attempts end in ``~2``."""
    return f"{template}/{environment}/{version}" + (f"~{attempt}" if attempt > 1 else "")


def check_name(kind: Literal["version", "environment"], text: str) -> str:
    """A version or environment, which becomes part of paths. Raises UsageError for anything unsafe."""
    if not _NAME.fullmatch(text) or ".." in text:
        raise UsageError(_BAD_NAME.filled(kind=_KINDS[kind], name=repr(text)), remedy=_WRITE[kind])
    return text


def bound_to(manifest: Manifest, item: Item) -> str:
    """Digest of what a proof of this item rests on: its probes with the public variables filled in."""
    return digest([[p.probe, manifest.variables.fill(dict(p.options))] for p in item.probes])


class Shelf:
    """The folder of all releases on this machine."""

    def __init__(self, home: Path) -> None:
        self.root = home / "releases"

    def folder(self, key: str) -> Path:
        """Where a release keeps its manifest, journal and mirror."""
        return self.root / key

    def witness(self, key: str) -> Path:
        """Where it is kept, outside the release's folder, how far its journal had come."""
        return self.root.parent / "heads" / f"{key}.json"

    def write(self, manifest: Manifest) -> None:
        """Store a manifest, whole or not at all. Raises StateError."""
        disk.replace(self.folder(manifest.key) / "manifest.json", manifest.model_dump_json(indent=1).encode())

    def read(self, key: str) -> Manifest:
        """Load a manifest. Raises NoManifestError when there is none, StateError when it is damaged."""
        path = self.folder(key) / "manifest.json"
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            version = key.rsplit("/", 1)[-1]
            told = _NO_MANIFEST.filled(key=key)
            raise NoManifestError(told, remedy=f"ultra-checklist adopt {version}") from None
        except (OSError, ValidationError) as error:
            raise StateError(_UNREADABLE.filled(path=str(path), why=cause(error)), remedy=_MOVE) from error

    def all(self) -> Iterator[Manifest]:
        """Every manifest here, ordered by key."""
        for path in sorted(self.root.glob("*/*/*/manifest.json")):
            yield self.read(str(path.parent.relative_to(self.root)))


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


_KINDS = {"version": Words(en="version", ja="バージョン"), "environment": Words(en="environment", ja="環境名")}
_BAD_NAME = Words(
    en="the {kind} {name} cannot be used: letters, digits and . _ + - only, beginning with a letter or digit",
    ja="{kind} {name} は使用できません（英数字と . _ + - のみ、先頭は英数字）",
)
_WRITE = {
    "version": Words(en="Write the version as in v1.4.0", ja="v1.4.0 のように指定してください"),
    "environment": Words(en="Write the environment as in production", ja="production のように指定してください"),
}
_NO_MANIFEST = Words(en="no manifest of {key} on this machine", ja="{key} のマニフェストがこのマシンにありません")
_UNREADABLE = Words(en="{path} cannot be read: {why}", ja="{path} を読み込めません: {why}")
_MOVE = Words(
    en="Move the release's folder away and run: ultra-checklist adopt",
    ja="リリースのフォルダを移動してから実行: ultra-checklist adopt",
)

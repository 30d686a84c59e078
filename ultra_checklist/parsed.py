"""Templates that were read before, by the digest of their text: reading many lines of YAML takes long.

Kept is only what was read without a mistake, and only for the very code and plugins that read it.
"""

import contextlib
import hashlib
import os
from pathlib import Path

from pydantic import ValidationError

from ultra_checklist import disk, plugins
from ultra_checklist.errors import StateError
from ultra_checklist.model import Template

_KEPT = 20
"""Templates that are kept; the ones used longest ago go first."""


def load(path: Path, home: Path) -> Template:
    """The template in a file, as ``template.load`` reads it, with the state folder as its memory.

    Raises TemplateError as that does. What cannot be remembered is read again the next time.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        return _read(path)
    folder = home / "cache" / "templates"
    file = folder / f"{hashlib.sha256(_reader() + raw).hexdigest()}.json"
    with contextlib.suppress(OSError, ValidationError):
        found = Template.model_validate_json(file.read_bytes())
        os.utime(file)
        return found.model_copy(update={"path": str(path)})
    read = _read(path)
    text = read.model_dump_json().encode()
    # A number that JSON does not know would come back as another.
    if hashlib.sha256(raw).hexdigest() == read.sha256 and Template.model_validate_json(text) == read:
        with contextlib.suppress(OSError, StateError):
            _keep(folder, file, text)
    return read


def _read(path: Path) -> Template:
    # What was read before needs no parser.
    from ultra_checklist.template import load as read

    return read(path)


def _keep(folder: Path, file: Path, text: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk.replace(file, text)
    for old in sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)[:-_KEPT]:
        old.unlink(missing_ok=True)


def _reader() -> bytes:
    """What reads a template: the files of this package, and the probes that are installed."""
    seen: list[str] = []
    for folder, _, names in os.walk(Path(__file__).parent):
        for name in names:
            if name.endswith(".py"):
                file = Path(folder, name).stat()
                seen.append(f"{folder}/{name} {file.st_size} {file.st_mtime_ns}")
    probes = plugins.names(plugins.PROBES).values()
    seen += [f"{one.name} {one.value} {one.dist.version if one.dist is not None else ''}" for one in probes]
    return hashlib.sha256("\n".join(sorted(seen)).encode()).digest()

"""This package as one file that another machine's Python can run: a zipapp with what probes need.

Compiled parts cannot be imported from an archive, so it unpacks itself once, beside where it lies.
"""

import hashlib
import importlib.metadata
import io
import re
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import ultra_checklist

NO_PYTHON: Final = 96
"""Exit code where the Python there is another than the compiled parts are for."""
TAG: Final = f"{sys.version_info[0]}.{sys.version_info[1]} {sysconfig.get_platform()}"
"""The Python that is needed, and on what."""
_NOT_NEEDED: Final = frozenset({
    "cffi", "click", "cryptography", "jinja2", "markdown-it-py", "markupsafe", "mdit-py-plugins", "mdurl",
    "notion-client", "pycparser", "pygments", "python-multipart", "rich", "stamina", "starlette", "tenacity",
    "uvicorn",
})  # fmt: skip
"""What no probe imports."""
_PARTS: Final = ("cli", "demo", "doctor", "reports", "server", "templates")
"""Folders of this package that no probe imports."""
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_MAIN: Final = """
import os, sys
def main():
    import sysconfig
    tag = "%d.%d %s" % (sys.version_info[0], sys.version_info[1], sysconfig.get_platform())
    if tag != "{tag}":
        sys.stderr.write("Python " + tag)
        raise SystemExit({no_python})
    here = sys.argv[0]
    folder = here[:-4]
    if not os.path.isdir(folder):
        import shutil, tempfile, zipfile
        fresh = tempfile.mkdtemp(dir=os.path.dirname(here))
        with zipfile.ZipFile(here) as archive:
            archive.extractall(fresh)
        try:
            os.rename(fresh, folder)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
    sys.path[:] = [folder] + [place for place in sys.path if place != here]
    from ultra_checklist.hosts.errand import main as run
    run()
main()
"""


class Parcel:
    """The file's bytes, and the name under which it is kept: equal names hold equal bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.name = hashlib.sha256(content).hexdigest()[:32]


@cache
def parcel() -> Parcel:
    """This package, packed; the same sources give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        files = dict(_own()) | {name: data for dist in _needed() for name, data in _files(dist)}
        files["__main__.py"] = _MAIN.format(tag=TAG, no_python=NO_PYTHON).encode()
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST), data, zipfile.ZIP_DEFLATED)
    return Parcel(packed.getvalue())


def _own() -> Iterator[tuple[str, bytes]]:
    """The files of this package, wherever it was installed from."""
    package = Path(ultra_checklist.__file__).parent
    for file in sorted(package.rglob("*.py")):
        inside = file.relative_to(package)
        if inside.parts[0] not in _PARTS:
            yield f"ultra_checklist/{inside.as_posix()}", file.read_bytes()
    for name in ("METADATA", "entry_points.txt"):
        text = importlib.metadata.distribution("ultra-checklist").read_text(name)
        if text is not None:
            yield f"ultra_checklist-{ultra_checklist.__version__}.dist-info/{name}", text.encode()


def _needed() -> list[importlib.metadata.Distribution]:
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = ["ultra-checklist"]
    while waiting:
        name = _plain(waiting.pop())
        if name in found or name in _NOT_NEEDED:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            # Wanted on another system only.
            continue
        wanted = (one for one in found[name].requires or () if "extra ==" not in one)
        waiting += (re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0] for one in wanted)
    found.pop("ultra-checklist", None)
    return list(found.values())


def _files(distribution: importlib.metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    for file in distribution.files or ():
        place = Path(str(file.locate()))
        if ".." not in file.parts and "__pycache__" not in file.parts and place.is_file():
            yield file.as_posix(), place.read_bytes()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
